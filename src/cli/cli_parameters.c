#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli_path.h"
#include "cli/cli_table.h"

enum cli_exit cli_parameters(struct cli_call *call) {
  static const struct cli_column columns[] = {
      {"NAME", "name"}, {"VALUE", "value"},     {"DEFAULT", "default"},
      {"UNIT", "unit"}, {"MEANING", "summary"}, {NULL, NULL},
  };
  json_t *document;
  enum cli_exit code = cli_get(call, "/api/v1/parameters", &document);
  if (document) cli_print_table(json_object_get(document, "items"), columns, "no parameters");
  json_decref(document);
  return code;
}

enum cli_exit cli_parameter_get(struct cli_call *call) {
  static const struct cli_column columns[] = {
      {"name", "name"},
      {"value", "value"},
      {"default", "default"},
      {"unit", "unit"},
      {"min", "min"},
      {"max", "max"},
      {"group", "group"},
      {"summary", "summary"},
      {"meaning", "description"},
      {"changed at", "changed_at"},
      {"changed by", "changed_by"},
      {NULL, NULL},
  };
  char path[CLI_PATH_BYTES];
  json_t *document;
  enum cli_exit code = cli_get(call, cli_path(path, "/api/v1/parameters/", call->arguments[0]), &document);
  if (document) cli_print_object(document, columns);
  json_decref(document);
  return code;
}

/* The value goes as text; the switch knows each parameter's type. */
enum cli_exit cli_parameter_set(struct cli_call *call) {
  char path[CLI_PATH_BYTES];
  json_t *body = json_pack("{s:s}", "value", call->arguments[1]);
  char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
  json_decref(body);
  if (!text) {
    fprintf(stderr, "belfry: the value is not UTF-8 text\n");
    return CLI_USAGE;
  }
  enum cli_exit code = cli_do(call, "PUT", cli_path(path, "/api/v1/parameters/", call->arguments[0]), text, "changed");
  free(text);
  return code;
}

enum cli_exit cli_parameter_preview(struct cli_call *call) {
  char path[CLI_PATH_BYTES];
  json_t *document;
  cli_path(path, "/api/v1/parameters/", call->arguments[0]);
  size_t used = strlen(path);
  snprintf(path + used, sizeof path - used, "/effect?value=");
  cli_path_append(path, call->arguments[1]);
  enum cli_exit code = cli_get(call, path, &document);
  if (document) puts(json_string_value(json_object_get(document, "effect")));
  json_decref(document);
  return code;
}

enum cli_exit cli_preset(struct cli_call *call) {
  char path[CLI_PATH_BYTES];
  return cli_do(call, "POST", cli_path(path, "/api/v1/presets/", call->arguments[0]), "{}", "applied");
}
