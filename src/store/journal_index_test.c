#include "store/journal_index.h"

#include <stdlib.h>

#include "tap.h"

#define KEYS 500

static struct journal_index index_under_test;

static void make(uint32_t objects_max) {
  static _Alignas(64) char memory[1 << 20];
  memset(memory, 0, sizeof memory);
  expect(journal_index_memory_bytes(objects_max) <= sizeof memory);
  journal_index_init(&index_under_test, memory, objects_max);
}

static struct journal_key key_of(uint32_t number) {
  return (struct journal_key){UINT64_C(0x1990000000000) + number / 7, (uint64_t)number << 32 | 1};
}

static void test_what_is_added_is_found_until_it_is_removed(void) {
  struct journal_index *index = &index_under_test;
  make(KEYS);
  bool in[KEYS] = {false};
  uint32_t random = 1, used = 0;
  for (unsigned step = 0; step < 20000; step++) {
    random = random * 1664525 + 1013904223;
    uint32_t number = (random >> 8) % KEYS;
    struct journal_live *live = journal_index_find(index, key_of(number));
    expect((live != NULL) == in[number]);
    if (live) {
      expect_int(live->put.at, ==, number);
      journal_index_remove(index, live);
      used--;
    } else {
      live = journal_index_add(index, key_of(number));
      expect(live != NULL);
      live->put = (struct journal_place){1, number, 8};
      used++;
    }
    in[number] = !in[number];
    expect_int(index->used, ==, used);
  }
  for (uint32_t number = 0; number < KEYS; number++)
    expect((journal_index_find(index, key_of(number)) != NULL) == in[number]);
}

static void test_a_full_index_takes_no_more_and_keeps_what_it_has(void) {
  struct journal_index *index = &index_under_test;
  make(3);
  for (uint32_t number = 0; number < 3; number++)
    expect(journal_index_add(index, key_of(number)) != NULL);
  expect(journal_index_add(index, key_of(3)) == NULL);
  expect(journal_index_add(index, key_of(2)) != NULL);
  expect_int(index->used, ==, 3);
}

static void test_nothing_lives_under_no_key(void) {
  make(3);
  expect(journal_index_find(&index_under_test, JOURNAL_KEY_NONE) == NULL);
  expect(journal_index_add(&index_under_test, JOURNAL_KEY_NONE) == NULL);
}

TAP_TESTS(TAP(test_what_is_added_is_found_until_it_is_removed),
          TAP(test_a_full_index_takes_no_more_and_keeps_what_it_has), TAP(test_nothing_lives_under_no_key))
