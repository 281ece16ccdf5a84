#include "base/str_view.h"

#include "tap.h"

static void test_views_are_equal_when_their_bytes_are(void) {
  expect(str_view_equal(STR_VIEW("a\0b"), str_view_of("a\0b", 3)));
  expect(!str_view_equal(STR_VIEW("a\0b"), STR_VIEW("a\0c")));
  expect(!str_view_equal(STR_VIEW("ab"), STR_VIEW("abc")));
  expect(str_view_equal(STR_VIEW(""), (struct str_view){0}));
}

static void test_case_is_ignored_for_ascii_letters_only(void) {
  expect(str_view_equal_nocase(STR_VIEW("Call-ID"), STR_VIEW("cALL-id")));
  expect(!str_view_equal_nocase(STR_VIEW("@"), STR_VIEW("`")));
  expect(!str_view_equal_nocase(STR_VIEW("["), STR_VIEW("{")));
  expect(!str_view_equal_nocase(STR_VIEW("\xc4"), STR_VIEW("\xe4")));
  expect(str_view_equal_nocase((struct str_view){0}, STR_VIEW("")));
  expect(!str_view_equal_nocase(STR_VIEW("ab"), STR_VIEW("a")));
}

static void test_prefixes_are_found(void) {
  expect(str_view_starts_with(STR_VIEW("sip:1001"), STR_VIEW("sip:")));
  expect(!str_view_starts_with(STR_VIEW("SIP:1001"), STR_VIEW("sip:")));
  expect(str_view_starts_with_nocase(STR_VIEW("SIP:1001"), STR_VIEW("sip:")));
  expect(!str_view_starts_with(STR_VIEW("si"), STR_VIEW("sip:")));
  expect(!str_view_starts_with_nocase(STR_VIEW("si"), STR_VIEW("sip:")));
  expect(str_view_starts_with(STR_VIEW(""), STR_VIEW("")));
}

static void test_slices_are_cut_to_what_is_there(void) {
  struct str_view text = STR_VIEW("abcdef");
  expect_view(str_view_from(text, 2), "cdef");
  expect_view(str_view_from(text, 6), "");
  expect_view(str_view_from(text, SIZE_MAX), "");
  expect_view(str_view_slice(text, 1, 2), "bc");
  expect_view(str_view_slice(text, 4, SIZE_MAX), "ef");
  expect_view(str_view_slice(text, 9, 1), "");
}

static void test_trim_takes_all_four_blanks_from_both_ends(void) {
  expect_view(str_view_trim(STR_VIEW(" \t\r\n a b \r\n\t ")), "a b");
  expect_view(str_view_trim(STR_VIEW(" \r\n ")), "");
  expect_view(str_view_trim((struct str_view){0}), "");
  expect_view(str_view_trim(STR_VIEW("a")), "a");
}

static void test_find_gives_the_first_place_or_the_length(void) {
  expect_int(str_view_find(STR_VIEW("a;b;c"), ';'), ==, 1);
  expect_int(str_view_find(STR_VIEW("abc"), ';'), ==, 3);
  expect_int(str_view_find((struct str_view){0}, ';'), ==, 0);
  expect_int(str_view_find(STR_VIEW("a\xff"), (char)0xff), ==, 1);
}

static void test_numbers_are_read_whole_or_not_at_all(void) {
  uint32_t value = 7;
  expect(str_view_to_u32(STR_VIEW("4294967295"), &value));
  expect_int(value, ==, UINT32_MAX);
  expect(str_view_to_u32(STR_VIEW("000000000000000000000012"), &value));
  expect_int(value, ==, 12);
  static const char *const refused[] = {"", "4294967296", "99999999999999999999", "-1", "+1", " 1", "1 ", "1x", "0x10"};
  value = 7;
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
    expect(!str_view_to_u32(str_view_from_c(refused[i]), &value));
  expect_int(value, ==, 7);
}

static void test_64_bit_numbers_end_at_their_limit(void) {
  uint64_t value = 7;
  expect(!str_view_to_u64(STR_VIEW("18446744073709551616"), &value));
  expect(!str_view_to_u64(STR_VIEW("184467440737095516150"), &value));
  expect(value == 7);
  expect(str_view_to_u64(STR_VIEW("18446744073709551615"), &value));
  expect(value == UINT64_MAX);
}

static void test_a_part_is_found_wherever_it_stands_and_however_it_is_written(void) {
  expect(str_view_contains_folded(STR_VIEW("Vendor-A"), STR_VIEW("vendor-a")));
  expect(str_view_contains_folded(STR_VIEW("aavENd"), STR_VIEW("vend")));
  expect(str_view_contains_folded(STR_VIEW("x"), STR_VIEW("")));
  expect(!str_view_contains_folded(STR_VIEW("ven"), STR_VIEW("vend")));
  expect(!str_view_contains_folded((struct str_view){0}, STR_VIEW("v")));
}

static void test_hexadecimal_digits_are_read_whole_or_not_at_all(void) {
  static const char *const refused[] = {"", "A", "0x1", " 1", "g", "12345678901234567"};
  uint64_t value = 7;
  for (unsigned i = 0; i < sizeof refused / sizeof refused[0]; i++)
    expect(!str_view_hex_to_u64(str_view_from_c(refused[i]), &value));
  expect_int(value, ==, 7);
  expect(str_view_hex_to_u64(STR_VIEW("09af"), &value) && value == 0x9af);
  expect(str_view_hex_to_u64(STR_VIEW("ffffffffffffffff"), &value) && value == UINT64_MAX);
}

static void test_hexadecimal_digits_of_others_may_be_of_either_case(void) {
  uint64_t value;
  expect(str_view_any_hex_to_u64(STR_VIEW("09afAF"), &value) && value == 0x9afaf);
  expect(!str_view_any_hex_to_u64(STR_VIEW("AG"), &value));
  expect(!str_view_any_hex_to_u64(STR_VIEW("@A"), &value));
  expect(!str_view_any_hex_to_u64(STR_VIEW(""), &value));
  expect(!str_view_any_hex_to_u64(STR_VIEW("12345678901234567"), &value));
}

TAP_TESTS(TAP(test_views_are_equal_when_their_bytes_are), TAP(test_case_is_ignored_for_ascii_letters_only),
          TAP(test_a_part_is_found_wherever_it_stands_and_however_it_is_written), TAP(test_prefixes_are_found),
          TAP(test_slices_are_cut_to_what_is_there), TAP(test_trim_takes_all_four_blanks_from_both_ends),
          TAP(test_find_gives_the_first_place_or_the_length), TAP(test_numbers_are_read_whole_or_not_at_all),
          TAP(test_64_bit_numbers_end_at_their_limit), TAP(test_hexadecimal_digits_are_read_whole_or_not_at_all),
          TAP(test_hexadecimal_digits_of_others_may_be_of_either_case))
