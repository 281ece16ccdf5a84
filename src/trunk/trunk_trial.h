/* Trials of routing gateways: a call that has no caller, placed by the switch itself to a number that an operator
 * names, to learn what the far side can do: OPTIONS, session timers and who refreshes (RFC 4028), its Min-SE, 100rel,
 * UPDATE, re-INVITE with the same session description. The table is trunk_trial.def, drawn in docs/trunk-test.md; each
 * state has a limit, and the call always ends with BYE or CANCEL. What was learnt goes into the memory of devices that
 * refreshes begin with (supervision/device_memory.h), and a call leaves one record, end reason trunk_test.
 *
 * The session offered is a=inactive at our own address, port 9: nobody sends media, and nothing is held or resumed. The
 * shortest interval that we accept is asked for, because a far side that wants a longer one says so in its 422.
 *
 *   trunk_trial.c      the table's dispatch, birth and end
 *   trunk_requests.c   the actions: what is sent
 *   trunk_report.c     what was found, as JSON, and in a sentence */
#ifndef TRUNK_TRUNK_TRIAL_H
#define TRUNK_TRUNK_TRIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "boundary/context.h"
#include "call/call.h"
#include "dialog/dialog.h"
#include "transaction/transaction.h"

struct trunk_trials;

/* Borrowed for the trials' life. */
struct trunk_rooms {
  struct transaction_layer *transactions;
  struct dialog_table *dialogs;
  struct call_table *calls; /* hears what was learnt of a device */
};

#define TRUNK_TRIALS_MAX         16 /* running and finished ones, per worker */
#define TRUNK_REPORT_BYTES       8192
#define TRUNK_NUMBER_LENGTH_MAX  63
#define TRUNK_GATEWAY_LENGTH_MAX 127

size_t trunk_trials_memory_bytes(void);

/* Lays them out in `memory` (zero-filled, aligned to 64, borrowed). Never fails. */
struct trunk_trials *trunk_trials_create(void *memory, const struct trunk_rooms *rooms);

/* Begins a trial. `order` is three lines: the routing gateway's name; the number to call, empty: OPTIONS only; the
 * number that calls, empty: "belfry". `answer` gets the report so far, or why there is none. RESULT_NOT_FOUND: no such
 * gateway; RESULT_MALFORMED: a number with other bytes than digits, letters and + * - . _; RESULT_EXISTS: one is
 * running for this gateway; RESULT_FULL: too many are running, or the gateway has no line left; RESULT_FAILED: no
 * address of the gateway can be reached from our sockets. A finished trial of the same gateway is forgotten, or the
 * oldest. */
enum result trunk_trial_start(struct trunk_trials *trials, struct context *context, struct str_view order,
                              struct text_builder *answer) MUST_USE;

/* Appends the report of the last trial of a gateway, running or finished, as a JSON object. RESULT_NOT_FOUND. */
enum result trunk_trial_show(struct trunk_trials *trials, struct context *context, struct str_view gateway,
                             struct text_builder *report) MUST_USE;

/* True when a request inside a dialog is in one of a trial. Asked for every request, so it is cheap while none runs. */
bool trunk_trial_owns(const struct trunk_trials *trials, const struct sip_message *request);

/* Takes a request that trunk_trial_owns, and answers it. */
void trunk_trial_receive_request(struct trunk_trials *trials, struct context *context,
                                 const struct sip_message *request, const struct flow *flow, struct handle transaction);

/* Takes news whose owner is TRANSACTION_OWNER_TRUNK; `message` is NULL when a timer brought it. */
void trunk_trial_receive_news(struct trunk_trials *trials, struct context *context, const struct transaction_news *news,
                              const struct sip_message *message);

/* Takes a due timer of kind TIMER_TRUNK_TRIAL: a state's limit. */
void trunk_trial_timer_due(struct trunk_trials *trials, struct context *context, struct timer *timer);

/* How many run. */
uint32_t trunk_trial_count(const struct trunk_trials *trials);

/* Every running trial has an armed timer, and no finished one a dialog. False with a sentence in `*problem`. */
bool trunk_trials_check(const struct trunk_trials *trials, struct text_builder *problem);

#endif
