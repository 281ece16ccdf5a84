#include "sip/sip_body.h"

#include "tap.h"

#define SDP STR_VIEW("application/sdp")

static struct str_view find(const char *content_type, const char *body) {
  return sip_body_find(str_view_from_c(content_type), str_view_from_c(body), SDP);
}

static void test_a_body_of_the_type_is_found_whole(void) {
  expect_view(find("Application / SDP ; charset=x", "v=0\r\n"), "v=0\r\n");
  expect(find("application/sdp", "").data != NULL);
  expect(find("text/plain", "v=0\r\n").data == NULL);
  expect(find("", "v=0\r\n").data == NULL);
  expect(find("application", "v=0\r\n").data == NULL);
}

static void test_a_part_of_multipart_is_found(void) {
  expect_view(find("multipart/mixed;boundary=b1",
                   "preamble\r\n--b1\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b1\r\n"
                   "c: application/sdp\r\n\r\nv=0\r\no=x\r\n\r\n--b1--\r\nepilogue"),
              "v=0\r\no=x\r\n");
  expect_view(find("multipart/mixed; boundary=\"b 1\"", "--b 1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b 1--"),
              "v=0");
}

static void test_a_delimiter_must_begin_a_line(void) {
  expect_view(find("multipart/mixed;boundary=b", "--b\r\nContent-Type: application/sdp\r\n\r\na--b\r\n--b--"), "a--b");
}

static void test_parts_within_parts_are_found_to_the_third_level(void) {
  expect_view(find("multipart/a;boundary=b1", "--b1\r\nContent-Type: multipart/b;boundary=b2\r\n\r\n--b2\r\n"
                                              "Content-Type: application/sdp\r\n\r\nv=0\r\n--b2--\r\n--b1--\r\n"),
              "v=0");
  expect(find("multipart/a;boundary=1",
              "--1\r\nc: multipart/a;boundary=2\r\n\r\n--2\r\nc: multipart/a;boundary=3\r\n\r\n"
              "--3\r\nc: multipart/a;boundary=4\r\n\r\n--4\r\nc: application/sdp\r\n\r\nv=0\r\n"
              "--4--\r\n--3--\r\n--2--\r\n--1--\r\n")
             .data == NULL);
}

static void test_broken_multiparts_hold_nothing(void) {
  expect(find("multipart/mixed", "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--").data == NULL);
  expect(find("multipart/mixed;boundary=", "--\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n----").data == NULL);
  expect(find("multipart/mixed;boundary=b", "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n").data == NULL);
  expect(find("multipart/mixed;boundary=b", "--b").data == NULL);
  expect(find("multipart/mixed;boundary=b", "--b--\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b").data == NULL);
  expect(find("multipart/mixed;boundary=b", "").data == NULL);
}

static void test_a_part_without_headers_is_text(void) {
  expect(find("multipart/mixed;boundary=b", "--b\r\n\r\nv=0\r\n--b--").data == NULL);
  struct str_view text = sip_body_find(STR_VIEW("multipart/mixed;boundary=b"), STR_VIEW("--b\r\n\r\nhello\r\n--b--"),
                                       STR_VIEW("text/plain"));
  expect_view(text, "hello");
}

TAP_TESTS(TAP(test_a_body_of_the_type_is_found_whole), TAP(test_a_part_of_multipart_is_found),
          TAP(test_a_delimiter_must_begin_a_line), TAP(test_parts_within_parts_are_found_to_the_third_level),
          TAP(test_broken_multiparts_hold_nothing), TAP(test_a_part_without_headers_is_text))
