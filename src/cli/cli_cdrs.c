#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli_path.h"
#include "cli/cli_table.h"

/* The filters of the API, as NAME=VALUE arguments. */
static bool add_filter(char *path, const char *argument) {
  static const char *const names[] = {"caller", "callee", "gateway", "reason", "from", "to", "limit", "cursor"};
  size_t name_length = strcspn(argument, "=");
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (argument[name_length] != '=' || strlen(names[i]) != name_length ||
        strncmp(names[i], argument, name_length) != 0)
      continue;
    size_t used = strlen(path);
    snprintf(path + used, CLI_PATH_BYTES - used, "%c%s=", strchr(path, '?') ? '&' : '?', names[i]);
    cli_path_append(path, argument + name_length + 1);
    return true;
  }
  fprintf(stderr, "belfry: %s is not a filter; filters are caller= callee= gateway= reason= from= to= limit= cursor=\n",
          argument);
  return false;
}

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
  char path[CLI_PATH_BYTES] = "/api/v1/cdrs";
  for (int i = 0; i < call->argument_count; i++)
    if (!add_filter(path, call->arguments[i])) return CLI_USAGE;
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
