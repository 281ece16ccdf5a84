#include "transaction/transaction_rig.h"

static const char *const peer = "198.51.100.7:5060";

static struct rig *begin(enum transport transport, struct flow *flow) {
  *flow = rig_flow(transport, peer, transport == TRANSPORT_TCP ? 77 : 0);
  return rig_create(64, 64);
}

static void test_timer_a_doubles_and_timer_b_ends_after_64_t1(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client invite = rig_send(rig, "INVITE", &flow);
  rig_run(rig, 40000);
  expect_sent_at(rig, 0, 0, 500, 1500, 3500, 7500, 15500, 31500);
  expect_int(rig->news_count, ==, 1);
  expect_int(rig->news[0].kind, ==, TRANSACTION_NEWS_TIMED_OUT);
  expect_int(rig->news[0].owner.detail, ==, 42);
  expect(handle_equal(rig->news[0].transaction, invite.handle));
  expect_int(rig->news[0].method, ==, SIP_METHOD_INVITE);
  expect_int(transaction_count(rig->layer), ==, 0);
  expect_int(rig->counters.retransmissions_sent, ==, 6);
  expect_int(rig->counters.transactions_timed_out, ==, 1);
  expect_int(rig->blocks.bytes_used, ==, 0);
  rig_destroy(rig);
}

static void test_each_retransmission_is_the_same_bytes(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  rig_send(rig, "INVITE", &flow);
  rig_run(rig, 600);
  expect_int(rig->sent_count, ==, 2);
  expect(strcmp(rig->sent[0].text, rig->sent[1].text) == 0);
  expect(flow_equal(&rig->sent[1].flow, &flow));
  rig_destroy(rig);
}

static void test_a_list_of_waits_rules_the_retransmissions(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  rig->parameters.SS_SIP_RESEND_INTERVAL = (struct parameter_list){.count = 3, .ms = {200, 300, 1000}};
  rig_send(rig, "INVITE", &flow);
  rig_run(rig, 1999);
  expect_sent_at(rig, 0, 0, 200, 500, 1500);
  expect_int(rig->news_count, ==, 0);
  rig_run(rig, 1);
  expect_int(rig_last_news(rig), ==, TRANSACTION_NEWS_TIMED_OUT);
  rig_destroy(rig);
}

static void test_the_usual_list_ends_after_32_seconds_as_the_rfc_does(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  rig->parameters.SS_SIP_RESEND_INTERVAL =
      (struct parameter_list){.count = 10, .ms = {500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000}};
  rig_send(rig, "INVITE", &flow);
  rig_run(rig, 31990);
  expect_int(rig->sent_count, ==, 11);
  expect_int(rig->news_count, ==, 0);
  rig_run(rig, 10);
  expect_int(rig_last_news(rig), ==, TRANSACTION_NEWS_TIMED_OUT);
  rig_destroy(rig);
}

static void test_a_provisional_response_ends_retransmission_and_the_guard_ends_the_wait(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client invite = rig_send(rig, "INVITE", &flow);
  rig_run(rig, 700);
  expect_int(rig_response(rig, &flow, &invite, 100).kind, ==, TRANSACTION_NEWS_PROVISIONAL);
  expect_int(rig_response(rig, &flow, &invite, 180).kind, ==, TRANSACTION_NEWS_PROVISIONAL);
  rig_run(rig, 3599000);
  expect_int(rig->sent_count, ==, 2);
  expect_int(transaction_count(rig->layer), ==, 1);
  rig_run(rig, 2000);
  expect_int(rig->news[rig->news_count - 1].kind, ==, TRANSACTION_NEWS_TIMED_OUT);
  expect_int(transaction_count(rig->layer), ==, 0);
  rig_destroy(rig);
}

static void test_ack_of_a_failure_repeats_the_invite_and_the_responses_to(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client invite = rig_send(rig, "INVITE", &flow);
  expect_int(rig_response(rig, &flow, &invite, 486).kind, ==, TRANSACTION_NEWS_FINAL);
  char want[1024];
  snprintf(want, sizeof want,
           "ACK sip:bob@example.com SIP/2.0\r\n"
           "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=%s;rport\r\n"
           "Route: <sip:p1.example.com;lr>\r\nRoute: <sip:p2.example.com;lr>\r\n"
           "Max-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=ours\r\n"
           "To: <sip:bob@example.com>;tag=theirs\r\nCall-ID: call-1\r\nCSeq: 17 ACK\r\n"
           "Proxy-Authorization: Digest username=\"a\"\r\nContent-Length: 0\r\n\r\n",
           invite.branch);
  expect_bytes(rig_last_sent(rig), strlen(rig_last_sent(rig)), want);
  rig_destroy(rig);
}

static void test_ack_is_sent_again_for_each_repeated_failure_until_timer_d(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client invite = rig_send(rig, "INVITE", &flow);
  rig_response(rig, &flow, &invite, 180);
  rig_response(rig, &flow, &invite, 486);
  rig->news_count = 0;
  for (unsigned i = 0; i < 3; i++) {
    rig_run(rig, 1000);
    expect_int(rig_response(rig, &flow, &invite, 486).kind, ==, TRANSACTION_NEWS_NONE);
  }
  expect_sent_at(rig, 1, 0, 1000, 2000, 3000);
  expect(strcmp(rig->sent[1].text, rig->sent[4].text) == 0);
  rig_response(rig, &flow, &invite, 183);
  rig_response(rig, &flow, &invite, 200);
  rig_cancel(rig, &invite);
  expect_int(rig->sent_count, ==, 5);
  rig_run(rig, 28990);
  expect_int(transaction_count(rig->layer), ==, 1);
  rig_run(rig, 20);
  expect_int(transaction_count(rig->layer), ==, 0);
  expect_int(rig->news_count, ==, 0);
  expect_int(rig_response(rig, &flow, &invite, 486).kind, ==, TRANSACTION_NEWS_NONE);
  expect_int(rig->counters.responses_stray, ==, 1);
  rig_destroy(rig);
}

static void test_each_2xx_is_told_until_timer_m_and_never_acknowledged_here(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client invite = rig_send(rig, "INVITE", &flow);
  expect_int(rig_response(rig, &flow, &invite, 200).kind, ==, TRANSACTION_NEWS_FINAL);
  expect_int(rig->blocks.bytes_used, ==, 0);
  rig_run(rig, 31000);
  expect_int(rig_response(rig, &flow, &invite, 200).kind, ==, TRANSACTION_NEWS_FINAL);
  expect_int(rig_response_to(rig, &flow, invite.branch, "INVITE", 200, "fork").kind, ==, TRANSACTION_NEWS_FINAL);
  expect_int(rig_response(rig, &flow, &invite, 180).kind, ==, TRANSACTION_NEWS_NONE);
  expect_int(rig_response(rig, &flow, &invite, 486).kind, ==, TRANSACTION_NEWS_NONE);
  rig_cancel(rig, &invite);
  expect_int(rig->sent_count, ==, 1);
  rig_run(rig, 1000);
  expect_int(transaction_count(rig->layer), ==, 0);
  rig_destroy(rig);
}

static void test_a_2xx_after_ringing_is_told(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client invite = rig_send(rig, "INVITE", &flow);
  rig_response(rig, &flow, &invite, 180);
  expect_int(rig_response(rig, &flow, &invite, 200).kind, ==, TRANSACTION_NEWS_FINAL);
  expect_int(rig->news[1].method, ==, SIP_METHOD_INVITE);
  rig_destroy(rig);
}

static void test_over_tcp_nothing_is_sent_again_and_a_failure_ends_at_once(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_TCP, &flow);
  struct rig_client invite = rig_send(rig, "INVITE", &flow);
  rig_run(rig, 31000);
  expect_int(rig->sent_count, ==, 1);
  rig_response(rig, &flow, &invite, 180);
  expect_int(rig_response(rig, &flow, &invite, 404).kind, ==, TRANSACTION_NEWS_FINAL);
  expect(rig_contains(rig_last_sent(rig), "ACK sip:bob@example.com"));
  expect_int(rig->sent[1].flow.connection, ==, 77);
  expect_int(transaction_count(rig->layer), ==, 0);
  rig_send(rig, "INVITE", &flow);
  rig_run(rig, 31990);
  expect_int(transaction_count(rig->layer), ==, 1);
  rig_run(rig, 10);
  expect_int(rig_last_news(rig), ==, TRANSACTION_NEWS_TIMED_OUT);
  rig_destroy(rig);
}

/* --- CANCEL ------------------------------------------------------------------------------------------------------ */

static void test_cancel_repeats_the_invite_as_a_transaction_of_its_own(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client invite = rig_send(rig, "INVITE", &flow);
  rig_response(rig, &flow, &invite, 180);
  rig_cancel(rig, &invite);
  char want[1024];
  snprintf(want, sizeof want,
           "CANCEL sip:bob@example.com SIP/2.0\r\n"
           "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=%s;rport\r\n"
           "Route: <sip:p1.example.com;lr>\r\nRoute: <sip:p2.example.com;lr>\r\n"
           "Max-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=ours\r\n"
           "To: <sip:bob@example.com>\r\nCall-ID: call-1\r\nCSeq: 17 CANCEL\r\n"
           "Reason: SIP ;cause=487\r\nContent-Length: 0\r\n\r\n",
           invite.branch);
  expect_bytes(rig_last_sent(rig), strlen(rig_last_sent(rig)), want);
  rig_run(rig, 600);
  expect_int(rig->sent_count, ==, 3);
  rig->news_count = 0;
  expect_int(rig_response_to(rig, &flow, invite.branch, "CANCEL", 200, "theirs").kind, ==, TRANSACTION_NEWS_NONE);
  rig_run(rig, 3000);
  expect_int(rig->sent_count, ==, 3);
  rig_cancel(rig, &invite);
  expect_int(rig->sent_count, ==, 3);
  rig_response(rig, &flow, &invite, 183);
  expect_int(rig_response(rig, &flow, &invite, 487).kind, ==, TRANSACTION_NEWS_FINAL);
  rig_run(rig, 40000);
  expect_int(transaction_count(rig->layer), ==, 0);
  expect_int(rig->news_count, ==, 2);
  rig_destroy(rig);
}

static void test_cancel_waits_for_a_provisional_response(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client invite = rig_send(rig, "INVITE", &flow);
  rig_cancel(rig, &invite);
  rig_cancel(rig, &invite);
  rig_run(rig, 1000);
  expect_sent_at(rig, 0, 0, 500);
  expect_int(rig_response(rig, &flow, &invite, 100).kind, ==, TRANSACTION_NEWS_PROVISIONAL);
  expect(rig_contains(rig_last_sent(rig), "CANCEL sip:bob@example.com"));
  expect(rig_contains(rig_last_sent(rig), "Reason: SIP ;cause=487\r\n"));
  rig_destroy(rig);
}

static void test_a_cancelled_invite_without_final_response_ends_after_64_t1(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client invite = rig_send(rig, "INVITE", &flow);
  rig_response(rig, &flow, &invite, 180);
  rig_run(rig, 10000);
  rig_cancel(rig, &invite);
  rig_response_to(rig, &flow, invite.branch, "CANCEL", 200, "theirs");
  rig->news_count = 0;
  rig_run(rig, 31990);
  expect_int(rig->news_count, ==, 0);
  rig_run(rig, 10);
  expect_int(rig_last_news(rig), ==, TRANSACTION_NEWS_TIMED_OUT);
  expect_int(transaction_count(rig->layer), ==, 0);
  rig_destroy(rig);
}

static void test_over_tcp_the_final_response_ends_the_cancel_too(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_TCP, &flow);
  struct rig_client invite = rig_send(rig, "INVITE", &flow);
  rig_response(rig, &flow, &invite, 180);
  rig_cancel(rig, &invite);
  expect_int(transaction_count(rig->layer), ==, 2);
  rig_response(rig, &flow, &invite, 487);
  expect_int(transaction_count(rig->layer), ==, 0);
  rig_destroy(rig);
}

static void test_a_waiting_cancel_is_dropped_by_any_ending(void) {
  static const unsigned finals[] = {200, 486};
  struct flow flow;
  for (unsigned i = 0; i < 2; i++) {
    struct rig *rig = begin(TRANSPORT_UDP, &flow);
    struct rig_client invite = rig_send(rig, "INVITE", &flow);
    rig_cancel(rig, &invite);
    expect_int(rig_response(rig, &flow, &invite, finals[i]).kind, ==, TRANSACTION_NEWS_FINAL);
    for (unsigned k = 0; k < rig->sent_count; k++)
      expect(!rig_contains(rig->sent[k].text, "CANCEL"));
    rig_destroy(rig);
  }
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client invite = rig_send(rig, "INVITE", &flow);
  rig_cancel(rig, &invite);
  rig_run(rig, 32000);
  expect_int(rig_last_news(rig), ==, TRANSACTION_NEWS_TIMED_OUT);
  expect_int(rig->sent_count, ==, 7);
  rig_destroy(rig);
}

static void test_a_2xx_that_crosses_cancel_is_told(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client invite = rig_send(rig, "INVITE", &flow);
  rig_response(rig, &flow, &invite, 180);
  rig_cancel(rig, &invite);
  expect_int(rig_response(rig, &flow, &invite, 200).kind, ==, TRANSACTION_NEWS_FINAL);
  expect_int(rig_state(rig, invite.handle), ==, TRANSACTION_ACCEPTED);
  rig_destroy(rig);
}

/* --- the world fails --------------------------------------------------------------------------------------------- */

static void test_a_dead_flow_ends_the_invite_at_once_in_every_state_that_waits(void) {
  struct flow flow;
  for (unsigned i = 0; i < 4; i++) {
    struct rig *rig = begin(TRANSPORT_TCP, &flow);
    struct rig_client invite = rig_send(rig, "INVITE", &flow);
    if (i == 1 || i == 3) rig_response(rig, &flow, &invite, 180);
    if (i == 2 || i == 3) rig_cancel(rig, &invite);
    rig->news_count = 0;
    transaction_flow_failed(rig->layer, &rig->context, &flow);
    rig_end_event(rig);
    rig_run(rig, 20);
    bool was_heard = i == 1 || i == 3; /* what was not is asked first for another way */
    expect_int(rig->news_count, ==, was_heard ? 1u : 2u);
    if (!was_heard) expect_int(rig->news[0].kind, ==, TRANSACTION_NEWS_STRANDED);
    expect_int(rig_last_news(rig), ==, TRANSACTION_NEWS_UNREACHABLE);
    expect_int(transaction_count(rig->layer), ==, 0);
    rig_destroy(rig);
  }
}

static void test_a_dead_flow_after_the_final_response_is_not_told(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client failed = rig_send(rig, "INVITE", &flow);
  struct rig_client accepted = rig_send(rig, "INVITE", &flow);
  rig_response(rig, &flow, &failed, 486);
  rig_response(rig, &flow, &accepted, 200);
  rig->news_count = 0;
  transaction_flow_failed(rig->layer, &rig->context, &flow);
  rig_run(rig, 10);
  expect_int(rig->news_count, ==, 0);
  expect_int(rig_state(rig, failed.handle), ==, TRANSACTION_TERMINATED);
  expect_int(rig_state(rig, accepted.handle), ==, TRANSACTION_ACCEPTED);
  rig_destroy(rig);
}

static void test_a_dead_flow_is_told_although_the_state_changes_before(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_TCP, &flow);
  struct rig_client invite = rig_send(rig, "INVITE", &flow);
  rig_response(rig, &flow, &invite, 180);
  rig->news_count = 0;
  transaction_flow_failed(rig->layer, &rig->context, &flow);
  rig_cancel(rig, &invite);
  rig_run(rig, 10);
  expect_int(rig_last_news(rig), ==, TRANSACTION_NEWS_UNREACHABLE);
  expect_int(transaction_count(rig->layer), ==, 0);
  rig_destroy(rig);
}

static void test_a_2xx_that_was_under_way_when_the_flow_failed_counts(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client invite = rig_send(rig, "INVITE", &flow);
  transaction_flow_failed(rig->layer, &rig->context, &flow);
  expect_int(rig_response(rig, &flow, &invite, 200).kind, ==, TRANSACTION_NEWS_FINAL);
  rig_run(rig, 31990);
  expect_int(rig_state(rig, invite.handle), ==, TRANSACTION_ACCEPTED);
  expect_int(rig->news_count, ==, 1);
  rig_destroy(rig);
}

static void test_a_transaction_whose_request_is_never_sent_ends_by_itself(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct handle handles[3];
  struct str_view branch;
  for (unsigned i = 0; i < 3; i++)
    expect_int(transaction_begin(rig->layer, &rig->context, SIP_METHOD_INVITE, &flow, rig_owner, &handles[i], &branch),
               ==, RESULT_OK);
  rig_end_event(rig);
  transaction_cancel(rig->layer, &rig->context, handles[0], (struct str_view){0});
  expect_int(rig_state(rig, handles[0]), ==, TRANSACTION_TERMINATED);
  rig_run(rig, 490);
  expect_int(transaction_count(rig->layer), ==, 2);
  rig_run(rig, 10);
  expect_int(transaction_count(rig->layer), ==, 0);
  expect_int(transaction_begin(rig->layer, &rig->context, SIP_METHOD_INVITE, &flow, rig_owner, &handles[0], &branch),
             ==, RESULT_OK);
  transaction_flow_failed(rig->layer, &rig->context, &flow);
  rig_run(rig, 10);
  expect_int(transaction_count(rig->layer), ==, 0);
  expect_int(rig->news_count, ==, 0);
  rig_destroy(rig);
}

static void test_a_disowned_invite_is_acknowledged_but_not_told(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client invite = rig_send(rig, "INVITE", &flow);
  transaction_disown(rig->layer, invite.handle);
  expect_int(rig_response(rig, &flow, &invite, 180).kind, ==, TRANSACTION_NEWS_NONE);
  expect_int(rig_response(rig, &flow, &invite, 486).kind, ==, TRANSACTION_NEWS_NONE);
  expect(rig_contains(rig_last_sent(rig), "ACK sip:bob@example.com"));
  rig_destroy(rig);
}

static void test_every_row_of_the_invite_client_has_been_taken(void) {
  rig_expect_all_rows_taken(TRANSACTION_INVITE_CLIENT, &invite_client_machine);
}

TAP_TESTS(TAP(test_timer_a_doubles_and_timer_b_ends_after_64_t1), TAP(test_each_retransmission_is_the_same_bytes),
          TAP(test_a_list_of_waits_rules_the_retransmissions),
          TAP(test_the_usual_list_ends_after_32_seconds_as_the_rfc_does),
          TAP(test_a_provisional_response_ends_retransmission_and_the_guard_ends_the_wait),
          TAP(test_ack_of_a_failure_repeats_the_invite_and_the_responses_to),
          TAP(test_ack_is_sent_again_for_each_repeated_failure_until_timer_d),
          TAP(test_each_2xx_is_told_until_timer_m_and_never_acknowledged_here), TAP(test_a_2xx_after_ringing_is_told),
          TAP(test_over_tcp_nothing_is_sent_again_and_a_failure_ends_at_once),
          TAP(test_cancel_repeats_the_invite_as_a_transaction_of_its_own),
          TAP(test_cancel_waits_for_a_provisional_response),
          TAP(test_a_cancelled_invite_without_final_response_ends_after_64_t1),
          TAP(test_over_tcp_the_final_response_ends_the_cancel_too),
          TAP(test_a_waiting_cancel_is_dropped_by_any_ending), TAP(test_a_2xx_that_crosses_cancel_is_told),
          TAP(test_a_dead_flow_ends_the_invite_at_once_in_every_state_that_waits),
          TAP(test_a_dead_flow_after_the_final_response_is_not_told),
          TAP(test_a_dead_flow_is_told_although_the_state_changes_before),
          TAP(test_a_2xx_that_was_under_way_when_the_flow_failed_counts),
          TAP(test_a_transaction_whose_request_is_never_sent_ends_by_itself),
          TAP(test_a_disowned_invite_is_acknowledged_but_not_told),
          TAP(test_every_row_of_the_invite_client_has_been_taken))
