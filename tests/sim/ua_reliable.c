/* Reliable provisional responses (RFC 3262), sent and taken. */
#include "sim/ua_call.h"
#include "sim/ua_message.h"
#include "sip/sip_header_values.h"

#define T1_US   (500 * MS_US)
#define LIFE_US (64 * T1_US)

/* --- as callee --------------------------------------------------------------------------------------------------- */

static void stop(struct ua_call *call) {
  call->reliable = (struct str_view){0};
  world_cancel(&call->resend);
  world_cancel(&call->give_up);
}

static void resend(struct world *world, void *subject, void *detail) {
  struct ua_call *call = subject;
  (void)detail;
  call->resend = NULL;
  if (call->state != UA_INVITED) {
    stop(call);
    return;
  }
  actor_send(call->actor, &call->invite->way, call->reliable);
  call->interval_us *= 2; /* without a ceiling (RFC 3262 §3) */
  call->resend = world_at(world, world->now_us + call->interval_us, resend, call, NULL);
}

static void give_up(struct world *world, void *subject, void *detail) {
  struct ua_call *call = subject;
  (void)world;
  (void)detail;
  call->give_up = NULL;
  stop(call);
  ua_call_reject(call, 504);
}

bool ua_reliable_send(struct ua_call *call, unsigned status, struct str_view body) {
  if (call->reliable.length) return false;
  struct world *world = call->actor->world;
  if (call->rseq == 0) call->rseq = (uint32_t)world_draw(world, CHANCE_ACTORS, 1, 100000);
  struct str_view lines = sim_format_view(&world->memory, "Require: 100rel\r\nRSeq: %u\r\n", ++call->rseq);
  call->reliable = ua_message_response(call->invite, status, call->local_tag, lines, body);
  ua_transaction_respond(call->invite, status, call->reliable);
  call->interval_us = T1_US;
  call->resend = world_at(world, world->now_us + T1_US, resend, call, NULL);
  call->give_up = world_at(world, world->now_us + LIFE_US, give_up, call, NULL);
  return true;
}

void ua_reliable_receive_prack(struct ua_call *call, struct ua_transaction *transaction,
                               const struct sip_message *prack) {
  struct sip_rack rack;
  bool is_match = sip_rack_parse(sip_message_header(prack, SIP_HEADER_RACK), &rack) == RESULT_OK &&
                  call->reliable.length && rack.rseq == call->rseq && rack.cseq == call->invite->cseq &&
                  str_view_equal(rack.method_text, STR_VIEW("INVITE"));
  if (is_match) stop(call);
  ua_call_respond(transaction, call, is_match ? 200 : 481, (struct str_view){0});
}

/* --- as caller --------------------------------------------------------------------------------------------------- */

bool ua_reliable_take(struct ua_call *call, const struct sip_message *response) {
  struct world *world = call->actor->world;
  uint32_t rseq;
  if (!str_view_to_u32(sip_message_header(response, SIP_HEADER_RSEQ), &rseq) || rseq == 0) {
    ua_call_complain(call, "a reliable response without RSeq (RFC 3262 7.1)");
    return false;
  }
  if (call->rseq_acked != 0 && rseq <= call->rseq_acked) return false;
  if (call->rseq_acked != 0 && rseq != call->rseq_acked + 1) {
    ua_call_complain(call, "RSeq rose by more than one (RFC 3262 3)");
    return false;
  }
  call->rseq_acked = rseq;
  bool is_offer = call->offers_late && !call->session.has_theirs && response->body.length > 0;
  ua_call_take_session(call, response);
  struct str_view lines = sim_format_view(&world->memory, "RAck: %u %u INVITE\r\n", rseq, response->cseq);
  struct str_view body = is_offer ? ua_session_answer(world, &call->session) : (struct str_view){0};
  struct ua_request request = {.method = SIP_METHOD_PRACK,
                               .cseq = ++call->local_cseq,
                               .branch = ua_message_branch(call->actor),
                               .lines = lines,
                               .body = body};
  ua_transaction_start(call->actor, call, SIP_METHOD_PRACK, request.branch, ua_message_request(call, &request));
  return true;
}
