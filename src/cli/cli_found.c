#include "cli/cli_found.h"

#include <stdio.h>

#include "cli/cli_path.h"

enum cli_exit cli_print_found(struct cli_call *call, const char *list, const char *const *filters,
                              const struct cli_column *columns, const char *nothing) {
  char path[CLI_PATH_BYTES];
  snprintf(path, sizeof path, "%s", list);
  for (int i = 0; i < call->argument_count; i++)
    if (!cli_path_add_filter(path, call->arguments[i], filters)) return CLI_USAGE;
  json_t *document;
  enum cli_exit code = cli_get(call, path, &document);
  if (document) cli_print_table(json_object_get(document, "items"), columns, nothing);
  const json_t *total = json_object_get(document, "total");
  size_t shown = json_array_size(json_object_get(document, "items"));
  if (total && (size_t)json_integer_value(total) > shown)
    printf("%zu of %lld that fit; limit= and offset= show others\n", shown, (long long)json_integer_value(total));
  json_decref(document);
  return code;
}
