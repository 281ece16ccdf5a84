/* The manual page names every command and every option there is. */
#include <stdlib.h>

#include "tap.h"

static char manual[64 * 1024];

static void read_manual(void) {
  char path[1024];
  const char *root = getenv("BELFRY_SOURCE_ROOT");
  snprintf(path, sizeof path, "%s/docs/man/belfry.1", root ? root : ".");
  FILE *file = fopen(path, "r");
  expect(file != NULL);
  if (!file) return;
  size_t length = 0;
  for (int byte; (byte = fgetc(file)) != EOF && length + 1 < sizeof manual;)
    if (byte != '\\') manual[length++] = (char)byte;
  manual[length] = '\0';
  fclose(file);
}

static void expect_named(const char *word) {
  if (!strstr(manual, word)) printf("# %s is not in the manual page\n", word);
  expect(strstr(manual, word) != NULL);
}

static void test_every_command_is_in_the_manual(void) {
  read_manual();
#define CLI_COMMAND(name, function, arguments_min, arguments_max, usage, help)                                         \
  expect_named(name);                                                                                                  \
  expect_named(help);
#include "cli/cli_commands.def"
#undef CLI_COMMAND
}

static void test_every_option_of_serve_is_in_the_manual(void) {
  read_manual();
#define BOOT_OPTION(type, field, flag, ...) expect_named(flag);
#include "boot/boot_options.def"
#undef BOOT_OPTION
}

TAP_TESTS(TAP(test_every_command_is_in_the_manual), TAP(test_every_option_of_serve_is_in_the_manual))
