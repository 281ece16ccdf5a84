#include "routing/number_transform.h"

#include "tap.h"

static char arena_memory[4096], problem_memory[512];
static struct arena arena;

static struct number_rule rule(const char *text) {
  struct number_rule parsed = {0};
  struct text_builder problem = text_builder_over(problem_memory, sizeof problem_memory);
  expect_int(number_rule_parse(str_view_from_c(text), &parsed, &problem), ==, RESULT_OK);
  return parsed;
}

/* Up to three rules. */
static struct str_view transformed(const char *number, const char *a, const char *b, const char *c) {
  struct number_rule rules[3];
  unsigned count = 0;
  const char *texts[3] = {a, b, c};
  for (unsigned i = 0; i < 3 && texts[i]; i++)
    rules[count++] = rule(texts[i]);
  arena_init(&arena, arena_memory, sizeof arena_memory);
  return number_transform(str_view_from_c(number), rules, count, &arena);
}

static void test_a_prefix_is_put_before_any_number(void) {
  expect_view(transformed("442012", "*:00*", NULL, NULL), "00442012");
  expect_view(transformed("", "*:00*", NULL, NULL), "00");
  expect_view(transformed("442012", "*:a*", NULL, NULL), "a442012");
}

static void test_a_prefix_is_replaced_or_taken_off(void) {
  expect_view(transformed("00491234", "0049*:49*", NULL, NULL), "491234");
  expect_view(transformed("0049", "0049*:49*", NULL, NULL), "49");
  expect_view(transformed("a4420", "a*:*", NULL, NULL), "4420");
  expect_view(transformed("+4420", "+*:00*", NULL, NULL), "004420");
}

static void test_a_number_that_no_rule_matches_stays(void) {
  expect_view(transformed("1234", "0049*:49*", "12:99", "12345*:1*"), "1234");
  expect_view(transformed("1234", NULL, NULL, NULL), "1234");
}

static void test_the_longest_original_wins_and_the_first_of_equals(void) {
  expect_view(transformed("441234", "*:1*", "44*:2*", "4*:3*"), "21234");
  expect_view(transformed("44", "4?:7", "?4:8", NULL), "7");
  expect_view(transformed("44", "?4:8", "4?:7", NULL), "8");
}

static void test_a_question_mark_is_exactly_one_digit(void) {
  expect_view(transformed("1234", "12??:9", NULL, NULL), "9");
  expect_view(transformed("123", "12??:9", NULL, NULL), "123");
  expect_view(transformed("12a4", "12??:9", NULL, NULL), "12a4");
}

static void test_a_star_is_digits_only(void) {
  expect_view(transformed("+4420", "*:00*", NULL, NULL), "+4420");
  expect_view(transformed("alice", "*:00*", NULL, NULL), "alice");
}

static void test_a_star_may_stand_between_fixed_ends(void) {
  expect_view(transformed("12345#", "1*#:*", NULL, NULL), "2345");
  expect_view(transformed("1#", "1*1#:*", NULL, NULL), "1#"); /* head and tail may not overlap */
}

static void test_a_dollar_keeps_the_digit_at_its_place(void) {
  expect_view(transformed("01234", "0????:9$$$$", NULL, NULL), "91234");
  expect_view(transformed("5678", "5*:$*0", NULL, NULL), "56780");
  expect_view(transformed("123456", "*??:*$0", NULL, NULL), "123450");
  expect_view(transformed("1", "1:2$$", NULL, NULL), "2"); /* nothing stands at those places */
}

static void test_a_result_beyond_64_characters_leaves_the_number(void) {
  static const char number[] = "1234567890123456789012345678901234567890123456789012345678901234";
  expect_view(transformed(number, "*:*", NULL, NULL), number);
  expect_view(transformed(number, "*:0*", NULL, NULL), number);
}

static void test_a_full_arena_leaves_the_number(void) {
  struct number_rule rules[1] = {rule("*:00*")};
  arena_init(&arena, arena_memory, 16);
  expect_view(number_transform(STR_VIEW("123"), rules, 1, &arena), "123");
}

static void test_what_is_no_rule_is_refused_with_a_sentence(void) {
  static const char *const texts[] = {
      "0049",  ":49",   "00*",   "1**:2", "1:*",
      "1 2:3", "1:2:3", "(1):2", "12:",   "1234567890123456789012345678901234567890123456789012345678901234567:1"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    struct number_rule parsed;
    struct text_builder problem = text_builder_over(problem_memory, sizeof problem_memory);
    expect_int(number_rule_parse(str_view_from_c(texts[i]), &parsed, &problem), ==, RESULT_MALFORMED);
    expect(str_view_starts_with(text_builder_view(&problem), STR_VIEW("number rule \"")));
  }
}

TAP_TESTS(TAP(test_a_prefix_is_put_before_any_number), TAP(test_a_prefix_is_replaced_or_taken_off),
          TAP(test_a_number_that_no_rule_matches_stays), TAP(test_the_longest_original_wins_and_the_first_of_equals),
          TAP(test_a_question_mark_is_exactly_one_digit), TAP(test_a_star_is_digits_only),
          TAP(test_a_star_may_stand_between_fixed_ends), TAP(test_a_dollar_keeps_the_digit_at_its_place),
          TAP(test_a_result_beyond_64_characters_leaves_the_number), TAP(test_a_full_arena_leaves_the_number),
          TAP(test_what_is_no_rule_is_refused_with_a_sentence))
