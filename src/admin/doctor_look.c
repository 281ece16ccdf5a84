#include "admin/doctor_look.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin/api.h"
#include "recorder/ring_file.h"
#include "recorder/trace_query.h"
#include "worker/clock.h"

#define CDRS_MAX     50000
#define CDR_PAGE     1000
#define STILL_NEW_MS 30000
#define HUMBLE       10 /* as nice(1) has it: calls come first */

/* --- one look ---------------------------------------------------------------------------------------------------- */

struct visit {
  struct doctor *doctor;
  uint64_t cdrs, records;
};

static void take_cdr(void *context, const struct cdr_record *cdr) {
  struct visit *visit = context;
  doctor_take_cdr(visit->doctor, cdr);
  visit->cdrs++;
}

static void take_record(void *context, const struct trace_record *record) {
  struct visit *visit = context;
  doctor_take_record(visit->doctor, record);
  visit->records++;
}

static enum result take_cdrs(const struct admin_options *parts, struct visit *visit, int64_t since_us) {
  char cursor[STORE_CURSOR_BYTES] = "", next[STORE_CURSOR_BYTES], problem[256];
  struct cdr_query query = {.from_us = since_us, .limit = CDR_PAGE};
  enum result result;
  do {
    query.cursor = cursor[0] ? cursor : NULL;
    result = store_query_cdrs(parts->store, &query, take_cdr, visit, next, problem, sizeof problem);
    memcpy(cursor, next, sizeof cursor);
  } while (result == RESULT_OK && cursor[0] && visit->cdrs < CDRS_MAX);
  return result;
}

static void take_keepalive(const struct admin_options *parts, struct doctor *doctor) {
  struct worker_group_status status;
  char sentence[FINDING_DETAIL_BYTES];
  worker_group_read_status(parts->group, &status);
  const struct keepalive_counts *counts = &status.counts.keepalive;
  struct keepalive_round round = keepalive_round_of(&counts->demand, &counts->rate);
  if (round.keep_alives == 0 || round.is_kept) return;
  struct text_builder text = text_builder_over(sentence, sizeof sentence);
  keepalive_round_to_text(&counts->demand, &counts->rate, &text);
  doctor_take_late_round(doctor, worker_group_wall_now(parts->group), text_builder_view(&text));
}

json_t *doctor_findings_json(const struct doctor *doctor) {
  json_t *list = json_array();
  char memory[FINDING_JSON_BYTES_MAX];
  for (size_t i = 0; i < doctor_finding_count(doctor); i++) {
    struct text_builder text = text_builder_over(memory, sizeof memory);
    finding_to_json(doctor_finding(doctor, i), &text);
    if (!text.overflowed) json_array_append_new(list, json_loadb(text.data, text.length, 0, NULL));
  }
  return list;
}

json_t *doctor_look_now(const struct admin_options *parts, int64_t since_us) {
  char dir[RING_PATH_BYTES];
  void *memory = calloc(1, doctor_memory_bytes());
  if (!memory) return NULL;
  struct visit visit = {.doctor = doctor_create(memory)};
  enum result result = take_cdrs(parts, &visit, since_us);
  snprintf(dir, sizeof dir, "%s/trace", parts->data_dir);
  trace_read_all(dir, (struct wall_us){since_us}, take_record, &visit);
  take_keepalive(parts, visit.doctor);
  doctor_conclude(visit.doctor);
  json_t *opinion = NULL;
  if (result == RESULT_OK)
    opinion = json_pack("{s:o,s:n,s:{s:o,s:o,s:I,s:I}}", "items", doctor_findings_json(visit.doctor), "next_cursor",
                        "looked_at", "at", api_stamp(worker_group_wall_now(parts->group).value), "since",
                        api_stamp(since_us), "calls", (json_int_t)visit.cdrs, "messages", (json_int_t)visit.records);
  free(memory);
  return opinion;
}

/* --- the latest -------------------------------------------------------------------------------------------------- */

struct doctor_look {
  const struct admin_options *parts;
  pthread_mutex_t mutex;
  pthread_t thread;
  bool is_looking, is_to_join, has_failed;
  json_t *opinion; /* NULL: none so far */
  struct mono_ms looked;
};

struct doctor_look *doctor_look_open(const struct admin_options *parts) {
  struct doctor_look *look = calloc(1, sizeof *look);
  if (!look) return NULL;
  look->parts = parts;
  pthread_mutex_init(&look->mutex, NULL);
  return look;
}

void doctor_look_close(struct doctor_look **look_pointer) {
  struct doctor_look *look = *look_pointer;
  if (!look) return;
  *look_pointer = NULL;
  if (look->is_to_join) pthread_join(look->thread, NULL);
  json_decref(look->opinion);
  pthread_mutex_destroy(&look->mutex);
  free(look);
}

static void *run(void *context) {
  struct doctor_look *look = context;
  pthread_setname_np(pthread_self(), "belfry-doctor");
  setpriority(PRIO_PROCESS, (id_t)gettid(), HUMBLE); /* of this thread alone, as Linux has it */
  int64_t since_us = worker_group_wall_now(look->parts->group).value - (int64_t)DOCTOR_SINCE_S * 1000000;
  json_t *opinion = doctor_look_now(look->parts, since_us);
  pthread_mutex_lock(&look->mutex);
  look->has_failed = !opinion;
  if (opinion) {
    json_decref(look->opinion);
    look->opinion = opinion;
  }
  look->looked = worker_clock_real_now();
  look->is_looking = false;
  pthread_mutex_unlock(&look->mutex);
  return NULL;
}

/* Under the lock. */
static void begin(struct doctor_look *look, bool again) {
  bool is_new = look->looked.value != 0 && mono_ms_since(worker_clock_real_now(), look->looked) < STILL_NEW_MS;
  if (look->is_looking || (is_new && !again)) return;
  if (look->is_to_join) pthread_join(look->thread, NULL); /* it has ended, or is about to */
  look->is_looking = look->is_to_join = pthread_create(&look->thread, NULL, run, look) == 0;
}

json_t *doctor_look_latest(struct doctor_look *look, bool again) {
  pthread_mutex_lock(&look->mutex);
  begin(look, again);
  json_t *latest = look->opinion      ? json_copy(look->opinion)
                   : look->has_failed ? NULL
                                      : json_pack("{s:[],s:n,s:n}", "items", "next_cursor", "looked_at");
  if (latest) json_object_set_new(latest, "is_looking", json_boolean(look->is_looking));
  pthread_mutex_unlock(&look->mutex);
  return latest;
}
