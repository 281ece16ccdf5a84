#include "sip/md5.h"

/* RFC 1321 §3.4: 2^32 times abs(sin(i + 1)), and how far each step rotates. */
static const uint32_t sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
static const uint8_t rotations[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static uint32_t rotate_left(uint32_t word, unsigned bits) {
  return word << bits | word >> (32 - bits);
}

static uint32_t load_little(const uint8_t *bytes) {
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* The step's function of the other three words, and which word of the block it takes. */
static inline uint32_t mix(unsigned round, uint32_t b, uint32_t c, uint32_t d) {
  if (round == 0) return d ^ (b & (c ^ d));
  if (round == 1) return c ^ (d & (b ^ c));
  if (round == 2) return b ^ c ^ d;
  return c ^ (b | ~d);
}

static inline unsigned word_of(unsigned round, unsigned step) {
  static const uint8_t factor[4] = {1, 5, 3, 7}, offset[4] = {0, 1, 5, 0};
  return (factor[round] * step + offset[round]) % 16;
}

static void compress(uint32_t state[4], const uint8_t *block) {
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3], words[16];
  for (unsigned i = 0; i < 16; i++)
    words[i] = load_little(block + i * 4);
#pragma GCC unroll 64
  for (unsigned step = 0; step < 64; step++) {
    unsigned round = step / 16;
    uint32_t sum = a + mix(round, b, c, d) + words[word_of(round, step)] + sines[step];
    a = d;
    d = c;
    c = b;
    b += rotate_left(sum, rotations[round][step % 4]);
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
}

void md5_init(struct md5 *md5) {
  static const uint32_t start[] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  memcpy(md5->state, start, sizeof start);
  md5->length = 0;
}

void md5_add(struct md5 *md5, struct str_view bytes) {
  while (bytes.length) {
    size_t held = md5->length % 64, room = 64 - held;
    size_t taken = bytes.length < room ? bytes.length : room;
    memcpy(md5->block + held, bytes.data, taken);
    md5->length += taken;
    bytes = str_view_from(bytes, taken);
    if (taken == room) compress(md5->state, md5->block);
  }
}

void md5_finish(struct md5 *md5, uint8_t hash_out[MD5_BYTES]) {
  static const char padding[64] = {(char)0x80};
  uint64_t bits = md5->length * 8;
  char length[8];
  for (unsigned i = 0; i < 8; i++)
    length[i] = (char)(bits >> (8 * i));
  md5_add(md5, str_view_of(padding, 1 + (119 - md5->length % 64) % 64));
  md5_add(md5, str_view_of(length, sizeof length));
  for (unsigned i = 0; i < MD5_BYTES; i++)
    hash_out[i] = (uint8_t)(md5->state[i / 4] >> (8 * (i % 4)));
}
