/* Attempts to call that cannot be read: what is answered, and what is left of them. */
#include "switch/switch_bench.h"

#define BAD_CSEQ "CSeq: 1 OPTIONS\r\n"

static const char *invite(const char *call_id, const char *from, const char *lines) {
  static char text[1024];
  snprintf(text, sizeof text,
           "INVITE sip:4420@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKbad\r\nFrom: <sip:%s@x>;tag=h\r\n"
           "To: <sip:4420@192.0.2.1>\r\nCall-ID: %s\r\n%s\r\n",
           from, call_id, lines);
  return text;
}

static void test_of_a_gateway_it_leaves_its_record_once(void) {
  struct bench *bench = bench_create();
  struct peer *customer = peer_at(bench, CUSTOMER);
  for (unsigned i = 0; i < 3; i++) {
    peer_send_text(customer, invite("bad", "900", BAD_CSEQ));
    peer_expect(customer, "400");
  }
  expect_record(bench, "protocol_error");
  const struct cdr_record *record = &bench->records[0];
  expect_view(record->caller, "900");
  expect_view(record->callee, "4420");
  expect_view(record->caller_device, "customer");
  expect_view(record->caller_address, CUSTOMER);
  expect_view(record->caller_call_id, "bad");
  expect_view(record->end_direction, "switch");
  expect_int(record->sip_status, ==, 400);
  expect_view(record->end_text, "CSeq method is not the request's (RFC 3261 8.1.1.5), at byte 144");
  expect_view(record->explanation,
              "The caller's INVITE cannot be read: CSeq method is not the request's (RFC 3261 8.1.1.5).");
  expect_int(bench->counters.calls_attempted, ==, 1);
  expect_int(bench->counters.messages_malformed, ==, 3);
  bench_end(bench);
}

static void test_what_cannot_be_answered_is_recorded_too(void) {
  struct bench *bench = bench_create();
  struct peer *customer = peer_at(bench, CUSTOMER);
  peer_send_text(customer, "INVITE sip:4420@192.0.2.1 SIP/2.0\r\n\r\n");
  peer_expect_nothing(customer);
  expect_record(bench, "protocol_error");
  expect_view(bench->records[0].callee, "4420");
  expect_view(bench->records[0].end_text, "Via is missing (RFC 3261 8.1.1), at byte 0");
  bench_end(bench);
}

static void test_other_requests_and_calls_that_stand_leave_none(void) {
  struct bench *bench = bench_create();
  struct peer *customer = peer_at(bench, CUSTOMER);
  peer_send_text(customer, "INVITE sip:4420@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKbad\r\n"
                           "From: <sip:1@x>;tag=h\r\nTo: <sip:2@x>;tag=t\r\nCall-ID: bad\r\n" BAD_CSEQ "\r\n");
  peer_expect(customer, "400");
  peer_send_text(customer, "INVITE sip:4420@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKbad\r\n"
                           "From: <sip:1@x>;tag=h\r\nTo: <<sip:2@x>;Tag=t\r\nCall-ID: bad\r\nCSeq: 1 INVITE\r\n\r\n");
  peer_expect(customer, "400"); /* part of a call, though its tag cannot be read */
  peer_send_text(customer, "OPTIONS sip:4420@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKbad\r\n"
                           "From: <sip:1@x>;tag=h\r\nTo: <sip:2@x>\r\nCall-ID: bad\r\nCSeq: 1 INVITE\r\n\r\n");
  peer_expect(customer, "400");
  expect_int(bench->record_count, ==, 0);
  bench_end(bench);
}

static void flood(struct peer *peer, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    char call_id[32];
    snprintf(call_id, sizeof call_id, "flood-%u", i);
    peer_send_text(peer, invite(call_id, "900", BAD_CSEQ));
  }
}

static void test_beyond_some_of_a_source_a_record_tells_of_several(void) {
  struct bench *bench = bench_create();
  struct peer *customer = peer_at(bench, CUSTOMER);
  flood(customer, 60);
  expect_int(bench->record_count, ==, 20);
  bench_advance(bench, 1000);
  peer_send_text(customer, invite("later", "900", BAD_CSEQ));
  expect_int(bench->record_count, ==, 21);
  expect_view(bench->records[20].end_text, "CSeq method is not the request's (RFC 3261 8.1.1.5), at byte 146;"
                                           " and 40 attempts more without a record");
  bench_advance(bench, 1000);
  peer_send_text(customer, invite("last", "900", BAD_CSEQ));
  expect_view(bench->records[21].end_text, "CSeq method is not the request's (RFC 3261 8.1.1.5), at byte 145");
  expect_int(bench->counters.calls_attempted, ==, 62);
  bench_end(bench);
}

static void test_one_source_does_not_use_up_what_another_has(void) {
  struct bench *bench = bench_create_bare(16);
  bench_add_gateway(bench, DEVICE_MAPPING_GATEWAY, "customer", CUSTOMER);
  bench_add_gateway(bench, DEVICE_MAPPING_GATEWAY, "other", STRANGER);
  bench_apply(bench);
  flood(peer_at(bench, CUSTOMER), 30);
  peer_send_text(peer_at(bench, STRANGER), invite("other", "900", BAD_CSEQ));
  expect_int(bench->record_count, ==, 21);
  expect_view(bench->records[20].caller_device, "other");
  bench_end(bench);
}

static void test_a_strangers_leaves_a_line_and_no_record(void) {
  struct bench *bench = bench_create();
  struct peer *stranger = peer_at(bench, STRANGER);
  flood(stranger, 30);
  peer_expect(stranger, "400");
  expect_int(bench->record_count, ==, 0);
  expect_int(bench->counters.strangers_refused, ==, 30);
  expect_int(bench->counters.calls_attempted, ==, 0);
  expect_int(bench->alarms, ==, 20);
  expect(strstr(bench->alarm, "event=stranger address=") && strstr(bench->alarm, "user=\"900\""));
  bench_end(bench);
}

static void test_a_stranger_gets_silence_where_that_is_wanted(void) {
  struct bench *bench = bench_create();
  bench->parameters.SS_REPLY_UNAUTHORIZED = false;
  struct peer *stranger = peer_at(bench, STRANGER), *customer = peer_at(bench, CUSTOMER);
  peer_send_text(stranger, invite("bad", "900", BAD_CSEQ));
  peer_send_text(stranger, "OPTIONS sip:4420@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKbad\r\n"
                           "From: <sip:1@x>;tag=h\r\nTo: <sip:2@x>\r\nCall-ID: bad\r\nCSeq: 1 INVITE\r\n\r\n");
  expect_int(bench->sent_count, ==, 0);
  peer_send_text(customer, invite("bad", "900", BAD_CSEQ));
  peer_expect(customer, "400");
  bench_end(bench);
}

static void test_of_who_says_that_he_is_a_phone_it_leaves_as_many_records_as_a_strangers(void) {
  struct bench *bench = bench_create();
  struct peer *phone = peer_at(bench, PHONE_A);
  for (unsigned i = 0; i < 30; i++) {
    char call_id[32];
    snprintf(call_id, sizeof call_id, "phone-%u", i);
    peer_send_text(phone, invite(call_id, "1001", BAD_CSEQ));
  }
  expect_int(bench->record_count, ==, 20);
  expect_view(bench->records[0].caller, "1001");
  expect_int(bench->records[0].caller_device.length, ==, 0); /* nothing proves it */
  bench_end(bench);
}

static void test_one_without_end_on_a_stream_leaves_its_record(void) {
  struct bench *bench = bench_create();
  struct peer *customer = peer_at(bench, CUSTOMER);
  static char bytes[1024 + 64];
  snprintf(bytes, 1024, "%s", invite("endless", "900", "CSeq: 1 INVITE\r\n"));
  switch_core_refuse(bench->core, &bench->context, &customer->flow, str_view_of(bytes, strlen(bytes)));
  bench_end_event(bench);
  peer_expect(customer, "400");
  expect_record(bench, "protocol_error");
  expect_view(bench->records[0].end_text, "no Content-Length tells where the message ends (RFC 3261 18.3), at byte 0");
  bench_end(bench);
}

TAP_TESTS(TAP(test_of_a_gateway_it_leaves_its_record_once), TAP(test_what_cannot_be_answered_is_recorded_too),
          TAP(test_other_requests_and_calls_that_stand_leave_none),
          TAP(test_beyond_some_of_a_source_a_record_tells_of_several),
          TAP(test_one_source_does_not_use_up_what_another_has), TAP(test_a_strangers_leaves_a_line_and_no_record),
          TAP(test_a_stranger_gets_silence_where_that_is_wanted),
          TAP(test_of_who_says_that_he_is_a_phone_it_leaves_as_many_records_as_a_strangers),
          TAP(test_one_without_end_on_a_stream_leaves_its_record))
