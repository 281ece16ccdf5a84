/* Who may sign in: users of the store (kind "user"), each with a role and a hashed password. */
#ifndef ADMIN_USERS_H
#define ADMIN_USERS_H

#include <stdbool.h>

#include "admin/api.h"
#include "admin/password_hash.h"
#include "admin/session_table.h"

struct user {
  enum role role;
  char password[PASSWORD_HASH_BYTES]; /* hashed */
};

/* False when there is no such user. */
bool users_find(struct store *store, const char *name, struct user *user_out);

/* Saves a user under `request`'s name. */
enum result users_save(const struct api_request *request, const char *name, const struct user *user);

#endif
