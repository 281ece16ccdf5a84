#include "base/block_store.h"

#include "base/check.h"

#define SMALLEST_BYTES 64
#define STEP_BYTES     16 /* from one to the next, up to BLOCK_512 */

static const uint32_t large_bytes[] = {640, 768, 1024, 2048, 4096, 16384, 65536};

_Static_assert(BLOCK_640 + sizeof large_bytes / sizeof large_bytes[0] == BLOCK_STORE_CLASSES, "each class has a size");

static uint32_t class_bytes(unsigned size_class) {
  return size_class <= BLOCK_512 ? SMALLEST_BYTES + size_class * STEP_BYTES : large_bytes[size_class - BLOCK_640];
}

/* They lose nothing of what fits; the compiler wants to know what becomes of the rest. */
#define LENGTH_MASK 0xFFFFFFu
#define CLASS_MASK  0xFFu

static size_t class_memory_bytes(unsigned size_class, uint32_t capacity) {
  return (pool_memory_bytes(class_bytes(size_class), capacity) + 63) & ~(size_t)63;
}

size_t block_store_memory_bytes(const uint32_t capacity[BLOCK_STORE_CLASSES]) {
  size_t bytes = 0;
  for (unsigned i = 0; i < BLOCK_STORE_CLASSES; i++)
    bytes += class_memory_bytes(i, capacity[i]);
  return bytes;
}

void block_store_init(struct block_store *store, void *memory, const uint32_t capacity[BLOCK_STORE_CLASSES]) {
  char *at = memory;
  store->bytes_used = 0;
  for (unsigned i = 0; i < BLOCK_STORE_CLASSES; i++) {
    pool_init(&store->pools[i], at, class_bytes(i), capacity[i]);
    at += class_memory_bytes(i, capacity[i]);
  }
}

static char *block_memory(const struct block_store *store, const struct block *block) {
  require(block->size_class <= BLOCK_STORE_CLASSES);
  const struct pool *pool = &store->pools[block->size_class - 1];
  require(block->index < pool->high_water && block->length <= pool->slot_bytes);
  return pool->slots + (size_t)block->index * pool->slot_bytes;
}

/* The smallest class that holds so many bytes, at least one; BLOCK_STORE_CLASSES when none does. */
static unsigned class_for(size_t length) {
  if (length <= SMALLEST_BYTES) return BLOCK_64;
  if (length <= 512) return (unsigned)((length - SMALLEST_BYTES + STEP_BYTES - 1) / STEP_BYTES);
  unsigned size_class = BLOCK_640;
  while (size_class < BLOCK_STORE_CLASSES && length > class_bytes(size_class))
    size_class++;
  return size_class;
}

/* Finds room for `length` bytes: a new slot, or the block's own where that is what a new one would be (one copy of the
 * same size is replaced by another mostly). */
static bool find_room(struct block_store *store, const struct block *old, size_t length, struct block *new_out) {
  for (unsigned i = class_for(length); i < BLOCK_STORE_CLASSES; i++) {
    *new_out = (struct block){.index = old->index, .length = length & LENGTH_MASK, .size_class = (i + 1) & CLASS_MASK};
    if (old->size_class == i + 1) return true;
    struct handle handle;
    if (pool_take_uncleared(&store->pools[i], &handle)) {
      new_out->index = handle.index;
      store->bytes_used += class_bytes(i);
      return true;
    }
  }
  return false;
}

enum result block_store_set(struct block_store *store, struct block *block, struct str_view text) {
  if (text.length == 0) {
    block_store_clear(store, block);
    return RESULT_OK;
  }
  struct block new_block;
  if (!find_room(store, block, text.length, &new_block)) return RESULT_FULL;
  memmove(block_memory(store, &new_block), text.data, text.length);
  if (new_block.size_class != block->size_class) block_store_clear(store, block);
  *block = new_block;
  return RESULT_OK;
}

void block_store_clear(struct block_store *store, struct block *block) {
  if (block->size_class == 0) return;
  char *memory = block_memory(store, block);
  pool_give(&store->pools[block->size_class - 1], memory);
  store->bytes_used -= class_bytes(block->size_class - 1u);
  *block = (struct block){0};
}

struct str_view block_store_view(const struct block_store *store, const struct block *block) {
  if (block->size_class == 0) return (struct str_view){0};
  return str_view_of(block_memory(store, block), block->length);
}
