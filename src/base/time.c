#include "base/time.h"

#define US_PER_DAY INT64_C(86400000000)

/* 0000-01-01 and the last millisecond of 9999, the years that RFC 3339 section 5.6 can write. */
#define RFC3339_FIRST_US INT64_C(-62167219200000000)
#define RFC3339_LAST_US  INT64_C(253402300799999000)

struct civil_date {
  unsigned year, month, day;
};

/* The date so many days after 1 March of year 0 of some era of 400 years (Gregorian throughout). Years begin in March,
 * so that the leap day is a year's last day and the months' lengths follow one formula (153 days to five months). */
static struct civil_date civil_date_from_days(uint64_t days) {
  uint64_t era = days / 146097, day_of_era = days % 146097;
  uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  uint64_t month_from_march = (5 * day_of_year + 2) / 153;
  bool is_next_year = month_from_march >= 10;
  return (struct civil_date){
      .year = (unsigned)(era * 400 + year_of_era + is_next_year),
      .month = (unsigned)(is_next_year ? month_from_march - 9 : month_from_march + 3),
      .day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
  };
}

static void write_digits(char *place, unsigned value, unsigned digits) {
  for (unsigned i = digits; i-- > 0; value /= 10)
    place[i] = (char)('0' + value % 10);
}

void wall_us_to_text(struct wall_us time, struct text_builder *builder) {
  int64_t us = time.value;
  if (us < RFC3339_FIRST_US) us = RFC3339_FIRST_US;
  if (us > RFC3339_LAST_US) us = RFC3339_LAST_US;
  /* Counted from -0400-03-01, a whole era before the first year, so that everything below is unsigned. */
  uint64_t since_era = (uint64_t)(us + (719468 + 146097) * US_PER_DAY);
  struct civil_date date = civil_date_from_days(since_era / US_PER_DAY);
  unsigned ms = (unsigned)(since_era % US_PER_DAY / 1000);

  char text[] = "0000-00-00T00:00:00.000Z";
  write_digits(text, date.year - 400, 4);
  write_digits(text + 5, date.month, 2);
  write_digits(text + 8, date.day, 2);
  write_digits(text + 11, ms / 3600000, 2);
  write_digits(text + 14, ms / 60000 % 60, 2);
  write_digits(text + 17, ms / 1000 % 60, 2);
  write_digits(text + 20, ms % 1000, 3);
  text_builder_add(builder, str_view_of(text, sizeof text - 1));
}
