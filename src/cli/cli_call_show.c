#include <stdio.h>

#include "cli/cli.h"
#include "cli/cli_path.h"

/* All there is about one call, as indented JSON: both legs have more than a table could hold. */
enum cli_exit cli_call_show(struct cli_call *call) {
  char path[CLI_PATH_BYTES];
  json_t *document;
  enum cli_exit code = cli_get(call, cli_path(path, "/api/v1/calls/", call->arguments[0]), &document);
  if (document) {
    json_dumpf(document, stdout, JSON_INDENT(2));
    puts("");
  }
  json_decref(document);
  return code;
}
