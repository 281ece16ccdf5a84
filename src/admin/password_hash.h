/* Operators' passwords as they are stored: scrypt (RFC 7914) with a salt of their own,
 * "scrypt$15$8$1$SALT$HASH" (log2 of the cost, block size, parallelism, both byte strings in hexadecimal). One check
 * takes some 80 ms and 32 MiB, so callers bound how many there are. */
#ifndef ADMIN_PASSWORD_HASH_H
#define ADMIN_PASSWORD_HASH_H

#include <stdbool.h>

#define PASSWORD_LENGTH_MIN 10
#define PASSWORD_LENGTH_MAX 256
#define PASSWORD_HASH_BYTES 160

/* Fills in `text` (PASSWORD_HASH_BYTES, NUL-terminated). False: no random numbers or no memory. */
bool password_hash(const char *password, char *text);

/* True when `password` is the one that was hashed. `text` NULL or unreadable: false, after the same time. */
bool password_matches(const char *text, const char *password);

#endif
