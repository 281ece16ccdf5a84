#include <stdio.h>

#include "cli/cli.h"
#include "cli/cli_table.h"

/* Two lists of the API in one answer, so that -j prints one document. */
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
  bool as_json = call->json;
  call->json = false;
  json_t *customers = NULL, *vendors = NULL;
  enum cli_exit code = cli_get(call, "/api/v1/mapping-gateways", &customers);
  if (code == CLI_DONE) code = cli_get(call, "/api/v1/routing-gateways", &vendors);
  if (code == CLI_DONE && as_json) {
    json_t *both = json_pack("{s:O,s:O}", "mapping_gateways", json_object_get(customers, "items"), "routing_gateways",
                             json_object_get(vendors, "items"));
    json_dumpf(both, stdout, JSON_COMPACT);
    puts("");
    json_decref(both);
  } else if (code == CLI_DONE) {
    puts("Mapping gateways (customers)");
    cli_print_table(json_object_get(customers, "items"), mapping, "none");
    puts("\nRouting gateways (vendors)");
    cli_print_table(json_object_get(vendors, "items"), routing, "none");
  }
  json_decref(customers);
  json_decref(vendors);
  return code;
}
