/* The INVITE server transaction (RFC 3261 17.2.1 with RFC 6026): actions behind the rows of invite_server.def. */
#include "transaction/transaction_private.h"

#define absorb           transaction_absorb
#define refuse           transaction_refuse
#define send_final_again transaction_send_kept_again
#define answer           transaction_server_answer
#define answer_final     transaction_server_answer_final
#define tell_unreachable transaction_server_tell_unreachable

/* The 100 is made of the head whenever it is wanted, and not kept. */
static void send_trying(struct transaction_step *step) {
  transaction_server_send_trying(step);
  transaction_tell(step, TRANSACTION_NEWS_REQUEST);
}

static void resend_provisional(struct transaction_step *step) {
  counters_add(step->context->counters, retransmissions_received);
  if (step->transaction->kept.size_class != 0)
    transaction_send_kept_again(step);
  else
    transaction_server_send_trying(step);
}

static void resend_final(struct transaction_step *step) {
  counters_add(step->context->counters, retransmissions_received);
  transaction_send_kept_again(step);
}

static void tell_cancel(struct transaction_step *step) {
  transaction_tell(step, TRANSACTION_NEWS_CANCEL);
}

static void tell_ack_missing(struct transaction_step *step) {
  transaction_tell(step, TRANSACTION_NEWS_ACK_MISSING);
}

/* The ACK of a 2xx is the dialog's: news without transaction, whether or not this one's owner still listens. */
static void tell_ack(struct transaction_step *step) {
  step->news = (struct transaction_news){.kind = TRANSACTION_NEWS_ACK, .method = SIP_METHOD_ACK};
}

static void answer_for_user(struct transaction_step *step) {
  char tag[16];
  struct text_builder builder = text_builder_over(tag, sizeof tag);
  text_builder_add_hex(&builder, random_u64(step->context->random), sizeof tag);
  step->text = transaction_server_build_simple(step->layer, step->context, step->transaction, 500,
                                               text_builder_view(&builder), (struct str_view){0});
  if (step->text.length > 0) transaction_server_answer_final(step);
  transaction_tell(step, TRANSACTION_NEWS_TIMED_OUT);
}

const struct transaction_machine invite_server_machine = {
    .states =
        {
#define STATE TRANSACTION_STATE_ENTRY
#include "transaction/invite_server.def"
        },
    .rows =
        {
#define ROW TRANSACTION_ROW_ENTRY
#include "transaction/invite_server.def"
        },
};
