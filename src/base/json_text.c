#include "base/json_text.h"

static void json_text_separate(struct text_builder *builder) {
  if (builder->length == 0) return;
  char last = builder->data[builder->length - 1];
  if (last != '{' && last != '[' && last != ':' && last != ',') text_builder_add_char(builder, ',');
}

void json_text_open_object(struct text_builder *builder) {
  json_text_separate(builder);
  text_builder_add_char(builder, '{');
}

void json_text_close_object(struct text_builder *builder) {
  text_builder_add_char(builder, '}');
}

void json_text_open_array(struct text_builder *builder) {
  json_text_separate(builder);
  text_builder_add_char(builder, '[');
}

void json_text_close_array(struct text_builder *builder) {
  text_builder_add_char(builder, ']');
}

void json_text_key(struct text_builder *builder, const char *name) {
  json_text_string(builder, str_view_from_c(name));
  text_builder_add_char(builder, ':');
}

/* Length of the well-formed UTF-8 character at the start of `text` (RFC 3629 §4: no overlong forms, no surrogates,
 * nothing beyond U+10FFFF), 0 when there is none. */
static size_t utf8_character_length(struct str_view text) {
  const uint8_t *bytes = (const uint8_t *)text.data;
  uint8_t first = bytes[0], low = 0x80, high = 0xBF;
  size_t length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  if (length == 0 || length > text.length) return 0;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  for (size_t i = 1; i < length; i++, low = 0x80, high = 0xBF)
    if (bytes[i] < low || bytes[i] > high) return 0;
  return length;
}

static void json_text_escape(struct text_builder *builder, char byte) {
  static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
  const char *found = memchr(escaped, byte, sizeof escaped - 1);
  text_builder_add_char(builder, '\\');
  if (found) {
    text_builder_add_char(builder, letters[found - escaped]);
  } else {
    text_builder_add_char(builder, 'u');
    text_builder_add_hex(builder, (uint8_t)byte, 4);
  }
}

void json_text_string(struct text_builder *builder, struct str_view text) {
  json_text_separate(builder);
  text_builder_add_char(builder, '"');
  size_t copied = 0, at = 0;
  while (at < text.length) {
    char byte = text.data[at];
    size_t length = utf8_character_length(str_view_from(text, at));
    if (length > 0 && (uint8_t)byte >= 0x20 && byte != '"' && byte != '\\') {
      at += length;
      continue;
    }
    text_builder_add(builder, str_view_slice(text, copied, at - copied));
    if (length == 0)
      text_builder_add_literal(builder, "\xEF\xBF\xBD");
    else
      json_text_escape(builder, byte);
    copied = ++at;
  }
  text_builder_add(builder, str_view_from(text, copied));
  text_builder_add_char(builder, '"');
}

void json_text_u64(struct text_builder *builder, uint64_t value) {
  json_text_separate(builder);
  text_builder_add_u64(builder, value);
}

void json_text_i64(struct text_builder *builder, int64_t value) {
  json_text_separate(builder);
  text_builder_add_i64(builder, value);
}

void json_text_bool(struct text_builder *builder, bool value) {
  json_text_separate(builder);
  text_builder_add(builder, value ? STR_VIEW("true") : STR_VIEW("false"));
}

void json_text_null(struct text_builder *builder) {
  json_text_separate(builder);
  text_builder_add_literal(builder, "null");
}

void json_text_stamp(struct text_builder *builder, struct wall_us stamp) {
  if (stamp.value == 0) {
    json_text_null(builder);
    return;
  }
  json_text_separate(builder);
  text_builder_add_char(builder, '"');
  wall_us_to_text(stamp, builder);
  text_builder_add_char(builder, '"');
}

void json_text_field_string(struct text_builder *builder, const char *name, struct str_view text) {
  json_text_key(builder, name);
  json_text_string(builder, text);
}

void json_text_field_u64(struct text_builder *builder, const char *name, uint64_t value) {
  json_text_key(builder, name);
  json_text_u64(builder, value);
}

void json_text_field_i64(struct text_builder *builder, const char *name, int64_t value) {
  json_text_key(builder, name);
  json_text_i64(builder, value);
}

void json_text_field_bool(struct text_builder *builder, const char *name, bool value) {
  json_text_key(builder, name);
  json_text_bool(builder, value);
}

void json_text_field_null(struct text_builder *builder, const char *name) {
  json_text_key(builder, name);
  json_text_null(builder);
}

void json_text_field_stamp(struct text_builder *builder, const char *name, struct wall_us stamp) {
  json_text_key(builder, name);
  json_text_stamp(builder, stamp);
}
