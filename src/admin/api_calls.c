/* What lives on the workers: calls and registrations, asked for and ended by orders. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "admin/api_calls_found.h"

#define PAGE_BYTES_MAX (1024 * 1024)

/* Where a list goes on: on this worker, at this slot. As text "WORKER.SLOT". */
struct place {
  unsigned worker;
  char slot[32];
};

/* Asks the worker of `place` for objects and moves `place` on. A worker's answer begins with the slot of its next page,
 * or "end", and a line feed; JSON objects separated by commas follow. */
static enum result take_page(const struct api_request *request, enum order_kind order, struct place *place,
                             FILE *items) {
  char *answer = NULL;
  enum result result = api_order(request, (struct worker_order){(int)place->worker, order, place->slot}, &answer);
  char *line_end = result == RESULT_OK && answer ? strchr(answer, '\n') : NULL;
  if (line_end) {
    *line_end = '\0';
    bool is_first = ftell(items) == 0;
    if (line_end[1]) fprintf(items, "%s%s", is_first ? "" : ",", line_end + 1);
    bool is_end = strcmp(answer, "end") == 0;
    if (is_end) place->worker++;
    snprintf(place->slot, sizeof place->slot, "%.31s", is_end ? "0" : answer);
  }
  free(answer);
  return result == RESULT_OK && !line_end ? RESULT_FAILED : result;
}

/* A page holds objects of as many workers as it has room for. */
static void list(const struct api_request *request, enum order_kind order, struct api_response *response) {
  struct place place = {.slot = "0"};
  const char *cursor = api_query(request, "cursor");
  if (cursor && sscanf(cursor, "%u.%31[0-9]", &place.worker, place.slot) != 2) {
    api_respond_problem(response, 400, "cursor is not one that a list has given", NULL);
    return;
  }
  char *text = NULL;
  size_t length = 0;
  unsigned workers = worker_group_identity(request->switch_parts->group)->worker_count;
  enum result result = RESULT_OK;
  FILE *items = open_memstream(&text, &length);
  while (items && result == RESULT_OK && place.worker < workers && ftell(items) < PAGE_BYTES_MAX)
    result = take_page(request, order, &place, items);
  if (items) fclose(items);
  char *body = NULL;
  char next[64] = "null";
  if (place.worker < workers) snprintf(next, sizeof next, "\"%u.%s\"", place.worker, place.slot);
  if (!items || asprintf(&body, "{\"items\":[%s],\"next_cursor\":%s}", text, next) < 0) body = NULL;
  free(text);
  if (result == RESULT_OK) {
    api_respond_text(response, 200, "application/json", body);
  } else {
    free(body);
    api_respond_result(response, result, "a worker gave no list", NULL);
  }
}

/* One page, as an array; NULL when it could not be had. */
static json_t *page_of_workers(const struct api_request *request, enum order_kind order, struct place *place) {
  char *text = NULL, *array = NULL;
  size_t length = 0;
  FILE *page = open_memstream(&text, &length);
  if (!page) return NULL;
  enum result result = take_page(request, order, place, page);
  bool is_whole = fclose(page) == 0 && result == RESULT_OK;
  if (!is_whole || asprintf(&array, "[%s]", text) < 0) array = NULL;
  json_t *items = array ? json_loads(array, 0, NULL) : NULL;
  free(array);
  free(text);
  return items;
}

json_t *api_all_of_workers(const struct api_request *request, enum order_kind order, size_t items_max) {
  struct place place = {.slot = "0"};
  unsigned workers = worker_group_identity(request->switch_parts->group)->worker_count;
  json_t *all = json_array();
  while (place.worker < workers && json_array_size(all) < items_max) {
    json_t *items = page_of_workers(request, order, &place);
    if (!items) {
      json_decref(all);
      return NULL;
    }
    json_array_extend(all, items);
    json_decref(items);
  }
  return all;
}

void api_calls_list(const struct api_request *request, struct api_response *response) {
  if (api_calls_are_sought(request))
    api_calls_find(request, response);
  else
    list(request, ORDER_LIST_CALLS, response);
}

void api_registrations_list(const struct api_request *request, struct api_response *response) {
  if (api_registrations_are_sought(request))
    api_registrations_find(request, response);
  else
    list(request, ORDER_LIST_REGISTRATIONS, response);
}

void api_keep_alive_networks_list(const struct api_request *request, struct api_response *response) {
  list(request, ORDER_LIST_KEEP_ALIVE_NETWORKS, response);
}

void api_call_get(const struct api_request *request, struct api_response *response) {
  char *answer = NULL;
  enum result result = api_order(request, (struct worker_order){WORKER_EVERY, ORDER_SHOW_CALL, request->id}, &answer);
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
  enum result result = api_order(request, (struct worker_order){WORKER_EVERY, kind, request->id}, &answer);
  const char *why_not = result == RESULT_WRONG_STATE ? answer : NULL;
  if (result == RESULT_OK)
    api_respond_text(response, 204, "application/json", strdup(""));
  else
    api_respond_result(response, result, result == RESULT_NOT_FOUND ? not_found : why_not, NULL);
  free(answer);
}

void api_call_delete(const struct api_request *request, struct api_response *response) {
  order(request, ORDER_HANGUP_CALL, "there is no such call now", response);
}

void api_registration_delete(const struct api_request *request, struct api_response *response) {
  order(request, ORDER_KICK_REGISTRATION, "there is no such registration now", response);
}

/* Without a body new calls are refused. */
static bool read_draining(const struct api_request *request, bool *draining_out, struct api_response *response) {
  *draining_out = true;
  if (request->body_length == 0) return true;
  json_t *body = json_loadb(request->body, request->body_length, JSON_REJECT_DUPLICATES, NULL);
  const json_t *draining = json_object_get(body, "draining");
  bool is_good = json_is_object(body) && json_object_size(body) == (draining ? 1 : 0);
  is_good = is_good && (!draining || json_is_boolean(draining));
  if (is_good && draining) *draining_out = json_is_true(draining);
  json_decref(body);
  if (!is_good) api_respond_problem(response, 400, "the body must be {\"draining\": true} or false", NULL);
  return is_good;
}

void api_drain(const struct api_request *request, struct api_response *response) {
  char *answer = NULL;
  bool draining;
  if (!read_draining(request, &draining, response)) return;
  enum result result =
      api_order(request, (struct worker_order){WORKER_EVERY, ORDER_DRAIN, draining ? "" : "off"}, &answer);
  free(answer);
  if (result == RESULT_OK)
    api_respond_json(response, 200, json_pack("{s:b}", "applied", true));
  else
    api_respond_result(response, result, NULL, NULL);
}
