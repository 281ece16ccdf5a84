/* Whose messages are meant, by names that operators use. */
#ifndef ADMIN_API_TRACE_H
#define ADMIN_API_TRACE_H

#include "admin/api.h"
#include "trace/trace_select.h"

/* Adds an IP address, with or without a port; false: it is none. */
bool api_trace_add_address(struct trace_filter *filter, const char *text);

/* Adds a phone's number (a view of `device`) or a gateway's addresses; false: no such device, or no addresses. */
bool api_trace_add_device(const struct api_request *request, const char *device, struct trace_filter *filter);

#endif
