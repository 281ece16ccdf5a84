/* Refreshes, probes and the ends that supervision brings, as peers see them: the ladder, the guard, the cap, changes
 * while calls run, and what records and lists say. */
#include "supervision/session_offer.h"
#include "switch/switch_bench.h"

#define TIMER_LINES "Supported: timer\r\n"
#define ALLOW_LINES "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE\r\n"
#define OURS_LINES  "Session-Expires: 600;refresher=uac\r\n" TIMER_LINES
#define QUIET_LINES TIMER_LINES "Session-Expires: 600;refresher=uac\r\n" /* a caller that refreshes for itself */

struct talk {
  struct bench *bench;
  struct peer *caller, *callee;
};

static struct talk connect_in(struct bench *bench, const char *caller_lines, const char *callee_lines) {
  struct talk talk = {.bench = bench, .caller = peer_at(bench, CUSTOMER), .callee = peer_at(bench, VENDOR_A)};
  peer_add(talk.caller, caller_lines);
  peer_invite(talk.caller, "4420", OFFER);
  peer_expect(talk.callee, "INVITE");
  peer_add(talk.callee, callee_lines);
  peer_respond(talk.callee, 200, ANSWER);
  peer_expect(talk.callee, "ACK");
  peer_expect(talk.caller, "200");
  peer_ack(talk.caller, NULL);
  return talk;
}

static struct talk connect_with(const char *caller_lines, const char *callee_lines) {
  return connect_in(bench_create(), caller_lines, callee_lines);
}

static void expect_decision(const struct bench *bench, const char *leg, const char *timer, const char *message) {
  expect_view(bench->records[0].end_leg, leg);
  expect_view(bench->records[0].end_timer, timer);
  expect_view(bench->records[0].end_message, message);
}

static void finish(struct talk *talk) {
  peer_skip(talk->caller);
  peer_skip(talk->callee);
  bench_hang_up(talk->caller, talk->callee);
  expect_record(talk->bench, "normal");
  expect_decision(talk->bench, "caller", "", "BYE");
  bench_end(talk->bench);
}

/* The caller refreshes its leg, so that only the callee's is at stake. */
static void caller_refreshes(struct talk *talk) {
  peer_add(talk->caller, QUIET_LINES);
  peer_request(talk->caller, "UPDATE", NULL);
  peer_expect(talk->caller, "200");
}

static void pass_ms(struct talk *talk, int64_t milliseconds) {
  bench_advance(talk->bench, milliseconds);
}

/* Until something is sent to the peer, at a time that is random; at once when something was. */
static void pass_until_heard(struct talk *talk, struct peer *peer, int64_t milliseconds_max) {
  for (int64_t passed = 0; passed < milliseconds_max && !peer_next(peer); passed += 100)
    pass_ms(talk, 100);
}

/* The callee gets this refresh, and answers it. */
static const char *callee_refreshed(struct talk *talk, const char *method) {
  const char *request = peer_expect(talk->callee, method);
  peer_add(talk->callee, OURS_LINES);
  peer_reply(talk->callee, 200, strcmp(method, "INVITE") == 0 ? ANSWER : NULL);
  if (strcmp(method, "INVITE") == 0) peer_expect(talk->callee, "ACK");
  return request;
}

static void expect_ended(struct talk *talk, const char *cause, const char *file, int line) {
  const struct bench *bench = talk->bench;
  expect_record_at(bench, "session_timeout", file, line);
  if (bench->record_count != 1 || !str_view_equal(bench->records[0].end_cause, str_view_from_c(cause)))
    tap_fail(file, line, "another cause");
  peer_skip(talk->caller);
  peer_skip(talk->callee);
}
#define expect_end(talk, cause) expect_ended((talk), (cause), __FILE__, __LINE__)

static void expect_both_bye(struct talk *talk) {
  struct peer *peers[] = {talk->caller, talk->callee};
  for (unsigned i = 0; i < 2; i++) {
    const char *bye = peer_expect(peers[i], "BYE");
    expect(strstr(header_of(bye, "Reason"), "Q.850;cause=102") != NULL);
    peer_reply(peers[i], 200, NULL);
  }
}

/* --- refreshing -------------------------------------------------------------------------------------------------- */

static void test_the_seed_flow(void) {
  struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
  pass_ms(&talk, 299980);
  peer_expect_nothing(talk.callee);
  pass_ms(&talk, 30);
  const char *update = callee_refreshed(&talk, "UPDATE");
  expect(!*body_of(update));
  expect(strcmp(header_of(update, "Session-Expires"), "600;refresher=uac") == 0);
  caller_refreshes(&talk);
  pass_ms(&talk, 300000);
  peer_expect(talk.callee, "UPDATE");
  pass_ms(&talk, 31900);
  expect_int(talk.bench->record_count, ==, 0);
  peer_skip(talk.callee);
  pass_ms(&talk, 200);
  expect_both_bye(&talk);
  expect_end(&talk, "refresh_unanswered");
  expect_int(talk.bench->records[0].hold_time_ms, >=, 632000);
  expect_int(talk.bench->records[0].hold_time_ms, <=, 632200);
  expect_view(talk.bench->records[0].end_direction, "switch");
  expect_decision(talk.bench, "callee", "session", "UPDATE, no answer");
  bench_end(talk.bench);
}

/* A call of hours outlives what the recorder's ring has of its beginning. */
static void test_refreshes_and_the_end_tell_the_recorder_again_whose_the_call_ids_are(void) {
  struct bench *bench = bench_create();
  bench->outbox.takes_notes = true;
  struct talk talk = connect_in(bench, QUIET_LINES, ALLOW_LINES OURS_LINES);
  expect_int(bench->leg_notes, ==, 2);
  pass_ms(&talk, 300010);
  callee_refreshed(&talk, "UPDATE");
  expect_int(bench->leg_notes, ==, 4);
  caller_refreshes(&talk);
  expect_int(bench->leg_notes, ==, 6);
  peer_skip(talk.caller);
  bench_hang_up(talk.caller, talk.callee);
  expect_int(bench->leg_notes, ==, 8);
  bench_end(bench);
  struct bench *brief = bench_create();
  brief->outbox.takes_notes = true;
  talk = connect_in(brief, QUIET_LINES, ALLOW_LINES OURS_LINES);
  bench_hang_up(talk.caller, talk.callee);
  expect_int(brief->leg_notes, ==, 2);
  bench_end(brief);
}

static void test_both_legs_are_refreshed_by_us_over_ten_intervals(void) {
  struct talk talk = connect_with(TIMER_LINES ALLOW_LINES "Session-Expires: 600\r\n", ALLOW_LINES OURS_LINES);
  for (unsigned i = 1; i <= 20; i++) {
    pass_ms(&talk, 300000);
    callee_refreshed(&talk, "UPDATE");
    const char *update = peer_expect(talk.caller, "UPDATE");
    expect(strcmp(header_of(update, "Session-Expires"), "600;refresher=uac") == 0);
    peer_add(talk.caller, "Session-Expires: 600;refresher=uac\r\n");
    peer_reply(talk.caller, 200, NULL);
    talk.bench->sent_count = 0;
  }
  expect_int(talk.bench->counters.session_refreshes_caller_update_accepted, ==, 20);
  expect_int(talk.bench->counters.session_refreshes_callee_update_accepted, ==, 20);
  finish(&talk);
  /* the record counts them */
}

static void test_a_peer_without_update_gets_re_invites_with_the_session_in_force(void) {
  struct talk talk = connect_with(QUIET_LINES, OURS_LINES);
  char first[BENCH_TEXT_MAX + 64];
  snprintf(first, sizeof first, "%s", body_of(talk.callee->invite));
  pass_ms(&talk, 300010);
  const char *invite = callee_refreshed(&talk, "INVITE");
  expect(strcmp(body_of(invite), first) == 0);
  expect(strcmp(header_of(invite, "Content-Type"), "application/sdp") == 0);
  peer_expect_nothing(talk.caller);
  finish(&talk);
}

static void renegotiate(struct peer *from, struct peer *to, const char *offer, const char *answer) {
  peer_request(from, "INVITE", offer);
  peer_expect(to, "INVITE");
  peer_respond(to, 200, answer);
  peer_expect(to, "ACK");
  peer_expect(from, "200");
  peer_ack(from, NULL);
}

static void test_after_hold_resume_and_a_refused_offer_the_refresh_says_what_is_in_force(void) {
  struct talk talk = connect_with(QUIET_LINES, "Session-Expires: 600;refresher=uac\r\n");
  char in_force[BENCH_TEXT_MAX + 64];
  renegotiate(talk.caller, talk.callee, HOLD, HELD);
  renegotiate(talk.caller, talk.callee, OFFER, ANSWER);
  snprintf(in_force, sizeof in_force, "%s", body_of(talk.callee->invite));
  peer_request(talk.caller, "INVITE", SDP_TEXT("alice", "9", "4400", "sendrecv"));
  peer_expect(talk.callee, "INVITE");
  peer_respond(talk.callee, 488, NULL);
  peer_expect(talk.callee, "ACK");
  peer_expect(talk.caller, "488");
  peer_send_request(talk.caller, "ACK", talk.caller->invite_cseq, talk.caller->invite_branch, NULL);
  caller_refreshes(&talk);
  pass_ms(&talk, 300010);
  expect(strcmp(body_of(callee_refreshed(&talk, "INVITE")), in_force) == 0);
  finish(&talk);
}

static void test_a_re_invite_of_the_peer_in_between_starts_the_rhythm_anew(void) {
  struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
  pass_ms(&talk, 200000);
  peer_add(talk.callee, TIMER_LINES "Session-Expires: 600;refresher=uas\r\n");
  peer_request(talk.callee, "INVITE", ANSWER);
  expect(strcmp(header_of(peer_expect(talk.callee, "200"), "Session-Expires"), "600;refresher=uas") == 0);
  peer_ack(talk.callee, NULL);
  pass_ms(&talk, 299900);
  peer_expect_nothing(talk.callee);
  pass_ms(&talk, 200);
  callee_refreshed(&talk, "UPDATE");
  finish(&talk);
}

/* RFC 3261 §12.2.2, RFC 6141 §4.6: by re-INVITE (the session as it was), and by UPDATE. */
static void test_a_refresh_goes_to_the_contact_of_the_last_target_refresh(void) {
  for (unsigned by_update = 0; by_update < 2; by_update++) {
    struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
    struct peer *old = talk.callee, *moved = peer_at(talk.bench, "203.0.113.77:5060");
    struct flow flow = moved->flow;
    *moved = *old;
    moved->flow = flow;
    talk.callee = moved;
    pass_ms(&talk, 100000);
    peer_add(moved, TIMER_LINES "Session-Expires: 600;refresher=uas\r\n");
    peer_request(moved, by_update ? "UPDATE" : "INVITE", by_update ? NULL : ANSWER);
    peer_expect(moved, "200");
    if (!by_update) peer_ack(moved, NULL);
    caller_refreshes(&talk);
    pass_ms(&talk, 300010);
    const char *update = callee_refreshed(&talk, "UPDATE");
    expect(str_view_starts_with(str_view_from_c(update), STR_VIEW("UPDATE sip:peer@203.0.113.77")));
    peer_expect_nothing(old);
    finish(&talk);
  }
}

static void test_exactly_one_side_refreshes_when_the_peer_takes_the_role(void) {
  struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
  pass_ms(&talk, 100000);
  peer_add(talk.callee, TIMER_LINES "Session-Expires: 600;refresher=uac\r\n");
  peer_request(talk.callee, "UPDATE", NULL);
  expect(strcmp(header_of(peer_expect(talk.callee, "200"), "Session-Expires"), "600;refresher=uac") == 0);
  caller_refreshes(&talk);
  pass_ms(&talk, 599900);
  peer_expect_nothing(talk.callee);
  pass_ms(&talk, 200);
  peer_expect(talk.callee, "BYE");
  expect_end(&talk, "session_expired");
  bench_end(talk.bench);
}

static void test_the_ack_of_a_refresh_is_sent_again_for_each_repeated_2xx(void) {
  struct talk talk = connect_with(QUIET_LINES, OURS_LINES);
  pass_ms(&talk, 300010);
  peer_expect(talk.callee, "INVITE");
  for (unsigned i = 0; i < 3; i++) {
    peer_add(talk.callee, OURS_LINES);
    peer_respond(talk.callee, 200, ANSWER);
    const char *ack = peer_expect(talk.callee, "ACK");
    expect(strcmp(header_of(ack, "CSeq"), "2 ACK") == 0);
    pass_ms(&talk, 500);
  }
  expect_int(talk.bench->counters.session_refreshes_callee_invite_accepted, ==, 1);
  finish(&talk);
}

/* --- the ladder -------------------------------------------------------------------------------------------------- */

static void test_refused_update_is_followed_by_update_with_sdp_and_re_invite(void) {
  struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
  pass_ms(&talk, 300010);
  peer_expect(talk.callee, "UPDATE");
  peer_reply(talk.callee, 488, NULL);
  const char *update = peer_expect(talk.callee, "UPDATE");
  expect(strcmp(body_of(update), body_of(talk.callee->invite)) == 0);
  peer_reply(talk.callee, 415, NULL);
  callee_refreshed(&talk, "INVITE");
  caller_refreshes(&talk);
  pass_ms(&talk, 300000);
  callee_refreshed(&talk, "INVITE"); /* what worked is remembered */
  finish(&talk);
}

static void test_a_device_without_update_is_remembered_in_its_next_call(void) {
  struct bench *bench = bench_create();
  struct talk talk = connect_in(bench, QUIET_LINES, ALLOW_LINES OURS_LINES);
  pass_ms(&talk, 300010);
  peer_expect(talk.callee, "UPDATE");
  peer_reply(talk.callee, 501, NULL);
  callee_refreshed(&talk, "INVITE");
  bench_hang_up(talk.caller, talk.callee);
  bench->record_count = 0;
  expect_int(bench->kept_devices, ==, 1); /* over a restart */
  struct talk next = connect_in(bench, QUIET_LINES, ALLOW_LINES OURS_LINES);
  pass_ms(&next, 300010);
  callee_refreshed(&next, "INVITE");
  expect_int(bench->kept_devices, ==, 1);
  finish(&next);
}

static void test_swallowed_update_is_followed_by_a_re_invite_in_the_same_interval(void) {
  struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
  pass_ms(&talk, 300010);
  peer_expect(talk.callee, "UPDATE");
  pass_ms(&talk, 31500);
  unsigned resent = peer_skip(talk.callee);
  expect_int(resent, ==, 10);
  pass_ms(&talk, 600);
  callee_refreshed(&talk, "INVITE");
  expect_int(talk.bench->counters.session_refreshes_callee_update_unanswered, ==, 1);
  finish(&talk);
}

static void test_swallowed_update_with_90_s_leaves_time_for_the_re_invite(void) {
  struct bench *bench = bench_create();
  bench->parameters.SS_SIP_SESSION_TTL = 90;
  struct talk talk = connect_in(bench, TIMER_LINES "Session-Expires: 90;refresher=uac\r\n",
                                ALLOW_LINES TIMER_LINES "Session-Expires: 90;refresher=uac\r\n");
  pass_ms(&talk, 45010);
  peer_expect(talk.callee, "UPDATE");
  pass_ms(&talk, 7400); /* the callee gives up after 60 s (RFC 4028 10) */
  peer_skip(talk.callee);
  pass_ms(&talk, 110);
  peer_expect(talk.callee, "INVITE");
  peer_add(talk.callee, "Session-Expires: 90;refresher=uac\r\n");
  peer_respond(talk.callee, 200, ANSWER);
  peer_expect(talk.callee, "UPDATE"); /* sent again in the same moment */
  peer_expect(talk.callee, "ACK");
  finish(&talk);
}

static void test_update_that_is_answered_late_counts_all_the_same(void) {
  struct bench *bench = bench_create();
  bench->parameters.SS_SIP_SESSION_TTL = 90;
  struct talk talk = connect_in(bench, TIMER_LINES "Session-Expires: 90;refresher=uac\r\n",
                                ALLOW_LINES TIMER_LINES "Session-Expires: 90;refresher=uac\r\n");
  char update[BENCH_TEXT_MAX + 64];
  pass_ms(&talk, 45010);
  snprintf(update, sizeof update, "%s", peer_expect(talk.callee, "UPDATE"));
  pass_ms(&talk, 23000);
  peer_skip(talk.callee); /* the re-INVITE among them */
  peer_add(talk.callee, "Session-Expires: 90;refresher=uac\r\n");
  peer_answer(talk.callee, update, 200, NULL);
  peer_respond(talk.callee, 200, ANSWER);
  peer_expect(talk.callee, "ACK");
  peer_add(talk.caller, TIMER_LINES "Session-Expires: 90;refresher=uac\r\n");
  peer_request(talk.caller, "UPDATE", NULL);
  peer_expect(talk.caller, "200");
  pass_ms(&talk, 40000);
  finish(&talk);
}

static void test_481_ends_both_legs_at_once(void) {
  struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
  pass_ms(&talk, 300010);
  peer_expect(talk.callee, "UPDATE");
  peer_reply(talk.callee, 481, NULL);
  expect_both_bye(&talk);
  expect_end(&talk, "refresh_rejected");
  struct cdr_record *record = &talk.bench->records[0];
  expect(str_view_starts_with(record->explanation,
                              STR_VIEW("The callee's device does not know the call any more: UPDATE")));
  expect_decision(talk.bench, "callee", "session", "481 to UPDATE");
  bench_end(talk.bench);
}

/* RFC 3261 §9.1: it may be cancelled once a provisional response has come. */
static void test_a_re_invite_that_rings_without_end_is_cancelled_and_the_peer_proved_alive(void) {
  struct talk talk = connect_in(bench_create(), QUIET_LINES, OURS_LINES);
  char invite[BENCH_TEXT_MAX + 64];
  pass_ms(&talk, 300000);
  memcpy(invite, peer_expect(talk.callee, "INVITE"), sizeof invite);
  peer_answer(talk.callee, invite, 183, NULL);
  pass_ms(&talk, 260000);
  peer_expect_nothing(talk.callee);
  pass_ms(&talk, 8100);
  char cancel[BENCH_TEXT_MAX + 64];
  memcpy(cancel, peer_expect(talk.callee, "CANCEL"), sizeof cancel);
  peer_answer(talk.callee, cancel, 200, NULL);
  peer_expect(talk.callee, "OPTIONS");
  peer_reply(talk.callee, 200, NULL);
  peer_skip(talk.callee); /* either may have been sent again */
  peer_answer(talk.callee, invite, 487, NULL);
  peer_expect(talk.callee, "ACK");
  pass_ms(&talk, 20000);
  peer_expect_nothing(talk.callee);
  finish(&talk);
}

static void test_488_to_everything_is_answered_by_proof_of_life(void) {
  struct talk talk = connect_with(QUIET_LINES, OURS_LINES);
  pass_ms(&talk, 300010);
  peer_expect(talk.callee, "INVITE");
  peer_respond(talk.callee, 488, NULL);
  peer_expect(talk.callee, "ACK");
  peer_expect(talk.callee, "OPTIONS");
  peer_reply(talk.callee, 200, NULL);
  caller_refreshes(&talk);
  pass_ms(&talk, 300000);
  peer_expect(talk.callee, "INVITE");
  finish(&talk);
}

static void test_glare_of_refreshes_is_waited_out(void) {
  struct talk talk = connect_with(QUIET_LINES, OURS_LINES);
  pass_ms(&talk, 300010);
  peer_expect(talk.callee, "INVITE");
  /* The peer's own re-INVITE crosses ours: each gets 491. */
  char ours[BENCH_TEXT_MAX + 64];
  memcpy(ours, talk.callee->invite, sizeof ours);
  peer_request(talk.callee, "INVITE", ANSWER);
  peer_expect(talk.callee, "491");
  peer_send_request(talk.callee, "ACK", talk.callee->invite_cseq, talk.callee->invite_branch, NULL);
  peer_answer(talk.callee, ours, 491, NULL);
  peer_expect(talk.callee, "ACK");
  pass_ms(&talk, 2000);
  peer_expect_nothing(talk.callee); /* the Call-ID is ours: 2.1 s at least */
  pass_until_heard(&talk, talk.callee, 2100);
  callee_refreshed(&talk, "INVITE");
  expect_int(talk.bench->counters.session_refreshes_crossed, ==, 1);
  finish(&talk);
}

static void test_never_two_invites_of_ours_in_a_dialog(void) {
  struct talk talk = connect_with(QUIET_LINES, OURS_LINES);
  pass_ms(&talk, 299000);
  peer_request(talk.caller, "INVITE", HOLD);
  peer_expect(talk.callee, "INVITE");
  pass_ms(&talk, 400);
  pass_ms(&talk, 5000);
  unsigned invites = 0;
  for (struct bench_message *next; (next = peer_next(talk.callee)) != NULL; next->taken = true)
    invites += strstr(next->text, "CSeq: 2 INVITE") == NULL;
  expect_int(invites, ==, 0); /* only the carried one, again */
  peer_respond(talk.callee, 200, HELD);
  peer_expect(talk.callee, "ACK");
  peer_expect(talk.caller, "200");
  peer_ack(talk.caller, NULL);
  pass_ms(&talk, 5000);
  peer_expect_nothing(talk.callee); /* the carried one has refreshed */
  finish(&talk);
}

static void test_while_our_refresh_is_open_a_session_change_has_to_wait(void) {
  struct talk talk = connect_with(QUIET_LINES, OURS_LINES);
  pass_ms(&talk, 300010);
  peer_expect(talk.callee, "INVITE");
  peer_request(talk.caller, "INVITE", HOLD);
  peer_expect(talk.caller, "491");
  peer_send_request(talk.caller, "ACK", talk.caller->invite_cseq, talk.caller->invite_branch, NULL);
  peer_add(talk.callee, OURS_LINES);
  peer_respond(talk.callee, 200, ANSWER);
  peer_expect(talk.callee, "ACK");
  renegotiate(talk.caller, talk.callee, HOLD, HELD);
  finish(&talk);
}

static void test_422_to_a_refresh_is_raised_and_the_deadline_stays(void) {
  struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
  pass_ms(&talk, 300010);
  peer_expect(talk.callee, "UPDATE");
  peer_add(talk.callee, "Min-SE: 1200\r\n");
  peer_reply(talk.callee, 422, NULL);
  const char *update = peer_expect(talk.callee, "UPDATE");
  expect(strcmp(header_of(update, "Session-Expires"), "1200;refresher=uac") == 0);
  expect(strcmp(header_of(update, "Min-SE"), "1200") == 0);
  peer_add(talk.callee, "Session-Expires: 1200;refresher=uac\r\n");
  peer_reply(talk.callee, 200, NULL);
  caller_refreshes(&talk);
  pass_ms(&talk, 590000);
  caller_refreshes(&talk);
  pass_ms(&talk, 10100);
  update = peer_expect(talk.callee, "UPDATE");
  expect(strcmp(header_of(update, "Session-Expires"), "1200;refresher=uac") == 0);
  peer_reply(talk.callee, 200, NULL);
  finish(&talk);
}

static void test_retry_after_is_obeyed(void) {
  struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
  pass_ms(&talk, 300010);
  peer_expect(talk.callee, "UPDATE");
  peer_add(talk.callee, "Retry-After: 20\r\n");
  peer_reply(talk.callee, 503, NULL);
  pass_ms(&talk, 19900);
  peer_expect_nothing(talk.callee);
  pass_ms(&talk, 200);
  callee_refreshed(&talk, "UPDATE");
  finish(&talk);
}

static void test_a_refusal_of_everything_is_guarded_until_expiry(void) {
  struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
  caller_refreshes(&talk);
  for (unsigned i = 0; i < 60; i++) {
    pass_ms(&talk, 10000);
    for (struct bench_message *next; (next = peer_next(talk.callee)) != NULL;) {
      next->taken = true;
      peer_learn(talk.callee, next->text);
      if (strncmp(next->text, "ACK", 3) == 0) continue;
      if (strncmp(next->text, "BYE", 3) != 0) peer_reply(talk.callee, 603, NULL);
    }
    if (i == 40) caller_refreshes(&talk);
  }
  pass_ms(&talk, 1000);
  expect_end(&talk, "refresh_rejected");
  expect_int(talk.bench->records[0].hold_time_ms, >=, 600000);
  expect_int(talk.bench->records[0].hold_time_ms, <=, 600100);
  bench_end(talk.bench);
}

static void test_a_device_that_the_network_refuses_is_ended_after_32_s(void) {
  struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
  pass_ms(&talk, 300010);
  callee_refreshed(&talk, "UPDATE");
  caller_refreshes(&talk);
  pass_ms(&talk, 300000);
  for (unsigned i = 0; i < 33; i++) {
    bench_handle(talk.bench, &(struct event){.kind = EVENT_CONNECTION_CLOSED, .flow = talk.callee->flow});
    pass_ms(&talk, 1000);
  }
  expect_end(&talk, "refresh_unanswered");
  expect_int(talk.bench->records[0].hold_time_ms, >, 631000);
  expect_int(talk.bench->records[0].hold_time_ms, <, 634000);
  bench_end(talk.bench);
}

/* --- the guard, the cap, the probe ------------------------------------------------------------------------------- */

static void test_a_silent_refresher_is_ended_at_expiry(void) {
  struct talk talk = connect_with(QUIET_LINES, "Session-Expires: 600;refresher=uas\r\n" TIMER_LINES);
  pass_ms(&talk, 300000);
  caller_refreshes(&talk);
  pass_ms(&talk, 299900);
  expect_int(talk.bench->record_count, ==, 0);
  pass_ms(&talk, 200);
  expect_both_bye(&talk);
  expect_end(&talk, "session_expired");
  expect_view(talk.bench->records[0].callee_timer_refresher, "them");
  bench_end(talk.bench);
}

static void test_early_hang_up_ends_before_expiry(void) {
  struct bench *bench = bench_create();
  bench->parameters.SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP = PARAMETER_AUTO;
  struct talk talk = connect_in(bench, TIMER_LINES "Session-Expires: 120;refresher=uac\r\n", "");
  pass_ms(&talk, 87900);
  expect_int(bench->record_count, ==, 0);
  pass_ms(&talk, 200);
  expect_end(&talk, "session_expired");
  bench_end(bench);
}

static void test_the_cap_of_a_caller_without_timers_is_not_moved_by_refreshes(void) {
  struct bench *bench = bench_create();
  bench->parameters.SS_SIP_NO_TIMER_REINVITE_INTERVAL = 1000;
  struct talk talk = connect_in(bench, "", ALLOW_LINES OURS_LINES);
  for (unsigned i = 0; i < 3; i++) {
    pass_ms(&talk, 300010);
    callee_refreshed(&talk, "UPDATE");
    peer_expect(talk.caller, "OPTIONS");
    peer_reply(talk.caller, 200, NULL);
  }
  pass_ms(&talk, 99900);
  expect_int(bench->record_count, ==, 0);
  pass_ms(&talk, 200);
  expect_both_bye(&talk);
  expect_end(&talk, "no_timer_cap");
  expect_int(bench->records[0].hold_time_ms / 1000, ==, 1000);
  expect_view(bench->records[0].explanation,
              "The caller's device has no session timer: its call may last 1000 s; last heard "
              "13:06:12 (200 to OPTIONS).");
  expect_decision(bench, "caller", "no_timer_cap", "");
  bench_end(bench);
}

static void test_a_caller_with_timers_has_no_cap(void) {
  struct bench *bench = bench_create();
  bench->parameters.SS_SIP_NO_TIMER_REINVITE_INTERVAL = 400;
  struct talk talk = connect_in(bench, QUIET_LINES, "Session-Expires: 600;refresher=uas\r\n" TIMER_LINES);
  pass_ms(&talk, 500000);
  expect_int(bench->record_count, ==, 0);
  finish(&talk);
}

static void test_cap_0_leaves_the_probe(void) {
  struct bench *bench = bench_create();
  bench->parameters.SS_SIP_NO_TIMER_REINVITE_INTERVAL = 0;
  struct talk talk = connect_in(bench, "", "Session-Expires: 600;refresher=uas\r\n" TIMER_LINES);
  pass_ms(&talk, 300010);
  peer_expect(talk.caller, "OPTIONS");
  peer_reply(talk.caller, 200, NULL);
  finish(&talk);
}

static void test_a_dead_caller_without_timers_is_found_by_the_probe(void) {
  struct talk talk = connect_with("", "Session-Expires: 600;refresher=uas\r\n" TIMER_LINES);
  pass_ms(&talk, 300010);
  peer_expect(talk.caller, "OPTIONS");
  peer_reply(talk.caller, 200, NULL);
  peer_add(talk.callee, TIMER_LINES "Session-Expires: 600;refresher=uac\r\n");
  peer_request(talk.callee, "UPDATE", NULL);
  peer_expect(talk.callee, "200");
  pass_ms(&talk, 300000);
  pass_ms(&talk, 32100);
  expect_end(&talk, "refresh_unanswered");
  expect(
      str_view_starts_with(talk.bench->records[0].explanation,
                           STR_VIEW("The caller's device stopped answering: OPTIONS sent 13:01:12, resent 10 times, no "
                                    "answer in 32 s; last heard")));
  bench_end(talk.bench);
}

static void test_the_probe_by_re_invite_repeats_the_session_in_force(void) {
  struct bench *bench = bench_create();
  bench->parameters.BF_NO_TIMER_PROBE = NO_TIMER_PROBE_REINVITE;
  struct talk talk = connect_in(bench, "", "Session-Expires: 600;refresher=uas\r\n" TIMER_LINES);
  char in_force[BENCH_TEXT_MAX + 64];
  snprintf(in_force, sizeof in_force, "%s", body_of(talk.caller->got));
  pass_ms(&talk, 300010);
  expect(strcmp(body_of(peer_expect(talk.caller, "INVITE")), in_force) == 0);
  peer_respond(talk.caller, 200, OFFER);
  peer_expect(talk.caller, "ACK");
  peer_expect_nothing(talk.callee);
  finish(&talk);
}

/* --- ends -------------------------------------------------------------------------------------------------------- */

static void test_after_the_end_a_crossing_re_invite_gets_481(void) {
  struct talk talk = connect_with(QUIET_LINES, "Session-Expires: 600;refresher=uas\r\n" TIMER_LINES);
  pass_ms(&talk, 600100);
  peer_expect(talk.caller, "BYE");
  peer_request(talk.caller, "INVITE", HOLD);
  peer_expect(talk.caller, "481");
  expect_end(&talk, "session_expired");
  bench_end(talk.bench);
}

static void test_a_dead_legs_bye_does_not_hold_up_the_others(void) {
  struct talk talk = connect_with(QUIET_LINES, "Session-Expires: 600;refresher=uas\r\n" TIMER_LINES);
  pass_ms(&talk, 600100);
  int64_t when[2] = {0};
  for (unsigned i = 0; i < talk.bench->sent_count; i++) {
    const struct bench_message *message = &talk.bench->sent[i];
    if (strncmp(message->text, "BYE ", 4) != 0) continue;
    bool to_caller = address_equal(&message->flow.remote, &talk.caller->flow.remote);
    if (when[to_caller] == 0) when[to_caller] = message->at_ms;
  }
  expect(when[0] != 0 && when[0] == when[1]);
  expect_end(&talk, "session_expired");
  bench_end(talk.bench);
}

static void test_an_answer_that_comes_after_the_end_has_no_effect(void) {
  struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
  char update[BENCH_TEXT_MAX + 64];
  pass_ms(&talk, 300010);
  snprintf(update, sizeof update, "%s", peer_expect(talk.callee, "UPDATE"));
  peer_request(talk.caller, "BYE", NULL);
  peer_expect(talk.caller, "200");
  peer_expect(talk.callee, "BYE");
  peer_answer(talk.callee, update, 481, NULL);
  peer_reply(talk.callee, 200, NULL);
  expect_record(talk.bench, "normal");
  bench_end(talk.bench);
}

static void test_a_refresh_that_is_open_at_the_end_is_acknowledged(void) {
  struct talk talk = connect_with(QUIET_LINES, OURS_LINES);
  pass_ms(&talk, 300010);
  peer_expect(talk.callee, "INVITE");
  peer_request(talk.caller, "BYE", NULL);
  peer_expect(talk.caller, "200");
  peer_expect(talk.callee, "BYE");
  peer_respond(talk.callee, 200, ANSWER);
  peer_expect(talk.callee, "ACK");
  peer_reply(talk.callee, 200, NULL);
  expect_record(talk.bench, "normal");
  bench_end(talk.bench);
}

/* RFC 5407 §3.2.3: also when our BYE was answered before, and the leg is gone. */
static void test_a_refresh_that_is_answered_after_our_bye_was_is_acknowledged(void) {
  struct talk talk = connect_with(QUIET_LINES, OURS_LINES);
  pass_ms(&talk, 300010);
  peer_expect(talk.callee, "INVITE");
  peer_request(talk.caller, "BYE", NULL);
  peer_expect(talk.caller, "200");
  peer_expect(talk.callee, "BYE");
  peer_reply(talk.callee, 200, NULL);
  expect_int(call_leg_count(talk.bench->core->calls), ==, 0);
  peer_respond(talk.callee, 200, ANSWER);
  const char *ack = peer_expect(talk.callee, "ACK");
  expect(strstr(header_of(ack, "To"), talk.callee->local_tag) && !strcmp(header_of(ack, "CSeq"), "2 ACK"));
  bench_advance(talk.bench, 1000);
  peer_expect_nothing(talk.callee);
  expect_record(talk.bench, "normal");
  bench_end(talk.bench);
}

/* Against RFC 3261 §13.2.2.4 the 2xx names no Contact: the ACK goes back the way it came. */
static void test_a_late_answer_without_contact_is_acknowledged_too(void) {
  struct talk talk = connect_with(QUIET_LINES, OURS_LINES);
  char answer[BENCH_TEXT_MAX];
  pass_ms(&talk, 300010);
  const char *invite = peer_expect(talk.callee, "INVITE");
  snprintf(answer, sizeof answer,
           "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n",
           header_of(invite, "Via"), header_of(invite, "From"), header_of(invite, "To"), header_of(invite, "Call-ID"),
           header_of(invite, "CSeq"));
  peer_request(talk.caller, "BYE", NULL);
  peer_expect(talk.caller, "200");
  peer_expect(talk.callee, "BYE");
  peer_reply(talk.callee, 200, NULL);
  expect_int(call_leg_count(talk.bench->core->calls), ==, 0);
  peer_send_text(talk.callee, answer);
  peer_expect(talk.callee, "ACK");
  bench_end(talk.bench);
}

/* --- changes ----------------------------------------------------------------------------------------------------- */

static void test_a_lower_ttl_reaches_running_calls(void) {
  struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
  pass_ms(&talk, 10000);
  talk.bench->parameters.SS_SIP_SESSION_TTL = 120;
  bench_order(talk.bench, ORDER_PARAMETERS_CHANGED, "");
  pass_until_heard(&talk, talk.callee, 60100);
  const char *update = peer_expect(talk.callee, "UPDATE");
  expect(strcmp(header_of(update, "Session-Expires"), "120;refresher=uac") == 0);
  peer_add(talk.callee, "Session-Expires: 120;refresher=uac\r\n");
  peer_reply(talk.callee, 200, NULL);
  pass_until_heard(&talk, talk.callee, 60100);
  peer_expect(talk.callee, "UPDATE");
  finish(&talk);
}

static void test_timers_switched_off_end_with_the_next_refresh(void) {
  struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
  talk.bench->parameters.SS_SIP_SESSION_TTL = 0;
  bench_order(talk.bench, ORDER_PARAMETERS_CHANGED, "");
  pass_ms(&talk, 300010);
  const char *update = peer_expect(talk.callee, "UPDATE");
  expect(strcmp(header_of(update, "Session-Expires"), "") == 0);
  peer_reply(talk.callee, 200, NULL);
  caller_refreshes(&talk);
  pass_ms(&talk, 300010);
  peer_expect(talk.callee, "OPTIONS");
  finish(&talk);
}

static void test_a_changed_device_reaches_running_calls(void) {
  struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
  bench_device(talk.bench, "vendor-a")->overrides.sip_timer = false;
  bench_apply(talk.bench);
  bench_order(talk.bench, ORDER_DIRECTORY_CHANGED, "");
  pass_ms(&talk, 300010);
  const char *update = peer_expect(talk.callee, "UPDATE");
  expect(strcmp(header_of(update, "Session-Expires"), "") == 0);
  finish(&talk);
}

static void test_a_lower_cap_reaches_running_calls(void) {
  struct bench *bench = bench_create();
  bench->parameters.BF_NO_TIMER_PROBE = NO_TIMER_PROBE_OFF;
  struct talk talk = connect_in(bench, "", "Session-Expires: 600;refresher=uas\r\n" TIMER_LINES);
  pass_ms(&talk, 100000);
  bench->parameters.SS_SIP_NO_TIMER_REINVITE_INTERVAL = 200;
  bench_order(bench, ORDER_PARAMETERS_CHANGED, "");
  pass_ms(&talk, 99900);
  expect_int(bench->record_count, ==, 0);
  pass_ms(&talk, 200);
  expect_end(&talk, "no_timer_cap");
  bench_end(bench);
}

static void expect_preview(struct talk *talk, const char *change, const char *numbers) {
  bench_order(talk->bench, ORDER_PREVIEW_PARAMETER, change);
  expect(strcmp(talk->bench->order_answer, numbers) == 0);
}

static void test_the_preview_counts_calls_that_would_refresh_sooner_or_end(void) {
  struct talk talk = connect_with(TIMER_LINES "Session-Expires: 600\r\n", ALLOW_LINES OURS_LINES);
  struct talk untimed = connect_in(talk.bench, "", ALLOW_LINES OURS_LINES);
  pass_ms(&talk, 130000);
  expect_preview(&talk, "SS_SIP_SESSION_TTL=600", "2 0 0");
  expect_preview(&talk, "SS_SIP_SESSION_TTL=120", "2 2 0");
  expect_preview(&talk, "SS_SIP_NO_TIMER_REINVITE_INTERVAL=120", "2 0 1");
  expect_preview(&talk, "SS_SIP_NO_TIMER_REINVITE_INTERVAL=0", "2 0 0");
  bench_order(talk.bench, ORDER_PREVIEW_PARAMETER, "SS_SIP_SESSION_TTL=89");
  expect_int(talk.bench->order_result, ==, RESULT_OUT_OF_RANGE);
  bench_order(talk.bench, ORDER_PREVIEW_PARAMETER, "NOTHING");
  expect_int(talk.bench->order_result, ==, RESULT_NOT_FOUND);
  bench_hang_up(untimed.caller, untimed.callee);
  talk.bench->record_count = 0;
  finish(&talk);
}

static void test_a_changed_longest_talk_time_reaches_running_calls(void) {
  struct talk talk = connect_with(QUIET_LINES, OURS_LINES);
  pass_ms(&talk, 10000);
  bench_device(talk.bench, "vendor-a")->overrides.max_duration_s = 60;
  bench_apply(talk.bench);
  bench_order(talk.bench, ORDER_DIRECTORY_CHANGED, "");
  pass_ms(&talk, 49900);
  expect_int(talk.bench->record_count, ==, 0);
  pass_ms(&talk, 200);
  expect_record(talk.bench, "duration_limit");
  expect_decision(talk.bench, "", "max_duration", "");
  peer_skip(talk.caller);
  peer_skip(talk.callee);
  bench_end(talk.bench);
}

/* --- what is shown ----------------------------------------------------------------------------------------------- */

static void test_the_list_of_calls_shows_both_timers_live(void) {
  struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
  pass_ms(&talk, 100000);
  bench_order(talk.bench, ORDER_LIST_CALLS, "");
  const char *caller = strstr(talk.bench->order_answer, "\"caller_leg\""),
             *callee = strstr(talk.bench->order_answer, "\"callee_leg\"");
  expect(caller && callee);
  if (!caller || !callee) return;
  expect(strstr(caller, "\"timer\":{\"interval_s\":600,\"refresher\":\"them\",\"method\":null,\"refreshes\":0,"
                        "\"next_refresh_in_s\":null,\"expires_in_s\":500}") != NULL);
  expect(strstr(callee, "\"timer\":{\"interval_s\":600,\"refresher\":\"us\",\"method\":null,\"refreshes\":0,"
                        "\"next_refresh_in_s\":200,\"expires_in_s\":500}") != NULL);
  pass_ms(&talk, 200010);
  callee_refreshed(&talk, "UPDATE");
  bench_order(talk.bench, ORDER_LIST_CALLS, "");
  callee = strstr(talk.bench->order_answer, "\"callee_leg\"");
  expect(callee &&
         strstr(callee, "\"method\":\"UPDATE\",\"refreshes\":1,\"next_refresh_in_s\":299,\"expires_in_s\":600"));
  finish(&talk);
}

static void test_the_record_shows_both_timers_and_who_was_heard_last(void) {
  struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
  pass_ms(&talk, 300010);
  callee_refreshed(&talk, "UPDATE");
  caller_refreshes(&talk);
  pass_ms(&talk, 300010);
  peer_expect(talk.callee, "UPDATE");
  peer_reply(talk.callee, 481, NULL);
  const struct cdr_record *record = &talk.bench->records[0];
  expect_end(&talk, "refresh_rejected");
  expect_int(record->caller_timer_interval_s, ==, 600);
  expect_view(record->caller_timer_refresher, "them");
  expect_view(record->caller_timer_method, "UPDATE");
  expect_int(record->caller_timer_refreshes, ==, 1);
  expect_int(record->callee_timer_interval_s, ==, 600);
  expect_view(record->callee_timer_refresher, "us");
  expect_view(record->callee_timer_method, "UPDATE");
  expect_int(record->callee_timer_refreshes, ==, 1);
  expect_view(record->last_alive_by, "caller: UPDATE");
  expect_int(talk.bench->counters.calls_ended_refresh_rejected, ==, 1);
  bench_end(talk.bench);
}

static void test_no_ack_is_explained(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  bench_advance(bench, 32100);
  expect_record(bench, "session_timeout");
  expect(str_view_starts_with(
      bench->records[0].explanation,
      STR_VIEW("The caller's device never acknowledged our answer, which was sent again for 32 s")));
  expect_decision(bench, "caller", "acknowledgement", "200 to INVITE, no ACK");
  peer_skip(caller);
  peer_skip(callee);
  bench_end(bench);
}

static void test_keep_alives_that_were_unanswered_are_part_of_the_explanation(void) {
  struct bench *bench = bench_create();
  bench_device(bench, "vendor-a")->overrides.keep_alive = KEEP_ALIVE_OPTIONS;
  bench_apply(bench);
  bench_order(bench, ORDER_DIRECTORY_CHANGED, "");
  struct talk talk = connect_in(bench, QUIET_LINES, ALLOW_LINES OURS_LINES);
  for (unsigned i = 0; i < 36; i++) {
    pass_ms(&talk, 10000);
    peer_skip(talk.callee);
    bench->sent_count = 0;
  }
  pass_ms(&talk, 10000);
  expect_end(&talk, "refresh_unanswered");
  struct str_view words = bench->records[0].explanation;
  expect(memmem(words.data, words.length, " Keep-alives to its address were unanswered since 12:",
                strlen(" Keep-alives to its address were unanswered since 12:")) != NULL);
  bench_device(bench, "vendor-a")->overrides.keep_alive = DEVICE_USE_PARAMETER;
  bench_apply(bench);
  bench_order(bench, ORDER_DIRECTORY_CHANGED, "");
  bench_end(bench);
}

static void test_legs_are_counted_by_who_refreshes(void) {
  struct talk talk = connect_with(QUIET_LINES, ALLOW_LINES OURS_LINES);
  uint32_t legs[3];
  call_count_roles(talk.bench->core->calls, legs);
  expect_int(legs[SESSION_ROLE_NONE], ==, 0);
  expect_int(legs[SESSION_ROLE_OURS], ==, 1);
  expect_int(legs[SESSION_ROLE_THEIRS], ==, 1);
  struct bench *bench = talk.bench;
  peer_skip(talk.caller);
  bench_hang_up(talk.caller, talk.callee);
  call_count_roles(bench->core->calls, legs);
  expect_int(legs[0] + legs[1] + legs[2], ==, 0);
  bench_end(bench);
}

static void test_ten_thousand_refreshes_of_one_call_leave_memory_as_it_was(void) {
  struct bench *bench = bench_create();
  bench->parameters.SS_SIP_SESSION_TTL = 90;
  struct talk talk = connect_in(bench, ALLOW_LINES TIMER_LINES "Session-Expires: 90\r\n",
                                TIMER_LINES "Session-Expires: 90;refresher=uac\r\n");
  struct switch_core_counts before, after;
  uint64_t blocks = 0;
  for (unsigned i = 0; i < 10010; i++) {
    bench_advance(bench, 45000);
    callee_refreshed(&talk, "INVITE");
    peer_expect(talk.caller, "UPDATE");
    peer_reply(talk.caller, 200, NULL);
    bench->sent_count = 0;
    if (i != 9) continue;
    bench_advance(bench, 44000); /* until every transaction is over */
    bench->sent_count = 0;
    switch_core_count(bench->core, &bench->context, &before);
    blocks = bench->core->blocks.bytes_used;
    bench_advance(bench, 1000);
    callee_refreshed(&talk, "INVITE");
    peer_expect(talk.caller, "UPDATE");
    peer_reply(talk.caller, 200, NULL);
  }
  bench_advance(bench, 44000);
  switch_core_count(bench->core, &bench->context, &after);
  expect_int(after.transactions, ==, before.transactions);
  expect_int(after.timers, ==, before.timers);
  expect_int(after.dialogs, ==, before.dialogs);
  expect_int(bench->core->blocks.bytes_used, ==, blocks);
  finish(&talk);
}

TAP_TESTS(
    TAP(test_the_seed_flow), TAP(test_refreshes_and_the_end_tell_the_recorder_again_whose_the_call_ids_are),
    TAP(test_both_legs_are_refreshed_by_us_over_ten_intervals),
    TAP(test_a_peer_without_update_gets_re_invites_with_the_session_in_force),
    TAP(test_after_hold_resume_and_a_refused_offer_the_refresh_says_what_is_in_force),
    TAP(test_a_re_invite_of_the_peer_in_between_starts_the_rhythm_anew),
    TAP(test_a_refresh_goes_to_the_contact_of_the_last_target_refresh),
    TAP(test_exactly_one_side_refreshes_when_the_peer_takes_the_role),
    TAP(test_the_ack_of_a_refresh_is_sent_again_for_each_repeated_2xx),
    TAP(test_refused_update_is_followed_by_update_with_sdp_and_re_invite),
    TAP(test_a_device_without_update_is_remembered_in_its_next_call),
    TAP(test_swallowed_update_is_followed_by_a_re_invite_in_the_same_interval),
    TAP(test_swallowed_update_with_90_s_leaves_time_for_the_re_invite),
    TAP(test_update_that_is_answered_late_counts_all_the_same), TAP(test_481_ends_both_legs_at_once),
    TAP(test_a_re_invite_that_rings_without_end_is_cancelled_and_the_peer_proved_alive),
    TAP(test_488_to_everything_is_answered_by_proof_of_life), TAP(test_glare_of_refreshes_is_waited_out),
    TAP(test_never_two_invites_of_ours_in_a_dialog), TAP(test_while_our_refresh_is_open_a_session_change_has_to_wait),
    TAP(test_422_to_a_refresh_is_raised_and_the_deadline_stays), TAP(test_retry_after_is_obeyed),
    TAP(test_a_refusal_of_everything_is_guarded_until_expiry),
    TAP(test_a_device_that_the_network_refuses_is_ended_after_32_s), TAP(test_a_silent_refresher_is_ended_at_expiry),
    TAP(test_early_hang_up_ends_before_expiry), TAP(test_the_cap_of_a_caller_without_timers_is_not_moved_by_refreshes),
    TAP(test_a_caller_with_timers_has_no_cap), TAP(test_cap_0_leaves_the_probe),
    TAP(test_a_dead_caller_without_timers_is_found_by_the_probe),
    TAP(test_the_probe_by_re_invite_repeats_the_session_in_force),
    TAP(test_after_the_end_a_crossing_re_invite_gets_481), TAP(test_a_dead_legs_bye_does_not_hold_up_the_others),
    TAP(test_an_answer_that_comes_after_the_end_has_no_effect),
    TAP(test_a_refresh_that_is_answered_after_our_bye_was_is_acknowledged),
    TAP(test_a_late_answer_without_contact_is_acknowledged_too),
    TAP(test_a_refresh_that_is_open_at_the_end_is_acknowledged), TAP(test_a_lower_ttl_reaches_running_calls),
    TAP(test_timers_switched_off_end_with_the_next_refresh), TAP(test_a_changed_device_reaches_running_calls),
    TAP(test_a_lower_cap_reaches_running_calls), TAP(test_the_preview_counts_calls_that_would_refresh_sooner_or_end),
    TAP(test_a_changed_longest_talk_time_reaches_running_calls), TAP(test_the_list_of_calls_shows_both_timers_live),
    TAP(test_the_record_shows_both_timers_and_who_was_heard_last), TAP(test_no_ack_is_explained),
    TAP(test_keep_alives_that_were_unanswered_are_part_of_the_explanation), TAP(test_legs_are_counted_by_who_refreshes),
    TAP(test_ten_thousand_refreshes_of_one_call_leave_memory_as_it_was))
