#include "supervision/explanation.h"

#include <tap.h>

/* 2026-11-22T10:05:00Z and so on. */
#define AT(hour, minute, second)                                                                                       \
  { 1795305600000000LL + ((hour)*3600LL + (minute)*60 + (second)) * 1000000 }

static const struct liveness answered_update = {.at = AT(10, 0, 1), .method = SIP_METHOD_UPDATE, .status = 200};
static const struct liveness sent_invite = {.at = AT(10, 0, 0), .method = SIP_METHOD_INVITE};

static void expect_text(struct explanation_facts facts, const char *want) {
  char memory[512];
  struct text_builder text = text_builder_over(memory, sizeof memory);
  explanation_write(&facts, &text);
  expect_view(text_builder_view(&text), want);
}

static void test_an_unanswered_refresh_says_what_when_how_often_and_last_heard(void) {
  expect_text(
      (struct explanation_facts){.cause = END_CAUSE_refresh_unanswered,
                                 .method = SIP_METHOD_UPDATE,
                                 .sent_at = AT(10, 5, 0),
                                 .ended_at = AT(10, 5, 32),
                                 .resends = 10,
                                 .alive = &answered_update},
      "The callee's device stopped answering: UPDATE sent 10:05:00, resent 10 times, no answer in 32 s; last heard "
      "10:00:01 (200 to UPDATE).");
}

static void test_an_address_that_could_not_be_kept_open_is_named(void) {
  expect_text((struct explanation_facts){.cause = END_CAUSE_refresh_unanswered,
                                         .method = SIP_METHOD_INVITE,
                                         .of_caller = true,
                                         .sent_at = AT(10, 5, 0),
                                         .ended_at = AT(10, 5, 32),
                                         .alive = &sent_invite,
                                         .unreachable_since = AT(10, 2, 30),
                                         .is_behind_nat = true},
              "The caller's device stopped answering: re-INVITE sent 10:05:00, no answer in 32 s; last heard 10:00:00 "
              "(INVITE). Its address is behind NAT and keep-alives were unanswered since 10:02:30.");
}

static void test_481_is_told_as_a_call_that_is_not_known(void) {
  expect_text((struct explanation_facts){.cause = END_CAUSE_refresh_rejected,
                                         .method = SIP_METHOD_UPDATE,
                                         .status = 481,
                                         .sent_at = AT(10, 5, 0),
                                         .alive = &answered_update},
              "The callee's device does not know the call any more: UPDATE sent 10:05:00 was answered 481; last heard "
              "10:00:01 (200 to UPDATE).");
}

static void test_a_refusal_until_the_end_names_its_status(void) {
  expect_text(
      (struct explanation_facts){.cause = END_CAUSE_refresh_rejected,
                                 .method = SIP_METHOD_OPTIONS,
                                 .status = 603,
                                 .seconds = 600,
                                 .sent_at = AT(10, 5, 0)},
      "The callee's device refused to refresh its session of 600 s until that ran out: OPTIONS sent 10:05:00 was "
      "answered 603.");
}

static void test_an_expired_session_says_who_was_to_refresh_it(void) {
  expect_text(
      (struct explanation_facts){
          .cause = END_CAUSE_session_expired, .of_caller = true, .seconds = 600, .alive = &sent_invite},
      "The caller's device was to refresh its session within 600 s and did not; last heard 10:00:00 (INVITE).");
}

static void test_the_cap_and_a_missing_ack_are_told(void) {
  expect_text((struct explanation_facts){.cause = END_CAUSE_no_timer_cap, .of_caller = true, .seconds = 7200},
              "The caller's device has no session timer: its call may last 7200 s.");
  expect_text(
      (struct explanation_facts){.cause = END_CAUSE_no_ack,
                                 .of_caller = true,
                                 .sent_at = AT(10, 0, 0),
                                 .ended_at = AT(10, 0, 32),
                                 .alive = &sent_invite},
      "The caller's device never acknowledged our answer, which was sent again for 32 s: mostly the Contact that it "
      "was given cannot be reached from there; last heard 10:00:00 (INVITE).");
}

static void test_other_endings_are_not_told_here(void) {
  expect_text((struct explanation_facts){.cause = END_CAUSE_none}, "");
}

static void test_resends_are_counted_by_timers_a_and_e(void) {
  struct parameters parameters;
  parameters_set_defaults(&parameters);
  expect_int(explanation_resends(&parameters, SIP_METHOD_UPDATE, 32000), ==, 10);
  expect_int(explanation_resends(&parameters, SIP_METHOD_INVITE, 32000), ==, 6);
  expect_int(explanation_resends(&parameters, SIP_METHOD_UPDATE, 400), ==, 0);
}

static void test_resends_are_counted_by_the_list_of_the_parameter(void) {
  struct parameters parameters;
  char memory[256];
  struct text_builder problem = text_builder_over(memory, sizeof memory);
  parameters_set_defaults(&parameters);
  expect_int(parameter_set(&parameters, parameter_find(STR_VIEW("SS_SIP_RESEND_INTERVAL")),
                           STR_VIEW("0.5,1,2,4,4,4,4,4,4,4"), &problem),
             ==, RESULT_OK);
  expect_int(explanation_resends(&parameters, SIP_METHOD_INVITE, 60000), ==, 10);
  expect_int(explanation_resends(&parameters, SIP_METHOD_UPDATE, 4000), ==, 3);
}

TAP_TESTS(TAP(test_an_unanswered_refresh_says_what_when_how_often_and_last_heard),
          TAP(test_an_address_that_could_not_be_kept_open_is_named), TAP(test_481_is_told_as_a_call_that_is_not_known),
          TAP(test_a_refusal_until_the_end_names_its_status), TAP(test_an_expired_session_says_who_was_to_refresh_it),
          TAP(test_the_cap_and_a_missing_ack_are_told), TAP(test_other_endings_are_not_told_here),
          TAP(test_resends_are_counted_by_timers_a_and_e), TAP(test_resends_are_counted_by_the_list_of_the_parameter))
