#include "base/pool.h"

#include <stdlib.h>

#include "tap.h"

static _Alignas(64) char memory[4096];
static struct pool pool;

static void start(uint32_t slot_bytes, uint32_t capacity) {
  memset(memory, 0, sizeof memory);
  if (pool_memory_bytes(slot_bytes, capacity) > sizeof memory) abort();
  pool_init(&pool, memory, slot_bytes, capacity);
}

static void test_a_full_pool_gives_nothing_and_a_slot_given_back_can_be_taken(void) {
  start(12, 3);
  struct handle handle;
  void *slots[3];
  for (int i = 0; i < 3; i++) {
    slots[i] = pool_take(&pool, &handle);
    expect(slots[i] != NULL);
    expect(pool_get(&pool, handle) == slots[i]);
    expect(pool_at(&pool, handle.index) == slots[i]);
  }
  expect(pool_take(&pool, &handle) == NULL);
  pool_give(&pool, slots[1]);
  expect_int(pool.used, ==, 2);
  expect(pool_take(&pool, &handle) == slots[1]);
  expect_int(handle.index, ==, 1);
}

static void test_a_stale_handle_finds_nothing_even_when_the_slot_lives_again(void) {
  start(8, 2);
  struct handle first, second;
  void *slot = pool_take(&pool, &first);
  expect(handle_equal(pool_handle_of(&pool, slot), first));
  pool_give(&pool, slot);
  expect(pool_get(&pool, first) == NULL);
  expect(pool_take(&pool, &second) == slot);
  expect(pool_get(&pool, first) == NULL);
  expect(pool_get(&pool, second) == slot);
}

static void test_handles_from_outside_are_safe(void) {
  start(8, 2);
  struct handle handle;
  void *slot = pool_take(&pool, &handle);
  expect(pool_get(&pool, HANDLE_NONE) == NULL);
  expect(pool_get(&pool, (struct handle){0, 0}) == NULL);
  expect(pool_get(&pool, (struct handle){1, 1}) == NULL);
  expect(pool_get(&pool, (struct handle){2, 1}) == NULL);
  expect(pool_get(&pool, (struct handle){UINT32_MAX, UINT32_MAX}) == NULL);
  pool_give(&pool, slot);
  /* The generation of a free slot is not a handle to it. */
  expect(pool_get(&pool, (struct handle){0, handle.generation + 1}) == NULL);
}

static void test_generation_zero_is_never_given_out(void) {
  start(8, 1);
  struct handle handle;
  pool.generations[0] = UINT32_MAX - 1;
  void *slot = pool_take(&pool, &handle);
  expect_int(handle.generation, ==, UINT32_MAX);
  pool_give(&pool, slot);
  slot = pool_take(&pool, &handle);
  expect_int(handle.generation, ==, 1);
}

static void test_a_taken_slot_is_zero_unless_asked_otherwise(void) {
  start(16, 1);
  struct handle handle;
  char *slot = pool_take(&pool, &handle);
  memset(slot, 0x55, 16);
  pool_give(&pool, slot);
  slot = pool_take_uncleared(&pool, &handle);
  expect_int(slot[15], ==, 0x55);
  pool_give(&pool, slot);
  slot = pool_take(&pool, &handle);
  expect(slot[0] == 0 && slot[15] == 0);
}

static void test_the_walk_sees_exactly_the_taken_slots(void) {
  start(8, 8);
  struct handle handle;
  void *slots[5];
  for (int i = 0; i < 5; i++)
    slots[i] = pool_take(&pool, &handle);
  pool_give(&pool, slots[0]);
  pool_give(&pool, slots[3]);
  uint32_t index = 0;
  expect(pool_next(&pool, &index) == slots[1]);
  expect(pool_next(&pool, &index) == slots[2]);
  expect(pool_next(&pool, &index) == slots[4]);
  expect(pool_next(&pool, &index) == NULL);
}

static void test_slots_do_not_overlap_each_other_or_the_books(void) {
  start(20, 10);
  struct handle handles[10];
  for (int i = 0; i < 10; i++)
    memset(pool_take(&pool, &handles[i]), 0xff, 20);
  for (int i = 0; i < 10; i++)
    expect(pool_get(&pool, handles[i]) != NULL);
  expect((char *)(pool.generations + 10) <= memory + pool_memory_bytes(20, 10));
}

static void test_the_hint_names_the_slots_never_used(void) {
  start(8, 4);
  struct handle handle;
  void *slot = pool_take(&pool, &handle);
  pool_give(&pool, slot);
  expect(pool_touch_hint(&pool, 2).data == memory + 8);
  expect_int(pool_touch_hint(&pool, 2).length, ==, 16);
  expect_int(pool_touch_hint(&pool, 100).length, ==, 24);
}

static void test_restored_slots_keep_their_names_and_the_gaps_are_handed_out(void) {
  static _Alignas(64) char fresh[4096];
  struct pool kept;
  pool_init(&kept, fresh, 16, 8);
  struct handle sixth = {5, 7}, second = {1, 3}, other;
  char *slot = pool_take_at(&kept, sixth);
  expect(slot != NULL && pool_take_at(&kept, second) != NULL);
  expect(pool_take_at(&kept, (struct handle){5, 9}) == NULL);
  expect(pool_take_at(&kept, (struct handle){8, 1}) == NULL);
  expect(pool_take_at(&kept, (struct handle){2, 4}) == NULL);
  pool_restored(&kept);
  expect(pool_get(&kept, sixth) == slot);
  expect(pool_get(&kept, (struct handle){5, 5}) == NULL);
  unsigned taken = 0;
  while (pool_take(&kept, &other)) {
    expect(!handle_equal(other, sixth) && !handle_equal(other, second));
    taken++;
  }
  expect_int(taken, ==, 6);
  pool_give(&kept, slot);
  expect(pool_get(&kept, sixth) == NULL);
  expect(pool_take(&kept, &other) == slot && other.generation == 9);
}

TAP_TESTS(TAP(test_restored_slots_keep_their_names_and_the_gaps_are_handed_out),
          TAP(test_a_full_pool_gives_nothing_and_a_slot_given_back_can_be_taken),
          TAP(test_a_stale_handle_finds_nothing_even_when_the_slot_lives_again),
          TAP(test_handles_from_outside_are_safe), TAP(test_generation_zero_is_never_given_out),
          TAP(test_a_taken_slot_is_zero_unless_asked_otherwise), TAP(test_the_walk_sees_exactly_the_taken_slots),
          TAP(test_slots_do_not_overlap_each_other_or_the_books), TAP(test_the_hint_names_the_slots_never_used))
