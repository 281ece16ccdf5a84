/* What a REGISTER leaves behind: mostly no transaction, and still the same answer to who asks again. */
#include "registrar/registrar_rig.h"

static char nonce[128], authorization[1024], first_answer[RIG_TEXT_MAX];

/* Registers with credentials for a fresh nonce; keeps the answer. */
static void register_first(const struct register_words *words) {
  rig_nonce_of(rig_register_once(words, ""), nonce, sizeof nonce);
  rig_authorize(words, nonce, 1, authorization, sizeof authorization);
  snprintf(first_answer, sizeof first_answer, "%s", rig_register_once(words, authorization));
  expect_status(first_answer, 200);
}

/* The very same bytes once more. */
static const char *again(const struct register_words *words) {
  rig_branch_count--;
  return rig_register_once(words, authorization);
}

static void test_neither_a_challenge_nor_a_registration_takes_a_transaction(void) {
  set_up();
  expect_status(rig_register_once(&(struct register_words){0}, ""), 401);
  expect_int(transaction_count(world->layer), ==, 0);
  expect_status(REGISTER(.cseq = 1), 200);
  expect_status(REGISTER(.cseq = 2, .contact = "Contact: <sip:1001@10.0.0.5:5070>;expires=600\r\n"), 200);
  expect_int(transaction_count(world->layer), ==, 0);
  tear_down();
}

static void test_what_only_removes_or_asks_or_fails_is_kept_by_one(void) {
  set_up();
  expect_status(REGISTER(.cseq = 1), 200);
  expect_status(REGISTER(.cseq = 2, .contact = "Contact: <sip:1001@10.0.0.5:5062>;expires=0\r\n"), 200);
  expect_int(transaction_count(world->layer), ==, 1);
  expect_status(REGISTER(.cseq = 3, .contact = ""), 200);
  expect_int(transaction_count(world->layer), ==, 2);
  expect_status(REGISTER(.cseq = 4, .password = "wrong"), 401);
  expect_int(transaction_count(world->layer), ==, 3);
  expect_status(REGISTER(.cseq = 5, .contact = "Contact: <sip:1001@10.0.0.5:5062>;expires=30\r\n"), 423);
  expect_int(transaction_count(world->layer), ==, 4);
  run_s(33);
  expect_int(transaction_count(world->layer), ==, 0);
  tear_down();
}

static void test_a_register_that_comes_again_gets_the_same_answer(void) {
  const struct register_words words = {.extra = "User-Agent: test\r\n"};
  set_up();
  register_first(&words);
  run_s(5);
  expect(strcmp(again(&words), first_answer) == 0);
  run_s(26);
  expect(strcmp(again(&words), first_answer) == 0);
  expect_int(world->counters.retransmissions_received, ==, 2);
  expect_int(world->counters.registrations_added, ==, 1);
  expect_int(world->counters.registrations_refreshed, ==, 0);
  tear_down();
}

static void test_it_uses_no_nonce_count_up_and_refreshes_nothing(void) {
  const struct register_words words = {0}, next = {.cseq = 2};
  set_up();
  register_first(&words);
  run_s(5);
  (void)again(&words);
  run_s(4);
  rig_authorize(&next, nonce, 2, authorization, sizeof authorization);
  expect_contains(rig_register_once(&next, authorization), "expires=600");
  tear_down();
}

static void test_flows_and_a_path_are_answered_again_too(void) {
  const struct register_words words = {
      .contact = "Contact: <sip:1001@10.0.0.5:5062>;reg-id=1;+sip.instance=\"<urn:uuid:1>\";expires=600\r\n",
      .extra = "Supported: outbound, path\r\nPath: <sip:edge.example;lr;ob>\r\n"};
  set_up();
  register_first(&words);
  expect_contains(first_answer, "Require: outbound");
  expect_contains(first_answer, "Path: ");
  run_s(3);
  expect(strcmp(again(&words), first_answer) == 0);
  tear_down();
}

static void test_after_32_s_or_from_elsewhere_it_is_another_request(void) {
  const struct register_words words = {0}, from_elsewhere = {.flow = &other_flow};
  set_up();
  register_first(&words);
  expect_status(again(&from_elsewhere), 401);
  expect(strcmp(again(&words), first_answer) == 0);
  run_s(33);
  expect_status(again(&words), 401);
  tear_down();
}

static void test_with_another_branch_it_is_another_request(void) {
  const struct register_words words = {0};
  set_up();
  register_first(&words);
  expect_contains(rig_register_once(&words, authorization), "stale=true");
  tear_down();
}

TAP_TESTS(TAP(test_neither_a_challenge_nor_a_registration_takes_a_transaction),
          TAP(test_what_only_removes_or_asks_or_fails_is_kept_by_one),
          TAP(test_a_register_that_comes_again_gets_the_same_answer),
          TAP(test_it_uses_no_nonce_count_up_and_refreshes_nothing), TAP(test_flows_and_a_path_are_answered_again_too),
          TAP(test_after_32_s_or_from_elsewhere_it_is_another_request),
          TAP(test_with_another_branch_it_is_another_request))
