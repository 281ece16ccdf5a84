/* The calls of one worker: two legs married. Each leg is a dialog of its own (own Call-ID, tags, Contact, CSeq, origin
 * of its session descriptions); this room decides who may call whom, carries what may be carried from one leg to the
 * other, and sees to it that every call ends on both sides and leaves exactly one record.
 *
 *   call_machine.def      the life of a call: event × state → action, next state     drawn in docs/call.md
 *   leg_machine.def       what SIP asks of each leg, also after the call is over      drawn in docs/call.md
 *   method_rules.def      what is done with a request of each method, in and outside of dialogs
 *   call_carry.def        which header fields cross from one leg to the other
 *   call_response.def     which status the caller gets for which status of the callee
 *
 *   call_requests.c       a request or news comes in: sanity (RFC 3261 §8.2), then by method_rules.def
 *   call_admission.c      who calls, and may he?
 *   call_names.c          numbers and names before and after the rules, and what devices override
 *   call_destination.c    whom does the call reach: a phone's contacts, or gateways, one after the other
 *   call_machine.c        the first table's dispatch and clocks; call_setup.c, call_teardown.c: its actions
 *   leg_machine.c         the second table's dispatch and actions
 *   call_bridge.c         the other leg's INVITE
 *   call_pass.c           provisional responses and answers passed on
 *   call_offer_answer.c   session descriptions: offers and answers both ways, one origin per leg
 *   call_carried.c        requests inside the call carried across: re-INVITE, UPDATE, INFO, REFER …
 *   call_reliable.c       reliable provisional responses end to end (RFC 3262)
 *   call_stray.c          answers for which there is no leg any more
 *   call_supervision.c    where a leg's session timer is asked (RFC 4028); call_refresh.c: our refreshes and probes
 *   call_sweep.c          changed parameters reach running calls; a journal that has lost them hears of all of them
 *   call_note.c           what the flight recorder is told
 *   call_decision.c       what ended a call: leg, timer, message
 *   call_record.c         facts → one record;  call_list.c   live calls as JSON;  call_find.c   which of many
 *   call_keep.c           what the journal is told, and what is left of a call that was open at kill -9
 *   call_restore.c        a call as bytes, and a call out of them after a restart
 *   call_cut_off.c        an attempt that a kill has cut off: both sides are told after the restart
 *   call_farewell.c       who must still hear that a call is over, also after a restart
 *   call_table.c          where it all lives
 *
 * A call object lives until its record is handed on. A leg lives until SIP owes nothing more on it, which may be later:
 * then it is on its own, with its own timer. */
#ifndef CALL_CALL_H
#define CALL_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/block_store.h"
#include "boundary/context.h"
#include "boundary/event.h"
#include "dialog/dialog.h"
#include "registrar/registrar.h"
#include "sip/sip_message.h"
#include "transaction/transaction.h"

struct call_table;

/* The rooms above that calls are made of; borrowed for the table's life. */
struct call_rooms {
  struct block_store *blocks;
  struct transaction_layer *transactions;
  struct dialog_table *dialogs;
  struct registrar *registrar;
  const struct keepalive *keepalive; /* asked whether a device that stopped answering could be kept reachable */
};

size_t call_table_memory_bytes(uint32_t calls_max);

/* Lays the table out in `memory` (zero-filled, aligned to 64, borrowed). There are half as many legs again as two per
 * call, for legs that take their leave. Never fails. */
struct call_table *call_table_create(void *memory, uint32_t calls_max, const struct call_rooms *rooms);

/* --- what comes in ----------------------------------------------------------------------------------------------- */

/* True when a request comes from nobody we know: no gateway's address, no credentials, no phone of ours in From, and
 * not inside a dialog. It is answered 403, or not at all when SS_REPLY_UNAUTHORIZED is off, without a transaction, and
 * an INVITE leaves a record illegal_call (at most some per second; all are counted). The caller then forgets the
 * request. REGISTER never is a stranger's: it is challenged. To be asked before transaction_receive. */
bool call_refuse_stranger(struct call_table *table, struct context *context, const struct sip_message *request,
                          const struct flow *flow);

/* Takes TRANSACTION_NEWS_REQUEST for any method but REGISTER, in or outside of a dialog, and answers or carries it. */
void call_receive_request(struct call_table *table, struct context *context, const struct sip_message *request,
                          const struct flow *flow, struct handle transaction);

/* Takes TRANSACTION_NEWS_ACK. */
void call_receive_ack(struct call_table *table, struct context *context, const struct sip_message *ack,
                      const struct flow *flow);

/* Takes TRANSACTION_NEWS_REFUSED: an attempt for which there was no room. It leaves a record, when there are many one
 * for several (docs/decisions/calls.md). */
void call_note_refused(struct call_table *table, struct context *context, const struct sip_message *invite,
                       const struct flow *flow);

/* Takes a request that cannot be read, for the reason in `defect`. An INVITE that begins a call was an attempt all the
 * same, and leaves a record protocol_error: of a gateway each one (when there are many, one for several,
 * docs/decisions/calls.md), of who says that he is one of our phones as often as a stranger's. A stranger's has a line
 * in the security log and no record. False: it is not to be answered, for strangers get silence. */
bool call_note_malformed(struct call_table *table, struct context *context, const struct sip_message *request,
                         const struct sip_defect *defect, const struct flow *flow);

/* Takes every other item of news whose owner is TRANSACTION_OWNER_CALL. `message` is the response or CANCEL it came
 * with, NULL when a timer brought it. */
void call_receive_news(struct call_table *table, struct context *context, const struct transaction_news *news,
                       const struct sip_message *message, const struct flow *flow);

/* Takes EVENT_LOCATION_ANSWER. */
void call_receive_location(struct call_table *table, struct context *context, const struct location_answer *answer);

/* Take due timers of kind TIMER_CALL and TIMER_CALL_LEG. */
void call_timer_due(struct call_table *table, struct context *context, struct timer *timer);
void call_leg_timer_due(struct call_table *table, struct context *context, struct timer *timer);

/* Takes a due timer of kind TIMER_SESSION: a leg's refresh, probe or guard. */
void call_session_timer_due(struct call_table *table, struct context *context, struct timer *timer);

/* Takes the due timer of kind TIMER_SESSION_SWEEP. */
void call_sweep_due(struct call_table *table, struct context *context);

/* context->parameters or context->directory have changed: running calls hear of it, some thousand at a time. */
void call_table_changed(struct call_table *table, struct context *context);

/* Tells the journal anew of some calls and attempts, from `*index` (0 at first) on, and moves it. False: that were all.
 * No more than an event has room for in the outbox. */
bool call_table_tell_journal(struct call_table *table, struct context *context, uint32_t *index);

/* Puts back what OUTBOX_KEEP_DEVICE gave before a restart: with what a device's sessions were refreshed. */
void call_table_remember_device(struct call_table *table, struct str_view line);

/* A call that is none of this table's (a trial of a gateway) has shown with what a device's sessions are refreshed.
 * What is new is kept over a restart and told to the other workers (OUTBOX_KEEP_DEVICE). */
struct refresh_experience;
void call_table_learn_device(struct call_table *table, struct context *context, uint64_t device_key,
                             const struct refresh_experience *experience);

/* --- operators --------------------------------------------------------------------------------------------------- */

/* From now on new calls are refused with 503; those that stand go on. */
void call_table_drain(struct call_table *table, bool drain);

/* Ends the call with this id (the id of its record). RESULT_NOT_FOUND. */
enum result call_hang_up(struct call_table *table, struct context *context, struct str_view id) MUST_USE;

/* Appends one call as a JSON object in the fields of GET /api/v1/calls/ID. RESULT_NOT_FOUND. */
enum result call_show(struct call_table *table, struct context *context, struct str_view id,
                      struct text_builder *builder) MUST_USE;

/* Appends calls as JSON objects separated by commas, starting at `*cursor` (0 at first), until the builder has less
 * than 2 KiB left or the end is reached (`*cursor` UINT32_MAX). */
void call_list(struct call_table *table, struct context *context, struct text_builder *builder, uint32_t *cursor);

enum call_sort {
#define CALL_SORT(name, ...) CALL_SORT_##name,
#include "call/call_sorts.def"
#undef CALL_SORT
  CALL_SORT_COUNT
};

/* False: there is no such word. */
bool call_sort_find(struct str_view name, enum call_sort *sort_out);

/* Which live calls are meant. What is empty or 0 does not matter; `number` and `words` are in lower case. */
struct call_query {
  enum call_sort sort;
  struct str_view state;     /* as in the list: "up", "ringing" … */
  struct str_view refresher; /* "us", "them", "none": of either leg */
  struct str_view number;    /* is part of one of its numbers */
  struct str_view device;    /* the name of one of its devices */
  struct str_view words;     /* part of a number, a device's name or an address */
  uint32_t expires_within_s; /* the session of a leg ends so soon */
};

/* Appends a line "KEY ID" for each call that fits, in no order: the keys are hexadecimal digits of one length, so that
 * lines compared as text are in the order of query->sort. Starts at `*cursor` (0 at first), looks at some thousand
 * calls at most, and sets it to where to go on; UINT32_MAX: that was all. */
void call_find(struct call_table *table, struct context *context, const struct call_query *query,
               struct text_builder *lines, uint32_t *cursor);

/* --- after a restart --------------------------------------------------------------------------------------------- */

/* Takes a call up again that was open when the switch stopped working; its legs go on as before, with the same tags. Of
 * one that was over those legs are told so that may not have heard it (kept->owed). An attempt is ended: its record
 * stands in the outbox, and both sides are told soon. To
 * be called before anything else has happened in the tables; call_table_restored ends that. RESULT_MALFORMED,
 * RESULT_FULL: it cannot be (another version's state, another worker's, no room): call_kept_record is what is left. */
enum result call_restore(struct call_table *table, struct context *context, const struct journal_kept *kept) MUST_USE;
void call_table_restored(struct call_table *table);

/* Appends what the journal keeps of an attempt, so that it has its record (encoded, with its id) when the switch stops
 * working meanwhile. */
void call_attempt_encode(struct str_view record, struct text_builder *state_out);

/* Appends the record (cdr/cdr_record.h) of a call that was open when the switch stopped working: `state` and `note` are
 * what the journal has kept of it (OUTBOX_JOURNAL). It ended with its last proof of life. RESULT_MALFORMED: not such a
 * state. */
enum result call_kept_record(struct str_view state, struct str_view note, struct text_builder *record_out) MUST_USE;

/* --- counting and checking --------------------------------------------------------------------------------------- */

uint32_t call_count(const struct call_table *table);
uint32_t call_count_answered(const struct call_table *table);

/* Answered legs by who refreshes their session: nobody, we, the peer (enum session_role). */
void call_count_roles(const struct call_table *table, uint32_t legs_out[3]);

/* What would become of running calls if the parameters were others: how many there are, refresh or probe a leg sooner,
 * and end within a minute because the cap is over for them. */
struct call_preview {
  uint32_t calls, calls_sooner, calls_ending;
};
void call_preview(struct call_table *table, struct context *context, const struct parameters *after,
                  struct call_preview *preview);

/* Legs, those on their own among them. */
uint32_t call_leg_count(const struct call_table *table);

/* Where calls and legs live, for whoever makes memory resident ahead of need. */
const struct pool *call_pool(const struct call_table *table);
const struct pool *call_leg_pool(const struct call_table *table);

/* Every call and every leg on its own has an armed timer, legs and calls agree about each other, every carried request
 * belongs to a leg. False with a sentence in `*problem`. */
bool call_table_check(const struct call_table *table, struct text_builder *problem);

#endif
