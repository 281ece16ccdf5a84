/* Changed parameters, or a changed device, reach a timer that runs. */
#include "boundary/event.h"
#include "supervision/session_guard.h"
#include "supervision/session_timer_private.h"

/* The period that the leg will have once the change has reached it. */
static int64_t period_after(const struct session_timer *session, const struct parameters *after,
                            const struct session_wishes *wishes) {
  uint32_t interval_s = session->interval_s;
  if (session->role == SESSION_ROLE_NONE)
    interval_s = session_timer_probe_interval_s(after);
  else if (wishes->ttl_s != 0 && wishes->ttl_s < interval_s)
    interval_s = wishes->ttl_s;
  return session_guard_period_ms(after, interval_s);
}

bool session_timer_comes_sooner(const struct session_timer *session, struct mono_ms now, const struct parameters *after,
                                const struct session_wishes *wishes) {
  if (session->state != SESSION_STATE_RESTING) return false;
  return mono_ms_before(mono_ms_add(now, period_after(session, after, wishes)), session->refresh_due);
}

static void change_rhythm(struct session_step *step, const struct session_wishes *wishes) {
  struct session_timer *session = step->session;
  struct context *context = step->context;
  int64_t period_ms = period_after(session, context->parameters, wishes);
  if (session_timer_comes_sooner(session, context->now, context->parameters, wishes))
    session->refresh_due = session_guard_spread(context->random, context->now, period_ms);
  session_timer_arm(step, session->refresh_due);
}

/* A leg without timer: the probe may have been switched on, off or over. A timer that may be offered now is, also where
 * there is no probe. */
static void change_probe(struct session_step *step, bool offers_timer) {
  struct session_timer *session = step->session;
  struct mono_ms due = session->refresh_due;
  bool was_resting = session->state == SESSION_STATE_RESTING;
  step->terms = (struct session_terms){0};
  enum session_event event = session_timer_event_of_terms(step);
  if (offers_timer) {
    event = SESSION_EVENT_OURS;
    step->terms.interval_s = session_timer_probe_interval_s(step->context->parameters);
  }
  session_timer_dispatch(step, event);
  if (session->state != SESSION_STATE_RESTING) return;
  int64_t period_ms = session_guard_period_ms(step->context->parameters, session->interval_s);
  bool keeps = was_resting && !mono_ms_before(mono_ms_add(step->context->now, period_ms), due);
  session->refresh_due = keeps ? due : session_guard_spread(step->context->random, step->context->now, period_ms);
  session_timer_arm(step, session->refresh_due);
}

/* A guard that would have passed already waits for the end of the session instead. */
static void change_guard(struct session_step *step) {
  struct session_timer *session = step->session;
  struct mono_ms guard = session_timer_guard_at(session, step->context->parameters);
  bool is_past = mono_ms_before(guard, step->context->now);
  timer_wheel_arm(step->context->wheel, &session->timer, TIMER_SESSION, is_past ? session->expires_at : guard);
}

void session_timer_change(struct session_timer *session, struct context *context, const struct session_wishes *wishes,
                          bool supports_timer) {
  struct session_step step = {.session = session, .context = context, .origin = SESSION_BY_OTHERS};
  bool wants_other = wishes->ttl_s != session->interval_s;
  bool is_settled = session->state == SESSION_STATE_RESTING || session->state == SESSION_STATE_UNWATCHED;
  if (session->state == SESSION_STATE_IDLE) return;
  if (session->role == SESSION_ROLE_NONE && is_settled) {
    session->is_renewing = wishes->ttl_s != 0;
    change_probe(&step, session->is_renewing && supports_timer);
    return;
  }
  if (session->role == SESSION_ROLE_OURS && wants_other) session->is_renewing = 1;
  if (session->state == SESSION_STATE_RESTING) change_rhythm(&step, wishes);
  if (session->state == SESSION_STATE_GUARDING) change_guard(&step);
}
