#include "registrar/nonce_counts.h"

#include "base/check.h"

static size_t ring_bytes(uint32_t nonces_max) {
  return nonces_max * sizeof(struct nonce_count);
}

size_t nonce_counts_memory_bytes(uint32_t nonces_max) {
  return ring_bytes(nonces_max) + hash_table_memory_bytes(nonces_max);
}

void nonce_counts_init(struct nonce_counts *counts, void *memory, uint32_t nonces_max) {
  require(nonces_max > 0);
  counts->ring = memory;
  counts->capacity = nonces_max;
  hash_table_init(&counts->by_id, (char *)memory + ring_bytes(nonces_max), nonces_max);
}

void nonce_counts_forget_until(struct nonce_counts *counts, uint64_t made_at_ms) {
  if (made_at_ms > counts->forgotten_until_ms) counts->forgotten_until_ms = made_at_ms;
}

static struct nonce_count *find(const struct nonce_counts *counts, uint64_t id) {
  uint32_t index;
  for (uint32_t at = hash_table_first(&counts->by_id, id, &index); at != HASH_TABLE_END;
       at = hash_table_next(&counts->by_id, id, at, &index))
    if (counts->ring[index].id == id) return &counts->ring[index];
  return NULL;
}

static struct nonce_count *take_oldest(struct nonce_counts *counts, uint64_t oldest_valid_ms) {
  struct nonce_count *oldest = &counts->ring[counts->next];
  if (counts->used == counts->capacity) {
    enum result result = hash_table_remove(&counts->by_id, oldest->id, counts->next);
    require(result == RESULT_OK);
    if (oldest->made_at_ms >= oldest_valid_ms) nonce_counts_forget_until(counts, oldest->made_at_ms);
  } else {
    counts->used++;
  }
  return oldest;
}

void nonce_counts_fetch(const struct nonce_counts *counts, const struct digest_nonce *nonce) {
  hash_table_fetch(&counts->by_id, nonce->id);
}

bool nonce_counts_use(struct nonce_counts *counts, const struct digest_nonce *nonce, uint32_t count,
                      uint64_t oldest_valid_ms) {
  struct nonce_count *known = find(counts, nonce->id);
  if (known) {
    if (count <= known->highest) return false;
    known->highest = count;
    return true;
  }
  if (nonce->made_at_ms <= counts->forgotten_until_ms) return false;
  struct nonce_count *fresh = take_oldest(counts, oldest_valid_ms);
  *fresh = (struct nonce_count){nonce->id, nonce->made_at_ms, count};
  enum result result = hash_table_insert(&counts->by_id, nonce->id, counts->next);
  require(result == RESULT_OK);
  counts->next = (counts->next + 1) % counts->capacity;
  return true;
}
