#include "trace/trace_ladder.h"

#include "tap.h"
#include "trace/trace_example.h"
#include "trace/trace_json.h"

static struct example example;
static struct trace_ladder ladder;
static char memory[65536];

static void start(void) {
  example.count = 0;
  example_call(&example, "call-one", "one-a", "one-b");
  trace_ladder_build(&ladder, example.records, example.count);
}

static struct str_view line(size_t index) {
  struct text_builder text = text_builder_over(memory, sizeof memory);
  trace_ladder_write_record(&ladder, &example.records[index], example.records[0].wall, &text);
  return text_builder_view(&text);
}

static bool has(struct str_view text, const char *part) {
  return text.length > 0 && memmem(text.data, text.length, part, strlen(part)) != NULL;
}

static void test_callers_stand_left_and_callees_right_of_the_switch(void) {
  start();
  expect_int(ladder.column_count, ==, 3);
  expect_int(ladder.switch_column, ==, 1);
  expect_int(ladder.columns[0].address.port, ==, 5070);
  expect_int(ladder.columns[2].address.port, ==, 5080);
}

static void test_a_message_is_an_arrow_from_who_said_it_to_who_heard_it(void) {
  unsigned from, to;
  start();
  expect_view(line(0), "+0.000                        |-------------- INVITE -------------->|"
                       "                                     |\n");
  expect_view(line(6), "+0.006                        |<-------------- 200 OK --------------|"
                       "                                     |\n");
  expect_view(line(3), "+0.003                        |                                     |"
                       "-------------- INVITE -------------->|\n");
  trace_ladder_ends(&ladder, &example.records[4], &from, &to);
  expect(from == 2 && to == 1);
}

static void test_timers_are_drawn_in(void) {
  start();
  expect(has(line(5), "* callee leg: session timer armed, 600 s, next in 300.0 s (we refresh)"));
}

static void test_which_leg_a_call_id_is_of_is_told_once(void) {
  start();
  size_t again = example.count, first = 0;
  while (!has(line(first), "Call-ID one-b"))
    first++;
  example_leg(&example, "call-one", NOTE_SIDE_CALLEE, "one-b");
  trace_ladder_build(&ladder, example.records, example.count);
  expect(has(line(first), "Call-ID one-b"));
  expect_int(line(again).length, ==, 0);
}

static void test_a_life_sign_is_shown_as_what_it_is(void) {
  start();
  example_add(&example, TRACE_KEEPALIVE, TRACE_SENT, 5070, STR_VIEW("HELLO"));
  example_add(&example, TRACE_KEEPALIVE, TRACE_RECEIVED, 5070, STR_VIEW("\r\n\r\n"));
  example_add(&example, TRACE_KEEPALIVE, TRACE_RECEIVED, 5070, STR_VIEW("\0\0\0\0"));
  expect(has(line(7), "- HELLO -") && has(line(8), "- CRLFCRLF -") && has(line(9), "- 4 bytes -"));
}

static void test_more_peers_than_columns_share_the_last(void) {
  example.count = 0;
  for (int i = 0; i < 20; i++)
    example_message(&example, TRACE_SENT, 6000 + i, "OPTIONS sip:h SIP/2.0", "x", "OPTIONS");
  trace_ladder_build(&ladder, example.records, example.count);
  expect_int(ladder.column_count, ==, TRACE_COLUMNS_MAX);
  unsigned from, to;
  trace_ladder_ends(&ladder, &example.records[19], &from, &to);
  expect_int(to, ==, TRACE_COLUMNS_MAX - 1);
  expect_int(line(19).length, <, TRACE_LADDER_LINE_BYTES_MAX);
}

static void test_a_record_as_json_says_who_when_and_which_leg(void) {
  start();
  struct text_builder json = text_builder_over(memory, trace_json_bytes_max(example.records[3].payload.length));
  trace_json_write_record(&ladder, &example.records[3], STR_VIEW("0.3"), &json);
  struct str_view text = text_builder_view(&json);
  expect(!json.overflowed && has(text, "\"leg\":\"callee\"") && has(text, "\"from\":1,\"to\":2") &&
         has(text, "\"summary\":\"INVITE\"") && has(text, "\"remote\":\"192.0.2.1:5080\"") &&
         has(text, "\"call_id\":\"one-b\""));
  json = text_builder_over(memory, sizeof memory);
  trace_json_write_record(&ladder, &example.records[5], STR_VIEW("0.5"), &json);
  text = text_builder_view(&json);
  expect(has(text, "\"note\":\"armed\"") && has(text, "\"call\":\"call-one\"") && has(text, "\"seconds\":600"));
}

static void test_a_payload_of_control_characters_still_fits_as_json(void) {
  char wild[2000];
  memset(wild, 1, sizeof wild);
  start();
  example_add(&example, TRACE_SIP, TRACE_RECEIVED, 5070, str_view_of(wild, sizeof wild));
  struct text_builder json = text_builder_over(memory, trace_json_bytes_max(sizeof wild));
  trace_json_write_record(&ladder, &example.records[7], STR_VIEW("0.7"), &json);
  expect(!json.overflowed);
}

TAP_TESTS(TAP(test_callers_stand_left_and_callees_right_of_the_switch),
          TAP(test_a_message_is_an_arrow_from_who_said_it_to_who_heard_it), TAP(test_timers_are_drawn_in),
          TAP(test_which_leg_a_call_id_is_of_is_told_once), TAP(test_a_life_sign_is_shown_as_what_it_is),
          TAP(test_more_peers_than_columns_share_the_last), TAP(test_a_record_as_json_says_who_when_and_which_leg),
          TAP(test_a_payload_of_control_characters_still_fits_as_json))
