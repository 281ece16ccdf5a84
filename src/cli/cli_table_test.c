#include <jansson.h>

#include "cli/cli_table.h"
#include "tap.h"

static void test_values_are_found_by_path_and_shown_as_people_expect(void) {
  json_t *object = json_loads("{\"a\":{\"b\":5,\"t\":true,\"n\":null},\"l\":[\"44\",\"*\"],\"s\":\"x\"}", 0, NULL);
  char text[64];
  expect(strcmp(cli_value_text(object, "a.b", text, sizeof text), "5") == 0);
  expect(strcmp(cli_value_text(object, "a.t", text, sizeof text), "yes") == 0);
  expect(strcmp(cli_value_text(object, "a.n", text, sizeof text), "-") == 0);
  expect(strcmp(cli_value_text(object, "a.b.c", text, sizeof text), "-") == 0);
  expect(strcmp(cli_value_text(object, "missing", text, sizeof text), "-") == 0);
  expect(strcmp(cli_value_text(object, "l", text, sizeof text), "44,*") == 0);
  expect(strcmp(cli_value_text(object, "s", text, sizeof text), "x") == 0);
  json_decref(object);
}

static void test_a_long_list_is_cut_to_the_buffer(void) {
  json_t *object = json_loads("{\"l\":[\"1234567\",\"1234567\",\"1234567\"]}", 0, NULL);
  char text[12];
  cli_value_text(object, "l", text, sizeof text);
  expect_int(strlen(text), <, sizeof text);
  json_decref(object);
}

TAP_TESTS(TAP(test_values_are_found_by_path_and_shown_as_people_expect), TAP(test_a_long_list_is_cut_to_the_buffer))
