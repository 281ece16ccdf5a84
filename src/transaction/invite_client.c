/* The INVITE client transaction (RFC 3261 17.1.1 with RFC 6026): actions behind the rows of invite_client.def. */
#include "transaction/transaction_private.h"

#define absorb             transaction_absorb
#define send_request       transaction_client_send
#define resend_request     transaction_send_kept_again
#define tell_provisional   transaction_client_tell_provisional
#define tell_timed_out     transaction_client_tell_timed_out
#define resend_ack         transaction_send_kept_again
#define MAX_FORWARDS       70
#define BUILD_MARGIN_BYTES 256

static void tell_unreachable(struct transaction_step *step) {
  transaction_tell(step, TRANSACTION_NEWS_UNREACHABLE);
}

/* Under the layer's key, so that nobody can make a further branch look like the first. */
static uint32_t hash_of_answerer(const struct transaction_step *step) {
  struct str_view tag = step->message->to_tag;
  return (uint32_t)siphash(&step->layer->key, tag.data, tag.length) | 1;
}

/* The INVITE is not needed any more: nothing will be sent or built from it after a 2xx. */
static void tell_success(struct transaction_step *step) {
  uint32_t answerer = hash_of_answerer(step);
  if (step->transaction->answerer == 0) step->transaction->answerer = answerer;
  counters_add(step->context->counters, responses_received);
  transaction_tell(step, TRANSACTION_NEWS_FINAL);
  step->news.is_fork = answerer != step->transaction->answerer;
  block_store_clear(step->layer->blocks, &step->transaction->kept);
  block_store_clear(step->layer->blocks, &step->transaction->head);
}

/* What ACK and CANCEL both repeat from the INVITE (RFC 3261 17.1.1.3, 9.1), up to To. */
static void begin_like_invite(struct text_builder *builder, const struct sip_message *invite, struct str_view method) {
  struct sip_value_cursor cursor = {0};
  struct str_view via = {0};
  (void)sip_message_next_value(invite, SIP_HEADER_VIA, &cursor, &via);
  sip_build_request_line(builder, method, invite->request_uri);
  sip_build_header(builder, SIP_HEADER_VIA, via);
  sip_build_copy_headers(builder, invite, SIP_HEADER_ROUTE);
  sip_build_header_u32(builder, SIP_HEADER_MAX_FORWARDS, MAX_FORWARDS);
  sip_build_copy_headers(builder, invite, SIP_HEADER_FROM);
}

static void end_like_invite(struct text_builder *builder, const struct sip_message *invite, struct str_view method) {
  sip_build_copy_headers(builder, invite, SIP_HEADER_CALL_ID);
  sip_build_cseq(builder, invite->cseq, method);
}

/* RFC 3261 17.1.1.3. Credentials are repeated (22.1), To is the response's. */
static struct str_view build_ack(const struct transaction_step *step) {
  struct sip_message invite;
  if (transaction_client_read_kept(step, &invite) != RESULT_OK) return (struct str_view){0};
  struct text_builder builder =
      arena_builder(step->context->arena, invite.bytes.length + step->message->bytes.length + BUILD_MARGIN_BYTES);
  struct str_view method = STR_VIEW("ACK");
  begin_like_invite(&builder, &invite, method);
  sip_build_copy_headers(&builder, step->message, SIP_HEADER_TO);
  end_like_invite(&builder, &invite, method);
  sip_build_copy_headers(&builder, &invite, SIP_HEADER_AUTHORIZATION);
  sip_build_copy_headers(&builder, &invite, SIP_HEADER_PROXY_AUTHORIZATION);
  sip_build_end(&builder, (struct str_view){0}, (struct str_view){0});
  return builder.overflowed ? (struct str_view){0} : text_builder_view(&builder);
}

/* The ACK takes the INVITE's place, to be sent again with each repetition of the response. Where there is no room for
 * it, it is sent this once and the server repeats itself until its Timer H. */
static void acknowledge(struct transaction_step *step) {
  struct transaction *transaction = step->transaction;
  counters_add(step->context->counters, responses_received);
  struct str_view ack = build_ack(step), invite = transaction_client_refused_request(step);
  if (ack.length > 0) transaction_send_text(step->context, transaction, ack);
  bool is_kept = ack.length > 0 && !transport_is_stream(transaction->flow.transport) &&
                 block_store_set(step->layer->blocks, &transaction->kept, ack) == RESULT_OK;
  if (!is_kept) block_store_clear(step->layer->blocks, &transaction->kept);
  block_store_clear(step->layer->blocks, &transaction->head);
  transaction_tell(step, TRANSACTION_NEWS_FINAL);
  step->news.request = invite;
}

/* --- CANCEL ------------------------------------------------------------------------------------------------------ */

/* The wait for a provisional response may be long; a Reason that finds no room is left out. */
static void keep_cancel(struct transaction_step *step) {
  (void)!block_store_set(step->layer->blocks, &step->transaction->head, step->text);
}

static struct str_view build_cancel(const struct transaction_step *step, struct str_view extra_headers) {
  struct sip_message invite;
  if (transaction_client_read_kept(step, &invite) != RESULT_OK) return (struct str_view){0};
  struct text_builder builder =
      arena_builder(step->context->arena, invite.bytes.length + extra_headers.length + BUILD_MARGIN_BYTES);
  struct str_view method = STR_VIEW("CANCEL");
  begin_like_invite(&builder, &invite, method);
  sip_build_copy_headers(&builder, &invite, SIP_HEADER_TO);
  end_like_invite(&builder, &invite, method);
  text_builder_add(&builder, extra_headers);
  sip_build_end(&builder, (struct str_view){0}, (struct str_view){0});
  return builder.overflowed ? (struct str_view){0} : text_builder_view(&builder);
}

/* CANCEL shares its INVITE's branch, and so its random bits; its responses find it through the INVITE. Nobody is told
 * how it ends. Where there is no room for it, it is sent this once. */
static void begin_cancel_transaction(struct transaction_step *step, struct str_view cancel) {
  struct transaction *invite = step->transaction;
  struct transaction *transaction = transaction_table_take(step->layer, false);
  if (!transaction || block_store_set(step->layer->blocks, &transaction->kept, cancel) != RESULT_OK) {
    if (transaction) transaction_table_give(step->layer, step->context, transaction);
    transaction_send_text(step->context, invite, cancel);
    return;
  }
  transaction->machine = TRANSACTION_NON_INVITE_CLIENT;
  transaction->method = SIP_METHOD_CANCEL;
  transaction->flow = invite->flow;
  transaction->hash = invite->hash;
  transaction->peer = invite->self;
  transaction->disowned = true;
  invite->peer = transaction->self;
  transaction_machine_begin(step->context, transaction);
  transaction_table_list(step->layer, transaction);
  struct transaction_step sending = {
      .layer = step->layer, .context = step->context, .transaction = transaction, .text = cancel};
  transaction_machine_step(&sending, TRANSACTION_EVENT_SEND);
}

static void cancel_with(struct transaction_step *step, struct str_view extra_headers) {
  struct str_view cancel = build_cancel(step, extra_headers);
  if (cancel.length > 0) begin_cancel_transaction(step, cancel);
  block_store_clear(step->layer->blocks, &step->transaction->head);
}

static void send_cancel(struct transaction_step *step) {
  cancel_with(step, step->text);
}

static void cancel_and_tell(struct transaction_step *step) {
  tell_provisional(step);
  cancel_with(step, block_store_view(step->layer->blocks, &step->transaction->head));
}

const struct transaction_machine invite_client_machine = {
    .is_client = true,
    .states =
        {
#define STATE TRANSACTION_STATE_ENTRY
#include "transaction/invite_client.def"
        },
    .rows =
        {
#define ROW TRANSACTION_ROW_ENTRY
#include "transaction/invite_client.def"
        },
};
