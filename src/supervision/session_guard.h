/* When a session is refreshed, and when it is given up: arithmetic on an interval and the parameters (RFC 4028 §7.2,
 * §10).
 *
 *   0        period                     guard      interval
 *   ├──────────┼──────────────────────────┼───────────┤
 *   2xx     we refresh                 BYE goes    the session expires
 *                                          └─ early ──┘
 *
 * Refreshes keep their rhythm: next due = previous due + period, so that a late one does not move those after it, and
 * many calls that were spread stay spread. */
#ifndef SUPERVISION_SESSION_GUARD_H
#define SUPERVISION_SESSION_GUARD_H

#include <stdint.h>

#include "base/random.h"
#include "base/time.h"
#include "parameters/parameters.h"

#define SESSION_TRANSACTION_MS (64 * 500) /* RFC 3261 §17.1.2.2: how long a request may stay unanswered */

/* How long before its end RFC 4028 §10 has the side that does not refresh give up: the smaller of 32 s and a third. */
int64_t session_guard_recommended_ms(uint32_t interval_s);

/* How long before its end a session of this interval is given up: 0, so many seconds but at most a third of the
 * interval, or for `auto` the smaller of 32 s and a third (RFC 4028 §10). */
int64_t session_guard_early_ms(const struct parameters *parameters, uint32_t interval_s);

/* When BYE goes, for a session last refreshed at `refreshed_at`. Interval 1800 s, `auto`: 1768 s later; 90 s: 60 s
 * later. */
struct mono_ms session_guard_due(const struct parameters *parameters, struct mono_ms refreshed_at, uint32_t interval_s);

/* How long after a 2xx we refresh: interval ÷ SS_SIP_SESSION_UPDATE_SEGMENT (half the interval is what §7.2
 * recommends), and early enough for a whole transaction before the guard. */
int64_t session_guard_period_ms(const struct parameters *parameters, uint32_t interval_s);

/* The next refresh after the one that was due at `previous`: whole periods later, after `now`. */
struct mono_ms session_guard_next(struct mono_ms previous, int64_t period_ms, struct mono_ms now);

/* A first refresh at a random time within a period: for many calls whose timers begin or change at one moment. */
struct mono_ms session_guard_spread(struct random *random, struct mono_ms now, int64_t period_ms);

/* How long to wait for the answer to a request that this peer may be swallowing, with `left_ms` until the guard: half
 * of it, so that there is as much left for another method, but never longer than a transaction lasts. */
int64_t session_guard_patience_ms(int64_t left_ms);

#endif
