/* `--live`: a command that shows something, again and again, on a screen of its own until Ctrl-C; into a pipe, one
 * picture after the other. */
#ifndef CLI_CLI_LIVE_H
#define CLI_CLI_LIVE_H

#include "cli/cli.h"

/* True for commands that only show: status, calls, registrations … */
bool cli_live_can(const char *command);

/* Runs `run` every two seconds until a signal ends it, or until it fails; its exit code. */
enum cli_exit cli_live(struct cli_call *call, enum cli_exit (*run)(struct cli_call *call));

/* Writes `text` over what is on a screen of `columns` × `rows`: lines are cut, and each clears what stood behind it. */
void cli_live_draw(FILE *screen, const char *text, int columns, int rows);

#endif
