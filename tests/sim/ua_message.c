#include "sim/ua_message.h"

#include "sim/ua_call.h"
#include "sip/sip_build.h"
#include "sip/sip_digest_compute.h"
#include "sip/sip_header_values.h"

#define SDP_TYPE    STR_VIEW("application/sdp")
#define SLACK_BYTES 64 /* that the parser wants behind a message */

static struct text_builder start(struct actor *actor) {
  return text_builder_over(sim_take(&actor->world->memory, UA_MESSAGE_BYTES + SLACK_BYTES), UA_MESSAGE_BYTES);
}

static struct str_view finish(struct actor *actor, struct text_builder *builder, struct str_view type,
                              struct str_view body) {
  sip_build_end(builder, type, body);
  if (builder->overflowed) world_fail(actor->world, "%s: a message does not fit", actor->name);
  struct str_view message = text_builder_view(builder);
  void *start_of = (void *)(uintptr_t)message.data;
  sim_shrink(&actor->world->memory, start_of, UA_MESSAGE_BYTES + SLACK_BYTES, message.length + SLACK_BYTES);
  return message;
}

struct str_view ua_message_branch(struct actor *actor) {
  return sim_format_view(&actor->world->memory, "z9hG4bK-%s-%u", actor->name, ++actor->next_id);
}

static void add_via(struct actor *actor, struct text_builder *builder, struct str_view branch) {
  sip_build_via(builder, actor->transport, &actor->endpoint->address, branch);
  sip_build_header_u32(builder, SIP_HEADER_MAX_FORWARDS, 70);
}

static void add_tagged(struct text_builder *builder, enum sip_header header, struct str_view uri, struct str_view tag) {
  char memory[160];
  struct text_builder parameters = text_builder_over(memory, sizeof memory);
  if (tag.length) {
    text_builder_add_literal(&parameters, "tag=");
    text_builder_add(&parameters, tag);
  }
  sip_build_name_addr(builder, header, (struct str_view){0}, uri, text_builder_view(&parameters));
}

static bool has_contact(enum sip_method method) {
  return method == SIP_METHOD_INVITE || method == SIP_METHOD_UPDATE || method == SIP_METHOD_REFER;
}

static void add_contact(struct actor *actor, struct text_builder *builder, bool is_inside) {
  if (actor->traits.hides_contact && is_inside) return;
  sip_build_name_addr(builder, SIP_HEADER_CONTACT, (struct str_view){0}, actor_contact_uri(actor),
                      (struct str_view){0});
}

static void add_allow(const struct actor *actor, struct text_builder *builder) {
  static const enum sip_method methods[] = {SIP_METHOD_INVITE,  SIP_METHOD_ACK,    SIP_METHOD_CANCEL, SIP_METHOD_BYE,
                                            SIP_METHOD_OPTIONS, SIP_METHOD_INFO,   SIP_METHOD_UPDATE, SIP_METHOD_PRACK,
                                            SIP_METHOD_MESSAGE, SIP_METHOD_NOTIFY, SIP_METHOD_REFER};
  char memory[160];
  struct text_builder list = text_builder_over(memory, sizeof memory);
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    if (actor->traits.hidden_methods & 1U << methods[i]) continue;
    if (list.length) text_builder_add_literal(&list, ", ");
    text_builder_add(&list, sip_method_text(methods[i]));
  }
  sip_build_header(builder, SIP_HEADER_ALLOW, text_builder_view(&list));
}

static void add_capabilities(const struct actor *actor, struct text_builder *builder) {
  const struct actor_traits *traits = &actor->traits;
  add_allow(actor, builder);
  if (!traits->supports_100rel && !traits->supports_timer) return;
  text_builder_add(builder, traits->writes_compactly ? STR_VIEW("k: ") : STR_VIEW("Supported: "));
  if (traits->supports_100rel) text_builder_add_literal(builder, "100rel");
  if (traits->supports_100rel && traits->supports_timer) text_builder_add_literal(builder, ", ");
  if (traits->supports_timer) text_builder_add_literal(builder, "timer");
  text_builder_add_literal(builder, "\r\n");
}

struct str_view ua_message_request(struct ua_call *call, const struct ua_request *request) {
  struct actor *actor = call->actor;
  struct text_builder builder = start(actor);
  struct str_view method =
      request->method == SIP_METHOD_UNKNOWN ? request->method_text : sip_method_text(request->method);
  sip_build_request_line(&builder, method, call->remote_target);
  add_via(actor, &builder, request->branch);
  for (unsigned i = 0; i < call->route_count; i++)
    sip_build_header(&builder, SIP_HEADER_ROUTE, call->routes[i]);
  add_tagged(&builder, SIP_HEADER_FROM, call->local_uri, call->local_tag);
  add_tagged(&builder, SIP_HEADER_TO, call->remote_uri, call->remote_tag);
  sip_build_header(&builder, SIP_HEADER_CALL_ID, call->call_id);
  sip_build_cseq(&builder, request->cseq, method);
  if (has_contact(request->method)) {
    add_contact(actor, &builder, call->remote_tag.length > 0);
    add_capabilities(actor, &builder);
  }
  text_builder_add(&builder, request->lines);
  text_builder_add(&builder, actor->traits.said[request->method]);
  struct str_view type = request->content_type.length ? request->content_type : SDP_TYPE;
  return finish(actor, &builder, type, request->body);
}

struct str_view ua_message_register(struct actor *actor, struct str_view branch, uint32_t expires_s,
                                    struct str_view lines) {
  struct text_builder builder = start(actor);
  struct ua_registration *registration = &actor->registration;
  struct str_view server = actor_server_uri(actor, (struct str_view){0});
  struct str_view own = actor_server_uri(actor, actor->number);
  sip_build_request_line(&builder, STR_VIEW("REGISTER"), server);
  add_via(actor, &builder, branch);
  add_tagged(&builder, SIP_HEADER_FROM, own, registration->tag);
  add_tagged(&builder, SIP_HEADER_TO, own, (struct str_view){0});
  sip_build_header(&builder, SIP_HEADER_CALL_ID, registration->call_id);
  sip_build_cseq(&builder, registration->cseq, STR_VIEW("REGISTER"));
  sip_build_name_addr(&builder, SIP_HEADER_CONTACT, (struct str_view){0}, actor_contact_uri(actor),
                      (struct str_view){0});
  sip_build_header_u32(&builder, SIP_HEADER_EXPIRES, expires_s);
  text_builder_add(&builder, lines);
  return finish(actor, &builder, (struct str_view){0}, (struct str_view){0});
}

/* What CANCEL and the ACK of a refusal repeat of their INVITE (RFC 3261 §9.1, §17.1.1.3); To is the response's for ACK.
 */
static struct str_view repeat_invite(const struct ua_transaction *invite, struct str_view method,
                                     const struct sip_message *to_from) {
  struct actor *actor = invite->actor;
  struct sip_message message;
  struct sip_defect defect;
  struct sip_value_cursor cursor = {0};
  struct str_view via;
  if (sip_message_parse(invite->request, &message, &defect) != RESULT_OK) return (struct str_view){0};
  struct text_builder builder = start(actor);
  sip_build_request_line(&builder, method, message.request_uri);
  if (sip_message_next_value(&message, SIP_HEADER_VIA, &cursor, &via)) sip_build_header(&builder, SIP_HEADER_VIA, via);
  sip_build_copy_headers(&builder, &message, SIP_HEADER_MAX_FORWARDS);
  sip_build_copy_headers(&builder, &message, SIP_HEADER_ROUTE);
  sip_build_copy_headers(&builder, &message, SIP_HEADER_FROM);
  sip_build_copy_headers(&builder, to_from ? to_from : &message, SIP_HEADER_TO);
  sip_build_copy_headers(&builder, &message, SIP_HEADER_CALL_ID);
  sip_build_cseq(&builder, message.cseq, method);
  return finish(actor, &builder, (struct str_view){0}, (struct str_view){0});
}

struct str_view ua_message_cancel(const struct ua_transaction *invite) {
  return repeat_invite(invite, STR_VIEW("CANCEL"), NULL);
}

struct str_view ua_message_ack_of_refusal(const struct ua_transaction *invite, const struct sip_message *response) {
  return repeat_invite(invite, STR_VIEW("ACK"), response);
}

static bool makes_dialog(const struct ua_transaction *transaction, unsigned status) {
  return status > 100 && status < 300 &&
         (transaction->method == SIP_METHOD_INVITE || transaction->method == SIP_METHOD_UPDATE);
}

struct str_view ua_message_response(const struct ua_transaction *transaction, unsigned status, struct str_view to_tag,
                                    struct str_view lines, struct str_view body) {
  struct actor *actor = transaction->actor;
  struct sip_message request;
  struct sip_defect defect;
  if (sip_message_parse(transaction->request, &request, &defect) != RESULT_OK) return (struct str_view){0};
  struct text_builder builder = start(actor);
  sip_build_status_line(&builder, status, (struct str_view){0});
  sip_build_response_block(&builder, &request, &transaction->way.address,
                           status == 100 ? (struct str_view){0} : to_tag);
  if (makes_dialog(transaction, status)) {
    sip_build_copy_headers(&builder, &request, SIP_HEADER_RECORD_ROUTE);
    add_contact(actor, &builder, request.to_tag.length > 0);
    add_capabilities(actor, &builder);
  }
  text_builder_add(&builder, lines);
  if (status >= 200 && status < 300) text_builder_add(&builder, actor->traits.accepted[transaction->method]);
  return finish(actor, &builder, SDP_TYPE, body);
}

/* --- credentials (RFC 7616 §3.4) --------------------------------------------------------------------------------- */

static void add_quoted(struct text_builder *builder, const char *name, struct str_view value) {
  text_builder_add(builder, str_view_from_c(name));
  text_builder_add_literal(builder, "=\"");
  text_builder_add(builder, value);
  text_builder_add_char(builder, '"');
}

static void add_credentials(struct text_builder *builder, const struct sip_digest *digest, struct str_view response) {
  text_builder_add_literal(builder, "Digest ");
  add_quoted(builder, "username", digest->username);
  add_quoted(builder, ", realm", digest->realm);
  add_quoted(builder, ", nonce", digest->nonce);
  add_quoted(builder, ", uri", digest->uri);
  add_quoted(builder, ", response", response);
  text_builder_add(builder, digest->algorithm == SIP_DIGEST_SHA256 ? STR_VIEW(", algorithm=SHA-256")
                                                                   : STR_VIEW(", algorithm=MD5"));
  if (digest->opaque.length) add_quoted(builder, ", opaque", digest->opaque);
  if (digest->qop.length == 0) return;
  add_quoted(builder, ", cnonce", digest->cnonce);
  text_builder_add_literal(builder, ", qop=auth, nc=00000001");
}

struct str_view ua_message_credentials(struct actor *actor, const struct sip_message *response, enum sip_method method,
                                       struct str_view uri) {
  bool as_proxy = response->status == 407;
  struct str_view challenge =
      sip_message_header(response, as_proxy ? SIP_HEADER_PROXY_AUTHENTICATE : SIP_HEADER_WWW_AUTHENTICATE);
  struct sip_digest digest;
  if (sip_digest_parse(challenge, &digest) != RESULT_OK || digest.algorithm == SIP_DIGEST_UNKNOWN)
    return (struct str_view){0};
  digest.username = actor->number;
  digest.uri = uri;
  digest.cnonce = actor_new_id(actor, "cnonce");
  digest.nonce_count = 1;
  digest.nonce_count_text = STR_VIEW("00000001");
  digest.has_nonce_count = true;
  if (digest.qop.length) digest.qop = STR_VIEW("auth");
  struct sip_digest_hex ha1 = sip_digest_ha1(digest.algorithm, actor->number, digest.realm, actor->password);
  struct sip_digest_hex answer =
      sip_digest_response(&digest, str_view_of(ha1.text, ha1.length), sip_method_text(method));
  char memory[1024];
  struct text_builder value = text_builder_over(memory, sizeof memory);
  add_credentials(&value, &digest, str_view_of(answer.text, answer.length));
  struct text_builder line = start(actor);
  sip_build_header(&line, as_proxy ? SIP_HEADER_PROXY_AUTHORIZATION : SIP_HEADER_AUTHORIZATION,
                   text_builder_view(&value));
  return text_builder_view(&line);
}
