/* What is fixed when the switch starts, from the command line and a strict configuration file (ini_reader.h). Both are
 * read through one table, boot_options.def. */
#ifndef BOOT_BOOT_OPTIONS_H
#define BOOT_BOOT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/result.h"
#include "boundary/context.h"

#define BOOT_TEXTS_MAX        16
#define BOOT_TEXT_STORAGE_MAX 16384

struct boot_text_list {
  const char *items[BOOT_TEXTS_MAX];
  uint8_t count;
};

/* `advertised` is of family ADDRESS_NONE where the option does not name it, and has port 0 where it names no port. */
struct boot_listen_list {
  struct local_socket items[LOCAL_SOCKETS_MAX];
  uint8_t count;
};

#define BOOT_FIELD_TEXT(field)        const char *field; /* NULL: not given and no default */
#define BOOT_FIELD_ADDRESSES(field)   const char *field;
#define BOOT_FIELD_TEXT_LIST(field)   struct boot_text_list field;
#define BOOT_FIELD_LISTEN_LIST(field) struct boot_listen_list field;
#define BOOT_FIELD_ADDRESS(field)     struct address field;
#define BOOT_FIELD_NUMBER(field)      uint32_t field;
#define BOOT_FIELD_RATE(field)        double field;

/* Holds its own texts: not to be copied. */
struct boot_options {
#define BOOT_OPTION(type, field, ...) BOOT_FIELD_##type(field)
#include "boot/boot_options.def"
#undef BOOT_OPTION
  uint64_t given; /* one bit a row: set by command line or file, not by default */
  size_t storage_used;
  char storage[BOOT_TEXT_STORAGE_MAX];
};

/* Reads `argv` (argv[0] is the command's name and skipped), then the file named by --config, then fills in the
 * defaults. RESULT_OK, or RESULT_MALFORMED with one sentence in `problem` that names the flag, or file and line. */
enum result boot_options_read(struct boot_options *options, int argc, const char *const *argv, char *problem,
                              size_t problem_bytes) MUST_USE;

/* Prints one line per option. */
void boot_options_print_help(FILE *stream);

/* Reads "udp:127.0.0.1:5060", optionally followed by "/192.0.2.1" or "/192.0.2.1:5060". Ports default to 5060, for TLS
 * to 5061 (RFC 3261 section 19.1.2). */
enum result boot_listen_parse(struct str_view text, struct local_socket *socket_out) MUST_USE;

/* Appends transport and bound address as boot_listen_parse reads them. */
void boot_listen_to_text(const struct local_socket *socket, struct text_builder *builder);

#endif
