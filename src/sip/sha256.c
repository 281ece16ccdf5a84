#include "sip/sha256.h"

/* FIPS 180-4 §4.2.2: the first 32 bits of the fractions of the cube roots of the first 64 primes. */
static const uint32_t cube_roots[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate_right(uint32_t word, unsigned bits) {
  return word >> bits | word << (32 - bits);
}

static uint32_t load_big(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3];
}

/* FIPS 180-4 §6.2.2 step 1. */
static void expand(uint32_t words[64], const uint8_t *block) {
  for (unsigned i = 0; i < 16; i++)
    words[i] = load_big(block + i * 4);
  for (unsigned i = 16; i < 64; i++) {
    uint32_t early = words[i - 15], late = words[i - 2];
    words[i] = words[i - 16] + words[i - 7] + (rotate_right(early, 7) ^ rotate_right(early, 18) ^ early >> 3) +
               (rotate_right(late, 17) ^ rotate_right(late, 19) ^ late >> 10);
  }
}

/* FIPS 180-4 §6.2.2, with its names. */
static void compress(uint32_t state[8], const uint8_t *block) {
  uint32_t words[64];
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
  expand(words, block);
#pragma GCC unroll 8
  for (unsigned i = 0; i < 64; i++) {
    uint32_t choice = g ^ (e & (f ^ g)), majority = (a & b) | (c & (a | b));
    uint32_t sum_e = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
    uint32_t sum_a = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
    uint32_t first = h + sum_e + choice + cube_roots[i] + words[i], second = sum_a + majority;
    h = g;
    g = f;
    f = e;
    e = d + first;
    d = c;
    c = b;
    b = a;
    a = first + second;
  }
  const uint32_t result[8] = {a, b, c, d, e, f, g, h};
  for (unsigned i = 0; i < 8; i++)
    state[i] += result[i];
}

void sha256_init(struct sha256 *sha256) {
  static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memcpy(sha256->state, start, sizeof start);
  sha256->length = 0;
}

void sha256_add(struct sha256 *sha256, struct str_view bytes) {
  while (bytes.length) {
    size_t held = sha256->length % 64, room = 64 - held;
    size_t taken = bytes.length < room ? bytes.length : room;
    memcpy(sha256->block + held, bytes.data, taken);
    sha256->length += taken;
    bytes = str_view_from(bytes, taken);
    if (taken == room) compress(sha256->state, sha256->block);
  }
}

void sha256_finish(struct sha256 *sha256, uint8_t hash_out[SHA256_BYTES]) {
  static const char padding[64] = {(char)0x80};
  uint64_t bits = sha256->length * 8;
  char length[8];
  for (unsigned i = 0; i < 8; i++)
    length[i] = (char)(bits >> (56 - 8 * i));
  sha256_add(sha256, str_view_of(padding, 1 + (119 - sha256->length % 64) % 64));
  sha256_add(sha256, str_view_of(length, sizeof length));
  for (unsigned i = 0; i < SHA256_BYTES; i++)
    hash_out[i] = (uint8_t)(sha256->state[i / 4] >> (24 - 8 * (i % 4)));
}
