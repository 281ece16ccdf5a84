/* How often each nonce was used: the count (nc) of right answers must rise, else an answer is a replay (RFC 7616 §3.4).
 * Only right answers take a place here, so strangers cannot fill it. When it is full the oldest goes, and with it every
 * nonce not younger and not here is no longer accepted: forgetting costs a device one more challenge, never a replay
 * accepted. */
#ifndef REGISTRAR_NONCE_COUNTS_H
#define REGISTRAR_NONCE_COUNTS_H

#include "base/hash_table.h"
#include "registrar/digest_nonce.h"

struct nonce_count {
  uint64_t id;
  uint64_t made_at_ms;
  uint32_t highest;
};

struct nonce_counts {
  struct nonce_count *ring; /* in the order of first use */
  uint32_t capacity, next, used;
  struct hash_table by_id;
  uint64_t forgotten_until_ms; /* a nonce made then or before is known or refused */
};

size_t nonce_counts_memory_bytes(uint32_t nonces_max);
void nonce_counts_init(struct nonce_counts *counts, void *memory, uint32_t nonces_max);

/* Refuses all nonces made up to that time and not yet seen: what was used before a restart is not known. */
void nonce_counts_forget_until(struct nonce_counts *counts, uint64_t made_at_ms);

/* Has the nonce's place brought into the caches, for it will be asked for soon. */
void nonce_counts_fetch(const struct nonce_counts *counts, const struct digest_nonce *nonce);

/* Notes a right answer with this count. False: the nonce was used with this count or a higher one, or may have been.
 * Nonces made before `oldest_valid_ms` need not be remembered. */
bool nonce_counts_use(struct nonce_counts *counts, const struct digest_nonce *nonce, uint32_t count,
                      uint64_t oldest_valid_ms);

#endif
