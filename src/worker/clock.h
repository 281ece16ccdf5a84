/* The switch's clocks. At rate 1 they are the kernel's, the monotonic one of those that go on while the machine
 * sleeps; at rate N, for tests, both run N times faster from the moment
 * the switch started, the wall clock from an anchor that the caller keeps over restarts. */
#ifndef WORKER_CLOCK_H
#define WORKER_CLOCK_H

#include "base/time.h"

struct worker_clock {
  double rate;
  int64_t start_ns;      /* of the kernel's clock since it was booted */
  int64_t wall_start_us; /* what the wall clock said then; unused at rate 1 */
};

struct worker_times {
  struct mono_ms mono;
  struct wall_us wall;
};

/* `wall_anchor` is not looked at when `rate` is 1. */
void worker_clock_start(struct worker_clock *clock, double rate, struct wall_us wall_anchor);

/* Both clocks now. Any thread. */
struct worker_times worker_clock_read(const struct worker_clock *clock);

/* Names the run of the kernel in which the switch's monotonic clock counts on, also over the switch's own restarts; 0:
 * unknown, or at another rate than 1, where each start begins anew. */
uint64_t worker_clock_boot_id(const struct worker_clock *clock);

/* How long the kernel must wait for so much of the switch's time to pass, rounded up; at least 0, at most a minute. */
int worker_clock_wait_ms(const struct worker_clock *clock, int64_t switch_ms);

/* How much of the kernel's time is so much of the switch's. */
int64_t worker_clock_real_ms(const struct worker_clock *clock, int64_t switch_ms);

/* The kernel's monotonic clock: for what the world outside does (connections, deadlines of threads). */
struct mono_ms worker_clock_real_now(void);
int64_t worker_clock_real_ns(void);

#endif
