#include "admin/found_page.h"
#include "tap.h"

static struct found_page page;

/* A page of the lines "b 2", "a 1", "c 3 and more", "a 0". */
static void fill(bool is_descending, uint32_t offset, uint32_t limit, const char *after) {
  page = (struct found_page){.is_descending = is_descending, .offset = offset, .limit = limit, .after = after};
  page.lines_in = open_memstream(&page.text, &page.text_length);
  fputs("b 2\na 1\nc 3 and more\na 0\n", page.lines_in);
  expect_int(found_page_sort(&page), ==, RESULT_OK);
}

/* What is in sight, as "0,1". */
static const char *ids(void) {
  static char text[128];
  text[0] = '\0';
  for (size_t i = page.from; i < page.to; i++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > page.from ? "," : "",
             found_page_id(&page, i));
  return text;
}

static void expect_page(const char *wanted) {
  expect_view(str_view_from_c(ids()), wanted);
  expect_int(page.count, ==, 4);
  found_page_free(&page);
}

static void test_lines_are_sorted_by_their_keys_upwards_or_downwards(void) {
  fill(false, 0, 10, NULL);
  expect_page("0,1,2,3 and more");
  fill(true, 0, 10, NULL);
  expect_page("3 and more,2,1,0");
}

static void test_a_page_is_of_the_limits_length_from_the_offset_on(void) {
  fill(false, 1, 2, NULL);
  expect_page("1,2");
  fill(false, 3, 2, NULL);
  expect_page("3 and more");
  fill(false, 9, 2, NULL);
  expect_page("");
}

static void test_a_cursor_goes_on_behind_a_line_even_if_that_is_gone(void) {
  fill(false, 0, 10, "a 1");
  expect_page("2,3 and more");
  fill(false, 0, 10, "aa 7");
  expect_page("2,3 and more");
  fill(true, 0, 1, "b 2");
  expect_page("1");
}

static void test_the_answer_says_how_many_fit_and_where_it_goes_on(void) {
  struct api_response response = {0};
  fill(false, 1, 2, NULL);
  found_page_respond(&page, json_array(), &response);
  expect_view(str_view_from_c(response.body), "{\"items\":[],\"next_cursor\":\"b 2\",\"total\":4,\"offset\":1}");
  free(response.body);
  found_page_free(&page);
}

TAP_TESTS(TAP(test_lines_are_sorted_by_their_keys_upwards_or_downwards),
          TAP(test_a_page_is_of_the_limits_length_from_the_offset_on),
          TAP(test_a_cursor_goes_on_behind_a_line_even_if_that_is_gone),
          TAP(test_the_answer_says_how_many_fit_and_where_it_goes_on))
