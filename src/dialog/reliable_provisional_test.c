/* RFC 3262, sentence by sentence. */
#include "dialog/dialog_fixture.h"

static struct str_view build_ringing(struct world *world, struct handle dialog, struct handle transaction) {
  struct text_builder builder = arena_builder(&world->arena, 4096);
  expect_int(dialog_build_response(world->table, &world->context, dialog, transaction, SIP_METHOD_INVITE, 180,
                                   (struct str_view){0}, &builder),
             ==, RESULT_OK);
  sip_build_header(&builder, SIP_HEADER_REQUIRE, world_view("100rel"));
  sip_build_end(&builder, world_view("application/sdp"), world_view("v=0\r\n\r\nx\r\n"));
  return text_builder_view(&builder);
}

static enum result send_reliable(struct world *world, struct handle dialog, struct handle transaction) {
  struct str_view response = build_ringing(world, dialog, transaction);
  return dialog_send_reliable(world->table, &world->context, dialog, transaction, 180, response);
}

/* A reliable 180 is out; its RSeq. */
static uint32_t ring_reliably(struct world *world, struct handle dialog, struct handle transaction) {
  uint32_t rseq = 0;
  expect_int(send_reliable(world, dialog, transaction), ==, RESULT_OK);
  dialog_note_response_sent(world->table, dialog, 180);
  expect(str_view_to_u32(sip_message_header(sent(world), SIP_HEADER_RSEQ), &rseq));
  return rseq;
}

static enum result prack(struct world *world, struct handle dialog, uint32_t rseq, uint32_t cseq, const char *method) {
  char lines[128];
  snprintf(lines, sizeof lines, "RAck: %u %u %s\n", rseq, cseq, method);
  return dialog_receive_prack(world->table, dialog, alice_requests(world, dialog, "PRACK", 101, lines));
}

static void test_a_reliable_response_has_rseq_and_keeps_its_body(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_calls(world, alice_contact, &transaction);
  expect_int(send_reliable(world, dialog, transaction), ==, RESULT_OK);
  const struct sip_message *response = sent(world);
  uint32_t rseq = 0;
  expect_int(response->status, ==, 180);
  expect_header(response, REQUIRE, "100rel");
  expect(str_view_to_u32(sip_message_header(response, SIP_HEADER_RSEQ), &rseq));
  expect_int(rseq, >=, 1);
  expect_int(rseq, <=, 0x7fffffff);
  expect_view(response->body, "v=0\r\n\r\nx\r\n");
  expect(dialog_provisional_is_pending(world->table, dialog));
  world_end(world);
}

/* §3: T1, then doubling without the cap that 2xx have, for 64*T1. */
static void test_it_is_resent_after_t1_doubling_until_64_t1(void) {
  static const int64_t resends_ms[] = {500, 1500, 3500, 7500, 15500, 31500};
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_calls(world, alice_contact, &transaction);
  struct mono_ms start = world->context.now, again;
  ring_reliably(world, dialog, transaction);
  next_event(world);
  expect_int(dialog_provisional_due(world->table, &world->context, dialog, &again), ==, RESULT_OK);
  for (size_t i = 0; i < sizeof resends_ms / sizeof resends_ms[0]; i++) {
    expect(nothing_sent(world));
    expect_int(mono_ms_since(again, start), ==, resends_ms[i]);
    world->context.now = again;
    next_event(world);
    expect_int(dialog_provisional_due(world->table, &world->context, dialog, &again), ==, RESULT_OK);
    expect_int(sent(world)->status, ==, 180);
  }
  expect_int(mono_ms_since(again, start), ==, 32000);
  world->context.now = again;
  next_event(world);
  expect_int(dialog_provisional_due(world->table, &world->context, dialog, &again), ==, RESULT_TIMED_OUT);
  expect(nothing_sent(world));
  expect_int(dialog_provisional_due(world->table, &world->context, dialog, &again), ==, RESULT_NOT_FOUND);
  world_end(world);
}

static void test_resending_repeats_the_same_bytes(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_calls(world, alice_contact, &transaction);
  struct mono_ms again;
  expect_int(send_reliable(world, dialog, transaction), ==, RESULT_OK);
  world->context.now = mono_ms_add(world->context.now, 500);
  expect_int(dialog_provisional_due(world->table, &world->context, dialog, &again), ==, RESULT_OK);
  expect_int(world->outbox.entry_count, ==, 2);
  expect(str_view_equal(world->outbox.entries[0].bytes, world->outbox.entries[1].bytes));
  world_end(world);
}

static void test_a_matching_prack_ends_the_resending(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_calls(world, alice_contact, &transaction);
  struct mono_ms again;
  uint32_t rseq = ring_reliably(world, dialog, transaction);
  expect_int(prack(world, dialog, rseq, 100, "INVITE"), ==, RESULT_OK);
  expect(!dialog_provisional_is_pending(world->table, dialog));
  expect_int(dialog_provisional_due(world->table, &world->context, dialog, &again), ==, RESULT_NOT_FOUND);
  expect_int(prack(world, dialog, rseq, 100, "INVITE"), ==, RESULT_NOT_FOUND);
  world_end(world);
}

static void test_a_prack_must_match_in_all_three_parts(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_calls(world, alice_contact, &transaction);
  expect_int(prack(world, dialog, 1, 100, "INVITE"), ==, RESULT_NOT_FOUND);
  uint32_t rseq = ring_reliably(world, dialog, transaction);
  expect_int(prack(world, dialog, rseq + 1, 100, "INVITE"), ==, RESULT_NOT_FOUND);
  expect_int(prack(world, dialog, rseq, 99, "INVITE"), ==, RESULT_NOT_FOUND);
  expect_int(prack(world, dialog, rseq, 100, "UPDATE"), ==, RESULT_NOT_FOUND);
  const struct sip_message *bare = alice_requests(world, dialog, "PRACK", 101, "");
  expect_int(dialog_receive_prack(world->table, dialog, bare), ==, RESULT_NOT_FOUND);
  expect(dialog_provisional_is_pending(world->table, dialog));
  world_end(world);
}

static void test_one_at_a_time(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_calls(world, alice_contact, &transaction);
  ring_reliably(world, dialog, transaction);
  next_event(world);
  expect_int(send_reliable(world, dialog, transaction), ==, RESULT_WRONG_STATE);
  expect(nothing_sent(world));
  world_end(world);
}

static void test_rseq_rises_by_exactly_one(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_calls(world, alice_contact, &transaction);
  uint32_t first = ring_reliably(world, dialog, transaction);
  for (uint32_t i = 1; i < 4; i++) {
    expect_int(prack(world, dialog, first + i - 1, 100, "INVITE"), ==, RESULT_OK);
    next_event(world);
    expect_int(ring_reliably(world, dialog, transaction), ==, first + i);
  }
  world_end(world);
}

static void test_a_reliable_response_to_a_reinvite_is_matched_by_the_reinvites_number(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_calls(world, alice_contact, &transaction);
  struct flow flow = udp_from("198.51.100.7:5060");
  uint32_t first = ring_reliably(world, dialog, transaction);
  respond(world, dialog, transaction, SIP_METHOD_INVITE, 200);
  const struct sip_message *reinvite =
      alice_requests(world, dialog, "INVITE", 102, "Contact: <sip:alice@new.example>\n");
  expect_int(take_request(world, dialog, reinvite, &flow, &transaction), ==, RESULT_OK);
  expect_int(take_request(world, dialog, alice_requests(world, dialog, "INFO", 103, ""), &flow, NULL), ==, RESULT_OK);
  next_event(world);
  uint32_t second = ring_reliably(world, dialog, transaction);
  expect_int(second, !=, first + 1); /* a number space of its own (§3) */
  expect_int(prack(world, dialog, second, 102, "INVITE"), ==, RESULT_OK);
  expect_view(dialog_remote_target(world->table, dialog), "sip:alice@new.example"); /* RFC 6141 §4.6 */
  world_end(world);
}

/* §3: the PRACK matches by the number of the INVITE, whatever requests came since. */
static void test_other_requests_meanwhile_do_not_disturb_the_match(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_calls(world, alice_contact, &transaction);
  struct flow flow = udp_from("198.51.100.7:5060");
  uint32_t rseq = ring_reliably(world, dialog, transaction);
  const struct sip_message *info = alice_requests(world, dialog, "INFO", 150, "");
  expect_int(take_request(world, dialog, info, &flow, NULL), ==, RESULT_OK);
  expect_int(prack(world, dialog, rseq, 100, "INVITE"), ==, RESULT_OK);
  world_end(world);
}

static void test_a_final_response_ends_the_resending_but_a_late_prack_is_welcome(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_calls(world, alice_contact, &transaction);
  struct mono_ms again;
  uint32_t rseq = ring_reliably(world, dialog, transaction);
  respond(world, dialog, transaction, SIP_METHOD_INVITE, 200);
  expect(!dialog_provisional_is_pending(world->table, dialog));
  expect_int(dialog_provisional_due(world->table, &world->context, dialog, &again), ==, RESULT_NOT_FOUND);
  expect_int(prack(world, dialog, rseq, 100, "INVITE"), ==, RESULT_OK);
  world_end(world);
}

static void test_nothing_is_left_of_reliable_responses(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_calls(world, alice_contact, &transaction);
  uint64_t before = world->blocks.bytes_used;
  uint32_t rseq = ring_reliably(world, dialog, transaction);
  expect_int(prack(world, dialog, rseq, 100, "INVITE"), ==, RESULT_OK);
  next_event(world);
  ring_reliably(world, dialog, transaction);
  dialog_destroy(world->table, &world->context, dialog);
  expect_int(dialog_count(world->table), ==, 0);
  expect_int(world->blocks.bytes_used, <=, before + 512); /* what the transaction keeps */
  world_end(world);
}

/* --- as UAC ------------------------------------------------------------------------------------------------------ */

static enum result check(struct world *world, struct handle dialog, unsigned branch, const char *status_line,
                         const char *tag, const char *lines) {
  const struct sip_message *response = response_of_carol(world, dialog, status_line, tag, "1 INVITE", lines);
  return dialog_check_reliable(world->table, dialog, branch, response);
}

static void test_reliable_responses_are_taken_in_order_only(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  carol_responds(world, dialog, "183 Session Progress", "c1", "1 INVITE", carol_contact);
  expect_int(check(world, dialog, 0, "183 P", "c1", "Require: 100rel\nRSeq: 7\n"), ==, RESULT_OK);
  expect_int(check(world, dialog, 0, "183 P", "c1", "Require: 100rel\nRSeq: 7\n"), ==, RESULT_EXISTS);
  expect_int(check(world, dialog, 0, "180 R", "c1", "Require: 100rel\nRSeq: 9\n"), ==, RESULT_EXISTS);
  expect_int(check(world, dialog, 0, "180 R", "c1", "Require: 100rel\nRSeq: 8\n"), ==, RESULT_OK);
  expect_int(check(world, dialog, 0, "180 R", "c1", "Require: timer, 100rel\nRSeq: 9\n"), ==, RESULT_OK);
  world_end(world);
}

static void test_a_hundred_or_an_unreliable_response_is_not_to_be_acknowledged(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  carol_responds(world, dialog, "180 Ringing", "c1", "1 INVITE", carol_contact);
  expect_int(check(world, dialog, 0, "100 Trying", "c1", "Require: 100rel\nRSeq: 7\n"), ==, RESULT_UNSUPPORTED);
  expect_int(check(world, dialog, 0, "180 Ringing", "c1", "RSeq: 7\n"), ==, RESULT_UNSUPPORTED);
  expect_int(check(world, dialog, 0, "200 OK", "c1", "Require: 100rel\nRSeq: 7\n"), ==, RESULT_UNSUPPORTED);
  expect_int(check(world, dialog, 0, "180 Ringing", "c1", "Require: 100rel\n"), ==, RESULT_MALFORMED);
  expect_int(check(world, dialog, 0, "180 Ringing", "c1", "Require: 100rel\nRSeq: 0\n"), ==, RESULT_MALFORMED);
  world_end(world);
}

static void test_each_branch_of_a_fork_counts_for_itself(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  expect_int(carol_responds(world, dialog, "180 Ringing", "c1", "1 INVITE", carol_contact), ==, 0);
  expect_int(carol_responds(world, dialog, "180 Ringing", "c2", "1 INVITE", carol_contact), ==, 1);
  expect_int(check(world, dialog, 0, "180 R", "c1", "Require: 100rel\nRSeq: 7\n"), ==, RESULT_OK);
  expect_int(check(world, dialog, 1, "180 R", "c2", "Require: 100rel\nRSeq: 7000\n"), ==, RESULT_OK);
  expect_int(check(world, dialog, 0, "180 R", "c1", "Require: 100rel\nRSeq: 8\n"), ==, RESULT_OK);
  expect_int(check(world, dialog, 2, "180 R", "c3", "Require: 100rel\nRSeq: 8\n"), ==, RESULT_NOT_FOUND);
  world_end(world);
}

static void test_prack_goes_to_its_branch_with_rack(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world), transaction;
  carol_responds(world, dialog, "180 Ringing", "c1", "1 INVITE", carol_contact);
  carol_responds(world, dialog, "180 Ringing", "c2", "1 INVITE", "Contact: <sip:carol@203.0.113.10>\n");
  const struct sip_message *response =
      response_of_carol(world, dialog, "180 Ringing", "c2", "1 INVITE", "Require: 100rel\nRSeq: 4294967295\n");
  struct dialog_request request = {.extra_headers = world_view("X-One: 1\r\n")};
  expect_int(dialog_send_prack(world->table, &world->context, dialog, 1, response, &request, &transaction), ==,
             RESULT_OK);
  const struct sip_message *message = sent(world);
  expect_view(message->method_text, "PRACK");
  expect_view(message->request_uri, "sip:carol@203.0.113.10");
  expect_view(message->to_tag, "c2");
  expect_header(message, RACK, "4294967295 1 INVITE");
  expect_header(message, CSEQ, "2 PRACK");
  expect_view(sip_message_other_header(message, world_view("X-One")), "1");
  expect_remote(&world->sent_flow, "203.0.113.10:5060");
  world_end(world);
}

static void test_a_new_invite_begins_a_new_count(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, carol_contact);
  expect_int(send_request(world, dialog, SIP_METHOD_INVITE), ==, RESULT_OK);
  expect_int(check(world, dialog, 0, "183 P", "c1", "Require: 100rel\nRSeq: 7\n"), ==, RESULT_OK);
  expect_int(send_request(world, dialog, SIP_METHOD_INVITE), ==, RESULT_OK);
  expect_int(check(world, dialog, 0, "183 P", "c1", "Require: 100rel\nRSeq: 3\n"), ==, RESULT_OK);
  world_end(world);
}

TAP_TESTS(TAP(test_a_reliable_response_has_rseq_and_keeps_its_body),
          TAP(test_it_is_resent_after_t1_doubling_until_64_t1), TAP(test_resending_repeats_the_same_bytes),
          TAP(test_a_matching_prack_ends_the_resending), TAP(test_a_prack_must_match_in_all_three_parts),
          TAP(test_one_at_a_time), TAP(test_rseq_rises_by_exactly_one),
          TAP(test_a_reliable_response_to_a_reinvite_is_matched_by_the_reinvites_number),
          TAP(test_other_requests_meanwhile_do_not_disturb_the_match),
          TAP(test_a_final_response_ends_the_resending_but_a_late_prack_is_welcome),
          TAP(test_nothing_is_left_of_reliable_responses), TAP(test_reliable_responses_are_taken_in_order_only),
          TAP(test_a_hundred_or_an_unreliable_response_is_not_to_be_acknowledged),
          TAP(test_each_branch_of_a_fork_counts_for_itself), TAP(test_prack_goes_to_its_branch_with_rack),
          TAP(test_a_new_invite_begins_a_new_count))
