/* DIR/admin.token: the bearer token of the first administrator, made at the first start. */
#ifndef ADMIN_ADMIN_TOKEN_H
#define ADMIN_ADMIN_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#define ADMIN_TOKEN_BYTES 128

/* Reads the token into `token` (ADMIN_TOKEN_BYTES, NUL-terminated), making the file (0600, 256 random bits) when it is
 * not there. False with a sentence in `problem`. */
bool admin_token_load(const char *data_dir, char *token, char *problem, size_t problem_bytes);

/* True when `header` is "Bearer " and the token; takes the same time whatever is wrong. */
bool admin_token_matches(const char *token, const char *header);

#endif
