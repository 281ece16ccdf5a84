/* Messages that cross one another, come twice, too late or never. */
#include "switch/switch_bench.h"

/* INVITE and 180 have passed. */
static void ring(struct peer *caller, struct peer *callee) {
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 180, NULL);
  peer_expect(caller, "180");
}

/* --- CANCEL ------------------------------------------------------------------------------------------------------ */

static void test_cancel_racing_200_ends_both_legs_and_leaves_one_record(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  ring(caller, callee);
  peer_cancel(caller);
  peer_expect(caller, "200");
  peer_expect(caller, "487");
  const char *cancel = peer_expect(callee, "CANCEL");
  peer_respond(callee, 200, ANSWER); /* it was on its way already */
  peer_expect(callee, "ACK");
  peer_expect(callee, "BYE");
  peer_reply(callee, 200, NULL);
  peer_answer(callee, cancel, 481, NULL);
  expect_record(bench, "cancelled");
  bench_end(bench);
}

static void test_cancel_after_our_200_is_too_late(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  ring(caller, callee);
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_cancel(caller);
  peer_expect(caller, "200"); /* of the INVITE */
  peer_expect(caller, "200"); /* of the CANCEL */
  peer_ack(caller, NULL);
  peer_expect_nothing(callee);
  bench_hang_up(caller, callee);
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_bye_before_the_answer_is_a_cancellation(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  ring(caller, callee);
  peer_request(caller, "BYE", NULL);
  peer_expect(caller, "200");
  peer_expect(caller, "487");
  peer_expect(callee, "CANCEL");
  peer_respond(callee, 487, NULL);
  peer_expect(callee, "ACK");
  expect_record(bench, "cancelled");
  bench_end(bench);
}

static void test_callee_may_not_say_bye_before_its_answer(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  ring(caller, callee);
  peer_request(callee, "BYE", NULL);
  peer_expect(callee, "481");
  peer_respond(callee, 480, NULL);
  peer_expect(caller, "480");
  expect_int(bench->record_count, ==, 1);
  bench_end(bench);
}

static void test_cancelled_callee_that_never_ends_its_invite_is_forgotten(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  ring(caller, callee);
  peer_cancel(caller);
  peer_respond(callee, 180, NULL); /* still ringing: nobody is told */
  bench_advance(bench, 70000);
  expect_int(call_leg_count(bench->core->calls), ==, 0);
  expect_record(bench, "cancelled");
  bench_end(bench);
}

/* --- late answers ------------------------------------------------------------------------------------------------ */

static void test_late_200_after_fail_over_is_acknowledged_and_hung_up(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *a = peer_at(bench, VENDOR_A), *b = peer_at(bench, VENDOR_B);
  peer_invite(caller, "4420", OFFER);
  peer_expect(a, "INVITE");
  bench_advance(bench, 10010);
  peer_expect(b, "INVITE");
  peer_skip(a);
  peer_respond(a, 200, ANSWER);
  peer_expect(a, "ACK");
  peer_expect(a, "BYE");
  peer_reply(a, 200, NULL);
  peer_expect_nothing(caller);
  peer_respond(b, 200, ANSWER);
  peer_expect(b, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  bench_hang_up(caller, b);
  expect_record(bench, "normal");
  expect_view(bench->records[0].callee_device, "vendor-b");
  bench_end(bench);
}

static void test_second_200_of_a_fork_is_acknowledged_and_hung_up(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A), *fork = peer_at(bench, VENDOR_A);
  ring(caller, callee);
  memcpy(fork->invite, callee->invite, sizeof fork->invite);
  peer_respond(fork, 183, ANSWER);
  peer_expect(caller, "183");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  peer_respond(fork, 200, ANSWER);
  expect(strstr(header_of(peer_expect(fork, "ACK"), "To"), fork->local_tag) != NULL);
  expect(strstr(header_of(peer_expect(fork, "BYE"), "To"), fork->local_tag) != NULL);
  peer_reply(fork, 200, NULL);
  peer_respond(fork, 200, ANSWER); /* its ACK was lost */
  peer_expect(fork, "ACK");
  peer_expect_nothing(caller);
  bench_hang_up(callee, caller);
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_200_of_a_fork_after_the_end_is_acknowledged_and_hung_up(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  struct peer *fork = peer_at(bench, "203.0.113.2:5060");
  bench_connect(caller, callee, "4420");
  memcpy(fork->invite, callee->invite, sizeof fork->invite);
  bench_hang_up(caller, callee);
  expect_int(call_leg_count(bench->core->calls), ==, 0);
  const char *routes = "Record-Route: <sip:203.0.113.1;lr>, <sip:203.0.113.2;lr>\r\n";
  peer_add(fork, routes);
  peer_respond(fork, 200, ANSWER);
  const char *ack = peer_expect(fork, "ACK");
  expect(strstr(header_of(ack, "To"), fork->local_tag) && !strcmp(header_of(ack, "CSeq"), "1 ACK"));
  expect(strstr(ack, "\r\nRoute: <sip:203.0.113.2;lr>") && strstr(ack, "<sip:203.0.113.1;lr>\r\n"));
  expect(*body_of(ack) == 0);
  const char *bye = peer_expect(fork, "BYE");
  expect(strstr(header_of(bye, "To"), fork->local_tag) && !strcmp(header_of(bye, "CSeq"), "1001 BYE"));
  peer_reply(fork, 200, NULL);
  peer_add(fork, routes);
  peer_respond(fork, 200, ANSWER); /* its ACK was lost: it has been hung up already */
  peer_expect(fork, "ACK");
  bench_advance(bench, 1000);
  peer_expect_nothing(fork);
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_200_of_the_callee_after_the_end_is_nobodys_any_more(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  bench_hang_up(caller, callee);
  peer_respond(callee, 200, ANSWER);
  bench_advance(bench, 1000);
  peer_expect_nothing(callee);
  expect_record(bench, "normal");
  bench_end(bench);
}

/* Without an offer in our INVITE each 2xx brings one, and the ACK must answer it (RFC 3261 §13.2.2.4). */
static void dismiss_late_offer(bool is_over) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A), *fork = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", NULL);
  peer_expect(callee, "INVITE");
  memcpy(fork->invite, callee->invite, sizeof fork->invite);
  peer_respond(callee, 200, OFFER);
  peer_expect(caller, "200");
  peer_ack(caller, ANSWER);
  peer_expect(callee, "ACK");
  if (is_over) bench_hang_up(caller, callee);
  peer_respond(fork, 200, OFFER);
  const char *ack = peer_expect(fork, "ACK");
  expect(strstr(header_of(ack, "To"), fork->local_tag) && strstr(body_of(ack), "m=audio 0 "));
  peer_expect(fork, "BYE");
  peer_reply(fork, 200, NULL);
  if (!is_over) bench_hang_up(caller, callee);
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_late_offer_of_a_fork_is_declined_and_hung_up(void) {
  dismiss_late_offer(false);
  dismiss_late_offer(true);
}

static void test_repeated_200_of_the_callee_is_acknowledged_again(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect_nothing(caller);
  bench_hang_up(caller, callee);
  peer_respond(callee, 200, ANSWER); /* and even now */
  expect_record(bench, "normal");
  bench_end(bench);
}

/* --- ACK --------------------------------------------------------------------------------------------------------- */

static void test_our_200_is_sent_again_by_t1_doubling_up_to_t2_until_the_ack(void) {
  static const int64_t due_ms[] = {500, 1500, 3500, 7500, 11500, 15500};
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  for (unsigned i = 0; i < sizeof due_ms / sizeof due_ms[0]; i++) {
    bench_advance(bench, due_ms[i] - bench_now_ms(bench) - 10);
    peer_expect_nothing(caller);
    bench_advance(bench, 10);
    peer_expect(caller, "200");
  }
  peer_ack(caller, NULL);
  bench_advance(bench, 20000);
  peer_expect_nothing(caller);
  bench_hang_up(caller, callee);
  bench_end(bench);
}

static void test_200_that_is_never_acknowledged_ends_the_call_with_no_ack(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  bench_advance(bench, 31990);
  expect_int(peer_skip(caller), ==, 11); /* RFC 3261 §13.3.1.4: at 0, .5, 1.5, 3.5 and then every 4 s */
  peer_expect_nothing(callee);
  bench_advance(bench, 20);
  peer_expect(caller, "BYE");
  peer_reply(caller, 200, NULL);
  peer_expect(callee, "BYE");
  peer_reply(callee, 200, NULL);
  expect_record(bench, "session_timeout");
  expect_view(bench->records[0].end_cause, "no_ack");
  expect_view(bench->records[0].end_direction, "switch");
  expect_int(bench->records[0].hold_time_ms, ==, 32000);
  bench_end(bench);
}

static void test_callees_bye_before_the_callers_ack_waits_for_that_ack(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_request(callee, "BYE", NULL);
  peer_expect(callee, "200");
  expect_record(bench, "normal");
  peer_expect_nothing(caller); /* RFC 3261 §15 */
  bench_advance(bench, 500);
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  peer_expect(caller, "BYE");
  peer_reply(caller, 200, NULL);
  bench_end(bench);
}

static void test_callers_bye_before_its_ack_ends_the_call(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_request(caller, "BYE", NULL);
  peer_expect(caller, "200");
  peer_expect(callee, "BYE");
  peer_reply(callee, 200, NULL);
  peer_ack(caller, NULL); /* overtaken by its BYE */
  bench_advance(bench, 10000);
  peer_expect_nothing(caller);
  expect_record(bench, "normal");
  bench_end(bench);
}

/* --- BYE --------------------------------------------------------------------------------------------------------- */

static void test_byes_of_both_sides_cross(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  peer_request(caller, "BYE", NULL);
  peer_expect(caller, "200");
  peer_request(callee, "BYE", NULL);
  const char *bye = peer_expect(callee, "BYE");
  peer_answer(callee, bye, 200, NULL);
  peer_expect(callee, "200");
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_bye_that_nobody_answers_is_sent_again_and_forgotten(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  peer_request(caller, "BYE", NULL);
  expect_record(bench, "normal");
  expect_int(call_count(bench->core->calls), ==, 0);
  bench_advance(bench, 33000);
  expect_int(peer_skip(callee), ==, 11); /* Timer E: 500 ms doubling up to 4 s, 32 s long */
  expect_int(call_leg_count(bench->core->calls), ==, 0);
  bench_end(bench);
}

static void test_bye_while_a_re_invite_waits_ends_both(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  peer_request(caller, "INVITE", HOLD);
  peer_expect(callee, "INVITE");
  peer_request(caller, "BYE", NULL);
  peer_expect(caller, "487"); /* of the re-INVITE, RFC 3261 §15.1.2 */
  peer_expect(caller, "200");
  peer_expect(callee, "BYE");
  peer_respond(callee, 200, HELD); /* crossing: it must still be acknowledged */
  peer_expect(callee, "ACK");
  peer_reply(callee, 200, NULL);
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_late_offer_in_a_200_after_our_bye_was_answered_is_declined(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  peer_request(caller, "INVITE", NULL); /* asks for an offer */
  peer_expect(callee, "INVITE");
  peer_request(caller, "BYE", NULL);
  peer_expect(caller, "487");
  peer_expect(caller, "200");
  peer_expect(callee, "BYE");
  peer_reply(callee, 200, NULL);
  expect_int(call_leg_count(bench->core->calls), ==, 0);
  peer_respond(callee, 200, OFFER);
  expect(strstr(body_of(peer_expect(callee, "ACK")), "m=audio 0 "));
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_re_invite_after_the_end_gets_481(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  peer_request(caller, "BYE", NULL);
  peer_expect(caller, "200");
  peer_request(callee, "INVITE", HOLD); /* crosses our BYE */
  peer_expect(callee, "BYE");
  peer_expect(callee, "481");
  peer_request(caller, "INVITE", HOLD); /* there is no dialog any more */
  peer_expect(caller, "481");
  bench_end(bench);
}

static void test_stale_cseq_gets_500(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  caller->cseq = 10;
  peer_request(caller, "OPTIONS", NULL);
  peer_expect(caller, "200");
  peer_send_request(caller, "INFO", 5, NULL, NULL);
  expect(*header_of(peer_expect(caller, "500"), "Retry-After"));
  peer_expect_nothing(callee);
  bench_hang_up(caller, callee);
  bench_end(bench);
}

TAP_TESTS(TAP(test_cancel_racing_200_ends_both_legs_and_leaves_one_record), TAP(test_cancel_after_our_200_is_too_late),
          TAP(test_bye_before_the_answer_is_a_cancellation), TAP(test_callee_may_not_say_bye_before_its_answer),
          TAP(test_cancelled_callee_that_never_ends_its_invite_is_forgotten),
          TAP(test_late_200_after_fail_over_is_acknowledged_and_hung_up),
          TAP(test_second_200_of_a_fork_is_acknowledged_and_hung_up),
          TAP(test_200_of_a_fork_after_the_end_is_acknowledged_and_hung_up),
          TAP(test_200_of_the_callee_after_the_end_is_nobodys_any_more),
          TAP(test_late_offer_of_a_fork_is_declined_and_hung_up),
          TAP(test_repeated_200_of_the_callee_is_acknowledged_again),
          TAP(test_our_200_is_sent_again_by_t1_doubling_up_to_t2_until_the_ack),
          TAP(test_200_that_is_never_acknowledged_ends_the_call_with_no_ack),
          TAP(test_callees_bye_before_the_callers_ack_waits_for_that_ack),
          TAP(test_callers_bye_before_its_ack_ends_the_call), TAP(test_byes_of_both_sides_cross),
          TAP(test_bye_that_nobody_answers_is_sent_again_and_forgotten),
          TAP(test_bye_while_a_re_invite_waits_ends_both),
          TAP(test_late_offer_in_a_200_after_our_bye_was_answered_is_declined),
          TAP(test_re_invite_after_the_end_gets_481), TAP(test_stale_cseq_gets_500))
