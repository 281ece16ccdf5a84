#include "sim/sim_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK_BYTES ((size_t)256 * 1024)
#define SLACK_BYTES 64

struct sim_chunk {
  struct sim_chunk *older;
  size_t used, capacity;
  _Alignas(16) char bytes[];
};

static struct sim_chunk *chunk_create(struct sim_chunk *older, size_t capacity) {
  struct sim_chunk *chunk = calloc(1, sizeof *chunk + capacity);
  if (!chunk) {
    fputs("the simulator is out of memory\n", stderr);
    exit(2);
  }
  chunk->older = older;
  chunk->capacity = capacity;
  return chunk;
}

void *sim_take(struct sim_memory *memory, size_t bytes) {
  bytes = (bytes + 15) & ~(size_t)15;
  struct sim_chunk *chunk = memory->newest;
  if (!chunk || chunk->capacity - chunk->used < bytes)
    memory->newest = chunk = chunk_create(chunk, bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES);
  void *taken = chunk->bytes + chunk->used;
  chunk->used += bytes;
  memory->bytes_taken += bytes;
  return taken;
}

void sim_shrink(struct sim_memory *memory, void *taken, size_t bytes_taken, size_t bytes) {
  struct sim_chunk *chunk = memory->newest;
  bytes_taken = (bytes_taken + 15) & ~(size_t)15;
  bytes = (bytes + 15) & ~(size_t)15;
  if ((char *)taken + bytes_taken != chunk->bytes + chunk->used) return;
  memset((char *)taken + bytes, 0, bytes_taken - bytes);
  chunk->used -= bytes_taken - bytes;
  memory->bytes_taken -= bytes_taken - bytes;
}

struct str_view sim_copy(struct sim_memory *memory, struct str_view text) {
  char *copy = sim_take(memory, text.length + SLACK_BYTES);
  if (text.length) memcpy(copy, text.data, text.length);
  return str_view_of(copy, text.length);
}

char *sim_format(struct sim_memory *memory, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  char *text = sim_take(memory, (size_t)length + 1 + SLACK_BYTES);
  vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  return text;
}

char *sim_c_text(struct sim_memory *memory, struct str_view text) {
  char *copy = sim_take(memory, text.length + 1);
  if (text.length) memcpy(copy, text.data, text.length);
  return copy;
}

void sim_memory_reset(struct sim_memory *memory) {
  while (memory->newest) {
    struct sim_chunk *older = memory->newest->older;
    free(memory->newest);
    memory->newest = older;
  }
  memory->bytes_taken = 0;
}
