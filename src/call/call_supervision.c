#include "call/call_supervision.h"

void call_supervision_add_to_request(struct call_step *step, struct call_leg *leg, enum sip_method method,
                                     struct text_builder *headers) {
  (void)step;
  (void)leg;
  (void)method;
  (void)headers;
}

void call_supervision_add_to_answer(struct call_step *step, struct call_leg *leg, enum sip_method method,
                                    struct text_builder *headers) {
  (void)step;
  (void)leg;
  (void)method;
  (void)headers;
}

/* Until sessions are timed, what came is only remembered as the last proof of life. */
void call_supervision_note(struct call_step *step, struct call_leg *leg) {
  struct call *call = step->call;
  if (!call || !step->message) return;
  call->last_alive_at = step->context->wall_now;
  call->last_alive_side = leg->side;
  call->last_alive_method = (uint8_t)step->message->method;
  call->last_alive_status = step->message->is_request ? 0 : step->message->status;
}

void call_supervision_stop(struct call_step *step, struct call_leg *leg) {
  (void)step;
  (void)leg;
}
