/* A screenful of a list that is too long to be sent. Whoever knows the things says of each that fits a line "KEY ID",
 * whose keys sort as text; the lines are sorted here, and only the objects of those in sight are asked for. The query's
 * words are the same everywhere: sort (with - before it downwards), offset, limit, cursor. */
#ifndef ADMIN_FOUND_PAGE_H
#define ADMIN_FOUND_PAGE_H

#include <stdio.h>

#include "admin/api.h"

#define FOUND_LIMIT_MAX      200 /* so many objects fit into one order's answer */
#define FOUND_WORD_BYTES_MAX 128

struct found_page {
  const char *sort; /* without - */
  bool is_descending;
  uint32_t offset, limit;
  const char *after; /* the cursor: the last line of the page before; NULL: the offset counts */
  FILE *lines_in;    /* where lines are written to, each with its line feed */
  char *text;
  size_t text_length;
  char **lines; /* into `text`, sorted */
  size_t count;
  size_t from, to; /* the lines of the page */
};

/* Reads the query, and opens page->lines_in. False: it has been answered. found_page_free in any case. */
bool found_page_begin(struct found_page *page, const struct api_request *request, const char *default_sort,
                      struct api_response *response);

/* A word of the query, where it `folds` in lower case, "" when there is none. Answers 400 and returns false when it is
 * too long, or of several lines. */
bool found_page_word(const struct api_request *request, const char *name, bool folds,
                     char word[FOUND_WORD_BYTES_MAX + 1], struct api_response *response);

/* Answers 400: the query's sort is none of `names`, which are separated by ", ". */
void found_page_refuse_sort(const char *names, struct api_response *response);

/* Sorts what was written, and finds the page's lines. RESULT_FULL: no memory. */
enum result found_page_sort(struct found_page *page);

/* What the line is about. */
const char *found_page_id(const struct found_page *page, size_t line);

/* Answers {"items": …, "next_cursor": …, "total": how many fit, "offset": of the first}, taking the reference. */
void found_page_respond(const struct found_page *page, json_t *items, struct api_response *response);

void found_page_free(struct found_page *page);

/* The same where the workers know the things. Asks each with `find` for its lines (`target` is the order's, without its
 * first line: the slot), with `show` for the objects in sight, and answers. */
struct workers_search {
  const struct api_request *request;
  enum order_kind find, show;
  char target[1024];
};
void found_page_of_workers(struct found_page *page, const struct workers_search *search, struct api_response *response);

#endif
