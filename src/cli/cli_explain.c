#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli_findings.h"
#include "cli/cli_path.h"
#include "cli/cli_table.h"

/* What decided, as far as the flight recorder still has it. */
static void print_messages(const json_t *messages) {
  static const struct cli_column columns[] = {
      {"AT", "at"},         {"DIRECTION", "direction"},  {"PEER", "remote"},
      {"AGAIN", "repeats"}, {"WHAT DECIDED", "summary"}, {NULL, NULL},
  };
  if (json_array_size(messages) == 0) return;
  puts("");
  cli_print_table(messages, columns, "");
}

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
  json_t *record = NULL, *opinion = NULL;
  enum cli_exit code =
      call->json ? CLI_DONE : cli_get(call, cli_path(path, "/api/v1/cdrs/", call->arguments[0]), &record);
  if (record) cli_print_object(record, columns);
  json_decref(record);
  if (code != CLI_DONE) return code;
  cli_path(path, "/api/v1/cdrs/", call->arguments[0]);
  snprintf(path + strlen(path), sizeof path - strlen(path), "/explanation");
  code = cli_get(call, path, &opinion);
  print_messages(json_object_get(opinion, "messages"));
  cli_print_findings(json_object_get(opinion, "findings"));
  json_decref(opinion);
  return code;
}
