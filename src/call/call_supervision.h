/* Where a leg's session timer is asked and told (RFC 4028, supervision/): one supervisor per leg; nothing about one
 * leg's timer crosses to the other. Calls know supervision, supervision knows no calls.
 *
 *   call_supervision.c   what messages say about timers, and what ours say
 *   call_refresh.c       our refreshes and probes, and the ends that supervision brings */
#ifndef CALL_CALL_SUPERVISION_H
#define CALL_CALL_SUPERVISION_H

#include "call/call_private.h"

/* --- call_supervision.c: negotiation ----------------------------------------------------------------------------- */

/* The INVITE or UPDATE in step->message asks for a shorter session than we accept: it is answered 422, and true. In a
 * dialog (step->leg) what it says is noted, for the 2xx. `device` is the caller's while there is no call yet, and else
 * NULL. */
bool call_supervision_refuse(struct call_step *step, const struct device *device);

/* The request in step->message came too late to be taken, but what its Min-SE says of the dialog counts (§7.4). */
void call_supervision_hear_minimum(struct call_step *step);

/* A leg to or from `device` begins; of the caller's, step->message is the INVITE. */
void call_supervision_begin_leg(struct call_step *step, struct call_leg *leg, const struct device *device);

/* True when `timer` belongs into Supported of what we send on `leg` (§7.1): timers are not off towards its device. */
bool call_supervision_supports(struct call_step *step, struct call_leg *leg);

/* Header lines for an INVITE or UPDATE that we send on `leg`: Session-Expires, Min-SE (§7.1, §7.4). */
void call_supervision_add_to_request(struct call_step *step, struct call_leg *leg, enum sip_method method,
                                     struct text_builder *headers);

/* Header lines for our 2xx to the peer's INVITE or UPDATE: Session-Expires with the refresher, Require: timer (§9). */
void call_supervision_add_to_answer(struct call_step *step, struct call_leg *leg, enum sip_method method,
                                    struct text_builder *headers);

/* Our 2xx to the peer's INVITE or UPDATE has gone out on `leg`: its clock starts, or starts anew (§9). */
void call_supervision_answered(struct call_step *step, struct call_leg *leg, enum sip_method method);

/* The 2xx in step->message to an INVITE or UPDATE of ours on step->leg, that was no refresh (§7.2). */
void call_supervision_take_answer(struct call_step *step);

/* The 422 in step->message to an INVITE or UPDATE of ours on step->leg: true when it may be sent again, with what
 * call_supervision_add_to_request then writes (§7.3). */
bool call_supervision_raise(struct call_step *step);

/* step->message, a request or response inside the dialog of `leg`, has come: a proof of life. */
void call_supervision_note(struct call_step *step, struct call_leg *leg);

/* True when the peer of `leg` has been heard in its dialog within the last so many milliseconds. */
bool call_supervision_heard_within(const struct call_step *step, const struct call_leg *leg, int64_t milliseconds);

/* `leg` needs supervision no more. */
void call_supervision_stop(struct call_step *step, struct call_leg *leg);

/* The device of `leg` as it is in the directory now; NULL: it is gone. */
const struct device *call_supervision_device(struct call_step *step, const struct call_leg *leg);

/* What we want of the device of `leg`. */
struct session_wishes call_supervision_wishes(struct call_step *step, const struct call_leg *leg);

/* The same if these were the parameters. */
struct session_wishes call_supervision_wishes_by(struct call_step *step, const struct call_leg *leg,
                                                 const struct parameters *parameters);

/* Parameters or the directory have changed. */
void call_supervision_forget_wishes(struct call_table *table);

/* What our last request on `leg` asked for and `words` of its 2xx come to. */
struct session_terms call_supervision_conclude(struct call_step *step, struct call_leg *leg,
                                               const struct session_words *words);

/* The shorter of two limits in seconds; 0: none. */
uint32_t call_shorter(uint32_t a, uint32_t b);

/* True when the caller has a session timer of its own: then the cap does not count. */
bool call_supervision_caller_is_timed(const struct call_table *table, const struct call *call);

/* --- call_refresh.c: refreshes and ends -------------------------------------------------------------------------- */

/* A provisional response to one. */
void call_refresh_provisional(struct call_step *step);

/* The final response in step->message to a refresh or probe of ours, or none, with step->status saying why. */
void call_refresh_final(struct call_step *step);

/* True while a re-INVITE of ours that refreshes is open on `leg`: the peer's gets 491, another of ours has to wait. */
bool call_refresh_is_inviting(const struct call_leg *leg);

/* Counts a refresh that the peer has made on `leg`. */
void call_refresh_count_received(struct call_step *step, const struct call_leg *leg);

/* The session timer of `leg` has changed: brings the counts by role up to date. */
void call_refresh_account(struct call_table *table, struct call_leg *leg);

/* --- call_decision.c: what ended a call -------------------------------------------------------------------------- */

/* Fills in end_leg, end_timer and end_message, and for what supervision ended the explanation. step->leg is the leg
 * that decided, step->message what came on it; NULL where there was none. */
void call_decision_fill(struct call_step *step, struct cdr_record *record);

#endif
