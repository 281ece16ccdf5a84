/* Call detail records: list with filters and paging, as JSON or CSV; one; why it ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "store/csv.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX     1000
#define CSV_MAX      100000

static json_t *text_json(struct str_view text) {
  return text.length ? json_stringn(text.data, text.length) : json_null();
}

static json_t *number_json(uint64_t number) {
  return number == CDR_NUMBER_NONE ? json_null() : json_integer((json_int_t)number);
}

/* Fields with the prefix of a leg's timer become members of a nested object. */
static void set_field(json_t *object, const char *name, json_t *value) {
  static const char *const groups[] = {"caller_timer", "callee_timer"};
  for (size_t i = 0; i < 2; i++) {
    size_t length = strlen(groups[i]);
    if (strncmp(name, groups[i], length) != 0 || name[length] != '_') continue;
    json_t *group = json_object_get(object, groups[i]);
    if (!group) {
      group = json_object();
      json_object_set_new(object, groups[i], group);
    }
    json_object_set_new(group, name + length + 1, value);
    return;
  }
  json_object_set_new(object, name, value);
}

static json_t *record_json(const struct cdr_record *record) {
  json_t *object = json_object();
#define CDR_TEXT(name)   set_field(object, #name, text_json(record->name));
#define CDR_STAMP(name)  set_field(object, #name, api_stamp(record->name.value));
#define CDR_NUMBER(name) set_field(object, #name, number_json(record->name));
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
  return object;
}

static void add_json(void *items, const struct cdr_record *record) {
  json_array_append_new(items, record_json(record));
}

static bool read_query(const struct api_request *request, struct cdr_query *query, struct api_response *response) {
  *query = (struct cdr_query){.caller = api_query(request, "caller"),
                              .callee = api_query(request, "callee"),
                              .reason = api_query(request, "reason"),
                              .device = api_query(request, "gateway"),
                              .cursor = api_query(request, "cursor")};
  const char *from = api_query(request, "from"), *to = api_query(request, "to");
  if ((from && !api_stamp_read(from, &query->from_us)) || (to && !api_stamp_read(to, &query->to_us))) {
    api_respond_problem(response, 400, "from and to must be times in UTC such as 2026-11-22T13:31:12Z or 2026-11-22",
                        NULL);
    return false;
  }
  return api_query_number(request, "limit", 1, request->wants_csv ? CSV_MAX : PAGE_MAX, PAGE_DEFAULT, &query->limit,
                          response);
}

/* A text of more records than a page of the store holds. */
static void respond_csv(const struct api_request *request, struct cdr_query *query, struct api_response *response) {
  struct csv csv;
  char cursor[STORE_CURSOR_BYTES], problem[256];
  uint32_t left = query->limit;
  if (!csv_begin(&csv)) {
    api_respond_problem(response, 503, "no memory", NULL);
    return;
  }
  csv_add_header(&csv);
  enum result result = RESULT_OK;
  do {
    char next[STORE_CURSOR_BYTES];
    query->limit = left < PAGE_MAX ? left : PAGE_MAX;
    result = store_query_cdrs(request->switch_parts->store, query, csv_add_record, &csv, next, problem, sizeof problem);
    memcpy(cursor, next, sizeof cursor);
    query->cursor = cursor;
    left -= query->limit;
  } while (result == RESULT_OK && left > 0 && cursor[0]);
  char *text = csv_end(&csv);
  if (result == RESULT_OK) {
    api_respond_text(response, 200, "text/csv; charset=utf-8", text);
  } else {
    free(text);
    api_respond_result(response, result, problem, NULL);
  }
}

void api_cdrs_list(const struct api_request *request, struct api_response *response) {
  struct cdr_query query;
  if (!read_query(request, &query, response)) return;
  if (request->wants_csv) {
    respond_csv(request, &query, response);
    return;
  }
  char cursor[STORE_CURSOR_BYTES], problem[256];
  json_t *items = json_array();
  enum result result =
      store_query_cdrs(request->switch_parts->store, &query, add_json, items, cursor, problem, sizeof problem);
  if (result == RESULT_OK) {
    api_respond_list(response, items, cursor);
  } else {
    json_decref(items);
    api_respond_result(response, result, problem, NULL);
  }
}

/* The record of the path's id, or NULL after an answer. */
static json_t *find_record(const struct api_request *request, struct api_response *response) {
  struct cdr_query query = {.id = request->id, .limit = 1};
  char cursor[STORE_CURSOR_BYTES], problem[256];
  json_t *items = json_array();
  enum result result =
      store_query_cdrs(request->switch_parts->store, &query, add_json, items, cursor, problem, sizeof problem);
  json_t *record = json_incref(json_array_get(items, 0));
  json_decref(items);
  if (result != RESULT_OK)
    api_respond_result(response, result, problem, NULL);
  else if (!record)
    api_respond_problem(response, 404, "there is no such record", NULL);
  return record;
}

void api_cdr_get(const struct api_request *request, struct api_response *response) {
  json_t *record = find_record(request, response);
  if (record) api_respond_json(response, 200, record);
}

void api_cdr_explanation(const struct api_request *request, struct api_response *response) {
  static const char *const kept[] = {"id",         "end_direction", "end_reason",    "end_cause",    "end_text",
                                     "sip_status", "explanation",   "last_alive_at", "last_alive_by"};
  json_t *record = find_record(request, response);
  if (!record) return;
  json_t *explanation = json_object();
  for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
    json_object_set(explanation, kept[i], json_object_get(record, kept[i]));
  json_decref(record);
  api_explain_by_trace(request, explanation);
  api_respond_json(response, 200, explanation);
}
