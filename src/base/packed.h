/* Numbers and texts one after the other as bytes, little-endian, for what is kept on disk. The reader never reads past
 * the end: from there on everything is 0 or empty, and `broken` says so. */
#ifndef BASE_PACKED_H
#define BASE_PACKED_H

#include "base/text_builder.h"

/* Appends the lowest `bytes` bytes (1–8) of a number. A constant number of them is one store or two. */
static inline void packed_add(struct text_builder *builder, uint64_t value, unsigned bytes) {
  char *place = text_builder_claim(builder, bytes);
  if (!place) return;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  memcpy(place, &value, bytes <= sizeof value ? bytes : sizeof value);
#else
  for (unsigned i = 0; i < bytes; i++, value >>= 8)
    place[i] = (char)(value & 0xff);
#endif
}

/* Appends the length in 4 bytes, and the text. */
static inline void packed_add_text(struct text_builder *builder, struct str_view text) {
  packed_add(builder, text.length, 4);
  text_builder_add(builder, text);
}

struct packed_reader {
  struct str_view rest;
  bool broken;
};

static inline uint64_t packed_take(struct packed_reader *reader, unsigned bytes) {
  uint64_t value = 0;
  if (reader->rest.length < bytes) {
    *reader = (struct packed_reader){{0}, true};
    return 0;
  }
  for (unsigned i = bytes; i-- > 0;)
    value = value << 8 | (uint8_t)reader->rest.data[i];
  reader->rest = str_view_from(reader->rest, bytes);
  return value;
}

/* A view into what is read. */
static inline struct str_view packed_take_text(struct packed_reader *reader) {
  size_t length = (size_t)packed_take(reader, 4);
  if (reader->rest.length < length) {
    *reader = (struct packed_reader){{0}, true};
    return (struct str_view){0};
  }
  struct str_view text = str_view_slice(reader->rest, 0, length);
  reader->rest = str_view_from(reader->rest, length);
  return text;
}

#endif
