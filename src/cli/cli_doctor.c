#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli_findings.h"
#include "cli/cli_path.h"

static void print_health(const json_t *looked_at) {
  char calls[64], messages[64], since[64];
  printf("Nothing is wrong as far as %s calls and %s messages since %s show.\n",
         cli_value_text(looked_at, "calls", calls, sizeof calls),
         cli_value_text(looked_at, "messages", messages, sizeof messages),
         cli_value_text(looked_at, "since", since, sizeof since));
}

enum cli_exit cli_doctor(struct cli_call *call) {
  static const char filter[] = "since=";
  char path[CLI_PATH_BYTES] = "/api/v1/doctor";
  if (call->argument_count == 1) {
    if (strncmp(call->arguments[0], filter, sizeof filter - 1) != 0) {
      fprintf(stderr, "belfry: %s is not since=6h or since=2026-11-22T12:00:00Z\n", call->arguments[0]);
      return CLI_USAGE;
    }
    cli_path(path, "/api/v1/doctor?since=", call->arguments[0] + sizeof filter - 1);
  }
  json_t *document;
  enum cli_exit code = cli_get(call, path, &document);
  if (!document) return code;
  const json_t *items = json_object_get(document, "items");
  if (json_array_size(items) == 0) print_health(json_object_get(document, "looked_at"));
  cli_print_findings(items);
  json_decref(document);
  return code;
}
