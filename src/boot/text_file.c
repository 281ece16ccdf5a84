#include "boot/text_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES (64 * 1024)

/* Everything that is left in `file`, with a NUL behind; NULL with errno. */
static char *read_stream(FILE *file, size_t bytes_max, size_t *length_out) {
  char *text = NULL;
  size_t length = 0, capacity = 0;
  errno = 0;
  while (!feof(file) && !ferror(file) && length <= bytes_max) {
    if (length + 1 >= capacity) {
      capacity = capacity ? capacity * 2 : FIRST_BYTES;
      char *larger = realloc(text, capacity);
      if (!larger) break;
      text = larger;
    }
    length += fread(text + length, 1, capacity - length - 1, file);
  }
  if (length > bytes_max) errno = EFBIG;
  if (feof(file) && length <= bytes_max) {
    text[length] = '\0';
    *length_out = length;
    return text;
  }
  if (errno == 0) errno = EIO;
  free(text);
  return NULL;
}

char *text_file_read(const char *name, size_t bytes_max, size_t *length_out, char *problem, size_t problem_bytes) {
  FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
  char *text = file ? read_stream(file, bytes_max, length_out) : NULL;
  if (!text) snprintf(problem, problem_bytes, "%s cannot be read: %s", name, strerror(errno));
  if (file && file != stdin) fclose(file);
  return text;
}
