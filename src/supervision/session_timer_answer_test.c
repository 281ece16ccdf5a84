/* What comes back for a rung, and what is done next: the ladder as the timer climbs it. */
#include "supervision/session_timer_rig.h"

/* --- the ladder -------------------------------------------------------------------------------------------------- */

static void test_silence_on_a_method_answered_before_ends_at_once(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  accept(rig, ours);
  expect_rung(rig, 600000, UPDATE);
  stay_silent(rig, 32000);
  expect_end(rig, 632000, refresh_unanswered);
  rig_destroy(rig);
}

static void test_silence_of_a_peer_that_is_heard_meanwhile_is_not_final(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  accept(rig, ours);
  expect_rung(rig, 600000, UPDATE);
  advance_to(rig, 632000);
  reply(rig, (struct session_reply){.heard_meanwhile = true});
  expect_sent(rig, REFRESH_RUNG_INVITE);
  rig_destroy(rig);
}

static void test_408_is_silence(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  accept(rig, ours);
  expect_rung(rig, 600000, UPDATE);
  refuse(rig, 408);
  expect_end(rig, 600000, refresh_unanswered);
  rig_destroy(rig);
}

static void test_swallowed_update_is_followed_by_a_re_invite_with_600_s(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  stay_silent(rig, 32000);
  expect_sent(rig, REFRESH_RUNG_INVITE);
  expect_at(rig, 332000);
  accept(rig, ours);
  expect_rung(rig, 600000, INVITE); /* what worked is remembered */
  rig_destroy(rig);
}

static void test_swallowed_update_is_followed_by_a_re_invite_with_90_s(void) {
  struct rig *rig = rig_of_interval(90, SESSION_ROLE_OURS);
  expect_rung(rig, 45000, UPDATE);
  expect_rung(rig, 52500, INVITE); /* half of what was left until the peer may give up (§10): 60 s */
  accept(rig, (struct session_terms){90, SESSION_ROLE_OURS});
  expect_rung(rig, 90000, INVITE);
  rig_destroy(rig);
}

static void test_a_dead_peer_is_ended_before_its_session_expires(void) {
  static const uint32_t intervals[] = {90, 120, 600, 1800, 86400};
  for (size_t i = 0; i < sizeof intervals / sizeof intervals[0]; i++) {
    struct rig *rig = rig_of_interval(intervals[i], SESSION_ROLE_OURS);
    while (rig->deed.kind != SESSION_DEED_END && rig_ms(rig) < 90000000)
      if (advance_to(rig, 90000000) && rig->deed.kind == SESSION_DEED_SEND) stay_silent(rig, 32000);
    expect_int(rig->deed.cause, ==, END_CAUSE_refresh_unanswered);
    expect_int(rig_ms(rig), <=, intervals[i] * 1000LL + 10);
    rig_destroy(rig);
  }
}

/* It has said something; to be cut for what a person does not decide it must not. */
static void test_a_re_invite_that_is_answered_by_a_mere_1xx_leaves_time_for_a_proof_of_life(void) {
  static const uint32_t intervals[] = {90, 120, 600, 1800};
  for (size_t i = 0; i < sizeof intervals / sizeof intervals[0]; i++) {
    int64_t interval_ms = intervals[i] * 1000LL;
    struct rig *rig = rig_of_interval(intervals[i], SESSION_ROLE_OURS);
    rig->evidence.allows_update = false;
    expect_rung(rig, interval_ms / 2, INVITE);
    advance_to(rig, interval_ms / 2 + 200);
    session_timer_hold(&rig->session, &rig->context, &rig->evidence);
    advance_to(rig, interval_ms / 2 + 1200);
    session_timer_hold(&rig->session, &rig->context, &rig->evidence);
    expect_rung(rig, interval_ms - 32000, OPTIONS);
    expect(rig->deed.drops_invite);
    accept(rig, none);
    expect_int(rig->session.state, ==, SESSION_STATE_RESTING);
    expect_int(session_timer_terms(&rig->session).interval_s, ==, intervals[i]);
    expect_rung(rig, interval_ms, INVITE); /* in its rhythm */
    expect(!rig->deed.drops_invite);
    rig_destroy(rig);
  }
}

static void test_a_peer_that_dies_after_a_1xx_is_given_up_by_the_guard(void) {
  struct rig *rig = rig_of_interval(90, SESSION_ROLE_OURS);
  rig->evidence.allows_update = false;
  expect_rung(rig, 45000, INVITE);
  session_timer_hold(&rig->session, &rig->context, &rig->evidence);
  expect_rung(rig, 58000, OPTIONS);
  expect_end(rig, 90000, refresh_unanswered);
  rig_destroy(rig);
}

static void test_a_late_2xx_of_a_rung_given_up_refreshes_all_the_same(void) {
  struct rig *rig = rig_of_interval(90, SESSION_ROLE_OURS);
  struct session_terms terms = {90, SESSION_ROLE_OURS};
  expect_rung(rig, 45000, UPDATE);
  expect_rung(rig, 52500, INVITE);
  advance_to(rig, 55000);
  struct session_reply late = {.status = 200, .is_late = true, .method = SIP_METHOD_UPDATE, .terms = terms};
  take(rig, session_timer_answer(&rig->session, &rig->context, &rig->evidence, &late));
  expect_int(rig->session.state, ==, SESSION_STATE_RESTING);
  expect_int(rig->session.expires_at.value, ==, START_MS + 145000);
  rig_destroy(rig);
}

/* A carried re-INVITE is answered while our UPDATE is out: the refresh after next would find the session over. */
static void test_a_2xx_behind_one_to_another_request_leaves_out_no_refresh(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  session_timer_begin(&rig->session, &rig->context, ours, SESSION_BY_OTHERS, SIP_METHOD_INVITE);
  advance_to(rig, 300050);
  struct session_reply reply = {.status = 200, .method = SIP_METHOD_UPDATE, .terms = ours};
  take(rig, session_timer_answer(&rig->session, &rig->context, &rig->evidence, &reply));
  expect_rung(rig, 600050, UPDATE);
  rig_destroy(rig);
}

static void test_a_late_refusal_changes_nothing_but_481_ends(void) {
  struct rig *rig = rig_of_interval(90, SESSION_ROLE_OURS);
  expect_rung(rig, 45000, UPDATE);
  expect_rung(rig, 52500, INVITE);
  struct session_reply late = {.status = 501, .is_late = true, .method = SIP_METHOD_UPDATE};
  rig->deed = session_timer_answer(&rig->session, &rig->context, &rig->evidence, &late);
  expect_int(rig->deed.kind, ==, SESSION_DEED_NONE);
  expect_int(rig->session.state, ==, SESSION_STATE_ASKING);
  late.status = 481;
  rig->deed = session_timer_answer(&rig->session, &rig->context, &rig->evidence, &late);
  expect_end(rig, 52500, refresh_rejected);
  rig_destroy(rig);
}

static void test_refused_rungs_are_climbed_at_once(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  refuse(rig, 488);
  expect_sent(rig, REFRESH_RUNG_UPDATE_SESSION);
  refuse(rig, 415);
  expect_sent(rig, REFRESH_RUNG_INVITE);
  refuse(rig, 500);
  expect_sent(rig, REFRESH_RUNG_OPTIONS);
  accept(rig, none);
  expect_int(rig->session.state, ==, SESSION_STATE_RESTING);
  expect_int(rig->session.role, ==, SESSION_ROLE_OURS);
  expect_int(rig->session.method, ==, SIP_METHOD_OPTIONS);
  expect_at(rig, 300000);
  expect_rung(rig, 600000, INVITE);
  rig_destroy(rig);
}

static void test_a_peer_that_knows_no_update_is_not_asked_again(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  refuse(rig, 501);
  expect_sent(rig, REFRESH_RUNG_INVITE);
  accept(rig, ours);
  for (int i = 2; i < 5; i++) {
    expect_rung(rig, 300000 * i, INVITE);
    accept(rig, ours);
  }
  rig_destroy(rig);
}

static void test_481_ends_at_once_on_every_rung(void) {
  static const uint16_t ways[] = {0, 488, 501};
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    struct rig *rig = rig_of(ours);
    expect_rung(rig, 300000, UPDATE);
    if (ways[i] != 0) refuse(rig, ways[i]);
    refuse(rig, 481);
    expect_end(rig, 300000, refresh_rejected);
    rig_destroy(rig);
  }
}

static void test_491_waits_2_1_to_4_s_where_the_call_id_is_ours_else_0_to_2_s(void) {
  int64_t least[2] = {100000, 100000}, most[2] = {0, 0};
  struct rig *rig = rig_create();
  for (int i = 0; i < 2000; i++) {
    bool owner = i % 2;
    int64_t now_ms = rig_ms(rig);
    rig->evidence.owns_call_id = owner;
    session_timer_begin(&rig->session, &rig->context, ours, SESSION_BY_OTHERS, SIP_METHOD_INVITE);
    expect_rung(rig, now_ms + 300000, UPDATE);
    refuse(rig, 491);
    now_ms = rig_ms(rig);
    advance_to(rig, now_ms + 5000);
    expect_sent(rig, REFRESH_RUNG_UPDATE);
    int64_t waited_ms = rig_ms(rig) - now_ms;
    if (waited_ms < least[owner]) least[owner] = waited_ms;
    if (waited_ms > most[owner]) most[owner] = waited_ms;
  }
  expect_int(least[1], >=, 2100);
  expect_int(least[1], <, 2200);
  expect_int(most[1], <=, 4010);
  expect_int(most[1], >, 3900);
  expect_int(least[0], <=, 50);
  expect_int(most[0], <=, 2010);
  expect_int(most[0], >, 1900);
  rig_destroy(rig);
}

static void test_after_491_the_old_deadline_stays(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  refuse(rig, 491);
  expect_int(rig->session.expires_at.value, ==, START_MS + 600000);
  rig_destroy(rig);
}

static void test_endless_491_leads_to_proof_of_life_by_options(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  for (int i = 0; i < 200 && rig->deed.rung != REFRESH_RUNG_OPTIONS; i++) {
    refuse(rig, 491);
    if (rig->deed.kind == SESSION_DEED_NONE) advance_to(rig, rig_ms(rig) + 5000);
  }
  expect_sent(rig, REFRESH_RUNG_OPTIONS);
  expect_int(rig_ms(rig), <, 420000);
  accept(rig, none);
  expect_int(rig->session.state, ==, SESSION_STATE_RESTING);
  rig_destroy(rig);
}

static void test_491_leaves_the_other_rungs_the_time_of_a_transaction(void) {
  struct rig *rig = rig_of_interval(90, SESSION_ROLE_OURS);
  expect_rung(rig, 45000, UPDATE);
  for (int i = 0; i < 20 && rig->deed.rung != REFRESH_RUNG_INVITE; i++) {
    refuse(rig, 491);
    if (rig->deed.kind == SESSION_DEED_NONE) advance_to(rig, rig_ms(rig) + 5000);
  }
  expect_sent(rig, REFRESH_RUNG_INVITE);
  expect_int(rig_ms(rig), <, 90000 - 32000);
  rig_destroy(rig);
}

static void test_422_is_raised_twice_and_then_another_rung_tried(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  for (uint8_t raises = 0; raises < 2; raises++) {
    reply(rig, (struct session_reply){.status = 422, .raises = raises});
    expect_sent(rig, REFRESH_RUNG_UPDATE);
    expect_int(rig->session.expires_at.value, ==, START_MS + 600000); /* §10: it has not changed */
  }
  reply(rig, (struct session_reply){.status = 422, .raises = 2});
  expect_sent(rig, REFRESH_RUNG_UPDATE_SESSION);
  rig_destroy(rig);
}

static void test_retry_after_is_obeyed_within_the_interval(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  reply(rig, (struct session_reply){.status = 503, .has_retry_after = true, .retry_after_s = 60});
  expect_rung(rig, 360000, UPDATE);
  reply(rig, (struct session_reply){.status = 500, .has_retry_after = true, .retry_after_s = 0});
  expect_rung(rig, 361000, UPDATE);
  reply(rig, (struct session_reply){.status = 503, .has_retry_after = true, .retry_after_s = 240});
  expect_sent(rig, REFRESH_RUNG_UPDATE_SESSION); /* would be too late */
  rig_destroy(rig);
}

static void test_a_challenge_is_answered_where_there_are_credentials(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  rig->evidence.has_credentials = true;
  refuse(rig, 407);
  expect_sent(rig, REFRESH_RUNG_UPDATE);
  expect(rig->deed.with_credentials);
  rig->evidence.has_credentials = false;
  refuse(rig, 407);
  expect_sent(rig, REFRESH_RUNG_UPDATE_SESSION);
  expect(!rig->deed.with_credentials);
  rig_destroy(rig);
}

static void test_any_other_refusal_is_tried_once_more_then_climbed_then_guarded(void) {
  struct rig *rig = rig_of(ours);
  static const enum refresh_rung order[] = {REFRESH_RUNG_UPDATE, REFRESH_RUNG_UPDATE_SESSION, REFRESH_RUNG_INVITE,
                                            REFRESH_RUNG_OPTIONS};
  expect_rung(rig, 300000, UPDATE);
  for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
    expect_sent(rig, order[i]);
    refuse(rig, 603);
    advance_to(rig, rig_ms(rig) + 31000);
    expect_sent(rig, order[i]);
    refuse(rig, 603);
  }
  expect_int(rig->session.state, ==, SESSION_STATE_SPENT);
  expect_int(rig->session.last_status, ==, 603);
  expect_end(rig, 600000, refresh_rejected);
  rig_destroy(rig);
}

static void test_every_status_on_every_rung_leaves_an_armed_timer_or_an_end(void) {
  for (uint16_t status = 300; status < 700; status++)
    for (uint16_t way = 0; way < 4; way++) {
      struct rig *rig = rig_of(ours);
      static const uint16_t climbs[] = {488, 415, 420};
      expect_rung(rig, 300000, UPDATE);
      for (uint16_t i = 0; i < way; i++)
        refuse(rig, climbs[i]);
      refuse(rig, status);
      bool ended = rig->deed.kind == SESSION_DEED_END;
      bool is_final_silence = status == 408 && (way == 1 || way == 2); /* UPDATE, INVITE: answered before */
      if (ended != (status == 481 || is_final_silence)) tap_fail(__FILE__, __LINE__, "wrongly ended, or not");
      if (ended == timer_is_armed(&rig->session.timer)) tap_fail(__FILE__, __LINE__, "neither armed nor ended");
      rig_destroy(rig);
    }
}

static void test_a_network_that_refuses_is_knocked_at_for_32_s(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  accept(rig, ours);
  expect_rung(rig, 600000, UPDATE);
  for (int i = 1; i <= 8; i++) {
    reply(rig, (struct session_reply){.unreachable = true});
    expect_rung(rig, 600000 + 4000 * i, UPDATE);
  }
  reply(rig, (struct session_reply){.unreachable = true});
  expect_end(rig, 632000, refresh_unanswered);
  rig_destroy(rig);
}

static void test_a_device_that_is_back_within_32_s_keeps_its_call(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  reply(rig, (struct session_reply){.unreachable = true});
  expect_rung(rig, 304000, UPDATE);
  accept(rig, ours);
  expect_rung(rig, 600000, UPDATE);
  rig_destroy(rig);
}

static void test_a_refusal_before_does_not_hide_that_nobody_is_there_now(void) {
  struct rig *rig = rig_of_interval(90, SESSION_ROLE_OURS);
  expect_rung(rig, 45000, UPDATE);
  reply(rig, (struct session_reply){.status = 503, .has_retry_after = true, .retry_after_s = 38});
  expect_rung(rig, 83000, UPDATE);
  expect_int(rig->session.last_status, ==, 0);
  reply(rig, (struct session_reply){.unreachable = true, .heard_meanwhile = true});
  expect_sent(rig, REFRESH_RUNG_INVITE);
  reply(rig, (struct session_reply){.unreachable = true});
  expect_rung(rig, 87000, INVITE);
  reply(rig, (struct session_reply){.unreachable = true});
  expect_end(rig, 90000, refresh_unanswered);
  rig_destroy(rig);
}

static void test_a_last_rung_that_is_swallowed_is_unanswered_at_expiry_whatever_was_refused(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  refuse(rig, 501);
  expect_sent(rig, REFRESH_RUNG_INVITE);
  refuse(rig, 488);
  expect_sent(rig, REFRESH_RUNG_OPTIONS);
  stay_silent(rig, 32000);
  expect_int(rig->session.state, ==, SESSION_STATE_SPENT);
  expect_end(rig, 600000, refresh_unanswered);
  rig_destroy(rig);
}

static void test_a_blocked_rung_waits_a_moment_and_climbs_when_time_is_short(void) {
  struct rig *rig = rig_of(ours);
  session_timer_note_answered(&rig->session, SIP_METHOD_UPDATE);
  rig->evidence.allows_update = false;
  expect_rung(rig, 300000, INVITE);
  for (int i = 1; i <= 268; i++) {
    take(rig, session_timer_block(&rig->session, &rig->context, &rig->evidence));
    expect_rung(rig, 300000 + 1000 * i, INVITE);
  }
  advance_to(rig, 568500);
  rig->deed = session_timer_block(&rig->session, &rig->context, &rig->evidence);
  expect_sent(rig, REFRESH_RUNG_OPTIONS);
  rig_destroy(rig);
}

static void test_a_process_that_stood_still_gives_the_peer_the_time_of_a_transaction(void) {
  struct rig *rig = rig_of(ours);
  rig->context.now.value += 3600000;
  timer_wheel_advance(&rig->wheel, rig->context.now);
  expect(timer_wheel_next_due(&rig->wheel) != NULL);
  take(rig, session_timer_due(&rig->session, &rig->context, &rig->evidence));
  expect_sent(rig, REFRESH_RUNG_UPDATE);
  expect(!advance_to(rig, 3610000));
  accept(rig, ours);
  expect_int(rig->session.state, ==, SESSION_STATE_RESTING);
  expect_rung(rig, 3900000, UPDATE);
  rig_destroy(rig);
}

TAP_TESTS(TAP(test_a_re_invite_that_is_answered_by_a_mere_1xx_leaves_time_for_a_proof_of_life),
          TAP(test_a_peer_that_dies_after_a_1xx_is_given_up_by_the_guard),
          TAP(test_silence_on_a_method_answered_before_ends_at_once), TAP(test_408_is_silence),
          TAP(test_silence_of_a_peer_that_is_heard_meanwhile_is_not_final),
          TAP(test_swallowed_update_is_followed_by_a_re_invite_with_600_s),
          TAP(test_swallowed_update_is_followed_by_a_re_invite_with_90_s),
          TAP(test_a_dead_peer_is_ended_before_its_session_expires),
          TAP(test_a_late_2xx_of_a_rung_given_up_refreshes_all_the_same),
          TAP(test_a_2xx_behind_one_to_another_request_leaves_out_no_refresh),
          TAP(test_a_late_refusal_changes_nothing_but_481_ends), TAP(test_refused_rungs_are_climbed_at_once),
          TAP(test_a_peer_that_knows_no_update_is_not_asked_again), TAP(test_481_ends_at_once_on_every_rung),
          TAP(test_491_waits_2_1_to_4_s_where_the_call_id_is_ours_else_0_to_2_s),
          TAP(test_after_491_the_old_deadline_stays), TAP(test_endless_491_leads_to_proof_of_life_by_options),
          TAP(test_491_leaves_the_other_rungs_the_time_of_a_transaction),
          TAP(test_422_is_raised_twice_and_then_another_rung_tried),
          TAP(test_retry_after_is_obeyed_within_the_interval),
          TAP(test_a_challenge_is_answered_where_there_are_credentials),
          TAP(test_any_other_refusal_is_tried_once_more_then_climbed_then_guarded),
          TAP(test_every_status_on_every_rung_leaves_an_armed_timer_or_an_end),
          TAP(test_a_network_that_refuses_is_knocked_at_for_32_s),
          TAP(test_a_device_that_is_back_within_32_s_keeps_its_call),
          TAP(test_a_refusal_before_does_not_hide_that_nobody_is_there_now),
          TAP(test_a_last_rung_that_is_swallowed_is_unanswered_at_expiry_whatever_was_refused),
          TAP(test_a_blocked_rung_waits_a_moment_and_climbs_when_time_is_short),
          TAP(test_a_process_that_stood_still_gives_the_peer_the_time_of_a_transaction))
