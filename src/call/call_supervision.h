/* Where a leg's session timer is asked and told (RFC 4028, supervision/): one supervisor per leg; nothing about one
 * leg's timer crosses to the other. Calls know supervision, supervision knows no calls. The room is still empty: these
 * are the places. */
#ifndef CALL_CALL_SUPERVISION_H
#define CALL_CALL_SUPERVISION_H

#include "call/call_private.h"

/* Header lines for an INVITE or UPDATE that we send on `leg`: Session-Expires, Min-SE, Supported: timer (§7.1, §7.4).
 */
void call_supervision_add_to_request(struct call_step *step, struct call_leg *leg, enum sip_method method,
                                     struct text_builder *headers);

/* Header lines for our 2xx to the peer's INVITE or UPDATE: Session-Expires with the refresher, Require: timer (§9). */
void call_supervision_add_to_answer(struct call_step *step, struct call_leg *leg, enum sip_method method,
                                    struct text_builder *headers);

/* step->message, a request or response inside the dialog of `leg`, has come: its Session-Expires, a proof of life, the
 * answer to a refresh. */
void call_supervision_note(struct call_step *step, struct call_leg *leg);

/* `leg` needs supervision no more. */
void call_supervision_stop(struct call_step *step, struct call_leg *leg);

#endif
