/* What the files of the session timer share:
 *
 *   session_timer.c         the machine: its actions, terms, the wheel entry
 *   session_timer_answer.c  what comes back for a rung
 *   session_timer_change.c  changed parameters */
#ifndef SUPERVISION_SESSION_TIMER_PRIVATE_H
#define SUPERVISION_SESSION_TIMER_PRIVATE_H

#include "supervision/session_timer.h"

#define SESSION_ATTEMPT_MS 4000 /* the least that an attempt is worth: three sendings */

enum session_event {
#define SESSION_EVENT(name, ...) SESSION_EVENT_##name,
#include "supervision/session_timer.def"
  SESSION_EVENT_COUNT
};
#define SESSION_NO_EVENT SESSION_EVENT_COUNT

/* One event on its way through the table. */
struct session_step {
  struct session_timer *session;
  struct context *context;
  const struct refresh_evidence *evidence; /* NULL where no rung can be asked for */
  struct session_terms terms;              /* OURS, THEIRS, NOBODYS */
  enum session_origin origin;
  int64_t pause_ms; /* REST */
  struct session_deed deed;
};

/* Takes `event`, and what its action raises, through the table. */
void session_timer_dispatch(struct session_step *step, enum session_event event);

/* What step->terms are to the machine: OURS, THEIRS, or NOBODYS. */
enum session_event session_timer_event_of_terms(struct session_step *step);

/* When the guard ends the call, and how long that is from now. */
struct mono_ms session_timer_guard_at(const struct session_timer *session, const struct parameters *parameters);
int64_t session_timer_left_ms(const struct session_step *step);

/* Arms the wheel entry for `due`, or for the guard where that comes first. */
void session_timer_arm(struct session_step *step, struct mono_ms due);

/* How long a proof of life holds on a leg without timer. */
uint32_t session_timer_probe_interval_s(const struct parameters *parameters);

/* True when this dialog has answered the rung's method before: then silence is final. */
bool session_timer_has_answered(const struct session_timer *session, enum refresh_rung rung);

#endif
