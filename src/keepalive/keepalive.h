/* NAT keep-alive of one worker: every device that registered, and every gateway that is to be kept reachable, gets a
 * keep-alive each period, from the socket it talks to (SUPERVISION: who, what, when, alive). Those who hold a device
 * (the registrar, the list of gateways) say how to treat it; this room sends, listens and remembers.
 *
 * Nothing is allocated, looked up by a string, stored or logged for a keep-alive. */
#ifndef KEEPALIVE_KEEPALIVE_H
#define KEEPALIVE_KEEPALIVE_H

#include "base/packed.h"
#include "boundary/context.h"
#include "boundary/journal_key.h"
#include "keepalive/keepalive_device.h"
#include "keepalive/keepalive_evidence.h"
#include "keepalive/keepalive_round.h"
#include "sip/sip_message.h"

struct keepalive;

size_t keepalive_memory_bytes(uint32_t devices_max);

/* `memory`: zero-filled, aligned to 64, borrowed. */
struct keepalive *keepalive_create(void *memory, uint32_t devices_max);

/* Who tells the Contact URI of an owner, to which an OPTIONS is addressed; empty: the device's address will do. */
typedef struct str_view keepalive_contact_of(const void *reader, uint32_t owner);
void keepalive_set_contacts(struct keepalive *keepalive, keepalive_contact_of *contact_of, const void *reader);

/* Who tells whether an owner is in a call; the reader is that of the contacts. Without one nobody ever is. */
typedef bool keepalive_is_busy(const void *reader, const struct context *context, uint32_t owner);
void keepalive_set_busy(struct keepalive *keepalive, keepalive_is_busy *is_busy);

/* Who keeps what is known of an owner's device over a restart, and is told when that has changed by itself: it is lost
 * or regained, wants another method, or is elsewhere. The reader is that of the contacts. */
typedef void keepalive_has_changed(const void *reader, struct context *context, uint32_t owner);
void keepalive_set_changed(struct keepalive *keepalive, keepalive_has_changed *has_changed);

/* --- devices ----------------------------------------------------------------------------------------------------- */

/* What the holder knows. */
struct keepalive_facts {
  const struct flow *flow;
  uint32_t owner;        /* KEEPALIVE_NOBODY: nobody's Contact */
  uint32_t own_period_s; /* 0: the parameter's */
  uint8_t method;        /* enum keep_alive_method_choice, or KEEPALIVE_USE_PARAMETER */
  bool is_behind_nat;
  bool is_here;       /* it has just been heard from there */
  bool text_spoils;   /* it would take a text for the beginning of the next message, and gets CRLFCRLF instead */
  bool is_configured; /* it stays at its address, wherever it answers from */
};

/* Holds the device with this flow for one more registration or gateway, with these facts; who came last has the say
 * where several disagree. Its first keep-alive comes within a period. NULL when there is no room. */
struct keepalive_device *keepalive_hold(struct keepalive *keepalive, struct context *context,
                                        const struct keepalive_facts *facts);

/* Changes the facts of a held device (but the flow). */
void keepalive_change(struct keepalive *keepalive, struct context *context, struct keepalive_device *device,
                      const struct keepalive_facts *facts);

/* Lets go of it for `owner`; when nobody holds it any more its keep-alives stop at once. */
void keepalive_release(struct keepalive *keepalive, struct context *context, struct keepalive_device *device,
                       uint32_t owner);

/* What the old device could do is true of the new one: the same phone over another flow. */
void keepalive_inherit(struct keepalive_device *device, const struct keepalive_device *before);

/* What is known of a device as bytes, and back onto one that is held again after a restart; of several holders' words
 * the latest counts. A stream's connection is gone then: it is unreachable, and gets nothing. */
void keepalive_device_save(const struct keepalive_device *device, const struct context *context,
                           struct text_builder *builder);
void keepalive_device_restore(struct keepalive *keepalive, const struct context *context,
                              struct keepalive_device *device, struct packed_reader *reader);
void keepalive_device_skip(struct packed_reader *reader);

/* What has been learnt of a network, as JOURNAL_NETWORK keeps it. Before devices are held. RESULT_MALFORMED. */
enum result keepalive_restore_network(struct keepalive *keepalive, const struct context *context,
                                      struct journal_key key, struct str_view state) MUST_USE;

/* The period that was given for the device itself; 0: the parameter's. */
uint32_t keepalive_own_period_s(const struct keepalive *keepalive, const struct keepalive_device *device);

/* NULL when nobody is reached over this flow. */
struct keepalive_device *keepalive_find(const struct keepalive *keepalive, const struct context *context,
                                        const struct flow *flow);

/* --- what comes -------------------------------------------------------------------------------------------------- */

/* Something came from this device. */
void keepalive_device_heard(struct keepalive *keepalive, struct context *context, struct keepalive_device *device,
                            enum keepalive_sign sign);

/* Anything came from there: noted here, or told to the worker whose device is there. False when it is nobody's. */
bool keepalive_heard(struct keepalive *keepalive, struct context *context, const struct flow *flow,
                     enum keepalive_sign sign);

/* True when the response answers a keep-alive; it is then done with. An answer from another address than the OPTIONS
 * went to shows that the device has moved: that address is asked in turn, and followed once it answers, too. */
bool keepalive_receive_response(struct keepalive *keepalive, struct context *context,
                                const struct sip_message *response, const struct flow *flow);

/* A connection is gone, or a datagram was refused: unreachable until something comes from there. */
void keepalive_flow_failed(struct keepalive *keepalive, struct context *context, const struct flow *flow);

/* The worker whose keep-alive this branch names. RESULT_MALFORMED when it is none of ours. */
enum result keepalive_branch_worker(struct str_view branch, uint8_t *worker_out) MUST_USE;

/* --- time and parameters ----------------------------------------------------------------------------------------- */

/* Takes a due timer of kind TIMER_KEEPALIVE. */
void keepalive_timer_due(struct keepalive *keepalive, struct context *context);

/* context->parameters has new values. */
void keepalive_parameters_changed(struct keepalive *keepalive, struct context *context);

/* --- operators --------------------------------------------------------------------------------------------------- */

struct keepalive_counts {
  uint32_t devices, unreachable;
  struct keepalive_demand demand; /* those who get keep-alives, of this worker */
  struct keepalive_rate rate;     /* of the whole switch */
  uint64_t lag_ms;                /* how late the next one is */
  uint64_t rounds_skipped;        /* whole periods that were lost for want of time */
  uint64_t bytes_per_s;           /* sent, over the last ten seconds or so */
  /* What is known of the lifetimes of bindings, where BF_NAT_KEEP_ALIVE_LEARN is on. */
  uint32_t networks_learned; /* with a period that is longer than the parameter's, and safe */
  uint32_t bindings_on_trial;
  uint64_t saves_micro_per_s; /* keep-alives a second, times a million, that the safe periods save or would save */
};
void keepalive_count(const struct keepalive *keepalive, const struct context *context, struct keepalive_counts *counts);

/* Appends one device as a JSON object: method, sends, period_s, due_in_s, sent, answered, missed, round_trip_ms,
 * reachable, network, safe_period_s (null: not learnt). */
void keepalive_write_json(const struct keepalive *keepalive, const struct context *context,
                          const struct keepalive_device *device, struct text_builder *builder);

/* Writes the networks of this worker's devices from slot `*cursor` on, as many as have room, as JSON objects separated
 * by commas; `*cursor` becomes the slot to go on from, UINT32_MAX when there are no more. */
void keepalive_list_networks(const struct keepalive *keepalive, const struct context *context,
                             struct text_builder *builder, uint32_t *cursor);

bool keepalive_check(const struct keepalive *keepalive, struct text_builder *problem);

#endif
