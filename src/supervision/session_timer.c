/* Walks session_timer.def. The actions compute due times (session_guard.h) and choose rungs (refresh_ladder.h). */
#include "base/check.h"
#include "boundary/event.h"
#include "supervision/session_guard.h"
#include "supervision/session_timer_private.h"

#define PROBE_PERIOD_S 300 /* without SS_SIP_SESSION_TTL */
#define BLOCKED_MS     1000
#define STOOD_STILL_MS 1000

_Static_assert(sizeof(struct session_timer) == 64, "one cache line per leg");

/* --- times ------------------------------------------------------------------------------------------------------- */

struct mono_ms session_timer_guard_at(const struct session_timer *session, const struct parameters *parameters) {
  struct mono_ms refreshed_at = mono_ms_add(session->expires_at, -1000LL * session->interval_s);
  return session_guard_due(parameters, refreshed_at, session->interval_s);
}

int64_t session_timer_left_ms(const struct session_step *step) {
  return mono_ms_since(session_timer_guard_at(step->session, step->context->parameters), step->context->now);
}

/* What comes first: `due`, or the guard. */
void session_timer_arm(struct session_step *step, struct mono_ms due) {
  struct mono_ms guard = session_timer_guard_at(step->session, step->context->parameters);
  if (mono_ms_before(guard, due)) due = guard;
  timer_wheel_arm(step->context->wheel, &step->session->timer, TIMER_SESSION, due);
}

uint32_t session_timer_probe_interval_s(const struct parameters *parameters) {
  uint32_t ttl_s = parameters->SS_SIP_SESSION_TTL;
  return ttl_s != 0 ? ttl_s : PROBE_PERIOD_S * parameters->SS_SIP_SESSION_UPDATE_SEGMENT;
}

/* --- actions ----------------------------------------------------------------------------------------------------- */

#define SESSION_ACTION(name) static enum session_event session_do_##name(struct session_step *step)

SESSION_ACTION(nothing) {
  (void)step;
  return SESSION_NO_EVENT;
}

SESSION_ACTION(sleep) {
  timer_wheel_cancel(step->context->wheel, &step->session->timer);
  return SESSION_NO_EVENT;
}

static void take_terms(struct session_step *step) {
  struct session_timer *session = step->session;
  session->interval_s = step->terms.interval_s;
  session->role = step->terms.role;
  session->expires_at = mono_ms_add(step->context->now, 1000LL * session->interval_s);
}

SESSION_ACTION(rest) {
  struct session_timer *session = step->session;
  struct mono_ms now = step->context->now;
  bool same = session->interval_s == step->terms.interval_s && session->role == step->terms.role;
  int64_t period_ms = session_guard_period_ms(step->context->parameters, step->terms.interval_s);
  /* A 2xx to another request may have begun the next round already: of that nothing may be left out. */
  bool is_of_round = step->origin == SESSION_BY_ROUND && !mono_ms_before(now, session->refresh_due);
  bool in_rhythm = is_of_round && same;
  bool is_spread = session->is_resumed && step->origin == SESSION_BY_ROUND;
  session->refresh_due = is_spread   ? session_guard_spread(step->context->random, now, period_ms)
                         : in_rhythm ? session_guard_next(session->refresh_due, period_ms, now)
                                     : mono_ms_add(now, period_ms);
  session->is_resumed = 0;
  take_terms(step);
  session_timer_arm(step, session->refresh_due);
  return SESSION_NO_EVENT;
}

/* Entered with terms from a 2xx; and again, without, when the guard has been moved. */
SESSION_ACTION(guard) {
  if (step->terms.interval_s != 0) take_terms(step);
  session_timer_arm(step, session_timer_guard_at(step->session, step->context->parameters));
  return SESSION_NO_EVENT;
}

bool session_timer_has_answered(const struct session_timer *session, enum refresh_rung rung) {
  return session->experience.answered & REFRESH_BIT(rung);
}

/* What is left for another method that refreshes: until the peer gives up, which may be before we do (§10); once that
 * has passed, until we do. */
static int64_t left_with_peer_ms(const struct session_step *step) {
  struct mono_ms peer_due =
      mono_ms_add(step->session->expires_at, -session_guard_recommended_ms(step->session->interval_s));
  int64_t of_peer_ms = mono_ms_since(peer_due, step->context->now), ours_ms = session_timer_left_ms(step);
  return of_peer_ms > 0 && of_peer_ms < ours_ms ? of_peer_ms : ours_ms;
}

/* The rung after the one that is tried. */
static enum refresh_rung next_rung(const struct session_step *step) {
  const struct session_timer *session = step->session;
  return refresh_ladder_next((enum refresh_ladder)session->ladder, session->tried, step->evidence,
                             &session->experience);
}

/* Where the method may be swallowed, and there is another one, it gets only a share of the time left. OPTIONS is no
 * refresh, so it need not come before the peer gives up. */
SESSION_ACTION(send) {
  struct session_timer *session = step->session;
  enum refresh_rung rung = (enum refresh_rung)session->rung, next = next_rung(step);
  struct mono_ms give_up = session_timer_guard_at(session, step->context->parameters);
  if (!session_timer_has_answered(session, rung) && next != REFRESH_RUNG_NONE) {
    int64_t share_of_ms = next == REFRESH_RUNG_OPTIONS ? session_timer_left_ms(step) : left_with_peer_ms(step);
    give_up = mono_ms_add(step->context->now, session_guard_patience_ms(share_of_ms));
  }
  session_timer_arm(step, give_up);
  session->last_status = 0;
  session->is_held = 0;
  step->deed.kind = SESSION_DEED_SEND;
  step->deed.rung = rung;
  return SESSION_NO_EVENT;
}

static enum session_event try_rung(struct session_step *step, enum refresh_rung rung) {
  struct session_timer *session = step->session;
  if (rung == REFRESH_RUNG_NONE) return session->was_refused ? SESSION_EVENT_REFUSED : SESSION_EVENT_SILENCE;
  session->rung = (uint8_t)rung;
  session->tried |= REFRESH_BIT(rung);
  session->repeats = 0;
  session->rung_ms = (uint32_t)mono_ms_since(step->context->now, session->refresh_due);
  return session_do_send(step);
}

/* A leg without timer is probed; but once timers are switched on again, one that knows them is offered one. */
static enum refresh_ladder ladder_of(const struct session_step *step) {
  const struct session_timer *session = step->session;
  bool may_begin = session->is_renewing && step->evidence->supports_timer;
  if (session->role != SESSION_ROLE_NONE || may_begin) return REFRESH_LADDER_TIMER;
  bool by_options = step->context->parameters->BF_NO_TIMER_PROBE == NO_TIMER_PROBE_OPTIONS;
  return by_options ? REFRESH_LADDER_PROBE_OPTIONS : REFRESH_LADDER_PROBE_INVITE;
}

/* A process that stood still may find the guard passed with the refresh not even sent: the peer cannot be blamed for
 * that, and gets the time of one transaction. */
SESSION_ACTION(begin_round) {
  struct session_timer *session = step->session;
  if (session_timer_left_ms(step) < SESSION_ATTEMPT_MS) {
    struct mono_ms guard = session_timer_guard_at(session, step->context->parameters);
    int64_t late_ms = mono_ms_since(step->context->now, guard);
    session->expires_at = mono_ms_add(session->expires_at, late_ms + SESSION_TRANSACTION_MS);
  }
  session->tried = 0;
  session->was_refused = 0;
  enum refresh_ladder ladder = ladder_of(step);
  session->ladder = (uint8_t)ladder;
  return try_rung(step, refresh_ladder_first(ladder, step->evidence, &session->experience));
}

SESSION_ACTION(climb) {
  return try_rung(step, next_rung(step));
}

/* A whole transaction is left to the next rung, or what is worth an attempt. */
SESSION_ACTION(hold) {
  int64_t left_ms = session_timer_left_ms(step);
  bool is_long = left_ms > SESSION_TRANSACTION_MS + SESSION_ATTEMPT_MS;
  int64_t wait_ms = left_ms - (is_long ? SESSION_TRANSACTION_MS : SESSION_ATTEMPT_MS);
  if (step->session->is_held || wait_ms <= 0 || next_rung(step) == REFRESH_RUNG_NONE) return SESSION_NO_EVENT;
  step->session->is_held = 1;
  session_timer_arm(step, mono_ms_add(step->context->now, wait_ms));
  return SESSION_NO_EVENT;
}

SESSION_ACTION(lose_patience) {
  struct session_timer *session = step->session;
  step->deed.drops_invite = session->is_held;
  if (!session->is_held)
    refresh_ladder_learn(&session->experience, (enum refresh_rung)session->rung, REFRESH_ANSWER_SWALLOWED);
  return SESSION_EVENT_CLIMB;
}

SESSION_ACTION(pause) {
  session_timer_arm(step, mono_ms_add(step->context->now, step->pause_ms));
  return SESSION_NO_EVENT;
}

static enum session_event end(struct session_step *step, enum end_cause cause) {
  timer_wheel_cancel(step->context->wheel, &step->session->timer);
  step->deed = (struct session_deed){.kind = SESSION_DEED_END, .cause = cause};
  return SESSION_NO_EVENT;
}

SESSION_ACTION(end_unanswered) {
  return end(step, END_CAUSE_refresh_unanswered);
}

SESSION_ACTION(end_rejected) {
  return end(step, END_CAUSE_refresh_rejected);
}

SESSION_ACTION(end_expired) {
  return end(step, END_CAUSE_session_expired);
}

/* The guard came when nothing was out: what was sent last was refused, or nobody was there. What was refused before
 * says nothing about the end. */
SESSION_ACTION(end_by_last_word) {
  return end(step, step->session->last_status != 0 ? END_CAUSE_refresh_rejected : END_CAUSE_refresh_unanswered);
}

/* --- the table --------------------------------------------------------------------------------------------------- */

struct session_row {
  enum session_event (*act)(struct session_step *step);
  uint8_t next;
};

static const struct session_row rows[SESSION_STATE_COUNT][SESSION_EVENT_COUNT] = {
#define SESSION_ROW(state, event, action, next)                                                                        \
  [SESSION_STATE_##state][SESSION_EVENT_##event] = {session_do_##action, SESSION_STATE_##next},
#include "supervision/session_timer.def"
};

void session_timer_dispatch(struct session_step *step, enum session_event event) {
  while (event != SESSION_NO_EVENT) {
    const struct session_row *row = &rows[step->session->state][event];
    expect_or(row->act, {
      counters_add(step->context->counters, invariants_broken);
      return;
    });
    step->session->state = row->next;
    event = row->act(step);
  }
}

/* --- terms ------------------------------------------------------------------------------------------------------- */

enum session_event session_timer_event_of_terms(struct session_step *step) {
  const struct parameters *parameters = step->context->parameters;
  if (step->terms.role == SESSION_ROLE_THEIRS) return SESSION_EVENT_THEIRS;
  if (step->terms.role == SESSION_ROLE_OURS) return SESSION_EVENT_OURS;
  if (parameters->BF_NO_TIMER_PROBE == NO_TIMER_PROBE_OFF) {
    step->session->role = SESSION_ROLE_NONE;
    return SESSION_EVENT_NOBODYS;
  }
  step->terms.interval_s = session_timer_probe_interval_s(parameters);
  return SESSION_EVENT_OURS;
}

void session_timer_begin(struct session_timer *session, struct context *context, struct session_terms terms,
                         enum session_origin origin, enum sip_method method) {
  struct session_step step = {.session = session, .context = context, .terms = terms, .origin = origin};
  if (origin != SESSION_BY_ANSWER) {
    session->refreshes++;
    session->method = (uint8_t)method;
  }
  session->is_renewing = 0;
  session_timer_dispatch(&step, session_timer_event_of_terms(&step));
}

/* Until when a peer is to be asked: before it gives up by itself (§10); where it is too late for that, before its
 * session ends; and where it is too late for that as well, within a period. */
static int64_t ask_until_ms(const struct session_timer *session, const struct session_resumption *how,
                            int64_t period_ms) {
  int64_t end_ms = how->left_ms - SESSION_ATTEMPT_MS;
  int64_t of_peer_ms = end_ms - session_guard_recommended_ms(session->interval_s);
  if (of_peer_ms > how->ask_from_ms) return of_peer_ms < period_ms ? of_peer_ms : period_ms;
  return end_ms > how->ask_from_ms && end_ms < period_ms ? end_ms : period_ms;
}

/* At a random time from `ask_from_ms` on, or in its turn where that is sooner. */
static int64_t ask_in_ms(const struct session_timer *session, struct context *context,
                         const struct session_resumption *how) {
  int64_t period_ms = session_guard_period_ms(context->parameters, session->interval_s);
  int64_t span_ms = ask_until_ms(session, how, period_ms) - how->ask_from_ms;
  int64_t random_ms = how->ask_from_ms + random_between(context->random, 0, (uint32_t)(span_ms > 0 ? span_ms : 0));
  int64_t turn_ms = how->ask_in_ms > how->ask_from_ms ? how->ask_in_ms : how->ask_from_ms;
  return turn_ms < random_ms ? turn_ms : random_ms;
}

void session_timer_resume(struct session_timer *session, struct context *context, struct session_terms terms,
                          const struct session_resumption *how) {
  struct session_step step = {.session = session, .context = context, .terms = terms, .origin = SESSION_BY_ANSWER};
  session_timer_dispatch(&step, session_timer_event_of_terms(&step));
  if (session->state != SESSION_STATE_RESTING && session->state != SESSION_STATE_GUARDING) return;
  int64_t interval_ms = 1000LL * session->interval_s, left_of_session_ms = how->left_ms;
  int64_t ask_ms = ask_in_ms(session, context, how);
  int64_t least_ms = ask_ms + session_guard_early_ms(context->parameters, session->interval_s);
  if (left_of_session_ms < least_ms) left_of_session_ms = least_ms;
  if (left_of_session_ms > interval_ms) left_of_session_ms = interval_ms;
  session->expires_at = mono_ms_add(context->now, left_of_session_ms);
  session->refresh_due = mono_ms_add(context->now, ask_ms);
  session->is_resumed = 1;
  bool rests = session->state == SESSION_STATE_RESTING;
  session_timer_arm(&step, rests ? session->refresh_due : session_timer_guard_at(session, context->parameters));
}

void session_timer_stop(struct session_timer *session, struct context *context) {
  struct session_step step = {.session = session, .context = context};
  session_timer_dispatch(&step, SESSION_EVENT_STOP);
}

/* --- events ------------------------------------------------------------------------------------------------------ */

/* How late the wheel entry is. More than a moment: the process has stood still. */
static int64_t late_ms(const struct session_timer *session, struct mono_ms now) {
  return mono_ms_since(now, timer_due(&session->timer));
}

/* What the peer said meanwhile may not have been heard, and a peer that stood still on the same machine is only now
 * about to say it: it gets the time of a transaction. */
static void forgive_standstill(struct session_timer *session, struct context *context) {
  int64_t late = late_ms(session, context->now);
  if (session->state != SESSION_STATE_GUARDING || late < STOOD_STILL_MS) return;
  session->expires_at = mono_ms_add(session->expires_at, late + SESSION_TRANSACTION_MS);
}

struct session_deed session_timer_due(struct session_timer *session, struct context *context,
                                      const struct refresh_evidence *evidence) {
  struct session_step step = {.session = session, .context = context, .evidence = evidence};
  forgive_standstill(session, context);
  bool is_over = !mono_ms_before(context->now, session_timer_guard_at(session, context->parameters));
  session_timer_dispatch(&step, is_over ? SESSION_EVENT_GUARD : SESSION_EVENT_DUE);
  return step.deed;
}

/* OPTIONS is never blocked: with little time left it is better to prove the peer alive than to wait. */
struct session_deed session_timer_block(struct session_timer *session, struct context *context,
                                        const struct refresh_evidence *evidence) {
  struct session_step step = {.session = session, .context = context, .evidence = evidence, .pause_ms = BLOCKED_MS};
  bool is_urgent = next_rung(&step) != REFRESH_RUNG_NONE && session_timer_left_ms(&step) < SESSION_TRANSACTION_MS;
  session_timer_dispatch(&step, is_urgent ? SESSION_EVENT_CLIMB : SESSION_EVENT_BLOCKED);
  return step.deed;
}

void session_timer_hold(struct session_timer *session, struct context *context,
                        const struct refresh_evidence *evidence) {
  struct session_step step = {.session = session, .context = context, .evidence = evidence};
  bool is_re_invite = refresh_rung_method((enum refresh_rung)session->rung) == SIP_METHOD_INVITE;
  if (session->state == SESSION_STATE_ASKING && is_re_invite) session_timer_dispatch(&step, SESSION_EVENT_HELD);
}

void session_timer_note_answered(struct session_timer *session, enum sip_method method) {
  refresh_ladder_note_answered(&session->experience, method);
}

/* --- what is shown ----------------------------------------------------------------------------------------------- */

bool session_timer_end(const struct session_timer *session, struct mono_ms *at_out) {
  *at_out = session->expires_at;
  return session->state != SESSION_STATE_IDLE && session->state != SESSION_STATE_UNWATCHED;
}

bool session_timer_next_refresh(const struct session_timer *session, struct mono_ms *at_out) {
  *at_out = session->refresh_due;
  return session->state == SESSION_STATE_RESTING || session->state == SESSION_STATE_ASKING ||
         session->state == SESSION_STATE_WAITING;
}

bool session_timer_guard(const struct session_timer *session, const struct parameters *parameters,
                         struct mono_ms *at_out) {
  if (session->state == SESSION_STATE_IDLE || session->state == SESSION_STATE_UNWATCHED) return false;
  *at_out = session_timer_guard_at(session, parameters);
  return true;
}

struct str_view session_role_name(uint8_t role) {
  static const struct str_view names[] = {[SESSION_ROLE_NONE] = STR_VIEW_LITERAL("none"),
                                          [SESSION_ROLE_OURS] = STR_VIEW_LITERAL("us"),
                                          [SESSION_ROLE_THEIRS] = STR_VIEW_LITERAL("them")};
  return names[role];
}

int64_t session_timer_tried_ms(const struct session_timer *session, struct mono_ms now) {
  return mono_ms_since(now, session->refresh_due) - session->rung_ms;
}
