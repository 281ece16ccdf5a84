/* How calls end: why, by whom, both legs told independently of one another, capacity given back once, one record.
 *
 * Order matters: the record is made while both legs are still there, the legs are told next (each goes its own way,
 * leg_machine.def), and the call object goes last. A record that cannot be handed on keeps its call in ENDED. */
#include "call/call_supervision.h"
#include "directory/directory.h"
#include "sip/sip_header_values.h"

#define LINES_BYTES 4096

struct call_end call_end_of(enum end_reason reason, enum end_direction direction) {
  const struct end_reason_row *row = end_reason_row(reason);
  return (struct call_end){.reason = (uint8_t)reason, .direction = (uint8_t)direction, .status = row->sip_status};
}

/* --- what the peer says ------------------------------------------------------------------------------------------ */

/* A text between quotes may hold escapes; they are kept, only records show it. */
void call_read_reason(struct call_step *step, struct call_end *end) {
  struct sip_value_cursor cursor = {0};
  struct str_view value;
  struct sip_reason reason;
  if (!step->message) return;
  while (sip_message_next_value(step->message, SIP_HEADER_REASON, &cursor, &value)) {
    if (sip_reason_parse(value, &reason) != RESULT_OK) continue;
    if (str_view_equal_nocase(reason.protocol, STR_VIEW("Q.850")) && reason.cause >= 1 && reason.cause <= 127)
      end->q850 = (uint8_t)reason.cause;
    if (reason.text.length > 0) call_set_text(step, CALL_TEXT_END, reason.text);
  }
}

/* --- capacity ---------------------------------------------------------------------------------------------------- */

static void release(struct call_step *step, uint32_t *usage) {
  if (*usage == CALL_NO_USAGE) return;
  directory_release(step->context->directory, *usage);
  *usage = CALL_NO_USAGE;
}

void call_release_callee(struct call_step *step) {
  release(step, &step->call->callee_usage);
}

/* --- leaving ----------------------------------------------------------------------------------------------------- */

static bool is_bye_or_response(const struct sip_message *message) {
  return message && (!message->is_request || message->method == SIP_METHOD_BYE || message->method == SIP_METHOD_CANCEL);
}

/* What a leg is told when it is left: what the other side said about it, if it said something, and else our own reason.
 */
static struct str_view lines_for(struct call_step *step, const struct call_end *end) {
  struct text_builder lines = arena_builder(step->context->arena, LINES_BYTES);
  bool other_speaks = step->leg && is_bye_or_response(step->message);
  if (other_speaks) call_carry_headers(step, step->message->is_request ? CARRY_IN_REQUEST : CARRY_IN_RESPONSE, &lines);
  if (!other_speaks || !sip_message_has(step->message, SIP_HEADER_REASON)) call_write_reason(&lines, end);
  return lines.overflowed ? (struct str_view){0} : text_builder_view(&lines);
}

/* Lets the leg go its own way. */
static void leave(struct call_step *step, struct handle handle, const struct call_end *end, struct str_view lines) {
  struct call_leg *leg = call_leg_at(step->table, handle);
  if (!leg) return;
  leg->call = HANDLE_NONE;
  leg->leave = *end;
  call_supervision_stop(step, leg);
  if (leg->leave.status < 300) leg->leave.status = 480; /* an INVITE still waiting is not answered with success */
  if (leg->state == LEG_STATE_GONE) return;
  struct call_step own = {.table = step->table, .context = step->context, .leg = leg};
  if (leg != step->leg) own.leave_lines = lines; /* nobody is told what he said himself */
  leg_dispatch(&own, LEG_EVENT_LEAVE);
}

void call_leave_leg(struct call_step *step, struct handle leg, const struct call_end *end) {
  leave(step, leg, end, lines_for(step, end));
}

/* --- the end ----------------------------------------------------------------------------------------------------- */

static void count_cause(struct counters *counters, enum end_cause cause) {
  switch (cause) {
  case END_CAUSE_refresh_unanswered: counters_add(counters, calls_ended_refresh_unanswered); return;
  case END_CAUSE_refresh_rejected: counters_add(counters, calls_ended_refresh_rejected); return;
  case END_CAUSE_session_expired: counters_add(counters, calls_ended_session_expired); return;
  case END_CAUSE_no_timer_cap: counters_add(counters, calls_ended_no_timer_cap); return;
  case END_CAUSE_no_ack: counters_add(counters, calls_ended_no_ack); return;
  case END_CAUSE_unreachable: /* of calls that never began */
  case END_CAUSE_none:
  case END_CAUSE_COUNT: return;
  }
}

/* A call that was taken up after a restart, and of which nothing was heard since: its ends went while the switch was
 * away, and it ended with its last proof of life. */
static bool ended_while_away(const struct call *call, const struct call_end *end) {
  return end->reason == END_REASON_session_timeout && end->cause != END_CAUSE_no_ack && call->restored_at.value != 0 &&
         call->alive.at.value < call->restored_at.value;
}

static void end_with_last_life(struct call *call) {
  int64_t talked_us = call->alive.at.value - call->answered_at.value;
  if (talked_us < 0) talked_us = 0;
  call->end = call_end_of(END_REASON_switch_restart, END_BY_SWITCH);
  call->ended_at.value = call->answered_at.value + talked_us;
  call->ended = mono_ms_add(call->answered, talked_us / 1000);
}

static void note_end(struct call_step *step, struct call_end end) {
  struct call *call = step->call;
  bool was_answered = call->answered_at.value != 0;
  call->end = end;
  call->ended_at = call_wall_now(call, step->context);
  call->ended = step->context->now;
  if (ended_while_away(call, &end)) end_with_last_life(call);
  if (was_answered) {
    call->end.status = 200;
    step->table->answered_count--;
  }
  counters_add(step->context->counters, calls_ended);
  if (end.reason == END_REASON_session_timeout) count_cause(step->context->counters, (enum end_cause)end.cause);
}

void call_end(struct call_step *step, struct call_end end) {
  struct call *call = step->call;
  note_end(step, end);
  call_note_end(step);
  struct str_view record = call_record_make(step), lines = lines_for(step, &end);
  struct handle caller = call->caller, callee = call->callee;
  call->caller = call->callee = HANDLE_NONE;
  leave(step, caller, &end, lines);
  leave(step, callee, &end, lines);
  call_release_callee(step);
  release(step, &call->caller_usage);
  uint8_t owed = call_farewell_note(step, caller, callee);
  if (call_record_hand_on(step, record, owed) != RESULT_OK) return;
  call_destroy(step->table, step->context, call);
  step->call = NULL;
}

CALL_ACTION(record_again) {
  struct str_view record = block_store_view(step->table->rooms.blocks, &step->call->carried_headers);
  if (call_record_hand_on(step, record, 0) != RESULT_OK) return CALL_EVENT_NONE;
  call_destroy(step->table, step->context, step->call);
  step->call = NULL;
  return CALL_EVENT_NONE;
}

/* --- endings ----------------------------------------------------------------------------------------------------- */

static enum end_direction side_of(const struct call_leg *leg) {
  return leg->side == CALL_CALLER ? END_BY_CALLER : END_BY_CALLEE;
}

CALL_ACTION(refuse_caller) {
  call_end(step, step->call->attempts->failure);
  return CALL_EVENT_NONE;
}

CALL_ACTION(end_cancelled) {
  struct call_end end = call_end_of(END_REASON_cancelled, END_BY_CALLER);
  call_read_reason(step, &end);
  call_end(step, end);
  return CALL_EVENT_NONE;
}

CALL_ACTION(end_by_operator) {
  call_end(step, call_end_of(END_REASON_operator, END_BY_SWITCH));
  return CALL_EVENT_NONE;
}

CALL_ACTION(end_by_bye) {
  struct call_end end = call_end_of(END_REASON_normal, side_of(step->leg));
  call_read_reason(step, &end);
  call_end(step, end);
  return CALL_EVENT_NONE;
}

CALL_ACTION(end_no_ack) {
  struct call_end end = call_end_of(END_REASON_session_timeout, END_BY_SWITCH);
  end.cause = END_CAUSE_no_ack;
  call_end(step, end);
  return CALL_EVENT_NONE;
}

/* RFC 3262 §3: the INVITE is rejected with a 5xx. */
CALL_ACTION(end_no_prack) {
  struct call_end end = call_end_of(END_REASON_session_timeout, END_BY_SWITCH);
  end.cause = END_CAUSE_no_ack;
  end.status = 504;
  call_end(step, end);
  return CALL_EVENT_NONE;
}

CALL_ACTION(end_lost) {
  struct call_end end = call_end_of(END_REASON_session_timeout, END_BY_SWITCH);
  end.cause = step->status == 481 ? END_CAUSE_refresh_rejected : END_CAUSE_refresh_unanswered;
  call_end(step, end);
  return CALL_EVENT_NONE;
}

CALL_ACTION(end_supervised) {
  struct call_end end = call_end_of(END_REASON_session_timeout, END_BY_SWITCH);
  end.cause = (uint8_t)step->cause;
  call_end(step, end);
  return CALL_EVENT_NONE;
}

CALL_ACTION(end_broken) {
  call_end(step, call_end_of(END_REASON_protocol_error, END_BY_SWITCH));
  return CALL_EVENT_NONE;
}

CALL_ACTION(end_talk) {
  call_end(step, call_end_of(END_REASON_duration_limit, END_BY_SWITCH));
  return CALL_EVENT_NONE;
}

/* --- operators --------------------------------------------------------------------------------------------------- */

enum result call_hang_up(struct call_table *table, struct context *context, struct str_view id) {
  struct call *call = call_find_by_id(table, id);
  if (!call || call->state == CALL_STATE_ENDED) return RESULT_NOT_FOUND;
  struct call_step step = {.table = table, .context = context, .call = call};
  call_dispatch(&step, CALL_EVENT_OPERATOR);
  return RESULT_OK;
}
