#include "cli/cli.h"
#include "cli/cli_table.h"

enum cli_exit cli_phones(struct cli_call *call) {
  static const struct cli_column columns[] = {
      {"NUMBER", "number"},         {"DISPLAY", "display"}, {"SIP TIMER", "sip_timer"},
      {"KEEP-ALIVE", "keep_alive"}, {"CALLS", "calls"},     {NULL, NULL},
  };
  json_t *document;
  enum cli_exit code = cli_get(call, "/api/v1/phones", &document);
  if (document) cli_print_table(json_object_get(document, "items"), columns, "no phones");
  json_decref(document);
  return code;
}
