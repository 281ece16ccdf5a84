/* An open-addressing table from a 64-bit hash (SipHash of the key where strangers choose it) to a 32-bit value, mostly
 * a pool index. It stores half of each hash (8 bytes a slot), no keys: the caller compares the object it finds, and
 * asks for the next candidate when it is not the one. Linear probing, backward-shift deletion (no tombstones), never
 * more than 7/8 full.
 *
 * Memory for the configured maximum is handed in once, and used as far as it is needed: the table moves to twice as
 * many slots whenever half of them are taken, so that few entries stand close together in few pages and cache lines. It
 * moves a few slots with each insertion and removal, never all at once; meanwhile an entry is in the one or the other.
 * Sizes take turns between the two parts of the memory, the largest one has the first:
 *
 *   [ slots for the maximum: also those of a quarter, a sixteenth … ][ half of it, an eighth … ]
 *
 *   for (uint32_t at = hash_table_first(t, h, &value); at != HASH_TABLE_END; at = hash_table_next(t, h, at, &value))
 *     if (it is the one at `value`) … */
#ifndef BASE_HASH_TABLE_H
#define BASE_HASH_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

struct hash_table_slot {
  uint32_t hash;           /* its lower half */
  uint32_t value_plus_one; /* 0: the slot is empty */
};

struct hash_table {
  struct hash_table_slot *slots;
  uint32_t mask;                     /* number of slots − 1; a power of two */
  uint32_t old_mask;                 /* of `old_slots` */
  struct hash_table_slot *old_slots; /* those it moves away from; NULL: it does not move */
  uint32_t moved;                    /* of them; the last one of these was empty, so no run reaches past it */
  uint32_t used;
  uint32_t limit;    /* most entries */
  uint32_t mask_max; /* of the largest size */
  struct hash_table_slot *memory;
};

#define HASH_TABLE_END UINT32_MAX

size_t hash_table_memory_bytes(uint32_t entries_max);

/* `memory` must be zero-filled and is borrowed for the table's life. */
void hash_table_init(struct hash_table *table, void *memory, uint32_t entries_max);

/* RESULT_FULL when it holds its maximum. The same hash may be there several times. `value` is below UINT32_MAX. */
enum result hash_table_insert(struct hash_table *table, uint64_t hash, uint32_t value) MUST_USE;

/* Removes the entry with this hash and value; RESULT_NOT_FOUND when there is none. */
enum result hash_table_remove(struct hash_table *table, uint64_t hash, uint32_t value);

/* Has the place of this hash brought into the caches, for it will be looked for soon. */
static inline void hash_table_fetch(const struct hash_table *table, uint64_t hash) {
  __builtin_prefetch(&table->slots[(uint32_t)hash & table->mask]);
}

uint32_t hash_table_first(const struct hash_table *table, uint64_t hash, uint32_t *value_out);
uint32_t hash_table_next(const struct hash_table *table, uint64_t hash, uint32_t at, uint32_t *value_out);

#endif
