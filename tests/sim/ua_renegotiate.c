/* Our re-INVITE and UPDATE: hold, resume, another codec, and nothing new at all. */
#include "sim/ua_call.h"
#include "sim/ua_message.h"

#define RETRIES_MAX 5

struct retry {
  enum sip_method method;
  unsigned direction, payload;
};

bool ua_call_renegotiate(struct ua_call *call, enum sip_method method, unsigned direction, unsigned payload) {
  struct ua_session *session = &call->session;
  if (call->state != UA_UP || call->accepted || call->renegotiation || session->is_offer_open) return false;
  if (direction == UA_SAME) direction = session->ours.direction;
  if (payload == UA_SAME) payload = session->ours.payload;
  struct str_view offer = ua_session_offer(call->actor->world, session, (enum ua_direction)direction, payload);
  call->renegotiation = ua_call_request(call, method, (struct str_view){0}, ua_timer_request_lines(call), offer);
  return true;
}

/* A re-INVITE without a session description: the offer comes in the 2xx, our answer goes into the ACK. */
bool ua_call_ask_for_offer(struct ua_call *call) {
  if (call->state != UA_UP || call->accepted || call->renegotiation || call->session.is_offer_open) return false;
  struct str_view nothing = {0};
  call->renegotiation = ua_call_request(call, SIP_METHOD_INVITE, nothing, ua_timer_request_lines(call), nothing);
  return true;
}

static void try_again(struct world *world, void *subject, void *detail) {
  const struct retry *retry = detail;
  (void)world;
  ua_call_renegotiate(subject, retry->method, retry->direction, retry->payload);
}

/* Glare (RFC 3261 §14.1): the owner of the Call-ID waits longer. */
static void retry_later(struct ua_call *call, enum sip_method method) {
  struct world *world = call->actor->world;
  bool is_refresher = call->session_s > 0 && call->we_refresh; /* its session would expire */
  if (++call->retries > RETRIES_MAX && !is_refresher) return;
  struct retry *retry = sim_take(&world->memory, sizeof *retry);
  *retry = (struct retry){method, call->session.ours.direction, call->session.ours.payload};
  int64_t wait_ms =
      call->is_caller ? world_draw(world, CHANCE_ACTORS, 210, 400) * 10 : world_draw(world, CHANCE_ACTORS, 0, 200) * 10;
  world_at(world, world->now_us + wait_ms * MS_US, try_again, call, retry);
}

static void refused(struct ua_call *call, struct ua_transaction *transaction, const struct sip_message *response) {
  unsigned status = response->status;
  call->renegotiation = NULL;
  if (status == 491 || (status == 422 && ua_timer_raise(call, response))) retry_later(call, transaction->method);
  ua_session_refused(&call->session);
  if ((status == 481 || status == 408) && call->state == UA_UP) ua_call_hang_up(call);
}

void ua_call_renegotiation_answered(struct ua_transaction *transaction, const struct sip_message *response) {
  struct ua_call *call = transaction->call;
  if (response->status < 200) return;
  if (response->status >= 300) {
    if (transaction == call->renegotiation) refused(call, transaction, response);
    return;
  }
  struct str_view answer = {0};
  if (transaction == call->renegotiation) {
    call->renegotiation = NULL;
    call->retries = 0;
    bool had_body = response->body.length > 0;
    if (!had_body && transaction->is_session_offer) ua_call_complain(call, "a 2xx without an answer to our offer");
    ua_call_take_session(call, response);
    ua_timer_take_response(call, response);
    if (had_body && !transaction->is_session_offer) answer = ua_session_answer(call->actor->world, &call->session);
    if (!had_body && transaction->method == SIP_METHOD_INVITE)
      ua_call_complain(call, "a 2xx without a session description");
  }
  if (transaction->method == SIP_METHOD_INVITE) ua_call_acknowledge(transaction, answer);
}
