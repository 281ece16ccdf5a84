#include "boundary/security_line.h"

#include <string.h>

#include "tap.h"

static const char *line_of(const char *event, const char *address, const char *user) {
  static char text[SECURITY_LINE_BYTES + 1];
  struct text_builder builder = text_builder_over(text, SECURITY_LINE_BYTES);
  security_line_to_text(str_view_from_c(event), str_view_from_c(address), str_view_from_c(user), &builder);
  expect(!builder.overflowed);
  text[builder.length] = '\0';
  return text;
}

static void test_the_address_stands_before_what_the_other_side_wrote(void) {
  expect(strcmp(line_of("stranger", "192.0.2.7", "1001"), "security event=stranger address=192.0.2.7 user=\"1001\"") ==
         0);
  expect(strcmp(line_of("stranger", "[2001:db8::1]", ""), "security event=stranger address=[2001:db8::1]") == 0);
}

static void test_a_name_cannot_forge_a_line_or_leave_its_quotes(void) {
  const char *line = line_of("stranger", "192.0.2.7", "x\" address=198.51.100.1\r\nsecurity event=stranger");
  expect(strstr(line, "x%22%20address%3d198.51.100.1%0d%0asecurity%20event%3dstranger\"") != NULL);
  expect(strchr(line, '\n') == NULL && strstr(line, " address=198") == NULL);
}

static void test_a_long_name_is_cut_and_the_line_still_ends(void) {
  char name[4096];
  memset(name, '\n', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  const char *line = line_of("device-wrong-password", "[2001:db8:1111:2222:3333:4444:5555:6666]", name);
  expect(line[strlen(line) - 1] == '"');
  expect_int(strlen(line), <, SECURITY_LINE_BYTES);
}

TAP_TESTS(TAP(test_the_address_stands_before_what_the_other_side_wrote),
          TAP(test_a_name_cannot_forge_a_line_or_leave_its_quotes),
          TAP(test_a_long_name_is_cut_and_the_line_still_ends))
