/* Devices, payloads and evidence together, as the switch uses them. */
#include "keepalive/keepalive_phones.h"

/* --- what is sent, and from where -------------------------------------------------------------------------------- */

static void test_a_device_gets_the_text_from_the_socket_it_talks_to(void) {
  set_up();
  phone.socket_index = 0;
  rig_hold(&phone);
  const struct rig_sent *one = rig_next();
  expect_sent("HELLO");
  expect(flow_equal(&one->flow, &phone));
  expect_int(counters.keepalives_sent, ==, 1);
  expect_int(counters.keepalive_bytes_sent, ==, 5);
  rig_tear_down();
}

static void test_any_byte_may_be_sent(void) {
  set_up();
  parameters.SS_SIP_NAT_KEEP_ALIVE_MESSAGE.length = 4;
  memcpy(parameters.SS_SIP_NAT_KEEP_ALIVE_MESSAGE.bytes, "\0\0\r\xff", 4);
  rig_hold(&phone);
  const struct rig_sent *one = rig_next();
  expect(one->length == 4 && memcmp(one->text, "\0\0\r\xff", 4) == 0);
  rig_tear_down();
}

static void test_an_empty_text_switches_it_off_and_a_new_one_on_again(void) {
  set_up();
  rig_hold(&phone);
  rig_set_message("");
  rig_parameters_changed();
  rig_run_ms(10 * PERIOD_MS);
  expect_int(datagram_count, ==, 0);
  rig_set_message("PING");
  rig_parameters_changed();
  rig_run_ms(PERIOD_MS + 500);
  expect_int(datagram_count, >=, 1);
  expect_sent("PING");
  rig_tear_down();
}

static void test_each_method_sends_its_own(void) {
  set_up();
  rig_hold(&phone);
  set_method(KEEP_ALIVE_CRLF);
  rig_next();
  expect_sent("\r\n\r\n");
  set_method(KEEP_ALIVE_OPTIONS);
  rig_next();
  expect(begins("OPTIONS sip:198.51.100.7:40001 SIP/2.0\r\n"));
  set_method(KEEP_ALIVE_AUTO);
  rig_next();
  expect_sent("HELLO");
  set_method(KEEP_ALIVE_OFF);
  rig_forget_sent();
  rig_run_ms(3 * PERIOD_MS);
  expect_int(datagram_count, ==, 0);
  rig_tear_down();
}

static void test_a_devices_own_method_and_period_win(void) {
  set_up();
  set_method(KEEP_ALIVE_OFF);
  struct keepalive_facts facts = rig_facts(&phone);
  facts.method = KEEP_ALIVE_CRLF;
  facts.own_period_s = 12;
  keepalive_hold(room, &context, &facts);
  rig_hold(&other);
  rig_run_ms(120000);
  expect_int(datagram_count, >=, 9);
  expect_int(datagram_count, <=, 12); /* the first turns are a little shorter */
  expect_sent("\r\n\r\n");
  rig_tear_down();
}

static void test_facts_that_change_are_kept_from_the_next_one_on(void) {
  set_up();
  struct keepalive_facts facts = rig_facts(&phone);
  struct keepalive_device *device = keepalive_hold(room, &context, &facts);
  rig_next();
  facts.method = KEEP_ALIVE_OFF;
  keepalive_change(room, &context, device, &facts);
  rig_check();
  rig_forget_sent();
  rig_run_ms(2 * PERIOD_MS);
  expect_int(datagram_count, ==, 0);
  facts.method = KEEP_ALIVE_MESSAGE;
  facts.own_period_s = 10;
  keepalive_change(room, &context, device, &facts);
  rig_check();
  rig_run_ms(60000);
  expect_int(datagram_count, >=, 5);
  rig_tear_down();
}

static void test_who_nat_leaves_out_devices_that_are_not_behind_nat(void) {
  set_up();
  parameters.BF_NAT_KEEP_ALIVE_WHO = KEEP_ALIVE_WHO_NAT;
  struct keepalive_facts facts = rig_facts(&phone);
  facts.is_behind_nat = true;
  keepalive_hold(room, &context, &facts);
  rig_hold(&other);
  rig_run_ms(PERIOD_MS + 500);
  expect_int(sent_count, >=, 1);
  for (unsigned i = 0; i < sent_count; i++)
    expect(flow_equal(&sent[i].flow, &phone));
  rig_tear_down();
}

/* Between two SIP messages only line breaks may stand. */
static void test_over_a_connection_the_text_is_two_line_breaks_on_that_connection(void) {
  set_up();
  rig_hold(&tcp_phone);
  const struct rig_sent *one = rig_next();
  expect_sent("\r\n\r\n");
  expect(one->flow.connection == 17 && one->flow.transport == TRANSPORT_TCP);
  rig_tear_down();
}

static void test_a_device_that_reads_datagrams_like_a_stream_gets_no_text(void) {
  set_up();
  struct keepalive_facts facts = rig_facts(&phone);
  facts.text_spoils = true;
  keepalive_hold(room, &context, &facts);
  const struct rig_sent *one = rig_next();
  expect_bytes(one->text, one->length, "\r\n\r\n");
  rig_tear_down();
}

static void test_no_connection_is_ever_opened_for_a_keep_alive(void) {
  set_up();
  struct flow unopened = rig_flow(TRANSPORT_TCP, "198.51.100.8:5060", 0);
  rig_hold(&unopened);
  rig_hold(&tcp_phone);
  keepalive_flow_failed(room, &context, &tcp_phone);
  rig_check();
  rig_run_ms(10 * PERIOD_MS);
  expect_int(datagram_count, ==, 0);
  struct keepalive_facts facts = rig_facts(&tcp_phone);
  keepalive_change(room, &context, keepalive_find(room, &context, &tcp_phone), &facts);
  rig_run_ms(10 * PERIOD_MS);
  expect_int(datagram_count, ==, 0);
  rig_tear_down();
}

static void test_5000_numbers_behind_one_address_get_one_a_period(void) {
  set_up();
  for (unsigned i = 0; i < 5000; i++)
    rig_hold(&phone);
  rig_run_ms(3 * PERIOD_MS);
  rig_forget_sent();
  rig_run_ms(10 * PERIOD_MS);
  expect_int(datagram_count, ==, 10);
  for (unsigned i = 0; i < 5000; i++)
    keepalive_release(room, &context, keepalive_find(room, &context, &phone), KEEPALIVE_NOBODY);
  rig_tear_down();
}

static void test_it_stops_at_once_when_nobody_holds_the_device(void) {
  set_up();
  struct keepalive_device *device = rig_hold(&phone);
  rig_hold(&phone);
  rig_next();
  keepalive_release(room, &context, device, KEEPALIVE_NOBODY);
  rig_next();
  expect_int(sent_count, ==, 1);
  keepalive_release(room, &context, device, KEEPALIVE_NOBODY);
  expect(!keepalive_find(room, &context, &phone));
  expect(!timer_is_armed(&room->timer));
  rig_forget_sent();
  rig_run_ms(10 * PERIOD_MS);
  expect_int(datagram_count, ==, 0);
  rig_tear_down();
}

static void test_a_full_room_refuses(void) {
  rig_set_up(2);
  struct flow first = rig_udp("198.51.100.1:1"), second = rig_udp("198.51.100.1:2"), third = rig_udp("198.51.100.1:3");
  expect(rig_hold(&first) && rig_hold(&second));
  expect(!rig_hold(&third));
  expect(rig_hold(&second) != NULL);
  rig_tear_down();
}

/* --- the clock --------------------------------------------------------------------------------------------------- */

static void test_a_large_batch_goes_out_in_handfuls(void) {
  rig_set_up(3000);
  parameters.SS_SIP_NAT_KEEP_ALIVE_PERIOD = 10;
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL = 10000;
  for (unsigned i = 0; i < 3000; i++) {
    struct flow flow = rig_udp("198.51.100.7:0");
    flow.remote.port = (uint16_t)(1000 + i);
    rig_hold(&flow);
  }
  rig_run_ms(30000);
  rig_forget_sent();
  rig_run_ms(30000);
  expect_int(datagram_count, ==, 9000);
  rig_tear_down();
}

static void test_devices_that_get_nothing_take_nothing_of_the_batch(void) {
  set_up();
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME = 1;
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL = 10000;
  parameters.SS_SIP_NAT_KEEP_ALIVE_PERIOD = 20;
  for (unsigned i = 0; i < 60; i++) {
    struct flow flow = rig_udp("198.51.100.7:0");
    flow.remote.port = (uint16_t)(1000 + i);
    rig_hold_with(&flow, KEEP_ALIVE_OFF);
  }
  rig_hold(&phone);
  rig_run_ms(100000);
  expect_int(datagram_count, >=, 4);
  rig_tear_down();
}

static void test_a_round_that_cannot_be_kept_is_said_with_what_would_do(void) {
  rig_set_up(200);
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME = 1; /* 60 in 30 s */
  for (unsigned i = 0; i < 60; i++) {
    struct flow flow = rig_udp("198.51.100.7:0");
    flow.remote.port = (uint16_t)(1000 + i);
    rig_hold(&flow);
  }
  rig_run_ms(10000);
  expect_int(alarm_count, ==, 0);
  struct flow one_more = rig_udp("198.51.100.7:2000");
  struct keepalive_device *device = rig_hold(&one_more);
  rig_run_ms(10000);
  expect_int(alarm_count, ==, 1);
  expect(strstr(latest_alarm, "61 devices need 30.5 s a round, longer than SS_SIP_NAT_KEEP_ALIVE_PERIOD (30 s); would "
                              "do: SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME at least 2") != NULL);
  keepalive_release(room, &context, device, KEEPALIVE_NOBODY);
  rig_run_ms(10000);
  expect_int(alarm_count, ==, 2);
  expect(strstr(latest_alarm, "60 devices need 30 s a round and get them in time again") != NULL);
  rig_tear_down();
}

static void test_whoever_sets_the_parameters_hears_at_once_what_they_mean(void) {
  set_up();
  for (unsigned i = 0; i < 60; i++) {
    struct flow flow = rig_udp("198.51.100.7:0");
    flow.remote.port = (uint16_t)(1000 + i);
    rig_hold(&flow);
  }
  rig_run_ms(10000);
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME = 1;
  parameters.SS_SIP_NAT_KEEP_ALIVE_PERIOD = 15;
  rig_parameters_changed();
  expect_int(alarm_count, ==, 1);
  parameters.SS_SIP_NAT_KEEP_ALIVE_PERIOD = 14;
  rig_parameters_changed();
  expect_int(alarm_count, ==, 2);
  parameters.BF_NAT_KEEP_ALIVE_METHOD = KEEP_ALIVE_OFF;
  rig_parameters_changed();
  expect_int(alarm_count, ==, 2);
  rig_tear_down();
}

/* --- operators --------------------------------------------------------------------------------------------------- */

static void test_a_device_is_shown_with_what_it_gets_and_gave(void) {
  char memory[512];
  struct text_builder json = text_builder_over(memory, sizeof memory);
  set_up();
  struct keepalive_device *device = rig_hold_with(&phone, KEEP_ALIVE_OPTIONS);
  struct rig_sent one = *rig_next();
  rig_run_ms(40);
  rig_answer(&one, &phone, 200);
  keepalive_write_json(room, &context, device, &json);
  text_builder_add_char(&json, '\0');
  expect(!json.overflowed);
  expect(strstr(memory, "{\"method\":\"options\",\"sends\":\"options\",\"period_s\":30,\"due_in_s\":") == memory);
  expect(strstr(memory, "\"sent\":1,\"answered\":1,\"missed\":0,\"round_trip_ms\":4") != NULL);
  expect(strstr(memory, "\"reachable\":true,") != NULL);
  keepalive_flow_failed(room, &context, &phone);
  json.length = 0;
  keepalive_write_json(room, &context, device, &json);
  text_builder_add_char(&json, '\0');
  expect(strstr(memory, "\"reachable\":false,") != NULL);
  rig_tear_down();
}

static void test_one_that_gets_nothing_is_shown_so(void) {
  char memory[512];
  struct text_builder json = text_builder_over(memory, sizeof memory);
  set_up();
  struct keepalive_device *device = rig_hold_with(&phone, KEEP_ALIVE_OFF);
  keepalive_write_json(room, &context, device, &json);
  expect_view(
      text_builder_view(&json),
      "{\"method\":\"off\",\"sends\":\"nothing\",\"period_s\":null,\"due_in_s\":null,\"sent\":0,\"answered\":0,"
      "\"missed\":0,\"round_trip_ms\":null,\"reachable\":true,\"network\":\"198.51.100.0/24\",\"safe_period_s\":null}");
  rig_tear_down();
}

static void test_when_a_device_was_heard_is_known_for_24_days(void) {
  const int64_t day_ms = 86400000;
  set_up();
  parameters.SS_SIP_NAT_KEEP_ALIVE_PERIOD = 86400;
  struct keepalive_device *device = rig_hold(&phone);
  rig_run_ms(100 * day_ms + 12345);
  rig_heard(&phone, KEEPALIVE_SIGN_PING);
  struct mono_ms then = context.now;
  expect_int(keepalive_device_heard_at(device, context.now).value, ==, then.value);
  rig_run_ms(24 * day_ms);
  expect_int(keepalive_device_heard_at(device, context.now).value, ==, then.value);
  rig_run_ms(176 * day_ms);
  expect_int(mono_ms_since(context.now, keepalive_device_heard_at(device, context.now)), >, 24 * day_ms);
  expect_int(mono_ms_since(context.now, keepalive_device_heard_at(device, context.now)), <, 26 * day_ms);
  rig_tear_down();
}

TAP_TESTS(TAP(test_a_device_gets_the_text_from_the_socket_it_talks_to), TAP(test_any_byte_may_be_sent),
          TAP(test_an_empty_text_switches_it_off_and_a_new_one_on_again), TAP(test_each_method_sends_its_own),
          TAP(test_a_devices_own_method_and_period_win), TAP(test_facts_that_change_are_kept_from_the_next_one_on),
          TAP(test_who_nat_leaves_out_devices_that_are_not_behind_nat),
          TAP(test_over_a_connection_the_text_is_two_line_breaks_on_that_connection),
          TAP(test_a_device_that_reads_datagrams_like_a_stream_gets_no_text),
          TAP(test_no_connection_is_ever_opened_for_a_keep_alive),
          TAP(test_5000_numbers_behind_one_address_get_one_a_period),
          TAP(test_it_stops_at_once_when_nobody_holds_the_device), TAP(test_a_full_room_refuses),
          TAP(test_a_large_batch_goes_out_in_handfuls), TAP(test_devices_that_get_nothing_take_nothing_of_the_batch),
          TAP(test_a_round_that_cannot_be_kept_is_said_with_what_would_do),
          TAP(test_whoever_sets_the_parameters_hears_at_once_what_they_mean),
          TAP(test_a_device_is_shown_with_what_it_gets_and_gave), TAP(test_one_that_gets_nothing_is_shown_so),
          TAP(test_when_a_device_was_heard_is_known_for_24_days))
