/* The operators' console (web/), built into the binary: gzipped files with their types and tags. */
#ifndef ADMIN_CONSOLE_FILES_H
#define ADMIN_CONSOLE_FILES_H

#include <microhttpd.h>
#include <stdbool.h>

struct console_file;

/* The file of that path: a screen's path is that of the page. NULL: none. */
const struct console_file *console_file_find(const char *path);

/* Answers with the file, or with 304 where the browser has it. */
enum MHD_Result console_file_send(const struct console_file *file, struct MHD_Connection *connection);

/* True when a list such as "br, gzip;q=0.8" allows gzip (RFC 9110 §12.5.3). NULL: no. */
bool console_accepts_gzip(const char *accept_encoding);

/* True when an If-None-Match value names `tag` (with its quotes). NULL: no. */
bool console_has_tag(const char *if_none_match, const char *tag);

#endif
