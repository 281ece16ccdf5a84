/* Paths of the API with one part that an operator typed. */
#ifndef CLI_CLI_PATH_H
#define CLI_CLI_PATH_H

#include <stdbool.h>
#include <stddef.h>

#define CLI_PATH_BYTES 2048

/* Appends `part` to the text in `path` (CLI_PATH_BYTES), everything but letters, digits and -._~ percent-encoded (RFC
 * 3986 §2.1). A part that does not fit is cut. */
void cli_path_append(char *path, const char *part);

/* `prefix` followed by the encoded `part`; returns `path`. */
const char *cli_path(char *path, const char *prefix, const char *part);

/* Adds an argument "NAME=VALUE" to the query of the path when NAME is among `names`, which end in NULL. False, with a
 * line on standard error that lists them, when it is not. */
bool cli_path_add_filter(char *path, const char *argument, const char *const *names);

#endif
