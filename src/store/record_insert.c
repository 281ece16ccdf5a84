#include "store/record_insert.h"

#include <stdio.h>
#include <string.h>

static enum result failed(struct day_shelf *shelf, const struct record_day *day, char *problem, size_t problem_bytes) {
  shelf->code = sqlite3_extended_errcode(day->database);
  snprintf(shelf->failed_day, sizeof shelf->failed_day, "%s", day->name);
  snprintf(problem, problem_bytes, "records/%s.db: %s", day->name, sqlite3_errmsg(day->database));
  return RESULT_FAILED;
}

/* The day's database, in a transaction, with its statement. */
static enum result begin(struct day_shelf *shelf, const char *name, struct record_day **day_out, char *problem,
                         size_t problem_bytes) {
  struct record_day *day;
  enum result result = day_shelf_open_day(shelf, name, true, &day, problem, problem_bytes);
  if (result == RESULT_FULL) { /* so many days at once: those before are committed early */
    if (!record_commit(shelf, problem, problem_bytes)) return RESULT_FAILED;
    result = day_shelf_open_day(shelf, name, true, &day, problem, problem_bytes);
  }
  if (result != RESULT_OK) {
    snprintf(shelf->failed_day, sizeof shelf->failed_day, "%s", name);
    return RESULT_FAILED;
  }
  if (!day->insert) day->insert = record_rows_prepare_insert(day->database);
  if (!day->insert) return failed(shelf, day, problem, problem_bytes);
  if (!day->is_in_transaction && sqlite3_exec(day->database, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
    return failed(shelf, day, problem, problem_bytes);
  day->is_in_transaction = true;
  *day_out = day;
  return RESULT_OK;
}

enum result record_insert(struct day_shelf *shelf, const struct cdr_record *record, char *problem,
                          size_t problem_bytes) {
  char name[RECORD_DAY_BYTES];
  struct record_day *day = shelf->inserted;
  record_day_name(record->id, record->started_at, name);
  if (!day || strcmp(day->name, name) != 0) {
    enum result result = begin(shelf, name, &day, problem, problem_bytes);
    if (result != RESULT_OK) return result;
    shelf->inserted = day;
  }
  record_rows_bind(day->insert, record);
  enum result result =
      sqlite3_step(day->insert) == SQLITE_DONE ? RESULT_OK : failed(shelf, day, problem, problem_bytes);
  sqlite3_reset(day->insert);
  return result;
}

bool record_commit(struct day_shelf *shelf, char *problem, size_t problem_bytes) {
  shelf->inserted = NULL;
  for (size_t i = 0; i < RECORD_DAYS_OPEN; i++) {
    struct record_day *day = &shelf->days[i];
    if (!day->is_in_transaction) continue;
    if (sqlite3_exec(day->database, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
      (void)!failed(shelf, day, problem, problem_bytes);
      return false;
    }
    day->is_in_transaction = false;
  }
  return true;
}

void record_roll_back(struct day_shelf *shelf) {
  shelf->inserted = NULL;
  for (size_t i = 0; i < RECORD_DAYS_OPEN; i++) {
    struct record_day *day = &shelf->days[i];
    if (day->is_in_transaction && !sqlite3_get_autocommit(day->database))
      sqlite3_exec(day->database, "ROLLBACK", NULL, NULL, NULL);
    day->is_in_transaction = false;
  }
}
