/* Tokens for programs: each has a name, a role, and a secret that is shown once and kept only as its hash (kind "token"
 * in the store). A token's text is NAME.SECRET, the secret 256 random bits. */
#ifndef ADMIN_API_TOKENS_H
#define ADMIN_API_TOKENS_H

#include <stdbool.h>

#include "admin/role.h"
#include "store/store.h"

#define API_TOKEN_NAME_BYTES 33
#define API_TOKEN_BYTES      (API_TOKEN_NAME_BYTES + 44)

/* Makes a new secret for `name`: the token's text and what is stored of it (both NUL-terminated, the hash in
 * hexadecimal, 65 bytes). False: no random numbers. */
bool api_token_make(const char *name, char *text, char *hash);

/* True for "Bearer NAME.SECRET" of a token in the store; its name (API_TOKEN_NAME_BYTES) and role are written. */
bool api_token_find(struct store *store, const char *header, char *name, enum role *role_out);

/* 1 to 32 letters, digits, dashes and underscores. */
bool api_token_name_is_good(const char *name);

#endif
