/* belfry trunk-test: what the far side of a routing gateway can do, found out by calling it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_path.h"
#include "cli/cli_table.h"

#define LOOK_EVERY_MS 200
#define LOOKS_MAX     (240 * 1000 / LOOK_EVERY_MS) /* the switch itself ends every test sooner */

static const char *text_of(const json_t *report, const char *name) {
  const char *text = json_string_value(json_object_get(report, name));
  return text ? text : "";
}

static bool is_done(const json_t *report) {
  return strcmp(text_of(report, "state"), "done") == 0;
}

static const json_t *check_of(const json_t *report, const char *name) {
  size_t i;
  json_t *check;
  json_array_foreach(json_object_get(report, "checks"), i, check) {
    if (strcmp(text_of(check, "name"), name) == 0) return check;
  }
  return NULL;
}

/* True when the far side took what it was meant to take: the call, or OPTIONS where there was none. */
static bool is_good(const json_t *report) {
  const char *decisive = *text_of(report, "number") ? "invite" : "options";
  return strcmp(text_of(check_of(report, decisive), "verdict"), "works") == 0;
}

static void print_report(const json_t *report) {
  static const struct cli_column facts[] = {{"gateway", "gateway"},
                                            {"address", "address"},
                                            {"number", "number"},
                                            {"far side", "user_agent"},
                                            {"Allow", "allow"},
                                            {"Supported", "supported"},
                                            {"session timer s", "timer.interval_s"},
                                            {"refresher", "timer.refresher"},
                                            {"Min-SE s", "timer.min_se_s"},
                                            {"100rel used", "reliable_provisional.used"},
                                            {"rang after ms", "ringing_in_ms"},
                                            {"record", "id"},
                                            {NULL, NULL}};
  static const struct cli_column checks[] = {{"CHECK", "name"},        {"RESULT", "verdict"},  {"STATUS", "status"},
                                             {"MS", "answered_in_ms"}, {"MEANING", "meaning"}, {NULL, NULL}};
  cli_print_object(report, facts);
  puts("");
  cli_print_table(json_object_get(report, "checks"), checks, "");
  printf("\n%s\n", text_of(report, "conclusion"));
}

/* Looks until the report is complete; says on a terminal how far the test is. */
static enum cli_exit follow(struct cli_call *call, const char *path, json_t **report) {
  char shown[16] = "";
  bool speaks = isatty(STDERR_FILENO) && !call->json;
  for (int looks = 0; !is_done(*report) && looks < LOOKS_MAX; looks++) {
    struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000000L};
    if (speaks && strcmp(shown, text_of(*report, "state")) != 0) {
      snprintf(shown, sizeof shown, "%.15s", text_of(*report, "state"));
      fprintf(stderr, "%s ...\n", shown);
    }
    nanosleep(&pause, NULL);
    json_decref(*report);
    enum cli_exit code = cli_ask(call, "GET", path, NULL, report);
    if (code != CLI_DONE) return code;
  }
  return CLI_DONE;
}

enum cli_exit cli_trunk_test(struct cli_call *call) {
  static const char caller[] = "caller=";
  char path[CLI_PATH_BYTES];
  json_t *order = json_object(), *report = NULL;
  for (int i = 1; i < call->argument_count; i++) {
    bool is_caller = strncmp(call->arguments[i], caller, sizeof caller - 1) == 0;
    json_object_set_new(order, is_caller ? "caller" : "number",
                        json_string(call->arguments[i] + (is_caller ? sizeof caller - 1 : 0)));
  }
  char *body = json_dumps(order, JSON_COMPACT);
  json_decref(order);
  cli_path(path, "/api/v1/routing-gateways/", call->arguments[0]);
  snprintf(path + strlen(path), sizeof path - strlen(path), "/test");
  enum cli_exit code = cli_ask(call, "POST", path, body, &report);
  free(body);
  if (code == CLI_DONE) code = follow(call, path, &report);
  if (code != CLI_DONE) return code;
  if (call->json)
    cli_print_json(report);
  else
    print_report(report);
  code = is_good(report) ? CLI_DONE : CLI_REFUSED;
  json_decref(report);
  return code;
}
