/* What comes in: each message to its transaction, or to a new one, or away. */
#include "transaction/transaction_private.h"

#define BLOCK_MARGIN_BYTES  256
#define RETRY_AFTER_LEAST_S 2
#define RETRY_AFTER_MOST_S  10

static const struct transaction_news no_news = {.kind = TRANSACTION_NEWS_NONE};

/* --- responses (RFC 3261 17.1.3) --------------------------------------------------------------------------------- */

/* That the branch is ours is proved by its 64 random bits; the sent-by (18.1.2) is not looked at, since
 * address-rewriting routers change it on the way and forget to change it back. */
static struct transaction *find_client(const struct transaction_layer *layer, const struct sip_message *message) {
  struct sip_via via;
  /* A second Via value: it was meant for somebody behind us (RFC 3261 8.1.3.3). */
  if (!sip_message_has_one_via(message) || sip_message_top_via(message, &via) != RESULT_OK) return NULL;
  struct transaction *transaction = transaction_client_find(layer, via.branch);
  if (transaction && message->method == SIP_METHOD_CANCEL && transaction->machine == TRANSACTION_INVITE_CLIENT)
    transaction = transaction_table_get(layer, transaction->peer);
  if (!transaction || transaction->method != message->method || transaction->state == TRANSACTION_START) return NULL;
  return transaction;
}

static enum transaction_event response_event(unsigned status) {
  if (status < 200) return TRANSACTION_EVENT_PROVISIONAL;
  return status < 300 ? TRANSACTION_EVENT_SUCCESS : TRANSACTION_EVENT_FAILURE;
}

static struct transaction_news receive_response(struct transaction_step *step, const struct flow *flow) {
  struct transaction *transaction = find_client(step->layer, step->message);
  if (!transaction) {
    counters_add(step->context->counters, responses_stray);
    return no_news;
  }
  /* The connection that was opened for us now has a number: ACK and CANCEL take the same one. */
  struct flow *own = &transaction->flow;
  if (own->connection == 0 && own->transport == flow->transport && address_equal(&own->remote, &flow->remote))
    own->connection = flow->connection;
  step->transaction = transaction;
  transaction_machine_step(step, response_event(step->message->status));
  return step->news;
}

/* --- new requests ------------------------------------------------------------------------------------------------ */

static bool is_long_or_dear(const struct sip_message *request) {
  return request->method == SIP_METHOD_INVITE || request->method == SIP_METHOD_REGISTER;
}

static bool is_too_much(const struct context *context, const struct sip_message *request) {
  if (context->overloaded) return is_long_or_dear(request);
  return context->records_crowded && request->method == SIP_METHOD_INVITE;
}

/* What has been refused for want of room is refused again while copies may come out of a queue or the network: the
 * client has gone elsewhere by then. */
static bool was_refused(const struct transaction_step *step, const struct transaction_key *key) {
  const struct transaction_refusal *refusal = &step->layer->refusals[key->hash % TRANSACTION_REFUSALS_MAX];
  return refusal->hash == key->hash && mono_ms_before(step->context->now, refusal->until);
}

/* Without state, but for what is new and long or dear: one attempt is told once. */
static struct transaction_news refuse(const struct transaction_step *step, const struct transaction_key *key,
                                      const struct flow *flow) {
  const struct sip_message *request = step->message;
  char line[64];
  struct text_builder builder = text_builder_over(line, sizeof line);
  sip_build_header_u32(&builder, SIP_HEADER_RETRY_AFTER,
                       random_between(step->context->random, RETRY_AFTER_LEAST_S, RETRY_AFTER_MOST_S));
  transaction_respond_stateless(step->context, request, flow, 503, text_builder_view(&builder));
  if (!is_long_or_dear(request) || request->to_tag.length > 0 || was_refused(step, key)) return no_news;
  step->layer->refusals[key->hash % TRANSACTION_REFUSALS_MAX] = (struct transaction_refusal){
      .hash = key->hash, .until = mono_ms_add(step->context->now, sip_timer_ms(SIP_TIMER_B))};
  bool is_attempt = request->method == SIP_METHOD_INVITE;
  return (struct transaction_news){.kind = is_attempt ? TRANSACTION_NEWS_REFUSED : TRANSACTION_NEWS_NONE,
                                   .method = request->method};
}

static enum result keep_head(const struct transaction_step *step, struct transaction *transaction,
                             const struct transaction_key *key, const struct flow *flow) {
  const struct sip_message *request = step->message;
  struct text_builder builder =
      arena_builder(step->context->arena, request->bytes.length + request->request_uri.length + BLOCK_MARGIN_BYTES);
  sip_build_response_block_keeping(&builder, request, &flow->remote, (struct str_view){0},
                                   transaction_keep_s(step->context, request));
  if (key->legacy) {
    transaction->legacy = true;
    transaction->legacy_uri_length = (uint16_t)request->request_uri.length;
    text_builder_add(&builder, request->request_uri);
  }
  if (builder.overflowed) return RESULT_FULL;
  return block_store_set(step->layer->blocks, &transaction->head, text_builder_view(&builder));
}

/* Takes a slot for a new request and puts it into the index; NULL when there is no room, and then the request has been
 * answered 503. */
static struct transaction *begin_server(struct transaction_step *step, const struct transaction_key *key,
                                        const struct flow *flow, bool fresh) {
  struct transaction_layer *layer = step->layer;
  struct transaction *transaction = transaction_table_take(layer, fresh);
  if (!transaction) return NULL;
  bool is_invite = step->message->method == SIP_METHOD_INVITE;
  transaction->machine = is_invite ? TRANSACTION_INVITE_SERVER : TRANSACTION_NON_INVITE_SERVER;
  transaction->method = (uint8_t)step->message->method;
  transaction->has_to_tag = step->message->to_tag.length > 0;
  transaction->flow = transaction_server_flow(&key->via, flow);
  if (keep_head(step, transaction, key, flow) != RESULT_OK) {
    transaction_table_give(layer, step->context, transaction);
    return NULL;
  }
  transaction_machine_begin(step->context, transaction);
  transaction_table_index(layer, transaction, key);
  /* Nobody is told of datagrams that could not reach the client of another request than INVITE. */
  if (is_invite || transport_is_stream(flow->transport)) transaction_table_list(layer, transaction);
  return transaction;
}

static struct transaction_news begin_new(struct transaction_step *step, const struct transaction_key *key,
                                         const struct flow *flow) {
  const struct sip_message *request = step->message;
  bool is_fresh = request->to_tag.length == 0;
  uint64_t merge_hash = is_fresh ? transaction_table_merge_hash(step->layer, request) : 0;
  if (is_fresh && transaction_table_is_merged(step->layer, merge_hash)) {
    /* Without state: its retransmission meets the same answer here. */
    transaction_respond_stateless(step->context, request, flow, 482, (struct str_view){0});
    return no_news;
  }
  struct transaction *transaction = begin_server(step, key, flow, is_fresh);
  if (!transaction) {
    counters_add(step->context->counters, transactions_refused_full);
    return refuse(step, key, flow);
  }
  if (is_fresh) transaction_table_note_merge(step->layer, transaction, merge_hash);
  step->transaction = transaction;
  transaction_machine_step(step, TRANSACTION_EVENT_REQUEST);
  return step->news;
}

static struct transaction_news receive_new(struct transaction_step *step, const struct transaction_key *key,
                                           const struct flow *flow) {
  const struct sip_message *request = step->message;
  bool is_fresh = request->to_tag.length == 0;
  if (is_fresh && (is_too_much(step->context, request) || (is_long_or_dear(request) && was_refused(step, key)))) {
    /* An overloaded worker begins nothing new that is long or dear; what it has begun it finishes. */
    counters_add(step->context->counters, overload_refused);
    return refuse(step, key, flow);
  }
  if (is_fresh && request->method == SIP_METHOD_REGISTER) /* new or not: its user knows, and counts it */
    return (struct transaction_news){.kind = TRANSACTION_NEWS_REQUEST, .method = SIP_METHOD_REGISTER};
  counters_add(step->context->counters, requests_received);
  return begin_new(step, key, flow);
}

enum result transaction_accept(struct transaction_layer *layer, struct context *context,
                               const struct sip_message *request, const struct flow *flow,
                               struct handle *transaction_out) {
  struct transaction_step step = {.layer = layer, .context = context, .message = request};
  struct transaction_key key;
  *transaction_out = HANDLE_NONE;
  if (transaction_key_of(layer, context, request, &key) != RESULT_OK) return RESULT_MALFORMED;
  struct transaction_news news = begin_new(&step, &key, flow);
  *transaction_out = news.transaction;
  return news.kind == TRANSACTION_NEWS_REQUEST ? RESULT_OK : RESULT_REFUSED;
}

/* --- CANCEL (RFC 3261 9.2) --------------------------------------------------------------------------------------- */

/* The response to CANCEL should have the To tag of the response to the INVITE, where that has been given one. */
static struct str_view tag_for_cancel(const struct transaction_step *step, const struct transaction *invite,
                                      char digits[16]) {
  struct sip_message response;
  if (transaction_table_read_response(step->layer, step->context, invite, &response) == RESULT_OK &&
      response.to_tag.length > 0)
    return response.to_tag;
  struct text_builder builder = text_builder_over(digits, 16);
  text_builder_add_hex(&builder, random_u64(step->context->random), 16);
  return text_builder_view(&builder);
}

static struct transaction_news receive_cancel(struct transaction_step *step, struct transaction_key *key,
                                              const struct flow *flow) {
  struct transaction_layer *layer = step->layer;
  struct transaction_key own_key = *key;
  transaction_key_hash(layer, key, false);
  struct transaction *invite = transaction_table_find(layer, step->context, key, true);
  if (!invite) {
    transaction_respond_stateless(step->context, step->message, flow, 481, (struct str_view){0});
    return no_news;
  }
  struct transaction *cancel = begin_server(step, &own_key, flow, false);
  if (cancel) {
    char digits[16];
    struct str_view tag = tag_for_cancel(step, invite, digits);
    counters_add(step->context->counters, requests_received);
    cancel->disowned = true;
    step->transaction = cancel;
    struct handle handle = cancel->self;
    transaction_machine_step(step, TRANSACTION_EVENT_REQUEST);
    (void)transaction_respond_simple(layer, step->context, handle, 200, tag, (struct str_view){0});
  } else {
    transaction_respond_stateless(step->context, step->message, flow, 200, (struct str_view){0});
  }
  step->transaction = invite;
  transaction_machine_step(step, TRANSACTION_EVENT_CANCEL);
  return step->news;
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

static struct transaction_news receive_request(struct transaction_step *step, const struct flow *flow) {
  struct transaction_key key;
  const struct sip_message *request = step->message;
  if (transaction_key_of(step->layer, step->context, request, &key) != RESULT_OK) return no_news;
  struct transaction *transaction = transaction_table_find(step->layer, step->context, &key, false);
  if (transaction) {
    step->transaction = transaction;
    transaction_machine_step(step,
                             request->method == SIP_METHOD_ACK ? TRANSACTION_EVENT_ACK : TRANSACTION_EVENT_REQUEST);
    return step->news;
  }
  if (request->method == SIP_METHOD_ACK) {
    counters_add(step->context->counters, requests_received);
    return (struct transaction_news){.kind = TRANSACTION_NEWS_ACK, .method = SIP_METHOD_ACK};
  }
  if (request->method == SIP_METHOD_CANCEL) return receive_cancel(step, &key, flow);
  return receive_new(step, &key, flow);
}

struct transaction_news transaction_receive(struct transaction_layer *layer, struct context *context,
                                            const struct sip_message *message, const struct flow *flow) {
  struct transaction_step step = {.layer = layer, .context = context, .message = message};
  return message->is_request ? receive_request(&step, flow) : receive_response(&step, flow);
}
