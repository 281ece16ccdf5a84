#include "admin/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ORDER_DEADLINE_MS 5000

void api_respond_text(struct api_response *response, unsigned status, const char *content_type, char *text) {
  free(response->body);
  response->status = text ? status : 500;
  response->content_type = content_type;
  response->body = text;
  response->length = text ? strlen(text) : 0;
}

void api_respond_json(struct api_response *response, unsigned status, json_t *document) {
  api_respond_text(response, status, "application/json",
                   document ? json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL);
  json_decref(document);
}

static const char *status_title(unsigned status) {
  static const struct {
    unsigned status;
    const char *title;
  } titles[] = {{400, "Bad request"},        {401, "Not authorised"},   {403, "Forbidden"}, {404, "Not found"},
                {405, "Method not allowed"}, {409, "Conflict"},         {413, "Too large"}, {429, "Too many attempts"},
                {503, "Unavailable"},        {504, "No answer in time"}};
  for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
    if (titles[i].status == status) return titles[i].title;
  return "Failed";
}

void api_respond_problem(struct api_response *response, unsigned status, const char *detail, const char *pointer) {
  json_t *document =
      json_pack("{s:s,s:s,s:i,s:s*,s:s*}", "type", "about:blank", "title", status_title(status), "status", (int)status,
                "detail", detail && detail[0] ? detail : NULL, "pointer", pointer && pointer[0] ? pointer : NULL);
  api_respond_json(response, status, document);
  response->content_type = "application/problem+json";
}

static unsigned status_of_result(enum result result) {
  switch (result) {
  case RESULT_OK: return 200;
  case RESULT_NOT_FOUND: return 404;
  case RESULT_EXISTS:
  case RESULT_WRONG_STATE: return 409;
  case RESULT_MALFORMED:
  case RESULT_OUT_OF_RANGE:
  case RESULT_UNSUPPORTED:
  case RESULT_REFUSED: return 400;
  case RESULT_TIMED_OUT: return 504;
  case RESULT_FULL:
  case RESULT_UNREACHABLE:
  case RESULT_FAILED: return 503;
  }
  return 500;
}

void api_respond_result(struct api_response *response, enum result result, const char *detail, const char *pointer) {
  api_respond_problem(response, status_of_result(result), detail && detail[0] ? detail : result_name(result), pointer);
}

void api_respond_list(struct api_response *response, json_t *items, const char *next_cursor) {
  json_t *cursor = next_cursor && next_cursor[0] ? json_string(next_cursor) : json_null();
  api_respond_json(response, 200, json_pack("{s:o,s:o}", "items", items, "next_cursor", cursor));
}

json_t *api_stamp(int64_t wall_us) {
  if (wall_us == 0) return json_null();
  char text[40];
  struct text_builder builder = text_builder_over(text, sizeof text);
  wall_us_to_text((struct wall_us){wall_us}, &builder);
  return json_stringn(builder.data, builder.length);
}

bool api_stamp_read(const char *text, int64_t *wall_us_out) {
  struct tm parts = {0};
  const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
  double fraction = 0;
  if (rest && *rest == '.') {
    char *end;
    fraction = strtod(rest, &end);
    rest = end;
  }
  if (rest && strcmp(rest, "Z") != 0) rest = NULL;
  if (!rest) {
    parts = (struct tm){0};
    rest = strptime(text, "%Y-%m-%d", &parts);
    if (!rest || *rest) return false;
  }
  *wall_us_out = (int64_t)timegm(&parts) * 1000000 + (int64_t)(fraction * 1e6);
  return true;
}

bool api_query_time(const struct api_request *request, const char *name, int64_t *wall_us,
                    struct api_response *response) {
  const char *text = api_query(request, name);
  char unit, detail[160];
  unsigned count;
  int length = 0;
  if (!text) return true;
  if (sscanf(text, "%6u%c%n", &count, &unit, &length) == 2 && text[length] == '\0' && strchr("smh", unit)) {
    int64_t seconds = unit == 's' ? 1 : unit == 'm' ? 60 : 3600;
    *wall_us = worker_group_wall_now(request->switch_parts->group).value - (int64_t)count * seconds * 1000000;
    return true;
  }
  if (api_stamp_read(text, wall_us)) return true;
  snprintf(detail, sizeof detail, "%s must be such as 15m, 90s, 2h or 2026-11-22T13:31:12Z", name);
  api_respond_problem(response, 400, detail, NULL);
  return false;
}

bool api_query_number(const struct api_request *request, const char *name, uint32_t min, uint32_t max,
                      uint32_t fallback, uint32_t *number_out, struct api_response *response) {
  const char *text = api_query(request, name);
  *number_out = fallback;
  if (!text) return true;
  if (str_view_to_u32(str_view_from_c(text), number_out) && *number_out >= min && *number_out <= max) return true;
  char detail[128];
  snprintf(detail, sizeof detail, "%s must be a whole number from %u to %u", name, min, max);
  api_respond_problem(response, 400, detail, NULL);
  return false;
}

enum result api_order(const struct api_request *request, struct worker_order order, char **answer_out) {
  order.by = request->by;
  if (order.deadline_ms == 0) order.deadline_ms = ORDER_DEADLINE_MS;
  return worker_group_order(request->switch_parts->group, &order, answer_out);
}
