#include "base/random.h"

#include "tap.h"

static void test_the_same_seed_gives_the_same_numbers(void) {
  struct random a, b, other;
  random_seed(&a, (struct siphash_key){1, 2});
  random_seed(&b, (struct siphash_key){1, 2});
  random_seed(&other, (struct siphash_key){1, 3});
  bool differs = false;
  for (int i = 0; i < 100; i++) {
    uint64_t number = random_u64(&a);
    expect(number == random_u64(&b));
    if (number != random_u64(&other)) differs = true;
  }
  expect(differs);
}

static void test_between_reaches_both_ends_and_nothing_beyond(void) {
  struct random random;
  random_seed(&random, (struct siphash_key){5, 6});
  unsigned seen[6] = {0};
  for (int i = 0; i < 60000; i++) {
    uint32_t number = random_between(&random, 10, 15);
    expect(number >= 10 && number <= 15);
    if (number >= 10 && number <= 15) seen[number - 10]++;
  }
  for (int i = 0; i < 6; i++)
    expect(seen[i] > 9500 && seen[i] < 10500);
}

/* Where the span does not divide the type, a plain multiplication would favour every third value here. */
static void test_between_is_even_over_awkward_spans(void) {
  struct random random;
  random_seed(&random, (struct siphash_key){3, 4});
  int thirds[3] = {0};
  for (int i = 0; i < 30000; i++)
    thirds[random_between(&random, 0, (UINT32_C(3) << 30) - 1) % 3]++;
  for (int i = 0; i < 3; i++)
    expect(thirds[i] > 9500 && thirds[i] < 10500);
}

static void test_between_takes_one_value_and_the_whole_type(void) {
  struct random random;
  random_seed(&random, (struct siphash_key){7, 8});
  expect_int(random_between(&random, 4, 4), ==, 4);
  expect_int(random_between(&random, UINT32_MAX, UINT32_MAX), ==, UINT32_MAX);
  bool high = false, low = false;
  for (int i = 0; i < 100; i++) {
    uint32_t number = random_between(&random, 0, UINT32_MAX);
    if (number > UINT32_MAX / 2) high = true;
    if (number < UINT32_MAX / 2) low = true;
  }
  expect(high && low);
}

static void test_chance_is_in_parts_of_a_million(void) {
  struct random random;
  random_seed(&random, (struct siphash_key){9, 10});
  int hits = 0;
  for (int i = 0; i < 100000; i++) {
    expect(!random_chance_ppm(&random, 0));
    expect(random_chance_ppm(&random, 1000000));
    if (random_chance_ppm(&random, 250000)) hits++;
  }
  expect(hits > 24000 && hits < 26000);
}

TAP_TESTS(TAP(test_the_same_seed_gives_the_same_numbers), TAP(test_between_reaches_both_ends_and_nothing_beyond),
          TAP(test_between_is_even_over_awkward_spans), TAP(test_between_takes_one_value_and_the_whole_type),
          TAP(test_chance_is_in_parts_of_a_million))
