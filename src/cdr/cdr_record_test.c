#include "cdr/cdr_record.h"

#include "tap.h"

static char memory[8192];

/* A record in which every field has a value of its own. */
static void fill(struct cdr_record *record) {
  static const char *const texts[] = {"a",  "bb", "ccc", "dddd", "5",  "6",  "7",  "8",  "9",  "10", "11",
                                      "12", "13", "14",  "15",   "16", "17", "18", "19", "20", "21", "22"};
  unsigned number = 1, text = 0;
  cdr_record_init(record);
#define CDR_TEXT(name)   record->name = str_view_from_c(texts[text++ % 22]);
#define CDR_STAMP(name)  record->name.value = (int64_t)(UINT64_C(1795000000000000) + number++);
#define CDR_NUMBER(name) record->name = (UINT64_C(1) << 40) + number++;
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
}

static void expect_equal(const struct cdr_record *a, const struct cdr_record *b) {
#define CDR_TEXT(name)   expect(str_view_equal(a->name, b->name));
#define CDR_STAMP(name)  expect_int(a->name.value, ==, b->name.value);
#define CDR_NUMBER(name) expect_int(a->name, ==, b->name);
#include "cdr/cdr_fields.def"
#undef CDR_TEXT
#undef CDR_STAMP
#undef CDR_NUMBER
}

static struct str_view encode(const struct cdr_record *record) {
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  cdr_record_encode(record, &builder);
  expect(!builder.overflowed);
  return text_builder_view(&builder);
}

static void test_a_new_record_is_empty_and_its_numbers_are_unknown(void) {
  struct cdr_record record;
  cdr_record_init(&record);
  expect_view(record.id, "");
  expect_int(record.started_at.value, ==, 0);
  expect(record.setup_ms == CDR_NUMBER_NONE);
  expect(record.callee_timer_refreshes == CDR_NUMBER_NONE);
}

static void test_what_is_encoded_is_decoded_field_by_field(void) {
  struct cdr_record record, decoded;
  fill(&record);
  expect_int(cdr_record_decode(encode(&record), &decoded), ==, RESULT_OK);
  expect_equal(&record, &decoded);
  cdr_record_init(&record);
  expect_int(cdr_record_decode(encode(&record), &decoded), ==, RESULT_OK);
  expect_equal(&record, &decoded);
}

static void test_the_bytes_are_as_written_down(void) {
  struct cdr_record record;
  cdr_record_init(&record);
  record.id = STR_VIEW("x1");
  record.state = STR_VIEW("ended");
  expect(str_view_starts_with(encode(&record), STR_VIEW("\x01\x02\0x1\x05\0ended\0\0")));
}

/* An older switch knew only the first fields: the record ends after one of them. */
static void test_a_record_of_an_older_switch_leaves_the_newer_fields_empty(void) {
  struct cdr_record record, decoded;
  fill(&record);
  struct str_view bytes = encode(&record);
  size_t first_three = 1 + 2 + record.id.length + 2 + record.state.length + 2 + record.caller.length;
  expect_int(cdr_record_decode(str_view_slice(bytes, 0, first_three), &decoded), ==, RESULT_OK);
  expect(str_view_equal(decoded.caller, record.caller));
  expect_view(decoded.callee, "");
  expect_int(decoded.started_at.value, ==, 0);
  expect(decoded.pdd_ms == CDR_NUMBER_NONE);
}

static void test_a_record_of_a_newer_switch_is_read_as_far_as_it_is_known(void) {
  struct cdr_record record, decoded;
  fill(&record);
  struct str_view bytes = encode(&record);
  memcpy(memory + bytes.length, "\x03\0new\0\0\0\0\0\0\0\0", 13);
  bytes.length += 13;
  expect_int(cdr_record_decode(bytes, &decoded), ==, RESULT_OK);
  expect_equal(&record, &decoded);
}

static void test_a_record_that_breaks_off_inside_a_field_is_refused(void) {
  struct cdr_record record, decoded;
  fill(&record);
  struct str_view bytes = encode(&record);
  expect_int(cdr_record_decode(str_view_slice(bytes, 0, bytes.length - 1), &decoded), ==, RESULT_MALFORMED);
  expect_int(cdr_record_decode(str_view_slice(bytes, 0, 2), &decoded), ==, RESULT_MALFORMED);
  expect_int(cdr_record_decode(STR_VIEW("\x01\x05\0ab"), &decoded), ==, RESULT_MALFORMED);
  expect_int(cdr_record_decode(STR_VIEW("\x01\x05\0"), &decoded), ==, RESULT_MALFORMED);
}

static void test_another_version_and_no_bytes_are_refused(void) {
  struct cdr_record decoded;
  expect_int(cdr_record_decode(STR_VIEW(""), &decoded), ==, RESULT_MALFORMED);
  expect_int(cdr_record_decode(STR_VIEW("\x02\0\0"), &decoded), ==, RESULT_MALFORMED);
}

static void test_a_text_beyond_16_bits_is_cut(void) {
  static char large[200000], text[70000];
  memset(text, 'x', sizeof text);
  struct cdr_record record, decoded;
  cdr_record_init(&record);
  record.explanation = str_view_of(text, sizeof text);
  record.last_alive_by = STR_VIEW("update");
  struct text_builder builder = text_builder_over(large, sizeof large);
  cdr_record_encode(&record, &builder);
  expect_int(cdr_record_decode(text_builder_view(&builder), &decoded), ==, RESULT_OK);
  expect_int(decoded.explanation.length, ==, 65535);
  expect_view(decoded.last_alive_by, "update");
}

static void test_the_key_is_read_out_of_the_id(void) {
  struct cdr_record record;
  cdr_record_init(&record);
  record.id = STR_VIEW("019a0b1c2d3e050000001700000003");
  struct journal_key key = cdr_record_key(encode(&record));
  expect(key.high == UINT64_C(0x019a0b1c2d3e05) && key.low == UINT64_C(0x0000001700000003));
  record.id = STR_VIEW("019a0b1c2d3e05000000170000000g");
  expect(journal_key_is_none(cdr_record_key(encode(&record))));
  expect(journal_key_is_none(cdr_record_key(STR_VIEW(""))));
}

static void test_the_key_of_a_call_is_that_of_its_id(void) {
  char digits[CDR_ID_LENGTH];
  struct text_builder id = text_builder_over(digits, sizeof digits);
  struct wall_us started_at = {INT64_C(1763851234567) * 1000 + 999};
  struct handle handle = {0x17, 0x80000003};
  cdr_record_write_id(started_at, 0xfe, handle, &id);
  struct journal_key key = cdr_record_key_of_call(started_at, 0xfe, handle);
  expect(!journal_key_is_none(key) && journal_key_equal(key, cdr_record_key_of_id(text_builder_view(&id))));
}

static void test_a_call_cut_by_a_restart_ends_with_its_last_proof_of_life(void) {
  struct cdr_record record;
  cdr_record_init(&record);
  record.started_at = (struct wall_us){1000000};
  record.answered_at = (struct wall_us){3000000};
  record.last_alive_at = (struct wall_us){8500000};
  cdr_record_end_by_restart(&record);
  expect_view(record.end_reason, "switch_restart");
  expect_view(record.end_direction, "switch");
  expect_int(record.ended_at.value, ==, 8500000);
  expect_int(record.hold_time_ms, ==, 5500);
  expect_int(record.fee_time_s, ==, 6);
  expect_int(record.sip_status, ==, 200);
}

static struct cdr_record talked_for(int64_t milliseconds) {
  struct cdr_record record;
  cdr_record_init(&record);
  record.started_at = (struct wall_us){1000000};
  record.answered_at = (struct wall_us){3000000};
  record.ended_at = (struct wall_us){3000000 + milliseconds * 1000};
  record.hold_time_ms = (uint64_t)milliseconds;
  return record;
}

static void test_a_second_begun_is_a_second_paid(void) {
  static const uint64_t paid[][2] = {{0, 0}, {1, 1}, {999, 1}, {1000, 1}, {1001, 2}};
  for (size_t i = 0; i < sizeof paid / sizeof paid[0]; i++) {
    struct cdr_record record = talked_for((int64_t)paid[i][0]);
    cdr_record_charge(&record, record.ended_at);
    expect_int(record.fee_time_s, ==, paid[i][1]);
    expect_int(record.billed_until.value, ==, record.ended_at.value);
  }
}

static void test_what_is_charged_ends_within_the_call(void) {
  struct cdr_record record = talked_for(1832000);
  cdr_record_charge(&record, (struct wall_us){record.answered_at.value + 1500000000});
  expect_int(record.fee_time_s, ==, 1500);
  expect_int(record.hold_time_ms, ==, 1832000);
  expect_int(record.billed_until.value, ==, record.answered_at.value + 1500000000);
  cdr_record_charge(&record, (struct wall_us){record.ended_at.value + 5000000}); /* a clock that was set */
  expect_int(record.fee_time_s, ==, 1832);
  cdr_record_charge(&record, (struct wall_us){1});
  expect_int(record.fee_time_s, ==, 0);
  expect_int(record.billed_until.value, ==, record.answered_at.value);
}

static void test_talk_time_is_the_monotonic_clock_s_whatever_the_wall_clock_says(void) {
  struct cdr_record record = talked_for(60000);
  record.ended_at.value -= INT64_C(3600000000); /* set back by an hour meanwhile */
  cdr_record_charge(&record, record.ended_at);
  expect_int(record.fee_time_s, ==, 60);
}

static void test_an_attempt_cut_by_a_restart_has_no_talk_time(void) {
  struct cdr_record record;
  cdr_record_init(&record);
  record.started_at = (struct wall_us){1000000};
  cdr_record_end_by_restart(&record);
  expect_int(record.ended_at.value, ==, 1000000);
  expect(record.hold_time_ms == CDR_NUMBER_NONE);
  expect_int(record.sip_status, >=, 400);
}

TAP_TESTS(TAP(test_a_second_begun_is_a_second_paid), TAP(test_what_is_charged_ends_within_the_call),
          TAP(test_talk_time_is_the_monotonic_clock_s_whatever_the_wall_clock_says),
          TAP(test_the_key_is_read_out_of_the_id), TAP(test_the_key_of_a_call_is_that_of_its_id),
          TAP(test_a_call_cut_by_a_restart_ends_with_its_last_proof_of_life),
          TAP(test_an_attempt_cut_by_a_restart_has_no_talk_time),
          TAP(test_a_new_record_is_empty_and_its_numbers_are_unknown),
          TAP(test_what_is_encoded_is_decoded_field_by_field), TAP(test_the_bytes_are_as_written_down),
          TAP(test_a_record_of_an_older_switch_leaves_the_newer_fields_empty),
          TAP(test_a_record_of_a_newer_switch_is_read_as_far_as_it_is_known),
          TAP(test_a_record_that_breaks_off_inside_a_field_is_refused),
          TAP(test_another_version_and_no_bytes_are_refused), TAP(test_a_text_beyond_16_bits_is_cut))
