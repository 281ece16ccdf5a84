#include <stdio.h>

#include "cli/cli.h"
#include "cli/cli_path.h"
#include "cli/cli_table.h"

enum cli_exit cli_cdrs(struct cli_call *call) {
  static const struct cli_column columns[] = {
      {"ID", "id"},
      {"STARTED", "started_at"},
      {"CALLER", "caller"},
      {"CALLEE", "callee"},
      {"FROM", "caller_device"},
      {"TO", "callee_device"},
      {"TALK MS", "hold_time_ms"},
      {"ENDED BY", "end_direction"},
      {"REASON", "end_reason"},
      {"CAUSE", "end_cause"},
      {"SIP", "sip_status"},
      {NULL, NULL},
  };
  static const char *const filters[] = {"caller", "callee", "gateway", "reason", "from", "to", "limit", "cursor", NULL};
  char path[CLI_PATH_BYTES] = "/api/v1/cdrs";
  for (int i = 0; i < call->argument_count; i++)
    if (!cli_path_add_filter(path, call->arguments[i], filters)) return CLI_USAGE;
  json_t *document;
  enum cli_exit code = cli_get(call, path, &document);
  if (document) {
    cli_print_table(json_object_get(document, "items"), columns, "no records");
    const char *cursor = json_string_value(json_object_get(document, "next_cursor"));
    if (cursor) printf("more with cursor=%s\n", cursor);
  }
  json_decref(document);
  return code;
}
