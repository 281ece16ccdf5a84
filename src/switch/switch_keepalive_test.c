/* Keep-alives through the whole middle: phones register, operators change things, calls are told. */
#include "switch/switch_bench.h"

static struct bench *bench;
static struct peer *customer, *phone;

static void set_up(void) {
  bench = bench_create();
  customer = peer_at(bench, CUSTOMER);
  phone = peer_at(bench, PHONE_A);
}

static void set_method(enum keep_alive_method_choice method) {
  bench->parameters.BF_NAT_KEEP_ALIVE_METHOD = method;
  bench_order(bench, ORDER_PARAMETERS_CHANGED, "");
}

/* How many keep-alives that begin like this came to the phone meanwhile. */
static unsigned count_sent(const char *start, int64_t milliseconds) {
  unsigned count = 0;
  bench->sent_count = 0;
  bench_advance(bench, milliseconds);
  for (unsigned i = 0; i < bench->sent_count; i++)
    count += address_equal(&bench->sent[i].flow.remote, &phone->flow.remote) &&
             strncmp(bench->sent[i].text, start, strlen(start)) == 0;
  return count;
}

static const char *listed(void) {
  bench_order(bench, ORDER_LIST_REGISTRATIONS, "");
  return bench->order_answer;
}

static void test_a_registered_phone_gets_the_text_each_period_until_it_unregisters(void) {
  set_up();
  peer_register(phone, "1001");
  expect_int(count_sent("HELLO", 300000), >=, 10);
  expect(strstr(listed(), "\"keep_alive\":{\"method\":\"message\",\"sends\":\"message\",\"period_s\":30,") != NULL);
  bench_order(bench, ORDER_KICK_REGISTRATION, "0-0-1");
  expect_int(bench->order_result, ==, RESULT_OK);
  expect_int(count_sent("HELLO", 100000), ==, 0);
  bench_end(bench);
}

static void test_registrations_are_found_and_shown_by_orders(void) {
  set_up();
  peer_register(phone, "1001");
  bench_order(bench, ORDER_FIND_REGISTRATIONS, "0\nnumber\nreachable\n1001");
  expect_int(bench->order_result, ==, RESULT_OK);
  expect(strncmp(bench->order_answer, "end\n31303031", 12) == 0 && strstr(bench->order_answer, " 0-0-1\n") != NULL);
  bench_order(bench, ORDER_FIND_REGISTRATIONS, "0\nnumber\n\n1002");
  expect(strcmp(bench->order_answer, "end\n") == 0);
  bench_order(bench, ORDER_SHOW_REGISTRATIONS, "0-0-1,0-7-1,0-0-1");
  expect(bench->order_answer[0] == '{' && strstr(bench->order_answer, "},{\"id\":\"0-0-1\"") != NULL);
  bench_order(bench, ORDER_FIND_REGISTRATIONS, "0\ncolour\n\n");
  expect_int(bench->order_result, ==, RESULT_MALFORMED);
  bench_end(bench);
}

static void test_new_parameters_hold_at_once(void) {
  set_up();
  peer_register(phone, "1001");
  set_method(KEEP_ALIVE_OFF);
  expect_int(count_sent("", 100000), ==, 0);
  set_method(KEEP_ALIVE_CRLF);
  bench->parameters.SS_SIP_NAT_KEEP_ALIVE_PERIOD = 10;
  bench_order(bench, ORDER_PARAMETERS_CHANGED, "");
  expect_int(count_sent("\r\n\r\n", 100000), >=, 9);
  bench_end(bench);
}

static void test_a_phones_own_settings_hold_when_the_directory_changes(void) {
  set_up();
  peer_register(phone, "1001");
  bench_device(bench, "1001")->overrides.keep_alive = KEEP_ALIVE_OPTIONS;
  bench_device(bench, "1001")->overrides.keep_alive_period_s = 10;
  bench_apply(bench);
  bench_order(bench, ORDER_DIRECTORY_CHANGED, "");
  expect_int(count_sent("OPTIONS sip:", 60000), >=, 5);
  expect(strstr(listed(), "\"sends\":\"options\",\"period_s\":10,") != NULL);
  bench_device(bench, "1001")->overrides.keep_alive = KEEP_ALIVE_OFF;
  bench_apply(bench);
  bench_order(bench, ORDER_DIRECTORY_CHANGED, "");
  expect_int(count_sent("", 60000), ==, 0);
  bench_end(bench);
}

static void test_a_phones_own_settings_are_read_when_it_registers(void) {
  set_up();
  bench_device(bench, "1001")->overrides.keep_alive = KEEP_ALIVE_CRLF;
  bench_device(bench, "1001")->overrides.keep_alive_period_s = 20;
  bench_apply(bench);
  peer_register(phone, "1001");
  expect_int(count_sent("\r\n\r\n", 60000), >=, 2);
  expect(strstr(listed(), "\"method\":\"crlf\",\"sends\":\"crlf\",\"period_s\":20,") != NULL);
  bench_end(bench);
}

static void answer_options(unsigned status) {
  bench->sent_count = 0;
  for (unsigned i = 0; i < 100 && !peer_next(phone); i++)
    bench_advance(bench, 500);
  peer_expect(phone, "OPTIONS");
  peer_reply(phone, status, NULL);
}

static void test_answers_to_options_are_counted_and_are_no_strays(void) {
  set_up();
  set_method(KEEP_ALIVE_OPTIONS);
  peer_register(phone, "1001");
  answer_options(200);
  answer_options(404);
  expect(strstr(listed(), "\"sent\":2,\"answered\":2,\"missed\":0,") != NULL);
  expect_int(bench->counters.responses_stray, ==, 0);
  expect_int(bench->counters.keepalives_answered, ==, 2);
  bench_end(bench);
}

static void test_an_unreachable_phone_is_not_called_until_something_comes_from_it(void) {
  set_up();
  set_method(KEEP_ALIVE_OPTIONS);
  peer_register(phone, "1001");
  (void)count_sent("", 150000);
  expect(strstr(listed(), "\"reachable\":false") != NULL);
  peer_invite(customer, "1001", OFFER);
  peer_expect(customer, "480");
  peer_send_request(customer, "ACK", customer->invite_cseq, customer->invite_branch, NULL);
  expect_record(bench, "not_registered");
  expect_view(bench->records[0].end_cause, "unreachable");
  bench->sent_count = 0;
  peer_send_text(phone, "\r\n\r\n");
  expect(strstr(listed(), "\"reachable\":true") != NULL);
  customer->remote_tag[0] = '\0';
  snprintf(customer->call_id, sizeof customer->call_id, "another");
  bench->sent_count = 0;
  peer_invite(customer, "1001", OFFER);
  peer_expect(phone, "INVITE");
  bench_end(bench);
}

static void move_phone(uint16_t port) {
  phone->flow.remote.port = port;
  phone->remote_tag[0] = '\0';
}

static bool is_at_port(const char *port) {
  char text[32];
  snprintf(text, sizeof text, ":%s\",\"transport\"", port);
  return strstr(listed(), text) != NULL;
}

/* Its box has given it another port; it finds out when it calls. */
static void test_a_phone_that_calls_from_elsewhere_is_followed_when_it_has_proved_itself(void) {
  set_up();
  snprintf(phone->host, sizeof phone->host, "10.0.0.5:5060");
  peer_register(phone, "1001");
  move_phone(40001);
  peer_be_phone(phone, "1001");
  peer_invite(phone, "1002", OFFER); /* no credentials: not yet */
  expect(!is_at_port("40001"));
  const char *challenge = peer_expect(phone, "401");
  peer_send_request(phone, "ACK", phone->invite_cseq, phone->invite_branch, NULL);
  phone->remote_tag[0] = '\0';
  peer_authorize(phone, challenge, "INVITE", "1001", "secret");
  peer_invite(phone, "1002", OFFER);
  expect(is_at_port("40001"));
  expect_int(bench->counters.device_moves_followed, ==, 1);
  expect_int(count_sent("HELLO", 35000), >=, 1);
  bench_end(bench);
}

/* Another device of the same user, which has not registered. */
static void test_a_call_with_another_contact_moves_nobody(void) {
  set_up();
  snprintf(phone->host, sizeof phone->host, "10.0.0.5:5060");
  peer_register(phone, "1001");
  snprintf(phone->host, sizeof phone->host, "10.0.0.99:5060");
  move_phone(40001);
  peer_invite_as_phone(phone, "1001", "1002", OFFER);
  expect(!is_at_port("40001"));
  expect_int(bench->counters.device_moves_noticed, ==, 0);
  bench_end(bench);
}

static void test_counts_are_there_for_status_and_metrics(void) {
  struct switch_core_counts counts;
  set_up();
  peer_register(phone, "1001");
  switch_core_count(bench->core, &bench->context, &counts);
  expect_int(counts.keepalive.devices, ==, 1);
  expect_int(counts.keepalive.demand.device_count, ==, 1);
  expect_int(counts.keepalive.rate.batch, ==, 3000);
  bench_end(bench);
}

/* Its branch names the worker whose device it was sent to. */
static void test_an_answer_is_steered_to_the_worker_that_asked(void) {
  set_up();
  set_method(KEEP_ALIVE_OPTIONS);
  peer_register(phone, "1001");
  bench->sent_count = 0;
  bench_advance(bench, 31000);
  const char *request = peer_expect(phone, "OPTIONS");
  char text[BENCH_TEXT_MAX + 64] = "SIP/2.0 200 OK";
  snprintf(text + 14, sizeof text - 80, "%s", strstr(request, "\r\n"));
  char *worker_digits = strstr(text, "z9hG4bKka") + 9;
  for (uint8_t worker = 0; worker < 4; worker++) {
    struct local_identity local = bench->local;
    local.worker_count = 4;
    local.worker = 1;
    worker_digits[1] = (char)('0' + worker);
    expect_int(switch_core_steer(&local, str_view_of(text, strlen(text))), ==, worker);
  }
  bench_end(bench);
}

TAP_TESTS(TAP(test_a_registered_phone_gets_the_text_each_period_until_it_unregisters),
          TAP(test_registrations_are_found_and_shown_by_orders), TAP(test_new_parameters_hold_at_once),
          TAP(test_a_phones_own_settings_hold_when_the_directory_changes),
          TAP(test_a_phones_own_settings_are_read_when_it_registers),
          TAP(test_answers_to_options_are_counted_and_are_no_strays),
          TAP(test_an_unreachable_phone_is_not_called_until_something_comes_from_it),
          TAP(test_a_phone_that_calls_from_elsewhere_is_followed_when_it_has_proved_itself),
          TAP(test_a_call_with_another_contact_moves_nobody), TAP(test_counts_are_there_for_status_and_metrics),
          TAP(test_an_answer_is_steered_to_the_worker_that_asked))
