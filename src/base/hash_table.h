/* An open-addressing table from a 64-bit hash (SipHash of the key where strangers choose it) to a 32-bit value, mostly
 * a pool index. It stores hashes, not keys: the caller compares the object it finds, and asks for the next candidate
 * when it is not the one. Linear probing, backward-shift deletion (no tombstones), never more than 7/8 full.
 *
 * Memory for the configured maximum is handed in once, and used from its beginning: the table is spread over twice as
 * many slots whenever half of them are taken, so that few entries stand close together in few pages and cache lines.
 *
 *   for (uint32_t at = hash_table_first(t, h, &value); at != HASH_TABLE_END; at = hash_table_next(t, h, at, &value))
 *     if (it is the one at `value`) … */
#ifndef BASE_HASH_TABLE_H
#define BASE_HASH_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

struct hash_table_slot {
  uint32_t hash_high; /* upper half of the hash, at least 1; 0: the slot is empty */
  uint32_t hash_low;
  uint32_t value;
};

struct hash_table {
  struct hash_table_slot *slots;
  uint32_t mask;     /* number of slots in use − 1; a power of two */
  uint32_t mask_max; /* the same for all of the memory */
  uint32_t used;
  uint32_t limit; /* most entries */
};

#define HASH_TABLE_END UINT32_MAX

size_t hash_table_memory_bytes(uint32_t entries_max);

/* `memory` must be zero-filled and is borrowed for the table's life. */
void hash_table_init(struct hash_table *table, void *memory, uint32_t entries_max);

/* RESULT_FULL when it holds its maximum. The same hash may be there several times. */
enum result hash_table_insert(struct hash_table *table, uint64_t hash, uint32_t value) MUST_USE;

/* Removes the entry with this hash and value; RESULT_NOT_FOUND when there is none. */
enum result hash_table_remove(struct hash_table *table, uint64_t hash, uint32_t value);

uint32_t hash_table_first(const struct hash_table *table, uint64_t hash, uint32_t *value_out);
uint32_t hash_table_next(const struct hash_table *table, uint64_t hash, uint32_t at, uint32_t *value_out);

#endif
