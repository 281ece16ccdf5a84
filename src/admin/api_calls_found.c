/* Live calls that fit a question, sorted, a screenful at a time: the workers tell key and id of each call that fits,
 * the desk sorts them and asks for the few that are shown (call/call.h: call_find). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "admin/api_calls_found.h"
#include "call/call.h"
#include "cdr/cdr_record.h"

#define ORDER_DEADLINE_MS 5000
#define LIMIT_MAX         200 /* so many objects fit into one order's answer */
#define LIMIT_DEFAULT     100
#define OFFSET_MAX        1000000
#define TARGET_BYTES      1024
#define WORD_BYTES_MAX    128
#define EXPIRES_MAX_S     86400

static const char *const names[] = {"q",    "number", "device", "state", "refresher", "expires_within_s",
                                    "sort", "offset", "limit"};

bool api_calls_are_sought(const struct api_request *request) {
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (api_query(request, names[i])) return true;
  return false;
}

struct search {
  const struct api_request *request;
  char target[TARGET_BYTES]; /* of ORDER_FIND_CALLS, without its first line */
  const char *after;         /* the cursor: the last line of the page before */
  bool is_descending;
  uint32_t offset, limit;
  FILE *found; /* what the workers said, line by line */
  char *text;
  size_t text_length;
  char **lines; /* into `text`, sorted */
  size_t count;
};

/* --- the question ------------------------------------------------------------------------------------------------ */

/* A word of the question in lower case; false: it is too long, or none that could be part of a number or name. */
static bool copy_word(const struct api_request *request, const char *name, bool folds, char word[WORD_BYTES_MAX + 1]) {
  const char *value = api_query(request, name);
  size_t length = value ? strlen(value) : 0;
  word[0] = '\0';
  if (length > WORD_BYTES_MAX || (value && strpbrk(value, "\n\r"))) return false;
  for (size_t i = 0; i < length; i++)
    word[i] = folds ? (char)tolower((unsigned char)value[i]) : value[i];
  word[length] = '\0';
  return true;
}

static bool read_words(const struct api_request *request, struct search *search, uint32_t expires_within_s,
                       struct api_response *response) {
  char words[WORD_BYTES_MAX + 1], number[WORD_BYTES_MAX + 1], device[WORD_BYTES_MAX + 1], state[WORD_BYTES_MAX + 1],
      refresher[WORD_BYTES_MAX + 1];
  const char *sort = api_query(request, "sort");
  enum call_sort unused;
  if (!copy_word(request, "q", true, words) || !copy_word(request, "number", true, number) ||
      !copy_word(request, "device", false, device) || !copy_word(request, "state", false, state) ||
      !copy_word(request, "refresher", false, refresher)) {
    api_respond_problem(response, 400, "what is looked for is longer than 128 bytes, or of several lines", NULL);
    return false;
  }
  if (!sort || !*sort) sort = "-started";
  search->is_descending = *sort == '-';
  sort += search->is_descending;
  if (!call_sort_find(str_view_from_c(sort), &unused)) {
    api_respond_problem(
        response, 400,
        "sort is one of started, talk, caller, callee, device, state, alive, expires; with - before it downwards",
        NULL);
    return false;
  }
  snprintf(search->target, sizeof search->target, "%s\n%s\n%s\n%u\n%s\n%s\n%s", sort, state, refresher,
           expires_within_s, number, device, words);
  return true;
}

static bool read_query(const struct api_request *request, struct search *search, struct api_response *response) {
  uint32_t expires_within_s;
  *search = (struct search){.request = request, .after = api_query(request, "cursor")};
  return api_query_number(request, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &search->limit, response) &&
         api_query_number(request, "offset", 0, OFFSET_MAX, 0, &search->offset, response) &&
         api_query_number(request, "expires_within_s", 0, EXPIRES_MAX_S, 0, &expires_within_s, response) &&
         read_words(request, search, expires_within_s, response);
}

/* --- which calls ------------------------------------------------------------------------------------------------- */

static enum result find_on(struct search *search, unsigned worker) {
  char slot[32] = "0", target[TARGET_BYTES + sizeof slot];
  enum result result = RESULT_OK;
  while (result == RESULT_OK && strcmp(slot, "end") != 0) {
    char *answer = NULL;
    snprintf(target, sizeof target, "%s\n%s", slot, search->target);
    result = worker_group_order(search->request->switch_parts->group, (int)worker, ORDER_FIND_CALLS, target,
                                search->request->by, "", ORDER_DEADLINE_MS, &answer);
    char *line_end = result == RESULT_OK && answer ? strchr(answer, '\n') : NULL;
    if (line_end) {
      *line_end = '\0';
      snprintf(slot, sizeof slot, "%.31s", answer);
      fputs(line_end + 1, search->found);
    } else if (result == RESULT_OK) {
      result = RESULT_FAILED;
    }
    free(answer);
  }
  return result;
}

static int compare_lines(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool split(struct search *search) {
  size_t lines = 0;
  for (size_t i = 0; i < search->text_length; i++)
    lines += search->text[i] == '\n';
  search->lines = calloc(lines + 1, sizeof *search->lines);
  if (!search->lines) return false;
  for (char *line = search->text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
    *end = '\0';
    search->lines[search->count++] = line;
  }
  qsort(search->lines, search->count, sizeof *search->lines, compare_lines);
  for (size_t i = 0; search->is_descending && i < search->count / 2; i++) {
    char *line = search->lines[i];
    search->lines[i] = search->lines[search->count - 1 - i];
    search->lines[search->count - 1 - i] = line;
  }
  return true;
}

static enum result find(struct search *search) {
  unsigned workers = worker_group_identity(search->request->switch_parts->group)->worker_count;
  enum result result = RESULT_OK;
  search->found = open_memstream(&search->text, &search->text_length);
  if (!search->found) return RESULT_FULL;
  for (unsigned worker = 0; worker < workers && result == RESULT_OK; worker++)
    result = find_on(search, worker);
  if (fclose(search->found) != 0 || !search->text) return RESULT_FULL;
  return result == RESULT_OK && !split(search) ? RESULT_FULL : result;
}

/* Where the page begins: behind the cursor's call, whether or not that still lives, or at the offset. */
static size_t first_of_page(const struct search *search) {
  size_t at = search->offset;
  if (!search->after) return at < search->count ? at : search->count;
  for (at = 0; at < search->count; at++) {
    int order = strcmp(search->lines[at], search->after);
    if (search->is_descending ? order < 0 : order > 0) break;
  }
  return at;
}

/* --- the page ---------------------------------------------------------------------------------------------------- */

static const char *id_of(const char *line) {
  const char *space = strchr(line, ' ');
  return space ? space + 1 : line;
}

/* The calls of one worker among those lines, by id, put into `calls`. */
static enum result show_on(const struct search *search, unsigned worker, size_t from, size_t to, json_t *calls) {
  char target[LIMIT_MAX * (CDR_ID_LENGTH + 1) + 1], home[3], *answer = NULL, *array = NULL;
  size_t length = 0;
  snprintf(home, sizeof home, "%02x", worker & 0xff);
  for (size_t i = from; i < to; i++) {
    const char *id = id_of(search->lines[i]);
    if (strlen(id) != CDR_ID_LENGTH || strncmp(id + 12, home, 2) != 0) continue;
    length += (size_t)snprintf(target + length, sizeof target - length, "%s%s", length ? "," : "", id);
  }
  if (length == 0) return RESULT_OK;
  enum result result = worker_group_order(search->request->switch_parts->group, (int)worker, ORDER_SHOW_CALLS, target,
                                          search->request->by, "", ORDER_DEADLINE_MS, &answer);
  if (result == RESULT_OK && asprintf(&array, "[%s]", answer ? answer : "") < 0) array = NULL;
  json_t *list = array ? json_loads(array, 0, NULL) : NULL, *call;
  size_t i;
  json_array_foreach(list, i, call) json_object_set(calls, json_string_value(json_object_get(call, "id")), call);
  json_decref(list);
  free(array);
  free(answer);
  return result;
}

static void respond(const struct search *search, struct api_response *response) {
  unsigned workers = worker_group_identity(search->request->switch_parts->group)->worker_count;
  size_t from = first_of_page(search);
  size_t to = search->count - from < search->limit ? search->count : from + search->limit;
  json_t *calls = json_object(), *items = json_array();
  enum result result = RESULT_OK;
  for (unsigned worker = 0; worker < workers && result == RESULT_OK; worker++)
    result = show_on(search, worker, from, to, calls);
  for (size_t i = from; i < to; i++) {
    json_t *call = json_object_get(calls, id_of(search->lines[i]));
    if (call) json_array_append(items, call);
  }
  json_decref(calls);
  if (result != RESULT_OK) {
    json_decref(items);
    api_respond_result(response, result, "a worker did not show its calls", NULL);
    return;
  }
  const char *next = to < search->count && to > from ? search->lines[to - 1] : NULL;
  api_respond_json(response, 200,
                   json_pack("{s:o,s:s?,s:I,s:I}", "items", items, "next_cursor", next, "total",
                             (json_int_t)search->count, "offset", (json_int_t)from));
}

void api_calls_find(const struct api_request *request, struct api_response *response) {
  struct search search;
  if (!read_query(request, &search, response)) return;
  enum result result = find(&search);
  if (result == RESULT_OK)
    respond(&search, response);
  else
    api_respond_result(response, result, "a worker gave no list", NULL);
  free(search.lines);
  free(search.text);
}
