/* Records for operators: day by day, newest first. Within a day a page costs a walk along an index (of ids, or of the
 * lookup of the most selective filter), and the reading of those records that have no lookup yet. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/record_lookup.h"
#include "store/store_private.h"

#define CURSOR_DAY_LENGTH 8

/* What is bound to a statement, by number. */
enum { ID = 1, CALLER, CALLEE, DEVICE, REASON, FROM, TO, CURSOR, LIMIT, LOWEST, HIGHEST };

/* Of those that a query has, the most selective leads, and the others are looked up for each of its records. */
static const struct filter {
  enum record_lookup_field field;
  int parameter;
  const char *condition;
} filters[] = {
    {RECORD_LOOKUP_CALLER, CALLER, "c.caller=?2"},
    {RECORD_LOOKUP_CALLEE, CALLEE, "c.callee=?3"},
    {RECORD_LOOKUP_DEVICE, DEVICE, "(c.caller_device=?4 OR c.callee_device=?4)"},
    {RECORD_LOOKUP_REASON, REASON, "c.end_reason=?5"},
};
#define FILTER_COUNT (sizeof filters / sizeof filters[0])

static const char *filter_value(const struct cdr_query *query, const struct filter *filter) {
  const char *const values[] = {
      [CALLER] = query->caller, [CALLEE] = query->callee, [DEVICE] = query->device, [REASON] = query->reason};
  return values[filter->parameter];
}

struct statement_text {
  char text[8192];
  size_t length;
};

static void __attribute__((format(printf, 2, 3))) add(struct statement_text *sql, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(sql->text + sql->length, sizeof sql->text - sql->length, format, arguments);
  va_end(arguments);
  if (length > 0) sql->length += (size_t)length;
  if (sql->length >= sizeof sql->text) sql->length = sizeof sql->text - 1;
}

/* --- one day ----------------------------------------------------------------------------------------------------- */

/* Where in the order of ids: `table` is that whose index is walked. Ids begin with the time in milliseconds. */
static void add_bounds(struct statement_text *sql, const struct cdr_query *query, const char *table) {
  if (query->id) add(sql, " AND %s.id=?1", table);
  if (query->cursor) add(sql, " AND %s.id<?8", table);
  if (query->from_us) add(sql, " AND %s.id>=?10 AND c.started_at>=?6", table);
  if (query->to_us) add(sql, " AND %s.id<?11 AND c.started_at<?7", table);
}

static void add_filters(struct statement_text *sql, const struct cdr_query *query) {
  for (size_t i = 0; i < FILTER_COUNT; i++)
    if (filter_value(query, &filters[i])) add(sql, " AND %s", filters[i].condition);
}

static bool has_filter(const struct cdr_query *query) {
  return query->caller || query->callee || query->device || query->reason;
}

/* How many records of the day a filter's value has, as far as that matters. */
static int64_t count_found(struct record_day *day, const struct filter *filter, const char *value) {
  sqlite3_stmt *statement = NULL;
  int64_t count = INT64_MAX;
  if (sqlite3_prepare_v2(day->database,
                         "SELECT count(*) FROM (SELECT 1 FROM found.lookup WHERE field=?1 AND value=?2 LIMIT 5000)", -1,
                         &statement, NULL) == SQLITE_OK) {
    sqlite3_bind_int(statement, 1, (int)filter->field);
    sqlite3_bind_text(statement, 2, value, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW) count = sqlite3_column_int64(statement, 0);
  }
  sqlite3_finalize(statement);
  return count;
}

/* The one with the fewest records on this day; among many the first of the table. */
static const struct filter *leading_filter(struct record_day *day, const struct cdr_query *query) {
  const struct filter *leading = NULL;
  int64_t fewest = INT64_MAX;
  for (size_t i = 0; i < FILTER_COUNT; i++) {
    const char *value = filter_value(query, &filters[i]);
    int64_t count = value ? count_found(day, &filters[i], value) : INT64_MAX;
    if (!value || (leading && count >= fewest)) continue;
    leading = &filters[i];
    fewest = count;
  }
  return leading;
}

/* CROSS JOIN: the lookup leads, in the order of ids, and is left as soon as there are enough. */
static void add_found(struct statement_text *sql, const struct cdr_query *query, const struct filter *leading) {
  add(sql, "SELECT f.id AS place,%s FROM found.lookup f CROSS JOIN cdrs c ON c.number=f.number",
      record_select_columns());
  add(sql, " WHERE f.field=%d AND f.value=?%d", leading->field, leading->parameter);
  add_bounds(sql, query, "f");
  for (const struct filter *filter = filters; filter < filters + FILTER_COUNT; filter++)
    if (filter != leading && filter_value(query, filter))
      add(sql, " AND EXISTS(SELECT 1 FROM found.lookup WHERE field=%d AND value=?%d AND id=f.id)", filter->field,
          filter->parameter);
}

/* `leading` NULL: there is no lookup, or no filter. */
static void write_statement(struct statement_text *sql, const struct cdr_query *query, const struct filter *leading) {
  if (leading) {
    add_found(sql, query, leading);
    add(sql, " UNION ALL SELECT c.id,%s FROM cdrs c NOT INDEXED WHERE c.number>(SELECT value FROM found.marks)",
        record_select_columns());
  } else {
    add(sql, "SELECT c.id AS place,%s FROM cdrs c WHERE 1", record_select_columns());
  }
  add_bounds(sql, query, "c");
  add_filters(sql, query);
  add(sql, " ORDER BY place DESC LIMIT ?9");
}

/* The lowest id that an attempt at that time can have. */
static void bind_time(sqlite3_stmt *statement, int at, int64_t time_us) {
  char id[2 * RECORD_ID_BYTES + 1];
  uint64_t milliseconds = time_us > 0 ? ((uint64_t)time_us / 1000) & 0xFFFFFFFFFFFF : 0;
  snprintf(id, sizeof id, "%012llx%018d", (unsigned long long)milliseconds, 0);
  record_bind_id(statement, at, str_view_from_c(id));
}

static sqlite3_stmt *prepare(struct record_day *day, const struct cdr_query *query, uint32_t limit, bool has_lookup) {
  struct statement_text sql = {.length = 0};
  sqlite3_stmt *statement = NULL;
  write_statement(&sql, query, has_lookup ? leading_filter(day, query) : NULL);
  if (sqlite3_prepare_v2(day->database, sql.text, -1, &statement, NULL) != SQLITE_OK) return NULL;
  /* What a statement does not ask for is refused, which is well. */
  if (query->id) record_bind_id(statement, ID, str_view_from_c(query->id));
  for (size_t i = 0; i < FILTER_COUNT; i++)
    if (filter_value(query, &filters[i]))
      sqlite3_bind_text(statement, filters[i].parameter, filter_value(query, &filters[i]), -1, SQLITE_STATIC);
  sqlite3_bind_int64(statement, FROM, query->from_us);
  sqlite3_bind_int64(statement, TO, query->to_us);
  if (query->cursor) record_bind_id(statement, CURSOR, str_view_from_c(query->cursor));
  sqlite3_bind_int64(statement, LIMIT, limit);
  bind_time(statement, LOWEST, query->from_us);
  bind_time(statement, HIGHEST, query->to_us + 999);
  return statement;
}

/* --- all days ---------------------------------------------------------------------------------------------------- */

struct page {
  struct day_shelf *shelf;
  uint32_t limit, count;
  bool is_full; /* there is at least one more */
  void (*each)(void *context, const struct cdr_record *record);
  void *context;
  char last_day[RECORD_DAY_BYTES];
  char last_id[RECORD_ID_TEXT_MAX];
  char *problem;
  size_t problem_bytes;
};

static int read_rows(struct page *page, sqlite3_stmt *statement, const char *day) {
  int code;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    struct cdr_record record;
    char id_text[RECORD_ID_TEXT_MAX];
    if (page->count == page->limit) { /* one more than asked for: there is a next page */
      page->is_full = true;
      return SQLITE_DONE;
    }
    record_rows_read(statement, 1, &record, id_text);
    snprintf(page->last_id, sizeof page->last_id, "%.*s", (int)record.id.length, record.id.data);
    snprintf(page->last_day, sizeof page->last_day, "%s", day);
    page->count++;
    page->each(page->context, &record);
  }
  return code;
}

static int read_rows_by(struct page *page, struct record_day *day, const struct cdr_query *query, bool has_lookup) {
  sqlite3_stmt *statement = prepare(day, query, page->limit - page->count + 1, has_lookup);
  int code = statement ? read_rows(page, statement, day->name) : sqlite3_errcode(day->database);
  sqlite3_finalize(statement);
  return code;
}

/* Where something is broken it may be the lookup, which is given up: the rest is read without. */
static int read_rows_of(struct page *page, struct record_day *day, const struct cdr_query *query) {
  bool has_lookup = has_filter(query) && day_shelf_attach_lookup(page->shelf, day);
  int code = read_rows_by(page, day, query, has_lookup);
  if (!has_lookup || !record_code_is_damage(code)) return code;
  struct cdr_query rest = *query;
  if (strcmp(page->last_day, day->name) == 0) rest.cursor = page->last_id;
  day_shelf_drop_lookup(page->shelf, day);
  return read_rows_by(page, day, &rest, false);
}

static enum result read_day(struct page *page, const struct cdr_query *query, const char *name) {
  struct record_day *day;
  char problem[512];
  enum result result = day_shelf_open_day(page->shelf, name, false, &day, problem, sizeof problem);
  if (result == RESULT_NOT_FOUND) return RESULT_OK; /* dropped a moment ago */
  int code = result == RESULT_OK ? read_rows_of(page, day, query) : SQLITE_ERROR;
  if (result == RESULT_OK && code != SQLITE_DONE)
    snprintf(problem, sizeof problem, "%s", sqlite3_errmsg(day->database));
  if (code == SQLITE_DONE) return RESULT_OK;
  snprintf(page->problem, page->problem_bytes, "records of %s cannot be read: %s", name, problem);
  return RESULT_FAILED;
}

/* A cursor is the day and the id of the last record of the page before: "20261122.01…". */
static bool read_cursor(const struct cdr_query *query, struct cdr_query *day_query, char day[RECORD_DAY_BYTES]) {
  const char *cursor = query->cursor;
  if (strspn(cursor, "0123456789") != CURSOR_DAY_LENGTH || cursor[CURSOR_DAY_LENGTH] != '.') return false;
  snprintf(day, RECORD_DAY_BYTES, "%.*s", CURSOR_DAY_LENGTH, cursor);
  day_query->cursor = cursor + CURSOR_DAY_LENGTH + 1;
  return true;
}

/* The first and the last day that a query can find something in, "" for no such bound. */
struct day_bounds {
  char first[RECORD_DAY_BYTES], last[RECORD_DAY_BYTES], cursor[RECORD_DAY_BYTES];
};

static bool read_bounds(const struct cdr_query *query, struct cdr_query *day_query, struct day_bounds *bounds) {
  unsigned char packed[RECORD_ID_BYTES];
  *bounds = (struct day_bounds){0};
  *day_query = *query;
  if (query->from_us) record_day_name_of_time((struct wall_us){query->from_us}, bounds->first);
  if (query->to_us) record_day_name_of_time((struct wall_us){query->to_us - 1}, bounds->last);
  if (query->id && record_id_pack(str_view_from_c(query->id), packed)) {
    record_day_name(str_view_from_c(query->id), (struct wall_us){0}, bounds->first);
    memcpy(bounds->last, bounds->first, sizeof bounds->last);
  }
  return !query->cursor || read_cursor(query, day_query, bounds->cursor);
}

static bool is_within(const struct day_bounds *bounds, const char *day) {
  return (!bounds->first[0] || strcmp(day, bounds->first) >= 0) &&
         (!bounds->last[0] || strcmp(day, bounds->last) <= 0) &&
         (!bounds->cursor[0] || strcmp(day, bounds->cursor) <= 0);
}

static enum result read_days(struct page *page, const struct cdr_query *query, const struct day_bounds *bounds) {
  char(*days)[RECORD_DAY_BYTES];
  size_t count;
  enum result result = RESULT_OK;
  day_shelf_close_gone(page->shelf);
  if (!day_shelf_list(page->shelf, &days, &count)) {
    snprintf(page->problem, page->problem_bytes, "%s cannot be read", page->shelf->dir);
    return RESULT_FAILED;
  }
  for (size_t i = 0; i < count && result == RESULT_OK && !page->is_full; i++) {
    struct cdr_query day_query = *query;
    if (!is_within(bounds, days[i])) continue;
    if (strcmp(days[i], bounds->cursor) != 0) day_query.cursor = NULL; /* that is behind us */
    result = read_day(page, &day_query, days[i]);
  }
  free(days);
  return result;
}

enum result store_query_cdrs(struct store *store, const struct cdr_query *query,
                             void (*each)(void *context, const struct cdr_record *record), void *context,
                             char *next_cursor, char *problem, size_t problem_bytes) {
  struct page page = {.shelf = &store->operator_shelf,
                      .limit = query->limit,
                      .each = each,
                      .context = context,
                      .problem = problem,
                      .problem_bytes = problem_bytes};
  struct cdr_query day_query;
  struct day_bounds bounds;
  next_cursor[0] = '\0';
  if (!read_bounds(query, &day_query, &bounds)) {
    snprintf(problem, problem_bytes, "cursor must be the next_cursor of the page before");
    return RESULT_MALFORMED;
  }
  pthread_mutex_lock(&store->records_mutex);
  enum result result = read_days(&page, &day_query, &bounds);
  pthread_mutex_unlock(&store->records_mutex);
  if (page.is_full) snprintf(next_cursor, STORE_CURSOR_BYTES, "%.8s.%.54s", page.last_day, page.last_id);
  return result;
}
