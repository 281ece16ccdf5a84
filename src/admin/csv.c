#include "admin/csv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

bool csv_begin(struct csv *csv) {
  *csv = (struct csv){0};
  csv->stream = open_memstream(&csv->text, &csv->length);
  return csv->stream != NULL;
}

void csv_add_header(struct csv *csv) {
#define CDR_TEXT(name)   "," #name
#define CDR_STAMP(name)  "," #name
#define CDR_NUMBER(name) "," #name
  static const char names[] =
#include "cdr/cdr_fields.def"
      ;
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
  fprintf(csv->stream, "%s\r\n", names + 1);
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
  const char *separator = "";
#define CDR_ANY(function, name)                                                                                        \
  fputs(separator, csv->stream);                                                                                       \
  separator = ",";                                                                                                     \
  function(csv, record->name);
#define CDR_TEXT(name)   CDR_ANY(add_text, name)
#define CDR_STAMP(name)  CDR_ANY(add_stamp, name)
#define CDR_NUMBER(name) CDR_ANY(add_number, name)
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
  fputs("\r\n", csv->stream);
}

char *csv_end(struct csv *csv) {
  bool whole = fclose(csv->stream) == 0;
  if (whole) return csv->text;
  free(csv->text);
  return NULL;
}
