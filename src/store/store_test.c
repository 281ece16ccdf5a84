#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"
#include "test_dir.h"

static char test_dir[TEST_DIR_BYTES];
static char problem[512];

static struct store *open_in_fresh_dir(void) {
  test_dir_make("store", test_dir);
  struct store *store = store_open(test_dir, problem, sizeof problem);
  if (!store) printf("# %s\n", problem);
  return store;
}

static void put_record(struct store *store, const char *id, const char *caller) {
  struct cdr_record record;
  cdr_record_init(&record);
  record.id = str_view_from_c(id);
  record.caller = str_view_from_c(caller);
  record.end_reason = STR_VIEW("normal");
  record.started_at = (struct wall_us){1000};
  record.hold_time_ms = 5000;
  char bytes[4096];
  struct text_builder builder = text_builder_over(bytes, sizeof bytes);
  cdr_record_encode(&record, &builder);
  expect(store_put_record(store, text_builder_view(&builder)) == RESULT_OK);
}

struct seen {
  int count;
  char ids[16][32];
  uint64_t hold_time_ms, setup_ms;
};

static void note_record(void *context, const struct cdr_record *record) {
  struct seen *seen = context;
  if (seen->count < 16)
    snprintf(seen->ids[seen->count], sizeof seen->ids[0], "%.*s", (int)record->id.length, record->id.data);
  seen->count++;
  seen->hold_time_ms = record->hold_time_ms;
  seen->setup_ms = record->setup_ms;
}

static struct seen query(struct store *store, struct cdr_query query, char *cursor) {
  struct seen seen = {0};
  enum result result = store_query_cdrs(store, &query, note_record, &seen, cursor, problem, sizeof problem);
  if (result != RESULT_OK) printf("# %s\n", problem);
  expect(result == RESULT_OK);
  return seen;
}

/* Waits, at most ten seconds, until the writer has nothing left. */
static bool wait_until_written(struct store *store, uint64_t written) {
  for (int i = 0; i < 10000; i++) {
    struct store_health health;
    store_read_health(store, &health);
    if (health.records_written >= written && health.records_waiting == 0) return true;
    nanosleep(&(struct timespec){0, 1000000}, NULL);
  }
  return false;
}

static void test_records_come_back_newest_first_and_in_pages(void) {
  struct store *store = open_in_fresh_dir();
  put_record(store, "a1", "1001");
  put_record(store, "a2", "1002");
  put_record(store, "a3", "1001");
  expect(wait_until_written(store, 3));
  char cursor[64];
  struct seen seen = query(store, (struct cdr_query){.limit = 2}, cursor);
  expect_int(seen.count, ==, 2);
  expect(strcmp(seen.ids[0], "a3") == 0 && strcmp(seen.ids[1], "a2") == 0);
  expect_int(seen.hold_time_ms, ==, 5000);
  expect(seen.setup_ms == CDR_NUMBER_NONE);
  char next[64];
  seen = query(store, (struct cdr_query){.limit = 2, .cursor = cursor}, next);
  expect_int(seen.count, ==, 1);
  expect(strcmp(seen.ids[0], "a1") == 0);
  expect(next[0] == '\0');
  seen = query(store, (struct cdr_query){.limit = 10, .caller = "1001"}, next);
  expect_int(seen.count, ==, 2);
  store_close(&store);
  test_dir_remove(test_dir);
}

static void test_a_record_offered_twice_is_stored_once(void) {
  struct store *store = open_in_fresh_dir();
  put_record(store, "a1", "1001");
  put_record(store, "a1", "1001");
  expect(wait_until_written(store, 2));
  char cursor[64];
  expect_int(query(store, (struct cdr_query){.limit = 10}, cursor).count, ==, 1);
  store_close(&store);
  test_dir_remove(test_dir);
}

static void test_what_is_put_is_stored_when_the_position_is_reached(void) {
  struct store *store = open_in_fresh_dir();
  expect_int(store_position(store), ==, 0);
  put_record(store, "a1", "1001");
  uint64_t position = store_position(store);
  expect_int(position, >, 0);
  expect(wait_until_written(store, 1));
  for (int i = 0; i < 1000 && store_stored(store) < position; i++)
    nanosleep(&(struct timespec){0, 1000000}, NULL);
  expect_int(store_stored(store), ==, position);
  store_close(&store);
  test_dir_remove(test_dir);
}

static void test_close_writes_what_is_waiting(void) {
  struct store *store = open_in_fresh_dir();
  for (int i = 0; i < 5000; i++) {
    char id[32];
    snprintf(id, sizeof id, "id-%06d", i);
    put_record(store, id, "1001");
  }
  store_close(&store);
  store = store_open(test_dir, problem, sizeof problem);
  char cursor[64];
  struct seen seen = query(store, (struct cdr_query){.limit = 10000}, cursor);
  expect_int(seen.count, ==, 5000);
  store_close(&store);
  test_dir_remove(test_dir);
}

static void count_object(void *context, const char *name, const char *document, const char *changed_by,
                         int64_t changed_at_us) {
  int *count = context;
  (*count)++;
  expect(strcmp(name, "1001") == 0 && strcmp(document, "{\"b\":2}") == 0);
  expect(strcmp(changed_by, "anna") == 0);
  expect_int(changed_at_us, ==, 7);
}

static void test_objects_are_changed_all_or_nothing(void) {
  struct store *store = open_in_fresh_dir();
  expect(store_begin(store, problem, sizeof problem) == RESULT_OK);
  expect(store_put_object(store, "phone", "1001", "{\"a\":1}", "anna", 5) == RESULT_OK);
  expect(store_put_object(store, "phone", "1001", "{\"b\":2}", "anna", 7) == RESULT_OK);
  expect(store_commit(store, problem, sizeof problem) == RESULT_OK);
  expect(store_begin(store, problem, sizeof problem) == RESULT_OK);
  expect(store_put_object(store, "phone", "1002", "{}", "anna", 8) == RESULT_OK);
  expect(store_delete_object(store, "phone", "1001") == RESULT_OK);
  expect(store_delete_object(store, "phone", "1003") == RESULT_NOT_FOUND);
  store_rollback(store);
  store_close(&store);
  store = store_open(test_dir, problem, sizeof problem);
  int count = 0;
  expect(store_each_object(store, "phone", count_object, &count) == RESULT_OK);
  expect_int(count, ==, 1);
  store_close(&store);
  test_dir_remove(test_dir);
}

static void test_the_file_is_for_its_owner_only(void) {
  struct store *store = open_in_fresh_dir();
  char path[512];
  snprintf(path, sizeof path, "%s/belfry.db", test_dir);
  struct stat status;
  expect(stat(path, &status) == 0);
  expect_int(status.st_mode & 0777, ==, 0600);
  store_close(&store);
  test_dir_remove(test_dir);
}

static void test_a_directory_that_is_not_there_is_a_clear_error(void) {
  struct store *store = store_open("/nonexistent/belfry", problem, sizeof problem);
  expect(store == NULL);
  expect(strstr(problem, "/nonexistent/belfry/belfry.db") != NULL);
}

TAP_TESTS(TAP(test_records_come_back_newest_first_and_in_pages), TAP(test_a_record_offered_twice_is_stored_once),
          TAP(test_what_is_put_is_stored_when_the_position_is_reached), TAP(test_close_writes_what_is_waiting),
          TAP(test_objects_are_changed_all_or_nothing), TAP(test_the_file_is_for_its_owner_only),
          TAP(test_a_directory_that_is_not_there_is_a_clear_error))
