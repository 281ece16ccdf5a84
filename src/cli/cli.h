/* The operator's command line: `belfry calls`, `belfry set NAME VALUE` … Each command is one file; cli_commands.def is
 * the table to find them. Commands talk HTTP to the running switch: through DIR/control.sock, or to --admin URL with
 * --token T. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/cli_client.h"

/* Exit codes of the contract. */
enum cli_exit { CLI_DONE = 0, CLI_REFUSED = 1, CLI_USAGE = 2 };

/* What every command is handed: its arguments and the options that all share. */
struct cli_call {
  int argument_count;
  char **arguments; /* behind the command's name, options taken out */
  bool json;        /* -j: print the answer as it came */
  bool live;        /* --live: again and again (cli_live.h) */
  struct cli_client client;
};

/* Runs `belfry COMMAND …` (argv[1] is the command) and returns the process's exit code. `serve` is not among them. */
int cli_run(int argc, char **argv);

/* Prints all commands with their one-line help. */
void cli_print_usage(void);

#define CLI_COMMAND(name, function, arguments_min, arguments_max, usage, help)                                         \
  enum cli_exit function(struct cli_call *call);
#include "cli/cli_commands.def"
#undef CLI_COMMAND

/* Sends a request. CLI_DONE: the answer's status is one of 200 to 299, and the caller frees it with cli_answer_free;
 * else what went wrong is printed and there is nothing to free. */
enum cli_exit cli_request(struct cli_call *call, const char *method, const char *path, const char *body,
                          struct cli_answer *answer_out);

/* GETs `path`; prints the body and returns CLI_DONE with *document_out NULL when -j was given, else the parsed
 * document, which the caller gives back with json_decref. Prints what went wrong otherwise. */
enum cli_exit cli_get(struct cli_call *call, const char *path, json_t **document_out);

/* Sends a request and parses its answer, whatever -j says; the document is the caller's, to be given back with
 * json_decref. Prints what went wrong and leaves *document_out NULL otherwise. */
enum cli_exit cli_ask(struct cli_call *call, const char *method, const char *path, const char *body,
                      json_t **document_out);

/* Prints a document in one line, as -j wants it. */
void cli_print_json(const json_t *document);

/* Sends a request whose answer is only good or bad: prints `done` (or the JSON answer with -j), or the problem. `body`
 * may be NULL. */
enum cli_exit cli_do(struct cli_call *call, const char *method, const char *path, const char *body, const char *done);

#endif
