/* Phones and gateways that fit a question, sorted, a page at a time (found_page.h). */
#ifndef ADMIN_API_OBJECTS_FOUND_H
#define ADMIN_API_OBJECTS_FOUND_H

#include "admin/api.h"

/* True when the query of GET /api/v1/{kind} looks for certain objects, or wants an order. */
bool api_objects_are_sought(const struct api_request *request);
void api_objects_find(const struct api_request *request, struct api_response *response);

#endif
