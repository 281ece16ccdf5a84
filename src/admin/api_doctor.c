/* The doctor's opinion of the last hours, and of one call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "doctor/decisive.h"
#include "doctor/doctor.h"
#include "recorder/ring_file.h"
#include "recorder/trace_query.h"
#include "trace/trace_message.h"

#define SINCE_DEFAULT_S (6 * 3600)
#define CDRS_MAX        50000
#define CDR_PAGE        1000
#define CALL_RECORDS    2000

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

static enum result take_cdrs(const struct api_request *request, struct visit *visit, int64_t since_us) {
  char cursor[STORE_CURSOR_BYTES] = "", next[STORE_CURSOR_BYTES], problem[256];
  struct cdr_query query = {.from_us = since_us, .limit = CDR_PAGE};
  enum result result;
  do {
    query.cursor = cursor[0] ? cursor : NULL;
    result = store_query_cdrs(request->switch_parts->store, &query, take_cdr, visit, next, problem, sizeof problem);
    memcpy(cursor, next, sizeof cursor);
  } while (result == RESULT_OK && cursor[0] && visit->cdrs < CDRS_MAX);
  return result;
}

static void take_keepalive(const struct api_request *request, struct doctor *doctor) {
  struct worker_group_status status;
  char sentence[FINDING_DETAIL_BYTES];
  worker_group_read_status(request->switch_parts->group, &status);
  const struct keepalive_counts *counts = &status.counts.keepalive;
  struct keepalive_round round = keepalive_round_of(&counts->demand, &counts->rate);
  if (round.keep_alives == 0 || round.is_kept) return;
  struct text_builder text = text_builder_over(sentence, sizeof sentence);
  keepalive_round_to_text(&counts->demand, &counts->rate, &text);
  doctor_take_late_round(doctor, worker_group_wall_now(request->switch_parts->group), text_builder_view(&text));
}

static json_t *findings_json(const struct doctor *doctor) {
  json_t *list = json_array();
  char memory[FINDING_JSON_BYTES_MAX];
  for (size_t i = 0; i < doctor_finding_count(doctor); i++) {
    struct text_builder text = text_builder_over(memory, sizeof memory);
    finding_to_json(doctor_finding(doctor, i), &text);
    if (!text.overflowed) json_array_append_new(list, json_loadb(text.data, text.length, 0, NULL));
  }
  return list;
}

void api_doctor(const struct api_request *request, struct api_response *response) {
  int64_t since_us = worker_group_wall_now(request->switch_parts->group).value - (int64_t)SINCE_DEFAULT_S * 1000000;
  char dir[RING_PATH_BYTES];
  if (!api_query_time(request, "since", &since_us, response)) return;
  void *memory = calloc(1, doctor_memory_bytes());
  if (!memory) {
    api_respond_problem(response, 503, "no memory", NULL);
    return;
  }
  struct visit visit = {.doctor = doctor_create(memory)};
  enum result result = take_cdrs(request, &visit, since_us);
  snprintf(dir, sizeof dir, "%s/trace", request->switch_parts->data_dir);
  trace_read_all(dir, (struct wall_us){since_us}, take_record, &visit);
  take_keepalive(request, visit.doctor);
  doctor_conclude(visit.doctor);
  if (result == RESULT_OK)
    api_respond_json(response, 200,
                     json_pack("{s:o,s:n,s:{s:o,s:I,s:I}}", "items", findings_json(visit.doctor), "next_cursor",
                               "looked_at", "since", api_stamp(since_us), "calls", (json_int_t)visit.cdrs, "messages",
                               (json_int_t)visit.records));
  else
    api_respond_result(response, result, "the records cannot be read", NULL);
  free(memory);
}

/* --- one call -------------------------------------------------------------------------------------------------------
 */

static json_t *message_json(const struct trace_record *record, unsigned repeats) {
  struct sip_message message;
  char summary[512], remote[64];
  struct text_builder text = text_builder_over(summary, sizeof summary);
  struct text_builder address = text_builder_over(remote, sizeof remote);
  bool is_read = trace_message_read(record, &message);
  trace_summary(record, is_read ? &message : NULL, &text);
  if (record->kind != TRACE_NOTE) address_to_text(&record->remote, &address);
  const char *direction = record->direction == TRACE_RECEIVED ? "in"
                          : record->direction == TRACE_SENT   ? "out"
                                                              : "inside";
  return json_pack("{s:o,s:s,s:s%,s:s%,s:i}", "at", api_stamp(record->wall.value), "direction", direction, "remote",
                   remote, address.length, "summary", summary, text.length, "repeats", (int)repeats);
}

static json_t *decisive_json(const struct trace_result *result) {
  struct decisive picked[DECISIVE_MAX];
  size_t count = decisive_pick(result->records, result->count, picked);
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++)
    json_array_append_new(list, message_json(&result->records[picked[i].index], picked[i].repeats));
  return list;
}

static void take_one_cdr(void *doctor, const struct cdr_record *cdr) {
  doctor_take_cdr(doctor, cdr);
}

/* Adds `findings` and `messages` of one call to its explanation. */
static void add_opinion(const struct api_request *request, struct doctor *doctor, struct trace_result *result,
                        json_t *explanation) {
  char dir[RING_PATH_BYTES], problem[256], cursor[STORE_CURSOR_BYTES];
  struct cdr_query cdrs = {.id = request->id, .limit = 1};
  struct trace_query query = {.limit = CALL_RECORDS, .filter = {.call = str_view_from_c(request->id)}};
  query.filter.since.value = api_call_began_us(request->id);
  snprintf(dir, sizeof dir, "%s/trace", request->switch_parts->data_dir);
  (void)!store_query_cdrs(request->switch_parts->store, &cdrs, take_one_cdr, doctor, cursor, problem, sizeof problem);
  if (trace_query_run(dir, &query, result, problem, sizeof problem)) {
    for (size_t i = 0; i < result->count; i++)
      doctor_take_record(doctor, &result->records[i]);
    json_object_set_new(explanation, "messages", decisive_json(result));
    trace_result_free(result);
  }
  doctor_conclude(doctor);
  json_object_set_new(explanation, "findings", findings_json(doctor));
}

void api_explain_by_trace(const struct api_request *request, json_t *explanation) {
  void *memory = calloc(1, doctor_memory_bytes());
  struct trace_result *result = malloc(sizeof *result);
  if (memory && result) add_opinion(request, doctor_create(memory), result, explanation);
  free(memory);
  free(result);
}
