/* The doctor's opinion of the last hours, and of one call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "admin/desk.h"
#include "doctor/decisive.h"
#include "doctor/doctor.h"
#include "recorder/ring_file.h"
#include "recorder/trace_query.h"
#include "trace/trace_message.h"

#define CALL_RECORDS 2000

static bool is_set(const struct api_request *request, const char *name) {
  const char *value = api_query(request, name);
  return value && strcmp(value, "1") == 0;
}

void api_doctor(const struct api_request *request, struct api_response *response) {
  int64_t since_us = worker_group_wall_now(request->switch_parts->group).value - (int64_t)DOCTOR_SINCE_S * 1000000;
  if (!api_query_time(request, "since", &since_us, response)) return;
  json_t *opinion = is_set(request, "latest") ? doctor_look_latest(request->desk->doctor, is_set(request, "again"))
                                              : doctor_look_now(request->switch_parts, since_us);
  if (opinion)
    api_respond_json(response, 200, opinion);
  else
    api_respond_result(response, RESULT_FAILED, "the records cannot be read", NULL);
}

/* --- one call ---------------------------------------------------------------------------------------------------- */

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
  json_object_set_new(explanation, "findings", doctor_findings_json(doctor));
}

void api_explain_by_trace(const struct api_request *request, json_t *explanation) {
  void *memory = calloc(1, doctor_memory_bytes());
  struct trace_result *result = malloc(sizeof *result);
  if (memory && result) add_opinion(request, doctor_create(memory), result, explanation);
  free(memory);
  free(result);
}
