/* Reliable provisional responses (RFC 3262) on either leg, and UPDATE before the answer (RFC 3311). */
#include "switch/switch_bench.h"

#define RELIABLE "Require: 100rel\r\nRSeq: 7\r\n"

/* PRACK of `peer` for the reliable response that it got last. */
static void peer_prack(struct peer *peer, const char *response, const char *body) {
  char line[128];
  snprintf(line, sizeof line, "RAck: %s %u INVITE\r\n", header_of(response, "RSeq"), peer->invite_cseq);
  peer_add(peer, line);
  peer_request(peer, "PRACK", body);
}

static void finish_answered(struct bench *bench, struct peer *caller, struct peer *callee) {
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  bench_hang_up(caller, callee);
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_reliable_183_and_its_prack_go_from_end_to_end(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  char early[BENCH_TEXT_BYTES];
  peer_add(caller, "Supported: 100rel\r\n");
  peer_invite(caller, "4420", OFFER);
  expect(strstr(header_of(peer_expect(callee, "INVITE"), "Supported"), "100rel") != NULL);
  peer_add(callee, RELIABLE);
  peer_respond(callee, 183, ANSWER);
  snprintf(early, sizeof early, "%s", peer_expect(caller, "183"));
  expect(strstr(header_of(early, "Require"), "100rel") && *header_of(early, "RSeq"));
  peer_expect_nothing(callee);
  peer_prack(caller, early, NULL);
  expect(!strcmp(header_of(peer_expect(callee, "PRACK"), "RAck"), "7 1 INVITE"));
  peer_expect_nothing(caller);
  peer_reply(callee, 200, NULL);
  expect(strstr(header_of(peer_expect(caller, "200"), "CSeq"), "PRACK") != NULL);
  finish_answered(bench, caller, callee);
}

static void test_reliable_183_is_plain_for_a_caller_who_cannot(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_add(callee, RELIABLE);
  peer_respond(callee, 183, ANSWER);
  expect(!*header_of(peer_expect(caller, "183"), "Require"));
  peer_expect(callee, "PRACK");
  peer_reply(callee, 200, NULL);
  peer_add(callee, RELIABLE); /* a repetition is dropped */
  peer_respond(callee, 183, ANSWER);
  peer_expect_nothing(caller);
  peer_expect_nothing(callee);
  finish_answered(bench, caller, callee);
}

static void test_caller_who_requires_100rel_gets_every_response_reliably(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_add(caller, "Require: 100rel\r\n");
  peer_invite(caller, "4420", OFFER);
  expect(strstr(header_of(peer_expect(callee, "INVITE"), "Require"), "100rel") != NULL);
  peer_respond(callee, 180, NULL);
  char ringing[BENCH_TEXT_BYTES];
  snprintf(ringing, sizeof ringing, "%s", peer_expect(caller, "180"));
  expect(strstr(header_of(ringing, "Require"), "100rel") != NULL);
  bench_advance(bench, 500);
  expect(!strcmp(header_of(peer_expect(caller, "180"), "RSeq"), header_of(ringing, "RSeq")));
  peer_prack(caller, ringing, NULL);
  peer_expect(caller, "200");
  bench_advance(bench, 5000);
  peer_expect_nothing(caller);
  finish_answered(bench, caller, callee);
}

static void test_reliable_response_without_prack_ends_the_attempt_with_504(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_add(caller, "Supported: 100rel\r\n");
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_add(callee, RELIABLE);
  peer_respond(callee, 183, ANSWER);
  bench_advance(bench, 31990);
  unsigned count = peer_skip(caller);
  expect_int(count, ==, 7); /* at 0, .5, 1.5, 3.5, 7.5, 15.5 and 31.5 s */
  bench_advance(bench, 20);
  peer_expect(caller, "504");
  peer_expect(callee, "CANCEL");
  peer_respond(callee, 487, NULL);
  expect_record(bench, "session_timeout");
  expect_view(bench->records[0].end_cause, "no_ack");
  bench_end(bench);
}

static void test_prack_that_matches_nothing_gets_481(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_add(caller, "Supported: 100rel\r\n");
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 180, NULL);
  peer_expect(caller, "180");
  peer_add(caller, "RAck: 99 1 INVITE\r\n");
  peer_request(caller, "PRACK", NULL);
  peer_expect(caller, "481");
  peer_expect_nothing(callee);
  finish_answered(bench, caller, callee);
}

static void test_late_offer_in_a_reliable_response_is_answered_in_prack(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  char early[BENCH_TEXT_BYTES];
  peer_add(caller, "Supported: 100rel\r\n");
  peer_invite(caller, "4420", NULL);
  peer_expect(callee, "INVITE");
  peer_add(callee, RELIABLE);
  peer_respond(callee, 183, OFFER);
  snprintf(early, sizeof early, "%s", peer_expect(caller, "183"));
  expect(strstr(body_of(early), "m=audio 4000") != NULL);
  peer_prack(caller, early, ANSWER);
  expect(strstr(body_of(peer_expect(callee, "PRACK")), "m=audio 5000") != NULL);
  peer_reply(callee, 200, NULL);
  peer_expect(caller, "200");
  peer_respond(callee, 200, NULL);
  peer_expect(callee, "ACK"); /* at once: nothing is open */
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  bench_hang_up(caller, callee);
  bench_end(bench);
}

static void test_answer_waits_for_the_prack_of_a_description(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  char early[BENCH_TEXT_BYTES];
  peer_add(caller, "Require: 100rel\r\n");
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 183, ANSWER); /* not reliable: it does not wait for anything */
  snprintf(early, sizeof early, "%s", peer_expect(caller, "183"));
  peer_respond(callee, 200, ANSWER);
  peer_expect_nothing(caller); /* RFC 3262 §3 */
  peer_prack(caller, early, NULL);
  peer_expect(caller, "200");
  finish_answered(bench, caller, callee);
}

static void test_answer_does_not_wait_for_the_prack_of_a_mere_180(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_add(caller, "Require: 100rel\r\n");
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 180, NULL);
  peer_expect(caller, "180");
  finish_answered(bench, caller, callee);
}

static void test_update_before_the_answer_is_carried(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  char early[BENCH_TEXT_BYTES];
  peer_add(caller, "Supported: 100rel\r\nAllow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE\r\n");
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_add(callee, RELIABLE "Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE\r\n");
  peer_respond(callee, 183, ANSWER);
  snprintf(early, sizeof early, "%s", peer_expect(caller, "183"));
  expect(strstr(header_of(early, "Allow"), "UPDATE") != NULL);
  peer_prack(caller, early, NULL);
  peer_expect(callee, "PRACK");
  peer_reply(callee, 200, NULL);
  peer_expect(caller, "200");
  peer_request(caller, "UPDATE", HOLD);
  expect(strstr(body_of(peer_expect(callee, "UPDATE")), "a=sendonly") != NULL);
  peer_reply(callee, 200, HELD);
  expect(strstr(body_of(peer_expect(caller, "200")), "a=recvonly") != NULL);
  peer_request(callee, "UPDATE", SDP_TEXT("bob", "3", "5000", "sendrecv"));
  expect(strstr(body_of(peer_expect(caller, "UPDATE")), "a=sendrecv") != NULL);
  peer_reply(caller, 200, SDP_TEXT("alice", "3", "4000", "sendrecv"));
  peer_expect(callee, "200");
  peer_respond(callee, 200, NULL);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  bench_hang_up(caller, callee);
  bench_end(bench);
}

/* 183 with or without a description, or 180: then a PRACK whose answer cannot be carried. */
static void test_unreadable_answer_to_a_prack_ends_the_attempt(void) {
  static const struct {
    unsigned status;
    const char *body;
  } responses[] = {{183, NULL}, {183, ANSWER}, {180, NULL}};
  for (unsigned i = 0; i < 3; i++) {
    struct bench *bench = bench_create();
    struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
    char early[BENCH_TEXT_BYTES], text[16];
    peer_add(caller, "Supported: 100rel\r\n");
    peer_invite(caller, "4420", OFFER);
    peer_expect(callee, "INVITE");
    peer_add(callee, RELIABLE);
    peer_respond(callee, responses[i].status, responses[i].body);
    snprintf(text, sizeof text, "%u", responses[i].status);
    snprintf(early, sizeof early, "%s", peer_expect(caller, text));
    peer_prack(caller, early, HOLD);
    peer_expect(callee, "PRACK");
    peer_reply(callee, 200, "v=0\r\nno session\r\n");
    peer_expect(caller, "500"); /* of the PRACK */
    peer_expect(caller, "500"); /* of the INVITE */
    peer_expect(callee, "CANCEL");
    peer_respond(callee, 487, NULL);
    expect_record(bench, "protocol_error");
    bench_end(bench);
  }
}

static void test_update_while_the_first_offer_is_open_is_refused(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_add(caller, "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n");
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_add(callee, "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n");
  peer_respond(callee, 183, NULL);
  peer_expect(caller, "183");
  peer_request(caller, "UPDATE", HOLD);
  expect(*header_of(peer_expect(caller, "500"), "Retry-After")); /* RFC 3311 §5.2: its own offer is open */
  peer_request(callee, "UPDATE", HELD);
  peer_expect(callee, "491"); /* ours is */
  finish_answered(bench, caller, callee);
}

TAP_TESTS(TAP(test_reliable_183_and_its_prack_go_from_end_to_end),
          TAP(test_reliable_183_is_plain_for_a_caller_who_cannot),
          TAP(test_caller_who_requires_100rel_gets_every_response_reliably),
          TAP(test_reliable_response_without_prack_ends_the_attempt_with_504),
          TAP(test_prack_that_matches_nothing_gets_481),
          TAP(test_late_offer_in_a_reliable_response_is_answered_in_prack),
          TAP(test_answer_waits_for_the_prack_of_a_description),
          TAP(test_answer_does_not_wait_for_the_prack_of_a_mere_180), TAP(test_update_before_the_answer_is_carried),
          TAP(test_update_while_the_first_offer_is_open_is_refused),
          TAP(test_unreadable_answer_to_a_prack_ends_the_attempt))
