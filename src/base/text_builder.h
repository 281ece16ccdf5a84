/* Builds text into memory of a fixed size. Writing past the end writes nothing more and sets `overflowed`; the caller
 * checks once at the end. Nothing is NUL-terminated. */
#ifndef BASE_TEXT_BUILDER_H
#define BASE_TEXT_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str_view.h"

struct text_builder {
  char *data;
  size_t length;
  size_t capacity;
  bool overflowed;
};

/* The builder borrows `memory` until its last use. */
static inline struct text_builder text_builder_over(void *memory, size_t capacity) {
  return (struct text_builder){memory, 0, capacity, false};
}

/* Room for `length` more bytes, or NULL. A piece that does not fit is left out whole and closes the builder, so that
 * what follows cannot be glued to what came before the gap. */
static inline char *text_builder_claim(struct text_builder *builder, size_t length) {
  if (builder->overflowed || length > builder->capacity - builder->length) {
    builder->overflowed = true;
    return NULL;
  }
  char *place = builder->data + builder->length;
  builder->length += length;
  return place;
}

static inline void text_builder_add(struct text_builder *builder, struct str_view text) {
  if (text.length == 0) return;
  char *place = text_builder_claim(builder, text.length);
  if (place) memcpy(place, text.data, text.length);
}

static inline void text_builder_add_char(struct text_builder *builder, char byte) {
  char *place = text_builder_claim(builder, 1);
  if (place) *place = byte;
}

void text_builder_add_u64(struct text_builder *builder, uint64_t value);
void text_builder_add_i64(struct text_builder *builder, int64_t value);

/* Lower-case hexadecimal, exactly `digits` digits (1–16), leading zeros kept. */
void text_builder_add_hex(struct text_builder *builder, uint64_t value, unsigned digits);

/* Each of `bytes` as two such digits. */
void text_builder_add_hex_bytes(struct text_builder *builder, struct str_view bytes);

/* A key to sort texts by: the first `bytes` bytes of `text`, letters in lower case, as 2 * `bytes` hexadecimal digits,
 * filled up with zeros. Keys compared as text are in the order of their texts, as far as those are looked at. */
void text_builder_add_sort_key(struct text_builder *builder, struct str_view text, size_t bytes);

/* As base64url without padding (A–Z a–z 0–9 - _): `bytes` of any length. */
void text_builder_add_base64url(struct text_builder *builder, struct str_view bytes);

#define text_builder_add_literal(builder, text) text_builder_add((builder), STR_VIEW(text))

/* What has been built so far; a view into the builder's memory. */
static inline struct str_view text_builder_view(const struct text_builder *builder) {
  return str_view_of(builder->data, builder->length);
}

#endif
