/* Whatever the bytes, the reader ends, and its views lie inside the text. */
#include "boot/ini_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(const char *text, size_t size, struct str_view view) {
  if (view.data < text || view.data + view.length > text + size) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data;
  struct ini_reader reader = ini_reader_over(str_view_of(text, size));
  struct ini_entry entry;
  const char *problem;
  while (ini_reader_next(&reader, &entry, &problem) == RESULT_OK) {
    check_inside(text, size, entry.section);
    check_inside(text, size, entry.key);
    check_inside(text, size, entry.value);
    if (reader.line > size) __builtin_trap();
  }
  return 0;
}
