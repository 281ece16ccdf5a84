#include "trace/trace_record.h"

#include "tap.h"

static _Alignas(8) char place[4096];

static const struct trace_record example = {
    .wall = {1700000000123456},
    .mono = {42},
    .remote = {.ip = {192, 0, 2, 1}, .port = 5070, .family = ADDRESS_IPV4},
    .local = {.ip = {192, 0, 2, 2}, .port = 5060, .family = ADDRESS_IPV4},
    .kind = TRACE_SIP,
    .direction = TRACE_SENT,
    .transport = TRANSPORT_UDP,
    .worker = 3,
    .position = 777,
    .payload = STR_VIEW_LITERAL("OPTIONS sip:a SIP/2.0\r\n\r\n"),
};

static size_t write_example(void) {
  memset(place, 0, sizeof place);
  trace_record_write(&example, place);
  return trace_record_bytes(example.payload.length);
}

static void test_a_record_is_read_as_it_was_written(void) {
  struct trace_record read;
  size_t bytes = 0, written = write_example();
  expect_int(trace_record_read(place, sizeof place, 777, &read, &bytes), ==, RESULT_OK);
  expect_int(bytes, ==, written);
  expect_int(bytes % 8, ==, 0);
  expect(read.wall.value == example.wall.value && read.mono.value == 42 && read.worker == 3);
  expect(address_equal(&read.remote, &example.remote) && address_equal(&read.local, &example.local));
  expect(read.kind == TRACE_SIP && read.direction == TRACE_SENT && read.transport == TRANSPORT_UDP);
  expect(str_view_equal(read.payload, example.payload));
}

static void test_what_is_of_another_place_or_torn_is_no_record(void) {
  struct trace_record read;
  size_t bytes, written = write_example();
  expect_int(trace_record_read(place, sizeof place, 778, &read, &bytes), ==, RESULT_MALFORMED);
  expect_int(trace_record_read(place, written - 1, 777, &read, &bytes), ==, RESULT_MALFORMED);
  expect_int(trace_record_read(place, 3, 777, &read, &bytes), ==, RESULT_MALFORMED);
  expect_int(trace_record_read(place, written, 777, &read, &bytes), ==, RESULT_OK);
  memset(place + written - 8, 0, 8);
  expect_int(trace_record_read(place, sizeof place, 777, &read, &bytes), ==, RESULT_MALFORMED);
  write_example();
  place[4]++; /* its length */
  expect_int(trace_record_read(place, sizeof place, 777, &read, &bytes), ==, RESULT_MALFORMED);
}

static void test_credentials_never_reach_the_record(void) {
  struct trace_record secret = example, read;
  size_t bytes;
  secret.payload = STR_VIEW("REGISTER sip:a SIP/2.0\r\nAuthorization: Digest response=\"0123\"\r\n\r\n");
  trace_record_write(&secret, place);
  expect_int(trace_record_read(place, sizeof place, 777, &read, &bytes), ==, RESULT_OK);
  expect_int(read.payload.length, ==, secret.payload.length);
  expect(memmem(place, sizeof place, "0123", 4) == NULL);
}

static void test_messages_and_life_signs_are_told_apart(void) {
  char long_text[2000];
  memset(long_text, 'x', sizeof long_text);
  expect_int(trace_kind_of(TRACE_RECEIVED, STR_VIEW("SIP/2.0 200 OK\r\nVia: x\r\n\r\n")), ==, TRACE_SIP);
  expect_int(trace_kind_of(TRACE_RECEIVED, STR_VIEW("INVITE sip:a@b SIP/2.0\r\n\r\n")), ==, TRACE_SIP);
  expect_int(trace_kind_of(TRACE_RECEIVED, STR_VIEW("OPTIONS sip:a@b sip/3.0\nVia: x\n\n")), ==, TRACE_SIP);
  expect_int(trace_kind_of(TRACE_RECEIVED, STR_VIEW("HELLO")), ==, TRACE_KEEPALIVE);
  expect_int(
      trace_kind_of(TRACE_SENT, STR_VIEW("OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKka01\r\n\r\n")),
      ==, TRACE_KEEPALIVE);
  expect_int(trace_kind_of(TRACE_RECEIVED, STR_VIEW("SIP/2.0 200 OK\r\nv: SIP/2.0/UDP h;branch=z9hG4bKka01\r\n\r\n")),
             ==, TRACE_KEEPALIVE);
  expect_int(trace_kind_of(TRACE_RECEIVED, STR_VIEW("")), ==, TRACE_KEEPALIVE);
  expect_int(trace_kind_of(TRACE_RECEIVED, STR_VIEW("\r\n\r\n")), ==, TRACE_KEEPALIVE);
  expect_int(trace_kind_of(TRACE_RECEIVED, STR_VIEW("a rather long hello of a device")), ==, TRACE_KEEPALIVE);
  expect_int(trace_kind_of(TRACE_RECEIVED, str_view_of(long_text, sizeof long_text)), ==, TRACE_SIP);
}

static void test_a_note_is_read_as_it_was_written(void) {
  char memory[TRACE_NOTE_BYTES_MAX], long_text[NOTE_TEXTS_MAX + 100];
  memset(long_text, 'x', sizeof long_text);
  struct note note = {.kind = NOTE_TIMER_ARMED,
                      .side = NOTE_SIDE_CALLEE,
                      .status = 408,
                      .seconds = 600,
                      .due_in_ms = 300000,
                      .call = STR_VIEW("0123"),
                      .text = STR_VIEW("we refresh")},
              read;
  expect_int(trace_note_decode(trace_note_encode(&note, memory), &read), ==, RESULT_OK);
  expect(read.kind == NOTE_TIMER_ARMED && read.side == NOTE_SIDE_CALLEE && read.status == 408 && read.seconds == 600);
  expect_int(read.due_in_ms, ==, 300000);
  expect_view(read.call, "0123");
  expect_view(read.text, "we refresh");
  expect_view(trace_note_word(read.kind), "armed");
  expect_view(trace_side_name(read.side), "callee");
  note.text = note.call = str_view_of(long_text, sizeof long_text);
  expect_int(trace_note_decode(trace_note_encode(&note, memory), &read), ==, RESULT_OK);
  expect_int(read.text.length, ==, NOTE_TEXTS_MAX);
  expect_int(trace_note_decode(STR_VIEW("short"), &read), ==, RESULT_MALFORMED);
}

TAP_TESTS(TAP(test_a_record_is_read_as_it_was_written), TAP(test_what_is_of_another_place_or_torn_is_no_record),
          TAP(test_credentials_never_reach_the_record), TAP(test_messages_and_life_signs_are_told_apart),
          TAP(test_a_note_is_read_as_it_was_written))
