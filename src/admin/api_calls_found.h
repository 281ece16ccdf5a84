/* Live calls and registrations that fit a question, sorted, a page at a time (found_page.h). */
#ifndef ADMIN_API_CALLS_FOUND_H
#define ADMIN_API_CALLS_FOUND_H

#include "admin/api.h"

/* True when the query of GET /api/v1/calls looks for certain calls, or wants an order or a number of them. */
bool api_calls_are_sought(const struct api_request *request);
void api_calls_find(const struct api_request *request, struct api_response *response);

/* The same for GET /api/v1/registrations. */
bool api_registrations_are_sought(const struct api_request *request);
void api_registrations_find(const struct api_request *request, struct api_response *response);

#endif
