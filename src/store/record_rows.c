#include "store/record_rows.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LAST_SECOND   INT64_C(253402300799) /* 9999-12-31T23:59:59Z: a day's name has eight digits */
#define ID_TIME_BYTES 6

#define CDR_TEXT(name)   ",c." #name
#define CDR_STAMP(name)  ",c." #name
#define CDR_NUMBER(name) ",c." #name
static const char selected_columns[] =
#include "cdr/cdr_fields.def"
    ;
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER

#define CDR_TEXT(name)   "," #name
#define CDR_STAMP(name)  "," #name
#define CDR_NUMBER(name) "," #name
static const char inserted_columns[] =
#include "cdr/cdr_fields.def"
    ;
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER

#define CDR_TEXT(name)   ",?"
#define CDR_STAMP(name)  ",?"
#define CDR_NUMBER(name) ",?"
static const char marks[] =
#include "cdr/cdr_fields.def"
    ;
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER

static const struct {
  const char *name, *type;
} columns[] = {
#define CDR_TEXT(name)   {#name, "TEXT"},
#define CDR_STAMP(name)  {#name, "INTEGER"},
#define CDR_NUMBER(name) {#name, "INTEGER"},
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
};
#define COLUMN_COUNT ((int)(sizeof columns / sizeof columns[0]))

const char *record_select_columns(void) {
  return selected_columns + 1;
}

/* --- ids and days ------------------------------------------------------------------------------------------------ */

static int digit_of(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool record_id_pack(struct str_view id, unsigned char bytes_out[static RECORD_ID_BYTES]) {
  if (id.length != 2 * RECORD_ID_BYTES) return false;
  for (size_t i = 0; i < RECORD_ID_BYTES; i++) {
    int high = digit_of(id.data[2 * i]), low = digit_of(id.data[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    bytes_out[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}

void record_day_name_of_time(struct wall_us moment, char day_out[static RECORD_DAY_BYTES]) {
  time_t seconds = (time_t)(moment.value / 1000000);
  struct tm parts;
  if (seconds < 0) seconds = 0;
  if (seconds > LAST_SECOND) seconds = LAST_SECOND;
  gmtime_r(&seconds, &parts);
  strftime(day_out, RECORD_DAY_BYTES, "%Y%m%d", &parts);
}

void record_day_name(struct str_view id, struct wall_us started_at, char day_out[static RECORD_DAY_BYTES]) {
  unsigned char bytes[RECORD_ID_BYTES];
  int64_t milliseconds = 0;
  if (record_id_pack(id, bytes)) {
    for (size_t i = 0; i < ID_TIME_BYTES; i++)
      milliseconds = milliseconds << 8 | bytes[i];
    started_at.value = milliseconds * 1000;
  }
  record_day_name_of_time(started_at, day_out);
}

void record_bind_id(sqlite3_stmt *statement, int at, struct str_view id) {
  unsigned char bytes[RECORD_ID_BYTES];
  if (record_id_pack(id, bytes))
    sqlite3_bind_blob(statement, at, bytes, sizeof bytes, SQLITE_TRANSIENT);
  else
    sqlite3_bind_text(statement, at, id.data ? id.data : "", (int)id.length, SQLITE_TRANSIENT);
}

/* --- the table --------------------------------------------------------------------------------------------------- */

static int number_of(sqlite3 *database, const char *sql, int otherwise) {
  sqlite3_stmt *statement = NULL;
  int number = otherwise;
  if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
    number = sqlite3_column_int(statement, 0);
  sqlite3_finalize(statement);
  return number;
}

/* Adds what the table does not have: all but the id of a new one, the newest fields of one that an older switch made.
 */
static int add_columns(sqlite3 *database) {
  for (int i = 1; i < COLUMN_COUNT; i++) {
    char sql[160];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pragma_table_info('cdrs') WHERE name='%s'", columns[i].name);
    if (number_of(database, sql, 0) > 0) continue;
    snprintf(sql, sizeof sql, "ALTER TABLE cdrs ADD COLUMN %s %s", columns[i].name, columns[i].type);
    int code = sqlite3_exec(database, sql, NULL, NULL, NULL);
    if (code != SQLITE_OK) return code;
  }
  char sql[48];
  snprintf(sql, sizeof sql, "PRAGMA user_version=%d", COLUMN_COUNT);
  return sqlite3_exec(database, sql, NULL, NULL, NULL);
}

/* `number` rises with each record that is stored and is never given twice: the position up to which files have been
 * written and lookups made. The salt tells this file from another of the same name. */
#define CREATE_TABLES                                                                                                  \
  "CREATE TABLE IF NOT EXISTS cdrs(number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE);"                              \
  "CREATE TABLE IF NOT EXISTS marks(name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;"                              \
  "INSERT OR IGNORE INTO marks VALUES('salt', random());"

int record_rows_prepare(sqlite3 *database) {
  sqlite3_stmt *probe = NULL;
  int code = sqlite3_prepare_v2(database, "PRAGMA user_version", -1, &probe, NULL);
  if (code == SQLITE_OK && (code = sqlite3_step(probe)) == SQLITE_ROW) {
    int version = sqlite3_column_int(probe, 0);
    code = SQLITE_OK;
    if (version >= COLUMN_COUNT) {
      sqlite3_finalize(probe);
      return SQLITE_OK;
    }
  }
  sqlite3_finalize(probe);
  if (code != SQLITE_OK) return code;
  if ((code = sqlite3_exec(database, "BEGIN IMMEDIATE", NULL, NULL, NULL)) != SQLITE_OK) return code;
  code = sqlite3_exec(database, CREATE_TABLES, NULL, NULL, NULL);
  if (code == SQLITE_OK) code = add_columns(database);
  if (code == SQLITE_OK) code = sqlite3_exec(database, "COMMIT", NULL, NULL, NULL);
  if (code != SQLITE_OK) sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
  return code;
}

sqlite3_stmt *record_rows_prepare_insert(sqlite3 *database) {
  char sql[4096];
  snprintf(sql, sizeof sql, "INSERT OR IGNORE INTO cdrs(%s) VALUES(%s)", inserted_columns + 1, marks + 1);
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) return NULL;
  return statement;
}

/* --- binding and reading ----------------------------------------------------------------------------------------- */

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

void record_rows_bind(sqlite3_stmt *insert, const struct cdr_record *record) {
  int at = 0;
#define CDR_TEXT(name)   bind_text(insert, ++at, record->name);
#define CDR_STAMP(name)  bind_stamp(insert, ++at, record->name);
#define CDR_NUMBER(name) bind_number(insert, ++at, record->name);
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
  record_bind_id(insert, 1, record->id); /* the first field, in its own form */
}

static struct str_view column_text(sqlite3_stmt *row, int at) {
  const char *text = (const char *)sqlite3_column_text(row, at);
  return str_view_of(text, (size_t)sqlite3_column_bytes(row, at));
}

static uint64_t column_number(sqlite3_stmt *row, int at) {
  return sqlite3_column_type(row, at) == SQLITE_NULL ? CDR_NUMBER_NONE : (uint64_t)sqlite3_column_int64(row, at);
}

static struct str_view column_id(sqlite3_stmt *row, int at, char id_text[static RECORD_ID_TEXT_MAX]) {
  const char *bytes = sqlite3_column_blob(row, at);
  if (sqlite3_column_type(row, at) != SQLITE_BLOB || sqlite3_column_bytes(row, at) != RECORD_ID_BYTES)
    return column_text(row, at);
  struct text_builder text = text_builder_over(id_text, RECORD_ID_TEXT_MAX);
  text_builder_add_hex_bytes(&text, str_view_of(bytes, RECORD_ID_BYTES));
  return text_builder_view(&text);
}

void record_rows_read(sqlite3_stmt *row, int at, struct cdr_record *record, char id_text[static RECORD_ID_TEXT_MAX]) {
  struct str_view id = column_id(row, at, id_text);
#define CDR_TEXT(name)   record->name = column_text(row, at++);
#define CDR_STAMP(name)  record->name = (struct wall_us){sqlite3_column_int64(row, at++)};
#define CDR_NUMBER(name) record->name = column_number(row, at++);
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
  record->id = id;
}
