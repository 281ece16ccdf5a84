/* Debug traces: begun, listed, ended and removed; what they hold is asked for with GET /api/v1/trace?kept=ID. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "admin/api_trace.h"
#include "admin/desk.h"

#define MINUTES_DEFAULT 10

static json_t *trace_json(const struct debug_trace *trace) {
  const struct debug_trace_wish *wish = &trace->wish;
  json_t *addresses = json_array();
  for (unsigned i = 0; i < wish->address_count; i++) {
    char memory[64];
    struct text_builder text = text_builder_over(memory, sizeof memory);
    address_to_text(&wish->addresses[i], &text);
    json_array_append_new(addresses, json_stringn(text.data, text.length));
  }
  return json_pack("{s:s,s:s,s:s,s:o,s:s,s:s,s:o,s:o,s:o,s:i,s:I,s:I}", "id", trace->id, "number", wish->number,
                   "label", wish->label, "addresses", addresses, "by", wish->by, "state",
                   debug_trace_state_name((enum debug_trace_state)trace->state), "started_at",
                   api_stamp(trace->started_at.value), "ends_at", api_stamp(trace->ends_at.value), "ended_at",
                   api_stamp(trace->ended_at.value), "minutes", (int)wish->minutes, "records",
                   (json_int_t)trace->records, "bytes", (json_int_t)trace->bytes);
}

void api_debug_traces_list(const struct api_request *request, struct api_response *response) {
  struct debug_trace list[DEBUG_TRACES_MAX];
  size_t count = debug_traces_list(request->desk->debug_traces, list);
  json_t *items = json_array();
  for (size_t i = 0; i < count; i++)
    json_array_append_new(items, trace_json(&list[i]));
  api_respond_list(response, items, NULL);
}

/* --- beginning --------------------------------------------------------------------------------------------------- */

/* Takes a word of the order; false: it is too long, or not of one line. */
static bool take_word(char word[DEBUG_TRACE_TEXT_BYTES], const char *value) {
  if (strlen(value) >= DEBUG_TRACE_TEXT_BYTES) return false;
  for (const char *byte = value; *byte; byte++)
    if (iscntrl((unsigned char)*byte)) return false;
  memcpy(word, value, strlen(value) + 1);
  return true;
}

static const char *take_filter(const struct api_request *request, const char *key, const char *value,
                               struct trace_filter *filter, struct debug_trace_wish *wish) {
  if (!value) return "number, device and address are strings";
  if (strcmp(key, "number") == 0) return take_word(wish->number, value) ? NULL : "number is too long";
  if (!take_word(wish->label, value)) return "the name is too long";
  if (strcmp(key, "address") == 0)
    return api_trace_add_address(filter, value) ? NULL : "address must be an IP address, with or without a port";
  if (!api_trace_add_device(request, value, filter))
    return "device must be the number of a phone, or the name of a gateway whose addresses are numbers";
  if (filter->number.length > 0) memcpy(wish->number, wish->label, sizeof wish->number);
  return NULL;
}

static const char *read_order(const struct api_request *request, const json_t *order, struct debug_trace_wish *wish) {
  struct trace_filter filter = {0};
  const char *key, *problem = json_is_object(order) ? NULL : "the body is not a JSON object";
  json_t *value;
  wish->minutes = MINUTES_DEFAULT;
  if (problem) return problem;
  json_object_foreach((json_t *)order, key, value) {
    bool is_filter = strcmp(key, "number") == 0 || strcmp(key, "device") == 0 || strcmp(key, "address") == 0;
    json_int_t minutes = json_integer_value(value);
    if (is_filter)
      problem = take_filter(request, key, json_string_value(value), &filter, wish);
    else if (strcmp(key, "minutes") != 0)
      problem = "only number, device, address and minutes can be given";
    else if (minutes < 1 || minutes > DEBUG_TRACE_MINUTES_MAX)
      problem = "minutes is a number from 1 to 1440";
    else
      wish->minutes = (uint32_t)minutes;
    if (problem) return problem;
  }
  wish->address_count = filter.address_count;
  memcpy(wish->addresses, filter.addresses, sizeof wish->addresses);
  return wish->number[0] || wish->address_count > 0 ? NULL : "a trace needs a number, a device or an address";
}

void api_debug_trace_begin(const struct api_request *request, struct api_response *response) {
  struct debug_trace_wish wish = {0};
  struct debug_trace trace;
  json_t *order = json_loadb(request->body ? request->body : "", request->body_length, 0, NULL);
  const char *problem = read_order(request, order, &wish);
  json_decref(order);
  if (problem) {
    api_respond_problem(response, 400, problem, NULL);
    return;
  }
  snprintf(wish.by, sizeof wish.by, "%.100s", request->by);
  enum result result = debug_traces_begin(request->desk->debug_traces, &wish, &trace);
  if (result == RESULT_OK)
    api_respond_json(response, 201, trace_json(&trace));
  else
    api_respond_result(response, result,
                       result == RESULT_FULL ? "16 debug traces run already" : "the disk takes no trace", NULL);
}

/* --- ending ------------------------------------------------------------------------------------------------------ */

void api_debug_trace_end(const struct api_request *request, struct api_response *response) {
  enum result result = debug_traces_end(request->desk->debug_traces, request->id);
  if (result == RESULT_OK)
    api_respond_json(response, 200, json_pack("{s:b}", "applied", true));
  else
    api_respond_result(response, result,
                       result == RESULT_NOT_FOUND ? "there is no such debug trace" : "it has ended already", NULL);
}

void api_debug_trace_remove(const struct api_request *request, struct api_response *response) {
  if (debug_traces_remove(request->desk->debug_traces, request->id) == RESULT_OK)
    api_respond_text(response, 204, "application/json", strdup(""));
  else
    api_respond_problem(response, 404, "there is no such debug trace", NULL);
}
