#include "admin/monitor.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/api.h"
#include "admin/sample_ring.h"

#define SECONDS_KEPT    3600
#define MINUTES_KEPT    (7 * 24 * 60)
#define SUMMARY_EVERY_S 5
#define SUMMARY_CALLS   1000 /* the store's longest page */
#define COUNTERS_KEPT   60
#define RATE_OVER_S     5

struct monitor {
  const struct admin_options *parts;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t bell;
  bool is_running, is_stopping;
  void (*each_second)(void *context);
  void *each_second_context;
  uint64_t rounds;
  struct sample_ring seconds, minutes;
  struct counters counters[COUNTERS_KEPT]; /* of the last minute, by rounds */
  double processor_s;
  uint64_t records_summarised;
  struct traffic_summary summary, next_summary;
  struct worker_group_status status;
  struct store_health health;
  struct record_keeper_health keeper;
};

struct monitor *monitor_open(const struct admin_options *parts) {
  struct monitor *monitor = calloc(1, sizeof *monitor);
  if (!monitor) return NULL;
  monitor->parts = parts;
  monitor->records_summarised = UINT64_MAX;
  pthread_mutex_init(&monitor->mutex, NULL);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&monitor->bell, &attributes);
  pthread_condattr_destroy(&attributes);
  if (!sample_ring_open(&monitor->seconds, SECONDS_KEPT) || !sample_ring_open(&monitor->minutes, MINUTES_KEPT))
    monitor_close(&monitor);
  return monitor;
}

static void add_record(void *context, const struct cdr_record *record) {
  traffic_summary_add(context, record);
}

/* Reads the newest records when there are newer ones. Without the lock: only this thread uses next_summary. */
static bool summarise(struct monitor *monitor, const struct store_health *health) {
  if (monitor->rounds % SUMMARY_EVERY_S != 0 || monitor->records_summarised == health->records_written) return false;
  struct cdr_query query = {.limit = SUMMARY_CALLS};
  char cursor[STORE_CURSOR_BYTES], problem[256];
  monitor->next_summary = (struct traffic_summary){0};
  if (store_query_cdrs(monitor->parts->store, &query, add_record, &monitor->next_summary, cursor, problem,
                       sizeof problem) != RESULT_OK)
    return false; /* the next time */
  monitor->records_summarised = health->records_written;
  return true;
}

/* The counters `age_s` looks ago, or the oldest known. */
static const struct counters *counters_back(const struct monitor *monitor, uint64_t age_s) {
  uint64_t age = age_s < monitor->rounds ? age_s : monitor->rounds - 1;
  return &monitor->counters[(monitor->rounds - 1 - age) % COUNTERS_KEPT];
}

static float rate(const struct monitor *monitor, uint64_t now, uint64_t before) {
  uint64_t over = monitor->rounds - 1 < RATE_OVER_S ? monitor->rounds - 1 : RATE_OVER_S;
  return over ? (float)((double)(now - before) / (double)over) : 0;
}

static bool is_refresh(const char *counter, bool answered) {
  const char *ending = strrchr(counter, '_');
  return strncmp(counter, "session_refreshes_", strlen("session_refreshes_")) == 0 && ending &&
         (answered ? strcmp(ending, "_accepted") == 0
                   : strcmp(ending, "_refused") == 0 || strcmp(ending, "_unanswered") == 0);
}

/* Refreshes and probes of ours that ended in one of the ways: the counters are told apart by their names. */
static uint64_t refreshes(const struct counters *counters, bool answered) {
  uint64_t sum = 0;
#define COUNTER(name, help)                                                                                            \
  if (is_refresh(#name, answered)) sum += counters->name;
#include "base/counters.def"
#undef COUNTER
  return sum;
}

static void take_sample(struct monitor *monitor, const struct worker_group_status *status,
                        const struct store_health *health) {
  const struct traffic_figures *recent = &monitor->summary.all;
  monitor->counters[monitor->rounds++ % COUNTERS_KEPT] = status->counters;
  const struct counters *now = counters_back(monitor, 0), *before = counters_back(monitor, RATE_OVER_S);
  struct sample sample = {
      .calls = (float)status->counts.calls,
      .calls_answered = (float)status->counts.calls_answered,
      .attempts_per_s = rate(monitor, now->calls_attempted, before->calls_attempted),
      .answers_per_s = rate(monitor, now->calls_answered, before->calls_answered),
      .registrations = (float)status->counts.registrations,
      .records_waiting = (float)(health->records_waiting + status->records_waiting),
      .loop_lag_ms = (float)status->loop_lag_ms_max,
      .processor_percent =
          monitor->rounds > 1 ? (float)fmax(0, 100 * (status->processor_s - monitor->processor_s)) : NAN,
      .asr_percent = (float)traffic_asr_percent(recent),
      .acd_s = (float)traffic_acd_s(recent),
      .pdd_ms = (float)traffic_pdd_ms(recent),
      .refreshes_per_s = rate(monitor, refreshes(now, true), refreshes(before, true)),
      .refreshes_failed_per_s = rate(monitor, refreshes(now, false), refreshes(before, false)),
      .keep_alive_lag_ms = (float)status->counts.keepalive.lag_ms,
  };
  monitor->processor_s = status->processor_s;
  sample_ring_add(&monitor->seconds, &sample);
  if (monitor->rounds % 60 != 0) return;
  struct sample minute = sample_ring_mean(&monitor->seconds, 60);
  sample_ring_add(&monitor->minutes, &minute);
}

static void look(struct monitor *monitor) {
  struct worker_group_status status;
  struct store_health health;
  struct record_keeper_health keeper;
  worker_group_read_status(monitor->parts->group, &status);
  store_read_health(monitor->parts->store, &health);
  record_keeper_read_health(monitor->parts->keeper, &keeper);
  bool has_news = summarise(monitor, &health);
  pthread_mutex_lock(&monitor->mutex);
  if (has_news) monitor->summary = monitor->next_summary;
  take_sample(monitor, &status, &health);
  monitor->status = status;
  monitor->health = health;
  monitor->keeper = keeper;
  pthread_mutex_unlock(&monitor->mutex);
}

/* Waits for the next whole second after `due`; false: the monitor is to end. */
static bool wait_for(struct monitor *monitor, struct timespec *due) {
  due->tv_sec++;
  pthread_mutex_lock(&monitor->mutex);
  while (!monitor->is_stopping && pthread_cond_timedwait(&monitor->bell, &monitor->mutex, due) != ETIMEDOUT) {
  }
  bool goes_on = !monitor->is_stopping;
  pthread_mutex_unlock(&monitor->mutex);
  return goes_on;
}

static void *run(void *context) {
  struct monitor *monitor = context;
  struct timespec due;
  pthread_setname_np(pthread_self(), "belfry-monitor");
  clock_gettime(CLOCK_MONOTONIC, &due);
  do {
    look(monitor);
    monitor->each_second(monitor->each_second_context);
  } while (wait_for(monitor, &due));
  return NULL;
}

bool monitor_start(struct monitor *monitor, void (*each_second)(void *context), void *context) {
  monitor->each_second = each_second;
  monitor->each_second_context = context;
  monitor->is_running = pthread_create(&monitor->thread, NULL, run, monitor) == 0;
  return monitor->is_running;
}

void monitor_stop(struct monitor *monitor) {
  if (!monitor || !monitor->is_running) return;
  pthread_mutex_lock(&monitor->mutex);
  monitor->is_stopping = true;
  pthread_cond_signal(&monitor->bell);
  pthread_mutex_unlock(&monitor->mutex);
  pthread_join(monitor->thread, NULL);
  monitor->is_running = false;
}

void monitor_close(struct monitor **monitor_pointer) {
  struct monitor *monitor = *monitor_pointer;
  if (!monitor) return;
  monitor_stop(monitor);
  *monitor_pointer = NULL;
  sample_ring_close(&monitor->seconds);
  sample_ring_close(&monitor->minutes);
  pthread_cond_destroy(&monitor->bell);
  pthread_mutex_destroy(&monitor->mutex);
  free(monitor);
}

static void add_alarm(json_t *list, const char *name, int level, uint64_t value, const char *text) {
  json_array_append_new(
      list, json_pack("{s:s,s:i,s:I,s:s}", "name", name, "level", level, "value", (json_int_t)value, "text", text));
}

static json_t *alarms(const struct monitor *monitor) {
  json_t *list = json_array();
  const struct worker_group_status *now = &monitor->status;
  const struct store_health *health = &monitor->health;
  const struct record_keeper_health *keeper = &monitor->keeper;
  const struct counters *before = counters_back(monitor, COUNTERS_KEPT - 1);
#define ALARM(name, level, value, above, text)                                                                         \
  if ((uint64_t)(value) > (above)) add_alarm(list, #name, level, (uint64_t)(value), text);
#include "admin/alarms.def"
#undef ALARM
  return list;
}

static json_t *real_or_null(float number) {
  return isnan(number) ? json_null() : json_real(round((double)number * 100) / 100);
}

void monitor_add_to_status(struct monitor *monitor, json_t *status) {
  pthread_mutex_lock(&monitor->mutex);
  const struct sample *newest = sample_ring_back(&monitor->seconds, 0);
  if (newest) {
    json_object_set_new(status, "rates",
                        json_pack("{s:o,s:o,s:o}", "attempts_per_s", real_or_null(newest->attempts_per_s),
                                  "answers_per_s", real_or_null(newest->answers_per_s), "processor_percent",
                                  real_or_null(newest->processor_percent)));
    json_object_set_new(status, "recent", traffic_summary_to_json(&monitor->summary));
    json_object_set_new(status, "alarms", alarms(monitor));
  }
  pthread_mutex_unlock(&monitor->mutex);
}

static json_t *series_json(const struct sample_ring *ring, size_t offset, size_t step) {
  json_t *list = json_array();
  for (size_t group = ring->count / step; group > 0; group--) {
    double sum = 0;
    unsigned known = 0;
    for (size_t i = 0; i < step; i++) {
      const struct sample *sample = sample_ring_back(ring, (group - 1) * step + i);
      float value = *(const float *)(const void *)((const char *)sample + offset);
      if (isnan(value)) continue;
      sum += (double)value;
      known++;
    }
    json_array_append_new(list, real_or_null(known ? (float)(sum / known) : NAN));
  }
  return list;
}

json_t *monitor_history(struct monitor *monitor, bool is_week, size_t step) {
  json_t *series = json_object();
  pthread_mutex_lock(&monitor->mutex);
  const struct sample_ring *ring = is_week ? &monitor->minutes : &monitor->seconds;
  for (size_t i = 0; i < series_row_count; i++)
    json_object_set_new(series, series_rows[i].name, series_json(ring, series_rows[i].offset, step));
  pthread_mutex_unlock(&monitor->mutex);
  return json_pack("{s:I,s:o,s:o}", "step_s", (json_int_t)(step * (is_week ? 60 : 1)), "ended_at",
                   api_stamp(worker_group_wall_now(monitor->parts->group).value), "series", series);
}

json_t *monitor_traffic(struct monitor *monitor) {
  pthread_mutex_lock(&monitor->mutex);
  json_t *document = traffic_devices_to_json(&monitor->summary);
  pthread_mutex_unlock(&monitor->mutex);
  return document;
}

struct traffic_figures monitor_figures(struct monitor *monitor) {
  pthread_mutex_lock(&monitor->mutex);
  struct traffic_figures figures = monitor->summary.all;
  pthread_mutex_unlock(&monitor->mutex);
  return figures;
}
