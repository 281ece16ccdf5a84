/* Every row of call_machine.def and leg_machine.def that the network can bring about: each set-up state with each
 * event, and what peers send that nobody expects. Whatever happens, the call ends on both sides and leaves one record.
 */
#include "switch/switch_bench.h"

/* --- set-up states × events -------------------------------------------------------------------------------------- */

static const struct {
  const char *name;
  unsigned status; /* 0: nothing */
  const char *body;
} setup_states[] = {{"INVITING", 0, NULL},
                    {"TRYING", 100, NULL},
                    {"PROGRESSING", 183, NULL},
                    {"PROGRESSING_SDP", 183, ANSWER},
                    {"RINGING", 180, NULL}};

static const struct {
  const char *name;
  unsigned status; /* a response of the callee's, or */
  const char *body;
  const char *reason; /* NULL: the set-up goes on */
} setup_events[] = {{"TRYING", 100, NULL, NULL},         {"PROGRESS", 183, NULL, NULL},
                    {"PROGRESS_SDP", 183, ANSWER, NULL}, {"RINGING", 180, NULL, NULL},
                    {"ANSWER", 200, ANSWER, "normal"},   {"REFUSAL", 486, NULL, "busy"},
                    {"REFUSAL", 302, NULL, "rejected"},  {"SILENCE", 0, NULL, NULL},
                    {"CANCELLED", 0, NULL, "cancelled"}, {"OPERATOR", 0, NULL, "operator"}};

static void operator_hangs_up(struct bench *bench) {
  char id[64];
  bench_order(bench, ORDER_LIST_CALLS, "");
  cut(id, sizeof id, bench->order_answer, "\"id\":\"", "\"");
  bench_order(bench, ORDER_HANGUP_CALL, id);
}

/* The connection (here: the way) to the callee fails. */
static void way_fails(struct bench *bench, const struct peer *callee) {
  bench_handle(bench, &(struct event){.kind = EVENT_CONNECTION_CLOSED, .flow = callee->flow});
  bench_advance(bench, 20);
}

static void happen(struct bench *bench, struct peer *caller, struct peer *callee, unsigned event) {
  const char *name = setup_events[event].name;
  if (setup_events[event].status != 0)
    peer_respond(callee, setup_events[event].status, setup_events[event].body);
  else if (strcmp(name, "CANCELLED") == 0)
    peer_cancel(caller);
  else if (strcmp(name, "OPERATOR") == 0)
    operator_hangs_up(bench);
  else
    way_fails(bench, callee);
}

/* Answers whatever the callee still gets, and hangs up what was answered. */
static void wind_up(struct bench *bench, struct peer *caller, struct peer *callee, unsigned event) {
  peer_skip(caller);
  if (strcmp(setup_events[event].name, "ANSWER") == 0) {
    peer_ack(caller, NULL);
    peer_request(caller, "BYE", NULL);
  } else if (!setup_events[event].reason) {
    peer_respond(callee, 486, NULL);
  }
  bench_advance(bench, 1000);
}

static void test_every_event_in_every_set_up_state_ends_with_one_record(void) {
  for (unsigned state = 0; state < sizeof setup_states / sizeof setup_states[0]; state++)
    for (unsigned event = 0; event < sizeof setup_events / sizeof setup_events[0]; event++) {
      struct bench *bench = bench_create();
      bench_device(bench, "vendor-b")->locked = true;
      bench_apply(bench);
      struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
      peer_invite(caller, "4420", OFFER);
      peer_expect(callee, "INVITE");
      if (setup_states[state].status != 0) peer_respond(callee, setup_states[state].status, setup_states[state].body);
      peer_skip(caller);
      happen(bench, caller, callee, event);
      wind_up(bench, caller, callee, event);
      if (bench->record_count != 1)
        printf("# %s with %s: %u records\n", setup_states[state].name, setup_events[event].name, bench->record_count);
      expect_int(bench->record_count, ==, 1);
      if (setup_events[event].reason && bench->record_count == 1)
        expect_view(bench->records[0].end_reason, setup_events[event].reason);
      bench_end(bench);
    }
}

/* A reliable response of the first vendor's is never acknowledged, while the second vendor is in each state. */
static void test_missing_prack_ends_the_call_in_every_state(void) {
  for (unsigned state = 0; state < sizeof setup_states / sizeof setup_states[0]; state++) {
    struct bench *bench = bench_create();
    struct peer *caller = peer_at(bench, CUSTOMER), *a = peer_at(bench, VENDOR_A), *b = peer_at(bench, VENDOR_B);
    bench_device(bench, "vendor-b")->overrides.timeout_invite_s = 60;
    bench_device(bench, "vendor-b")->overrides.timeout_trying_s = 60;
    bench_device(bench, "vendor-b")->overrides.timeout_session_progress_s = 60;
    bench_apply(bench);
    peer_add(caller, "Require: 100rel\r\n");
    peer_invite(caller, "4420", OFFER);
    peer_expect(a, "INVITE");
    peer_respond(a, 183, NULL);
    peer_expect(caller, "183");
    peer_respond(a, 503, NULL);
    peer_expect(b, "INVITE");
    if (setup_states[state].status != 0) peer_respond(b, setup_states[state].status, setup_states[state].body);
    peer_expect_nothing(caller); /* one reliable response at a time */
    bench_advance(bench, 33000);
    expect_record(bench, "session_timeout");
    expect_int(bench->records[0].sip_status, ==, 504);
    peer_respond(b, 487, NULL);
    bench_end(bench);
  }
}

static void test_caller_or_operator_ends_a_call_that_is_being_located(void) {
  for (unsigned by_operator = 0; by_operator < 2; by_operator++) {
    struct bench *bench = bench_create();
    struct peer *caller = peer_at(bench, CUSTOMER);
    bench_move_phone(bench, "1002");
    peer_invite(caller, "1002", OFFER);
    if (by_operator)
      operator_hangs_up(bench);
    else
      peer_cancel(caller);
    expect_record(bench, by_operator ? "operator" : "cancelled");
    bench_end(bench);
  }
}

/* --- answers that cannot be carried, and ends before the ACK ----------------------------------------------------- */

static void test_answer_with_a_broken_description_ends_the_call(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 200, "v=0\r\nnothing else\r\n");
  peer_expect(callee, "ACK");
  peer_expect(caller, "500");
  peer_expect(callee, "BYE");
  peer_reply(callee, 200, NULL);
  expect_record(bench, "protocol_error");
  bench_end(bench);
}

static void test_broken_description_in_a_renegotiation_ends_the_call(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  peer_request(caller, "INVITE", HOLD);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 200, "v=0\r\nnothing else\r\n");
  peer_expect(callee, "ACK");
  peer_expect(caller, "500");
  peer_expect(caller, "BYE");
  peer_expect(callee, "BYE");
  expect_record(bench, "protocol_error");
  bench_end(bench);
}

static void test_unreadable_offer_is_refused_and_the_call_goes_on(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench_connect(caller, callee, "4420");
  peer_request(caller, "INVITE", "v=0\r\nnothing else\r\n");
  peer_expect(caller, "488");
  peer_expect_nothing(callee);
  bench_hang_up(caller, callee);
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_late_answer_that_is_unreadable_ends_the_call(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", NULL);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 200, OFFER);
  peer_expect(caller, "200");
  peer_ack(caller, "v=0\r\nnothing else\r\n");
  peer_expect(callee, "ACK");
  peer_expect(callee, "BYE");
  peer_expect(caller, "BYE");
  expect_record(bench, "protocol_error");
  bench_end(bench);
}

/* Answered, but the caller's ACK has not come. */
static struct bench *start_unacked(struct peer **caller, struct peer **callee) {
  struct bench *bench = bench_create();
  bench_device(bench, "customer")->overrides.max_duration_s = 20;
  bench_apply(bench);
  *caller = peer_at(bench, CUSTOMER);
  *callee = peer_at(bench, VENDOR_A);
  peer_add(*caller, "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n");
  peer_invite(*caller, "4420", OFFER);
  peer_expect(*callee, "INVITE");
  peer_respond(*callee, 200, ANSWER);
  peer_expect(*callee, "ACK");
  peer_expect(*caller, "200");
  return bench;
}

static void test_ends_before_the_ack_wait_for_it_or_for_its_time(void) {
  for (unsigned by_operator = 0; by_operator < 2; by_operator++) {
    struct peer *caller, *callee;
    struct bench *bench = start_unacked(&caller, &callee);
    if (by_operator)
      operator_hangs_up(bench);
    else
      bench_advance(bench, 20010); /* the longest talk time is counted from the answer */
    peer_expect(callee, "BYE");
    peer_skip(caller);
    bench_advance(bench, 32010 - bench_now_ms(bench));
    for (struct bench_message *next; (next = peer_next(caller)) != NULL && begins_as(next->text, "200");)
      next->taken = true; /* our 200, again and again */
    peer_expect(caller, "BYE");
    expect_record(bench, by_operator ? "operator" : "duration_limit");
    bench_end(bench);
  }
}

static void test_callers_bye_while_ours_waits_for_its_ack_ends_the_leg(void) {
  struct peer *caller, *callee;
  struct bench *bench = start_unacked(&caller, &callee);
  peer_request(callee, "BYE", NULL);
  peer_expect(callee, "200");
  peer_request(caller, "BYE", NULL);
  peer_expect(caller, "200");
  bench_advance(bench, 40000);
  peer_expect_nothing(caller);
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_481_to_an_update_before_the_ack_ends_the_call(void) {
  struct peer *caller, *callee;
  struct bench *bench = start_unacked(&caller, &callee);
  peer_request(callee, "UPDATE", HELD);
  peer_expect(caller, "UPDATE");
  peer_reply(caller, 481, NULL);
  peer_expect(callee, "481");
  peer_expect(callee, "BYE");
  expect_record(bench, "session_timeout");
  bench_end(bench);
}

/* --- what nobody expects ----------------------------------------------------------------------------------------- */

static void test_stray_acks_do_no_harm(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 180, NULL);
  peer_expect(caller, "180");
  peer_ack(caller, NULL);
  callee->invite_cseq = 1;
  peer_ack(callee, NULL);
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
  peer_ack(caller, NULL);
  peer_request(caller, "BYE", NULL);
  peer_expect(caller, "200");
  peer_expect(callee, "BYE");
  peer_ack(callee, NULL);
  peer_reply(callee, 200, NULL);
  peer_ack(callee, NULL);
  peer_ack(caller, NULL);
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_stray_requests_while_cancelling_do_no_harm(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  peer_invite(caller, "4420", OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 180, NULL);
  peer_cancel(caller);
  peer_expect(callee, "CANCEL");
  callee->invite_cseq = 1;
  peer_ack(callee, NULL);
  peer_request(callee, "BYE", NULL);
  peer_expect(callee, "481");
  peer_request(callee, "INFO", "x");
  peer_expect(callee, "481");
  peer_respond(callee, 487, NULL);
  peer_expect(callee, "ACK");
  expect_record(bench, "cancelled");
  bench_end(bench);
}

static void test_repeated_answers_while_the_callees_own_re_invite_is_open_are_acknowledged(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  char invite[BENCH_TEXT_MAX + 64];
  bench_connect(caller, callee, "4420");
  memcpy(invite, callee->invite, sizeof invite);
  peer_request(callee, "INVITE", ANSWER); /* changes nothing: answered here */
  peer_expect(callee, "200");
  peer_answer(callee, invite, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_request(caller, "BYE", NULL);
  peer_expect(caller, "200");
  peer_answer(callee, invite, 200, ANSWER); /* our BYE waits for the ACK of our 200 */
  peer_expect(callee, "ACK");
  peer_ack(callee, NULL);
  peer_expect(callee, "BYE");
  expect_record(bench, "normal");
  bench_end(bench);
}

static void test_vendor_out_of_reach_is_followed_by_the_next(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *a = peer_at(bench, VENDOR_A), *b = peer_at(bench, VENDOR_B);
  peer_invite(caller, "4420", OFFER);
  peer_expect(a, "INVITE");
  way_fails(bench, a);
  peer_expect(b, "INVITE");
  peer_respond(b, 486, NULL);
  peer_expect(caller, "486");
  bench_end(bench);
}

TAP_TESTS(TAP(test_every_event_in_every_set_up_state_ends_with_one_record),
          TAP(test_missing_prack_ends_the_call_in_every_state),
          TAP(test_caller_or_operator_ends_a_call_that_is_being_located),
          TAP(test_answer_with_a_broken_description_ends_the_call),
          TAP(test_broken_description_in_a_renegotiation_ends_the_call),
          TAP(test_unreadable_offer_is_refused_and_the_call_goes_on),
          TAP(test_late_answer_that_is_unreadable_ends_the_call),
          TAP(test_ends_before_the_ack_wait_for_it_or_for_its_time),
          TAP(test_callers_bye_while_ours_waits_for_its_ack_ends_the_leg),
          TAP(test_481_to_an_update_before_the_ack_ends_the_call), TAP(test_stray_acks_do_no_harm),
          TAP(test_stray_requests_while_cancelling_do_no_harm),
          TAP(test_repeated_answers_while_the_callees_own_re_invite_is_open_are_acknowledged),
          TAP(test_vendor_out_of_reach_is_followed_by_the_next))
