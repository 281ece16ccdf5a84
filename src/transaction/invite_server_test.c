#include "transaction/transaction_rig.h"

static const char *const peer = "198.51.100.7:5070";

/* A rig with one INVITE received and all it sent forgotten. */
static struct rig *begin(enum transport transport, struct flow *flow, struct handle *invite) {
  *flow = rig_flow(transport, peer, transport == TRANSPORT_TCP ? 77 : 0);
  struct rig *rig = rig_create(64, 64);
  struct transaction_news news = rig_request_of(rig, flow, "INVITE");
  expect_int(news.kind, ==, TRANSACTION_NEWS_REQUEST);
  *invite = news.transaction;
  rig->news_count = rig->sent_count = 0;
  return rig;
}

static void own(struct rig *rig, struct handle invite) {
  transaction_set_owner(rig->layer, invite, rig_owner);
}

static void fail_flow(struct rig *rig, const struct flow *flow) {
  transaction_flow_failed(rig->layer, &rig->context, flow);
  rig_run(rig, 10);
}

static void test_a_new_invite_is_told_and_answered_100_at_once(void) {
  struct flow flow = rig_flow(TRANSPORT_UDP, peer, 0);
  struct rig *rig = rig_create(64, 64);
  struct transaction_news news = rig_request_of(rig, &flow, "INVITE");
  expect_int(news.kind, ==, TRANSACTION_NEWS_REQUEST);
  expect_int(news.method, ==, SIP_METHOD_INVITE);
  expect_bytes(rig_last_sent(rig), strlen(rig_last_sent(rig)),
               "SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKone\r\n"
               "Via: SIP/2.0/UDP 198.51.100.9;branch=z9hG4bKbelow\r\nFrom: <sip:carol@example.com>;tag=caller\r\n"
               "To: <sip:dave@example.com>\r\nCall-ID: call-2\r\nCSeq: 5 INVITE\r\nTimestamp: 54\r\n"
               "Content-Length: 0\r\n\r\n");
  expect_sent_at(rig, 0, 0);
  expect_int(rig->counters.requests_received, ==, 1);
  rig_destroy(rig);
}

static void test_the_latest_provisional_response_answers_a_repeated_invite(void) {
  struct flow flow;
  struct handle invite;
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &invite);
  expect_int(rig_request_of(rig, &flow, "INVITE").kind, ==, TRANSACTION_NEWS_NONE);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 100 Trying"));
  expect_int(rig_respond(rig, invite, 100), ==, RESULT_OK);
  expect(rig_contains(rig_last_sent(rig), "To: <sip:dave@example.com>\r\n")); /* RFC 3261 17.2.1: no tag in 100 */
  expect_int(rig_respond(rig, invite, 180), ==, RESULT_OK);
  expect_int(rig_respond(rig, invite, 183), ==, RESULT_OK);
  expect(rig_contains(rig_last_sent(rig), "To: <sip:dave@example.com>;tag=us\r\n"));
  rig_request_of(rig, &flow, "INVITE");
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 183 Session Progress"));
  expect_int(rig->sent_count, ==, 5);
  expect_int(rig->counters.retransmissions_received, ==, 2);
  rig_destroy(rig);
}

static void test_timer_g_doubles_up_to_t2_and_timer_h_tells_of_the_missing_ack(void) {
  struct flow flow;
  struct handle invite;
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &invite);
  own(rig, invite);
  expect_int(rig_respond(rig, invite, 486), ==, RESULT_OK);
  rig_run(rig, 40000);
  expect_sent_at(rig, 0, 0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500);
  expect_int(rig->news_count, ==, 1);
  expect_int(rig->news[0].kind, ==, TRANSACTION_NEWS_ACK_MISSING);
  expect_int(rig->news[0].owner.detail, ==, 42);
  expect_int(transaction_count(rig->layer), ==, 0);
  expect_int(rig->blocks.bytes_used, ==, 0);
  rig_destroy(rig);
}

static void test_timer_g_keeps_the_rfc_whatever_list_rules_requests(void) {
  struct flow flow;
  struct handle invite;
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &invite);
  rig->parameters.SS_SIP_RESEND_INTERVAL = (struct parameter_list){.count = 1, .ms = {100}};
  rig_respond(rig, invite, 486);
  rig_run(rig, 4000);
  expect_sent_at(rig, 0, 0, 500, 1500, 3500);
  rig_destroy(rig);
}

static void test_ack_ends_retransmission_and_timer_i_absorbs_further_ones(void) {
  struct flow flow;
  struct handle invite;
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &invite);
  expect_int(rig_request_of(rig, &flow, "ACK").kind, ==, TRANSACTION_NEWS_NONE);
  rig_respond(rig, invite, 486);
  rig_request_of(rig, &flow, "INVITE");
  expect_int(rig->sent_count, ==, 2);
  expect_int(rig_request_of(rig, &flow, "ACK").kind, ==, TRANSACTION_NEWS_NONE);
  expect_int(rig_state(rig, invite), ==, TRANSACTION_CONFIRMED);
  expect_int(rig_request_of(rig, &flow, "ACK").kind, ==, TRANSACTION_NEWS_NONE);
  rig_request_of(rig, &flow, "INVITE");
  rig_run(rig, 4990);
  expect_int(transaction_count(rig->layer), ==, 1);
  expect_int(rig->sent_count, ==, 2);
  rig_run(rig, 10);
  expect_int(transaction_count(rig->layer), ==, 0);
  rig_destroy(rig);
}

static void test_a_2xx_is_sent_again_by_the_user_only_and_timer_l_ends_it(void) {
  struct flow flow;
  struct handle invite;
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &invite);
  expect_int(rig_respond(rig, invite, 200), ==, RESULT_OK);
  rig_request_of(rig, &flow, "INVITE");
  rig_run(rig, 10000);
  expect_int(rig->sent_count, ==, 1);
  expect_int(transaction_resend_final(rig->layer, &rig->context, invite), ==, RESULT_OK);
  rig_end_event(rig);
  expect(strcmp(rig->sent[0].text, rig->sent[1].text) == 0);
  rig_run(rig, 21990);
  expect_int(transaction_count(rig->layer), ==, 1);
  rig_run(rig, 10);
  expect_int(transaction_count(rig->layer), ==, 0);
  expect_int(transaction_resend_final(rig->layer, &rig->context, invite), ==, RESULT_NOT_FOUND);
  expect_int(rig->news_count, ==, 0);
  rig_destroy(rig);
}

static void test_the_ack_of_a_2xx_is_the_dialogs(void) {
  static const struct rig_request ack = {
      .method = "ACK", .via = "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKtwo", .to_tag = "us"};
  struct flow flow;
  struct handle invite;
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &invite);
  rig_respond(rig, invite, 200);
  struct transaction_news news = rig_request(rig, &flow, &ack);
  expect_int(news.kind, ==, TRANSACTION_NEWS_ACK);
  expect(handle_is_none(news.transaction));
  /* A client that repeats the INVITE's branch is understood as well (RFC 6026 8.7). */
  news = rig_request_of(rig, &flow, "ACK");
  expect_int(news.kind, ==, TRANSACTION_NEWS_ACK);
  expect(handle_is_none(news.transaction));
  rig_destroy(rig);
}

static void test_a_disowned_accepted_invite_gives_its_2xx_back_and_still_absorbs(void) {
  struct flow flow;
  struct handle invite;
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &invite);
  char response[4096];
  struct text_builder builder = text_builder_over(response, sizeof response);
  expect_int(transaction_build_response(rig->layer, invite, 200, (struct str_view){0}, STR_VIEW("us"), &builder), ==,
             RESULT_OK);
  static char body[1500];
  memset(body, 'x', sizeof body);
  sip_build_end(&builder, STR_VIEW("text/plain"), str_view_of(body, sizeof body));
  expect_int(transaction_respond(rig->layer, &rig->context, invite, 200, text_builder_view(&builder)), ==, RESULT_OK);
  rig_end_event(rig);
  expect_int(rig->blocks.bytes_used, ==, 2048);
  transaction_disown(rig->layer, invite);
  expect_int(rig->blocks.bytes_used, ==, 64);
  transaction_disown(rig->layer, invite);
  expect_int(rig_request_of(rig, &flow, "INVITE").kind, ==, TRANSACTION_NEWS_NONE);
  expect_int(rig_request_of(rig, &flow, "ACK").kind, ==, TRANSACTION_NEWS_ACK);
  expect_int(transaction_resend_final(rig->layer, &rig->context, invite), ==, RESULT_OK);
  rig_end_event(rig);
  expect_int(rig->sent_count, ==, 1);
  expect_int(rig_respond(rig, invite, 200), ==, RESULT_WRONG_STATE);
  rig_destroy(rig);
}

static void test_over_tcp_a_failure_is_sent_once_and_its_ack_ends_it_at_once(void) {
  struct flow flow;
  struct handle invite;
  struct rig *rig = begin(TRANSPORT_TCP, &flow, &invite);
  rig_respond(rig, invite, 486);
  rig_run(rig, 31000);
  expect_int(rig->sent_count, ==, 1);
  expect_int(rig->sent[0].flow.connection, ==, 77);
  expect_int(rig_request_of(rig, &flow, "ACK").kind, ==, TRANSACTION_NEWS_NONE);
  expect_int(transaction_count(rig->layer), ==, 0);
  rig_destroy(rig);
}

static void test_there_is_one_final_response(void) {
  static const unsigned first[] = {200, 486, 486};
  static const unsigned second[] = {180, 200, 486};
  struct flow flow;
  struct handle invite;
  for (unsigned i = 0; i < 3; i++) {
    struct rig *rig = begin(TRANSPORT_UDP, &flow, &invite);
    rig_respond(rig, invite, first[i]);
    if (i == 2) rig_request_of(rig, &flow, "ACK");
    unsigned sent = rig->sent_count;
    for (unsigned k = 0; k < 3; k++) {
      expect_int(rig_respond(rig, invite, second[k]), ==, RESULT_WRONG_STATE);
      expect_int(transaction_respond(rig->layer, &rig->context, invite, second[k], STR_VIEW("x")), ==,
                 RESULT_WRONG_STATE);
      rig_end_event(rig);
    }
    if (i > 0) expect_int(transaction_resend_final(rig->layer, &rig->context, invite), ==, RESULT_WRONG_STATE);
    expect_int(rig->sent_count, ==, sent);
    rig_destroy(rig);
  }
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &invite);
  expect_int(transaction_resend_final(rig->layer, &rig->context, invite), ==, RESULT_WRONG_STATE);
  rig_destroy(rig);
}

static void test_a_user_that_never_answers_is_answered_for(void) {
  struct flow flow;
  struct handle invite;
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &invite);
  rig_run(rig, 3 * 3600 * 1000 - 10);
  expect_int(rig->sent_count, ==, 0);
  rig_run(rig, 10);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 500 "));
  expect(rig_contains(rig_last_sent(rig), "To: <sip:dave@example.com>;tag="));
  expect_int(rig_last_news(rig), ==, TRANSACTION_NEWS_TIMED_OUT);
  expect_int(rig_state(rig, invite), ==, TRANSACTION_COMPLETED);
  rig_destroy(rig);
}

/* --- CANCEL (RFC 3261 9.2) --------------------------------------------------------------------------------------- */

static void test_cancel_is_answered_and_told_with_the_invites_owner(void) {
  struct flow flow;
  struct handle invite;
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &invite);
  own(rig, invite);
  rig_respond(rig, invite, 180);
  struct transaction_news news = rig_request_of(rig, &flow, "CANCEL");
  expect_int(news.kind, ==, TRANSACTION_NEWS_CANCEL);
  expect(handle_equal(news.transaction, invite));
  expect_int(news.owner.detail, ==, 42);
  expect_int(news.method, ==, SIP_METHOD_INVITE);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 200 OK"));
  expect(rig_contains(rig_last_sent(rig), "CSeq: 5 CANCEL"));
  /* RFC 3261 9.2: the same To tag as in the response to the INVITE. */
  expect(rig_contains(rig_last_sent(rig), "To: <sip:dave@example.com>;tag=us\r\n"));
  expect_int(rig_request_of(rig, &flow, "CANCEL").kind, ==, TRANSACTION_NEWS_NONE);
  expect(strcmp(rig->sent[1].text, rig->sent[2].text) == 0);
  expect_int(rig_respond(rig, invite, 487), ==, RESULT_OK);
  rig_destroy(rig);
}

static void test_cancel_after_a_final_response_is_answered_and_changes_nothing(void) {
  static const unsigned finals[] = {200, 486, 486};
  struct flow flow;
  struct handle invite;
  for (unsigned i = 0; i < 3; i++) {
    struct rig *rig = begin(TRANSPORT_UDP, &flow, &invite);
    rig_respond(rig, invite, finals[i]);
    if (i == 2) rig_request_of(rig, &flow, "ACK");
    unsigned state = rig_state(rig, invite);
    expect_int(rig_request_of(rig, &flow, "CANCEL").kind, ==, TRANSACTION_NEWS_NONE);
    expect(rig_contains(rig_last_sent(rig), "SIP/2.0 200 OK"));
    expect_int(rig_state(rig, invite), ==, state);
    rig_destroy(rig);
  }
}

static void test_cancel_of_nothing_is_answered_481(void) {
  static const struct rig_request stray = {.method = "CANCEL", .via = "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKno"};
  struct flow flow;
  struct handle invite;
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &invite);
  expect_int(rig_request(rig, &flow, &stray).kind, ==, TRANSACTION_NEWS_NONE);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 481 "));
  rig_request(rig, &flow, &stray);
  expect(strcmp(rig->sent[0].text, rig->sent[1].text) == 0);
  expect_int(transaction_count(rig->layer), ==, 1);
  rig_destroy(rig);
}

/* --- the world fails --------------------------------------------------------------------------------------------- */

static void test_a_dead_flow_is_told_once_and_the_transaction_stays(void) {
  static const unsigned answers[] = {0, 200, 486};
  static const unsigned states[] = {TRANSACTION_PROCEEDING, TRANSACTION_ACCEPTED, TRANSACTION_COMPLETED};
  struct flow flow;
  struct handle invite;
  for (unsigned i = 0; i < 6; i++) {
    struct rig *rig = begin(i < 3 ? TRANSPORT_UDP : TRANSPORT_TCP, &flow, &invite);
    own(rig, invite);
    if (answers[i % 3]) rig_respond(rig, invite, answers[i % 3]);
    fail_flow(rig, &flow);
    fail_flow(rig, &flow);
    expect_int(rig->news_count, ==, 1);
    expect_int(rig->news[0].kind, ==, TRANSACTION_NEWS_UNREACHABLE);
    expect_int(rig_state(rig, invite), ==, states[i % 3]);
    expect_int(rig_request_of(rig, &flow, "INVITE").kind, ==, TRANSACTION_NEWS_NONE);
    rig_destroy(rig);
  }
}

static void test_after_its_connection_is_gone_a_response_opens_one_to_the_sent_by(void) {
  static const struct rig_request request = {.method = "INVITE",
                                             .via = "SIP/2.0/TCP phone.example.com:5099;branch=z9hG4bKtcp;rport"};
  struct flow flow = rig_flow(TRANSPORT_TCP, "198.51.100.7:40001", 77);
  struct rig *rig = rig_create(64, 64);
  struct handle invite = rig_request(rig, &flow, &request).transaction;
  fail_flow(rig, &flow);
  rig_respond(rig, invite, 180);
  expect_int(rig->sent[1].flow.connection, ==, 0);
  expect_int(rig->sent[1].flow.remote.port, ==, 5099);
  expect(rig_contains(rig->sent[1].text, ";received=198.51.100.7;rport=40001"));
  rig_destroy(rig);
}

static void test_a_disowned_invite_is_answered_but_not_told(void) {
  struct flow flow;
  struct handle invite;
  struct rig *rig = begin(TRANSPORT_UDP, &flow, &invite);
  transaction_disown(rig->layer, invite);
  expect_int(rig_request_of(rig, &flow, "CANCEL").kind, ==, TRANSACTION_NEWS_NONE);
  rig_respond(rig, invite, 487);
  rig_run(rig, 32000);
  expect_int(rig->news_count, ==, 0);
  rig_destroy(rig);
}

static void test_every_row_of_the_invite_server_has_been_taken(void) {
  rig_expect_all_rows_taken(TRANSACTION_INVITE_SERVER, &invite_server_machine);
}

TAP_TESTS(TAP(test_a_new_invite_is_told_and_answered_100_at_once),
          TAP(test_the_latest_provisional_response_answers_a_repeated_invite),
          TAP(test_timer_g_doubles_up_to_t2_and_timer_h_tells_of_the_missing_ack),
          TAP(test_timer_g_keeps_the_rfc_whatever_list_rules_requests),
          TAP(test_ack_ends_retransmission_and_timer_i_absorbs_further_ones),
          TAP(test_a_2xx_is_sent_again_by_the_user_only_and_timer_l_ends_it), TAP(test_the_ack_of_a_2xx_is_the_dialogs),
          TAP(test_a_disowned_accepted_invite_gives_its_2xx_back_and_still_absorbs),
          TAP(test_over_tcp_a_failure_is_sent_once_and_its_ack_ends_it_at_once), TAP(test_there_is_one_final_response),
          TAP(test_a_user_that_never_answers_is_answered_for),
          TAP(test_cancel_is_answered_and_told_with_the_invites_owner),
          TAP(test_cancel_after_a_final_response_is_answered_and_changes_nothing),
          TAP(test_cancel_of_nothing_is_answered_481), TAP(test_a_dead_flow_is_told_once_and_the_transaction_stays),
          TAP(test_after_its_connection_is_gone_a_response_opens_one_to_the_sent_by),
          TAP(test_a_disowned_invite_is_answered_but_not_told), TAP(test_every_row_of_the_invite_server_has_been_taken))
