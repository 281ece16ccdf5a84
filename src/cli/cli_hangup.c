#include "cli/cli.h"
#include "cli/cli_path.h"

enum cli_exit cli_hangup(struct cli_call *call) {
  char path[CLI_PATH_BYTES];
  return cli_do(call, "DELETE", cli_path(path, "/api/v1/calls/", call->arguments[0]), NULL, "hung up");
}
