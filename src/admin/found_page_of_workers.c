/* A page of what lives on the workers: they tell key and id of each thing that fits, some thousand to an order, so that
 * none stops for longer than a millisecond, and then the objects of the few that are shown. */
#include <stdlib.h>
#include <string.h>

#include "admin/found_page.h"

#define WORKERS_MAX  64
#define ID_BYTES_MAX 64

/* How much had been written when each worker had said all: where a line stands says whose it is. */
struct shares {
  size_t ends[WORKERS_MAX];
};

static enum result find_on(struct found_page *page, const struct workers_search *search, unsigned worker) {
  char slot[32] = "0", target[sizeof search->target + sizeof slot];
  enum result result = RESULT_OK;
  while (result == RESULT_OK && strcmp(slot, "end") != 0) {
    char *answer = NULL;
    snprintf(target, sizeof target, "%s\n%s", slot, search->target);
    result = api_order(search->request, (struct worker_order){(int)worker, search->find, target}, &answer);
    char *line_end = result == RESULT_OK && answer ? strchr(answer, '\n') : NULL;
    if (line_end) {
      *line_end = '\0';
      snprintf(slot, sizeof slot, "%.31s", answer);
      fputs(line_end + 1, page->lines_in);
    } else if (result == RESULT_OK) {
      result = RESULT_FAILED;
    }
    free(answer);
  }
  return result;
}

/* The page's things of one worker, by id, put into `things`. */
static enum result show_on(const struct found_page *page, const struct workers_search *search, unsigned worker,
                           const struct shares *shares, json_t *things) {
  char target[FOUND_LIMIT_MAX * (ID_BYTES_MAX + 1) + 1], *answer = NULL, *array = NULL;
  size_t length = 0, begin = worker > 0 ? shares->ends[worker - 1] : 0;
  for (size_t i = page->from; i < page->to; i++) {
    const char *id = found_page_id(page, i);
    size_t at = (size_t)(page->lines[i] - page->text);
    if (at < begin || at >= shares->ends[worker] || strlen(id) > ID_BYTES_MAX) continue;
    length += (size_t)snprintf(target + length, sizeof target - length, "%s%s", length ? "," : "", id);
  }
  if (length == 0) return RESULT_OK;
  enum result result = api_order(search->request, (struct worker_order){(int)worker, search->show, target}, &answer);
  if (result == RESULT_OK && asprintf(&array, "[%s]", answer ? answer : "") < 0) array = NULL;
  json_t *list = array ? json_loads(array, 0, NULL) : NULL, *thing;
  size_t i;
  json_array_foreach(list, i, thing) json_object_set(things, json_string_value(json_object_get(thing, "id")), thing);
  json_decref(list);
  free(array);
  free(answer);
  return result;
}

static void show(const struct found_page *page, const struct workers_search *search, unsigned workers,
                 const struct shares *shares, struct api_response *response) {
  json_t *things = json_object(), *items = json_array();
  enum result result = RESULT_OK;
  for (unsigned worker = 0; worker < workers && result == RESULT_OK; worker++)
    result = show_on(page, search, worker, shares, things);
  for (size_t i = page->from; i < page->to; i++) {
    json_t *thing = json_object_get(things, found_page_id(page, i));
    if (thing) json_array_append(items, thing);
  }
  json_decref(things);
  if (result == RESULT_OK) {
    found_page_respond(page, items, response);
  } else {
    json_decref(items);
    api_respond_result(response, result, "a worker did not show what it has", NULL);
  }
}

void found_page_of_workers(struct found_page *page, const struct workers_search *search,
                           struct api_response *response) {
  unsigned workers = worker_group_identity(search->request->switch_parts->group)->worker_count;
  struct shares shares = {0};
  enum result result = workers <= WORKERS_MAX ? RESULT_OK : RESULT_FULL;
  for (unsigned worker = 0; worker < workers && result == RESULT_OK; worker++) {
    result = find_on(page, search, worker);
    if (fflush(page->lines_in) != 0) result = RESULT_FULL;
    shares.ends[worker] = page->text_length;
  }
  if (result == RESULT_OK) result = found_page_sort(page);
  if (result == RESULT_OK)
    show(page, search, workers, &shares, response);
  else
    api_respond_result(response, result, "a worker gave no list", NULL);
}
