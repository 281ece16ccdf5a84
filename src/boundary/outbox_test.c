#include "boundary/outbox.h"

#include "tap.h"

static struct outbox_entry entries[4];
static _Alignas(16) char bytes[4096];
static struct outbox outbox;
static const struct flow flow = {.connection = 7, .transport = TRANSPORT_TCP, .worker = 2};

static void start(size_t bytes_max) {
  outbox_init(&outbox, entries, 4, bytes, bytes_max);
}

static void test_bytes_are_copied_and_the_order_is_kept(void) {
  start(sizeof bytes);
  char text[] = "first";
  outbox_send(&outbox, &flow, str_view_from_c(text));
  text[0] = 'X';
  outbox_close_connection(&outbox, &flow);
  outbox_send(&outbox, &flow, STR_VIEW("second"));
  expect_int(outbox.entry_count, ==, 3);
  expect_int(entries[0].kind, ==, OUTBOX_SEND);
  expect_view(entries[0].bytes, "first");
  expect(flow_equal(&entries[0].flow, &flow));
  expect_int(entries[1].kind, ==, OUTBOX_CLOSE_CONNECTION);
  expect_view(entries[1].bytes, "");
  expect_view(entries[2].bytes, "second");
}

static void test_each_kind_carries_what_its_doer_needs(void) {
  start(sizeof bytes);
  outbox_ask_location(&outbox, 3, STR_VIEW("1001"), (struct handle){1, 2});
  outbox_resolve(&outbox, STR_VIEW("example.org"), TRANSPORT_TLS, 5061, (struct handle){3, 4});
  outbox_answer_order(&outbox, 99, RESULT_NOT_FOUND, STR_VIEW("no such call"));
  outbox_alarm(&outbox, STR_VIEW("pool full"));
  expect_int(entries[0].kind, ==, OUTBOX_ASK_LOCATION);
  expect_int(entries[0].worker, ==, 3);
  expect_int(entries[0].asker.generation, ==, 2);
  expect_view(entries[0].bytes, "1001");
  expect_int(entries[1].kind, ==, OUTBOX_RESOLVE);
  expect_int(entries[1].flow.transport, ==, TRANSPORT_TLS);
  expect_int(entries[1].flow.remote.port, ==, 5061);
  expect_int(entries[1].asker.index, ==, 3);
  expect_int(entries[2].kind, ==, OUTBOX_ORDER_ANSWER);
  expect_int(entries[2].order_id, ==, 99);
  expect_int(entries[2].result, ==, RESULT_NOT_FOUND);
  expect_view(entries[3].bytes, "pool full");
}

static void test_a_location_is_copied_with_all_its_texts(void) {
  start(sizeof bytes);
  outbox_alarm(&outbox, STR_VIEW("odd"));
  char uri[] = "sip:1001@192.0.2.1", path[] = "<sip:edge;lr>";
  struct location_answer answer = {.asker = {5, 7}, .known = true, .contact_count = 2};
  answer.contacts[0].uri = str_view_from_c(uri);
  answer.contacts[1].uri = STR_VIEW("sip:b");
  answer.contacts[1].path = str_view_from_c(path);
  answer.contacts[1].q_thousandths = 500;
  outbox_tell_location(&outbox, 1, &answer);
  memset(uri, 'X', sizeof uri);
  memset(path, 'X', sizeof path);
  const struct location_answer *copy = entries[1].location;
  expect(copy != NULL);
  if (!copy) return;
  expect_int((uintptr_t)copy % _Alignof(struct location_answer), ==, 0);
  expect_int(entries[1].kind, ==, OUTBOX_TELL_LOCATION);
  expect_int(entries[1].worker, ==, 1);
  expect_int(entries[1].asker.index, ==, 5);
  expect_view(copy->contacts[0].uri, "sip:1001@192.0.2.1");
  expect_view(copy->contacts[1].path, "<sip:edge;lr>");
  expect_int(copy->contacts[1].q_thousandths, ==, 500);
}

static void test_a_full_outbox_drops_and_counts_but_refuses_a_record(void) {
  start(10);
  outbox_send(&outbox, &flow, STR_VIEW("12345678"));
  outbox_send(&outbox, &flow, STR_VIEW("123"));
  expect_int(outbox.dropped, ==, 1);
  expect_int(outbox.entry_count, ==, 1);
  expect_int(outbox_record(&outbox, STR_VIEW("123"), 0), ==, RESULT_FULL);
  expect_int(outbox_record(&outbox, STR_VIEW("12"), 3), ==, RESULT_OK);
  expect_int(entries[1].kind, ==, OUTBOX_RECORD);
  expect_int(entries[1].owed, ==, 3);
  struct location_answer answer = {.contact_count = 1};
  outbox_tell_location(&outbox, 1, &answer);
  expect_int(outbox.dropped, ==, 2);
  expect_int(outbox.byte_count, ==, 10);
  outbox_close_connection(&outbox, &flow);
  outbox_close_connection(&outbox, &flow);
  expect_int(outbox_record(&outbox, STR_VIEW(""), 0), ==, RESULT_FULL);
  outbox_close_connection(&outbox, &flow);
  expect_int(outbox.dropped, ==, 3);
}

static void test_a_location_that_does_not_fit_leaves_nothing_behind(void) {
  start(sizeof(struct location_answer) + 16);
  struct location_answer answer = {.contact_count = 1};
  answer.contacts[0].uri = STR_VIEW("sip:a-uri-that-is-longer-than-what-is-left");
  outbox_tell_location(&outbox, 1, &answer);
  expect_int(outbox.entry_count, ==, 0);
  expect_int(outbox.byte_count, ==, 0);
}

static void test_a_note_is_taken_only_while_a_recorder_runs(void) {
  char text[] = "we refresh";
  struct note note = {
      .kind = NOTE_TIMER_ARMED, .seconds = 600, .call = STR_VIEW("0123"), .text = str_view_from_c(text)};
  start(256);
  outbox_note(&outbox, &note);
  expect_int(outbox.entry_count, ==, 0);
  outbox.takes_notes = true;
  outbox_note(&outbox, &note);
  text[0] = '#';
  expect_int(outbox.entry_count, ==, 1);
  expect_int(entries[0].kind, ==, OUTBOX_NOTE);
  expect_view(entries[0].note->text, "we refresh");
  expect_view(entries[0].note->call, "0123");
  expect_int(entries[0].note->seconds, ==, 600);
}

static void test_a_note_that_does_not_fit_is_left_out_and_counts_as_nothing_lost(void) {
  struct note note = {.kind = NOTE_LEG, .text = STR_VIEW("a Call-ID that is longer than what is left")};
  start(sizeof note + 16);
  outbox.takes_notes = true;
  outbox_note(&outbox, &note);
  expect_int(outbox.entry_count, ==, 0);
  expect_int(outbox.byte_count, ==, 0);
  expect_int(outbox.dropped, ==, 0);
}

static void test_room_is_that_of_one_event(void) {
  static struct outbox_entry many[OUTBOX_EVENT_ENTRIES + 1];
  static char much[OUTBOX_EVENT_BYTES + 4];
  outbox_init(&outbox, many, OUTBOX_EVENT_ENTRIES + 1, much, sizeof much);
  expect(outbox_has_room(&outbox));
  outbox_send(&outbox, &flow, STR_VIEW("1234"));
  expect(outbox_has_room(&outbox));
  outbox_send(&outbox, &flow, STR_VIEW(""));
  expect(!outbox_has_room(&outbox));
  outbox_reset(&outbox);
  expect(outbox_has_room(&outbox));
  outbox_send(&outbox, &flow, STR_VIEW("12345"));
  expect(!outbox_has_room(&outbox));
}

TAP_TESTS(TAP(test_bytes_are_copied_and_the_order_is_kept), TAP(test_each_kind_carries_what_its_doer_needs),
          TAP(test_a_location_is_copied_with_all_its_texts),
          TAP(test_a_full_outbox_drops_and_counts_but_refuses_a_record),
          TAP(test_a_location_that_does_not_fit_leaves_nothing_behind),
          TAP(test_a_note_is_taken_only_while_a_recorder_runs),
          TAP(test_a_note_that_does_not_fit_is_left_out_and_counts_as_nothing_lost),
          TAP(test_room_is_that_of_one_event))
