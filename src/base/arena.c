#include "base/arena.h"

void arena_init(struct arena *arena, void *memory, size_t capacity) {
  *arena = (struct arena){.memory = memory, .capacity = capacity};
}

static char *arena_bump(struct arena *arena, size_t bytes, size_t alignment) {
  uintptr_t place = (uintptr_t)arena->memory + arena->used;
  size_t padding = (size_t)(-place & (alignment - 1));
  size_t left = arena->capacity - arena->used;
  if (padding > left || bytes > left - padding) return NULL;
  char *taken = arena->memory + arena->used + padding;
  arena->used += padding + bytes;
  if (arena->used > arena->most_used) arena->most_used = arena->used;
  return taken;
}

void *arena_take(struct arena *arena, size_t bytes) {
  return arena_bump(arena, bytes, 8);
}

struct str_view arena_copy(struct arena *arena, struct str_view text) {
  if (text.length == 0) return (struct str_view){0};
  char *copy = arena_bump(arena, text.length, 1);
  if (!copy) return (struct str_view){0};
  memcpy(copy, text.data, text.length);
  return str_view_of(copy, text.length);
}

struct text_builder arena_builder(struct arena *arena, size_t capacity) {
  char *memory = arena_bump(arena, capacity, 1);
  return text_builder_over(memory, memory ? capacity : 0);
}

void arena_reset(struct arena *arena) {
  arena->used = 0;
}
