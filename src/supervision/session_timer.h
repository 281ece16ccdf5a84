/* One leg's session timer: who refreshes, when, with what, and when the call is given up. A small object inside the
 * call leg, with one wheel entry (TIMER_SESSION) that waits for whatever comes next. The machine is session_timer.def,
 * what an answer means refresh_ladder.def, what is negotiated session_offer.h, when it is due session_guard.h.
 *
 *   call/ tells: a 2xx and its terms, the wheel entry is due, a reply has come        ─► session_timer_…
 *   call/ does:  sends the rung it is told to, ends the call for the cause it is told  ◄─ struct session_deed
 *
 * The timer knows no messages and sends nothing. Roles are ours or theirs, never uac or uas.
 *
 * This is the room's front door. Behind it, in the order in which they are best read:
 *
 *   session_timer.def    the life of a timer: states, events, what each does
 *   session_offer.def    who refreshes, for each thing that a peer may say
 *   refresh_ladder.def   with what a session is refreshed, and what each answer means
 *   session_guard.h      when: arithmetic on an interval
 *   duration_cap.h       calls that end whatever their sessions do
 *   device_memory.h      what worked with which device
 *   liveness.h, explanation.h   what the record says afterwards */
#ifndef SUPERVISION_SESSION_TIMER_H
#define SUPERVISION_SESSION_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/timer_wheel.h"
#include "boundary/context.h"
#include "cdr/cdr_record.h"
#include "supervision/refresh_ladder.h"
#include "supervision/session_offer.h"

enum session_state {
#define SESSION_STATE(name, ...) SESSION_STATE_##name,
#include "supervision/session_timer.def"
  SESSION_STATE_COUNT
};

struct session_timer {
  struct timer timer;
  struct mono_ms expires_at;  /* when the session ends unless it is refreshed; the guard is before it */
  struct mono_ms refresh_due; /* of the round that runs, or of the next one; keeps the rhythm */
  uint32_t interval_s;
  uint32_t refreshes;   /* successful ones after the first 2xx, whoever sent them, probes included */
  uint32_t rung_ms;     /* from refresh_due to the first sending on the rung that is tried */
  uint16_t last_status; /* what the request sent last was refused with; 0: it was not */
  uint8_t state;        /* enum session_state */
  uint8_t role;         /* enum session_role */
  uint8_t ladder;       /* enum refresh_ladder */
  uint8_t rung;         /* enum refresh_rung: tried now, or last */
  uint8_t tried;        /* rungs of this round, bits */
  uint8_t method;       /* enum sip_method of the last refresh by either side; 0: none yet */
  struct refresh_experience experience;
  uint8_t repeats : 4;     /* how often this rung was refused, and tried again */
  uint8_t is_renewing : 1; /* parameters have changed: our next request offers the new interval */
  uint8_t was_refused : 1; /* a rung of this round was: somebody is there */
  uint8_t is_held : 1;     /* the request that is out got a provisional response */
  uint8_t is_resumed : 1;  /* after a restart calls are asked in a row: the next refresh is spread again */
};

/* What the call is to do now. */
enum session_deed_kind { SESSION_DEED_NONE, SESSION_DEED_SEND, SESSION_DEED_END };
struct session_deed {
  enum session_deed_kind kind;
  enum refresh_rung rung; /* SEND; where that is not possible now: session_timer_block */
  bool with_credentials;  /* SEND: answer the challenge that has just come */
  bool drops_invite;      /* SEND: the re-INVITE that is out is waited for no more; it may be cancelled */
  enum end_cause cause;   /* END, of session_timeout */
};

/* Where a 2xx came from that brings terms. */
enum session_origin {
  SESSION_BY_ANSWER, /* the answer that set the call up: starts the clock */
  SESSION_BY_ROUND,  /* our own refresh: the rhythm goes on */
  SESSION_BY_OTHERS, /* a request of the peer, or one that we carried: the rhythm begins anew */
};

/* A 2xx has come or gone out on this leg, with these terms (role NONE: no timer; BF_NO_TIMER_PROBE says how the leg is
 * proved alive). `method` is that of its request. Whatever round was running is over. */
void session_timer_begin(struct session_timer *session, struct context *context, struct session_terms terms,
                         enum session_origin origin, enum sip_method method);

/* The same for a call taken up again after a restart. Where we refresh or probe, the peer is asked `ask_in_ms` from
 * now, or at a random time of the first period if that is sooner, and where that is possible before it would give up by
 * itself; also when its session has ended meanwhile. A peer that was to refresh, and whose session has ended, is given
 * up then. */
struct session_resumption {
  int64_t left_ms; /* until the session expires; in the past: negative; a whole interval at most */
  int64_t ask_in_ms;
  int64_t ask_from_ms; /* never sooner: who has hung up meanwhile says so first */
};
void session_timer_resume(struct session_timer *session, struct context *context, struct session_terms terms,
                          const struct session_resumption *how);

/* When the session ends unless it is refreshed or proved alive; false: nobody watches it. */
bool session_timer_end(const struct session_timer *session, struct mono_ms *at_out);

/* The leg needs supervision no more. Also right when it never did. */
void session_timer_stop(struct session_timer *session, struct context *context);

/* The wheel entry is due. */
struct session_deed session_timer_due(struct session_timer *session, struct context *context,
                                      const struct refresh_evidence *evidence) MUST_USE;

/* The rung could not be sent now, because another exchange is open on the leg: it is tried again in a moment, or the
 * next one at once when time is short. */
struct session_deed session_timer_block(struct session_timer *session, struct context *context,
                                        const struct refresh_evidence *evidence) MUST_USE;

/* What came back for a rung. */
struct session_reply {
  uint16_t status;  /* 0: no answer at all */
  bool unreachable; /* the network refused the request */
  bool is_late;     /* of a rung that was given up meanwhile */
  bool has_retry_after;
  bool heard_meanwhile; /* the peer has said something else since the request went out: silence is not final */
  uint8_t raises;       /* how often 422 has raised this request before */
  uint32_t retry_after_s;
  enum sip_method method;     /* of the request */
  struct session_terms terms; /* what a 2xx to UPDATE or INVITE brings */
};
struct session_deed session_timer_answer(struct session_timer *session, struct context *context,
                                         const struct refresh_evidence *evidence,
                                         const struct session_reply *reply) MUST_USE;

/* A provisional response has come to the re-INVITE that is out. Its final response may never come, and its transaction
 * tells of no silence any more: where another rung is left, that is tried while there is time for it. */
void session_timer_hold(struct session_timer *session, struct context *context,
                        const struct refresh_evidence *evidence);

/* Notes that the peer has answered a request of this method that was not a refresh. */
void session_timer_note_answered(struct session_timer *session, enum sip_method method);

/* context->parameters (or the device's overrides) have changed. Refreshes that come sooner now are spread over a
 * period; our next request offers the interval wished for; the guard moves, but never into the past. `supports_timer`:
 * the peer knows session timers, and is offered one when there is none and we want it. */
void session_timer_change(struct session_timer *session, struct context *context, const struct session_wishes *wishes,
                          bool supports_timer);

/* True when session_timer_change would bring the next refresh forward, for the preview of a change. `after` are the
 * parameters that are thought of. */
bool session_timer_comes_sooner(const struct session_timer *session, struct mono_ms now, const struct parameters *after,
                                const struct session_wishes *wishes);

/* --- what is shown ----------------------------------------------------------------------------------------------- */

static inline bool session_timer_is_timed(const struct session_timer *session) {
  return session->role != SESSION_ROLE_NONE;
}

/* In force: NONE where the leg has no session timer. */
static inline struct session_terms session_timer_terms(const struct session_timer *session) {
  bool timed = session_timer_is_timed(session);
  return (struct session_terms){timed ? session->interval_s : 0, session->role};
}

/* When we refresh or probe next; false: we do not. */
bool session_timer_next_refresh(const struct session_timer *session, struct mono_ms *at_out);

/* When the guard ends the call unless the leg is refreshed or proved alive; false: never. */
bool session_timer_guard(const struct session_timer *session, const struct parameters *parameters,
                         struct mono_ms *at_out);

/* "us", "them", "none". */
struct str_view session_role_name(uint8_t role);

/* How long the rung that is tried, or was tried last, has been tried. */
int64_t session_timer_tried_ms(const struct session_timer *session, struct mono_ms now);

#endif
