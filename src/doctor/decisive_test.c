#include "doctor/decisive.h"

#include "tap.h"
#include "trace/trace_example.h"

static struct example example;
static struct decisive picked[DECISIVE_MAX];

static size_t pick(void) {
  return decisive_pick(example.records, example.count, picked);
}

static void test_an_answered_call_is_told_by_who_hung_up(void) {
  struct note ended = {.kind = NOTE_CALL_ENDED, .text = STR_VIEW("normal")};
  example.count = 0;
  example_call(&example, "call-one", "one-a", "one-b");
  example_message(&example, TRACE_RECEIVED, 5070, "BYE sip:h SIP/2.0", "one-a", "BYE");
  example_note(&example, &ended);
  example_message(&example, TRACE_SENT, 5080, "BYE sip:h SIP/2.0", "one-b", "BYE");
  expect_int(pick(), ==, 3);
  expect(picked[0].index == 7 && picked[1].index == 8 && picked[2].index == 9);
}

static void test_what_is_sent_again_is_shown_once_with_its_count(void) {
  example.count = 0;
  example_call(&example, "call-one", "one-a", "one-b");
  for (int i = 0; i < 5; i++)
    example_message(&example, TRACE_SENT, 5080, "UPDATE sip:h SIP/2.0", "one-b", "UPDATE");
  expect_int(pick(), ==, 1);
  expect_int(picked[0].index, ==, 7);
  expect_int(picked[0].repeats, ==, 4);
}

static void test_refusals_are_told_and_challenges_are_not(void) {
  example.count = 0;
  example_message(&example, TRACE_SENT, 5070, "SIP/2.0 401 Unauthorized", "a", "INVITE");
  example_message(&example, TRACE_SENT, 5070, "SIP/2.0 486 Busy Here", "a", "INVITE");
  expect_int(pick(), ==, 1);
  expect_int(picked[0].index, ==, 1);
}

static void test_of_too_many_the_last_are_kept(void) {
  example.count = 0;
  for (int i = 0; i < 40; i++) {
    char call_id[16];
    snprintf(call_id, sizeof call_id, "c%d", i);
    example_message(&example, TRACE_SENT, 5070, "SIP/2.0 486 Busy Here", call_id, "INVITE");
  }
  expect_int(pick(), ==, DECISIVE_MAX);
  expect_int(picked[DECISIVE_MAX - 1].index, ==, 39);
  expect_int(picked[0].index, ==, 40 - DECISIVE_MAX);
}

TAP_TESTS(TAP(test_an_answered_call_is_told_by_who_hung_up), TAP(test_what_is_sent_again_is_shown_once_with_its_count),
          TAP(test_refusals_are_told_and_challenges_are_not), TAP(test_of_too_many_the_last_are_kept))
