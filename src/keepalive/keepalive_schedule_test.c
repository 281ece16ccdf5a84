/* Seats without devices: who is due when, and how many at once. */
#include "keepalive/keepalive_schedule.h"

#include <stdlib.h>

#include "base/check.h"
#include "parameters/parameters.h"
#include "tap.h"

static struct parameters parameters;
static struct local_identity local;
static struct context context;
static struct keepalive_schedule schedule;
static struct pool pool;
static void *pool_memory, *schedule_memory;
static uint32_t seats_max;
static int64_t *last_sent_ms; /* of each seat; -1: never */
static int64_t shortest_gap_ms, longest_gap_ms, longest_first_ms;
static uint64_t sent_count;
static int64_t started_ms;

static void *zeroed(size_t bytes) {
  void *memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
  require(memory);
  return memset(memory, 0, bytes);
}

static void forget_gaps(void) {
  shortest_gap_ms = INT64_MAX;
  longest_gap_ms = longest_first_ms = 0;
}

/* Begins at a wall time that is no round number of anything. */
static void set_up(uint32_t seats) {
  seats_max = seats;
  parameters_set_defaults(&parameters);
  local = (struct local_identity){.worker_count = 1};
  started_ms = 7654321;
  context =
      (struct context){.now = {started_ms}, .wall_now = {1795351872123456}, .parameters = &parameters, .local = &local};
  pool_memory = zeroed(pool_memory_bytes(sizeof(struct keepalive_seat), seats));
  schedule_memory = zeroed(keepalive_schedule_memory_bytes());
  pool_init(&pool, pool_memory, sizeof(struct keepalive_seat), seats);
  keepalive_schedule_init(&schedule, schedule_memory, &pool);
  last_sent_ms = malloc(seats * sizeof *last_sent_ms);
  require(last_sent_ms);
  for (uint32_t i = 0; i < seats; i++)
    last_sent_ms[i] = -1;
  sent_count = 0;
  forget_gaps();
}

static void check_schedule(void) {
  char memory[128];
  struct text_builder problem = text_builder_over(memory, sizeof memory);
  if (keepalive_schedule_check(&schedule, &problem)) return;
  printf("# %.*s\n", (int)problem.length, memory);
  tap_fail(__FILE__, __LINE__, "the schedule's invariants hold");
}

static void tear_down(void) {
  check_schedule();
  free(pool_memory);
  free(schedule_memory);
  free(last_sent_ms);
}

/* SplitMix64: as good as the keyed hash of an address. */
static uint64_t hash_of(uint32_t index) {
  uint64_t value = (index + 1) * UINT64_C(0x9E3779B97F4A7C15);
  value = (value ^ value >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  value = (value ^ value >> 27) * UINT64_C(0x94D049BB133111EB);
  return value ^ value >> 31;
}

static uint32_t seat_one(uint32_t own_period_s) {
  struct handle handle;
  void *seat = pool_take(&pool, &handle);
  require(seat);
  keepalive_schedule_seat(&schedule, &context, handle.index, hash_of(handle.index), own_period_s * 1000);
  return handle.index;
}

static void seat_many(uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    seat_one(0);
}

static int64_t now_ms(void) {
  return context.now.value - started_ms;
}

static void pass(int64_t milliseconds) {
  context.now.value += milliseconds;
  context.wall_now.value += milliseconds * 1000;
}

static void note_sent(uint32_t index) {
  int64_t before_ms = last_sent_ms[index], gap_ms = now_ms() - before_ms;
  if (before_ms < 0 && now_ms() > longest_first_ms) longest_first_ms = now_ms();
  if (before_ms >= 0 && gap_ms < shortest_gap_ms) shortest_gap_ms = gap_ms;
  if (before_ms >= 0 && gap_ms > longest_gap_ms) longest_gap_ms = gap_ms;
  last_sent_ms[index] = now_ms();
  sent_count++;
}

/* What one batch sends. */
static uint32_t send_batch(void) {
  uint32_t index, count = 0;
  if (!keepalive_schedule_begin_batch(&schedule, &context)) return 0;
  while ((index = keepalive_schedule_next(&schedule, &context)) != KEEPALIVE_NONE) {
    keepalive_schedule_spend(&schedule);
    note_sent(index);
    count++;
  }
  return count;
}

/* Runs from batch to batch; returns the largest. */
static uint32_t run_ms(int64_t milliseconds) {
  int64_t until_ms = context.now.value + milliseconds;
  uint32_t most = 0;
  for (;;) {
    struct mono_ms next = keepalive_schedule_next_batch(&schedule, &context);
    if (next.value > until_ms) break;
    pass(next.value - context.now.value);
    uint32_t count = send_batch();
    if (count > most) most = count;
  }
  pass(until_ms - context.now.value);
  return most;
}

/* Until the carousel stands on the wall clock's grid: the turns until then are a little shorter. */
static void settle(void) {
  forget_gaps();
  run_ms((int64_t)3 * 1000 * parameters.SS_SIP_NAT_KEEP_ALIVE_PERIOD);
  expect_int(shortest_gap_ms, >=, 1000 * parameters.SS_SIP_NAT_KEEP_ALIVE_PERIOD * 5 / 6 - 500);
  forget_gaps();
}

static uint32_t count_unsent(uint32_t count) {
  uint32_t unsent = 0;
  for (uint32_t i = 0; i < count; i++)
    unsent += last_sent_ms[i] < 0;
  return unsent;
}

/* --- every device, every period ---------------------------------------------------------------------------------- */

static void test_every_device_gets_one_each_period(void) {
  set_up(1000);
  seat_many(1000);
  run_ms(30500);
  expect_int(count_unsent(1000), ==, 0);
  settle();
  run_ms(10 * 30000);
  expect_int(shortest_gap_ms, ==, 30000);
  expect_int(longest_gap_ms, ==, 30000);
  tear_down();
}

static void test_next_is_previous_due_plus_period_over_a_simulated_day(void) {
  set_up(1);
  uint32_t index = seat_one(0);
  settle();
  sent_count = 0;
  struct mono_ms due = keepalive_schedule_due(&schedule, pool_at(&pool, index));
  run_ms(86400000);
  struct mono_ms later = keepalive_schedule_due(&schedule, pool_at(&pool, index));
  expect_int(mono_ms_since(later, due) % 30000, ==, 0);
  expect_int(sent_count, ==, 86400 / 30);
  tear_down();
}

static void test_no_second_of_a_day_carries_more_than_twice_the_mean_of_7000_devices(void) {
  set_up(7000);
  seat_many(7000);
  settle();
  uint32_t most = 0;
  uint64_t before = sent_count = 0;
  for (unsigned second = 0; second < 86400; second++) {
    run_ms(1000);
    if (sent_count - before > most) most = (uint32_t)(sent_count - before);
    before = sent_count;
  }
  expect_int(sent_count, >, 7000 * (86400 / 30) - 2 * 7000 / 30); /* the first and the last batch are not on the hour */
  expect_int(sent_count, <=, 7000 * (86400 / 30));
  expect_int(most, <=, 2 * 7000 / 30);
  expect_int(shortest_gap_ms, ==, 30000);
  expect_int(longest_gap_ms, ==, 30000);
  tear_down();
}

static void test_a_device_registered_in_mid_round_waits_no_longer_than_a_period(void) {
  set_up(2000);
  seat_many(1000);
  run_ms(12345);
  for (uint32_t i = 1000; i < 2000; i++)
    seat_one(0);
  run_ms(30500);
  expect_int(count_unsent(2000), ==, 0);
  tear_down();
}

static void test_one_that_leaves_gets_none_any_more(void) {
  set_up(100);
  seat_many(100);
  settle();
  for (uint32_t i = 0; i < 100; i += 2)
    keepalive_schedule_leave(&schedule, i);
  check_schedule();
  uint64_t before = sent_count;
  run_ms(30000);
  expect_int(sent_count - before, ==, 50);
  tear_down();
}

/* One slot holds them all, and the batch ends in the middle of it. */
static void test_leaving_at_the_hand_passes_it_on(void) {
  set_up(6);
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME = 2;
  struct handle handle;
  for (unsigned i = 0; i < 6; i++) {
    require(pool_take(&pool, &handle));
    keepalive_schedule_seat(&schedule, &context, handle.index, 7, 0);
  }
  while (sent_count == 0)
    run_ms(500);
  expect_int(sent_count, ==, 2);
  keepalive_schedule_leave(&schedule, 2); /* at the hand */
  keepalive_schedule_leave(&schedule, 0); /* first of the slot */
  keepalive_schedule_leave(&schedule, 5); /* its last */
  check_schedule();
  run_ms(500);
  expect_int(sent_count, ==, 4);
  expect(last_sent_ms[3] >= 0 && last_sent_ms[4] >= 0 && last_sent_ms[2] < 0 && last_sent_ms[5] < 0);
  run_ms(30000);
  expect_int(sent_count, ==, 7); /* 1, 3 and 4 */
  keepalive_schedule_leave(&schedule, 1);
  keepalive_schedule_leave(&schedule, 3);
  keepalive_schedule_leave(&schedule, 4);
  expect_int(schedule.seat_count, ==, 0);
  tear_down();
}

/* --- batches ----------------------------------------------------------------------------------------------------- */

static void test_3000_each_500_ms_carry_180000_devices_in_30_s_to_the_last_one(void) {
  set_up(180000);
  seat_many(180000);
  settle();
  uint64_t before = sent_count;
  uint32_t most = run_ms(300000);
  expect_int(most, ==, 3000);
  expect_int(sent_count - before, ==, 1800000);
  expect_int(schedule.turns_skipped, ==, 0);
  expect_int(longest_gap_ms, <=, 31000);
  expect_int(keepalive_schedule_lag_ms(&schedule, &context), <=, 1000);
  tear_down();
}

static void test_a_batch_never_exceeds_its_number_nor_comes_before_its_interval(void) {
  set_up(20000);
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME = 100;
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL = 250;
  seat_many(20000);
  int64_t last_batch_ms = -1;
  for (unsigned i = 0; i < 30000; i++) {
    pass(10);
    uint32_t count = send_batch();
    if (count == 0) continue;
    expect_int(count, <=, 100);
    if (last_batch_ms >= 0) expect_int(now_ms() - last_batch_ms, >=, 240); /* the clock ticks in 10 ms */
    last_batch_ms = now_ms();
  }
  expect_int(sent_count, >=, 299 * 4 * 100);
  expect_int(sent_count, <=, 300 * 4 * 100);
  tear_down();
}

/* Twice as many as can be carried: everybody waits two periods, in turn, and nobody is left out. */
static void test_when_a_round_cannot_be_kept_everybody_waits_alike(void) {
  set_up(12000);
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME = 100; /* 6000 in 30 s */
  seat_many(12000);
  run_ms(300000);
  forget_gaps();
  run_ms(600000);
  expect_int(longest_gap_ms, <=, 61000);
  expect_int(shortest_gap_ms, >=, 59000);
  expect(schedule.turns_skipped > 0);
  expect_int(keepalive_schedule_lag_ms(&schedule, &context), <=, 30500);
  tear_down();
}

static void test_what_was_late_is_not_made_up_for_by_a_burst(void) {
  set_up(6000);
  seat_many(6000);
  run_ms(60000);
  pass(100000); /* the worker stood still */
  uint64_t before = sent_count;
  uint32_t most = run_ms(30000);
  expect_int(most, <=, 3000);
  expect_int(sent_count - before, <=, 2 * 6000);
  run_ms(30000);
  settle();
  run_ms(120000);
  expect_int(longest_gap_ms, ==, 30000);
  tear_down();
}

static void test_workers_share_a_batch_to_the_last_one(void) {
  static const uint32_t batches[] = {1, 2, 3, 7, 3000};
  for (unsigned i = 0; i < sizeof batches / sizeof batches[0]; i++) {
    uint64_t total = 0;
    for (uint8_t worker = 0; worker < 3; worker++) {
      uint64_t share = 0;
      set_up(1);
      local.worker_count = 3;
      local.worker = worker;
      context.now.value = 7500000;
      parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME = batches[i];
      for (unsigned batch = 0; batch < 300; batch++) {
        pass(500);
        expect(keepalive_schedule_begin_batch(&schedule, &context));
        expect_int(schedule.batch_left, >=, batches[i] / 3);
        expect_int(schedule.batch_left, <=, batches[i] / 3 + 1);
        share += schedule.batch_left;
      }
      expect_int(share, ==, 100 * batches[i]);
      total += share;
      tear_down();
    }
    expect_int(total, ==, 300 * batches[i]);
  }
}

/* --- parameters that change -------------------------------------------------------------------------------------- */

static uint32_t change_period(uint32_t seconds, int64_t watch_ms) {
  parameters.SS_SIP_NAT_KEEP_ALIVE_PERIOD = seconds;
  keepalive_schedule_take_period(&schedule, &context);
  forget_gaps();
  return run_ms(watch_ms);
}

static void test_a_lowered_period_is_kept_at_once_and_without_a_burst(void) {
  set_up(6000);
  seat_many(6000);
  run_ms(100000);
  uint32_t most = change_period(15, 31000);
  expect_int(longest_gap_ms, <=, 30000); /* before the change it was 30 s */
  expect_int(most, <=, 2 * 6000 / 30);   /* the mean of a batch is 200 */
  forget_gaps();
  run_ms(60000);
  expect_int(longest_gap_ms, <=, 15500);
  tear_down();
}

static void test_a_raised_period_is_kept_at_once_and_without_a_burst(void) {
  set_up(6000);
  seat_many(6000);
  run_ms(100000);
  uint32_t most = change_period(60, 61000);
  expect_int(longest_gap_ms, <=, 60500);
  expect_int(shortest_gap_ms, >=, 24500);
  expect_int(most, <=, 2 * 6000 / 120); /* the mean of a batch is 50 */
  forget_gaps();
  run_ms(600000);
  expect_int(longest_gap_ms, <=, 60500);
  expect_int(shortest_gap_ms, >=, 60000 * 5 / 6 - 500);
  tear_down();
}

static void test_changes_in_quick_succession_lose_nobody(void) {
  set_up(3000);
  seat_many(3000);
  run_ms(40000);
  for (unsigned i = 0; i < 20; i++)
    change_period(i % 2 ? 10 : 86400, 1700);
  change_period(10, 10500);
  for (uint32_t i = 0; i < 3000; i++)
    expect(now_ms() - last_sent_ms[i] <= 10500);
  tear_down();
}

static void test_a_new_interval_and_batch_hold_from_the_next_batch_on(void) {
  set_up(6000);
  seat_many(6000);
  run_ms(30700);
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL = 2000;
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME = 410;
  int64_t first_ms = keepalive_schedule_next_batch(&schedule, &context).value - schedule.batch_began.value;
  expect_int(first_ms, >=, 2000);
  expect_int(first_ms, <, 4000);
  run_ms(first_ms);
  uint32_t most = run_ms(120000);
  expect_int(most, <=, 410);
  expect_int(sent_count, >=, 5 * 6000 - 800);
  tear_down();
}

/* --- restart ----------------------------------------------------------------------------------------------------- */

static void restart(int64_t down_ms) {
  memset(pool_memory, 0, pool_memory_bytes(sizeof(struct keepalive_seat), seats_max));
  memset(schedule_memory, 0, keepalive_schedule_memory_bytes());
  pool_init(&pool, pool_memory, sizeof(struct keepalive_seat), seats_max);
  keepalive_schedule_init(&schedule, schedule_memory, &pool);
  pass(down_ms);
  context.now.value -= 1234567; /* the monotonic clock may begin anew */
  started_ms -= 1234567;
  seat_many(seats_max);
}

static void test_after_a_restart_in_mid_round_nobody_waits_longer_than_one_and_a_fifth_periods(void) {
  set_up(7000);
  seat_many(7000);
  run_ms(100000 + 17321);
  forget_gaps();
  restart(2000);
  run_ms(36000);
  expect_int(longest_gap_ms, <=, 36000);
  for (uint32_t i = 0; i < 7000; i++)
    expect(now_ms() - last_sent_ms[i] <= 36000);
  tear_down();
}

static int64_t longest_gap_over_restart_ms(uint32_t period_s, uint32_t interval_ms, int64_t down_ms) {
  set_up(1000);
  parameters.SS_SIP_NAT_KEEP_ALIVE_PERIOD = period_s;
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL = interval_ms;
  seat_many(1000);
  run_ms(5 * period_s * 1000 + 17 * down_ms);
  forget_gaps();
  restart(down_ms);
  run_ms(period_s * 2500);
  int64_t longest_ms = longest_gap_ms;
  tear_down();
  return longest_ms;
}

static void test_nor_with_short_periods(void) {
  static const uint32_t settings[][2] = {{10, 500}, {12, 500}, {15, 500}, {20, 1000}, {60, 500}, {60, 3000}};
  for (unsigned i = 0; i < sizeof settings / sizeof settings[0]; i++)
    for (int64_t down_ms = 100; down_ms <= 500; down_ms += 50)
      expect_int(longest_gap_over_restart_ms(settings[i][0], settings[i][1], down_ms), <=, settings[i][0] * 1200);
}

/* Where a batch's interval alone is a large part of the period it may be a little longer, but not a whole turn. */
static void test_nobody_is_passed_over_for_a_turn_at_a_restart(void) {
  static const uint32_t settings[][2] = {{10, 1000}, {12, 1400}, {20, 2000}, {30, 4000}};
  for (unsigned i = 0; i < sizeof settings / sizeof settings[0]; i++)
    for (int64_t down_ms = 100; down_ms <= 500; down_ms += 50)
      expect_int(longest_gap_over_restart_ms(settings[i][0], settings[i][1], down_ms), <=, settings[i][0] * 1350);
}

/* The carousel has been brought back to the wall clock's grid by then. */
static void test_also_after_a_change_of_the_period_some_rounds_before(void) {
  set_up(7000);
  seat_many(7000);
  run_ms(47000);
  change_period(20, 8 * 20000);
  expect_int(longest_gap_ms, <=, 30500);
  forget_gaps();
  run_ms(7654);
  restart(1000);
  run_ms(24000);
  expect_int(longest_gap_ms, <=, 24000);
  tear_down();
}

/* --- periods of their own ---------------------------------------------------------------------------------------- */

static void test_devices_with_periods_of_their_own_keep_them(void) {
  static const uint32_t periods[] = {10, 45, 3600};
  set_up(3);
  for (unsigned i = 0; i < 3; i++)
    seat_one(periods[i]);
  run_ms(7200000);
  expect_int(sent_count, >=, 719 + 159 + 1);
  expect_int(sent_count, <=, 721 + 161 + 3);
  sent_count = 0;
  change_period(60, 3600000); /* is not theirs */
  expect_int(sent_count, >=, 359 + 79 + 0);
  expect_int(sent_count, <=, 361 + 81 + 2);
  tear_down();
}

static void test_too_many_different_periods_are_served_by_the_next_shorter_one(void) {
  set_up(40);
  for (uint32_t i = 0; i < 40; i++)
    seat_one(100 + 10 * i);
  for (uint32_t i = 0; i < 40; i++) {
    uint32_t period_ms = keepalive_schedule_period_ms(&schedule, pool_at(&pool, i));
    expect_int(period_ms, ==, 1000 * (i < 30 ? 100 + 10 * i : 390));
  }
  run_ms(400000);
  expect_int(count_unsent(40), ==, 0);
  keepalive_schedule_leave(&schedule, 0);
  keepalive_schedule_seat(&schedule, &context, 0, 1, 500000);
  expect_int(keepalive_schedule_period_ms(&schedule, pool_at(&pool, 0)), ==, 500000);
  tear_down();
}

static void test_the_latest_comes_first_whatever_its_period(void) {
  set_up(2000);
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME = 20; /* 40 a second; 1000 / 30 + 1000 / 300 are wanted */
  seat_many(1000);
  for (unsigned i = 0; i < 1000; i++)
    seat_one(300);
  run_ms(1200000);
  expect_int(count_unsent(2000), ==, 0);
  expect_int(schedule.turns_skipped, ==, 0);
  expect_int(keepalive_schedule_lag_ms(&schedule, &context), <=, 3000);
  tear_down();
}

static void test_the_due_time_told_is_the_one_kept(void) {
  set_up(50);
  seat_many(50);
  settle();
  run_ms(33333);
  for (unsigned round = 0; round < 20; round++) {
    int64_t due_ms[50];
    for (uint32_t i = 0; i < 50; i++)
      due_ms[i] = keepalive_schedule_due(&schedule, pool_at(&pool, i)).value - started_ms;
    run_ms(7000);
    for (uint32_t i = 0; i < 50; i++) {
      bool was_due = due_ms[i] + started_ms <= context.now.value / 500 * 500;
      if (was_due) expect(last_sent_ms[i] >= due_ms[i] && last_sent_ms[i] <= due_ms[i] + 500);
      if (!was_due) expect_int(last_sent_ms[i], <, due_ms[i]);
    }
  }
  tear_down();
}

TAP_TESTS(TAP(test_every_device_gets_one_each_period), TAP(test_next_is_previous_due_plus_period_over_a_simulated_day),
          TAP(test_no_second_of_a_day_carries_more_than_twice_the_mean_of_7000_devices),
          TAP(test_a_device_registered_in_mid_round_waits_no_longer_than_a_period),
          TAP(test_one_that_leaves_gets_none_any_more), TAP(test_leaving_at_the_hand_passes_it_on),
          TAP(test_3000_each_500_ms_carry_180000_devices_in_30_s_to_the_last_one),
          TAP(test_a_batch_never_exceeds_its_number_nor_comes_before_its_interval),
          TAP(test_when_a_round_cannot_be_kept_everybody_waits_alike),
          TAP(test_what_was_late_is_not_made_up_for_by_a_burst), TAP(test_workers_share_a_batch_to_the_last_one),
          TAP(test_a_lowered_period_is_kept_at_once_and_without_a_burst),
          TAP(test_a_raised_period_is_kept_at_once_and_without_a_burst),
          TAP(test_changes_in_quick_succession_lose_nobody),
          TAP(test_a_new_interval_and_batch_hold_from_the_next_batch_on),
          TAP(test_after_a_restart_in_mid_round_nobody_waits_longer_than_one_and_a_fifth_periods),
          TAP(test_nor_with_short_periods), TAP(test_nobody_is_passed_over_for_a_turn_at_a_restart),
          TAP(test_also_after_a_change_of_the_period_some_rounds_before),
          TAP(test_devices_with_periods_of_their_own_keep_them),
          TAP(test_too_many_different_periods_are_served_by_the_next_shorter_one),
          TAP(test_the_latest_comes_first_whatever_its_period), TAP(test_the_due_time_told_is_the_one_kept))
