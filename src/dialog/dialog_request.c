/* Requests inside the dialog (§12.2.1.1), the ACK of a 2xx (§13.2.2.4), and responses that make or refresh it. */
#include "base/check.h"
#include "dialog/dialog_private.h"
#include "sip/sip_build.h"

#define MAX_FORWARDS 70 /* §8.1.1.6 */

/* Room for what has no bound of its own here: request line, Via, Max-Forwards, CSeq, Contact, User-Agent and the end.
 */
#define FIXED_LINES_BYTES 768

static const struct local_socket *socket_of(const struct local_identity *local, const struct flow *flow) {
  return &local->sockets[flow->socket_index < local->socket_count ? flow->socket_index : 0];
}

/* What we are called in one message: our tag, and the address that Via and Contact name. */
struct own_names {
  char memory[DIALOG_TAG_LENGTH + ADDRESS_TEXT_BYTES];
  struct str_view tag, sent_by;
  enum transport transport;
};

static void name_ourselves(const struct dialog_table *table, const struct local_identity *local,
                           const struct dialog *dialog, const struct flow *flow, struct own_names *names_out) {
  struct text_builder text = text_builder_over(names_out->memory, sizeof names_out->memory);
  dialog_write_tag(table, dialog, &text);
  names_out->tag = text_builder_view(&text);
  address_to_text(&socket_of(local, flow)->advertised, &text);
  names_out->sent_by = str_view_from(text_builder_view(&text), names_out->tag.length);
  names_out->transport = (enum transport)flow->transport;
}

/* sip:TAG@advertised address: the user part is our tag, so that the dialog of a device that loses tags is found all the
 * same. UDP is what a sip: URI means by itself. */
static void write_contact(const struct dialog *dialog, const struct own_names *names, struct text_builder *builder) {
  sip_build_header_begin(builder, SIP_HEADER_CONTACT);
  text_builder_add(builder, dialog->is_secure ? STR_VIEW("<sips:") : STR_VIEW("<sip:"));
  text_builder_add(builder, names->tag);
  text_builder_add_char(builder, '@');
  text_builder_add(builder, names->sent_by);
  if (names->transport == TRANSPORT_TCP) text_builder_add_literal(builder, ";transport=tcp");
  if (names->transport == TRANSPORT_TLS && !dialog->is_secure) text_builder_add_literal(builder, ";transport=tls");
  text_builder_add_char(builder, '>');
  sip_build_header_end(builder);
}

/* --- building ---------------------------------------------------------------------------------------------------- */

static struct text_builder request_builder(const struct remote_end *end, const struct dialog_request *request,
                                           struct arena *arena) {
  size_t method_bytes = 2 * (request->method_text.length + 16);
  return arena_builder(arena, FIXED_LINES_BYTES + method_bytes + end->request_uri_length + remote_end_lines_bytes(end) +
                                  request->extra_headers.length + request->content_type.length + request->body.length);
}

static void build_request(const struct dialog_table *table, const struct context *context, const struct dialog *dialog,
                          const struct remote_end *end, const struct dialog_request *request, uint32_t cseq,
                          struct str_view branch, struct text_builder *builder) {
  struct own_names names;
  struct str_view method =
      request->method == SIP_METHOD_UNKNOWN ? request->method_text : sip_method_text(request->method);
  name_ourselves(table, context->local, dialog, &end->flow, &names);
  sip_build_request_line(builder, method, remote_end_request_uri(table, end));
  sip_build_via_text(builder, names.transport, names.sent_by, branch);
  sip_build_header_u32(builder, SIP_HEADER_MAX_FORWARDS, request->max_forwards ? request->max_forwards : MAX_FORWARDS);
  remote_end_add_lines(table, end, names.tag, builder);
  sip_build_cseq(builder, cseq, method);
  if (dialog_method_refreshes_target(request->method)) write_contact(dialog, &names, builder);
  sip_build_plain_header(builder, SIP_HEADER_USER_AGENT, STR_VIEW("Belfry"));
  text_builder_add(builder, request->extra_headers);
  sip_build_end(builder, request->content_type, request->body);
}

enum result dialog_send_to(struct dialog_table *table, struct context *context, struct dialog *dialog,
                           const struct remote_end *end, const struct dialog_request *request,
                           struct handle *transaction_out) {
  struct text_builder builder = request_builder(end, request, context->arena);
  struct str_view branch;
  *transaction_out = HANDLE_NONE;
  if (builder.capacity == 0) return RESULT_FULL;
  enum result result = transaction_begin(table->transactions, context, request->method, &end->flow, request->owner,
                                         transaction_out, &branch);
  if (result != RESULT_OK) return result;
  if (dialog->follow_flow || end->is_translated) transaction_keep_flow(table->transactions, *transaction_out);
  /* A number that is used up without being sent is no harm: gaps are allowed (§12.2.2), going back is not. */
  dialog->local_cseq++;
  build_request(table, context, dialog, end, request, dialog->local_cseq, branch, &builder);
  expect_or(!builder.overflowed, return RESULT_FULL); /* a transaction whose request never comes ends by itself */
  return transaction_send(table->transactions, context, *transaction_out, text_builder_view(&builder));
}

/* Its Via says how it went, which for its length may not be how other requests go (§18.1.1). */
enum result dialog_restore_invite(struct dialog_table *table, struct context *context, struct handle handle,
                                  struct packed_reader *reader, struct transaction_owner owner, bool is_answered,
                                  struct handle *transaction_out) {
  const struct dialog *dialog = dialog_at(table, handle);
  const struct dialog_request invite = {.method = SIP_METHOD_INVITE};
  struct transaction_restored restored;
  *transaction_out = HANDLE_NONE;
  if (!dialog) return RESULT_NOT_FOUND;
  enum result result = transaction_restore_client(table->transactions, context, reader, owner, &restored);
  if (result != RESULT_OK) return result;
  struct remote_end end = dialog->end;
  struct text_builder builder = request_builder(&end, &invite, context->arena);
  end.flow = restored.flow;
  build_request(table, context, dialog, &end, &invite, dialog->invite_cseq, restored.branch, &builder);
  if (builder.overflowed) return RESULT_FULL; /* a transaction whose request never comes ends by itself */
  transaction_restore_request(table->transactions, context, restored.transaction, text_builder_view(&builder),
                              is_answered);
  *transaction_out = restored.transaction;
  return RESULT_OK;
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

/* Requests need a remote end that knows our tag. Before the answer only the caller may send BYE (§15). */
static bool may_send(const struct dialog *dialog, enum sip_method method) {
  bool is_bye = method == SIP_METHOD_BYE, is_invite = method == SIP_METHOD_INVITE;
  bool has_end = dialog->end.number != REMOTE_END_INVITED;
  if (dialog->was_confirmed) return dialog->state != DIALOG_ENDED || is_bye;
  if (dialog->is_uac && !has_end) return is_invite && (dialog->state != DIALOG_ENDED || dialog->was_refused);
  if (dialog->is_uac && is_bye) return true;
  return dialog->state == DIALOG_EARLY && !is_invite && !is_bye;
}

/* The last ACK is kept: the 2xx before may still come again. */
static void begin_invite(struct dialog *dialog, uint32_t cseq) {
  if (dialog->is_uac && !dialog->was_confirmed) {
    dialog->invite_cseq = cseq;
    dialog->branch_count = 0;
    dialog->was_refused = false;
    dialog_happens(dialog, DIALOG_EVENT_RETRY);
  }
  dialog->end.received_rseq = 0; /* the numbers of reliable responses are per INVITE (RFC 3262 §3) */
}

enum result dialog_send_request(struct dialog_table *table, struct context *context, struct handle handle,
                                const struct dialog_request *request, struct handle *transaction_out) {
  struct dialog *dialog = dialog_at(table, handle);
  *transaction_out = HANDLE_NONE;
  if (!dialog) return RESULT_NOT_FOUND;
  if (request->method == SIP_METHOD_ACK || request->method == SIP_METHOD_CANCEL) return RESULT_UNSUPPORTED;
  if (!may_send(dialog, request->method)) return RESULT_WRONG_STATE;
  enum result result = dialog_send_to(table, context, dialog, &dialog->end, request, transaction_out);
  if (result != RESULT_OK) return result;
  if (request->method == SIP_METHOD_INVITE) begin_invite(dialog, dialog->local_cseq);
  if (request->method == SIP_METHOD_BYE) dialog_happens(dialog, DIALOG_EVENT_GOODBYE);
  return RESULT_OK;
}

/* --- the ACK of a 2xx -------------------------------------------------------------------------------------------- */

static struct str_view build_ack(const struct dialog_table *table, struct context *context, const struct dialog *dialog,
                                 const struct remote_end *end, const struct dialog_ack *ack, struct str_view branch) {
  struct dialog_request request = {.method = SIP_METHOD_ACK,
                                   .extra_headers = ack->credentials,
                                   .content_type = ack->content_type,
                                   .body = ack->body};
  struct text_builder builder = request_builder(end, &request, context->arena);
  build_request(table, context, dialog, end, &request, ack->cseq, branch, &builder);
  return builder.overflowed ? (struct str_view){0} : text_builder_view(&builder);
}

static enum result send_bytes(struct context *context, const struct flow *flow, struct str_view bytes) {
  if (bytes.length == 0) return RESULT_FULL;
  outbox_send(context->outbox, flow, bytes);
  return RESULT_OK;
}

enum result dialog_send_ack_to(struct dialog_table *table, struct context *context, struct dialog *dialog,
                               struct remote_end *end, const struct dialog_ack *ack) {
  struct str_view branch = transaction_stateless_branch(context, random_u64(context->random));
  return send_bytes(context, &end->flow, build_ack(table, context, dialog, end, ack, branch));
}

/* The ACK of one INVITE always has the same branch, so that one that is sent again is the same ACK: it is made of what
 * the dialog keeps anyhow, our tag's random bits. */
static struct str_view ack_branch(struct context *context, const struct dialog *dialog, uint32_t cseq) {
  return transaction_stateless_branch(context, dialog->random_bits + cseq * UINT64_C(0x9e3779b97f4a7c15));
}

enum result dialog_send_ack(struct dialog_table *table, struct context *context, struct handle handle,
                            const struct dialog_ack *ack) {
  struct dialog *dialog = dialog_at(table, handle);
  if (!dialog) return RESULT_NOT_FOUND;
  if (!dialog->was_confirmed) return RESULT_WRONG_STATE;
  struct str_view bytes = build_ack(table, context, dialog, &dialog->end, ack, ack_branch(context, dialog, ack->cseq));
  enum result result = send_bytes(context, &dialog->end.flow, bytes);
  if (result != RESULT_OK) return result;
  dialog->ack_cseq = ack->cseq;
  block_store_clear(table->blocks, &dialog->ack);
  bool is_bare = ack->body.length == 0 && ack->credentials.length == 0;
  return is_bare ? RESULT_OK : block_store_set(table->blocks, &dialog->ack, bytes);
}

void dialog_resend_ack(struct dialog_table *table, struct context *context, struct handle handle) {
  struct dialog *dialog = dialog_at(table, handle);
  if (!dialog || dialog->ack_cseq == 0) return;
  struct str_view bytes = block_store_view(table->blocks, &dialog->ack);
  if (bytes.length == 0) {
    struct dialog_ack ack = {.cseq = dialog->ack_cseq};
    bytes = build_ack(table, context, dialog, &dialog->end, &ack, ack_branch(context, dialog, ack.cseq));
  }
  (void)send_bytes(context, &dialog->end.flow, bytes);
}

/* --- responses --------------------------------------------------------------------------------------------------- */

/* Where a Contact is mandatory or makes the dialog (§20.10 and the tables of RFC 3311, RFC 3515, RFC 6665). */
static bool wants_contact(enum sip_method method, unsigned status) {
  if (method == SIP_METHOD_INVITE) return status > 100 && status < 300;
  return dialog_method_refreshes_target(method) && status >= 200 && status < 300;
}

/* The Record-Route of a request in the dialog, as we see it, is our route set in its order, whichever side made the
 * dialog: so it need not be kept from request to response. */
static void write_record_route(const struct dialog_table *table, const struct dialog *dialog,
                               struct text_builder *builder) {
  struct str_view route_set = remote_end_words(table, &dialog->end).route_set;
  if (dialog->echo_record_route && route_set.length > 0) sip_build_header(builder, SIP_HEADER_RECORD_ROUTE, route_set);
}

enum result dialog_build_response(struct dialog_table *table, struct context *context, struct handle handle,
                                  struct handle transaction, enum sip_method method, unsigned status,
                                  struct str_view reason, struct text_builder *builder) {
  struct dialog *dialog = dialog_at(table, handle);
  if (!dialog) return RESULT_NOT_FOUND;
  struct own_names names;
  struct str_view tag = dialog_local_tag(table, context, handle); /* left out of 100 */
  enum result result = transaction_build_response(table->transactions, transaction, status, reason, tag, builder);
  if (result != RESULT_OK) return result;
  if (status >= 200) dialog_settle_target(table, context, dialog, method, status < 300);
  if (!wants_contact(method, status)) return RESULT_OK;
  name_ourselves(table, context->local, dialog, &dialog->end.flow, &names);
  write_record_route(table, dialog, builder);
  write_contact(dialog, &names, builder);
  return RESULT_OK;
}

void dialog_note_response_sent(struct dialog_table *table, struct handle handle, unsigned status) {
  struct dialog *dialog = dialog_at(table, handle);
  if (!dialog || status == 100) return;
  if (status >= 200) dialog_provisional_stop(table, dialog);
  if (dialog->is_uac || dialog->was_confirmed) return; /* of a re-INVITE */
  if (status < 200) {
    dialog_happens(dialog, DIALOG_EVENT_PROGRESS);
    return;
  }
  dialog->was_confirmed = status < 300;
  dialog_happens(dialog, status < 300 ? DIALOG_EVENT_ANSWER : DIALOG_EVENT_REFUSAL);
}
