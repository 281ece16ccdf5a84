/* What users and API tokens have in common: objects of the store with a role and the hash of a secret. */
#ifndef ADMIN_OPERATOR_STORE_H
#define ADMIN_OPERATOR_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "admin/api.h"

struct operator_kind {
  const char *name;   /* of the store's objects: "user" */
  const char *secret; /* the key of the hash in them: "password" */
  const char *absent; /* what DELETE says of a name that nobody has */
};

/* Reads role and hash of `name` into `role_out` and the `secret_bytes` at `secret_out`. False when there is no such
 * object, or it is not whole. */
bool operator_find(struct store *store, const struct operator_kind *kind, const char *name, enum role *role_out,
                   char *secret_out, size_t secret_bytes);

/* Saves the object as changed by `request`'s operator: on the disk when RESULT_OK. */
enum result operator_save(const struct api_request *request, const struct operator_kind *kind, const char *name,
                          enum role role, const char *secret);

/* Answers GET of all: names, roles, when and by whom they were changed; never a hash. */
void operator_list(const struct api_request *request, const struct operator_kind *kind, struct api_response *response);

/* Removes request->id, and answers when that failed; the caller answers RESULT_OK. */
enum result operator_delete(const struct api_request *request, const struct operator_kind *kind,
                            struct api_response *response) MUST_USE;

#endif
