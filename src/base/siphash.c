#include "base/siphash.h"

#include <string.h>

struct siphash_state {
  uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t value, unsigned bits) {
  return value << bits | value >> (64 - bits);
}

static inline void sip_round(struct siphash_state *s) {
  s->v0 += s->v1, s->v1 = rotate_left(s->v1, 13), s->v1 ^= s->v0, s->v0 = rotate_left(s->v0, 32);
  s->v2 += s->v3, s->v3 = rotate_left(s->v3, 16), s->v3 ^= s->v2;
  s->v0 += s->v3, s->v3 = rotate_left(s->v3, 21), s->v3 ^= s->v0;
  s->v2 += s->v1, s->v1 = rotate_left(s->v1, 17), s->v1 ^= s->v2, s->v2 = rotate_left(s->v2, 32);
}

static inline void sip_compress(struct siphash_state *s, uint64_t word) {
  s->v3 ^= word;
  sip_round(s);
  sip_round(s);
  s->v0 ^= word;
}

static inline uint64_t little_endian(uint64_t word) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  return __builtin_bswap64(word);
#else
  return word;
#endif
}

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t length) {
  struct siphash_state s = {
      key->k0 ^ UINT64_C(0x736f6d6570736575),
      key->k1 ^ UINT64_C(0x646f72616e646f6d),
      key->k0 ^ UINT64_C(0x6c7967656e657261),
      key->k1 ^ UINT64_C(0x7465646279746573),
  };
  const unsigned char *at = bytes;
  size_t left = length;
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    sip_compress(&s, little_endian(word));
  }
  uint64_t last = (uint64_t)length << 56;
  for (size_t i = 0; i < left; i++)
    last |= (uint64_t)at[i] << (8 * i);
  sip_compress(&s, last);
  s.v2 ^= 0xff;
  for (int i = 0; i < 4; i++)
    sip_round(&s);
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
