#include "sim/ua_call.h"

#include "sim/actor_verbs.h"
#include "sim/ua_message.h"
#include "sip/sip_build.h"
#include "sip/sip_header_values.h"
#include "sip/sip_uri.h"

#define T1_US       (500 * MS_US)
#define T2_US       (4 * SECOND_US)
#define LIFE_US     (64 * T1_US)
#define PATIENCE_US (600 * SECOND_US) /* of a caller whom nobody answers, of a phone that rings */

bool ua_call_misses_nothing(const struct world *world) {
  return world->network.lost == 0 && !world->is_troubled && !world->misses_something;
}

void ua_call_complain(const struct ua_call *call, const char *what) {
  world_fail(call->actor->world, "%s, call to %.*s: %s", call->actor->name, (int)call->number.length, call->number.data,
             what);
}

/* A header line that makes a message longer than 1300 bytes (RFC 3261 §18.1.1). */
#define TEN(text) text text text text text text text text text text
#define BALLAST   "X-Ballast: " TEN(TEN("fourteen bytes")) "\r\n"

/* --- dialogs ----------------------------------------------------------------------------------------------------- */

static struct ua_call *create(struct actor *actor, bool is_caller) {
  struct world *world = actor->world;
  struct ua_call *call = sim_take(&world->memory, sizeof *call);
  char memory[64];
  struct text_builder ip = text_builder_over(memory, sizeof memory);
  address_ip_to_text(&actor->endpoint->address, &ip);
  call->actor = actor;
  call->is_caller = is_caller;
  call->state = is_caller ? UA_CALLING : UA_INVITED;
  call->local_tag = actor_new_id(actor, "tag");
  call->started_us = world->now_us;
  call->local_cseq = (uint32_t)world_draw(world, CHANCE_ACTORS, 1, 1000);
  actor->next_media_port = (uint16_t)(actor->next_media_port + 2);
  ua_session_init(&call->session, (uint64_t)world_draw(world, CHANCE_ACTORS, 1, 1000000000),
                  sim_copy(&world->memory, text_builder_view(&ip)), actor->next_media_port);
  call->session.may_be_renewed = world->crash.is_tried;
  call->next = actor->calls;
  actor->calls = call;
  world->calls_live++;
  return call;
}

void ua_call_end(struct ua_call *call) {
  if (call->state == UA_OVER) return;
  call->state = UA_OVER;
  call->ended_us = call->actor->world->now_us;
  world_cancel(&call->resend);
  world_cancel(&call->give_up);
  ua_timer_stop(call);
  call->actor->world->calls_live--;
}

struct ua_call *ua_call_find(struct actor *actor, const struct sip_message *message) {
  struct str_view own_tag = message->is_request ? message->to_tag : message->from_tag;
  struct ua_call *call = actor->calls;
  while (call && (call->state == UA_OVER || !str_view_equal(call->call_id, message->call_id) ||
                  !str_view_equal(call->local_tag, own_tag)))
    call = call->next;
  return call;
}

struct ua_call *ua_call_newest(struct actor *actor, struct str_view number) {
  struct ua_call *call = actor->calls;
  while (call && (call->state == UA_OVER || (number.length && !str_view_equal(call->number, number))))
    call = call->next;
  return call;
}

static bool read_address(struct str_view uri_text, struct address *out) {
  struct sip_uri uri;
  if (sip_uri_parse(uri_text, &uri) != RESULT_OK || address_parse_ip(uri.host, out) != RESULT_OK) return false;
  out->port = uri.port ? uri.port : 5060;
  return true;
}

struct ua_way ua_call_way(struct ua_call *call) {
  struct sip_name_addr route;
  struct str_view next = call->remote_target;
  if (call->route_count > 0 && sip_name_addr_parse(call->routes[0], &route) == RESULT_OK) next = route.uri_text;
  if (call->actor->transport == TRANSPORT_UDP) call->way.connection = NULL; /* that was the way of their request */
  if (!read_address(next, &call->way.address)) ua_call_complain(call, "there is no way to the remote target");
  return call->way;
}

static void take_target(struct ua_call *call, const struct sip_message *message) {
  struct sip_name_addr contact;
  struct sip_value_cursor cursor = {0};
  struct str_view value;
  if (!sip_message_next_value(message, SIP_HEADER_CONTACT, &cursor, &value) ||
      sip_name_addr_parse(value, &contact) != RESULT_OK) {
    ua_call_complain(call, "a message that makes a dialog has no usable Contact (RFC 3261 12.1)");
    return;
  }
  call->remote_target = sim_copy(&call->actor->world->memory, contact.uri_text);
}

/* The route set (RFC 3261 §12.1): in order for the callee, the other way round for the caller. */
static void take_routes(struct ua_call *call, const struct sip_message *message) {
  struct sip_value_cursor cursor = {0};
  struct str_view value;
  call->route_count = 0;
  while (call->route_count < UA_ROUTES_MAX && sip_message_next_value(message, SIP_HEADER_RECORD_ROUTE, &cursor, &value))
    call->routes[call->route_count++] = sim_copy(&call->actor->world->memory, value);
  for (unsigned i = 0; call->is_caller && i < call->route_count / 2; i++) {
    struct str_view kept = call->routes[i];
    call->routes[i] = call->routes[call->route_count - 1 - i];
    call->routes[call->route_count - 1 - i] = kept;
  }
}

void ua_call_take_session(struct ua_call *call, const struct sip_message *message) {
  if (message->body.length == 0) return;
  struct world *world = call->actor->world;
  const char *wrong = ua_session_take(world, &call->session, message->body, ua_call_misses_nothing(world));
  if (wrong) ua_call_complain(call, wrong);
}

struct ua_transaction *ua_call_request(struct ua_call *call, enum sip_method method, struct str_view method_text,
                                       struct str_view lines, struct str_view body) {
  struct ua_request request = {.method = method,
                               .method_text = method_text,
                               .cseq = call->local_cseq += 1 + call->actor->traits.leap,
                               .branch = ua_message_branch(call->actor),
                               .lines = lines,
                               .body = body};
  if (method != SIP_METHOD_INVITE && method != SIP_METHOD_UPDATE && body.length)
    request.content_type = STR_VIEW("application/dtmf-relay");
  return ua_transaction_start(call->actor, call, method, request.branch, ua_message_request(call, &request));
}

void ua_call_acknowledge(struct ua_transaction *invite, struct str_view body) {
  struct ua_call *call = invite->call;
  if (call->actor->traits.never_acknowledges) return;
  struct ua_request request = {
      .method = SIP_METHOD_ACK, .cseq = invite->cseq, .branch = ua_message_branch(call->actor), .body = body};
  invite->ack = ua_message_request(call, &request);
  struct ua_way way = ua_call_way(call);
  actor_send(call->actor, &way, invite->ack);
}

/* --- as caller --------------------------------------------------------------------------------------------------- */

static void send_invite(struct ua_call *call, struct str_view credentials) {
  struct world *world = call->actor->world;
  const char *weight = call->actor->traits.writes_at_length ? BALLAST : "";
  struct str_view timer = ua_timer_request_lines(call);
  struct str_view lines =
      sim_format_view(&world->memory, "X-Sim-Call: %.*s\r\n%s%.*s%.*s", (int)call->label.length, call->label.data,
                      weight, (int)credentials.length, credentials.length ? credentials.data : "", (int)timer.length,
                      timer.length ? timer.data : "");
  struct str_view body = {0};
  if (!call->offers_late) {
    body = ua_session_write(world, &call->session);
    call->session.before = call->session.ours;
    call->session.is_offer_open = true;
  }
  call->invite = ua_call_request(call, SIP_METHOD_INVITE, (struct str_view){0}, lines, body);
}

/* A caller cancels, a callee does not ring for ever. */
static void lose_patience(struct world *world, void *subject, void *detail) {
  (void)world;
  (void)detail;
  if (!ua_call_cancel(subject)) ua_call_reject(subject, 480);
}

struct ua_call *ua_call_start(struct actor *actor, struct str_view number, bool offers_late) {
  struct world *world = actor->world;
  struct ua_call *call = create(actor, true);
  call->number = sim_copy(&world->memory, number);
  call->label = sim_format_view(&world->memory, "%s/%u", actor->name, ++actor->next_id);
  call->call_id = actor_new_id(actor, "call");
  call->local_uri = actor_server_uri(actor, actor->number);
  call->remote_uri = call->remote_target = actor_server_uri(actor, number);
  call->way = actor_way_to_server(actor);
  call->offers_late = offers_late;
  send_invite(call, (struct str_view){0});
  world_at(world, world->now_us + PATIENCE_US, lose_patience, call, NULL);
  actor_plan(call, false);
  return call;
}

static void take_provisional(struct ua_call *call, const struct sip_message *response) {
  if (response->status == 100 || call->state != UA_CALLING) return;
  if (response->to_tag.length == 0) {
    ua_call_complain(call, "a provisional response has no To tag (RFC 3261 8.2.6.2)");
    return;
  }
  call->remote_tag = sim_copy(&call->actor->world->memory, response->to_tag);
  take_target(call, response);
  take_routes(call, response);
  if (sip_message_lists_token(response, SIP_HEADER_REQUIRE, STR_VIEW("100rel"))) {
    if (!call->actor->traits.supports_100rel)
      ua_call_complain(call, "100rel is required of one who has not offered it");
    if (!ua_reliable_take(call, response)) return;
  } else {
    ua_call_take_session(call, response);
  }
}

/* The first 2xx to our first INVITE. */
static void take_answer(struct ua_call *call, struct ua_transaction *transaction, const struct sip_message *response) {
  struct world *world = call->actor->world;
  call->remote_tag = sim_copy(&world->memory, response->to_tag);
  take_target(call, response);
  take_routes(call, response);
  bool had_session = call->session.has_theirs;
  ua_call_take_session(call, response);
  if (!call->session.has_theirs) ua_call_complain(call, "a 2xx without a session description, and none before");
  struct str_view body = {0};
  if (call->offers_late && !had_session) body = ua_session_answer(world, &call->session);
  call->session.is_offer_open = false;
  ua_timer_take_response(call, response);
  call->state = UA_UP;
  call->final_status = response->status;
  call->answered_us = world->now_us;
  ua_call_acknowledge(transaction, body);
  if (call->cancel_wanted || call->bye_wanted)
    ua_call_hang_up(call);
  else
    actor_plan(call, true);
}

static void repeat_ack(struct ua_transaction *transaction, const struct sip_message *response) {
  struct ua_call *call = transaction->call;
  if (!str_view_equal(call->remote_tag, response->to_tag)) {
    ua_call_complain(call, "a second 2xx from somebody else");
    return;
  }
  struct ua_way way = ua_call_way(call);
  actor_send(call->actor, &way, transaction->ack);
}

static void take_refusal(struct ua_call *call, const struct sip_message *response) {
  struct actor *actor = call->actor;
  bool is_challenge = response->status == 401 || response->status == 407;
  if (is_challenge && actor->password.length && call->challenges < 2 && !call->cancel_wanted) {
    struct str_view credentials = ua_message_credentials(actor, response, SIP_METHOD_INVITE, call->remote_target);
    call->challenges++;
    if (credentials.length) {
      send_invite(call, credentials);
      return;
    }
  }
  if (response->status == 422 && !call->cancel_wanted && ua_timer_raise(call, response)) {
    send_invite(call, (struct str_view){0});
    return;
  }
  call->final_status = response->status;
  log_line(actor->world, "%s: the call to %.*s is refused with %u", actor->name, (int)call->number.length,
           call->number.data, response->status);
  ua_call_end(call);
}

static void take_invite_response(struct ua_transaction *transaction, const struct sip_message *response) {
  struct ua_call *call = transaction->call;
  bool is_success = response->status >= 200 && response->status < 300;
  if (is_success && transaction->ack.length)
    repeat_ack(transaction, response);
  else if (transaction != call->invite)
    ua_call_renegotiation_answered(transaction, response);
  else if (response->status < 200)
    take_provisional(call, response);
  else if (!is_success)
    take_refusal(call, response);
  else if (call->state == UA_CALLING)
    take_answer(call, transaction, response);
}

void ua_call_receive_response(struct ua_transaction *transaction, const struct sip_message *response) {
  struct ua_call *call = transaction->call;
  if (transaction->method == SIP_METHOD_INVITE) {
    take_invite_response(transaction, response);
    return;
  }
  if (transaction == call->renegotiation) {
    ua_call_renegotiation_answered(transaction, response);
    return;
  }
  if (response->status < 200) return;
  if (transaction->method == SIP_METHOD_BYE) ua_call_end(call);
  if (transaction == call->session_refresh) ua_timer_refresh_answered(call, response);
  bool is_lost = response->status == 481 || response->status == 408;
  if (is_lost && call->state == UA_UP) ua_call_hang_up(call);
}

void ua_call_timed_out(struct ua_transaction *transaction) {
  struct ua_call *call = transaction->call;
  if (!call) {
    actor_register_timed_out(transaction);
    return;
  }
  log_line(call->actor->world, "%s: no answer to %.*s", call->actor->name,
           (int)sip_method_text(transaction->method).length, sip_method_text(transaction->method).data);
  if (transaction == call->renegotiation) call->renegotiation = NULL;
  if (transaction == call->session_refresh) call->session_refresh = NULL;
  if (call->state == UA_CALLING || call->state == UA_LEAVING)
    ua_call_end(call);
  else if (call->state == UA_UP && transaction->method != SIP_METHOD_CANCEL)
    ua_call_hang_up(call);
}

bool ua_call_cancel(struct ua_call *call) {
  if (!call->is_caller || call->state != UA_CALLING) return false;
  call->cancel_wanted = true;
  ua_transaction_cancel(call->invite);
  return true;
}

/* --- as callee --------------------------------------------------------------------------------------------------- */

static struct ua_call *other_end(struct world *world, struct str_view label) {
  for (struct actor *actor = world->first_actor; actor; actor = actor->next)
    for (struct ua_call *call = actor->calls; call; call = call->next)
      if (call->is_caller && str_view_equal(call->label, label)) return call;
  return NULL;
}

static struct str_view uri_of(struct world *world, const struct sip_message *message, enum sip_header header) {
  struct sip_name_addr name;
  if (sip_name_addr_parse(sip_message_header(message, header), &name) != RESULT_OK) return (struct str_view){0};
  return sim_copy(&world->memory, name.uri_text);
}

static struct str_view dialled_number(struct world *world, const struct sip_message *invite) {
  struct sip_uri uri;
  if (sip_uri_parse(invite->request_uri, &uri) != RESULT_OK) return (struct str_view){0};
  return sim_copy(&world->memory, uri.user);
}

void ua_call_receive_invite(struct actor *actor, struct ua_transaction *transaction, const struct sip_message *invite) {
  struct world *world = actor->world;
  struct ua_call *call = create(actor, false);
  call->number = dialled_number(world, invite);
  call->label = sim_copy(&world->memory, sip_message_other_header(invite, STR_VIEW("X-Sim-Call")));
  call->other = other_end(world, call->label);
  if (call->other) call->other->other = call;
  call->call_id = sim_copy(&world->memory, invite->call_id);
  call->remote_tag = sim_copy(&world->memory, invite->from_tag);
  call->remote_uri = uri_of(world, invite, SIP_HEADER_FROM);
  call->local_uri = uri_of(world, invite, SIP_HEADER_TO);
  call->remote_cseq = invite->cseq;
  call->way = transaction->way;
  call->invite = transaction;
  call->offers_late = invite->body.length == 0;
  transaction->call = call;
  take_target(call, invite);
  take_routes(call, invite);
  ua_call_take_session(call, invite);
  if (ua_timer_refuse(call, transaction, invite)) {
    call->final_status = 422;
    ua_call_end(call);
    return;
  }
  if (!actor->traits.keeps_silent) ua_call_respond(transaction, NULL, 100, (struct str_view){0});
  world_at(world, world->now_us + PATIENCE_US, lose_patience, call, NULL);
  actor_plan(call, false);
}

bool ua_call_ring(struct ua_call *call, unsigned status, bool with_session) {
  if (call->state != UA_INVITED) return false;
  struct sip_message invite;
  struct sip_defect defect;
  if (sip_message_parse(call->invite->request, &invite, &defect) != RESULT_OK) return false;
  struct str_view body = {0};
  if (with_session && !call->offers_late)
    body = call->session.sent.length ? call->session.sent : ua_session_answer(call->actor->world, &call->session);
  bool is_reliable = call->actor->traits.supports_100rel &&
                     (sip_message_lists_token(&invite, SIP_HEADER_SUPPORTED, STR_VIEW("100rel")) ||
                      sip_message_lists_token(&invite, SIP_HEADER_REQUIRE, STR_VIEW("100rel")));
  if (is_reliable) return ua_reliable_send(call, status, body);
  ua_transaction_respond(call->invite, status,
                         ua_message_response(call->invite, status, call->local_tag, (struct str_view){0}, body));
  return true;
}

static void resend_acceptance(struct world *world, void *subject, void *detail) {
  struct ua_call *call = subject;
  (void)detail;
  actor_send(call->actor, &call->accepted->way, call->accepted->response);
  call->interval_us = 2 * call->interval_us < T2_US ? 2 * call->interval_us : T2_US;
  call->resend = world_at(world, world->now_us + call->interval_us, resend_acceptance, call, NULL);
}

static void nobody_acknowledges(struct world *world, void *subject, void *detail) {
  struct ua_call *call = subject;
  (void)detail;
  call->give_up = NULL;
  world_cancel(&call->resend);
  call->accepted = NULL;
  log_line(world, "%s: no ACK for the call to %.*s", call->actor->name, (int)call->number.length, call->number.data);
  if (call->state == UA_ANSWERED) {
    call->is_unacknowledged = true;
    call->state = UA_UP;
  }
  ua_call_hang_up(call);
}

void ua_call_accept(struct ua_call *call, struct ua_transaction *transaction, bool offer) {
  struct world *world = call->actor->world;
  struct str_view body =
      offer ? ua_session_offer(world, &call->session, call->session.ours.direction, call->session.ours.payload)
            : ua_session_answer(world, &call->session);
  struct sip_message request;
  struct sip_defect defect;
  struct str_view lines = {0};
  if (sip_message_parse(transaction->request, &request, &defect) == RESULT_OK)
    lines = ua_timer_answer_lines(call, &request);
  call->owes_answer = offer;
  call->accepted = transaction;
  world_cancel(&call->resend);
  world_cancel(&call->give_up);
  ua_transaction_respond(transaction, 200, ua_message_response(transaction, 200, call->local_tag, lines, body));
  call->interval_us = T1_US;
  call->resend = world_at(world, world->now_us + T1_US, resend_acceptance, call, NULL);
  call->give_up = world_at(world, world->now_us + LIFE_US, nobody_acknowledges, call, NULL);
}

bool ua_call_answer(struct ua_call *call) {
  if (call->state != UA_INVITED) return false;
  if (call->reliable.length) return false; /* it waits for PRACK (RFC 3262 §3) */
  struct actor *actor = call->actor;
  bool is_first_offer = call->offers_late && !call->session.has_theirs;
  call->state = UA_ANSWERED;
  call->final_status = 200;
  call->answered_us = actor->world->now_us;
  ua_call_accept(call, call->invite, is_first_offer);
  return true;
}

bool ua_call_fork(struct ua_call *call) {
  struct world *world = call->actor->world;
  if (call->is_caller || call->state >= UA_LEAVING) return false;
  if (call->offers_late) return false; /* two offers at once are too much for this actor */
  struct ua_call *branch = create(call->actor, false);
  struct ua_transaction *invite = sim_take(&world->memory, sizeof *invite);
  *invite = (struct ua_transaction){.actor = call->actor,
                                    .call = branch,
                                    .method = SIP_METHOD_INVITE,
                                    .cseq = call->invite->cseq,
                                    .branch = call->invite->branch,
                                    .request = call->invite->request,
                                    .way = call->invite->way};
  branch->number = call->number;
  branch->label = call->label;
  branch->call_id = call->call_id;
  branch->remote_tag = call->remote_tag;
  branch->remote_uri = call->remote_uri;
  branch->local_uri = call->local_uri;
  branch->remote_target = call->remote_target;
  branch->remote_cseq = call->invite->cseq;
  branch->way = call->way;
  branch->invite = invite;
  branch->session.theirs = call->session.theirs;
  branch->session.has_theirs = true;
  branch->state = UA_ANSWERED;
  branch->is_forked = call->is_forked = true;
  ua_call_accept(branch, invite, false);
  return true;
}

bool ua_call_reject(struct ua_call *call, unsigned status) {
  if (call->state != UA_INVITED) return false;
  struct str_view lines =
      status >= 300 && status < 400 ? STR_VIEW("Contact: <sip:elsewhere@198.51.100.7>\r\n") : (struct str_view){0};
  call->final_status = status;
  ua_call_respond(call->invite, call, status, lines);
  ua_call_end(call);
  return true;
}

void ua_call_receive_ack(struct ua_call *call, const struct sip_message *ack) {
  if (!call->accepted || call->accepted->cseq != ack->cseq) return;
  call->accepted = NULL;
  world_cancel(&call->resend);
  world_cancel(&call->give_up);
  if (call->owes_answer && ack->body.length == 0) ua_call_complain(call, "an ACK without the answer to our offer");
  if (!call->owes_answer && ack->body.length > 0) ua_call_complain(call, "an ACK with a body that nobody asked for");
  if (call->owes_answer) ua_call_take_session(call, ack);
  if (call->state == UA_ANSWERED) {
    call->state = UA_UP;
    if (!call->bye_wanted) actor_plan(call, true);
  }
  if (call->bye_wanted) ua_call_hang_up(call);
}

/* --- both -------------------------------------------------------------------------------------------------------- */

/* Both ends must mean the same session, once nothing has moved for a while and nothing was lost. */
static void check_agreement(struct ua_call *call) {
  struct ua_call *other = call->other;
  struct world *world = call->actor->world;
  if (!other || other->state != UA_UP || !ua_call_misses_nothing(world) || call->renegotiation || other->renegotiation)
    return;
  if (call->other->other != call || other->actor->endpoint->is_dead) return;
  int64_t changed_us =
      call->session.changed_us > other->session.changed_us ? call->session.changed_us : other->session.changed_us;
  if (world->now_us - changed_us < SECOND_US) return;
  const char *wrong = ua_session_disagreement(&call->session, &other->session);
  if (wrong) ua_call_complain(call, wrong);
}

bool ua_call_hang_up(struct ua_call *call) {
  if (call->state == UA_ANSWERED || (call->state == UA_UP && call->accepted)) {
    call->bye_wanted = true; /* the callee must wait for the ACK (RFC 3261 §15) */
    return true;
  }
  if (call->state == UA_INVITED) return ua_call_reject(call, 486);
  if (call->state == UA_CALLING) return ua_call_cancel(call);
  if (call->state != UA_UP) return false;
  check_agreement(call);
  call->state = UA_LEAVING;
  call->said_bye = true;
  world_cancel(&call->resend);
  world_cancel(&call->give_up);
  ua_call_request(call, SIP_METHOD_BYE, (struct str_view){0}, (struct str_view){0}, (struct str_view){0});
  return true;
}
