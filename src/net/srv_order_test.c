#include "net/srv_order.h"

#include "tap.h"

static struct random seeded(void) {
  struct random random;
  random_seed(&random, (struct siphash_key){1, 2});
  return random;
}

static void test_lower_priorities_come_first(void) {
  static const struct srv_target targets[] = {{30, 1, 0}, {10, 1, 0}, {20, 65535, 0}, {10, 0, 0}};
  struct random random = seeded();
  for (int i = 0; i < 1000; i++) {
    uint8_t order[4];
    srv_order(targets, 4, &random, order);
    expect(targets[order[0]].priority == 10 && targets[order[1]].priority == 10);
    expect(order[0] != order[1]);
    expect_int(order[2], ==, 2);
    expect_int(order[3], ==, 0);
  }
}

static void test_weights_are_the_chances_of_being_first(void) {
  static const struct srv_target targets[] = {{1, 60, 0}, {1, 0, 0}, {1, 30, 0}, {1, 10, 0}};
  struct random random = seeded();
  unsigned first[4] = {0}, second_after_0[4] = {0};
  for (int i = 0; i < 101000; i++) {
    uint8_t order[4], seen = 0;
    srv_order(targets, 4, &random, order);
    for (int j = 0; j < 4; j++)
      seen |= (uint8_t)(1 << order[j]);
    expect_int(seen, ==, 15);
    first[order[0]]++;
    if (order[0] == 0) second_after_0[order[1]]++;
  }
  /* 0 to 100 are 101 numbers; 0 alone is the chance of weight 0. */
  expect_int(first[0], >, 59000);
  expect_int(first[0], <, 61000);
  expect_int(first[1], >, 800);
  expect_int(first[1], <, 1200);
  expect_int(first[2], >, 29200);
  expect_int(first[2], <, 30800);
  expect_int(first[3], >, 9400);
  expect_int(first[3], <, 10600);
  /* Of the rest 0, 30 and 10, with 41 numbers. */
  expect_int(second_after_0[2] * 41, >, (first[0] * 30) * 97 / 100);
  expect_int(second_after_0[2] * 41, <, (first[0] * 30) * 103 / 100);
}

static void test_none_and_one_need_no_choice(void) {
  static const struct srv_target one[] = {{0, 0, 0}};
  struct random random = seeded();
  uint8_t order[1] = {9};
  srv_order(one, 0, &random, order);
  expect_int(order[0], ==, 9);
  srv_order(one, 1, &random, order);
  expect_int(order[0], ==, 0);
}

TAP_TESTS(TAP(test_lower_priorities_come_first), TAP(test_weights_are_the_chances_of_being_first),
          TAP(test_none_and_one_need_no_choice))
