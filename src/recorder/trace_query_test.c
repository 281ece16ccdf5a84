#include "recorder/trace_query.h"

#include <stdlib.h>
#include <sys/syscall.h>
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

static void append(unsigned ring, const char *call_id) {
  char text[256];
  snprintf(text, sizeof text,
           "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:1@a>;tag=1\r\nTo: <sip:2@b>\r\n"
           "Call-ID: %s\r\nCSeq: 1 OPTIONS\r\n\r\n",
           call_id);
  struct trace_record made = {
      .wall = {clock_us += 1000}, .kind = TRACE_SIP, .direction = TRACE_RECEIVED, .payload = str_view_from_c(text)};
  trace_ring_append(&rings[ring], &made);
}

static void record(unsigned ring, const char *call_id) {
  append(ring, call_id);
  trace_ring_settle(&rings[ring]);
}

static void note_leg(unsigned ring, const char *call, const char *call_id) {
  char place[TRACE_NOTE_BYTES_MAX];
  struct note note = {.kind = NOTE_LEG, .call = str_view_from_c(call), .text = str_view_from_c(call_id)};
  struct trace_record made = {
      .wall = {clock_us}, .kind = TRACE_NOTE, .direction = TRACE_INSIDE, .payload = trace_note_encode(&note, place)};
  trace_ring_append(&rings[ring], &made);
}

/* Takes libc's place in this program: the worker goes on writing between any two looks of a reader. */
static int reads_until_news; /* 0: no news */
static void (*news)(void);

ssize_t pread(int fd, void *bytes, size_t count, off_t offset) {
  if (reads_until_news > 0 && --reads_until_news == 0) news();
  return (ssize_t)syscall(SYS_pread64, fd, bytes, count, offset);
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

/* Two calls of which the recorder has the first when it is asked; the second comes while the answer is being made, and
 * so many records of others that the writer is in the next block. */
static void one_more_call(void) {
  for (int i = 0; i < 1200; i++)
    append(0, "other");
  record(0, "second");
  record(1, "second");
}

static void test_what_comes_while_an_answer_is_made_is_in_the_next_one(void) {
  char cursor[TRACE_CURSOR_BYTES];
  bool has_come = true;
  news = one_more_call;
  for (int at = 1; has_come; at++) {
    start();
    record(0, "first");
    record(1, "first");
    reads_until_news = at;
    struct trace_query query = {.filter = {.number = STR_VIEW("1")}, .cursor = "", .limit = 10000};
    size_t seen = ask(query);
    has_come = reads_until_news == 0;
    reads_until_news = 0;
    memcpy(cursor, result.cursor, sizeof cursor);
    query.cursor = cursor;
    seen += ask(query);
    expect_int(seen, ==, has_come ? 1204 : 2);
    memcpy(cursor, result.cursor, sizeof cursor);
    expect_int(ask(query), ==, 0);
    end();
    expect(at < 1000);
  }
}

static void test_a_message_waits_for_the_note_that_tells_whose_it_is(void) {
  char cursor[TRACE_CURSOR_BYTES];
  struct trace_query query = {.filter = {.call = STR_VIEW("call")}, .cursor = cursor};
  start();
  record(1, "other");
  append(0, "leg");
  expect_int(ask((struct trace_query){.filter = query.filter}), ==, 0);
  memcpy(cursor, result.cursor, sizeof cursor);
  note_leg(0, "call", "leg");
  expect_int(ask(query), ==, 0);
  trace_ring_settle(&rings[0]);
  expect_int(ask(query), ==, 2); /* the message and its note */
  end();
}

static void test_a_cursor_of_a_ring_that_was_replaced_begins_the_new_one(void) {
  char cursor[TRACE_CURSOR_BYTES], path[128];
  start();
  for (int i = 0; i < 10; i++)
    record(0, "old");
  expect_int(ask((struct trace_query){0}), ==, 10);
  memcpy(cursor, result.cursor, sizeof cursor);
  ring_file_close(&files[0]);
  snprintf(path, sizeof path, "%s/0-calls.ring", dir);
  expect_int(unlink(path), ==, 0);
  expect(ring_file_open(&files[0], &rings[0], dir, "0-calls", 5, problem, sizeof problem));
  record(0, "new");
  expect_int(ask((struct trace_query){.cursor = cursor}), ==, 1);
  end();
}

static void test_no_directory_holds_nothing(void) {
  struct trace_query query = {.limit = 1};
  expect(trace_query_run("/nowhere", &query, &result, problem, sizeof problem) && result.count == 0);
  trace_result_free(&result);
}

TAP_TESTS(TAP(test_the_rings_of_all_workers_are_one_line_in_time), TAP(test_a_cursor_goes_on_where_the_answer_ended),
          TAP(test_the_latest_are_given_when_they_are_wanted), TAP(test_the_latest_of_two_rings_are_the_latest_of_both),
          TAP(test_what_comes_while_an_answer_is_made_is_in_the_next_one),
          TAP(test_a_message_waits_for_the_note_that_tells_whose_it_is),
          TAP(test_a_cursor_of_a_ring_that_was_replaced_begins_the_new_one),
          TAP(test_only_the_call_that_is_asked_for_is_given), TAP(test_no_directory_holds_nothing))
