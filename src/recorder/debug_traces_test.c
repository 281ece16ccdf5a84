#include "recorder/debug_traces.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/debug_trace_file.h"
#include "recorder/ring_file.h"
#include "recorder/trace_query.h"
#include "tap.h"

static char dir[64], problem[512];
static struct ring_file file;
static struct trace_ring ring;
static int64_t clock_us;

static struct wall_us now(void *context) {
  (void)context;
  return (struct wall_us){__atomic_load_n(&clock_us, __ATOMIC_RELAXED)};
}

static void pass_us(int64_t microseconds) {
  __atomic_add_fetch(&clock_us, microseconds, __ATOMIC_RELAXED);
}

static struct debug_traces *start(void) {
  char path[128];
  snprintf(dir, sizeof dir, "/tmp/debug_traces_test_XXXXXX");
  expect(mkdtemp(dir) != NULL);
  snprintf(path, sizeof path, "%s/trace", dir);
  expect(mkdir(path, 0700) == 0);
  ring = (struct trace_ring){0};
  expect(ring_file_open(&file, &ring, path, "0-calls", 8, problem, sizeof problem));
  clock_us = INT64_C(1795351872000000);
  return debug_traces_open(dir, now, NULL);
}

static void end(struct debug_traces *traces) {
  struct debug_trace list[DEBUG_TRACES_MAX];
  char command[128];
  size_t count = debug_traces_list(traces, list);
  for (size_t i = 0; i < count; i++)
    expect_int(debug_traces_remove(traces, list[i].id), ==, RESULT_OK);
  debug_traces_close(&traces);
  ring_file_close(&file);
  snprintf(command, sizeof command, "%s/trace/0-calls.ring", dir);
  unlink(command);
  snprintf(command, sizeof command, "%s/trace", dir);
  rmdir(command);
  snprintf(command, sizeof command, "%s/debug", dir);
  rmdir(command);
  expect_int(rmdir(dir), ==, 0); /* nothing is left behind */
}

static void say_of(int64_t ago_us, const char *number, const char *call_id, size_t filler) {
  static char text[65536];
  int length = snprintf(text, sizeof text,
                        "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:%s@a>;tag=1\r\nTo: "
                        "<sip:2@b>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nSubject: %0*d\r\n\r\n",
                        number, call_id, (int)filler, 0);
  struct trace_record made = {
      .wall = now(NULL), .kind = TRACE_SIP, .direction = TRACE_RECEIVED, .payload = str_view_of(text, (size_t)length)};
  made.wall.value -= ago_us;
  trace_ring_append(&ring, &made);
  trace_ring_settle(&ring);
}

static void say(const char *number, const char *call_id, size_t filler) {
  pass_us(1000);
  say_of(0, number, call_id, filler);
}

static struct debug_trace begin(struct debug_traces *traces, const char *number, uint32_t minutes) {
  struct debug_trace_wish wish = {.minutes = minutes};
  struct debug_trace trace = {0};
  snprintf(wish.number, sizeof wish.number, "%s", number);
  expect_int(debug_traces_begin(traces, &wish, &trace), ==, RESULT_OK);
  return trace;
}

static struct debug_trace look(struct debug_traces *traces, const char *id) {
  struct debug_trace list[DEBUG_TRACES_MAX], none = {0};
  size_t count = debug_traces_list(traces, list);
  for (size_t i = 0; i < count; i++)
    if (strcmp(list[i].id, id) == 0) return list[i];
  return none;
}

static size_t kept(struct debug_traces *traces, const char *id) {
  char place[RING_PATH_BYTES];
  struct trace_result *result = malloc(sizeof *result);
  struct trace_query query = {.limit = 10000};
  expect_int(debug_traces_directory(traces, id, place, sizeof place), ==, RESULT_OK);
  expect(trace_query_run(place, &query, result, problem, sizeof problem));
  size_t count = result->count;
  trace_result_free(result);
  free(result);
  return count;
}

static void test_what_fits_is_kept_and_nothing_from_before(void) {
  struct debug_traces *traces = start();
  say("100", "before", 1);
  pass_us(1000);
  struct debug_trace trace = begin(traces, "100", 5);
  say("100", "a", 1);
  say("200", "b", 1);
  say("100", "c", 1);
  debug_traces_collect(traces);
  say("100", "d", 1);
  debug_traces_collect(traces);
  debug_traces_collect(traces);
  expect_int(kept(traces, trace.id), ==, 3);
  expect_int(look(traces, trace.id).records, ==, 3);
  expect_int(look(traces, trace.id).state, ==, DEBUG_TRACE_RUNNING);
  end(traces);
}

static void test_what_is_kept_outlives_the_recorders_ring(void) {
  struct debug_traces *traces = start();
  struct debug_trace trace = begin(traces, "100", 5);
  say("100", "first", 1);
  debug_traces_collect(traces);
  for (int i = 0; i < 200; i++)
    say("200", "noise", 20000); /* twice the ring */
  debug_traces_collect(traces);
  expect_int(kept(traces, trace.id), ==, 1);
  end(traces);
}

static void test_a_trace_ends_with_its_minutes(void) {
  struct debug_traces *traces = start();
  struct debug_trace trace = begin(traces, "100", 2);
  say("100", "in time", 1);
  pass_us(INT64_C(120000000));
  say("100", "late", 1);
  debug_traces_collect(traces);
  expect_int(look(traces, trace.id).state, ==, DEBUG_TRACE_RUNNING);
  say_of(5000, "100", "received in time, written now", 1);
  pass_us(1000000);
  debug_traces_collect(traces);
  expect_int(look(traces, trace.id).state, ==, DEBUG_TRACE_DONE);
  expect_int(kept(traces, trace.id), ==, 2);
  expect_int(debug_traces_end(traces, trace.id), ==, RESULT_WRONG_STATE);
  end(traces);
}

static void test_a_full_trace_ends_and_keeps_its_beginning(void) {
  struct debug_traces *traces = start();
  struct debug_trace trace = begin(traces, "100", 5);
  say("100", "the first of all", 1);
  for (int i = 0; i < 400; i++) {
    say("100", "more", 30000);
    if (i % 10 == 0) debug_traces_collect(traces);
  }
  debug_traces_collect(traces);
  expect_int(look(traces, trace.id).state, ==, DEBUG_TRACE_FULL);
  expect_int(kept(traces, trace.id), ==, look(traces, trace.id).records);
  expect_int(look(traces, trace.id).bytes, <, DEBUG_TRACE_BLOCKS * TRACE_BLOCK_BYTES);
  end(traces);
}

static void test_a_stopped_trace_has_what_came_last(void) {
  struct debug_traces *traces = start();
  struct debug_trace trace = begin(traces, "100", 5);
  say("100", "last", 1);
  expect_int(debug_traces_end(traces, trace.id), ==, RESULT_OK);
  say("100", "after", 1);
  debug_traces_collect(traces);
  expect_int(look(traces, trace.id).state, ==, DEBUG_TRACE_STOPPED);
  expect_int(kept(traces, trace.id), ==, 1);
  expect_int(debug_traces_end(traces, "nothing"), ==, RESULT_NOT_FOUND);
  expect_int(debug_traces_remove(traces, "../.."), ==, RESULT_NOT_FOUND);
  end(traces);
}

static void test_traces_outlive_a_restart_and_go_on(void) {
  struct debug_traces *traces = start();
  struct debug_trace running = begin(traces, "100", 5), stopped = begin(traces, "200", 5);
  say("100", "before the restart", 1);
  expect_int(debug_traces_end(traces, stopped.id), ==, RESULT_OK);
  debug_traces_collect(traces);
  debug_traces_close(&traces);
  say("100", "when nobody looked", 1); /* as before a kill */
  traces = debug_traces_open(dir, now, NULL);
  say("100", "after it", 1);
  debug_traces_collect(traces);
  expect_int(look(traces, running.id).state, ==, DEBUG_TRACE_RUNNING);
  expect_int(look(traces, stopped.id).state, ==, DEBUG_TRACE_STOPPED);
  expect_int(kept(traces, running.id), ==, 3);
  expect_int(look(traces, running.id).records, ==, 3);
  end(traces);
}

static void test_what_is_known_of_a_trace_is_written_down_while_it_runs(void) {
  struct debug_traces *traces = start();
  struct debug_trace trace = begin(traces, "100", 5), found = {0};
  char path[256], cursor[TRACE_CURSOR_BYTES];
  say("100", "a", 1);
  debug_traces_collect(traces);
  snprintf(path, sizeof path, "%s/debug/%s", dir, trace.id);
  expect(debug_trace_file_read(path, &found, cursor));
  expect_int(found.records, ==, 1);
  expect(strncmp(cursor, "0-calls:", 8) == 0);
  end(traces);
}

static void test_there_are_bounds(void) {
  struct debug_traces *traces = start();
  struct debug_trace_wish wish = {.minutes = DEBUG_TRACE_MINUTES_MAX + 1, .number = "1"};
  struct debug_trace trace;
  expect_int(debug_traces_begin(traces, &wish, &trace), ==, RESULT_OUT_OF_RANGE);
  wish = (struct debug_trace_wish){.minutes = 1};
  expect_int(debug_traces_begin(traces, &wish, &trace), ==, RESULT_MALFORMED);
  wish.number[0] = '1';
  for (int i = 0; i < DEBUG_TRACES_MAX; i++)
    expect_int(debug_traces_begin(traces, &wish, &trace), ==, RESULT_OK);
  expect_int(debug_traces_begin(traces, &wish, &trace), ==, RESULT_FULL);
  expect_int(debug_traces_end(traces, trace.id), ==, RESULT_OK);
  expect_int(debug_traces_begin(traces, &wish, &trace), ==, RESULT_OK); /* the ended one made room */
  end(traces);
}

TAP_TESTS(TAP(test_what_fits_is_kept_and_nothing_from_before), TAP(test_what_is_kept_outlives_the_recorders_ring),
          TAP(test_a_trace_ends_with_its_minutes), TAP(test_a_full_trace_ends_and_keeps_its_beginning),
          TAP(test_a_stopped_trace_has_what_came_last), TAP(test_traces_outlive_a_restart_and_go_on),
          TAP(test_what_is_known_of_a_trace_is_written_down_while_it_runs), TAP(test_there_are_bounds))
