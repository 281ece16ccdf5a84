/* A 2xx to an INVITE whose leg is gone: a further branch of a forked INVITE answers after the call has been hung up
 * already (for 64*T1 it may, RFC 3261 §13.2.2.4), or a re-INVITE is answered after our BYE. Nobody remembers it, so
 * that ACK and BYE are made of what the response itself says: From, To, Call-ID, Contact and Record-Route are all that
 * the dialog is. */
#include "call/call_private.h"
#include "dialog/next_hop.h"
#include "dialog/route_set.h"
#include "sip/sip_build.h"
#include "sip/sip_uri.h"

#define REQUEST_BYTES 1024 /* beside what is copied from the response */
#define MAX_FORWARDS  70
#define CSEQ_GAP      1000 /* beyond whatever was sent in the early dialog; gaps are allowed (§12.2.2) */

/* How requests to the sender of the response are written and where they go. */
struct stray_way {
  struct route_plan plan;
  struct flow flow;
};

/* §12.1.2: target from Contact, route set from Record-Route in reverse order. Where a peer names no Contact its To has
 * to do, and the way that the response came. False: nowhere to send anything to. */
static bool find_way(const struct call_step *step, struct stray_way *way) {
  struct sip_value_cursor cursor = {0};
  struct arena *arena = step->context->arena;
  struct sip_name_addr contact;
  struct str_view value, route_set;
  bool has_contact = sip_message_next_value(step->message, SIP_HEADER_CONTACT, &cursor, &value);
  if (!has_contact) value = sip_message_header(step->message, SIP_HEADER_TO);
  if (sip_name_addr_parse(value, &contact) != RESULT_OK) return false;
  struct str_view target = route_set_request_uri(&contact.uri, arena);
  if (target.length == 0 || route_set_from_message(step->message, true, arena, &route_set) != RESULT_OK ||
      route_set_plan(route_set, target, arena, &way->plan) != RESULT_OK)
    return false;
  bool secure = str_view_starts_with_nocase(target, STR_VIEW("sips:"));
  bool follows_route = has_contact || route_set.length > 0;
  way->flow = follows_route ? next_hop_flow(step->context->local, way->plan.next_hop, secure, step->flow) : *step->flow;
  return true;
}

static struct str_view build(const struct call_step *step, const struct stray_way *way,
                             const struct dialog_request *request, struct str_view branch) {
  const struct sip_message *response = step->message;
  const struct local_identity *local = step->context->local;
  uint16_t socket_index = way->flow.socket_index < local->socket_count ? way->flow.socket_index : 0;
  struct str_view method = sip_method_text(request->method);
  size_t bytes = 2 * response->bytes.length + request->extra_headers.length + request->body.length + REQUEST_BYTES;
  struct text_builder builder = arena_builder(step->context->arena, bytes);
  sip_build_request_line(&builder, method, way->plan.request_uri);
  sip_build_via(&builder, (enum transport)way->flow.transport, &local->sockets[socket_index].advertised, branch);
  sip_build_header_u32(&builder, SIP_HEADER_MAX_FORWARDS, MAX_FORWARDS);
  if (way->plan.routes.length > 0) sip_build_header(&builder, SIP_HEADER_ROUTE, way->plan.routes);
  sip_build_copy_headers(&builder, response, SIP_HEADER_FROM);
  sip_build_copy_headers(&builder, response, SIP_HEADER_TO);
  sip_build_copy_headers(&builder, response, SIP_HEADER_CALL_ID);
  sip_build_cseq(&builder, response->cseq + (request->method == SIP_METHOD_ACK ? 0 : CSEQ_GAP), method);
  text_builder_add(&builder, request->extra_headers);
  sip_build_end(&builder, request->content_type, request->body);
  return builder.overflowed ? (struct str_view){0} : text_builder_view(&builder);
}

bool call_stray_note(struct call_step *step) {
  const struct siphash_key *key = &step->context->local->steering_key;
  const struct sip_message *response = step->message;
  uint64_t parts[2] = {siphash(key, response->call_id.data, response->call_id.length),
                       siphash(key, response->to_tag.data, response->to_tag.length)};
  uint64_t who = siphash(key, parts, sizeof parts);
  uint64_t *slot = &step->table->recent_strays[who % CALL_RECENT_STRAYS];
  if (*slot == who) return false;
  *slot = who;
  return true;
}

static void hang_up(struct call_step *step, const struct stray_way *way) {
  struct transaction_layer *transactions = step->table->rooms.transactions;
  struct dialog_request bye = {.method = SIP_METHOD_BYE};
  struct handle transaction;
  struct str_view branch;
  if (transaction_begin(transactions, step->context, SIP_METHOD_BYE, &way->flow, (struct transaction_owner){0},
                        &transaction, &branch) != RESULT_OK)
    return;
  if (step->leg) bye.extra_headers = call_credentials_of_bye(step, step->leg, way->plan.request_uri);
  struct str_view bytes = build(step, way, &bye, branch);
  if (bytes.length > 0) (void)!transaction_send(transactions, step->context, transaction, bytes);
}

static void acknowledge(struct call_step *step, const struct stray_way *way, bool offers) {
  struct call_body answer = {0};
  struct str_view branch = transaction_stateless_branch(step->context, random_u64(step->context->random));
  if (offers) answer = call_session_declined(step);
  struct dialog_request ack = {.method = SIP_METHOD_ACK, .content_type = answer.content_type, .body = answer.bytes};
  if (step->leg) ack.extra_headers = call_credentials_of_branch_ack(step, step->leg);
  struct str_view bytes = build(step, way, &ack, branch);
  if (bytes.length > 0) outbox_send(step->context->outbox, &way->flow, bytes);
}

void call_acknowledge_stray(struct call_step *step, bool offers) {
  struct stray_way way;
  if (find_way(step, &way)) acknowledge(step, &way, offers);
}

void call_dismiss_stray(struct call_step *step, bool offers) {
  struct stray_way way;
  if (!find_way(step, &way)) return;
  acknowledge(step, &way, offers);
  if (call_stray_note(step)) hang_up(step, &way);
}
