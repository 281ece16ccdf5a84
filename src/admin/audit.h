/* The audit log: who changed what, from where, and what it was before. Kept in the store as objects of the kind
 * "audit", named so that the newest comes first; the oldest beyond AUDIT_ENTRIES_MAX are removed now and then. */
#ifndef ADMIN_AUDIT_H
#define ADMIN_AUDIT_H

#include "admin/api.h"

#define AUDIT_ENTRIES_MAX 20000

/* Notes that `request` has succeeded with `what` ("PUT /api/v1/phones/1001"). `change` (may be NULL) is borrowed; with
 * NULL, the request's body stands for it, where it is short JSON, without passwords. */
void audit_note(const struct api_request *request, const char *what, const json_t *change);

/* A copy of `document` in which every "password", "token", "old", "new" and "ha1…" is "***". New reference. */
json_t *audit_without_secrets(const json_t *document);

/* The name of an entry: sorts before all that are older. `number` tells apart those of the same microsecond. */
#define AUDIT_NAME_BYTES 40
void audit_name(int64_t at_us, unsigned number, char *name);

#endif
