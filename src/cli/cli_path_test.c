#include "cli/cli_path.h"
#include "tap.h"

static void test_what_an_operator_types_cannot_leave_its_path_segment(void) {
  char path[CLI_PATH_BYTES];
  expect(strcmp(cli_path(path, "/api/v1/calls/", "a/../b?x=1#y z"), "/api/v1/calls/a%2F..%2Fb%3Fx%3D1%23y%20z") == 0);
}

static void test_a_part_that_does_not_fit_is_cut(void) {
  char path[CLI_PATH_BYTES], part[2 * CLI_PATH_BYTES];
  memset(part, '/', sizeof part - 1);
  part[sizeof part - 1] = '\0';
  expect_int(strlen(cli_path(path, "/", part)), <, CLI_PATH_BYTES);
}

static void test_filters_become_a_query_and_others_are_refused(void) {
  static const char *const names[] = {"state", "q", NULL};
  char path[CLI_PATH_BYTES] = "/calls";
  expect(cli_path_add_filter(path, "state=up", names) && cli_path_add_filter(path, "q=a b", names));
  expect(strcmp(path, "/calls?state=up&q=a%20b") == 0);
  expect(!cli_path_add_filter(path, "states=up", names) && !cli_path_add_filter(path, "state", names));
}

TAP_TESTS(TAP(test_filters_become_a_query_and_others_are_refused),
          TAP(test_what_an_operator_types_cannot_leave_its_path_segment), TAP(test_a_part_that_does_not_fit_is_cut))
