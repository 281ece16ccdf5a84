#include "worker/record_shelf.h"

#include <stdlib.h>

#include "tap.h"
#include "worker/echo_switch.h"

struct sink {
  unsigned room;
  unsigned taken;
  char last[16];
};

static enum result take(void *context, struct str_view record) {
  struct sink *sink = context;
  if (sink->room == 0) return RESULT_FULL;
  sink->room--;
  sink->taken++;
  snprintf(sink->last, sizeof sink->last, "%.*s", (int)record.length, record.data);
  return RESULT_OK;
}

static void put(struct record_shelf *shelf, unsigned number) {
  char text[16];
  snprintf(text, sizeof text, "record %u", number);
  expect_int(record_shelf_put(shelf, str_view_from_c(text)), ==, RESULT_OK);
}

static void test_records_wait_in_order_while_the_sink_is_full(void) {
  void *memory = calloc(1, record_shelf_memory_bytes(1));
  struct sink sink = {.room = 1};
  struct record_shelf shelf;
  record_shelf_init(&shelf, memory, 1, take, &sink);
  for (unsigned i = 1; i <= 4; i++)
    put(&shelf, i);
  expect_int(sink.taken, ==, 1);
  expect_int(shelf.waiting, ==, 3);
  sink.room = 1;
  put(&shelf, 5);
  expect_int(sink.taken, ==, 1);
  record_shelf_offer(&shelf);
  expect(strcmp(sink.last, "record 2") == 0);
  sink.room = 10;
  record_shelf_offer(&shelf);
  expect(strcmp(sink.last, "record 5") == 0);
  expect_int(sink.taken, ==, 5);
  expect_int(shelf.waiting, ==, 0);
  free(memory);
}

static void test_half_full_is_crowded_and_full_loses_and_counts(void) {
  void *memory = calloc(1, record_shelf_memory_bytes(1));
  struct sink sink = {0};
  struct record_shelf shelf;
  record_shelf_init(&shelf, memory, 1, take, &sink);
  static char record[1000];
  unsigned kept = 0;
  while (!record_shelf_is_crowded(&shelf) && record_shelf_put(&shelf, str_view_of(record, sizeof record)) == RESULT_OK)
    kept++;
  expect_int(kept, >, 500);
  while (record_shelf_put(&shelf, str_view_of(record, sizeof record)) == RESULT_OK)
    kept++;
  expect_int(kept, >, 1000);
  expect_int(shelf.lost, ==, 1);
  expect_int(shelf.waiting, ==, kept);
  sink.room = UINT32_MAX;
  record_shelf_offer(&shelf);
  expect_int(sink.taken, ==, kept);
  expect(!record_shelf_is_crowded(&shelf));
  free(memory);
}

TAP_TESTS(TAP(test_records_wait_in_order_while_the_sink_is_full),
          TAP(test_half_full_is_crowded_and_full_loses_and_counts))
