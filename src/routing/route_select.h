/* Which gateway gets the call, and whether a further one is tried when it fails (RFC-free: these are the operator's
 * rules, SS_GATEWAY_*). */
#ifndef ROUTING_ROUTE_SELECT_H
#define ROUTING_ROUTE_SELECT_H

#include "base/result.h"
#include "boundary/context.h"
#include "directory/directory.h"

#define ROUTE_CANDIDATES_MAX 16

/* The state of one call's search. Names instead of pointers, because the directory may change between two attempts. */
struct route_search {
  uint8_t tried_count;
  uint32_t tried[ROUTE_CANDIDATES_MAX]; /* usage numbers */
};

/* What happened to the attempt that just failed. */
struct route_failure {
  unsigned status;   /* final response, 408 for a set-up timeout or silence, 503 when it could not be sent at all */
  bool ringing_seen; /* 180 */
  bool sdp_seen;     /* a provisional response with a session description */
  bool timed_out;    /* ours: a set-up stage was used up, or nothing came back */
};

/* Picks the next routing gateway for `number` that has not been tried, is not locked and has capacity, and takes one
 * call of its capacity (directory_acquire). RESULT_NOT_FOUND: no route at all; RESULT_FULL: routes, but none with
 * capacity left; RESULT_REFUSED: routes, but all tried or SS_GATEWAY_SWITCH_LIMIT reached. */
enum result route_select(struct context *context, struct str_view number, struct route_search *search,
                         const struct device **device_out) MUST_USE;

/* Takes one call of the capacity of the gateway picked last once more, for another of its addresses. RESULT_NOT_FOUND:
 * it serves the number no more, or is locked; RESULT_FULL. */
enum result route_select_again(struct context *context, struct str_view number, const struct route_search *search,
                               const struct device **device_out) MUST_USE;

/* True when, by failover.def and the parameters SS_GATEWAY_SWITCH_UNTIL_CONNECT, SS_SIP_STOP_SWITCH_AFTER_SDP, …,
 * another gateway may be tried after this failure. Busy (486, 600) and refusals of the number (404, 484, 603 …) stop by
 * default; 408, 5xx, 403 of a vendor, 480? by the table. */
bool failover_allowed(const struct parameters *parameters, const struct route_failure *failure);

#endif
