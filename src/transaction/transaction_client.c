/* The client side of the door: branches, sending, CANCEL.
 *
 *   branch:  z9hG4bK  01      0000002a  00000007    5f0c6a1e9d3b8e42
 *            cookie   worker  slot      generation  64 random bits
 *
 * Generation 0 is never given out: it marks branches of requests without transaction. */
#include "transaction/transaction_private.h"

#define COOKIE           "z9hG4bK"
#define COOKIE_LENGTH    7
#define WORKER_DIGITS    2
#define HANDLE_DIGITS    16
#define RANDOM_DIGITS    16
#define BRANCH_LENGTH    (COOKIE_LENGTH + WORKER_DIGITS + HANDLE_DIGITS + RANDOM_DIGITS)
#define UDP_REQUEST_MOST 1300
#define NO_TCP_MS        (5 * 60 * 1000)
#define PARSE_SLACK      64

/* --- branches ---------------------------------------------------------------------------------------------------- */

static struct str_view build_branch(struct context *context, struct handle handle, uint64_t random_bits) {
  struct text_builder builder = arena_builder(context->arena, BRANCH_LENGTH);
  text_builder_add_literal(&builder, COOKIE);
  text_builder_add_hex(&builder, context->local->worker, WORKER_DIGITS);
  text_builder_add_hex(&builder, (uint64_t)handle.index << 32 | handle.generation, HANDLE_DIGITS);
  text_builder_add_hex(&builder, random_bits, RANDOM_DIGITS);
  return builder.overflowed ? (struct str_view){0} : text_builder_view(&builder);
}

struct str_view transaction_client_branch(struct context *context, const struct transaction *transaction) {
  return build_branch(context, transaction->self, transaction->hash);
}

struct str_view transaction_stateless_branch(struct context *context, uint64_t random_bits) {
  return build_branch(context, HANDLE_NONE, random_bits);
}

struct branch_parts {
  uint8_t worker;
  struct handle handle;
  uint64_t random_bits;
};

static bool read_branch(struct str_view branch, struct branch_parts *out) {
  uint64_t worker, handle;
  if (branch.length != BRANCH_LENGTH || memcmp(branch.data, COOKIE, COOKIE_LENGTH) != 0) return false;
  if (!str_view_hex_to_u64(str_view_slice(branch, COOKIE_LENGTH, WORKER_DIGITS), &worker) ||
      !str_view_hex_to_u64(str_view_slice(branch, COOKIE_LENGTH + WORKER_DIGITS, HANDLE_DIGITS), &handle) ||
      !str_view_hex_to_u64(str_view_from(branch, BRANCH_LENGTH - RANDOM_DIGITS), &out->random_bits))
    return false;
  out->worker = (uint8_t)worker;
  out->handle = (struct handle){(uint32_t)(handle >> 32), (uint32_t)handle};
  return true;
}

enum result transaction_branch_worker(struct str_view branch, uint8_t *worker_out) {
  struct branch_parts parts;
  if (!read_branch(branch, &parts)) return RESULT_MALFORMED;
  *worker_out = parts.worker;
  return RESULT_OK;
}

struct transaction *transaction_client_find(const struct transaction_layer *layer, struct str_view branch) {
  struct branch_parts parts;
  if (!read_branch(branch, &parts)) return NULL;
  struct transaction *transaction = transaction_table_get(layer, parts.handle);
  if (!transaction || !transaction_machine_of(transaction)->is_client) return NULL;
  return transaction->hash == parts.random_bits ? transaction : NULL;
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

enum result transaction_begin(struct transaction_layer *layer, struct context *context, enum sip_method method,
                              const struct flow *flow, struct transaction_owner owner, struct handle *transaction_out,
                              struct str_view *branch_out) {
  if (method == SIP_METHOD_ACK || method == SIP_METHOD_CANCEL) return RESULT_UNSUPPORTED;
  transaction_table_ensure_key(layer, context);
  struct transaction *transaction = transaction_table_take(layer, false);
  if (!transaction) return RESULT_FULL;
  transaction->hash = random_u64(context->random);
  *branch_out = transaction_client_branch(context, transaction);
  if (branch_out->length == 0) {
    transaction_table_give(layer, context, transaction);
    return RESULT_FULL;
  }
  transaction->machine = method == SIP_METHOD_INVITE ? TRANSACTION_INVITE_CLIENT : TRANSACTION_NON_INVITE_CLIENT;
  transaction->method = (uint8_t)method;
  transaction->owner = owner;
  transaction->flow = *flow;
  transaction_machine_begin(context, transaction);
  transaction_table_list(layer, transaction);
  *transaction_out = transaction->self;
  return RESULT_OK;
}

/* The socket on which we listen for TCP under the same address as on the UDP socket, so that the Via stays true; or -1.
 */
static int tcp_beside(const struct local_identity *local, unsigned udp_socket) {
  if (udp_socket >= local->socket_count) return -1;
  for (unsigned i = 0; i < local->socket_count; i++)
    if (local->sockets[i].transport == TRANSPORT_TCP &&
        address_equal(&local->sockets[i].advertised, &local->sockets[udp_socket].advertised))
      return (int)i;
  return -1;
}

static int udp_beside(const struct local_identity *local, unsigned tcp_socket) {
  for (unsigned i = 0; i < local->socket_count; i++)
    if (local->sockets[i].transport == TRANSPORT_UDP &&
        address_equal(&local->sockets[i].advertised, &local->sockets[tcp_socket].advertised))
      return (int)i;
  return -1;
}

/* A copy in the arena whose topmost Via names another transport; empty when there is no room or no such Via. */
static struct str_view with_via_transport(struct context *context, struct str_view request, const char *from,
                                          const char *to) {
  size_t line_length = str_view_find(request, '\n');
  struct str_view headers = str_view_from(request, line_length);
  const char *place = memmem(headers.data, headers.length, from, strlen(from));
  char *copy = place ? arena_take(context->arena, request.length) : NULL;
  if (!copy) return (struct str_view){0};
  memcpy(copy, request.data, request.length);
  memcpy(copy + (place - request.data), to, strlen(to));
  return str_view_of(copy, request.length);
}

static void move_to(struct transaction_layer *layer, struct transaction *transaction, enum transport transport,
                    int socket_index) {
  transaction_table_unlist(layer, transaction);
  transaction->flow.transport = (uint8_t)transport;
  transaction->flow.connection = 0;
  transaction->flow.socket_index = (uint16_t)socket_index;
  transaction_table_list(layer, transaction);
}

static struct transaction_no_tcp *no_tcp_slot(struct transaction_layer *layer, const struct address *remote,
                                              uint64_t *who_out) {
  uint8_t bytes[sizeof remote->ip + 2];
  memcpy(bytes, remote->ip, sizeof remote->ip);
  bytes[sizeof remote->ip] = (uint8_t)(remote->port >> 8);
  bytes[sizeof remote->ip + 1] = (uint8_t)remote->port;
  *who_out = siphash(&layer->key, bytes, sizeof bytes);
  return &layer->no_tcp[*who_out % TRANSACTION_NO_TCP_MAX];
}

static bool takes_no_tcp(struct transaction_layer *layer, const struct context *context, const struct address *remote) {
  uint64_t who;
  const struct transaction_no_tcp *slot = no_tcp_slot(layer, remote, &who);
  return slot->who == who && mono_ms_before(context->now, slot->until);
}

static void note_no_tcp(struct transaction_layer *layer, const struct context *context, const struct address *remote) {
  uint64_t who;
  struct transaction_no_tcp *slot = no_tcp_slot(layer, remote, &who);
  *slot = (struct transaction_no_tcp){who, mono_ms_add(context->now, NO_TCP_MS)};
}

/* RFC 3261 18.1.1: beyond 1300 bytes a request goes over a congestion controlled transport. */
static struct str_view prefer_tcp_when_large(struct transaction_layer *layer, struct context *context,
                                             struct transaction *transaction, struct str_view request) {
  if (request.length <= UDP_REQUEST_MOST || transaction->flow.transport != TRANSPORT_UDP) return request;
  if (transaction->keeps_flow || takes_no_tcp(layer, context, &transaction->flow.remote)) return request;
  int socket_index = tcp_beside(context->local, transaction->flow.socket_index);
  if (socket_index < 0) return request;
  struct str_view changed = with_via_transport(context, request, "SIP/2.0/UDP ", "SIP/2.0/TCP ");
  if (changed.length == 0) return request;
  move_to(layer, transaction, TRANSPORT_TCP, socket_index);
  transaction->try_udp = true;
  return changed;
}

enum result transaction_send(struct transaction_layer *layer, struct context *context, struct handle handle,
                             struct str_view request) {
  struct transaction *transaction = transaction_table_get(layer, handle);
  if (!transaction) return RESULT_NOT_FOUND;
  if (transaction->state != TRANSACTION_START || !transaction_machine_of(transaction)->is_client)
    return RESULT_WRONG_STATE;
  struct transaction_step step = {.layer = layer, .context = context, .transaction = transaction};
  step.text = prefer_tcp_when_large(layer, context, transaction, request);
  if (block_store_set(layer->blocks, &transaction->kept, step.text) != RESULT_OK) {
    transaction_table_give(layer, context, transaction);
    return RESULT_FULL;
  }
  transaction_machine_step(&step, TRANSACTION_EVENT_SEND);
  return step.result;
}

void transaction_client_send(struct transaction_step *step) {
  transaction_send_text(step->context, step->transaction, step->text);
  counters_add(step->context->counters, requests_sent);
}

/* Only while nothing has been heard: a connection that brought a response can be had. The timers start anew, as the
 * request does (RFC 3261 18.1.1). */
bool transaction_client_fall_back(struct transaction_layer *layer, struct context *context,
                                  struct transaction *transaction) {
  if (!transaction->try_udp || transaction->answered) return false;
  transaction->try_udp = false;
  note_no_tcp(layer, context, &transaction->flow.remote);
  struct str_view request = block_store_view(layer->blocks, &transaction->kept);
  struct str_view changed = with_via_transport(context, request, "SIP/2.0/TCP ", "SIP/2.0/UDP ");
  int socket_index = udp_beside(context->local, transaction->flow.socket_index);
  if (changed.length == 0 || socket_index < 0) return false;
  if (block_store_set(layer->blocks, &transaction->kept, changed) != RESULT_OK) return false;
  move_to(layer, transaction, TRANSPORT_UDP, socket_index);
  transaction_machine_restart(context, transaction);
  transaction_send_text(context, transaction, changed);
  return true;
}

/* --- another way ------------------------------------------------------------------------------------------------- */

void transaction_keep_flow(struct transaction_layer *layer, struct handle handle) {
  struct transaction *transaction = transaction_table_get(layer, handle);
  if (transaction) transaction->keeps_flow = true;
}

bool transaction_client_may_be_rerouted(const struct transaction *transaction) {
  return transaction_machine_of(transaction)->is_client && transaction->state != TRANSACTION_START &&
         transaction->flow.connection != 0 && !transaction->answered && !transaction->stranded &&
         !transaction->disowned && transaction->owner.kind != TRANSACTION_OWNER_NONE;
}

/* The request as it is to be sent over `flow`; empty when its Via cannot be made true. */
static struct str_view request_for(struct context *context, const struct transaction *transaction,
                                   struct str_view request, const struct flow *flow) {
  const struct local_identity *local = context->local;
  if (flow->transport == transaction->flow.transport && flow->socket_index == transaction->flow.socket_index)
    return request;
  bool to_udp = flow->transport == TRANSPORT_UDP && transaction->flow.transport == TRANSPORT_TCP;
  if (!to_udp || !address_equal(&local->sockets[flow->socket_index].advertised,
                                &local->sockets[transaction->flow.socket_index].advertised))
    return (struct str_view){0};
  return with_via_transport(context, request, "SIP/2.0/TCP ", "SIP/2.0/UDP ");
}

enum result transaction_reroute(struct transaction_layer *layer, struct context *context, struct handle handle,
                                const struct flow *flow) {
  struct transaction *transaction = transaction_table_get(layer, handle);
  if (!transaction || !transaction->stranded || !transaction->failed) return RESULT_NOT_FOUND;
  if (flow_equal(flow, &transaction->flow)) return RESULT_REFUSED;
  struct str_view request = block_store_view(layer->blocks, &transaction->kept);
  struct str_view changed = request_for(context, transaction, request, flow);
  if (changed.length == 0) return RESULT_UNSUPPORTED;
  if (changed.data != request.data && block_store_set(layer->blocks, &transaction->kept, changed) != RESULT_OK)
    return RESULT_FULL;
  transaction_table_unlist(layer, transaction);
  transaction->flow = *flow;
  transaction->failed = false;
  transaction_table_list(layer, transaction);
  transaction_machine_restart(context, transaction);
  transaction_send_text(context, transaction, changed);
  return RESULT_OK;
}

/* --- what comes back --------------------------------------------------------------------------------------------- */

void transaction_client_tell_provisional(struct transaction_step *step) {
  counters_add(step->context->counters, responses_received);
  step->transaction->answered = true;
  transaction_tell(step, TRANSACTION_NEWS_PROVISIONAL);
}

void transaction_client_tell_timed_out(struct transaction_step *step) {
  counters_add(step->context->counters, transactions_timed_out);
  transaction_tell(step, TRANSACTION_NEWS_TIMED_OUT);
}

/* --- CANCEL and loss of interest --------------------------------------------------------------------------------- */

void transaction_cancel(struct transaction_layer *layer, struct context *context, struct handle handle,
                        struct str_view extra_headers) {
  struct transaction *transaction = transaction_table_get(layer, handle);
  if (!transaction || transaction->machine != TRANSACTION_INVITE_CLIENT) return;
  struct transaction_step step = {
      .layer = layer, .context = context, .transaction = transaction, .text = extra_headers};
  transaction_machine_step(&step, TRANSACTION_EVENT_CANCEL);
}

void transaction_disown(struct transaction_layer *layer, struct handle handle) {
  struct transaction *transaction = transaction_table_get(layer, handle);
  if (!transaction) return;
  transaction->disowned = true;
  if (transaction->machine == TRANSACTION_INVITE_SERVER && transaction->state == TRANSACTION_ACCEPTED)
    transaction_server_forget_answer(layer, transaction);
}

static struct str_view copy_kept(const struct transaction_step *step) {
  struct str_view kept = block_store_view(step->layer->blocks, &step->transaction->kept);
  char *copy = arena_take(step->context->arena, kept.length + PARSE_SLACK);
  if (!copy) return (struct str_view){0};
  if (kept.length > 0) memcpy(copy, kept.data, kept.length);
  memset(copy + kept.length, 0, PARSE_SLACK);
  return str_view_of(copy, kept.length);
}

enum result transaction_client_read_kept(const struct transaction_step *step, struct sip_message *message_out) {
  struct str_view copy = copy_kept(step);
  struct sip_defect defect;
  return copy.data ? sip_message_parse(copy, message_out, &defect) : RESULT_FULL;
}

/* RFC 3261 22.2, RFC 4028 7.3. */
struct str_view transaction_client_refused_request(const struct transaction_step *step) {
  unsigned status = step->message->status;
  bool may_come_again = status == 401 || status == 407 || status == 422;
  return may_come_again && !step->transaction->disowned ? copy_kept(step) : (struct str_view){0};
}
