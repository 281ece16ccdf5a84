#include <stdio.h>

#include "cli/cli.h"
#include "cli/cli_table.h"

static enum cli_exit print_kind(struct cli_call *call, const char *path, const char *title,
                                const struct cli_column *columns) {
  json_t *document;
  enum cli_exit code = cli_get(call, path, &document);
  if (document) {
    puts(title);
    cli_print_table(json_object_get(document, "items"), columns, "none");
  }
  json_decref(document);
  return code;
}

enum cli_exit cli_gateways(struct cli_call *call) {
  static const struct cli_column mapping[] = {
      {"NAME", "name"}, {"ADDRESSES", "addresses"}, {"CALLS", "calls"}, {"CAPACITY", "capacity"}, {NULL, NULL},
  };
  static const struct cli_column routing[] = {
      {"NAME", "name"},
      {"ADDRESS", "address"},
      {"PREFIXES", "prefixes"},
      {"PRIORITY", "priority"},
      {"CALLS", "calls"},
      {"CAPACITY", "capacity"},
      {NULL, NULL},
  };
  enum cli_exit code = print_kind(call, "/api/v1/mapping-gateways", "Mapping gateways (customers)", mapping);
  if (code != CLI_DONE) return code;
  if (!call->json) puts("");
  return print_kind(call, "/api/v1/routing-gateways", "Routing gateways (vendors)", routing);
}
