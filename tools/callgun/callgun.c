#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gun_loop.h"

static const char usage[] =
    "usage: callgun calls    --target ADDR:PORT [--local ADDR:PORT] [--answer ADDR:PORT] --rate N --count N\n"
    "                        [--ring-ms N] [--talk-ms N] [--window N] [--session-expires S] [--number PREFIX]\n"
    "       callgun options  --target ADDR:PORT [--local ADDR:PORT] --count N [--window N] [--rate N]\n"
    "       callgun register --target ADDR:PORT [--local ADDR:PORT] --count N [--window N] [--rate N]\n"
    "                        --user PREFIX --password TEXT\n"
    "       all: [--time-limit S] [--json]\n"
    "\n"
    "calls: plays caller (local) and, with --answer, the callee that the switch calls. Numbers called are PREFIX and "
    "a\n"
    "running number. register: users are PREFIX and a running number. Exit status 1 when anything was lost.\n";

enum option_type { OPTION_ADDRESS, OPTION_NUMBER, OPTION_COUNT, OPTION_RATE, OPTION_TEXT };

static const struct option_row {
  const char *flag;
  enum option_type type;
  size_t offset;
} option_rows[] = {
    {"--target", OPTION_ADDRESS, offsetof(struct gun_options, target)},
    {"--local", OPTION_ADDRESS, offsetof(struct gun_options, local)},
    {"--answer", OPTION_ADDRESS, offsetof(struct gun_options, answer)},
    {"--rate", OPTION_RATE, offsetof(struct gun_options, rate)},
    {"--count", OPTION_COUNT, offsetof(struct gun_options, count)},
    {"--window", OPTION_NUMBER, offsetof(struct gun_options, window)},
    {"--ring-ms", OPTION_NUMBER, offsetof(struct gun_options, ring_ms)},
    {"--talk-ms", OPTION_NUMBER, offsetof(struct gun_options, talk_ms)},
    {"--session-expires", OPTION_NUMBER, offsetof(struct gun_options, session_expires_s)},
    {"--time-limit", OPTION_NUMBER, offsetof(struct gun_options, time_limit_s)},
    {"--number", OPTION_TEXT, offsetof(struct gun_options, number_prefix)},
    {"--user", OPTION_TEXT, offsetof(struct gun_options, user)},
    {"--password", OPTION_TEXT, offsetof(struct gun_options, password)},
};

static _Noreturn void refuse(const char *what) {
  fprintf(stderr, "callgun: %s\n%s", what, usage);
  exit(2);
}

static bool read_value(const struct option_row *row, const char *text, struct gun_options *options) {
  void *field = (char *)options + row->offset;
  struct str_view view = str_view_from_c(text);
  char *end;
  switch (row->type) {
  case OPTION_ADDRESS: return address_parse(view, 5060, field) == RESULT_OK;
  case OPTION_NUMBER: return str_view_to_u32(view, field);
  case OPTION_COUNT: return str_view_to_u64(view, field);
  case OPTION_RATE: *(double *)field = strtod(text, &end); return *end == '\0' && *(double *)field >= 0;
  case OPTION_TEXT: *(const char **)field = text; return strlen(text) < 48;
  }
  return false;
}

static void read_options(struct gun_options *options, int argc, char **argv) {
  for (int i = 2; i < argc; i++) {
    const struct option_row *row = NULL;
    if (strcmp(argv[i], "--json") == 0) {
      options->json = true;
      continue;
    }
    for (size_t r = 0; r < sizeof option_rows / sizeof option_rows[0]; r++)
      if (strcmp(option_rows[r].flag, argv[i]) == 0) row = &option_rows[r];
    if (!row) refuse("unknown option");
    if (++i == argc || !read_value(row, argv[i], options)) refuse("an option's value is missing or not understood");
  }
  if (options->target.family == ADDRESS_NONE) refuse("--target is missing");
  if (options->window == 0 || options->count == 0) refuse("--window and --count must be at least 1");
}

int main(int argc, char **argv) {
  static struct gun gun;
  static const char *const works[] = {"calls", "options", "register"};
  gun.options = (struct gun_options){.window = 10000,
                                     .count = 1,
                                     .talk_ms = 0,
                                     .number_prefix = "44",
                                     .user = "u",
                                     .password = "",
                                     .time_limit_s = 3600};
  int work = -1;
  for (int i = 0; i < 3 && argc > 1; i++)
    if (strcmp(argv[1], works[i]) == 0) work = i;
  if (work < 0) refuse("say what to do");
  gun.options.work = (enum gun_work)work;
  (void)!address_parse(STR_VIEW("127.0.0.1:0"), 0, &gun.options.local);
  read_options(&gun.options, argc, argv);
  gun_open(&gun);
  gun_run(&gun);
  gun_report(&gun);
  uint64_t good = gun.counts.completed;
  return good == gun.counts.started && gun.counts.unexpected == 0 && gun.counts.skipped == 0 ? 0 : 1;
}
