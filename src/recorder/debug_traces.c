#include "recorder/debug_traces.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "recorder/debug_trace_file.h"
#include "recorder/ring_file.h"
#include "recorder/trace_query.h"

#define LOOK_EVERY_MS      1000
#define SHARE_OF_TIME      20 /* a look that took long is followed by a pause so many times as long: 5 % at most */
#define LAST_LOOK_AFTER_US 1000000
#define RECORDS_AT_ONCE    20000
#define FULL_BEFORE_END    2 /* blocks: what is kept never takes the place of its own beginning */
#define PROBLEM_BYTES      512
#define DIRECTORY_RIGHTS   0700

struct keeper {
  struct debug_trace trace; /* id "": the slot is free */
  struct ring_file file;
  struct trace_ring ring;
  struct wall_us since; /* what the recorder has from before is not looked at */
  char cursor[TRACE_CURSOR_BYTES];
};

struct debug_traces {
  char recorder_dir[RING_PATH_BYTES], dir[RING_PATH_BYTES];
  struct wall_us (*wall_now)(void *context);
  void *context;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t bell;
  bool is_stopping, has_thread;
  uint32_t made; /* tells apart ids of the same millisecond */
  struct trace_result result;
  struct keeper keepers[DEBUG_TRACES_MAX];
};

static const char *const state_names[DEBUG_TRACE_STATE_COUNT] = {[DEBUG_TRACE_RUNNING] = "running",
                                                                 [DEBUG_TRACE_DONE] = "done",
                                                                 [DEBUG_TRACE_STOPPED] = "stopped",
                                                                 [DEBUG_TRACE_FULL] = "full"};

const char *debug_trace_state_name(enum debug_trace_state state) {
  return state_names[state];
}

/* --- slots ------------------------------------------------------------------------------------------------------- */

static bool is_used(const struct keeper *keeper) {
  return keeper->trace.id[0] != '\0';
}

static bool runs(const struct keeper *keeper) {
  return is_used(keeper) && keeper->trace.state == DEBUG_TRACE_RUNNING;
}

static struct keeper *find(struct debug_traces *traces, const char *id) {
  for (unsigned i = 0; i < DEBUG_TRACES_MAX; i++)
    if (is_used(&traces->keepers[i]) && strcmp(traces->keepers[i].trace.id, id) == 0) return &traces->keepers[i];
  return NULL;
}

static void make_path(const struct debug_traces *traces, const struct keeper *keeper, char path[RING_PATH_BYTES]) {
  snprintf(path, RING_PATH_BYTES, "%.900s/%.32s", traces->dir, keeper->trace.id);
}

static void forget(struct debug_traces *traces, struct keeper *keeper) {
  char path[RING_PATH_BYTES];
  make_path(traces, keeper, path);
  ring_file_close(&keeper->file);
  debug_trace_file_remove(path);
  memset(keeper, 0, sizeof *keeper);
}

static void end(struct debug_traces *traces, struct keeper *keeper, enum debug_trace_state state) {
  char path[RING_PATH_BYTES];
  make_path(traces, keeper, path);
  keeper->trace.state = (uint8_t)state;
  keeper->trace.ended_at = traces->wall_now(traces->context);
  ring_file_close(&keeper->file);
  keeper->ring = (struct trace_ring){0};
  (void)debug_trace_file_write(path, &keeper->trace, keeper->cursor);
}

/* A free slot, or that of the trace that ended first. */
static struct keeper *take_slot(struct debug_traces *traces) {
  struct keeper *oldest = NULL;
  for (unsigned i = 0; i < DEBUG_TRACES_MAX; i++) {
    struct keeper *keeper = &traces->keepers[i];
    if (!is_used(keeper)) return keeper;
    if (!runs(keeper) && (!oldest || keeper->trace.ended_at.value < oldest->trace.ended_at.value)) oldest = keeper;
  }
  if (oldest) forget(traces, oldest);
  return oldest;
}

static bool open_ring(struct debug_traces *traces, struct keeper *keeper) {
  char path[RING_PATH_BYTES], problem[PROBLEM_BYTES];
  make_path(traces, keeper, path);
  return ring_file_open(&keeper->file, &keeper->ring, path, "kept", DEBUG_TRACE_BLOCKS, problem, sizeof problem);
}

/* --- collecting -------------------------------------------------------------------------------------------------- */

static bool is_full(const struct keeper *keeper) {
  return keeper->ring.head / TRACE_BLOCK_BYTES + FULL_BEFORE_END >= DEBUG_TRACE_BLOCKS;
}

static void keep(struct debug_traces *traces, struct keeper *keeper) {
  const struct trace_result *result = &traces->result;
  for (size_t i = 0; i < result->count && !is_full(keeper); i++) {
    struct trace_record record = result->records[i];
    trace_ring_append(&keeper->ring, &record);
    keeper->trace.records++;
    keeper->trace.bytes += record.payload.length;
  }
  trace_ring_settle(&keeper->ring);
}

static struct trace_query query_of(const struct keeper *keeper) {
  const struct debug_trace_wish *wish = &keeper->trace.wish;
  struct trace_query query = {.cursor = keeper->cursor[0] ? keeper->cursor : NULL,
                              .limit = RECORDS_AT_ONCE,
                              .wants_keepalives = wish->address_count > 0};
  query.filter.number = str_view_of(wish->number, strlen(wish->number));
  query.filter.since = keeper->since;
  query.filter.until = keeper->trace.ends_at;
  query.filter.address_count = wish->address_count;
  memcpy(query.filter.addresses, wish->addresses, sizeof wish->addresses);
  return query;
}

static void collect(struct debug_traces *traces, struct keeper *keeper) {
  char path[RING_PATH_BYTES], problem[PROBLEM_BYTES];
  uint64_t records_before = keeper->trace.records;
  /* Its last look is a while after its end: a record is in its ring somewhat later than it is stamped. */
  bool is_over = traces->wall_now(traces->context).value >= keeper->trace.ends_at.value + LAST_LOOK_AFTER_US;
  bool has_more = true;
  while (has_more && !is_full(keeper)) {
    struct trace_query query = query_of(keeper);
    if (!trace_query_run(traces->recorder_dir, &query, &traces->result, problem, sizeof problem)) break;
    keep(traces, keeper);
    has_more = traces->result.has_more && traces->result.count > 0;
    memcpy(keeper->cursor, traces->result.cursor, sizeof keeper->cursor);
    trace_result_free(&traces->result);
  }
  /* In case the switch is killed before it can say where it was. */
  make_path(traces, keeper, path);
  if (keeper->trace.records != records_before) (void)debug_trace_file_write(path, &keeper->trace, keeper->cursor);
  if (is_full(keeper))
    end(traces, keeper, DEBUG_TRACE_FULL);
  else if (is_over)
    end(traces, keeper, DEBUG_TRACE_DONE);
}

static void collect_all(struct debug_traces *traces) {
  for (unsigned i = 0; i < DEBUG_TRACES_MAX; i++)
    if (runs(&traces->keepers[i])) collect(traces, &traces->keepers[i]);
}

void debug_traces_collect(struct debug_traces *traces) {
  pthread_mutex_lock(&traces->mutex);
  collect_all(traces);
  pthread_mutex_unlock(&traces->mutex);
}

static int64_t monotonic_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void *look_now_and_then(void *argument) {
  struct debug_traces *traces = argument;
  pthread_mutex_lock(&traces->mutex);
  while (!traces->is_stopping) {
    int64_t began_ms = monotonic_ms();
    collect_all(traces);
    int64_t took_ms = monotonic_ms() - began_ms;
    int64_t pause_ms = SHARE_OF_TIME * took_ms > LOOK_EVERY_MS ? SHARE_OF_TIME * took_ms : LOOK_EVERY_MS;
    int64_t until_ms = monotonic_ms() + pause_ms;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    while (!traces->is_stopping && pthread_cond_timedwait(&traces->bell, &traces->mutex, &until) != ETIMEDOUT)
      continue;
  }
  collect_all(traces);
  pthread_mutex_unlock(&traces->mutex);
  return NULL;
}

/* --- opening and closing ----------------------------------------------------------------------------------------- */

/* One that ran when the switch ended, or was killed, goes on where it looked last. */
static void take_up(struct debug_traces *traces, const char *id) {
  struct keeper *keeper = take_slot(traces);
  if (!keeper || strlen(id) >= DEBUG_TRACE_ID_BYTES) return;
  char path[RING_PATH_BYTES];
  snprintf(keeper->trace.id, sizeof keeper->trace.id, "%.16s", id);
  make_path(traces, keeper, path);
  if (!debug_trace_file_read(path, &keeper->trace, keeper->cursor)) {
    memset(keeper, 0, sizeof *keeper);
    return;
  }
  bool knows_where = keeper->cursor[0] || keeper->trace.records == 0;
  keeper->since = knows_where ? keeper->trace.started_at : traces->wall_now(traces->context);
  if (runs(keeper) && !open_ring(traces, keeper)) end(traces, keeper, DEBUG_TRACE_STOPPED);
}

static void take_up_all(struct debug_traces *traces) {
  DIR *dir = opendir(traces->dir);
  const struct dirent *entry;
  while (dir && (entry = readdir(dir)) != NULL)
    if (entry->d_name[0] != '.') take_up(traces, entry->d_name);
  if (dir) closedir(dir);
}

struct debug_traces *debug_traces_open(const char *data_dir, struct wall_us (*wall_now)(void *context), void *context) {
  struct debug_traces *traces = calloc(1, sizeof *traces);
  pthread_condattr_t attributes;
  if (!traces) return NULL;
  snprintf(traces->recorder_dir, sizeof traces->recorder_dir, "%.900s/trace", data_dir);
  snprintf(traces->dir, sizeof traces->dir, "%.900s/debug", data_dir);
  traces->wall_now = wall_now;
  traces->context = context;
  pthread_mutex_init(&traces->mutex, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&traces->bell, &attributes);
  pthread_condattr_destroy(&attributes);
  take_up_all(traces);
  traces->has_thread = pthread_create(&traces->thread, NULL, look_now_and_then, traces) == 0;
  if (!traces->has_thread) debug_traces_close(&traces);
  return traces;
}

void debug_traces_close(struct debug_traces **traces_pointer) {
  struct debug_traces *traces = *traces_pointer;
  if (!traces) return;
  *traces_pointer = NULL;
  pthread_mutex_lock(&traces->mutex);
  traces->is_stopping = true;
  pthread_cond_signal(&traces->bell);
  pthread_mutex_unlock(&traces->mutex);
  if (traces->has_thread) pthread_join(traces->thread, NULL);
  for (unsigned i = 0; i < DEBUG_TRACES_MAX; i++) {
    char path[RING_PATH_BYTES];
    make_path(traces, &traces->keepers[i], path);
    if (runs(&traces->keepers[i]))
      (void)debug_trace_file_write(path, &traces->keepers[i].trace, traces->keepers[i].cursor);
    ring_file_close(&traces->keepers[i].file);
  }
  pthread_cond_destroy(&traces->bell);
  pthread_mutex_destroy(&traces->mutex);
  free(traces);
}

/* --- what operators want ----------------------------------------------------------------------------------------- */

static enum result begin(struct debug_traces *traces, const struct debug_trace_wish *wish, struct keeper **keeper_out) {
  struct keeper *keeper = take_slot(traces);
  char path[RING_PATH_BYTES];
  if (!keeper) return RESULT_FULL;
  struct debug_trace *trace = &keeper->trace;
  trace->wish = *wish;
  trace->started_at = keeper->since = traces->wall_now(traces->context);
  trace->ends_at.value = trace->started_at.value + wish->minutes * INT64_C(60000000);
  snprintf(trace->id, sizeof trace->id, "%012" PRIx64 "%02x", (uint64_t)(trace->started_at.value / 1000),
           traces->made++ & 0xff);
  make_path(traces, keeper, path);
  (void)!mkdir(traces->dir, DIRECTORY_RIGHTS);
  *keeper_out = keeper;
  if (mkdir(path, DIRECTORY_RIGHTS) == 0 && open_ring(traces, keeper) && debug_trace_file_write(path, trace, ""))
    return RESULT_OK;
  forget(traces, keeper);
  return RESULT_FAILED;
}

enum result debug_traces_begin(struct debug_traces *traces, const struct debug_trace_wish *wish,
                               struct debug_trace *started_out) {
  struct keeper *keeper;
  if (wish->minutes == 0 || wish->minutes > DEBUG_TRACE_MINUTES_MAX) return RESULT_OUT_OF_RANGE;
  if (!wish->number[0] && wish->address_count == 0) return RESULT_MALFORMED;
  pthread_mutex_lock(&traces->mutex);
  enum result result = begin(traces, wish, &keeper);
  if (result == RESULT_OK) *started_out = keeper->trace;
  pthread_mutex_unlock(&traces->mutex);
  return result;
}

enum result debug_traces_end(struct debug_traces *traces, const char *id) {
  enum result result = RESULT_OK;
  pthread_mutex_lock(&traces->mutex);
  struct keeper *keeper = find(traces, id);
  if (!keeper)
    result = RESULT_NOT_FOUND;
  else if (!runs(keeper))
    result = RESULT_WRONG_STATE;
  else
    collect(traces, keeper);
  if (keeper && runs(keeper)) end(traces, keeper, DEBUG_TRACE_STOPPED);
  pthread_mutex_unlock(&traces->mutex);
  return result;
}

enum result debug_traces_remove(struct debug_traces *traces, const char *id) {
  pthread_mutex_lock(&traces->mutex);
  struct keeper *keeper = find(traces, id);
  if (keeper) forget(traces, keeper);
  pthread_mutex_unlock(&traces->mutex);
  return keeper ? RESULT_OK : RESULT_NOT_FOUND;
}

static int compare_newest_first(const void *a, const void *b) {
  return strcmp(((const struct debug_trace *)b)->id, ((const struct debug_trace *)a)->id);
}

size_t debug_traces_list(struct debug_traces *traces, struct debug_trace list_out[DEBUG_TRACES_MAX]) {
  size_t count = 0;
  pthread_mutex_lock(&traces->mutex);
  for (unsigned i = 0; i < DEBUG_TRACES_MAX; i++)
    if (is_used(&traces->keepers[i])) list_out[count++] = traces->keepers[i].trace;
  pthread_mutex_unlock(&traces->mutex);
  qsort(list_out, count, sizeof *list_out, compare_newest_first);
  return count;
}

enum result debug_traces_directory(struct debug_traces *traces, const char *id, char *dir_out, size_t dir_bytes) {
  pthread_mutex_lock(&traces->mutex);
  const struct keeper *keeper = find(traces, id);
  if (keeper) snprintf(dir_out, dir_bytes, "%.900s/%.32s", traces->dir, keeper->trace.id);
  pthread_mutex_unlock(&traces->mutex);
  return keeper ? RESULT_OK : RESULT_NOT_FOUND;
}
