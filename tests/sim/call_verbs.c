/* What a scenario may tell an actor to do with a call. */
#include "sim/actor_verbs.h"
#include "sim/world.h"

#define TRY_AGAIN_US (100 * MS_US)
#define PAYLOAD_PCMU 0
#define PAYLOAD_PCMA 8

ACTOR_ACTION(ring) {
  (void)actor;
  (void)argument;
  return ua_call_ring(call, 180, false);
}

ACTOR_ACTION(progress) {
  (void)actor;
  (void)argument;
  return ua_call_ring(call, 183, false);
}

ACTOR_ACTION(early_media) {
  (void)actor;
  (void)argument;
  return ua_call_ring(call, 183, true);
}

static void answer_at_last(struct world *world, void *subject, void *detail) {
  struct ua_call *call = subject;
  (void)detail;
  if (call->state == UA_INVITED && !ua_call_answer(call))
    world_at(world, world->now_us + TRY_AGAIN_US, answer_at_last, call, NULL);
}

/* An answer waits while a reliable provisional response is unacknowledged. */
ACTOR_ACTION(answer) {
  (void)actor;
  (void)argument;
  if (call->state != UA_INVITED) return false;
  answer_at_last(call->actor->world, call, NULL);
  return true;
}

ACTOR_ACTION(fork) {
  (void)actor;
  (void)argument;
  return ua_call_fork(call);
}

ACTOR_ACTION(reject) {
  (void)actor;
  return ua_call_reject(call, argument->status);
}

ACTOR_ACTION(cancel) {
  (void)actor;
  (void)argument;
  return ua_call_cancel(call);
}

ACTOR_ACTION(hang_up) {
  (void)actor;
  (void)argument;
  return ua_call_hang_up(call);
}

ACTOR_ACTION(hold) {
  (void)actor;
  (void)argument;
  return ua_call_renegotiate(call, SIP_METHOD_INVITE, UA_SENDONLY, UA_SAME);
}

ACTOR_ACTION(resume) {
  (void)actor;
  (void)argument;
  return ua_call_renegotiate(call, SIP_METHOD_INVITE, UA_SENDRECV, UA_SAME);
}

ACTOR_ACTION(change_codec) {
  (void)actor;
  (void)argument;
  unsigned payload = call->session.ours.payload == PAYLOAD_PCMA ? PAYLOAD_PCMU : PAYLOAD_PCMA;
  return ua_call_renegotiate(call, SIP_METHOD_INVITE, UA_SAME, payload);
}

ACTOR_ACTION(repeat_invite) {
  (void)actor;
  (void)argument;
  return ua_call_renegotiate(call, SIP_METHOD_INVITE, UA_SAME, UA_SAME);
}

ACTOR_ACTION(ask_for_offer) {
  (void)actor;
  (void)argument;
  return ua_call_ask_for_offer(call);
}

ACTOR_ACTION(update) {
  (void)actor;
  (void)argument;
  return ua_call_renegotiate(call, SIP_METHOD_UPDATE, UA_SAME, UA_SAME);
}

ACTOR_ACTION(send) {
  (void)actor;
  if (call->state != UA_UP) return false;
  bool is_info = argument->method == SIP_METHOD_INFO;
  struct str_view body = is_info ? STR_VIEW("Signal=5\r\nDuration=160\r\n") : (struct str_view){0};
  struct str_view lines =
      argument->method == SIP_METHOD_REFER ? STR_VIEW("Refer-To: <sip:1009@192.0.2.99>\r\n") : (struct str_view){0};
  ua_call_request(call, argument->method, argument->method_text, lines, body);
  return true;
}

/* Numbered lower than the request before it. */
ACTOR_ACTION(send_out_of_order) {
  uint32_t kept = call->local_cseq;
  call->local_cseq -= 2;
  bool was_sent = verb_send(actor, call, argument);
  call->local_cseq = kept;
  return was_sent;
}

ACTOR_ACTION(refresh) {
  (void)actor;
  (void)argument;
  return ua_timer_refresh(call);
}

ACTOR_ACTION(offer_fax) {
  (void)actor;
  (void)argument;
  return ua_call_renegotiate(call, SIP_METHOD_INVITE, UA_SENDRECV, UA_FAX);
}
