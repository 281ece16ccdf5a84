#include "base/time.h"

#include <time.h>

#include "tap.h"

static void expect_text(int64_t us, const char *text) {
  char memory[64];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  wall_us_to_text((struct wall_us){us}, &builder);
  expect_view(text_builder_view(&builder), text);
}

static void test_milliseconds_are_cut_not_rounded(void) {
  expect_text(0, "1970-01-01T00:00:00.000Z");
  expect_text(999999, "1970-01-01T00:00:00.999Z");
  expect_text(1000000, "1970-01-01T00:00:01.000Z");
  expect_text(INT64_C(1795354272345678), "2026-11-22T13:31:12.345Z");
}

static void test_leap_days_come_by_the_gregorian_rule(void) {
  expect_text(INT64_C(951782400000000), "2000-02-29T00:00:00.000Z");
  expect_text(INT64_C(951868800000000), "2000-03-01T00:00:00.000Z");
  expect_text(INT64_C(1709164800000000), "2024-02-29T00:00:00.000Z");
  expect_text(INT64_C(1709251199999999), "2024-02-29T23:59:59.999Z");
  expect_text(INT64_C(4107542400000000), "2100-03-01T00:00:00.000Z");
  expect_text(INT64_C(4107542400000000) - 1, "2100-02-28T23:59:59.999Z");
  expect_text(-1, "1969-12-31T23:59:59.999Z");
}

static void test_years_that_rfc_3339_cannot_write_stop_at_its_ends(void) {
  expect_text(INT64_MIN, "0000-01-01T00:00:00.000Z");
  expect_text(INT64_C(-62167219200000000), "0000-01-01T00:00:00.000Z");
  expect_text(INT64_C(253402300799999000), "9999-12-31T23:59:59.999Z");
  expect_text(INT64_MAX, "9999-12-31T23:59:59.999Z");
}

/* Every day of five centuries against the C library. */
static void test_every_day_from_1700_to_2200_agrees_with_the_c_library(void) {
  int wrong = 0;
  for (int64_t day = -98615; day < 84005 && wrong < 5; day++) {
    time_t seconds = (time_t)(day * 86400 + 3723);
    struct tm parts;
    char want[64];
    gmtime_r(&seconds, &parts);
    strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S.007Z", &parts);
    char memory[64];
    struct text_builder builder = text_builder_over(memory, sizeof memory);
    wall_us_to_text((struct wall_us){(int64_t)seconds * 1000000 + 7000}, &builder);
    if (!str_view_equal(text_builder_view(&builder), str_view_from_c(want))) wrong++;
  }
  expect_int(wrong, ==, 0);
}

static void test_too_small_a_builder_overflows(void) {
  char memory[23];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  wall_us_to_text((struct wall_us){0}, &builder);
  expect(builder.overflowed);
}

static void test_monotonic_times_compare_and_subtract(void) {
  struct mono_ms start = {1000}, later = mono_ms_add(start, 500);
  expect(mono_ms_before(start, later));
  expect(!mono_ms_before(later, later));
  expect_int(mono_ms_since(later, start), ==, 500);
  expect_int(mono_ms_since(start, later), ==, -500);
}

TAP_TESTS(TAP(test_milliseconds_are_cut_not_rounded), TAP(test_leap_days_come_by_the_gregorian_rule),
          TAP(test_years_that_rfc_3339_cannot_write_stop_at_its_ends),
          TAP(test_every_day_from_1700_to_2200_agrees_with_the_c_library), TAP(test_too_small_a_builder_overflows),
          TAP(test_monotonic_times_compare_and_subtract))
