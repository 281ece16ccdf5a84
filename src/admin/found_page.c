#include "admin/found_page.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT 100
#define OFFSET_MAX    1000000

/* --- the question ------------------------------------------------------------------------------------------------ */

bool found_page_begin(struct found_page *page, const struct api_request *request, const char *default_sort,
                      struct api_response *response) {
  *page = (struct found_page){.sort = api_query(request, "sort"), .after = api_query(request, "cursor")};
  if (!api_query_number(request, "limit", 1, FOUND_LIMIT_MAX, LIMIT_DEFAULT, &page->limit, response) ||
      !api_query_number(request, "offset", 0, OFFSET_MAX, 0, &page->offset, response))
    return false;
  if (!page->sort || !*page->sort) page->sort = default_sort;
  page->is_descending = *page->sort == '-';
  page->sort += page->is_descending;
  page->lines_in = open_memstream(&page->text, &page->text_length);
  if (!page->lines_in) api_respond_result(response, RESULT_FULL, "no memory", NULL);
  return page->lines_in != NULL;
}

bool found_page_word(const struct api_request *request, const char *name, bool folds,
                     char word[FOUND_WORD_BYTES_MAX + 1], struct api_response *response) {
  const char *value = api_query(request, name);
  size_t length = value ? strlen(value) : 0;
  word[0] = '\0';
  if (length > FOUND_WORD_BYTES_MAX || (value && strpbrk(value, "\n\r"))) {
    api_respond_problem(response, 400, "what is looked for is longer than 128 bytes, or of several lines", NULL);
    return false;
  }
  for (size_t i = 0; i < length; i++)
    word[i] = folds ? (char)tolower((unsigned char)value[i]) : value[i];
  word[length] = '\0';
  return true;
}

void found_page_refuse_sort(const char *names, struct api_response *response) {
  char detail[256];
  snprintf(detail, sizeof detail, "sort is one of %s; with - before it downwards", names);
  api_respond_problem(response, 400, detail, NULL);
}

/* --- the lines --------------------------------------------------------------------------------------------------- */

static int compare_lines(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool split(struct found_page *page) {
  size_t lines = 0;
  for (size_t i = 0; i < page->text_length; i++)
    lines += page->text[i] == '\n';
  page->lines = calloc(lines + 1, sizeof *page->lines);
  if (!page->lines) return false;
  for (char *line = page->text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
    *end = '\0';
    page->lines[page->count++] = line;
  }
  return true;
}

static void sort(struct found_page *page) {
  qsort(page->lines, page->count, sizeof *page->lines, compare_lines);
  for (size_t i = 0; page->is_descending && i < page->count / 2; i++) {
    char *line = page->lines[i];
    page->lines[i] = page->lines[page->count - 1 - i];
    page->lines[page->count - 1 - i] = line;
  }
}

/* Where the page begins: behind the cursor's line, whether or not that is still there, or at the offset. */
static size_t first_of_page(const struct found_page *page) {
  size_t at = page->offset;
  if (!page->after) return at < page->count ? at : page->count;
  for (at = 0; at < page->count; at++) {
    int order = strcmp(page->lines[at], page->after);
    if (page->is_descending ? order < 0 : order > 0) break;
  }
  return at;
}

enum result found_page_sort(struct found_page *page) {
  bool is_whole = fclose(page->lines_in) == 0 && page->text;
  page->lines_in = NULL;
  if (!is_whole || !split(page)) return RESULT_FULL;
  sort(page);
  page->from = first_of_page(page);
  page->to = page->count - page->from < page->limit ? page->count : page->from + page->limit;
  return RESULT_OK;
}

const char *found_page_id(const struct found_page *page, size_t line) {
  const char *space = strchr(page->lines[line], ' ');
  return space ? space + 1 : page->lines[line];
}

void found_page_respond(const struct found_page *page, json_t *items, struct api_response *response) {
  const char *next = page->to < page->count && page->to > page->from ? page->lines[page->to - 1] : NULL;
  api_respond_json(response, 200,
                   json_pack("{s:o,s:s?,s:I,s:I}", "items", items, "next_cursor", next, "total",
                             (json_int_t)page->count, "offset", (json_int_t)page->from));
}

void found_page_free(struct found_page *page) {
  if (page->lines_in) fclose(page->lines_in);
  free(page->lines);
  free(page->text);
  *page = (struct found_page){0};
}
