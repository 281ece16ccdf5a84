#include "base/text_builder.h"

#include "tap.h"

static char memory[128];

static void test_pieces_stand_one_after_the_other(void) {
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  text_builder_add_literal(&builder, "CSeq: ");
  text_builder_add_u64(&builder, 0);
  text_builder_add_char(&builder, ' ');
  text_builder_add(&builder, (struct str_view){0});
  text_builder_add(&builder, STR_VIEW("ACK"));
  expect_view(text_builder_view(&builder), "CSeq: 0 ACK");
  expect(!builder.overflowed);
}

static void test_a_piece_that_does_not_fit_is_left_out_whole_and_closes_the_builder(void) {
  memset(memory, '#', sizeof memory);
  struct text_builder builder = text_builder_over(memory, 4);
  text_builder_add_literal(&builder, "abc");
  text_builder_add_literal(&builder, "de");
  expect(builder.overflowed);
  text_builder_add_char(&builder, 'f');
  expect_view(text_builder_view(&builder), "abc");
  expect_int(memory[3], ==, '#');
}

static void test_exactly_full_is_not_an_overflow(void) {
  struct text_builder builder = text_builder_over(memory, 3);
  text_builder_add_literal(&builder, "abc");
  expect(!builder.overflowed);
  text_builder_add(&builder, STR_VIEW(""));
  expect(!builder.overflowed);
  text_builder_add_char(&builder, 'd');
  expect(builder.overflowed);
}

static void test_numbers_reach_their_limits(void) {
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  text_builder_add_u64(&builder, UINT64_MAX);
  text_builder_add_char(&builder, ' ');
  text_builder_add_i64(&builder, INT64_MIN);
  text_builder_add_char(&builder, ' ');
  text_builder_add_i64(&builder, INT64_MAX);
  text_builder_add_char(&builder, ' ');
  text_builder_add_i64(&builder, 0);
  expect_view(text_builder_view(&builder), "18446744073709551615 -9223372036854775808 9223372036854775807 0");
}

static void test_numbers_of_every_length_are_written_in_full(void) {
  uint64_t value = 1;
  for (unsigned digits = 1; digits <= 19; digits++, value *= 10) {
    const uint64_t around[] = {value - 1, value, value + 1, value * 10 - 1};
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
      char place[24], expected[24];
      struct text_builder builder = text_builder_over(place, sizeof place);
      text_builder_add_u64(&builder, around[i]);
      snprintf(expected, sizeof expected, "%llu", (unsigned long long)around[i]);
      expect_view(text_builder_view(&builder), expected);
    }
  }
}

static void test_hex_of_every_length_is_the_end_of_the_whole(void) {
  const uint64_t value = UINT64_C(0x0123456789abcdef);
  for (unsigned digits = 1; digits <= 16; digits++) {
    char place[16];
    struct text_builder builder = text_builder_over(place, sizeof place);
    text_builder_add_hex(&builder, value, digits);
    expect_view(text_builder_view(&builder), &"0123456789abcdef"[16 - digits]);
  }
}

static void test_each_byte_is_two_hexadecimal_digits(void) {
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  text_builder_add_hex_bytes(&builder, str_view_of("\0\x9a\xff", 3));
  expect_view(text_builder_view(&builder), "009aff");
  builder = text_builder_over(memory, 5);
  text_builder_add_hex_bytes(&builder, STR_VIEW("abc"));
  expect(builder.overflowed);
}

static void test_hex_has_exactly_the_digits_asked_for(void) {
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  text_builder_add_hex(&builder, 0xa0, 2);
  text_builder_add_char(&builder, ' ');
  text_builder_add_hex(&builder, 0xbeef, 8);
  text_builder_add_char(&builder, ' ');
  text_builder_add_hex(&builder, 0x12345, 1);
  text_builder_add_char(&builder, ' ');
  text_builder_add_hex(&builder, UINT64_MAX - 1, 16);
  expect_view(text_builder_view(&builder), "a0 0000beef 5 fffffffffffffffe");
}

/* The vectors of RFC 4648 section 10 without padding, and the two letters in which base64url differs (section 5). */
static void test_base64url_writes_the_vectors_of_rfc_4648(void) {
  static const char *const vectors[][2] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xff\xef\xbe", "_---"}};
  for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
    struct text_builder builder = text_builder_over(memory, sizeof memory);
    text_builder_add_base64url(&builder, str_view_from_c(vectors[i][0]));
    expect_view(text_builder_view(&builder), vectors[i][1]);
  }
}

static void test_sort_keys_are_of_one_length_and_in_the_order_of_their_texts(void) {
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  text_builder_add_sort_key(&builder, STR_VIEW("aB"), 3);
  text_builder_add_char(&builder, ' ');
  text_builder_add_sort_key(&builder, STR_VIEW("abcd"), 3);
  expect_view(text_builder_view(&builder), "616200 616263");
}

TAP_TESTS(TAP(test_pieces_stand_one_after_the_other),
          TAP(test_a_piece_that_does_not_fit_is_left_out_whole_and_closes_the_builder),
          TAP(test_sort_keys_are_of_one_length_and_in_the_order_of_their_texts),
          TAP(test_exactly_full_is_not_an_overflow), TAP(test_numbers_reach_their_limits),
          TAP(test_each_byte_is_two_hexadecimal_digits), TAP(test_hex_has_exactly_the_digits_asked_for),
          TAP(test_numbers_of_every_length_are_written_in_full), TAP(test_hex_of_every_length_is_the_end_of_the_whole),
          TAP(test_base64url_writes_the_vectors_of_rfc_4648))
