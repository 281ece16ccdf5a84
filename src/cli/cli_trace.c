/* What the flight recorder has of calls: as a ladder in the terminal, live, or as a file for Wireshark and sngrep. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_debug_traces.h"
#include "cli/cli_ladder.h"
#include "cli/cli_path.h"
#include "cli/cli_plain.h"

#define COLUMNS_WITHOUT_TERMINAL 128

struct trace_wish {
  char query[CLI_PATH_BYTES]; /* "?call=…&…" or "" */
  const char *pcap;           /* file to write; NULL: none */
  bool full;
};

static const char *const filters[] = {"call",  "number", "address",    "device", "since",
                                      "until", "limit",  "keepalives", "kept",   NULL};

static bool read_arguments(const struct cli_call *call, struct trace_wish *wish) {
  for (int i = 0; i < call->argument_count; i++) {
    const char *argument = call->arguments[i];
    if (strcmp(argument, "--full") == 0) {
      wish->full = true;
    } else if (strcmp(argument, "--pcap") == 0 && i + 1 < call->argument_count) {
      wish->pcap = call->arguments[++i];
    } else if (!cli_path_add_filter(wish->query, argument, filters)) {
      return false;
    }
  }
  return true;
}

static void make_path(char *path, const char *kind, const struct trace_wish *wish) {
  snprintf(path, CLI_PATH_BYTES, "/api/v1/trace%s%.*s", kind, CLI_PATH_BYTES - 64, wish->query);
}

static enum cli_exit write_pcap(struct cli_call *call, const struct trace_wish *wish) {
  char path[CLI_PATH_BYTES];
  struct cli_answer answer;
  make_path(path, ".pcap", wish);
  enum cli_exit code = cli_request(call, "GET", path, NULL, &answer);
  if (code != CLI_DONE) return code;
  FILE *file = fopen(wish->pcap, "wb");
  bool is_written = file && fwrite(answer.body, 1, answer.length, file) == answer.length;
  if (file && fclose(file) != 0) is_written = false;
  if (!is_written) perror(wish->pcap);
  cli_answer_free(&answer);
  return is_written ? CLI_DONE : CLI_REFUSED;
}

/* The ladder, and with --full all messages behind it. */
static enum cli_exit print_text(struct cli_call *call, const struct trace_wish *wish) {
  char path[CLI_PATH_BYTES];
  struct cli_answer answer;
  make_path(path, call->json ? "" : ".txt", wish);
  enum cli_exit code = cli_request(call, "GET", path, NULL, &answer);
  if (code != CLI_DONE) return code;
  char *ladder_end = wish->full || call->json ? NULL : strstr(answer.body, "\n\n");
  if (ladder_end) ladder_end[1] = '\0';
  char *shown = call->json ? NULL : cli_plain_text(answer.body);
  fputs(shown ? shown : answer.body, stdout);
  if (call->json) puts("");
  free(shown);
  cli_answer_free(&answer);
  return CLI_DONE;
}

/* --- live -------------------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return text ? text : "";
}

static int screen_columns(void) {
  struct winsize size;
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : COLUMNS_WITHOUT_TERMINAL;
}

static enum cli_exit follow(struct cli_call *call, const struct trace_wish *wish) {
  char path[CLI_PATH_BYTES], *cursor = NULL;
  struct cli_ladder ladder = {0};
  enum cli_exit code;
  struct cli_answer answer;
  for (;;) {
    make_path(path, "", wish);
    size_t used = strlen(path);
    if (cursor) snprintf(path + used, sizeof path - used, "%ccursor=%s", wish->query[0] ? '&' : '?', cursor);
    code = cli_request(call, "GET", path, NULL, &answer);
    if (code != CLI_DONE) break;
    json_t *document = json_loads(answer.body, 0, NULL);
    cli_plain_json(document);
    cli_ladder_draw(&ladder, document, screen_columns(), stdout);
    fflush(stdout);
    free(cursor);
    cursor = strdup(text_of(document, "next_cursor"));
    json_decref(document);
    cli_answer_free(&answer);
    sleep(1);
  }
  free(cursor);
  return code;
}

enum cli_exit cli_trace(struct cli_call *call) {
  struct trace_wish wish = {0};
  if (cli_debug_traces_are_meant(call)) return cli_debug_traces(call);
  if (!read_arguments(call, &wish)) return CLI_USAGE;
  if (wish.pcap) return write_pcap(call, &wish);
  return call->live ? follow(call, &wish) : print_text(call, &wish);
}
