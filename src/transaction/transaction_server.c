/* The server side of the door: building, sending and keeping responses.
 *
 *   head:  Via …, From, To, Call-ID, CSeq, Timestamp   as every response repeats them; [Request-URI of an RFC 2543
 * request] */
#include "parameters/parameters.h"
#include "transaction/transaction_private.h"

#define LINE_MARGIN_BYTES 256
#define TAG_DIGITS        16

/* Over UDP the source address, and its port when the Via asks for that, else the sent-by's port. `maddr` is ignored: we
 * do not listen on multicast addresses, and to obey it would let a stranger aim our responses at others. */
struct flow transaction_server_flow(const struct sip_via *via, const struct flow *source) {
  struct flow flow = *source;
  if (flow.transport == TRANSPORT_UDP && !via->has_rport) flow.remote.port = transaction_via_port(via);
  return flow;
}

static bool has_answered(const struct transaction *transaction) {
  return transaction->state == TRANSACTION_COMPLETED || transaction->state == TRANSACTION_CONFIRMED ||
         transaction->state == TRANSACTION_ACCEPTED;
}

static struct str_view head_of(const struct transaction_layer *layer, const struct transaction *transaction) {
  struct str_view head = block_store_view(layer->blocks, &transaction->head);
  head.length -= transaction->legacy_uri_length < head.length ? transaction->legacy_uri_length : head.length;
  return head;
}

/* --- building ---------------------------------------------------------------------------------------------------- */

/* Where the line of the To header field ends, before its CRLF. The head is our own writing: one line a field, long
 * names. */
static size_t end_of_to(struct str_view head) {
  for (size_t start = 0; start < head.length;) {
    struct str_view rest = str_view_from(head, start);
    size_t length = str_view_find(rest, '\r');
    if (str_view_starts_with(rest, STR_VIEW("To:"))) return start + length;
    start += length + 2;
  }
  return 0;
}

static void add_head(struct text_builder *builder, struct str_view head, struct str_view to_tag) {
  size_t at = to_tag.length > 0 ? end_of_to(head) : 0;
  text_builder_add(builder, str_view_slice(head, 0, at));
  if (at > 0) {
    text_builder_add_literal(builder, ";tag=");
    text_builder_add(builder, to_tag);
  }
  text_builder_add(builder, str_view_from(head, at));
}

void transaction_server_add_head(const struct transaction_layer *layer, const struct transaction *transaction,
                                 struct str_view to_tag, struct text_builder *builder) {
  add_head(builder, head_of(layer, transaction), transaction->has_to_tag ? (struct str_view){0} : to_tag);
}

enum result transaction_build_response(struct transaction_layer *layer, struct handle handle, unsigned status,
                                       struct str_view reason, struct str_view to_tag, struct text_builder *builder) {
  const struct transaction *transaction = transaction_table_get(layer, handle);
  if (!transaction || transaction_machine_of(transaction)->is_client) return RESULT_NOT_FOUND;
  if (has_answered(transaction)) return RESULT_WRONG_STATE;
  struct str_view head = head_of(layer, transaction);
  sip_build_status_line(builder, status, reason);
  add_head(builder, head, status == 100 || transaction->has_to_tag ? (struct str_view){0} : to_tag);
  return RESULT_OK;
}

struct str_view transaction_server_build_simple(struct transaction_layer *layer, struct context *context,
                                                const struct transaction *transaction, unsigned status,
                                                struct str_view to_tag, struct str_view extra_headers) {
  struct text_builder builder = arena_builder(context->arena, transaction->head.length + to_tag.length +
                                                                  extra_headers.length + LINE_MARGIN_BYTES);
  enum result result =
      transaction_build_response(layer, transaction->self, status, (struct str_view){0}, to_tag, &builder);
  text_builder_add(&builder, extra_headers);
  sip_build_end(&builder, (struct str_view){0}, (struct str_view){0});
  return result == RESULT_OK && !builder.overflowed ? text_builder_view(&builder) : (struct str_view){0};
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

void transaction_server_send_trying(struct transaction_step *step) {
  if (step->transaction->disowned) return; /* its user chose silence */
  struct str_view none = {0};
  struct str_view trying =
      transaction_server_build_simple(step->layer, step->context, step->transaction, 100, none, none);
  if (trying.length == 0) return;
  transaction_send_text(step->context, step->transaction, trying);
  counters_add(step->context->counters, responses_sent);
}

void transaction_server_answer(struct transaction_step *step) {
  transaction_send_text(step->context, step->transaction, step->text);
  counters_add(step->context->counters, responses_sent);
  step->result = block_store_set(step->layer->blocks, &step->transaction->kept, step->text);
}

/* Over reliable transports a final response that ends the transaction at once need not be kept; one to an INVITE must,
 * for its topmost Via, by which the ACK is matched. */
void transaction_server_answer_final(struct transaction_step *step) {
  struct transaction *transaction = step->transaction;
  bool ends_now =
      transaction->machine == TRANSACTION_NON_INVITE_SERVER && transport_is_stream(transaction->flow.transport);
  if (ends_now) {
    transaction_send_text(step->context, transaction, step->text);
    counters_add(step->context->counters, responses_sent);
    return;
  }
  transaction_server_answer(step);
  if (step->result == RESULT_OK && !transaction->legacy)
    block_store_clear(step->layer->blocks, &transaction->head);
  else if (step->result != RESULT_OK)
    block_store_clear(step->layer->blocks, &transaction->kept);
}

void transaction_server_forget_answer(struct transaction_layer *layer, struct transaction *transaction) {
  if (transaction->legacy || transaction->head.size_class != 0) return;
  char line[LINE_MARGIN_BYTES];
  struct text_builder builder = text_builder_over(line, sizeof line);
  text_builder_add_literal(&builder, "Via: ");
  text_builder_add(&builder, transaction_table_kept_via(layer, transaction));
  text_builder_add_literal(&builder, "\r\n");
  if (builder.overflowed) return;
  if (block_store_set(layer->blocks, &transaction->head, text_builder_view(&builder)) == RESULT_OK)
    block_store_clear(layer->blocks, &transaction->kept);
}

void transaction_server_tell_unreachable(struct transaction_step *step) {
  struct transaction *transaction = step->transaction;
  transaction_table_unlist(step->layer, transaction);
  struct sip_via via;
  if (transport_is_stream(transaction->flow.transport) &&
      sip_via_parse(transaction_table_kept_via(step->layer, transaction), &via) == RESULT_OK) {
    transaction->flow.connection = 0;
    transaction->flow.remote.port = transaction_via_port(&via);
  }
  transaction_tell(step, TRANSACTION_NEWS_UNREACHABLE);
}

/* --- the door ---------------------------------------------------------------------------------------------------- */

void transaction_set_owner(struct transaction_layer *layer, struct handle handle, struct transaction_owner owner) {
  struct transaction *transaction = transaction_table_get(layer, handle);
  if (transaction) transaction->owner = owner;
}

static enum transaction_event answer_event(unsigned status) {
  if (status < 200) return TRANSACTION_EVENT_ANSWER_PROVISIONAL;
  return status < 300 ? TRANSACTION_EVENT_ANSWER_SUCCESS : TRANSACTION_EVENT_ANSWER_FAILURE;
}

enum result transaction_respond(struct transaction_layer *layer, struct context *context, struct handle handle,
                                unsigned status, struct str_view response) {
  struct transaction *transaction = transaction_table_get(layer, handle);
  if (!transaction || transaction_machine_of(transaction)->is_client) return RESULT_NOT_FOUND;
  /* RFC 4320 4.2: it would come too late to be of use. */
  if (status == 408 && transaction->machine == TRANSACTION_NON_INVITE_SERVER) return RESULT_REFUSED;
  if (status >= 300) transaction_table_forget_merge(layer, transaction);
  struct transaction_step step = {.layer = layer, .context = context, .transaction = transaction, .text = response};
  transaction_machine_step(&step, answer_event(status));
  return step.result;
}

enum result transaction_respond_simple(struct transaction_layer *layer, struct context *context, struct handle handle,
                                       unsigned status, struct str_view to_tag, struct str_view extra_headers) {
  const struct transaction *transaction = transaction_table_get(layer, handle);
  if (!transaction || transaction_machine_of(transaction)->is_client) return RESULT_NOT_FOUND;
  if (has_answered(transaction)) return RESULT_WRONG_STATE;
  struct str_view response =
      transaction_server_build_simple(layer, context, transaction, status, to_tag, extra_headers);
  if (response.length == 0) return RESULT_FULL;
  return transaction_respond(layer, context, handle, status, response);
}

enum result transaction_resend_final(struct transaction_layer *layer, struct context *context, struct handle handle) {
  struct transaction *transaction = transaction_table_get(layer, handle);
  if (!transaction || transaction_machine_of(transaction)->is_client) return RESULT_NOT_FOUND;
  struct transaction_step step = {.layer = layer, .context = context, .transaction = transaction};
  transaction_machine_step(&step, TRANSACTION_EVENT_ANSWER_AGAIN);
  return step.result;
}

/* --- without state ----------------------------------------------------------------------------------------------- */

/* The same tag for the same request, so that its retransmission gets the same response (RFC 3261 8.2.7). */
static struct str_view stateless_tag(const struct context *context, const struct sip_message *request, char *digits) {
  const struct siphash_key *key = &context->local->steering_key;
  uint64_t parts[3] = {siphash(key, request->call_id.data, request->call_id.length),
                       siphash(key, request->from_tag.data, request->from_tag.length), request->cseq};
  struct text_builder builder = text_builder_over(digits, TAG_DIGITS);
  text_builder_add_hex(&builder, siphash(key, parts, sizeof parts), TAG_DIGITS);
  return text_builder_view(&builder);
}

/* Keep-alives are agreed upon for a registration or a dialog (RFC 6223 §4.1). */
uint32_t transaction_keep_s(const struct context *context, const struct sip_message *request) {
  bool is_meant = request->method == SIP_METHOD_REGISTER || request->method == SIP_METHOD_INVITE ||
                  request->method == SIP_METHOD_UPDATE;
  return is_meant ? context->parameters->SS_SIP_NAT_KEEP_ALIVE_PERIOD : 0;
}

void transaction_build_stateless(const struct context *context, const struct sip_message *request,
                                 const struct flow *flow, unsigned status, struct str_view to_tag,
                                 struct text_builder *builder) {
  sip_build_status_line(builder, status, (struct str_view){0});
  sip_build_response_block_keeping(builder, request, &flow->remote, to_tag, transaction_keep_s(context, request));
}

void transaction_send_stateless(struct context *context, const struct sip_message *request, const struct flow *flow,
                                struct str_view response) {
  struct sip_via via;
  struct flow answer_flow =
      sip_message_top_via(request, &via) == RESULT_OK ? transaction_server_flow(&via, flow) : *flow;
  outbox_send(context->outbox, &answer_flow, response);
}

void transaction_respond_stateless(struct context *context, const struct sip_message *request, const struct flow *flow,
                                   unsigned status, struct str_view extra_headers) {
  if (!request->is_request || request->method == SIP_METHOD_ACK) return;
  struct text_builder builder =
      arena_builder(context->arena, request->bytes.length + extra_headers.length + LINE_MARGIN_BYTES);
  char digits[TAG_DIGITS];
  transaction_build_stateless(context, request, flow, status, stateless_tag(context, request, digits), &builder);
  text_builder_add(&builder, extra_headers);
  sip_build_end(&builder, (struct str_view){0}, (struct str_view){0});
  if (builder.overflowed) return;
  transaction_send_stateless(context, request, flow, text_builder_view(&builder));
  counters_add(context->counters, responses_sent);
}
