/* Call detail records as comma-separated values (RFC 4180), with a header line. */
#ifndef STORE_CSV_H
#define STORE_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cdr/cdr_record.h"

#define CSV_COLUMNS_MAX 64

/* Which fields of cdr_fields.def, in which order; count 0: all, in theirs. */
struct csv_columns {
  uint8_t count;
  uint8_t fields[CSV_COLUMNS_MAX];
};

/* Reads names of fields separated by commas; an empty text is all. RESULT_MALFORMED with a sentence in `problem` that
 * names the one that is not known. */
enum result csv_columns_read(struct str_view text, struct csv_columns *columns_out,
                             struct text_builder *problem) MUST_USE;

struct csv {
  FILE *stream;
  struct csv_columns columns;
  char *text;
  size_t length;
};

/* Starts a text of all columns on the heap. False: no memory. */
bool csv_begin(struct csv *csv);
void csv_add_header(struct csv *csv);

/* Adds a line; the first argument is a struct csv, whose stream may be any. Values that a spreadsheet would take for a
 * formula keep a leading apostrophe. */
void csv_add_record(void *csv, const struct cdr_record *record);

/* The text, which the caller frees; NULL when memory ran out. */
char *csv_end(struct csv *csv);

#endif
