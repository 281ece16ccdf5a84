#include <stdio.h>
#include <stdlib.h>

#include "boot/boot_options.h"
#include "boot/text_file.h"
#include "cli/cli.h"
#include "configuration/configuration.h"

/* Says what is wrong with one document; true when nothing is. */
static bool check_document(const char *name) {
  char reason[512];
  size_t length;
  char *document = text_file_read(name, TEXT_FILE_DOCUMENT_MAX, &length, reason, sizeof reason);
  if (!document) {
    fprintf(stderr, "belfry: %s\n", reason);
    return false;
  }
  struct configuration_problem problem;
  enum result result = configuration_check(document, length, &problem);
  if (result == RESULT_OK)
    printf("%s: good\n", name);
  else if (problem.line > 0)
    fprintf(stderr, "%s:%d: %s%s%s\n", name, problem.line, problem.pointer, problem.pointer[0] ? ": " : "",
            problem.text);
  else
    fprintf(stderr, "%s: %s\n", name, problem.text);
  free(document);
  return result == RESULT_OK;
}

/* Takes the options of `serve`, so that a whole start line can be checked as it is. */
enum cli_exit cli_check(struct cli_call *call) {
  static struct boot_options options;
  char problem[512];
  if (boot_options_read(&options, call->argument_count + 1, (const char *const *)call->arguments - 1, problem,
                        sizeof problem) != RESULT_OK) {
    fprintf(stderr, "belfry: %s\n", problem);
    return CLI_USAGE;
  }
  bool good = true;
  for (uint8_t i = 0; i < options.apply.count; i++)
    good = check_document(options.apply.items[i]) && good;
  return good ? CLI_DONE : CLI_USAGE;
}
