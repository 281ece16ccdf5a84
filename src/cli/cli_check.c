#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot/boot_options.h"
#include "boot/text_file.h"
#include "cli/cli.h"
#include "configuration/configuration.h"

/* What is known of one document, as people and as programs read it. */
static json_t *to_json(const char *name, enum result result, const struct configuration_problem *problem) {
  if (result == RESULT_OK) return json_pack("{s:s,s:b}", "file", name, "good", 1);
  return json_pack("{s:s,s:b,s:o,s:s,s:s}", "file", name, "good", 0, "line",
                   problem->line > 0 ? json_integer(problem->line) : json_null(), "pointer", problem->pointer,
                   "problem", problem->text);
}

static void say(const char *name, enum result result, const struct configuration_problem *problem) {
  if (result == RESULT_OK)
    printf("%s: good\n", name);
  else if (problem->line > 0)
    fprintf(stderr, "%s:%d: %s%s%s\n", name, problem->line, problem->pointer, problem->pointer[0] ? ": " : "",
            problem->text);
  else
    fprintf(stderr, "%s: %s\n", name, problem->text);
}

/* Says what is wrong with one document, or adds it to `items` when there are some; true when nothing is. */
static bool check_document(const char *name, json_t *items) {
  struct configuration_problem problem = {0};
  size_t length;
  enum result result = RESULT_NOT_FOUND;
  char *document = text_file_read(name, TEXT_FILE_DOCUMENT_MAX, &length, problem.text, sizeof problem.text);
  if (document)
    result = configuration_check(document, length, &problem);
  else if (!items)
    fprintf(stderr, "belfry: %s\n", problem.text);
  if (items)
    json_array_append_new(items, to_json(name, result, &problem));
  else if (document)
    say(name, result, &problem);
  free(document);
  return result == RESULT_OK;
}

/* Takes -j out of the arguments, wherever it stands. */
static bool take_json(struct cli_call *call) {
  int kept = 0;
  for (int i = 0; i < call->argument_count; i++)
    if (strcmp(call->arguments[i], "-j") != 0 && strcmp(call->arguments[i], "--json") != 0)
      call->arguments[kept++] = call->arguments[i];
  bool is_taken = kept < call->argument_count;
  call->argument_count = kept;
  return is_taken;
}

/* Takes the options of `serve`, so that a whole start line can be checked as it is. */
enum cli_exit cli_check(struct cli_call *call) {
  static struct boot_options options;
  char problem[512];
  json_t *items = take_json(call) ? json_array() : NULL;
  if (boot_options_read(&options, call->argument_count + 1, (const char *const *)call->arguments - 1, problem,
                        sizeof problem) != RESULT_OK) {
    fprintf(stderr, "belfry: %s\n", problem);
    json_decref(items);
    return CLI_USAGE;
  }
  if (!items && options.apply.count == 0) puts("the options are good");
  bool good = true;
  for (uint8_t i = 0; i < options.apply.count; i++)
    good = check_document(options.apply.items[i], items) && good;
  if (items) {
    json_t *answer = json_pack("{s:b,s:o}", "good", (int)good, "items", items);
    cli_print_json(answer);
    json_decref(answer);
  }
  return good ? CLI_DONE : CLI_USAGE;
}
