#include "sim/event_log.h"

#include <stdarg.h>
#include <stdlib.h>

#include "sim/world.h"
#include "sip/sip_header_values.h"
#include "sip/sip_message.h"

#define LINE_BYTES 2048

static void append(struct event_log *log, const char *text, size_t length) {
  if (log->length + length > log->capacity) {
    log->capacity = 2 * (log->length + length) + 4096;
    log->text = realloc(log->text, log->capacity);
    if (!log->text) {
      fputs("the simulator is out of memory\n", stderr);
      exit(2);
    }
  }
  memcpy(log->text + log->length, text, length);
  log->length += length;
}

void log_line(struct world *world, const char *format, ...) {
  if (!world->log.wanted) return;
  char line[LINE_BYTES];
  int start = snprintf(line, sizeof line, "%5lld.%06lld  ", (long long)(world->now_us / 1000000),
                       (long long)(world->now_us % 1000000));
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line + start, sizeof line - (size_t)start - 1, format, arguments);
  va_end(arguments);
  size_t total = (size_t)start + (size_t)length;
  if (total > sizeof line - 2) total = sizeof line - 2;
  line[total] = '\n';
  append(&world->log, line, total + 1);
}

/* Pings and the like, printable. */
static void describe_bytes(struct str_view bytes, char *line, size_t line_bytes) {
  size_t at = 0;
  for (size_t i = 0; i < bytes.length && i < 24 && at + 5 < line_bytes; i++) {
    unsigned char byte = (unsigned char)bytes.data[i];
    int written = byte > ' ' && byte < 127 ? snprintf(line + at, line_bytes - at, "%c", byte)
                                           : snprintf(line + at, line_bytes - at, "\\x%02x", byte);
    at += (size_t)written;
  }
  snprintf(line + at, line_bytes - at, "  (%zu bytes, not SIP)", bytes.length);
}

static void describe(struct str_view bytes, char *line, size_t line_bytes) {
  struct sip_message message;
  struct sip_defect defect;
  struct sip_via via = {0};
  if (bytes.length < 16 || sip_message_parse(bytes, &message, &defect) != RESULT_OK) {
    describe_bytes(bytes, line, line_bytes);
    return;
  }
  struct str_view method = message.is_request ? message.method_text : sip_method_text(message.method);
  (void)(sip_message_top_via(&message, &via) == RESULT_OK);
  size_t first_line = str_view_find(bytes, '\r');
  struct str_view shown = str_view_slice(bytes, 0, first_line);
  if (shown.length > 8 && memcmp(shown.data + shown.length - 8, " SIP/2.0", 8) == 0) shown.length -= 8;
  if (str_view_starts_with(shown, STR_VIEW("SIP/2.0 "))) shown = str_view_from(shown, 8);
  snprintf(line, line_bytes, "%.*s%s  [%u %.*s %.*s %.*s]", (int)shown.length, shown.data,
           message.body.length ? " +body" : "", message.cseq, (int)method.length, method.data,
           (int)message.call_id.length, message.call_id.data, (int)via.branch.length, via.branch.data);
}

static void append_indented(struct event_log *log, struct str_view bytes) {
  while (bytes.length) {
    size_t length = str_view_find(bytes, '\n');
    struct str_view text = str_view_trim(str_view_slice(bytes, 0, length));
    append(log, "        | ", 10);
    append(log, text.data, text.length);
    append(log, "\n", 1);
    bytes = str_view_from(bytes, length + 1);
  }
}

void log_message(struct world *world, const char *from, const char *arrow, const char *to, struct str_view bytes,
                 const char *fate) {
  if (!world->log.wanted) return;
  char way[96], what[LINE_BYTES / 2];
  snprintf(way, sizeof way, "%s %s %s", from, arrow, to);
  describe(bytes, what, sizeof what);
  log_line(world, "%-24s %s%s%s%s", way, what, fate ? "  (" : "", fate ? fate : "", fate ? ")" : "");
  if (world->log.is_whole && strcmp(arrow, "->") == 0) append_indented(&world->log, bytes);
}

void event_log_print(const struct event_log *log, FILE *file, const char *prefix, unsigned lines_max) {
  size_t at = log->length;
  for (unsigned lines = 0; at > 0 && (lines_max == 0 || lines <= lines_max); at--)
    if (log->text[at - 1] == '\n' && lines_max != 0 && ++lines > lines_max) break;
  while (at < log->length) {
    size_t length = str_view_find(str_view_of(log->text + at, log->length - at), '\n');
    fprintf(file, "%s%.*s\n", prefix, (int)length, log->text + at);
    at += length + 1;
  }
}

void event_log_reset(struct event_log *log) {
  free(log->text);
  *log = (struct event_log){.wanted = log->wanted, .is_whole = log->is_whole};
}
