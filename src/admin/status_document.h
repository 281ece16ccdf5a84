/* How the switch is doing, as GET /api/v1/status and the events show it. */
#ifndef ADMIN_STATUS_DOCUMENT_H
#define ADMIN_STATUS_DOCUMENT_H

#include <jansson.h>

#include "admin/desk.h"

/* New reference. Any thread. */
json_t *status_document(const struct desk *desk);

#endif
