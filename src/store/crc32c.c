#include "store/crc32c.h"

#include <string.h>

/* The remainders of the sixteen half bytes under the reversed polynomial 0x82F63B78. */
static const uint32_t half_bytes[16] = {0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3,
                                        0x61C69362, 0x7198540D, 0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9,
                                        0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75};

uint32_t crc32c_portable(uint32_t seed, const void *bytes, size_t length) {
  const uint8_t *at = bytes;
  uint32_t sum = ~seed;
  for (size_t i = 0; i < length; i++) {
    sum ^= at[i];
    sum = sum >> 4 ^ half_bytes[sum & 15];
    sum = sum >> 4 ^ half_bytes[sum & 15];
  }
  return ~sum;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc32c_by_instruction(uint32_t seed, const void *bytes,
                                                                        size_t length) {
  const uint8_t *at = bytes;
  uint64_t sum = ~seed;
  for (; length >= 8; length -= 8, at += 8) {
    uint64_t eight;
    memcpy(&eight, at, sizeof eight);
    sum = __builtin_ia32_crc32di(sum, eight);
  }
  uint32_t rest = (uint32_t)sum;
  for (; length > 0; length--, at++)
    rest = __builtin_ia32_crc32qi(rest, *at);
  return ~rest;
}

uint32_t crc32c(uint32_t seed, const void *bytes, size_t length) {
  if (__builtin_cpu_supports("sse4.2")) return crc32c_by_instruction(seed, bytes, length);
  return crc32c_portable(seed, bytes, length);
}
#else
uint32_t crc32c(uint32_t seed, const void *bytes, size_t length) {
  return crc32c_portable(seed, bytes, length);
}
#endif
