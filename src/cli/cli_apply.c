#include <stdio.h>
#include <stdlib.h>

#include "boot/text_file.h"
#include "cli/cli.h"

enum cli_exit cli_apply(struct cli_call *call) {
  char problem[512];
  size_t length;
  char *document = text_file_read(call->arguments[0], TEXT_FILE_DOCUMENT_MAX, &length, problem, sizeof problem);
  if (!document) {
    fprintf(stderr, "belfry: %s\n", problem);
    return CLI_REFUSED;
  }
  enum cli_exit code = cli_do(call, "POST", "/api/v1/apply", document, "applied");
  free(document);
  return code;
}
