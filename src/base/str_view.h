/* A slice of bytes that belong to someone else. Never NUL-terminated, may hold any byte. `data` may be NULL only when
 * `length` is 0. */
#ifndef BASE_STR_VIEW_H
#define BASE_STR_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str_view {
  const char *data;
  size_t length;
};

/* A view of a string literal, usable in static initialisers. */
#define STR_VIEW_LITERAL(text)                                                                                         \
  { "" text, sizeof(text) - 1 }
#define STR_VIEW(text) ((struct str_view)STR_VIEW_LITERAL(text))

static inline struct str_view str_view_of(const char *data, size_t length) {
  return (struct str_view){data, length};
}

/* A view of a NUL-terminated string; NULL gives the empty view. */
static inline struct str_view str_view_from_c(const char *text) {
  return (struct str_view){text, text ? strlen(text) : 0};
}

static inline bool str_view_equal(struct str_view a, struct str_view b) {
  return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* ASCII letters compare without case; all other bytes compare as they are. */
bool str_view_equal_nocase(struct str_view a, struct str_view b);

bool str_view_starts_with(struct str_view text, struct str_view prefix);
bool str_view_starts_with_nocase(struct str_view text, struct str_view prefix);

/* True when `part`, which is in lower case, stands somewhere in `text`, whose ASCII letters may be of either case. An
 * empty part stands everywhere. */
bool str_view_contains_folded(struct str_view text, struct str_view part);

/* At most `length` bytes from `offset` on, cut to what is there. */
static inline struct str_view str_view_slice(struct str_view text, size_t offset, size_t length) {
  if (offset >= text.length) return (struct str_view){0};
  size_t left = text.length - offset;
  return str_view_of(text.data + offset, length < left ? length : left);
}

/* The view from `offset` on; empty when `offset` is past the end. */
static inline struct str_view str_view_from(struct str_view text, size_t offset) {
  return str_view_slice(text, offset, SIZE_MAX);
}

/* Without leading and trailing blanks (space, tab, CR, LF: folded SIP lines hold all four). */
struct str_view str_view_trim(struct str_view text);

/* Index of the first `byte`, or `text.length` when there is none. */
static inline size_t str_view_find(struct str_view text, char byte) {
  if (text.length == 0) return 0;
  const char *found = memchr(text.data, (unsigned char)byte, text.length);
  return found ? (size_t)(found - text.data) : text.length;
}

/* Reads a whole view as decimal digits. False, and `*value_out` untouched, when it is empty, holds anything but digits,
 * or exceeds the type. */
bool str_view_to_u32(struct str_view text, uint32_t *value_out);
bool str_view_to_u64(struct str_view text, uint64_t *value_out);

/* The same of 1 to 16 hexadecimal digits in lower case, as text_builder_add_hex writes them. */
bool str_view_hex_to_u64(struct str_view text, uint64_t *value_out);

/* The same of digits in either case, for what others write. */
bool str_view_any_hex_to_u64(struct str_view text, uint64_t *value_out);

#endif
