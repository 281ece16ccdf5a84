#include <stdlib.h>

#include "cli/cli.h"
#include "cli/cli_file.h"

enum cli_exit cli_apply(struct cli_call *call) {
  size_t length;
  char *document = cli_file_read(call->arguments[0], &length);
  if (!document) return CLI_REFUSED;
  enum cli_exit code = cli_do(call, "POST", "/api/v1/apply", document, "applied");
  free(document);
  return code;
}
