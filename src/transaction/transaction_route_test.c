/* Which way messages go: RFC 3261 18, RFC 3581, the 1300-byte rule; and answers without state. */
#include "transaction/transaction_rig.h"

static struct flow answered_over(struct rig *rig, enum transport transport, const char *source, const char *via) {
  struct flow flow = rig_flow(transport, source, transport == TRANSPORT_TCP ? 77 : 0);
  const struct rig_request request = {.method = "INVITE", .via = via, .cseq = rig->sent_count + 1};
  rig_request(rig, &flow, &request);
  return rig->sent[rig->sent_count - 1].flow;
}

static bool is_to(struct flow flow, const char *address) {
  struct address want = rig_address(address);
  return address_equal(&flow.remote, &want);
}

static void test_over_udp_a_response_goes_to_the_source_address_and_the_port_asked_for(void) {
  static const char *const cases[][2] = {
      {"SIP/2.0/UDP 10.0.0.1:5099;branch=z9hG4bK1", "198.51.100.7:5099"},
      {"SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK2", "198.51.100.7:5060"},
      {"SIP/2.0/UDP phone.invalid:5099;branch=z9hG4bK3;rport", "198.51.100.7:40001"},
      {"SIP/2.0/UDP 10.0.0.1:5099;branch=z9hG4bK4;rport=1;received=203.0.113.1", "198.51.100.7:40001"},
      {"SIP/2.0/UDP 10.0.0.1:5099;branch=z9hG4bK5;received=203.0.113.1", "198.51.100.7:5099"},
      {"SIP/2.0/UDP 10.0.0.1:5099;branch=z9hG4bK6;maddr=203.0.113.1", "198.51.100.7:5099"},
  };
  struct rig *rig = rig_create(64, 64);
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
    expect(is_to(answered_over(rig, TRANSPORT_UDP, "198.51.100.7:40001", cases[i][0]), cases[i][1]));
  expect(rig_contains(rig->sent[2].text, ";received=198.51.100.7;rport=40001\r\n"));
  expect(rig_contains(rig->sent[0].text, ";received=198.51.100.7\r\n"));
  rig_destroy(rig);
}

static void test_over_tcp_a_response_goes_back_on_its_connection(void) {
  struct rig *rig = rig_create(64, 64);
  struct flow flow =
      answered_over(rig, TRANSPORT_TCP, "198.51.100.7:40001", "SIP/2.0/TCP 10.0.0.1:5099;branch=z9hG4bK1");
  expect(is_to(flow, "198.51.100.7:40001"));
  expect_int(flow.connection, ==, 77);
  rig_destroy(rig);
}

/* --- the 1300-byte rule (RFC 3261 18.1.1) ------------------------------------------------------------------------ */

static void test_a_request_beyond_1300_bytes_goes_over_tcp_with_its_via_changed(void) {
  struct rig *rig = rig_create(64, 64);
  struct flow flow = rig_flow(TRANSPORT_UDP, "198.51.100.7:5060", 0);
  rig_send_sized(rig, "MESSAGE", &flow, 0);
  size_t head_bytes = strlen(rig_last_sent(rig)) + 2; /* two digits more of Content-Length */
  rig_send_sized(rig, "MESSAGE", &flow, (unsigned)(1300 - head_bytes));
  expect_int(strlen(rig_last_sent(rig)), ==, 1300);
  expect_int(rig->sent[1].flow.transport, ==, TRANSPORT_UDP);
  rig_send_sized(rig, "MESSAGE", &flow, (unsigned)(1301 - head_bytes));
  const struct rig_sent *sent = &rig->sent[2];
  expect_int(sent->flow.transport, ==, TRANSPORT_TCP);
  expect_int(sent->flow.connection, ==, 0);
  expect_int(sent->flow.socket_index, ==, 1);
  expect(is_to(sent->flow, "198.51.100.7:5060"));
  expect(rig_contains(sent->text, "Via: SIP/2.0/TCP 192.0.2.1:5060;branch="));
  rig_run(rig, 400);
  expect_int(rig->sent_count, ==, 3);
  rig_destroy(rig);
}

static void test_where_no_connection_can_be_had_it_goes_over_udp_after_all(void) {
  static const char *const methods[] = {"MESSAGE", "INVITE"};
  for (unsigned i = 0; i < 2; i++) {
    struct rig *rig = rig_create(64, 64);
    struct flow flow = rig_flow(TRANSPORT_UDP, "198.51.100.7:5060", 0);
    struct rig_client client = rig_send_sized(rig, methods[i], &flow, 1500);
    struct flow tcp = rig->sent[0].flow;
    rig_run(rig, 200);
    transaction_flow_failed(rig->layer, &rig->context, &tcp);
    rig_run(rig, 2000);
    expect_int(rig->news_count, ==, 0);
    expect_sent_at(rig, 1, 210, 710, 1710);
    expect(rig_contains(rig_last_sent(rig), "Via: SIP/2.0/UDP 192.0.2.1:5060;branch="));
    expect(flow_equal(&rig->sent[1].flow, &flow));
    expect_int(rig_response(rig, &flow, &client, 200).kind, ==, TRANSACTION_NEWS_FINAL);
    rig_destroy(rig);
  }
}

static void test_after_udp_has_failed_as_well_the_user_is_told(void) {
  struct rig *rig = rig_create(64, 64);
  struct flow flow = rig_flow(TRANSPORT_UDP, "198.51.100.7:5060", 0);
  rig_send_sized(rig, "MESSAGE", &flow, 1500);
  struct flow tcp = rig->sent[0].flow;
  transaction_flow_failed(rig->layer, &rig->context, &tcp);
  rig_run(rig, 10);
  transaction_flow_failed(rig->layer, &rig->context, &flow);
  rig_run(rig, 10);
  expect_int(rig->news_count, ==, 1);
  expect_int(rig->news[0].kind, ==, TRANSACTION_NEWS_UNREACHABLE);
  rig_destroy(rig);
}

static void test_a_connection_that_brought_a_response_is_not_abandoned_for_udp(void) {
  struct rig *rig = rig_create(64, 64);
  struct flow flow = rig_flow(TRANSPORT_UDP, "198.51.100.7:5060", 0);
  struct rig_client invite = rig_send_sized(rig, "INVITE", &flow, 1500);
  struct flow tcp = rig->sent[0].flow;
  rig_response(rig, &tcp, &invite, 180);
  transaction_flow_failed(rig->layer, &rig->context, &tcp);
  rig_run(rig, 10);
  expect_int(rig_last_news(rig), ==, TRANSACTION_NEWS_UNREACHABLE);
  expect_int(rig->sent_count, ==, 1);
  rig_destroy(rig);
}

static void test_an_address_that_takes_no_tcp_is_not_asked_again_for_five_minutes(void) {
  struct rig *rig = rig_create(64, 64);
  struct flow flow = rig_flow(TRANSPORT_UDP, "198.51.100.7:5060", 0);
  struct flow other = rig_flow(TRANSPORT_UDP, "198.51.100.8:5060", 0);
  rig_send_sized(rig, "MESSAGE", &flow, 1500);
  struct flow tcp = rig->sent[0].flow;
  transaction_flow_failed(rig->layer, &rig->context, &tcp);
  rig_run(rig, 100);
  rig->sent_count = 0;
  rig_send_sized(rig, "MESSAGE", &flow, 1500);
  rig_send_sized(rig, "MESSAGE", &other, 1500);
  expect_int(rig->sent[0].flow.transport, ==, TRANSPORT_UDP);
  expect_int(rig->sent[1].flow.transport, ==, TRANSPORT_TCP);
  rig_run(rig, 5 * 60 * 1000);
  rig->sent_count = 0;
  rig_send_sized(rig, "MESSAGE", &flow, 1500);
  expect_int(rig->sent[0].flow.transport, ==, TRANSPORT_TCP);
  rig_destroy(rig);
}

static void test_a_large_request_to_a_peer_behind_nat_stays_on_its_flow(void) {
  struct rig *rig = rig_create(64, 64);
  struct flow flow = rig_flow(TRANSPORT_UDP, "198.51.100.7:5060", 0);
  struct rig_client client = rig_begin(rig, "MESSAGE", &flow);
  transaction_keep_flow(rig->layer, client.handle);
  rig_send_begun(rig, &client, &flow, 1500);
  expect(flow_equal(&rig->sent[0].flow, &flow));
  rig_destroy(rig);
}

static void test_a_large_request_stays_on_udp_where_we_do_not_listen_on_tcp(void) {
  struct rig *rig = rig_create(64, 64);
  struct flow flow = rig_flow(TRANSPORT_UDP, "198.51.100.7:5060", 0);
  rig->local.sockets[1].advertised.port = 5062;
  rig_send_sized(rig, "MESSAGE", &flow, 1500);
  expect_int(rig->sent[0].flow.transport, ==, TRANSPORT_UDP);
  rig->local.socket_count = 1;
  rig_send_sized(rig, "MESSAGE", &flow, 1500);
  expect_int(rig->sent[1].flow.transport, ==, TRANSPORT_UDP);
  expect(rig_contains(rig->sent[1].text, "SIP/2.0/UDP"));
  rig_destroy(rig);
}

/* --- without state ----------------------------------------------------------------------------------------------- */

static void respond_stateless(struct rig *rig, const struct flow *flow, const char *method, unsigned status) {
  const struct rig_request request = {.method = method, .via = "SIP/2.0/UDP 10.0.0.1:5099;branch=z9hG4bKs;rport"};
  static char text[RIG_TEXT_MAX + 64];
  rig_request_text(&request, text, RIG_TEXT_MAX);
  struct sip_message message;
  struct sip_defect defect;
  expect_int(sip_message_parse(str_view_from_c(text), &message, &defect), ==, RESULT_OK);
  transaction_respond_stateless(&rig->context, &message, flow, status, STR_VIEW("Warning: 399 b \"x\"\r\n"));
  rig_end_event(rig);
}

/* --- a connection that broke ------------------------------------------------------------------------------------- */

/* A request whose connection broke at once; the news of it has come. */
static struct rig_client strand(struct rig *rig, const char *method, struct flow *flow) {
  *flow = rig_flow(TRANSPORT_TCP, "198.51.100.7:40001", 77);
  struct rig_client client = rig_send(rig, method, flow);
  transaction_flow_failed(rig->layer, &rig->context, flow);
  rig->news_count = 0;
  while (rig->news_count == 0 && rig_now_ms(rig) < 1000)
    rig_run(rig, 1);
  expect_int(rig_last_news(rig), ==, TRANSACTION_NEWS_STRANDED);
  return client;
}

static void test_a_stranded_request_goes_another_way_as_it_was(void) {
  static const char *const methods[] = {"INVITE", "INFO"};
  for (unsigned i = 0; i < 2; i++) {
    struct rig *rig = rig_create(64, 64);
    struct flow flow, way = rig_flow(TRANSPORT_TCP, "198.51.100.7:5060", 0);
    struct rig_client client = strand(rig, methods[i], &flow);
    expect_int(transaction_reroute(rig->layer, &rig->context, client.handle, &flow), ==, RESULT_REFUSED);
    expect_int(transaction_reroute(rig->layer, &rig->context, client.handle, &way), ==, RESULT_OK);
    rig_end_event(rig);
    expect(strcmp(rig->sent[0].text, rig->sent[1].text) == 0 && flow_equal(&rig->sent[1].flow, &way));
    rig_run(rig, 1000);
    expect_int(rig->news_count, ==, 0);
    expect_int(rig_response(rig, &way, &client, 200).kind, ==, TRANSACTION_NEWS_FINAL);
    rig_destroy(rig);
  }
}

static void test_a_stranded_request_that_goes_by_datagram_says_so_in_its_via_and_is_sent_again(void) {
  struct rig *rig = rig_create(64, 64);
  struct flow flow, way = rig_flow(TRANSPORT_UDP, "198.51.100.7:5060", 0);
  struct rig_client client = strand(rig, "INFO", &flow);
  expect_int(transaction_reroute(rig->layer, &rig->context, client.handle, &way), ==, RESULT_OK);
  rig_end_event(rig);
  rig_run(rig, 600);
  expect_int(rig->sent_count, ==, 3);
  expect(rig_contains(rig_last_sent(rig), "Via: SIP/2.0/UDP 192.0.2.1:5060;branch="));
  rig_destroy(rig);
}

static void test_a_request_is_stranded_once_and_then_unreachable(void) {
  struct rig *rig = rig_create(64, 64);
  struct flow flow, way = rig_flow(TRANSPORT_TCP, "198.51.100.7:5060", 78);
  struct rig_client client = strand(rig, "INFO", &flow);
  expect_int(transaction_reroute(rig->layer, &rig->context, client.handle, &way), ==, RESULT_OK);
  rig_end_event(rig);
  transaction_flow_failed(rig->layer, &rig->context, &way);
  rig_run(rig, 20);
  expect_int(rig_last_news(rig), ==, TRANSACTION_NEWS_UNREACHABLE);
  expect_int(transaction_count(rig->layer), ==, 0);
  rig_destroy(rig);
}

static void test_a_stateless_answer_is_the_same_each_time_and_takes_no_slot(void) {
  struct rig *rig = rig_create(64, 64);
  struct flow flow = rig_flow(TRANSPORT_UDP, "198.51.100.7:40001", 0);
  respond_stateless(rig, &flow, "REGISTER", 403);
  respond_stateless(rig, &flow, "REGISTER", 403);
  respond_stateless(rig, &flow, "ACK", 403);
  expect_int(rig->sent_count, ==, 2);
  expect(strcmp(rig->sent[0].text, rig->sent[1].text) == 0);
  expect(rig_contains(rig->sent[0].text, "SIP/2.0 403 Forbidden\r\n"));
  expect(rig_contains(rig->sent[0].text, "To: <sip:dave@example.com>;tag="));
  expect(rig_contains(rig->sent[0].text, "Warning: 399 b \"x\"\r\nContent-Length: 0\r\n\r\n"));
  expect(is_to(rig->sent[0].flow, "198.51.100.7:40001"));
  expect_int(transaction_count(rig->layer), ==, 0);
  rig_destroy(rig);
}

TAP_TESTS(TAP(test_over_udp_a_response_goes_to_the_source_address_and_the_port_asked_for),
          TAP(test_over_tcp_a_response_goes_back_on_its_connection),
          TAP(test_a_request_beyond_1300_bytes_goes_over_tcp_with_its_via_changed),
          TAP(test_where_no_connection_can_be_had_it_goes_over_udp_after_all),
          TAP(test_after_udp_has_failed_as_well_the_user_is_told),
          TAP(test_a_connection_that_brought_a_response_is_not_abandoned_for_udp),
          TAP(test_an_address_that_takes_no_tcp_is_not_asked_again_for_five_minutes),
          TAP(test_a_large_request_to_a_peer_behind_nat_stays_on_its_flow),
          TAP(test_a_stranded_request_goes_another_way_as_it_was),
          TAP(test_a_stranded_request_that_goes_by_datagram_says_so_in_its_via_and_is_sent_again),
          TAP(test_a_request_is_stranded_once_and_then_unreachable),
          TAP(test_a_large_request_stays_on_udp_where_we_do_not_listen_on_tcp),
          TAP(test_a_stateless_answer_is_the_same_each_time_and_takes_no_slot))
