#include "base/timer_wheel.h"

#include <stdlib.h>

#include "base/random.h"
#include "tap.h"

#define SECOND_MS INT64_C(1000)
#define HOUR_MS   (3600 * SECOND_MS)
#define DAY_MS    (24 * HOUR_MS)

static struct timer_wheel wheel;

static void expect_next(struct timer *timer) {
  struct timer *got = timer_wheel_next_due(&wheel);
  expect(got == timer);
  if (got) expect(!timer_is_armed(got));
}

static void test_a_timer_is_never_early_and_at_most_a_tick_late(void) {
  for (int64_t offset_ms = 1; offset_ms < 40 * DAY_MS; offset_ms = offset_ms * 7 / 4 + 1) {
    struct timer timer = {0};
    timer_wheel_init(&wheel, (struct mono_ms){123456789});
    struct mono_ms due = {123456789 + offset_ms};
    timer_wheel_arm(&wheel, &timer, 3, due);
    timer_wheel_advance(&wheel, (struct mono_ms){due.value - 1});
    expect_next(NULL);
    timer_wheel_advance(&wheel, (struct mono_ms){due.value + TIMER_WHEEL_TICK_MS - 1});
    expect_next(&timer);
    expect_int(timer.kind, ==, 3);
    expect_next(NULL);
    expect(wheel.armed_count == 0);
  }
}

static void test_a_time_already_past_is_due_at_the_next_advance(void) {
  struct timer timers[2] = {0};
  struct mono_ms now = {5000};
  timer_wheel_init(&wheel, now);
  timer_wheel_arm(&wheel, &timers[0], 1, now);
  timer_wheel_arm(&wheel, &timers[1], 1, (struct mono_ms){-7});
  expect_int(timer_wheel_next_wake(&wheel).value, <=, now.value);
  expect_next(NULL);
  timer_wheel_advance(&wheel, now);
  expect_next(&timers[0]);
  /* Armed for now inside the loop: the loop ends nevertheless. */
  timer_wheel_arm(&wheel, &timers[0], 1, now);
  expect_next(&timers[1]);
  expect_next(NULL);
  timer_wheel_advance(&wheel, now);
  expect_next(&timers[0]);
}

static void test_timers_of_one_tick_come_in_the_order_of_arming(void) {
  enum { COUNT = 5 };
  static const int64_t distances_ms[] = {500, 100 * SECOND_MS, 2 * HOUR_MS, 5 * DAY_MS, 300 * DAY_MS};
  for (size_t i = 0; i < sizeof distances_ms / sizeof distances_ms[0]; i++) {
    struct timer timers[COUNT] = {0};
    timer_wheel_init(&wheel, (struct mono_ms){0});
    for (int t = 0; t < COUNT; t++) {
      timer_wheel_arm(&wheel, &timers[t], 1, (struct mono_ms){distances_ms[i]});
      timer_wheel_advance(&wheel, (struct mono_ms){distances_ms[i] * (t + 1) / COUNT - 10});
    }
    timer_wheel_advance(&wheel, (struct mono_ms){distances_ms[i]});
    for (int t = 0; t < COUNT; t++)
      expect_next(&timers[t]);
  }
}

static void test_a_timer_may_be_cancelled_wherever_it_stands(void) {
  struct timer timers[4] = {0};
  timer_wheel_init(&wheel, (struct mono_ms){0});
  for (int i = 0; i < 3; i++)
    timer_wheel_arm(&wheel, &timers[i], 1, (struct mono_ms){100});
  timer_wheel_arm(&wheel, &timers[3], 1, (struct mono_ms){HOUR_MS});
  timer_wheel_cancel(&wheel, &timers[3]);
  timer_wheel_cancel(&wheel, &timers[3]);
  expect_int(timer_wheel_next_wake(&wheel).value, ==, 100);
  timer_wheel_advance(&wheel, (struct mono_ms){100});
  timer_wheel_cancel(&wheel, &timers[2]); /* due, the last, not yet handed out */
  timer_wheel_cancel(&wheel, &timers[0]);
  timer_wheel_arm(&wheel, &timers[2], 1, (struct mono_ms){0});
  timer_wheel_cancel(&wheel, &timers[2]); /* late */
  expect_next(&timers[1]);
  expect_next(NULL);
  expect(wheel.armed_count == 0);
  expect(timer_wheel_next_wake(&wheel).value == INT64_MAX);
}

static void test_a_cancelled_timer_leaves_no_wake_behind(void) {
  struct timer near = {0}, far = {0};
  timer_wheel_init(&wheel, (struct mono_ms){0});
  timer_wheel_arm(&wheel, &near, 1, (struct mono_ms){100});
  timer_wheel_arm(&wheel, &far, 1, (struct mono_ms){4000});
  timer_wheel_cancel(&wheel, &near);
  expect_int(timer_wheel_next_wake(&wheel).value, ==, 2560); /* the slot of level 1 that holds the other one */
  timer_wheel_arm(&wheel, &near, 1, (struct mono_ms){HOUR_MS});
  timer_wheel_cancel(&wheel, &far);
  expect_int(timer_wheel_next_wake(&wheel).value, >, 4000);
}

static void test_time_does_not_run_backwards(void) {
  struct timer timer = {0};
  timer_wheel_init(&wheel, (struct mono_ms){HOUR_MS});
  timer_wheel_arm(&wheel, &timer, 1, (struct mono_ms){HOUR_MS + 500});
  timer_wheel_advance(&wheel, (struct mono_ms){0});
  timer_wheel_advance(&wheel, (struct mono_ms){HOUR_MS + 499});
  expect_next(NULL);
  timer_wheel_advance(&wheel, (struct mono_ms){HOUR_MS + 500});
  expect_next(&timer);
}

static void test_years_ahead_and_the_end_of_time_are_kept(void) {
  static const int64_t dues_ms[] = {497 * DAY_MS, 498 * DAY_MS, 1000 * DAY_MS, 40000 * DAY_MS};
  struct timer timers[5] = {0};
  timer_wheel_init(&wheel, (struct mono_ms){77});
  timer_wheel_arm(&wheel, &timers[4], 1, (struct mono_ms){INT64_MAX});
  for (int i = 0; i < 4; i++)
    timer_wheel_arm(&wheel, &timers[i], 1, (struct mono_ms){dues_ms[i]});
  for (int i = 0; i < 4; i++) {
    timer_wheel_advance(&wheel, (struct mono_ms){dues_ms[i] - 1});
    expect_next(NULL);
    timer_wheel_advance(&wheel, (struct mono_ms){dues_ms[i]});
    expect_next(&timers[i]);
  }
  expect(timer_is_armed(&timers[4]));
  timer_wheel_advance(&wheel, (struct mono_ms){INT64_MAX});
  expect_next(&timers[4]);
}

/* Whoever sleeps until next_wake each time finds every timer on time, in a few steps. */
static void test_next_wake_is_never_late_and_leads_there_in_a_few_steps(void) {
  for (int64_t due_ms = 3; due_ms < 490 * DAY_MS; due_ms = due_ms * 3 / 2 + 10) {
    struct timer timer = {0};
    struct mono_ms wake = {0};
    timer_wheel_init(&wheel, wake);
    timer_wheel_arm(&wheel, &timer, 1, (struct mono_ms){due_ms});
    int steps = 0;
    while (timer_is_armed(&timer) && steps++ < 6) {
      wake = timer_wheel_next_wake(&wheel);
      expect_int(wake.value, <=, timer_due(&timer).value);
      timer_wheel_advance(&wheel, wake);
      timer_wheel_next_due(&wheel);
    }
    expect(!timer_is_armed(&timer));
    expect_int(wake.value, ==, (due_ms + 9) / 10 * 10);
  }
}

/* The model: an unordered array, searched for the smallest (due tick, order of arming) each time. */
enum { TIMERS = 60 };

struct model {
  struct random random;
  struct timer timers[TIMERS];
  bool armed[TIMERS], late[TIMERS];
  uint64_t due_tick[TIMERS], order[TIMERS];
  uint64_t orders, tick;
  struct mono_ms now;
};

static int64_t any_distance_ms(struct random *random) {
  static const uint32_t limits_ms[] = {1,      30,       2559,      2561,       10000,      170000,
                                       900000, 20000000, 700000000, 2000000000, UINT32_MAX, UINT32_MAX};
  uint32_t i = random_between(random, 0, sizeof limits_ms / sizeof limits_ms[0] - 1);
  /* The last two: up to 49 days, and up to 9 years. */
  return (int64_t)random_between(random, 0, limits_ms[i]) * (i == 11 ? 64 : 1);
}

static void model_arm(struct model *model, int t) {
  int64_t distance_ms = any_distance_ms(&model->random);
  if (random_chance_ppm(&model->random, 50000)) distance_ms = -distance_ms;
  struct mono_ms due = mono_ms_add(model->now, distance_ms);
  /* Often the very tick of another timer, armed at another distance. */
  int other = (int)random_between(&model->random, 0, TIMERS - 1);
  if (model->armed[other] && random_between(&model->random, 0, 2) == 0) due = timer_due(&model->timers[other]);
  timer_wheel_arm(&wheel, &model->timers[t], (uint8_t)t, due);
  uint64_t tick = due.value <= 0 ? 0 : ((uint64_t)due.value + 9) / 10;
  model->armed[t] = true;
  model->late[t] = tick <= model->tick;
  model->due_tick[t] = model->late[t] ? model->tick : tick;
  model->order[t] = ++model->orders;
}

/* The timer that has to come next, or −1. */
static int model_next(const struct model *model) {
  int next = -1;
  for (int t = 0; t < TIMERS; t++) {
    if (!model->armed[t] || model->late[t] || model->due_tick[t] > model->tick) continue;
    if (next < 0 || model->due_tick[t] < model->due_tick[next] ||
        (model->due_tick[t] == model->due_tick[next] && model->order[t] < model->order[next]))
      next = t;
  }
  return next;
}

static bool model_take_due(struct model *model) {
  /* Now and then some are left for the time after the next advance. */
  for (uint32_t left = random_between(&model->random, 0, 3) ? UINT32_MAX : 2; left > 0; left--) {
    int want = model_next(model);
    struct timer *got = timer_wheel_next_due(&wheel);
    if (got != (want < 0 ? NULL : &model->timers[want])) return false;
    if (want < 0) return true;
    if (got->kind != want || timer_is_armed(got)) return false;
    model->armed[want] = false;
    if (random_between(&model->random, 0, 3) == 0) model_arm(model, want);
    int other = (int)random_between(&model->random, 0, TIMERS - 1);
    if (random_between(&model->random, 0, 7) == 0) {
      timer_wheel_cancel(&wheel, &model->timers[other]);
      model->armed[other] = false;
    }
  }
  return true;
}

/* Nobody who sleeps until `wake` comes too late for a timer. */
static bool model_wakes_in_time(const struct model *model, struct mono_ms wake) {
  for (int t = 0; t < TIMERS; t++) {
    uint64_t tick = model->due_tick[t] > model->tick ? model->due_tick[t] : model->tick;
    if (model->armed[t] && wake.value > (int64_t)tick * 10) return false;
  }
  return true;
}

static bool model_advance(struct model *model) {
  struct mono_ms wake = timer_wheel_next_wake(&wheel);
  if (!model_wakes_in_time(model, wake)) return false;
  if (random_between(&model->random, 0, 3) == 0 && wake.value != INT64_MAX && !mono_ms_before(wake, model->now))
    model->now = wake;
  else
    model->now = mono_ms_add(model->now, any_distance_ms(&model->random));
  timer_wheel_advance(&wheel, model->now);
  model->tick = (uint64_t)model->now.value / 10;
  uint64_t armed = 0;
  for (int t = 0; t < TIMERS; t++) {
    model->late[t] = false;
    armed += model->armed[t];
  }
  return armed == wheel.armed_count;
}

static bool model_agrees(uint64_t seed, int64_t start_ms, int steps) {
  static struct model model;
  model = (struct model){.now = {start_ms}, .tick = (uint64_t)start_ms / 10};
  random_seed(&model.random, (struct siphash_key){seed, 1});
  timer_wheel_init(&wheel, model.now);
  for (int step = 0; step < steps; step++) {
    int t = (int)random_between(&model.random, 0, TIMERS - 1);
    switch (random_between(&model.random, 0, 9)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: model_arm(&model, t); break;
    case 5:
      timer_wheel_cancel(&wheel, &model.timers[t]);
      model.armed[t] = false;
      break;
    default:
      if (!model_advance(&model)) return false;
      if (!model_take_due(&model)) return false;
    }
    if (model.armed[t] != timer_is_armed(&model.timers[t])) return false;
  }
  return true;
}

static void test_days_of_random_arming_agree_with_a_sorted_model(void) {
  /* Where all digits but the highest, or all of them, turn over soon after. */
  static const int64_t starts_ms[] = {0, 12345, (INT64_C(1) << 32) * 10 - 3000, (INT64_C(1) << 26) * 10 - 100,
                                      (INT64_C(63) << 26) * 10 + 5};
  for (uint64_t seed = 1; seed <= 200; seed++) {
    bool agrees = model_agrees(seed, starts_ms[seed % 5], 2000);
    expect(agrees);
    if (!agrees) printf("# seed %llu\n", (unsigned long long)seed);
  }
}

TAP_TESTS(TAP(test_a_timer_is_never_early_and_at_most_a_tick_late),
          TAP(test_a_time_already_past_is_due_at_the_next_advance),
          TAP(test_timers_of_one_tick_come_in_the_order_of_arming),
          TAP(test_a_timer_may_be_cancelled_wherever_it_stands), TAP(test_a_cancelled_timer_leaves_no_wake_behind),
          TAP(test_time_does_not_run_backwards), TAP(test_years_ahead_and_the_end_of_time_are_kept),
          TAP(test_next_wake_is_never_late_and_leads_there_in_a_few_steps),
          TAP(test_days_of_random_arming_agree_with_a_sorted_model))
