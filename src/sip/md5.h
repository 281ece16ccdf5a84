/* MD5 (RFC 1321), for the digests that phones still ask for and for nothing else. The context lives on the stack. */
#ifndef SIP_MD5_H
#define SIP_MD5_H

#include <stdint.h>

#include "base/str_view.h"

#define MD5_BYTES 16

struct md5 {
  uint32_t state[4];
  uint64_t length; /* bytes so far */
  uint8_t block[64];
};

void md5_init(struct md5 *md5);
void md5_add(struct md5 *md5, struct str_view bytes);

/* Ends the hash; the context must be initialised again before its next use. */
void md5_finish(struct md5 *md5, uint8_t hash_out[MD5_BYTES]);

#endif
