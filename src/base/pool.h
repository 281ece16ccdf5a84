/* A pool of slots of one size in memory handed in once: O(1) take and give back, no heap, handles with generations.
 *
 *   memory:  [slot 0][slot 1]…[slot n-1][u32 generation × n]
 *
 * Free slots are handed out last-in first-out so that an idle switch touches little memory. The region may be reserved
 * address space: `pool_touch_hint` tells the worker what to make resident ahead of need. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/handle.h"
#include "base/result.h"
#include "base/str_view.h"

struct pool {
  char *slots;
  uint32_t *generations; /* odd: the slot is taken; even: it is free */
  uint32_t slot_bytes;
  uint32_t capacity;
  uint32_t used;
  uint32_t high_water; /* slots below this index have been used at least once */
  uint32_t first_free; /* UINT32_MAX: only slots from high_water on are free */
  uint64_t reciprocal; /* 2^64 / slot_bytes, rounded up: a division takes longer than the rest of giving back */
};

/* Bytes that `pool_init` needs for `capacity` slots of `slot_bytes` (rounded up to 8). */
size_t pool_memory_bytes(uint32_t slot_bytes, uint32_t capacity);

/* `memory` must be zero-filled (fresh mmap is), aligned to 64, of pool_memory_bytes(); borrowed for the pool's life. */
void pool_init(struct pool *pool, void *memory, uint32_t slot_bytes, uint32_t capacity);

/* Takes a slot, zero-filled. NULL when the pool is full. `*handle_out` names it. */
void *pool_take(struct pool *pool, struct handle *handle_out) MUST_USE;

/* The same, but the slot holds whatever it held: for a caller who writes over it anyhow. */
void *pool_take_uncleared(struct pool *pool, struct handle *handle_out) MUST_USE;

/* Takes the very slot that `handle` names, zero-filled, and gives it the handle's generation: what is restored keeps
 * its name. NULL when the slot is taken, beyond the capacity, or the handle is none. Only before the pool is used
 * otherwise; pool_restored ends that. */
void *pool_take_at(struct pool *pool, struct handle handle) MUST_USE;
void pool_restored(struct pool *pool);

/* Gives a slot back; every handle to it becomes stale. `slot` must be taken. */
void pool_give(struct pool *pool, void *slot);

/* The live object, or NULL for a stale handle, an index out of range, or HANDLE_NONE. Safe on numbers from outside. */
void *pool_get(const struct pool *pool, struct handle handle);

/* The taken slot at an index that the caller itself wrote down (in a hash table, say); it must be taken. */
void *pool_at(const struct pool *pool, uint32_t index);

/* Has the beginning of a slot brought into the caches, which pool_at will be asked for soon. */
static inline void pool_fetch(const struct pool *pool, uint32_t index) {
  const char *slot = pool->slots + (size_t)index * pool->slot_bytes;
  __builtin_prefetch(&pool->generations[index]);
  __builtin_prefetch(slot, 1);
  __builtin_prefetch(slot + 64, 1);
}

/* The handle of a taken slot. */
struct handle pool_handle_of(const struct pool *pool, const void *slot);

/* Walks over taken slots: start with *index = 0; returns NULL at the end. For invariant checks and listings. */
void *pool_next(const struct pool *pool, uint32_t *index);

/* The memory of the next `slots_ahead` slots that have never been used: what the worker should make resident before
 * they are. Empty when every slot has been used. */
struct str_view pool_touch_hint(const struct pool *pool, uint32_t slots_ahead);

#endif
