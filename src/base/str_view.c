#include "base/str_view.h"

static char lower(char byte) {
  return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

static bool same_nocase(const char *a, const char *b, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

/* Names that are compared differ in their first letter mostly, or are written alike. */
bool str_view_equal_nocase(struct str_view a, struct str_view b) {
  if (a.length != b.length) return false;
  if (a.length == 0) return true;
  if (lower(a.data[0]) != lower(b.data[0])) return false;
  return memcmp(a.data, b.data, a.length) == 0 || same_nocase(a.data, b.data, a.length);
}

bool str_view_starts_with(struct str_view text, struct str_view prefix) {
  return str_view_equal(str_view_slice(text, 0, prefix.length), prefix);
}

bool str_view_starts_with_nocase(struct str_view text, struct str_view prefix) {
  return text.length >= prefix.length && same_nocase(text.data, prefix.data, prefix.length);
}

bool str_view_contains_folded(struct str_view text, struct str_view part) {
  for (size_t at = 0; at + part.length <= text.length; at++) {
    size_t same = 0;
    while (same < part.length && lower(text.data[at + same]) == part.data[same])
      same++;
    if (same == part.length) return true;
  }
  return false;
}

static bool is_blank(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

struct str_view str_view_trim(struct str_view text) {
  size_t start = 0, end = text.length;
  while (start < end && is_blank(text.data[start]))
    start++;
  while (end > start && is_blank(text.data[end - 1]))
    end--;
  return str_view_slice(text, start, end - start);
}

bool str_view_to_u64(struct str_view text, uint64_t *value_out) {
  if (text.length == 0) return false;
  uint64_t value = 0;
  for (size_t i = 0; i < text.length; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return false;
    uint64_t digit = (uint64_t)(text.data[i] - '0');
    if (value > (UINT64_MAX - digit) / 10) return false;
    value = value * 10 + digit;
  }
  *value_out = value;
  return true;
}

bool str_view_to_u32(struct str_view text, uint32_t *value_out) {
  uint64_t value;
  if (!str_view_to_u64(text, &value) || value > UINT32_MAX) return false;
  *value_out = (uint32_t)value;
  return true;
}

/* Beside the value of a digit; 0: the byte is none. */
#define HEX_DIGIT 16u
#define HEX_LOWER 32u /* of 0 to 9 and a to f, so that a text of those alone is told from any other */

#define DIGIT(value)  (HEX_DIGIT | HEX_LOWER | (value))
#define LETTER(value) (HEX_DIGIT | (value))

static const uint8_t hex_digits[256] = {
    ['0'] = DIGIT(0),   ['1'] = DIGIT(1),   ['2'] = DIGIT(2),   ['3'] = DIGIT(3),   ['4'] = DIGIT(4),
    ['5'] = DIGIT(5),   ['6'] = DIGIT(6),   ['7'] = DIGIT(7),   ['8'] = DIGIT(8),   ['9'] = DIGIT(9),
    ['a'] = DIGIT(10),  ['b'] = DIGIT(11),  ['c'] = DIGIT(12),  ['d'] = DIGIT(13),  ['e'] = DIGIT(14),
    ['f'] = DIGIT(15),  ['A'] = LETTER(10), ['B'] = LETTER(11), ['C'] = LETTER(12), ['D'] = LETTER(13),
    ['E'] = LETTER(14), ['F'] = LETTER(15),
};

/* `wanted` is what each byte must be. */
static inline bool read_hex(struct str_view text, unsigned wanted, uint64_t *value_out) {
  uint64_t value = 0;
  if (text.length == 0 || text.length > 16) return false;
  unsigned all = wanted;
  for (size_t i = 0; i < text.length; i++) {
    unsigned digit = hex_digits[(uint8_t)text.data[i]];
    all &= digit;
    value = value << 4 | (digit & 15);
  }
  if (!(all & wanted)) return false;
  *value_out = value;
  return true;
}

bool str_view_hex_to_u64(struct str_view text, uint64_t *value_out) {
  return read_hex(text, HEX_LOWER, value_out);
}

bool str_view_any_hex_to_u64(struct str_view text, uint64_t *value_out) {
  return read_hex(text, HEX_DIGIT, value_out);
}
