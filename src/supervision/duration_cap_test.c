#include "supervision/duration_cap.h"

#include <tap.h>

static const struct mono_ms answered = {1000000};
static const struct mono_ms never = {INT64_MAX};

static struct mono_ms at(int64_t seconds) {
  return mono_ms_add(answered, seconds * 1000);
}

static struct duration_cap cap_of(uint32_t limit_s, uint32_t no_timer_cap_s) {
  struct duration_cap cap = {0};
  duration_cap_start(&cap, answered, limit_s, no_timer_cap_s);
  return cap;
}

static void test_a_caller_without_timer_talks_until_the_cap(void) {
  struct duration_cap cap = cap_of(0, 7200);
  expect_int(duration_cap_next(&cap, never).value, ==, at(7200).value);
  expect_int(duration_cap_due(&cap, at(7199), false), ==, DURATION_GOES_ON);
  expect_int(duration_cap_due(&cap, at(7200), false), ==, DURATION_NO_TIMER_CAP_REACHED);
}

static void test_a_caller_with_timer_is_not_capped(void) {
  struct duration_cap cap = cap_of(0, 7200);
  for (int i = 1; i < 100; i++) {
    expect_int(duration_cap_next(&cap, never).value, ==, at(7200 * i).value);
    expect_int(duration_cap_due(&cap, at(7200 * i), true), ==, DURATION_GOES_ON);
  }
}

/* Without the probe nobody else would find him dead. */
static void test_a_caller_who_switches_his_timer_off_later_talks_until_as_much_has_passed_again(void) {
  struct duration_cap cap = cap_of(0, 7200);
  expect_int(duration_cap_due(&cap, at(7205), true), ==, DURATION_GOES_ON);
  expect_int(duration_cap_due(&cap, at(9000), false), ==, DURATION_GOES_ON);
  expect_int(duration_cap_next(&cap, never).value, ==, at(14400).value);
  expect_int(duration_cap_due(&cap, at(14400), false), ==, DURATION_NO_TIMER_CAP_REACHED);
}

static void test_what_was_over_before_a_restart_has_passed(void) {
  struct duration_cap cap = cap_of(0, 7200);
  duration_cap_resume(&cap, answered, at(7000));
  expect_int(duration_cap_next(&cap, never).value, ==, at(7200).value); /* also when it is later than that now */
  expect_int(duration_cap_due(&cap, at(7200), true), ==, DURATION_GOES_ON);
  duration_cap_resume(&cap, answered, at(20000));
  expect_int(duration_cap_next(&cap, never).value, ==, at(21600).value);
  duration_cap_resume(&cap, answered, at(7000)); /* the last proof of life may be older */
  expect_int(duration_cap_next(&cap, never).value, ==, at(7200).value);
  cap = cap_of(0, 0);
  duration_cap_resume(&cap, answered, at(7000));
  expect_int(duration_cap_next(&cap, never).value, ==, never.value);
}

static void test_cap_0_is_none(void) {
  struct duration_cap cap = cap_of(0, 0);
  expect_int(duration_cap_next(&cap, never).value, ==, never.value);
  expect_int(duration_cap_due(&cap, at(86400 * 30), false), ==, DURATION_GOES_ON);
}

static void test_the_longest_talk_time_rules_with_and_without_timer(void) {
  struct duration_cap cap = cap_of(60, 7200);
  expect_int(duration_cap_next(&cap, never).value, ==, at(60).value);
  expect_int(duration_cap_due(&cap, at(60), true), ==, DURATION_LIMIT_REACHED);
  expect_int(duration_cap_due(&cap, at(60), false), ==, DURATION_LIMIT_REACHED);
}

static void test_the_earlier_of_both_ends_comes_first(void) {
  struct duration_cap cap = cap_of(9000, 7200);
  expect_int(duration_cap_next(&cap, never).value, ==, at(7200).value);
  expect_int(duration_cap_due(&cap, at(7200), true), ==, DURATION_GOES_ON);
  expect_int(duration_cap_next(&cap, never).value, ==, at(9000).value);
}

static void test_a_changed_cap_still_counts_from_the_answer(void) {
  struct random random = {.key = {1, 2}};
  struct duration_cap cap = cap_of(0, 7200);
  duration_cap_change(&cap, answered, at(100), 3600, &random);
  expect_int(duration_cap_next(&cap, never).value, ==, at(3600).value);
  duration_cap_change(&cap, answered, at(200), 0, &random);
  expect_int(duration_cap_next(&cap, never).value, ==, never.value);
}

static void test_a_cap_that_is_over_already_ends_calls_within_a_minute_not_at_once(void) {
  struct random random = {.key = {1, 2}};
  unsigned early = 0;
  for (int i = 0; i < 1000; i++) {
    struct duration_cap cap = cap_of(0, 7200);
    duration_cap_change(&cap, answered, at(5000), 600, &random);
    int64_t after_ms = duration_cap_next(&cap, never).value - at(5000).value;
    expect(after_ms >= 0 && after_ms <= 60000);
    early += after_ms < 30000;
  }
  expect(early > 400 && early < 600);
}

static void test_a_changed_longest_talk_time_reaches_running_calls(void) {
  struct random random = {.key = {1, 2}};
  struct duration_cap cap = cap_of(0, 0);
  duration_cap_change_limit(&cap, answered, at(100), 600, &random);
  expect_int(cap.limit_end.value, ==, at(600).value);
  duration_cap_change_limit(&cap, answered, at(500), 60, &random);
  expect_int(duration_cap_due(&cap, at(499), false), ==, DURATION_GOES_ON);
  expect_int(duration_cap_due(&cap, at(561), false), ==, DURATION_LIMIT_REACHED);
  duration_cap_change_limit(&cap, answered, at(501), 0, &random);
  expect_int(duration_cap_next(&cap, never).value, ==, never.value);
}

static void test_the_preview_says_which_calls_a_lower_cap_would_end(void) {
  struct duration_cap cap = cap_of(0, 7200);
  expect(duration_cap_would_end(&cap, answered, at(1000), 900));
  expect(!duration_cap_would_end(&cap, answered, at(800), 900));
  expect(!duration_cap_would_end(&cap, answered, at(8000), 7200));
  expect(!duration_cap_would_end(&cap, answered, at(8000), 0));
}

static void test_other_changes_leave_the_cap_alone(void) {
  struct random random = {.key = {1, 2}};
  struct duration_cap cap = cap_of(0, 7200);
  expect_int(duration_cap_due(&cap, at(7200), true), ==, DURATION_GOES_ON);
  duration_cap_change(&cap, answered, at(8000), 7200, &random);
  expect_int(duration_cap_next(&cap, never).value, ==, at(14400).value);
}

TAP_TESTS(TAP(test_a_caller_without_timer_talks_until_the_cap), TAP(test_a_caller_with_timer_is_not_capped),
          TAP(test_a_caller_who_switches_his_timer_off_later_talks_until_as_much_has_passed_again),
          TAP(test_what_was_over_before_a_restart_has_passed), TAP(test_cap_0_is_none),
          TAP(test_the_longest_talk_time_rules_with_and_without_timer), TAP(test_the_earlier_of_both_ends_comes_first),
          TAP(test_a_changed_cap_still_counts_from_the_answer),
          TAP(test_a_cap_that_is_over_already_ends_calls_within_a_minute_not_at_once),
          TAP(test_a_changed_longest_talk_time_reaches_running_calls),
          TAP(test_the_preview_says_which_calls_a_lower_cap_would_end), TAP(test_other_changes_leave_the_cap_alone))
