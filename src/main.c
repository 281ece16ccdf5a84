/* One binary: `belfry serve` is the switch, everything else talks to one. */
#include <stdio.h>
#include <string.h>

#include "boot/boot_options.h"
#include "cli/cli.h"
#include "serve.h"

static void print_help(void) {
  cli_print_usage();
  puts("\nOptions of serve and check, with their defaults and their place in the configuration file:");
  boot_options_print_help(stdout);
}

static bool is_one_of(const char *word, const char *a, const char *b) {
  return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    print_help();
    return CLI_USAGE;
  }
  bool asks_help = is_one_of(argv[1], "help", "--help") ||
                   (argc > 2 && is_one_of(argv[1], "serve", "check") && is_one_of(argv[2], "--help", "-h"));
  if (asks_help) {
    print_help();
    return CLI_DONE;
  }
  if (strcmp(argv[1], "serve") == 0) return serve_run(argc - 1, argv + 1);
  return cli_run(argc, argv);
}
