#include "cli/cli.h"
#include "cli/cli_table.h"

enum cli_exit cli_status(struct cli_call *call) {
  static const struct cli_column columns[] = {
      {"version", "version"},
      {"up for (s)", "uptime_s"},
      {"sip", "sip"},
      {"workers", "workers"},
      {"calls", "calls.current"},
      {"answered now", "calls.answered"},
      {"attempts since start", "calls.attempted"},
      {"registrations", "registrations"},
      {"keep-alive", "keep_alive.round"},
      {"keep-alive lag (ms)", "keep_alive.lag_ms"},
      {"unreachable", "keep_alive.unreachable"},
      {"transactions", "transactions"},
      {"loop lag (ms)", "loop_lag_ms"},
      {"records waiting", "records.waiting"},
      {"records written", "records.written"},
      {"store", "store.problem"},
      {"draining", "draining"},
      {NULL, NULL},
  };
  json_t *document;
  enum cli_exit code = cli_get(call, "/api/v1/status", &document);
  if (document) cli_print_object(document, columns);
  json_decref(document);
  return code;
}
