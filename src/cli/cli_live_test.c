#include "cli/cli_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

static char *drawn(const char *text, int columns, int rows) {
  char *memory = NULL;
  size_t length = 0;
  FILE *screen = open_memstream(&memory, &length);
  cli_live_draw(screen, text, columns, rows);
  fclose(screen);
  return memory;
}

static void test_each_line_clears_what_stood_behind_it(void) {
  char *screen = drawn("one\ntwo\n", 80, 24);
  expect(strcmp(screen, "\033[Hone\033[K\ntwo\033[K\n\033[J") == 0);
  free(screen);
}

static void test_lines_and_rows_are_cut_to_the_screen(void) {
  char *screen = drawn("abcdef\nghi\njkl\n", 4, 2);
  expect(strcmp(screen, "\033[Habcd\033[K\nghi\033[K\033[J") == 0);
  free(screen);
}

static void test_a_character_of_several_bytes_is_not_cut_apart(void) {
  char *screen = drawn("\xc3\xa4\xc3\xb6\xc3\xbc\n", 2, 5);
  expect(strcmp(screen, "\033[H\xc3\xa4\xc3\xb6\033[K\n\033[J") == 0);
  free(screen);
}

static void test_only_what_shows_can_be_live(void) {
  expect(cli_live_can("calls") && cli_live_can("status") && !cli_live_can("hangup") && !cli_live_can("set"));
}

TAP_TESTS(TAP(test_each_line_clears_what_stood_behind_it), TAP(test_lines_and_rows_are_cut_to_the_screen),
          TAP(test_a_character_of_several_bytes_is_not_cut_apart), TAP(test_only_what_shows_can_be_live))
