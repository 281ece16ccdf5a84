#include "store/record_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/csv.h"

#define NAME_BYTES         32
#define PATH_BYTES         (4096 + 64)
#define SAME_HOUR_MAX      1000
#define STREAM_BUFFER_SIZE 65536

static bool fail(struct record_files *files, const char *what) {
  snprintf(files->problem, sizeof files->problem, "CDR files cannot be written: %.220s", what);
  return false;
}

static bool fail_by_database(struct record_files *files) {
  return fail(files, sqlite3_errmsg(files->database));
}

/* --- statements -------------------------------------------------------------------------------------------------- */

/* Prepares and binds texts, then numbers. NULL when it cannot. */
static sqlite3_stmt *prepare(sqlite3 *database, const char *sql, const char *const *texts, int text_count,
                             const int64_t *numbers, int number_count) {
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK) return NULL;
  for (int i = 0; i < text_count; i++)
    sqlite3_bind_text(statement, i + 1, texts[i], -1, SQLITE_TRANSIENT);
  for (int i = 0; i < number_count; i++)
    sqlite3_bind_int64(statement, text_count + i + 1, numbers[i]);
  return statement;
}

static bool run(struct record_files *files, const char *sql, const char *const *texts, int text_count,
                const int64_t *numbers, int number_count) {
  sqlite3_stmt *statement = prepare(files->database, sql, texts, text_count, numbers, number_count);
  int code = statement ? sqlite3_step(statement) : SQLITE_ERROR;
  sqlite3_finalize(statement);
  return code == SQLITE_DONE;
}

/* The number that a query gives, 0 where it gives none. False: it cannot be asked now, which is no answer. */
static bool find_number(sqlite3 *database, const char *sql, const char *text, int64_t number, int64_t *found_out) {
  sqlite3_stmt *statement = prepare(database, sql, &text, text ? 1 : 0, &number, 1);
  int code = statement ? sqlite3_step(statement) : SQLITE_ERROR;
  *found_out = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
  sqlite3_finalize(statement);
  return code == SQLITE_ROW || code == SQLITE_DONE;
}

/* --- what goes into which file ----------------------------------------------------------------------------------- */

struct day_state {
  int64_t salt, last, in_files; /* numbers: of the last record; of the last that is in a file or needs to be in none */
};

static bool read_salt(struct record_day *day, int64_t *salt_out) {
  return find_number(day->database, "SELECT value FROM marks WHERE name='salt'", NULL, 0, salt_out);
}

/* RESULT_NOT_FOUND: the day is not there any more; RESULT_MALFORMED: it is broken; RESULT_FAILED: it cannot be read
 * now. */
static enum result read_day_state(struct record_files *files, const char *name, struct day_state *state) {
  struct day_shelf *shelf = files->shelf;
  struct record_day *day;
  char problem[256];
  enum result result = day_shelf_open_day(shelf, name, false, &day, problem, sizeof problem);
  if (result == RESULT_NOT_FOUND) return result;
  if (result == RESULT_OK && read_salt(day, &state->salt) &&
      find_number(day->database, "SELECT max(number) FROM cdrs", NULL, 0, &state->last))
    return find_number(files->database, "SELECT max(last_number) FROM cdr_file_parts WHERE day=?1 AND salt=?2", name,
                       state->salt, &state->in_files)
               ? RESULT_OK
               : RESULT_FAILED;
  int code = result == RESULT_OK ? sqlite3_errcode(day->database) : shelf->code;
  return record_code_is_damage(code) ? RESULT_MALFORMED : RESULT_FAILED;
}

/* Takes what of a day is in no file yet into that one; "" for what shall be in none. What cannot be read now is for a
 * later file. */
static bool take_day(struct record_files *files, const char *file, const char *day) {
  struct day_state state;
  if (read_day_state(files, day, &state) != RESULT_OK || state.last <= state.in_files) return true;
  return run(files, "INSERT OR REPLACE INTO cdr_file_parts(name,day,salt,after_number,last_number) VALUES(?,?,?,?,?)",
             (const char *const[]){file, day}, 2, (const int64_t[]){state.salt, state.in_files, state.last}, 3);
}

static bool take_all_days(struct record_files *files, const char *file) {
  char(*days)[RECORD_DAY_BYTES];
  size_t count;
  bool done = day_shelf_list(files->shelf, &days, &count);
  for (size_t i = 0; done && i < count; i++)
    done = take_day(files, file, days[i]);
  free(days);
  return done;
}

/* The hour that goes on, "" for none. False: that cannot be read now. */
static bool read_open_hour(struct record_files *files, char hour[RECORD_HOUR_BYTES]) {
  sqlite3_stmt *statement = prepare(files->database, "SELECT hour FROM cdr_file_hour", NULL, 0, NULL, 0);
  int code = statement ? sqlite3_step(statement) : SQLITE_ERROR;
  hour[0] = '\0';
  if (code == SQLITE_ROW) snprintf(hour, RECORD_HOUR_BYTES, "%s", (const char *)sqlite3_column_text(statement, 0));
  sqlite3_finalize(statement);
  return code == SQLITE_ROW || code == SQLITE_DONE;
}

/* The hour's name, with a number behind it when files were switched off and on within it. */
static bool choose_name(struct record_files *files, const char *hour, char name[NAME_BYTES]) {
  int64_t is_taken;
  snprintf(name, NAME_BYTES, "%.10s", hour);
  for (int i = 2; i < SAME_HOUR_MAX; i++) {
    if (!find_number(files->database, "SELECT 1 FROM cdr_files WHERE name=?1", name, 0, &is_taken)) return false;
    if (!is_taken) return true;
    snprintf(name, NAME_BYTES, "%.10s_%d", hour, i);
  }
  return true;
}

static bool begin_hour(struct record_files *files, const char *hour) {
  return run(files, "DELETE FROM cdr_file_hour", NULL, 0, NULL, 0) &&
         (hour[0] == '\0' || run(files, "INSERT INTO cdr_file_hour VALUES(?)", &hour, 1, NULL, 0));
}

static bool plan_file(struct record_files *files, const char *hour, const struct record_keeping *keeping) {
  char name[NAME_BYTES];
  const char *texts[] = {name, keeping->columns};
  return choose_name(files, hour, name) && take_all_days(files, name) &&
         run(files,
             "INSERT INTO cdr_files(name,columns,with_unanswered,is_written)"
             " SELECT ?1,?2,?3,0 WHERE EXISTS(SELECT 1 FROM cdr_file_parts WHERE name=?1)",
             texts, 2, (const int64_t[]){keeping->with_unanswered}, 1);
}

/* One transaction: the hour that was going on gets its file, the next one ("": none) begins. */
static bool change_hour(struct record_files *files, const char *from, const char *to,
                        const struct record_keeping *keeping) {
  if (!run(files, "BEGIN IMMEDIATE", NULL, 0, NULL, 0)) return fail_by_database(files);
  bool done = (from[0] ? plan_file(files, from, keeping) : take_all_days(files, "")) && begin_hour(files, to) &&
              run(files, "COMMIT", NULL, 0, NULL, 0);
  if (done) return true;
  (void)fail_by_database(files);
  if (!sqlite3_get_autocommit(files->database)) sqlite3_exec(files->database, "ROLLBACK", NULL, NULL, NULL);
  return false;
}

static bool look_at_hour(struct record_files *files, struct wall_us now, const struct record_keeping *keeping) {
  char open[RECORD_HOUR_BYTES], present[RECORD_HOUR_BYTES] = "";
  time_t seconds = (time_t)(now.value / 1000000);
  struct tm parts;
  gmtime_r(&seconds, &parts);
  if (keeping->to_files) strftime(present, sizeof present, "%Y%m%d%H", &parts);
  if (!read_open_hour(files, open)) return fail_by_database(files);
  /* A clock that was set back: the hour goes on until it is over by the clock. */
  bool is_over = keeping->to_files ? strcmp(open, present) < 0 : open[0] != '\0';
  return !is_over || change_hour(files, open, present, keeping);
}

/* --- writing a file ---------------------------------------------------------------------------------------------- */

struct file_plan {
  char name[NAME_BYTES];
  char columns[513];
  bool with_unanswered;
};

struct file_part {
  char day[RECORD_DAY_BYTES];
  int64_t salt, after, last;
};

static bool write_rows(struct record_files *files, struct record_day *day, const struct file_part *part,
                       const struct file_plan *plan, struct csv *csv) {
  char sql[4096];
  snprintf(sql, sizeof sql, "SELECT %s FROM cdrs c WHERE c.number>?1 AND c.number<=?2%s ORDER BY c.number",
           record_select_columns(), plan->with_unanswered ? "" : " AND c.answered_at IS NOT NULL");
  sqlite3_stmt *rows = prepare(day->database, sql, NULL, 0, (const int64_t[]){part->after, part->last}, 2);
  int code = SQLITE_ERROR;
  while (rows && !day_shelf_is_stopped(files->shelf) && (code = sqlite3_step(rows)) == SQLITE_ROW) {
    struct cdr_record record;
    char id_text[RECORD_ID_TEXT_MAX];
    record_rows_read(rows, 0, &record, id_text);
    csv_add_record(csv, &record);
  }
  if (code != SQLITE_DONE) {
    char what[192];
    snprintf(what, sizeof what, "records of %s cannot be read: %.120s", part->day, sqlite3_errmsg(day->database));
    (void)fail(files, what);
  }
  sqlite3_finalize(rows);
  return code == SQLITE_DONE;
}

/* A day that was dropped or put aside has nothing to give any more. */
static bool write_part(struct record_files *files, const struct file_part *part, const struct file_plan *plan,
                       struct csv *csv) {
  struct record_day *day;
  char problem[256];
  enum result result = day_shelf_open_day(files->shelf, part->day, false, &day, problem, sizeof problem);
  if (result == RESULT_NOT_FOUND) return true;
  if (result != RESULT_OK) return fail(files, problem);
  int64_t salt;
  if (!read_salt(day, &salt)) return fail(files, sqlite3_errmsg(day->database));
  if (salt != part->salt) return true;
  return write_rows(files, day, part, plan, csv);
}

static bool write_parts(struct record_files *files, const struct file_plan *plan, struct csv *csv) {
  const char *name = plan->name;
  sqlite3_stmt *rows = prepare(files->database,
                               "SELECT day,salt,after_number,last_number FROM cdr_file_parts WHERE name=?"
                               " ORDER BY day",
                               &name, 1, NULL, 0);
  int code = SQLITE_ERROR;
  bool done = true;
  while (done && rows && (code = sqlite3_step(rows)) == SQLITE_ROW) {
    struct file_part part = {.salt = sqlite3_column_int64(rows, 1),
                             .after = sqlite3_column_int64(rows, 2),
                             .last = sqlite3_column_int64(rows, 3)};
    snprintf(part.day, sizeof part.day, "%s", (const char *)sqlite3_column_text(rows, 0));
    done = write_part(files, &part, plan, csv);
  }
  sqlite3_finalize(rows);
  if (done && code != SQLITE_DONE) return fail_by_database(files);
  return done;
}

static FILE *open_stream(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  FILE *stream = fd < 0 ? NULL : fdopen(fd, "w");
  if (!stream && fd >= 0) close(fd);
  if (stream) setvbuf(stream, NULL, _IOFBF, STREAM_BUFFER_SIZE);
  return stream;
}

static bool fail_by_system(struct record_files *files, const char *path) {
  char what[224];
  snprintf(what, sizeof what, "%.150s: %s", path, strerror(errno));
  return fail(files, what);
}

/* All of it, and on the disk. */
static bool fill_stream(struct record_files *files, FILE *stream, const char *path, const struct file_plan *plan) {
  struct csv csv = {.stream = stream};
  char sentence[128];
  struct text_builder unknown = text_builder_over(sentence, sizeof sentence);
  /* A column that an older switch knew is left out; none left would be all of them, which says that something is wrong.
   */
  (void)!csv_columns_read(str_view_from_c(plan->columns), &csv.columns, &unknown);
  csv_add_header(&csv);
  if (!write_parts(files, plan, &csv)) return false;
  if (fflush(stream) != 0 || ferror(stream) || fsync(fileno(stream)) != 0) return fail_by_system(files, path);
  return true;
}

static bool flush_directory(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool done = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  return done;
}

static bool write_file(struct record_files *files, const struct file_plan *plan) {
  char path[PATH_BYTES], path_new[PATH_BYTES + 8];
  snprintf(path, sizeof path, "%s/%s.csv", files->dir, plan->name);
  snprintf(path_new, sizeof path_new, "%s.new", path);
  (void)mkdir(files->dir, 0700);
  FILE *stream = open_stream(path_new);
  if (!stream) return fail_by_system(files, path_new);
  bool done = fill_stream(files, stream, path_new, plan);
  if (fclose(stream) != 0 && done) done = fail_by_system(files, path_new);
  if (done && (rename(path_new, path) != 0 || !flush_directory(files->dir))) done = fail_by_system(files, path);
  if (!done) (void)unlink(path_new); /* what a full disk has room for is needed elsewhere */
  return done;
}

/* The oldest file that is due behind the one of that name. */
static bool next_plan(struct record_files *files, struct file_plan *plan) {
  const char *behind = plan->name;
  sqlite3_stmt *row = prepare(files->database,
                              "SELECT name,columns,with_unanswered FROM cdr_files WHERE is_written=0 AND name>?"
                              " ORDER BY name LIMIT 1",
                              &behind, 1, NULL, 0);
  bool found = row && sqlite3_step(row) == SQLITE_ROW;
  if (found) {
    snprintf(plan->name, sizeof plan->name, "%s", (const char *)sqlite3_column_text(row, 0));
    snprintf(plan->columns, sizeof plan->columns, "%s", (const char *)sqlite3_column_text(row, 1));
    plan->with_unanswered = sqlite3_column_int(row, 2) != 0;
  }
  sqlite3_finalize(row);
  return found;
}

bool record_files_go_on(struct record_files *files, struct wall_us now, const struct record_keeping *keeping) {
  struct file_plan plan = {.name = ""};
  bool all_done = look_at_hour(files, now, keeping);
  while (next_plan(files, &plan)) {
    const char *name = plan.name;
    bool done = write_file(files, &plan);
    if (done && !run(files, "UPDATE cdr_files SET is_written=1 WHERE name=?", &name, 1, NULL, 0))
      done = fail_by_database(files);
    if (done) files->written++;
    all_done = all_done && done;
  }
  if (all_done) files->problem[0] = '\0';
  return all_done;
}

/* --- days that go ------------------------------------------------------------------------------------------------ */

bool record_files_have_day(struct record_files *files, const char *day) {
  static const char is_awaited_sql[] =
      "SELECT 1 FROM cdr_file_parts p JOIN cdr_files f ON f.name=p.name WHERE p.day=?1 AND f.is_written=0";
  char open[RECORD_HOUR_BYTES];
  struct day_state state;
  int64_t is_awaited;
  if (!read_open_hour(files, open) || !find_number(files->database, is_awaited_sql, day, 0, &is_awaited)) return false;
  if (is_awaited || open[0] == '\0') return !is_awaited;
  enum result result = read_day_state(files, day, &state);
  if (result == RESULT_OK) return state.last <= state.in_files;
  return result != RESULT_FAILED; /* what is gone or broken has nothing to give any more */
}

void record_files_forget_day(struct record_files *files, const char *day) {
  (void)run(files, "DELETE FROM cdr_file_parts WHERE day=?", &day, 1, NULL, 0);
}
