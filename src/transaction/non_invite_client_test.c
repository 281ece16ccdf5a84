#include "transaction/transaction_rig.h"

static const char *const peer = "198.51.100.7:5060";

static struct rig *begin(enum transport transport, struct flow *flow) {
  *flow = rig_flow(transport, peer, transport == TRANSPORT_TCP ? 77 : 0);
  return rig_create(64, 64);
}

static void test_timer_e_doubles_up_to_t2_and_timer_f_ends_after_64_t1(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  rig_send(rig, "OPTIONS", &flow);
  rig_run(rig, 40000);
  expect_sent_at(rig, 0, 0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500);
  expect_int(rig->news_count, ==, 1);
  expect_int(rig->news[0].kind, ==, TRANSACTION_NEWS_TIMED_OUT);
  expect_int(transaction_count(rig->layer), ==, 0);
  rig_destroy(rig);
}

static void test_after_a_provisional_response_timer_e_is_t2(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client options = rig_send(rig, "OPTIONS", &flow);
  rig_run(rig, 600);
  expect_int(rig_response(rig, &flow, &options, 100).kind, ==, TRANSACTION_NEWS_PROVISIONAL);
  expect_int(rig_response(rig, &flow, &options, 100).kind, ==, TRANSACTION_NEWS_PROVISIONAL);
  rig_run(rig, 40000);
  expect_sent_at(rig, 0, 0, 500, 1500, 5500, 9500, 13500, 17500, 21500, 25500, 29500);
  expect_int(rig->news[2].kind, ==, TRANSACTION_NEWS_TIMED_OUT);
  rig_destroy(rig);
}

static void test_a_list_of_waits_goes_on_after_a_provisional_response(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  rig->parameters.SS_SIP_RESEND_INTERVAL = (struct parameter_list){.count = 4, .ms = {100, 100, 1000, 2000}};
  struct rig_client options = rig_send(rig, "OPTIONS", &flow);
  rig_run(rig, 150);
  rig_response(rig, &flow, &options, 100);
  rig_run(rig, 10000);
  expect_sent_at(rig, 0, 0, 100, 200, 1200, 3200);
  expect_int(rig_last_news(rig), ==, TRANSACTION_NEWS_TIMED_OUT);
  rig_destroy(rig);
}

static void test_retransmission_times_do_not_drift_with_a_late_clock(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  rig_send(rig, "OPTIONS", &flow);
  rig_jump(rig, 900);
  rig_run_until(rig, 12000);
  expect_sent_at(rig, 0, 0, 900, 1500, 3500, 7500, 11500);
  rig_destroy(rig);
}

static void test_a_final_response_is_told_once_and_timer_k_absorbs_the_rest(void) {
  static const unsigned finals[] = {200, 404};
  struct flow flow;
  for (unsigned i = 0; i < 4; i++) {
    struct rig *rig = begin(TRANSPORT_UDP, &flow);
    struct rig_client options = rig_send(rig, "OPTIONS", &flow);
    if (i >= 2) rig_response(rig, &flow, &options, 100);
    expect_int(rig_response(rig, &flow, &options, finals[i % 2]).kind, ==, TRANSACTION_NEWS_FINAL);
    expect_int(rig->blocks.bytes_used, ==, 0);
    expect_int(rig_response(rig, &flow, &options, 200).kind, ==, TRANSACTION_NEWS_NONE);
    expect_int(rig_response(rig, &flow, &options, 404).kind, ==, TRANSACTION_NEWS_NONE);
    expect_int(rig_response(rig, &flow, &options, 100).kind, ==, TRANSACTION_NEWS_NONE);
    rig_run(rig, 4990);
    expect_int(transaction_count(rig->layer), ==, 1);
    rig_run(rig, 10);
    expect_int(transaction_count(rig->layer), ==, 0);
    expect_int(rig->sent_count, ==, 1);
    rig_destroy(rig);
  }
}

static void test_over_tcp_nothing_is_sent_again_and_the_answer_ends_it_at_once(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_TCP, &flow);
  struct rig_client options = rig_send(rig, "OPTIONS", &flow);
  rig_run(rig, 31000);
  expect_int(rig_response(rig, &flow, &options, 200).kind, ==, TRANSACTION_NEWS_FINAL);
  expect_int(transaction_count(rig->layer), ==, 0);
  expect_int(rig->sent_count, ==, 1);
  rig_send(rig, "OPTIONS", &flow);
  rig_run(rig, 32000);
  expect_int(rig_last_news(rig), ==, TRANSACTION_NEWS_TIMED_OUT);
  rig_destroy(rig);
}

static void test_a_dead_flow_fails_what_waits_on_it_and_nothing_else(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_TCP, &flow);
  struct flow other_connection = flow, other_peer = rig_flow(TRANSPORT_TCP, "198.51.100.8:5060", 77);
  struct flow not_opened = flow, udp = rig_flow(TRANSPORT_UDP, peer, 0);
  other_connection.connection = 78;
  not_opened.connection = 0;
  struct rig_client trying = rig_send(rig, "OPTIONS", &flow), proceeding = rig_send(rig, "OPTIONS", &flow);
  struct rig_client opening = rig_send(rig, "OPTIONS", &not_opened);
  struct rig_client safe[] = {rig_send(rig, "OPTIONS", &other_connection), rig_send(rig, "OPTIONS", &other_peer),
                              rig_send(rig, "OPTIONS", &udp)};
  rig_response(rig, &flow, &proceeding, 100);
  rig->news_count = 0;
  transaction_flow_failed(rig->layer, &rig->context, &flow);
  transaction_flow_failed(rig->layer, &rig->context, &flow);
  rig_run(rig, 20);
  unsigned ended = 0, stranded = 0;
  for (unsigned i = 0; i < rig->news_count; i++) {
    ended += rig->news[i].kind == TRANSACTION_NEWS_UNREACHABLE;
    stranded += rig->news[i].kind == TRANSACTION_NEWS_STRANDED;
  }
  expect_int(ended, ==, 3);
  expect_int(stranded, ==, 1); /* had a connection, and has heard nothing */
  for (unsigned i = 0; i < 3; i++)
    expect_int(rig_state(rig, safe[i].handle), ==, TRANSACTION_TRYING);
  expect_int(rig_state(rig, trying.handle) + rig_state(rig, opening.handle), ==, 0);
  rig_destroy(rig);
}

static void test_the_connection_a_response_came_on_is_the_transactions(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_TCP, &flow);
  struct flow to_open = flow;
  to_open.connection = 0;
  struct rig_client invite = rig_send(rig, "INVITE", &to_open);
  rig_response(rig, &flow, &invite, 180);
  rig_cancel(rig, &invite);
  expect_int(rig->sent[1].flow.connection, ==, 77);
  rig_destroy(rig);
}

static void test_an_icmp_error_fails_a_request_over_udp(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  rig_send(rig, "BYE", &flow);
  transaction_flow_failed(rig->layer, &rig->context, &flow);
  rig_run(rig, 10);
  expect_int(rig_last_news(rig), ==, TRANSACTION_NEWS_UNREACHABLE);
  rig_destroy(rig);
}

static void test_a_request_that_is_never_sent_ends_by_itself(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct handle handle;
  struct str_view branch;
  for (unsigned i = 0; i < 2; i++) {
    expect_int(transaction_begin(rig->layer, &rig->context, SIP_METHOD_BYE, &flow, rig_owner, &handle, &branch), ==,
               RESULT_OK);
    if (i == 0) transaction_flow_failed(rig->layer, &rig->context, &flow);
    rig_run(rig, i == 0 ? 10 : 500);
    expect_int(transaction_count(rig->layer), ==, 0);
  }
  expect_int(transaction_send(rig->layer, &rig->context, handle, STR_VIEW("x")), ==, RESULT_NOT_FOUND);
  expect_int(rig->news_count, ==, 0);
  rig_destroy(rig);
}

static void test_ack_and_cancel_are_not_begun_by_hand(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct handle handle;
  struct str_view branch;
  expect_int(transaction_begin(rig->layer, &rig->context, SIP_METHOD_ACK, &flow, rig_owner, &handle, &branch), ==,
             RESULT_UNSUPPORTED);
  expect_int(transaction_begin(rig->layer, &rig->context, SIP_METHOD_CANCEL, &flow, rig_owner, &handle, &branch), ==,
             RESULT_UNSUPPORTED);
  rig_destroy(rig);
}

/* --- responses that are not ours (RFC 3261 17.1.3) --------------------------------------------------------------- */

static void test_a_branch_that_differs_in_any_digit_is_a_stray(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client options = rig_send(rig, "OPTIONS", &flow);
  expect_int(strlen(options.branch), ==, 41);
  for (unsigned i = 0; i < strlen(options.branch); i++) {
    /* The worker's two digits say which worker a response is for, and are not this layer's. */
    if (i == 7 || i == 8) continue;
    struct rig_client forged = options;
    forged.branch[i] = forged.branch[i] == '0' ? '1' : '0';
    expect_int(rig_response(rig, &flow, &forged, 200).kind, ==, TRANSACTION_NEWS_NONE);
  }
  expect_int(rig->counters.responses_stray, ==, 39);
  expect_int(rig_response(rig, &flow, &options, 200).kind, ==, TRANSACTION_NEWS_FINAL);
  rig_destroy(rig);
}

static void test_a_response_to_another_method_is_a_stray(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client options = rig_send(rig, "OPTIONS", &flow), invite = rig_send(rig, "INVITE", &flow);
  expect_int(rig_response_to(rig, &flow, options.branch, "BYE", 200, "x").kind, ==, TRANSACTION_NEWS_NONE);
  expect_int(rig_response_to(rig, &flow, invite.branch, "CANCEL", 200, "x").kind, ==, TRANSACTION_NEWS_NONE);
  expect_int(rig_response_to(rig, &flow, "z9hG4bKother", "OPTIONS", 200, "x").kind, ==, TRANSACTION_NEWS_NONE);
  expect_int(rig->counters.responses_stray, ==, 3);
  rig_destroy(rig);
}

static void test_a_response_with_two_vias_is_a_stray(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client options = rig_send(rig, "OPTIONS", &flow);
  char text[1024];
  snprintf(text, sizeof text,
           "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=%s, SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\n"
           "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: call-1\r\nCSeq: 17 OPTIONS\r\n\r\n",
           options.branch);
  expect_int(rig_receive(rig, &flow, text).kind, ==, TRANSACTION_NEWS_NONE);
  expect_int(rig->counters.responses_stray, ==, 1);
  rig_destroy(rig);
}

static void test_a_late_response_does_not_reach_the_next_transaction_in_the_slot(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client first = rig_send(rig, "OPTIONS", &flow);
  rig_run(rig, 32000);
  struct rig_client second = rig_send(rig, "OPTIONS", &flow);
  expect_int(first.handle.index, ==, second.handle.index);
  rig->news_count = 0;
  expect_int(rig_response(rig, &flow, &first, 200).kind, ==, TRANSACTION_NEWS_NONE);
  expect_int(rig_state(rig, second.handle), ==, TRANSACTION_TRYING);
  rig_destroy(rig);
}

static void test_a_branch_names_its_worker(void) {
  struct flow flow;
  struct rig *rig = begin(TRANSPORT_UDP, &flow);
  struct rig_client options = rig_send(rig, "OPTIONS", &flow);
  uint8_t worker = 99;
  expect_int(transaction_branch_worker(str_view_from_c(options.branch), &worker), ==, RESULT_OK);
  expect_int(worker, ==, 3);
  struct str_view stateless = transaction_stateless_branch(&rig->context, 17);
  char copy[64];
  snprintf(copy, sizeof copy, "%.*s", (int)stateless.length, stateless.data);
  expect_int(transaction_branch_worker(stateless, &worker), ==, RESULT_OK);
  expect_int(rig_response_to(rig, &flow, copy, "OPTIONS", 200, "x").kind, ==, TRANSACTION_NEWS_NONE);
  expect_int(transaction_branch_worker(STR_VIEW("z9hG4bK03"), &worker), ==, RESULT_MALFORMED);
  options.branch[40] = 'g';
  expect_int(transaction_branch_worker(str_view_from_c(options.branch), &worker), ==, RESULT_MALFORMED);
  rig_destroy(rig);
}

static void test_every_row_of_the_non_invite_client_has_been_taken(void) {
  rig_expect_all_rows_taken(TRANSACTION_NON_INVITE_CLIENT, &non_invite_client_machine);
}

TAP_TESTS(TAP(test_timer_e_doubles_up_to_t2_and_timer_f_ends_after_64_t1),
          TAP(test_after_a_provisional_response_timer_e_is_t2),
          TAP(test_a_list_of_waits_goes_on_after_a_provisional_response),
          TAP(test_retransmission_times_do_not_drift_with_a_late_clock),
          TAP(test_a_final_response_is_told_once_and_timer_k_absorbs_the_rest),
          TAP(test_over_tcp_nothing_is_sent_again_and_the_answer_ends_it_at_once),
          TAP(test_a_dead_flow_fails_what_waits_on_it_and_nothing_else),
          TAP(test_the_connection_a_response_came_on_is_the_transactions),
          TAP(test_an_icmp_error_fails_a_request_over_udp), TAP(test_a_request_that_is_never_sent_ends_by_itself),
          TAP(test_ack_and_cancel_are_not_begun_by_hand), TAP(test_a_branch_that_differs_in_any_digit_is_a_stray),
          TAP(test_a_response_to_another_method_is_a_stray), TAP(test_a_response_with_two_vias_is_a_stray),
          TAP(test_a_late_response_does_not_reach_the_next_transaction_in_the_slot),
          TAP(test_a_branch_names_its_worker), TAP(test_every_row_of_the_non_invite_client_has_been_taken))
