/* SHA-256 (FIPS 180-4). The context lives on the stack. */
#ifndef SIP_SHA256_H
#define SIP_SHA256_H

#include <stdint.h>

#include "base/str_view.h"

#define SHA256_BYTES 32

struct sha256 {
  uint32_t state[8];
  uint64_t length; /* bytes so far */
  uint8_t block[64];
};

void sha256_init(struct sha256 *sha256);
void sha256_add(struct sha256 *sha256, struct str_view bytes);

/* Ends the hash; the context must be initialised again before its next use. */
void sha256_finish(struct sha256 *sha256, uint8_t hash_out[SHA256_BYTES]);

#endif
