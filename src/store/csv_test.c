#include "store/csv.h"

#include <stdlib.h>

#include "tap.h"

static char *line_of(const char *caller, const char *callee) {
  struct csv csv;
  struct cdr_record record;
  cdr_record_init(&record);
  record.caller = str_view_from_c(caller);
  record.callee = str_view_from_c(callee);
  record.started_at = (struct wall_us){1000000};
  record.hold_time_ms = 1500;
  expect(csv_begin(&csv));
  csv_add_record(&csv, &record);
  return csv_end(&csv);
}

static void test_values_are_quoted_where_rfc_4180_asks_for_it(void) {
  char *line = line_of("a,b", "say \"hi\"");
  expect(strncmp(line, ",,\"a,b\",\"say \"\"hi\"\"\",", 21) == 0);
  expect(strstr(line, ",1970-01-01T00:00:01.000Z,,,,,,1500,,") != NULL);
  expect(strcmp(line + strlen(line) - 2, "\r\n") == 0);
  free(line);
}

static void test_a_number_with_plus_stays_and_a_formula_is_disarmed(void) {
  char *line = line_of("+4930123", "=1+2");
  expect(strncmp(line, ",,+4930123,'=1+2,", 17) == 0);
  free(line);
}

static void test_the_header_names_as_many_columns_as_a_line_has(void) {
  struct csv csv;
  struct cdr_record record;
  cdr_record_init(&record);
  expect(csv_begin(&csv));
  csv_add_header(&csv);
  csv_add_record(&csv, &record);
  char *text = csv_end(&csv);
  int commas[2] = {0};
  int line = 0;
  for (const char *byte = text; *byte; byte++) {
    if (*byte == ',') commas[line]++;
    if (*byte == '\n' && line == 0) line = 1;
  }
  expect_int(commas[0], ==, commas[1]);
  expect(strncmp(text, "id,state,caller,", 16) == 0);
  free(text);
}

static enum result read_columns(const char *text, struct csv_columns *columns, char *sentence, size_t bytes) {
  struct text_builder problem = text_builder_over(sentence, bytes - 1);
  enum result result = csv_columns_read(str_view_from_c(text), columns, &problem);
  sentence[problem.length] = '\0';
  return result;
}

static void test_columns_are_read_in_their_order_and_an_unknown_one_is_named(void) {
  struct csv_columns columns;
  char sentence[128];
  expect(read_columns(" caller , id,callee", &columns, sentence, sizeof sentence) == RESULT_OK);
  expect(columns.count == 3 && columns.fields[0] == 2 && columns.fields[1] == 0 && columns.fields[2] == 3);
  expect(read_columns("", &columns, sentence, sizeof sentence) == RESULT_OK);
  expect_int(columns.count, ==, 0);
  expect(read_columns("id,colour", &columns, sentence, sizeof sentence) == RESULT_MALFORMED);
  expect(strcmp(sentence, "\"colour\" is no field of a call detail record") == 0);
}

TAP_TESTS(TAP(test_columns_are_read_in_their_order_and_an_unknown_one_is_named),
          TAP(test_values_are_quoted_where_rfc_4180_asks_for_it),
          TAP(test_a_number_with_plus_stays_and_a_formula_is_disarmed),
          TAP(test_the_header_names_as_many_columns_as_a_line_has))
