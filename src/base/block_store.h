/* Byte strings that outlive an event (a stored response, a leg's header block, a session description) in pools of fixed
 * sizes. They lie close together where most texts are, so that little is wasted on them. A block is written once and
 * replaced as a whole. */
#ifndef BASE_BLOCK_STORE_H
#define BASE_BLOCK_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/result.h"
#include "base/str_view.h"

/* From 64 to 512 bytes in steps of 16, of which only some have names. */
enum block_size {
  BLOCK_64,
  BLOCK_128 = (128 - 64) / 16,
  BLOCK_256 = (256 - 64) / 16,
  BLOCK_512 = (512 - 64) / 16,
  BLOCK_640,
  BLOCK_768,
  BLOCK_1024,
  BLOCK_2048,
  BLOCK_4096,
  BLOCK_16384,
  BLOCK_65536,
  BLOCK_STORE_CLASSES
};

struct block_store {
  struct pool pools[BLOCK_STORE_CLASSES];
  uint64_t bytes_used; /* of slots, not of texts */
};

/* 8 bytes; all zero: no block. */
struct block {
  uint32_t index;
  uint32_t length : 24;
  uint32_t size_class : 8; /* 1 + number of the pool; 0: no block */
};

/* `capacity[i]` slots of size i, an enum block_size; `memory` as for pool_init: zero-filled, aligned to 64, borrowed.
 */
size_t block_store_memory_bytes(const uint32_t capacity[BLOCK_STORE_CLASSES]);
void block_store_init(struct block_store *store, void *memory, const uint32_t capacity[BLOCK_STORE_CLASSES]);

/* Copies `text` into a new block of the smallest class that holds it and has room (a larger class when that is full)
 * and stores it in `*block`, giving back what `*block` held before, which `text` may point into. RESULT_FULL, also for
 * a text longer than the largest size: `*block` is as it was. Empty text: no block. */
enum result block_store_set(struct block_store *store, struct block *block, struct str_view text) MUST_USE;

/* Gives the block back and makes `*block` empty. Nothing happens when it is empty. */
void block_store_clear(struct block_store *store, struct block *block);

/* The stored bytes, valid until the block is set or cleared; the empty view for no block. */
struct str_view block_store_view(const struct block_store *store, const struct block *block);

#endif
