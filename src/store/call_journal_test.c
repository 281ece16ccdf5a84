/* What the journal promises. */
#include "store/journal_rig.h"

/* --- what it promises -------------------------------------------------------------------------------------------- */

static void test_what_was_durable_is_there_again_with_its_last_note(void) {
  fresh_dir();
  struct call_journal *journal = start_journal();
  put(journal, JOURNAL_PUT, 1, "one");
  put(journal, JOURNAL_PUT, 2, "two");
  put(journal, JOURNAL_NOTE, 2, "heard");
  put(journal, JOURNAL_NOTE, 2, "heard again");
  put(journal, JOURNAL_PUT, 3, "three");
  put(journal, JOURNAL_NOTE, 3, "of the old three");
  put(journal, JOURNAL_PUT, 3, "three anew");
  put(journal, JOURNAL_PUT, 4, "four");
  put(journal, JOURNAL_END, 4, "record 4");
  put(journal, JOURNAL_PUT, 5, "five");
  expect(wait_for(journal, put(journal, JOURNAL_DROP, 5, "")));
  call_journal_close(&journal);
  journal = reopen();
  expect_int(living.count, ==, 3);
  expect(strcmp(living.state[1], "one") == 0 && living.note[1][0] == '\0');
  expect(strcmp(living.state[2], "two") == 0 && strcmp(living.note[2], "heard again") == 0);
  expect(strcmp(living.state[3], "three anew") == 0 && living.note[3][0] == '\0');
  expect_int(sink_has("record 4"), ==, 1);
  call_journal_close(&journal);
  expect_int(strlen(reports), ==, 0);
  remove_dir();
}

/* Four readers at once, each for the numbers that leave the same remainder; nobody takes what can be divided by 5. */
struct share {
  pthread_t thread;
  struct call_journal *journal;
  uint64_t number;
  unsigned taken;
};
#define SHARES 4

static bool wants_its_own(void *context, struct journal_key key) {
  return (key.low >> 32) % SHARES == ((const struct share *)context)->number;
}

static bool takes_most(void *context, const struct journal_kept *kept) {
  struct share *share = context;
  uint64_t number = kept->key.low >> 32;
  expect(number % SHARES == share->number);
  share->taken += number % 5 != 0;
  return number % 5 != 0;
}

static void *read_share(void *context) {
  struct share *share = context;
  struct journal_visit how = {wants_its_own, takes_most, share};
  expect_int(call_journal_each(share->journal, &how), ==, RESULT_OK);
  return NULL;
}

static void test_many_may_read_what_lives_and_what_none_takes_is_left(void) {
  struct share shares[SHARES];
  fresh_dir();
  struct call_journal *journal = start_journal();
  for (uint64_t number = 0; number < 40; number++)
    put(journal, JOURNAL_PUT, number, "state");
  expect(wait_for(journal, put(journal, JOURNAL_NOTE, 20, "note")));
  call_journal_close(&journal);
  journal = open_journal();
  for (unsigned i = 0; i < SHARES; i++) {
    shares[i] = (struct share){.journal = journal, .number = i};
    pthread_create(&shares[i].thread, NULL, read_share, &shares[i]);
  }
  for (unsigned i = 0; i < SHARES; i++) {
    pthread_join(shares[i].thread, NULL);
    expect_int(shares[i].taken, ==, 8);
  }
  memset(&living, 0, sizeof living);
  expect_int(call_journal_each_left(journal, &(struct journal_visit){.each = keep_living}), ==, RESULT_OK);
  expect_int(living.count, ==, 8);
  expect(living.has[5] && strcmp(living.state[20], "state") == 0 && strcmp(living.note[20], "note") == 0);
  call_journal_close(&journal);
  remove_dir();
}

static void test_the_end_waits_for_all_that_was_told_however_many_batches_that_are(void) {
  enum { ROUNDS = 30, KEYS = 1000 };
  fresh_dir();
  struct call_journal *journal = open_journal();
  char text[64];
  for (uint64_t i = 0; i < ROUNDS * KEYS; i++) {
    snprintf(text, sizeof text, "of round %u, and as long as it may be", (unsigned)(i / KEYS));
    put(journal, JOURNAL_PUT, i % KEYS, text);
  }
  expect_int(call_journal_start(journal), ==, RESULT_OK);
  call_journal_close(&journal);
  journal = reopen();
  expect_int(living.count, ==, KEYS);
  for (unsigned i = 0; i < KEYS; i++)
    expect(strcmp(living.state[i], text) == 0);
  call_journal_close(&journal);
  remove_dir();
}

static uint64_t flushes_of(const struct call_journal *journal) {
  struct call_journal_health health;
  call_journal_read_health(journal, &health);
  return health.flushes;
}

static void test_many_that_are_waited_for_share_a_flush(void) {
  enum { MANY = 600 };
  fresh_dir();
  struct call_journal *journal = start_journal();
  call_journal_set_gather(journal, 100);
  uint64_t before = flushes_of(journal), ticket = 0;
  for (uint64_t i = 0; i < MANY; i++) {
    ticket = put(journal, JOURNAL_PUT, i, "a call");
    nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
  }
  expect(wait_for(journal, ticket));
  expect_int((flushes_of(journal) - before) * 5, <, MANY);
  call_journal_close(&journal);
  remove_dir();
}

static void test_one_that_is_waited_for_is_flushed_at_once_however_long_many_would_wait(void) {
  fresh_dir();
  struct call_journal *journal = start_journal();
  call_journal_set_gather(journal, 900);
  int least_ms = 1000;
  for (uint64_t i = 0; i < 4; i++) {
    uint64_t ticket = put(journal, JOURNAL_PUT, i, "a call");
    int took_ms = 0;
    for (; took_ms < 1000 && !call_journal_is_durable(journal, ticket); took_ms++)
      nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (took_ms < least_ms) least_ms = took_ms;
    nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
  }
  expect_int(least_ms, <, 400); /* gathering would have taken 450 */
  call_journal_close(&journal);
  remove_dir();
}

static uint64_t put_lazily(struct call_journal *journal, uint64_t number) {
  uint64_t ticket;
  expect_int(call_journal_put(journal, JOURNAL_NOTE, key_of(number), STR_VIEW("alive"), JOURNAL_LAZY, &ticket), ==,
             RESULT_OK);
  return ticket;
}

static void test_lazy_notes_share_a_flush_every_200_ms(void) {
  fresh_dir();
  struct call_journal *journal = start_journal();
  expect(wait_for(journal, put(journal, JOURNAL_PUT, 1, "a call")));
  uint64_t before = flushes_of(journal), ticket = 0;
  int64_t begun_ms = monotonic_ms();
  for (int i = 0; i < 1000; i++) {
    ticket = put_lazily(journal, 1);
    nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
  }
  expect(wait_for(journal, ticket));
  expect_int((int64_t)(flushes_of(journal) - before), <=, (monotonic_ms() - begun_ms) / 200 + 2);
  call_journal_close(&journal);
  remove_dir();
}

static void test_what_is_told_soon_takes_lazy_notes_along_at_once(void) {
  fresh_dir();
  struct call_journal *journal = start_journal();
  expect(wait_for(journal, put(journal, JOURNAL_PUT, 1, "a call")));
  int64_t least_ms = 1000;
  for (uint64_t i = 0; i < 4; i++) {
    uint64_t lazy = put_lazily(journal, 1), ticket;
    int64_t begun_ms = monotonic_ms();
    expect_int(call_journal_put(journal, JOURNAL_PUT, key_of(2), STR_VIEW("an attempt"), JOURNAL_SOON, &ticket), ==,
               RESULT_OK);
    expect(wait_for(journal, ticket));
    expect(call_journal_is_durable(journal, lazy));
    if (monotonic_ms() - begun_ms < least_ms) least_ms = monotonic_ms() - begun_ms;
  }
  expect_int(least_ms, <, 150); /* the lazy note alone would have taken 200 */
  call_journal_close(&journal);
  remove_dir();
}

/* Where the records of a file begin, and where the last one ends. */
static unsigned find_records(const char *path, const char *bytes, size_t length, size_t *starts) {
  uint32_t number, salt;
  expect(sscanf(strrchr(path, '/') + 1, "journal-%8x-%8x", &number, &salt) == 2);
  struct journal_walk walk = journal_walk_over(str_view_of(bytes, length), salt);
  unsigned count = 0;
  while (journal_walk_next(&walk) == JOURNAL_STEP_RECORD)
    starts[count++] = walk.record_at;
  starts[count] = starts[count - 1] + journal_record_bytes(walk.record.payload.length);
  return count;
}

static void test_a_last_record_torn_at_any_byte_is_cut_and_the_journal_goes_on(void) {
  static char bytes[64 << 10];
  char path[700];
  size_t starts[16];
  fresh_dir();
  struct call_journal *journal = start_journal();
  put(journal, JOURNAL_PUT, 1, "one");
  expect(wait_for(journal, put(journal, JOURNAL_PUT, 2, "the second and last")));
  call_journal_close(&journal);
  newest_file(path, sizeof path);
  size_t length = read_file(path, bytes, sizeof bytes);
  unsigned count = find_records(path, bytes, length, starts);
  for (size_t cut = starts[count - 1]; cut < starts[count]; cut++) {
    write_file(path, bytes, cut);
    reports[0] = '\0';
    journal = reopen();
    expect_int(living.count, ==, 1);
    expect((strstr(reports, "cut off") != NULL) == (cut > starts[count - 1]));
    call_journal_close(&journal);
  }
  write_file(path, bytes, starts[count] - 9);
  journal = reopen();
  expect_int(call_journal_start(journal), ==, RESULT_OK);
  expect(wait_for(journal, put(journal, JOURNAL_PUT, 3, "three")));
  call_journal_close(&journal);
  reports[0] = '\0';
  journal = reopen();
  expect(living.has[1] && !living.has[2] && living.has[3]);
  expect_int(strlen(reports), ==, 0);
  call_journal_close(&journal);
  remove_dir();
}

static void test_damage_in_the_middle_is_reported_with_its_place_and_the_rest_is_used(void) {
  static char bytes[64 << 10];
  char path[700], place[64];
  size_t starts[16];
  fresh_dir();
  struct call_journal *journal = start_journal();
  for (uint64_t i = 1; i <= 5; i++)
    put(journal, JOURNAL_PUT, i, "something");
  expect(wait_for(journal, put(journal, JOURNAL_PUT, 6, "last")));
  call_journal_close(&journal);
  newest_file(path, sizeof path);
  size_t length = read_file(path, bytes, sizeof bytes);
  unsigned count = find_records(path, bytes, length, starts);
  expect_int(count, ==, 7); /* with the file's own first */
  bytes[starts[3] + 45] ^= 4;
  write_file(path, bytes, length);
  journal = reopen();
  expect_int(living.count, ==, 5);
  expect(!living.has[3]);
  snprintf(place, sizeof place, "from offset %zu on cannot be read", starts[3]);
  expect(strstr(reports, place) != NULL);
  struct call_journal_health health;
  call_journal_read_health(journal, &health);
  expect_int(health.damaged_bytes, ==, starts[4] - starts[3]);
  call_journal_close(&journal);
  remove_dir();
}

/* Each byte of a small journal in turn: whatever it belongs to, only what stands there is missed. */
static void test_damage_at_any_byte_is_reported_with_its_place_and_costs_one_record(void) {
  static char bytes[64 << 10];
  char path[700], place[64];
  size_t starts[16];
  fresh_dir();
  struct call_journal *journal = start_journal();
  put(journal, JOURNAL_PUT, 1, "the one."); /* records are filled up to multiples of 8 bytes, which nobody misses */
  put(journal, JOURNAL_PUT, 2, "the two.");
  expect(wait_for(journal, put(journal, JOURNAL_PUT, 3, "the last")));
  call_journal_close(&journal);
  newest_file(path, sizeof path);
  size_t length = read_file(path, bytes, sizeof bytes);
  unsigned count = find_records(path, bytes, length, starts);
  expect_int(count, ==, 4); /* with the file's own first */
  for (unsigned i = 0; i < count; i++)
    for (size_t at = starts[i]; at < starts[i + 1]; at++) {
      bytes[at] ^= 0x15;
      write_file(path, bytes, length);
      reports[0] = '\0';
      journal = reopen();
      expect_int(living.count, ==, i == 0 ? 3 : 2);
      expect(i == 0 || !living.has[i]);
      snprintf(place, sizeof place, "offset %zu", starts[i]);
      if (i < count - 1) expect(strstr(reports, place) != NULL);
      expect(strlen(reports) > 0);
      call_journal_close(&journal);
      bytes[at] ^= 0x15;
    }
  remove_dir();
}

/* Twenty times what fits into the files that may stay: a few calls live through all of it. */
static void test_files_are_given_up_while_it_runs_and_nothing_that_lives_is_lost(void) {
  fresh_dir();
  struct call_journal *journal = start_journal();
  char text[64];
  put(journal, JOURNAL_PUT, 1, "lives for ever");
  put(journal, JOURNAL_NOTE, 1, "its note");
  put(journal, JOURNAL_PUT, 2, "is noted later");
  uint64_t ticket = 0;
  for (uint64_t i = 0; i < 50000; i++) {
    uint64_t number = 10 + i % 900;
    snprintf(text, sizeof text, "state %llu with something that takes room", (unsigned long long)i);
    put(journal, JOURNAL_PUT, number, text);
    ticket = put(journal, i % 2 ? JOURNAL_DROP : JOURNAL_END, number, "");
    if (i == 20000) put(journal, JOURNAL_NOTE, 2, "late");
    if (i % 500 == 0) expect(wait_for(journal, ticket));
    if (i % 500 == 0) __atomic_store_n(&sink.is_to_forget, true, __ATOMIC_RELEASE);
  }
  expect(wait_for(journal, put(journal, JOURNAL_PUT, 3, "the last")));
  struct call_journal_health health;
  call_journal_read_health(journal, &health);
  expect(health.ok);
  expect_int(health.objects, ==, 3);
  expect_int(health.files, <=, 12);
  expect_int(health.bytes_live, <, 1000);
  call_journal_close(&journal);
  journal = reopen();
  expect_int(living.count, ==, 3);
  expect(strcmp(living.state[1], "lives for ever") == 0 && strcmp(living.note[1], "its note") == 0);
  expect(strcmp(living.state[2], "is noted later") == 0 && strcmp(living.note[2], "late") == 0);
  call_journal_close(&journal);
  expect_int(strlen(reports), ==, 0);
  remove_dir();
}

/* Calls that come and go, and of which nothing stays. */
static void come_and_go(struct call_journal *journal, unsigned count) {
  uint64_t ticket = 0;
  for (uint64_t i = 0; i < count; i++) {
    put(journal, JOURNAL_PUT, 10 + i % 900, "a state with something that takes room");
    ticket = put(journal, JOURNAL_DROP, 10 + i % 900, "");
    if (i % 500 == 0) expect(wait_for(journal, ticket));
  }
  expect(wait_for(journal, ticket));
}

static void test_a_file_that_cannot_be_removed_is_tried_again_once_in_a_while(void) {
  fresh_dir();
  struct call_journal *journal = start_journal();
  struct call_journal_health health;
  set_fault("remove", EPERM, 0, 1000000);
  come_and_go(journal, 20000);
  int64_t begun_ms = monotonic_ms();
  int left = faults_left();
  expect(left < 1000000);
  nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
  int tried = left - faults_left();
  expect_int(tried, <=, (monotonic_ms() - begun_ms) / 1000 + 1); /* once a second, however late this looks */
  set_fault(NULL, 0, 0, 0);
  unsigned tries = 0;
  do {
    come_and_go(journal, 10);
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    call_journal_read_health(journal, &health);
  } while (health.files > 12 && ++tries < 1000);
  expect_int(health.files, <=, 12);
  call_journal_close(&journal);
  remove_dir();
}

/* Its record is in the store, and the file in which that stood is given up. */
static void test_what_is_over_and_owes_something_stays_until_it_is_dropped(void) {
  fresh_dir();
  struct call_journal *journal = start_journal();
  for (uint64_t number = 1; number <= 3; number++) {
    put(journal, JOURNAL_PUT, number, "a state");
    expect_int(call_journal_end(journal, key_of(number), STR_VIEW("record"), (uint8_t)number), ==, RESULT_OK);
  }
  expect(wait_for(journal, put(journal, JOURNAL_DROP, 3, "")));
  call_journal_close(&journal);
  journal = reopen();
  expect_int(living.count, ==, 2);
  expect_int(living.owed[1], ==, 1);
  expect_int(living.owed[2], ==, 2);
  expect_int(sink_has("record"), ==, 3);
  expect_int(call_journal_start(journal), ==, RESULT_OK);
  __atomic_store_n(&sink.is_to_forget, true, __ATOMIC_RELEASE);
  uint64_t ticket = 0;
  for (uint64_t i = 0; i < 20000; i++) {
    put(journal, JOURNAL_PUT, 10, "something that takes room, again and again");
    ticket = put(journal, JOURNAL_DROP, 10, "");
    if (i % 200 == 0) expect(wait_for(journal, ticket));
  }
  put(journal, JOURNAL_DROP, 1, "");
  expect(wait_for(journal, put(journal, JOURNAL_PUT, 11, "the last")));
  call_journal_close(&journal);
  journal = reopen();
  expect_int(living.count, ==, 2);
  expect(strcmp(living.state[2], "a state") == 0);
  expect_int(living.owed[2], ==, 2);
  expect_int(living.owed[11], ==, 0);
  call_journal_close(&journal);
  remove_dir();
}

/* The state is copied past its note, whose own file stays a while longer. */
static void test_a_note_is_not_lost_when_its_state_moves_past_it(void) {
  fresh_dir();
  struct call_journal *journal = start_journal();
  uint64_t ticket = put(journal, JOURNAL_PUT, 1, "a state");
  for (uint64_t i = 0; i < 8000; i++) {
    char text[200];
    snprintf(text, sizeof text, "%0150u", (unsigned)i);
    ticket = put(journal, JOURNAL_PUT, 2, text);
    if (i == 2000) put(journal, JOURNAL_NOTE, 1, "a note");
    if (i % 20 == 0) expect(wait_for(journal, ticket));
    if (i % 400 != 0) continue;
    call_journal_close(&journal);
    journal = reopen();
    expect(living.has[1] && strcmp(living.note[1], i >= 2000 ? "a note" : "") == 0);
    expect_int(call_journal_start(journal), ==, RESULT_OK);
  }
  call_journal_close(&journal);
  remove_dir();
}

static void test_records_wait_on_disk_for_a_store_that_is_full_also_over_a_restart(void) {
  fresh_dir();
  sink.is_full = true;
  struct call_journal *journal = start_journal();
  char text[24];
  uint64_t ticket = 0;
  for (uint64_t i = 0; i < 1500; i++) {
    snprintf(text, sizeof text, "record %u", (unsigned)i);
    put(journal, JOURNAL_PUT, i, "a call of which the state is somewhat longer than that");
    ticket = put(journal, JOURNAL_END, i, text);
  }
  expect(wait_for(journal, ticket));
  expect_int(sink.count, ==, 0);
  call_journal_close(&journal);
  journal = reopen();
  expect_int(living.count, ==, 0);
  __atomic_store_n(&sink.is_full, false, __ATOMIC_RELEASE);
  expect_int(call_journal_start(journal), ==, RESULT_OK);
  for (int i = 0; i < 5000 && __atomic_load_n(&sink.count, __ATOMIC_ACQUIRE) < 1500; i++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  for (unsigned i = 0; i < 1500; i++) {
    snprintf(text, sizeof text, "record %u", i);
    expect_int(sink_has(text), ==, 1);
  }
  call_journal_close(&journal);
  remove_dir();
}

static void test_what_the_store_has_is_not_offered_again_after_a_restart(void) {
  fresh_dir();
  struct call_journal *journal = start_journal();
  expect(wait_for(journal, put(journal, JOURNAL_END, 1, "first")));
  for (int i = 0; i < 5000 && sink_has("first") == 0; i++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  uint64_t asked = __atomic_load_n(&sink.asked, __ATOMIC_ACQUIRE);
  for (int i = 0; i < 5000 && __atomic_load_n(&sink.asked, __ATOMIC_ACQUIRE) == asked; i++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  __atomic_store_n(&sink.is_slow, true, __ATOMIC_RELEASE);
  expect(wait_for(journal, put(journal, JOURNAL_END, 2, "second")));
  call_journal_close(&journal);
  journal = reopen();
  expect_int(call_journal_start(journal), ==, RESULT_OK);
  for (int i = 0; i < 5000 && sink_has("second") < 2; i++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  expect_int(sink_has("first"), ==, 1);
  expect_int(sink_has("second"), ==, 2);
  call_journal_close(&journal);
  remove_dir();
}

/* The store has taken everything and nothing of it is safe yet: files with records stay, whatever else is in them. */
static void test_files_stay_while_the_store_has_their_records_only_in_memory(void) {
  fresh_dir();
  __atomic_store_n(&sink.is_slow, true, __ATOMIC_RELEASE);
  struct call_journal *journal = start_journal();
  uint64_t ticket = 0;
  for (uint64_t i = 0; i < 4000; i++) {
    char text[200];
    snprintf(text, sizeof text, "%0150u", (unsigned)i);
    put(journal, JOURNAL_PUT, i % OBJECTS_MAX, text);
    ticket = put(journal, JOURNAL_END, i % OBJECTS_MAX, "ended");
    if (i % 100 == 0) expect(wait_for(journal, ticket));
  }
  expect(wait_for(journal, ticket));
  call_journal_close(&journal);
  memset(&sink, 0, sizeof sink);
  journal = reopen();
  expect_int(call_journal_start(journal), ==, RESULT_OK);
  for (int i = 0; i < 5000 && sink_has("ended") < 4000; i++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  expect_int(sink_has("ended"), ==, 4000);
  call_journal_close(&journal);
  remove_dir();
}

static void test_a_journal_of_a_newer_version_is_left_alone(void) {
  static char bytes[64 << 10];
  char path[700];
  uint32_t number, salt;
  fresh_dir();
  struct call_journal *journal = start_journal();
  expect(wait_for(journal, put(journal, JOURNAL_PUT, 1, "one")));
  call_journal_close(&journal);
  newest_file(path, sizeof path);
  size_t length = read_file(path, bytes, sizeof bytes);
  expect(sscanf(strrchr(path, '/') + 1, "journal-%8x-%8x", &number, &salt) == 2);
  bytes[JOURNAL_HEADER_BYTES] = 99;
  (void)journal_record_seal(bytes, salt);
  write_file(path, bytes, length);
  expect(open_journal() == NULL);
  expect(strstr(problem, "is of version 99") != NULL);
  remove_dir();
}

static void test_a_directory_that_cannot_be_made_is_a_clear_error(void) {
  struct call_journal_options options = {.dir = "/nonexistent/belfry", .objects_max = 10};
  expect(call_journal_open(&options, problem, sizeof problem) == NULL);
  expect(strstr(problem, "/nonexistent/belfry/journal cannot be used") != NULL);
}

TAP_TESTS(TAP(test_what_was_durable_is_there_again_with_its_last_note),
          TAP(test_many_may_read_what_lives_and_what_none_takes_is_left),
          TAP(test_the_end_waits_for_all_that_was_told_however_many_batches_that_are),
          TAP(test_many_that_are_waited_for_share_a_flush),
          TAP(test_one_that_is_waited_for_is_flushed_at_once_however_long_many_would_wait),
          TAP(test_a_last_record_torn_at_any_byte_is_cut_and_the_journal_goes_on),
          TAP(test_damage_in_the_middle_is_reported_with_its_place_and_the_rest_is_used),
          TAP(test_damage_at_any_byte_is_reported_with_its_place_and_costs_one_record),
          TAP(test_files_are_given_up_while_it_runs_and_nothing_that_lives_is_lost),
          TAP(test_a_file_that_cannot_be_removed_is_tried_again_once_in_a_while),
          TAP(test_what_is_over_and_owes_something_stays_until_it_is_dropped),
          TAP(test_a_note_is_not_lost_when_its_state_moves_past_it),
          TAP(test_records_wait_on_disk_for_a_store_that_is_full_also_over_a_restart),
          TAP(test_lazy_notes_share_a_flush_every_200_ms), TAP(test_what_is_told_soon_takes_lazy_notes_along_at_once),
          TAP(test_what_the_store_has_is_not_offered_again_after_a_restart),
          TAP(test_files_stay_while_the_store_has_their_records_only_in_memory),
          TAP(test_a_journal_of_a_newer_version_is_left_alone),
          TAP(test_a_directory_that_cannot_be_made_is_a_clear_error))
