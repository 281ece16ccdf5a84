/* The middle's only door: one worker's rooms, laid out in one piece of memory, and the order in which an event goes
 * through them. The worker and the simulator call exactly these functions. */
#ifndef SWITCH_SWITCH_CORE_H
#define SWITCH_SWITCH_CORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "boundary/context.h"
#include "boundary/event.h"
#include "keepalive/keepalive.h"

struct switch_core;

/* Per worker. */
struct switch_limits {
  uint32_t calls_max;
  uint32_t registrations_max;
  uint32_t transactions_max;
};

size_t switch_core_memory_bytes(const struct switch_limits *limits);

/* `memory`: zero-filled, aligned to 64, borrowed. Reserved address space is enough; it is touched as it is used. */
struct switch_core *switch_core_create(void *memory, const struct switch_limits *limits);

/* Puts back a line that OUTBOX_KEEP_DEVICE gave before a restart, before the first event. */
void switch_core_remember_device(struct switch_core *core, struct str_view line);

/* Handles one event completely. What is to be done stands in context->outbox afterwards. The arena is reset at the end.
 */
void switch_core_handle(struct switch_core *core, struct context *context, const struct event *event);

/* Refuses what came over a stream when nobody can tell where it ends, mostly for want of a Content-Length (RFC 3261
 * §18.3 gives such a request a 400). `bytes` have 64 readable bytes behind them. The arena is reset at the end. */
void switch_core_refuse(struct switch_core *core, struct context *context, const struct flow *flow,
                        struct str_view bytes);

/* Hands out every timer due at context->now; may be called as often as one likes, at the latest at
 * timer_wheel_next_wake. Returns early when the outbox has no room for a further event: true when it must be called
 * again after emptying it. */
bool switch_core_advance(struct switch_core *core, struct context *context);

/* The memory of the pool with this number that has never been used, and will be from its beginning on: the worker makes
 * it resident ahead of need. False when there are not so many pools. */
bool switch_core_fresh_memory(const struct switch_core *core, unsigned number, struct str_view *fresh_out);

/* Does this worker take up what the journal has kept under this key? A call goes to its worker, a registration to that
 * of its number; who is suspended is to be known everywhere. Nobody's is a call of a worker beyond the last. */
bool switch_core_takes_up(const struct local_identity *local, struct journal_key key, struct str_view state);

/* Takes up again what the journal has kept (OUTBOX_JOURNAL) when the switch stopped working. Before the first event;
 * switch_core_restored ends that. RESULT_OK: it goes on; what it has for the journal stands in the outbox, and the
 * record of what has ended. Else it is dropped there, but of a call (JOURNAL_CALL) call_kept_record (call/call.h) is
 * what is left. */
enum result switch_core_restore(struct switch_core *core, struct context *context,
                                const struct journal_kept *kept) MUST_USE;
void switch_core_restored(struct switch_core *core);

/* The worker on which a message must be handled: by Via branch (responses), our tag (in-dialog), number (REGISTER),
 * else Call-ID. Any worker may ask. Malformed messages: the asking worker. */
uint8_t switch_core_steer(const struct local_identity *local, struct str_view bytes);

/* Numbers for status and metrics. */
struct switch_core_counts {
  uint32_t calls, calls_answered, registrations, transactions, dialogs;
  uint32_t legs_by_role[3]; /* of answered calls, by enum session_role: refreshed by nobody, by us, by the peer */
  uint64_t timers;
  uint64_t block_bytes; /* of byte strings that outlive an event */
  struct keepalive_counts keepalive;
};
void switch_core_count(const struct switch_core *core, const struct context *context,
                       struct switch_core_counts *counts);

/* Every room's invariants (each object has a deadline, indices agree, nothing leaks); the simulator calls it after each
 * event. */
bool switch_core_check(const struct switch_core *core, const struct context *context, struct text_builder *problem);

#endif
