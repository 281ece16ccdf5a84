#include <stdio.h>

#include "cli/cli.h"

enum cli_exit cli_version(struct cli_call *call) {
  printf(call->json ? "{\"version\":\"%s\"}\n" : "belfry %s\n", BELFRY_VERSION);
  return CLI_DONE;
}
