/* Claims about trials of gateways: what is asked, what is learnt, and that each ends. */
#include "call/call_private.h"
#include "switch/switch_bench.h"

#define FAR_SIDE                                                                                                       \
  "Server: Vendor 7.2\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK\r\nSupported: timer, 100rel\r\n"
#define TIMED FAR_SIDE "Require: timer\r\nSession-Expires: 90;refresher=uas\r\n"

static struct bench *vendor_bench(struct peer **vendor_out) {
  struct bench *bench = bench_create();
  *vendor_out = peer_at(bench, VENDOR_A);
  return bench;
}

static void start(struct bench *bench, const char *number) {
  char order[128];
  snprintf(order, sizeof order, "vendor-a\n%s\n", number);
  bench_order(bench, ORDER_TEST_TRUNK, order);
  expect_int(bench->order_result, ==, RESULT_OK);
}

static const char *report(struct bench *bench) {
  bench_order(bench, ORDER_SHOW_TRUNK_TEST, "vendor-a");
  expect_int(bench->order_result, ==, RESULT_OK);
  return bench->order_answer;
}

/* True when the report says so of that check. */
static bool says(struct bench *bench, const char *check, const char *verdict) {
  char wanted[128];
  snprintf(wanted, sizeof wanted, "{\"name\":\"%s\",\"verdict\":\"%s\"", check, verdict);
  return strstr(report(bench), wanted) != NULL;
}

static bool tells(struct bench *bench, const char *text) {
  if (strstr(report(bench), text)) return true;
  printf("# not in %s\n", bench->order_answer);
  return false;
}

static void answer_with(struct peer *vendor, const char *request, unsigned status, const char *lines) {
  peer_expect(vendor, request);
  peer_add(vendor, lines);
  peer_reply(vendor, status, NULL);
}

/* Up to the answered call: OPTIONS, INVITE, 200 with these lines, ACK. */
static void answer_call(struct peer *vendor, const char *lines) {
  answer_with(vendor, "OPTIONS", 200, "");
  peer_expect(vendor, "INVITE");
  peer_add(vendor, lines);
  peer_respond(vendor, 200, ANSWER);
  peer_expect(vendor, "ACK");
}

static void test_a_far_side_that_can_everything_is_found_so(void) {
  struct peer *vendor;
  struct bench *bench = vendor_bench(&vendor);
  start(bench, "4420");
  answer_call(vendor, TIMED);
  answer_with(vendor, "OPTIONS", 200, "");
  answer_with(vendor, "UPDATE", 200, TIMED);
  peer_expect(vendor, "INVITE");
  peer_respond(vendor, 200, ANSWER);
  peer_expect(vendor, "ACK");
  answer_with(vendor, "BYE", 200, "");
  expect(says(bench, "options", "works"));
  expect(says(bench, "invite", "works"));
  expect(says(bench, "options_inside", "works"));
  expect(says(bench, "update", "works"));
  expect(says(bench, "update_session", "not_tried"));
  expect(says(bench, "reinvite", "works"));
  expect(says(bench, "bye", "works"));
  expect(tells(bench, "\"state\":\"done\""));
  expect(tells(bench, "\"interval_s\":90,\"refresher\":\"them\""));
  expect(tells(bench, "\"user_agent\":\"Vendor 7.2\""));
  expect(tells(bench, "refreshed with UPDATE or re-INVITE"));
  expect_int(bench->kept_devices, >=, 1);
  bench_end(bench);
}

static void test_the_session_offered_is_inactive_and_the_same_to_the_end(void) {
  struct peer *vendor;
  struct bench *bench = vendor_bench(&vendor);
  char first[BENCH_TEXT_BYTES];
  start(bench, "4420");
  answer_with(vendor, "OPTIONS", 200, "");
  snprintf(first, sizeof first, "%s", body_of(peer_expect(vendor, "INVITE")));
  expect(strstr(first, "a=inactive\r\n") != NULL);
  expect(strstr(first, "c=IN IP4 192.0.2.1\r\n") != NULL);
  expect(strcmp(header_of(vendor->got, "Session-Expires"), "90") == 0);
  peer_respond(vendor, 200, ANSWER);
  peer_expect(vendor, "ACK");
  answer_with(vendor, "OPTIONS", 200, "");
  answer_with(vendor, "UPDATE", 488, "");
  expect(strcmp(body_of(peer_expect(vendor, "UPDATE")), first) == 0);
  peer_reply(vendor, 501, NULL);
  expect(strcmp(body_of(peer_expect(vendor, "INVITE")), first) == 0);
  peer_respond(vendor, 488, NULL);
  peer_expect(vendor, "ACK");
  answer_with(vendor, "BYE", 200, "");
  expect(says(bench, "update", "refused"));
  expect(says(bench, "update_session", "refused"));
  expect(says(bench, "reinvite", "refused"));
  expect(tells(bench, "knows no session timers"));
  expect(tells(bench, "OPTIONS proves a call alive"));
  bench_end(bench);
}

static void test_a_longer_interval_is_learnt_from_422(void) {
  struct peer *vendor;
  struct bench *bench = vendor_bench(&vendor);
  start(bench, "4420");
  answer_with(vendor, "OPTIONS", 200, "");
  peer_expect(vendor, "INVITE");
  peer_add(vendor, "Min-SE: 1800\r\n");
  peer_respond(vendor, 422, NULL);
  peer_expect(vendor, "ACK");
  expect(strcmp(header_of(peer_expect(vendor, "INVITE"), "Session-Expires"), "1800") == 0);
  peer_respond(vendor, 486, NULL);
  peer_expect(vendor, "ACK");
  expect(tells(bench, "\"min_se_s\":1800"));
  expect(tells(bench, "refused with 486"));
  expect_record(bench, "trunk_test");
  expect_int(bench->records[0].sip_status, ==, 486);
  bench_end(bench);
}

static void test_a_swallowed_update_is_remembered_and_re_invite_tried(void) {
  struct peer *vendor;
  struct bench *bench = vendor_bench(&vendor);
  uint64_t key = device_memory_key(DEVICE_ROUTING_GATEWAY, STR_VIEW("vendor-a"));
  start(bench, "4420");
  answer_call(vendor, TIMED);
  answer_with(vendor, "OPTIONS", 200, "");
  peer_expect(vendor, "UPDATE");
  bench_advance(bench, 5100);
  while (peer_next(vendor) && strncmp(peer_next(vendor)->text, "UPDATE", 6) == 0)
    peer_expect(vendor, "UPDATE");
  peer_expect(vendor, "INVITE");
  peer_respond(vendor, 200, ANSWER);
  peer_expect(vendor, "ACK");
  answer_with(vendor, "BYE", 200, "");
  expect(says(bench, "update", "unanswered"));
  expect(says(bench, "reinvite", "works"));
  struct device_memory_entry entry = device_memory_find(bench->core->calls->devices, key);
  expect_int(entry.worked & REFRESH_BIT(REFRESH_RUNG_INVITE), !=, 0);
  expect_int(entry.failed & REFRESH_BIT(REFRESH_RUNG_UPDATE), !=, 0);
  bench_end(bench);
}

static void test_a_call_that_nobody_answers_is_cancelled(void) {
  struct peer *vendor;
  struct bench *bench = vendor_bench(&vendor);
  start(bench, "4420");
  answer_with(vendor, "OPTIONS", 404, "");
  peer_expect(vendor, "INVITE");
  peer_respond(vendor, 180, NULL);
  bench_advance(bench, 60100);
  peer_expect(vendor, "CANCEL");
  peer_answer(vendor, vendor->got, 200, NULL);
  peer_respond(vendor, 487, NULL);
  peer_expect(vendor, "ACK");
  expect(says(bench, "options", "refused"));
  expect(says(bench, "invite", "unanswered"));
  expect(tells(bench, "It rang, and nobody answered within 60 s."));
  expect_record(bench, "trunk_test");
  bench_end(bench);
}

static void test_an_answer_that_crosses_the_cancel_is_hung_up(void) {
  struct peer *vendor;
  struct bench *bench = vendor_bench(&vendor);
  start(bench, "4420");
  answer_with(vendor, "OPTIONS", 200, "");
  peer_expect(vendor, "INVITE");
  peer_respond(vendor, 180, NULL);
  bench_advance(bench, 60100);
  peer_expect(vendor, "CANCEL");
  peer_respond(vendor, 200, ANSWER);
  peer_expect(vendor, "ACK");
  answer_with(vendor, "BYE", 200, "");
  expect_record(bench, "trunk_test");
  bench_end(bench);
}

static void test_a_dead_gateway_ends_the_test_by_itself(void) {
  struct peer *vendor;
  struct bench *bench = vendor_bench(&vendor);
  start(bench, "4420");
  bench_advance(bench, 180000);
  peer_skip(vendor);
  expect(says(bench, "options", "unanswered"));
  expect(says(bench, "invite", "unanswered"));
  expect(tells(bench, "Nothing came back from 203.0.113.20:5060."));
  expect_record(bench, "trunk_test");
  bench_end(bench);
}

static void test_a_far_side_that_falls_silent_is_left_within_the_bound(void) {
  struct peer *vendor;
  struct bench *bench = vendor_bench(&vendor);
  start(bench, "4420");
  answer_call(vendor, TIMED);
  bench_advance(bench, 60000);
  expect(tells(bench, "\"state\":\"done\""));
  bool has_bye = false;
  for (unsigned i = 0; i < bench->sent_count; i++)
    has_bye = has_bye || strncmp(bench->sent[i].text, "BYE ", 4) == 0;
  expect(has_bye);
  expect_int(trunk_trial_count(bench->core->trials), ==, 0);
  /* Silence of somebody who may be dead says nothing about its abilities. */
  expect_int(bench->kept_devices, ==, 0);
  bench_end(bench);
}

static void test_a_reliable_provisional_response_gets_prack(void) {
  struct peer *vendor;
  struct bench *bench = vendor_bench(&vendor);
  start(bench, "4420");
  answer_with(vendor, "OPTIONS", 200, "");
  peer_expect(vendor, "INVITE");
  peer_add(vendor, "Require: 100rel\r\nRSeq: 7\r\n");
  peer_respond(vendor, 183, NULL);
  expect(strncmp(header_of(peer_expect(vendor, "PRACK"), "RAck"), "7 ", 2) == 0);
  peer_reply(vendor, 200, NULL);
  peer_respond(vendor, 603, NULL);
  peer_expect(vendor, "ACK");
  expect(says(bench, "prack", "works"));
  expect(tells(bench, "\"reliable_provisional\":{\"supported\":true,\"used\":true}"));
  bench_end(bench);
}

static void test_without_a_number_only_options_is_asked(void) {
  struct peer *vendor;
  struct bench *bench = vendor_bench(&vendor);
  start(bench, "");
  answer_with(vendor, "OPTIONS", 200, FAR_SIDE);
  peer_expect_nothing(vendor);
  expect(tells(bench, "\"state\":\"done\""));
  expect(tells(bench, "OPTIONS was answered with 200"));
  expect(says(bench, "invite", "not_tried"));
  expect_int(bench->record_count, ==, 0);
  bench_end(bench);
}

static void test_one_test_at_once_for_each_gateway(void) {
  struct peer *vendor;
  struct bench *bench = vendor_bench(&vendor);
  start(bench, "4420");
  bench_order(bench, ORDER_TEST_TRUNK, "vendor-a\n4420\n");
  expect_int(bench->order_result, ==, RESULT_EXISTS);
  bench_order(bench, ORDER_TEST_TRUNK, "vendor-b\n4420\n");
  expect_int(bench->order_result, ==, RESULT_OK);
  bench_order(bench, ORDER_TEST_TRUNK, "nobody\n4420\n");
  expect_int(bench->order_result, ==, RESULT_NOT_FOUND);
  bench_order(bench, ORDER_TEST_TRUNK, "vendor-a\n44 20\n");
  expect_int(bench->order_result, ==, RESULT_MALFORMED);
  answer_with(vendor, "OPTIONS", 200, "");
  peer_expect(vendor, "INVITE");
  peer_respond(vendor, 404, NULL);
  start(bench, "4421");
  bench_end(bench);
}

static void test_a_gateway_without_a_line_left_is_not_called(void) {
  struct peer *vendor;
  struct bench *bench = vendor_bench(&vendor);
  bench_device(bench, "vendor-a")->capacity = 0;
  bench_apply(bench);
  bench_order(bench, ORDER_TEST_TRUNK, "vendor-a\n4420\n");
  expect_int(bench->order_result, ==, RESULT_FULL);
  peer_expect_nothing(vendor);
  bench_end(bench);
}

static void test_the_far_side_may_hang_up_first(void) {
  struct peer *vendor;
  struct bench *bench = vendor_bench(&vendor);
  start(bench, "4420");
  answer_call(vendor, TIMED);
  peer_expect(vendor, "OPTIONS");
  peer_request(vendor, "BYE", NULL);
  peer_expect(vendor, "200");
  expect(tells(bench, "hung up before everything was tried"));
  expect_record(bench, "trunk_test");
  expect(str_view_equal(bench->records[0].end_direction, STR_VIEW("callee")));
  bench_end(bench);
}

static void test_a_re_invite_of_the_far_side_is_refused_and_its_options_answered(void) {
  struct peer *vendor;
  struct bench *bench = vendor_bench(&vendor);
  start(bench, "4420");
  answer_call(vendor, TIMED);
  peer_expect(vendor, "OPTIONS");
  peer_request(vendor, "INVITE", HOLD);
  peer_expect(vendor, "488");
  peer_send_request(vendor, "ACK", vendor->invite_cseq, vendor->invite_branch, NULL);
  peer_request(vendor, "OPTIONS", NULL);
  peer_expect(vendor, "200");
  peer_request(vendor, "INFO", NULL);
  peer_expect(vendor, "405");
  bench_end(bench);
}

static void test_many_tests_keep_only_the_newest_reports(void) {
  struct bench *bench = bench_create_bare(16);
  static char names[BENCH_DEVICES_MAX][16];
  for (int i = 0; i < BENCH_DEVICES_MAX; i++) {
    snprintf(names[i], sizeof names[i], "vendor-%d", i);
    bench_add_vendor(bench, names[i], VENDOR_A, 1);
  }
  bench_apply(bench);
  for (int i = 0; i < BENCH_DEVICES_MAX; i++) {
    bench_order(bench, ORDER_TEST_TRUNK, names[i]);
    expect_int(bench->order_result, ==, RESULT_OK);
  }
  expect_int(trunk_trial_count(bench->core->trials), ==, TRUNK_TRIALS_MAX);
  bench_advance(bench, 60000);
  bench_order(bench, ORDER_TEST_TRUNK, names[3]);
  expect_int(bench->order_result, ==, RESULT_OK);
  bench_end(bench);
}

/* The record of the test when the switch is killed now. */
static struct cdr_record record_after_kill(struct bench *bench) {
  static char memory[8192];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  struct cdr_record record;
  expect_int(call_kept_record(str_view_of(bench->state, bench->state_length), (struct str_view){0}, &builder), ==,
             RESULT_OK);
  expect_int(cdr_record_decode(text_builder_view(&builder), &record), ==, RESULT_OK);
  return record;
}

static void test_a_test_that_is_killed_has_its_record_and_is_marked_as_one(void) {
  struct peer *vendor;
  struct bench *bench = vendor_bench(&vendor);
  start(bench, "4420");
  expect_int(bench->journal_puts, ==, 0); /* OPTIONS is no call */
  answer_with(vendor, "OPTIONS", 200, "");
  peer_expect(vendor, "INVITE");
  struct cdr_record record = record_after_kill(bench);
  expect_view(record.end_reason, "trunk_test");
  expect_view(record.end_direction, "switch");
  expect_view(record.callee, "4420");
  expect_view(record.callee_device, "vendor-a");
  expect(record.answered_at.value == 0 && record.id.length == CDR_ID_LENGTH);
  peer_add(vendor, TIMED);
  peer_respond(vendor, 200, ANSWER);
  record = record_after_kill(bench);
  expect(record.answered_at.value != 0);
  expect_int(record.sip_status, ==, 200);
  expect_int(bench_restart(bench, 5000), !=, RESULT_OK); /* nothing of it goes on */
  bench_end(bench);
}

TAP_TESTS(TAP(test_a_test_that_is_killed_has_its_record_and_is_marked_as_one),
          TAP(test_a_far_side_that_can_everything_is_found_so),
          TAP(test_the_session_offered_is_inactive_and_the_same_to_the_end),
          TAP(test_a_longer_interval_is_learnt_from_422),
          TAP(test_a_swallowed_update_is_remembered_and_re_invite_tried),
          TAP(test_a_call_that_nobody_answers_is_cancelled), TAP(test_an_answer_that_crosses_the_cancel_is_hung_up),
          TAP(test_a_dead_gateway_ends_the_test_by_itself),
          TAP(test_a_far_side_that_falls_silent_is_left_within_the_bound),
          TAP(test_a_reliable_provisional_response_gets_prack), TAP(test_without_a_number_only_options_is_asked),
          TAP(test_one_test_at_once_for_each_gateway), TAP(test_a_gateway_without_a_line_left_is_not_called),
          TAP(test_the_far_side_may_hang_up_first),
          TAP(test_a_re_invite_of_the_far_side_is_refused_and_its_options_answered),
          TAP(test_many_tests_keep_only_the_newest_reports))
