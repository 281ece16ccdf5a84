#include "base/text_builder.h"

void text_builder_add_u64(struct text_builder *builder, uint64_t value) {
  size_t digits = 1;
  for (uint64_t rest = value; rest >= 10; rest /= 10)
    digits++;
  char *place = text_builder_claim(builder, digits);
  if (!place) return;
  for (size_t at = digits; at-- > 0; value /= 10)
    place[at] = (char)('0' + value % 10);
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

void text_builder_add_hex(struct text_builder *builder, uint64_t value, unsigned digits) {
  if (digits < 1) digits = 1;
  if (digits > 16) digits = 16;
  char *place = text_builder_claim(builder, digits);
  if (!place) return;
  for (unsigned i = digits; i-- > 0; value >>= 4)
    place[i] = "0123456789abcdef"[value & 15];
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
