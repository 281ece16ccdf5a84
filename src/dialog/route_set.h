/* The servers a dialog's requests pass (RFC 3261 §12.1, §12.2.1.1, §16.12): a route set is kept as text, the values of
 * Record-Route in the order in which requests meet them, separated by commas, ready to be a Route header's value. */
#ifndef DIALOG_ROUTE_SET_H
#define DIALOG_ROUTE_SET_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/str_view.h"
#include "sip/sip_message.h"
#include "sip/sip_uri.h"

#define ROUTE_SET_VALUES_MAX 64

/* Reads the Record-Route values of a message: in their order as UAS (§12.1.1), `reverse` as UAC (§12.1.2). The text is
 * in the arena; empty when there are none. RESULT_MALFORMED: a value is no name-addr with a sip: or sips: URI, or there
 * are more than ROUTE_SET_VALUES_MAX. RESULT_FULL: the arena is. */
enum result route_set_from_message(const struct sip_message *message, bool reverse, struct arena *arena,
                                   struct str_view *route_set_out) MUST_USE;

/* The first value of a route set; `*rest_out` (may be NULL) gets what follows its comma. */
struct str_view route_set_first(struct str_view route_set, struct str_view *rest_out);

/* How a request is written and where it goes. Views into the arguments, or into the arena for a strict router. */
struct route_plan {
  struct str_view request_uri;
  struct str_view routes;   /* the Route header's value; empty: no Route */
  struct str_view next_hop; /* the URI whose address the request is sent to (§8.1.2) */
  bool strict; /* the first router is one of RFC 2543: it stands in the Request-URI, the target is the last route */
};

/* Lays out a request for `remote_target` behind `route_set` (§12.2.1.1). RESULT_MALFORMED: the first route cannot be
 * read (a preloaded one). RESULT_FULL: the arena is. */
enum result route_set_plan(struct str_view route_set, struct str_view remote_target, struct arena *arena,
                           struct route_plan *plan_out) MUST_USE;

/* A URI as it may stand in a Request-URI: without headers and method parameter (§19.1.1 table 1). Its own text when
 * there is nothing to strip, else in the arena; empty when the arena is full or it is neither sip: nor sips:. */
struct str_view route_set_request_uri(const struct sip_uri *uri, struct arena *arena);

#endif
