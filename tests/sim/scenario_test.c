/* Scenarios are read as they are written, and what is wrong with one is said with its place. */
#include "sim/scenario.h"
#include "tap.h"

static const char *play(const char *text) {
  static struct world world;
  static char failure[1024];
  struct scenario_outcome outcome;
  world_init(&world, 1);
  scenario_play(&world, "test.scn", str_view_from_c(text), &outcome);
  snprintf(failure, sizeof failure, "%s", outcome.failure ? outcome.failure : "");
  world_reset(&world);
  return failure;
}

#define TWO                                                                                                            \
  "no switch\n"                                                                                                        \
  "customer alice at 10.0.1.1\n"                                                                                       \
  "customer bob at 10.0.1.2\n"

static void expect_problem(const char *text, const char *problem) {
  const char *failure = play(text);
  expect(strstr(failure, problem) != NULL);
  if (!strstr(failure, problem)) printf("# wanted: %s\n# got: %s\n", problem, failure);
}

static void test_a_play_of_two_goes_well(void) {
  expect_problem(TWO "at 1s alice calls 44\nbob hangs up after 3s\nexpect alice hears 200\nexpect bob receives 1 ACK\n",
                 "");
  expect_int(strlen(play(TWO "at 1s alice calls 44\nbob hangs up after 3s\nexpect alice hears 200\n")), ==, 0);
}

static void test_a_claim_that_does_not_hold_is_named_with_its_line(void) {
  expect_problem(TWO "at 1s alice calls 44\nbob hangs up after 3s\nexpect alice hears 486\n",
                 "test.scn:6: expect alice hears 486: it was 200");
  expect_problem(TWO "at 1s alice calls 44\nbob hangs up after 3s\nexpect bob receives 2 BYE\n", "there were 0");
}

static void test_a_line_that_is_not_understood_is_named_with_what_comes_nearest(void) {
  expect_problem(TWO "bob rejects after 3s\n", "the nearest is: bob rejects STATUS [after TIME] [for NUMBER]");
  expect_problem(TWO "bob hangs over after 3s\n", "the nearest is: bob hangs up [after TIME] [for NUMBER]");
  expect_problem("phone alice\n", "test.scn:1: \"phone alice\" is not understood; the nearest is: phone NAME NUMBER");
  expect_problem("whatever\n", "test.scn:1: \"whatever\" is neither a statement nor an actor");
}

static void test_values_that_are_none_are_named(void) {
  expect_problem(TWO "bob answers after soon\n", "test.scn:4: soon is not a time");
  expect_problem(TWO "loss many\n", "test.scn:4: many is not a percentage");
  expect_problem("customer alice at home\n", "test.scn:1: home is not an address");
  expect_problem(TWO "customer bob at 10.0.1.3\n", "test.scn:4: bob is not a new name");
  expect_problem("parameter SS_SIP_SESSION_TTL 45\n", "test.scn:1: SS_SIP_SESSION_TTL is 45; allowed are");
  expect_problem(TWO "lose 1 200 INVITE near bob\n", "test.scn:4: expected: lose COUNT|all");
  expect_problem(TWO "when bob hums alice cancels\n", "test.scn:4: expected: when ACTOR sends|receives");
}

static void test_what_cannot_be_done_now_fails_the_play(void) {
  expect_problem(TWO "at 1s alice hangs up\n", "test.scn:4: alice cannot do that now");
}

static void test_a_trigger_fires_once_when_its_message_is_seen(void) {
  expect_int(strlen(play(TWO "bob rings after 1s\nbob answers after 9s\nat 1s alice calls 44\n"
                             "when alice receives 180 INVITE, alice cancels\nexpect alice hears 487\n")),
             ==, 0);
}

static void test_messages_are_lost_as_a_rule_says(void) {
  expect_int(strlen(play(TWO "at 1s alice calls 44\nlose 2 INVITE from alice\nlose 1 200 INVITE to alice\n"
                             "bob hangs up after 3s\nexpect alice hears 200\n")),
             ==, 0);
  expect_int(strlen(play(TWO "at 1s alice calls 44\nlose all ACK from alice\nexpect failure never acknowledged\n")), >,
             0);
}

static void test_a_fault_that_is_expected_must_be_found(void) {
  const char *story = TWO "alice never acknowledges\nat 1s alice calls 44\nexpect failure never acknowledged\n";
  expect_int(strlen(play(story)), ==, 0);
  expect_problem(TWO "at 1s alice calls 44\nbob hangs up after 1s\nexpect failure never acknowledged\n",
                 "nobody found fault");
}

static void test_times_and_percentages_have_units(void) {
  int64_t time_us = 0;
  uint32_t ppm = 0;
  expect(read_time_us(STR_VIEW("200ms"), &time_us) && time_us == 200000);
  expect(read_time_us(STR_VIEW("1.5s"), &time_us) && time_us == 1500000);
  expect(read_time_us(STR_VIEW("2h"), &time_us) && time_us == 7200000000);
  expect(!read_time_us(STR_VIEW("3"), &time_us) && !read_time_us(STR_VIEW("s"), &time_us));
  expect(read_ppm(STR_VIEW("10%"), &ppm) && ppm == 100000);
  expect(read_ppm(STR_VIEW("0.5%"), &ppm) && ppm == 5000);
  expect(!read_ppm(STR_VIEW("101%"), &ppm) && !read_ppm(STR_VIEW("10"), &ppm));
}

TAP_TESTS(TAP(test_a_play_of_two_goes_well), TAP(test_a_claim_that_does_not_hold_is_named_with_its_line),
          TAP(test_a_line_that_is_not_understood_is_named_with_what_comes_nearest),
          TAP(test_values_that_are_none_are_named), TAP(test_what_cannot_be_done_now_fails_the_play),
          TAP(test_a_trigger_fires_once_when_its_message_is_seen), TAP(test_messages_are_lost_as_a_rule_says),
          TAP(test_a_fault_that_is_expected_must_be_found), TAP(test_times_and_percentages_have_units))
