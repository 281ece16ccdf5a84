#include "store/journal_gather.h"

#include "tap.h"

#define MS        INT64_C(1000)
#define WINDOW_US (JOURNAL_GATHER_WINDOW_MS * MS)

static const int64_t start_us = 1000 * WINDOW_US;

static void test_a_single_answer_is_flushed_at_once(void) {
  struct journal_gather gather = {0};
  expect_int(journal_gather_us(&gather, start_us, 20), ==, 0);
  for (int64_t second = 0; second < 5; second++) {
    journal_gather_note(&gather, start_us + second * 10 * WINDOW_US, 1);
    expect_int(journal_gather_us(&gather, start_us + second * 10 * WINDOW_US, 20), <, 1 * MS);
  }
}

static void test_it_gathers_in_proportion_to_those_who_wait(void) {
  struct journal_gather gather = {0};
  int64_t last_us = 0;
  for (unsigned i = 1; i <= JOURNAL_GATHER_MANY; i++) {
    journal_gather_note(&gather, start_us, 1);
    int64_t gather_us = journal_gather_us(&gather, start_us, 20);
    expect_int(gather_us, ==, 20 * MS * i / JOURNAL_GATHER_MANY);
    expect_int(gather_us, >, last_us);
    last_us = gather_us;
  }
}

static void test_it_never_gathers_longer_than_it_may(void) {
  struct journal_gather gather = {0};
  journal_gather_note(&gather, start_us, 50 * JOURNAL_GATHER_MANY);
  expect_int(journal_gather_us(&gather, start_us, 20), ==, 20 * MS);
  expect_int(journal_gather_us(&gather, start_us, 7), ==, 7 * MS);
  expect_int(journal_gather_us(&gather, start_us, 0), ==, 0);
}

static void test_a_window_that_has_just_begun_is_like_the_one_before(void) {
  struct journal_gather gather = {0};
  journal_gather_note(&gather, start_us, JOURNAL_GATHER_MANY / 2);
  int64_t next_us = start_us + WINDOW_US;
  expect_int(journal_gather_us(&gather, next_us, 20), ==, 10 * MS);
  journal_gather_note(&gather, next_us, 1);
  expect_int(journal_gather_us(&gather, next_us, 20), ==, 10 * MS);
}

static void test_a_window_in_which_nobody_waits_ends_the_gathering(void) {
  struct journal_gather gather = {0};
  journal_gather_note(&gather, start_us, JOURNAL_GATHER_MANY);
  expect_int(journal_gather_us(&gather, start_us + WINDOW_US, 20), ==, 20 * MS);
  expect_int(journal_gather_us(&gather, start_us + 2 * WINDOW_US, 20), ==, 0);
  journal_gather_note(&gather, start_us + 2 * WINDOW_US, 1);
  expect_int(journal_gather_us(&gather, start_us + 2 * WINDOW_US, 20), <, 1 * MS);
}

TAP_TESTS(TAP(test_a_single_answer_is_flushed_at_once), TAP(test_it_gathers_in_proportion_to_those_who_wait),
          TAP(test_it_never_gathers_longer_than_it_may), TAP(test_a_window_that_has_just_begun_is_like_the_one_before),
          TAP(test_a_window_in_which_nobody_waits_ends_the_gathering))
