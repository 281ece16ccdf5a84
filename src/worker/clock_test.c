#include "worker/clock.h"

#include <stdlib.h>
#include <time.h>

#include "tap.h"
#include "worker/echo_switch.h"

static void pause_ms(long ms) {
  nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void test_at_rate_1_the_clocks_are_the_kernels(void) {
  struct worker_clock clock;
  worker_clock_start(&clock, 1.0, (struct wall_us){12345});
  struct worker_times times = worker_clock_read(&clock);
  struct timespec wall;
  clock_gettime(CLOCK_REALTIME, &wall);
  expect_int(llabs(times.wall.value - wall.tv_sec * 1000000 - wall.tv_nsec / 1000), <, 2000000);
  expect_int(llabs(times.mono.value - worker_clock_real_now().value), <, 2000);
}

static void test_at_rate_30_both_clocks_run_30_times_faster(void) {
  struct worker_clock clock;
  worker_clock_start(&clock, 30.0, (struct wall_us){1000000});
  struct worker_times before = worker_clock_read(&clock);
  expect_int(before.wall.value, >=, 1000000);
  expect_int(before.wall.value, <, 1000000 + 30 * 1000000);
  int64_t real_before = worker_clock_real_now().value;
  pause_ms(100);
  struct worker_times after = worker_clock_read(&clock);
  int64_t real_ms = worker_clock_real_now().value - real_before;
  expect_int(mono_ms_since(after.mono, before.mono), >=, 2990);
  expect_int(mono_ms_since(after.mono, before.mono), <=, (real_ms + 2) * 30);
  expect_int(llabs((after.wall.value - before.wall.value) / 1000 - mono_ms_since(after.mono, before.mono)), <=, 1);
}

static void test_waits_are_rounded_up_and_bounded(void) {
  struct worker_clock clock = {.rate = 30.0};
  expect_int(worker_clock_wait_ms(&clock, 30), ==, 1);
  expect_int(worker_clock_wait_ms(&clock, 31), ==, 2);
  expect_int(worker_clock_wait_ms(&clock, -5), ==, 0);
  expect_int(worker_clock_wait_ms(&clock, INT64_MAX), ==, 60000);
  clock.rate = 1.0;
  expect_int(worker_clock_wait_ms(&clock, 10), ==, 10);
}

TAP_TESTS(TAP(test_at_rate_1_the_clocks_are_the_kernels), TAP(test_at_rate_30_both_clocks_run_30_times_faster),
          TAP(test_waits_are_rounded_up_and_bounded))
