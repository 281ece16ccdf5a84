#include "cli/cli_ladder.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

static char *drawn(struct cli_ladder *ladder, const char *page, int columns) {
  char *memory = NULL;
  size_t length = 0;
  FILE *screen = open_memstream(&memory, &length);
  json_t *document = json_loads(page, 0, NULL);
  expect(document != NULL);
  cli_ladder_draw(ladder, document, columns, screen);
  json_decref(document);
  fclose(screen);
  return memory;
}

static void expect_drawn(struct cli_ladder *ladder, const char *page, int columns, const char *wanted) {
  char *text = drawn(ladder, page, columns);
  if (strcmp(text, wanted) != 0) printf("# %s\n", text);
  expect(strcmp(text, wanted) == 0);
  free(text);
}

#define PEERS                                                                                                          \
  "\"participants\":[{\"name\":\"caller\",\"address\":\"1.1.1.1:5060\"},{\"name\":\"belfry\"},"                        \
  "{\"name\":\"callee\",\"address\":\"2.2.2.2:5060\"}]"
#define ITEM(from, to, summary)                                                                                        \
  "{\"at\":\"2026-11-22T10:00:00.123Z\",\"from\":" #from ",\"to\":" #to ",\"summary\":\"" summary "\"}"

static void test_messages_are_arrows_between_callers_the_switch_and_callees(void) {
  struct cli_ladder ladder = {0};
  expect_drawn(&ladder,
               "{" PEERS ",\"items\":[" ITEM(0, 1, "INVITE") "," ITEM(1, 2, "INVITE") "," ITEM(2, 1, "200 OK") "]}", 74,
               "                     caller              belfry              callee\n"
               "                  1.1.1.1:5060                            2.2.2.2:5060\n"
               "10:00:00.123            |----- INVITE ----->|                   |\n"
               "10:00:00.123            |                   |----- INVITE ----->|\n"
               "10:00:00.123            |                   |<---- 200 OK ------|\n");
}

static void test_the_head_comes_again_when_somebody_new_is_heard(void) {
  struct cli_ladder ladder = {0};
  free(drawn(&ladder, "{" PEERS ",\"items\":[" ITEM(0, 1, "INVITE") "]}", 74));
  expect_drawn(&ladder, "{" PEERS ",\"items\":[" ITEM(1, 1, "timer armed") "]}", 74,
               "10:00:00.123            |                   * timer armed       |\n");
  expect_drawn(&ladder,
               "{\"participants\":[{\"name\":\"belfry\"},{\"name\":\"\",\"address\":\"3.3.3.3:1\"}],\"items\":[" ITEM(
                   1, 0, "BYE") "]}",
               94,
               "                     caller              belfry              callee\n"
               "                  1.1.1.1:5060                            2.2.2.2:5060         3.3.3.3:1\n"
               "10:00:00.123            |                   |<---------------- BYE -----------------|\n");
  expect_int(ladder.count, ==, 4);
}

static void test_what_a_peer_says_does_not_command_the_terminal(void) {
  struct cli_ladder ladder = {0};
  char *text = drawn(&ladder, "{" PEERS ",\"items\":[" ITEM(2, 1, "200 \\u001b[2JOK\\u00e9") "]}", 120);
  expect(strstr(text, "200 ?[2JOK??") != NULL && strchr(text, '\033') == NULL);
  free(text);
}

static void test_nothing_is_drawn_of_nothing_and_what_has_no_column_is_in_the_last(void) {
  struct cli_ladder ladder = {0};
  expect_drawn(&ladder, "{" PEERS ",\"items\":[]}", 80, "");
  for (int i = 0; i < 20; i++) {
    char page[512];
    snprintf(page, sizeof page,
             "{\"participants\":[{\"name\":\"belfry\"},{\"name\":\"callee\",\"address\":\"192.0.2.%d:5060\"}],"
             "\"items\":[" ITEM(0, 1, "a word that is much longer than there is room for between two columns") "]}",
             i);
    free(drawn(&ladder, page, 20));
  }
  expect_int(ladder.count, ==, CLI_LADDER_LANES_MAX);
}

TAP_TESTS(TAP(test_messages_are_arrows_between_callers_the_switch_and_callees),
          TAP(test_the_head_comes_again_when_somebody_new_is_heard),
          TAP(test_what_a_peer_says_does_not_command_the_terminal),
          TAP(test_nothing_is_drawn_of_nothing_and_what_has_no_column_is_in_the_last))
