#include "admin/parameter_effect.h"

#include <string.h>

#include "tap.h"

/* What the console would show for NAME set to VALUE. */
static const char *effect_of(const char *name, const char *value, const struct worker_group_status *status) {
  static char text[1024];
  char problem[256];
  struct parameters before, after;
  struct text_builder builder = text_builder_over(text, sizeof text - 1),
                      sentence = text_builder_over(problem, sizeof problem);
  const struct parameter_row *row = parameter_find(str_view_from_c(name));
  parameters_set_defaults(&before);
  after = before;
  expect_int(parameter_set(&after, row, str_view_from_c(value), &sentence), ==, RESULT_OK);
  parameter_effect_to_text(row, &before, &after, status, &builder);
  text[builder.length] = '\0';
  return text;
}

static void test_a_shorter_session_says_how_many_calls_refresh_more_often(void) {
  struct worker_group_status status = {.counts = {.calls = 500, .calls_answered = 412}};
  const char *text = effect_of("SS_SIP_SESSION_TTL", "300", &status);
  expect(strstr(text, "412 answered calls are refreshed more often: every 150 s instead of every 300 s") != NULL);
  expect(strstr(text, "5.5 refreshes a second instead of 2.7") != NULL);
  expect(strstr(effect_of("SS_SIP_SESSION_TTL", "0", &status), "Session timers are off") != NULL);
  expect(strstr(effect_of("SS_SIP_SESSION_UPDATE_SEGMENT", "4", &status), "every 150 s") != NULL);
}

static void test_keep_alives_that_cannot_be_kept_say_what_would_do(void) {
  struct worker_group_status status = {.counts = {.keepalive = {.demand = {.device_count = 90000}, .devices = 90000}}};
  const char *text = effect_of("SS_SIP_NAT_KEEP_ALIVE_PERIOD", "10", &status);
  expect(strstr(text, "90,000 devices need 15 s a round") != NULL);
  expect(strstr(text, "9000.0 keep-alives a second") != NULL);
}

static void test_every_parameter_has_an_effect_in_words(void) {
  struct worker_group_status status = {0};
  for (size_t i = 0; i < parameter_row_count; i++)
    expect(strlen(effect_of(parameter_rows[i].name, parameter_rows[i].default_text, &status)) > 10);
}

TAP_TESTS(TAP(test_a_shorter_session_says_how_many_calls_refresh_more_often),
          TAP(test_keep_alives_that_cannot_be_kept_say_what_would_do), TAP(test_every_parameter_has_an_effect_in_words))
