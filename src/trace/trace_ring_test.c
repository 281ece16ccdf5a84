#include "trace/trace_ring.h"

#include <stdlib.h>

#include "tap.h"

#define BLOCKS TRACE_BLOCKS_MIN

static char *memory;
static struct trace_ring ring;

static void start(void) {
  free(memory);
  memory = aligned_alloc(4096, trace_ring_memory_bytes(BLOCKS) + 4096);
  memset(memory, 0x5a, trace_ring_memory_bytes(BLOCKS));
  trace_ring_create(&ring, memory, BLOCKS, 2);
}

static void append(unsigned number, size_t length) {
  static char text[TRACE_PAYLOAD_BYTES_MAX + 100];
  memset(text, '.', sizeof text);
  snprintf(text, sizeof text, "%u", number);
  struct trace_record record = {
      .wall = {number + 1}, .kind = TRACE_KEEPALIVE, .direction = TRACE_RECEIVED, .payload = str_view_of(text, length)};
  trace_ring_append(&ring, &record);
}

struct found {
  unsigned count, first, last, torn, gaps;
  size_t last_length;
};

static void look_at_block(uint64_t block, const struct trace_ring_view *view, struct found *found) {
  struct trace_block_cursor cursor;
  struct trace_record record;
  if (trace_block_open(&cursor, memory + trace_ring_block_offset(view, block), block, view->head) != RESULT_OK) return;
  while (trace_block_next(&cursor, &record)) {
    unsigned number = (unsigned)atoi(record.payload.data);
    expect_int(record.worker, ==, 2);
    expect_int(record.wall.value, ==, number + 1);
    if (found->count == 0) found->first = number;
    if (found->count > 0 && number != found->last + 1) found->gaps++;
    found->last = number;
    found->last_length = record.payload.length;
    found->count++;
  }
  found->torn += cursor.is_torn;
}

static struct found look(void) {
  struct found found = {0};
  struct trace_ring_view view;
  expect_int(trace_ring_view_read(memory, &view), ==, RESULT_OK);
  for (uint64_t block = trace_ring_first_block(&view); block <= trace_ring_last_block(&view); block++)
    look_at_block(block, &view, &found);
  return found;
}

static void test_an_empty_ring_holds_nothing(void) {
  start();
  struct found found = look();
  expect(found.count == 0 && found.torn == 0);
}

static void test_records_come_back_in_their_order(void) {
  start();
  for (unsigned i = 0; i < 100; i++)
    append(i, 10 + i);
  struct found found = look();
  expect(found.count == 100 && found.first == 0 && found.last == 99 && found.gaps == 0 && found.torn == 0);
}

static void test_after_many_laps_the_latest_are_there_and_none_twice(void) {
  start();
  for (unsigned i = 0; i < 20000; i++)
    append(i, 700);
  struct found found = look();
  unsigned least = (BLOCKS - 1) * (TRACE_BLOCK_BYTES / 900);
  expect(found.last == 19999 && found.gaps == 0 && found.torn == 0);
  expect_int(found.count, >, least);
}

static void test_a_payload_too_long_is_cut(void) {
  start();
  append(7, TRACE_PAYLOAD_BYTES_MAX + 50);
  struct found found = look();
  expect_int(found.count, ==, 1);
  expect_int(found.last_length, ==, TRACE_PAYLOAD_BYTES_MAX);
}

static void test_a_writer_that_was_killed_is_followed_by_another(void) {
  start();
  for (unsigned i = 0; i < 3000; i++)
    append(i, 700);
  expect_int(trace_ring_resume(&ring, memory, BLOCKS, 2), ==, RESULT_OK);
  struct found before = look();
  expect(before.last == 2999 && before.torn == 0);
  for (unsigned i = 3000; i < 3010; i++)
    append(i, 700);
  struct found after = look();
  expect(after.last == 3009 && after.gaps == 0 && after.torn == 0);
  expect_int(after.count, >, 10);
}

static void test_a_ring_that_was_never_written_to_can_be_resumed(void) {
  start();
  expect_int(trace_ring_resume(&ring, memory, BLOCKS, 2), ==, RESULT_OK);
  append(0, 50);
  expect_int(look().count, ==, 1);
}

static void test_a_torn_record_ends_its_block_and_nothing_else(void) {
  start();
  for (unsigned i = 0; i < 600; i++)
    append(i, 700);
  struct trace_ring_view view;
  expect_int(trace_ring_view_read(memory, &view), ==, RESULT_OK);
  expect_int(trace_ring_last_block(&view), ==, 1);
  memset(memory + trace_ring_block_offset(&view, 0) + 100000, 0xee, 5000);
  struct found found = look();
  expect(found.torn == 1 && found.first == 0 && found.last == 599 && found.gaps == 1);
}

static void test_what_is_no_ring_is_refused(void) {
  struct trace_ring_view view;
  start();
  expect_int(trace_ring_resume(&ring, memory, BLOCKS + 1, 2), ==, RESULT_MALFORMED);
  expect(ring.header == NULL);
  append(1, 10); /* to nowhere */
  memory[3]++;
  expect_int(trace_ring_resume(&ring, memory, BLOCKS, 2), ==, RESULT_MALFORMED);
  expect_int(trace_ring_view_read(memory, &view), ==, RESULT_MALFORMED);
}

static void test_sizes_are_whole_blocks(void) {
  expect_int(trace_ring_block_count(0), ==, TRACE_BLOCKS_MIN);
  expect_int(trace_ring_block_count((uint64_t)10 * TRACE_BLOCK_BYTES + 1), ==, 10);
}

TAP_TESTS(TAP(test_an_empty_ring_holds_nothing), TAP(test_records_come_back_in_their_order),
          TAP(test_after_many_laps_the_latest_are_there_and_none_twice), TAP(test_a_payload_too_long_is_cut),
          TAP(test_a_writer_that_was_killed_is_followed_by_another),
          TAP(test_a_ring_that_was_never_written_to_can_be_resumed),
          TAP(test_a_torn_record_ends_its_block_and_nothing_else), TAP(test_what_is_no_ring_is_refused),
          TAP(test_sizes_are_whole_blocks))
