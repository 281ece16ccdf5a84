#include "store/record_keeper.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/record_insert.h"
#include "store/store.h"
#include "test_dir.h"

#define HOUR_US  INT64_C(3600000000)
#define DAY_US   (24 * HOUR_US)
#define START_US (INT64_C(20000) * DAY_US + 13 * HOUR_US + 60000000) /* 2024-10-04 13:01 */

static char test_dir[TEST_DIR_BYTES], problem[512];
static struct wall_us clock_now;
static struct record_keeping chosen;
static struct day_shelf shelf;
static struct record_keeper *keeper;

static struct wall_us now(void *context) {
  (void)context;
  return clock_now;
}

static void keeping(void *context, struct record_keeping *keeping_out) {
  (void)context;
  *keeping_out = chosen;
}

static const struct record_keeper_options options = {.data_dir = test_dir, .now = now, .keeping = keeping};

static void begin(void) {
  test_dir_make("keeper", test_dir);
  struct store *store = store_open(test_dir, problem, sizeof problem); /* for its schema */
  expect(store != NULL);
  store_close(&store);
  clock_now.value = START_US;
  chosen = (struct record_keeping){.to_files = true, .with_unanswered = true};
  day_shelf_init(&shelf, test_dir);
  keeper = record_keeper_open(&options, problem, sizeof problem);
}

static void end(void) {
  record_keeper_stop(&keeper);
  day_shelf_close(&shelf);
  test_dir_remove(test_dir);
}

static void begin_again(void) {
  record_keeper_stop(&keeper);
  keeper = record_keeper_open(&options, problem, sizeof problem);
}

/* A record whose callee is its number, of an attempt at that time; every second one is answered. */
static void put(int64_t at_us, unsigned number) {
  struct cdr_record record;
  char id[40], callee[16];
  cdr_record_init(&record);
  snprintf(id, sizeof id, "%012" PRIx64 "00%08x%08x", (uint64_t)at_us / 1000, number, 1u);
  snprintf(callee, sizeof callee, "%u", number);
  record.id = str_view_from_c(id);
  record.caller = STR_VIEW("=1+2");
  record.callee = str_view_from_c(callee);
  record.started_at.value = at_us;
  if (number % 2 == 0) record.answered_at.value = at_us;
  expect(record_insert(&shelf, &record, problem, sizeof problem) == RESULT_OK);
  expect(record_commit(&shelf, problem, sizeof problem));
}

static const char *path_of(const char *name) {
  return test_dir_path(test_dir, name);
}

static bool file_is_there(const char *name) {
  return test_dir_has(test_dir, name);
}

static char *read_file(const char *name) {
  static char text[65536];
  int fd = open(path_of(name), O_RDONLY);
  ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  text[length > 0 ? length : 0] = '\0';
  return text;
}

/* What stands in the column "callee" of all files, in the order of their names. */
static const char *all_callees(void) {
  static char callees[4096];
  struct dirent **names;
  int count = scandir(path_of("cdr"), &names, NULL, alphasort);
  callees[0] = '\0';
  for (int i = 0; i < count; i++) {
    char name[300];
    snprintf(name, sizeof name, "cdr/%s", names[i]->d_name);
    char *line = names[i]->d_name[0] == '.' ? NULL : strtok(read_file(name), "\r\n"), *cell;
    while (line && (line = strtok(NULL, "\r\n")) != NULL) {
      cell = line;
      for (int column = 0; column < 3; column++)
        cell = strchr(cell, ',') + 1;
      snprintf(callees + strlen(callees), sizeof callees - strlen(callees), "%.*s ", (int)strcspn(cell, ","), cell);
    }
    free(names[i]);
  }
  if (count >= 0) free(names);
  return callees;
}

static void round_at(int64_t at_us) {
  clock_now.value = at_us;
  record_keeper_round(keeper);
}

static void test_what_comes_within_an_hour_is_a_file_when_the_hour_is_over(void) {
  begin();
  put(START_US - HOUR_US, 1); /* before files were switched on */
  round_at(START_US);
  put(START_US + 1000, 2);
  put(START_US - 2 * DAY_US, 3); /* a long call */
  round_at(START_US + HOUR_US / 2);
  expect(!file_is_there("cdr/2024100413.csv"));
  round_at(START_US + HOUR_US);
  expect(strncmp(read_file("cdr/2024100413.csv"), "id,state,caller,callee,", 23) == 0);
  expect(!file_is_there("cdr/2024100413.csv.new"));
  expect(strcmp(all_callees(), "3 2 ") == 0);
  struct record_keeper_health health;
  record_keeper_read_health(keeper, &health);
  expect(health.files_ok && health.files_written == 1);
  end();
}

static void test_each_record_is_in_one_file(void) {
  begin();
  round_at(START_US);
  unsigned number = 0;
  for (int hour = 0; hour < 30; hour++) {
    for (int i = 0; i < hour % 3; i++) /* also hours without any */
      put(START_US + hour * HOUR_US - (i % 2) * DAY_US, number++);
    if (hour % 5 == 0) begin_again();
    round_at(START_US + hour * HOUR_US);
  }
  round_at(START_US + 30 * HOUR_US);
  char seen[64] = {0}, callees[4096];
  snprintf(callees, sizeof callees, "%s", all_callees());
  for (char *word = strtok(callees, " "); word; word = strtok(NULL, " "))
    seen[atoi(word)]++;
  for (unsigned i = 0; i < number; i++)
    expect_int(seen[i], ==, 1);
  expect(!file_is_there("cdr/2024100503.csv")); /* an hour in which nothing came */
  end();
}

static void test_whoever_was_killed_while_writing_writes_the_same_file_again(void) {
  begin();
  round_at(START_US);
  put(START_US, 2);
  put(START_US, 4);
  round_at(START_US + HOUR_US);
  char first[65536];
  snprintf(first, sizeof first, "%s", read_file("cdr/2024100413.csv"));
  /* As it would be after a kill before "is written" was noted; meanwhile more has come, and the choice has changed. */
  sqlite3 *other;
  expect(sqlite3_open(path_of("belfry.db"), &other) == SQLITE_OK);
  expect(sqlite3_exec(other, "UPDATE cdr_files SET is_written=0", NULL, NULL, NULL) == SQLITE_OK);
  sqlite3_close(other);
  snprintf(chosen.columns, sizeof chosen.columns, "id");
  put(START_US, 6);
  expect(unlink(path_of("cdr/2024100413.csv")) == 0);
  begin_again();
  round_at(START_US + HOUR_US + 1);
  expect(strcmp(read_file("cdr/2024100413.csv"), first) == 0);
  end();
}

static void test_the_hour_that_went_on_when_the_switch_stopped_gets_its_file_at_the_next_start(void) {
  begin();
  round_at(START_US);
  put(START_US, 2);
  begin_again();
  round_at(START_US + 7 * HOUR_US);
  expect(strcmp(all_callees(), "2 ") == 0);
  expect(file_is_there("cdr/2024100413.csv"));
  end();
}

static void test_names_days_and_stamps_are_utc_wherever_the_host_is(void) {
  setenv("TZ", "Asia/Shanghai", 1);
  tzset();
  begin();
  round_at(START_US);
  put(START_US + 123000, 2);
  put(START_US / DAY_US * DAY_US, 4); /* midnight, UTC */
  round_at(START_US + HOUR_US);
  expect(file_is_there("records/20241004.db") && !file_is_there("records/20241003.db"));
  expect(strstr(read_file("cdr/2024100413.csv"), ",2024-10-04T13:01:00.123Z,") != NULL);
  expect(strstr(read_file("cdr/2024100413.csv"), ",2024-10-04T00:00:00.000Z,") != NULL);
  end();
  unsetenv("TZ");
  tzset();
}

static void test_a_clock_that_is_set_back_begins_no_hour_twice(void) {
  begin();
  round_at(START_US);
  put(START_US, 2);
  round_at(START_US + HOUR_US);
  put(START_US, 4);
  round_at(START_US - 5 * HOUR_US); /* by six hours */
  put(START_US, 6);
  round_at(START_US + HOUR_US / 2);
  expect(strcmp(all_callees(), "2 ") == 0);
  round_at(START_US + 2 * HOUR_US);
  expect(strcmp(all_callees(), "2 4 6 ") == 0);
  expect(file_is_there("cdr/2024100413.csv") && file_is_there("cdr/2024100414.csv"));
  end();
}

static void test_columns_and_unanswered_calls_are_a_choice(void) {
  begin();
  snprintf(chosen.columns, sizeof chosen.columns, "callee, caller,started_at");
  chosen.with_unanswered = false;
  round_at(START_US);
  put(START_US, 1);
  put(START_US, 2);
  round_at(START_US + HOUR_US);
  expect(strcmp(read_file("cdr/2024100413.csv"), "callee,caller,started_at\r\n2,'=1+2,2024-10-04T13:01:00.000Z\r\n") ==
         0);
  end();
}

static void test_files_switched_off_end_with_what_is_there_and_leave_out_what_comes_then(void) {
  begin();
  round_at(START_US);
  put(START_US, 2);
  chosen.to_files = false;
  round_at(START_US + 1000000);
  expect(strcmp(all_callees(), "2 ") == 0);
  put(START_US, 4);
  round_at(START_US + 2000000);
  chosen.to_files = true;
  round_at(START_US + 3000000);
  put(START_US, 6);
  round_at(START_US + HOUR_US);
  expect(strcmp(all_callees(), "2 6 ") == 0);
  expect(file_is_there("cdr/2024100413_2.csv"));
  end();
}

static void test_a_directory_that_cannot_be_written_is_told_and_caught_up(void) {
  begin();
  struct record_keeper_health health;
  round_at(START_US);
  put(START_US, 2);
  int fd = open(path_of("cdr"), O_CREAT | O_WRONLY, 0600); /* where the directory should be */
  close(fd);
  round_at(START_US + HOUR_US);
  record_keeper_read_health(keeper, &health);
  expect(!health.files_ok);
  expect(strstr(health.problem, "CDR files cannot be written: ") && strstr(health.problem, "cdr/2024100413.csv.new"));
  put(START_US, 4);
  round_at(START_US + 2 * HOUR_US); /* not yet: it is tried every ten seconds */
  expect(unlink(path_of("cdr")) == 0);
  for (int i = 0; i < 10; i++)
    round_at(START_US + 2 * HOUR_US);
  record_keeper_read_health(keeper, &health);
  expect(health.files_ok && health.problem[0] == '\0');
  expect(strcmp(all_callees(), "2 4 ") == 0);
  end();
}

static void test_a_full_disk_leaves_no_half_a_file(void) {
  begin();
  struct record_keeper_health health;
  round_at(START_US);
  put(START_US, 2);
  expect(mkdir(path_of("cdr"), 0700) == 0);
  expect(symlink("/dev/full", path_of("cdr/2024100413.csv.new")) == 0);
  round_at(START_US + HOUR_US);
  record_keeper_read_health(keeper, &health);
  expect(!health.files_ok && strstr(health.problem, "No space left on device"));
  expect(!file_is_there("cdr/2024100413.csv"));
  for (int i = 0; i < 10; i++)
    round_at(START_US + HOUR_US);
  expect(strcmp(all_callees(), "2 ") == 0);
  end();
}

static void test_days_that_are_too_old_are_dropped_one_a_minute_when_their_files_are_written(void) {
  begin();
  chosen.days = 30;
  for (unsigned i = 0; i < 4; i++)
    put(START_US - (int64_t)(29 + i) * DAY_US, i);
  round_at(START_US);
  expect(!file_is_there("records/20240902.db") && file_is_there("records/20240903.db"));
  put(START_US - 31 * DAY_US, 9); /* not yet in a file */
  for (int i = 0; i < 61; i++)
    round_at(START_US);
  expect(file_is_there("records/20240903.db"));
  for (int i = 0; i < 61; i++)
    round_at(START_US + HOUR_US);
  expect(!file_is_there("records/20240903.db"));
  expect(file_is_there("records/20240904.db") && file_is_there("records/20240905.db"));
  expect(strcmp(all_callees(), "9 ") == 0);
  end();
}

static void test_the_thread_does_its_rounds_beside_the_writer_and_ends_when_told(void) {
  begin();
  record_keeper_stop(&keeper);
  put(START_US - DAY_US, 1);
  keeper = record_keeper_start(&options, problem, sizeof problem);
  expect(keeper != NULL);
  for (unsigned i = 0; i < 200; i++)
    put(START_US - DAY_US + i, 2 + i);
  struct record_keeper_health health = {0};
  for (int i = 0; i < 10000 && health.days == 0; i++) {
    record_keeper_read_health(keeper, &health);
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  expect_int(health.days, ==, 1);
  expect(health.files_ok && health.days_ok);
  end();
}

static void test_all_days_stay_when_none_is_to_be_dropped(void) {
  begin();
  put(START_US - 3000 * DAY_US, 1);
  for (int i = 0; i < 61; i++)
    round_at(START_US);
  struct record_keeper_health health;
  record_keeper_read_health(keeper, &health);
  expect(health.days == 1 && health.days_dropped == 0 && health.days_ok);
  end();
}

static void test_days_that_are_over_get_their_lookups(void) {
  begin();
  put(START_US - DAY_US, 1);
  put(START_US, 2);
  round_at(START_US);
  expect(file_is_there("records/20241003.lookup.db") && !file_is_there("records/20241004.lookup.db"));
  end();
}

TAP_TESTS(TAP(test_what_comes_within_an_hour_is_a_file_when_the_hour_is_over), TAP(test_each_record_is_in_one_file),
          TAP(test_whoever_was_killed_while_writing_writes_the_same_file_again),
          TAP(test_the_hour_that_went_on_when_the_switch_stopped_gets_its_file_at_the_next_start),
          TAP(test_names_days_and_stamps_are_utc_wherever_the_host_is),
          TAP(test_a_clock_that_is_set_back_begins_no_hour_twice), TAP(test_columns_and_unanswered_calls_are_a_choice),
          TAP(test_files_switched_off_end_with_what_is_there_and_leave_out_what_comes_then),
          TAP(test_a_directory_that_cannot_be_written_is_told_and_caught_up),
          TAP(test_a_full_disk_leaves_no_half_a_file),
          TAP(test_days_that_are_too_old_are_dropped_one_a_minute_when_their_files_are_written),
          TAP(test_the_thread_does_its_rounds_beside_the_writer_and_ends_when_told),
          TAP(test_all_days_stay_when_none_is_to_be_dropped), TAP(test_days_that_are_over_get_their_lookups))
