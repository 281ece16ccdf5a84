/* Changed parameters and a changed directory reach running calls: some at a time, so that a worker with a million calls
 * does not stand still, and each leg spreads what it will do (session_timer_change). So do they reach a journal that
 * has lost them. */
#include "call/call_supervision.h"
#include "directory/directory.h"
#include "parameters/parameters.h"

#define SWEEP_CALLS   2000 /* at a time */
#define SWEEP_WAIT_MS 10
#define PREVIEW_CALLS 10000
#define TELL_CALLS    16 /* at a time: each takes some 100 KB of the arena, and two entries of the outbox */
#define TELL_BYTES    (256 * 1024)

static void change_leg(struct call_step *step, struct call_leg *leg) {
  if (!leg) return;
  struct session_wishes wishes = call_supervision_wishes(step, leg);
  bool supports_timer = dialog_peer_supports(step->table->rooms.dialogs, leg->dialog, DIALOG_PEER_TIMER);
  session_timer_change(&leg->session_timer, step->context, &wishes, supports_timer);
  call_refresh_account(step->table, leg);
}

static uint32_t longest_s(const struct device *device) {
  return device->overrides.max_duration_s > 0 ? (uint32_t)device->overrides.max_duration_s : 0;
}

/* Where a device has left the directory its calls keep what held for them. */
static void change_limit(struct call_step *step, const struct call_leg *caller, const struct call_leg *callee) {
  struct call *call = step->call;
  const struct device *calling = caller ? call_supervision_device(step, caller) : NULL;
  const struct device *called = callee ? call_supervision_device(step, callee) : NULL;
  if (!calling || !called) return;
  call->max_duration_s = call_shorter(longest_s(calling), longest_s(called));
  duration_cap_change_limit(&call->cap, call->answered, step->context->now, call->max_duration_s,
                            step->context->random);
}

static void change_call(struct call_step *step) {
  struct call *call = step->call;
  if (call->state != CALL_STATE_ANSWERED && call->state != CALL_STATE_UP) return;
  struct call_leg *caller = call_leg_at(step->table, call->caller), *callee = call_leg_at(step->table, call->callee);
  change_leg(step, caller);
  change_leg(step, callee);
  change_limit(step, caller, callee);
  duration_cap_change(&call->cap, call->answered, step->context->now,
                      step->context->parameters->SS_SIP_NO_TIMER_REINVITE_INTERVAL, step->context->random);
  call_rearm_talk(step->table, step->context, call);
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
  call_supervision_forget_wishes(table);
  table->swept = 0;
  timer_wheel_cancel(context->wheel, &table->sweep);
  call_sweep_due(table, context);
}

/* --- a journal that has lost what it was told -------------------------------------------------------------------- */

/* Whatever of it the journal has: this is newer. */
static void tell_call(struct call_step *step) {
  struct call *call = step->call;
  if (call->state == CALL_STATE_ENDED) return; /* its record is on its way */
  if (call->kept_at.value != 0) {
    call->keep_again = true;
    call_keep_changes(step->table, step->context, pool_handle_of(&step->table->calls, call));
  } else if (call->attempt_is_kept) {
    bool has_responded = call->attempt_rings;
    call_keep_attempt(step);
    if (has_responded) call_keep_rings(step);
  }
}

bool call_table_tell_journal(struct call_table *table, struct context *context, uint32_t *index) {
  struct call_step step = {.table = table, .context = context};
  size_t bytes_before = context->outbox->byte_count;
  for (unsigned i = 0; i < TELL_CALLS && context->outbox->byte_count - bytes_before < TELL_BYTES; i++) {
    step.call = pool_next(&table->calls, index);
    if (!step.call) return false;
    tell_call(&step);
  }
  return true;
}

/* --- counting ---------------------------------------------------------------------------------------------------- */

void call_count_roles(const struct call_table *table, uint32_t legs_out[3]) {
  for (unsigned role = 0; role < 3; role++)
    legs_out[role] = table->legs_by_role[role];
}

/* --- previews ---------------------------------------------------------------------------------------------------- */

static bool comes_sooner(struct call_step *step, struct handle handle, const struct parameters *after) {
  const struct call_leg *leg = call_leg_at(step->table, handle);
  if (!leg) return false;
  struct session_wishes wishes = call_supervision_wishes_by(step, leg, after);
  return session_timer_comes_sooner(&leg->session_timer, step->context->now, after, &wishes);
}

static uint32_t share(uint32_t part, uint32_t seen, uint32_t all) {
  return seen == 0 ? 0 : (uint32_t)((uint64_t)part * all / seen);
}

/* Of the first PREVIEW_CALLS, so that a worker with a million calls does not stand still; the rest is taken to be like
 * them. */
void call_preview(struct call_table *table, struct context *context, const struct parameters *after,
                  struct call_preview *preview) {
  struct call_step step = {.table = table, .context = context};
  struct call_preview seen = {0};
  uint32_t index = 0;
  while (seen.calls < PREVIEW_CALLS && (step.call = pool_next(&table->calls, &index)) != NULL) {
    seen.calls++;
    if (step.call->state != CALL_STATE_ANSWERED && step.call->state != CALL_STATE_UP) continue;
    const struct call *call = step.call;
    seen.calls_sooner += comes_sooner(&step, call->caller, after) || comes_sooner(&step, call->callee, after);
    seen.calls_ending +=
        duration_cap_would_end(&call->cap, call->answered, context->now, after->SS_SIP_NO_TIMER_REINVITE_INTERVAL) &&
        !call_supervision_caller_is_timed(table, call);
  }
  preview->calls = call_count(table);
  preview->calls_sooner = share(seen.calls_sooner, seen.calls, preview->calls);
  preview->calls_ending = share(seen.calls_ending, seen.calls, preview->calls);
}
