#include "boundary/server_rank.h"

#include "tap.h"

static struct random seeded(void) {
  struct random random;
  random_seed(&random, (struct siphash_key){1, 2});
  return random;
}

/* All of them, in the order in which they are tried. */
static void order_of(const struct server_rank *ranks, uint8_t count, struct random *random, uint8_t *order_out) {
  uint16_t tried = 0;
  for (uint8_t i = 0; i < count; i++) {
    int next = server_draw(ranks, count, tried, random);
    expect(next >= 0 && next < count && !(tried >> next & 1));
    tried |= (uint16_t)(1u << next);
    order_out[i] = (uint8_t)next;
  }
  expect_int(server_draw(ranks, count, tried, random), ==, -1);
}

static void test_lower_priorities_come_first(void) {
  static const struct server_rank ranks[] = {{30, 1, 0}, {10, 1, 1}, {20, 65535, 2}, {10, 0, 3}};
  struct random random = seeded();
  for (int i = 0; i < 1000; i++) {
    uint8_t order[4];
    order_of(ranks, 4, &random, order);
    expect(ranks[order[0]].priority == 10 && ranks[order[1]].priority == 10);
    expect_int(order[2], ==, 2);
    expect_int(order[3], ==, 0);
  }
}

static void test_weights_are_the_chances_of_being_first(void) {
  static const struct server_rank ranks[] = {{1, 60, 0}, {1, 0, 1}, {1, 30, 2}, {1, 10, 3}};
  struct random random = seeded();
  unsigned first[4] = {0}, second_after_0[4] = {0};
  for (int i = 0; i < 101000; i++) {
    uint8_t order[4];
    order_of(ranks, 4, &random, order);
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

static void test_a_server_is_tried_at_all_its_addresses_before_another(void) {
  static const struct server_rank ranks[] = {{1, 50, 7}, {1, 50, 4}, {1, 50, 7}, {1, 50, 4}, {2, 0, 9}};
  struct random random = seeded();
  unsigned first_is_7 = 0;
  for (int i = 0; i < 10000; i++) {
    uint8_t order[5];
    order_of(ranks, 5, &random, order);
    expect_int(ranks[order[0]].server, ==, ranks[order[1]].server);
    expect(order[0] < order[1]);
    expect_int(order[4], ==, 4);
    first_is_7 += order[0] == 0;
  }
  expect_int(first_is_7, >, 4700);
  expect_int(first_is_7, <, 5300);
}

static void test_without_ranks_addresses_are_tried_as_they_stand(void) {
  static const struct server_rank ranks[SERVER_ADDRESSES_MAX];
  struct random random = seeded(), before = random;
  uint8_t order[SERVER_ADDRESSES_MAX];
  order_of(ranks, SERVER_ADDRESSES_MAX, &random, order);
  for (uint8_t i = 0; i < SERVER_ADDRESSES_MAX; i++)
    expect_int(order[i], ==, i);
  expect(memcmp(&random, &before, sizeof random) == 0); /* nothing was left to chance */
  expect_int(server_draw(ranks, 0, 0, &random), ==, -1);
}

TAP_TESTS(TAP(test_lower_priorities_come_first), TAP(test_weights_are_the_chances_of_being_first),
          TAP(test_a_server_is_tried_at_all_its_addresses_before_another),
          TAP(test_without_ranks_addresses_are_tried_as_they_stand))
