#include "cli/cli.h"
#include "cli/cli_found.h"

static const char *const filters[] = {"q",    "number", "device", "state", "refresher", "expires_within_s",
                                      "sort", "offset", "limit",  NULL};

enum cli_exit cli_calls(struct cli_call *call) {
  static const struct cli_column columns[] = {
      {"ID", "id"},
      {"STATE", "state"},
      {"CALLER", "caller"},
      {"CALLEE", "callee"},
      {"FROM", "caller_device"},
      {"TO", "callee_device"},
      {"SECONDS", "duration_s"},
      {"TIMER A", "caller_leg.timer.expires_in_s"},
      {"TIMER B", "callee_leg.timer.expires_in_s"},
      {NULL, NULL},
  };
  return cli_print_found(call, "/api/v1/calls", filters, columns, "no calls");
}
