/* What comes inside of a call, or asks for one. */
#include "sim/ua_call.h"
#include "sim/ua_message.h"

void ua_call_respond(struct ua_transaction *transaction, struct ua_call *call, unsigned status, struct str_view lines) {
  struct actor *actor = transaction->actor;
  struct str_view tag = call ? call->local_tag : status > 100 ? actor_new_id(actor, "tag") : (struct str_view){0};
  ua_transaction_respond(transaction, status,
                         ua_message_response(transaction, status, tag, lines, (struct str_view){0}));
}

static void respond(struct ua_transaction *transaction, struct ua_call *call, unsigned status) {
  ua_call_respond(transaction, call, status, (struct str_view){0});
}

/* What the actor was told to do with this request; NULL: what is right. Counts it when it is taken. */
static const struct actor_manners *manners_towards(struct actor *actor, const struct sip_message *request) {
  struct actor_manners *manners = &actor->traits.manners[request->method];
  bool suits = manners->is_set && manners->count > 0 && (!manners->inside || request->to_tag.length > 0);
  if (!suits) return NULL;
  if (manners->count != UINT32_MAX) manners->count--;
  return manners;
}

/* Asked before anything is known of the request's transaction: repetitions count, too. */
bool ua_call_ignores(struct actor *actor, const struct sip_message *request) {
  if (actor->traits.manners[request->method].status != 0) return false;
  return manners_towards(actor, request) != NULL;
}

static void receive_bye(struct ua_call *call, struct ua_transaction *transaction) {
  respond(transaction, call, 200);
  if (call->state == UA_LEAVING) return;
  if (call->state == UA_INVITED) respond(call->invite, call, 487);
  ua_call_end(call);
}

/* Refuses an offer; the next one must follow it all the same. */
static void refuse_offer(struct ua_call *call, struct ua_transaction *transaction, const struct sip_message *request,
                         const struct actor_manners *manners) {
  struct world *world = call->actor->world;
  const char *wrong = NULL;
  if (request->body.length > 0)
    wrong = ua_session_pass_over(&call->session, request->body, ua_call_misses_nothing(world));
  if (wrong) ua_call_complain(call, wrong);
  ua_call_respond(transaction, call, manners->status, manners->line);
}

static void refuse_for_now(struct ua_call *call, struct ua_transaction *transaction, const struct sip_message *request,
                           uint16_t status) {
  refuse_offer(call, transaction, request, &(struct actor_manners){.status = status});
}

/* An offer from the other side: 491 while one of ours is open. */
static void receive_renegotiation(struct ua_call *call, struct ua_transaction *transaction,
                                  const struct sip_message *request) {
  bool is_invite = transaction->method == SIP_METHOD_INVITE;
  bool has_offer = request->body.length > 0;
  if (call->state != UA_UP && (is_invite || call->state != UA_ANSWERED)) {
    refuse_for_now(call, transaction, request, call->state == UA_LEAVING ? 481 : 491);
    return;
  }
  if (call->renegotiation || (call->session.is_offer_open && (is_invite || has_offer))) {
    refuse_for_now(call, transaction, request, 491);
    return;
  }
  if (ua_timer_refuse(call, transaction, request)) return;
  if (has_offer) ua_call_take_session(call, request);
  if (is_invite) {
    ua_call_accept(call, transaction, !has_offer);
    return;
  }
  struct str_view body = has_offer ? ua_session_answer(call->actor->world, &call->session) : (struct str_view){0};
  ua_transaction_respond(
      transaction, 200,
      ua_message_response(transaction, 200, call->local_tag, ua_timer_answer_lines(call, request), body));
}

static void receive_inside(struct ua_call *call, struct ua_transaction *transaction,
                           const struct sip_message *request) {
  transaction->call = call;
  if (call->remote_cseq != 0 && request->cseq <= call->remote_cseq) {
    if (request->body.length > 0 && request->method != SIP_METHOD_INFO)
      (void)ua_session_pass_over(&call->session, request->body, false);
    ua_call_respond(transaction, call, 500, STR_VIEW("Retry-After: 1\r\n"));
    return;
  }
  call->remote_cseq = request->cseq;
  switch (request->method) {
  case SIP_METHOD_BYE: receive_bye(call, transaction); break;
  case SIP_METHOD_INVITE:
  case SIP_METHOD_UPDATE: receive_renegotiation(call, transaction, request); break;
  case SIP_METHOD_PRACK: ua_reliable_receive_prack(call, transaction, request); break;
  case SIP_METHOD_INFO:
  case SIP_METHOD_OPTIONS:
  case SIP_METHOD_MESSAGE:
  case SIP_METHOD_NOTIFY: respond(transaction, call, 200); break;
  case SIP_METHOD_REFER: respond(transaction, call, 603); break;
  case SIP_METHOD_UNKNOWN:
  case SIP_METHOD_ACK:
  case SIP_METHOD_CANCEL:
  case SIP_METHOD_REGISTER:
  case SIP_METHOD_SUBSCRIBE:
  case SIP_METHOD_PUBLISH:
  case SIP_METHOD_COUNT: respond(transaction, call, 501); break;
  }
}

void ua_call_receive_request(struct actor *actor, struct ua_transaction *transaction,
                             const struct sip_message *request) {
  struct ua_call *call = ua_call_find(actor, request);
  const struct actor_manners *manners = manners_towards(actor, request);
  struct actor_manners demanded;
  if (!manners && ua_credentials_refuse(actor, call, request, &demanded)) manners = &demanded;
  bool is_offer = request->method == SIP_METHOD_INVITE || request->method == SIP_METHOD_UPDATE;
  if (manners && call && is_offer) {
    transaction->call = call;
    refuse_offer(call, transaction, request, manners);
  } else if (manners && (call || request->to_tag.length == 0)) {
    ua_call_respond(transaction, call, manners->status, manners->line);
  } else if (call) {
    receive_inside(call, transaction, request);
  } else if (request->to_tag.length > 0) {
    respond(transaction, NULL, 481);
  } else if (request->method == SIP_METHOD_INVITE) {
    ua_call_receive_invite(actor, transaction, request);
  } else {
    respond(transaction, NULL, request->method == SIP_METHOD_OPTIONS ? 200 : 501);
  }
}

void ua_call_receive_cancel(struct actor *actor, struct ua_transaction *transaction, const struct sip_message *cancel) {
  struct ua_transaction *invite = ua_transaction_cancelled(actor, cancel);
  if (!invite) {
    respond(transaction, NULL, 481);
    return;
  }
  struct ua_call *call = invite->call;
  respond(transaction, call, 200);
  bool is_re_invite = call && invite != call->invite;
  if (is_re_invite && invite->state == UA_PROCEEDING) respond(invite, call, 487);
  if (!call || call->state != UA_INVITED || is_re_invite) return;
  call->final_status = 487;
  respond(invite, call, 487);
  ua_call_end(call);
}
