#include "boot/ini_reader.h"

#include "tap.h"

static void test_entries_carry_their_section_and_line(void) {
  struct ini_reader reader = ini_reader_over(STR_VIEW("# first\n\n[sip]\r\nlisten = udp:127.0.0.1:5060\r\n"
                                                      "  [store]\n data=\t/var/lib/belfry \n; last"));
  struct ini_entry entry;
  const char *problem;
  expect_int(ini_reader_next(&reader, &entry, &problem), ==, RESULT_OK);
  expect_view(entry.section, "sip");
  expect_view(entry.key, "listen");
  expect_view(entry.value, "udp:127.0.0.1:5060");
  expect_int(reader.line, ==, 4);
  expect_int(ini_reader_next(&reader, &entry, &problem), ==, RESULT_OK);
  expect_view(entry.section, "store");
  expect_view(entry.value, "/var/lib/belfry");
  expect_int(reader.line, ==, 6);
  expect_int(ini_reader_next(&reader, &entry, &problem), ==, RESULT_NOT_FOUND);
}

static void test_a_value_keeps_comment_signs_and_equals(void) {
  struct ini_reader reader = ini_reader_over(STR_VIEW("[a]\nb = x # y ; z = 1"));
  struct ini_entry entry;
  const char *problem;
  expect_int(ini_reader_next(&reader, &entry, &problem), ==, RESULT_OK);
  expect_view(entry.value, "x # y ; z = 1");
}

static void expect_problem(struct str_view text, unsigned line, const char *wanted) {
  struct ini_reader reader = ini_reader_over(text);
  struct ini_entry entry;
  const char *problem = NULL;
  enum result result;
  do
    result = ini_reader_next(&reader, &entry, &problem);
  while (result == RESULT_OK);
  expect_int(result, ==, RESULT_MALFORMED);
  expect_int(reader.line, ==, line);
  expect(problem && strstr(problem, wanted));
}

static void test_what_is_not_understood_is_refused_with_its_line(void) {
  expect_problem(STR_VIEW("[a]\nb = 1\nnonsense\n"), 3, "key = value");
  expect_problem(STR_VIEW("\nkey = 1\n"), 2, "before the first");
  expect_problem(STR_VIEW("[sip\n"), 1, "ends with");
  expect_problem(STR_VIEW("[]\n"), 1, "section's name");
  expect_problem(STR_VIEW("["), 1, "ends with");
  expect_problem(STR_VIEW("[Sip]\n"), 1, "section's name");
  expect_problem(STR_VIEW("[a]\nKey = 1\n"), 2, "a key is");
  expect_problem(STR_VIEW("[a]\n= 1\n"), 2, "a key is");
  expect_problem(STR_VIEW("[a]\nkey =  \n"), 2, "missing");
  expect_problem(STR_VIEW("[a]\nkey = a\0b\n"), 2, "control");
}

static void test_a_line_beyond_the_limit_is_refused(void) {
  static char text[INI_LINE_BYTES_MAX + 16];
  memset(text, 'x', sizeof text);
  memcpy(text, "[a]\nb=", 6);
  struct ini_reader reader = ini_reader_over(str_view_of(text, 4 + INI_LINE_BYTES_MAX));
  struct ini_entry entry;
  const char *problem;
  expect_int(ini_reader_next(&reader, &entry, &problem), ==, RESULT_OK);
  reader = ini_reader_over(str_view_of(text, 5 + INI_LINE_BYTES_MAX));
  expect_int(ini_reader_next(&reader, &entry, &problem), ==, RESULT_MALFORMED);
}

TAP_TESTS(TAP(test_entries_carry_their_section_and_line), TAP(test_a_value_keeps_comment_signs_and_equals),
          TAP(test_what_is_not_understood_is_refused_with_its_line), TAP(test_a_line_beyond_the_limit_is_refused))
