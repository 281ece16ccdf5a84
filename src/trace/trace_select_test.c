#include "trace/trace_select.h"

#include "tap.h"
#include "trace/trace_example.h"

static struct example example;
static struct trace_selection selection;

static void start(void) {
  example.count = 0;
  example_call(&example, "call-one", "one-a", "one-b");
  example_call(&example, "call-two", "two-a", "two-b");
  example_add(&example, TRACE_KEEPALIVE, TRACE_SENT, 5070, STR_VIEW("HELLO"));
}

/* How many records are taken. */
static size_t ask(const struct trace_filter *filter) {
  size_t taken = 0;
  bool linked;
  trace_selection_init(&selection, filter);
  for (size_t i = 0; i < example.count; i++)
    trace_selection_seek(&selection, &example.records[i]);
  do {
    linked = false;
    struct trace_link link;
    for (size_t i = 0; i < example.count; i++)
      linked |= trace_link_read(&example.records[i], &link) && trace_selection_link(&selection, &link);
  } while (linked);
  for (size_t i = 0; i < example.count; i++)
    taken += trace_selection_takes(&selection, &example.records[i]);
  return taken;
}

static struct trace_filter at_port(uint16_t port) {
  struct trace_filter filter = {.address_count = 1};
  filter.addresses[0] = (struct address){.ip = {192, 0, 2, 1}, .port = port, .family = ADDRESS_IPV4};
  return filter;
}

static void test_everything_is_taken_when_nothing_is_asked_for(void) {
  start();
  expect_int(ask(&(struct trace_filter){0}), ==, 15);
  expect(trace_selection_is_all(&selection));
}

static void test_a_call_is_found_by_its_id_and_by_either_call_id_with_both_legs(void) {
  start();
  expect_int(ask(&(struct trace_filter){.call = STR_VIEW("call-one")}), ==, 7);
  expect_int(ask(&(struct trace_filter){.call = STR_VIEW("two-a")}), ==, 7);
  expect_int(ask(&(struct trace_filter){.call = STR_VIEW("two-b")}), ==, 7);
  expect_int(ask(&(struct trace_filter){.call = STR_VIEW("three")}), ==, 0);
}

/* The second, where one is expected, is what stands in the message. */
static const char *const call_ids[][2] = {
    {"INVITE sip:a SIP/2.0\r\nVia: x\r\nCall-ID: one@host\r\nCSeq: 1 INVITE\r\n\r\nCall-ID: body\r\n", "one@host"},
    {"SIP/2.0 200 OK\r\ni:two\r\n\r\n", "two"},
    {"SIP/2.0 200 OK\r\nCALL-ID  :\tthree \r\nCall-ID: other\r\n\r\n", "three"},
    {"INFO sip:a SIP/2.0\r\nCall-ID:\r\n four\r\nCSeq: 1 INFO\r\n\r\n", "four"},
    {"INFO sip:a SIP/2.0\nIdentity: none\nCall-ID-Of: it\nCall-ID: five\n\n", "five"},
    {"INFO sip:a SIP/2.0\r\nVia: x\r\n\r\nCall-ID: body\r\n", ""},
    {"HELLO", ""},
};

static void test_the_call_id_is_found_quickly_and_is_the_one_that_is_read(void) {
  char text[512];
  for (size_t i = 0; i < sizeof call_ids / sizeof call_ids[0]; i++) {
    memset(text, 0, sizeof text);
    struct trace_record record = {.kind = TRACE_SIP, .payload = str_view_of(text, strlen(call_ids[i][0]))};
    memcpy(text, call_ids[i][0], record.payload.length);
    expect_view(trace_message_call_id(&record), call_ids[i][1]);
    struct sip_message message;
    if (trace_message_read(&record, &message)) expect(str_view_equal(message.call_id, str_view_from_c(call_ids[i][1])));
  }
}

static void test_numbers_are_those_of_from_to_and_request_uri(void) {
  start();
  expect_int(ask(&(struct trace_filter){.number = STR_VIEW("1001")}), ==, 14);
  expect_int(ask(&(struct trace_filter){.number = STR_VIEW("0044123")}), ==, 14);
  expect_int(ask(&(struct trace_filter){.number = STR_VIEW("0044*")}), ==, 14);
  expect_int(ask(&(struct trace_filter){.number = STR_VIEW("100")}), ==, 0);
}

static void test_an_address_brings_whole_calls_and_its_keep_alives(void) {
  start();
  struct trace_filter caller = at_port(5070), callee = at_port(5080), any = at_port(0), nobody = at_port(5999);
  expect_int(ask(&caller), ==, 15);
  expect_int(ask(&callee), ==, 14);
  expect_int(ask(&any), ==, 15);
  expect_int(ask(&nobody), ==, 0);
}

static void test_all_that_is_asked_for_must_fit(void) {
  start();
  struct trace_filter filter = at_port(5080);
  filter.number = STR_VIEW("999");
  expect_int(ask(&filter), ==, 0);
}

static void test_only_what_is_within_the_time_is_taken(void) {
  start();
  struct trace_filter filter = {.since = example.records[10].wall, .until = example.records[12].wall};
  expect_int(ask(&filter), ==, 3);
}

TAP_TESTS(TAP(test_the_call_id_is_found_quickly_and_is_the_one_that_is_read),
          TAP(test_everything_is_taken_when_nothing_is_asked_for),
          TAP(test_a_call_is_found_by_its_id_and_by_either_call_id_with_both_legs),
          TAP(test_numbers_are_those_of_from_to_and_request_uri),
          TAP(test_an_address_brings_whole_calls_and_its_keep_alives), TAP(test_all_that_is_asked_for_must_fit),
          TAP(test_only_what_is_within_the_time_is_taken))
