/* Live calls that fit a question, sorted, a page at a time. */
#ifndef ADMIN_API_CALLS_FOUND_H
#define ADMIN_API_CALLS_FOUND_H

#include "admin/api.h"

/* True when the query of GET /api/v1/calls looks for certain calls, or wants an order or a number of them. */
bool api_calls_are_sought(const struct api_request *request);

/* Answers it: {"items": […], "next_cursor": …, "total": how many fit, "offset": of the first}. */
void api_calls_find(const struct api_request *request, struct api_response *response);

#endif
