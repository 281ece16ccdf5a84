#include "recorder/debug_trace_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder/ring_file.h"

#define LINE_BYTES (TRACE_CURSOR_BYTES + 16)

static bool write_lines(FILE *file, const struct debug_trace *trace, const char *cursor) {
  const struct debug_trace_wish *wish = &trace->wish;
  fprintf(file, "state %u\nstarted %" PRId64 "\nends %" PRId64 "\nended %" PRId64 "\n", trace->state,
          trace->started_at.value, trace->ends_at.value, trace->ended_at.value);
  fprintf(file, "minutes %" PRIu32 "\nrecords %" PRIu64 "\nbytes %" PRIu64 "\n", wish->minutes, trace->records,
          trace->bytes);
  fprintf(file, "number %s\nlabel %s\nby %s\n", wish->number, wish->label, wish->by);
  for (unsigned i = 0; i < wish->address_count; i++) {
    char memory[64];
    struct text_builder text = text_builder_over(memory, sizeof memory);
    address_to_text(&wish->addresses[i], &text);
    fprintf(file, "address %.*s\n", (int)text.length, text.data);
  }
  if (cursor[0]) fprintf(file, "cursor %s\n", cursor);
  return !ferror(file);
}

bool debug_trace_file_write(const char *dir, const struct debug_trace *trace, const char *cursor) {
  char path[RING_PATH_BYTES], fresh[RING_PATH_BYTES];
  snprintf(path, sizeof path, "%.960s/about", dir);
  snprintf(fresh, sizeof fresh, "%.960s/about.new", dir);
  FILE *file = fopen(fresh, "we");
  if (!file) return false;
  bool is_written = write_lines(file, trace, cursor);
  if (fclose(file) != 0 || !is_written) return false;
  return rename(fresh, path) == 0;
}

static void take_text(char text[DEBUG_TRACE_TEXT_BYTES], const char *value) {
  snprintf(text, DEBUG_TRACE_TEXT_BYTES, "%.127s", value);
}

static void take_line(struct debug_trace *trace, const char *name, const char *value) {
  struct debug_trace_wish *wish = &trace->wish;
  if (strcmp(name, "state") == 0) trace->state = (uint8_t)strtoul(value, NULL, 10);
  if (strcmp(name, "started") == 0) trace->started_at.value = strtoll(value, NULL, 10);
  if (strcmp(name, "ends") == 0) trace->ends_at.value = strtoll(value, NULL, 10);
  if (strcmp(name, "ended") == 0) trace->ended_at.value = strtoll(value, NULL, 10);
  if (strcmp(name, "minutes") == 0) wish->minutes = (uint32_t)strtoul(value, NULL, 10);
  if (strcmp(name, "records") == 0) trace->records = strtoull(value, NULL, 10);
  if (strcmp(name, "bytes") == 0) trace->bytes = strtoull(value, NULL, 10);
  if (strcmp(name, "number") == 0) take_text(wish->number, value);
  if (strcmp(name, "label") == 0) take_text(wish->label, value);
  if (strcmp(name, "by") == 0) take_text(wish->by, value);
  if (strcmp(name, "address") != 0 || wish->address_count == TRACE_ADDRESSES_MAX) return;
  if (address_parse(str_view_from_c(value), 0, &wish->addresses[wish->address_count]) == RESULT_OK)
    wish->address_count++;
}

bool debug_trace_file_read(const char *dir, struct debug_trace *trace, char cursor_out[TRACE_CURSOR_BYTES]) {
  char path[RING_PATH_BYTES], line[LINE_BYTES];
  snprintf(path, sizeof path, "%.960s/about", dir);
  FILE *file = fopen(path, "re");
  cursor_out[0] = '\0';
  if (!file) return false;
  while (fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = '\0';
    char *value = strchr(line, ' ');
    if (value) *value++ = '\0';
    take_line(trace, line, value ? value : "");
    if (value && strcmp(line, "cursor") == 0) snprintf(cursor_out, TRACE_CURSOR_BYTES, "%s", value);
  }
  fclose(file);
  return trace->started_at.value > 0 && trace->state < DEBUG_TRACE_STATE_COUNT;
}

void debug_trace_file_remove(const char *dir) {
  static const char *const names[] = {"about", "about.new", "kept.ring", "kept.broken"};
  char path[RING_PATH_BYTES];
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    snprintf(path, sizeof path, "%.960s/%s", dir, names[i]);
    unlink(path);
  }
  rmdir(dir);
}
