#include <stdio.h>

#include "cli/cli.h"
#include "cli/cli_path.h"
#include "cli/cli_table.h"

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
  char path[CLI_PATH_BYTES] = "/api/v1/calls";
  for (int i = 0; i < call->argument_count; i++)
    if (!cli_path_add_filter(path, call->arguments[i], filters)) return CLI_USAGE;
  json_t *document;
  enum cli_exit code = cli_get(call, path, &document);
  if (document) cli_print_table(json_object_get(document, "items"), columns, "no calls");
  const json_t *total = json_object_get(document, "total");
  size_t shown = json_array_size(json_object_get(document, "items"));
  if (total && (size_t)json_integer_value(total) > shown)
    printf("%zu of %lld that fit; limit= and offset= show others\n", shown, (long long)json_integer_value(total));
  json_decref(document);
  return code;
}
