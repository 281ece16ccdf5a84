/* Changed parameters and a changed directory reach running calls: some at a time, so that a worker with a million calls
 * does not stand still, and each leg spreads what it will do (session_timer_change). */
#include "call/call_supervision.h"
#include "parameters/parameters.h"

#define SWEEP_CALLS   2000 /* at a time */
#define SWEEP_WAIT_MS 10

static void change_leg(struct call_step *step, struct call_leg *leg) {
  if (!leg) return;
  struct session_wishes wishes = call_supervision_wishes(step, leg);
  session_timer_change(&leg->session_timer, step->context, &wishes);
  call_refresh_account(step->table, leg);
}

static void change_call(struct call_step *step) {
  struct call *call = step->call;
  if (call->state != CALL_STATE_ANSWERED && call->state != CALL_STATE_UP) return;
  change_leg(step, call_leg_at(step->table, call->caller));
  change_leg(step, call_leg_at(step->table, call->callee));
  duration_cap_change(&call->cap, call->answered, step->context->now,
                      step->context->parameters->SS_SIP_NO_TIMER_REINVITE_INTERVAL, step->context->random);
  call_rearm_talk(step->context, call);
}

void call_sweep_due(struct call_table *table, struct context *context) {
  struct call_step step = {.table = table, .context = context};
  for (unsigned i = 0; i < SWEEP_CALLS; i++) {
    step.call = pool_next(&table->calls, &table->swept);
    if (!step.call) return;
    change_call(&step);
  }
  timer_wheel_arm(context->wheel, &table->sweep, TIMER_SESSION_SWEEP, mono_ms_add(context->now, SWEEP_WAIT_MS));
}

void call_table_changed(struct call_table *table, struct context *context) {
  table->swept = 0;
  timer_wheel_cancel(context->wheel, &table->sweep);
  call_sweep_due(table, context);
}

/* --- counting ---------------------------------------------------------------------------------------------------- */

void call_count_roles(const struct call_table *table, uint32_t legs_out[3]) {
  for (unsigned role = 0; role < 3; role++)
    legs_out[role] = table->legs_by_role[role];
}

/* A device's own settings as they are now. */
static struct session_wishes wishes_after(struct call_step *step, const struct call_leg *leg,
                                          const struct parameters *after) {
  struct context *context = step->context;
  const struct parameters *now = context->parameters;
  context->parameters = after;
  struct session_wishes wishes = call_supervision_wishes(step, leg);
  context->parameters = now;
  return wishes;
}

uint32_t call_count_sooner(struct call_table *table, struct context *context, const struct parameters *after) {
  struct call_step step = {.table = table, .context = context};
  uint32_t index = 0, count = 0;
  const struct call_leg *leg;
  while ((leg = pool_next(&table->legs, &index)) != NULL) {
    struct session_wishes wishes = wishes_after(&step, leg, after);
    count += session_timer_comes_sooner(&leg->session_timer, context->now, after, &wishes);
  }
  return count;
}
