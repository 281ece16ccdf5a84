#include "admin/console_files.h"

#include "tap.h"

static void test_a_screen_is_answered_with_the_page(void) {
  expect(console_file_find("/") != NULL);
  expect(console_file_find("/calls") == console_file_find("/"));
  expect(console_file_find("/console.js") != NULL && console_file_find("/console.js") != console_file_find("/"));
  expect(console_file_find("/api/v1/calls") == NULL);
  expect(console_file_find("/../etc/passwd") == NULL);
}

static void test_gzip_is_sent_to_those_who_take_it(void) {
  expect(console_accepts_gzip("gzip"));
  expect(console_accepts_gzip("br, deflate, GZIP;q=0.5"));
  expect(console_accepts_gzip("*"));
  expect(!console_accepts_gzip("br, gzip;q=0"));
  expect(!console_accepts_gzip("gzip; q=0.000, identity"));
  expect(!console_accepts_gzip("xgzip"));
  expect(!console_accepts_gzip(""));
  expect(!console_accepts_gzip(NULL));
}

static void test_a_known_tag_spares_the_bytes(void) {
  expect(console_has_tag("\"0123456789abcdef\"", "\"0123456789abcdef\""));
  expect(console_has_tag("W/\"0123456789abcdef\", \"x\"", "\"0123456789abcdef\""));
  expect(console_has_tag("*", "\"0123456789abcdef\""));
  expect(!console_has_tag("\"other\"", "\"0123456789abcdef\""));
  expect(!console_has_tag(NULL, "\"0123456789abcdef\""));
}

TAP_TESTS(TAP(test_a_screen_is_answered_with_the_page), TAP(test_gzip_is_sent_to_those_who_take_it),
          TAP(test_a_known_tag_spares_the_bytes))
