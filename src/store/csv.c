#include "store/csv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

enum csv_kind { CSV_TEXT, CSV_STAMP, CSV_NUMBER };

static const struct {
  const char *name;
  enum csv_kind kind;
  size_t offset;
} fields[] = {
#define CDR_TEXT(name)   {#name, CSV_TEXT, offsetof(struct cdr_record, name)},
#define CDR_STAMP(name)  {#name, CSV_STAMP, offsetof(struct cdr_record, name)},
#define CDR_NUMBER(name) {#name, CSV_NUMBER, offsetof(struct cdr_record, name)},
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])
_Static_assert(FIELD_COUNT <= CSV_COLUMNS_MAX, "each field may be a column");

/* --- columns ----------------------------------------------------------------------------------------------------- */

static bool add_column(struct csv_columns *columns, struct str_view name) {
  for (size_t i = 0; i < FIELD_COUNT; i++) {
    if (!str_view_equal(name, str_view_from_c(fields[i].name))) continue;
    if (columns->count < CSV_COLUMNS_MAX) columns->fields[columns->count++] = (uint8_t)i;
    return true;
  }
  return false;
}

static struct str_view trim(struct str_view text) {
  while (text.length > 0 && text.data[0] == ' ')
    text = str_view_from(text, 1);
  while (text.length > 0 && text.data[text.length - 1] == ' ')
    text.length--;
  return text;
}

enum result csv_columns_read(struct str_view text, struct csv_columns *columns_out, struct text_builder *problem) {
  enum result result = RESULT_OK;
  columns_out->count = 0;
  text = trim(text);
  while (text.length > 0) {
    size_t comma = str_view_find(text, ',');
    struct str_view name = trim(str_view_slice(text, 0, comma));
    text = comma < text.length ? str_view_from(text, comma + 1) : (struct str_view){0};
    if (add_column(columns_out, name) || result != RESULT_OK) continue;
    result = RESULT_MALFORMED;
    text_builder_add_literal(problem, "\"");
    text_builder_add(problem, str_view_slice(name, 0, name.length < 64 ? name.length : 64));
    text_builder_add_literal(problem, "\" is no field of a call detail record");
  }
  return result;
}

static size_t column_count(const struct csv *csv) {
  return csv->columns.count ? csv->columns.count : FIELD_COUNT;
}

static size_t column_at(const struct csv *csv, size_t at) {
  return csv->columns.count ? csv->columns.fields[at] : at;
}

/* --- lines ------------------------------------------------------------------------------------------------------- */

bool csv_begin(struct csv *csv) {
  *csv = (struct csv){0};
  csv->stream = open_memstream(&csv->text, &csv->length);
  return csv->stream != NULL;
}

void csv_add_header(struct csv *csv) {
  for (size_t i = 0; i < column_count(csv); i++)
    fprintf(csv->stream, "%s%s", i ? "," : "", fields[column_at(csv, i)].name);
  fputs("\r\n", csv->stream);
}

/* A text that begins with one of these is a formula to a spreadsheet; a phone number with its + is not. */
static bool is_formula(struct str_view text) {
  if (text.length == 0 || !strchr("=-+@\t\r", text.data[0])) return false;
  for (size_t i = 1; i < text.length; i++)
    if (text.data[i] < '0' || text.data[i] > '9') return true;
  return text.data[0] != '+';
}

static void add_text(struct csv *csv, struct str_view text) {
  bool quoted = false;
  for (size_t i = 0; i < text.length; i++)
    quoted = quoted || strchr(",\"\r\n", text.data[i]) != NULL;
  if (quoted) fputc('"', csv->stream);
  if (is_formula(text)) fputc('\'', csv->stream);
  for (size_t i = 0; i < text.length; i++) {
    if (text.data[i] == '"') fputc('"', csv->stream);
    fputc(text.data[i], csv->stream);
  }
  if (quoted) fputc('"', csv->stream);
}

static void add_stamp(struct csv *csv, struct wall_us stamp) {
  if (stamp.value == 0) return;
  char text[40];
  struct text_builder builder = text_builder_over(text, sizeof text);
  wall_us_to_text(stamp, &builder);
  add_text(csv, text_builder_view(&builder));
}

static void add_number(struct csv *csv, uint64_t number) {
  if (number != CDR_NUMBER_NONE) fprintf(csv->stream, "%" PRIu64, number);
}

void csv_add_record(void *context, const struct cdr_record *record) {
  struct csv *csv = context;
  for (size_t i = 0; i < column_count(csv); i++) {
    size_t field = column_at(csv, i);
    const void *value = (const char *)record + fields[field].offset;
    if (i > 0) fputc(',', csv->stream);
    switch (fields[field].kind) {
    case CSV_TEXT: add_text(csv, *(const struct str_view *)value); break;
    case CSV_STAMP: add_stamp(csv, *(const struct wall_us *)value); break;
    case CSV_NUMBER: add_number(csv, *(const uint64_t *)value); break;
    }
  }
  fputs("\r\n", csv->stream);
}

char *csv_end(struct csv *csv) {
  bool whole = fclose(csv->stream) == 0;
  if (whole) return csv->text;
  free(csv->text);
  return NULL;
}
