/* Changed parameters and devices reach a timer that runs, and a timer goes on after a restart. */
#include "supervision/session_timer_rig.h"

/* --- changes ----------------------------------------------------------------------------------------------------- */

static void change(struct rig *rig) {
  struct session_wishes wishes = session_wishes_of(&rig->parameters, NULL);
  session_timer_change(&rig->session, &rig->context, &wishes, rig->evidence.supports_timer);
}

static void test_a_lower_ttl_brings_refreshes_forward_spread_over_a_period(void) {
  unsigned counts[5] = {0};
  for (int i = 0; i < 2000; i++) {
    struct rig *rig = rig_of_interval(3600, SESSION_ROLE_OURS);
    random_seed(&rig->random, (struct siphash_key){(uint64_t)i, 4});
    advance_to(rig, 10000);
    rig->parameters.SS_SIP_SESSION_TTL = 600;
    change(rig);
    expect(rig->session.is_renewing);
    advance_to(rig, 320000);
    expect_sent(rig, REFRESH_RUNG_UPDATE);
    int64_t after_ms = rig_ms(rig) - 10000;
    if (after_ms < 0 || after_ms > 300010) tap_fail(__FILE__, __LINE__, "beyond the period");
    counts[after_ms * 5 / 300011]++;
    rig_destroy(rig);
  }
  for (int i = 0; i < 5; i++)
    expect(counts[i] > 320 && counts[i] < 480);
}

static void test_a_higher_ttl_is_offered_with_the_next_refresh_that_is_due_anyhow(void) {
  struct rig *rig = rig_of(ours);
  advance_to(rig, 10000);
  rig->parameters.SS_SIP_SESSION_TTL = 3600;
  change(rig);
  expect(rig->session.is_renewing);
  expect_rung(rig, 300000, UPDATE);
  accept(rig, (struct session_terms){3600, SESSION_ROLE_OURS});
  expect(!rig->session.is_renewing);
  expect_rung(rig, 300000 + 1800000, UPDATE);
  rig_destroy(rig);
}

static void test_a_change_of_something_else_moves_nothing(void) {
  struct rig *rig = rig_of(ours);
  advance_to(rig, 10000);
  change(rig);
  expect(!rig->session.is_renewing);
  expect_rung(rig, 300000, UPDATE);
  rig_destroy(rig);
}

static void test_an_earlier_hang_up_reaches_running_calls_but_never_lies_in_the_past(void) {
  struct rig *rig = rig_of(theirs);
  advance_to(rig, 100000);
  rig->parameters.SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP = 200;
  change(rig);
  expect_end(rig, 400000, session_expired);
  rig_destroy(rig);
  rig = rig_of(theirs);
  advance_to(rig, 500000);
  rig->parameters.SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP = 200;
  change(rig);
  expect_end(rig, 600000, session_expired);
  rig_destroy(rig);
}

static void test_the_probe_is_switched_while_calls_run(void) {
  struct rig *rig = rig_of(none);
  rig->parameters.BF_NO_TIMER_PROBE = NO_TIMER_PROBE_OFF;
  change(rig);
  expect_int(rig->session.state, ==, SESSION_STATE_UNWATCHED);
  advance_to(rig, 5000000);
  rig->parameters.BF_NO_TIMER_PROBE = NO_TIMER_PROBE_OPTIONS;
  change(rig);
  expect(advance_to(rig, 5300010));
  expect_sent(rig, REFRESH_RUNG_OPTIONS);
  rig_destroy(rig);
}

static void test_timers_switched_on_are_offered_to_a_peer_that_knows_them(void) {
  struct rig *rig = rig_create();
  rig->parameters.SS_SIP_SESSION_TTL = 0;
  session_timer_begin(&rig->session, &rig->context, none, SESSION_BY_ANSWER, SIP_METHOD_INVITE);
  rig->parameters.SS_SIP_SESSION_TTL = 600;
  rig->evidence.supports_timer = true;
  change(rig);
  expect_rung(rig, 300000, UPDATE);
  accept(rig, ours);
  expect_rung(rig, 600000, UPDATE);
  rig_destroy(rig);
}

static void test_timers_switched_on_are_offered_also_where_the_probe_is_off(void) {
  struct rig *rig = rig_create();
  rig->parameters.SS_SIP_SESSION_TTL = 0;
  rig->parameters.BF_NO_TIMER_PROBE = NO_TIMER_PROBE_OFF;
  session_timer_begin(&rig->session, &rig->context, none, SESSION_BY_ANSWER, SIP_METHOD_INVITE);
  rig->parameters.SS_SIP_SESSION_TTL = 600;
  change(rig);
  expect_int(rig->session.state, ==, SESSION_STATE_UNWATCHED);
  rig->evidence.supports_timer = true;
  change(rig);
  expect(advance_to(rig, 300010));
  expect_sent(rig, REFRESH_RUNG_UPDATE);
  accept(rig, none);
  expect_int(rig->session.state, ==, SESSION_STATE_UNWATCHED);
  change(rig);
  expect(advance_to(rig, rig_ms(rig) + 300010));
  refuse(rig, 405);
  expect_sent(rig, REFRESH_RUNG_INVITE);
  refuse(rig, 488);
  expect_sent(rig, REFRESH_RUNG_OPTIONS);
  accept(rig, none); /* alive, which is not asked again */
  expect_int(rig->session.state, ==, SESSION_STATE_UNWATCHED);
  change(rig);
  expect(advance_to(rig, rig_ms(rig) + 300010));
  accept(rig, ours);
  expect_int(session_timer_terms(&rig->session).interval_s, ==, 600);
  rig_destroy(rig);
}

static void test_the_preview_says_who_would_refresh_sooner(void) {
  struct rig *rig = rig_of_interval(3600, SESSION_ROLE_OURS);
  struct parameters after = rig->parameters;
  struct session_wishes wishes = session_wishes_of(&after, NULL);
  advance_to(rig, 10000);
  expect(session_timer_comes_sooner(&rig->session, rig->context.now, &after, &wishes));
  advance_to(rig, 1700000);
  expect(!session_timer_comes_sooner(&rig->session, rig->context.now, &after, &wishes));
  rig_destroy(rig);
  rig = rig_of(theirs);
  expect(!session_timer_comes_sooner(&rig->session, rig->context.now, &after, &wishes));
  rig_destroy(rig);
}

static struct rig *rig_resumed(struct session_terms terms, int64_t left_ms, int64_t ask_in_ms, int number) {
  struct rig *rig = rig_create();
  random_seed(&rig->random, (struct siphash_key){(uint64_t)number, 5});
  session_timer_resume(&rig->session, &rig->context, terms,
                       &(struct session_resumption){.left_ms = left_ms, .ask_in_ms = ask_in_ms});
  return rig;
}

static void test_calls_taken_up_again_are_spread_over_a_period(void) {
  unsigned early = 0;
  for (int i = 0; i < 1000; i++) {
    struct rig *rig = rig_resumed(ours, 400000, 3600000, i);
    expect_int(rig->session.expires_at.value, ==, START_MS + 400000);
    advance_to(rig, 300010);
    expect_sent(rig, REFRESH_RUNG_UPDATE);
    early += rig_ms(rig) < 150000;
    rig_destroy(rig);
  }
  expect(early > 430 && early < 570);
}

static void test_calls_taken_up_again_are_asked_when_they_are_to_be(void) {
  for (int i = 0; i < 100; i++) {
    struct rig *rig = rig_resumed(ours, 400000, 5000, i);
    struct session_wishes wishes = session_wishes_of(&rig->parameters, NULL);
    session_timer_change(&rig->session, &rig->context, &wishes, false); /* as at each start */
    struct mono_ms next;
    expect(session_timer_next_refresh(&rig->session, &next));
    expect_int(next.value - START_MS, <=, 5000);
    expect(!advance_to(rig, next.value - START_MS - 10));
    expect_rung(rig, next.value - START_MS, UPDATE);
    rig_destroy(rig);
  }
}

static void test_calls_taken_up_again_are_never_asked_sooner_than_from_then_on(void) {
  for (int i = 0; i < 1000; i++) {
    struct rig *rig = rig_create();
    struct mono_ms next;
    random_seed(&rig->random, (struct siphash_key){(uint64_t)i, 5});
    session_timer_resume(&rig->session, &rig->context, ours, &(struct session_resumption){400000, 200000, 50000});
    expect(session_timer_next_refresh(&rig->session, &next));
    expect(next.value >= START_MS + 50000 && next.value <= START_MS + 200000);
    rig_destroy(rig);
  }
}

/* All within some seconds; and with each period again, were they left in that rhythm. */
static void test_calls_that_were_asked_in_a_row_after_a_restart_are_spread_again(void) {
  unsigned early = 0;
  for (int i = 0; i < 1000; i++) {
    struct rig *rig = rig_resumed(ours, 400000, 5000, i);
    struct mono_ms next;
    advance_to(rig, 5010);
    expect_sent(rig, REFRESH_RUNG_UPDATE);
    accept(rig, ours);
    expect(session_timer_next_refresh(&rig->session, &next));
    int64_t after_ms = mono_ms_since(next, rig->context.now);
    expect(after_ms >= 0 && after_ms <= 300000);
    early += after_ms < 150000;
    expect(advance_to(rig, rig_ms(rig) + 300010));
    accept(rig, ours);
    expect(session_timer_next_refresh(&rig->session, &next));
    expect_int(mono_ms_since(next, rig->context.now), <=, 300000);
    expect_int(mono_ms_since(next, rig->context.now), >=, 299980);
    rig_destroy(rig);
  }
  expect(early > 430 && early < 570);
}

/* A peer that does not refresh hangs up some time before the end (RFC 4028 §10): with 100,000 calls, of which each has
 * its turn, that would be sooner. */
static void test_calls_taken_up_again_are_asked_while_their_peers_still_wait(void) {
  const struct session_terms short_ones = {90, SESSION_ROLE_OURS};
  for (int i = 0; i < 1000; i++) {
    struct rig *rig = rig_create();
    struct mono_ms next;
    random_seed(&rig->random, (struct siphash_key){(uint64_t)i, 5});
    session_timer_resume(&rig->session, &rig->context, short_ones, &(struct session_resumption){45000, 200000, 5000});
    expect(session_timer_next_refresh(&rig->session, &next));
    expect(next.value >= START_MS + 5000 && next.value < START_MS + 15000);
    session_timer_resume(&rig->session, &rig->context, ours, &(struct session_resumption){300000, 200000, 5000});
    expect(session_timer_next_refresh(&rig->session, &next));
    expect(next.value >= START_MS + 5000 && next.value < START_MS + 268000);
    session_timer_resume(&rig->session, &rig->context, ours, &(struct session_resumption){60000, 200000, 5000});
    expect(session_timer_next_refresh(&rig->session, &next));
    expect(next.value >= START_MS + 5000 && next.value < START_MS + 28000);
    rig_destroy(rig);
  }
}

/* Also those whose time is nearly over are not asked all at once. */
static void test_calls_taken_up_again_late_are_still_spread(void) {
  unsigned early = 0;
  for (int i = 0; i < 1000; i++) {
    struct rig *rig = rig_create();
    struct mono_ms next;
    random_seed(&rig->random, (struct siphash_key){(uint64_t)i, 5});
    session_timer_resume(&rig->session, &rig->context, ours, &(struct session_resumption){45000, 200000, 5000});
    expect(session_timer_next_refresh(&rig->session, &next));
    early += next.value < START_MS + 7000;
    rig_destroy(rig);
  }
  expect(early < 600);
}

static void test_a_session_that_has_ended_meanwhile_is_asked_before_it_is_given_up(void) {
  struct rig *rig = rig_resumed(ours, -3600000, 5000, 1);
  expect(!advance_to(rig, 4990));
  expect_rung(rig, 5000, UPDATE);
  accept(rig, ours);
  expect_int(rig->session.state, ==, SESSION_STATE_RESTING);
  rig_destroy(rig);
}

static void test_a_peers_session_taken_up_again_keeps_its_end(void) {
  struct rig *rig = rig_resumed(theirs, 120000, 2, 1);
  expect_end(rig, 120000, session_expired);
  rig_destroy(rig);
}

static void test_a_peers_session_that_has_ended_meanwhile_is_given_up_in_its_turn(void) {
  struct rig *rig = rig_resumed(theirs, -1, 5000, 1);
  expect(!advance_to(rig, 4990));
  expect_end(rig, 5000, session_expired);
  rig_destroy(rig);
}

static void test_an_end_beyond_the_interval_is_not_believed(void) {
  struct rig *rig = rig_resumed(ours, INT64_MAX, 2, 1);
  expect_int(rig->session.expires_at.value, ==, START_MS + 600000);
  rig_destroy(rig);
}

static void test_a_stopped_timer_does_nothing_more(void) {
  struct rig *rig = rig_of(ours);
  expect_rung(rig, 300000, UPDATE);
  session_timer_stop(&rig->session, &rig->context);
  accept(rig, ours);
  expect_int(rig->session.state, ==, SESSION_STATE_IDLE);
  expect(!advance_to(rig, 2000000));
  session_timer_stop(&rig->session, &rig->context);
  rig_destroy(rig);
}

static void test_what_is_shown_is_what_will_happen(void) {
  struct rig *rig = rig_of(ours);
  struct mono_ms refresh, guard;
  expect(session_timer_next_refresh(&rig->session, &refresh));
  expect(session_timer_guard(&rig->session, &rig->parameters, &guard));
  expect_int(refresh.value, ==, START_MS + 300000);
  expect_int(guard.value, ==, START_MS + 600000);
  expect_view(session_role_name(rig->session.role), "us");
  expect_int(session_timer_terms(&rig->session).interval_s, ==, 600);
  session_timer_begin(&rig->session, &rig->context, none, SESSION_BY_OTHERS, SIP_METHOD_UPDATE);
  expect_view(session_role_name(rig->session.role), "none");
  expect_int(session_timer_terms(&rig->session).interval_s, ==, 0);
  rig_destroy(rig);
}

TAP_TESTS(TAP(test_a_lower_ttl_brings_refreshes_forward_spread_over_a_period),
          TAP(test_a_higher_ttl_is_offered_with_the_next_refresh_that_is_due_anyhow),
          TAP(test_a_change_of_something_else_moves_nothing),
          TAP(test_an_earlier_hang_up_reaches_running_calls_but_never_lies_in_the_past),
          TAP(test_the_probe_is_switched_while_calls_run),
          TAP(test_timers_switched_on_are_offered_to_a_peer_that_knows_them),
          TAP(test_timers_switched_on_are_offered_also_where_the_probe_is_off),
          TAP(test_the_preview_says_who_would_refresh_sooner), TAP(test_calls_taken_up_again_are_spread_over_a_period),
          TAP(test_calls_taken_up_again_are_asked_when_they_are_to_be),
          TAP(test_calls_taken_up_again_are_never_asked_sooner_than_from_then_on),
          TAP(test_calls_taken_up_again_are_asked_while_their_peers_still_wait),
          TAP(test_calls_taken_up_again_late_are_still_spread),
          TAP(test_calls_that_were_asked_in_a_row_after_a_restart_are_spread_again),
          TAP(test_a_session_that_has_ended_meanwhile_is_asked_before_it_is_given_up),
          TAP(test_a_peers_session_that_has_ended_meanwhile_is_given_up_in_its_turn),
          TAP(test_an_end_beyond_the_interval_is_not_believed), TAP(test_a_peers_session_taken_up_again_keeps_its_end),
          TAP(test_a_stopped_timer_does_nothing_more), TAP(test_what_is_shown_is_what_will_happen))
