#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/record_lookup.h"
#include "store/store.h"
#include "test_dir.h"

#define DAY_MS   INT64_C(86400000)
#define FIRST_MS (INT64_C(20000) * DAY_MS) /* 2024-10-04 */

static char test_dir[TEST_DIR_BYTES];
static char problem[512];

static struct store *open_in_fresh_dir(void) {
  test_dir_make("records", test_dir);
  struct store *store = store_open(test_dir, problem, sizeof problem);
  if (!store) printf("# %s\n", problem);
  return store;
}

static void close_and_remove(struct store *store) {
  store_close(&store);
  test_dir_remove(test_dir);
}

static const char *path_of(const char *name) {
  return test_dir_path(test_dir, name);
}

static bool file_is_there(const char *name) {
  return test_dir_has(test_dir, name);
}

static const char *id_of(int64_t at_ms, unsigned number) {
  static char id[40];
  snprintf(id, sizeof id, "%012" PRIx64 "00%08x%08x", (uint64_t)at_ms, number, 1u);
  return id;
}

struct facts {
  int64_t at_ms;
  unsigned number;
  const char *caller, *callee, *caller_device, *callee_device, *reason;
};

static void put(struct store *store, const struct facts *facts) {
  struct cdr_record record;
  char bytes[4096];
  cdr_record_init(&record);
  record.id = str_view_from_c(id_of(facts->at_ms, facts->number));
  record.started_at = (struct wall_us){facts->at_ms * 1000 + 7};
  record.caller = str_view_from_c(facts->caller ? facts->caller : "1001");
  record.callee = str_view_from_c(facts->callee ? facts->callee : "1002");
  record.caller_device = str_view_from_c(facts->caller_device ? facts->caller_device : "a");
  record.callee_device = str_view_from_c(facts->callee_device ? facts->callee_device : "b");
  record.end_reason = str_view_from_c(facts->reason ? facts->reason : "normal");
  struct text_builder builder = text_builder_over(bytes, sizeof bytes);
  cdr_record_encode(&record, &builder);
  expect(store_put_record(store, text_builder_view(&builder)) == RESULT_OK);
}

static void put_at(struct store *store, int64_t at_ms, unsigned number) {
  put(store, &(struct facts){.at_ms = at_ms, .number = number});
}

static bool wait_until_written(struct store *store) {
  for (int i = 0; i < 10000; i++) {
    struct store_health health;
    store_read_health(store, &health);
    if (health.records_waiting == 0) return true;
    nanosleep(&(struct timespec){0, 1000000}, NULL);
  }
  return false;
}

static bool wait_until_failed(struct store *store, struct store_health *health) {
  for (int i = 0; i < 10000; i++) {
    store_read_health(store, health);
    if (!health->ok) return true;
    nanosleep(&(struct timespec){0, 1000000}, NULL);
  }
  return false;
}

#define SEEN_MAX 1000
struct seen {
  unsigned count;
  unsigned numbers[SEEN_MAX];
};

static void note_record(void *context, const struct cdr_record *record) {
  struct seen *seen = context;
  char digits[9] = "";
  expect_int(record->id.length, ==, 30);
  memcpy(digits, record->id.data + 14, 8);
  seen->numbers[seen->count++] = (unsigned)strtoul(digits, NULL, 16);
}

/* All pages of `page` records each. */
static struct seen query_pages(struct store *store, struct cdr_query query, uint32_t page) {
  struct seen seen = {0};
  char cursor[STORE_CURSOR_BYTES] = "", next[STORE_CURSOR_BYTES];
  query.limit = page;
  do {
    unsigned before = seen.count;
    query.cursor = cursor[0] ? cursor : NULL;
    enum result result = store_query_cdrs(store, &query, note_record, &seen, next, problem, sizeof problem);
    if (result != RESULT_OK) printf("# %s\n", problem);
    expect(result == RESULT_OK);
    expect(!next[0] || seen.count - before == page);
    memcpy(cursor, next, sizeof cursor);
  } while (cursor[0]);
  return seen;
}

static void make_lookups(const char *day, bool is_over) {
  struct day_shelf shelf;
  day_shelf_init(&shelf, test_dir);
  expect(record_lookup_catch_up(&shelf, day, is_over, problem, sizeof problem));
  day_shelf_close(&shelf);
}

static void test_each_day_has_its_database_and_pages_go_on_across_days(void) {
  struct store *store = open_in_fresh_dir();
  put_at(store, FIRST_MS + DAY_MS, 4); /* in the order in which they end, not in that of their days */
  put_at(store, FIRST_MS - 1, 1);
  put_at(store, FIRST_MS, 2);
  put_at(store, FIRST_MS + DAY_MS - 1, 3);
  expect(wait_until_written(store));
  expect(file_is_there("records/20241003.db") && file_is_there("records/20241004.db") &&
         file_is_there("records/20241005.db"));
  for (uint32_t page = 1; page <= 5; page++) {
    struct seen seen = query_pages(store, (struct cdr_query){0}, page);
    expect_int(seen.count, ==, 4);
    for (unsigned i = 0; i < 4; i++)
      expect_int(seen.numbers[i], ==, 4 - i);
  }
  struct seen seen = query_pages(store, (struct cdr_query){.id = id_of(FIRST_MS, 2)}, 10);
  expect(seen.count == 1 && seen.numbers[0] == 2);
  close_and_remove(store);
}

static void test_a_range_of_time_ends_where_it_says_to_the_microsecond(void) {
  struct store *store = open_in_fresh_dir();
  for (unsigned i = 0; i < 10; i++)
    put_at(store, FIRST_MS - 5 + i, i); /* each 7 µs past its millisecond */
  expect(wait_until_written(store));
  int64_t from_us = (FIRST_MS - 2) * 1000 + 7, to_us = (FIRST_MS + 2) * 1000 + 7;
  struct seen seen = query_pages(store, (struct cdr_query){.from_us = from_us, .to_us = to_us}, 3);
  expect(seen.count == 4 && seen.numbers[0] == 6 && seen.numbers[3] == 3);
  seen = query_pages(store, (struct cdr_query){.from_us = from_us + 1, .to_us = to_us + 1}, 3);
  expect(seen.count == 4 && seen.numbers[0] == 7 && seen.numbers[3] == 4);
  close_and_remove(store);
}

static const char *const names[] = {"1", "2", "3", "4", "5", "6", "7"};
static const char *const reasons[] = {"normal", "busy", "rejected"};
static const char *const devices[] = {"a", "b", "c", "d"};

static struct facts facts_of(unsigned number) {
  return (struct facts){.at_ms = FIRST_MS + (int64_t)(number * 7919 % 400) * (DAY_MS / 200), /* two days */
                        .number = number,
                        .caller = names[number % 7],
                        .callee = names[number % 5],
                        .caller_device = devices[number / 3 % 4],
                        .callee_device = devices[number / 5 % 4],
                        .reason = reasons[number / 11 % 3]};
}

static unsigned expected_count(const struct cdr_query *query, unsigned numbers) {
  unsigned count = 0;
  for (unsigned i = 0; i < numbers; i++) {
    struct facts facts = facts_of(i);
    bool fits = (!query->caller || strcmp(facts.caller, query->caller) == 0) &&
                (!query->callee || strcmp(facts.callee, query->callee) == 0) &&
                (!query->device || strcmp(facts.caller_device, query->device) == 0 ||
                 strcmp(facts.callee_device, query->device) == 0) &&
                (!query->reason || strcmp(facts.reason, query->reason) == 0) &&
                (!query->from_us || facts.at_ms * 1000 + 7 >= query->from_us);
    count += fits;
  }
  return count;
}

static void check_all_filters(struct store *store, unsigned numbers) {
  for (unsigned set = 0; set < 32; set++) {
    struct cdr_query query = {.caller = set & 1 ? names[3] : NULL,
                              .callee = set & 2 ? names[2] : NULL,
                              .device = set & 4 ? devices[1] : NULL,
                              .reason = set & 8 ? reasons[1] : NULL,
                              .from_us = set & 16 ? (FIRST_MS + DAY_MS / 2) * 1000 : 0};
    struct seen seen = query_pages(store, query, 7);
    expect_int(seen.count, ==, expected_count(&query, numbers));
    for (unsigned i = 1; i < seen.count; i++)
      expect(strcmp(id_of(facts_of(seen.numbers[i]).at_ms, seen.numbers[i]), "") != 0 &&
             facts_of(seen.numbers[i]).at_ms <= facts_of(seen.numbers[i - 1]).at_ms);
  }
}

static void put_numbers(struct store *store, unsigned from, unsigned to) {
  for (unsigned i = from; i < to; i++) {
    struct facts facts = facts_of(i);
    put(store, &facts);
  }
  expect(wait_until_written(store));
}

static void test_filters_find_the_same_without_with_and_with_half_a_lookup(void) {
  struct store *store = open_in_fresh_dir();
  put_numbers(store, 0, 400);
  check_all_filters(store, 400);
  make_lookups("20241004", true);
  check_all_filters(store, 400);
  put_numbers(store, 400, 600);
  check_all_filters(store, 600);
  make_lookups("20241004", true);
  make_lookups("20241005", true);
  expect(file_is_there("records/20241005.lookup.db"));
  check_all_filters(store, 600);
  close_and_remove(store);
}

static void test_a_day_that_goes_on_gets_lookups_only_for_many_records(void) {
  struct store *store = open_in_fresh_dir();
  put_numbers(store, 0, 20);
  make_lookups("20241004", false);
  expect(!file_is_there("records/20241004.lookup.db"));
  close_and_remove(store);
}

static void spoil_from(const char *name, off_t from) {
  int fd = open(path_of(name), O_WRONLY);
  char garbage[8192];
  memset(garbage, 0x5a, sizeof garbage);
  expect(fd >= 0 && pwrite(fd, garbage, sizeof garbage, from) == (ssize_t)sizeof garbage);
  close(fd);
}

static void spoil(const char *name) {
  spoil_from(name, 0);
}

static void test_a_broken_lookup_is_made_again(void) {
  struct store *store = open_in_fresh_dir();
  struct day_shelf shelf;
  put_numbers(store, 0, 100);
  make_lookups("20241004", true);
  store_close(&store);
  spoil("records/20241004.lookup.db");
  day_shelf_init(&shelf, test_dir);
  (void)record_lookup_catch_up(&shelf, "20241004", true, problem, sizeof problem);
  day_shelf_close(&shelf);
  make_lookups("20241004", true);
  store = store_open(test_dir, problem, sizeof problem);
  check_all_filters(store, 100);
  close_and_remove(store);
}

static off_t size_of(const char *name) {
  struct stat status;
  return stat(path_of(name), &status) == 0 ? status.st_size : 0;
}

/* Its beginning is well, so that only a question comes across what is broken. */
static void test_a_lookup_that_is_broken_inside_is_done_without_and_made_again(void) {
  struct store *store = open_in_fresh_dir();
  put_numbers(store, 0, 900);
  make_lookups("20241004", true);
  store_close(&store);
  for (off_t from = 3 * 4096; from < size_of("records/20241004.lookup.db"); from += 8192)
    spoil_from("records/20241004.lookup.db", from);
  store = store_open(test_dir, problem, sizeof problem);
  check_all_filters(store, 900);
  make_lookups("20241004", true);
  expect(file_is_there("records/20241004.lookup.db"));
  check_all_filters(store, 900);
  close_and_remove(store);
}

static void test_a_lookup_for_which_there_is_no_room_is_told(void) {
  struct store *store = open_in_fresh_dir();
  struct day_shelf shelf;
  put_numbers(store, 0, 1);
  expect(mkdir(path_of("records/20241004.lookup.db"), 0700) == 0); /* where the file should be */
  day_shelf_init(&shelf, test_dir);
  expect(!record_lookup_catch_up(&shelf, "20241004", true, problem, sizeof problem));
  expect(strstr(problem, "20241004.lookup.db cannot be written: unable to open database file") != NULL);
  day_shelf_close(&shelf);
  close_and_remove(store);
}

static void test_a_broken_day_is_put_aside_and_begun_anew(void) {
  struct store *store = open_in_fresh_dir();
  struct store_health health;
  put_at(store, FIRST_MS, 1);
  put_at(store, FIRST_MS + DAY_MS, 2);
  store_close(&store);
  spoil("records/20241004.db");
  store = store_open(test_dir, problem, sizeof problem);
  put_at(store, FIRST_MS + 1, 3);
  expect(wait_until_failed(store, &health));
  expect(strstr(health.problem, "records/20241004.db.damaged-1") != NULL);
  expect(wait_until_written(store));
  expect(file_is_there("records/20241004.db.damaged-1"));
  struct seen seen = query_pages(store, (struct cdr_query){0}, 10);
  expect(seen.count == 2 && seen.numbers[0] == 2 && seen.numbers[1] == 3);
  close_and_remove(store);
}

static void test_a_day_that_cannot_be_read_is_named(void) {
  struct store *store = open_in_fresh_dir();
  struct seen seen = {0};
  char next[STORE_CURSOR_BYTES];
  put_at(store, FIRST_MS, 1);
  store_close(&store);
  spoil("records/20241004.db");
  store = store_open(test_dir, problem, sizeof problem);
  expect(store_query_cdrs(store, &(struct cdr_query){.limit = 5}, note_record, &seen, next, problem, sizeof problem) ==
         RESULT_FAILED);
  expect(strstr(problem, "records of 20241004 cannot be read") != NULL);
  expect(strstr(problem, "not a database") != NULL);
  close_and_remove(store);
}

static void test_a_cursor_that_is_none_is_refused(void) {
  struct store *store = open_in_fresh_dir();
  struct seen seen = {0};
  char next[STORE_CURSOR_BYTES];
  expect(store_query_cdrs(store, &(struct cdr_query){.limit = 5, .cursor = "x"}, note_record, &seen, next, problem,
                          sizeof problem) == RESULT_MALFORMED);
  close_and_remove(store);
}

static void test_a_day_that_cannot_be_written_is_reported_survived_and_caught_up(void) {
  struct store *store = open_in_fresh_dir();
  struct store_health health;
  sqlite3 *other;
  put_at(store, FIRST_MS, 1);
  expect(wait_until_written(store));
  /* Somebody takes the table away under the writer: every batch fails until it is there again. */
  expect(sqlite3_open(path_of("records/20241004.db"), &other) == SQLITE_OK);
  expect(sqlite3_exec(other, "ALTER TABLE cdrs RENAME TO hidden", NULL, NULL, NULL) == SQLITE_OK);
  put_at(store, FIRST_MS, 2);
  expect(wait_until_failed(store, &health));
  expect(strstr(health.problem, "records cannot be written: records/20241004.db: no such table") != NULL);
  expect_int(health.records_waiting, ==, 1);
  expect(sqlite3_exec(other, "ALTER TABLE hidden RENAME TO cdrs", NULL, NULL, NULL) == SQLITE_OK);
  sqlite3_close(other);
  expect(wait_until_written(store));
  store_read_health(store, &health);
  expect(health.ok);
  expect_int(query_pages(store, (struct cdr_query){0}, 10).count, ==, 2);
  close_and_remove(store);
}

static void test_no_room_for_a_new_day_is_reported_survived_and_caught_up(void) {
  struct store *store = open_in_fresh_dir();
  struct store_health health;
  int fd = open(path_of("records"), O_CREAT | O_WRONLY, 0600); /* where the directory should be */
  close(fd);
  put_at(store, FIRST_MS, 1);
  expect(wait_until_failed(store, &health));
  expect(strstr(health.problem, "records/20241004.db cannot be created: ") != NULL);
  expect(unlink(path_of("records")) == 0);
  expect(wait_until_written(store));
  expect_int(query_pages(store, (struct cdr_query){0}, 10).count, ==, 1);
  close_and_remove(store);
}

/* Files that are removed and still open. */
static unsigned count_ghosts(void) {
  unsigned count = 0;
  DIR *directory = opendir("/proc/self/fd");
  for (struct dirent *entry; directory && (entry = readdir(directory)) != NULL;) {
    char path[300], target[300] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
    ssize_t length = readlink(path, target, sizeof target - 1);
    count += length > 0 && strstr(target, "20241004") && strstr(target, "(deleted)");
  }
  if (directory) closedir(directory);
  return count;
}

static void test_a_dropped_day_is_gone_and_what_comes_late_is_not_written_to_the_dead(void) {
  struct store *store = open_in_fresh_dir();
  struct day_shelf shelf;
  put_at(store, FIRST_MS, 1);
  put_at(store, FIRST_MS + DAY_MS, 2);
  expect(wait_until_written(store));
  make_lookups("20241004", true);
  expect_int(query_pages(store, (struct cdr_query){.caller = "1001"}, 10).count, ==, 2);
  day_shelf_init(&shelf, test_dir);
  expect(day_shelf_drop_day(&shelf, "20241004"));
  expect(!file_is_there("records/20241004.db") && !file_is_there("records/20241004.lookup.db"));
  expect_int(query_pages(store, (struct cdr_query){.caller = "1001"}, 10).count, ==, 1);
  put_at(store, FIRST_MS, 3);
  expect(wait_until_written(store));
  struct seen seen = query_pages(store, (struct cdr_query){0}, 10);
  expect(seen.count == 2 && seen.numbers[1] == 3);
  expect_int(count_ghosts(), ==, 0);
  close_and_remove(store);
}

static void test_a_day_written_by_an_older_switch_gets_the_newer_fields(void) {
  struct store *store = open_in_fresh_dir();
  sqlite3 *other;
  expect(mkdir(path_of("records"), 0700) == 0);
  expect(sqlite3_open(path_of("records/20241004.db"), &other) == SQLITE_OK);
  expect(sqlite3_exec(other,
                      "CREATE TABLE cdrs(number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, state TEXT, caller TEXT);"
                      "INSERT INTO cdrs VALUES(1, x'0192544c3800000000000100000001', 'ended', '77');"
                      "PRAGMA user_version=3",
                      NULL, NULL, NULL) == SQLITE_OK);
  sqlite3_close(other);
  put_at(store, FIRST_MS + 1000, 2);
  expect(wait_until_written(store));
  expect_int(query_pages(store, (struct cdr_query){.from_us = 0}, 10).count, ==, 2);
  close_and_remove(store);
}

/* belfry.db as it was: both schema files, and records of three days. */
static void make_database_of_old(void) {
  sqlite3 *other;
  char sql[512];
  expect(sqlite3_open(path_of("belfry.db"), &other) == SQLITE_OK);
  expect(sqlite3_exec(other,
                      "CREATE TABLE cdrs(id TEXT PRIMARY KEY, state TEXT, caller TEXT, started_at INTEGER,"
                      " hold_time_ms INTEGER, end_reason TEXT);"
                      "CREATE TABLE objects(kind TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,"
                      " changed_by TEXT NOT NULL, changed_at INTEGER NOT NULL, PRIMARY KEY(kind, name)) WITHOUT ROWID;"
                      "INSERT INTO objects VALUES('phone', '1001', '{}', 'anna', 1); PRAGMA user_version=2; BEGIN",
                      NULL, NULL, NULL) == SQLITE_OK);
  for (unsigned i = 0; i < 300; i++) {
    int64_t at_ms = FIRST_MS + (int64_t)i * DAY_MS / 100;
    snprintf(sql, sizeof sql, "INSERT INTO cdrs VALUES('%s', 'ended', '%u', %" PRId64 ", NULL, 'busy')",
             id_of(at_ms, i), i % 10, at_ms * 1000);
    expect(sqlite3_exec(other, sql, NULL, NULL, NULL) == SQLITE_OK);
  }
  expect(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
  sqlite3_close(other);
}

static void test_records_of_the_single_database_are_moved_into_their_days_once(void) {
  struct store *store = open_in_fresh_dir();
  store_close(&store);
  expect(unlink(path_of("belfry.db")) == 0);
  make_database_of_old();
  for (int round = 0; round < 2; round++) {
    store = store_open(test_dir, problem, sizeof problem);
    expect(store != NULL);
    expect_int(query_pages(store, (struct cdr_query){0}, 100).count, ==, 300);
    expect_int(query_pages(store, (struct cdr_query){.caller = "7"}, 100).count, ==, 30);
    store_close(&store);
  }
  expect(file_is_there("records/20241004.db") && file_is_there("records/20241006.db"));
  sqlite3 *other;
  expect(sqlite3_open(path_of("belfry.db"), &other) == SQLITE_OK);
  expect(sqlite3_exec(other, "SELECT 1 FROM cdrs", NULL, NULL, NULL) == SQLITE_ERROR);
  expect(sqlite3_exec(other, "SELECT 1 FROM objects", NULL, NULL, NULL) == SQLITE_OK);
  sqlite3_close(other);
  close_and_remove(NULL);
}

TAP_TESTS(TAP(test_each_day_has_its_database_and_pages_go_on_across_days),
          TAP(test_a_range_of_time_ends_where_it_says_to_the_microsecond),
          TAP(test_filters_find_the_same_without_with_and_with_half_a_lookup),
          TAP(test_a_day_that_goes_on_gets_lookups_only_for_many_records), TAP(test_a_broken_lookup_is_made_again),
          TAP(test_a_lookup_that_is_broken_inside_is_done_without_and_made_again),
          TAP(test_a_lookup_for_which_there_is_no_room_is_told), TAP(test_a_broken_day_is_put_aside_and_begun_anew),
          TAP(test_a_day_that_cannot_be_read_is_named), TAP(test_a_cursor_that_is_none_is_refused),
          TAP(test_a_day_that_cannot_be_written_is_reported_survived_and_caught_up),
          TAP(test_no_room_for_a_new_day_is_reported_survived_and_caught_up),
          TAP(test_a_dropped_day_is_gone_and_what_comes_late_is_not_written_to_the_dead),
          TAP(test_a_day_written_by_an_older_switch_gets_the_newer_fields),
          TAP(test_records_of_the_single_database_are_moved_into_their_days_once))
