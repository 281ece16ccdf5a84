/* Reliable provisional responses (RFC 3262), ours and those of the peer. */
#include "dialog/dialog_private.h"
#include "sip/sip_build.h"
#include "sip/sip_header_values.h"

#define T1_MS          500
#define GIVE_UP_MS     (64 * T1_MS)
#define FIRST_RSEQ_MAX 0x7fffffffu /* §3: between 1 and 2**31 − 1, chosen evenly */

/* --- as UAS ------------------------------------------------------------------------------------------------------ */

void dialog_provisional_give(struct dialog_table *table, struct dialog *dialog) {
  if (!dialog->provisional) return;
  block_store_clear(table->blocks, &dialog->provisional->response);
  pool_give(&table->provisionals, dialog->provisional);
  dialog->provisional = NULL;
}

/* A final response ends the resending; a PRACK that is still under way will be answered (§3). */
void dialog_provisional_stop(struct dialog_table *table, struct dialog *dialog) {
  if (!dialog->provisional) return;
  if (dialog->provisional->is_unacknowledged)
    block_store_clear(table->blocks, &dialog->provisional->response);
  else
    dialog_provisional_give(table, dialog);
}

/* The response with RSeq as the last of its header fields. */
static struct str_view insert_rseq(struct arena *arena, struct str_view response, uint32_t rseq) {
  const char *blank_line = memmem(response.data, response.length, "\r\n\r\n", 4);
  if (!blank_line) return (struct str_view){0};
  size_t headers_length = (size_t)(blank_line - response.data) + 2;
  struct text_builder text = arena_builder(arena, response.length + 24);
  text_builder_add(&text, str_view_slice(response, 0, headers_length));
  sip_build_header_u32(&text, SIP_HEADER_RSEQ, rseq);
  text_builder_add(&text, str_view_from(response, headers_length));
  return text.overflowed ? (struct str_view){0} : text_builder_view(&text);
}

static bool is_waiting(const struct dialog_provisional *provisional) {
  return provisional && provisional->is_unacknowledged && provisional->response.size_class != 0;
}

/* The number of the next response: one more than the last to this INVITE, or a new first one. */
static uint32_t next_rseq(const struct dialog *dialog, struct random *random) {
  const struct dialog_provisional *provisional = dialog->provisional;
  if (provisional && provisional->rseq != 0 && provisional->cseq == dialog->remote_invite_cseq)
    return provisional->rseq + 1;
  return random_between(random, 1, FIRST_RSEQ_MAX);
}

static enum result keep_provisional(struct dialog_table *table, struct dialog *dialog, struct str_view bytes) {
  struct handle unused;
  if (!dialog->provisional) dialog->provisional = pool_take(&table->provisionals, &unused);
  if (!dialog->provisional) return RESULT_FULL;
  return block_store_set(table->blocks, &dialog->provisional->response, bytes);
}

enum result dialog_send_reliable(struct dialog_table *table, struct context *context, struct handle handle,
                                 struct handle transaction, unsigned status, struct str_view response) {
  struct dialog *dialog = dialog_at(table, handle);
  if (!dialog) return RESULT_NOT_FOUND;
  if (is_waiting(dialog->provisional)) return RESULT_WRONG_STATE;
  uint32_t rseq = next_rseq(dialog, context->random);
  struct str_view bytes = insert_rseq(context->arena, response, rseq);
  if (bytes.length == 0 || keep_provisional(table, dialog, bytes) != RESULT_OK) return RESULT_FULL;
  struct dialog_provisional *provisional = dialog->provisional;
  provisional->transaction = transaction;
  provisional->status = (uint16_t)status;
  provisional->rseq = rseq;
  provisional->cseq = dialog->remote_invite_cseq;
  provisional->is_unacknowledged = true;
  provisional->sent_at = context->now;
  provisional->resend_at = mono_ms_add(context->now, T1_MS);
  enum result result = transaction_respond(table->transactions, context, transaction, status, bytes);
  if (result != RESULT_OK && result != RESULT_FULL) { /* FULL is sent, and we have our own copy */
    provisional->is_unacknowledged = false;
    block_store_clear(table->blocks, &provisional->response);
    return result;
  }
  dialog_settle_target(table, context, dialog, SIP_METHOD_INVITE, true); /* RFC 6141 §4.6 */
  return RESULT_OK;
}

/* The waits double without bound (§3: T2 is no cap here), so the next moment is as far after this one as this one is
 * after the start, and T1 more. */
static struct mono_ms next_moment(const struct dialog_provisional *provisional) {
  int64_t passed_ms = mono_ms_since(provisional->resend_at, provisional->sent_at);
  int64_t next_ms = 2 * passed_ms + T1_MS;
  return mono_ms_add(provisional->sent_at, next_ms < GIVE_UP_MS ? next_ms : GIVE_UP_MS);
}

enum result dialog_provisional_due(struct dialog_table *table, struct context *context, struct handle handle,
                                   struct mono_ms *again_out) {
  struct dialog *dialog = dialog_at(table, handle);
  *again_out = context->now;
  if (!dialog || !is_waiting(dialog->provisional)) return RESULT_NOT_FOUND;
  struct dialog_provisional *provisional = dialog->provisional;
  if (mono_ms_since(context->now, provisional->sent_at) >= GIVE_UP_MS) {
    block_store_clear(table->blocks, &provisional->response);
    return RESULT_TIMED_OUT;
  }
  if (!mono_ms_before(context->now, provisional->resend_at)) {
    struct str_view bytes = block_store_view(table->blocks, &provisional->response);
    enum result result =
        transaction_respond(table->transactions, context, provisional->transaction, provisional->status, bytes);
    if (result != RESULT_OK && result != RESULT_FULL) {
      dialog_provisional_stop(table, dialog); /* the INVITE is answered already, or its transaction gone */
      return RESULT_NOT_FOUND;
    }
    provisional->resend_at = next_moment(provisional);
  }
  *again_out = provisional->resend_at;
  return RESULT_OK;
}

enum result dialog_receive_prack(struct dialog_table *table, struct handle handle, const struct sip_message *prack) {
  struct dialog *dialog = dialog_at(table, handle);
  struct sip_rack rack;
  if (!dialog || !dialog->provisional || !dialog->provisional->is_unacknowledged) return RESULT_NOT_FOUND;
  const struct dialog_provisional *provisional = dialog->provisional;
  if (sip_rack_parse(sip_message_header(prack, SIP_HEADER_RACK), &rack) != RESULT_OK) return RESULT_NOT_FOUND;
  if (rack.rseq != provisional->rseq || rack.cseq != provisional->cseq ||
      sip_method_from_text(rack.method_text) != SIP_METHOD_INVITE)
    return RESULT_NOT_FOUND;
  dialog->provisional->is_unacknowledged = false;
  block_store_clear(table->blocks, &dialog->provisional->response);
  return RESULT_OK;
}

bool dialog_provisional_is_pending(const struct dialog_table *table, struct handle handle) {
  const struct dialog *dialog = dialog_at(table, handle);
  return dialog && is_waiting(dialog->provisional);
}

/* --- as UAC ------------------------------------------------------------------------------------------------------ */

static enum result read_rseq(const struct sip_message *response, uint32_t *rseq_out) {
  if (response->status <= 100 || response->status >= 200) return RESULT_UNSUPPORTED;
  if (!sip_message_lists_token(response, SIP_HEADER_REQUIRE, STR_VIEW("100rel"))) return RESULT_UNSUPPORTED;
  if (!str_view_to_u32(sip_message_header(response, SIP_HEADER_RSEQ), rseq_out) || *rseq_out == 0)
    return RESULT_MALFORMED;
  return RESULT_OK;
}

enum result dialog_check_reliable(struct dialog_table *table, struct handle handle, unsigned branch,
                                  const struct sip_message *response) {
  struct dialog *dialog = dialog_at(table, handle);
  struct remote_end *end = dialog ? remote_end_by_number(dialog, branch) : NULL;
  uint32_t rseq;
  if (!end) return RESULT_NOT_FOUND;
  enum result result = read_rseq(response, &rseq);
  if (result != RESULT_OK) return result;
  if (end->received_rseq != 0 && rseq != end->received_rseq + 1) return RESULT_EXISTS;
  end->received_rseq = rseq;
  return RESULT_OK;
}

enum result dialog_send_prack(struct dialog_table *table, struct context *context, struct handle handle,
                              unsigned branch, const struct sip_message *response, const struct dialog_request *request,
                              struct handle *transaction_out) {
  struct dialog *dialog = dialog_at(table, handle);
  struct remote_end *end = dialog ? remote_end_by_number(dialog, branch) : NULL;
  uint32_t rseq;
  *transaction_out = HANDLE_NONE;
  if (!end || branch == REMOTE_END_INVITED) return RESULT_NOT_FOUND;
  if (dialog->state == DIALOG_ENDED) return RESULT_WRONG_STATE;
  enum result result = read_rseq(response, &rseq);
  if (result != RESULT_OK) return result;
  char memory[64];
  struct text_builder rack = text_builder_over(memory, sizeof memory);
  text_builder_add_u64(&rack, rseq);
  text_builder_add_char(&rack, ' ');
  text_builder_add_u64(&rack, response->cseq);
  text_builder_add_literal(&rack, " INVITE");
  struct text_builder headers = arena_builder(context->arena, request->extra_headers.length + 80);
  sip_build_header(&headers, SIP_HEADER_RACK, text_builder_view(&rack));
  text_builder_add(&headers, request->extra_headers);
  if (headers.overflowed) return RESULT_FULL;
  struct dialog_request prack = *request;
  prack.method = SIP_METHOD_PRACK;
  prack.extra_headers = text_builder_view(&headers);
  return dialog_send_to(table, context, dialog, end, &prack, transaction_out);
}
