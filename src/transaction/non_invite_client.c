/* The non-INVITE client transaction (RFC 3261 17.1.2): actions behind the rows of non_invite_client.def. */
#include "transaction/transaction_private.h"

#define absorb           transaction_absorb
#define send_request     transaction_client_send
#define resend_request   transaction_send_kept_again
#define tell_provisional transaction_client_tell_provisional
#define tell_timed_out   transaction_client_tell_timed_out

static void tell_unreachable(struct transaction_step *step) {
  transaction_tell(step, TRANSACTION_NEWS_UNREACHABLE);
}

/* Nothing will be sent again: the request's bytes are given back, the slot stays for Timer K. */
static void tell_final(struct transaction_step *step) {
  counters_add(step->context->counters, responses_received);
  transaction_tell(step, TRANSACTION_NEWS_FINAL);
  step->news.request = transaction_client_refused_request(step);
  block_store_clear(step->layer->blocks, &step->transaction->kept);
}

const struct transaction_machine non_invite_client_machine = {
    .is_client = true,
    .states =
        {
#define STATE TRANSACTION_STATE_ENTRY
#include "transaction/non_invite_client.def"
        },
    .rows =
        {
#define ROW TRANSACTION_ROW_ENTRY
#include "transaction/non_invite_client.def"
        },
};
