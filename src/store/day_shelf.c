#include "store/day_shelf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_private.h"

#define DAY_DIGITS 8

void day_shelf_init(struct day_shelf *shelf, const char *data_dir) {
  *shelf = (struct day_shelf){0};
  snprintf(shelf->dir, sizeof shelf->dir, "%s/records", data_dir);
}

void day_shelf_path(const struct day_shelf *shelf, const char *day, const char *what,
                    char path_out[static RECORD_PATH_BYTES]) {
  snprintf(path_out, RECORD_PATH_BYTES, "%s/%s.%sdb", shelf->dir, day, what);
}

static ino_t inode_of(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 ? status.st_ino : 0;
}

static void close_day(struct record_day *day) {
  sqlite3_finalize(day->insert);
  sqlite3_close(day->database);
  *day = (struct record_day){0};
}

void day_shelf_close(struct day_shelf *shelf) {
  for (size_t i = 0; i < RECORD_DAYS_OPEN; i++)
    close_day(&shelf->days[i]);
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

static bool flush_directory(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool done = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  return done;
}

/* That a name is there must survive a power cut as what is committed under it does. */
static bool make_directory(const struct day_shelf *shelf) {
  char parent[RECORD_DIR_BYTES];
  if (mkdir(shelf->dir, 0700) != 0) return errno == EEXIST;
  snprintf(parent, sizeof parent, "%s", shelf->dir);
  *strrchr(parent, '/') = '\0';
  return flush_directory(parent);
}

static bool make_file(const struct day_shelf *shelf, const char *path) {
  if (inode_of(path) != 0) return true;
  if (!make_directory(shelf)) return false;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  close(fd);
  return flush_directory(shelf->dir);
}

void day_shelf_close_gone(struct day_shelf *shelf) {
  for (size_t i = 0; i < RECORD_DAYS_OPEN; i++) {
    struct record_day *day = &shelf->days[i];
    char path[RECORD_PATH_BYTES];
    day_shelf_path(shelf, day->name, "", path);
    if (day->database && !day->is_in_transaction && inode_of(path) != day->inode) close_day(day);
  }
}

/* The place of this day, else a free one, else that which was not used for longest; NULL: all are in transactions. */
static struct record_day *choose_place(struct day_shelf *shelf, const char *name) {
  struct record_day *chosen = NULL;
  for (size_t i = 0; i < RECORD_DAYS_OPEN; i++) {
    struct record_day *day = &shelf->days[i];
    if (strcmp(day->name, name) == 0) return day;
    if (!day->is_in_transaction && (!chosen || day->used < chosen->used)) chosen = day;
  }
  return chosen;
}

static enum result open_day(struct day_shelf *shelf, struct record_day *day, const char *path, char *problem,
                            size_t problem_bytes) {
  day->database = store_database_open(path, &shelf->code, problem, problem_bytes);
  if (!day->database) return RESULT_FAILED;
  store_database_wait_unless(day->database, shelf->stop);
  shelf->code = record_rows_prepare(day->database);
  /* Many are open at once; what is read often is in the system's cache. */
  if (shelf->code == SQLITE_OK) shelf->code = sqlite3_exec(day->database, "PRAGMA cache_size=-512", NULL, NULL, NULL);
  if (shelf->code == SQLITE_OK) return RESULT_OK;
  snprintf(problem, problem_bytes, "%s cannot be used: %s", path, sqlite3_errmsg(day->database));
  return RESULT_FAILED;
}

enum result day_shelf_open_day(struct day_shelf *shelf, const char *name, bool create, struct record_day **day_out,
                               char *problem, size_t problem_bytes) {
  char path[RECORD_PATH_BYTES];
  day_shelf_path(shelf, name, "", path);
  struct record_day *day = choose_place(shelf, name);
  if (!day) return RESULT_FULL;
  /* A file that was removed or replaced under its name: what is written to the old one would be lost. */
  bool is_same = day->database && strcmp(day->name, name) == 0 && inode_of(path) == day->inode;
  if (!is_same) {
    if (day->is_in_transaction) sqlite3_exec(day->database, "ROLLBACK", NULL, NULL, NULL);
    close_day(day);
    day_shelf_close_gone(shelf);
    if (!create && inode_of(path) == 0) return RESULT_NOT_FOUND;
    if (create && !make_file(shelf, path)) {
      shelf->code = errno == ENOSPC ? SQLITE_FULL : SQLITE_CANTOPEN;
      snprintf(problem, problem_bytes, "%s cannot be created: %s", path, strerror(errno));
      return RESULT_FAILED;
    }
    if (open_day(shelf, day, path, problem, problem_bytes) != RESULT_OK) {
      close_day(day);
      return RESULT_FAILED;
    }
    snprintf(day->name, sizeof day->name, "%s", name);
    day->inode = inode_of(path);
  }
  day->used = ++shelf->uses;
  *day_out = day;
  return RESULT_OK;
}

bool day_shelf_is_stopped(const struct day_shelf *shelf) {
  return shelf->stop && __atomic_load_n(shelf->stop, __ATOMIC_RELAXED);
}

/* --- lookups ----------------------------------------------------------------------------------------------------- */

static bool attach(struct record_day *day, const char *path) {
  sqlite3_stmt *statement = NULL;
  bool done = sqlite3_prepare_v2(day->database, "ATTACH ?1 AS found", -1, &statement, NULL) == SQLITE_OK &&
              sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_DONE;
  sqlite3_finalize(statement);
  if (!done) return false;
  /* One that is just being made has no table yet. */
  if (sqlite3_table_column_metadata(day->database, "found", "lookup", NULL, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK)
    return true;
  sqlite3_exec(day->database, "DETACH found", NULL, NULL, NULL);
  return false;
}

static void detach(struct record_day *day) {
  if (day->lookup_inode != 0) sqlite3_exec(day->database, "DETACH found", NULL, NULL, NULL);
  day->lookup_inode = 0;
}

bool day_shelf_attach_lookup(struct day_shelf *shelf, struct record_day *day) {
  char path[RECORD_PATH_BYTES];
  day_shelf_path(shelf, day->name, "lookup.", path);
  ino_t inode = inode_of(path);
  if (inode == day->lookup_inode) return inode != 0;
  detach(day);
  if (inode != 0 && attach(day, path)) day->lookup_inode = inode;
  return day->lookup_inode != 0;
}

void day_shelf_drop_lookup(struct day_shelf *shelf, struct record_day *day) {
  char path[RECORD_PATH_BYTES];
  day_shelf_path(shelf, day->name, "lookup.", path);
  detach(day);
  (void)unlink(path);
}

/* --- giving up --------------------------------------------------------------------------------------------------- */

bool record_code_is_damage(int code) {
  return (code & 0xFF) == SQLITE_CORRUPT || (code & 0xFF) == SQLITE_NOTADB;
}

static void forget_day(struct day_shelf *shelf, const char *name) {
  for (size_t i = 0; i < RECORD_DAYS_OPEN; i++)
    if (strcmp(shelf->days[i].name, name) == 0) close_day(&shelf->days[i]);
}

bool day_shelf_set_aside(struct day_shelf *shelf, const char *day, char *name_out, size_t name_bytes) {
  char path[RECORD_PATH_BYTES], lookup[RECORD_PATH_BYTES], aside[RECORD_PATH_BYTES + 32];
  forget_day(shelf, day);
  day_shelf_path(shelf, day, "", path);
  day_shelf_path(shelf, day, "lookup.", lookup);
  unsigned number = 0;
  do
    snprintf(aside, sizeof aside, "%s.damaged-%u", path, ++number);
  while (inode_of(aside) != 0);
  /* What is in the write-ahead log belongs to it; the log goes first, so that it never stands beside a new database. */
  char log[RECORD_PATH_BYTES + 8], log_aside[RECORD_PATH_BYTES + 40];
  snprintf(log, sizeof log, "%s-wal", path);
  snprintf(log_aside, sizeof log_aside, "%s-wal", aside);
  if (rename(log, log_aside) != 0 && errno != ENOENT) return false;
  snprintf(log, sizeof log, "%s-shm", path);
  (void)unlink(log);
  if (rename(path, aside) != 0) return false;
  (void)unlink(lookup);
  snprintf(name_out, name_bytes, "%s", strrchr(aside, '/') + 1);
  return true;
}

bool day_shelf_drop_day(struct day_shelf *shelf, const char *day) {
  static const char *const kinds[] = {"lookup.", ""}, *const endings[] = {"-wal", "-shm", ""};
  forget_day(shelf, day);
  for (size_t kind = 0; kind < 2; kind++) {
    for (size_t ending = 0; ending < 3; ending++) {
      char path[RECORD_PATH_BYTES], whole[RECORD_PATH_BYTES + 8];
      day_shelf_path(shelf, day, kinds[kind], path);
      snprintf(whole, sizeof whole, "%s%s", path, endings[ending]);
      if (unlink(whole) != 0 && errno != ENOENT) return false;
    }
  }
  return true;
}

/* --- listing ----------------------------------------------------------------------------------------------------- */

static bool is_day_file(const char *name) {
  return strspn(name, "0123456789") == DAY_DIGITS && strcmp(name + DAY_DIGITS, ".db") == 0;
}

static int newest_first(const void *a, const void *b) {
  return strcmp(b, a);
}

bool day_shelf_list(const struct day_shelf *shelf, char (**days_out)[RECORD_DAY_BYTES], size_t *count_out) {
  char(*days)[RECORD_DAY_BYTES] = NULL;
  size_t count = 0, room = 0;
  *days_out = NULL;
  *count_out = 0;
  DIR *directory = opendir(shelf->dir);
  if (!directory) return errno == ENOENT;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (!is_day_file(entry->d_name)) continue;
    if (count == room) {
      room = room ? 2 * room : 64;
      void *larger = realloc(days, room * sizeof *days);
      if (!larger) {
        free(days);
        closedir(directory);
        return false;
      }
      days = larger;
    }
    snprintf(days[count++], sizeof days[0], "%.*s", DAY_DIGITS, entry->d_name);
  }
  closedir(directory);
  if (count > 0) qsort(days, count, sizeof *days, newest_first);
  *days_out = days;
  *count_out = count;
  return true;
}
