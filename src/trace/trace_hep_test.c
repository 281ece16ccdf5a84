#include "trace/trace_hep.h"

#include "tap.h"
#include "trace/trace_example.h"

static char memory[4096];

/* The value of a chunk as text, "" when there is none. */
static struct str_view chunk(struct str_view datagram, unsigned type) {
  for (size_t at = 6; at + 6 <= datagram.length;) {
    const uint8_t *head = (const uint8_t *)datagram.data + at;
    size_t length = (size_t)(head[4] << 8 | head[5]);
    expect(length >= 6 && at + length <= datagram.length);
    if ((head[2] << 8 | head[3]) == (int)type) return str_view_slice(datagram, at + 6, length - 6);
    at += length;
  }
  return (struct str_view){0};
}

static void test_a_datagram_names_both_ends_the_time_and_the_call(void) {
  static struct example example;
  example_message(&example, TRACE_RECEIVED, 5070, "OPTIONS sip:h SIP/2.0", "x", "OPTIONS");
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  trace_hep_write(&example.records[0], STR_VIEW("call-one"), 7, &builder);
  struct str_view datagram = text_builder_view(&builder);
  expect(str_view_starts_with(datagram, STR_VIEW("HEP3")));
  expect_int((uint8_t)datagram.data[4] << 8 | (uint8_t)datagram.data[5], ==, datagram.length);
  expect_view(chunk(datagram, 1), "\x02");
  expect_view(chunk(datagram, 2), "\x11");
  expect(str_view_equal(chunk(datagram, 3), STR_VIEW("\xc0\x00\x02\x01")));
  expect(str_view_equal(chunk(datagram, 4), STR_VIEW("\xc0\x00\x02\x09")));
  expect_view(chunk(datagram, 7), "\x13\xce");
  expect_view(chunk(datagram, 8), "\x13\xc4");
  expect_int(chunk(datagram, 9).length, ==, 4);
  expect_view(chunk(datagram, 11), "\x01");
  expect_view(chunk(datagram, 17), "call-one");
  expect(str_view_equal(chunk(datagram, 15), example.records[0].payload));
}

static void test_notes_are_left_out_and_no_call_is_no_correlation(void) {
  static struct example example;
  struct note note = {.kind = NOTE_LEG};
  example_note(&example, &note);
  example_message(&example, TRACE_SENT, 5070, "OPTIONS sip:h SIP/2.0", "x", "OPTIONS");
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  trace_hep_write(&example.records[0], STR_VIEW("call-one"), 7, &builder);
  expect_int(builder.length, ==, 0);
  trace_hep_write(&example.records[1], (struct str_view){0}, 7, &builder);
  expect_int(chunk(text_builder_view(&builder), 17).length, ==, 0);
  expect(str_view_equal(chunk(text_builder_view(&builder), 4), STR_VIEW("\xc0\x00\x02\x01")));
}

TAP_TESTS(TAP(test_a_datagram_names_both_ends_the_time_and_the_call),
          TAP(test_notes_are_left_out_and_no_call_is_no_correlation))
