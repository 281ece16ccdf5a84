#include "supervision/session_guard.h"

#include <tap.h>

static struct parameters standard(uint32_t early_s) {
  struct parameters parameters;
  parameters_set_defaults(&parameters);
  parameters.SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP = early_s;
  return parameters;
}

static int64_t guard_s(uint32_t early_s, uint32_t interval_s) {
  struct parameters parameters = standard(early_s);
  return session_guard_due(&parameters, (struct mono_ms){7000}, interval_s).value / 1000 - 7;
}

static void test_early_hang_up_0_waits_for_the_end(void) {
  expect_int(guard_s(0, 90), ==, 90);
  expect_int(guard_s(0, 120), ==, 120);
  expect_int(guard_s(0, 1800), ==, 1800);
}

static void test_early_hang_up_auto_is_the_smaller_of_32_s_and_a_third(void) {
  expect_int(guard_s(PARAMETER_AUTO, 90), ==, 60);
  expect_int(guard_s(PARAMETER_AUTO, 120), ==, 88);
  expect_int(guard_s(PARAMETER_AUTO, 1800), ==, 1768);
}

static void test_early_hang_up_in_seconds_is_at_most_a_third(void) {
  expect_int(guard_s(20, 90), ==, 70);
  expect_int(guard_s(60, 90), ==, 60);
  expect_int(guard_s(200, 600), ==, 400);
  expect_int(guard_s(43200, 1800), ==, 1200);
}

static void test_a_refresh_comes_every_interval_by_segment(void) {
  struct parameters parameters = standard(0);
  expect_int(session_guard_period_ms(&parameters, 600), ==, 300000);
  expect_int(session_guard_period_ms(&parameters, 90), ==, 45000);
  parameters.SS_SIP_SESSION_UPDATE_SEGMENT = 10;
  expect_int(session_guard_period_ms(&parameters, 600), ==, 60000);
}

static void test_a_refresh_comes_early_enough_for_a_transaction_before_the_guard(void) {
  struct parameters parameters = standard(PARAMETER_AUTO);
  expect_int(session_guard_period_ms(&parameters, 90), ==, 28000);
  for (uint32_t interval_s = 90; interval_s <= 86400; interval_s += 7)
    for (uint32_t segment = 2; segment <= 10; segment++) {
      parameters.SS_SIP_SESSION_UPDATE_SEGMENT = segment;
      int64_t guard_ms = session_guard_due(&parameters, (struct mono_ms){0}, interval_s).value;
      int64_t period_ms = session_guard_period_ms(&parameters, interval_s);
      if (period_ms <= 0 || period_ms + SESSION_TRANSACTION_MS > guard_ms) tap_fail(__FILE__, __LINE__, "too late");
    }
}

static void test_the_next_refresh_keeps_the_rhythm(void) {
  struct mono_ms due = {300000};
  expect_int(session_guard_next(due, 300000, (struct mono_ms){300007}).value, ==, 600000);
  expect_int(session_guard_next(due, 300000, (struct mono_ms){599999}).value, ==, 600000);
  expect_int(session_guard_next(due, 300000, (struct mono_ms){600000}).value, ==, 900000);
  expect_int(session_guard_next(due, 300000, (struct mono_ms){1234567}).value, ==, 1500000);
}

static void test_the_rhythm_does_not_drift_over_ten_thousand_refreshes(void) {
  struct mono_ms due = {300000};
  for (int i = 0; i < 10000; i++)
    due = session_guard_next(due, 300000, mono_ms_add(due, 20 + i % 900));
  expect_int(due.value, ==, 10001LL * 300000);
}

static void test_many_first_refreshes_are_spread_evenly(void) {
  struct random random;
  unsigned counts[10] = {0};
  random_seed(&random, (struct siphash_key){1, 2});
  for (int i = 0; i < 100000; i++) {
    int64_t after_ms = session_guard_spread(&random, (struct mono_ms){5000}, 45000).value - 5000;
    expect_int(after_ms, >=, 0);
    expect_int(after_ms, <=, 45000);
    counts[after_ms * 10 / 45001]++;
  }
  for (int i = 0; i < 10; i++) {
    expect_int(counts[i], >, 9500);
    expect_int(counts[i], <, 10500);
  }
}

static void test_a_method_that_may_be_swallowed_leaves_as_much_time_for_another(void) {
  expect_int(session_guard_patience_ms(300000), ==, 32500);
  expect_int(session_guard_patience_ms(45000), ==, 22500);
}

TAP_TESTS(TAP(test_early_hang_up_0_waits_for_the_end), TAP(test_early_hang_up_auto_is_the_smaller_of_32_s_and_a_third),
          TAP(test_early_hang_up_in_seconds_is_at_most_a_third), TAP(test_a_refresh_comes_every_interval_by_segment),
          TAP(test_a_refresh_comes_early_enough_for_a_transaction_before_the_guard),
          TAP(test_the_next_refresh_keeps_the_rhythm), TAP(test_the_rhythm_does_not_drift_over_ten_thousand_refreshes),
          TAP(test_many_first_refreshes_are_spread_evenly),
          TAP(test_a_method_that_may_be_swallowed_leaves_as_much_time_for_another))
