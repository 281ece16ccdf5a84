/* Prints a JSON list as a table for people: one line an item, columns as wide as their widest value. */
#ifndef CLI_CLI_TABLE_H
#define CLI_CLI_TABLE_H

#include <jansson.h>

/* A column: its heading and where its value is in the item ("caller_leg.state"). A table ends with a row of NULLs. */
struct cli_column {
  const char *heading;
  const char *path;
};

/* Prints `items` (an array of objects) under headings, or `when_empty` when there are none. */
void cli_print_table(const json_t *items, const struct cli_column *columns, const char *when_empty);

/* Prints one object as lines "heading: value". Values that are not there are left out. */
void cli_print_object(const json_t *object, const struct cli_column *columns);

/* The value at `path` as text in `buffer` ("-" when it is not there or null). Returns `buffer`. */
const char *cli_value_text(const json_t *object, const char *path, char *buffer, size_t buffer_bytes);

#endif
