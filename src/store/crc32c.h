/* CRC-32C (Castagnoli): finds damage in what was written; by the processor's own instruction where it has one. */
#ifndef STORE_CRC32C_H
#define STORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The sum of `length` bytes. `seed` is 0, or the sum of what came before them, or anything secret. */
uint32_t crc32c(uint32_t seed, const void *bytes, size_t length);

/* The same without the instruction: for processors that lack it, and to compare. */
uint32_t crc32c_portable(uint32_t seed, const void *bytes, size_t length);

#endif
