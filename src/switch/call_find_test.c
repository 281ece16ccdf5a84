/* Claims about looking for live calls: what fits, and in which order. */
#include "switch/switch_bench.h"

static const char *find(struct bench *bench, const char *question) {
  char order[256];
  snprintf(order, sizeof order, "0\n%s", question);
  bench_order(bench, ORDER_FIND_CALLS, order);
  expect_int(bench->order_result, ==, RESULT_OK);
  return bench->order_answer;
}

/* How many lines follow the first one. */
static unsigned found(struct bench *bench, const char *question) {
  unsigned lines = 0;
  for (const char *at = find(bench, question); (at = strchr(at, '\n')) != NULL; at++)
    lines++;
  return lines - 1;
}

static void test_calls_are_found_by_number_device_address_state_and_timer(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A),
              *ringing = peer_at(bench, CUSTOMER);
  bench_connect(caller, callee, "4420777");
  peer_invite(ringing, "3312888", OFFER);
  expect_int(found(bench, "started\n\n\n0\n\n\n"), ==, 2);
  expect_int(found(bench, "started\nup\n\n0\n\n\n"), ==, 1);
  expect_int(found(bench, "started\n\n\n0\n12888\n\n"), ==, 1);
  expect_int(found(bench, "started\n\n\n0\n\ncustomer\n"), ==, 2);
  expect_int(found(bench, "started\n\n\n0\n\nvendor\n"), ==, 0);
  expect_int(found(bench, "started\n\n\n0\n\n\nvendor-"), ==, 2);
  expect_int(found(bench, "started\n\n\n0\n\n\n203.0.113.20"), ==, 2);
  expect_int(found(bench, "started\n\n\n0\n\n\n420777"), ==, 1);
  expect_int(found(bench, "started\n\nus\n0\n\n\n"), ==, 1);
  expect_int(found(bench, "started\n\n\n5\n\n\n"), ==, 0);
  expect_int(found(bench, "started\n\n\n86400\n\n\n"), ==, 1);
  bench_end(bench);
}

static void test_the_lines_sort_as_the_word_says(void) {
  struct bench *bench = bench_create();
  struct peer *first = peer_at(bench, CUSTOMER), *second = peer_at(bench, CUSTOMER);
  peer_invite(first, "4420777", OFFER);
  bench_advance(bench, 1000);
  peer_invite(second, "3312888", OFFER);
  char one[80], two[80], *end;
  find(bench, "callee\n\n\n0\n\n\n");
  expect(sscanf(bench->order_answer, "end\n%79[^\n]\n%79[^\n]", one, two) == 2);
  expect_int(strlen(one), ==, strlen(two));
  expect(strcmp(one, two) > 0); /* 4420777 after 3312888 */
  find(bench, "started\n\n\n0\n\n\n");
  expect(sscanf(bench->order_answer, "end\n%79[^\n]\n%79[^\n]", one, two) == 2);
  expect(strtoull(one, &end, 16) + 1000000 == strtoull(two, &end, 16));
  bench_end(bench);
}

static void test_calls_are_shown_by_their_ids_and_those_that_are_over_left_out(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER);
  char one[80], order[256];
  peer_invite(caller, "4420777", OFFER);
  expect(sscanf(find(bench, "started\n\n\n0\n\n\n"), "end\n%*s %79s", one) == 1);
  snprintf(order, sizeof order, "%s,00,%s", one, one);
  bench_order(bench, ORDER_SHOW_CALLS, order);
  expect_int(bench->order_result, ==, RESULT_OK);
  const char *second = strstr(bench->order_answer, "},{\"id\":\"");
  expect(bench->order_answer[0] == '{' && second != NULL && !strstr(bench->order_answer, ",,"));
  bench_end(bench);
}

static void test_a_question_of_another_form_is_refused(void) {
  static const char *const questions[] = {"", "x\nstarted\n\n\n0\n\n\n", "0\ncolour\n\n\n0\n\n\n",
                                          "0\nstarted\n\n\nsoon\n\n\n"};
  struct bench *bench = bench_create();
  for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
    bench_order(bench, ORDER_FIND_CALLS, questions[i]);
    expect_int(bench->order_result, ==, RESULT_MALFORMED);
  }
  bench_end(bench);
}

TAP_TESTS(TAP(test_calls_are_found_by_number_device_address_state_and_timer), TAP(test_the_lines_sort_as_the_word_says),
          TAP(test_calls_are_shown_by_their_ids_and_those_that_are_over_left_out),
          TAP(test_a_question_of_another_form_is_refused))
