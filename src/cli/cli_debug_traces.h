/* belfry trace --start, --list, --stop, --remove: what the switch keeps beyond the flight recorder's ring. */
#ifndef CLI_CLI_DEBUG_TRACES_H
#define CLI_CLI_DEBUG_TRACES_H

#include <stdbool.h>

#include "cli/cli.h"

/* True when the arguments of `belfry trace` are about debug traces. */
bool cli_debug_traces_are_meant(const struct cli_call *call);

enum cli_exit cli_debug_traces(struct cli_call *call);

#endif
