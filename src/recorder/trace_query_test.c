#include "recorder/trace_query.h"

#include <stdlib.h>
#include <unistd.h>

#include "recorder/ring_file.h"
#include "tap.h"

static char dir[64], problem[512];
static struct ring_file files[2];
static struct trace_ring rings[2];
static int64_t clock_us;

static void start(void) {
  snprintf(dir, sizeof dir, "/tmp/trace_query_test_XXXXXX");
  expect(mkdtemp(dir) != NULL);
  for (unsigned i = 0; i < 2; i++) {
    char name[16];
    snprintf(name, sizeof name, "%u-calls", i);
    rings[i] = (struct trace_ring){.worker = (uint8_t)i};
    expect(ring_file_open(&files[i], &rings[i], dir, name, 4, problem, sizeof problem));
  }
  clock_us = 1000000;
}

static struct trace_result result;

static void end(void) {
  trace_result_free(&result);
  for (unsigned i = 0; i < 2; i++) {
    char path[128];
    ring_file_close(&files[i]);
    snprintf(path, sizeof path, "%s/%u-calls.ring", dir, i);
    unlink(path);
  }
  rmdir(dir);
}

static void record(unsigned ring, const char *call_id) {
  char text[256];
  snprintf(text, sizeof text,
           "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:1@a>;tag=1\r\nTo: <sip:2@b>\r\n"
           "Call-ID: %s\r\nCSeq: 1 OPTIONS\r\n\r\n",
           call_id);
  struct trace_record made = {
      .wall = {clock_us += 1000}, .kind = TRACE_SIP, .direction = TRACE_RECEIVED, .payload = str_view_from_c(text)};
  trace_ring_append(&rings[ring], &made);
}

/* How many records the answer has. */
static size_t ask(struct trace_query query) {
  trace_result_free(&result);
  if (query.limit == 0) query.limit = 1000;
  expect(trace_query_run(dir, &query, &result, problem, sizeof problem));
  return result.count;
}

static void test_the_rings_of_all_workers_are_one_line_in_time(void) {
  start();
  for (int i = 0; i < 10; i++)
    record(i % 2 ? 0 : 1, "x");
  expect_int(ask((struct trace_query){0}), ==, 10);
  for (size_t i = 1; i < result.count; i++)
    expect(result.records[i - 1].wall.value < result.records[i].wall.value);
  expect(!result.has_more && !result.is_torn);
  end();
}

static void test_a_cursor_goes_on_where_the_answer_ended(void) {
  char cursor[TRACE_CURSOR_BYTES];
  size_t seen = 0, given;
  start();
  for (int i = 0; i < 10; i++)
    record(i % 3 == 0, "x");
  expect_int(ask((struct trace_query){.limit = 4}), ==, 4);
  expect(result.has_more);
  seen = result.count;
  do {
    memcpy(cursor, result.cursor, sizeof cursor);
    given = ask((struct trace_query){.limit = 4, .cursor = cursor});
    seen += given;
  } while (given > 0);
  expect_int(seen, ==, 10);
  memcpy(cursor, result.cursor, sizeof cursor);
  record(1, "later");
  expect_int(ask((struct trace_query){.cursor = cursor}), ==, 1);
  struct trace_query broken = {.limit = 1, .cursor = "nonsense"};
  trace_result_free(&result);
  expect(!trace_query_run(dir, &broken, &result, problem, sizeof problem) && problem[0]);
  end();
}

static void test_the_latest_are_given_when_they_are_wanted(void) {
  start();
  for (int i = 0; i < 10; i++)
    record(0, "x");
  expect_int(ask((struct trace_query){.limit = 3, .wants_latest = true}), ==, 3);
  expect_int(result.records[2].wall.value, ==, clock_us);
  char cursor[TRACE_CURSOR_BYTES];
  memcpy(cursor, result.cursor, sizeof cursor);
  expect_int(ask((struct trace_query){.cursor = cursor}), ==, 0);
  end();
}

static void test_the_latest_of_two_rings_are_the_latest_of_both(void) {
  start();
  for (int i = 0; i < 2000; i++)
    record(i % 7 == 0, "x");
  expect_int(ask((struct trace_query){.limit = 500, .wants_latest = true}), ==, 500);
  expect(result.has_more);
  expect_int(result.records[0].wall.value, ==, clock_us - 499 * 1000);
  expect_int(result.records[499].wall.value, ==, clock_us);
  end();
}

static void test_only_the_call_that_is_asked_for_is_given(void) {
  start();
  for (int i = 0; i < 3000; i++)
    record(0, i % 1000 == 0 ? "wanted" : "other");
  expect_int(ask((struct trace_query){.filter = {.call = STR_VIEW("wanted")}}), ==, 3);
  expect_int(ask((struct trace_query){.filter = {.since = {clock_us - 1500}}}), ==, 2);
  end();
}

static void test_no_directory_holds_nothing(void) {
  struct trace_query query = {.limit = 1};
  expect(trace_query_run("/nowhere", &query, &result, problem, sizeof problem) && result.count == 0);
  trace_result_free(&result);
}

TAP_TESTS(TAP(test_the_rings_of_all_workers_are_one_line_in_time), TAP(test_a_cursor_goes_on_where_the_answer_ended),
          TAP(test_the_latest_are_given_when_they_are_wanted), TAP(test_the_latest_of_two_rings_are_the_latest_of_both),
          TAP(test_only_the_call_that_is_asked_for_is_given), TAP(test_no_directory_holds_nothing))
