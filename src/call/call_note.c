/* What the flight recorder is told about calls (boundary/note.h): which legs belong together, what their timers decide,
 * how they end. Nothing is spent on it while no recorder runs. */
#include "call/call_private.h"

#define LEGS_KNOWN_MS 60000 /* so long at least the recorder has what was noted when a call was set up */

static struct note note_of(struct call_step *step, const struct call_leg *leg, enum note_kind kind) {
  struct note note = {.kind = (uint8_t)kind};
  if (step->call) note.call = call_id_of(step);
  if (leg) note.side = leg->side == CALL_CALLER ? NOTE_SIDE_CALLER : NOTE_SIDE_CALLEE;
  return note;
}

void call_note_leg(struct call_step *step, const struct call_leg *leg) {
  if (!outbox_takes_notes(step->context->outbox)) return;
  struct note note = note_of(step, leg, NOTE_LEG);
  note.text = dialog_call_id(step->table->rooms.dialogs, leg->dialog);
  outbox_note(step->context->outbox, &note);
}

void call_note_attempt(struct call_step *step, struct str_view id) {
  if (!outbox_takes_notes(step->context->outbox)) return;
  struct note note = {.kind = NOTE_LEG, .side = NOTE_SIDE_CALLER, .call = id, .text = step->message->call_id};
  outbox_note(step->context->outbox, &note);
}

/* In a call of hours the recorder has lost long since which Call-IDs are its own: what is said now would be nobody's.
 */
static void note_legs_again(struct call_step *step) {
  const struct call *call = step->call;
  if (call->answered_at.value == 0 || mono_ms_since(step->context->now, call->answered) < LEGS_KNOWN_MS) return;
  const struct call_leg *caller = call_leg_at(step->table, call->caller);
  const struct call_leg *callee = call_leg_at(step->table, call->callee);
  if (caller) call_note_leg(step, caller);
  if (callee) call_note_leg(step, callee);
}

static void note_timer(struct call_step *step, const struct call_leg *leg, const struct note *decision) {
  if (!outbox_takes_notes(step->context->outbox)) return;
  struct note note = note_of(step, leg, (enum note_kind)decision->kind);
  note.status = decision->status;
  note.seconds = decision->seconds;
  note.due_in_ms = decision->due_in_ms;
  note.text = decision->text;
  outbox_note(step->context->outbox, &note);
}

static const char *describe(const struct session_timer *session) {
  if (session->role == SESSION_ROLE_OURS) return "we refresh";
  return session->role == SESSION_ROLE_THEIRS ? "they refresh" : "no session timer";
}

void call_note_session(struct call_step *step, const struct call_leg *leg, enum note_kind kind, unsigned status,
                       struct str_view text) {
  const struct session_timer *session = &leg->session_timer;
  struct mono_ms due;
  if (!outbox_takes_notes(step->context->outbox)) return;
  struct note decision = {.kind = (uint8_t)kind, .status = (uint16_t)status, .text = text};
  if (session_timer_is_timed(session)) decision.seconds = session->interval_s;
  if (session_timer_next_refresh(session, &due) || session_timer_guard(session, step->context->parameters, &due))
    decision.due_in_ms = mono_ms_since(due, step->context->now);
  if (text.length == 0) decision.text = str_view_from_c(describe(session));
  bool is_refresh = kind == NOTE_TIMER_DUE || (kind == NOTE_TIMER_REFRESHED && status == 0);
  if (is_refresh) note_legs_again(step);
  note_timer(step, leg, &decision);
}

void call_note_end(struct call_step *step) {
  if (!outbox_takes_notes(step->context->outbox)) return;
  const struct call_end *end = &step->call->end;
  note_legs_again(step);
  struct note note = note_of(step, NULL, NOTE_CALL_ENDED);
  note.side = end->direction == END_BY_CALLER   ? NOTE_SIDE_CALLER
              : end->direction == END_BY_CALLEE ? NOTE_SIDE_CALLEE
                                                : NOTE_SIDE_NONE;
  note.status = end->status;
  note.text = str_view_from_c(end->cause != END_CAUSE_none ? end_cause_name((enum end_cause)end->cause)
                                                           : end_reason_row((enum end_reason)end->reason)->name);
  outbox_note(step->context->outbox, &note);
}
