/* Records of a switch from before there was a database for each day: they stood in belfry.db. They are moved when the
 * schema is brought up to date, which drops the table only afterwards; a move that was interrupted is begun again, and
 * finds what it has done before by the ids. */
#include <stdio.h>
#include <string.h>

#include "store/store_private.h"

#define ROWS_PER_TRANSACTION 20000

/* The table as it was when it was left behind: it never grows a column any more. */
#define MOVED_TEXT(name)                                                                                               \
  at = column_of(row, #name);                                                                                          \
  if (at >= 0) record->name = text_at(row, at);
#define MOVED_STAMP(name)                                                                                              \
  at = column_of(row, #name);                                                                                          \
  if (at >= 0) record->name = (struct wall_us){sqlite3_column_int64(row, at)};
#define MOVED_NUMBER(name)                                                                                             \
  at = column_of(row, #name);                                                                                          \
  if (at >= 0) record->name = number_at(row, at);

static int column_of(sqlite3_stmt *row, const char *name) {
  for (int at = 0; at < sqlite3_column_count(row); at++)
    if (strcmp(sqlite3_column_name(row, at), name) == 0) return at;
  return -1;
}

static struct str_view text_at(sqlite3_stmt *row, int at) {
  const char *text = (const char *)sqlite3_column_text(row, at);
  return str_view_of(text, (size_t)sqlite3_column_bytes(row, at));
}

static uint64_t number_at(sqlite3_stmt *row, int at) {
  return sqlite3_column_type(row, at) == SQLITE_NULL ? CDR_NUMBER_NONE : (uint64_t)sqlite3_column_int64(row, at);
}

static void read_row(sqlite3_stmt *row, struct cdr_record *record) {
  int at;
  cdr_record_init(record);
#define CDR_TEXT(name)   MOVED_TEXT(name)
#define CDR_STAMP(name)  MOVED_STAMP(name)
#define CDR_NUMBER(name) MOVED_NUMBER(name)
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
}

static bool has_records(sqlite3 *database) {
  sqlite3_stmt *statement = NULL;
  bool has = sqlite3_prepare_v2(database, "SELECT 1 FROM cdrs LIMIT 1", -1, &statement, NULL) == SQLITE_OK &&
             sqlite3_step(statement) == SQLITE_ROW;
  sqlite3_finalize(statement);
  return has;
}

static bool move_rows(struct day_shelf *shelf, sqlite3_stmt *rows, char *problem, size_t problem_bytes) {
  int code;
  uint32_t count = 0;
  while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
    struct cdr_record record;
    read_row(rows, &record);
    if (record_insert(shelf, &record, problem, problem_bytes) != RESULT_OK) return false;
    if (++count % ROWS_PER_TRANSACTION == 0 && !record_commit(shelf, problem, problem_bytes)) return false;
  }
  if (code == SQLITE_DONE) return record_commit(shelf, problem, problem_bytes);
  snprintf(problem, problem_bytes, "the records in belfry.db cannot be read: %s", sqlite3_errstr(code));
  return false;
}

bool store_move_records(sqlite3 *database, const char *data_dir, char *problem, size_t problem_bytes) {
  struct day_shelf shelf;
  sqlite3_stmt *rows = NULL;
  if (!has_records(database)) return true;
  day_shelf_init(&shelf, data_dir);
  /* In the order of their ids: day by day. */
  if (sqlite3_prepare_v2(database, "SELECT * FROM cdrs ORDER BY id", -1, &rows, NULL) != SQLITE_OK) {
    snprintf(problem, problem_bytes, "the records in belfry.db cannot be read: %s", sqlite3_errmsg(database));
    return false;
  }
  bool done = move_rows(&shelf, rows, problem, problem_bytes);
  sqlite3_finalize(rows);
  if (!done) record_roll_back(&shelf);
  day_shelf_close(&shelf);
  return done;
}
