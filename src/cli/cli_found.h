/* Lists that the switch searches, sorts and pages. */
#ifndef CLI_CLI_FOUND_H
#define CLI_CLI_FOUND_H

#include "cli/cli.h"
#include "cli/cli_table.h"

/* Asks `list` with the command's arguments, each NAME=VALUE with a name of `filters` (NULL at the end), and prints what
 * fits as a table, or `nothing`. */
enum cli_exit cli_print_found(struct cli_call *call, const char *list, const char *const *filters,
                              const struct cli_column *columns, const char *nothing);

#endif
