#include "store/record_lookup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_private.h"

/* Values sorted before they go in, so that each page of the tree is touched once. */
#define MAKE(field, column)                                                                                            \
  "INSERT OR IGNORE INTO lookup SELECT " #field "," column ",id,number FROM day.cdrs"                                  \
  " WHERE number>(SELECT value FROM marks) AND number<=?1 AND " column " IS NOT NULL ORDER BY " column ",id"

static const char *const steps[] = {
    MAKE(1, "caller"),        MAKE(2, "callee"),     MAKE(3, "caller_device"),
    MAKE(3, "callee_device"), MAKE(4, "end_reason"), "UPDATE marks SET value=?1",
};
#undef MAKE

#define CREATE_TABLES                                                                                                  \
  "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32768; BEGIN;"                               \
  "CREATE TABLE IF NOT EXISTS lookup(field INTEGER, value TEXT, id BLOB, number INTEGER,"                              \
  " PRIMARY KEY(field, value, id)) WITHOUT ROWID;"                                                                     \
  "CREATE TABLE IF NOT EXISTS marks(name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;"                              \
  "INSERT OR IGNORE INTO marks VALUES('looked_up', 0); COMMIT"

static int64_t number_of(sqlite3 *database, const char *sql, int *code) {
  sqlite3_stmt *statement = NULL;
  int64_t number = 0;
  *code = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);
  if (*code == SQLITE_OK && (*code = sqlite3_step(statement)) == SQLITE_ROW) {
    number = sqlite3_column_int64(statement, 0);
    *code = SQLITE_OK;
  }
  sqlite3_finalize(statement);
  return number;
}

static int run_step(sqlite3 *database, const char *sql, int64_t up_to) {
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);
  if (code == SQLITE_OK) sqlite3_bind_int64(statement, 1, up_to);
  if (code == SQLITE_OK) code = sqlite3_step(statement);
  sqlite3_finalize(statement);
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* A plain BEGIN: the day's database is only read, its writer goes on. */
static int make(sqlite3 *database, int64_t up_to) {
  int code = sqlite3_exec(database, "BEGIN", NULL, NULL, NULL);
  for (size_t i = 0; i < sizeof steps / sizeof steps[0] && code == SQLITE_OK; i++)
    code = run_step(database, steps[i], up_to);
  if (code == SQLITE_OK) code = sqlite3_exec(database, "COMMIT", NULL, NULL, NULL);
  if (code != SQLITE_OK && !sqlite3_get_autocommit(database)) sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
  return code;
}

#define STEPS_BETWEEN_LOOKS 100000

static int is_stopped(void *shelf) {
  return day_shelf_is_stopped(shelf);
}

static int open_both(const char *path, const char *day_path, const bool *stop, sqlite3 **database) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return SQLITE_CANTOPEN;
  close(fd);
  int code = sqlite3_open_v2(path, database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
  if (code != SQLITE_OK) return code;
  store_database_wait_unless(*database, stop);
  if ((code = sqlite3_exec(*database, CREATE_TABLES, NULL, NULL, NULL)) != SQLITE_OK) return code;
  sqlite3_stmt *attach = NULL;
  code = sqlite3_prepare_v2(*database, "ATTACH ?1 AS day", -1, &attach, NULL);
  if (code == SQLITE_OK) code = sqlite3_bind_text(attach, 1, day_path, -1, SQLITE_STATIC);
  if (code == SQLITE_OK) code = sqlite3_step(attach);
  sqlite3_finalize(attach);
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Most passes find nothing to do: the last record's number against the mark, from a connection that is open anyway. */
static bool is_time(struct day_shelf *shelf, const char *name, bool is_over) {
  struct record_day *day;
  char problem[256];
  int code;
  if (day_shelf_open_day(shelf, name, false, &day, problem, sizeof problem) != RESULT_OK) return false;
  int64_t last = number_of(day->database, "SELECT max(number) FROM cdrs", &code), looked_up = 0;
  if (day_shelf_attach_lookup(shelf, day)) looked_up = number_of(day->database, "SELECT value FROM found.marks", &code);
  int64_t late = last / RECORD_LOOKUP_LATE_PART;
  if (late < RECORD_LOOKUP_LATE_MIN) late = RECORD_LOOKUP_LATE_MIN;
  return last - looked_up >= (is_over ? 1 : late);
}

bool record_lookup_catch_up(struct day_shelf *shelf, const char *day, bool is_over, char *problem,
                            size_t problem_bytes) {
  char path[RECORD_PATH_BYTES], day_path[RECORD_PATH_BYTES];
  if (!is_time(shelf, day, is_over)) return true;
  day_shelf_path(shelf, day, "lookup.", path);
  day_shelf_path(shelf, day, "", day_path);
  sqlite3 *database = NULL;
  int code = open_both(path, day_path, shelf->stop, &database);
  int64_t last = code == SQLITE_OK ? number_of(database, "SELECT max(number) FROM day.cdrs", &code) : 0;
  if (code == SQLITE_OK) {
    sqlite3_progress_handler(database, STEPS_BETWEEN_LOOKS, is_stopped, shelf);
    code = make(database, last);
  }
  if (code == SQLITE_INTERRUPT) code = SQLITE_OK; /* another time */
  if (code != SQLITE_OK) snprintf(problem, problem_bytes, "%s cannot be written: %s", path, sqlite3_errstr(code));
  sqlite3_close(database);
  if (record_code_is_damage(code)) (void)unlink(path);
  return code == SQLITE_OK;
}
