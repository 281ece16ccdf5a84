#include "boot/ini_reader.h"

struct ini_reader ini_reader_over(struct str_view text) {
  return (struct ini_reader){.rest = text};
}

static bool is_name(struct str_view text) {
  for (size_t i = 0; i < text.length; i++) {
    char c = text.data[i];
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-')) return false;
  }
  return text.length > 0;
}

static bool has_control_byte(struct str_view text) {
  for (size_t i = 0; i < text.length; i++)
    if ((unsigned char)text.data[i] < ' ' && text.data[i] != '\t') return true;
  return false;
}

/* Takes the next line off, without its end (LF or CRLF). */
static struct str_view take_line(struct ini_reader *reader) {
  size_t length = str_view_find(reader->rest, '\n');
  struct str_view line = str_view_slice(reader->rest, 0, length);
  reader->rest = str_view_from(reader->rest, length + 1);
  reader->line++;
  if (line.length > 0 && line.data[line.length - 1] == '\r') line.length--;
  return line;
}

static const char *read_section(struct ini_reader *reader, struct str_view line) {
  if (line.data[line.length - 1] != ']') return "a section ends with ']'";
  struct str_view name = str_view_slice(line, 1, line.length - 2);
  if (!is_name(name)) return "a section's name is made of a-z, 0-9, '_' and '-'";
  reader->section = name;
  return NULL;
}

static const char *read_entry(const struct ini_reader *reader, struct str_view line, struct ini_entry *entry_out) {
  size_t equals = str_view_find(line, '=');
  if (equals == line.length) return "expected 'key = value', '[section]' or a comment";
  struct str_view key = str_view_trim(str_view_slice(line, 0, equals));
  struct str_view value = str_view_trim(str_view_from(line, equals + 1));
  if (!is_name(key)) return "a key is made of a-z, 0-9, '_' and '-'";
  if (reader->section.length == 0) return "a key stands before the first [section]";
  if (value.length == 0) return "the value is missing";
  *entry_out = (struct ini_entry){reader->section, key, value};
  return NULL;
}

enum result ini_reader_next(struct ini_reader *reader, struct ini_entry *entry_out, const char **problem) {
  while (reader->rest.length > 0) {
    struct str_view line = take_line(reader);
    *problem = NULL;
    if (line.length > INI_LINE_BYTES_MAX)
      *problem = "the line is longer than 4096 bytes";
    else if (has_control_byte(line))
      *problem = "the line holds a control character";
    if (*problem) return RESULT_MALFORMED;

    line = str_view_trim(line);
    if (line.length == 0 || line.data[0] == '#' || line.data[0] == ';') continue;
    bool is_section = line.data[0] == '[';
    *problem = is_section ? read_section(reader, line) : read_entry(reader, line, entry_out);
    if (*problem) return RESULT_MALFORMED;
    if (!is_section) return RESULT_OK;
  }
  return RESULT_NOT_FOUND;
}
