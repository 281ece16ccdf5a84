/* Memory that lives until the end of one event: bump allocation, everything given back at once by arena_reset. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/str_view.h"
#include "base/text_builder.h"

struct arena {
  char *memory;
  size_t capacity;
  size_t used;
  size_t most_used;
};

void arena_init(struct arena *arena, void *memory, size_t capacity);

/* `bytes` of memory aligned to 8, not cleared; NULL when the arena is full. */
void *arena_take(struct arena *arena, size_t bytes) __attribute__((warn_unused_result));

/* Copies `text` into the arena. An empty view with data NULL when the arena is full or the text empty. */
struct str_view arena_copy(struct arena *arena, struct str_view text);

/* A builder over `capacity` bytes of the arena; a builder of capacity 0 (which overflows at once) when it is full. */
struct text_builder arena_builder(struct arena *arena, size_t capacity);

void arena_reset(struct arena *arena);

#endif
