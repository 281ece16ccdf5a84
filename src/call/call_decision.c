/* What decided that a call ends: which leg, which timer, which message; and for what supervision ended, in plain words.
 */
#include "call/call_supervision.h"
#include "keepalive/keepalive.h"
#include "sip/sip_message.h"
#include "supervision/explanation.h"
#include "supervision/session_guard.h"

#define MESSAGE_BYTES     64
#define EXPLANATION_BYTES 512

/* --- leg, timer, message ----------------------------------------------------------------------------------------- */

static struct str_view timer_of(const struct call_step *step) {
  const struct call_end *end = &step->call->end;
  switch ((enum end_cause)end->cause) {
  case END_CAUSE_refresh_unanswered:
  case END_CAUSE_refresh_rejected:
  case END_CAUSE_session_expired: return STR_VIEW("session");
  case END_CAUSE_no_timer_cap: return STR_VIEW("no_timer_cap");
  case END_CAUSE_no_ack: return STR_VIEW("acknowledgement");
  case END_CAUSE_unreachable:
  case END_CAUSE_none:
  case END_CAUSE_COUNT: break;
  }
  if (end->reason == END_REASON_duration_limit) return STR_VIEW("max_duration");
  bool is_stage = end->reason == END_REASON_no_answer || end->reason == END_REASON_gateway_timeout;
  return is_stage && !step->message ? STR_VIEW("set_up") : (struct str_view){0};
}

/* "BYE", "481 to UPDATE", "UPDATE, no answer", "200 to INVITE, no ACK". */
static void write_message(const struct call_step *step, struct text_builder *text) {
  const struct call_leg *leg = step->leg;
  struct liveness said = {0};
  if (step->message) {
    liveness_note(&said, call_wall_now(step->call, step->context), step->message);
    liveness_write(&said, text);
  } else if (step->call->end.cause == END_CAUSE_no_ack) {
    text_builder_add_literal(text, "200 to INVITE, no ACK");
  } else if (step->cause == END_CAUSE_refresh_unanswered || step->cause == END_CAUSE_refresh_rejected) {
    said.method = (uint8_t)refresh_rung_method((enum refresh_rung)leg->session_timer.rung);
    said.status = leg->session_timer.last_status;
    said.at = call_wall_now(step->call, step->context);
    liveness_write(&said, text);
    if (said.status == 0) text_builder_add_literal(text, ", no answer");
  }
}

/* --- plain words ------------------------------------------------------------------------------------------------- */

static struct wall_us before(const struct call_step *step, int64_t milliseconds) {
  return (struct wall_us){call_wall_now(step->call, step->context).value - milliseconds * 1000};
}

/* Only of devices that are kept alive by this worker; of others the sentence is left out. */
static void add_keep_alive(const struct call_step *step, const struct flow *flow, struct explanation_facts *facts) {
  const struct context *context = step->context;
  const struct keepalive_device *device = keepalive_find(step->table->rooms.keepalive, context, flow);
  if (!device || !device->is_unreachable) return;
  struct mono_ms heard_at = keepalive_device_heard_at(device, context->now);
  facts->unreachable_since = before(step, mono_ms_since(context->now, heard_at));
  facts->is_behind_nat = device->is_behind_nat;
}

static void explain(const struct call_step *step, struct text_builder *text) {
  const struct call_leg *leg = step->leg;
  const struct session_timer *timer = &leg->session_timer;
  const struct call_end *end = &step->call->end;
  bool is_answer = step->message && !step->message->is_request; /* maybe late, to a rung that was given up */
  bool is_cap = end->cause == END_CAUSE_no_timer_cap, is_ack = end->cause == END_CAUSE_no_ack;
  int64_t tried_ms = is_ack ? SESSION_TRANSACTION_MS : session_timer_tried_ms(timer, step->context->now);
  struct explanation_facts facts = {.cause = (enum end_cause)end->cause,
                                    .of_caller = leg->side == CALL_CALLER,
                                    .seconds = is_cap ? step->call->cap.no_timer_cap_s : timer->interval_s,
                                    .method = is_answer ? step->message->method
                                                        : refresh_rung_method((enum refresh_rung)timer->rung),
                                    .status = timer->last_status,
                                    .sent_at = before(step, tried_ms),
                                    .ended_at = call_wall_now(step->call, step->context),
                                    .alive = &leg->alive};
  struct flow flow = dialog_flow(step->table->rooms.dialogs, leg->dialog);
  if (flow.transport == TRANSPORT_UDP)
    facts.resends = explanation_resends(step->context->parameters, facts.method, tried_ms);
  add_keep_alive(step, &flow, &facts);
  explanation_write(&facts, text);
}

void call_decision_fill(struct call_step *step, struct cdr_record *record) {
  const struct call_leg *leg = step->leg;
  record->end_timer = timer_of(step);
  if (!leg) return;
  struct text_builder message = arena_builder(step->context->arena, MESSAGE_BYTES);
  write_message(step, &message);
  record->end_message = text_builder_view(&message);
  record->end_leg = leg->side == CALL_CALLER ? STR_VIEW("caller") : STR_VIEW("callee");
  if (step->cause == END_CAUSE_none && step->call->end.cause != END_CAUSE_no_ack) return;
  struct text_builder words = arena_builder(step->context->arena, EXPLANATION_BYTES);
  explain(step, &words);
  if (words.length > 0) record->explanation = text_builder_view(&words);
}
