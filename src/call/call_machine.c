/* Walks call_machine.def, and keeps the call's clock: each state has one (call_machine.def names it). */
#include "base/check.h"
#include "call/call_supervision.h"

#define LOCATION_WAIT_MS   2000 /* another worker answers in microseconds, or is in deep trouble */
#define RECORD_RETRY_MS    100
#define STAGE_UNLIMITED_MS (3600 * 1000)        /* a device's override 0: the transaction's own limit comes first */
#define TALK_WATCH_MS      (24 * 3600 * 1000LL) /* no longest talk time: looked at once a day */

struct call_row {
  enum call_event (*action)(struct call_step *step);
  uint8_t next;
};

static const struct call_row rows[CALL_STATE_COUNT][CALL_EVENT_COUNT] = {
#define CALL_ROW(state, event, action, next)                                                                           \
  [CALL_STATE_##state][CALL_EVENT_##event] = {call_do_##action, CALL_STATE_##next},
#include "call/call_machine.def"
};

enum call_clock {
  CLOCK_none,
  CLOCK_location,
  CLOCK_stage_invite,
  CLOCK_stage_trying,
  CLOCK_stage_session_progress,
  CLOCK_stage_session_progress_sdp,
  CLOCK_stage_ringing,
  CLOCK_talk,
  CLOCK_record,
};

static const uint8_t clocks[CALL_STATE_COUNT] = {
#define CALL_STATE(name, clock, ...) [CALL_STATE_##name] = CLOCK_##clock,
#include "call/call_machine.def"
};

/* --- clocks ------------------------------------------------------------------------------------------------------ */

static struct mono_ms talk_due(const struct call_table *table, const struct context *context, const struct call *call) {
  struct mono_ms cap_end = duration_cap_next(&call->cap, mono_ms_add(context->now, TALK_WATCH_MS));
  return call_carried_patience(table, call, cap_end);
}

static struct mono_ms clock_due(const struct call_table *table, const struct context *context, const struct call *call,
                                enum call_clock clock) {
  switch (clock) {
  case CLOCK_none: break;
  case CLOCK_location: return mono_ms_add(context->now, LOCATION_WAIT_MS);
  case CLOCK_stage_invite:
  case CLOCK_stage_trying:
  case CLOCK_stage_session_progress:
  case CLOCK_stage_session_progress_sdp:
  case CLOCK_stage_ringing: {
    uint16_t stage_s = call->attempts->stage_s[clock - CLOCK_stage_invite];
    return mono_ms_add(context->now, stage_s == 0 ? STAGE_UNLIMITED_MS : stage_s * 1000LL);
  }
  case CLOCK_talk: return talk_due(table, context, call);
  case CLOCK_record: return mono_ms_add(context->now, RECORD_RETRY_MS);
  }
  return context->now;
}

/* A state entered anew gets its clock; staying in one does not wind it up again. */
static void enter(struct call_step *step, enum call_state next) {
  struct call *call = step->call;
  step->left = call->state;
  if (call->state == next) return;
  call->state = (uint8_t)next;
  enum call_clock clock = (enum call_clock)clocks[next];
  if (clock == CLOCK_none)
    timer_wheel_cancel(step->context->wheel, &call->timer);
  else
    timer_wheel_arm(step->context->wheel, &call->timer, TIMER_CALL, clock_due(step->table, step->context, call, clock));
}

/* --- dispatch ---------------------------------------------------------------------------------------------------- */

void call_dispatch(struct call_step *step, enum call_event event) {
  while (event != CALL_EVENT_NONE && step->call) {
    const struct call_row *row = &rows[step->call->state][event];
    expect_or(row->action, {
      counters_add(step->context->counters, invariants_broken);
      return;
    });
    enter(step, (enum call_state)row->next);
    event = row->action(step);
  }
}

CALL_ACTION(nothing) {
  (void)step;
  return CALL_EVENT_NONE;
}

void call_rearm_talk(const struct call_table *table, struct context *context, struct call *call) {
  if (clocks[call->state] == CLOCK_talk)
    timer_wheel_arm(context->wheel, &call->timer, TIMER_CALL, talk_due(table, context, call));
}

/* The clock of a talk looks at both limits and at what is carried, and at the watch's rhythm at none of them. */
static void talk_timer_due(struct call_step *step) {
  struct call *call = step->call;
  bool is_timed = call_supervision_caller_is_timed(step->table, call);
  call_carried_give_up(step);
  switch (duration_cap_due(&call->cap, step->context->now, is_timed)) {
  case DURATION_LIMIT_REACHED: call_dispatch(step, CALL_EVENT_DEADLINE); return;
  case DURATION_NO_TIMER_CAP_REACHED:
    step->leg = call_leg_at(step->table, call->caller);
    step->cause = END_CAUSE_no_timer_cap;
    call_dispatch(step, CALL_EVENT_EXPIRED);
    return;
  case DURATION_GOES_ON: call_rearm_talk(step->table, step->context, call); return;
  }
}

void call_timer_due(struct call_table *table, struct context *context, struct timer *timer) {
  struct call *call = (struct call *)(void *)((char *)timer - offsetof(struct call, timer));
  struct call_step step = {.table = table, .context = context, .call = call};
  if (clocks[call->state] == CLOCK_talk) {
    talk_timer_due(&step);
    return;
  }
  if (call->state == CALL_STATE_ENDED)
    timer_wheel_arm(context->wheel, timer, TIMER_CALL, clock_due(table, context, call, CLOCK_record));
  call_dispatch(&step, CALL_EVENT_DEADLINE);
}
