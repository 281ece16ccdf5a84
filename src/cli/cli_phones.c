#include "cli/cli_found.h"

static const char *const filters[] = {"q", "sort", "offset", "limit", NULL};

enum cli_exit cli_phones(struct cli_call *call) {
  static const struct cli_column columns[] = {
      {"NUMBER", "number"},         {"DISPLAY", "display"}, {"SIP TIMER", "sip_timer"},
      {"KEEP-ALIVE", "keep_alive"}, {"CALLS", "calls"},     {NULL, NULL},
  };
  return cli_print_found(call, "/api/v1/phones", filters, columns, "no phones");
}
