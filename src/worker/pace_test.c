#include "worker/pace.h"

#include "tap.h"

#define MS INT64_C(1000000)
#define US INT64_C(1000)

static const int64_t start_ns = 1000 * MS;

/* So many messages, each in a round of its own, evenly over the window that begins then. */
static void go_rounds(struct pace *pace, int64_t from_ns, unsigned messages) {
  for (unsigned i = 0; i < messages; i++) {
    pace_note_round(pace, from_ns + PACE_WINDOW_MS * MS / messages * i);
    pace_note_messages(pace, 1);
  }
}

static void test_a_worker_with_little_to_do_does_not_rest(void) {
  struct pace pace = {0};
  expect_int(pace_rest_until_ns(&pace, start_ns), ==, 0);
  for (int64_t window = 0; window < 5; window++)
    go_rounds(&pace, start_ns + window * PACE_WINDOW_MS * MS, PACE_DENSE_MESSAGES);
  expect_int(pace_rest_until_ns(&pace, pace.round_ns), ==, 0);
}

static void test_rounds_of_a_busy_worker_begin_two_milliseconds_apart(void) {
  struct pace pace = {0};
  go_rounds(&pace, start_ns, PACE_DENSE_MESSAGES + 1);
  int64_t until_ns = pace.round_ns + PACE_REST_US * US;
  expect_int(PACE_REST_US, ==, 2000);
  expect_int(pace_rest_until_ns(&pace, pace.round_ns + 1), ==, until_ns);
  expect_int(pace_rest_until_ns(&pace, until_ns - 1), ==, until_ns);
  expect_int(pace_rest_until_ns(&pace, until_ns), ==, 0);
}

/* Resting makes rounds fewer, not messages. */
static void test_it_goes_on_resting_while_as_many_messages_come(void) {
  struct pace pace = {0};
  go_rounds(&pace, start_ns, PACE_DENSE_MESSAGES + 1);
  int64_t now_ns = start_ns + PACE_WINDOW_MS * MS;
  for (int i = 0; i < 300; i++, now_ns += PACE_REST_US * US) {
    pace_note_round(&pace, now_ns);
    pace_note_messages(&pace, 5);
    expect_int(pace_rest_until_ns(&pace, now_ns), ==, now_ns + PACE_REST_US * US);
  }
}

static void test_a_round_that_brings_many_messages_is_followed_at_once(void) {
  struct pace pace = {0};
  go_rounds(&pace, start_ns, PACE_DENSE_MESSAGES + 1);
  pace_note_messages(&pace, PACE_BATCH_GOOD - 2);
  expect_int(pace_rest_until_ns(&pace, pace.round_ns), >, pace.round_ns);
  pace_note_messages(&pace, 1);
  expect_int(pace_rest_until_ns(&pace, pace.round_ns), ==, 0);
  pace_note_round(&pace, pace.round_ns + 1);
  expect_int(pace_rest_until_ns(&pace, pace.round_ns), >, pace.round_ns);
}

static void test_a_window_without_messages_ends_the_resting(void) {
  struct pace pace = {0};
  go_rounds(&pace, start_ns, PACE_DENSE_MESSAGES + 1);
  int64_t next_ns = start_ns + PACE_WINDOW_MS * MS, later_ns = next_ns + PACE_WINDOW_MS * MS;
  pace_note_round(&pace, next_ns);
  expect_int(pace_rest_until_ns(&pace, next_ns), >, next_ns);
  pace_note_round(&pace, later_ns);
  expect_int(pace_rest_until_ns(&pace, later_ns), ==, 0);
  go_rounds(&pace, later_ns, PACE_DENSE_MESSAGES + 1);
  pace_note_round(&pace, later_ns + 2 * PACE_WINDOW_MS * MS);
  expect_int(pace_rest_until_ns(&pace, pace.round_ns), ==, 0);
}

TAP_TESTS(TAP(test_a_worker_with_little_to_do_does_not_rest),
          TAP(test_rounds_of_a_busy_worker_begin_two_milliseconds_apart),
          TAP(test_it_goes_on_resting_while_as_many_messages_come),
          TAP(test_a_round_that_brings_many_messages_is_followed_at_once),
          TAP(test_a_window_without_messages_ends_the_resting))
