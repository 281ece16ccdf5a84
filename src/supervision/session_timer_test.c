/* One leg's timer: its rounds, its guard, and legs without timer. */
#include "supervision/session_timer_rig.h"

/* --- when we refresh --------------------------------------------------------------------------------------------- */

static void test_we_refresh_every_interval_by_segment(void) {
  struct rig *rig = rig_of(ours);
  for (int i = 1; i <= 10; i++) {
    expect_rung(rig, 300000 * i, UPDATE);
    accept(rig, ours);
    expect_int(rig->session.refreshes, ==, i);
  }
  rig_destroy(rig);
}

static void test_a_late_2xx_does_not_move_the_refreshes_after_it(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  advance_to(rig, 310500);
  accept(rig, ours);
  expect_int(rig->session.expires_at.value, ==, START_MS + 310500 + 600000);
  expect_rung(rig, 600000, UPDATE);
  rig_destroy(rig);
}

static void test_a_request_of_the_peer_starts_the_rhythm_anew(void) {
  struct rig *rig = rig_of(ours);
  advance_to(rig, 200000);
  session_timer_begin(&rig->session, &rig->context, ours, SESSION_BY_OTHERS, SIP_METHOD_INVITE);
  expect_rung(rig, 500000, UPDATE);
  rig_destroy(rig);
}

static void test_a_2xx_with_another_interval_is_obeyed_at_once(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  accept(rig, (struct session_terms){120, SESSION_ROLE_OURS});
  expect_rung(rig, 360000, UPDATE);
  rig_destroy(rig);
}

static void test_exactly_one_side_refreshes_when_roles_change(void) {
  struct rig *rig = rig_of(ours);
  struct mono_ms at;
  expect(session_timer_next_refresh(&rig->session, &at));
  session_timer_begin(&rig->session, &rig->context, theirs, SESSION_BY_OTHERS, SIP_METHOD_UPDATE);
  expect(!session_timer_next_refresh(&rig->session, &at));
  expect(!advance_to(rig, 599000));
  session_timer_begin(&rig->session, &rig->context, ours, SESSION_BY_OTHERS, SIP_METHOD_UPDATE);
  expect(session_timer_next_refresh(&rig->session, &at));
  expect_rung(rig, 899000, UPDATE);
  rig_destroy(rig);
}

static void test_ten_thousand_refreshes_leave_the_timer_as_it_was(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  accept(rig, ours);
  struct session_timer before = rig->session;
  for (int i = 2; i <= 10001; i++) {
    expect_rung(rig, 300000LL * i, UPDATE);
    rig->context.now.value += i % 700;
    accept(rig, ours);
  }
  expect_int(rig->session.refreshes, ==, before.refreshes + 10000);
  expect_int(rig->session.refresh_due.value, ==, before.refresh_due.value + 10000 * 300000LL);
  expect_int(rig->session.tried, ==, before.tried);
  expect_int(rig->wheel.armed_count, ==, 1);
  rig_destroy(rig);
}

/* --- the guard --------------------------------------------------------------------------------------------------- */

static void test_a_peer_that_does_not_refresh_is_given_up_at_expiry(void) {
  struct rig *rig = rig_of(theirs);
  expect_end(rig, 600000, session_expired);
  rig_destroy(rig);
}

static void test_early_hang_up_comes_before_expiry(void) {
  static const struct {
    uint32_t early_s, interval_s, guard_s;
  } rows[] = {
      {PARAMETER_AUTO, 90, 60}, {PARAMETER_AUTO, 120, 88}, {PARAMETER_AUTO, 1800, 1768}, {20, 90, 70}, {500, 600, 400}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig *rig = rig_create();
    rig->parameters.SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP = rows[i].early_s;
    struct session_terms terms = {rows[i].interval_s, SESSION_ROLE_THEIRS};
    session_timer_begin(&rig->session, &rig->context, terms, SESSION_BY_ANSWER, SIP_METHOD_INVITE);
    expect_end(rig, rows[i].guard_s * 1000LL, session_expired);
    rig_destroy(rig);
  }
}

static void test_each_refresh_of_the_peer_moves_the_guard(void) {
  struct rig *rig = rig_of(theirs);
  for (int i = 1; i <= 10; i++) {
    expect(!advance_to(rig, 590000 * i));
    session_timer_begin(&rig->session, &rig->context, theirs, SESSION_BY_OTHERS, SIP_METHOD_UPDATE);
  }
  expect_end(rig, 5900000 + 600000, session_expired);
  rig_destroy(rig);
}

/* --- legs without timer ------------------------------------------------------------------------------------------ */

static void test_a_process_that_stood_still_listens_before_it_gives_the_refresher_up(void) {
  struct rig *rig = rig_of(theirs);
  rig->context.now = (struct mono_ms){START_MS + 700000};
  take(rig, session_timer_due(&rig->session, &rig->context, &rig->evidence));
  expect_int(rig->deed.kind, ==, SESSION_DEED_NONE);
  expect_int(rig->session.state, ==, SESSION_STATE_GUARDING);
  advance_to(rig, 740000);
  expect_end(rig, 732000, session_expired);
  rig_destroy(rig);
}

static void test_a_leg_without_timer_is_probed_every_ttl_by_segment(void) {
  struct rig *rig = rig_of(none);
  expect(!session_timer_is_timed(&rig->session));
  for (int i = 1; i <= 5; i++) {
    expect_rung(rig, 300000 * i, OPTIONS);
    accept(rig, none);
  }
  expect_int(rig->session.refreshes, ==, 5);
  rig_destroy(rig);
}

static void test_with_ttl_0_a_leg_is_probed_every_300_s(void) {
  for (uint32_t segment = 2; segment <= 10; segment += 4) {
    struct rig *rig = rig_create();
    rig->parameters.SS_SIP_SESSION_TTL = 0;
    rig->parameters.SS_SIP_SESSION_UPDATE_SEGMENT = segment;
    session_timer_begin(&rig->session, &rig->context, none, SESSION_BY_ANSWER, SIP_METHOD_INVITE);
    expect_rung(rig, 300000, OPTIONS);
    rig_destroy(rig);
  }
}

static void test_the_probe_may_be_a_re_invite_or_off(void) {
  struct rig *rig = rig_create();
  rig->parameters.BF_NO_TIMER_PROBE = NO_TIMER_PROBE_REINVITE;
  session_timer_begin(&rig->session, &rig->context, none, SESSION_BY_ANSWER, SIP_METHOD_INVITE);
  expect_rung(rig, 300000, INVITE);
  accept(rig, none);
  rig->parameters.BF_NO_TIMER_PROBE = NO_TIMER_PROBE_OFF;
  session_timer_begin(&rig->session, &rig->context, none, SESSION_BY_OTHERS, SIP_METHOD_INVITE);
  expect_int(rig->session.state, ==, SESSION_STATE_UNWATCHED);
  expect_int(rig->wheel.armed_count, ==, 0);
  rig_destroy(rig);
}

static void test_a_dead_leg_without_timer_is_ended_within_the_interval(void) {
  struct rig *rig = rig_of(none);
  expect_rung(rig, 300000, OPTIONS);
  accept(rig, none);
  expect_rung(rig, 600000, OPTIONS);
  stay_silent(rig, 32000);
  expect_end(rig, 632000, refresh_unanswered);
  rig_destroy(rig);
}

static void test_a_probe_that_is_swallowed_is_followed_by_a_re_invite(void) {
  struct rig *rig = rig_of(none);
  expect_rung(rig, 300000, OPTIONS);
  stay_silent(rig, 32000);
  expect_sent(rig, REFRESH_RUNG_INVITE);
  accept(rig, none);
  expect_rung(rig, 600000, INVITE);
  rig_destroy(rig);
}

static void test_a_device_that_answers_probes_with_404_is_asked_by_re_invite(void) {
  struct rig *rig = rig_of(none);
  expect_rung(rig, 300000, OPTIONS);
  refuse(rig, 404);
  expect_rung(rig, 330000, OPTIONS);
  refuse(rig, 404);
  expect_sent(rig, REFRESH_RUNG_INVITE);
  accept(rig, none);
  expect_int(rig->session.state, ==, SESSION_STATE_RESTING);
  rig_destroy(rig);
}

static void test_a_peer_may_switch_its_timer_off_and_on_again(void) {
  struct rig *rig = rig_of(theirs);
  advance_to(rig, 100000);
  session_timer_begin(&rig->session, &rig->context, none, SESSION_BY_OTHERS, SIP_METHOD_UPDATE);
  expect(!session_timer_is_timed(&rig->session));
  expect_rung(rig, 400000, OPTIONS);
  accept(rig, none);
  session_timer_begin(&rig->session, &rig->context, theirs, SESSION_BY_OTHERS, SIP_METHOD_UPDATE);
  expect_end(rig, 1000000, session_expired);
  rig_destroy(rig);
}

static void test_our_refresh_may_be_answered_by_switching_the_timer_off(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  accept(rig, none);
  expect(!session_timer_is_timed(&rig->session));
  expect_rung(rig, 600000, OPTIONS);
  rig_destroy(rig);
}

TAP_TESTS(TAP(test_we_refresh_every_interval_by_segment), TAP(test_a_late_2xx_does_not_move_the_refreshes_after_it),
          TAP(test_a_request_of_the_peer_starts_the_rhythm_anew),
          TAP(test_a_2xx_with_another_interval_is_obeyed_at_once),
          TAP(test_exactly_one_side_refreshes_when_roles_change),
          TAP(test_ten_thousand_refreshes_leave_the_timer_as_it_was),
          TAP(test_a_peer_that_does_not_refresh_is_given_up_at_expiry), TAP(test_early_hang_up_comes_before_expiry),
          TAP(test_each_refresh_of_the_peer_moves_the_guard),
          TAP(test_a_process_that_stood_still_listens_before_it_gives_the_refresher_up),
          TAP(test_a_leg_without_timer_is_probed_every_ttl_by_segment),
          TAP(test_with_ttl_0_a_leg_is_probed_every_300_s), TAP(test_the_probe_may_be_a_re_invite_or_off),
          TAP(test_a_dead_leg_without_timer_is_ended_within_the_interval),
          TAP(test_a_probe_that_is_swallowed_is_followed_by_a_re_invite),
          TAP(test_a_device_that_answers_probes_with_404_is_asked_by_re_invite),
          TAP(test_a_peer_may_switch_its_timer_off_and_on_again),
          TAP(test_our_refresh_may_be_answered_by_switching_the_timer_off))
