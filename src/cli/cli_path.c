#include "cli/cli_path.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void cli_path_append(char *path, const char *part) {
  size_t at = strlen(path);
  for (const char *byte = part; *byte && at + 4 < CLI_PATH_BYTES; byte++) {
    if (isalnum((unsigned char)*byte) || strchr("-._~", *byte)) {
      path[at++] = *byte;
      path[at] = '\0';
    } else {
      at += (size_t)snprintf(path + at, CLI_PATH_BYTES - at, "%%%02X", (unsigned char)*byte);
    }
  }
}

const char *cli_path(char *path, const char *prefix, const char *part) {
  snprintf(path, CLI_PATH_BYTES, "%s", prefix);
  cli_path_append(path, part);
  return path;
}

bool cli_path_add_filter(char *path, const char *argument, const char *const *names) {
  size_t name_length = strcspn(argument, "=");
  for (size_t i = 0; names[i]; i++) {
    if (argument[name_length] != '=' || strlen(names[i]) != name_length ||
        strncmp(names[i], argument, name_length) != 0)
      continue;
    size_t used = strlen(path);
    snprintf(path + used, CLI_PATH_BYTES - used, "%c%s=", strchr(path, '?') ? '&' : '?', names[i]);
    cli_path_append(path, argument + name_length + 1);
    return true;
  }
  fprintf(stderr, "belfry: %s is not a filter; filters are", argument);
  for (size_t i = 0; names[i]; i++)
    fprintf(stderr, " %s=", names[i]);
  fputs("\n", stderr);
  return false;
}
