/* How long records take to be written, looked up and found again, in a store of many:
 *
 *   build/bench/bench_records [RECORDS] [DAYS] [DIR] [cold]
 *
 * Makes them (unless DIR has some) with the store's own functions, as the switch does, in batches of 250; prints rates,
 * sizes, and for each kind of question the middle and the longest of some tries with different values. `cold`: the
 * system forgets what it has of the files in memory before each try, as when there are more of them than memory. */
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/record_insert.h"
#include "store/record_lookup.h"
#include "store/store.h"

#define DAY_MS     INT64_C(86400000)
#define FIRST_MS   (INT64_C(20000) * DAY_MS)
#define BATCH      250
#define NUMBERS    200000
#define GATEWAYS   40
#define TRIES      25
#define ONE_A_DAY  "999"
#define PAGE_LIMIT 100

static uint64_t seed = 1;

static uint64_t random_below(uint64_t limit) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed % limit;
}

static double now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void give_up(const char *what) {
  fprintf(stderr, "bench_records: %s\n", what);
  exit(1);
}

/* --- making ------------------------------------------------------------------------------------------------------ */

struct made {
  uint64_t number, of;
  uint32_t days;
};

static int64_t started_ms(const struct made *made) {
  return FIRST_MS + (int64_t)((double)made->number / (double)made->of * (double)made->days * (double)DAY_MS);
}

static void number_text(char text[24]) {
  snprintf(text, 24, "+4930%07" PRIu64, random_below(NUMBERS));
}

static const char *reason_text(void) {
  static const char *const reasons[] = {"no_answer", "busy", "rejected", "cancelled", "session_timeout"};
  uint64_t drawn = random_below(1000);
  return drawn < 600 ? "normal" : drawn < 998 ? reasons[drawn % 4] : reasons[4];
}

static bool make_record(struct day_shelf *shelf, const struct made *made, char *problem, size_t problem_bytes) {
  char id[40], caller[24], callee[24], from[16], to[16], call_ids[2][48];
  struct cdr_record record;
  cdr_record_init(&record);
  int64_t at_ms = started_ms(made);
  snprintf(id, sizeof id, "%012" PRIx64 "00%08x%08x", (uint64_t)at_ms, (unsigned)made->number, 1u);
  number_text(caller);
  number_text(callee);
  snprintf(from, sizeof from, "customer-%u", (unsigned)random_below(GATEWAYS));
  snprintf(to, sizeof to, "vendor-%u", (unsigned)random_below(GATEWAYS));
  for (int i = 0; i < 2; i++)
    snprintf(call_ids[i], sizeof call_ids[i], "%016" PRIx64 "%016" PRIx64, random_below(UINT64_MAX), seed);
  record.id = str_view_from_c(id);
  record.state = STR_VIEW("ended");
  record.caller = record.caller_out = str_view_from_c(made->number % (made->of / made->days) == 7 ? ONE_A_DAY : caller);
  record.callee = record.callee_out = str_view_from_c(callee);
  record.caller_device = str_view_from_c(from);
  record.callee_device = str_view_from_c(to);
  record.caller_address = STR_VIEW("192.0.2.10:5060");
  record.callee_address = STR_VIEW("198.51.100.7:5060");
  record.caller_call_id = str_view_from_c(call_ids[0]);
  record.callee_call_id = str_view_from_c(call_ids[1]);
  record.started_at.value = at_ms * 1000;
  record.ringing_at.value = record.started_at.value + 900000;
  record.answered_at.value = record.started_at.value + 5000000;
  record.ended_at.value = record.started_at.value + 185000000;
  record.last_alive_at = record.billed_until = record.ended_at;
  record.pdd_ms = 900;
  record.setup_ms = 5000;
  record.hold_time_ms = 180000;
  record.fee_time_s = 180;
  record.sip_status = 200;
  record.q850_cause = 16;
  record.end_direction = STR_VIEW("caller");
  record.end_reason = str_view_from_c(reason_text());
  record.explanation = STR_VIEW("One of the two hung up.");
  record.last_alive_by = STR_VIEW("caller: BYE");
  record.caller_timer_interval_s = record.callee_timer_interval_s = 600;
  record.caller_timer_refresher = record.callee_timer_refresher = STR_VIEW("us");
  record.caller_timer_method = record.callee_timer_method = STR_VIEW("UPDATE");
  record.end_leg = STR_VIEW("caller");
  record.end_message = STR_VIEW("BYE");
  return record_insert(shelf, &record, problem, problem_bytes) == RESULT_OK;
}

static void make_records(struct day_shelf *shelf, uint64_t count, uint32_t days) {
  char problem[256];
  double begun = now_s();
  for (struct made made = {.of = count, .days = days}; made.number < count; made.number++) {
    if (!make_record(shelf, &made, problem, sizeof problem)) give_up(problem);
    if (made.number % BATCH == BATCH - 1 && !record_commit(shelf, problem, sizeof problem)) give_up(problem);
  }
  if (!record_commit(shelf, problem, sizeof problem)) give_up(problem);
  double took = now_s() - begun;
  printf("written   %" PRIu64 " records in %.1f s: %.0f a second, in batches of %d\n", count, took,
         (double)count / took, BATCH);
}

static uint64_t bytes_of(const struct day_shelf *shelf, const char *day, const char *what) {
  char path[RECORD_PATH_BYTES];
  struct stat status;
  day_shelf_path(shelf, day, what, path);
  return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

/* Of all days but the newest, which goes on. */
static void make_lookups(struct day_shelf *shelf, uint64_t count) {
  char(*days)[RECORD_DAY_BYTES], problem[256];
  size_t day_count;
  uint64_t bytes = 0, lookup_bytes = 0;
  if (!day_shelf_list(shelf, &days, &day_count)) give_up("no directory");
  double begun = now_s();
  for (size_t i = 0; i < day_count; i++)
    if (!record_lookup_catch_up(shelf, days[i], i > 0, problem, sizeof problem)) give_up(problem);
  double took = now_s() - begun;
  for (size_t i = 0; i < day_count; i++) {
    bytes += bytes_of(shelf, days[i], "");
    lookup_bytes += bytes_of(shelf, days[i], "lookup.");
  }
  printf("looked up %zu days in %.1f s: %.0f records a second\n", day_count, took, (double)count / took);
  printf("on disk   %.0f bytes a record, and %.0f for its lookup\n", (double)bytes / (double)count,
         (double)lookup_bytes / (double)count);
  free(days);
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

struct question {
  const char *name;
  void (*ask)(struct cdr_query *query);
};

static char text[2][32];

static void ask_newest(struct cdr_query *query) {
  (void)query;
}
static void ask_caller(struct cdr_query *query) {
  number_text(text[0]);
  query->caller = text[0];
}
static void ask_callee(struct cdr_query *query) {
  number_text(text[0]);
  query->callee = text[0];
}
static void ask_nobody(struct cdr_query *query) {
  query->caller = "nobody";
}
static void ask_rare(struct cdr_query *query) {
  query->caller = ONE_A_DAY;
}
static void ask_gateway(struct cdr_query *query) {
  snprintf(text[0], sizeof text[0], "vendor-%u", (unsigned)random_below(GATEWAYS));
  query->device = text[0];
}
static void ask_reason(struct cdr_query *query) {
  query->reason = "session_timeout";
}
static void ask_gateway_and_reason(struct cdr_query *query) {
  ask_gateway(query);
  ask_reason(query);
}
static uint32_t days_made;
static void ask_hour(struct cdr_query *query) {
  query->from_us = (FIRST_MS + (int64_t)random_below(days_made * 24) * 3600000) * 1000;
  query->to_us = query->from_us + INT64_C(3600000000);
}
static void ask_caller_of_a_day(struct cdr_query *query) {
  ask_caller(query);
  query->from_us = (FIRST_MS + (int64_t)random_below(days_made) * DAY_MS) * 1000;
  query->to_us = query->from_us + DAY_MS * 1000;
}
static void ask_behind_a_cursor(struct cdr_query *query) {
  static char cursor[STORE_CURSOR_BYTES];
  struct made made = {.of = 1000, .days = days_made, .number = random_below(1000)};
  char day[RECORD_DAY_BYTES];
  record_day_name_of_time((struct wall_us){started_ms(&made) * 1000}, day);
  snprintf(cursor, sizeof cursor, "%s.%012" PRIx64 "%018d", day, (uint64_t)started_ms(&made), 0);
  query->cursor = cursor;
}

static const struct question questions[] = {
    {"the newest", ask_newest},
    {"behind a cursor anywhere", ask_behind_a_cursor},
    {"a caller", ask_caller},
    {"a callee", ask_callee},
    {"a caller with one call a day", ask_rare},
    {"a caller that there is not", ask_nobody},
    {"a caller, on one day", ask_caller_of_a_day},
    {"a gateway", ask_gateway},
    {"a rare end reason", ask_reason},
    {"a gateway and a rare reason", ask_gateway_and_reason},
    {"an hour", ask_hour},
};

static void count_record(void *context, const struct cdr_record *record) {
  (void)record;
  (*(uint32_t *)context)++;
}

static int by_size(const void *a, const void *b) {
  double first = *(const double *)a, second = *(const double *)b;
  return first < second ? -1 : first > second;
}

static const char *cold_dir; /* NULL: what the system has in memory it may use */

static int forget_one(const char *path, const struct stat *status, int type, struct FTW *place) {
  (void)status;
  (void)place;
  int fd = type == FTW_F ? open(path, O_RDONLY) : -1;
  if (fd >= 0) {
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
  }
  return 0;
}

static void ask(struct store *store, const struct question *question) {
  double took[TRIES];
  uint32_t found = 0;
  for (int i = 0; i < TRIES; i++) {
    struct cdr_query query = {.limit = PAGE_LIMIT};
    char next[STORE_CURSOR_BYTES], problem[256];
    question->ask(&query);
    if (cold_dir) nftw(cold_dir, forget_one, 8, FTW_PHYS);
    double begun = now_s();
    if (store_query_cdrs(store, &query, count_record, &found, next, problem, sizeof problem) != RESULT_OK)
      give_up(problem);
    took[i] = (now_s() - begun) * 1000;
  }
  qsort(took, TRIES, sizeof took[0], by_size);
  printf("%-30s %8.2f ms, at most %8.2f ms, %3u records found\n", question->name, took[TRIES / 2], took[TRIES - 1],
         found / TRIES);
}

int main(int argc, char **argv) {
  uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
  days_made = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 10;
  char dir[256] = "/tmp/belfry-bench-XXXXXX", problem[512];
  if (argc > 3)
    snprintf(dir, sizeof dir, "%s", argv[3]);
  else if (!mkdtemp(dir))
    give_up("no directory");
  if (count < days_made || days_made == 0) give_up("RECORDS must be at least DAYS, and DAYS at least 1");
  struct day_shelf shelf;
  struct store *store = store_open(dir, problem, sizeof problem);
  if (!store) give_up(problem);
  day_shelf_init(&shelf, dir);
  char(*days)[RECORD_DAY_BYTES];
  size_t day_count;
  if (day_shelf_list(&shelf, &days, &day_count) && day_count == 0) {
    make_records(&shelf, count, days_made);
    make_lookups(&shelf, count);
  }
  free(days);
  day_shelf_close(&shelf);
  if (argc > 4 && strcmp(argv[4], "cold") == 0) {
    cold_dir = dir;
    sync(); /* what is not on the disk cannot be forgotten */
  }
  for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
    ask(store, &questions[i]);
  store_close(&store);
  printf("the store is in %s\n", dir);
  return 0;
}
