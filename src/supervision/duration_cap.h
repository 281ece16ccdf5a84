/* How long a call may last whatever its sessions do: the longest talk time of the devices, and
 * SS_SIP_NO_TIMER_REINVITE_INTERVAL for a caller without session timers. Both clocks run from the answer and are never
 * moved by a refresh; only an operator moves them. */
#ifndef SUPERVISION_DURATION_CAP_H
#define SUPERVISION_DURATION_CAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "base/time.h"

/* Ends as monotonic times; 0: none. */
struct duration_cap {
  struct mono_ms limit_end;     /* longest talk time */
  struct mono_ms no_timer_end;  /* when the cap is over for a caller who has no session timer then */
  uint32_t limit_s;             /* of which they were made */
  uint32_t no_timer_cap_s : 31; /* … */
  uint32_t has_passed : 1;      /* the cap was over once, and the caller had a session timer */
};

enum duration_verdict { DURATION_GOES_ON, DURATION_LIMIT_REACHED, DURATION_NO_TIMER_CAP_REACHED };

/* Starts both clocks at the answer. Seconds; 0: no limit; at most 86400. */
void duration_cap_start(struct duration_cap *cap, struct mono_ms answered, uint32_t limit_s, uint32_t no_timer_cap_s);

/* The cap is `no_timer_cap_s` from now on; nothing happens when it was that before. Where the new one is over already
 * the call ends within a minute, so that an operator's change does not end thousands of calls in one moment. */
void duration_cap_change(struct duration_cap *cap, struct mono_ms answered, struct mono_ms now, uint32_t no_timer_cap_s,
                         struct random *random);

/* The same for the longest talk time. */
void duration_cap_change_limit(struct duration_cap *cap, struct mono_ms answered, struct mono_ms now, uint32_t limit_s,
                               struct random *random);

/* True when a cap of `no_timer_cap_s` would be over at `now` already, and is not the one there is: a preview. */
bool duration_cap_would_end(const struct duration_cap *cap, struct mono_ms answered, struct mono_ms now,
                            uint32_t no_timer_cap_s);

/* The earlier of both ends, `none` when there is none. */
struct mono_ms duration_cap_next(const struct duration_cap *cap, struct mono_ms none);

/* The same for a call that was taken up again, and was last known alive at `alive`: what was over by then has passed.
 */
void duration_cap_resume(struct duration_cap *cap, struct mono_ms answered, struct mono_ms alive);

/* What to do at `now`. `caller_is_timed`: the caller leg has a session timer now; then the cap passes without effect.
 * Whoever switches his timer off later is found when as much time has passed again. */
enum duration_verdict duration_cap_due(struct duration_cap *cap, struct mono_ms now, bool caller_is_timed);

#endif
