/* What of the journal is still valid, and where it stands: key → place of the state last put, and of its note. Open
 * addressing, no growth: memory for the configured maximum is handed in once and touched as it is used. */
#ifndef STORE_JOURNAL_INDEX_H
#define STORE_JOURNAL_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "boundary/journal_key.h"

/* `bytes` 0: nowhere. */
struct journal_place {
  uint32_t segment, at, bytes;
};

struct journal_live {
  struct journal_key key;
  struct journal_place put, note;
};

struct journal_index {
  struct journal_live *slots;
  uint32_t mask; /* number of slots − 1 */
  uint32_t used, limit;
};

size_t journal_index_memory_bytes(uint32_t objects_max);

/* `memory` zero-filled, borrowed. */
void journal_index_init(struct journal_index *index, void *memory, uint32_t objects_max);

/* NULL: nothing lives under the key. The pointer is valid until something is added or removed. */
struct journal_live *journal_index_find(const struct journal_index *index, struct journal_key key);

/* The entry of the key, new if need be; NULL when it is full. */
struct journal_live *journal_index_add(struct journal_index *index, struct journal_key key);

void journal_index_remove(struct journal_index *index, struct journal_live *live);

#endif
