#include "cli/cli.h"
#include "cli/cli_table.h"

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
  json_t *document;
  enum cli_exit code = cli_get(call, "/api/v1/calls", &document);
  if (document) cli_print_table(json_object_get(document, "items"), columns, "no calls");
  json_decref(document);
  return code;
}
