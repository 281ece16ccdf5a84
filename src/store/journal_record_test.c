#include "store/journal_record.h"

#include "tap.h"

#define SALT 0xC0FFEE

static char file[4096];

static size_t add(size_t at, enum journal_kind kind, uint64_t number, const char *payload) {
  struct journal_record record = {kind, number, {number << 8, number}, str_view_from_c(payload)};
  return at + journal_record_write(file + at, SALT, &record);
}

/* Three records; returns where the last begins. */
static size_t three_records(size_t *end_out) {
  memset(file, 0, sizeof file);
  size_t at = add(0, JOURNAL_PUT, 1, "the first call");
  at = add(at, JOURNAL_NOTE, 2, "");
  *end_out = add(at, JOURNAL_END, 3, "the record of the third");
  return at;
}

static struct journal_walk walk_to(size_t length) {
  return journal_walk_over(str_view_of(file, length), SALT);
}

static void test_what_is_written_is_read(void) {
  size_t end;
  three_records(&end);
  struct journal_walk walk = walk_to(end);
  expect_int(journal_walk_next(&walk), ==, JOURNAL_STEP_RECORD);
  expect_int(walk.record.kind, ==, JOURNAL_PUT);
  expect_int(walk.record.sequence, ==, 1);
  expect_int(walk.record.key.high, ==, 256);
  expect_int(walk.record.key.low, ==, 1);
  expect_view(walk.record.payload, "the first call");
  expect_int(journal_walk_next(&walk), ==, JOURNAL_STEP_RECORD);
  expect_view(walk.record.payload, "");
  expect_int(journal_walk_next(&walk), ==, JOURNAL_STEP_RECORD);
  expect_view(walk.record.payload, "the record of the third");
  expect_int(journal_walk_next(&walk), ==, JOURNAL_STEP_END);
  expect_int(journal_walk_next(&walk), ==, JOURNAL_STEP_END);
}

static void test_room_that_was_never_written_is_the_end(void) {
  size_t end;
  three_records(&end);
  struct journal_walk walk = walk_to(sizeof file);
  for (unsigned i = 0; i < 3; i++)
    expect_int(journal_walk_next(&walk), ==, JOURNAL_STEP_RECORD);
  expect_int(journal_walk_next(&walk), ==, JOURNAL_STEP_END);
}

/* The machine lost power at any moment: the file ends anywhere, or holds zeros from there on. */
static void test_a_write_torn_at_any_byte_loses_only_the_last_record(void) {
  size_t end, last = three_records(&end);
  for (size_t cut = last; cut < end; cut++) {
    three_records(&end);
    struct journal_walk short_walk = walk_to(cut);
    expect_int(journal_walk_next(&short_walk), ==, JOURNAL_STEP_RECORD);
    expect_int(journal_walk_next(&short_walk), ==, JOURNAL_STEP_RECORD);
    expect_int(journal_walk_next(&short_walk), ==, cut == last ? JOURNAL_STEP_END : JOURNAL_STEP_TORN);
    memset(file + cut, 0, sizeof file - cut);
    struct journal_walk walk = walk_to(sizeof file);
    expect_int(journal_walk_next(&walk), ==, JOURNAL_STEP_RECORD);
    expect_int(journal_walk_next(&walk), ==, JOURNAL_STEP_RECORD);
    enum journal_step step = journal_walk_next(&walk);
    /* Its last byte may have been a zero of the filling. */
    expect(step == JOURNAL_STEP_TORN || step == JOURNAL_STEP_END || (step == JOURNAL_STEP_RECORD && end - cut < 8));
    if (step == JOURNAL_STEP_TORN) expect_int(walk.damaged_at, ==, last);
  }
}

/* The filling between records tells nothing. */
static bool is_filling(size_t at, size_t end) {
  struct journal_record record;
  size_t from = 0, bytes = 0;
  for (; from < end; from += bytes) {
    expect_int(journal_record_read(str_view_of(file + from, end - from), SALT, &record, &bytes), ==, RESULT_OK);
    if (at < from + bytes) return at >= from + JOURNAL_HEADER_BYTES + record.payload.length;
  }
  return false;
}

static void test_damage_at_any_byte_is_told_and_the_rest_is_saved(void) {
  size_t end;
  for (size_t at = 0; three_records(&end), at < end; at++) {
    if (is_filling(at, end)) continue;
    file[at] = (char)(file[at] ^ 0x10);
    struct journal_walk walk = walk_to(end);
    unsigned records = 0, damages = 0;
    for (enum journal_step step; (step = journal_walk_next(&walk)) != JOURNAL_STEP_END;) {
      records += step == JOURNAL_STEP_RECORD;
      damages += step != JOURNAL_STEP_RECORD;
      if (step != JOURNAL_STEP_RECORD) expect(at >= walk.damaged_at && at < walk.damaged_at + walk.damaged_bytes);
    }
    expect_int(records, ==, 2);
    expect_int(damages, ==, 1);
  }
}

/* A stranger writes what looks like a record into a session description, and knows the format, but not the salt. */
static void test_what_strangers_write_is_not_taken_for_a_record(void) {
  char forged[256];
  struct journal_record inner = {JOURNAL_END, 9, {9, 9}, STR_VIEW("forged")};
  size_t length = journal_record_write(forged, 0, &inner);
  memset(file, 0, sizeof file);
  struct journal_record record = {JOURNAL_PUT, 1, {1, 1}, str_view_of(forged, length)};
  size_t end = journal_record_write(file, SALT, &record);
  file[8] ^= 1;
  struct journal_walk walk = walk_to(end);
  expect_int(journal_walk_next(&walk), ==, JOURNAL_STEP_TORN);
}

static void test_a_record_that_says_it_is_larger_than_any_is_refused(void) {
  size_t end, bytes;
  three_records(&end);
  struct journal_record record;
  memset(file + 8, 0xff, 4);
  expect_int(journal_record_read(str_view_of(file, sizeof file), SALT, &record, &bytes), ==, RESULT_MALFORMED);
}

TAP_TESTS(TAP(test_what_is_written_is_read), TAP(test_room_that_was_never_written_is_the_end),
          TAP(test_a_write_torn_at_any_byte_loses_only_the_last_record),
          TAP(test_damage_at_any_byte_is_told_and_the_rest_is_saved),
          TAP(test_what_strangers_write_is_not_taken_for_a_record),
          TAP(test_a_record_that_says_it_is_larger_than_any_is_refused))
