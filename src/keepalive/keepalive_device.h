/* One way on which devices are reached, kept once however many numbers registered over it: a binding of a NAT belongs
 * to the way, not to the number, and a PBX with 5,000 numbers behind one address gets one keep-alive a period. 72
 * bytes. */
#ifndef KEEPALIVE_KEEPALIVE_DEVICE_H
#define KEEPALIVE_KEEPALIVE_DEVICE_H

#include "base/hash_table.h"
#include "base/pool.h"
#include "boundary/context.h"
#include "boundary/device_homes.h"
#include "keepalive/keepalive_schedule.h"

/* What is sent. */
enum keepalive_kind { KEEPALIVE_KIND_NONE, KEEPALIVE_KIND_TEXT, KEEPALIVE_KIND_CRLF, KEEPALIVE_KIND_OPTIONS };

#define KEEPALIVE_NOBODY UINT32_MAX

/* Rounds in which nothing at all comes back before `auto` climbs from the text to OPTIONS. */
#define KEEPALIVE_SILENT_ROUNDS 3

struct keepalive_device {
  struct keepalive_seat seat;
  struct flow flow;
  uint32_t holders;        /* registrations and gateways that are reached over it */
  uint32_t owner;          /* whose Contact an OPTIONS is addressed to, in its holder's numbers; or KEEPALIVE_NOBODY */
  uint32_t heard_at_ms;    /* low bits of the monotonic clock: keepalive_device_heard_at */
  uint32_t sent_at_ms;     /* low bits of the monotonic clock */
  uint32_t sent_count;     /* also the CSeq of the latest OPTIONS */
  uint32_t answered_count; /* keep-alives that something came back for */
  uint16_t round_trip_ms;
  uint16_t network;            /* its number among keepalive/binding_network.h's; 0: none */
  uint8_t miss_count;          /* OPTIONS in a row without any life sign */
  uint8_t method : 3;          /* enum keep_alive_method_choice, or KEEPALIVE_USE_PARAMETER */
  uint8_t silent_rounds : 2;   /* text or CRLF keep-alives in a row without any life sign */
  uint8_t latest_kind : 2;     /* enum keepalive_kind */
  uint8_t is_behind_nat : 1;   /* its address is not the one it believes */
  uint8_t is_unreachable : 1;  /* until something comes from there */
  uint8_t was_heard : 1;       /* since the latest keep-alive */
  uint8_t was_answered : 1;    /* the latest keep-alive */
  uint8_t has_round_trip : 1;  /* round_trip_ms has been measured */
  uint8_t has_climbed : 1;     /* `auto` sends OPTIONS: nothing came back for the text */
  uint8_t answers_options : 1; /* it did, at least once */
  uint8_t is_closed : 1;       /* its connection is gone: nothing is sent any more */
  uint8_t is_configured : 1;   /* at its address by configuration: not followed elsewhere */
  uint8_t text_spoils : 1;     /* struct keepalive_facts */
  uint8_t has_own_period : 1;  /* an operator's setting */
  uint8_t is_on_trial : 1;     /* it gets none, for its binding's lifetime is being tried */
  uint8_t is_mute : 1;         /* it left the OPTIONS of a trial unanswered */
  uint8_t is_distrusted : 1;   /* a learnt period was too long for it: the parameter's, until it registers again */
  uint8_t was_seen_moving : 1; /* an answer came from elsewhere, and that place is being asked, in this round */
  uint8_t was_ever_heard : 1;  /* since it is held, or before a restart */
};

#define KEEPALIVE_USE_PARAMETER 7U

#define KEEPALIVE_HEARD_AGO_MOST_MS (INT64_C(1) << 31) /* half of what the 32 bits can tell apart */

struct keepalive_devices {
  struct pool pool;
  struct hash_table by_flow;
};

size_t keepalive_devices_memory_bytes(uint32_t devices_max);
void keepalive_devices_init(struct keepalive_devices *devices, void *memory, uint32_t devices_max);

/* Keyed, because a stranger chooses the port that he sends from; the same after a restart. */
uint64_t keepalive_flow_hash(const struct context *context, const struct flow *flow);

/* NULL when nobody is reached over it. */
struct keepalive_device *keepalive_devices_find(const struct keepalive_devices *devices, const struct context *context,
                                                const struct flow *flow);

/* The same for whoever has keepalive_flow_hash already. */
struct keepalive_device *keepalive_devices_find_hashed(const struct keepalive_devices *devices, const struct flow *flow,
                                                       uint64_t hash);

/* A device with this flow, held by nobody, heard just now; NULL when there is no room. */
struct keepalive_device *keepalive_devices_add(struct keepalive_devices *devices, const struct context *context,
                                               const struct flow *flow);

/* The device's flow becomes `flow`, which no other device has. */
void keepalive_devices_move(struct keepalive_devices *devices, const struct context *context,
                            struct keepalive_device *device, const struct flow *flow);

void keepalive_devices_remove(struct keepalive_devices *devices, const struct context *context,
                              struct keepalive_device *device);

void keepalive_device_note_heard(struct keepalive_device *device, struct mono_ms now);

/* When something last came from there; for one that has been silent for more than 24 days: 24 days ago. */
struct mono_ms keepalive_device_heard_at(const struct keepalive_device *device, struct mono_ms now);

/* Keeps that true as time goes by; to be called at least once in 24 days. */
void keepalive_device_keep_time(struct keepalive_device *device, struct mono_ms now);

#endif
