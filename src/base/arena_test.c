#include "base/arena.h"

#include "tap.h"

static _Alignas(16) char memory[64];

static void test_what_is_taken_is_aligned_even_in_unaligned_memory(void) {
  struct arena arena;
  arena_init(&arena, memory + 1, sizeof memory - 1);
  for (int i = 0; i < 3; i++) {
    char *taken = arena_take(&arena, 3);
    expect(taken != NULL);
    expect_int((uintptr_t)taken % 8, ==, 0);
  }
  expect(arena_copy(&arena, STR_VIEW("x")).data == memory + 27);
}

static void test_a_full_arena_says_so_and_stays_usable(void) {
  struct arena arena;
  arena_init(&arena, memory, sizeof memory);
  expect(arena_take(&arena, sizeof memory + 1) == NULL);
  expect(arena_take(&arena, SIZE_MAX) == NULL);
  expect(arena_take(&arena, 60) == memory);
  expect(arena_take(&arena, 1) == NULL);
  expect_view(arena_copy(&arena, STR_VIEW("last")), "last");
  expect(arena_copy(&arena, STR_VIEW("x")).data == NULL);
}

static void test_reset_gives_all_back_and_remembers_the_most(void) {
  struct arena arena;
  arena_init(&arena, memory, sizeof memory);
  expect(arena_take(&arena, 40) != NULL);
  arena_reset(&arena);
  expect(arena_take(&arena, 8) == memory);
  expect_int(arena.most_used, ==, 40);
}

static void test_a_builder_without_room_overflows_at_once(void) {
  struct arena arena;
  arena_init(&arena, memory, sizeof memory);
  struct text_builder builder = arena_builder(&arena, 60);
  text_builder_add_literal(&builder, "abc");
  expect_view(text_builder_view(&builder), "abc");
  builder = arena_builder(&arena, 60);
  expect(!builder.overflowed);
  text_builder_add_char(&builder, 'a');
  expect(builder.overflowed);
  expect_view(text_builder_view(&builder), "");
}

TAP_TESTS(TAP(test_what_is_taken_is_aligned_even_in_unaligned_memory), TAP(test_a_full_arena_says_so_and_stays_usable),
          TAP(test_reset_gives_all_back_and_remembers_the_most), TAP(test_a_builder_without_room_overflows_at_once))
