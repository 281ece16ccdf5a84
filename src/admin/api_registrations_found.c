/* Registrations that fit a question, sorted, a screenful at a time (registrar/registrar.h: registrar_find). */
#include <stdio.h>

#include "admin/api_calls_found.h"
#include "admin/found_page.h"
#include "registrar/registrar.h"

#define SORT_NAMES "number, state, source, agent, nat, rtt, expires"

static const char *const names[] = {"q", "state", "sort", "offset", "limit"};

bool api_registrations_are_sought(const struct api_request *request) {
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (api_query(request, names[i])) return true;
  return false;
}

static bool read_words(const struct api_request *request, const struct found_page *page, struct workers_search *search,
                       struct api_response *response) {
  char words[FOUND_WORD_BYTES_MAX + 1], state[FOUND_WORD_BYTES_MAX + 1];
  enum registration_sort unused;
  if (!found_page_word(request, "q", true, words, response) ||
      !found_page_word(request, "state", false, state, response))
    return false;
  if (!registration_sort_find(str_view_from_c(page->sort), &unused)) {
    found_page_refuse_sort(SORT_NAMES, response);
    return false;
  }
  snprintf(search->target, sizeof search->target, "%s\n%s\n%s", page->sort, state, words);
  return true;
}

void api_registrations_find(const struct api_request *request, struct api_response *response) {
  struct found_page page;
  struct workers_search search = {
      .request = request, .find = ORDER_FIND_REGISTRATIONS, .show = ORDER_SHOW_REGISTRATIONS};
  if (found_page_begin(&page, request, "number", response) && read_words(request, &page, &search, response))
    found_page_of_workers(&page, &search, response);
  found_page_free(&page);
}
