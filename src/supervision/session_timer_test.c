/* One leg's timer against a clock that is turned by hand: the test plays the call and the peer. */
#include "supervision/session_timer.h"

#include <stdlib.h>
#include <tap.h>

#include "base/check.h"
#include "supervision/session_guard.h"

#define START_MS 5000000

struct rig {
  struct session_timer session;
  struct context context;
  struct timer_wheel wheel;
  struct random random;
  struct counters counters;
  struct parameters parameters;
  struct refresh_evidence evidence;
  struct session_deed deed; /* the last one that was to be done */
};

static const struct session_terms ours = {600, SESSION_ROLE_OURS}, theirs = {600, SESSION_ROLE_THEIRS}, none = {0};

static struct rig *rig_create(void) {
  struct rig *rig = calloc(1, sizeof *rig);
  random_seed(&rig->random, (struct siphash_key){3, 4});
  parameters_set_defaults(&rig->parameters);
  rig->evidence = (struct refresh_evidence){.allows_update = true, .has_session = true, .owns_call_id = true};
  rig->context = (struct context){.now = {START_MS},
                                  .random = &rig->random,
                                  .wheel = &rig->wheel,
                                  .counters = &rig->counters,
                                  .parameters = &rig->parameters};
  timer_wheel_init(&rig->wheel, rig->context.now);
  return rig;
}

/* A leg that has answered the INVITE, as the callee's has, with these terms. */
static struct rig *rig_of(struct session_terms terms) {
  struct rig *rig = rig_create();
  session_timer_note_answered(&rig->session, SIP_METHOD_INVITE);
  session_timer_begin(&rig->session, &rig->context, terms, SESSION_BY_ANSWER, SIP_METHOD_INVITE);
  return rig;
}

static int64_t rig_ms(const struct rig *rig) {
  return rig->context.now.value - START_MS;
}

static struct rig *rig_of_interval(uint32_t interval_s, enum session_role role) {
  return rig_of((struct session_terms){interval_s, (uint8_t)role});
}

static void rig_destroy(struct rig *rig) {
  session_timer_stop(&rig->session, &rig->context);
  expect_int(rig->wheel.armed_count, ==, 0);
  expect_int(rig->counters.invariants_broken, ==, 0);
  free(rig);
}

static void take(struct rig *rig, struct session_deed deed) {
  if (deed.kind != SESSION_DEED_NONE) rig->deed = deed;
}

/* Turns the clock to `until_ms`, or to the first deed before. */
static bool advance_to(struct rig *rig, int64_t until_ms) {
  rig->deed = (struct session_deed){0};
  while (rig_ms(rig) < until_ms) {
    int64_t next = timer_wheel_next_wake(&rig->wheel).value;
    if (next > START_MS + until_ms) next = START_MS + until_ms;
    if (next <= rig->context.now.value) next = rig->context.now.value + 1;
    rig->context.now.value = next;
    timer_wheel_advance(&rig->wheel, rig->context.now);
    while (timer_wheel_next_due(&rig->wheel))
      take(rig, session_timer_due(&rig->session, &rig->context, &rig->evidence));
    if (rig->deed.kind != SESSION_DEED_NONE) return true;
  }
  return false;
}

/* The wheel has ticks of 10 ms. */
static void expect_at_in(const struct rig *rig, int64_t ms, const char *file, int line) {
  char text[64];
  if (rig_ms(rig) >= ms && rig_ms(rig) <= ms + 10) return;
  snprintf(text, sizeof text, "expected at %lld ms, is %lld", (long long)ms, (long long)rig_ms(rig));
  tap_fail(file, line, text);
}

static void expect_rung_in(struct rig *rig, int64_t ms, enum refresh_rung rung, const char *file, int line) {
  advance_to(rig, ms + 100000000);
  expect_at_in(rig, ms, file, line);
  if (rig->deed.kind != SESSION_DEED_SEND || rig->deed.rung != rung) tap_fail(file, line, "another deed or rung");
}

static void expect_end_in(struct rig *rig, int64_t ms, enum end_cause cause, const char *file, int line) {
  if (rig->deed.kind != SESSION_DEED_END) advance_to(rig, ms + 100000000);
  expect_at_in(rig, ms, file, line);
  if (rig->deed.kind != SESSION_DEED_END || rig->deed.cause != cause) tap_fail(file, line, "another deed or cause");
  expect(!timer_is_armed(&rig->session.timer));
}

#define expect_at(rig, ms)         expect_at_in((rig), (ms), __FILE__, __LINE__)
#define expect_rung(rig, ms, rung) expect_rung_in((rig), (ms), REFRESH_RUNG_##rung, __FILE__, __LINE__)
#define expect_end(rig, ms, cause) expect_end_in((rig), (ms), END_CAUSE_##cause, __FILE__, __LINE__)

static enum sip_method method_of(const struct rig *rig) {
  return refresh_rung_method((enum refresh_rung)rig->session.rung);
}

static void reply(struct rig *rig, struct session_reply what) {
  what.method = method_of(rig);
  rig->deed = (struct session_deed){0};
  take(rig, session_timer_answer(&rig->session, &rig->context, &rig->evidence, &what));
}

static void accept(struct rig *rig, struct session_terms terms) {
  reply(rig, (struct session_reply){.status = 200, .terms = terms});
}

static void refuse(struct rig *rig, uint16_t status) {
  reply(rig, (struct session_reply){.status = status});
}

/* Nobody answers for `after_ms`. */
static void stay_silent(struct rig *rig, int64_t after_ms) {
  advance_to(rig, rig_ms(rig) + after_ms);
  if (rig->deed.kind == SESSION_DEED_NONE) reply(rig, (struct session_reply){.status = 0});
}

static void expect_sent(const struct rig *rig, enum refresh_rung rung) {
  expect_int(rig->deed.kind, ==, SESSION_DEED_SEND);
  expect_int(rig->deed.rung, ==, rung);
}

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

/* --- changes ----------------------------------------------------------------------------------------------------- */

static void change(struct rig *rig) {
  struct session_wishes wishes = session_wishes_of(&rig->parameters, NULL);
  session_timer_change(&rig->session, &rig->context, &wishes);
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
  session_timer_resume(&rig->session, &rig->context, terms, &(struct session_resumption){left_ms, ask_in_ms});
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
    session_timer_change(&rig->session, &rig->context, &wishes); /* as at each start */
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

TAP_TESTS(
    TAP(test_we_refresh_every_interval_by_segment), TAP(test_a_late_2xx_does_not_move_the_refreshes_after_it),
    TAP(test_a_request_of_the_peer_starts_the_rhythm_anew), TAP(test_a_2xx_with_another_interval_is_obeyed_at_once),
    TAP(test_exactly_one_side_refreshes_when_roles_change), TAP(test_ten_thousand_refreshes_leave_the_timer_as_it_was),
    TAP(test_a_peer_that_does_not_refresh_is_given_up_at_expiry), TAP(test_early_hang_up_comes_before_expiry),
    TAP(test_each_refresh_of_the_peer_moves_the_guard), TAP(test_silence_on_a_method_answered_before_ends_at_once),
    TAP(test_408_is_silence), TAP(test_silence_of_a_peer_that_is_heard_meanwhile_is_not_final),
    TAP(test_swallowed_update_is_followed_by_a_re_invite_with_600_s),
    TAP(test_swallowed_update_is_followed_by_a_re_invite_with_90_s),
    TAP(test_a_dead_peer_is_ended_before_its_session_expires),
    TAP(test_a_late_2xx_of_a_rung_given_up_refreshes_all_the_same),
    TAP(test_a_late_refusal_changes_nothing_but_481_ends), TAP(test_refused_rungs_are_climbed_at_once),
    TAP(test_a_peer_that_knows_no_update_is_not_asked_again), TAP(test_481_ends_at_once_on_every_rung),
    TAP(test_491_waits_2_1_to_4_s_where_the_call_id_is_ours_else_0_to_2_s), TAP(test_after_491_the_old_deadline_stays),
    TAP(test_endless_491_leads_to_proof_of_life_by_options),
    TAP(test_491_leaves_the_other_rungs_the_time_of_a_transaction),
    TAP(test_422_is_raised_twice_and_then_another_rung_tried), TAP(test_retry_after_is_obeyed_within_the_interval),
    TAP(test_a_challenge_is_answered_where_there_are_credentials),
    TAP(test_any_other_refusal_is_tried_once_more_then_climbed_then_guarded),
    TAP(test_every_status_on_every_rung_leaves_an_armed_timer_or_an_end),
    TAP(test_a_network_that_refuses_is_knocked_at_for_32_s), TAP(test_a_device_that_is_back_within_32_s_keeps_its_call),
    TAP(test_a_refusal_before_does_not_hide_that_nobody_is_there_now),
    TAP(test_a_last_rung_that_is_swallowed_is_unanswered_at_expiry_whatever_was_refused),
    TAP(test_a_blocked_rung_waits_a_moment_and_climbs_when_time_is_short),
    TAP(test_a_process_that_stood_still_gives_the_peer_the_time_of_a_transaction),
    TAP(test_a_process_that_stood_still_listens_before_it_gives_the_refresher_up),
    TAP(test_a_leg_without_timer_is_probed_every_ttl_by_segment), TAP(test_with_ttl_0_a_leg_is_probed_every_300_s),
    TAP(test_the_probe_may_be_a_re_invite_or_off), TAP(test_a_dead_leg_without_timer_is_ended_within_the_interval),
    TAP(test_a_probe_that_is_swallowed_is_followed_by_a_re_invite),
    TAP(test_a_device_that_answers_probes_with_404_is_asked_by_re_invite),
    TAP(test_a_peer_may_switch_its_timer_off_and_on_again),
    TAP(test_our_refresh_may_be_answered_by_switching_the_timer_off),
    TAP(test_a_lower_ttl_brings_refreshes_forward_spread_over_a_period),
    TAP(test_a_higher_ttl_is_offered_with_the_next_refresh_that_is_due_anyhow),
    TAP(test_a_change_of_something_else_moves_nothing),
    TAP(test_an_earlier_hang_up_reaches_running_calls_but_never_lies_in_the_past),
    TAP(test_the_probe_is_switched_while_calls_run), TAP(test_timers_switched_on_are_offered_to_a_peer_that_knows_them),
    TAP(test_the_preview_says_who_would_refresh_sooner), TAP(test_calls_taken_up_again_are_spread_over_a_period),
    TAP(test_calls_taken_up_again_are_asked_when_they_are_to_be),
    TAP(test_calls_taken_up_again_are_never_asked_sooner_than_from_then_on),
    TAP(test_a_session_that_has_ended_meanwhile_is_asked_before_it_is_given_up),
    TAP(test_a_peers_session_that_has_ended_meanwhile_is_given_up_in_its_turn),
    TAP(test_an_end_beyond_the_interval_is_not_believed), TAP(test_a_peers_session_taken_up_again_keeps_its_end),
    TAP(test_a_stopped_timer_does_nothing_more), TAP(test_what_is_shown_is_what_will_happen))
