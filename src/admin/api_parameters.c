/* System parameters: list, one, change, presets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "admin/parameter_effect.h"

#define PARAMETER_NAME_BYTES 64
#define VALUE_TEXT_BYTES     (PARAMETER_TEXT_MAX * 4 + 1)

static const char *const type_names[] = {
    [PARAMETER_NUMBER] = "number", [PARAMETER_BYTE] = "byte", [PARAMETER_SWITCH] = "switch",
    [PARAMETER_CHOICE] = "choice", [PARAMETER_TEXT] = "text", [PARAMETER_WAITS] = "waits"};

/* A value as JSON: numbers as such where the text is one, all else as an operator would type it. */
static json_t *value_json(const struct parameter_row *row, const char *text) {
  uint32_t number;
  if (row->type == PARAMETER_NUMBER && str_view_to_u32(str_view_from_c(text), &number)) return json_integer(number);
  return json_string(text);
}

static json_t *present_value(const struct api_request *request, const struct parameter_row *row) {
  char text[VALUE_TEXT_BYTES];
  struct text_builder builder = text_builder_over(text, sizeof text - 1);
  configuration_parameter_value(request->switch_parts->configuration, row, &builder);
  text[builder.length] = '\0';
  return value_json(row, text);
}

static json_t *allowed_json(const struct parameter_row *row) {
  char text[256];
  struct text_builder builder = text_builder_over(text, sizeof text);
  parameter_allowed_to_text(row, &builder);
  return json_stringn(builder.data, builder.length);
}

static json_t *parameter_json(const struct api_request *request, const struct parameter_row *row) {
  char by[64];
  int64_t changed_at = 0;
  struct configuration *configuration = request->switch_parts->configuration;
  bool changed = configuration_parameter_changed(configuration, row->name, &changed_at, by, sizeof by);
  bool has_range = row->type == PARAMETER_NUMBER;
  return json_pack("{s:s,s:s,s:o,s:o,s:o,s:s,s:o,s:o,s:s*,s:s,s:s,s:s,s:o,s:s?}", "name", row->name, "type",
                   type_names[row->type], "allowed", allowed_json(row), "value", present_value(request, row), "default",
                   value_json(row, row->default_text), "unit", row->unit, "min",
                   has_range ? json_integer(row->min) : json_null(), "max",
                   has_range ? json_integer(row->max) : json_null(), "choices", row->choices, "group", row->group,
                   "summary", row->summary, "description", row->description, "changed_at", api_stamp(changed_at),
                   "changed_by", changed ? by : NULL);
}

void api_presets_list(const struct api_request *request, struct api_response *response) {
  (void)request;
  json_t *items = json_array();
  for (size_t i = 0; i < parameter_preset_count; i++) {
    const struct parameter_preset *preset = &parameter_presets[i];
    json_array_append_new(items, json_pack("{s:s,s:s,s:{s:I,s:I,s:I}}", "name", preset->name, "summary",
                                           preset->summary, "values", "SS_SIP_SESSION_TTL",
                                           (json_int_t)preset->session_ttl_s, "SS_SIP_NO_TIMER_REINVITE_INTERVAL",
                                           (json_int_t)preset->no_timer_reinvite_interval_s,
                                           "SS_SIP_NAT_KEEP_ALIVE_PERIOD", (json_int_t)preset->keep_alive_period_s));
  }
  api_respond_list(response, items, NULL);
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
  json_t *before = present_value(request, row);
  enum result result =
      configuration_set_parameter(request->switch_parts->configuration, row->name, value, request->by, &problem);
  free(value);
  response->audit =
      json_pack("{s:s,s:o,s:o}", "parameter", row->name, "from", before, "to", present_value(request, row));
  if (result == RESULT_OK)
    api_respond_json(response, 200, parameter_json(request, row));
  else
    api_respond_result(response, result, problem.text, NULL);
}

json_t *api_parameter_values(const struct api_request *request) {
  json_t *values = json_object();
  for (size_t i = 0; i < parameter_row_count; i++)
    json_object_set_new(values, parameter_rows[i].name, present_value(request, &parameter_rows[i]));
  return values;
}

json_t *api_parameter_changes(const struct api_request *request, const json_t *before) {
  json_t *changes = json_array();
  for (size_t i = 0; i < parameter_row_count; i++) {
    const char *name = parameter_rows[i].name;
    json_t *from = json_object_get(before, name), *to = present_value(request, &parameter_rows[i]);
    if (!json_equal(from, to))
      json_array_append_new(changes, json_pack("{s:s,s:O,s:O}", "parameter", name, "from", from, "to", to));
    json_decref(to);
  }
  return changes;
}

void api_preset(const struct api_request *request, struct api_response *response) {
  struct configuration_problem problem;
  json_t *before = api_parameter_values(request);
  enum result result =
      configuration_apply_preset(request->switch_parts->configuration, request->id, request->by, &problem);
  response->audit = json_pack("{s:s,s:o}", "preset", request->id, "parameters", api_parameter_changes(request, before));
  json_decref(before);
  if (result == RESULT_OK)
    api_parameters_list(request, response);
  else
    api_respond_result(response, result, problem.text, NULL);
}

/* All values as they are. The picture that the workers use may be replaced by another thread's change at any time. */
static void copy_present(const struct api_request *request, struct parameters *parameters) {
  parameters_set_defaults(parameters);
  for (size_t i = 0; i < parameter_row_count; i++) {
    char text[VALUE_TEXT_BYTES], problem[256];
    struct text_builder builder = text_builder_over(text, sizeof text),
                        sentence = text_builder_over(problem, sizeof problem);
    configuration_parameter_value(request->switch_parts->configuration, &parameter_rows[i], &builder);
    (void)!parameter_set(parameters, &parameter_rows[i], text_builder_view(&builder), &sentence);
  }
}

/* What the change would do to running calls: how many there are, refresh sooner, and end within a minute. The workers'
 * numbers, added up. */
struct effect_on_calls {
  unsigned long calls, sooner, ending;
};

static bool ask_calls(const struct api_request *request, const char *name, const char *value,
                      struct effect_on_calls *sum) {
  char *answer = NULL, change[PARAMETER_NAME_BYTES + VALUE_TEXT_BYTES];
  struct effect_on_calls one;
  snprintf(change, sizeof change, "%s=%s", name, value);
  enum result result =
      api_order(request, (struct worker_order){WORKER_EVERY, ORDER_PREVIEW_PARAMETER, change, .joiner = "\n"}, &answer);
  for (const char *line = answer; result == RESULT_OK && line; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (sscanf(line, "%lu %lu %lu", &one.calls, &one.sooner, &one.ending) != 3) break;
    sum->calls += one.calls;
    sum->sooner += one.sooner;
    sum->ending += one.ending;
  }
  free(answer);
  return result == RESULT_OK;
}

static void add_effect_on_calls(const struct effect_on_calls *counts, struct text_builder *text) {
  char sentence[128];
  if (counts->sooner > 0) {
    snprintf(sentence, sizeof sentence, " %lu of %lu calls will refresh sooner.", counts->sooner, counts->calls);
    text_builder_add(text, str_view_from_c(sentence));
  }
  if (counts->ending == 0) return;
  snprintf(sentence, sizeof sentence, " %lu of %lu calls will end within a minute.", counts->ending, counts->calls);
  text_builder_add(text, str_view_from_c(sentence));
}

void api_parameter_effect(const struct api_request *request, struct api_response *response) {
  const struct parameter_row *row = find_row(request, response);
  const char *value = row ? api_query(request, "value") : NULL;
  if (!row) return;
  if (!value) value = "";
  struct parameters before, after;
  char problem[512], effect[1024];
  struct text_builder sentence = text_builder_over(problem, sizeof problem),
                      text = text_builder_over(effect, sizeof effect);
  copy_present(request, &before);
  after = before;
  enum result result = parameter_set(&after, row, str_view_from_c(value), &sentence);
  if (result == RESULT_OK) result = parameters_check(&after, &sentence);
  if (result != RESULT_OK) {
    problem[sentence.length < sizeof problem ? sentence.length : sizeof problem - 1] = '\0';
    api_respond_result(response, result, problem, "/value");
    return;
  }
  struct worker_group_status status;
  worker_group_read_status(request->switch_parts->group, &status);
  parameter_effect_to_text(row, &before, &after, &status, &text);
  struct effect_on_calls counts = {0};
  if (!ask_calls(request, row->name, value, &counts)) {
    api_respond_problem(response, 503, "the workers did not answer in time", NULL);
    return;
  }
  add_effect_on_calls(&counts, &text);
  api_respond_json(response, 200,
                   json_pack("{s:s,s:s,s:s%,s:I,s:I,s:I}", "name", row->name, "value", value, "effect", text.data,
                             text.length, "calls", (json_int_t)counts.calls, "calls_sooner", (json_int_t)counts.sooner,
                             "calls_ending", (json_int_t)counts.ending));
}
