/* What the world tells the middle. One event is handled completely before the next; its bytes are borrowed until then.
 */
#ifndef BOUNDARY_EVENT_H
#define BOUNDARY_EVENT_H

#include <stdint.h>

#include "base/handle.h"
#include "base/result.h"
#include "base/str_view.h"
#include "boundary/address.h"

enum timer_kind {
  TIMER_NONE = 0,
#define TIMER_KIND(name, what) TIMER_##name,
#include "boundary/timer_kinds.def"
#undef TIMER_KIND
};

enum event_kind {
  EVENT_NONE = 0,
  EVENT_MESSAGE,           /* a datagram, or one framed message of a stream; 64 readable bytes of slack follow it */
  EVENT_CONNECTION_CLOSED, /* a connection is gone, or a datagram could not be sent (ICMP): flow */
  EVENT_LOCATION_ANSWER,   /* where a phone is, asked for with outbox_ask_location */
  EVENT_LOCATION_ASKED,    /* another worker asks where a phone of ours is */
  EVENT_RESOLVED,          /* a host name's addresses, asked for with outbox_resolve */
  EVENT_DEVICE_HEARD,      /* another worker heard a device of ours: flow, sign, bytes (mostly empty: the proof) */
  EVENT_ORDER,             /* an operator's order, answered through the outbox */
};

#define EVENT_LOCATION_CONTACTS_MAX 8

/* One contact of a phone: its URI and the flow it registered from (or its Path's first hop). */
struct location_contact {
  struct str_view uri;
  struct str_view path; /* Route header value to use (RFC 3327), or empty */
  struct flow flow;
  uint16_t q_thousandths; /* 0–1000 */
  bool behind_nat;        /* the flow's address, not the URI's, is where requests go */
  bool reachable;         /* false: keep-alive says nobody is there */
};

/* `known` false: no such registration now. */
struct location_answer {
  struct handle asker; /* the call that asked */
  bool known;
  uint8_t contact_count;
  struct location_contact contacts[EVENT_LOCATION_CONTACTS_MAX];
};

enum order_kind {
  ORDER_NONE = 0,
  ORDER_HANGUP_CALL,       /* target: call id */
  ORDER_KICK_REGISTRATION, /* target: registration id */
  ORDER_LIST_CALLS,        /* answered with JSON objects, comma-separated */
  ORDER_LIST_REGISTRATIONS,
  ORDER_LIST_KEEP_ALIVE_NETWORKS, /* those whose devices' bindings are watched (keepalive/binding_network.h) */
  ORDER_SHOW_CALL,
  ORDER_FIND_CALLS, /* target: eight lines (switch/switch_orders.c); answered with where to go on, and lines "KEY ID" */
  ORDER_SHOW_CALLS, /* target: ids, comma-separated; answered with the objects of those that live, comma-separated */
  ORDER_FIND_REGISTRATIONS, /* target: four lines, answered as ORDER_FIND_CALLS is */
  ORDER_SHOW_REGISTRATIONS, /* as ORDER_SHOW_CALLS */
  ORDER_PARAMETERS_CHANGED, /* context->parameters has new values */
  ORDER_PREVIEW_PARAMETER,  /* target: "NAME=VALUE", as an operator types it; answered with call_preview's numbers */
  ORDER_DIRECTORY_CHANGED,  /* context->directory is a new one */
  ORDER_DRAIN,              /* refuse new calls with 503 */
  ORDER_TELL_JOURNAL,       /* it has lost what it was told: all that lives is told anew, some at a time */
  ORDER_TEST_TRUNK,      /* target: lines "GATEWAY", "NUMBER", "CALLER" (trunk/trunk_trial.h); answered with a report */
  ORDER_SHOW_TRUNK_TEST, /* target: the gateway's name */
};

struct event {
  enum event_kind kind;
  struct flow flow; /* MESSAGE, CONNECTION_CLOSED, DEVICE_HEARD: where it came from and how to answer; RESOLVED: only
                     * `transport` counts, the one that the addresses are for */
  struct str_view bytes;                  /* MESSAGE */
  uint8_t sign;                           /* DEVICE_HEARD: enum keepalive_sign */
  const struct location_answer *location; /* LOCATION_ANSWER */
  struct str_view number;                 /* LOCATION_ASKED */
  struct handle asker;                    /* LOCATION_ASKED, RESOLVED */
  uint8_t asker_worker;                   /* LOCATION_ASKED */
  const struct address *addresses;        /* RESOLVED: in order of preference */
  uint8_t address_count;                  /* RESOLVED: 0: no such name */
  enum order_kind order;                  /* ORDER */
  uint64_t order_id;                      /* ORDER: repeated in the answer */
  struct str_view order_target;           /* ORDER */
  struct str_view order_by;               /* ORDER: who ordered it, for records */
};

#endif
