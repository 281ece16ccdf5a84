/* Tests of routing gateways: the middle calls (trunk/trunk_trial.h), the desk orders and shows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"

#define TARGET_BYTES 512

/* A gateway's tests all run on one worker, which so sees to it that there is one at a time. */
static int worker_of(const struct api_request *request) {
  const struct local_identity *local = worker_group_identity(request->switch_parts->group);
  return (int)local_identity_steer(local, str_view_from_c(request->id));
}

static void order(const struct api_request *request, enum order_kind kind, const char *target, unsigned status,
                  struct api_response *response) {
  char *answer = NULL;
  enum result result = api_order(request, (struct worker_order){worker_of(request), kind, target}, &answer);
  if (result == RESULT_OK) {
    api_respond_text(response, status, "application/json", answer);
    return;
  }
  api_respond_result(response, result, answer && *answer ? answer : NULL, NULL);
  free(answer);
}

/* "number" and "caller" of the body; what is not there stays empty. */
static bool read_body(const struct api_request *request, const char **number, const char **caller, json_t **document,
                      struct api_response *response) {
  json_error_t error;
  *document = request->body_length > 0 ? json_loadb(request->body, request->body_length, 0, &error) : json_object();
  const char *key, *problem = *document && json_is_object(*document) ? NULL : "the body is not a JSON object";
  json_t *value;
  if (!problem) {
    json_object_foreach(*document, key, value) {
      bool is_number = strcmp(key, "number") == 0, is_caller = strcmp(key, "caller") == 0;
      if (!is_number && !is_caller) problem = "only number and caller can be given";
      if ((is_number || is_caller) && !json_is_string(value)) problem = "number and caller are strings of digits";
      if (is_number) *number = json_string_value(value);
      if (is_caller) *caller = json_string_value(value);
    }
  }
  if (!problem && (strchr(*number, '\n') || strchr(*caller, '\n') || strlen(*number) + strlen(*caller) > 200))
    problem = "a number may hold digits, letters and + * - . _, 63 at most";
  if (problem) api_respond_problem(response, 400, problem, NULL);
  return !problem;
}

void api_trunk_test_begin(const struct api_request *request, struct api_response *response) {
  char target[TARGET_BYTES];
  const char *number = "", *caller = "";
  json_t *document = NULL;
  if (read_body(request, &number, &caller, &document, response)) {
    snprintf(target, sizeof target, "%.255s\n%s\n%s", request->id, number, caller);
    order(request, ORDER_TEST_TRUNK, target, 202, response);
  }
  json_decref(document);
}

void api_trunk_test_show(const struct api_request *request, struct api_response *response) {
  order(request, ORDER_SHOW_TRUNK_TEST, request->id, 200, response);
}
