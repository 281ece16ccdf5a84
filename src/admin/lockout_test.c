#include "admin/lockout.h"

#include "tap.h"

static struct mono_ms at(int64_t ms) {
  return mono_ms_add((struct mono_ms){0}, 1000000 + ms);
}

static void test_six_failures_lock_out_for_three_minutes_from_the_last(void) {
  struct lockout *lockout = lockout_create();
  for (int i = 1; i < LOCKOUT_FAILURES_MAX; i++)
    expect(!lockout_failed(lockout, "anna", at(i)));
  expect_int(lockout_wait_s(lockout, "anna", at(10)), ==, 0);
  expect(lockout_failed(lockout, "anna", at(10)));
  expect_int(lockout_wait_s(lockout, "anna", at(10)), ==, 180);
  expect_int(lockout_wait_s(lockout, "anna", at(10 + 179001)), ==, 1);
  expect_int(lockout_wait_s(lockout, "anna", at(10 + 180000)), ==, 0);
  expect_int(lockout_wait_s(lockout, "boris", at(10)), ==, 0);
  lockout_destroy(&lockout);
}

static void test_old_failures_and_those_before_a_success_do_not_count(void) {
  struct lockout *lockout = lockout_create();
  for (int i = 0; i < 5; i++)
    expect(!lockout_failed(lockout, "anna", at(i)));
  lockout_succeeded(lockout, "anna");
  for (int i = 0; i < 5; i++)
    expect(!lockout_failed(lockout, "anna", at(i)));
  expect(!lockout_failed(lockout, "anna", at(200000)));
  expect_int(lockout_wait_s(lockout, "anna", at(200000)), ==, 0);
  lockout_destroy(&lockout);
}

static void test_many_keys_push_out_the_one_that_failed_longest_ago(void) {
  struct lockout *lockout = lockout_create();
  char key[16];
  for (int i = 0; i < 2 * LOCKOUT_KEYS; i++) {
    snprintf(key, sizeof key, "%d", i);
    for (int n = 0; n < LOCKOUT_FAILURES_MAX; n++)
      (void)lockout_failed(lockout, key, at(i));
  }
  expect_int(lockout_wait_s(lockout, "0", at(600)), ==, 0);
  expect_int(lockout_wait_s(lockout, key, at(600)), >, 0);
  lockout_destroy(&lockout);
}

static void test_only_so_many_passwords_are_checked_in_a_second(void) {
  struct lockout *lockout = lockout_create();
  for (int i = 0; i < LOCKOUT_CHECKS_A_SECOND; i++)
    expect(lockout_take_check(lockout, at(0)));
  expect(!lockout_take_check(lockout, at(999)));
  expect(lockout_take_check(lockout, at(1000)));
  lockout_destroy(&lockout);
}

TAP_TESTS(TAP(test_six_failures_lock_out_for_three_minutes_from_the_last),
          TAP(test_old_failures_and_those_before_a_success_do_not_count),
          TAP(test_many_keys_push_out_the_one_that_failed_longest_ago),
          TAP(test_only_so_many_passwords_are_checked_in_a_second))
