/* Call detail records as rows: the statements are made from cdr_fields.def. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_private.h"

#define CDR_TEXT(name)   "," #name
#define CDR_STAMP(name)  "," #name
#define CDR_NUMBER(name) "," #name
static const char column_list[] =
#include "cdr/cdr_fields.def"
    ;
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER

#define CDR_TEXT(name)   ",?"
#define CDR_STAMP(name)  ",?"
#define CDR_NUMBER(name) ",?"
static const char mark_list[] =
#include "cdr/cdr_fields.def"
    ;
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER

sqlite3_stmt *store_cdrs_prepare_insert(sqlite3 *database) {
  char sql[4096];
  snprintf(sql, sizeof sql, "INSERT OR IGNORE INTO cdrs(%s) VALUES(%s)", column_list + 1, mark_list + 1);
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) return NULL;
  return statement;
}

static void bind_text(sqlite3_stmt *statement, int at, struct str_view text) {
  if (text.length == 0)
    sqlite3_bind_null(statement, at);
  else
    sqlite3_bind_text(statement, at, text.data, (int)text.length, SQLITE_STATIC);
}

static void bind_stamp(sqlite3_stmt *statement, int at, struct wall_us stamp) {
  if (stamp.value == 0)
    sqlite3_bind_null(statement, at);
  else
    sqlite3_bind_int64(statement, at, stamp.value);
}

static void bind_number(sqlite3_stmt *statement, int at, uint64_t number) {
  if (number == CDR_NUMBER_NONE)
    sqlite3_bind_null(statement, at);
  else
    sqlite3_bind_int64(statement, at, (int64_t)number);
}

void store_cdrs_bind(sqlite3_stmt *insert, const struct cdr_record *record) {
  int at = 0;
#define CDR_TEXT(name)   bind_text(insert, ++at, record->name);
#define CDR_STAMP(name)  bind_stamp(insert, ++at, record->name);
#define CDR_NUMBER(name) bind_number(insert, ++at, record->name);
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
}

static struct str_view column_text(sqlite3_stmt *row, int at) {
  const char *text = (const char *)sqlite3_column_text(row, at);
  return str_view_of(text, (size_t)sqlite3_column_bytes(row, at));
}

static uint64_t column_number(sqlite3_stmt *row, int at) {
  return sqlite3_column_type(row, at) == SQLITE_NULL ? CDR_NUMBER_NONE : (uint64_t)sqlite3_column_int64(row, at);
}

static void read_row(sqlite3_stmt *row, struct cdr_record *record) {
  int at = 0;
#define CDR_TEXT(name)   record->name = column_text(row, at++);
#define CDR_STAMP(name)  record->name = (struct wall_us){sqlite3_column_int64(row, at++)};
#define CDR_NUMBER(name) record->name = column_number(row, at++);
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
}

/* The filters that a query may have: each adds a condition when it is set. */
static sqlite3_stmt *prepare_query(sqlite3 *database, const struct cdr_query *query) {
  char sql[8192];
  snprintf(sql, sizeof sql,
           "SELECT %s FROM cdrs WHERE (?1 IS NULL OR id=?1) AND (?2 IS NULL OR caller=?2) AND (?3 IS NULL OR callee=?3)"
           " AND (?4 IS NULL OR end_reason=?4) AND (?5=0 OR started_at>=?5) AND (?6=0 OR started_at<?6)%s"
           " ORDER BY id DESC LIMIT ?8",
           column_list + 1, query->cursor ? " AND id<?7" : "");
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK) return NULL;
  const char *texts[] = {query->id, query->caller, query->callee, query->reason};
  for (int i = 0; i < 4; i++)
    if (texts[i]) sqlite3_bind_text(statement, i + 1, texts[i], -1, SQLITE_STATIC);
  sqlite3_bind_int64(statement, 5, query->from_us);
  sqlite3_bind_int64(statement, 6, query->to_us);
  if (query->cursor) sqlite3_bind_text(statement, 7, query->cursor, -1, SQLITE_STATIC);
  sqlite3_bind_int64(statement, 8, (int64_t)query->limit + 1);
  return statement;
}

enum result store_query_cdrs(struct store *store, const struct cdr_query *query,
                             void (*each)(void *context, const struct cdr_record *record), void *context,
                             char *next_cursor, char *problem, size_t problem_bytes) {
  next_cursor[0] = '\0';
  pthread_mutex_lock(&store->operator_mutex);
  sqlite3_stmt *statement = prepare_query(store->operator_database, query);
  int code = statement ? SQLITE_ROW : SQLITE_ERROR;
  char last_id[64] = "";
  for (uint32_t count = 0; statement && (code = sqlite3_step(statement)) == SQLITE_ROW; count++) {
    if (count == query->limit) { /* one more than asked for: there is a next page */
      memcpy(next_cursor, last_id, sizeof last_id);
      code = SQLITE_DONE;
      break;
    }
    struct cdr_record record;
    read_row(statement, &record);
    snprintf(last_id, sizeof last_id, "%.*s", (int)record.id.length, record.id.data);
    each(context, &record);
  }
  if (code != SQLITE_DONE)
    snprintf(problem, problem_bytes, "records cannot be read: %s", sqlite3_errmsg(store->operator_database));
  sqlite3_finalize(statement);
  pthread_mutex_unlock(&store->operator_mutex);
  return code == SQLITE_DONE ? RESULT_OK : RESULT_FAILED;
}
