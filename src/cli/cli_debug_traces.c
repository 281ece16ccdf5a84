#include "cli/cli_debug_traces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_path.h"
#include "cli/cli_table.h"

#define TRACES "/api/v1/debug-traces"

static const struct cli_column columns[] = {
    {"ID", "id"},        {"STATE", "state"}, {"NUMBER", "number"},   {"DEVICE", "label"}, {"STARTED", "started_at"},
    {"ENDS", "ends_at"}, {"BY", "by"},       {"RECORDS", "records"}, {"BYTES", "bytes"},  {NULL, NULL}};

static bool is_word(const char *argument, const char *word) {
  return strcmp(argument, word) == 0;
}

bool cli_debug_traces_are_meant(const struct cli_call *call) {
  if (call->argument_count == 0) return false;
  const char *first = call->arguments[0];
  return is_word(first, "--start") || is_word(first, "--list") || is_word(first, "--stop") ||
         is_word(first, "--remove");
}

/* "minutes=10" and the rest of the arguments as the API's order; false: one of them is none. */
static bool read_order(const struct cli_call *call, json_t *order) {
  static const char *const names[] = {"number", "device", "address", "minutes"};
  for (int i = 1; i < call->argument_count; i++) {
    const char *argument = call->arguments[i], *value = strchr(argument, '=');
    size_t length = value ? (size_t)(value - argument) : 0, known = 0;
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++)
      known += length == strlen(names[n]) && strncmp(argument, names[n], length) == 0;
    if (known == 0) {
      fprintf(stderr, "belfry: %s is not number= device= address= or minutes=\n", argument);
      return false;
    }
    bool is_minutes = strncmp(argument, "minutes", length) == 0;
    char name[16];
    snprintf(name, sizeof name, "%.*s", (int)length, argument);
    json_object_set_new(order, name, is_minutes ? json_integer(strtol(value + 1, NULL, 10)) : json_string(value + 1));
  }
  return true;
}

static enum cli_exit start(struct cli_call *call) {
  json_t *order = json_object(), *trace = NULL;
  enum cli_exit code = read_order(call, order) ? CLI_DONE : CLI_USAGE;
  char *body = json_dumps(order, JSON_COMPACT);
  json_decref(order);
  if (code == CLI_DONE) code = cli_ask(call, "POST", TRACES, body, &trace);
  free(body);
  if (code != CLI_DONE) return code;
  if (call->json)
    cli_print_json(trace);
  else
    printf("%s\n", json_string_value(json_object_get(trace, "id")));
  json_decref(trace);
  return code;
}

static enum cli_exit list(struct cli_call *call) {
  json_t *document;
  enum cli_exit code = cli_get(call, TRACES, &document);
  if (document) cli_print_table(json_object_get(document, "items"), columns, "no debug traces");
  json_decref(document);
  return code;
}

enum cli_exit cli_debug_traces(struct cli_call *call) {
  char path[CLI_PATH_BYTES];
  const char *verb = call->arguments[0];
  if (is_word(verb, "--start")) return start(call);
  if (is_word(verb, "--list") && call->argument_count == 1) return list(call);
  if (is_word(verb, "--list") || call->argument_count != 2) {
    fprintf(stderr, "usage: belfry trace --start [number=N] [device=D] [address=A] [minutes=10] | --list | --stop ID | "
                    "--remove ID\n");
    return CLI_USAGE;
  }
  cli_path(path, TRACES "/", call->arguments[1]);
  if (is_word(verb, "--remove")) return cli_do(call, "DELETE", path, NULL, "removed");
  snprintf(path + strlen(path), sizeof path - strlen(path), "/stop");
  return cli_do(call, "POST", path, NULL, "stopped");
}
