#include "boot/boot_options.h"

#include <stdlib.h>
#include <string.h>

#include "boot/ini_reader.h"
#include "boot/text_file.h"

#define CONFIG_BYTES_MAX (1 << 20)
#define DNS_PORT         53

enum boot_option_type { TEXT, TEXT_LIST, ADDRESSES, LISTEN_LIST, ADDRESS, NUMBER, RATE };

struct boot_option_row {
  enum boot_option_type type;
  size_t offset;
  const char *flag, *section, *key;
  uint32_t min, max;
  const char *default_text, *argument, *help;
};

static const struct boot_option_row rows[] = {
#define BOOT_OPTION(type, field, flag, section, key, min, max, default_text, argument, help)                           \
  {type, offsetof(struct boot_options, field), flag, section, key, min, max, default_text, argument, help},
#include "boot/boot_options.def"
#undef BOOT_OPTION
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])
_Static_assert(ROW_COUNT <= 64, "boot_options.given has one bit a row");

enum result boot_listen_parse(struct str_view text, struct local_socket *socket_out) {
  size_t colon = str_view_find(text, ':'), slash = str_view_find(text, '/');
  enum transport transport = transport_from_name(str_view_slice(text, 0, colon));
  if (transport == TRANSPORT_NONE || colon >= slash) return RESULT_MALFORMED;
  uint16_t default_port = transport == TRANSPORT_TLS ? 5061 : 5060;
  struct local_socket socket = {.transport = (uint8_t)transport};
  if (address_parse(str_view_slice(text, colon + 1, slash - colon - 1), default_port, &socket.bound) != RESULT_OK)
    return RESULT_MALFORMED;
  if (slash < text.length && address_parse(str_view_from(text, slash + 1), 0, &socket.advertised) != RESULT_OK)
    return RESULT_MALFORMED;
  *socket_out = socket;
  return RESULT_OK;
}

void boot_listen_to_text(const struct local_socket *socket, struct text_builder *builder) {
  struct str_view name = transport_name((enum transport)socket->transport);
  for (size_t i = 0; i < name.length; i++)
    text_builder_add_char(builder, (char)(name.data[i] | 0x20));
  text_builder_add_char(builder, ':');
  address_to_text(&socket->bound, builder);
}

/* A NUL-terminated copy that lives as long as the options; NULL when the storage is full. */
static const char *keep_text(struct boot_options *options, struct str_view text) {
  if (text.length >= sizeof options->storage - options->storage_used) return NULL;
  char *copy = options->storage + options->storage_used;
  if (text.length) memcpy(copy, text.data, text.length);
  copy[text.length] = '\0';
  options->storage_used += text.length + 1;
  return copy;
}

static const char *set_text(struct boot_options *options, const struct boot_option_row *row, struct str_view text) {
  const char **field = (const char **)(void *)((char *)options + row->offset);
  if (text.length < row->min || text.length > row->max) return "is empty or too long";
  *field = keep_text(options, text);
  return *field ? NULL : "is too long together with the other options";
}

/* Kept as text, comma-separated. */
static const char *set_addresses(struct boot_options *options, const struct boot_option_row *row,
                                 struct str_view text) {
  struct address address;
  size_t from = 0, comma;
  do {
    struct str_view rest = str_view_from(text, from);
    comma = str_view_find(rest, ',');
    if (address_parse(str_view_slice(rest, 0, comma), DNS_PORT, &address) != RESULT_OK)
      return "is not like 192.0.2.53 or 192.0.2.53:53,[2001:db8::53]:53";
    from += comma + 1;
  } while (from <= text.length);
  return set_text(options, row, text);
}

static const char *add_text(struct boot_options *options, const struct boot_option_row *row, struct str_view text) {
  struct boot_text_list *list = (void *)((char *)options + row->offset);
  if (list->count == row->max) return "is given too often";
  list->items[list->count] = keep_text(options, text);
  if (!list->items[list->count]) return "is too long together with the other options";
  list->count++;
  return NULL;
}

static const char *add_listen(struct boot_options *options, const struct boot_option_row *row, struct str_view text) {
  struct boot_listen_list *list = (void *)((char *)options + row->offset);
  if (list->count == row->max) return "is given too often";
  if (boot_listen_parse(text, &list->items[list->count]) != RESULT_OK)
    return "is not like udp:127.0.0.1:5060, tcp:[::1]:5060 or tls:0.0.0.0:5061/192.0.2.1 (addresses, no names)";
  const struct local_socket *added = &list->items[list->count];
  for (uint8_t i = 0; i < list->count; i++)
    if (added->bound.port != 0 && list->items[i].transport == added->transport &&
        address_equal(&list->items[i].bound, &added->bound))
      return "is given twice";
  list->count++;
  return NULL;
}

static const char *set_address(struct boot_options *options, const struct boot_option_row *row, struct str_view text) {
  struct address address;
  if (address_parse(text, (uint16_t)row->min, &address) != RESULT_OK) return "is not like 127.0.0.1:8060 or [::1]:8060";
  memcpy((char *)options + row->offset, &address, sizeof address);
  return NULL;
}

static const char *set_number(struct boot_options *options, const struct boot_option_row *row, struct str_view text) {
  uint32_t number;
  if (!str_view_to_u32(text, &number)) return "is not a whole number";
  if (number < row->min || number > row->max) return "is out of range";
  memcpy((char *)options + row->offset, &number, sizeof number);
  return NULL;
}

static const char *set_rate(struct boot_options *options, const struct boot_option_row *row, struct str_view text) {
  char copy[32] = "", *end;
  if (text.length == 0 || text.length >= sizeof copy) return "is not a number";
  memcpy(copy, text.data, text.length);
  double rate = strtod(copy, &end);
  if (*end != '\0') return "is not a number";
  if (!(rate >= row->min && rate <= row->max)) return "is out of range";
  memcpy((char *)options + row->offset, &rate, sizeof rate);
  return NULL;
}

/* NULL, or what is wrong with `text`. */
static const char *set_row_value(struct boot_options *options, const struct boot_option_row *row,
                                 struct str_view text) {
  switch (row->type) {
  case TEXT: return set_text(options, row, text);
  case TEXT_LIST: return add_text(options, row, text);
  case ADDRESSES: return set_addresses(options, row, text);
  case LISTEN_LIST: return add_listen(options, row, text);
  case ADDRESS: return set_address(options, row, text);
  case NUMBER: return set_number(options, row, text);
  case RATE: return set_rate(options, row, text);
  }
  return "is of no known type";
}

/* The same, with the allowed range where there is one, in `wrong`. False when something is wrong. */
static bool set_row(struct boot_options *options, const struct boot_option_row *row, struct str_view text, char *wrong,
                    size_t wrong_bytes) {
  const char *phrase = set_row_value(options, row, text);
  if (!phrase) return true;
  bool has_range = row->type == NUMBER || row->type == RATE;
  if (has_range)
    snprintf(wrong, wrong_bytes, "%s; allowed are %u to %u", phrase, row->min, row->max);
  else
    snprintf(wrong, wrong_bytes, "%s", phrase);
  return false;
}

static bool is_list(const struct boot_option_row *row) {
  return row->type == TEXT_LIST || row->type == LISTEN_LIST;
}

/* One flag with its value in argv[0] and argv[1]; stores --config's value apart. False with a sentence. */
static bool read_flag(struct boot_options *options, const char *const *argv, const char **config_out, char *problem,
                      size_t problem_bytes) {
  const char *value = argv[1];
  size_t i = 0;
  while (i < ROW_COUNT && strcmp(argv[0], rows[i].flag) != 0)
    i++;
  bool is_config = strcmp(argv[0], "--config") == 0;
  if (i == ROW_COUNT && !is_config) {
    snprintf(problem, problem_bytes, "%s is not an option of serve (see belfry serve --help)", argv[0]);
    return false;
  }
  if (!value) {
    snprintf(problem, problem_bytes, "%s needs a value: %s", argv[0], is_config ? "FILE" : rows[i].argument);
    return false;
  }
  if (is_config ? *config_out != NULL : (options->given >> i & 1) && !is_list(&rows[i])) {
    snprintf(problem, problem_bytes, "%s is given twice", argv[0]);
    return false;
  }
  if (is_config) {
    *config_out = value;
    return true;
  }
  options->given |= UINT64_C(1) << i;
  char wrong[256];
  if (set_row(options, &rows[i], str_view_from_c(value), wrong, sizeof wrong)) return true;
  snprintf(problem, problem_bytes, "%s %s %s", argv[0], value, wrong);
  return false;
}

/* Which rows the command line has set, and which this file. */
struct config_marks {
  uint64_t outweighed, seen;
};

/* False with what is wrong in `wrong`. */
static bool set_entry(struct boot_options *options, const struct ini_entry *entry, struct config_marks *marks,
                      char *wrong, size_t wrong_bytes) {
  for (size_t i = 0; i < ROW_COUNT; i++) {
    if (!str_view_equal(entry->section, str_view_from_c(rows[i].section)) ||
        !str_view_equal(entry->key, str_view_from_c(rows[i].key)))
      continue;
    uint64_t bit = UINT64_C(1) << i;
    if ((marks->seen & bit) && !is_list(&rows[i])) {
      snprintf(wrong, wrong_bytes, "is given twice");
      return false;
    }
    marks->seen |= bit;
    if (marks->outweighed & bit) return true;
    options->given |= bit;
    return set_row(options, &rows[i], entry->value, wrong, wrong_bytes);
  }
  snprintf(wrong, wrong_bytes, "is not a key that serve knows");
  return false;
}

static bool read_config(struct boot_options *options, const char *path, char *problem, size_t problem_bytes) {
  size_t length = 0;
  char *text = text_file_read(path, CONFIG_BYTES_MAX, &length, problem, problem_bytes);
  if (!text) return false;
  struct ini_reader reader = ini_reader_over(str_view_of(text, length));
  struct ini_entry entry;
  struct config_marks marks = {.outweighed = options->given};
  const char *broken = NULL;
  char wrong[256];
  enum result result;
  while ((result = ini_reader_next(&reader, &entry, &broken)) == RESULT_OK) {
    if (set_entry(options, &entry, &marks, wrong, sizeof wrong)) continue;
    snprintf(problem, problem_bytes, "%s:%u: [%.*s] %.*s = %.*s: %s", path, reader.line, (int)entry.section.length,
             entry.section.data, (int)entry.key.length, entry.key.data, (int)entry.value.length, entry.value.data,
             wrong);
    break;
  }
  if (result == RESULT_MALFORMED) snprintf(problem, problem_bytes, "%s:%u: %s", path, reader.line, broken);
  free(text);
  return result == RESULT_NOT_FOUND;
}

static bool set_defaults(struct boot_options *options, char *problem, size_t problem_bytes) {
  for (size_t i = 0; i < ROW_COUNT; i++) {
    if ((options->given >> i & 1) || rows[i].default_text[0] == '\0') continue;
    char wrong[256];
    if (set_row(options, &rows[i], str_view_from_c(rows[i].default_text), wrong, sizeof wrong)) continue;
    snprintf(problem, problem_bytes, "%s: the default %s %s", rows[i].flag, rows[i].default_text, wrong);
    return false;
  }
  return true;
}

static bool check_together(const struct boot_options *options, char *problem, size_t problem_bytes) {
  bool has_tls = false;
  for (uint8_t i = 0; i < options->sip.count; i++)
    has_tls |= options->sip.items[i].transport == TRANSPORT_TLS;
  if (has_tls && !(options->tls_certificate && options->tls_key))
    snprintf(problem, problem_bytes, "--sip tls: needs --tls-certificate and --tls-key");
  else
    return true;
  return false;
}

enum result boot_options_read(struct boot_options *options, int argc, const char *const *argv, char *problem,
                              size_t problem_bytes) {
  memset(options, 0, sizeof *options);
  const char *config = NULL;
  for (int i = 1; i < argc; i += 2)
    if (!read_flag(options, argv + i, &config, problem, problem_bytes)) return RESULT_MALFORMED;
  if (config && !read_config(options, config, problem, problem_bytes)) return RESULT_MALFORMED;
  if (!set_defaults(options, problem, problem_bytes)) return RESULT_MALFORMED;
  return check_together(options, problem, problem_bytes) ? RESULT_OK : RESULT_MALFORMED;
}

void boot_options_print_help(FILE *stream) {
  fprintf(stream, "  %-18s %s\n      a file of '[section]' and 'key = value' lines, as named below\n", "--config",
          "FILE");
  for (size_t i = 0; i < ROW_COUNT; i++) {
    fprintf(stream, "  %-18s %s\n      %s", rows[i].flag, rows[i].argument, rows[i].help);
    if (rows[i].default_text[0]) fprintf(stream, " (%s)", rows[i].default_text);
    fprintf(stream, "  [%s] %s\n", rows[i].section, rows[i].key);
  }
}
