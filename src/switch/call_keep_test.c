/* What the journal is told of calls, and what is left of them when the switch is killed. */
#include "switch/switch_bench.h"

/* The record that a call gets that was open when the switch was killed now. */
static struct cdr_record record_after_kill(struct bench *bench) {
  static char memory[8192];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  struct cdr_record record;
  expect_int(call_kept_record(str_view_of(bench->state, bench->state_length),
                              str_view_of(bench->note, bench->note_length), &builder),
             ==, RESULT_OK);
  expect_int(cdr_record_decode(text_builder_view(&builder), &record), ==, RESULT_OK);
  return record;
}

static void test_an_answered_call_leaves_a_record_when_the_switch_is_killed(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  bench_advance(bench, 1000);
  expect_int(bench->journal_puts, ==, 0);
  peer_skip(callee);
  peer_respond(callee, 200, ANSWER);
  expect_int(bench->journal_puts, ==, 1);
  struct cdr_record record = record_after_kill(bench);
  expect(journal_key_equal(cdr_record_key_of_id(record.id), bench->journal_key));
  expect_view(record.state, "ended");
  expect_view(record.end_reason, "switch_restart");
  expect_view(record.caller, "900");
  expect_view(record.callee, "4420");
  expect_view(record.callee_device, "vendor-a");
  expect(record.answered_at.value > 0 && record.ended_at.value == record.answered_at.value);
  expect_int(record.hold_time_ms, ==, 0);
  expect_int(record.setup_ms, ==, 1000);
  char id[64];
  snprintf(id, sizeof id, "%.*s", (int)record.id.length, record.id.data);
  peer_skip(caller);
  peer_ack(caller, NULL);
  peer_expect(callee, "ACK");
  bench_hang_up(caller, callee);
  expect_record(bench, "normal");
  expect_view(bench->records[0].id, id); /* the same id: whichever comes second changes nothing */
  bench_end(bench);
}

static void test_only_the_200_of_the_answer_waits_for_the_journal(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  unsigned waiting = 0;
  for (unsigned i = 0; i < bench->sent_count; i++) {
    if (!bench->sent[i].waits) continue;
    waiting++;
    expect(begins_as(bench->sent[i].text, "200"));
    expect(flow_equal(&bench->sent[i].flow, &caller->flow));
  }
  expect_int(waiting, ==, 1);
  bench_hang_up(caller, callee);
  bench_end(bench);
}

static void test_proofs_of_life_are_noted_now_and_then(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  expect_int(bench->journal_notes, ==, 0);
  bench_advance(bench, 60000);
  int64_t now_us = bench->context.wall_now.value;
  peer_request(callee, "OPTIONS", NULL);
  peer_expect(callee, "200");
  expect_int(bench->journal_notes, ==, 1);
  peer_request(callee, "OPTIONS", NULL);
  peer_expect(callee, "200");
  expect_int(bench->journal_notes, ==, 1);
  struct cdr_record record = record_after_kill(bench);
  expect_int(record.ended_at.value, ==, now_us);
  expect_int(record.hold_time_ms, ==, 60000);
  expect_view(record.last_alive_by, "callee: OPTIONS");
  bench_hang_up(caller, callee);
  bench_end(bench);
}

static void test_attempts_that_are_not_answered_are_not_kept(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 486, NULL);
  peer_expect(callee, "ACK");
  peer_expect(caller, "486");
  peer_ack(caller, NULL);
  expect_record(bench, "busy");
  expect_int(bench->journal_puts + bench->journal_notes, ==, 0);
  bench_end(bench);
}

static void test_what_is_no_state_of_a_call_is_refused(void) {
  char memory[1024];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  expect_int(call_kept_record(STR_VIEW(""), STR_VIEW(""), &builder), ==, RESULT_MALFORMED);
  expect_int(call_kept_record(STR_VIEW("\x07xxxxxxxx"), STR_VIEW(""), &builder), ==, RESULT_MALFORMED);
  expect_int(call_kept_record(STR_VIEW("\x01\xff\xff\x00\x00zz"), STR_VIEW(""), &builder), ==, RESULT_MALFORMED);
}

TAP_TESTS(TAP(test_an_answered_call_leaves_a_record_when_the_switch_is_killed),
          TAP(test_only_the_200_of_the_answer_waits_for_the_journal), TAP(test_proofs_of_life_are_noted_now_and_then),
          TAP(test_attempts_that_are_not_answered_are_not_kept), TAP(test_what_is_no_state_of_a_call_is_refused))
