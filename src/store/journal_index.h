/* What of the journal is still valid, and where it stands: key → place of the state last put, and of its note. A chain
 * for each hash; entries are handed out from the beginning on, so that few objects touch little memory whatever the
 * maximum is. Memory for the configured maximum is handed in.
 *
 *   memory:  [entry 0][entry 1]…[entry n-1][u32 head × power of two] */
#ifndef STORE_JOURNAL_INDEX_H
#define STORE_JOURNAL_INDEX_H

#include <stdbool.h>
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
  uint32_t next; /* of the chain, or of the free ones: its number, from 1 on; 0: none */
  uint8_t owed;  /* 0: it lives; else it is over (boundary/journal_key.h) */
  bool is_taken; /* atomic: at the start somebody goes on with it */
  bool is_over;  /* it is no more, and the files have not been told yet */
};

struct journal_index {
  struct journal_live *entries;
  uint32_t *heads;      /* number of an entry, from 1 on; 0: none */
  uint32_t mask;        /* number of heads − 1 */
  uint32_t used, limit; /* entries */
  uint32_t high_water;  /* entries below have been used at least once */
  uint32_t free;        /* number of the first free one below; 0: none */
};

size_t journal_index_memory_bytes(uint32_t objects_max);

/* `memory` zero-filled, aligned to 8, borrowed. */
void journal_index_init(struct journal_index *index, void *memory, uint32_t objects_max);

/* The same in larger memory, handed in as before. */
void journal_index_move(struct journal_index *index, void *memory, uint32_t objects_max);

/* NULL: nothing lives under the key. The pointer is valid until it is removed. */
struct journal_live *journal_index_find(const struct journal_index *index, struct journal_key key);

/* The entry of the key, new if need be; NULL when it is full. */
struct journal_live *journal_index_add(struct journal_index *index, struct journal_key key);

void journal_index_remove(struct journal_index *index, struct journal_live *live);

#endif
