#include "cli/cli_plain.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ESCAPE_LENGTH (sizeof "\\xHH" - 1)

/* How many bytes of `text` are one character that a terminal obeys; 0: none. C1 controls are two bytes in UTF-8. */
static size_t control_length(const unsigned char *text) {
  if (text[0] < 0x20 || text[0] == 0x7f) return 1;
  return text[0] == 0xc2 && text[1] >= 0x80 && text[1] <= 0x9f ? 2 : 0;
}

static char *plain(const char *text, bool keeps_lines) {
  char *copy = malloc(strlen(text) * ESCAPE_LENGTH + 1), *to = copy;
  const unsigned char *from = (const unsigned char *)text;
  while (copy && *from) {
    size_t length = control_length(from);
    bool is_line_end = *from == '\n' || (from[0] == '\r' && from[1] == '\n');
    if (length == 0 || (keeps_lines && (*from == '\n' || *from == '\t')))
      *to++ = (char)*from++;
    else if (keeps_lines && is_line_end)
      from++; /* CR before LF */
    else {
      to += sprintf(to, "\\x%02x", from[length - 1]);
      from += length;
    }
  }
  if (copy) *to = '\0';
  return copy;
}

char *cli_plain_text(const char *text) {
  return plain(text, true);
}

/* The text in place of `value`, or NULL where that needs none. */
static json_t *plain_value(json_t *value) {
  const char *text = json_string_value(value);
  if (!text) {
    cli_plain_json(value);
    return NULL;
  }
  char *copy = plain(text, false);
  json_t *shown = copy && strcmp(copy, text) != 0 ? json_string(copy) : NULL;
  free(copy);
  return shown;
}

void cli_plain_json(json_t *value) {
  json_t *shown;
  for (void *at = json_object_iter(value); at; at = json_object_iter_next(value, at))
    if ((shown = plain_value(json_object_iter_value(at))) != NULL) json_object_iter_set_new(value, at, shown);
  for (size_t i = 0; i < json_array_size(value); i++)
    if ((shown = plain_value(json_array_get(value, i))) != NULL) json_array_set_new(value, i, shown);
}
