/* Walks leg_machine.def, tells the call, and buries legs that are gone. The actions are what SIP asks of one leg. */
#include "base/check.h"
#include "call/call_supervision.h"
#include "sip/sip_build.h"

#define T1_MS       500
#define T2_MS       4000
#define ACK_WAIT_MS (64 * T1_MS)  /* RFC 3261 §13.3.1.4 */
#define FAREWELL_MS (1200 * 1000) /* beyond the longest SS_SIP_RESEND_INTERVAL, for CANCEL and INVITE in a row */
#define LINES_BYTES 4096

/* What the call is told: its event, or one found out by call_progress_event. */
enum leg_tale {
  TALE_NONE = CALL_EVENT_NONE,
  TALE_PROGRESS = CALL_EVENT_PROGRESS,
  TALE_ANSWER = CALL_EVENT_ANSWER,
  TALE_REFUSAL = CALL_EVENT_REFUSAL,
  TALE_SILENCE = CALL_EVENT_SILENCE,
  TALE_ACK = CALL_EVENT_ACK,
  TALE_NO_ACK = CALL_EVENT_NO_ACK,
  TALE_NO_PRACK = CALL_EVENT_NO_PRACK,
  TALE_CANCELLED = CALL_EVENT_CANCELLED,
  TALE_BYE = CALL_EVENT_BYE,
};

enum leg_watch { WATCH_nothing, WATCH_provisional, WATCH_answer, WATCH_farewell, WATCH_restart };

/* An action may raise a further event, which is looked up in the next state; LEG_EVENT_COUNT: none. */
#define NO_EVENT         LEG_EVENT_COUNT
#define LEG_ACTION(name) static enum leg_event leg_do_##name(struct call_step *step)

/* --- actions ----------------------------------------------------------------------------------------------------- */

LEG_ACTION(nothing) {
  (void)step;
  return NO_EVENT;
}

static void arm_resend(struct call_step *step) {
  struct call_leg *leg = step->leg;
  struct mono_ms due = mono_ms_add(step->context->now, leg->resend_ms);
  if (mono_ms_before(leg->resend_end, due)) due = leg->resend_end;
  timer_wheel_arm(step->context->wheel, &leg->timer, TIMER_CALL_LEG, due);
}

/* RFC 3261 §13.3.1.4: T1, doubling up to T2, whatever the transport. */
LEG_ACTION(start_resending) {
  step->leg->resend_ms = T1_MS;
  step->leg->resend_end = mono_ms_add(step->context->now, ACK_WAIT_MS);
  arm_resend(step);
  return NO_EVENT;
}

LEG_ACTION(resend_answer) {
  struct call_leg *leg = step->leg;
  if (!call_restored_resend(step))
    (void)!transaction_resend_final(step->table->rooms.transactions, step->context, leg->invite);
  leg->resend_ms = (uint16_t)(2 * leg->resend_ms < T2_MS ? 2 * leg->resend_ms : T2_MS);
  arm_resend(step);
  return NO_EVENT;
}

LEG_ACTION(resend_provisional) {
  struct call_leg *leg = step->leg;
  struct mono_ms again;
  enum result result = dialog_provisional_due(step->table->rooms.dialogs, step->context, leg->dialog, &again);
  if (result == RESULT_TIMED_OUT) return LEG_EVENT_NO_ACK;
  if (result == RESULT_OK) timer_wheel_arm(step->context->wheel, &leg->timer, TIMER_CALL_LEG, again);
  return NO_EVENT;
}

LEG_ACTION(stop_resending) {
  timer_wheel_cancel(step->context->wheel, &step->leg->timer);
  if (step->leg->side == CALL_CALLER) block_store_clear(step->table->rooms.blocks, &step->leg->held_response);
  step->leg->invite = HANDLE_NONE;
  return NO_EVENT;
}

LEG_ACTION(answer_bye) {
  call_ack_settle(step, step->leg);
  call_carried_forget(step, step->leg, 487); /* RFC 3261 §15.1.2 */
  /* A peer that has been told that the call is over does not say so again: first the record must be safe. */
  step->context->outbox->sends_wait = step->call ? OUTBOX_WAITS_PATIENTLY : OUTBOX_WAITS_NOT;
  call_respond(step, step->transaction, 200, (struct str_view){0});
  step->context->outbox->sends_wait = OUTBOX_WAITS_NOT;
  return NO_EVENT;
}

/* The callee must not end an early dialog with BYE (RFC 3261 §15); its INVITE still waits for a final response. */
LEG_ACTION(refuse_early_bye) {
  call_respond(step, step->transaction, 481, (struct str_view){0});
  return NO_EVENT;
}

/* The reason why a leg is left, for BYE, CANCEL and refusals: what the other side said, else our own. */
static struct str_view leave_lines(struct call_step *step) {
  if (step->leave_lines.length > 0) return step->leave_lines;
  struct text_builder lines = arena_builder(step->context->arena, 256);
  call_write_reason(&lines, &step->leg->leave);
  return lines.overflowed ? (struct str_view){0} : text_builder_view(&lines);
}

LEG_ACTION(refuse_invite) {
  struct call_leg *leg = step->leg;
  const struct call_rooms *rooms = &step->table->rooms;
  if (handle_is_none(leg->dialog)) { /* after a restart: its To has our tag already */
    (void)!transaction_respond_simple(rooms->transactions, step->context, leg->invite, leg->leave.status,
                                      (struct str_view){0}, leave_lines(step));
    return NO_EVENT;
  }
  struct text_builder builder = arena_builder(step->context->arena, LINES_BYTES);
  call_carried_forget(step, leg, 487);
  if (dialog_build_response(rooms->dialogs, step->context, leg->dialog, leg->invite, SIP_METHOD_INVITE,
                            leg->leave.status, (struct str_view){0}, &builder) != RESULT_OK)
    return NO_EVENT;
  text_builder_add(&builder, leave_lines(step));
  sip_build_end(&builder, (struct str_view){0}, (struct str_view){0});
  if (!builder.overflowed)
    (void)!transaction_respond(rooms->transactions, step->context, leg->invite, leg->leave.status,
                               text_builder_view(&builder));
  dialog_note_response_sent(rooms->dialogs, leg->dialog, leg->leave.status);
  return NO_EVENT;
}

/* RFC 3261 §9.2. */
LEG_ACTION(refuse_cancelled) {
  step->leg->leave.status = 487;
  return leg_do_refuse_invite(step);
}

LEG_ACTION(send_bye) {
  struct call_leg *leg = step->leg;
  struct handle transaction;
  call_ack_settle(step, leg);
  call_carried_forget(step, leg, 487);
  struct text_builder lines = arena_builder(step->context->arena, LINES_BYTES);
  text_builder_add(&lines, leave_lines(step));
  call_write_supported(&lines, call_supervision_supports(step, leg), false);
  uint32_t sent = call_credentials_add(step, leg, STR_VIEW("BYE"), &lines);
  struct dialog_request bye = {.method = SIP_METHOD_BYE,
                               .extra_headers = lines.overflowed ? (struct str_view){0} : text_builder_view(&lines),
                               .owner = call_leg_owner(step->table, leg, LEG_PURPOSE_BYE)};
  bye.owner.detail |= sent;
  enum result result = dialog_send_request(step->table->rooms.dialogs, step->context, leg->dialog, &bye, &transaction);
  return result == RESULT_OK ? NO_EVENT : LEG_EVENT_BYE_DONE;
}

/* RFC 4028 §7.1: timers are supported in each request but ACK. */
void call_cancel(struct call_step *step, struct call_leg *leg, struct handle invite, struct str_view lines) {
  struct text_builder headers = arena_builder(step->context->arena, LINES_BYTES);
  call_write_supported(&headers, call_supervision_supports(step, leg), false);
  text_builder_add(&headers, lines);
  transaction_cancel(step->table->rooms.transactions, step->context, invite,
                     headers.overflowed ? (struct str_view){0} : text_builder_view(&headers));
}

LEG_ACTION(cancel_invite) {
  call_cancel(step, step->leg, step->leg->invite, leave_lines(step));
  return NO_EVENT;
}

/* The ACK goes out at once unless it has to bring the answer to the callee's offer, for which the caller is waited. */
static void acknowledge(struct call_step *step) {
  struct call_leg *leg = step->leg;
  leg->ack_cseq = step->message->cseq;
  call_ack_send(step, leg, NULL);
}

LEG_ACTION(take_answer) {
  struct call_leg *leg = step->leg;
  leg->branch = (uint8_t)step->branch;
  leg->invite = HANDLE_NONE;
  /* Who has its ACK never says again that it has answered: the journal must have the call before, unless
   * that is over already. */
  step->context->outbox->sends_wait = step->call ? OUTBOX_WAITS : OUTBOX_WAITS_NOT;
  if (leg->invited_with_offer)
    acknowledge(step);
  else
    call_ack_owe(step, leg);
  step->context->outbox->sends_wait = OUTBOX_WAITS_NOT;
  return NO_EVENT;
}

/* A 2xx to our INVITE once more: of the same branch its ACK was lost (or waits, or is that of a re-INVITE that the end
 * of the call overtook); of another branch that one is hung up (RFC 3261 §13.2.2.4). */
LEG_ACTION(acknowledge_again) {
  struct call_leg *leg = step->leg;
  struct dialog_table *dialogs = step->table->rooms.dialogs;
  if (step->branch != leg->branch && !leg->invited_with_offer) {
    call_dismiss_stray(step, true);
  } else if (step->branch != leg->branch) {
    (void)call_stray_note(step);
    struct str_view request_uri = dialog_branch_request_uri(dialogs, leg->dialog, step->branch);
    struct dialog_dismissal dismissal = {.branch = step->branch,
                                         .cseq = step->message->cseq,
                                         .ack_headers = call_credentials_of_branch_ack(step, leg),
                                         .bye_headers = call_credentials_of_bye(step, leg, request_uri)};
    dialog_dismiss_branch(dialogs, step->context, leg->dialog, &dismissal);
  } else if (leg->state == LEG_STATE_LEAVING && step->message->cseq > leg->ack_cseq && leg->offer == LEG_OFFER_NONE) {
    call_ack_owe(step, leg); /* a re-INVITE that asked for an offer */
    call_ack_settle(step, leg);
  } else if (step->message->cseq != leg->ack_cseq) {
    acknowledge(step);
  } else if (!leg->ack_owed) {
    /* The first one may still wait for the journal: this one must not overtake it. */
    step->context->outbox->sends_wait = OUTBOX_WAITS;
    dialog_resend_ack(dialogs, step->context, leg->dialog);
    step->context->outbox->sends_wait = OUTBOX_WAITS_NOT;
  }
  return NO_EVENT;
}

/* CANCEL came too late: ACK (which BYE sends when it is owed) and BYE (RFC 3261 §15: BYE, since the dialog is
 * confirmed). */
LEG_ACTION(hang_up_late_answer) {
  leg_do_take_answer(step);
  return leg_do_send_bye(step);
}

/* --- the table --------------------------------------------------------------------------------------------------- */

struct leg_row {
  enum leg_event (*action)(struct call_step *step);
  uint8_t next;
  uint8_t tale; /* enum leg_tale */
};

static const struct leg_row rows[LEG_STATE_COUNT][LEG_EVENT_COUNT] = {
#define LEG_ROW(state, event, action, next, tale)                                                                      \
  [LEG_STATE_##state][LEG_EVENT_##event] = {leg_do_##action, LEG_STATE_##next, TALE_##tale},
#include "call/leg_machine.def"
};

static const uint8_t watches[LEG_STATE_COUNT] = {
#define LEG_STATE(name, watch, ...) [LEG_STATE_##name] = WATCH_##watch,
#include "call/leg_machine.def"
};

static void enter(struct call_step *step, enum leg_state next) {
  struct call_leg *leg = step->leg;
  if (leg->state == next) return;
  enum leg_watch before = (enum leg_watch)watches[leg->state], after = (enum leg_watch)watches[next];
  leg->state = (uint8_t)next;
  if (after == before) return;
  timer_wheel_cancel(step->context->wheel, &leg->timer);
  if (after == WATCH_farewell)
    timer_wheel_arm(step->context->wheel, &leg->timer, TIMER_CALL_LEG, mono_ms_add(step->context->now, FAREWELL_MS));
}

/* Provisional responses are events of their own for the call: they choose its state. */
static enum call_event call_progress_event(const struct call_step *step) {
  struct call_body body = call_body_of(step->message);
  if (step->status == 100) return CALL_EVENT_TRYING;
  if (step->status == 180) return CALL_EVENT_RINGING;
  return call_body_has_session(&body) ? CALL_EVENT_PROGRESS_SDP : CALL_EVENT_PROGRESS;
}

static void tell(struct call_step *step, enum leg_tale tale) {
  if (tale == TALE_NONE || !step->call) return;
  call_dispatch(step, tale == TALE_PROGRESS ? call_progress_event(step) : (enum call_event)tale);
}

void leg_dispatch(struct call_step *step, enum leg_event event) {
  struct call_leg *leg = step->leg;
  struct handle self = pool_handle_of(&step->table->legs, leg);
  while (event != NO_EVENT) {
    const struct leg_row *row = &rows[leg->state][event];
    expect_or(row->action, {
      counters_add(step->context->counters, invariants_broken);
      return;
    });
    enter(step, (enum leg_state)row->next);
    event = row->action(step);
    tell(step, (enum leg_tale)row->tale);
    if (call_leg_at(step->table, self)) continue;
    step->leg = NULL; /* the call ended, and with it this leg */
    return;
  }
  if (leg->state != LEG_STATE_GONE) return;
  call_farewell_done(step);
  call_leg_destroy(step->table, step->context, leg);
  step->leg = NULL;
}

void call_leg_timer_due(struct call_table *table, struct context *context, struct timer *timer) {
  struct call_leg *leg = (struct call_leg *)(void *)((char *)timer - offsetof(struct call_leg, timer));
  struct call_step step = {.table = table, .context = context, .call = call_of_leg(table, leg), .leg = leg};
  switch ((enum leg_watch)watches[leg->state]) {
  case WATCH_nothing: return;
  case WATCH_provisional: leg_dispatch(&step, LEG_EVENT_RESEND); return;
  case WATCH_answer:
    leg_dispatch(&step, mono_ms_before(context->now, leg->resend_end) ? LEG_EVENT_RESEND : LEG_EVENT_NO_ACK);
    return;
  case WATCH_farewell: leg_dispatch(&step, LEG_EVENT_OVERDUE); return;
  case WATCH_restart: leg_dispatch(&step, LEG_EVENT_LEAVE); return;
  }
}
