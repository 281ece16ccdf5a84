/* Nonces that need no memory (RFC 7616 §3.3): worker, time and chance in hexadecimal, signed together with the source's
 * address and the realm under a secret key. Whoever sends one back got it from us, at that address, at that time.
 *
 *   wwttttttttttttrrrrrrrrssssssssssssssssssssssssssssssss      2 + 12 + 8 + 32 digits
 *
 * The worker is in it because the count of a nonce's uses (nonce_counts.h) is kept by the worker that made it. */
#ifndef REGISTRAR_DIGEST_NONCE_H
#define REGISTRAR_DIGEST_NONCE_H

#include <stdbool.h>

#include "boundary/context.h"

#define DIGEST_NONCE_LENGTH 54

struct digest_nonce {
  uint8_t worker;
  uint64_t made_at_ms; /* wall clock */
  uint64_t id;         /* half of the signature: names the nonce in tables, and nobody can choose it */
};

void digest_nonce_write(struct context *context, const struct address *source, struct str_view realm,
                        struct text_builder *builder);

/* False when it is not one that we made for this source and realm. Its age is the caller's business. */
bool digest_nonce_read(const struct context *context, const struct address *source, struct str_view realm,
                       struct str_view text, struct digest_nonce *nonce_out);

/* The wall clock in milliseconds, as nonces count. */
static inline uint64_t digest_nonce_now_ms(const struct context *context) {
  return (uint64_t)context->wall_now.value / 1000;
}

#endif
