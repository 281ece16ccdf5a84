#include "supervision/refresh_ladder.h"

#include <tap.h>

static const struct refresh_evidence shows_update = {.allows_update = true, .has_session = true};
static const struct refresh_evidence shows_nothing = {.has_session = true};

static enum refresh_rung first(const struct refresh_evidence *evidence, struct refresh_experience experience) {
  return refresh_ladder_first(REFRESH_LADDER_TIMER, evidence, &experience);
}

static enum refresh_rung after(uint8_t tried, const struct refresh_evidence *evidence,
                               struct refresh_experience experience) {
  return refresh_ladder_next(REFRESH_LADDER_TIMER, tried, evidence, &experience);
}

static enum refresh_answer read_status(uint16_t status) {
  return refresh_ladder_read(&(struct refresh_reply){.status = status, .method_answered = true});
}

static enum refresh_step step_for(uint16_t status, enum refresh_rung rung) {
  return refresh_ladder_step(read_status(status), rung, true);
}

#define UPDATE_BITS (REFRESH_BIT(REFRESH_RUNG_UPDATE) | REFRESH_BIT(REFRESH_RUNG_UPDATE_SESSION))

/* --- where a round begins ---------------------------------------------------------------------------------------- */

static void test_update_comes_first_where_allow_shows_it(void) {
  expect_int(first(&shows_update, (struct refresh_experience){0}), ==, REFRESH_RUNG_UPDATE);
  expect_int(first(&shows_nothing, (struct refresh_experience){0}), ==, REFRESH_RUNG_INVITE);
}

static void test_update_comes_first_where_a_past_success_shows_it(void) {
  struct refresh_evidence device = {.has_session = true, .device_worked = REFRESH_BIT(REFRESH_RUNG_UPDATE)};
  struct refresh_experience experience = {.worked = REFRESH_RUNG_UPDATE + 1};
  expect_int(first(&device, (struct refresh_experience){0}), ==, REFRESH_RUNG_UPDATE);
  expect_int(first(&shows_nothing, experience), ==, REFRESH_RUNG_UPDATE);
}

static void test_what_worked_in_the_dialog_comes_first(void) {
  expect_int(first(&shows_update, (struct refresh_experience){.worked = REFRESH_RUNG_INVITE + 1}), ==,
             REFRESH_RUNG_INVITE);
  expect_int(first(&shows_update, (struct refresh_experience){.worked = REFRESH_RUNG_UPDATE_SESSION + 1}), ==,
             REFRESH_RUNG_UPDATE_SESSION);
}

static void test_what_failed_with_the_device_is_not_tried_first_again(void) {
  struct refresh_evidence device = shows_update;
  device.device_failed = UPDATE_BITS;
  expect_int(first(&device, (struct refresh_experience){0}), ==, REFRESH_RUNG_INVITE);
}

static void test_proof_of_life_is_no_refresh_to_begin_with(void) {
  expect_int(first(&shows_nothing, (struct refresh_experience){.worked = REFRESH_RUNG_OPTIONS + 1}), ==,
             REFRESH_RUNG_INVITE);
}

static void test_without_a_session_description_none_is_sent(void) {
  struct refresh_evidence bare = {.allows_update = true};
  struct refresh_experience refused = {.failed = REFRESH_BIT(REFRESH_RUNG_UPDATE)};
  expect_int(first(&bare, (struct refresh_experience){0}), ==, REFRESH_RUNG_UPDATE);
  expect_int(first(&bare, refused), ==, REFRESH_RUNG_OPTIONS);
}

static void test_a_probe_begins_as_the_parameter_says(void) {
  struct refresh_experience none = {0};
  expect_int(refresh_ladder_first(REFRESH_LADDER_PROBE_OPTIONS, &shows_update, &none), ==, REFRESH_RUNG_OPTIONS);
  expect_int(refresh_ladder_first(REFRESH_LADDER_PROBE_INVITE, &shows_update, &none), ==, REFRESH_RUNG_INVITE);
}

/* --- climbing ---------------------------------------------------------------------------------------------------- */

static void test_the_rungs_are_climbed_in_order(void) {
  struct refresh_experience experience = {0};
  uint8_t tried = 0;
  static const enum refresh_rung order[] = {REFRESH_RUNG_UPDATE, REFRESH_RUNG_UPDATE_SESSION, REFRESH_RUNG_INVITE,
                                            REFRESH_RUNG_OPTIONS, REFRESH_RUNG_NONE};
  for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
    expect_int(after(tried, &shows_update, experience), ==, order[i]);
    if (order[i] == REFRESH_RUNG_NONE) break;
    refresh_ladder_learn(&experience, order[i], REFRESH_ANSWER_FORM_REFUSED);
    tried |= REFRESH_BIT(order[i]);
  }
}

static void test_a_refused_or_swallowed_method_is_not_tried_in_another_form(void) {
  static const enum refresh_answer answers[] = {REFRESH_ANSWER_METHOD_REFUSED, REFRESH_ANSWER_SWALLOWED};
  for (size_t i = 0; i < 2; i++) {
    struct refresh_experience experience = {0};
    refresh_ladder_learn(&experience, REFRESH_RUNG_UPDATE, answers[i]);
    expect_int(after(REFRESH_BIT(REFRESH_RUNG_UPDATE), &shows_update, experience), ==, REFRESH_RUNG_INVITE);
  }
}

static void test_a_probe_climbs_to_the_other_method(void) {
  struct refresh_experience none = {0};
  expect_int(refresh_ladder_next(REFRESH_LADDER_PROBE_OPTIONS, REFRESH_BIT(REFRESH_RUNG_OPTIONS), &shows_update, &none),
             ==, REFRESH_RUNG_INVITE);
  expect_int(refresh_ladder_next(REFRESH_LADDER_PROBE_INVITE, REFRESH_BIT(REFRESH_RUNG_INVITE), &shows_update, &none),
             ==, REFRESH_RUNG_OPTIONS);
}

/* --- answers ----------------------------------------------------------------------------------------------------- */

static void test_a_rung_that_fails_for_its_own_reason_leads_to_the_next(void) {
  static const uint16_t statuses[] = {405, 415, 420, 488, 500, 501};
  for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
    for (unsigned rung = REFRESH_RUNG_UPDATE; rung <= REFRESH_RUNG_INVITE; rung++)
      expect_int(step_for(statuses[i], (enum refresh_rung)rung), ==, REFRESH_STEP_NEXT);
}

static void test_481_ends_the_call_on_any_rung(void) {
  for (unsigned rung = 0; rung < REFRESH_RUNG_COUNT; rung++)
    expect_int(step_for(481, (enum refresh_rung)rung), ==, REFRESH_STEP_END_REJECTED);
}

static void test_408_counts_as_silence(void) {
  for (unsigned rung = 0; rung < REFRESH_RUNG_COUNT; rung++) {
    expect_int(step_for(408, (enum refresh_rung)rung), ==, REFRESH_STEP_END_UNANSWERED);
    expect_int(step_for(0, (enum refresh_rung)rung), ==, REFRESH_STEP_END_UNANSWERED);
  }
}

static void test_silence_on_a_method_never_answered_leads_to_the_next(void) {
  for (unsigned rung = 0; rung < REFRESH_RUNG_COUNT; rung++) {
    enum refresh_answer answer = refresh_ladder_read(&(struct refresh_reply){0});
    expect_int(refresh_ladder_step(answer, (enum refresh_rung)rung, true), ==, REFRESH_STEP_NEXT);
  }
}

static void test_a_network_that_refuses_is_silence_after_32_s_only(void) {
  struct refresh_reply reply = {.unreachable = true, .method_answered = true};
  expect_int(refresh_ladder_read(&reply), ==, REFRESH_ANSWER_UNREACHABLE);
  reply.waited_ms = 31999;
  expect_int(refresh_ladder_read(&reply), ==, REFRESH_ANSWER_UNREACHABLE);
  reply.waited_ms = 32000;
  expect_int(refresh_ladder_read(&reply), ==, REFRESH_ANSWER_SILENT);
}

static void test_491_waits_and_the_eighth_leads_to_the_next(void) {
  struct refresh_reply reply = {.status = 491, .repeats = 6};
  expect_int(refresh_ladder_step(refresh_ladder_read(&reply), REFRESH_RUNG_INVITE, true), ==, REFRESH_STEP_CROSS);
  reply.repeats = 7;
  expect_int(refresh_ladder_step(refresh_ladder_read(&reply), REFRESH_RUNG_INVITE, true), ==, REFRESH_STEP_NEXT);
}

static void test_422_raises_at_most_twice(void) {
  struct refresh_reply reply = {.status = 422, .raises = 1};
  expect_int(refresh_ladder_step(refresh_ladder_read(&reply), REFRESH_RUNG_UPDATE, true), ==, REFRESH_STEP_RAISE);
  reply.raises = 2;
  expect_int(refresh_ladder_step(refresh_ladder_read(&reply), REFRESH_RUNG_UPDATE, true), ==, REFRESH_STEP_NEXT);
}

static void test_retry_after_is_obeyed_while_there_is_time(void) {
  for (uint16_t status = 500; status <= 503; status = (uint16_t)(status + 3)) {
    struct refresh_reply reply = {.status = status, .has_retry_after = true};
    enum refresh_answer answer = refresh_ladder_read(&reply);
    expect_int(refresh_ladder_step(answer, REFRESH_RUNG_UPDATE, true), ==, REFRESH_STEP_OBEY);
    expect_int(refresh_ladder_step(answer, REFRESH_RUNG_UPDATE, false), ==, REFRESH_STEP_NEXT);
  }
}

static void test_a_challenge_is_answered_with_credentials(void) {
  expect_int(step_for(401, REFRESH_RUNG_UPDATE), ==, REFRESH_STEP_AUTHENTICATE);
  expect_int(step_for(407, REFRESH_RUNG_INVITE), ==, REFRESH_STEP_AUTHENTICATE);
}

static void test_anything_else_is_tried_once_more(void) {
  struct refresh_reply reply = {.status = 603};
  expect_int(refresh_ladder_step(refresh_ladder_read(&reply), REFRESH_RUNG_UPDATE, true), ==, REFRESH_STEP_PAUSE);
  reply.repeats = 1;
  expect_int(refresh_ladder_step(refresh_ladder_read(&reply), REFRESH_RUNG_UPDATE, true), ==, REFRESH_STEP_NEXT);
}

static void test_every_final_status_from_200_to_699_has_a_meaning_on_every_rung(void) {
  for (uint16_t status = 200; status < 700; status++)
    for (unsigned rung = 0; rung < REFRESH_RUNG_COUNT; rung++) {
      enum refresh_step step = step_for(status, (enum refresh_rung)rung);
      bool is_refresh = step == REFRESH_STEP_REFRESHED;
      if (is_refresh != (status < 300 && rung != REFRESH_RUNG_OPTIONS))
        tap_fail(__FILE__, __LINE__, "wrongly refreshed");
    }
  expect_int(read_status(200), ==, REFRESH_ANSWER_ACCEPTED);
  expect_int(read_status(202), ==, REFRESH_ANSWER_ACCEPTED);
  expect_int(read_status(300), ==, REFRESH_ANSWER_OTHER);
  expect_int(read_status(400), ==, REFRESH_ANSWER_OTHER);
  expect_int(read_status(480), ==, REFRESH_ANSWER_OTHER);
  expect_int(read_status(503), ==, REFRESH_ANSWER_OTHER);
  expect_int(read_status(606), ==, REFRESH_ANSWER_OTHER);
}

static void test_a_refusal_of_options_is_a_sign_of_life(void) {
  static const uint16_t statuses[] = {200, 401, 405, 407, 415, 420, 488, 491, 500, 501};
  for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
    expect_int(step_for(statuses[i], REFRESH_RUNG_OPTIONS), ==, REFRESH_STEP_ALIVE);
}

/* --- learning ---------------------------------------------------------------------------------------------------- */

static void test_an_answer_of_any_status_makes_later_silence_final(void) {
  struct refresh_experience experience = {0};
  refresh_ladder_learn(&experience, REFRESH_RUNG_UPDATE, REFRESH_ANSWER_OTHER);
  expect_int(experience.answered, ==, UPDATE_BITS);
  refresh_ladder_note_answered(&experience, SIP_METHOD_INVITE);
  expect(experience.answered & REFRESH_BIT(REFRESH_RUNG_INVITE));
  expect(!(experience.answered & REFRESH_BIT(REFRESH_RUNG_OPTIONS)));
}

static void test_silence_answers_nothing(void) {
  struct refresh_experience experience = {0};
  refresh_ladder_learn(&experience, REFRESH_RUNG_INVITE, REFRESH_ANSWER_SWALLOWED);
  refresh_ladder_learn(&experience, REFRESH_RUNG_INVITE, REFRESH_ANSWER_UNREACHABLE);
  expect_int(experience.answered, ==, 0);
}

static void test_a_success_is_remembered_and_clears_a_failure(void) {
  struct refresh_experience experience = {0};
  refresh_ladder_learn(&experience, REFRESH_RUNG_UPDATE, REFRESH_ANSWER_SWALLOWED);
  refresh_ladder_learn(&experience, REFRESH_RUNG_UPDATE, REFRESH_ANSWER_ACCEPTED);
  expect_int(experience.worked, ==, REFRESH_RUNG_UPDATE + 1);
  expect(!(experience.failed & REFRESH_BIT(REFRESH_RUNG_UPDATE)));
}

TAP_TESTS(TAP(test_update_comes_first_where_allow_shows_it), TAP(test_update_comes_first_where_a_past_success_shows_it),
          TAP(test_what_worked_in_the_dialog_comes_first),
          TAP(test_what_failed_with_the_device_is_not_tried_first_again),
          TAP(test_proof_of_life_is_no_refresh_to_begin_with), TAP(test_without_a_session_description_none_is_sent),
          TAP(test_a_probe_begins_as_the_parameter_says), TAP(test_the_rungs_are_climbed_in_order),
          TAP(test_a_refused_or_swallowed_method_is_not_tried_in_another_form),
          TAP(test_a_probe_climbs_to_the_other_method),
          TAP(test_a_rung_that_fails_for_its_own_reason_leads_to_the_next), TAP(test_481_ends_the_call_on_any_rung),
          TAP(test_408_counts_as_silence), TAP(test_silence_on_a_method_never_answered_leads_to_the_next),
          TAP(test_a_network_that_refuses_is_silence_after_32_s_only),
          TAP(test_491_waits_and_the_eighth_leads_to_the_next), TAP(test_422_raises_at_most_twice),
          TAP(test_retry_after_is_obeyed_while_there_is_time), TAP(test_a_challenge_is_answered_with_credentials),
          TAP(test_anything_else_is_tried_once_more),
          TAP(test_every_final_status_from_200_to_699_has_a_meaning_on_every_rung),
          TAP(test_a_refusal_of_options_is_a_sign_of_life), TAP(test_an_answer_of_any_status_makes_later_silence_final),
          TAP(test_silence_answers_nothing), TAP(test_a_success_is_remembered_and_clears_a_failure))
