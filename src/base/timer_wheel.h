/* A hierarchical timer wheel: O(1) arm and cancel, 10 ms ticks, days of range, no clock of its own.
 *
 *   level 0: 256 slots of 10 ms, levels 1–4: 64 slots each, each as wide as the whole level below:
 *   2.56 s · 2.7 min · 2.9 h · 7.8 days · 497 days
 *
 * The timer is embedded in the object it belongs to, so arming needs no memory; objects live in pools whose memory
 * never moves. An object gives its slot back only with its timers cancelled (timer_is_armed is checked there). `kind`
 * says to the room `switch/` what the timer is part of (boundary/timer_kinds.def). */
#ifndef BASE_TIMER_WHEEL_H
#define BASE_TIMER_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

struct timer {
  struct timer *next;
  struct timer **link; /* where the pointer to this timer stands; NULL: not armed */
  uint64_t due_tick : 56;
  uint64_t kind : 8;
};

#define TIMER_WHEEL_TICK_MS      10
#define TIMER_WHEEL_FIRST_SLOTS  256
#define TIMER_WHEEL_SLOTS        64
#define TIMER_WHEEL_UPPER_LEVELS 4

struct timer_wheel {
  uint64_t tick; /* every timer due at or before this tick has been handed out or stands in `due` */
  uint64_t armed_count;
  struct timer *due; /* expired, waiting for timer_wheel_next_due, in order of their due ticks */
  struct timer **due_tail;
  struct timer *late; /* armed for a time already past: expired at the next advance, in order of arming */
  struct timer **late_tail;
  struct timer *first[TIMER_WHEEL_FIRST_SLOTS];
  struct timer *upper[TIMER_WHEEL_UPPER_LEVELS][TIMER_WHEEL_SLOTS];
  uint64_t first_occupied[TIMER_WHEEL_FIRST_SLOTS / 64]; /* one bit a slot */
  uint64_t upper_occupied[TIMER_WHEEL_UPPER_LEVELS];
};

void timer_wheel_init(struct timer_wheel *wheel, struct mono_ms now);

/* Arms `timer` for `due`, rounded up to a tick; a time not after the wheel's is due at the next advance (also one to
 * the same time), and timer_due then says the wheel's time. An armed timer is moved. `kind` is 0–255. A due time beyond
 * 497 days is kept exactly, too. */
void timer_wheel_arm(struct timer_wheel *wheel, struct timer *timer, uint8_t kind, struct mono_ms due);

/* Cancels; nothing happens when it is not armed. Also right for a timer that is due but not yet handed out. */
void timer_wheel_cancel(struct timer_wheel *wheel, struct timer *timer);

static inline bool timer_is_armed(const struct timer *timer) {
  return timer->link != NULL;
}

/* When an armed timer is due. */
static inline struct mono_ms timer_due(const struct timer *timer) {
  return (struct mono_ms){(int64_t)((uint64_t)timer->due_tick * TIMER_WHEEL_TICK_MS)};
}

/* Turns the wheel to `now`. Then timer_wheel_next_due returns the expired timers one by one, unarmed, earliest first,
 * timers of one tick in the order of arming; NULL when there are no
 * more. A time before the wheel's does not turn it back. The work is in proportion to the timers, not to the time
 * passed: hours of idleness cost nothing. Timers armed meanwhile for `now` or before wait for the next advance, so a
 * loop over it ends. */
void timer_wheel_advance(struct timer_wheel *wheel, struct mono_ms now);
struct timer *timer_wheel_next_due(struct timer_wheel *wheel);

/* The earliest time at which an advance may find something: a timer, or a slot whose timers come nearer; INT64_MAX when
 * nothing is armed. May be earlier than the first timer, never later. Not after the wheel's time when timers are
 * waiting. */
struct mono_ms timer_wheel_next_wake(const struct timer_wheel *wheel);

#endif
