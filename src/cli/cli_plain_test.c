#include "cli/cli_plain.h"

#include <stdlib.h>
#include <string.h>
#include <tap.h>

static void expect_plain(const char *text, const char *wanted) {
  char *shown = cli_plain_text(text);
  expect(shown && strcmp(shown, wanted) == 0);
  free(shown);
}

static void test_what_a_terminal_would_obey_is_written_out(void) {
  expect_plain("\x1b[31mred\x7f\a", "\\x1b[31mred\\x7f\\x07");
  expect_plain("\xc2\x9b"
               "2J",
               "\\x9b2J");
  expect_plain("a\rb", "a\\x0db");
}

static void test_what_it_shows_stays(void) {
  expect_plain("", "");
  expect_plain("4420 \"Zo\xc3\xab\" \xe4\xba\xac\n\tx", "4420 \"Zo\xc3\xab\" \xe4\xba\xac\n\tx");
  expect_plain("INVITE sip:a SIP/2.0\r\nVia: b\r\n", "INVITE sip:a SIP/2.0\nVia: b\n");
}

/* Else somebody could write a line into a table of records. */
static void test_a_text_in_a_document_keeps_to_its_line(void) {
  json_t *document = json_loads("{\"items\":[{\"caller\":\"1\\r\\n2\",\"n\":1},[\"\\u001b\"],\"ok\"]}", 0, NULL);
  cli_plain_json(document);
  char *text = json_dumps(document, JSON_COMPACT);
  expect(text && strcmp(text, "{\"items\":[{\"caller\":\"1\\\\x0d\\\\x0a2\",\"n\":1},[\"\\\\x1b\"],\"ok\"]}") == 0);
  free(text);
  json_decref(document);
}

TAP_TESTS(TAP(test_what_a_terminal_would_obey_is_written_out), TAP(test_what_it_shows_stays),
          TAP(test_a_text_in_a_document_keeps_to_its_line))
