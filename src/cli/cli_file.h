/* Files that operators name on the command line. */
#ifndef CLI_CLI_FILE_H
#define CLI_CLI_FILE_H

#include <stddef.h>

/* The whole file, or standard input for "-": heap, NUL-terminated, the caller frees it. NULL after a message on
 * standard error. */
char *cli_file_read(const char *name, size_t *length_out);

#endif
