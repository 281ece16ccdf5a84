#include "store/record_keeper.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "store/record_lookup.h"
#include "store/store_private.h"

#define NICE                10
#define ROUND_MS            1000
#define LOOKUPS_EVERY       10   /* rounds, for the newest days */
#define OLD_LOOKUPS_EVERY   3600 /* for all days: their last records come late */
#define NEWEST_DAYS         3
#define DROP_EVERY          60 /* one day at a time: a clock that is wrong for a moment must not cost all of them */
#define FILES_RETRY_EVERY   10
#define MICROSECONDS_OF_DAY INT64_C(86400000000)

struct record_keeper {
  struct record_keeper_options options;
  char belfry_path[RECORD_DIR_BYTES], file_dir[RECORD_DIR_BYTES];
  sqlite3 *database;
  struct day_shelf shelf;
  struct record_files files;
  uint64_t rounds, files_retry_at;
  bool files_failed;

  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t bell;
  bool is_running;
  bool is_stopping; /* atomic */
  struct record_keeper_health health;
};

static bool is_stopping(const struct record_keeper *keeper) {
  return __atomic_load_n(&keeper->is_stopping, __ATOMIC_RELAXED);
}

/* --- days -------------------------------------------------------------------------------------------------------- */

static void note_days(struct record_keeper *keeper, size_t count, const char *problem) {
  pthread_mutex_lock(&keeper->mutex);
  keeper->health.days = (uint32_t)count;
  keeper->health.days_ok = problem[0] == '\0';
  if (problem[0]) snprintf(keeper->health.problem, sizeof keeper->health.problem, "%s", problem);
  pthread_mutex_unlock(&keeper->mutex);
}

/* A day is over when the next one has begun; what comes late gets its lookup late. */
static void make_lookups(struct record_keeper *keeper, const char (*days)[RECORD_DAY_BYTES], size_t count,
                         const char *today, char *problem, size_t problem_bytes) {
  bool all = keeper->rounds % OLD_LOOKUPS_EVERY == 0;
  for (size_t i = 0; i < count && (all || i < NEWEST_DAYS) && !is_stopping(keeper); i++)
    (void)record_lookup_catch_up(&keeper->shelf, days[i], strcmp(days[i], today) < 0, problem, problem_bytes);
}

static void drop_day(struct record_keeper *keeper, const char *day, char *problem, size_t problem_bytes) {
  if (!record_files_have_day(&keeper->files, day)) return;
  if (!day_shelf_drop_day(&keeper->shelf, day)) {
    snprintf(problem, problem_bytes, "records of %s cannot be dropped: %s", day, strerror(errno));
    return;
  }
  record_files_forget_day(&keeper->files, day);
  pthread_mutex_lock(&keeper->mutex);
  keeper->health.days_dropped++;
  pthread_mutex_unlock(&keeper->mutex);
}

static void look_after_days(struct record_keeper *keeper, struct wall_us now, uint32_t days_kept) {
  char(*days)[RECORD_DAY_BYTES], today[RECORD_DAY_BYTES], oldest[RECORD_DAY_BYTES], problem[256] = "";
  size_t count;
  if (keeper->rounds % LOOKUPS_EVERY != 0) return;
  record_day_name_of_time(now, today);
  record_day_name_of_time((struct wall_us){now.value - days_kept * MICROSECONDS_OF_DAY}, oldest);
  if (!day_shelf_list(&keeper->shelf, &days, &count))
    snprintf(problem, sizeof problem, "%s: %s", keeper->shelf.dir, strerror(errno));
  make_lookups(keeper, (const char(*)[RECORD_DAY_BYTES])days, count, today, problem, sizeof problem);
  if (days_kept > 0 && count > 0 && keeper->rounds % DROP_EVERY == 0 && strcmp(days[count - 1], oldest) < 0)
    drop_day(keeper, days[count - 1], problem, sizeof problem);
  note_days(keeper, count, problem);
  free(days);
}

/* --- files ------------------------------------------------------------------------------------------------------- */

static bool open_database(struct record_keeper *keeper) {
  int code;
  if (keeper->database) return true;
  keeper->database =
      store_database_open(keeper->belfry_path, &code, keeper->files.problem, sizeof keeper->files.problem);
  if (keeper->database) store_database_wait_unless(keeper->database, keeper->shelf.stop);
  keeper->files.database = keeper->database;
  return keeper->database != NULL;
}

static void look_after_files(struct record_keeper *keeper, struct wall_us now, const struct record_keeping *keeping) {
  if (keeper->files_failed && keeper->rounds < keeper->files_retry_at) return;
  bool done = open_database(keeper) && record_files_go_on(&keeper->files, now, keeping);
  keeper->files_failed = !done;
  keeper->files_retry_at = keeper->rounds + FILES_RETRY_EVERY;
  pthread_mutex_lock(&keeper->mutex);
  keeper->health.files_ok = done;
  keeper->health.files_written = keeper->files.written;
  if (!done) snprintf(keeper->health.problem, sizeof keeper->health.problem, "%s", keeper->files.problem);
  if (done && keeper->health.days_ok) keeper->health.problem[0] = '\0';
  pthread_mutex_unlock(&keeper->mutex);
}

void record_keeper_round(struct record_keeper *keeper) {
  struct record_keeping keeping = {0};
  keeper->options.keeping(keeper->options.context, &keeping);
  struct wall_us now = keeper->options.now(keeper->options.context);
  look_after_files(keeper, now, &keeping);
  look_after_days(keeper, now, keeping.days);
  keeper->rounds++;
}

/* --- the thread -------------------------------------------------------------------------------------------------- */

static bool wait_for_round(struct record_keeper *keeper) {
  struct timespec due;
  clock_gettime(CLOCK_MONOTONIC, &due);
  due.tv_sec += ROUND_MS / 1000;
  pthread_mutex_lock(&keeper->mutex);
  while (!is_stopping(keeper) && pthread_cond_timedwait(&keeper->bell, &keeper->mutex, &due) != ETIMEDOUT) {
  }
  bool goes_on = !is_stopping(keeper);
  pthread_mutex_unlock(&keeper->mutex);
  return goes_on;
}

static void *run(void *context) {
  struct record_keeper *keeper = context;
  pthread_setname_np(pthread_self(), "belfry-records");
  /* Of this thread alone: calls come first. */
  (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
  do
    record_keeper_round(keeper);
  while (wait_for_round(keeper));
  return NULL;
}

struct record_keeper *record_keeper_open(const struct record_keeper_options *options, char *problem,
                                         size_t problem_bytes) {
  struct record_keeper *keeper = calloc(1, sizeof *keeper);
  if (!keeper) {
    snprintf(problem, problem_bytes, "no memory");
    return NULL;
  }
  keeper->options = *options;
  snprintf(keeper->belfry_path, sizeof keeper->belfry_path, "%s/belfry.db", options->data_dir);
  snprintf(keeper->file_dir, sizeof keeper->file_dir, "%s%s", options->file_dir ? options->file_dir : options->data_dir,
           options->file_dir ? "" : "/cdr");
  day_shelf_init(&keeper->shelf, options->data_dir);
  keeper->shelf.stop = &keeper->is_stopping;
  keeper->files = (struct record_files){.shelf = &keeper->shelf, .dir = keeper->file_dir};
  keeper->health = (struct record_keeper_health){.files_ok = true, .days_ok = true};
  pthread_mutex_init(&keeper->mutex, NULL);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&keeper->bell, &attributes);
  pthread_condattr_destroy(&attributes);
  return keeper;
}

struct record_keeper *record_keeper_start(const struct record_keeper_options *options, char *problem,
                                          size_t problem_bytes) {
  struct record_keeper *keeper = record_keeper_open(options, problem, problem_bytes);
  if (!keeper) return NULL;
  keeper->is_running = pthread_create(&keeper->thread, NULL, run, keeper) == 0;
  if (keeper->is_running) return keeper;
  snprintf(problem, problem_bytes, "the thread that keeps the records cannot be started");
  record_keeper_stop(&keeper);
  return NULL;
}

void record_keeper_stop(struct record_keeper **keeper_pointer) {
  struct record_keeper *keeper = *keeper_pointer;
  if (!keeper) return;
  *keeper_pointer = NULL;
  pthread_mutex_lock(&keeper->mutex);
  __atomic_store_n(&keeper->is_stopping, true, __ATOMIC_RELAXED);
  pthread_cond_signal(&keeper->bell);
  pthread_mutex_unlock(&keeper->mutex);
  if (keeper->is_running) pthread_join(keeper->thread, NULL);
  day_shelf_close(&keeper->shelf);
  sqlite3_close(keeper->database);
  pthread_mutex_destroy(&keeper->mutex);
  pthread_cond_destroy(&keeper->bell);
  free(keeper);
}

void record_keeper_read_health(struct record_keeper *keeper, struct record_keeper_health *health) {
  pthread_mutex_lock(&keeper->mutex);
  *health = keeper->health;
  pthread_mutex_unlock(&keeper->mutex);
}
