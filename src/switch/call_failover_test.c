/* What becomes of an attempt that does not succeed at once: refusals, the next gateway, the time of each stage, CANCEL.
 */
#include "switch/switch_bench.h"

static void test_vendor_that_fails_is_followed_by_the_next(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *a = peer_at(bench, VENDOR_A), *b = peer_at(bench, VENDOR_B);
  peer_invite(caller, "4420", OFFER);
  peer_expect(a, "INVITE");
  peer_respond(a, 503, NULL);
  peer_expect(a, "ACK");
  const char *invite = peer_expect(b, "INVITE");
  expect(strstr(body_of(invite), "m=audio 4000") != NULL);
  expect(strstr(body_of(invite), " 1 IN IP4 192.0.2.1") != NULL);
  peer_respond(b, 200, ANSWER);
  peer_expect(b, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  bench_hang_up(b, caller);
  expect_record(bench, "normal");
  expect_view(bench->records[0].callee_device, "vendor-b");
  expect_int(bench->counters.calls_failed_over, ==, 1);
  bench_end(bench);
}

static void test_busy_is_not_failed_over(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *a = peer_at(bench, VENDOR_A), *b = peer_at(bench, VENDOR_B);
  peer_invite(caller, "4420", OFFER);
  peer_expect(a, "INVITE");
  peer_add(a, "Reason: Q.850;cause=17;text=\"user busy\"\r\n");
  peer_respond(a, 486, NULL);
  const char *refusal = peer_expect(caller, "486");
  expect(strcmp(header_of(refusal, "Reason"), "Q.850;cause=17;text=\"user busy\"") == 0);
  peer_expect_nothing(b);
  expect_record(bench, "busy");
  expect_view(bench->records[0].end_text, "user busy");
  expect_view(bench->records[0].end_direction, "callee");
  expect(bench->records[0].callee_call_id.length > 0);
  bench_end(bench);
}

static void test_silent_vendors_are_left_after_the_invite_stage(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *a = peer_at(bench, VENDOR_A), *b = peer_at(bench, VENDOR_B);
  peer_invite(caller, "4420", OFFER);
  bench_advance(bench, 9990);
  peer_skip(a);
  peer_expect_nothing(b);
  bench_advance(bench, 20);
  peer_expect(b, "INVITE");
  bench_advance(bench, 10010);
  peer_expect(caller, "504");
  expect_record(bench, "gateway_timeout");
  expect_view(bench->records[0].end_direction, "switch");
  expect_int(bench->records[0].sip_status, ==, 504);
  bench_end(bench);
}

static void test_each_stage_has_its_own_time(void) {
  static const struct {
    unsigned status;
    const char *body;
    int64_t stage_ms;
    const char *reason;
  } stages[] = {{100, NULL, 20000, "gateway_timeout"},
                {183, NULL, 20000, "no_answer"},
                {183, ANSWER, 120000, "no_answer"},
                {180, NULL, 120000, "no_answer"}};
  for (unsigned i = 0; i < sizeof stages / sizeof stages[0]; i++) {
    struct bench *bench = bench_create();
    bench_device(bench, "vendor-b")->locked = true;
    bench_apply(bench);
    struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
    peer_invite(caller, "4420", OFFER);
    peer_expect(callee, "INVITE");
    bench_advance(bench, 1000);
    peer_skip(callee); /* the INVITE was sent again */
    peer_respond(callee, stages[i].status, stages[i].body);
    peer_skip(caller);
    bench_advance(bench, stages[i].stage_ms - 10);
    peer_expect_nothing(caller);
    peer_expect_nothing(callee);
    bench_advance(bench, 20);
    const char *cancel = peer_expect(callee, "CANCEL");
    expect(strstr(header_of(cancel, "Reason"), "Q.850;cause=") != NULL);
    peer_answer(callee, cancel, 200, NULL);
    peer_respond(callee, 487, NULL);
    peer_expect(callee, "ACK");
    expect(peer_next(caller) != NULL);
    expect_record(bench, stages[i].reason);
    bench_end(bench);
  }
}

static void test_repeating_a_provisional_response_does_not_prolong_its_stage(void) {
  struct bench *bench = bench_create();
  bench_device(bench, "vendor-b")->locked = true;
  bench_apply(bench);
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  for (unsigned i = 0; i < 12; i++) { /* 180 and 183 by turns, every 10 s */
    peer_respond(callee, i % 2 == 0 ? 180 : 183, i % 2 == 0 ? NULL : ANSWER);
    bench_advance(bench, 9990);
    expect_int(bench->record_count, ==, 0);
  }
  bench_advance(bench, 200);
  expect_record(bench, "no_answer");
  peer_respond(callee, 487, NULL);
  bench_end(bench);
}

static void test_devices_override_the_stages(void) {
  struct bench *bench = bench_create();
  bench_device(bench, "vendor-a")->overrides.timeout_invite_s = 3;
  bench_apply(bench);
  struct peer *caller = peer_at(bench, CUSTOMER), *b = peer_at(bench, VENDOR_B);
  peer_invite(caller, "4420", OFFER);
  bench_advance(bench, 2990);
  peer_expect_nothing(b);
  bench_advance(bench, 20);
  peer_expect(b, "INVITE");
  peer_respond(b, 404, NULL);
  peer_expect(caller, "404");
  bench_end(bench);
}

static void test_every_refusal_is_mapped_by_the_table(void) {
  static const unsigned pairs[][2] = {{302, 480}, {401, 403}, {407, 403}, {404, 404}, {415, 488},
                                      {481, 480}, {484, 484}, {486, 486}, {487, 480}, {499, 400},
                                      {600, 600}, {603, 603}, {699, 600}};
  for (unsigned i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    struct bench *bench = bench_create();
    bench_device(bench, "vendor-b")->locked = true;
    bench_apply(bench);
    struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
    char text[16];
    peer_invite(caller, "4420", OFFER);
    peer_expect(callee, "INVITE");
    peer_respond(callee, pairs[i][0], NULL);
    peer_expect(callee, "ACK");
    snprintf(text, sizeof text, "%u", pairs[i][1]);
    peer_expect(caller, text);
    expect_int(bench->record_count, ==, 1);
    expect_int(bench->records[0].sip_status, ==, pairs[i][1]);
    bench_end(bench);
  }
}

static void test_caller_cancels_while_it_rings(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 180, NULL);
  peer_expect(caller, "180");
  peer_cancel(caller);
  peer_expect(caller, "200"); /* of the CANCEL */
  peer_expect(caller, "487");
  peer_answer(callee, peer_expect(callee, "CANCEL"), 200, NULL);
  peer_respond(callee, 487, NULL);
  peer_expect(callee, "ACK");
  expect_record(bench, "cancelled");
  expect_view(bench->records[0].end_direction, "caller");
  expect_int(bench->records[0].sip_status, ==, 487);
  bench_end(bench);
}

static void test_cancel_waits_for_a_provisional_response_of_the_callee(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_cancel(caller);
  peer_expect(caller, "200");
  peer_expect(caller, "487");
  peer_expect_nothing(callee);
  peer_respond(callee, 100, NULL);
  peer_expect(callee, "CANCEL");
  expect_record(bench, "cancelled");
  bench_end(bench);
}

TAP_TESTS(TAP(test_vendor_that_fails_is_followed_by_the_next), TAP(test_busy_is_not_failed_over),
          TAP(test_silent_vendors_are_left_after_the_invite_stage), TAP(test_each_stage_has_its_own_time),
          TAP(test_repeating_a_provisional_response_does_not_prolong_its_stage), TAP(test_devices_override_the_stages),
          TAP(test_every_refusal_is_mapped_by_the_table), TAP(test_caller_cancels_while_it_rings),
          TAP(test_cancel_waits_for_a_provisional_response_of_the_callee))
