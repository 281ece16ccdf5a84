/* Paths of the API with one part that an operator typed. */
#ifndef CLI_CLI_PATH_H
#define CLI_CLI_PATH_H

#include <stddef.h>

#define CLI_PATH_BYTES 2048

/* Appends `part` to the text in `path` (CLI_PATH_BYTES), everything but letters, digits and -._~ percent-encoded (RFC
 * 3986 §2.1). A part that does not fit is cut. */
void cli_path_append(char *path, const char *part);

/* `prefix` followed by the encoded `part`; returns `path`. */
const char *cli_path(char *path, const char *prefix, const char *part);

#endif
