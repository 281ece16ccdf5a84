#include "configuration/json_place.h"
#include "tap.h"

static const char document[] = "{\n"
                               "  \"a\": 1,\n"
                               "  \"phones\": [\n"
                               "    {\"number\": \"1001\", \"x\": \"} ] \\\" ,\"},\n"
                               "    {\"number\": \"1002\",\n"
                               "     \"capacity\": 5}\n"
                               "  ],\n"
                               "  \"last\": [[], {}, true]\n"
                               "}\n";

static int line_of(const char *pointer) {
  return json_place_line(document, sizeof document - 1, pointer);
}

static void test_the_line_of_a_value_is_found(void) {
  expect_int(line_of(""), ==, 1);
  expect_int(line_of("/a"), ==, 2);
  expect_int(line_of("/phones"), ==, 3);
  expect_int(line_of("/phones/0"), ==, 4);
  expect_int(line_of("/phones/0/x"), ==, 4);
  expect_int(line_of("/phones/1"), ==, 5);
  expect_int(line_of("/phones/1/capacity"), ==, 6);
  expect_int(line_of("/last/2"), ==, 8);
}

static void test_what_is_not_there_has_no_line(void) {
  expect_int(line_of("/b"), ==, 0);
  expect_int(line_of("/phones/2"), ==, 0);
  expect_int(line_of("/a/b"), ==, 0);
}

TAP_TESTS(TAP(test_the_line_of_a_value_is_found), TAP(test_what_is_not_there_has_no_line))
