#include "base/hash_table.h"

#include <stdlib.h>

#include "base/random.h"
#include "tap.h"

static struct hash_table table;
static void *memory;

static void start(uint32_t entries_max) {
  free(memory);
  memory = calloc(1, hash_table_memory_bytes(entries_max));
  if (!memory) abort();
  hash_table_init(&table, memory, entries_max);
}

/* What a size has left behind would be taken for entries when that memory is used again. */
static void expect_all_zero(uint32_t entries_max) {
  const char *bytes = memory;
  size_t length = hash_table_memory_bytes(entries_max), set = 0;
  for (size_t i = 0; i < length; i++)
    set += bytes[i] != 0;
  expect_int(set, ==, 0);
}

static int count(uint64_t hash, uint32_t value) {
  int found = 0;
  uint32_t at_value;
  for (uint32_t at = hash_table_first(&table, hash, &at_value); at != HASH_TABLE_END;
       at = hash_table_next(&table, hash, at, &at_value))
    if (at_value == value) found++;
  return found;
}

static void test_one_hash_may_have_several_values(void) {
  start(4);
  expect_int(hash_table_insert(&table, 5, 1), ==, RESULT_OK);
  expect_int(hash_table_insert(&table, 5, 2), ==, RESULT_OK);
  expect_int(count(5, 1), ==, 1);
  expect_int(count(5, 2), ==, 1);
  expect_int(hash_table_remove(&table, 5, 1), ==, RESULT_OK);
  expect_int(hash_table_remove(&table, 5, 1), ==, RESULT_NOT_FOUND);
  expect_int(count(5, 1), ==, 0);
  expect_int(count(5, 2), ==, 1);
}

static void test_a_full_table_says_so(void) {
  start(9);
  for (uint32_t i = 0; i < 9; i++)
    expect_int(hash_table_insert(&table, i, i), ==, RESULT_OK);
  expect_int(hash_table_insert(&table, 9, 9), ==, RESULT_FULL);
  expect_int(hash_table_remove(&table, 3, 3), ==, RESULT_OK);
  expect_int(hash_table_insert(&table, 9, 9), ==, RESULT_OK);
  expect_int(count(9, 9), ==, 1);
}

static void test_it_is_never_more_than_seven_eighths_full(void) {
  for (uint32_t entries = 0; entries < 3000; entries++) {
    start(entries);
    size_t slots = (size_t)table.mask_max + 1;
    expect(entries * 8 <= slots * 7 && slots > entries);
  }
}

static void test_zero_is_a_hash_and_a_value_like_any_other(void) {
  start(4);
  expect_int(hash_table_insert(&table, 0, 0), ==, RESULT_OK);
  expect_int(count(0, 0), ==, 1);
  expect_int(hash_table_remove(&table, 0, 0), ==, RESULT_OK);
  expect_int(count(0, 0), ==, 0);
}

/* With a million entries each byte of a slot is two bytes of every registration. */
static void test_a_slot_costs_eight_bytes(void) {
  expect_int(sizeof(struct hash_table_slot), ==, 8);
}

/* Few hashes that lie close together and at the table's end make long runs that wrap round. */
static uint64_t crowded_hash(struct random *random) {
  uint32_t low = random_between(random, 0, 11) < 6 ? random_between(random, 58, 63) : random_between(random, 0, 40);
  return (uint64_t)random_between(random, 0, 2) << 32 | low;
}

static void test_removal_agrees_with_a_model(void) {
  enum { ENTRIES = 56, VALUES = 400 };
  for (uint64_t seed = 1; seed <= 20; seed++) {
    struct random random;
    random_seed(&random, (struct siphash_key){seed, 0});
    start(ENTRIES);
    uint64_t hashes[VALUES];
    bool present[VALUES] = {0};
    uint32_t used = 0;
    for (int step = 0; step < 5000; step++) {
      uint32_t value = random_between(&random, 0, VALUES - 1);
      if (!present[value]) {
        hashes[value] = crowded_hash(&random);
        enum result want = used < ENTRIES ? RESULT_OK : RESULT_FULL;
        expect_int(hash_table_insert(&table, hashes[value], value), ==, want);
        if (want == RESULT_OK) present[value] = true, used++;
      }
      for (uint32_t i = 0; i < 8; i++) {
        uint32_t other = random_between(&random, 0, VALUES - 1);
        if (!present[other] || random_between(&random, 0, 1)) continue;
        expect_int(hash_table_remove(&table, hashes[other], other), ==, RESULT_OK);
        present[other] = false, used--;
      }
      expect_int(table.used, ==, used);
      for (uint32_t i = 0; i < VALUES && step % 16 == 0; i++)
        expect(!present[i] || count(hashes[i], i) == 1);
      if (tap_current_failed) printf("# seed %llu, step %d\n", (unsigned long long)seed, step);
      if (tap_current_failed) return;
    }
    for (uint32_t i = 0; i < VALUES; i++)
      if (present[i]) expect_int(hash_table_remove(&table, hashes[i], i), ==, RESULT_OK);
    expect_all_zero(ENTRIES);
  }
}

static void test_a_table_that_grows_keeps_every_entry(void) {
  enum { ENTRIES = 900 };
  for (uint64_t seed = 1; seed <= 50; seed++) {
    struct random random;
    random_seed(&random, (struct siphash_key){seed, 1});
    start(ENTRIES);
    uint64_t hashes[ENTRIES];
    for (uint32_t i = 0; i < ENTRIES && !tap_current_failed; i++) {
      /* At the ends of every size that the table goes through, and all over it. */
      uint32_t size = UINT32_C(64) << random_between(&random, 0, 4), near = random_between(&random, 0, 40);
      bool is_crowded = random_between(&random, 0, 2) > 0;
      hashes[i] = is_crowded ? (random_between(&random, 0, 3) * size + near - 20) & 0xFFF : random_u64(&random);
      uint32_t mask_before = table.mask;
      expect_int(hash_table_insert(&table, hashes[i], i), ==, RESULT_OK);
      for (uint32_t j = 0; j <= i && (table.mask != mask_before || i == ENTRIES - 1); j++)
        expect_int(count(hashes[j], j), ==, 1);
    }
    expect_int(table.mask, ==, table.mask_max);
    for (uint32_t i = 0; i < ENTRIES; i++)
      expect_int(hash_table_remove(&table, hashes[i], i), ==, RESULT_OK);
    expect_all_zero(ENTRIES);
  }
}

/* Entries come and go in the midst of moving; each is there once, whichever side it is on. */
static void test_a_table_that_moves_agrees_with_a_model(void) {
  enum { ENTRIES = 3000 };
  static uint64_t hashes[ENTRIES];
  static bool present[ENTRIES];
  unsigned steps_while_moving = 0;
  for (uint64_t seed = 1; seed <= 30; seed++) {
    struct random random;
    random_seed(&random, (struct siphash_key){seed, 2});
    start(ENTRIES);
    memset(present, 0, sizeof present);
    uint32_t used = 0;
    for (uint32_t step = 0; step < 6 * ENTRIES && !tap_current_failed; step++) {
      uint32_t value = random_between(&random, 0, step < 4 * ENTRIES ? step / 4 : ENTRIES - 1);
      if (!present[value]) hashes[value] = random_between(&random, 0, 3) ? random_u64(&random) : crowded_hash(&random);
      expect_int(present[value] ? hash_table_remove(&table, hashes[value], value)
                                : hash_table_insert(&table, hashes[value], value),
                 ==, RESULT_OK);
      used = present[value] ? used - 1 : used + 1;
      present[value] = !present[value];
      expect_int(table.used, ==, used);
      steps_while_moving += table.old_slots != NULL;
      for (uint32_t i = 0; i < 20; i++) {
        uint32_t other = random_between(&random, 0, ENTRIES - 1);
        expect_int(count(hashes[other], other), ==, present[other] ? 1 : 0);
      }
    }
    for (uint32_t i = 0; i < ENTRIES; i++)
      if (present[i]) expect_int(hash_table_remove(&table, hashes[i], i), ==, RESULT_OK);
    expect_int(table.used, ==, 0);
    if (!table.old_slots) expect_all_zero(ENTRIES);
  }
  expect_int(steps_while_moving, >, 5000);
}

/* At a million entries to move them all would stop a worker for some 40 ms. */
static void test_no_insertion_moves_more_than_a_run_and_a_few_slots(void) {
  enum { ENTRIES = 1000000, LONGEST = 200 };
  start(ENTRIES);
  uint32_t moved_before = 0, most = 0, sizes = 0, mask_before = table.mask;
  for (uint32_t i = 0; i < ENTRIES; i++) {
    expect_int(hash_table_insert(&table, i * UINT64_C(0x9E3779B97F4A7C15), i), ==, RESULT_OK);
    if (table.mask != mask_before) moved_before = 0, sizes++;
    mask_before = table.mask;
    if (table.moved - moved_before > most) most = table.moved - moved_before;
    moved_before = table.moved;
  }
  expect_int(most, <=, LONGEST);
  expect_int(sizes, ==, 15);
  for (uint32_t i = 0; i < ENTRIES; i += 997)
    expect_int(count(i * UINT64_C(0x9E3779B97F4A7C15), i), ==, 1);
}

static void test_few_entries_stand_close_together(void) {
  start(1000000);
  for (uint32_t i = 0; i < 32; i++)
    expect_int(hash_table_insert(&table, i * UINT64_C(0x9E3779B97F4A7C15), i), ==, RESULT_OK);
  expect_int(table.mask, ==, 63);
}

TAP_TESTS(TAP(test_one_hash_may_have_several_values), TAP(test_a_full_table_says_so),
          TAP(test_it_is_never_more_than_seven_eighths_full), TAP(test_zero_is_a_hash_and_a_value_like_any_other),
          TAP(test_a_slot_costs_eight_bytes), TAP(test_removal_agrees_with_a_model),
          TAP(test_a_table_that_grows_keeps_every_entry), TAP(test_a_table_that_moves_agrees_with_a_model),
          TAP(test_no_insertion_moves_more_than_a_run_and_a_few_slots), TAP(test_few_entries_stand_close_together))
