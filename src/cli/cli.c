#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_live.h"
#include "cli/cli_plain.h"

struct command {
  const char *name;
  enum cli_exit (*run)(struct cli_call *call);
  int arguments_min, arguments_max;
  const char *usage, *help;
};

static const struct command commands[] = {
#define CLI_COMMAND(name, function, arguments_min, arguments_max, usage, help)                                         \
  {name, function, arguments_min, arguments_max, usage, help},
#include "cli/cli_commands.def"
#undef CLI_COMMAND
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

#define SYSTEM_DATA_DIR "/var/lib/belfry"
#define USAGE_COLUMNS   28

static void print_command(const char *usage, const char *help) {
  bool is_long = strlen(usage) > USAGE_COLUMNS;
  if (is_long) printf("  %s\n", usage);
  printf("  %-*s %s\n", USAGE_COLUMNS, is_long ? "" : usage, help);
}

void cli_print_usage(void) {
  printf("usage: belfry COMMAND [--data DIR | --admin URL --token T] [-j] [--live]\n\n");
  print_command("serve", "Run the switch (belfry serve --help)");
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    print_command(commands[i].usage, commands[i].help);
}

static const struct command *find_command(const char *name) {
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    if (strcmp(commands[i].name, name) == 0) return &commands[i];
  return NULL;
}

static const char *default_data_dir(void) {
  return access("./belfry-data", F_OK) != 0 && access(SYSTEM_DATA_DIR, F_OK) == 0 ? SYSTEM_DATA_DIR : "./belfry-data";
}

/* Options that all commands share, taken out of the arguments; false when one lacks its value. */
static bool take_shared_options(struct cli_call *call) {
  const struct {
    const char *name;
    const char **value;
  } options[] = {
      {"--data", &call->client.data_dir}, {"--admin", &call->client.admin}, {"--token", &call->client.token}};
  int kept = 0;
  for (int i = 0; i < call->argument_count; i++) {
    char *argument = call->arguments[i];
    bool taken = strcmp(argument, "-j") == 0 || strcmp(argument, "--json") == 0;
    if (taken) call->json = true;
    if (strcmp(argument, "--live") == 0) taken = call->live = true;
    for (size_t o = 0; o < sizeof options / sizeof options[0] && !taken; o++) {
      if (strcmp(argument, options[o].name) != 0) continue;
      if (++i >= call->argument_count) {
        fprintf(stderr, "belfry: %s needs a value\n", argument);
        return false;
      }
      *options[o].value = call->arguments[i];
      taken = true;
    }
    if (!taken) call->arguments[kept++] = argument;
  }
  call->argument_count = kept;
  return true;
}

int cli_run(int argc, char **argv) {
  const struct command *command = find_command(argv[1]);
  if (!command) {
    fprintf(stderr, "belfry: there is no command \"%s\"; `belfry help` lists them\n", argv[1]);
    return CLI_USAGE;
  }
  struct cli_call call = {.argument_count = argc - 2, .arguments = argv + 2};
  call.client.data_dir = default_data_dir();
  call.client.token = getenv("BELFRY_TOKEN");
  /* `check` starts nothing and reads files only: its options are its own. */
  bool own_options = strcmp(command->name, "check") == 0;
  if (!own_options && !take_shared_options(&call)) return CLI_USAGE;
  if (!own_options && (call.argument_count < command->arguments_min || call.argument_count > command->arguments_max)) {
    fprintf(stderr, "usage: belfry %s\n", command->usage);
    return CLI_USAGE;
  }
  bool follows_itself = command->run == cli_trace; /* what is new is added, nothing is drawn anew */
  if (call.live && !follows_itself && !cli_live_can(command->name)) {
    fprintf(stderr, "belfry: --live goes with what only shows: status, calls, registrations, gateways, cdrs …\n");
    return CLI_USAGE;
  }
  return (int)(call.live && !follows_itself ? cli_live(&call, command->run) : command->run(&call));
}

/* A problem document's sentence, or the status alone. */
static void print_problem(const struct cli_answer *answer) {
  json_t *problem = json_loads(answer->body, 0, NULL);
  cli_plain_json(problem);
  const char *detail = json_string_value(json_object_get(problem, "detail"));
  const char *title = json_string_value(json_object_get(problem, "title"));
  if (detail || title)
    fprintf(stderr, "belfry: %s\n", detail ? detail : title);
  else
    fprintf(stderr, "belfry: the switch answered with status %d\n", answer->status);
  json_decref(problem);
}

enum cli_exit cli_request(struct cli_call *call, const char *method, const char *path, const char *body,
                          struct cli_answer *answer) {
  char problem[512];
  if (cli_client_request(&call->client, method, path, body, answer, problem, sizeof problem) != RESULT_OK) {
    fprintf(stderr, "belfry: %s\n", problem);
    return CLI_REFUSED;
  }
  if (answer->status / 100 == 2) return CLI_DONE;
  print_problem(answer);
  cli_answer_free(answer);
  return CLI_REFUSED;
}

static enum cli_exit parse(const struct cli_call *call, const struct cli_answer *answer, json_t **document_out) {
  json_error_t error;
  *document_out = json_loads(answer->body, 0, &error);
  if (!call->json) cli_plain_json(*document_out);
  if (*document_out) return CLI_DONE;
  fprintf(stderr, "belfry: the answer is not JSON: %s\n", error.text);
  return CLI_REFUSED;
}

enum cli_exit cli_ask(struct cli_call *call, const char *method, const char *path, const char *body,
                      json_t **document_out) {
  struct cli_answer answer;
  *document_out = NULL;
  enum cli_exit code = cli_request(call, method, path, body, &answer);
  if (code != CLI_DONE) return code;
  code = parse(call, &answer, document_out);
  cli_answer_free(&answer);
  return code;
}

void cli_print_json(const json_t *document) {
  char *text = json_dumps(document, JSON_COMPACT);
  if (text) puts(text);
  free(text);
}

enum cli_exit cli_get(struct cli_call *call, const char *path, json_t **document_out) {
  struct cli_answer answer;
  *document_out = NULL;
  enum cli_exit code = cli_request(call, "GET", path, NULL, &answer);
  if (code != CLI_DONE) return code;
  if (call->json)
    puts(answer.body);
  else
    code = parse(call, &answer, document_out);
  cli_answer_free(&answer);
  return code;
}

enum cli_exit cli_do(struct cli_call *call, const char *method, const char *path, const char *body, const char *done) {
  struct cli_answer answer;
  enum cli_exit code = cli_request(call, method, path, body, &answer);
  if (code != CLI_DONE) return code;
  if (call->json)
    puts(answer.length ? answer.body : "{}");
  else if (done)
    puts(done);
  cli_answer_free(&answer);
  return CLI_DONE;
}
