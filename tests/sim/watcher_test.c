/* The watcher finds each fault that it is there for, and none where there is none. Each test tells the story of one
 * endpoint's transactions as the network would show it. */
#include "sim/watcher.h"

#include "sim/actor.h"
#include "sim/stream.h"
#include "sim/world.h"
#include "tap.h"

static struct world world;
static struct endpoint *watched;
static struct address peer;

static void begin(void) {
  struct address own;
  world_init(&world, 1);
  watcher_create(&world);
  expect(address_parse(STR_VIEW("10.0.0.1:5060"), 5060, &own) == RESULT_OK);
  expect(address_parse(STR_VIEW("10.0.0.2:5060"), 5060, &peer) == RESULT_OK);
  watched = network_add(&world, "watched", &own);
  watched->is_watched = true;
}

static void at_ms(int64_t time_ms) {
  world.now_us = time_ms * MS_US;
}

static struct str_view message(const char *start, const char *from_tag, const char *to_tag, const char *rest,
                               const char *branch) {
  return sim_format_view(&world.memory,
                         "%s\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\n"
                         "From: <sip:1@10.0.0.1>;tag=%s\r\nTo: <sip:2@10.0.0.2>%s%s\r\nCall-ID: one\r\n"
                         "Contact: <sip:1@10.0.0.1>\r\n%sContent-Length: 0\r\n\r\n",
                         start, branch, from_tag, *to_tag ? ";tag=" : "", to_tag, rest);
}

static struct str_view request(const char *method, unsigned cseq, const char *branch, const char *to_tag) {
  return message(sim_format(&world.memory, "%s sip:2@10.0.0.2 SIP/2.0", method), "a", to_tag,
                 sim_format(&world.memory, "CSeq: %u %s\r\n", cseq, method), branch);
}

static struct str_view response(unsigned status, const char *method, unsigned cseq, const char *branch) {
  return message(sim_format(&world.memory, "SIP/2.0 %u Whatever", status), "a", status > 100 ? "b" : "",
                 sim_format(&world.memory, "CSeq: %u %s\r\n", cseq, method), branch);
}

static void says(int64_t time_ms, struct str_view bytes) {
  at_ms(time_ms);
  watcher_said(&world, watched, &peer, TRANSPORT_UDP, bytes);
}

static void hears(int64_t time_ms, struct str_view bytes) {
  at_ms(time_ms);
  struct arrival arrival = {.source = peer, .transport = TRANSPORT_UDP, .bytes = sim_copy(&world.memory, bytes)};
  watcher_heard(&world, watched, &arrival);
}

/* The world ends a day later; `blame` is what the watcher must have found, NULL: nothing. */
static void end(const char *blame) {
  if (!world.failure) {
    at_ms(24 * 3600 * 1000);
    watcher_check_end(&world);
  }
  if (!blame && world.failure) printf("# %s\n", world.failure);
  if (!blame)
    expect(world.failure == NULL);
  else
    expect(world.failure != NULL && strstr(world.failure, blame) != NULL);
  if (blame && world.failure && !strstr(world.failure, blame)) printf("# instead: %s\n", world.failure);
  world_reset(&world);
}

static void call_is_answered(void) {
  begin();
  says(0, request("INVITE", 1, "1", ""));
  says(500, request("INVITE", 1, "1", ""));
  hears(700, response(100, "INVITE", 1, "1"));
  hears(900, response(180, "INVITE", 1, "1"));
  hears(5000, response(200, "INVITE", 1, "1"));
  says(5000, request("ACK", 1, "2", "b"));
}

static void test_a_call_by_the_rules_is_left_in_peace(void) {
  call_is_answered();
  hears(5500, response(200, "INVITE", 1, "1"));
  says(5500, request("ACK", 1, "2", "b"));
  says(9000, request("BYE", 2, "3", "b"));
  says(9500, request("BYE", 2, "3", "b"));
  hears(9600, response(200, "BYE", 2, "3"));
  end(NULL);
}

static void test_a_retransmission_at_the_wrong_time_is_found(void) {
  begin();
  says(0, request("INVITE", 1, "1", ""));
  says(300, request("INVITE", 1, "1", ""));
  end("sent again at the wrong time");
}

static void test_a_retransmission_that_differs_is_found(void) {
  begin();
  says(0, request("BYE", 1, "1", "b"));
  says(500, request("BYE", 1, "1", "c"));
  end("differs from its request");
}

static void test_an_invite_sent_again_after_a_provisional_response_is_found(void) {
  begin();
  says(0, request("INVITE", 1, "1", ""));
  hears(100, response(100, "INVITE", 1, "1"));
  says(500, request("INVITE", 1, "1", ""));
  end("after a provisional response");
}

static void test_a_request_sent_again_after_its_final_response_is_found(void) {
  begin();
  says(0, request("BYE", 1, "1", "b"));
  hears(100, response(200, "BYE", 1, "1"));
  says(500, request("BYE", 1, "1", "b"));
  end("after its final response");
}

static void test_seven_sendings_of_an_unanswered_invite_are_right(void) {
  static const int64_t times_ms[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
  begin();
  for (unsigned i = 0; i < 7; i++)
    says(times_ms[i], request("INVITE", 1, "1", ""));
  end(NULL);
}

static void test_six_sendings_of_an_unanswered_invite_are_too_few(void) {
  static const int64_t times_ms[] = {0, 500, 1500, 3500, 7500, 15500};
  begin();
  for (unsigned i = 0; i < 6; i++)
    says(times_ms[i], request("INVITE", 1, "1", ""));
  end("sent 6 times without an answer, not 7");
}

static void test_eleven_sendings_of_an_unanswered_bye_are_right(void) {
  static const int64_t times_ms[] = {0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500};
  begin();
  for (unsigned i = 0; i < 11; i++)
    says(times_ms[i], request("BYE", 1, "1", "b"));
  end(NULL);
}

static void test_a_refusal_without_ack_is_found(void) {
  begin();
  says(0, request("INVITE", 1, "1", ""));
  hears(100, response(486, "INVITE", 1, "1"));
  end("a final response was not acknowledged");
}

static void test_a_2xx_without_ack_is_found(void) {
  begin();
  says(0, request("INVITE", 1, "1", ""));
  hears(100, response(200, "INVITE", 1, "1"));
  end("its 2xx was never acknowledged");
}

static void test_a_repeated_2xx_without_ack_is_found(void) {
  call_is_answered();
  hears(5500, response(200, "INVITE", 1, "1"));
  end("a repeated 2xx was not acknowledged again");
}

static void test_an_ack_of_a_2xx_in_the_invites_transaction_is_found(void) {
  begin();
  says(0, request("INVITE", 1, "1", ""));
  hears(100, response(200, "INVITE", 1, "1"));
  says(100, request("ACK", 1, "1", "b"));
  end("a branch of its own");
}

static void test_an_ack_of_nothing_is_found(void) {
  begin();
  says(0, request("INVITE", 1, "1", ""));
  says(100, request("ACK", 1, "2", "b"));
  end("an ACK of nothing");
}

static struct str_view answer_of_branch(const char *to_tag) {
  return message("SIP/2.0 200 OK", "a", to_tag, "CSeq: 1 INVITE\r\n", "1");
}

static void test_a_branch_that_answers_later_than_anybody_waits_needs_no_ack(void) {
  call_is_answered();
  hears(5000 + 31900, answer_of_branch("late"));
  end("never acknowledged");
  call_is_answered();
  hears(5000 + 32100, answer_of_branch("late"));
  end(NULL);
}

static void test_a_copy_read_after_its_transaction_is_over_is_a_new_request(void) {
  begin();
  hears(0, request("BYE", 1, "1", "b"));
  says(0, response(200, "BYE", 1, "1"));
  hears(31900, request("BYE", 1, "1", "b"));
  says(31900, response(481, "BYE", 1, "1"));
  end("different from the first");
  begin();
  hears(0, request("BYE", 1, "1", "b"));
  says(0, response(200, "BYE", 1, "1"));
  hears(32100, request("BYE", 1, "1", "b"));
  says(32100, response(481, "BYE", 1, "1"));
  end(NULL);
}

static void test_a_request_whose_connection_is_gone_cannot_be_answered(void) {
  for (unsigned is_broken = 0; is_broken < 2; is_broken++) {
    begin();
    struct connection connection = {.is_broken = is_broken};
    struct str_view bytes = sim_copy(&world.memory, request("BYE", 1, "1", "b"));
    struct arrival arrival = {peer, TRANSPORT_TCP, &connection, bytes};
    watcher_heard(&world, watched, &arrival);
    end(is_broken ? NULL : "never got a final response");
  }
}

static void test_an_ack_without_its_invites_credentials_is_found(void) {
  begin();
  watched->is_switch = true;
  says(0, message("INVITE sip:2@10.0.0.2 SIP/2.0", "a", "", "CSeq: 1 INVITE\r\nAuthorization: Digest nc=1\r\n", "1"));
  hears(100, response(200, "INVITE", 1, "1"));
  says(100, request("ACK", 1, "2", "b"));
  end("without the credentials of its INVITE");
}

static void test_a_cseq_that_does_not_rise_is_found(void) {
  call_is_answered();
  says(6000, request("INFO", 1, "3", "b"));
  end("CSeq does not rise");
}

static void test_a_cancel_before_any_response_is_found(void) {
  begin();
  says(0, request("INVITE", 1, "1", ""));
  says(100, request("CANCEL", 1, "1", ""));
  end("CANCEL before any provisional response");
}

static void test_two_invites_at_once_are_found(void) {
  call_is_answered();
  says(6000, request("INVITE", 2, "3", "b"));
  says(6100, request("INVITE", 3, "4", "b"));
  end("another of ours is pending");
}

static void test_a_request_after_bye_is_found(void) {
  call_is_answered();
  says(9000, request("BYE", 2, "3", "b"));
  hears(9100, response(200, "BYE", 2, "3"));
  says(9200, request("INFO", 3, "4", "b"));
  end("a dialog that BYE has ended");
}

static void test_a_second_final_response_is_found(void) {
  begin();
  hears(0, request("INVITE", 1, "1", ""));
  says(100, response(486, "INVITE", 1, "1"));
  says(600, response(480, "INVITE", 1, "1"));
  end("a second final response");
}

static void test_a_provisional_response_after_the_final_one_is_found(void) {
  begin();
  hears(0, request("INVITE", 1, "1", ""));
  says(100, response(486, "INVITE", 1, "1"));
  says(200, response(180, "INVITE", 1, "1"));
  end("a provisional response after the final one");
}

static void test_a_refusal_sent_again_after_its_ack_is_found(void) {
  begin();
  hears(0, request("INVITE", 1, "1", ""));
  says(100, response(486, "INVITE", 1, "1"));
  hears(200, request("ACK", 1, "1", "b"));
  says(600, response(486, "INVITE", 1, "1"));
  end("sent again after its ACK");
}

static void test_a_repeated_request_is_answered_again_with_the_same(void) {
  begin();
  hears(0, request("BYE", 1, "1", "b"));
  says(0, response(200, "BYE", 1, "1"));
  hears(500, request("BYE", 1, "1", "b"));
  says(500, response(200, "BYE", 1, "1"));
  end(NULL);
}

static void test_an_answer_that_nobody_asked_for_again_is_found(void) {
  begin();
  hears(0, request("BYE", 1, "1", "b"));
  says(0, response(200, "BYE", 1, "1"));
  says(500, response(200, "BYE", 1, "1"));
  end("a final response sent again, and the request was not");
}

static void test_a_request_without_any_answer_is_found(void) {
  begin();
  hears(0, request("BYE", 1, "1", "b"));
  end("it never got a final response");
}

static void test_a_2xx_that_nobody_acknowledges_must_be_followed_by_bye(void) {
  begin();
  hears(0, request("INVITE", 1, "1", ""));
  says(100, response(200, "INVITE", 1, "1"));
  end("no BYE followed");
}

static void test_a_response_without_to_tag_is_found(void) {
  begin();
  hears(0, request("OPTIONS", 1, "1", ""));
  says(0, message("SIP/2.0 200 OK", "a", "", "CSeq: 1 OPTIONS\r\n", "1"));
  end("To has no tag");
}

static void test_something_of_the_other_sides_is_found(void) {
  struct address alice;
  begin();
  expect(address_parse(STR_VIEW("10.0.7.7:5060"), 5060, &alice) == RESULT_OK);
  actor_add(&world, ACTOR_PHONE, "alice", &alice);
  watched->is_switch = true;
  says(0, message("INVITE sip:2@10.0.0.2 SIP/2.0", "tag-alice-1", "", "CSeq: 1 INVITE\r\n", "1"));
  end("something of the other side's");
}

TAP_TESTS(TAP(test_a_call_by_the_rules_is_left_in_peace), TAP(test_a_retransmission_at_the_wrong_time_is_found),
          TAP(test_a_retransmission_that_differs_is_found),
          TAP(test_an_invite_sent_again_after_a_provisional_response_is_found),
          TAP(test_a_request_sent_again_after_its_final_response_is_found),
          TAP(test_seven_sendings_of_an_unanswered_invite_are_right),
          TAP(test_six_sendings_of_an_unanswered_invite_are_too_few),
          TAP(test_eleven_sendings_of_an_unanswered_bye_are_right), TAP(test_a_refusal_without_ack_is_found),
          TAP(test_a_2xx_without_ack_is_found), TAP(test_a_repeated_2xx_without_ack_is_found),
          TAP(test_an_ack_of_a_2xx_in_the_invites_transaction_is_found), TAP(test_an_ack_of_nothing_is_found),
          TAP(test_a_branch_that_answers_later_than_anybody_waits_needs_no_ack),
          TAP(test_a_copy_read_after_its_transaction_is_over_is_a_new_request),
          TAP(test_a_request_whose_connection_is_gone_cannot_be_answered),
          TAP(test_an_ack_without_its_invites_credentials_is_found), TAP(test_a_cseq_that_does_not_rise_is_found),
          TAP(test_a_cancel_before_any_response_is_found), TAP(test_two_invites_at_once_are_found),
          TAP(test_a_request_after_bye_is_found), TAP(test_a_second_final_response_is_found),
          TAP(test_a_provisional_response_after_the_final_one_is_found),
          TAP(test_a_refusal_sent_again_after_its_ack_is_found),
          TAP(test_a_repeated_request_is_answered_again_with_the_same),
          TAP(test_an_answer_that_nobody_asked_for_again_is_found), TAP(test_a_request_without_any_answer_is_found),
          TAP(test_a_2xx_that_nobody_acknowledges_must_be_followed_by_bye),
          TAP(test_a_response_without_to_tag_is_found), TAP(test_something_of_the_other_sides_is_found))
