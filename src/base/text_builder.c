#include "base/text_builder.h"

/* Two digits at a time, and few divisions: numbers of one to five digits stand in every address, port and CSeq. */
static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                  "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                  "8081828384858687888990919293949596979899";

static size_t digit_count(uint64_t value) {
  size_t digits = 1;
  for (;; value /= 10000, digits += 4) {
    if (value < 10) return digits;
    if (value < 100) return digits + 1;
    if (value < 1000) return digits + 2;
    if (value < 10000) return digits + 3;
  }
}

void text_builder_add_u64(struct text_builder *builder, uint64_t value) {
  size_t at = digit_count(value);
  char *place = text_builder_claim(builder, at);
  if (!place) return;
  for (; at > 1; value /= 100) {
    at -= 2;
    memcpy(place + at, &digit_pairs[2 * (value % 100)], 2);
  }
  if (at > 0) place[0] = (char)('0' + value);
}

void text_builder_add_i64(struct text_builder *builder, int64_t value) {
  char digits[21];
  size_t at = sizeof digits;
  /* In unsigned arithmetic, because the smallest int64_t has no positive counterpart. */
  uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  do {
    digits[--at] = (char)('0' + magnitude % 10);
    magnitude /= 10;
  } while (magnitude);
  if (value < 0) digits[--at] = '-';
  text_builder_add(builder, str_view_of(digits + at, sizeof digits - at));
}

static const char hex_letters[] = "0123456789abcdef";

static void write_hex_byte(char place[static 2], uint8_t byte) {
  place[0] = hex_letters[byte >> 4];
  place[1] = hex_letters[byte & 15];
}

/* Eight digits at once, as they stand in memory: each four bits are moved to a byte of their own, the highest to the
 * first, and each byte above 9 is moved on to the letters. */
static uint64_t hex_8(uint32_t value) {
  uint64_t nibbles = value;
  nibbles = (nibbles << 16 | nibbles) & UINT64_C(0x0000FFFF0000FFFF);
  nibbles = (nibbles << 8 | nibbles) & UINT64_C(0x00FF00FF00FF00FF);
  nibbles = (nibbles << 4 | nibbles) & UINT64_C(0x0F0F0F0F0F0F0F0F);
  uint64_t letters = (nibbles + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
  uint64_t text = nibbles + UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  text = __builtin_bswap64(text);
#endif
  return text;
}

void text_builder_add_hex(struct text_builder *builder, uint64_t value, unsigned digits) {
  if (digits < 1) digits = 1;
  if (digits > 16) digits = 16;
  char *place = text_builder_claim(builder, digits);
  if (!place) return;
  if (digits >= 8) {
    uint64_t low = hex_8((uint32_t)value);
    memcpy(place + digits - 8, &low, sizeof low);
    digits -= 8;
    value >>= 32;
  }
  if (digits == 8) {
    uint64_t high = hex_8((uint32_t)value);
    memcpy(place, &high, sizeof high);
    return;
  }
  for (; digits > 0; value >>= 4)
    place[--digits] = hex_letters[value & 15];
}

void text_builder_add_hex_bytes(struct text_builder *builder, struct str_view bytes) {
  char *place = text_builder_claim(builder, 2 * bytes.length);
  for (size_t i = 0; place && i < bytes.length; i++)
    write_hex_byte(place + 2 * i, (uint8_t)bytes.data[i]);
}

static uint8_t folded(char byte) {
  return (uint8_t)(byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte);
}

void text_builder_add_sort_key(struct text_builder *builder, struct str_view text, size_t bytes) {
  char *place = text_builder_claim(builder, 2 * bytes);
  for (size_t i = 0; place && i < bytes; i++)
    write_hex_byte(place + 2 * i, i < text.length ? folded(text.data[i]) : 0);
}

void text_builder_add_base64url(struct text_builder *builder, struct str_view bytes) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  size_t whole = bytes.length / 3, rest = bytes.length % 3;
  if (whole > (SIZE_MAX - 4) / 4) {
    builder->overflowed = true;
    return;
  }
  char *place = text_builder_claim(builder, whole * 4 + (rest ? rest + 1 : 0));
  if (!place) return;
  for (size_t at = 0; at < bytes.length; at += 3) {
    uint32_t group = (uint32_t)(uint8_t)bytes.data[at] << 16;
    if (at + 1 < bytes.length) group |= (uint32_t)(uint8_t)bytes.data[at + 1] << 8;
    if (at + 2 < bytes.length) group |= (uint8_t)bytes.data[at + 2];
    *place++ = alphabet[group >> 18];
    *place++ = alphabet[group >> 12 & 63];
    if (at + 1 < bytes.length) *place++ = alphabet[group >> 6 & 63];
    if (at + 2 < bytes.length) *place++ = alphabet[group & 63];
  }
}
