/* The journal when calls to the system fail. */
#include "store/journal_rig.h"

/* One such call fails, a few times: what was told before is durable in the end, and there after a restart. */
static void survive(const char *operation, int error, int after, int times) {
  fresh_dir();
  set_fault(operation, error, after, times);
  struct call_journal *journal = open_journal();
  if (!journal) { /* only without memory */
    expect(strstr(problem, "memory") != NULL);
    remove_dir();
    return;
  }
  expect_int(call_journal_start(journal), ==, RESULT_OK);
  char text[80];
  for (uint64_t i = 0; i < 200; i++) {
    snprintf(text, sizeof text, "state %u %032d", (unsigned)i, 0);
    put(journal, JOURNAL_PUT, i, text);
    if (i % 2) wait_for(journal, put(journal, JOURNAL_END, i, "ended"));
  }
  expect(wait_for(journal, put(journal, JOURNAL_PUT, 1000, "the last")));
  call_journal_close(&journal);
  set_fault(NULL, 0, 0, 0);
  journal = reopen();
  expect_int(living.count, ==, 101);
  for (unsigned i = 0; i < 200; i++)
    expect(living.has[i] == (i % 2 == 0));
  expect(sink_has("ended") >= 100);
  call_journal_close(&journal);
  remove_dir();
}

static void test_each_write_flush_and_rename_that_fails_in_turn_loses_nothing(void) {
  static const char *const operations[] = {"create", "reserve", "write", "flush", "rename", "flush_directory"};
  for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
    for (int after = 0; after < 4; after++)
      survive(operations[i], after % 2 ? ENOSPC : EIO, after, 1);
}

static void test_a_disk_that_stays_broken_for_seconds_is_caught_up_with(void) {
  survive("flush", EIO, 20, 7);
  survive("write", ENOSPC, 20, 7);
  expect(strstr(reports, "cannot be written: No space left on device") != NULL);
  expect(strstr(reports, "written again") != NULL);
}

static void test_each_allocation_that_fails_is_a_clear_error(void) {
  for (int after = 0; after < 5; after++)
    survive("allocate", ENOMEM, after, 1);
}

/* While nothing can be written, records of ended calls go to the store all the same, and nobody waits. */
static void test_while_it_cannot_write_records_reach_the_store_and_the_health_says_why(void) {
  fresh_dir();
  struct call_journal *journal = start_journal();
  expect(wait_for(journal, put(journal, JOURNAL_PUT, 1, "one")));
  set_fault("flush", EIO, 0, 1000000);
  for (uint64_t i = 10; i < 20; i++) {
    put(journal, JOURNAL_END, i, "ended");
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
  }
  expect(!call_journal_is_well(journal));
  struct call_journal_health health;
  call_journal_read_health(journal, &health);
  expect(!health.ok && strstr(health.problem, "Input/output error") != NULL);
  for (int i = 0; i < 5000 && sink_has("ended") < 10; i++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  expect(sink_has("ended") >= 10);
  set_fault(NULL, 0, 0, 0);
  expect(wait_for(journal, put(journal, JOURNAL_PUT, 2, "two")));
  expect(call_journal_is_well(journal));
  call_journal_close(&journal);
  journal = reopen();
  expect(living.has[1] && living.has[2]);
  call_journal_close(&journal);
  remove_dir();
}

/* A file that cannot be read just now is no reason not to start, and is not given up. */
static void test_a_file_that_cannot_be_read_is_reported_and_stays(void) {
  char path[700];
  fresh_dir();
  struct call_journal *journal = start_journal();
  expect(wait_for(journal, put(journal, JOURNAL_PUT, 1, "one")));
  call_journal_close(&journal);
  newest_file(path, sizeof path);
  set_fault("read", EIO, 0, 1000);
  journal = open_journal();
  expect(journal != NULL);
  expect(strstr(reports, "cannot be read") != NULL);
  set_fault(NULL, 0, 0, 0);
  call_journal_close(&journal);
  expect(access(path, F_OK) == 0);
  journal = reopen();
  expect_int(living.count, ==, 1);
  call_journal_close(&journal);
  remove_dir();
}

/* And when it goes on meanwhile, what it writes then does not say that the file counts for nothing. */
static void test_what_stands_in_a_file_that_could_not_be_read_once_is_there_at_the_next_start(void) {
  fresh_dir();
  sink.is_full = true;
  struct call_journal *journal = start_journal();
  put(journal, JOURNAL_PUT, 1, "one");
  expect(wait_for(journal, put(journal, JOURNAL_END, 2, "of the first run")));
  call_journal_close(&journal);
  sink.is_full = false;
  static const char *const operations[] = {"open", "read"};
  struct call_journal_health health;
  for (unsigned i = 0; i < 2; i++) {
    reports[0] = '\0';
    set_fault(operations[i], EACCES, 0, 1000000);
    journal = open_journal();
    expect(journal != NULL);
    expect_int(call_journal_each(journal, &(struct journal_visit){.each = keep_living}), ==, RESULT_FAILED);
    expect(strstr(reports, "cannot be read: Permission denied; it stays, and is read at the next start") != NULL);
    call_journal_read_health(journal, &health);
    expect_int(health.files_unread, ==, i + 1);
    set_fault(NULL, 0, 0, 0);
    expect_int(call_journal_start(journal), ==, RESULT_OK);
    for (uint64_t number = 100 + 50 * i; number < 140 + 50 * i;
         number++) /* as many as to have their numbers, and more */
      expect(wait_for(journal, put(journal, JOURNAL_END, number, "of a later run")));
    call_journal_close(&journal);
  }
  expect_int(sink_has("of the first run"), ==, 0);
  reports[0] = '\0';
  journal = reopen();
  expect_int(living.count, ==, 1);
  expect(living.has[1] && strcmp(living.state[1], "one") == 0);
  expect_int(call_journal_start(journal), ==, RESULT_OK);
  for (int i = 0; i < 5000 && sink_has("of the first run") == 0; i++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  expect_int(sink_has("of the first run"), ==, 1);
  expect_int(strlen(reports), ==, 0);
  call_journal_close(&journal);
  remove_dir();
}

/* The file in the middle holds records that nobody can have now; those behind it are not held up. */
static void test_records_behind_a_file_that_cannot_be_read_are_offered_all_the_same(void) {
  char path[700], aside[720];
  fresh_dir();
  sink.is_full = true;
  for (uint64_t run = 0; run < 3; run++) {
    struct call_journal *journal = start_journal();
    char text[24];
    snprintf(text, sizeof text, "of run %u", (unsigned)run);
    expect(wait_for(journal, put(journal, JOURNAL_END, run, text)));
    call_journal_close(&journal);
    if (run == 1) newest_file(path, sizeof path);
  }
  sink.is_full = false;
  snprintf(aside, sizeof aside, "%s/aside", dir);
  expect(rename(path, aside) == 0 && mkdir(path, 0700) == 0); /* it can be opened, and not be read */
  struct call_journal *journal = start_journal();
  for (int i = 0; i < 5000 && sink_has("of run 2") == 0; i++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  expect_int(sink_has("of run 0"), ==, 1);
  expect_int(sink_has("of run 1"), ==, 0);
  expect_int(sink_has("of run 2"), ==, 1);
  call_journal_close(&journal);
  expect(rmdir(path) == 0 && rename(aside, path) == 0);
  journal = start_journal();
  for (int i = 0; i < 5000 && sink_has("of run 1") == 0; i++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  expect_int(sink_has("of run 1"), ==, 1);
  call_journal_close(&journal);
  remove_dir();
}

/* Calls of a switch that had larger limits. */
static void test_more_than_there_is_room_for_is_taken_up_whole(void) {
  static unsigned visited;
  fresh_dir();
  struct call_journal *journal = start_journal();
  for (uint64_t i = 1; i < OBJECTS_MAX; i++)
    put(journal, JOURNAL_PUT, i, "a call");
  expect(wait_for(journal, put(journal, JOURNAL_NOTE, 7, "a note")));
  call_journal_close(&journal);
  struct call_journal_options options = {
      .dir = dir, .objects_max = 100, .segment_bytes = 64 << 10, .sink = {sink_put, sink_position, sink_stored, NULL}};
  journal = call_journal_open(&options, problem, sizeof problem);
  expect(journal != NULL);
  memset(&living, 0, sizeof living);
  expect_int(call_journal_each(journal, &(struct journal_visit){.each = keep_living}), ==, RESULT_OK);
  expect_int(living.count, ==, OBJECTS_MAX - 1);
  expect(strcmp(living.note[7], "a note") == 0);
  expect_int(call_journal_start(journal), ==, RESULT_OK);
  for (uint64_t i = 1; i < OBJECTS_MAX; i++)
    put(journal, i % 2 ? JOURNAL_END : JOURNAL_PUT, i, "ended");
  expect(wait_for(journal, put(journal, JOURNAL_PUT, OBJECTS_MAX, "a new one")));
  visited = sink_has("ended");
  for (int i = 0; i < 5000 && (visited = sink_has("ended")) < OBJECTS_MAX / 2; i++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  expect_int(visited, ==, OBJECTS_MAX / 2);
  struct call_journal_health health;
  call_journal_read_health(journal, &health);
  expect_int(health.objects, ==, OBJECTS_MAX / 2);
  call_journal_close(&journal);
  remove_dir();
}

static bool wait_until_well(const struct call_journal *journal, bool is_well) {
  for (int i = 0; i < 10000 && call_journal_is_well(journal) != is_well; i++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  return call_journal_is_well(journal) == is_well;
}

static unsigned flushed_count; /* atomic */

static void count_flush(void *context) {
  (void)context;
  __atomic_add_fetch(&flushed_count, 1, __ATOMIC_RELAXED);
}

/* What it was told while nothing could be written is forgotten, it says so when it is well again, and told anew it has
 * it; what ended meanwhile does not live any more. */
static void test_what_was_forgotten_while_it_could_not_write_is_counted_and_what_ended_then_is_over(void) {
  fresh_dir();
  struct call_journal *journal = start_journal();
  call_journal_on_flush(journal, count_flush, NULL);
  for (uint64_t i = 1; i <= 3; i++)
    put(journal, JOURNAL_PUT, i, "a call");
  expect(wait_for(journal, put(journal, JOURNAL_PUT, 4, "a call")));
  expect_int(call_journal_forgotten(journal), ==, 0);
  set_fault("flush", EIO, 0, 1000000);
  put(journal, JOURNAL_PUT, 6, "stands in the batch that cannot be written");
  expect(wait_until_well(journal, false));
  put(journal, JOURNAL_END, 1, "ended");
  put(journal, JOURNAL_DROP, 2, "");
  put(journal, JOURNAL_DROP, 3, "");
  put(journal, JOURNAL_END, 6, "ended, too");
  put(journal, JOURNAL_PUT, 5, "a call");
  for (int i = 0; i < 10000 && call_journal_forgotten(journal) == 0; i++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  expect_int(call_journal_forgotten(journal), ==, 1);
  unsigned before = __atomic_load_n(&flushed_count, __ATOMIC_RELAXED);
  set_fault(NULL, 0, 0, 0);
  expect(wait_until_well(journal, true));
  for (int i = 0; i < 10000 && __atomic_load_n(&flushed_count, __ATOMIC_RELAXED) == before; i++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  expect(__atomic_load_n(&flushed_count, __ATOMIC_RELAXED) > before); /* whoever told it is woken to tell it anew */
  put(journal, JOURNAL_PUT, 3, "lives again");
  expect(wait_for(journal, put(journal, JOURNAL_PUT, 5, "told anew")));
  call_journal_close(&journal);
  expect_int(sink_has("ended"), >=, 1);
  journal = reopen();
  expect(!living.has[1] && !living.has[2] && !living.has[6]);
  expect(living.has[3] && living.has[4] && living.has[5]);
  expect(strcmp(living.state[5], "told anew") == 0);
  expect_int(living.count, ==, 3);
  call_journal_close(&journal);
  remove_dir();
}

static void count_name(void *subject, const char *name) {
  *(unsigned *)subject += name[0] == 'j';
}

static unsigned files_on_disk(void) {
  unsigned count = 0;
  journal_files_real()->list(NULL, journal_dir, count_name, &count);
  return count;
}

/* The disk is full of the journal's own old files: those go that nobody needs, and it is written again. */
static void test_where_there_is_no_room_for_a_new_file_old_ones_that_nobody_needs_go(void) {
  fresh_dir();
  __atomic_store_n(&sink.is_slow, true, __ATOMIC_RELEASE); /* so that none is given up before */
  struct call_journal *journal = start_journal();
  uint64_t ticket = 0;
  for (uint64_t i = 0; i < 4000; i++) {
    char text[200];
    snprintf(text, sizeof text, "%0150u", (unsigned)i);
    put(journal, JOURNAL_PUT, i % 1000, text);
    ticket = put(journal, JOURNAL_END, i % 1000, "ended");
    if (i % 100 == 0) expect(wait_for(journal, ticket));
  }
  expect(wait_for(journal, ticket));
  set_fault("reserve", ENOSPC, 0, 1000000);
  for (uint64_t i = 0; i < 2000 && call_journal_is_well(journal); i++) {
    put(journal, JOURNAL_PUT, 1,
        "something that takes room until there is none in the file, and a new one cannot be made");
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  expect(!call_journal_is_well(journal));
  struct call_journal_health health;
  call_journal_read_health(journal, &health);
  expect(strstr(health.problem, "No space left on device") != NULL);
  expect_int(health.files, >, 10);
  __atomic_store_n(&sink.is_slow, false, __ATOMIC_RELEASE);
  for (int i = 0; i < 5000 && files_on_disk() + 3 > health.files; i++) /* one at each try, five a second */
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  expect_int(files_on_disk() + 3, <=, health.files);
  set_fault(NULL, 0, 0, 0); /* as when those have made room */
  expect(wait_until_well(journal, true));
  expect(wait_for(journal, put(journal, JOURNAL_PUT, 2, "is written again")));
  call_journal_close(&journal);
  journal = reopen();
  expect(living.has[2] && strcmp(living.state[2], "is written again") == 0);
  call_journal_close(&journal);
  remove_dir();
}

/* A file that cannot be read when it is to be given up is tried again once a second, and costs nothing meanwhile. */
static void test_a_file_that_cannot_be_read_again_is_not_tried_without_a_pause(void) {
  fresh_dir();
  struct call_journal *journal = start_journal();
  set_fault("open", EIO, 0, 1000000);
  uint64_t ticket = 0;
  for (uint64_t i = 0; i < 8000; i++) {
    put(journal, JOURNAL_PUT, 10 + i % 900, "a state with something that takes room");
    ticket = put(journal, JOURNAL_DROP, 10 + i % 900, "");
    if (i % 500 == 0) expect(wait_for(journal, ticket));
  }
  expect(wait_for(journal, ticket));
  int left = faults_left();
  expect_int(left, <, 1000000);
  nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
  expect_int(left - faults_left(), <=, 3);
  call_journal_close(&journal);
  remove_dir();
}

/* Lives through all of it: two states that were put long ago, of which one has a note, among many that come and go. */
static void expect_those_that_stay(unsigned count) {
  for (unsigned i = 1; i <= count; i++) {
    expect(living.has[i] && strcmp(living.state[i], "stays") == 0);
    expect(strcmp(living.note[i], i % 2 ? "a note" : "") == 0);
  }
}

/* Each call to the system fails in turn once, and some for more than a second, while old files are given up. */
static void test_a_disk_that_fails_while_files_are_given_up_loses_nothing_that_lives(void) {
  static const char *const operations[] = {"create",          "reserve", "write", "flush", "rename",
                                           "flush_directory", "remove",  "open",  "read"};
  enum { STAY = 200 };
  fresh_dir();
  struct call_journal *journal = start_journal();
  struct call_journal_health health;
  for (uint64_t i = 1; i <= STAY; i++) {
    put(journal, JOURNAL_PUT, i, "stays");
    if (i % 2) put(journal, JOURNAL_NOTE, i, "a note");
  }
  uint64_t round = 0;
  for (unsigned times = 1; times <= 7; times += 6)
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
      if (times > 1 && strcmp(operations[i], "reserve") != 0 && strcmp(operations[i], "flush") != 0) continue;
      set_fault(operations[i], ENOSPC, (int)(round++ % 4), (int)times);
      for (uint64_t n = 0; n < 3000; n++) {
        uint64_t ticket = 0;
        put(journal, JOURNAL_PUT, 1000 + n % 500, "a state that takes so much room that the journal gives up files");
        ticket = put(journal, JOURNAL_DROP, 1000 + n % 500, "");
        if (n % 250 == 0) (void)!call_journal_is_durable(journal, ticket);
      }
      expect(wait_until_well(journal, true));
      set_fault(NULL, 0, 0, 0);
      expect(wait_for(journal, put(journal, JOURNAL_PUT, 1999, "goes on")));
    }
  call_journal_read_health(journal, &health);
  expect_int(health.files, <, 40); /* of the 100 that were begun */
  call_journal_close(&journal);
  reports[0] = '\0';
  journal = reopen();
  expect_those_that_stay(STAY);
  expect_int(living.count, ==, STAY + 1);
  expect_int(strlen(reports), ==, 0);
  call_journal_close(&journal);
  remove_dir();
}

TAP_TESTS(TAP(test_each_write_flush_and_rename_that_fails_in_turn_loses_nothing),
          TAP(test_a_disk_that_stays_broken_for_seconds_is_caught_up_with),
          TAP(test_each_allocation_that_fails_is_a_clear_error),
          TAP(test_while_it_cannot_write_records_reach_the_store_and_the_health_says_why),
          TAP(test_a_file_that_cannot_be_read_is_reported_and_stays),
          TAP(test_what_stands_in_a_file_that_could_not_be_read_once_is_there_at_the_next_start),
          TAP(test_records_behind_a_file_that_cannot_be_read_are_offered_all_the_same),
          TAP(test_more_than_there_is_room_for_is_taken_up_whole),
          TAP(test_what_was_forgotten_while_it_could_not_write_is_counted_and_what_ended_then_is_over),
          TAP(test_where_there_is_no_room_for_a_new_file_old_ones_that_nobody_needs_go),
          TAP(test_a_file_that_cannot_be_read_again_is_not_tried_without_a_pause),
          TAP(test_a_disk_that_fails_while_files_are_given_up_loses_nothing_that_lives))
