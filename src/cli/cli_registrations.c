#include "cli/cli.h"
#include "cli/cli_table.h"

enum cli_exit cli_registrations(struct cli_call *call) {
  static const struct cli_column columns[] = {
      {"ID", "id"},
      {"NUMBER", "number"},
      {"CONTACT", "contact"},
      {"SOURCE", "source"},
      {"DEVICE", "user_agent"},
      {"EXPIRES", "expires_in_s"},
      {"KEEP-ALIVE", "keep_alive.sends"},
      {"RTT (ms)", "keep_alive.round_trip_ms"},
      {"REACHABLE", "keep_alive.reachable"},
      {NULL, NULL},
  };
  json_t *document;
  enum cli_exit code = cli_get(call, "/api/v1/registrations", &document);
  if (document) cli_print_table(json_object_get(document, "items"), columns, "no registrations");
  json_decref(document);
  return code;
}
