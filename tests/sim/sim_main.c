/* belfry-sim: plays scenarios, or campaigns of made-up ones, against the unchanged middle of the switch.
 *
 *   belfry-sim FILE.scn…               each scenario as a test (TAP)
 *   belfry-sim --seeds 1000            a campaign over seeds 1 to 1000
 *   belfry-sim --seed 17 --log         one seed, told at length; with --whole messages and all
 *   belfry-sim --seed 17 --print       the same as a scenario to be cut down
 *   belfry-sim --crashes FILE.scn…     the switch is killed at each event of each scenario, in every way, as a test
 *   belfry-sim --crash 7,1,300 --log FILE.scn    at its 7th event, in way 1 (world.h), for 300 ms */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "base/check.h"
#include "sim/campaign.h"
#include "sim/scenario.h"

#define SCENARIO_BYTES_MAX 65536
#define SCENARIO_SEEDS     5  /* each scenario file is played with so many */
#define FAILURE_LINES      80 /* of the log are shown */
#define FAILED_SEEDS_SHOWN 5

/* What scenarios are made up about. */
struct campaign_kind {
  const char *name;
  struct str_view (*write)(uint64_t seed, char *memory);
  bool is_about_ends; /* says how long before their bound calls were ended */
};
static const struct campaign_kind campaigns[] = {{"calls", campaign_write_calls, false},
                                                 {"supervision", campaign_write_supervision, true}};

struct options {
  uint64_t first_seed, seed_count;
  uint64_t fresh_count; /* further seeds nobody has chosen */
  bool has_seeds, log, whole, print, tap, brief;
  bool crashes;             /* each scenario is played once for each moment at which the switch can be killed */
  struct world_crash crash; /* one such moment */
  const struct campaign_kind *campaign;
  const char *program;
  char **files;
  int file_count;
};

struct totals {
  uint64_t seeds, failed, calls, records, events;
  uint64_t margins[LEDGER_MARGINS];
};

/* What is being played, for the last words of a broken `require`. */
static char what_is_played[512];

static void last_words(const char *file, int line, const char *expression) {
  fprintf(stderr, "%s:%d: require(%s) failed while playing %s\n", file, line, expression, what_is_played);
}

/* --- one play ---------------------------------------------------------------------------------------------------- */

enum telling { SILENT, LOGGED, WHOLE };

struct bill {
  const char *name;
  struct str_view text;
  uint64_t seed;
  struct world_crash crash;
};

static bool play(const struct bill *bill, enum telling telling, struct scenario_outcome *outcome, struct world *world) {
  snprintf(what_is_played, sizeof what_is_played, "%s with seed %" PRIu64, bill->name, bill->seed);
  world_init(world, bill->seed);
  world->crash = bill->crash;
  world->log.wanted = telling != SILENT;
  world->log.is_whole = telling == WHOLE;
  scenario_play(world, bill->name, bill->text, outcome);
  return outcome->failure == NULL;
}

static enum telling telling_of(const struct options *options) {
  return options->whole ? WHOLE : options->log ? LOGGED : SILENT;
}

/* Plays it once more to tell how it came to its end. */
static void tell_failure(const struct options *options, const struct bill *bill) {
  struct world world;
  struct scenario_outcome outcome;
  bool is_file = options->file_count > 0;
  play(bill, LOGGED, &outcome, &world);
  printf("# %s\n", outcome.failure ? outcome.failure : "the failure did not come again: the play is not deterministic");
  event_log_print(&world.log, stdout, "#   ", FAILURE_LINES);
  printf("# to see it all: %s --seed %" PRIu64 " --log ", options->program, bill->seed);
  if (bill->crash.at > 0)
    printf("--crash %" PRIu64 ",%u,%lld ", bill->crash.at, (unsigned)bill->crash.way,
           (long long)(bill->crash.down_us / MS_US));
  printf("%s%s\n", is_file ? "" : "--campaign ", is_file ? bill->name : options->campaign->name);
  world_reset(&world);
}

static void count(struct totals *totals, const struct scenario_outcome *outcome) {
  totals->seeds++;
  totals->failed += outcome->failure != NULL;
  totals->calls += outcome->calls;
  totals->records += outcome->records;
  totals->events += outcome->events;
  for (unsigned i = 0; i < LEDGER_MARGINS; i++)
    totals->margins[i] += outcome->margins[i];
}

/* --- scenarios from files ---------------------------------------------------------------------------------------- */

static bool read_file(const char *path, char *memory, struct str_view *text_out) {
  FILE *file = fopen(path, "r");
  if (!file) return false;
  size_t length = fread(memory, 1, SCENARIO_BYTES_MAX, file);
  fclose(file);
  *text_out = str_view_of(memory, length);
  return length > 0;
}

/* "…/a_call_ends.scn" as "a call ends". */
static void claim_of(const char *path, char *claim, size_t claim_bytes) {
  const char *slash = strrchr(path, '/');
  snprintf(claim, claim_bytes, "%s", slash ? slash + 1 : path);
  char *dot = strrchr(claim, '.');
  if (dot) *dot = '\0';
  for (char *at = claim; *at; at++)
    if (*at == '_') *at = ' ';
}

static bool play_file(const struct options *options, const char *path, struct totals *totals) {
  static char memory[SCENARIO_BYTES_MAX];
  struct str_view text;
  if (!read_file(path, memory, &text)) {
    printf("# %s: %s\n", path, strerror(errno));
    return false;
  }
  uint64_t seeds = options->has_seeds ? options->seed_count : SCENARIO_SEEDS;
  for (uint64_t seed = options->first_seed; seed < options->first_seed + seeds; seed++) {
    struct world world;
    struct scenario_outcome outcome;
    const struct bill bill = {path, text, seed, options->crash};
    bool is_good = play(&bill, telling_of(options), &outcome, &world);
    count(totals, &outcome);
    if (options->log) event_log_print(&world.log, stdout, "# ", 0);
    if (options->log && !is_good) printf("# %s\n", outcome.failure);
    world_reset(&world);
    if (is_good) continue;
    if (!options->log) tell_failure(options, &bill);
    return false;
  }
  return true;
}

/* --- crashes at every event -------------------------------------------------------------------------------------- */

static const int64_t downs_us[] = {0, 300 * MS_US, 5 * SECOND_US};

static bool play_crash(const struct options *options, const struct bill *bill, struct totals *totals) {
  struct world world;
  struct scenario_outcome outcome;
  bool is_good = play(bill, SILENT, &outcome, &world);
  count(totals, &outcome);
  if (!is_good && options->brief)
    printf("# %" PRIu64 ",%u,%lld: %s\n", bill->crash.at, (unsigned)bill->crash.way,
           (long long)(bill->crash.down_us / MS_US), outcome.failure);
  world_reset(&world);
  if (!is_good && !options->brief && totals->failed <= 1) tell_failure(options, bill);
  return is_good;
}

/* Once without a crash, to know how much there is to be handled; then with one at each event, in each way. */
static bool play_crashes_of_seed(const struct options *options, struct bill *bill, struct totals *totals) {
  struct world world;
  struct scenario_outcome outcome;
  bill->crash = (struct world_crash){.is_tried = true};
  bool is_good = play(bill, SILENT, &outcome, &world);
  world_reset(&world);
  if (!is_good) tell_failure(options, bill);
  for (uint64_t at = 1; is_good && at <= outcome.handled; at++)
    for (unsigned way = 0; way < CRASH_WAYS; way++)
      for (unsigned down = 0; down < sizeof downs_us / sizeof downs_us[0]; down++) {
        bill->crash = (struct world_crash){true, at, (enum crash_way)way, downs_us[down]};
        play_crash(options, bill, totals);
      }
  return is_good;
}

static bool play_crashes(const struct options *options, const char *path) {
  static char memory[SCENARIO_BYTES_MAX];
  struct totals totals = {0};
  struct bill bill = {.name = path};
  bool is_good = true;
  if (!read_file(path, memory, &bill.text)) {
    printf("# %s: %s\n", path, strerror(errno));
    return false;
  }
  uint64_t seeds = options->has_seeds ? options->seed_count : 1;
  for (bill.seed = options->first_seed; is_good && bill.seed < options->first_seed + seeds; bill.seed++)
    is_good = play_crashes_of_seed(options, &bill, &totals);
  printf("# %" PRIu64 " crashes, %" PRIu64 " calls, %" PRIu64 " records; %" PRIu64 " failed\n", totals.seeds,
         totals.calls, totals.records, totals.failed);
  return is_good && totals.failed == 0;
}

static int play_files(const struct options *options) {
  struct totals totals = {0};
  int failed = 0;
  printf("1..%d\n", options->file_count);
  for (int i = 0; i < options->file_count; i++) {
    char claim[256];
    claim_of(options->files[i], claim, sizeof claim);
    bool is_good =
        options->crashes ? play_crashes(options, options->files[i]) : play_file(options, options->files[i], &totals);
    printf("%s %d - %s\n", is_good ? "ok" : "not ok", i + 1, claim);
    failed += !is_good;
  }
  return failed ? 1 : 0;
}

/* --- campaigns --------------------------------------------------------------------------------------------------- */

static bool play_seed(const struct options *options, uint64_t seed, struct totals *totals) {
  static char memory[CAMPAIGN_BYTES];
  struct str_view text = options->campaign->write(seed, memory);
  struct world world;
  struct scenario_outcome outcome;
  const struct bill bill = {"campaign", text, seed, options->crash};
  bool is_good = play(&bill, telling_of(options), &outcome, &world);
  count(totals, &outcome);
  if (options->log) event_log_print(&world.log, stdout, "", 0);
  if (options->log && !is_good) printf("%s\n", outcome.failure);
  if (options->brief && !is_good) printf("# seed %" PRIu64 ": %s\n", seed, outcome.failure);
  world_reset(&world);
  if (!is_good && !options->brief && !options->log && totals->failed <= FAILED_SEEDS_SHOWN) {
    printf("# seed %" PRIu64 " fails:\n", seed);
    tell_failure(options, &bill);
  }
  return is_good;
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(const struct totals *totals, double took_s) {
  double rate = took_s > 0 ? (double)totals->seeds / took_s : 0;
  printf("# %" PRIu64 " seeds, %" PRIu64 " calls, %" PRIu64 " records, %" PRIu64
         " events in %.1f s: %.0f seeds/s; %" PRIu64 " failed\n",
         totals->seeds, totals->calls, totals->records, totals->events, took_s, rate, totals->failed);
}

/* How long before its bound a call was ended whose end was gone. */
static void report_margins(const struct totals *totals) {
  uint64_t count = 0, seen = 0;
  for (unsigned i = 0; i < LEDGER_MARGINS; i++)
    count += totals->margins[i];
  printf("# %" PRIu64 " calls were ended because an end was gone; %" PRIu64 " of them after their bound\n", count,
         totals->margins[0]);
  for (unsigned i = 1; i < LEDGER_MARGINS; i++) {
    if (totals->margins[i] == 0) continue;
    seen += totals->margins[i];
    printf("#   %4u to %4u s before it: %6" PRIu64 "  (%5.1f %% so far)\n", (i - 1) * LEDGER_MARGIN_STEP_S,
           i * LEDGER_MARGIN_STEP_S, totals->margins[i], 100.0 * (double)seen / (double)count);
  }
}

static bool play_seeds(const struct options *options, uint64_t first, uint64_t seeds) {
  struct totals totals = {0};
  double started_s = seconds_now();
  for (uint64_t seed = first; seed < first + seeds; seed++)
    play_seed(options, seed, &totals);
  report(&totals, seconds_now() - started_s);
  if (options->campaign->is_about_ends) report_margins(&totals);
  return totals.failed == 0;
}

/* The same seed twice: the same log, byte for byte. */
static bool is_deterministic(const struct options *options) {
  static char memory[CAMPAIGN_BYTES];
  uint64_t seed = options->first_seed;
  struct str_view text = options->campaign->write(seed, memory);
  struct world first, second;
  struct scenario_outcome outcome;
  const struct bill bill = {.name = "campaign", .text = text, .seed = seed};
  play(&bill, LOGGED, &outcome, &first);
  play(&bill, LOGGED, &outcome, &second);
  bool is_same = first.log.length == second.log.length && first.log.length > 0 &&
                 memcmp(first.log.text, second.log.text, first.log.length) == 0;
  world_reset(&first);
  world_reset(&second);
  return is_same;
}

static uint64_t fresh_seed(void) {
  uint32_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = (uint32_t)time(NULL);
  return 1000000 + seed;
}

static int play_campaign_as_tests(const struct options *options) {
  uint64_t fresh = fresh_seed();
  printf("1..3\n");
  bool same = is_deterministic(options);
  printf("%s 1 - a seed gives the same log twice, byte for byte\n", same ? "ok" : "not ok");
  bool known = play_seeds(options, options->first_seed, options->seed_count);
  printf("%s 2 - calls under faults break no invariant, fixed seeds\n", known ? "ok" : "not ok");
  printf("# fresh seeds begin at %" PRIu64 "\n", fresh);
  bool unknown = play_seeds(options, fresh, options->fresh_count);
  printf("%s 3 - calls under faults break no invariant, fresh seeds\n", unknown ? "ok" : "not ok");
  return same && known && unknown ? 0 : 1;
}

/* --- options ----------------------------------------------------------------------------------------------------- */

static int usage(const char *program) {
  fprintf(stderr,
          "usage: %s [--campaign calls|supervision] [--seeds COUNT] [--first SEED] [--seed SEED] [--log | --whole | "
          "--brief] [FILE.scn…]\n"
          "       %s --crashes [--brief] FILE.scn…  |  --crash EVENT,WAY,DOWN_MS [--log | --whole] FILE.scn\n"
          "       %s --tap --seeds COUNT --fresh COUNT\n"
          "       %s --print --seed SEED\n",
          program, program, program, program);
  return 2;
}

static bool read_number(const char *text, uint64_t *out) {
  char *end;
  if (!text) return false;
  errno = 0;
  *out = strtoull(text, &end, 10);
  return errno == 0 && *text && !*end;
}

static bool read_crash(const char *text, struct world_crash *out) {
  unsigned way;
  int64_t down_ms;
  int end = 0;
  if (!text || sscanf(text, "%" SCNu64 ",%u,%" SCNd64 "%n", &out->at, &way, &down_ms, &end) != 3) return false;
  out->is_tried = true;
  out->way = (enum crash_way)way;
  out->down_us = down_ms * MS_US;
  return text[end] == '\0' && out->at > 0 && way < CRASH_WAYS && down_ms >= 0;
}

static const struct campaign_kind *campaign_named(const char *name) {
  for (size_t i = 0; name && i < sizeof campaigns / sizeof campaigns[0]; i++)
    if (strcmp(campaigns[i].name, name) == 0) return &campaigns[i];
  return NULL;
}

static bool read_options(int argc, char **argv, struct options *options) {
  *options = (struct options){.first_seed = 1, .seed_count = 100, .program = argv[0], .campaign = &campaigns[0]};
  int i = 1;
  for (; i < argc && argv[i][0] == '-'; i++) {
    bool is_good = true;
    if (strcmp(argv[i], "--log") == 0) {
      options->log = true;
    } else if (strcmp(argv[i], "--whole") == 0) {
      options->log = options->whole = true;
    } else if (strcmp(argv[i], "--brief") == 0) {
      options->brief = true;
    } else if (strcmp(argv[i], "--print") == 0) {
      options->print = true;
    } else if (strcmp(argv[i], "--crashes") == 0) {
      options->crashes = true;
    } else if (strcmp(argv[i], "--crash") == 0) {
      is_good = read_crash(argv[++i], &options->crash);
    } else if (strcmp(argv[i], "--tap") == 0) {
      options->tap = true;
    } else if (strcmp(argv[i], "--seeds") == 0) {
      is_good = options->has_seeds = read_number(argv[++i], &options->seed_count);
    } else if (strcmp(argv[i], "--campaign") == 0) {
      is_good = (options->campaign = campaign_named(argv[++i])) != NULL;
    } else if (strcmp(argv[i], "--fresh") == 0) {
      is_good = read_number(argv[++i], &options->fresh_count);
    } else if (strcmp(argv[i], "--first") == 0) {
      is_good = read_number(argv[++i], &options->first_seed);
    } else if (strcmp(argv[i], "--seed") == 0) {
      is_good = options->has_seeds = read_number(argv[++i], &options->first_seed);
      options->seed_count = 1;
    } else {
      is_good = false;
    }
    if (!is_good) return false;
  }
  options->files = argv + i;
  options->file_count = argc - i;
  return true;
}

int main(int argc, char **argv) {
  struct options options;
  setvbuf(stdout, NULL, _IOLBF, 0);
  check_set_reporter(last_words);
  if (!read_options(argc, argv, &options)) return usage(argv[0]);
  if (options.print) {
    static char memory[CAMPAIGN_BYTES];
    struct str_view text = options.campaign->write(options.first_seed, memory);
    printf("%.*s", (int)text.length, text.data);
    return 0;
  }
  if (options.file_count > 0) return play_files(&options);
  if (options.tap) return play_campaign_as_tests(&options);
  return play_seeds(&options, options.first_seed, options.seed_count) ? 0 : 1;
}
