/* Questions to the flight recorder: reads every ring in its directory while the writers go on, and hands back what fits
 * in the order of time. */
#ifndef RECORDER_TRACE_QUERY_H
#define RECORDER_TRACE_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "trace/trace_select.h"

#define TRACE_RINGS_MAX        256
#define TRACE_CURSOR_BYTES     (TRACE_RINGS_MAX * 40)
#define TRACE_RECORDS_MAX      100000
#define TRACE_RESULT_BYTES_MAX (128u << 20)

struct trace_query {
  struct trace_filter filter; /* views are borrowed */
  const char *cursor;         /* what an earlier answer gave: only what came later; NULL: none */
  size_t limit;               /* most records */
  bool wants_latest;          /* of more than `limit`, the last ones; else the first ones */
  bool wants_keepalives;
};

struct trace_result {
  struct trace_record *records; /* heap, payloads too, with 64 readable bytes behind them */
  size_t count;
  bool has_more;       /* the limit was reached */
  bool is_torn;        /* something between the records could not be read */
  uint32_t unreadable; /* files that are no ring */
  char cursor[TRACE_CURSOR_BYTES];
};

/* False with a sentence in `problem` (a cursor that is none, no memory); nothing is to be freed then. A directory that
 * is not there holds nothing. */
bool trace_query_run(const char *dir, const struct trace_query *query, struct trace_result *result, char *problem,
                     size_t problem_bytes);
void trace_result_free(struct trace_result *result);

/* Shows every record of calls since then, ring after ring, each in its order; the record is gone afterwards. */
void trace_read_all(const char *dir, struct wall_us since,
                    void (*show)(void *context, const struct trace_record *record), void *context);

#endif
