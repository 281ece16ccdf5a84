#include "base/pool.h"

#include "base/check.h"

#define NO_SLOT UINT32_MAX

static uint32_t rounded_slot_bytes(uint32_t slot_bytes) {
  return (slot_bytes + 7) & ~UINT32_C(7);
}

size_t pool_memory_bytes(uint32_t slot_bytes, uint32_t capacity) {
  return (size_t)capacity * (rounded_slot_bytes(slot_bytes) + sizeof(uint32_t));
}

void pool_init(struct pool *pool, void *memory, uint32_t slot_bytes, uint32_t capacity) {
  require(slot_bytes > 0 && slot_bytes <= UINT32_MAX - 7 && capacity < NO_SLOT);
  require((uintptr_t)memory % 8 == 0);
  slot_bytes = rounded_slot_bytes(slot_bytes);
  *pool = (struct pool){.slots = memory, .slot_bytes = slot_bytes, .capacity = capacity, .first_free = NO_SLOT};
  pool->generations = (void *)(pool->slots + (size_t)slot_bytes * capacity);
  pool->reciprocal = UINT64_MAX / slot_bytes + 1;
}

static void *slot_at(const struct pool *pool, uint32_t index) {
  return pool->slots + (size_t)index * pool->slot_bytes;
}

/* The first bytes of a free slot that has been used name the next one. */
static uint32_t *next_free(void *slot) {
  return slot;
}

/* A slot that was never used is still as its memory was handed in: zero. `*reused_out` says that it is not. */
static void *pool_take_slot(struct pool *pool, struct handle *handle_out, bool *reused_out) {
  uint32_t index = pool->first_free;
  *reused_out = index != NO_SLOT;
  if (index != NO_SLOT) {
    pool->first_free = *next_free(slot_at(pool, index));
    /* It is long since the next one was used, and its link and generation are what the next taker waits for. */
    if (pool->first_free != NO_SLOT) {
      __builtin_prefetch(slot_at(pool, pool->first_free), 1);
      __builtin_prefetch(&pool->generations[pool->first_free], 1);
    }
  } else {
    if (pool->high_water == pool->capacity) return NULL;
    index = pool->high_water++;
  }
  pool->used++;
  *handle_out = (struct handle){index, ++pool->generations[index]};
  return slot_at(pool, index);
}

void *pool_take(struct pool *pool, struct handle *handle_out) {
  bool reused;
  void *slot = pool_take_slot(pool, handle_out, &reused);
  if (slot && reused) memset(slot, 0, pool->slot_bytes);
  return slot;
}

void *pool_take_uncleared(struct pool *pool, struct handle *handle_out) {
  bool reused;
  return pool_take_slot(pool, handle_out, &reused);
}

void *pool_take_at(struct pool *pool, struct handle handle) {
  if (handle.index >= pool->capacity || !(handle.generation & 1) || pool->generations[handle.index] & 1) return NULL;
  void *slot = slot_at(pool, handle.index);
  if (handle.index >= pool->high_water)
    pool->high_water = handle.index + 1; /* as its memory was handed in: zero */
  else
    memset(slot, 0, pool->slot_bytes);
  pool->generations[handle.index] = handle.generation;
  pool->used++;
  return slot;
}

/* The gaps become free slots, the lowest to be handed out first. */
void pool_restored(struct pool *pool) {
  pool->first_free = NO_SLOT;
  for (uint32_t index = pool->high_water; index-- > 0;) {
    if (pool->generations[index] & 1) continue;
    *next_free(slot_at(pool, index)) = pool->first_free;
    pool->first_free = index;
  }
}

static uint32_t taken_index_of(const struct pool *pool, const void *slot) {
  size_t offset = (size_t)((uintptr_t)slot - (uintptr_t)pool->slots);
  require(offset < (size_t)pool->high_water * pool->slot_bytes);
  /* Exact for a multiple of slot_bytes; for anything else the product is another. */
  uint32_t index = (uint32_t)(((unsigned __int128)offset * pool->reciprocal) >> 64);
  require((size_t)index * pool->slot_bytes == offset);
  require(pool->generations[index] & 1);
  return index;
}

void pool_give(struct pool *pool, void *slot) {
  uint32_t index = taken_index_of(pool, slot);
  pool->generations[index]++;
  *next_free(slot) = pool->first_free;
  pool->first_free = index;
  pool->used--;
}

void *pool_get(const struct pool *pool, struct handle handle) {
  if (handle.index >= pool->high_water || !(handle.generation & 1)) return NULL;
  return pool->generations[handle.index] == handle.generation ? slot_at(pool, handle.index) : NULL;
}

void *pool_at(const struct pool *pool, uint32_t index) {
  require(index < pool->high_water && pool->generations[index] & 1);
  return slot_at(pool, index);
}

struct handle pool_handle_of(const struct pool *pool, const void *slot) {
  uint32_t index = taken_index_of(pool, slot);
  return (struct handle){index, pool->generations[index]};
}

void *pool_next(const struct pool *pool, uint32_t *index) {
  while (*index < pool->high_water) {
    uint32_t at = (*index)++;
    if (pool->generations[at] & 1) return slot_at(pool, at);
  }
  return NULL;
}

struct str_view pool_touch_hint(const struct pool *pool, uint32_t slots_ahead) {
  uint32_t fresh = pool->capacity - pool->high_water;
  if (slots_ahead > fresh) slots_ahead = fresh;
  return str_view_of(slot_at(pool, pool->high_water), (size_t)slots_ahead * pool->slot_bytes);
}
