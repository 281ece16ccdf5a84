#include "base/json_text.h"

#include "tap.h"

static char memory[256];

static void test_members_and_values_are_separated_by_commas(void) {
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  json_text_open_object(&builder);
  json_text_field_string(&builder, "number", STR_VIEW("1001"));
  json_text_key(&builder, "list");
  json_text_open_array(&builder);
  json_text_u64(&builder, 1);
  json_text_i64(&builder, -2);
  json_text_bool(&builder, true);
  json_text_null(&builder);
  json_text_close_array(&builder);
  json_text_field_bool(&builder, "nat", false);
  json_text_close_object(&builder);
  expect_view(text_builder_view(&builder), "{\"number\":\"1001\",\"list\":[1,-2,true,null],\"nat\":false}");
}

static void test_objects_written_one_after_the_other_are_separated(void) {
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  for (int i = 0; i < 3; i++) {
    json_text_open_object(&builder);
    json_text_close_object(&builder);
  }
  expect_view(text_builder_view(&builder), "{},{},{}");
}

static void test_a_string_that_ends_like_an_opening_still_gets_its_comma(void) {
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  json_text_open_array(&builder);
  json_text_string(&builder, STR_VIEW("{"));
  json_text_string(&builder, STR_VIEW(","));
  json_text_string(&builder, STR_VIEW(""));
  json_text_close_array(&builder);
  expect_view(text_builder_view(&builder), "[\"{\",\",\",\"\"]");
}

static void test_quotes_backslashes_and_control_characters_are_escaped(void) {
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  json_text_string(&builder, STR_VIEW("a\"b\\c\b\f\n\r\t\0\x1f/\x7f"));
  expect_view(text_builder_view(&builder), "\"a\\\"b\\\\c\\b\\f\\n\\r\\t\\u0000\\u001f/\x7f\"");
}

static void test_well_formed_utf8_is_kept(void) {
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  json_text_string(&builder, STR_VIEW("\xC3\xBC\xE2\x82\xAC\xF0\x9F\x93\x9E"));
  expect_view(text_builder_view(&builder), "\"\xC3\xBC\xE2\x82\xAC\xF0\x9F\x93\x9E\"");
}

/* Overlong, surrogate, beyond U+10FFFF, cut off, continuation alone: one U+FFFD for each byte. */
static void test_bytes_that_are_not_utf8_become_the_replacement_character(void) {
  static const struct {
    struct str_view text;
    unsigned replaced;
  } rows[] = {
      {STR_VIEW_LITERAL("\xC0\x80"), 2},         {STR_VIEW_LITERAL("\xE0\x80\x80"), 3},
      {STR_VIEW_LITERAL("\xED\xA0\x80"), 3},     {STR_VIEW_LITERAL("\xF4\x90\x80\x80"), 4},
      {STR_VIEW_LITERAL("\xE2\x82"), 2},         {STR_VIEW_LITERAL("\x80"), 1},
      {STR_VIEW_LITERAL("\xF0\x8F\xBF\xBF"), 4}, {STR_VIEW_LITERAL("\xFF"), 1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char want[64] = "\"";
    for (unsigned n = 0; n < rows[i].replaced; n++)
      strcat(want, "\xEF\xBF\xBD");
    struct text_builder builder = text_builder_over(memory, sizeof memory);
    json_text_string(&builder, rows[i].text);
    expect_view(text_builder_view(&builder), strcat(want, "\""));
  }
}

static void test_a_stamp_is_rfc_3339_and_null_when_it_never_was(void) {
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  json_text_open_object(&builder);
  json_text_field_stamp(&builder, "a", (struct wall_us){1500});
  json_text_field_stamp(&builder, "b", (struct wall_us){0});
  json_text_close_object(&builder);
  expect_view(text_builder_view(&builder), "{\"a\":\"1970-01-01T00:00:00.001Z\",\"b\":null}");
}

static void test_a_full_builder_says_so(void) {
  struct text_builder builder = text_builder_over(memory, 6);
  json_text_string(&builder, STR_VIEW("12345"));
  expect(builder.overflowed);
}

TAP_TESTS(TAP(test_members_and_values_are_separated_by_commas),
          TAP(test_objects_written_one_after_the_other_are_separated),
          TAP(test_a_string_that_ends_like_an_opening_still_gets_its_comma),
          TAP(test_quotes_backslashes_and_control_characters_are_escaped), TAP(test_well_formed_utf8_is_kept),
          TAP(test_bytes_that_are_not_utf8_become_the_replacement_character),
          TAP(test_a_stamp_is_rfc_3339_and_null_when_it_never_was), TAP(test_a_full_builder_says_so))
