#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gun.h"

#define WINDOW_DEFAULT  10000
#define PORT_DEFAULT    5060
#define TEXT_LENGTH_MAX 48
#define USERS_MAX       4000000
#define WINDOW_MAX      1000000

static const char usage[] =
    "usage: callgun calls    --target ADDR:PORT --rate N --count N [--answer ADDR:PORT] [--ring-ms N] [--talk-ms N]\n"
    "                        [--session-expires S] [--number PREFIX] [--refresh-every S]\n"
    "       callgun options  --target ADDR:PORT --count N [--rate N]\n"
    "       callgun register --target ADDR:PORT --count N [--rate N] [--users N] [--expires S]\n"
    "                        --user PREFIX --password TEXT [--apart]\n"
    "       callgun answer   --answer ADDR:PORT [--ring-ms N] [--session-expires S]\n"
    "       all: [--local ADDR:PORT] [--window N] [--hold] [--spin] [--time-limit S] [--drain S] [--json]\n"
    "            [--log FILE]\n"
    "\n"
    "calls      plays the caller and, with --answer, the callee that the switch calls; numbers called are PREFIX and "
    "a\n"
    "           running number\n"
    "register   users are PREFIX and a running number below --users (default: --count), each in its turn; a user's\n"
    "           challenge is kept, and its next REGISTER carries credentials\n"
    "--apart    each phone has an address of its own (127.64.0.0 and up, all at --local's port) and thinks it is "
    "behind\n"
    "           NAT; with --hold keep-alives are counted, and the time between two of a phone, and OPTIONS answered\n"
    "answer     plays the callee only, until a signal\n"
    "--rate     starts a second, due at even distances whatever the switch does; times are taken from when a start "
    "was\n"
    "           due. 0 (the default): as many as --window, the most at once, allows\n"
    "--refresh-every  measures how far refreshes of either end are from their time: each S seconds from the answer "
    "on\n"
    "--hold     calls talk, registrations are refreshed, until SIGINT or SIGTERM; a line says when all are there\n"
    "--spin     never sleeps, on a core of its own: then the switch is not charged with waking callgun, as it would "
    "not\n"
    "           be with waking anybody behind a network card\n"
    "--log      FILE gets a line for each answer and each end of a call, with its Call-ID and the time of day\n"
    "Exit status 1 when anything was lost or unexpected.\n";

enum option_type { OPTION_ADDRESS, OPTION_NUMBER, OPTION_COUNT, OPTION_RATE, OPTION_TEXT, OPTION_PATH, OPTION_FLAG };

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
    {"--refresh-every", OPTION_RATE, offsetof(struct gun_options, refresh_every_s)},
    {"--users", OPTION_NUMBER, offsetof(struct gun_options, users)},
    {"--expires", OPTION_NUMBER, offsetof(struct gun_options, expires_s)},
    {"--time-limit", OPTION_NUMBER, offsetof(struct gun_options, time_limit_s)},
    {"--drain", OPTION_NUMBER, offsetof(struct gun_options, drain_s)},
    {"--number", OPTION_TEXT, offsetof(struct gun_options, number_prefix)},
    {"--user", OPTION_TEXT, offsetof(struct gun_options, user)},
    {"--password", OPTION_TEXT, offsetof(struct gun_options, password)},
    {"--log", OPTION_PATH, offsetof(struct gun_options, log_path)},
    {"--hold", OPTION_FLAG, offsetof(struct gun_options, hold)},
    {"--apart", OPTION_FLAG, offsetof(struct gun_options, apart)},
    {"--spin", OPTION_FLAG, offsetof(struct gun_options, spin)},
    {"--json", OPTION_FLAG, offsetof(struct gun_options, json)},
};

static _Noreturn void refuse(const char *what, const char *which) {
  fprintf(stderr, "callgun: %s%s\n%s", which, what, usage);
  exit(2);
}

static bool read_value(const struct option_row *row, const char *text, struct gun_options *options) {
  void *field = (char *)options + row->offset;
  struct str_view view = str_view_from_c(text);
  char *end;
  switch (row->type) {
  case OPTION_ADDRESS: return address_parse(view, PORT_DEFAULT, field) == RESULT_OK;
  case OPTION_NUMBER: return str_view_to_u32(view, field);
  case OPTION_COUNT: return str_view_to_u64(view, field);
  case OPTION_RATE: *(double *)field = strtod(text, &end); return *end == '\0' && *(double *)field >= 0;
  case OPTION_TEXT: *(const char **)field = text; return strlen(text) < TEXT_LENGTH_MAX;
  case OPTION_PATH: *(const char **)field = text; return true;
  case OPTION_FLAG: *(bool *)field = true; return true;
  }
  return false;
}

static const struct option_row *find_option(const char *flag) {
  for (size_t r = 0; r < sizeof option_rows / sizeof option_rows[0]; r++)
    if (strcmp(option_rows[r].flag, flag) == 0) return &option_rows[r];
  return NULL;
}

static void read_options(struct gun_options *options, int argc, char **argv) {
  for (int i = 2; i < argc; i++) {
    const struct option_row *row = find_option(argv[i]);
    if (!row) refuse(": unknown option", argv[i]);
    bool has_value = row->type != OPTION_FLAG;
    if (has_value && i + 1 == argc) refuse(": its value is missing", argv[i]);
    if (!read_value(row, has_value ? argv[i + 1] : "", options)) refuse(": its value is not understood", argv[i]);
    i += has_value;
  }
}

static void complete_options(struct gun_options *options) {
  if (options->work == GUN_ANSWER) {
    if (options->answer.family == ADDRESS_NONE) refuse("--answer is missing", "");
    options->hold = true;
    options->count = 0;
    return;
  }
  if (options->target.family == ADDRESS_NONE) refuse("--target is missing", "");
  if (options->count == 0) refuse("--count must be at least 1", "");
  if (options->users == 0) options->users = options->count < USERS_MAX ? (uint32_t)options->count : USERS_MAX;
  bool holds_calls = options->hold && options->work == GUN_CALLS;
  if (holds_calls && options->count > options->window && options->count <= WINDOW_MAX)
    options->window = (uint32_t)options->count;
  if (options->window == 0 || options->window > WINDOW_MAX) refuse("--window must be 1 to 1000000", "");
  if (options->users > USERS_MAX) refuse("--users must be at most 4000000", "");
  if (options->apart && options->work != GUN_REGISTER) refuse("--apart is for register", "");
  if (options->expires_s == 0) refuse("--expires must be at least 1", "");
}

int main(int argc, char **argv) {
  static struct gun gun;
  static const char *const works[] = {"calls", "options", "register", "answer"};
  gun.options = (struct gun_options){.window = WINDOW_DEFAULT,
                                     .count = 1,
                                     .expires_s = 3600,
                                     .number_prefix = "44",
                                     .user = "u",
                                     .password = "",
                                     .time_limit_s = 86400,
                                     .drain_s = 40};
  int work = -1;
  for (int i = 0; i < 4 && argc > 1; i++)
    if (strcmp(argv[1], works[i]) == 0) work = i;
  if (work < 0) refuse("say what to do", "");
  gun.options.work = (enum gun_work)work;
  (void)!address_parse(STR_VIEW("127.0.0.1:0"), 0, &gun.options.local);
  read_options(&gun.options, argc, argv);
  complete_options(&gun.options);
  if (gun.options.log_path && !(gun.log = fopen(gun.options.log_path, "w")))
    refuse(": cannot be written", gun.options.log_path);
  gun_open(&gun);
  gun_run(&gun);
  if (gun.log) fclose(gun.log);
  gun_report(&gun);
  bool is_complete = gun.counts.completed == gun.counts.started && gun.counts.skipped == 0;
  return is_complete && gun.counts.unexpected == 0 ? 0 : 1;
}
