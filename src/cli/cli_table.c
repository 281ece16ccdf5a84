#include "cli/cli_table.h"

#include <stdio.h>
#include <string.h>

#define VALUE_BYTES 256

static const json_t *find(const json_t *object, const char *path) {
  char key[64];
  while (object && *path) {
    size_t length = strcspn(path, ".");
    snprintf(key, sizeof key, "%.*s", (int)length, path);
    object = json_object_get(object, key);
    path += length + (path[length] == '.');
  }
  return object;
}

/* Lists inside a cell ("44,49,*") are joined with commas. */
static void join(const json_t *list, char *buffer, size_t buffer_bytes) {
  size_t index, used = 0;
  json_t *item;
  buffer[0] = '\0';
  json_array_foreach((json_t *)list, index, item) {
    char text[VALUE_BYTES];
    int length = snprintf(buffer + used, buffer_bytes - used, "%s%s", index ? "," : "",
                          cli_value_text(item, "", text, sizeof text));
    if (length < 0 || (size_t)length >= buffer_bytes - used) return;
    used += (size_t)length;
  }
}

const char *cli_value_text(const json_t *object, const char *path, char *buffer, size_t buffer_bytes) {
  const json_t *value = find(object, path);
  if (json_is_string(value))
    snprintf(buffer, buffer_bytes, "%s", json_string_value(value));
  else if (json_is_integer(value))
    snprintf(buffer, buffer_bytes, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
  else if (json_is_real(value))
    snprintf(buffer, buffer_bytes, "%.3f", json_real_value(value));
  else if (json_is_boolean(value))
    snprintf(buffer, buffer_bytes, "%s", json_is_true(value) ? "yes" : "no");
  else if (json_is_array(value))
    join(value, buffer, buffer_bytes);
  else
    snprintf(buffer, buffer_bytes, "-");
  return buffer;
}

void cli_print_table(const json_t *items, const struct cli_column *columns, const char *when_empty) {
  size_t index;
  json_t *item;
  char text[VALUE_BYTES];
  if (json_array_size(items) == 0) {
    puts(when_empty);
    return;
  }
  int widths[32] = {0};
  for (int c = 0; columns[c].heading; c++) {
    widths[c] = (int)strlen(columns[c].heading);
    json_array_foreach((json_t *)items, index, item) {
      int width = (int)strlen(cli_value_text(item, columns[c].path, text, sizeof text));
      if (width > widths[c]) widths[c] = width;
    }
  }
  for (int c = 0; columns[c].heading; c++)
    printf("%-*s%s", columns[c + 1].heading ? widths[c] : 0, columns[c].heading, columns[c + 1].heading ? "  " : "\n");
  json_array_foreach((json_t *)items, index, item) {
    for (int c = 0; columns[c].heading; c++)
      printf("%-*s%s", columns[c + 1].heading ? widths[c] : 0, cli_value_text(item, columns[c].path, text, sizeof text),
             columns[c + 1].heading ? "  " : "\n");
  }
}

void cli_print_object(const json_t *object, const struct cli_column *columns) {
  char text[VALUE_BYTES * 8];
  for (int c = 0; columns[c].heading; c++) {
    const json_t *value = find(object, columns[c].path);
    if (value && !json_is_null(value))
      printf("%s: %s\n", columns[c].heading, cli_value_text(object, columns[c].path, text, sizeof text));
  }
}
