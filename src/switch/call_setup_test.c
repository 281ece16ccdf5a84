/* Calls from the caller's INVITE to the callee's answer: who may call, where to, what crosses, what is recorded. */
#include "switch/switch_bench.h"

/* --- whole calls ------------------------------------------------------------------------------------------------- */

static void test_gateway_calls_vendor_talks_and_hangs_up(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  bench_advance(bench, 60000);
  bench_hang_up(caller, callee);
  expect_record(bench, "normal");
  const struct cdr_record *record = &bench->records[0];
  expect_view(record->end_direction, "caller");
  expect_view(record->caller, "900");
  expect_view(record->callee, "4420");
  expect_view(record->caller_out, "900");
  expect_view(record->callee_out, "4420");
  expect_view(record->caller_device, "customer");
  expect_view(record->callee_device, "vendor-a");
  expect_view(record->caller_address, CUSTOMER);
  expect_view(record->callee_address, VENDOR_A);
  expect_view(record->caller_call_id, "call-0@peer");
  expect(record->callee_call_id.length > 0);
  expect_int(record->hold_time_ms, ==, 60000);
  expect_int(record->fee_time_s, ==, 60);
  expect_int(record->sip_status, ==, 200);
  expect_int(record->q850_cause, ==, 16);
  expect_view(record->last_alive_by, "caller: BYE");
  expect_int(record->ended_at.value - record->answered_at.value, ==, 60000000);
  bench_end(bench);
}

static void test_times_of_a_call_are_exact(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  int64_t start_us = bench->context.wall_now.value;
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  bench_advance(bench, 300);
  peer_respond(callee, 183, ANSWER);
  bench_advance(bench, 700);
  peer_respond(callee, 180, NULL);
  bench_advance(bench, 4000);
  peer_respond(callee, 200, ANSWER);
  peer_skip(caller);
  peer_ack(caller, NULL);
  bench_advance(bench, 10001);
  peer_expect(callee, "ACK");
  bench_hang_up(callee, caller);
  expect_record(bench, "normal");
  const struct cdr_record *record = &bench->records[0];
  expect_int(record->started_at.value, ==, start_us);
  expect_int(record->ringing_at.value, ==, start_us + 300000);
  expect_int(record->answered_at.value, ==, start_us + 5000000);
  expect_int(record->ended_at.value, ==, start_us + 15001000);
  expect_int(record->pdd_ms, ==, 300);
  expect_int(record->setup_ms, ==, 5000);
  expect_int(record->hold_time_ms, ==, 10001);
  expect_int(record->fee_time_s, ==, 11);
  expect_view(record->end_direction, "callee");
  bench_end(bench);
}

static void test_phone_calls_phone_by_its_registration(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, PHONE_A), *callee = peer_at(bench, PHONE_B);
  peer_register(callee, "1002");
  peer_invite_as_phone(caller, "1001", "1002", OFFER);
  const char *invite = peer_expect(callee, "INVITE");
  expect(strncmp(invite, "INVITE sip:peer@" PHONE_B, strlen("INVITE sip:peer@" PHONE_B)) == 0);
  expect(strstr(header_of(invite, "From"), "<sip:1001@192.0.2.1>") != NULL);
  expect(!*header_of(invite, "Proxy-Authorization"));
  peer_respond(callee, 180, NULL);
  peer_expect(caller, "180");
  peer_respond(callee, 200, ANSWER);
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  peer_expect(callee, "ACK");
  bench_hang_up(callee, caller);
  expect_record(bench, "normal");
  expect_view(bench->records[0].caller, "1001");
  expect_view(bench->records[0].caller_device, "1001");
  expect_view(bench->records[0].callee_device, "1002");
  bench_end(bench);
}

/* --- where to ---------------------------------------------------------------------------------------------------- */

/* RFC 3327 §5.3: the Path of its registration is the route of its calls. */
static void test_phone_behind_a_proxy_is_called_through_its_path(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *proxy = peer_at(bench, PHONE_A);
  peer_register_with(proxy, "1001", "Path: <sip:198.51.100.101:5061;lr>\r\n");
  peer_invite(caller, "1001", OFFER);
  const char *invite = peer_expect(proxy, "INVITE");
  expect(strstr(invite, "\r\nRoute: <sip:198.51.100.101:5061;lr>\r\n") != NULL);
  peer_respond(proxy, 486, NULL);
  peer_expect(proxy, "ACK");
  peer_expect(caller, "486");
  bench_end(bench);
}

static void test_phone_that_is_not_registered_gets_480(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER);
  peer_invite(caller, "1002", OFFER);
  const char *refusal = peer_expect(caller, "480");
  expect(strstr(header_of(refusal, "Reason"), "Q.850;cause=20") != NULL);
  expect(strstr(header_of(refusal, "To"), ";tag=") != NULL);
  peer_send_request(caller, "ACK", 1, caller->invite_branch, NULL);
  expect_record(bench, "not_registered");
  bench_end(bench);
}

static void test_number_without_route_gets_404(void) {
  struct bench *bench = bench_create_bare(4);
  bench_add_gateway(bench, DEVICE_MAPPING_GATEWAY, "customer", CUSTOMER);
  bench_apply(bench);
  struct peer *caller = peer_at(bench, CUSTOMER);
  peer_invite(caller, "4420", OFFER);
  peer_expect(caller, "404");
  expect_record(bench, "route_not_found");
  expect_int(bench->records[0].sip_status, ==, 404);
  bench_end(bench);
}

static void test_phone_on_another_worker_is_asked_for(void) {
  struct bench *bench = bench_create();
  bench_move_phone(bench, "1002");
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, PHONE_B);
  peer_invite(caller, "1002", OFFER);
  expect(bench->asked);
  expect_int(bench->asked_worker, ==, 1);
  struct location_answer answer = {.asker = bench->asker, .known = true, .contact_count = 1};
  answer.contacts[0] = (struct location_contact){
      .uri = STR_VIEW("sip:peer@198.51.100.102:5062"), .flow = callee->flow, .q_thousandths = 1000, .reachable = true};
  bench_handle(bench, &(struct event){.kind = EVENT_LOCATION_ANSWER, .location = &answer});
  peer_expect(callee, "INVITE");
  peer_respond(callee, 486, NULL);
  peer_expect(callee, "ACK");
  peer_expect(caller, "486");
  /* A late answer for a call that is gone is dropped. */
  bench_handle(bench, &(struct event){.kind = EVENT_LOCATION_ANSWER, .location = &answer});
  expect_record(bench, "busy");
  bench_end(bench);
}

static void test_location_that_never_answers_ends_the_call(void) {
  struct bench *bench = bench_create();
  bench_move_phone(bench, "1002");
  struct peer *caller = peer_at(bench, CUSTOMER);
  peer_invite(caller, "1002", OFFER);
  bench_advance(bench, 1990);
  peer_expect_nothing(caller);
  bench_advance(bench, 20);
  peer_expect(caller, "480");
  expect_record(bench, "not_registered");
  bench_end(bench);
}

static void test_contacts_are_tried_in_the_order_of_q(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *first = peer_at(bench, PHONE_A), *second = peer_at(bench, PHONE_B);
  bench_move_phone(bench, "1002");
  peer_invite(caller, "1002", OFFER);
  struct location_answer answer = {.asker = bench->asker, .known = true, .contact_count = 3};
  answer.contacts[0] = (struct location_contact){.uri = STR_VIEW("sip:dead@198.51.100.103"),
                                                 .flow = {.remote = bench_address("198.51.100.103")},
                                                 .reachable = false};
  answer.contacts[1] =
      (struct location_contact){.uri = STR_VIEW("sip:a@198.51.100.101:5061"), .flow = first->flow, .reachable = true};
  answer.contacts[2] =
      (struct location_contact){.uri = STR_VIEW("sip:b@198.51.100.102:5062"), .flow = second->flow, .reachable = true};
  bench_handle(bench, &(struct event){.kind = EVENT_LOCATION_ANSWER, .location = &answer});
  peer_expect(first, "INVITE");
  peer_respond(first, 486, NULL);
  peer_expect(first, "ACK");
  peer_expect(second, "INVITE");
  bench_advance(bench, 9999); /* nothing comes: its INVITE stage is 10 s */
  peer_skip(second);
  bench_advance(bench, 20);
  peer_expect(caller, "486"); /* what a device said weighs more than another's silence */
  expect_record(bench, "busy");
  bench_end(bench);
}

static void test_600_of_one_contact_ends_the_search(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *first = peer_at(bench, PHONE_A), *second = peer_at(bench, PHONE_B);
  bench_move_phone(bench, "1002");
  peer_invite(caller, "1002", OFFER);
  struct location_answer answer = {.asker = bench->asker, .known = true, .contact_count = 2};
  answer.contacts[0] =
      (struct location_contact){.uri = STR_VIEW("sip:a@198.51.100.101:5061"), .flow = first->flow, .reachable = true};
  answer.contacts[1] =
      (struct location_contact){.uri = STR_VIEW("sip:b@198.51.100.102:5062"), .flow = second->flow, .reachable = true};
  bench_handle(bench, &(struct event){.kind = EVENT_LOCATION_ANSWER, .location = &answer});
  peer_expect(first, "INVITE");
  peer_respond(first, 603, NULL);
  peer_expect(caller, "603");
  peer_expect_nothing(second);
  bench_end(bench);
}

static void test_numbers_follow_the_rules_of_both_devices(void) {
  struct bench *bench = bench_create();
  static struct number_rule in = {STR_VIEW_LITERAL("77*"), STR_VIEW_LITERAL("*")};
  static struct number_rule out = {STR_VIEW_LITERAL("*"), STR_VIEW_LITERAL("00*")};
  static struct number_rule caller_out = {STR_VIEW_LITERAL("9*"), STR_VIEW_LITERAL("+499*")};
  struct device *customer = bench_device(bench, "customer"), *vendor = bench_device(bench, "vendor-a");
  customer->callee_rules = &in;
  vendor->callee_rules = &out;
  vendor->caller_rules = &caller_out;
  customer->callee_rule_count = vendor->callee_rule_count = vendor->caller_rule_count = 1;
  bench_apply(bench);
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "774420", OFFER);
  const char *invite = peer_expect(callee, "INVITE");
  expect(strncmp(invite, "INVITE sip:004420@203.0.113.20 SIP/2.0\r\n", 40) == 0);
  expect(strstr(header_of(invite, "From"), "<sip:+49900@192.0.2.1>") != NULL);
  peer_respond(callee, 603, NULL);
  peer_expect(caller, "603");
  expect_record(bench, "rejected");
  expect_view(bench->records[0].callee, "774420");
  expect_view(bench->records[0].callee_out, "004420");
  expect_view(bench->records[0].caller_out, "+49900");
  bench_end(bench);
}

static void test_vendor_over_tcp_is_followed_by_the_next_when_its_connection_dies(void) {
  struct bench *bench = bench_create();
  bench_add_socket(bench, TRANSPORT_TCP);
  bench_gateway(bench, bench_device(bench, "vendor-a"))->transport = TRANSPORT_TCP;
  bench_apply(bench);
  struct peer *caller = peer_at(bench, CUSTOMER), *a = peer_at(bench, VENDOR_A), *b = peer_at(bench, VENDOR_B);
  peer_invite(caller, "4420", OFFER);
  unsigned sent = bench->sent_count;
  const char *invite = peer_expect(a, "INVITE");
  expect(strstr(invite, "INVITE sip:4420@203.0.113.20;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP ") == invite);
  expect(strstr(header_of(invite, "Contact"), ";transport=tcp") != NULL);
  struct flow flow = bench->sent[sent - 1].flow;
  expect_int(flow.transport, ==, TRANSPORT_TCP);
  expect_int(flow.socket_index, ==, 1);
  bench_advance(bench, 1000);
  peer_expect_nothing(a); /* nothing is sent twice over a stream */
  bench_handle(bench, &(struct event){.kind = EVENT_CONNECTION_CLOSED, .flow = flow});
  bench_advance(bench, 20);
  expect(strncmp(peer_expect(b, "INVITE"), "INVITE sip:4420@203.0.113.21 SIP/2.0", 36) == 0);
  peer_respond(b, 486, NULL);
  peer_expect(caller, "486");
  bench_end(bench);
}

#define VENDOR_A_2 "203.0.113.30:5060"
#define VENDOR_A_3 "203.0.113.31:5060"

/* A vendor of three addresses, as DNS gives them, of which we cannot reach the second; then the other vendor. */
static struct bench *bench_of_many_addresses(void) {
  struct bench *bench = bench_create();
  struct gateway *gateway = bench_gateway(bench, bench_device(bench, "vendor-a"));
  gateway->addresses[1] = bench_address("[2001:db8::20]:5060");
  gateway->addresses[2] = bench_address(VENDOR_A_2);
  gateway->addresses[3] = bench_address(VENDOR_A_3);
  gateway->address_count = 4;
  bench_device(bench, "vendor-a")->capacity = 1;
  bench_apply(bench);
  return bench;
}

/* RFC 3263 §4.3: 503, silence, and what the transport says. */
static void test_address_that_fails_is_followed_by_the_vendors_next_one(void) {
  struct bench *bench = bench_of_many_addresses();
  struct peer *caller = peer_at(bench, CUSTOMER), *first = peer_at(bench, VENDOR_A);
  struct peer *second = peer_at(bench, VENDOR_A_2), *third = peer_at(bench, VENDOR_A_3);
  bench->parameters.SS_GATEWAY_SWITCH_LIMIT = 1; /* of gateways, not of addresses */
  peer_invite(caller, "4420", OFFER);
  peer_expect(first, "INVITE");
  peer_respond(first, 503, NULL);
  peer_expect(first, "ACK");
  peer_expect(second, "INVITE");
  bench_advance(bench, 10010);
  peer_skip(second);
  peer_expect(third, "INVITE");
  peer_respond(third, 200, ANSWER);
  peer_expect(third, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  bench_hang_up(caller, third);
  expect_record(bench, "normal");
  expect_view(bench->records[0].callee_device, "vendor-a");
  expect_view(bench->records[0].callee_address, VENDOR_A_3);
  bench_end(bench);
}

/* RFC 2782: what DNS says of a name's servers holds for each call, not for each look-up. */
static void test_servers_of_a_name_share_the_calls_by_their_weights(void) {
  struct bench *bench = bench_of_many_addresses();
  struct gateway *gateway = bench_gateway(bench, bench_device(bench, "vendor-a"));
  const char *const addresses[] = {VENDOR_A, VENDOR_A_2, VENDOR_A_3};
  unsigned calls[3] = {0};
  gateway->ranks[0] = (struct server_rank){10, 75, 0};
  gateway->ranks[1] = gateway->ranks[0]; /* its IPv6 address, for which there is no socket */
  gateway->ranks[2] = (struct server_rank){10, 25, 1};
  gateway->ranks[3] = (struct server_rank){20, 100, 2};
  bench_apply(bench);
  for (unsigned i = 0; i < 200; i++) {
    bench->peer_count = bench->sent_count = bench->record_count = 0;
    memset(bench->peers, 0, sizeof bench->peers);
    struct peer *caller = peer_at(bench, CUSTOMER), *callee = NULL;
    snprintf(caller->call_id, sizeof caller->call_id, "weights-%u", i);
    peer_invite(caller, "4420", OFFER);
    for (unsigned j = 0; j < 3; j++) {
      struct peer *peer = peer_at(bench, addresses[j]);
      if (!peer_next(peer)) continue;
      callee = peer;
      calls[j]++;
    }
    expect(callee != NULL);
    if (!callee) break;
    peer_expect(callee, "INVITE");
    peer_respond(callee, 486, NULL);
    peer_expect(caller, "486");
    peer_ack(caller, NULL);
    bench_advance(bench, 40000);
  }
  expect_int(calls[0], >, 120);
  expect_int(calls[1], >, 25);
  expect_int(calls[0] + calls[1], ==, 200);
  bench_end(bench);
}

static void test_address_that_refuses_packets_is_left_at_once(void) {
  struct bench *bench = bench_of_many_addresses();
  struct peer *caller = peer_at(bench, CUSTOMER), *first = peer_at(bench, VENDOR_A);
  struct peer *second = peer_at(bench, VENDOR_A_2);
  peer_invite(caller, "4420", OFFER);
  peer_expect(first, "INVITE");
  bench_handle(bench, &(struct event){.kind = EVENT_CONNECTION_CLOSED, .flow = first->flow});
  bench_advance(bench, 20);
  peer_expect(second, "INVITE");
  peer_respond(second, 486, NULL);
  peer_expect(second, "ACK");
  peer_expect(caller, "486");
  peer_ack(caller, NULL);
  expect_record(bench, "busy");
  bench_end(bench);
}

static void test_vendor_whose_addresses_have_all_failed_is_followed_by_the_next(void) {
  struct bench *bench = bench_of_many_addresses();
  struct peer *caller = peer_at(bench, CUSTOMER), *b = peer_at(bench, VENDOR_B);
  static const char *const addresses[] = {VENDOR_A, VENDOR_A_2, VENDOR_A_3};
  peer_invite(caller, "4420", OFFER);
  for (unsigned i = 0; i < 3; i++) {
    struct peer *vendor = peer_at(bench, addresses[i]);
    peer_expect(vendor, "INVITE");
    peer_respond(vendor, 503, NULL);
    peer_expect(vendor, "ACK");
  }
  peer_expect(b, "INVITE");
  peer_respond(b, 200, ANSWER);
  peer_expect(b, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  bench_hang_up(caller, b);
  expect_record(bench, "normal");
  expect_view(bench->records[0].callee_device, "vendor-b");
  bench_end(bench);
}

/* What a server says of the call, its other addresses would say too. */
static void test_refusal_that_is_no_failure_of_the_server_goes_past_its_other_addresses(void) {
  struct bench *bench = bench_of_many_addresses();
  struct peer *caller = peer_at(bench, CUSTOMER), *first = peer_at(bench, VENDOR_A), *b = peer_at(bench, VENDOR_B);
  peer_invite(caller, "4420", OFFER);
  peer_expect(first, "INVITE");
  peer_respond(first, 500, NULL);
  peer_expect(first, "ACK");
  peer_expect(b, "INVITE");
  peer_respond(b, 180, NULL);
  peer_expect(caller, "180");
  peer_cancel(caller);
  bench_advance(bench, 100);
  peer_skip(caller);
  peer_expect(b, "CANCEL");
  peer_respond(b, 487, NULL);
  bench_end(bench);
}

static void test_vendor_without_an_address_or_socket_is_passed_over(void) {
  struct bench *bench = bench_create();
  bench_gateway(bench, bench_device(bench, "vendor-a"))->address_count = 0;
  bench_apply(bench);
  struct peer *caller = peer_at(bench, CUSTOMER), *b = peer_at(bench, VENDOR_B), *again = peer_at(bench, CUSTOMER);
  peer_invite(caller, "4420", OFFER);
  peer_expect(b, "INVITE");
  peer_respond(b, 486, NULL);
  peer_expect(caller, "486");
  bench_gateway(bench, bench_device(bench, "vendor-b"))->transport = TRANSPORT_TLS; /* for which nobody listens */
  bench_apply(bench);
  peer_invite(again, "4420", OFFER);
  peer_expect(again, "504");
  expect_view(bench->records[1].end_reason, "gateway_timeout");
  bench_end(bench);
}

/* --- what crosses ------------------------------------------------------------------------------------------------ */

static void test_nothing_of_the_callers_network_reaches_the_callee(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_add(caller, "Record-Route: <sip:198.51.100.9;lr>\r\nUser-Agent: Secret 1.0\r\nOrganization: Hidden\r\n");
  peer_invite(caller, "4420", OFFER);
  const char *invite = peer_expect(callee, "INVITE");
  expect(!strstr(invite, "198.51.100") && !strstr(invite, "peer.example") && !strstr(invite, "call-0") &&
         !strstr(invite, "peer-0") && !strstr(invite, "Secret") && !strstr(invite, "Hidden"));
  expect(strstr(invite, "o=- ") && strstr(invite, " 1 IN IP4 192.0.2.1\r\n"));
  expect(strcmp(header_of(invite, "Max-Forwards"), "69") == 0);
  peer_add(callee, "Server: Other 2.0\r\nWarning: 399 secret.example \"x\"\r\n");
  peer_respond(callee, 486, NULL);
  const char *refusal = peer_expect(caller, "486");
  expect(!strstr(refusal, "203.0.113") && !strstr(refusal, "Other") && !strstr(refusal, "secret.example"));
  bench_end(bench);
}

static void test_headers_of_the_list_cross_and_others_do_not(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_add(caller,
           "X-Order: 17\r\nP-Asserted-Identity: <sip:+4930@example.org>\r\nDiversion: <sip:1@example.org>\r\n"
           "User-to-User: 0102;encoding=hex\r\nSubject: lunch\r\nPrivacy: id\r\nIdentity: abc\r\nZ-Odd: no\r\n");
  peer_invite(caller, "4420", OFFER);
  const char *invite = peer_expect(callee, "INVITE");
  expect(strcmp(header_of(invite, "X-Order"), "17") == 0);
  expect(strcmp(header_of(invite, "P-Asserted-Identity"), "<sip:+4930@example.org>") == 0);
  expect(strcmp(header_of(invite, "Diversion"), "<sip:1@example.org>") == 0);
  expect(strcmp(header_of(invite, "User-to-User"), "0102;encoding=hex") == 0);
  expect(strcmp(header_of(invite, "Subject"), "lunch") == 0);
  expect(strcmp(header_of(invite, "Privacy"), "id") == 0);
  expect(strcmp(header_of(invite, "Identity"), "abc") == 0);
  expect(!*header_of(invite, "Z-Odd"));
  peer_add(callee, "X-Answer: 42\r\n");
  peer_respond(callee, 200, ANSWER);
  expect(strcmp(header_of(peer_expect(caller, "200"), "X-Answer"), "42") == 0);
  peer_ack(caller, NULL);
  peer_expect(callee, "ACK");
  peer_add(caller, "X-Bye: 1\r\nReason: Q.850;cause=31;text=\"enough\"\r\n");
  peer_request(caller, "BYE", NULL);
  peer_expect(caller, "200");
  const char *bye = peer_expect(callee, "BYE");
  expect(strcmp(header_of(bye, "X-Bye"), "1") == 0);
  expect(strcmp(header_of(bye, "Reason"), "Q.850;cause=31;text=\"enough\"") == 0);
  peer_reply(callee, 200, NULL);
  expect_int(bench->records[0].q850_cause, ==, 31);
  expect_view(bench->records[0].end_text, "enough");
  bench_end(bench);
}

static void test_addresses_in_identities_become_ours(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_add(caller, "P-Asserted-Identity: \"A, B\" <sip:4930@198.51.100.10:5070;user=phone>, <tel:+4930>\r\n"
                   "Diversion: <sip:31@[2001:db8::7]:5090>;reason=busy, <sip:32@example.org:5090>\r\n"
                   "Remote-Party-ID: sip:33@198.51.100.10;party=calling\r\n"
                   "X-Trace: <sip:198.51.100.10>\r\n");
  peer_invite(caller, "4420", OFFER);
  const char *invite = peer_expect(callee, "INVITE");
  expect(!strcmp(header_of(invite, "P-Asserted-Identity"), "\"A, B\" <sip:4930@192.0.2.1;user=phone>, <tel:+4930>"));
  expect(!strcmp(header_of(invite, "Diversion"), "<sip:31@192.0.2.1>;reason=busy, <sip:32@example.org:5090>"));
  expect(!strcmp(header_of(invite, "Remote-Party-ID"), "sip:33@192.0.2.1;party=calling"));
  expect(!strcmp(header_of(invite, "X-Trace"), "<sip:198.51.100.10>")); /* what X- headers say is the peers' affair */
  peer_respond(callee, 486, NULL);
  bench_end(bench);
}

static void test_phones_word_about_identities_is_dropped(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, PHONE_A), *callee = peer_at(bench, VENDOR_A);
  peer_invite_as_phone(caller, "1001", "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 486, NULL);
  peer_expect(caller, "486");
  peer_skip(callee);
  peer_send_request(caller, "ACK", caller->invite_cseq, caller->invite_branch, NULL);
  caller->remote_tag[0] = '\0';
  peer_invite(caller, "4420", OFFER);
  const char *challenge = peer_expect(caller, "401");
  peer_send_request(caller, "ACK", caller->invite_cseq, caller->invite_branch, NULL);
  caller->remote_tag[0] = '\0';
  peer_authorize(caller, challenge, "INVITE", "1001", "secret");
  peer_add(caller, "P-Asserted-Identity: <sip:110@example.org>\r\nX-Mine: yes\r\n");
  peer_invite(caller, "4420", OFFER);
  const char *invite = peer_expect(callee, "INVITE");
  expect(!*header_of(invite, "P-Asserted-Identity"));
  expect(strcmp(header_of(invite, "X-Mine"), "yes") == 0);
  peer_respond(callee, 486, NULL);
  bench_end(bench);
}

static void test_anonymous_caller_stays_anonymous_and_is_recorded(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  snprintf(caller->local_uri, sizeof caller->local_uri, "sip:anonymous@anonymous.invalid");
  peer_add(caller, "P-Asserted-Identity: <sip:4930@example.org>\r\nPrivacy: id\r\n");
  peer_invite(caller, "4420", OFFER);
  const char *invite = peer_expect(callee, "INVITE");
  expect(strstr(header_of(invite, "From"), "<sip:anonymous@anonymous.invalid>") != NULL);
  peer_respond(callee, 486, NULL);
  expect_record(bench, "busy");
  expect_view(bench->records[0].caller, "4930");
  bench_end(bench);
}

/* --- provisional responses --------------------------------------------------------------------------------------- */

static void test_provisional_responses_pass_in_any_order(void) {
  static const unsigned statuses[] = {183, 180, 181, 183, 180, 182, 199};
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  char text[16];
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 100, NULL);
  peer_expect_nothing(caller);
  for (unsigned i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
    peer_respond(callee, statuses[i], i == 3 ? ANSWER : NULL);
    snprintf(text, sizeof text, "%u", statuses[i]);
    peer_expect(caller, text);
  }
  peer_respond(callee, 486, NULL);
  peer_expect(caller, "486");
  bench_end(bench);
}

static void test_early_media_has_our_origin_and_the_answer_keeps_its_version(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  char early[BENCH_TEXT_MAX];
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 183, ANSWER);
  snprintf(early, sizeof early, "%s", body_of(peer_expect(caller, "183")));
  expect(strstr(early, " 1 IN IP4 192.0.2.1\r\n") && !strstr(early, "bob"));
  peer_respond(callee, 200, ANSWER);
  expect(strcmp(early, body_of(peer_expect(caller, "200"))) == 0);
  peer_ack(caller, NULL);
  peer_expect(callee, "ACK");
  bench_hang_up(caller, callee);
  bench_end(bench);
}

static void test_late_offer_goes_out_with_the_answer_and_comes_back_with_the_ack(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", NULL);
  expect(!*body_of(peer_expect(callee, "INVITE")));
  expect(!strstr(header_of(callee->got, "Supported"),
                 "100rel")); /* a PRACK would have to bring an answer that nobody would give */
  peer_respond(callee, 200, OFFER);
  expect(strstr(body_of(peer_expect(caller, "200")), "m=audio 4000") != NULL);
  peer_expect_nothing(callee); /* its ACK has to bring the answer */
  bench_advance(bench, 600);
  peer_respond(callee, 200, OFFER);
  peer_expect_nothing(callee);
  peer_expect(caller, "200");
  peer_ack(caller, ANSWER);
  expect(strstr(body_of(peer_expect(callee, "ACK")), "m=audio 5000") != NULL);
  peer_respond(callee, 200, OFFER); /* the ACK was lost: the same again */
  expect(strstr(body_of(peer_expect(callee, "ACK")), "m=audio 5000") != NULL);
  bench_hang_up(caller, callee);
  expect_record(bench, "normal");
  bench_end(bench);
}

TAP_TESTS(TAP(test_gateway_calls_vendor_talks_and_hangs_up), TAP(test_times_of_a_call_are_exact),
          TAP(test_phone_calls_phone_by_its_registration), TAP(test_phone_behind_a_proxy_is_called_through_its_path),
          TAP(test_phone_that_is_not_registered_gets_480), TAP(test_number_without_route_gets_404),
          TAP(test_phone_on_another_worker_is_asked_for), TAP(test_location_that_never_answers_ends_the_call),
          TAP(test_contacts_are_tried_in_the_order_of_q), TAP(test_numbers_follow_the_rules_of_both_devices),
          TAP(test_vendor_over_tcp_is_followed_by_the_next_when_its_connection_dies),
          TAP(test_address_that_fails_is_followed_by_the_vendors_next_one),
          TAP(test_servers_of_a_name_share_the_calls_by_their_weights),
          TAP(test_address_that_refuses_packets_is_left_at_once),
          TAP(test_vendor_whose_addresses_have_all_failed_is_followed_by_the_next),
          TAP(test_refusal_that_is_no_failure_of_the_server_goes_past_its_other_addresses),
          TAP(test_vendor_without_an_address_or_socket_is_passed_over),
          TAP(test_nothing_of_the_callers_network_reaches_the_callee),
          TAP(test_headers_of_the_list_cross_and_others_do_not), TAP(test_addresses_in_identities_become_ours),
          TAP(test_phones_word_about_identities_is_dropped), TAP(test_anonymous_caller_stays_anonymous_and_is_recorded),
          TAP(test_provisional_responses_pass_in_any_order),
          TAP(test_early_media_has_our_origin_and_the_answer_keeps_its_version),
          TAP(test_late_offer_goes_out_with_the_answer_and_comes_back_with_the_ack),
          TAP(test_600_of_one_contact_ends_the_search))
