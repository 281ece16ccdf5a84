#include "transaction/transaction_rig.h"

static const char *const peer = "198.51.100.7:5070";

static struct rig *begin(enum transport transport, struct flow *flow, struct handle *options) {
  *flow = rig_flow(transport, peer, transport == TRANSPORT_TCP ? 77 : 0);
  struct rig *rig = rig_create(64, 64);
  struct transaction_news news = rig_request_of(rig, flow, "OPTIONS");
  expect_int(news.kind, ==, TRANSACTION_NEWS_REQUEST);
  expect_int(news.method, ==, SIP_METHOD_OPTIONS);
  *options = news.transaction;
  rig->news_count = 0;
  return rig;
}

static void test_the_final_response_answers_each_repetition_until_timer_j(void) {
  static const unsigned finals[] = {200, 404};
  struct flow flow;
  struct handle options;
  for (unsigned i = 0; i < 2; i++) {
    struct rig *rig = begin(TRANSPORT_UDP, &flow, &options);
    expect_int(rig->sent_count, ==, 0);
    expect_int(rig_request_of(rig, &flow, "OPTIONS").kind, ==, TRANSACTION_NEWS_NONE);
    expect_int(rig->sent_count, ==, 0);
    expect_int(rig_respond(rig, options, finals[i]), ==, RESULT_OK);
    for (unsigned k = 0; k < 3; k++) {
      rig_run(rig, 1000);
      expect_int(rig_request_of(rig, &flow, "OPTIONS").kind, ==, TRANSACTION_NEWS_NONE);
    }
    expect_sent_at(rig, 0, 0, 1000, 2000, 3000);
    expect(strcmp(rig->sent[0].text, rig->sent[3].text) == 0);
    rig_run(rig, 28990);
    expect_int(transaction_count(rig->layer), ==, 1);
    rig_run(rig, 10);
    expect_int(transaction_count(rig->layer), ==, 0);
    expect_int(rig->blocks.bytes_used, ==, 0);
    expect_int(rig_request_of(rig, &flow, "OPTIONS").kind, ==, TRANSACTION_NEWS_REQUEST);
    rig_destroy(rig);
  }
}

static void test_100_goes_out_when_timer_e_reaches_t2_and_not_before(void) {
  static const enum transport transports[] = {TRANSPORT_UDP, TRANSPORT_TCP};
  struct flow flow;
  struct handle options;
  for (unsigned i = 0; i < 2; i++) {
    struct rig *rig = begin(transports[i], &flow, &options);
    rig_run(rig, 3490);
    expect_int(rig->sent_count, ==, 0);
    rig_run(rig, 10);
    expect(rig_contains(rig_last_sent(rig), "SIP/2.0 100 Trying"));
    rig_request_of(rig, &flow, "OPTIONS");
    expect_sent_at(rig, 0, 3500, 3500);
    expect_int(rig_respond(rig, options, i == 0 ? 200 : 500), ==, RESULT_OK);
    rig_destroy(rig);
  }
}

static void test_a_request_never_answered_ends_in_silence(void) {
  struct flow flow;
  struct handle options;
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &options);
  rig_run(rig, 31990);
  expect_int(transaction_count(rig->layer), ==, 1);
  rig_run(rig, 10);
  expect_int(transaction_count(rig->layer), ==, 0);
  expect_int(rig->sent_count, ==, 1);
  expect_int(rig->news_count, ==, 0);
  expect_int(rig_respond(rig, options, 200), ==, RESULT_NOT_FOUND);
  rig_destroy(rig);
}

static void test_a_clock_that_jumps_past_both_timers_ends_it_without_100(void) {
  struct flow flow;
  struct handle options;
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &options);
  rig_jump(rig, 40000);
  expect_int(rig->sent_count, ==, 0);
  expect_int(transaction_count(rig->layer), ==, 0);
  rig_destroy(rig);
}

static void test_a_disowned_request_stays_silent_to_its_end(void) {
  struct flow flow;
  struct handle options;
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &options);
  transaction_disown(rig->layer, options);
  rig_run(rig, 4000);
  rig_request_of(rig, &flow, "OPTIONS");
  rig_run(rig, 30000);
  expect_int(rig->sent_count, ==, 0);
  expect_int(transaction_count(rig->layer), ==, 0);
  rig_destroy(rig);
}

static void test_neither_408_nor_a_provisional_response_may_be_sent(void) {
  struct flow flow;
  struct handle options;
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &options);
  expect_int(rig_respond(rig, options, 408), ==, RESULT_REFUSED);
  expect_int(rig_respond(rig, options, 100), ==, RESULT_REFUSED);
  expect_int(rig_respond(rig, options, 183), ==, RESULT_REFUSED);
  rig_run(rig, 4000);
  expect_int(rig_respond(rig, options, 183), ==, RESULT_REFUSED);
  expect_int(rig_respond(rig, options, 408), ==, RESULT_REFUSED);
  expect_int(rig->sent_count, ==, 1);
  rig_destroy(rig);
}

static void test_there_is_one_final_response_and_no_resending_by_the_user(void) {
  struct flow flow;
  struct handle options;
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &options);
  expect_int(transaction_resend_final(rig->layer, &rig->context, options), ==, RESULT_WRONG_STATE);
  rig_run(rig, 3500);
  expect_int(transaction_resend_final(rig->layer, &rig->context, options), ==, RESULT_WRONG_STATE);
  rig_respond(rig, options, 200);
  static const unsigned further[] = {183, 200, 500};
  for (unsigned i = 0; i < 3; i++)
    expect_int(transaction_respond(rig->layer, &rig->context, options, further[i], STR_VIEW("x")), ==,
               RESULT_WRONG_STATE);
  expect_int(transaction_resend_final(rig->layer, &rig->context, options), ==, RESULT_WRONG_STATE);
  expect_int(rig->sent_count, ==, 2);
  rig_destroy(rig);
}

static void test_over_tcp_the_answer_ends_it_at_once(void) {
  struct flow flow;
  struct handle options;
  struct rig *rig = begin(TRANSPORT_TCP, &flow, &options);
  expect_int(rig_respond(rig, options, 200), ==, RESULT_OK);
  expect_int(rig->sent[0].flow.connection, ==, 77);
  expect_int(transaction_count(rig->layer), ==, 0);
  expect_int(rig->blocks.bytes_used, ==, 0);
  rig_destroy(rig);
}

static void test_cancel_of_another_method_is_answered_200_and_changes_nothing(void) {
  struct flow flow;
  struct handle options;
  for (unsigned i = 0; i < 3; i++) {
    struct rig *rig = begin(TRANSPORT_UDP, &flow, &options);
    if (i == 1) rig_run(rig, 3500);
    if (i == 2) rig_respond(rig, options, 200);
    unsigned state = rig_state(rig, options);
    expect_int(rig_request_of(rig, &flow, "CANCEL").kind, ==, TRANSACTION_NEWS_NONE);
    expect(rig_contains(rig_last_sent(rig), "SIP/2.0 200 OK"));
    expect(rig_contains(rig_last_sent(rig), "5 CANCEL"));
    expect_int(rig_state(rig, options), ==, state);
    rig_destroy(rig);
  }
}

static void test_a_dead_connection_is_told_and_the_transaction_stays(void) {
  struct flow flow;
  struct handle options;
  for (unsigned i = 0; i < 2; i++) {
    struct rig *rig = begin(TRANSPORT_TCP, &flow, &options);
    if (i == 1) rig_run(rig, 3500);
    transaction_flow_failed(rig->layer, &rig->context, &flow);
    rig_run(rig, 10);
    expect_int(rig_last_news(rig), ==, TRANSACTION_NEWS_UNREACHABLE);
    expect_int(rig_respond(rig, options, 200), ==, RESULT_OK);
    expect_int(rig->sent[rig->sent_count - 1].flow.connection, ==, 0);
    rig_destroy(rig);
  }
}

static void test_an_icmp_error_is_nothing_to_a_request_over_udp(void) {
  struct flow flow;
  struct handle options;
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &options);
  transaction_flow_failed(rig->layer, &rig->context, &flow);
  rig_run(rig, 10);
  expect_int(rig->news_count, ==, 0);
  expect_int(rig_respond(rig, options, 200), ==, RESULT_OK);
  rig_destroy(rig);
}

static void test_a_to_tag_is_added_only_where_there_is_none(void) {
  const struct rig_request in_dialog = {.method = "INFO", .to_tag = "theirs"};
  struct flow flow = rig_flow(TRANSPORT_UDP, peer, 0);
  struct rig *rig = rig_create(64, 64);
  rig_respond(rig, rig_request(rig, &flow, &in_dialog).transaction, 200);
  expect(rig_contains(rig_last_sent(rig), "To: <sip:dave@example.com>;tag=theirs\r\n"));
  rig_respond(rig, rig_request_of(rig, &flow, "OPTIONS").transaction, 200);
  expect(rig_contains(rig_last_sent(rig), "To: <sip:dave@example.com>;tag=us\r\n"));
  rig_destroy(rig);
}

/* Unknown methods, PRACK, UPDATE and the rest are all the same to the layer. */
static void test_every_other_method_runs_the_same_machine(void) {
  static const char *const methods[] = {"PRACK", "UPDATE", "BYE", "INFO", "MESSAGE", "REGISTER", "SPLINES"};
  struct flow flow = rig_flow(TRANSPORT_UDP, peer, 0);
  struct rig *rig = rig_create(64, 64);
  for (unsigned i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    struct transaction_news news = rig_request_of(rig, &flow, methods[i]);
    expect_int(news.kind, ==, TRANSACTION_NEWS_REQUEST);
    expect_int(rig_respond(rig, news.transaction, 200), ==, RESULT_OK);
    expect_int(rig_request_of(rig, &flow, methods[i]).kind, ==, TRANSACTION_NEWS_NONE);
  }
  expect_int(rig->sent_count, ==, 14);
  rig_destroy(rig);
}

static void test_every_row_of_the_non_invite_server_has_been_taken(void) {
  rig_expect_all_rows_taken(TRANSACTION_NON_INVITE_SERVER, &non_invite_server_machine);
}

TAP_TESTS(
    TAP(test_the_final_response_answers_each_repetition_until_timer_j),
    TAP(test_100_goes_out_when_timer_e_reaches_t2_and_not_before), TAP(test_a_request_never_answered_ends_in_silence),
    TAP(test_a_clock_that_jumps_past_both_timers_ends_it_without_100),
    TAP(test_a_disowned_request_stays_silent_to_its_end), TAP(test_neither_408_nor_a_provisional_response_may_be_sent),
    TAP(test_there_is_one_final_response_and_no_resending_by_the_user), TAP(test_over_tcp_the_answer_ends_it_at_once),
    TAP(test_cancel_of_another_method_is_answered_200_and_changes_nothing),
    TAP(test_a_dead_connection_is_told_and_the_transaction_stays),
    TAP(test_an_icmp_error_is_nothing_to_a_request_over_udp), TAP(test_a_to_tag_is_added_only_where_there_is_none),
    TAP(test_every_other_method_runs_the_same_machine), TAP(test_every_row_of_the_non_invite_server_has_been_taken))
