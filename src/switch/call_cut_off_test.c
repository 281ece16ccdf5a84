/* Attempts that are not answered yet when the switch is killed: after the restart both sides are told. */
#include "call/call_private.h"
#include "switch/switch_bench.h"

#define TOLD_WITHIN_MS 1100

static struct bench *ringing(struct peer **caller_out, struct peer **callee_out) {
  struct bench *bench = bench_create();
  *caller_out = peer_at(bench, CUSTOMER);
  *callee_out = peer_at(bench, VENDOR_A);
  peer_invite(*caller_out, "4420", OFFER);
  peer_expect(*callee_out, "INVITE");
  peer_respond(*callee_out, 180, NULL);
  peer_expect(*caller_out, "180");
  return bench;
}

static void acknowledge_refusal(struct peer *caller) {
  peer_send_request(caller, "ACK", caller->invite_cseq, caller->invite_branch, NULL);
}

static void expect_switch_restart(struct bench *bench) {
  expect_int(bench->record_count, ==, 1);
  expect_view(bench->records[0].end_reason, "switch_restart");
  expect_int(bench->records[0].sip_status, ==, 500);
}

/* What both sides are told within a second of the restart. */
static void restart(struct bench *bench) {
  expect_int(bench_restart(bench, 3000), ==, RESULT_OK);
  expect_int(call_count(bench->core->calls), ==, 0);
  expect_int(call_leg_count(bench->core->calls), ==, 2);
  bench_advance(bench, TOLD_WITHIN_MS);
}

static void test_after_a_restart_an_attempt_is_cancelled_and_refused(void) {
  struct peer *caller, *callee;
  struct bench *bench = ringing(&caller, &callee);
  char via[512], tag[128];
  snprintf(via, sizeof via, "%s", header_of(callee->invite, "Via"));
  cut(tag, sizeof tag, header_of(caller->got, "To"), ";tag=", ">");
  restart(bench);
  peer_expect(callee, "CANCEL");
  expect(strcmp(header_of(callee->got, "Via"), via) == 0);
  expect(strcmp(header_of(callee->got, "CSeq"), "1 CANCEL") == 0);
  expect(strcmp(header_of(callee->got, "Call-ID"), header_of(callee->invite, "Call-ID")) == 0);
  expect(strcmp(header_of(callee->got, "From"), header_of(callee->invite, "From")) == 0);
  expect(strcmp(header_of(callee->got, "To"), header_of(callee->invite, "To")) == 0);
  expect(strstr(header_of(callee->got, "Reason"), "switch_restart") != NULL);
  peer_answer(callee, callee->got, 200, NULL);
  peer_respond(callee, 487, NULL);
  peer_expect(callee, "ACK");
  expect(strcmp(header_of(callee->got, "Via"), via) == 0);
  peer_expect(caller, "500");
  expect(strstr(header_of(caller->got, "To"), tag) != NULL); /* as the 180 said */
  expect(strstr(header_of(caller->got, "Reason"), "switch_restart") != NULL);
  acknowledge_refusal(caller);
  expect_switch_restart(bench);
  expect_int(bench->journal_drops, ==, 1);
  bench_end(bench);
}

static void test_an_attempt_that_is_answered_after_the_restart_is_hung_up_at_once(void) {
  struct peer *caller, *callee;
  struct bench *bench = ringing(&caller, &callee);
  expect_int(bench_restart(bench, 0), ==, RESULT_OK);
  peer_respond(callee, 200, ANSWER);
  expect_int(peer_skip(callee), ==, 2);
  bool has_ack = false, has_bye = false;
  for (unsigned i = 0; i < bench->sent_count; i++) {
    has_ack |= begins_as(bench->sent[i].text, "ACK");
    has_bye |= begins_as(bench->sent[i].text, "BYE");
  }
  expect(has_ack && has_bye);
  peer_reply(callee, 200, NULL);
  bench_advance(bench, TOLD_WITHIN_MS);
  peer_expect_nothing(callee);
  peer_expect(caller, "500");
  acknowledge_refusal(caller);
  bench_end(bench);
}

/* RFC 3261 §9.1: no CANCEL before a provisional response. */
static void test_a_callee_who_has_not_responded_is_cancelled_when_he_does(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  expect_int(bench->journal_notes, ==, 0);
  restart(bench);
  bench_advance(bench, 60000);
  peer_expect_nothing(callee);
  peer_respond(callee, 180, NULL);
  peer_expect(callee, "CANCEL");
  peer_answer(callee, callee->got, 200, NULL);
  peer_respond(callee, 487, NULL);
  peer_expect(callee, "ACK");
  expect_switch_restart(bench);
  bench_end(bench);
}

static void test_a_caller_who_cancels_after_the_restart_gets_487(void) {
  struct peer *caller, *callee;
  struct bench *bench = ringing(&caller, &callee);
  expect_int(bench_restart(bench, 0), ==, RESULT_OK);
  peer_cancel(caller);
  peer_expect(caller, "200");
  peer_expect(caller, "487");
  acknowledge_refusal(caller);
  bench_advance(bench, TOLD_WITHIN_MS);
  peer_expect_nothing(caller);
  peer_expect(callee, "CANCEL");
  peer_answer(callee, callee->got, 200, NULL);
  peer_respond(callee, 487, NULL);
  bench_end(bench);
}

static void test_an_invite_that_comes_again_after_the_restart_rings_nobody(void) {
  struct peer *caller, *callee;
  struct bench *bench = ringing(&caller, &callee);
  expect_int(bench_restart(bench, 0), ==, RESULT_OK);
  peer_send_request(caller, "INVITE", caller->invite_cseq, caller->invite_branch, OFFER);
  peer_expect_nothing(callee);
  expect_int(call_count(bench->core->calls), ==, 0);
  bench_advance(bench, TOLD_WITHIN_MS);
  peer_expect(caller, "500");
  acknowledge_refusal(caller);
  peer_expect(callee, "CANCEL");
  peer_answer(callee, callee->got, 200, NULL);
  peer_respond(callee, 487, NULL);
  bench_end(bench);
}

/* The CANCEL is lost with the switch: the record is safe by then. */
static void test_an_attempt_that_was_over_owes_its_callee_the_cancel(void) {
  struct peer *caller, *callee;
  struct bench *bench = ringing(&caller, &callee);
  peer_cancel(caller);
  peer_expect(caller, "200");
  peer_expect(caller, "487");
  acknowledge_refusal(caller);
  expect_record(bench, "cancelled");
  expect_int(bench->journal_owed, ==, 2);
  expect_int(bench->journal_drops, ==, 0);
  peer_expect(callee, "CANCEL");
  expect_int(bench_restart(bench, 1000), ==, RESULT_OK);
  expect_int(call_leg_count(bench->core->calls), ==, 1);
  bench_advance(bench, TOLD_WITHIN_MS);
  peer_expect(callee, "CANCEL");
  peer_answer(callee, callee->got, 200, NULL);
  peer_respond(callee, 487, NULL);
  expect_int(bench->journal_drops, ==, 1);
  expect_int(bench->record_count, ==, 1);
  peer_expect_nothing(caller);
  bench_end(bench);
}

static void test_the_journal_may_forget_an_attempt_when_its_callee_knows_that_it_is_over(void) {
  struct peer *caller, *callee;
  struct bench *bench = ringing(&caller, &callee);
  peer_cancel(caller);
  peer_expect(callee, "CANCEL");
  peer_answer(callee, callee->got, 200, NULL);
  expect_int(bench->journal_drops, ==, 0);
  peer_respond(callee, 487, NULL);
  expect_int(bench->journal_drops, ==, 1);
  bench_end(bench);
}

/* The places of a leg that is gone may be another call's. */
static void test_after_a_second_restart_only_who_is_still_owed_it_is_told(void) {
  struct peer *caller, *callee;
  struct bench *bench = ringing(&caller, &callee);
  expect_int(bench_restart(bench, 0), ==, RESULT_OK);
  peer_respond(callee, 200, ANSWER);
  expect_int(peer_skip(callee), ==, 2);
  peer_reply(callee, 200, NULL);
  expect_int(bench->journal_drops, ==, 0);
  expect_int(bench->journal_owed, ==, 3);
  expect_int(bench_restart(bench, 0), ==, RESULT_OK);
  expect_int(call_leg_count(bench->core->calls), ==, 1);
  bench_advance(bench, TOLD_WITHIN_MS);
  peer_expect_nothing(callee);
  peer_expect(caller, "500");
  acknowledge_refusal(caller);
  expect_int(bench->journal_drops, ==, 1);
  expect_switch_restart(bench);
  bench_end(bench);
}

/* And that he has responded meanwhile is known. */
static void test_a_callee_who_responds_between_two_restarts_is_cancelled_after_the_second(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  expect_int(bench_restart(bench, 0), ==, RESULT_OK);
  peer_respond(callee, 180, NULL);
  restart(bench);
  peer_expect(callee, "CANCEL");
  peer_answer(callee, callee->got, 200, NULL);
  peer_respond(callee, 487, NULL);
  peer_expect(caller, "500");
  acknowledge_refusal(caller);
  expect_switch_restart(bench);
  bench_end(bench);
}

/* What is told anew of an early dialog is what its INVITE said, whoever has responded to it. */
static void test_an_attempt_that_was_told_anew_while_it_rang_is_ended_as_well(void) {
  for (unsigned is_answered = 0; is_answered < 2; is_answered++) {
    struct peer *caller, *callee;
    struct bench *bench = ringing(&caller, &callee);
    bench->state_length = bench->note_length = 0; /* the journal has lost it */
    bench_order(bench, ORDER_TELL_JOURNAL, "");
    bench_advance(bench, 20);
    expect_int(bench_restart(bench, 0), ==, RESULT_OK);
    if (is_answered) {
      snprintf(callee->local_tag, sizeof callee->local_tag, "another-branch");
      peer_respond(callee, 200, ANSWER);
      peer_expect(callee, "ACK");
      peer_expect(callee, "BYE");
      peer_reply(callee, 200, NULL);
    }
    bench_advance(bench, TOLD_WITHIN_MS);
    if (!is_answered) {
      peer_expect(callee, "CANCEL");
      peer_answer(callee, callee->got, 200, NULL);
      peer_respond(callee, 487, NULL);
      peer_expect(callee, "ACK");
    }
    peer_expect(caller, "500");
    acknowledge_refusal(caller);
    expect_switch_restart(bench);
    expect_int(bench->journal_drops, ==, 1);
    bench_end(bench);
  }
}

static void test_what_is_cut_of_an_attempt_breaks_nothing(void) {
  struct peer *caller, *callee;
  struct bench *bench = ringing(&caller, &callee);
  unsigned told = 0;
  for (size_t length = 0; length < bench->state_length; length++) { /* cut anywhere */
    struct journal_kept cut = {bench->journal_key, str_view_of(bench->state, length), STR_VIEW("x"), 0};
    bench_forget(bench, 0);
    bool is_told = switch_core_restore(bench->core, &bench->context, &cut) == RESULT_OK;
    expect_int(call_leg_count(bench->core->calls) > 0, ==, is_told);
    told += is_told;
    switch_core_restored(bench->core);
    outbox_reset(&bench->outbox);
    bench_end_event(bench); /* checks what must always be true */
  }
  expect(told > 0); /* the caller stands first */
  restart(bench);
  expect(peer_skip(caller) > 0 && peer_skip(callee) > 0);
  bench_end(bench);
}

/* As versions before this one kept it. */
static void test_an_attempt_of_which_only_the_record_is_kept_has_its_record(void) {
  struct peer *caller, *callee;
  struct bench *bench = ringing(&caller, &callee);
  char memory[4096];
  struct packed_reader reader = {.rest = str_view_of(bench->state, bench->state_length)};
  struct text_builder old = text_builder_over(memory, sizeof memory), record = old;
  (void)packed_take(&reader, 1);
  call_attempt_encode(packed_take_text(&reader), &old);
  memcpy(bench->state, memory, old.length);
  bench->state_length = old.length;
  expect_int(bench_restart(bench, 0), ==, RESULT_MALFORMED);
  expect_int(call_leg_count(bench->core->calls), ==, 0);
  expect_int(call_kept_record(str_view_of(bench->state, bench->state_length), (struct str_view){0}, &record), ==,
             RESULT_OK);
  bench_end(bench);
}

TAP_TESTS(TAP(test_after_a_restart_an_attempt_is_cancelled_and_refused),
          TAP(test_an_attempt_that_is_answered_after_the_restart_is_hung_up_at_once),
          TAP(test_a_callee_who_has_not_responded_is_cancelled_when_he_does),
          TAP(test_a_caller_who_cancels_after_the_restart_gets_487),
          TAP(test_an_invite_that_comes_again_after_the_restart_rings_nobody),
          TAP(test_an_attempt_that_was_over_owes_its_callee_the_cancel),
          TAP(test_the_journal_may_forget_an_attempt_when_its_callee_knows_that_it_is_over),
          TAP(test_after_a_second_restart_only_who_is_still_owed_it_is_told),
          TAP(test_a_callee_who_responds_between_two_restarts_is_cancelled_after_the_second),
          TAP(test_an_attempt_that_was_told_anew_while_it_rang_is_ended_as_well),
          TAP(test_what_is_cut_of_an_attempt_breaks_nothing),
          TAP(test_an_attempt_of_which_only_the_record_is_kept_has_its_record))
