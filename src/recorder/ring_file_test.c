#include "recorder/ring_file.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static char dir[64], path[128], problem[2048];
static struct ring_file file;
static struct trace_ring ring;

static void start(void) {
  snprintf(dir, sizeof dir, "/tmp/ring_file_test_XXXXXX");
  expect(mkdtemp(dir) != NULL);
  snprintf(path, sizeof path, "%s/0.ring", dir);
  ring = (struct trace_ring){.worker = 5};
}

static void end(void) {
  char name[192];
  ring_file_close(&file);
  unlink(path);
  snprintf(name, sizeof name, "%s.broken", path);
  unlink(name);
  rmdir(dir);
}

static bool open_ring(uint32_t blocks) {
  ring = (struct trace_ring){.worker = 5};
  return ring_file_open(&file, &ring, dir, "0", blocks, problem, sizeof problem);
}

static void append(const char *text) {
  struct trace_record record = {.kind = TRACE_KEEPALIVE, .wall = {77}, .payload = str_view_from_c(text)};
  trace_ring_append(&ring, &record);
}

/* The payloads of all records, each with a blank behind it. */
static const char *contents(void) {
  static char text[4096];
  struct ring_reader reader;
  struct trace_block_cursor cursor;
  struct trace_record record;
  size_t length = 0;
  text[0] = '\0';
  if (!ring_reader_open(&reader, path, problem, sizeof problem)) return "unreadable";
  uint64_t last = trace_ring_last_block(&reader.view);
  for (uint64_t block = trace_ring_first_block(&reader.view); block <= last; block++) {
    if (ring_reader_take(&reader, block, &cursor) != RESULT_OK) continue;
    while (trace_block_next(&cursor, &record))
      length += (size_t)snprintf(text + length, sizeof text - length, "%.*s ", (int)record.payload.length,
                                 record.payload.data);
  }
  ring_reader_close(&reader);
  return text;
}

static void test_what_is_recorded_is_read_while_the_writer_is_at_work(void) {
  struct stat status;
  start();
  expect(open_ring(4) && problem[0] == '\0');
  append("one");
  append("two");
  expect(strcmp(contents(), "one two ") == 0);
  append("three");
  expect(strcmp(contents(), "one two three ") == 0);
  expect(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600);
  end();
}

static void test_records_outlive_the_writer(void) {
  start();
  expect(open_ring(4));
  append("before");
  ring_file_close(&file);
  expect(strcmp(contents(), "before ") == 0);
  expect(open_ring(4) && problem[0] == '\0');
  append("after");
  expect(strcmp(contents(), "before after ") == 0);
  expect_int(ring.worker, ==, 5);
  end();
}

static void test_another_size_begins_anew(void) {
  start();
  expect(open_ring(4));
  append("small");
  ring_file_close(&file);
  expect(open_ring(8) && problem[0] == '\0');
  append("large");
  expect(strcmp(contents(), "large ") == 0);
  end();
}

static void test_what_is_no_ring_is_reported_and_kept(void) {
  char broken[192];
  start();
  FILE *stream = fopen(path, "w");
  for (int i = 0; i < 10000; i++)
    fputs("no ring ", stream);
  fclose(stream);
  expect(strcmp(contents(), "unreadable") == 0 && strstr(problem, "no ring") != NULL);
  expect(open_ring(4) && strstr(problem, "was no ring") != NULL);
  snprintf(broken, sizeof broken, "%s.broken", path);
  expect(access(broken, F_OK) == 0);
  append("new");
  expect(strcmp(contents(), "new ") == 0);
  end();
}

static void test_a_block_whose_place_is_taken_is_not_found(void) {
  static char long_text[60000];
  struct ring_reader reader;
  struct trace_block_cursor cursor;
  struct wall_us started;
  start();
  expect(open_ring(4));
  append("first");
  expect(ring_reader_open(&reader, path, problem, sizeof problem));
  expect_int(ring_reader_take(&reader, 0, &cursor), ==, RESULT_OK);
  expect(ring_reader_block_started(&reader, 0, &started) && started.value == 77);
  memset(long_text, 'x', sizeof long_text - 1);
  for (int i = 0; i < 20; i++)
    append(long_text);
  expect_int(ring_reader_take(&reader, 0, &cursor), ==, RESULT_NOT_FOUND);
  ring_reader_close(&reader);
  end();
}

static void test_a_directory_that_cannot_be_made_is_a_problem(void) {
  start();
  expect(!ring_file_open(&file, &ring, "/proc/nowhere/trace", "0", 4, problem, sizeof problem) && problem[0] != '\0');
  end();
}

TAP_TESTS(TAP(test_what_is_recorded_is_read_while_the_writer_is_at_work), TAP(test_records_outlive_the_writer),
          TAP(test_another_size_begins_anew), TAP(test_what_is_no_ring_is_reported_and_kept),
          TAP(test_a_block_whose_place_is_taken_is_not_found), TAP(test_a_directory_that_cannot_be_made_is_a_problem))
