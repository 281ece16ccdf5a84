/* System parameters: list, one, change, presets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"

#define VALUE_TEXT_BYTES (PARAMETER_TEXT_MAX * 4 + 1)

/* A value as JSON: numbers as such where the text is one, all else as an operator would type it. */
static json_t *value_json(const struct parameter_row *row, const char *text) {
  uint32_t number;
  if (row->type == PARAMETER_NUMBER && str_view_to_u32(str_view_from_c(text), &number)) return json_integer(number);
  return json_string(text);
}

static json_t *parameter_json(const struct api_request *request, const struct parameter_row *row) {
  char text[VALUE_TEXT_BYTES], by[64];
  int64_t changed_at = 0;
  struct configuration *configuration = request->switch_parts->configuration;
  struct text_builder builder = text_builder_over(text, sizeof text - 1);
  configuration_parameter_value(configuration, row, &builder);
  text[builder.length] = '\0';
  bool changed = configuration_parameter_changed(configuration, row->name, &changed_at, by, sizeof by);
  bool has_range = row->type == PARAMETER_NUMBER;
  return json_pack("{s:s,s:o,s:o,s:s,s:o,s:o,s:s*,s:s,s:s,s:s,s:o,s:s?}", "name", row->name, "value",
                   value_json(row, text), "default", value_json(row, row->default_text), "unit", row->unit, "min",
                   has_range ? json_integer(row->min) : json_null(), "max",
                   has_range ? json_integer(row->max) : json_null(), "choices", row->choices, "group", row->group,
                   "summary", row->summary, "description", row->description, "changed_at", api_stamp(changed_at),
                   "changed_by", changed ? by : NULL);
}

void api_parameters_list(const struct api_request *request, struct api_response *response) {
  json_t *items = json_array();
  for (size_t i = 0; i < parameter_row_count; i++)
    json_array_append_new(items, parameter_json(request, &parameter_rows[i]));
  api_respond_list(response, items, NULL);
}

static const struct parameter_row *find_row(const struct api_request *request, struct api_response *response) {
  const struct parameter_row *row = parameter_find(str_view_from_c(request->id));
  if (!row) api_respond_problem(response, 404, "there is no such parameter", NULL);
  return row;
}

void api_parameter_get(const struct api_request *request, struct api_response *response) {
  const struct parameter_row *row = find_row(request, response);
  if (row) api_respond_json(response, 200, parameter_json(request, row));
}

/* The value of {"value": …} as text; NULL after a 400. The caller frees it. */
static char *read_value(const struct api_request *request, struct api_response *response) {
  json_t *body = json_loadb(request->body, request->body_length, JSON_REJECT_DUPLICATES, NULL);
  const json_t *value = json_object_get(body, "value");
  char *text = NULL;
  if (json_object_size(body) == 1 && json_is_string(value)) text = strdup(json_string_value(value));
  if (json_object_size(body) == 1 && json_is_boolean(value)) text = strdup(json_is_true(value) ? "On" : "Off");
  if (json_object_size(body) == 1 && json_is_integer(value) &&
      asprintf(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(value)) < 0)
    text = NULL;
  json_decref(body);
  if (!text)
    api_respond_problem(response, 400, "the body must be {\"value\": …} with text, a whole number or a boolean", NULL);
  return text;
}

void api_parameter_put(const struct api_request *request, struct api_response *response) {
  const struct parameter_row *row = find_row(request, response);
  char *value = row ? read_value(request, response) : NULL;
  if (!value) return;
  struct configuration_problem problem;
  enum result result =
      configuration_set_parameter(request->switch_parts->configuration, row->name, value, request->by, &problem);
  free(value);
  if (result == RESULT_OK)
    api_respond_json(response, 200, parameter_json(request, row));
  else
    api_respond_result(response, result, problem.text, NULL);
}

void api_preset(const struct api_request *request, struct api_response *response) {
  struct configuration_problem problem;
  enum result result =
      configuration_apply_preset(request->switch_parts->configuration, request->id, request->by, &problem);
  if (result == RESULT_OK)
    api_parameters_list(request, response);
  else
    api_respond_result(response, result, problem.text, NULL);
}
