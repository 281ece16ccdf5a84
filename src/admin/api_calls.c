/* What lives on the workers: calls and registrations, asked for and ended by orders. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"

#define ORDER_DEADLINE_MS 5000

/* Lists are paged: the cursor names the worker and the slot on it with which the next page begins, "WORKER.SLOT". A
 * worker's answer to a list order begins with the next slot, or "end", and a line feed; JSON objects separated by
 * commas follow. */
static void list(const struct api_request *request, enum order_kind order, struct api_response *response) {
  unsigned worker = 0;
  char slot[32] = "0", cursor[48] = "";
  const char *given = api_query(request, "cursor");
  if (given && sscanf(given, "%u.%31[0-9]", &worker, slot) != 2) {
    api_respond_problem(response, 400, "cursor is not one that a list has given", NULL);
    return;
  }
  struct worker_group *group = request->switch_parts->group;
  unsigned workers = worker_group_identity(group)->worker_count;
  char *answer = NULL;
  const char *objects = "";
  /* Empty workers are passed over, so that a page is empty only at the end. */
  for (; worker < workers && objects[0] == '\0'; worker++) {
    free(answer);
    answer = NULL;
    enum result result =
        worker_group_order(group, (int)worker, order, slot, request->by, "", ORDER_DEADLINE_MS, &answer);
    char *line_end = result == RESULT_OK && answer ? strchr(answer, '\n') : NULL;
    if (!line_end) {
      free(answer);
      api_respond_result(response, result == RESULT_OK ? RESULT_FAILED : result, "a worker gave no list", NULL);
      return;
    }
    *line_end = '\0';
    objects = line_end + 1;
    if (strcmp(answer, "end") != 0) {
      snprintf(cursor, sizeof cursor, "%u.%.31s", worker, answer);
    } else {
      snprintf(slot, sizeof slot, "0");
      cursor[0] = '\0';
      if (worker + 1 < workers) snprintf(cursor, sizeof cursor, "%u.0", worker + 1);
    }
  }
  char *text = NULL;
  bool more = cursor[0] != '\0';
  if (asprintf(&text, "{\"items\":[%s],\"next_cursor\":%s%s%s}", objects, more ? "\"" : "", more ? cursor : "null",
               more ? "\"" : "") < 0)
    text = NULL;
  free(answer);
  api_respond_text(response, 200, "application/json", text);
}

void api_calls_list(const struct api_request *request, struct api_response *response) {
  list(request, ORDER_LIST_CALLS, response);
}

void api_registrations_list(const struct api_request *request, struct api_response *response) {
  list(request, ORDER_LIST_REGISTRATIONS, response);
}

void api_call_get(const struct api_request *request, struct api_response *response) {
  char *answer = NULL;
  enum result result = worker_group_order(request->switch_parts->group, -1, ORDER_SHOW_CALL, request->id, request->by,
                                          "", ORDER_DEADLINE_MS, &answer);
  if (result == RESULT_OK) {
    api_respond_text(response, 200, "application/json", answer);
  } else {
    free(answer);
    api_respond_result(response, result, result == RESULT_NOT_FOUND ? "there is no such call now" : NULL, NULL);
  }
}

/* An order about one thing, answered with 204 or a problem. */
static void order(const struct api_request *request, enum order_kind kind, const char *not_found,
                  struct api_response *response) {
  char *answer = NULL;
  enum result result = worker_group_order(request->switch_parts->group, -1, kind, request->id, request->by, "",
                                          ORDER_DEADLINE_MS, &answer);
  free(answer);
  if (result == RESULT_OK)
    api_respond_text(response, 204, "application/json", strdup(""));
  else
    api_respond_result(response, result, result == RESULT_NOT_FOUND ? not_found : NULL, NULL);
}

void api_call_delete(const struct api_request *request, struct api_response *response) {
  order(request, ORDER_HANGUP_CALL, "there is no such call now", response);
}

void api_registration_delete(const struct api_request *request, struct api_response *response) {
  order(request, ORDER_KICK_REGISTRATION, "there is no such registration now", response);
}

void api_drain(const struct api_request *request, struct api_response *response) {
  char *answer = NULL;
  enum result result = worker_group_order(request->switch_parts->group, -1, ORDER_DRAIN, "", request->by, "",
                                          ORDER_DEADLINE_MS, &answer);
  free(answer);
  if (result == RESULT_OK)
    api_respond_json(response, 200, json_pack("{s:b}", "applied", true));
  else
    api_respond_result(response, result, NULL, NULL);
}
