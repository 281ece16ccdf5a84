/* Who may not call, what is not understood, what there is no room for, and what operators ask. */
#include "switch/switch_bench.h"

/* --- strangers and credentials ----------------------------------------------------------------------------------- */

static void test_stranger_gets_403_without_state_and_a_record(void) {
  struct bench *bench = bench_create();
  struct peer *stranger = peer_at(bench, STRANGER), *vendor = peer_at(bench, VENDOR_A);
  peer_invite(stranger, "4420", OFFER);
  peer_expect(stranger, "403");
  peer_expect_nothing(vendor);
  expect_int(transaction_count(bench->core->transactions), ==, 0);
  expect_record(bench, "illegal_call");
  expect_view(bench->records[0].caller, "900");
  expect_view(bench->records[0].callee, "4420");
  expect_view(bench->records[0].caller_address, STRANGER);
  expect_int(bench->records[0].sip_status, ==, 403);
  bench_end(bench);
}

static void test_stranger_gets_silence_when_replies_are_off(void) {
  struct bench *bench = bench_create();
  bench->parameters.SS_REPLY_UNAUTHORIZED = false;
  struct peer *stranger = peer_at(bench, STRANGER);
  peer_invite(stranger, "4420", OFFER);
  peer_request(stranger, "OPTIONS", NULL);
  peer_request(stranger, "MESSAGE", "hi");
  expect_int(bench->sent_count, ==, 0);
  expect_record(bench, "illegal_call");
  bench_end(bench);
}

static void test_vendor_who_calls_is_a_stranger(void) {
  struct bench *bench = bench_create();
  struct peer *vendor = peer_at(bench, VENDOR_A);
  peer_invite(vendor, "1001", OFFER);
  peer_expect(vendor, "403");
  expect_record(bench, "illegal_call");
  vendor->remote_tag[0] = '\0';
  peer_request(vendor, "OPTIONS", NULL);
  peer_expect(vendor, "200");
  bench_end(bench);
}

static void test_strangers_do_not_flood_the_records(void) {
  struct bench *bench = bench_create();
  struct peer *stranger = peer_at(bench, STRANGER);
  for (unsigned i = 0; i < 60; i++) {
    snprintf(stranger->call_id, sizeof stranger->call_id, "flood-%u", i);
    stranger->remote_tag[0] = '\0';
    peer_invite(stranger, "4420", OFFER);
    peer_expect(stranger, "403");
  }
  expect_int(bench->record_count, ==, 20);
  expect_int(bench->counters.strangers_refused, ==, 60);
  stranger->remote_tag[0] = '\0';
  bench_advance(bench, 1000);
  snprintf(stranger->call_id, sizeof stranger->call_id, "flood-19");
  peer_invite(stranger, "4420", OFFER);
  expect_int(bench->record_count, ==, 20); /* the same INVITE once more */
  stranger->remote_tag[0] = '\0';
  snprintf(stranger->call_id, sizeof stranger->call_id, "later");
  peer_invite(stranger, "4420", OFFER);
  expect_int(bench->record_count, ==, 21);
  bench_end(bench);
}

static void test_wrong_password_is_challenged_again_and_then_refused(void) {
  struct bench *bench = bench_create();
  bench->parameters.SS_SIP_AUTHENTICATION_RETRY = 2;
  struct peer *caller = peer_at(bench, PHONE_A), *vendor = peer_at(bench, VENDOR_A);
  peer_be_phone(caller, "1001");
  peer_invite(caller, "4420", OFFER);
  const char *answer = peer_expect(caller, "401");
  for (unsigned i = 0; i < 6 && answer && strncmp(answer, "SIP/2.0 401", 11) == 0; i++) {
    peer_send_request(caller, "ACK", caller->invite_cseq, caller->invite_branch, NULL);
    caller->remote_tag[0] = '\0';
    peer_authorize(caller, answer, "INVITE", "1001", "wrong");
    peer_invite(caller, "4420", OFFER);
    struct bench_message *next = peer_next(caller);
    answer = next ? next->text : NULL;
    peer_skip(caller);
  }
  expect(answer && strncmp(answer, "SIP/2.0 403", 11) == 0);
  peer_expect_nothing(vendor);
  expect(bench->record_count >= 1);
  expect_view(bench->records[0].end_reason, "authentication_failed");
  bench_end(bench);
}

static void test_challenge_code_is_a_parameter(void) {
  struct bench *bench = bench_create();
  bench->parameters.SS_SIP_AUTHENTICATION_CODE = AUTHENTICATION_CODE_407;
  struct peer *caller = peer_at(bench, PHONE_A);
  peer_be_phone(caller, "1001");
  peer_invite(caller, "4420", OFFER);
  expect(strstr(header_of(peer_expect(caller, "407"), "Proxy-Authenticate"), "Digest") != NULL);
  expect_int(bench->record_count, ==, 0); /* a challenge is no attempt */
  bench_end(bench);
}

static void test_phone_cannot_pretend_to_be_another(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, PHONE_A), *vendor = peer_at(bench, VENDOR_A);
  peer_be_phone(caller, "1002");
  peer_invite(caller, "4420", OFFER);
  const char *challenge = peer_expect(caller, "401");
  peer_send_request(caller, "ACK", caller->invite_cseq, caller->invite_branch, NULL);
  caller->remote_tag[0] = '\0';
  peer_authorize(caller, challenge, "INVITE", "1001", "secret");
  peer_invite(caller, "4420", OFFER);
  expect(strstr(header_of(peer_expect(vendor, "INVITE"), "From"), "<sip:1001@") != NULL);
  peer_respond(vendor, 486, NULL);
  expect_view(bench->records[0].caller, "1001");
  bench_end(bench);
}

/* --- locks and capacity ------------------------------------------------------------------------------------------ */

static void test_locked_devices_make_and_take_no_calls(void) {
  struct bench *bench = bench_create();
  bench_device(bench, "customer")->locked = true;
  bench_apply(bench);
  struct peer *caller = peer_at(bench, CUSTOMER);
  peer_invite(caller, "4420", OFFER);
  peer_expect(caller, "403");
  expect_record(bench, "forbidden");
  bench_device(bench, "customer")->locked = false;
  bench_device(bench, "1002")->locked = true;
  bench_apply(bench);
  struct peer *second = peer_at(bench, CUSTOMER);
  peer_invite(second, "1002", OFFER);
  peer_expect(second, "403");
  expect_view(bench->records[1].end_reason, "forbidden");
  bench_end(bench);
}

static void test_capacity_of_both_sides_is_kept_and_given_back(void) {
  struct bench *bench = bench_create();
  bench_device(bench, "customer")->capacity = 2;
  bench_device(bench, "vendor-a")->capacity = 1;
  bench_device(bench, "vendor-b")->locked = true;
  bench_apply(bench);
  struct peer *a = peer_at(bench, CUSTOMER), *b = peer_at(bench, CUSTOMER), *c = peer_at(bench, CUSTOMER);
  struct peer *vendor = peer_at(bench, VENDOR_A);
  bench_connect(a, vendor, "4420");
  peer_invite(b, "4420", OFFER); /* the vendor's line is taken */
  peer_expect(b, "503");
  expect_record(bench, "capacity");
  expect_int(bench->records[0].sip_status, ==, 503);
  bench_hang_up(a, vendor);
  peer_invite(c, "4420", OFFER);
  peer_expect(vendor, "INVITE");
  peer_respond(vendor, 486, NULL);
  peer_expect(c, "486");
  bench_end(bench);
}

static void test_full_pool_gets_503_with_retry_after_and_a_record(void) {
  struct bench *bench = bench_create_bare(1);
  bench_add_gateway(bench, DEVICE_MAPPING_GATEWAY, "customer", CUSTOMER);
  bench_add_vendor(bench, "vendor-a", VENDOR_A, 1);
  bench_apply(bench);
  struct peer *a = peer_at(bench, CUSTOMER), *b = peer_at(bench, CUSTOMER), *vendor = peer_at(bench, VENDOR_A);
  peer_invite(a, "4420", OFFER);
  peer_expect(vendor, "INVITE");
  peer_invite(b, "4420", OFFER);
  expect(*header_of(peer_expect(b, "503"), "Retry-After"));
  expect_record(bench, "capacity");
  expect_view(bench->records[0].caller_device, "customer");
  peer_respond(vendor, 486, NULL);
  bench_end(bench);
}

static void test_draining_switch_refuses_new_calls_and_keeps_old_ones(void) {
  struct bench *bench = bench_create();
  struct peer *a = peer_at(bench, CUSTOMER), *b = peer_at(bench, CUSTOMER), *vendor = peer_at(bench, VENDOR_A);
  bench_connect(a, vendor, "4420");
  bench_order(bench, ORDER_DRAIN, "");
  peer_invite(b, "4420", OFFER);
  peer_expect(b, "503");
  bench_hang_up(a, vendor);
  expect_int(bench->record_count, ==, 2);
  bench_end(bench);
}

static void test_overloaded_worker_refuses_new_calls_only(void) {
  struct bench *bench = bench_create();
  struct peer *a = peer_at(bench, CUSTOMER), *b = peer_at(bench, CUSTOMER), *vendor = peer_at(bench, VENDOR_A);
  bench_connect(a, vendor, "4420");
  bench->context.overloaded = true;
  peer_invite(b, "4420", OFFER);
  expect(*header_of(peer_expect(b, "503"), "Retry-After"));
  bench_hang_up(a, vendor);
  expect_int(bench->record_count, ==, 2);
  expect_view(bench->records[0].end_reason, "capacity");
  expect_view(bench->records[0].caller_device, "customer");
  expect_view(bench->records[0].callee, "4420");
  expect_int(bench->records[0].sip_status, ==, 503);
  expect_view(bench->records[1].end_reason, "normal");
  bench_end(bench);
}

static void test_refusals_beyond_their_share_of_records_are_counted_in_one(void) {
  struct bench *bench = bench_create();
  struct peer *a = peer_at(bench, CUSTOMER), *vendor = peer_at(bench, VENDOR_A);
  bench->context.overloaded = true;
  unsigned recorded = 0;
  for (unsigned i = 0; i < 130; i++) {
    snprintf(a->call_id, sizeof a->call_id, "crowd-%u", i);
    peer_invite(a, "4420", OFFER);
    peer_skip(a);
    a->remote_tag[0] = '\0';
    bench->sent_count = 0;
    recorded += bench->record_count;
    bench->record_count = 0;
  }
  expect_int(recorded, ==, 100);
  bench->context.overloaded = false;
  snprintf(a->call_id, sizeof a->call_id, "after");
  bench_connect(a, vendor, "4420");
  expect_int(bench->record_count, ==, 1);
  expect_view(bench->records[0].end_reason, "capacity");
  expect_view(bench->records[0].end_text, "30 attempts, refused for overload");
  bench_hang_up(a, vendor);
  expect_int(bench->record_count, ==, 2);
  bench_end(bench);
}

/* --- sanity ------------------------------------------------------------------------------------------------------ */

static void test_options_outside_of_dialogs_is_answered(void) {
  struct bench *bench = bench_create();
  struct peer *peer = peer_at(bench, CUSTOMER);
  snprintf(peer->target, sizeof peer->target, "sip:192.0.2.1");
  snprintf(peer->remote_uri, sizeof peer->remote_uri, "sip:192.0.2.1");
  peer_request(peer, "OPTIONS", NULL);
  const char *answer = peer_expect(peer, "200");
  expect(*header_of(answer, "Allow") && *header_of(answer, "Accept") && *header_of(answer, "Supported"));
  bench_end(bench);
}

static void test_methods_without_a_dialog_are_refused_by_the_table(void) {
  static const struct {
    const char *method, *status;
  } rows[] = {{"BYE", "481"},   {"PRACK", "481"},   {"UPDATE", "481"},    {"INFO", "481"},    {"NOTIFY", "481"},
              {"REFER", "405"}, {"MESSAGE", "405"}, {"SUBSCRIBE", "405"}, {"PUBLISH", "405"}, {"DANCE", "501"}};
  struct bench *bench = bench_create();
  struct peer *peer = peer_at(bench, CUSTOMER);
  snprintf(peer->target, sizeof peer->target, "sip:192.0.2.1");
  snprintf(peer->remote_uri, sizeof peer->remote_uri, "sip:192.0.2.1");
  for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    peer_request(peer, rows[i].method, NULL);
    const char *answer = peer_expect(peer, rows[i].status);
    if (rows[i].status[0] == '5' || rows[i].status[2] == '5') expect(strstr(header_of(answer, "Allow"), "INVITE"));
    peer->remote_tag[0] = '\0';
  }
  bench_end(bench);
}

static void test_requests_that_are_not_understood_are_refused(void) {
  struct bench *bench = bench_create();
  struct peer *peer = peer_at(bench, CUSTOMER), *vendor = peer_at(bench, VENDOR_A);
  peer_add(peer, "Require: precondition\r\nProxy-Require: gin\r\n");
  peer_invite(peer, "4420", OFFER);
  const char *answer = peer_expect(peer, "420");
  expect(strstr(answer, "Unsupported: precondition\r\n") && strstr(answer, "Unsupported: gin\r\n"));
  peer->remote_tag[0] = '\0';
  snprintf(peer->target, sizeof peer->target, "http://192.0.2.1/");
  peer_request(peer, "INVITE", OFFER);
  peer_expect(peer, "416");
  peer->remote_tag[0] = '\0';
  peer_add(peer, "Accept: text/plain, application/isup\r\n");
  peer_invite(peer, "4420", OFFER);
  peer_expect(peer, "406");
  peer->remote_tag[0] = '\0';
  peer_invite(peer, "4420", "v=0\r\nthis is no session\r\n");
  peer_expect(peer, "400");
  peer_expect_nothing(vendor);
  static const uint16_t statuses[] = {420, 416, 406, 400};
  expect_int(bench->record_count, ==, 4);
  for (unsigned i = 0; i < 4; i++)
    expect_int(bench->records[i].sip_status, ==, statuses[i]);
  bench_end(bench);
}

static void test_accept_that_names_sessions_among_others_is_no_reason_to_refuse(void) {
  static const char *const accepts[] = {"Accept: text/plain;q=0.5, Application/SDP;level=1\r\n",
                                        "Accept: application/*\r\n", "Accept: */*;q=0.1\r\n", "Accept:\r\n"};
  for (unsigned i = 0; i < 4; i++) {
    struct bench *bench = bench_create();
    struct peer *peer = peer_at(bench, CUSTOMER), *vendor = peer_at(bench, VENDOR_A);
    peer_add(peer, accepts[i]);
    peer_invite(peer, "4420", OFFER);
    peer_expect(vendor, "INVITE");
    peer_respond(vendor, 486, NULL);
    peer_expect(peer, "486");
    peer_ack(peer, NULL);
    bench_end(bench);
  }
}

static void test_last_hop_gets_483(void) {
  struct bench *bench = bench_create();
  struct peer *peer = peer_at(bench, CUSTOMER), *vendor = peer_at(bench, VENDOR_A);
  peer_send_text(peer, "INVITE sip:4420@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP " CUSTOMER ";branch=z9hG4bKhop\r\n"
                       "Max-Forwards: 0\r\nFrom: <sip:1@x>;tag=h\r\nTo: <sip:4420@192.0.2.1>\r\nCall-ID: hop\r\n"
                       "CSeq: 1 INVITE\r\nContact: <sip:peer@" CUSTOMER ">\r\nContent-Length: 0\r\n\r\n");
  peer_expect(peer, "483");
  peer_expect_nothing(vendor);
  expect_record(bench, "protocol_error");
  bench_end(bench);
}

static void test_broken_messages_are_answered_where_they_can_be(void) {
  struct bench *bench = bench_create();
  struct peer *peer = peer_at(bench, CUSTOMER);
  peer_send_text(peer, "INVITE sip:4420@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP " CUSTOMER ";branch=z9hG4bKbad\r\n"
                       "From: <sip:1@x>;tag=h\r\nTo: <sip:4420@192.0.2.1>\r\nCall-ID: bad\r\nCSeq: 1 OPTIONS\r\n"
                       "Contact: <sip:peer@" CUSTOMER ">\r\nContent-Length: 0\r\n\r\n");
  peer_expect(peer, "400");
  peer_send_text(peer, "complete nonsense that is no SIP at all, and a bit too long to be somebody's life sign "
                       "although it stands on one line\r\n\r\n");
  peer_expect_nothing(peer);
  expect_int(bench->counters.messages_malformed, >=, 1);
  bench_end(bench);
}

static void test_life_signs_are_noted_and_answered(void) {
  struct bench *bench = bench_create();
  struct peer *peer = peer_at(bench, PHONE_A);
  peer_send_text(peer, "\r\n\r\n");
  expect_int(bench->sent_count, ==, 1);
  expect_bytes(bench->sent[0].text, bench->sent[0].length, "\r\n");
  peer_send_text(peer, "HELLO");
  expect_int(bench->sent_count, ==, 1);
  expect_int(bench->counters.life_signs_received, ==, 2);
  bench_end(bench);
}

/* --- operators --------------------------------------------------------------------------------------------------- */

static void test_operator_sees_and_hangs_up_a_call(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  bench_advance(bench, 5000);
  bench_order(bench, ORDER_LIST_CALLS, "");
  char id[64];
  cut(id, sizeof id, bench->order_answer, "\"id\":\"", "\"");
  expect_int(strlen(id), ==, 30);
  expect(strstr(bench->order_answer, "\"state\":\"up\"") && strstr(bench->order_answer, "\"duration_s\":5") &&
         strstr(bench->order_answer, "\"caller_leg\":{") && strstr(bench->order_answer, "\"callee_leg\":{") &&
         strstr(bench->order_answer, "\"peer\":\"" VENDOR_A "\""));
  bench_order(bench, ORDER_SHOW_CALL, id);
  expect(strstr(bench->order_answer, id) != NULL);
  bench_order(bench, ORDER_HANGUP_CALL, "000000000000000000000000000000");
  expect_int(bench->order_result, ==, RESULT_NOT_FOUND);
  bench_order(bench, ORDER_HANGUP_CALL, id);
  expect_int(bench->order_result, ==, RESULT_OK);
  peer_expect(caller, "BYE");
  peer_reply(caller, 200, NULL);
  peer_expect(callee, "BYE");
  peer_reply(callee, 200, NULL);
  expect_record(bench, "operator");
  expect_view(bench->records[0].id, id);
  bench_order(bench, ORDER_SHOW_CALL, id);
  expect_int(bench->order_result, ==, RESULT_NOT_FOUND);
  bench_end(bench);
}

static void test_operator_hangs_up_a_ringing_call(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  char id[64];
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 180, NULL);
  peer_expect(caller, "180");
  bench_order(bench, ORDER_LIST_CALLS, "");
  cut(id, sizeof id, bench->order_answer, "\"id\":\"", "\"");
  bench_order(bench, ORDER_HANGUP_CALL, id);
  peer_expect(caller, "480");
  peer_expect(callee, "CANCEL");
  peer_respond(callee, 487, NULL);
  expect_record(bench, "operator");
  bench_end(bench);
}

static void test_record_that_is_refused_is_handed_on_later(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  uint32_t entries_max = bench->outbox.entries_max;
  bench->outbox.entries_max = 0; /* the outbox takes nothing now */
  peer_request(caller, "BYE", NULL);
  bench->outbox.entries_max = entries_max;
  expect_int(bench->record_count, ==, 0);
  bench_advance(bench, 150);
  expect_record(bench, "normal");
  bench_end(bench);
}

/* Every block that is free, of each size: how many were taken. */
static unsigned take_all_blocks(struct bench *bench, struct block *blocks, unsigned most) {
  static const char bytes[65536];
  unsigned count = 0;
  for (size_t length = sizeof bytes; length >= 16; length /= 2)
    while (count < most &&
           block_store_set(&bench->core->blocks, &blocks[count], str_view_of(bytes, length)) == RESULT_OK)
      count++;
  return count;
}

static void test_record_that_nothing_has_room_for_is_counted_as_lost(void) {
  static struct block blocks[65536];
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  char id[64];
  bench_connect(caller, callee, "4420");
  bench_order(bench, ORDER_LIST_CALLS, "");
  cut(id, sizeof id, bench->order_answer, "\"id\":\"", "\"");
  unsigned taken = take_all_blocks(bench, blocks, sizeof blocks / sizeof blocks[0]);
  expect(taken < sizeof blocks / sizeof blocks[0]);
  uint32_t entries_max = bench->outbox.entries_max;
  bench->outbox.entries_max = 0;
  bench_order(bench, ORDER_HANGUP_CALL, id);
  bench->outbox.entries_max = entries_max;
  for (unsigned i = 0; i < taken; i++)
    block_store_clear(&bench->core->blocks, &blocks[i]);
  bench_advance(bench, 150);
  expect_int(bench->record_count, ==, 0); /* nor anything else in its place */
  expect_int(bench->counters.records_lost, ==, 1);
  bench_end(bench);
}

TAP_TESTS(TAP(test_stranger_gets_403_without_state_and_a_record), TAP(test_stranger_gets_silence_when_replies_are_off),
          TAP(test_vendor_who_calls_is_a_stranger), TAP(test_strangers_do_not_flood_the_records),
          TAP(test_wrong_password_is_challenged_again_and_then_refused), TAP(test_challenge_code_is_a_parameter),
          TAP(test_phone_cannot_pretend_to_be_another), TAP(test_locked_devices_make_and_take_no_calls),
          TAP(test_capacity_of_both_sides_is_kept_and_given_back),
          TAP(test_full_pool_gets_503_with_retry_after_and_a_record),
          TAP(test_draining_switch_refuses_new_calls_and_keeps_old_ones),
          TAP(test_overloaded_worker_refuses_new_calls_only),
          TAP(test_refusals_beyond_their_share_of_records_are_counted_in_one),
          TAP(test_options_outside_of_dialogs_is_answered), TAP(test_methods_without_a_dialog_are_refused_by_the_table),
          TAP(test_requests_that_are_not_understood_are_refused),
          TAP(test_accept_that_names_sessions_among_others_is_no_reason_to_refuse), TAP(test_last_hop_gets_483),
          TAP(test_broken_messages_are_answered_where_they_can_be), TAP(test_life_signs_are_noted_and_answered),
          TAP(test_operator_sees_and_hangs_up_a_call), TAP(test_operator_hangs_up_a_ringing_call),
          TAP(test_record_that_is_refused_is_handed_on_later),
          TAP(test_record_that_nothing_has_room_for_is_counted_as_lost))
