/* A document that is made from tables: the test makes it again and compares. With BELFRY_WRITE_DOCS in the environment
 * it is written first, which is how a change of a table gets into the documents:
 *
 *   BELFRY_WRITE_DOCS=1 meson test -C build call/call_doc */
#ifndef TESTS_HARNESS_MADE_DOCUMENT_H
#define TESTS_HARNESS_MADE_DOCUMENT_H

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/text_builder.h"
#include "tap.h"

/* As printf. */
__attribute__((format(printf, 2, 3))) static inline void made_add(struct text_builder *document, const char *format,
                                                                  ...) {
  char line[8192];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  expect_int(length, <, sizeof line);
  text_builder_add(document, str_view_of(line, (size_t)length));
}

/* A name of a table as words: UPDATING_SESSION becomes "updating session". Good until the fifth call from now. */
static inline const char *made_words(const char *name) {
  static char memory[4][80];
  static unsigned next;
  char *words = memory[next++ % 4];
  size_t i = 0;
  for (; name[i] && i + 1 < sizeof memory[0]; i++)
    words[i] = name[i] == '_' ? ' ' : (char)tolower((unsigned char)name[i]);
  words[i] = '\0';
  return words;
}

static inline FILE *made_document_open(const char *name, const char *mode) {
  char path[1024];
  const char *root = getenv("BELFRY_SOURCE_ROOT");
  snprintf(path, sizeof path, "%s/%s", root ? root : ".", name);
  return fopen(path, mode);
}

/* Expects the file `name` ("docs/call.md") to hold exactly these bytes. */
static inline void expect_made_document(const char *name, const char *want, size_t want_length) {
  if (getenv("BELFRY_WRITE_DOCS")) {
    FILE *file = made_document_open(name, "w");
    expect(file && fwrite(want, 1, want_length, file) == want_length);
    if (file) expect_int(fclose(file), ==, 0);
  }
  FILE *file = made_document_open(name, "r");
  expect(file != NULL);
  char *got = malloc(want_length + 1);
  size_t length = file && got ? fread(got, 1, want_length + 1, file) : 0;
  bool same = file && got && length == want_length && memcmp(got, want, want_length) == 0;
  if (!same) printf("# %s is not what the tables say; see tests/harness/made_document.h\n", name);
  expect(same);
  free(got);
  if (file) fclose(file);
}

#endif
