#include "cli/cli.h"

enum cli_exit cli_drain(struct cli_call *call) {
  return cli_do(call, "POST", "/api/v1/drain", "{}", "new calls are refused; running calls go on");
}
