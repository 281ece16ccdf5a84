/* Inside a call: hold, resume, refreshes, glare, and other requests carried across. */
#include "switch/switch_bench.h"

/* The version in our o= line of a message. */
static unsigned version_in(const char *message) {
  char origin[128];
  unsigned version = 0;
  cut(origin, sizeof origin, body_of(message), "o=- ", "\r\n");
  sscanf(origin, "%*s %u", &version);
  return version;
}

static struct bench *start(struct peer **caller, struct peer **callee) {
  struct bench *bench = bench_create();
  *caller = peer_at(bench, CUSTOMER);
  *callee = peer_at(bench, VENDOR_A);
  bench_connect(*caller, *callee, "4420");
  return bench;
}

static void finish(struct bench *bench, struct peer *caller, struct peer *callee) {
  bench_hang_up(caller, callee);
  expect_record(bench, "normal");
  bench_end(bench);
}

/* `from` renegotiates with `offer`, `to` accepts with `answer`. */
static void renegotiate(struct peer *from, struct peer *to, const char *offer, const char *answer) {
  peer_request(from, "INVITE", offer);
  peer_expect(to, "INVITE");
  peer_respond(to, 200, answer);
  peer_expect(to, "ACK");
  peer_expect(from, "200");
  peer_ack(from, NULL);
}

/* --- session descriptions ---------------------------------------------------------------------------------------- */

static void test_hold_and_resume_are_carried_both_ways(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  peer_request(caller, "INVITE", HOLD);
  const char *invite = peer_expect(callee, "INVITE");
  expect(strstr(body_of(invite), "a=sendonly") && strcmp(header_of(invite, "CSeq"), "2 INVITE") == 0);
  expect_int(version_in(invite), ==, 2);
  peer_respond(callee, 200, HELD);
  peer_expect(callee, "ACK");
  const char *answer = peer_expect(caller, "200");
  expect(strstr(body_of(answer), "a=recvonly") != NULL);
  expect_int(version_in(answer), ==, 2);
  peer_ack(caller, NULL);
  renegotiate(callee, caller, SDP_TEXT("bob", "3", "5000", "sendrecv"), SDP_TEXT("alice", "3", "4000", "sendrecv"));
  renegotiate(caller, callee, HOLD, HELD);
  finish(bench, caller, callee);
}

static void test_origin_stays_and_version_rises_only_with_changes(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  char before[64], after[64];
  cut(before, sizeof before, body_of(callee->invite), "o=- ", " ");
  renegotiate(caller, callee, HOLD, HELD);
  expect_int(version_in(callee->invite), ==, 2);
  renegotiate(caller, callee, OFFER, ANSWER);
  expect_int(version_in(callee->invite), ==, 3);
  cut(after, sizeof after, body_of(callee->invite), "o=- ", " ");
  expect(*before && strcmp(before, after) == 0);
  finish(bench, caller, callee);
}

/* RFC 3264 §8: the o= line must be identical but for its version. */
static void test_origin_stays_when_the_peer_comes_to_another_address_of_ours(void) {
  struct peer *caller, *callee;
  struct bench *bench = bench_create();
  caller = peer_at(bench, CUSTOMER);
  callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  bench_add_socket(bench, TRANSPORT_UDP);
  bench->local.sockets[1].bound = bench->local.sockets[1].advertised = bench_address("198.51.100.77:5062");
  caller->flow.socket_index = 1;
  peer_request(caller, "INVITE", OFFER);
  const char *answer = peer_expect(caller, "200");
  expect(strstr(header_of(answer, "Contact"), "@198.51.100.77:5062") != NULL);
  expect(strstr(body_of(answer), " 1 IN IP4 192.0.2.1\r\n") != NULL);
  peer_ack(caller, NULL);
  finish(bench, caller, callee);
}

static void test_refresh_that_changes_nothing_is_answered_here(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  renegotiate(caller, callee, HOLD, HELD);
  peer_request(caller, "INVITE", HOLD);
  peer_expect_nothing(callee);
  const char *answer = peer_expect(caller, "200");
  expect(strstr(body_of(answer), "a=recvonly") != NULL);
  expect_int(version_in(answer), ==, 2);
  peer_ack(caller, NULL);
  peer_request(callee, "UPDATE", HELD);
  peer_expect_nothing(caller);
  answer = peer_expect(callee, "200");
  expect(strstr(body_of(answer), "a=sendonly") && strstr(header_of(answer, "Content-Type"), "application/sdp"));
  peer_request(callee, "UPDATE", NULL);
  expect(!*body_of(peer_expect(callee, "200")));
  finish(bench, caller, callee);
}

static void test_refused_offer_leaves_the_session_in_force(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  peer_request(caller, "INVITE", SDP_TEXT("alice", "2", "4100", "sendrecv"));
  peer_expect(callee, "INVITE");
  peer_respond(callee, 488, NULL);
  peer_expect(callee, "ACK");
  peer_expect(caller, "488");
  peer_send_request(caller, "ACK", caller->invite_cseq, caller->invite_branch, NULL);
  /* What was in force is in force: repeating it changes nothing. */
  peer_request(caller, "INVITE", OFFER);
  expect_int(version_in(peer_expect(caller, "200")), ==, 1);
  peer_ack(caller, NULL);
  peer_expect_nothing(callee);
  renegotiate(caller, callee, HOLD, HELD);
  expect_int(version_in(callee->invite), ==, 3); /* 2 was refused, and is not used for anything else */
  finish(bench, caller, callee);
}

static void test_offerless_re_invite_brings_the_answer_in_the_ack(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  peer_request(caller, "INVITE", NULL);
  expect(!*body_of(peer_expect(callee, "INVITE")));
  peer_respond(callee, 200, HELD);
  peer_expect_nothing(callee);
  expect(strstr(body_of(peer_expect(caller, "200")), "a=recvonly") != NULL);
  peer_ack(caller, HOLD);
  expect(strstr(body_of(peer_expect(callee, "ACK")), "a=sendonly") != NULL);
  finish(bench, caller, callee);
}

static void test_t38_is_carried(void) {
  static const char image[] = "v=0\r\no=alice 77 2 IN IP4 10.9.8.7\r\ns=-\r\nc=IN IP4 10.9.8.7\r\nt=0 0\r\n"
                              "m=image 4400 udptl t38\r\na=T38FaxVersion:0\r\n";
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  peer_request(callee, "INVITE", image);
  expect(strstr(body_of(peer_expect(caller, "INVITE")), "m=image 4400 udptl t38\r\na=T38FaxVersion:0") != NULL);
  peer_respond(caller, 200, image);
  peer_expect(caller, "ACK");
  peer_expect(callee, "200");
  peer_ack(callee, NULL);
  finish(bench, caller, callee);
}

static void test_update_goes_as_update_or_as_re_invite(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER); /* without Allow: it may not know UPDATE */
  peer_expect(callee, "INVITE");
  peer_add(callee, "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  peer_request(caller, "UPDATE", HOLD);
  expect(strstr(body_of(peer_expect(callee, "UPDATE")), "a=sendonly") != NULL);
  peer_reply(callee, 200, HELD);
  expect(strstr(body_of(peer_expect(caller, "200")), "a=recvonly") != NULL);
  peer_request(callee, "UPDATE", ANSWER);
  expect(strstr(body_of(peer_expect(caller, "INVITE")), "a=sendrecv") != NULL);
  peer_respond(caller, 200, OFFER);
  peer_expect(caller, "ACK");
  const char *answer = peer_expect(callee, "200");
  expect(strstr(header_of(answer, "CSeq"), "UPDATE") && strstr(body_of(answer), "a=sendrecv"));
  finish(bench, caller, callee);
}

/* --- glare ------------------------------------------------------------------------------------------------------- */

static void test_re_invites_of_both_sides_cross_and_one_gets_491(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  peer_request(caller, "INVITE", HOLD);
  peer_expect(callee, "INVITE");
  char invite[BENCH_TEXT_MAX + 64];
  memcpy(invite, callee->invite, sizeof invite);
  peer_request(callee, "INVITE", HELD);
  peer_expect(callee, "491");
  peer_send_request(callee, "ACK", callee->invite_cseq, callee->invite_branch, NULL);
  peer_expect_nothing(caller);
  peer_answer(callee, invite, 491, NULL); /* it sees the same from its side */
  peer_expect(callee, "ACK");
  peer_expect(caller, "491");
  peer_send_request(caller, "ACK", caller->invite_cseq, caller->invite_branch, NULL);
  renegotiate(caller, callee, HOLD, HELD);
  finish(bench, caller, callee);
}

static void test_second_re_invite_of_one_side_gets_500_with_retry_after(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  peer_request(caller, "INVITE", HOLD);
  peer_expect(callee, "INVITE");
  char first_branch[64];
  uint32_t first_cseq = caller->invite_cseq;
  memcpy(first_branch, caller->invite_branch, sizeof first_branch);
  peer_request(caller, "INVITE", OFFER);
  expect(*header_of(peer_expect(caller, "500"), "Retry-After"));
  peer_send_request(caller, "ACK", caller->invite_cseq, caller->invite_branch, NULL);
  peer_request(caller, "UPDATE", OFFER);
  peer_expect(caller, "500");
  peer_respond(callee, 200, HELD);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_send_request(caller, "ACK", first_cseq, NULL, NULL);
  finish(bench, caller, callee);
}

/* RFC 3311 §5.2: whatever they carry. */
static void test_second_update_of_one_side_gets_500_with_retry_after(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_add(callee, "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  peer_request(caller, "UPDATE", HOLD);
  char update[BENCH_TEXT_MAX + 64];
  snprintf(update, sizeof update, "%s", peer_expect(callee, "UPDATE"));
  peer_request(caller, "UPDATE", NULL);
  const char *answer = peer_expect(caller, "500");
  expect(*header_of(answer, "Retry-After"));
  peer_request(callee, "UPDATE", NULL); /* the other side may */
  peer_expect(callee, "200");
  peer_answer(callee, update, 200, HELD);
  peer_expect(caller, "200");
  peer_request(caller, "UPDATE", NULL);
  peer_expect(caller, "200");
  finish(bench, caller, callee);
}

static void test_re_invite_before_the_callers_ack_gets_491(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_request(callee, "INVITE", HELD);
  peer_expect(callee, "491");
  peer_send_request(callee, "ACK", callee->invite_cseq, callee->invite_branch, NULL);
  peer_ack(caller, NULL);
  renegotiate(callee, caller, HELD, HOLD);
  finish(bench, caller, callee);
}

static void test_cancelled_re_invite_is_cancelled_on_the_other_side(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  peer_request(caller, "INVITE", HOLD);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 100, NULL);
  peer_cancel(caller);
  peer_expect(caller, "200");
  peer_answer(callee, peer_expect(callee, "CANCEL"), 200, NULL);
  peer_respond(callee, 487, NULL);
  peer_expect(callee, "ACK");
  peer_expect(caller, "487");
  peer_send_request(caller, "ACK", caller->invite_cseq, caller->invite_branch, NULL);
  expect_int(bench->record_count, ==, 0);
  finish(bench, caller, callee);
}

static void test_481_to_a_carried_re_invite_ends_both_legs(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  peer_request(caller, "INVITE", HOLD);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 481, NULL);
  peer_expect(callee, "ACK");
  peer_expect(caller, "481");
  peer_expect(caller, "BYE");
  peer_reply(caller, 200, NULL);
  peer_expect(callee, "BYE");
  peer_reply(callee, 481, NULL);
  expect_record(bench, "session_timeout");
  expect_view(bench->records[0].end_cause, "refresh_rejected");
  bench_end(bench);
}

static void test_silence_to_a_carried_re_invite_ends_both_legs(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  peer_request(caller, "INVITE", HOLD);
  bench_advance(bench, 32500);
  peer_skip(callee);
  peer_expect(caller, "408");
  peer_skip(caller);
  expect_record(bench, "session_timeout");
  expect_view(bench->records[0].end_cause, "refresh_unanswered");
  bench_end(bench);
}

static void test_re_invite_answer_that_is_never_acknowledged_ends_the_call(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  peer_request(caller, "INVITE", HOLD);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 200, HELD);
  bench_advance(bench, 32010);
  expect_record(bench, "session_timeout");
  expect_view(bench->records[0].end_cause, "no_ack");
  bench_end(bench);
}

/* --- other requests ---------------------------------------------------------------------------------------------- */

static void test_info_and_message_are_carried_with_body_and_answer(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  peer_add(caller, "Info-Package: dtmf\r\nX-Press: yes\r\n");
  peer_request(caller, "INFO", "Signal=5\r\nDuration=160\r\n");
  const char *info = peer_expect(callee, "INFO");
  expect(strstr(body_of(info), "Signal=5\r\nDuration=160\r\n") && !strcmp(header_of(info, "Info-Package"), "dtmf"));
  expect(!strcmp(header_of(info, "X-Press"), "yes") && !strcmp(header_of(info, "Max-Forwards"), "69"));
  peer_reply(callee, 200, NULL);
  peer_expect(caller, "200");
  peer_request(callee, "MESSAGE", "hello");
  peer_expect(caller, "MESSAGE");
  peer_reply(caller, 415, NULL);
  peer_expect(callee, "415");
  finish(bench, caller, callee);
}

static void test_several_requests_are_carried_at_once(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  char first[BENCH_TEXT_MAX + 64];
  peer_request(caller, "INFO", "1");
  peer_expect(callee, "INFO");
  memcpy(first, callee->request, sizeof first);
  peer_request(caller, "INFO", "2");
  peer_expect(callee, "INFO");
  peer_request(callee, "INFO", "3");
  peer_expect(caller, "INFO");
  peer_reply(callee, 200, NULL);
  expect(strstr(header_of(peer_expect(caller, "200"), "CSeq"), "3 INFO") != NULL);
  peer_answer(callee, first, 500, NULL);
  expect(strstr(header_of(peer_expect(caller, "500"), "CSeq"), "2 INFO") != NULL);
  peer_reply(caller, 200, NULL);
  peer_expect(callee, "200");
  finish(bench, caller, callee);
}

static void test_silence_to_info_does_not_end_the_call(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  peer_request(caller, "INFO", "1");
  bench_advance(bench, 40000);
  peer_skip(callee);
  peer_skip(caller);
  expect_int(bench->record_count, ==, 0);
  finish(bench, caller, callee);
}

static void test_options_in_the_call_is_answered_here(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  peer_request(callee, "OPTIONS", NULL);
  const char *answer = peer_expect(callee, "200");
  expect(strstr(header_of(answer, "Allow"), "UPDATE") && strstr(header_of(answer, "Supported"), "100rel") &&
         strstr(header_of(answer, "Accept"), "application/sdp"));
  peer_expect_nothing(caller);
  finish(bench, caller, callee);
}

static void test_refer_and_notify_are_carried(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  peer_add(caller, "Refer-To: <sip:1002@192.0.2.1>\r\nReferred-By: <sip:900@example.org>\r\n");
  peer_request(caller, "REFER", NULL);
  const char *refer = peer_expect(callee, "REFER");
  expect(!strcmp(header_of(refer, "Refer-To"), "<sip:1002@192.0.2.1>"));
  expect(!strcmp(header_of(refer, "Referred-By"), "<sip:900@example.org>"));
  peer_reply(callee, 202, NULL);
  peer_expect(caller, "202");
  peer_add(callee, "Event: refer\r\nSubscription-State: terminated;reason=noresource\r\n");
  peer_request(callee, "NOTIFY", "SIP/2.0 200 OK\r\n");
  const char *notify = peer_expect(caller, "NOTIFY");
  expect(!strcmp(header_of(notify, "Event"), "refer") && strstr(body_of(notify), "SIP/2.0 200 OK"));
  peer_reply(caller, 200, NULL);
  peer_expect(callee, "200");
  finish(bench, caller, callee);
}

static void test_refer_of_a_vendor_or_with_replaces_is_refused(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  peer_add(callee, "Refer-To: <sip:0900@192.0.2.1>\r\n");
  peer_request(callee, "REFER", NULL);
  peer_expect(callee, "403");
  peer_add(caller, "Refer-To: <sip:1002@192.0.2.1?Replaces=abc%3Bto-tag%3D1>\r\n");
  peer_request(caller, "REFER", NULL);
  peer_expect(caller, "488");
  peer_request(caller, "REFER", NULL);
  peer_expect(caller, "400");
  peer_expect_nothing(callee);
  finish(bench, caller, callee);
}

static void test_unknown_and_unwanted_methods_inside_are_refused_with_allow(void) {
  struct peer *caller, *callee;
  struct bench *bench = start(&caller, &callee);
  peer_request(caller, "SUBSCRIBE", NULL);
  expect(strstr(header_of(peer_expect(caller, "405"), "Allow"), "INVITE") != NULL);
  peer_request(caller, "FROBNICATE", NULL);
  expect(strstr(header_of(peer_expect(caller, "501"), "Allow"), "INVITE") != NULL);
  peer_add(caller, "Require: teleport, 100rel\r\n");
  peer_request(caller, "INFO", NULL);
  expect(!strcmp(header_of(peer_expect(caller, "420"), "Unsupported"), "teleport"));
  peer_expect_nothing(callee);
  finish(bench, caller, callee);
}

static void test_multipart_bodies_cross_with_only_the_description_rewritten(void) {
  static const char body[] = "--xx\r\nContent-Type: application/isup\r\n\r\nISUP 10.9.8.7\r\n--xx\r\n"
                             "Content-Type: application/sdp\r\n\r\n" OFFER "\r\n--xx--\r\n";
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  char message[BENCH_TEXT_MAX];
  snprintf(message, sizeof message,
           "INVITE sip:4420@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP " CUSTOMER ";branch=z9hG4bKmulti\r\nFrom: "
           "<sip:1@x>;tag=m\r\nTo: <sip:4420@192.0.2.1>\r\nCall-ID: multi\r\nCSeq: 1 INVITE\r\nContact: "
           "<sip:peer@" CUSTOMER ">\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed;boundary=xx\r\n"
           "Content-Length: %zu\r\n\r\n%s",
           strlen(body), body);
  peer_send_text(caller, message);
  const char *invite = peer_expect(callee, "INVITE");
  expect(strstr(body_of(invite), "ISUP 10.9.8.7\r\n--xx\r\n") && strstr(body_of(invite), "IN IP4 192.0.2.1\r\ns=-"));
  expect(strstr(body_of(invite), "\r\n--xx--\r\n") && !strcmp(header_of(invite, "MIME-Version"), "1.0"));
  peer_respond(callee, 486, NULL);
  bench_end(bench);
}

static void test_longest_talk_time_ends_the_call(void) {
  struct bench *bench = bench_create();
  bench_device(bench, "customer")->overrides.max_duration_s = 120;
  bench_device(bench, "vendor-a")->overrides.max_duration_s = 90;
  bench_apply(bench);
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  bench_advance(bench, 89990);
  peer_expect_nothing(caller);
  bench_advance(bench, 20);
  expect(strstr(header_of(peer_expect(caller, "BYE"), "Reason"), "duration_limit") != NULL);
  peer_reply(caller, 200, NULL);
  peer_expect(callee, "BYE");
  peer_reply(callee, 200, NULL);
  expect_record(bench, "duration_limit");
  expect_int(bench->records[0].hold_time_ms, ==, 90000);
  bench_end(bench);
}

TAP_TESTS(TAP(test_hold_and_resume_are_carried_both_ways), TAP(test_origin_stays_and_version_rises_only_with_changes),
          TAP(test_origin_stays_when_the_peer_comes_to_another_address_of_ours),
          TAP(test_refresh_that_changes_nothing_is_answered_here), TAP(test_refused_offer_leaves_the_session_in_force),
          TAP(test_offerless_re_invite_brings_the_answer_in_the_ack), TAP(test_t38_is_carried),
          TAP(test_update_goes_as_update_or_as_re_invite), TAP(test_re_invites_of_both_sides_cross_and_one_gets_491),
          TAP(test_second_re_invite_of_one_side_gets_500_with_retry_after),
          TAP(test_second_update_of_one_side_gets_500_with_retry_after),
          TAP(test_re_invite_before_the_callers_ack_gets_491),
          TAP(test_cancelled_re_invite_is_cancelled_on_the_other_side),
          TAP(test_481_to_a_carried_re_invite_ends_both_legs), TAP(test_silence_to_a_carried_re_invite_ends_both_legs),
          TAP(test_re_invite_answer_that_is_never_acknowledged_ends_the_call),
          TAP(test_info_and_message_are_carried_with_body_and_answer), TAP(test_several_requests_are_carried_at_once),
          TAP(test_silence_to_info_does_not_end_the_call), TAP(test_options_in_the_call_is_answered_here),
          TAP(test_refer_and_notify_are_carried), TAP(test_refer_of_a_vendor_or_with_replaces_is_refused),
          TAP(test_unknown_and_unwanted_methods_inside_are_refused_with_allow),
          TAP(test_multipart_bodies_cross_with_only_the_description_rewritten),
          TAP(test_longest_talk_time_ends_the_call))
