/* Which message belongs to which transaction, and what happens when there is no room for one. */
#include "transaction/transaction_rig.h"

static const char *const peer = "198.51.100.7:5070";

static struct rig *begin(struct flow *flow) {
  *flow = rig_flow(TRANSPORT_UDP, peer, 0);
  return rig_create(64, 64);
}

static struct transaction_news via(struct rig *rig, const struct flow *flow, const char *method, const char *value) {
  const struct rig_request request = {.method = method, .via = value, .cseq = 5};
  return rig_request(rig, flow, &request);
}

/* --- RFC 3261 17.2.3 --------------------------------------------------------------------------------------------- */

static void test_branch_sent_by_and_method_make_the_transaction(void) {
  static const char *const others[] = {
      "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKonf", "SIP/2.0/UDP 198.51.100.7:5071;branch=z9hG4bKone",
      "SIP/2.0/UDP 198.51.100.8:5070;branch=z9hG4bKone", "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKONE"};
  struct flow flow;
  struct rig *rig = begin(&flow);
  rig_request_of(rig, &flow, "INFO");
  expect_int(rig_request_of(rig, &flow, "INFO").kind, ==, TRANSACTION_NEWS_NONE);
  for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
    char call_id[16];
    snprintf(call_id, sizeof call_id, "other-%u", i);
    const struct rig_request request = {.method = "INFO", .via = others[i], .call_id = call_id};
    expect_int(rig_request(rig, &flow, &request).kind, ==, TRANSACTION_NEWS_REQUEST);
  }
  const struct rig_request update = {.method = "UPDATE", .call_id = "other"};
  expect_int(rig_request(rig, &flow, &update).kind, ==, TRANSACTION_NEWS_REQUEST);
  expect_int(transaction_count(rig->layer), ==, 6);
  rig_destroy(rig);
}

static void test_sent_by_compares_without_case_and_with_its_default_port(void) {
  struct flow flow;
  struct rig *rig = begin(&flow);
  via(rig, &flow, "INFO", "SIP/2.0/UDP Phone.example.com;branch=z9hG4bKx");
  expect_int(via(rig, &flow, "INFO", "SIP/2.0/UDP phone.EXAMPLE.com:5060 ;branch=z9hG4bKx").kind, ==,
             TRANSACTION_NEWS_NONE);
  expect_int(transaction_count(rig->layer), ==, 1);
  expect_int(rig->sent_count, ==, 0); /* absorbed, not refused as merged */
  rig_destroy(rig);
}

static void test_very_long_branches_are_told_apart_by_their_last_byte(void) {
  struct flow flow;
  struct rig *rig = begin(&flow);
  char value[2048];
  for (unsigned i = 0; i < 2; i++) {
    char call_id[16];
    snprintf(call_id, sizeof call_id, "long-%u", i);
    snprintf(value, sizeof value, "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bK%01500u%c", 0, 'a' + (int)i);
    const struct rig_request request = {.method = "INFO", .via = value, .call_id = call_id};
    expect_int(rig_request(rig, &flow, &request).kind, ==, TRANSACTION_NEWS_REQUEST);
    expect_int(rig_request(rig, &flow, &request).kind, ==, TRANSACTION_NEWS_NONE);
  }
  expect_int(rig->sent_count, ==, 0);
  rig_destroy(rig);
}

/* A stranger who guesses a branch in use only shares a hash chain with it, not its transaction. */
static void test_many_requests_of_one_branch_are_all_found(void) {
  struct flow flow = rig_flow(TRANSPORT_UDP, peer, 0);
  struct rig *rig = rig_create(256, 256);
  for (unsigned round = 0; round < 2; round++)
    for (unsigned i = 0; i < 150; i++) {
      char value[128], call_id[16];
      snprintf(value, sizeof value, "SIP/2.0/UDP 198.51.100.7:%u;branch=z9hG4bKsame", 5000 + i);
      snprintf(call_id, sizeof call_id, "c%u", i);
      const struct rig_request request = {.method = "INFO", .via = value, .call_id = call_id};
      expect_int(rig_request(rig, &flow, &request).kind, ==,
                 round == 0 ? TRANSACTION_NEWS_REQUEST : TRANSACTION_NEWS_NONE);
    }
  expect_int(rig->sent_count, ==, 0);
  rig_run(rig, 33000);
  expect_int(transaction_count(rig->layer), ==, 0);
  rig_destroy(rig);
}

/* --- RFC 2543 ---------------------------------------------------------------------------------------------------- */

static struct rig_request old_invite(void) {
  return (struct rig_request){.method = "INVITE", .via = "SIP/2.0/UDP 198.51.100.7:5070", .cseq = 5};
}

static void test_a_request_without_the_cookie_matches_by_all_its_parts(void) {
  struct flow flow;
  struct rig *rig = begin(&flow);
  struct rig_request request = old_invite();
  struct handle invite = rig_request(rig, &flow, &request).transaction;
  expect_int(rig_request(rig, &flow, &request).kind, ==, TRANSACTION_NEWS_NONE);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 100 Trying"));
  expect(!rig_contains(rig_last_sent(rig), "sip:dave@192.0.2.1"));
  struct rig_request others[6] = {request, request, request, request, request, request};
  others[0].uri = "sip:erin@192.0.2.1";
  others[1].to_tag = "other";
  others[2].from_tag = "other";
  others[3].call_id = "other";
  others[4].cseq = 6;
  others[5].via = "SIP/2.0/UDP 198.51.100.7:5071";
  for (unsigned i = 0; i < 6; i++) {
    enum transaction_news_kind kind = rig_request(rig, &flow, &others[i]).kind;
    bool is_merged = i == 0 || i == 5; /* 8.2.2.2: the rest of it is the same */
    expect_int(kind, ==, is_merged ? TRANSACTION_NEWS_NONE : TRANSACTION_NEWS_REQUEST);
    if (is_merged) expect(rig_contains(rig_last_sent(rig), "SIP/2.0 482 "));
  }
  expect_int(rig_state(rig, invite), ==, TRANSACTION_PROCEEDING);
  rig_destroy(rig);
}

static void test_the_ack_of_an_old_client_is_told_apart_by_the_responses_tag(void) {
  struct flow flow;
  struct rig *rig = begin(&flow);
  struct rig_request request = old_invite();
  struct handle invite = rig_request(rig, &flow, &request).transaction;
  rig_respond(rig, invite, 486);
  struct rig_request ack = request;
  ack.method = "ACK";
  ack.to_tag = "somebody";
  expect_int(rig_request(rig, &flow, &ack).kind, ==, TRANSACTION_NEWS_ACK);
  expect_int(rig_state(rig, invite), ==, TRANSACTION_COMPLETED);
  rig_request(rig, &flow, &request);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 486 "));
  ack.to_tag = "us";
  expect_int(rig_request(rig, &flow, &ack).kind, ==, TRANSACTION_NEWS_NONE);
  expect_int(rig_state(rig, invite), ==, TRANSACTION_CONFIRMED);
  rig_destroy(rig);
}

static void test_the_ack_of_an_old_clients_2xx_is_the_dialogs(void) {
  struct flow flow;
  struct rig *rig = begin(&flow);
  struct rig_request request = old_invite();
  struct handle invite = rig_request(rig, &flow, &request).transaction;
  rig_respond(rig, invite, 200);
  transaction_disown(rig->layer, invite);
  struct rig_request ack = request;
  ack.method = "ACK";
  ack.to_tag = "us";
  expect_int(rig_request(rig, &flow, &ack).kind, ==, TRANSACTION_NEWS_ACK);
  expect_int(rig_request(rig, &flow, &request).kind, ==, TRANSACTION_NEWS_NONE);
  rig_destroy(rig);
}

static void test_an_old_clients_cancel_finds_its_invite(void) {
  struct flow flow;
  struct rig *rig = begin(&flow);
  struct rig_request request = old_invite();
  struct handle invite = rig_request(rig, &flow, &request).transaction;
  struct rig_request cancel = request;
  cancel.method = "CANCEL";
  struct transaction_news news = rig_request(rig, &flow, &cancel);
  expect_int(news.kind, ==, TRANSACTION_NEWS_CANCEL);
  expect(handle_equal(news.transaction, invite));
  expect_int(rig_request(rig, &flow, &cancel).kind, ==, TRANSACTION_NEWS_NONE);
  expect_int(rig->counters.retransmissions_received, ==, 1);
  rig_destroy(rig);
}

/* --- merged requests (RFC 3261 8.2.2.2) -------------------------------------------------------------------------- */

static const char *const second_path = "SIP/2.0/UDP 198.51.100.8:5070;branch=z9hG4bKtwo";

static void test_the_same_request_by_another_path_is_answered_482(void) {
  struct flow flow;
  struct rig *rig = begin(&flow);
  struct handle invite = rig_request_of(rig, &flow, "INVITE").transaction;
  for (unsigned i = 0; i < 2; i++) {
    expect_int(via(rig, &flow, "INVITE", second_path).kind, ==, TRANSACTION_NEWS_NONE);
    expect(rig_contains(rig_last_sent(rig), "SIP/2.0 482 "));
  }
  expect(strcmp(rig->sent[1].text, rig->sent[2].text) == 0);
  rig_respond(rig, invite, 200);
  via(rig, &flow, "INVITE", second_path);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 482 "));
  expect_int(transaction_count(rig->layer), ==, 1);
  rig_destroy(rig);
}

static void test_a_second_try_after_a_failure_is_not_merged(void) {
  struct flow flow;
  struct rig *rig = begin(&flow);
  struct handle invite = rig_request_of(rig, &flow, "INVITE").transaction;
  rig_respond(rig, invite, 486);
  expect_int(via(rig, &flow, "INVITE", second_path).kind, ==, TRANSACTION_NEWS_REQUEST);
  rig_destroy(rig);
}

static void test_requests_inside_a_dialog_are_never_merged(void) {
  struct rig_request request = {.method = "INFO", .to_tag = "us"};
  struct flow flow;
  struct rig *rig = begin(&flow);
  expect_int(rig_request(rig, &flow, &request).kind, ==, TRANSACTION_NEWS_REQUEST);
  request.via = second_path;
  expect_int(rig_request(rig, &flow, &request).kind, ==, TRANSACTION_NEWS_REQUEST);
  rig_destroy(rig);
}

static void test_another_tag_call_id_number_or_method_is_another_request(void) {
  struct rig_request others[] = {{.method = "OPTIONS", .from_tag = "x"},
                                 {.method = "OPTIONS", .call_id = "x"},
                                 {.method = "OPTIONS", .cseq = 6},
                                 {.method = "MESSAGE"},
                                 {.method = "OTHER"},
                                 {.method = "FURTHER"}};
  struct flow flow;
  struct rig *rig = begin(&flow);
  rig_request_of(rig, &flow, "OPTIONS");
  for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
    char value[64];
    snprintf(value, sizeof value, "SIP/2.0/UDP 198.51.100.8;branch=z9hG4bK%u", i);
    others[i].via = value;
    expect_int(rig_request(rig, &flow, &others[i]).kind, ==, TRANSACTION_NEWS_REQUEST);
  }
  rig_destroy(rig);
}

/* --- room -------------------------------------------------------------------------------------------------------- */

static struct transaction_news numbered(struct rig *rig, const struct flow *flow, unsigned number, const char *to_tag) {
  char value[64], call_id[16];
  snprintf(value, sizeof value, "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bK%u", number);
  snprintf(call_id, sizeof call_id, "c%u", number);
  const struct rig_request request = {.method = "INVITE", .via = value, .call_id = call_id, .to_tag = to_tag};
  return rig_request(rig, flow, &request);
}

static void test_the_last_eighth_is_for_dialogs_and_our_own_requests(void) {
  struct flow flow = rig_flow(TRANSPORT_UDP, peer, 0);
  struct rig *rig = rig_create(16, 256);
  for (unsigned i = 0; i < 14; i++)
    expect_int(numbered(rig, &flow, i, NULL).kind, ==, TRANSACTION_NEWS_REQUEST);
  expect_int(numbered(rig, &flow, 14, NULL).kind, ==, TRANSACTION_NEWS_REFUSED);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 503 "));
  expect(rig_contains(rig_last_sent(rig), "\r\nRetry-After: "));
  expect_int(rig->counters.transactions_refused_full, ==, 1);
  expect_int(numbered(rig, &flow, 15, "dialog").kind, ==, TRANSACTION_NEWS_REQUEST);
  rig_send(rig, "OPTIONS", &flow);
  expect_int(transaction_count(rig->layer), ==, 16);
  expect_int(numbered(rig, &flow, 16, "dialog").kind, ==, TRANSACTION_NEWS_NONE);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 503 "));
  struct handle handle;
  struct str_view branch;
  expect_int(transaction_begin(rig->layer, &rig->context, SIP_METHOD_BYE, &flow, rig_owner, &handle, &branch), ==,
             RESULT_FULL);
  /* A retransmission and a CANCEL need no room of their own. */
  unsigned sent = rig->sent_count;
  expect_int(numbered(rig, &flow, 3, NULL).kind, ==, TRANSACTION_NEWS_NONE);
  expect_int(rig->sent_count, ==, sent + 1);
  const struct rig_request cancel = {
      .method = "CANCEL", .via = "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bK3", .call_id = "c3"};
  expect_int(rig_request(rig, &flow, &cancel).kind, ==, TRANSACTION_NEWS_CANCEL);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 200 OK"));
  rig_destroy(rig);
}

static void test_an_overloaded_worker_begins_nothing_new_and_finishes_what_it_began(void) {
  struct flow flow = rig_flow(TRANSPORT_UDP, peer, 0);
  struct rig *rig = rig_create(64, 64);
  expect_int(numbered(rig, &flow, 1, NULL).kind, ==, TRANSACTION_NEWS_REQUEST);
  rig->context.overloaded = true;
  unsigned before = transaction_count(rig->layer);
  expect_int(numbered(rig, &flow, 2, NULL).kind, ==, TRANSACTION_NEWS_REFUSED);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 503 "));
  expect(rig_contains(rig_last_sent(rig), "\r\nRetry-After: "));
  expect_int(transaction_count(rig->layer), ==, before);
  expect_int(rig->counters.overload_refused, ==, 1);
  rig->context.overloaded = false; /* its retransmission meets the same answer, and is not told again */
  expect_int(numbered(rig, &flow, 2, NULL).kind, ==, TRANSACTION_NEWS_NONE);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 503 "));
  rig->context.overloaded = true;
  expect_int(numbered(rig, &flow, 3, "dialog").kind, ==, TRANSACTION_NEWS_REQUEST);
  unsigned sent = rig->sent_count;
  expect_int(numbered(rig, &flow, 1, NULL).kind, ==, TRANSACTION_NEWS_NONE);
  expect_int(rig->sent_count, ==, sent + 1);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 100 "));
  rig_destroy(rig);
}

static void test_who_has_no_room_for_records_begins_no_call_and_registers_phones(void) {
  struct flow flow = rig_flow(TRANSPORT_UDP, peer, 0);
  struct rig *rig = rig_create(64, 64);
  struct rig_request registration = {.method = "REGISTER", .call_id = "c9"};
  rig->context.records_crowded = true;
  expect_int(numbered(rig, &flow, 2, NULL).kind, ==, TRANSACTION_NEWS_REFUSED);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 503 "));
  expect_int(numbered(rig, &flow, 3, "dialog").kind, ==, TRANSACTION_NEWS_REQUEST);
  expect_int(rig_request(rig, &flow, &registration).kind, ==, TRANSACTION_NEWS_REQUEST);
  rig_destroy(rig);
}

static void test_what_was_refused_for_overload_is_refused_again(void) {
  struct flow flow = rig_flow(TRANSPORT_UDP, peer, 0);
  struct rig *rig = rig_create(64, 64);
  rig->context.overloaded = true;
  expect_int(numbered(rig, &flow, 1, NULL).kind, ==, TRANSACTION_NEWS_REFUSED);
  rig->context.overloaded = false;
  rig_run(rig, 31000);
  expect_int(numbered(rig, &flow, 1, NULL).kind, ==, TRANSACTION_NEWS_NONE);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 503 "));
  expect_int(numbered(rig, &flow, 2, NULL).kind, ==, TRANSACTION_NEWS_REQUEST);
  rig_run(rig, 1000);
  expect_int(numbered(rig, &flow, 1, NULL).kind, ==, TRANSACTION_NEWS_REQUEST);
  rig_destroy(rig);
}

static void test_without_blocks_nothing_breaks(void) {
  struct flow flow = rig_flow(TRANSPORT_UDP, peer, 0);
  struct rig *rig = rig_create(16, 0);
  expect_int(numbered(rig, &flow, 1, NULL).kind, ==, TRANSACTION_NEWS_REFUSED);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 503 "));
  struct handle handle;
  struct str_view branch;
  expect_int(transaction_begin(rig->layer, &rig->context, SIP_METHOD_BYE, &flow, rig_owner, &handle, &branch), ==,
             RESULT_OK);
  expect_int(transaction_send(rig->layer, &rig->context, handle, STR_VIEW("BYE sip:x SIP/2.0\r\n\r\n")), ==,
             RESULT_FULL);
  rig_end_event(rig);
  expect_int(transaction_count(rig->layer), ==, 0);
  rig_destroy(rig);
}

static void test_a_response_without_room_is_sent_and_not_kept(void) {
  struct flow flow = rig_flow(TRANSPORT_UDP, peer, 0);
  struct rig *rig = rig_create(64, 1);
  struct handle invites[BLOCK_STORE_CLASSES];
  for (unsigned i = 0; i < BLOCK_STORE_CLASSES; i++)
    invites[i] = numbered(rig, &flow, i, NULL).transaction;
  expect_int(rig_respond(rig, invites[0], 486), ==, RESULT_FULL);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 486 "));
  expect_int(rig_state(rig, invites[0]), ==, TRANSACTION_COMPLETED);
  rig_run(rig, 600);
  expect(rig_contains(rig_last_sent(rig), "SIP/2.0 486 "));
  const struct rig_request ack = {
      .method = "ACK", .via = "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bK0", .call_id = "c0", .to_tag = "us"};
  expect_int(rig_request(rig, &flow, &ack).kind, ==, TRANSACTION_NEWS_NONE);
  expect_int(rig_state(rig, invites[0]), ==, TRANSACTION_CONFIRMED);
  rig_destroy(rig);
}

TAP_TESTS(TAP(test_branch_sent_by_and_method_make_the_transaction),
          TAP(test_sent_by_compares_without_case_and_with_its_default_port),
          TAP(test_very_long_branches_are_told_apart_by_their_last_byte),
          TAP(test_many_requests_of_one_branch_are_all_found),
          TAP(test_a_request_without_the_cookie_matches_by_all_its_parts),
          TAP(test_the_ack_of_an_old_client_is_told_apart_by_the_responses_tag),
          TAP(test_the_ack_of_an_old_clients_2xx_is_the_dialogs), TAP(test_an_old_clients_cancel_finds_its_invite),
          TAP(test_the_same_request_by_another_path_is_answered_482),
          TAP(test_a_second_try_after_a_failure_is_not_merged), TAP(test_requests_inside_a_dialog_are_never_merged),
          TAP(test_another_tag_call_id_number_or_method_is_another_request),
          TAP(test_the_last_eighth_is_for_dialogs_and_our_own_requests),
          TAP(test_an_overloaded_worker_begins_nothing_new_and_finishes_what_it_began),
          TAP(test_who_has_no_room_for_records_begins_no_call_and_registers_phones),
          TAP(test_what_was_refused_for_overload_is_refused_again), TAP(test_without_blocks_nothing_breaks),
          TAP(test_a_response_without_room_is_sent_and_not_kept))
