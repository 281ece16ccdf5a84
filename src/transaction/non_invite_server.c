/* The non-INVITE server transaction (RFC 3261 17.2.2 with RFC 4320): actions behind the rows of non_invite_server.def.
 */
#include "transaction/transaction_private.h"

#define absorb           transaction_absorb
#define refuse           transaction_refuse
#define send_trying      transaction_server_send_trying
#define answer_final     transaction_server_answer_final
#define tell_unreachable transaction_server_tell_unreachable

static void tell_request(struct transaction_step *step) {
  transaction_tell(step, TRANSACTION_NEWS_REQUEST);
}

static void resend_trying(struct transaction_step *step) {
  counters_add(step->context->counters, retransmissions_received);
  transaction_server_send_trying(step);
}

/* The 200 to a BYE waits until the call's record is safe (call/leg_machine.c): its repetition must not overtake it. */
static void resend_final(struct transaction_step *step) {
  struct outbox *outbox = step->context->outbox;
  counters_add(step->context->counters, retransmissions_received);
  if (step->transaction->method == SIP_METHOD_BYE) outbox->sends_wait = OUTBOX_WAITS_PATIENTLY;
  transaction_send_kept_again(step);
  outbox->sends_wait = OUTBOX_WAITS_NOT;
}

static void forbid(struct transaction_step *step) {
  step->result = RESULT_REFUSED;
}

const struct transaction_machine non_invite_server_machine = {
    .states =
        {
#define STATE TRANSACTION_STATE_ENTRY
#include "transaction/non_invite_server.def"
        },
    .rows =
        {
#define ROW TRANSACTION_ROW_ENTRY
#include "transaction/non_invite_server.def"
        },
};
