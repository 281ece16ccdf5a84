/* Call detail records as comma-separated values (RFC 4180), with a header line. */
#ifndef ADMIN_CSV_H
#define ADMIN_CSV_H

#include <stdbool.h>
#include <stdio.h>

#include "cdr/cdr_record.h"

struct csv {
  FILE *stream;
  char *text;
  size_t length;
};

/* Starts a text on the heap. False: no memory. */
bool csv_begin(struct csv *csv);
void csv_add_header(struct csv *csv);

/* Adds a line; the first argument is a struct csv. Values that a spreadsheet would take for a formula keep a leading
 * apostrophe. */
void csv_add_record(void *csv, const struct cdr_record *record);

/* The text, which the caller frees; NULL when memory ran out. */
char *csv_end(struct csv *csv);

#endif
