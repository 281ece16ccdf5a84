/* Live calls that fit a question, sorted, a screenful at a time (call/call.h: call_find). */
#include <stdio.h>

#include "admin/api_calls_found.h"
#include "admin/found_page.h"
#include "call/call.h"

#define EXPIRES_MAX_S 86400
#define SORT_NAMES    "started, talk, caller, callee, device, state, alive, expires"

static const char *const names[] = {"q",    "number", "device", "state", "refresher", "expires_within_s",
                                    "sort", "offset", "limit"};

bool api_calls_are_sought(const struct api_request *request) {
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (api_query(request, names[i])) return true;
  return false;
}

static bool read_words(const struct api_request *request, const struct found_page *page, struct workers_search *search,
                       struct api_response *response) {
  char words[FOUND_WORD_BYTES_MAX + 1], number[FOUND_WORD_BYTES_MAX + 1], device[FOUND_WORD_BYTES_MAX + 1],
      state[FOUND_WORD_BYTES_MAX + 1], refresher[FOUND_WORD_BYTES_MAX + 1];
  uint32_t expires_within_s;
  enum call_sort unused;
  if (!api_query_number(request, "expires_within_s", 0, EXPIRES_MAX_S, 0, &expires_within_s, response) ||
      !found_page_word(request, "q", true, words, response) ||
      !found_page_word(request, "number", true, number, response) ||
      !found_page_word(request, "device", false, device, response) ||
      !found_page_word(request, "state", false, state, response) ||
      !found_page_word(request, "refresher", false, refresher, response))
    return false;
  if (!call_sort_find(str_view_from_c(page->sort), &unused)) {
    found_page_refuse_sort(SORT_NAMES, response);
    return false;
  }
  snprintf(search->target, sizeof search->target, "%s\n%s\n%s\n%u\n%s\n%s\n%s", page->sort, state, refresher,
           expires_within_s, number, device, words);
  return true;
}

void api_calls_find(const struct api_request *request, struct api_response *response) {
  struct found_page page;
  struct workers_search search = {.request = request, .find = ORDER_FIND_CALLS, .show = ORDER_SHOW_CALLS};
  if (found_page_begin(&page, request, "-started", response) && read_words(request, &page, &search, response))
    found_page_of_workers(&page, &search, response);
  found_page_free(&page);
}
