/* What other threads ask of the running workers. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/worker_state.h"

#define RETRY_NS 1000000

/* An inbox may be full for a moment of heavy traffic; an order waits for room until its deadline. */
static enum result put_before(struct worker *worker, const struct inbox_note *note, struct str_view payload,
                              struct mono_ms deadline) {
  enum result result;
  while ((result = inbox_put(&worker->inbox, note, payload)) == RESULT_FULL &&
         mono_ms_before(worker_clock_real_now(), deadline))
    nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
  return result;
}

static bool is_running(const struct worker_group *group) {
  return group->started_count > 0 && !worker_group_is_stopping(group);
}

/* Gives the note to the workers of a bit set and waits for their answers. */
static enum result give(struct worker_group *group, struct pending_order *pending, struct inbox_note *note,
                        struct str_view payload, int deadline_ms) {
  struct mono_ms deadline = mono_ms_add(worker_clock_real_now(), deadline_ms);
  uint64_t workers = pending->missing;
  order_desk_begin(&group->desk, pending, workers);
  note->order_id = pending->id;
  for (uint8_t i = 0; i < group->worker_count; i++) {
    if (!(workers >> i & 1)) continue;
    enum result result = put_before(group->workers[i], note, payload, deadline);
    if (result != RESULT_OK)
      order_desk_answer(&group->desk, pending->id, i, result, STR_VIEW("the worker's inbox is full"));
  }
  int64_t left_ms = mono_ms_since(deadline, worker_clock_real_now());
  return order_desk_wait(&group->desk, pending, left_ms > 0 ? (int)left_ms : 0);
}

#define ORDER_TEXTS_BYTES 8192 /* a target of 200 call ids, and who ordered */

static uint64_t all_workers(const struct worker_group *group) {
  return group->worker_count == 64 ? UINT64_MAX : (UINT64_C(1) << group->worker_count) - 1;
}

enum result worker_group_order(struct worker_group *group, const struct worker_order *order, char **answer_out) {
  *answer_out = NULL;
  if (!is_running(group)) return RESULT_WRONG_STATE;
  if (order->worker >= group->worker_count) return RESULT_OUT_OF_RANGE;
  struct str_view target = str_view_from_c(order->target);
  char texts[ORDER_TEXTS_BYTES];
  struct text_builder builder = text_builder_over(texts, sizeof texts);
  text_builder_add(&builder, target);
  text_builder_add(&builder, str_view_from_c(order->by));
  if (builder.overflowed) return RESULT_OUT_OF_RANGE;
  struct inbox_note note = {.kind = INBOX_ORDER, .order = order->kind, .target_length = (uint32_t)target.length};
  struct pending_order pending = {.missing = order->worker < 0 ? all_workers(group) : UINT64_C(1) << order->worker};
  enum result waited = give(group, &pending, &note, text_builder_view(&builder), order->deadline_ms);
  enum result result = order_desk_join(&pending, order->joiner ? order->joiner : "", answer_out);
  if (order->kind == ORDER_DRAIN)
    __atomic_store_n(&group->draining, strcmp(order->target, "off") != 0, __ATOMIC_RELAXED);
  return waited == RESULT_OK ? result : waited;
}

/* All workers must have taken the new one before the old one may go. */
static enum result give_to_all(struct worker_group *group, struct inbox_note *note, int deadline_ms) {
  struct pending_order pending = {.missing = all_workers(group)};
  enum result result = give(group, &pending, note, (struct str_view){0}, deadline_ms);
  for (uint8_t i = 0; i < group->worker_count; i++)
    if (pending.answers[i].result != RESULT_OK) result = RESULT_TIMED_OUT;
  char *text;
  (void)order_desk_join(&pending, "", &text);
  free(text);
  return result;
}

/* Before the threads start nobody needs to be asked; while they end it is too late. */
static enum result set_stopped(struct worker_group *group) {
  if (group->started_count > 0) return RESULT_WRONG_STATE;
  for (uint8_t i = 0; i < group->worker_count; i++) {
    group->workers[i]->context.directory = group->directory;
    group->workers[i]->context.parameters = group->parameters;
  }
  return RESULT_OK;
}

enum result worker_group_set_directory(struct worker_group *group, const struct directory *directory, int deadline_ms) {
  group->directory = directory;
  if (!is_running(group)) return set_stopped(group);
  return give_to_all(group, &(struct inbox_note){.kind = INBOX_DIRECTORY, .directory = directory}, deadline_ms);
}

/* Rings of the new size are made here, not by the workers: that takes time. Where one cannot be made, the worker
 * records nothing. */
static void prepare_recordings(struct worker_group *group, struct recording *old) {
  for (uint8_t i = 0; i < group->worker_count; i++) {
    char problem[ALARM_LINE_MAX];
    struct worker *worker = group->workers[i];
    memcpy(old[i].files, worker->recording.files, sizeof old[i].files);
    (void)recording_open(&worker->next_recording, group->trace_dir, &worker->local, group->trace_size_mib, problem,
                         sizeof problem);
    if (problem[0]) worker_alarm(worker, str_view_from_c(problem));
  }
}

void worker_group_aim_export(struct worker_group *group) {
  struct address target;
  if (!group->hep) return;
  if (parameters_hep_address(group->parameters, &target) != RESULT_OK) target = (struct address){0};
  hep_export_set_target(group->hep, &target, group->parameters->BF_HEP_AGENT);
}

void worker_group_pace_journal(struct worker_group *group) {
  uint32_t gather_ms = group->parameters->BF_JOURNAL_GATHER_MS, wait_ms = group->parameters->BF_JOURNAL_WAIT_MS;
  if (!group->journal) return;
  call_journal_set_gather(group->journal, wait_ms > 0 && gather_ms > wait_ms / 2 ? wait_ms / 2 : gather_ms);
}

enum result worker_group_set_parameters(struct worker_group *group, const struct parameters *parameters,
                                        int deadline_ms) {
  struct inbox_note note = {.kind = INBOX_PARAMETERS, .parameters = parameters};
  struct recording old[WORKERS_MAX] = {0};
  group->parameters = parameters;
  worker_group_aim_export(group);
  worker_group_pace_journal(group);
  if (!is_running(group)) return set_stopped(group);
  group->changes_recording = group->trace_dir && parameters->BF_TRACE_SIZE != group->trace_size_mib;
  group->trace_size_mib = parameters->BF_TRACE_SIZE;
  if (group->changes_recording) prepare_recordings(group, old);
  enum result result = give_to_all(group, &note, deadline_ms);
  /* A worker that has not answered may still write into the old rings. */
  for (uint8_t i = 0; group->changes_recording && result == RESULT_OK && i < group->worker_count; i++)
    recording_close(&old[i]);
  return result;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static void add_counters(struct counters *sum, const struct counters *counters) {
#define COUNTER(name, help) sum->name += __atomic_load_n(&counters->name, __ATOMIC_RELAXED);
#include "base/counters.def"
#undef COUNTER
}

/* Devices add up; the rate is the whole switch's, and the worker that is latest speaks for the lag. */
static void add_keepalive(struct keepalive_counts *sum, const struct keepalive_counts *counts) {
  sum->devices += counts->devices;
  sum->unreachable += counts->unreachable;
  sum->demand.device_count += counts->demand.device_count;
  sum->demand.own_period_count += counts->demand.own_period_count;
  sum->demand.own_period_micro_per_s += counts->demand.own_period_micro_per_s;
  if (counts->rate.batch > 0) sum->rate = counts->rate;
  if (counts->lag_ms > sum->lag_ms) sum->lag_ms = counts->lag_ms;
  sum->rounds_skipped += counts->rounds_skipped;
  sum->bytes_per_s += counts->bytes_per_s;
  sum->networks_learned += counts->networks_learned;
  sum->bindings_on_trial += counts->bindings_on_trial;
  sum->saves_micro_per_s += counts->saves_micro_per_s;
}

static void add_counts(struct switch_core_counts *sum, const struct switch_core_counts *counts) {
  sum->calls += counts->calls;
  sum->calls_answered += counts->calls_answered;
  sum->registrations += counts->registrations;
  sum->transactions += counts->transactions;
  sum->dialogs += counts->dialogs;
  for (unsigned role = 0; role < 3; role++)
    sum->legs_by_role[role] += counts->legs_by_role[role];
  sum->timers += counts->timers;
  add_keepalive(&sum->keepalive, &counts->keepalive);
}

void worker_group_read_status(const struct worker_group *group, struct worker_group_status *status) {
  *status = (struct worker_group_status){0};
  status->journal_failed = group->journal && !call_journal_is_well(group->journal);
  status->draining = __atomic_load_n(&group->draining, __ATOMIC_RELAXED);
  if (group->hep) status->hep = hep_export_count(group->hep);
  for (uint8_t i = 0; i < group->worker_count; i++) {
    struct worker *worker = group->workers[i];
    add_counters(&status->counters, &worker->counters);
    uint32_t lag_ms = load_lag_ms_max(&worker->load);
    if (lag_ms > status->loop_lag_ms_max) status->loop_lag_ms_max = lag_ms;
    status->records_waiting += __atomic_load_n(&worker->shelf.waiting, __ATOMIC_RELAXED);
    pthread_mutex_lock(&worker->counts_lock);
    add_counts(&status->counts, &worker->counts);
    status->processor_s += worker->processor_s;
    pthread_mutex_unlock(&worker->counts_lock);
  }
}

static bool take_line(struct ring_queue *queue, char *line, size_t line_bytes) {
  size_t length;
  const void *record = ring_queue_peek(queue, &length);
  if (!record) return false;
  size_t kept = length < line_bytes ? length : line_bytes - 1;
  if (kept) memcpy(line, record, kept);
  line[kept] = '\0';
  ring_queue_pop(queue);
  return true;
}

bool worker_group_take_alarm(struct worker_group *group, char *line, size_t line_bytes) {
  return take_line(&group->alarms, line, line_bytes);
}

bool worker_group_take_device(struct worker_group *group, char *line, size_t line_bytes) {
  return take_line(&group->devices, line, line_bytes);
}

void worker_group_remember_device(struct worker_group *group, struct str_view line) {
  for (uint8_t i = 0; i < group->worker_count; i++)
    switch_core_remember_device(group->workers[i]->core, line);
}

struct wall_us worker_group_wall_now(const struct worker_group *group) {
  return worker_clock_read(&group->clock).wall;
}

struct mono_ms worker_group_mono_now(const struct worker_group *group) {
  return worker_clock_read(&group->clock).mono;
}
