/* What the journal is told of calls, and what is left of them when the switch is killed. */
#include "call/call_private.h"
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

static void bench_switch_timers_off(struct bench *bench) {
  bench->parameters.SS_SIP_SESSION_TTL = 0;
  bench->parameters.BF_NO_TIMER_PROBE = NO_TIMER_PROBE_OFF;
}

/* Both legs have a timer of 600 s, which we refresh by UPDATE. */
static void bench_connect_timed(struct bench *bench, struct peer *caller, struct peer *callee) {
  (void)bench;
  peer_add(caller, "Supported: timer\r\nAllow: INVITE, ACK, BYE, UPDATE\r\n");
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_add(callee, "Supported: timer\r\nSession-Expires: 600;refresher=uac\r\nAllow: INVITE, ACK, BYE, UPDATE\r\n");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
}

static void bench_answer_refresh(struct peer *peer) {
  if (!peer_next(peer)) return;
  peer_expect(peer, "UPDATE");
  peer_add(peer, "Session-Expires: 600;refresher=uac\r\nSupported: timer\r\n");
  peer_reply(peer, 200, NULL);
}

static void test_an_answered_call_leaves_a_record_when_the_switch_is_killed(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  bench_advance(bench, 1000);
  expect_int(bench->journal_puts, ==, 1); /* the attempt */
  peer_skip(callee);
  peer_respond(callee, 200, ANSWER);
  expect_int(bench->journal_puts, ==, 2);
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

static void test_only_answer_its_ack_and_the_end_of_bye_wait_for_the_journal(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  bench_hang_up(caller, callee);
  unsigned waiting = 0, acks = 0;
  for (unsigned i = 0; i < bench->sent_count; i++) {
    if (!bench->sent[i].waits) continue;
    waiting++;
    bool is_ack = begins_as(bench->sent[i].text, "ACK");
    acks += is_ack;
    expect(is_ack || begins_as(bench->sent[i].text, "200"));
    expect(flow_equal(&bench->sent[i].flow, is_ack ? &callee->flow : &caller->flow));
  }
  expect_int(waiting, ==, 3);
  expect_int(acks, ==, 1);
  bench_end(bench);
}

static void test_what_answers_a_repeated_bye_waits_as_the_first_answer_does(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  peer_request(caller, "BYE", NULL);
  peer_expect(caller, "200");
  peer_send_request(caller, "BYE", caller->cseq, caller->last_branch, NULL);
  peer_expect(caller, "200");
  expect(bench->sent[bench->sent_count - 1].waits);
  peer_expect(callee, "BYE");
  peer_reply(callee, 200, NULL);
  bench_end(bench);
}

static void test_proofs_of_life_are_noted_now_and_then(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  expect_int(bench->journal_notes, ==, 2); /* the callee's first response, the caller's ACK */
  bench_advance(bench, 60000);
  int64_t now_us = bench->context.wall_now.value;
  peer_request(callee, "OPTIONS", NULL);
  peer_expect(callee, "200");
  expect_int(bench->journal_notes, ==, 3);
  peer_request(callee, "OPTIONS", NULL);
  peer_expect(callee, "200");
  expect_int(bench->journal_notes, ==, 3);
  struct cdr_record record = record_after_kill(bench);
  expect_int(record.ended_at.value, ==, now_us);
  expect_int(record.hold_time_ms, ==, 60000);
  expect_view(record.last_alive_by, "callee: OPTIONS");
  bench_hang_up(caller, callee);
  bench_end(bench);
}

/* It cannot go on, but it has been made; call_cut_off_test.c. */
static void test_an_attempt_that_is_not_answered_leaves_a_record_when_the_switch_is_killed(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  expect_int(bench->journal_puts, ==, 1);
  expect_int(bench->journal_haste, ==, JOURNAL_SOON);
  expect(bench->state_length < 1200);
  struct cdr_record record = record_after_kill(bench);
  expect(journal_key_equal(cdr_record_key_of_id(record.id), bench->journal_key));
  expect_view(record.state, "ended");
  expect_view(record.end_reason, "switch_restart");
  expect_view(record.caller, "900");
  expect_view(record.callee, "4420");
  expect_view(record.caller_device, "customer");
  expect_view(record.callee_device, "vendor-a");
  expect_view(record.caller_call_id, "call-0@peer");
  expect(record.answered_at.value == 0 && record.ended_at.value >= record.started_at.value);
  expect_int(record.hold_time_ms, ==, CDR_NUMBER_NONE);
  bench_end(bench);
}

static void test_an_attempt_is_kept_with_its_invite_and_its_first_response(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 180, NULL);
  peer_expect(caller, "180");
  peer_respond(callee, 486, NULL);
  peer_expect(callee, "ACK");
  peer_expect(caller, "486");
  peer_ack(caller, NULL);
  expect_record(bench, "busy");
  expect_int(bench->journal_puts, ==, 1);
  expect_int(bench->journal_notes, ==, 1);
  expect_int(bench->journal_owed, ==, 0);
  bench_end(bench);
}

static void test_each_refresh_moves_the_end_that_is_kept(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect_timed(bench, caller, callee);
  unsigned notes = bench->journal_notes;
  for (unsigned s = 0; s < 310; s++) {
    bench_advance(bench, 1000);
    bench_answer_refresh(caller);
    bench_answer_refresh(callee);
  }
  expect_int(bench->journal_notes, >=, notes + 2);
  expect_int(bench->journal_notes, <=, notes + 4);
  struct kept_note note = call_kept_note_read(str_view_of(bench->note, bench->note_length));
  int64_t now_ms = bench->context.wall_now.value / 1000;
  for (unsigned side = 0; side < 2; side++) {
    expect_int(note.session_end_ms[side] - now_ms, >, 580000);
    expect_int(note.session_end_ms[side] - now_ms, <=, 600000);
  }
  bench_hang_up(caller, callee);
  bench_end(bench);
}

static void test_what_is_no_state_of_a_call_is_refused(void) {
  char memory[1024];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  expect_int(call_kept_record(STR_VIEW(""), STR_VIEW(""), &builder), ==, RESULT_MALFORMED);
  expect_int(call_kept_record(STR_VIEW("\x07xxxxxxxx"), STR_VIEW(""), &builder), ==, RESULT_MALFORMED);
  expect_int(call_kept_record(STR_VIEW("\x02\xff\xff\x00\x00zz"), STR_VIEW(""), &builder), ==, RESULT_MALFORMED);
}

/* --- taking up --------------------------------------------------------------------------------------------------- */

static void test_a_call_goes_on_after_a_restart_and_ends_as_it_would_have(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  bench_advance(bench, 10000);
  peer_skip(caller);
  expect_int(bench_restart(bench, 5000), ==, RESULT_OK);
  struct switch_core_counts counts;
  switch_core_count(bench->core, &bench->context, &counts);
  expect_int(counts.calls, ==, 1);
  expect_int(counts.calls_answered, ==, 1);
  unsigned used = 0;
  for (unsigned i = 0; i < BENCH_USAGE_MAX; i++)
    used += bench->usage[i];
  expect_int(used, ==, 2);
  bench_advance(bench, 5000);
  peer_skip(caller); /* probes */
  peer_skip(callee);
  bench_hang_up(callee, caller);
  expect_record(bench, "normal");
  const struct cdr_record *record = &bench->records[0];
  expect(journal_key_equal(cdr_record_key_of_id(record->id), bench->journal_key));
  expect_view(record->end_direction, "callee");
  expect_view(record->caller, "900");
  expect_view(record->caller_device, "customer");
  expect_view(record->callee_device, "vendor-a");
  expect_view(record->caller_call_id, "call-0@peer");
  expect_int(record->hold_time_ms, ==, 20000);
  expect_int(record->ended_at.value - record->answered_at.value, ==, 20000000);
  bench_end(bench);
}

/* Soon: what went while the switch was away shall not stand in the list for long. */
static void test_both_legs_are_proved_alive_after_a_restart(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect_timed(bench, caller, callee);
  expect_int(bench_restart(bench, 1000), ==, RESULT_OK);
  bool caller_asked = false, callee_asked = false;
  bench_advance(bench, 4990);
  peer_expect_nothing(caller);
  for (unsigned s = 0; s < 2; s++) {
    bench_advance(bench, 1000);
    const struct bench_message *to_caller = peer_next(caller), *to_callee = peer_next(callee);
    if (to_caller && !caller_asked) {
      caller_asked = true;
      peer_expect(caller, "UPDATE");
      unsigned long cseq = strtoul(header_of(caller->got, "CSeq"), NULL, 10);
      expect_int(cseq, >, 1000); /* raised: what was sent before the restart is not known to the number */
      peer_reply(caller, 200, NULL);
    }
    if (to_callee && !callee_asked) {
      callee_asked = true;
      peer_expect(callee, "UPDATE");
      peer_reply(callee, 200, NULL);
    }
  }
  expect(caller_asked && callee_asked);
  peer_skip(caller);
  peer_skip(callee);
  bench_hang_up(caller, callee);
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_a_call_whose_ends_went_meanwhile_ends_with_its_last_proof_of_life(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  int64_t last_alive_us = bench->context.wall_now.value;
  expect_int(bench_restart(bench, 3600 * 1000), ==, RESULT_OK);
  for (unsigned s = 0; s < 700 && bench->record_count == 0; s++) {
    bench_advance(bench, 1000);
    peer_skip(caller);
    peer_skip(callee);
  }
  expect_int(bench->record_count, ==, 1);
  expect_view(bench->records[0].end_reason, "switch_restart");
  expect_int(bench->records[0].ended_at.value, ==, last_alive_us);
  expect_int(bench->records[0].hold_time_ms, ==, 0);
  bench_end(bench);
}

/* What is in force on the callee's leg, as it is known now. */
static struct session_terms callee_terms(struct bench *bench) {
  uint32_t index = 0;
  const struct call_leg *leg;
  while ((leg = pool_next(&bench->core->calls->legs, &index)) != NULL)
    if (leg->side == CALL_CALLEE) return session_timer_terms(&leg->session_timer);
  return (struct session_terms){0};
}

/* Until the switch refreshes the callee's leg; the caller's is answered as ever. */
static void bench_await_refresh(struct bench *bench, struct peer *caller, struct peer *callee) {
  for (unsigned s = 0; s < 600 && !peer_next(callee); s++) {
    bench_advance(bench, 1000);
    bench_answer_refresh(caller);
  }
  peer_expect(callee, "UPDATE");
}

static void test_an_interval_that_the_peer_changes_in_its_2xx_outlives_the_switch(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect_timed(bench, caller, callee);
  bench_await_refresh(bench, caller, callee);
  peer_add(callee, "Session-Expires: 120;refresher=uac\r\nSupported: timer\r\n");
  peer_reply(callee, 200, NULL);
  unsigned puts = bench->journal_puts;
  expect_int(bench_restart(bench, 1000), ==, RESULT_OK);
  expect_int(callee_terms(bench).interval_s, ==, 120);
  bench_await_refresh(bench, caller, callee);
  peer_add(callee, "Session-Expires: 120;refresher=uac\r\nSupported: timer\r\n");
  peer_reply(callee, 200, NULL);
  expect_int(bench->journal_puts, ==, puts); /* nothing has changed */
  peer_skip(caller);
  peer_skip(callee);
  bench_hang_up(caller, callee);
  bench_end(bench);
}

static void test_a_session_that_begins_in_mid_call_outlives_the_switch(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench->parameters.SS_SIP_SESSION_TTL = 0;
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_add(callee, "Supported: timer\r\nAllow: INVITE, ACK, BYE, UPDATE\r\n");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  bench->parameters.SS_SIP_SESSION_TTL = 600;
  call_table_changed(bench->core->calls, &bench->context);
  for (unsigned s = 0; s < 310 && !peer_next(callee); s++) {
    bench_advance(bench, 1000);
    if (peer_next(caller)) peer_expect(caller, "OPTIONS"), peer_reply(caller, 200, NULL);
  }
  peer_expect(callee, "UPDATE");
  peer_add(callee, "Session-Expires: 600;refresher=uac\r\nSupported: timer\r\n");
  peer_reply(callee, 200, NULL);
  expect_int(callee_terms(bench).role, ==, SESSION_ROLE_OURS);
  expect_int(bench_restart(bench, 1000), ==, RESULT_OK);
  expect_int(callee_terms(bench).role, ==, SESSION_ROLE_OURS);
  expect_int(callee_terms(bench).interval_s, ==, 600);
  bench_advance(bench, 7000);
  peer_skip(caller);
  peer_expect(callee, "UPDATE");
  peer_reply(callee, 200, NULL);
  peer_skip(caller);
  peer_skip(callee);
  bench_hang_up(caller, callee);
  bench_end(bench);
}

/* RFC 6141 §4: a 2xx to a target refresh moves the target. */
static void test_a_contact_that_moves_with_a_2xx_to_our_refresh_outlives_the_switch(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect_timed(bench, caller, callee);
  bench_await_refresh(bench, caller, callee);
  callee->flow.remote = bench_address("203.0.113.99:5070");
  peer_add(callee, "Session-Expires: 600;refresher=uac\r\nSupported: timer\r\n");
  peer_reply(callee, 200, NULL);
  expect_int(bench_restart(bench, 1000), ==, RESULT_OK);
  bench_await_refresh(bench, caller, callee); /* at its new place */
  peer_reply(callee, 200, NULL);
  peer_skip(caller);
  peer_skip(callee);
  bench_hang_up(caller, callee);
  bench_end(bench);
}

/* Behind NAT a request of any kind shows where the peer is now. */
static void test_where_a_request_came_from_outlives_the_switch(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  snprintf(caller->host, sizeof caller->host, "192.168.1.7:5060");
  bench_connect_timed(bench, caller, callee);
  caller->flow.remote = bench_address("198.51.100.10:31000");
  peer_request(caller, "OPTIONS", NULL);
  peer_expect(caller, "200");
  expect_int(bench_restart(bench, 1000), ==, RESULT_OK);
  for (unsigned s = 0; s < 10 && !peer_next(caller); s++)
    bench_advance(bench, 1000);
  peer_expect(caller, "UPDATE");
  peer_reply(caller, 200, NULL);
  peer_skip(caller);
  peer_skip(callee);
  bench_hang_up(caller, callee);
  bench_end(bench);
}

/* The answer was on the disk, and the 200 may never have left: it is sent again until the ACK comes. */
static void test_an_answer_that_never_arrived_is_sent_again_after_a_restart(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_switch_timers_off(bench);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_skip(caller);
  expect_int(bench_restart(bench, 1000), ==, RESULT_OK);
  bench_advance(bench, 600);
  peer_expect(caller, "200");
  peer_expect(callee, "ACK"); /* it may have waited for the journal as well */
  bench_advance(bench, 1100);
  peer_expect(caller, "200");
  peer_skip(callee);
  unsigned notes = bench->journal_notes;
  peer_ack(caller, NULL);
  expect_int(bench->journal_notes, ==, notes + 1);
  bench_advance(bench, 40000);
  peer_expect_nothing(caller);
  bench_hang_up(caller, callee);
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_an_invite_that_comes_again_after_a_restart_is_answered_as_it_was(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_switch_timers_off(bench);
  peer_invite(caller, "4420", OFFER);
  char target[sizeof caller->target];
  memcpy(target, caller->target, sizeof target);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_skip(caller);
  expect_int(bench_restart(bench, 0), ==, RESULT_OK);
  memcpy(caller->target, target, sizeof target);
  caller->remote_tag[0] = '\0';
  peer_send_request(caller, "INVITE", caller->invite_cseq, caller->invite_branch, OFFER);
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  peer_expect_nothing(callee);
  bench_advance(bench, 40000);
  peer_skip(caller);
  peer_skip(callee);
  bench_hang_up(callee, caller);
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_an_answer_that_nobody_acknowledges_after_a_restart_ends_the_call(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  expect_int(bench_restart(bench, 0), ==, RESULT_OK);
  bench_advance(bench, 33000);
  expect_record(bench, "session_timeout");
  expect_view(bench->records[0].end_cause, "no_ack");
  bench_end(bench);
}

static void test_what_is_cut_or_another_workers_is_not_taken_up(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  size_t whole = bench->state_length;
  for (bench->state_length = 0; bench->state_length < whole; bench->state_length++) {
    expect(bench_restart(bench, 0) != RESULT_OK);
    expect_int(call_count(bench->core->calls) + call_leg_count(bench->core->calls), ==, 0);
    expect_int(dialog_count(bench->core->dialogs), ==, 0);
    expect_int(bench->core->blocks.bytes_used, ==, 0);
  }
  bench->local.worker = 1;
  expect(bench_restart(bench, 0) != RESULT_OK);
  bench->local.worker = 0;
  expect_int(bench_restart(bench, 0), ==, RESULT_OK);
  peer_skip(caller);
  peer_skip(callee);
  bench_hang_up(caller, callee);
  bench_end(bench);
}

static void test_the_journal_may_forget_a_call_when_the_other_end_knows_that_it_is_over(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  peer_request(caller, "BYE", NULL);
  peer_expect(caller, "200");
  expect_int(bench->journal_owed, ==, 2); /* the callee */
  expect_int(bench->journal_drops, ==, 0);
  peer_expect(callee, "BYE");
  peer_reply(callee, 200, NULL);
  expect_int(bench->journal_drops, ==, 1);
  bench_end(bench);
}

static void test_both_ends_must_know_when_the_switch_ends_a_call(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  char id[64] = "";
  bench_connect(caller, callee, "4420");
  snprintf(id, sizeof id, "%.*s", (int)record_after_kill(bench).id.length, record_after_kill(bench).id.data);
  bench_order(bench, ORDER_HANGUP_CALL, id);
  expect_int(bench->journal_owed, ==, 3);
  peer_expect(callee, "BYE");
  peer_reply(callee, 200, NULL);
  expect_int(bench->journal_drops, ==, 0);
  peer_expect(caller, "BYE");
  peer_reply(caller, 481, NULL);
  expect_int(bench->journal_drops, ==, 1);
  bench_end(bench);
}

static void test_who_is_owed_it_is_told_after_a_restart_that_the_call_is_over(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  struct switch_core_counts counts;
  bench_connect(caller, callee, "4420");
  peer_request(caller, "BYE", NULL);
  peer_expect(caller, "200");
  peer_expect(callee, "BYE"); /* and it is lost */
  int before = atoi(header_of(callee->got, "CSeq"));
  expect_int(bench_restart(bench, 3000), ==, RESULT_OK);
  switch_core_count(bench->core, &bench->context, &counts);
  expect_int(counts.calls, ==, 0);
  for (int i = 0; i < 110 && !peer_next(callee); i++)
    bench_advance(bench, 10);
  peer_expect_nothing(caller);
  peer_expect(callee, "BYE");
  expect(atoi(header_of(callee->got, "CSeq")) > before);
  expect(strstr(callee->got, "Reason: ") != NULL);
  peer_reply(callee, 200, NULL);
  expect_int(bench->journal_drops, ==, 1);
  expect_int(bench->record_count, ==, 1);
  bench_end(bench);
}

static void test_what_is_cut_of_a_call_that_is_over_breaks_nothing(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  peer_request(caller, "BYE", NULL);
  peer_expect(caller, "200");
  peer_expect(callee, "BYE");
  for (size_t length = 0; length < bench->state_length; length += 3) { /* cut anywhere */
    struct journal_kept cut = {bench->journal_key, str_view_of(bench->state, length), {0}, 3};
    bench_forget(bench, 0);
    bool is_told = switch_core_restore(bench->core, &bench->context, &cut) == RESULT_OK;
    expect_int(call_leg_count(bench->core->calls) > 0, ==, is_told);
    switch_core_restored(bench->core);
    bench_end_event(bench); /* checks what must always be true */
  }
  expect_int(bench_restart(bench, 0), ==, RESULT_OK);
  expect_int(call_count(bench->core->calls), ==, 0);
  expect_int(call_leg_count(bench->core->calls), ==, 1);
  bench_advance(bench, 1100);
  expect(peer_skip(callee) > 0);
  peer_request(callee, "BYE", NULL); /* who hangs up himself is answered */
  peer_expect(callee, "200");
  bench_end(bench);
}

/* The switch is killed after 100 s, its clock is set forward by an hour, and 20 s later the caller hangs up. */
static uint64_t talk_time_over_a_set_clock(uint64_t boot_id_before, uint64_t boot_id_after) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_switch_timers_off(bench);
  bench->local.boot_id = boot_id_before;
  bench_connect(caller, callee, "4420");
  bench_advance(bench, 100000);
  bench->local.boot_id = boot_id_after;
  bench->context.wall_now.value += INT64_C(3600000000);
  expect_int(bench_restart(bench, 10000), ==, RESULT_OK);
  bench_advance(bench, 10000);
  bench_hang_up(caller, callee);
  uint64_t hold_time_ms = bench->records[0].hold_time_ms;
  bench_end(bench);
  return hold_time_ms;
}

static void test_talk_time_over_a_restart_is_exact_while_the_machine_runs_on(void) {
  expect_int(talk_time_over_a_set_clock(7, 7), ==, 120000);
  expect_int(talk_time_over_a_set_clock(7, 8), ==, 3720000); /* nothing else is known but the wall clock */
  expect_int(talk_time_over_a_set_clock(0, 0), ==, 3720000);
}

/* As when the disk was full for a while. Those that ring and those that talk, and no more than once each. */
static void test_a_journal_that_has_lost_what_it_was_told_hears_of_every_call_again(void) {
  struct bench *bench = bench_create_bare(64);
  bench_add_gateway(bench, DEVICE_MAPPING_GATEWAY, "customer", CUSTOMER);
  bench_add_vendor(bench, "vendor-a", VENDOR_A, 1);
  bench_apply(bench);
  bench_switch_timers_off(bench);
  struct peer *caller[2] = {peer_at(bench, CUSTOMER), peer_at(bench, CUSTOMER)}, *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller[0], callee, "4420");
  bench->state_length = bench->note_length = 0;
  unsigned puts = bench->journal_puts, notes = bench->journal_notes;
  bench_order(bench, ORDER_TELL_JOURNAL, "");
  bench_advance(bench, 1000);
  expect_int(bench->journal_puts, ==, puts + 1);
  expect_int(bench->journal_notes, ==, notes + 1);
  struct cdr_record record = record_after_kill(bench);
  expect_view(record.callee, "4420");
  expect(record.answered_at.value > 0);
  peer_invite(caller[1], "4421", OFFER);
  peer_expect(callee, "INVITE");
  bench_advance(bench, 100);
  puts = bench->journal_puts;
  for (unsigned i = 0; i < 2; i++) /* while it is told it loses something again */
    bench_order(bench, ORDER_TELL_JOURNAL, "");
  bench_advance(bench, 1000);
  expect_int(bench->journal_puts, ==, puts + 4);
  peer_skip(callee);
  bench_hang_up(caller[0], callee);
  puts = bench->journal_puts;
  bench_order(bench, ORDER_TELL_JOURNAL, "");
  bench_advance(bench, 1000);
  expect_int(bench->journal_puts, ==, puts + 1); /* the attempt */
  record = record_after_kill(bench);
  expect_view(record.callee, "4421");
  bench_end(bench);
}

/* More than are told at a time. */
static void test_the_journal_hears_of_many_calls_again_some_at_a_time(void) {
  enum { CALLS = 20 };
  struct bench *bench = bench_create_bare(64);
  bench_add_gateway(bench, DEVICE_MAPPING_GATEWAY, "customer", CUSTOMER);
  bench_add_vendor(bench, "vendor-a", VENDOR_A, 1);
  bench_apply(bench);
  struct peer *caller = peer_at(bench, CUSTOMER);
  for (unsigned i = 0; i < CALLS; i++) {
    snprintf(caller->call_id, sizeof caller->call_id, "many-%u", i);
    peer_invite(caller, "4420", OFFER);
  }
  bench_advance(bench, 10);
  unsigned puts = bench->journal_puts;
  expect_int(puts, ==, CALLS);
  bench_order(bench, ORDER_TELL_JOURNAL, "");
  expect_int(bench->journal_puts, ==, puts);
  for (unsigned ms = 0; ms < 50 && bench->journal_puts == puts; ms++)
    bench_advance(bench, 1);
  expect_int(bench->journal_puts, >, puts);
  expect_int(bench->journal_puts, <, puts + CALLS);
  bench_advance(bench, 200);
  expect_int(bench->journal_puts, ==, puts + CALLS);
  bench_end(bench);
}

TAP_TESTS(TAP(test_an_answered_call_leaves_a_record_when_the_switch_is_killed),
          TAP(test_only_answer_its_ack_and_the_end_of_bye_wait_for_the_journal),
          TAP(test_what_answers_a_repeated_bye_waits_as_the_first_answer_does),
          TAP(test_proofs_of_life_are_noted_now_and_then),
          TAP(test_an_attempt_that_is_not_answered_leaves_a_record_when_the_switch_is_killed),
          TAP(test_an_attempt_is_kept_with_its_invite_and_its_first_response),
          TAP(test_each_refresh_moves_the_end_that_is_kept), TAP(test_what_is_no_state_of_a_call_is_refused),
          TAP(test_a_call_goes_on_after_a_restart_and_ends_as_it_would_have),
          TAP(test_both_legs_are_proved_alive_after_a_restart),
          TAP(test_a_call_whose_ends_went_meanwhile_ends_with_its_last_proof_of_life),
          TAP(test_an_interval_that_the_peer_changes_in_its_2xx_outlives_the_switch),
          TAP(test_a_session_that_begins_in_mid_call_outlives_the_switch),
          TAP(test_a_contact_that_moves_with_a_2xx_to_our_refresh_outlives_the_switch),
          TAP(test_where_a_request_came_from_outlives_the_switch),
          TAP(test_an_answer_that_never_arrived_is_sent_again_after_a_restart),
          TAP(test_an_invite_that_comes_again_after_a_restart_is_answered_as_it_was),
          TAP(test_an_answer_that_nobody_acknowledges_after_a_restart_ends_the_call),
          TAP(test_what_is_cut_or_another_workers_is_not_taken_up),
          TAP(test_talk_time_over_a_restart_is_exact_while_the_machine_runs_on),
          TAP(test_the_journal_may_forget_a_call_when_the_other_end_knows_that_it_is_over),
          TAP(test_both_ends_must_know_when_the_switch_ends_a_call),
          TAP(test_who_is_owed_it_is_told_after_a_restart_that_the_call_is_over),
          TAP(test_what_is_cut_of_a_call_that_is_over_breaks_nothing),
          TAP(test_a_journal_that_has_lost_what_it_was_told_hears_of_every_call_again),
          TAP(test_the_journal_hears_of_many_calls_again_some_at_a_time))
