#include "cli/cli_found.h"

static const char *const filters[] = {"q", "state", "sort", "offset", "limit", NULL};

enum cli_exit cli_registrations(struct cli_call *call) {
  static const struct cli_column columns[] = {
      {"ID", "id"},
      {"NUMBER", "number"},
      {"CONTACT", "contact"},
      {"SOURCE", "source"},
      {"DEVICE", "user_agent"},
      {"EXPIRES", "expires_in_s"},
      {"STATIC", "static"},
      {"KEEP-ALIVE", "keep_alive.sends"},
      {"RTT (ms)", "keep_alive.round_trip_ms"},
      {"REACHABLE", "keep_alive.reachable"},
      {NULL, NULL},
  };
  return cli_print_found(call, "/api/v1/registrations", filters, columns, "no registrations");
}
