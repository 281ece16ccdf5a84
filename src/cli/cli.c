#include "cli/cli.h"

#include <stdio.h>

int cli_run(int argc, char **argv) {
  fprintf(stderr, "belfry: %s is not a command (see belfry --help)\n", argc > 1 ? argv[1] : "nothing");
  return 2;
}
