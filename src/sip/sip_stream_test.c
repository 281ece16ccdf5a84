#include "sip/sip_stream.h"

#include "tap.h"

#define MESSAGE "OPTIONS sip:a SIP/2.0\r\nSubject:\r\nContent-Length :\r\n 3\r\n\r\nabc"

static uint32_t searched, length;

static enum sip_frame frame(const char *text) {
  searched = 0;
  return sip_stream_frame(str_view_from_c(text), &searched, &length);
}

static void test_a_message_ends_where_content_length_says(void) {
  expect_int(frame(MESSAGE "INVITE"), ==, SIP_FRAME_MESSAGE);
  expect_int(length, ==, sizeof MESSAGE - 1);
  expect_int(searched, ==, 0);
  expect_int(frame("OPTIONS sip:a SIP/2.0\r\nl: 0\r\n\r\n"), ==, SIP_FRAME_MESSAGE);
}

static void test_bytes_that_come_one_by_one_give_the_same_message(void) {
  searched = 0;
  for (size_t count = 0; count < sizeof MESSAGE - 1; count++)
    expect_int(sip_stream_frame(str_view_of(MESSAGE, count), &searched, &length), ==, SIP_FRAME_INCOMPLETE);
  expect_int(sip_stream_frame(STR_VIEW(MESSAGE), &searched, &length), ==, SIP_FRAME_MESSAGE);
  expect_int(length, ==, sizeof MESSAGE - 1);
}

static void test_pings_and_pongs_are_told_apart(void) {
  expect_int(frame("\r\n\r\n"), ==, SIP_FRAME_PING);
  expect_int(length, ==, 4);
  expect_int(frame("\r\n\r\nOPTIONS"), ==, SIP_FRAME_PING);
  expect_int(frame("\r\n"), ==, SIP_FRAME_PONG);
  expect_int(length, ==, 2);
  expect_int(frame("\r\nOPTIONS"), ==, SIP_FRAME_PONG);
  expect_int(frame("\r"), ==, SIP_FRAME_INCOMPLETE);
  expect_int(frame("\r\n\r"), ==, SIP_FRAME_INCOMPLETE);
  expect_int(frame(""), ==, SIP_FRAME_INCOMPLETE);
  expect_int(frame("\rX"), ==, SIP_FRAME_BROKEN);
}

static void test_zero_bytes_between_messages_are_skipped(void) {
  searched = 0;
  expect_int(sip_stream_frame(str_view_of("\0\0\0\0OPTIONS", 11), &searched, &length), ==, SIP_FRAME_PONG);
  expect_int(length, ==, 4);
}

static void test_a_message_without_one_good_content_length_breaks_the_stream(void) {
  expect_int(frame("OPTIONS sip:a SIP/2.0\r\n\r\n"), ==, SIP_FRAME_BROKEN);
  expect_int(frame("OPTIONS sip:a SIP/2.0\r\nl: 1\r\nContent-Length: 1\r\n\r\na"), ==, SIP_FRAME_BROKEN);
  expect_int(frame("OPTIONS sip:a SIP/2.0\r\nl: -1\r\n\r\n"), ==, SIP_FRAME_BROKEN);
  expect_int(frame("OPTIONS sip:a SIP/2.0\r\nl: 1x\r\n\r\n"), ==, SIP_FRAME_BROKEN);
  expect_int(frame("OPTIONS sip:a SIP/2.0\r\nl: 4294967296\r\n\r\n"), ==, SIP_FRAME_BROKEN);
  expect_int(frame("OPTIONS sip:a SIP/2.0\r\nl: 65535\r\n\r\n"), ==, SIP_FRAME_BROKEN);
}

static void test_headers_without_an_end_break_the_stream_at_the_limit(void) {
  static char bytes[65536];
  memset(bytes, 'x', sizeof bytes);
  searched = 0;
  expect_int(sip_stream_frame(str_view_of(bytes, 65535), &searched, &length), ==, SIP_FRAME_INCOMPLETE);
  expect_int(sip_stream_frame(str_view_of(bytes, 65536), &searched, &length), ==, SIP_FRAME_BROKEN);
}

static void test_a_message_of_65535_bytes_fits(void) {
  static char bytes[65535];
  memset(bytes, 'x', sizeof bytes);
  memcpy(bytes, "OPTIONS sip:a SIP/2.0\r\nl: 65500\r\n\r\n", 35);
  searched = 0;
  expect_int(sip_stream_frame(str_view_of(bytes, 65535), &searched, &length), ==, SIP_FRAME_MESSAGE);
  expect_int(length, ==, 65535);
}

static void test_other_protocols_are_sent_away(void) {
  expect_int(frame("\x16\x03\x01"), ==, SIP_FRAME_BROKEN);
  expect_int(frame("<xml>"), ==, SIP_FRAME_BROKEN);
}

TAP_TESTS(TAP(test_a_message_ends_where_content_length_says),
          TAP(test_bytes_that_come_one_by_one_give_the_same_message), TAP(test_pings_and_pongs_are_told_apart),
          TAP(test_zero_bytes_between_messages_are_skipped),
          TAP(test_a_message_without_one_good_content_length_breaks_the_stream),
          TAP(test_headers_without_an_end_break_the_stream_at_the_limit), TAP(test_a_message_of_65535_bytes_fits),
          TAP(test_other_protocols_are_sent_away))
