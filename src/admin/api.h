/* What a route's handler is given and gives back. Handlers know nothing of the HTTP library. */
#ifndef ADMIN_API_H
#define ADMIN_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "admin/admin.h"
#include "admin/role.h"
#include "base/time.h"

struct desk;

struct api_request {
  const struct admin_options *switch_parts; /* store, configuration, workers */
  const char *id;                           /* the path's {id}, decoded; NULL when it has none */
  const struct object_kind *kind;           /* routes of phones and gateways */
  const char *body;
  size_t body_length;
  bool wants_csv;      /* Accept: text/csv */
  const char *by;      /* who asks, for records */
  enum role role;      /* and what he may */
  const char *address; /* where from: "192.0.2.1", "control" */
  const char *session; /* the key of his session, or NULL */
  bool is_over_tls;    /* as a proxy in front of us says */
  struct desk *desk;
  struct mono_ms started; /* of the switch */
  void *query;            /* for api_query */
};

struct api_response {
  unsigned status;
  const char *content_type; /* static */
  char *body;               /* heap; freed by the server */
  size_t length;
  char cookie[160];     /* Set-Cookie, "": none */
  char allow[64];       /* Allow, "": none */
  bool is_event_stream; /* instead of a body */
  json_t *audit;        /* what changed, for the audit log, or NULL; freed by the server */
};

/* The query parameter `name`, decoded, or NULL. */
const char *api_query(const struct api_request *request, const char *name);

/* Fills in the response with a JSON document, whose reference is taken. */
void api_respond_json(struct api_response *response, unsigned status, json_t *document);

/* Fills in an RFC 7807 problem document: `detail` is the sentence for the operator, `pointer` (may be NULL or empty)
 * the JSON pointer of the place. */
void api_respond_problem(struct api_response *response, unsigned status, const char *detail, const char *pointer);

/* The problem that fits a result of configuration/ or worker/. */
void api_respond_result(struct api_response *response, enum result result, const char *detail, const char *pointer);

/* Takes over `text` (heap). */
void api_respond_text(struct api_response *response, unsigned status, const char *content_type, char *text);

/* {"items": […], "next_cursor": …} with the items' reference taken; `next_cursor` "" or NULL: null. */
void api_respond_list(struct api_response *response, json_t *items, const char *next_cursor);

/* A stamp as JSON: RFC 3339, null for 0. */
json_t *api_stamp(int64_t wall_us);

/* Reads an RFC 3339 date-time in UTC ("2026-11-22T13:31:12Z", with or without a fraction) or a date. */
bool api_stamp_read(const char *text, int64_t *wall_us_out);

/* A time in the query: "90s", "15m", "2h" before now, or what api_stamp_read reads; when it is not there `*wall_us`
 * stays. Answers 400 and returns false when it is none. */
bool api_query_time(const struct api_request *request, const char *name, int64_t *wall_us,
                    struct api_response *response);

/* When the call with this id began, a little earlier rather than later; 0: it is not such an id. */
int64_t api_call_began_us(const char *call);

/* Adds to a call's explanation what the doctor thinks (`findings`) and the messages that decided (`messages`). The
 * call's record is that of request->id. */
void api_explain_by_trace(const struct api_request *request, json_t *explanation);

/* The stored object of that kind and name, without secrets; NULL: there is none, or the store cannot be read. */
json_t *api_object_find(const struct api_request *request, const struct object_kind *kind, const char *name);

/* A number in the query, or `fallback`; answers 400 and returns false when it is not a number from min to max. */
bool api_query_number(const struct api_request *request, const char *name, uint32_t min, uint32_t max,
                      uint32_t fallback, uint32_t *number_out, struct api_response *response);

/* All system parameters as {NAME: value}, and what has become different since: [{"parameter", "from", "to"}]. New
 * references. For the audit log. */
json_t *api_parameter_values(const struct api_request *request);
json_t *api_parameter_changes(const struct api_request *request, const json_t *before);

/* Gives `order` in the name of who asks, and waits for the answer as long as an order of the API may take, unless it
 * says how long. As worker_group_order. */
enum result api_order(const struct api_request *request, struct worker_order order, char **answer_out);

/* All that the workers have of a list (ORDER_LIST_CALLS, ORDER_LIST_REGISTRATIONS), some more than `items_max` at most,
 * as one array. New reference; NULL when a worker gave nothing. */
json_t *api_all_of_workers(const struct api_request *request, enum order_kind order, size_t items_max);

typedef void api_handler(const struct api_request *request, struct api_response *response);

#define API_ROUTE(method, path, handler, ...) api_handler handler;
#include "admin/api_routes.def"
#undef API_ROUTE

#endif
