#include "cli/cli_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (1024ul * 1024 * 1024)

char *cli_file_read(const char *name, size_t *length_out) {
  FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
  char *text = NULL;
  size_t length = 0, capacity = 0;
  while (file && !feof(file) && !ferror(file) && length < FILE_BYTES_MAX) {
    if (length + 1 >= capacity) {
      capacity = capacity ? capacity * 2 : 64 * 1024;
      char *larger = realloc(text, capacity);
      if (!larger) break;
      text = larger;
    }
    length += fread(text + length, 1, capacity - length - 1, file);
  }
  bool whole = file && feof(file) && !ferror(file);
  if (!whole) fprintf(stderr, "belfry: %s cannot be read: %s\n", name, errno ? strerror(errno) : "too long");
  if (file && file != stdin) fclose(file);
  if (whole) {
    text[length] = '\0';
    *length_out = length;
    return text;
  }
  free(text);
  return NULL;
}
