#include "admin/console_files.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What the page may do: nothing but load its own files and talk to its own switch. */
#define PAGE_POLICY                                                                                                    \
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "                \
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

struct console_file {
  const char *path, *type;
  const uint8_t *begin, *end;
  const char *tag; /* with its quotes: of the contents */
};

/* The bytes are taken up by the assembler as they are: .incbin. */
#include "console_bytes.inc"

static const struct console_file files[] = {
#define CONSOLE_FILE(path, symbol, type) {path, type, console_##symbol, console_##symbol##_end, console_##symbol##_tag},
#define CONSOLE_SCREEN(path)
#include "admin/console_files.def"
#undef CONSOLE_FILE
#undef CONSOLE_SCREEN
};

static const char *const screens[] = {
#define CONSOLE_FILE(path, symbol, type)
#define CONSOLE_SCREEN(path) path,
#include "admin/console_files.def"
#undef CONSOLE_FILE
#undef CONSOLE_SCREEN
};

const struct console_file *console_file_find(const char *path) {
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
    if (strcmp(files[i].path, path) == 0) return &files[i];
  for (size_t i = 0; i < sizeof screens / sizeof screens[0]; i++)
    if (strcmp(screens[i], path) == 0) return &files[0];
  return NULL;
}

bool console_accepts_gzip(const char *accept_encoding) {
  const char *at = accept_encoding;
  while (at && *at) {
    size_t length = strcspn(at, ",");
    size_t name = strspn(at, " \t"), name_end = name + strcspn(at + name, " \t;,");
    bool is_gzip =
        (name_end - name == 4 && strncasecmp(at + name, "gzip", 4) == 0) || (name_end - name == 1 && at[name] == '*');
    char quality[32] = "";
    snprintf(quality, sizeof quality, "%.*s", (int)(length > name_end ? length - name_end : 0), at + name_end);
    const char *value = strstr(quality, "q=");
    bool is_refused = value && strspn(value + 2, "0.") == strcspn(value + 2, " \t;");
    if (is_gzip && !is_refused) return true;
    at += length;
    if (*at) at++;
  }
  return false;
}

bool console_has_tag(const char *if_none_match, const char *tag) {
  return if_none_match && (strcmp(if_none_match, "*") == 0 || strstr(if_none_match, tag) != NULL);
}

static void add_headers(struct MHD_Response *reply, const struct console_file *file) {
  MHD_add_response_header(reply, "ETag", file->tag);
  MHD_add_response_header(reply, "Cache-Control", "no-cache");
  MHD_add_response_header(reply, "Vary", "Accept-Encoding");
  MHD_add_response_header(reply, "Content-Security-Policy", PAGE_POLICY);
  MHD_add_response_header(reply, "X-Content-Type-Options", "nosniff");
  MHD_add_response_header(reply, "X-Frame-Options", "DENY");
  MHD_add_response_header(reply, "Referrer-Policy", "no-referrer");
  MHD_add_response_header(reply, "Cross-Origin-Opener-Policy", "same-origin");
}

enum MHD_Result console_file_send(const struct console_file *file, struct MHD_Connection *connection) {
  static const char sorry[] = "The console is sent compressed: ask with Accept-Encoding: gzip\n";
  const char *tags = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "If-None-Match");
  const char *encodings = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept-Encoding");
  unsigned status = console_has_tag(tags, file->tag) ? 304 : console_accepts_gzip(encodings) ? 200 : 406;
  const void *bytes = status == 406 ? (const void *)sorry : file->begin;
  size_t length = status == 200 ? (size_t)(file->end - file->begin) : status == 406 ? sizeof sorry - 1 : 0;
  struct MHD_Response *reply =
      MHD_create_response_from_buffer(length, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT);
  if (!reply) return MHD_NO;
  add_headers(reply, file);
  MHD_add_response_header(reply, "Content-Type", status == 406 ? "text/plain" : file->type);
  if (status == 200) MHD_add_response_header(reply, "Content-Encoding", "gzip");
  enum MHD_Result queued = MHD_queue_response(connection, status, reply);
  MHD_destroy_response(reply);
  return queued;
}
