/* Session timers as calls negotiate them, each leg alone (RFC 4028): what our messages say, and what follows from
 * theirs. */
#include "switch/switch_bench.h"

#define TIMER_LINES "Supported: timer\r\n"

struct talk {
  struct bench *bench;
  struct peer *caller, *callee;
};

/* A call whose INVITE and 200 have these lines beside the usual ones. */
static struct talk connect_with(const char *caller_lines, const char *callee_lines) {
  struct talk talk = {.bench = bench_create()};
  talk.caller = peer_at(talk.bench, CUSTOMER);
  talk.callee = peer_at(talk.bench, VENDOR_A);
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

static void finish(struct talk *talk) {
  peer_skip(talk->caller);
  peer_skip(talk->callee);
  bench_hang_up(talk->caller, talk->callee);
  expect_record(talk->bench, "normal");
  bench_end(talk->bench);
}

static void expect_field(const char *message, const char *name, const char *want, int line) {
  const char *got = header_of(message, name);
  if (strcmp(got, want) == 0) return;
  char text[256];
  snprintf(text, sizeof text, "expected %s: %.60s, got %.60s", name, want, got);
  tap_fail(__FILE__, line, text);
}
#define expect_header(message, name, want) expect_field((message), (name), (want), __LINE__)

/* How often a header line with this start stands in the message. */
static unsigned count_lines(const char *message, const char *start) {
  unsigned count = 0;
  char line[128];
  snprintf(line, sizeof line, "\r\n%s", start);
  for (const char *at = message; (at = strstr(at, line)) != NULL; at++)
    count++;
  return count;
}

static bool lists(const char *message, const char *name, const char *token) {
  return strstr(header_of(message, name), token) != NULL;
}

/* --- towards the callee ------------------------------------------------------------------------------------------ */

static void test_our_invite_offers_ttl_min_se_and_us(void) {
  struct talk talk = connect_with("", "");
  expect_header(talk.callee->invite, "Session-Expires", "600;refresher=uac");
  expect_header(talk.callee->invite, "Min-SE", "90");
  expect(lists(talk.callee->invite, "Supported", "timer"));
  expect_int(count_lines(talk.callee->invite, "Supported:"), ==, 1);
  finish(&talk);
}

static void test_nothing_of_one_legs_timer_crosses_to_the_other(void) {
  struct talk talk = connect_with(TIMER_LINES "Session-Expires: 333;refresher=uac\r\nMin-SE: 111\r\n",
                                  "Session-Expires: 222;refresher=uas\r\nRequire: timer\r\n");
  expect_header(talk.callee->invite, "Session-Expires", "600;refresher=uac");
  expect_header(talk.callee->invite, "Min-SE", "90");
  expect_header(talk.caller->got, "Session-Expires", "333;refresher=uac");
  finish(&talk);
}

static void test_a_device_without_timers_is_offered_none(void) {
  struct bench *bench = bench_create();
  bench_device(bench, "vendor-a")->overrides.sip_timer = false;
  bench_apply(bench);
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_add(caller, TIMER_LINES "Session-Expires: 600\r\n");
  bench_connect(caller, callee, "4420");
  expect_header(callee->invite, "Session-Expires", "");
  expect_header(callee->invite, "Min-SE", "");
  expect(!lists(callee->invite, "Supported", "timer"));
  expect_header(caller->got, "Session-Expires", "600;refresher=uas"); /* the other leg is another matter */
  bench_hang_up(caller, callee);
  bench_end(bench);
}

static void test_a_device_chooses_its_refresher(void) {
  struct bench *bench = bench_create();
  bench_device(bench, "vendor-a")->overrides.refresher = SESSION_REFRESHER_THEM;
  bench_apply(bench);
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  expect_header(callee->invite, "Session-Expires", "600;refresher=uas");
  bench_hang_up(caller, callee);
  bench_end(bench);
}

static void test_with_ttl_0_there_are_no_timers_on_either_leg(void) {
  struct bench *bench = bench_create();
  bench->parameters.SS_SIP_SESSION_TTL = 0;
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_add(caller, TIMER_LINES "Session-Expires: 600\r\n");
  bench_connect(caller, callee, "4420");
  expect_header(callee->invite, "Session-Expires", "");
  expect(!lists(callee->invite, "Supported", "timer"));
  expect_header(caller->got, "Session-Expires", "");
  expect(!lists(caller->got, "Supported", "timer"));
  bench_hang_up(caller, callee);
  bench_end(bench);
}

static void refuse_invite(struct peer *callee, const char *lines) {
  peer_expect(callee, "INVITE");
  peer_add(callee, lines);
  peer_respond(callee, 422, NULL);
  peer_expect(callee, "ACK");
}

static void test_a_422_is_followed_by_the_same_invite_with_the_larger_minimum(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  char before[2][256];
  peer_invite(caller, "4420", OFFER);
  refuse_invite(callee, "Min-SE: 1800\r\n");
  snprintf(before[0], sizeof before[0], "%s", header_of(callee->invite, "Via"));
  snprintf(before[1], sizeof before[1], "%s", header_of(callee->invite, "Call-ID"));
  refuse_invite(callee, "Min-SE: 3600\r\n");
  expect_header(callee->invite, "Session-Expires", "1800;refresher=uac");
  expect_header(callee->invite, "Min-SE", "1800");
  expect_header(callee->invite, "CSeq", "2 INVITE");
  expect_header(callee->invite, "Call-ID", before[1]);
  expect(strcmp(header_of(callee->invite, "Via"), before[0]) != 0);
  expect(strstr(body_of(callee->invite), "m=audio 4000") != NULL);
  peer_expect(callee, "INVITE");
  expect_header(callee->invite, "Session-Expires", "3600;refresher=uac");
  peer_add(callee, "Session-Expires: 3600;refresher=uac\r\n");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  expect_int(bench->counters.session_intervals_raised, ==, 2);
  bench_hang_up(caller, callee);
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_a_third_422_ends_the_attempt(void) {
  struct bench *bench = bench_create();
  bench_device(bench, "vendor-b")->locked = true;
  bench_apply(bench);
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  refuse_invite(callee, "Min-SE: 1800\r\n");
  refuse_invite(callee, "");
  refuse_invite(callee, "Min-SE: 7200\r\n");
  peer_expect_nothing(callee);
  peer_expect(caller, "500");
  bench_end(bench);
}

static void test_a_422_without_min_se_is_raised_all_the_same(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  refuse_invite(callee, "");
  peer_expect(callee, "INVITE");
  expect_header(callee->invite, "Session-Expires", "1800;refresher=uac");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  bench_hang_up(caller, callee);
  bench_end(bench);
}

static void test_only_the_chosen_2xx_of_a_fork_arms(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A), *fork = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_add(callee, "Session-Expires: 300;refresher=uac\r\n");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  peer_add(fork, "Session-Expires: 90;refresher=uas\r\n");
  peer_answer(fork, callee->invite, 200, ANSWER);
  peer_skip(callee);
  bench_order(bench, ORDER_LIST_CALLS, "");
  expect(strstr(bench->order_answer, "\"interval_s\":300,\"refresher\":\"us\"") != NULL);
  bench_hang_up(caller, callee);
  bench_end(bench);
}

static void test_provisional_responses_say_nothing_about_timers(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_add(caller, TIMER_LINES "Session-Expires: 600\r\n");
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_add(callee, "Session-Expires: 90;refresher=uas\r\n");
  peer_respond(callee, 183, ANSWER);
  expect_header(peer_expect(caller, "183"), "Session-Expires", "");
  bench_advance(bench, 100000); /* neither leg has a clock yet */
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  bench_hang_up(caller, callee);
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_ringing_for_80_s_takes_nothing_from_a_session_of_90_s(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_add(caller, TIMER_LINES "Session-Expires: 90;refresher=uac\r\n");
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 180, NULL);
  peer_expect(caller, "180");
  bench_advance(bench, 80000);
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  bench_advance(bench, 89000);
  peer_expect_nothing(caller);
  bench_advance(bench, 1100);
  peer_expect(caller, "BYE");
  expect_record(bench, "session_timeout");
  bench_end(bench);
}

/* --- from the caller --------------------------------------------------------------------------------------------- */

static void test_the_callers_2xx_states_interval_and_refresher(void) {
  struct talk talk = connect_with(TIMER_LINES "Session-Expires: 300\r\n", "");
  expect_header(talk.caller->got, "Session-Expires", "300;refresher=uas");
  expect_header(talk.caller->got, "Require", "timer");
  expect(lists(talk.caller->got, "Supported", "timer"));
  finish(&talk);
}

static void test_require_timer_stands_once_where_the_caller_refreshes(void) {
  struct talk talk =
      connect_with(TIMER_LINES "x: 300;refresher=uac\r\n", "Require: timer\r\nSession-Expires: 90;refresher=uac\r\n");
  expect_header(talk.caller->got, "Session-Expires", "300;refresher=uac");
  expect_int(count_lines(talk.caller->got, "Require:"), ==, 1);
  finish(&talk);
}

static void test_a_caller_who_requires_timer_is_understood(void) {
  struct talk talk = connect_with("Require: timer\r\nSession-Expires: 300\r\n", "");
  expect_header(talk.caller->got, "Session-Expires", "300;refresher=uas");
  finish(&talk);
}

static void test_a_caller_without_timers_gets_no_session_expires(void) {
  struct talk talk = connect_with("", "");
  expect_header(talk.caller->got, "Session-Expires", "");
  expect_header(talk.caller->got, "Require", "");
  finish(&talk);
}

static void test_a_too_short_offer_gets_422_with_min_se_and_no_record(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench->parameters.BF_SESSION_MIN_SE = 300;
  peer_add(caller, TIMER_LINES "Session-Expires: 299\r\n");
  peer_invite(caller, "4420", OFFER);
  expect_header(peer_expect(caller, "422"), "Min-SE", "300");
  peer_send_request(caller, "ACK", caller->invite_cseq, caller->invite_branch, NULL);
  peer_expect_nothing(callee);
  caller->remote_tag[0] = '\0';
  peer_add(caller, TIMER_LINES "Session-Expires: 300\r\nMin-SE: 300\r\n");
  bench_connect(caller, callee, "4420");
  expect_header(caller->got, "Session-Expires", "300;refresher=uas");
  expect_int(bench->counters.session_intervals_refused, ==, 1);
  bench_hang_up(caller, callee);
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_1800_without_min_se_is_accepted_where_our_minimum_is_1800(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench->parameters.BF_SESSION_MIN_SE = bench->parameters.SS_SIP_SESSION_TTL = 1800;
  peer_add(caller, TIMER_LINES "Session-Expires: 1800\r\n");
  bench_connect(caller, callee, "4420");
  expect_header(caller->got, "Session-Expires", "1800;refresher=uas");
  bench_hang_up(caller, callee);
  bench_end(bench);
}

static void test_an_unreadable_offer_is_none(void) {
  static const char *const values[] = {"0x12c", "-300", "soon", ""};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    char lines[128];
    snprintf(lines, sizeof lines, TIMER_LINES "Session-Expires: %s\r\n", values[i]);
    struct talk talk = connect_with(lines, lines);
    expect_header(talk.caller->got, "Session-Expires", "600;refresher=uas");
    finish(&talk);
  }
}

static void test_repeated_session_expires_in_a_request_is_refused(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER);
  peer_add(caller, TIMER_LINES "Session-Expires: 300\r\nx: 600\r\n");
  peer_invite(caller, "4420", OFFER);
  peer_expect(caller, "400");
  bench_end(bench);
}

/* --- inside the call --------------------------------------------------------------------------------------------- */

static void test_a_peers_refresh_is_answered_here_with_its_timer(void) {
  struct talk talk = connect_with(TIMER_LINES "Session-Expires: 300;refresher=uac\r\n", "");
  peer_add(talk.caller, TIMER_LINES "Session-Expires: 300;refresher=uac\r\n");
  peer_request(talk.caller, "UPDATE", NULL);
  const char *answer = peer_expect(talk.caller, "200");
  expect_header(answer, "Session-Expires", "300;refresher=uac");
  expect_header(answer, "Require", "timer");
  peer_add(talk.caller, TIMER_LINES "Session-Expires: 300;refresher=uac\r\n");
  peer_request(talk.caller, "INVITE", OFFER);
  expect_header(peer_expect(talk.caller, "200"), "Session-Expires", "300;refresher=uac");
  peer_ack(talk.caller, NULL);
  peer_expect_nothing(talk.callee);
  expect_int(talk.bench->counters.session_refreshes_received_caller, ==, 2);
  finish(&talk);
}

static void test_a_refresh_with_a_too_short_interval_leaves_the_deadline_alone(void) {
  struct talk talk = connect_with(TIMER_LINES "Session-Expires: 300;refresher=uac\r\n", "");
  bench_advance(talk.bench, 250000);
  peer_add(talk.caller, TIMER_LINES "Session-Expires: 60;refresher=uac\r\n");
  peer_request(talk.caller, "UPDATE", NULL);
  expect_header(peer_expect(talk.caller, "422"), "Min-SE", "90");
  bench_advance(talk.bench, 49000);
  peer_expect_nothing(talk.caller);
  bench_advance(talk.bench, 1100);
  peer_expect(talk.caller, "BYE");
  expect_record(talk.bench, "session_timeout");
  bench_end(talk.bench);
}

static void test_a_carried_re_invite_speaks_each_legs_own_timer(void) {
  struct talk talk = connect_with(TIMER_LINES "Session-Expires: 300;refresher=uac\r\n",
                                  "Session-Expires: 400;refresher=uas\r\n" TIMER_LINES);
  peer_add(talk.caller, TIMER_LINES "Session-Expires: 300;refresher=uac\r\n");
  peer_request(talk.caller, "INVITE", HOLD);
  expect_header(peer_expect(talk.callee, "INVITE"), "Session-Expires", "400;refresher=uas");
  peer_add(talk.callee, "Session-Expires: 400;refresher=uas\r\n");
  peer_respond(talk.callee, 200, HELD);
  peer_expect(talk.callee, "ACK");
  expect_header(peer_expect(talk.caller, "200"), "Session-Expires", "300;refresher=uac");
  peer_ack(talk.caller, NULL);
  finish(&talk);
}

static void test_a_session_change_refreshes_its_own_leg_only(void) {
  struct talk talk = connect_with(TIMER_LINES "Session-Expires: 300;refresher=uac\r\n",
                                  "Session-Expires: 600;refresher=uas\r\n" TIMER_LINES);
  bench_advance(talk.bench, 200000);
  peer_add(talk.caller, TIMER_LINES "Session-Expires: 300;refresher=uac\r\n");
  peer_request(talk.caller, "UPDATE", NULL);
  peer_expect(talk.caller, "200");
  bench_advance(talk.bench, 250000);
  peer_add(talk.caller, TIMER_LINES "Session-Expires: 300;refresher=uac\r\n");
  peer_request(talk.caller, "UPDATE", NULL);
  peer_expect(talk.caller, "200");
  bench_advance(talk.bench, 150100);
  peer_expect(talk.callee, "BYE"); /* the callee was to refresh within 600 s */
  expect_record(talk.bench, "session_timeout");
  expect_view(talk.bench->records[0].end_cause, "session_expired");
  bench_end(talk.bench);
}

static void test_a_peer_switches_its_timer_off_and_is_probed_from_then_on(void) {
  struct talk talk =
      connect_with(TIMER_LINES "Session-Expires: 600;refresher=uac\r\n", "Session-Expires: 600;refresher=uas\r\n");
  bench_advance(talk.bench, 100000);
  peer_request(talk.caller, "UPDATE", NULL);
  expect_header(peer_expect(talk.caller, "200"), "Session-Expires", "");
  bench_advance(talk.bench, 300100);
  peer_expect(talk.caller, "OPTIONS");
  peer_reply(talk.caller, 200, NULL);
  finish(&talk);
}

static void test_a_refresh_without_interval_but_with_timer_makes_us_the_refresher(void) {
  struct talk talk = connect_with(TIMER_LINES "Session-Expires: 300;refresher=uac\r\n", "");
  bench_advance(talk.bench, 100000);
  peer_add(talk.caller, TIMER_LINES "Allow: INVITE, UPDATE\r\n");
  peer_request(talk.caller, "UPDATE", NULL);
  expect_header(peer_expect(talk.caller, "200"), "Session-Expires", "300;refresher=uas");
  bench_advance(talk.bench, 150100);
  expect_header(peer_expect(talk.caller, "UPDATE"), "Session-Expires", "300;refresher=uac");
  peer_add(talk.caller, "Session-Expires: 300;refresher=uac\r\n");
  peer_reply(talk.caller, 200, NULL);
  finish(&talk);
}

static void test_an_update_before_the_answer_is_not_timed(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_add(caller, TIMER_LINES "Session-Expires: 300;refresher=uac\r\n");
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 180, NULL);
  peer_expect(caller, "180");
  peer_add(caller, TIMER_LINES "Session-Expires: 90;refresher=uas\r\n");
  peer_request(caller, "UPDATE", NULL);
  expect_header(peer_expect(caller, "200"), "Session-Expires", "");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  expect_header(peer_expect(caller, "200"), "Session-Expires", "300;refresher=uac");
  caller->invite_cseq = 1;
  peer_ack(caller, NULL);
  bench_hang_up(caller, callee);
  bench_end(bench);
}

static void test_every_request_of_ours_supports_timer(void) {
  struct talk talk = connect_with("", "");
  peer_request(talk.caller, "INFO", "Signal=5\r\n");
  expect(lists(peer_expect(talk.callee, "INFO"), "Supported", "timer"));
  peer_reply(talk.callee, 200, NULL);
  peer_expect(talk.caller, "200");
  peer_request(talk.caller, "INVITE", HOLD);
  expect(lists(peer_expect(talk.callee, "INVITE"), "Supported", "timer"));
  peer_respond(talk.callee, 200, HELD);
  peer_expect(talk.callee, "ACK");
  peer_expect(talk.caller, "200");
  peer_ack(talk.caller, NULL);
  peer_request(talk.caller, "BYE", NULL);
  peer_expect(talk.caller, "200");
  expect(lists(peer_expect(talk.callee, "BYE"), "Supported", "timer"));
  peer_reply(talk.callee, 200, NULL);
  bench_end(talk.bench);
}

TAP_TESTS(TAP(test_our_invite_offers_ttl_min_se_and_us), TAP(test_nothing_of_one_legs_timer_crosses_to_the_other),
          TAP(test_a_device_without_timers_is_offered_none), TAP(test_a_device_chooses_its_refresher),
          TAP(test_with_ttl_0_there_are_no_timers_on_either_leg),
          TAP(test_a_422_is_followed_by_the_same_invite_with_the_larger_minimum),
          TAP(test_a_third_422_ends_the_attempt), TAP(test_a_422_without_min_se_is_raised_all_the_same),
          TAP(test_only_the_chosen_2xx_of_a_fork_arms), TAP(test_provisional_responses_say_nothing_about_timers),
          TAP(test_ringing_for_80_s_takes_nothing_from_a_session_of_90_s),
          TAP(test_the_callers_2xx_states_interval_and_refresher),
          TAP(test_require_timer_stands_once_where_the_caller_refreshes),
          TAP(test_a_caller_who_requires_timer_is_understood),
          TAP(test_a_caller_without_timers_gets_no_session_expires),
          TAP(test_a_too_short_offer_gets_422_with_min_se_and_no_record),
          TAP(test_1800_without_min_se_is_accepted_where_our_minimum_is_1800), TAP(test_an_unreadable_offer_is_none),
          TAP(test_repeated_session_expires_in_a_request_is_refused),
          TAP(test_a_peers_refresh_is_answered_here_with_its_timer),
          TAP(test_a_refresh_with_a_too_short_interval_leaves_the_deadline_alone),
          TAP(test_a_carried_re_invite_speaks_each_legs_own_timer),
          TAP(test_a_session_change_refreshes_its_own_leg_only),
          TAP(test_a_peer_switches_its_timer_off_and_is_probed_from_then_on),
          TAP(test_a_refresh_without_interval_but_with_timer_makes_us_the_refresher),
          TAP(test_an_update_before_the_answer_is_not_timed), TAP(test_every_request_of_ours_supports_timer))
