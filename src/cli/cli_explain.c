#include <stdio.h>

#include "cli/cli.h"
#include "cli/cli_path.h"
#include "cli/cli_table.h"

enum cli_exit cli_explain(struct cli_call *call) {
  static const struct cli_column columns[] = {
      {"call", "id"},
      {"caller", "caller"},
      {"callee", "callee"},
      {"started", "started_at"},
      {"ended", "ended_at"},
      {"ended by", "end_direction"},
      {"reason", "end_reason"},
      {"cause", "end_cause"},
      {"SIP status", "sip_status"},
      {"what happened", "explanation"},
      {NULL, NULL},
  };
  char path[CLI_PATH_BYTES];
  json_t *document;
  enum cli_exit code = cli_get(call, cli_path(path, "/api/v1/cdrs/", call->arguments[0]), &document);
  if (document) cli_print_object(document, columns);
  json_decref(document);
  return code;
}
