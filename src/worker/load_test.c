#include "worker/load.h"

#include "tap.h"
#include "worker/echo_switch.h"

static struct mono_ms at(int64_t ms) {
  return (struct mono_ms){1000000 + ms};
}

static void test_lasting_lateness_means_overload_until_calm(void) {
  struct load load = {0};
  load_note_lag(&load, at(0), LOAD_LAG_MARK_MS);
  expect(!load_is_over(&load, at(0)));
  load_note_lag(&load, at(LOAD_LAG_FOR_MS), LOAD_LAG_MARK_MS);
  expect(load_is_over(&load, at(LOAD_LAG_FOR_MS + LOAD_CALM_MS - 1)));
  expect(!load_is_over(&load, at(LOAD_LAG_FOR_MS + LOAD_CALM_MS)));
}

static void test_a_single_stumble_is_no_overload(void) {
  struct load load = {0};
  load_note_lag(&load, at(0), 10 * LOAD_LAG_MARK_MS);
  load_note_lag(&load, at(10), 0);
  load_note_lag(&load, at(LOAD_LAG_FOR_MS + 10), LOAD_LAG_MARK_MS);
  expect(!load_is_over(&load, at(LOAD_LAG_FOR_MS + 10)));
  load_note_lag(&load, at(60000), LOAD_LAG_MARK_MS);
  expect(!load_is_over(&load, at(60000)));
}

static void test_a_full_queue_means_overload_until_calm(void) {
  struct load load = {0};
  load_note_fill(&load, at(0), LOAD_FILL_MARK_PERMILLE - 1);
  expect(!load_is_over(&load, at(0)));
  load_note_fill(&load, at(300), LOAD_FILL_MARK_PERMILLE);
  expect(load_is_over(&load, at(300 + LOAD_FILL_CALM_MS - 1)));
  expect(!load_is_over(&load, at(300 + LOAD_FILL_CALM_MS)));
}

static void test_a_queue_in_which_all_has_to_wait_means_overload(void) {
  struct load load = {0};
  for (int64_t ms = 0; ms < LOAD_STANDING_FOR_MS; ms++) {
    load_note_queue(&load, at(ms), true);
    expect(!load_is_over(&load, at(ms)));
  }
  load_note_queue(&load, at(LOAD_STANDING_FOR_MS), true);
  expect(load_is_over(&load, at(LOAD_STANDING_FOR_MS)));
  load_note_queue(&load, at(LOAD_STANDING_FOR_MS + 1), false);
  expect(load_is_over(&load, at(LOAD_STANDING_FOR_MS + LOAD_STANDING_CALM_MS - 1)));
  expect(!load_is_over(&load, at(LOAD_STANDING_FOR_MS + LOAD_STANDING_CALM_MS)));
  load_note_queue(&load, at(LOAD_STANDING_FOR_MS + LOAD_STANDING_CALM_MS), true);
  expect(!load_is_over(&load, at(LOAD_STANDING_FOR_MS + LOAD_STANDING_CALM_MS)));
}

static void test_the_worst_lag_is_forgotten_after_two_seconds(void) {
  struct load load = {0};
  load_note_lag(&load, at(0), 40);
  load_note_lag(&load, at(500), 7);
  expect_int(load_lag_ms_max(&load), ==, 40);
  load_note_lag(&load, at(1100), 5);
  expect_int(load_lag_ms_max(&load), ==, 40);
  load_note_lag(&load, at(2200), 6);
  expect_int(load_lag_ms_max(&load), ==, 6);
  load_note_lag(&load, at(9000), 1);
  expect_int(load_lag_ms_max(&load), ==, 1);
}

TAP_TESTS(TAP(test_lasting_lateness_means_overload_until_calm), TAP(test_a_single_stumble_is_no_overload),
          TAP(test_a_full_queue_means_overload_until_calm), TAP(test_a_queue_in_which_all_has_to_wait_means_overload),
          TAP(test_the_worst_lag_is_forgotten_after_two_seconds))
