#include "base/packed.h"

#include "tap.h"

static void test_what_is_packed_is_taken_out_again(void) {
  char memory[64];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  packed_add(&builder, 0x12, 1);
  packed_add_text(&builder, STR_VIEW("text"));
  packed_add(&builder, UINT64_C(0x1122334455667788), 8);
  packed_add_text(&builder, STR_VIEW(""));
  struct packed_reader reader = {.rest = text_builder_view(&builder)};
  expect_int(packed_take(&reader, 1), ==, 0x12);
  expect_view(packed_take_text(&reader), "text");
  expect(packed_take(&reader, 8) == UINT64_C(0x1122334455667788));
  expect_view(packed_take_text(&reader), "");
  expect(!reader.broken && reader.rest.length == 0);
}

static void test_what_breaks_off_is_noticed_and_nothing_is_read_beyond(void) {
  char memory[64];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  packed_add_text(&builder, STR_VIEW("some text"));
  packed_add(&builder, 7, 4);
  for (size_t cut = 0; cut < builder.length; cut++) {
    struct packed_reader reader = {.rest = str_view_of(memory, cut)};
    (void)packed_take_text(&reader);
    expect_int(packed_take(&reader, 4), ==, 0);
    expect(reader.broken && reader.rest.length == 0);
  }
}

static void test_what_does_not_fit_is_left_out_whole(void) {
  char memory[6];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  packed_add(&builder, 1, 4);
  packed_add(&builder, 1, 4);
  expect(builder.overflowed);
  expect_int(builder.length, ==, 4);
}

TAP_TESTS(TAP(test_what_is_packed_is_taken_out_again), TAP(test_what_breaks_off_is_noticed_and_nothing_is_read_beyond),
          TAP(test_what_does_not_fit_is_left_out_whole))
