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
