#include "sip/sip_message.h"

#include "tap.h"

static struct sip_message message;
static struct sip_defect defect;

#define FIXED                                                                                                          \
  "Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK1;rport\r\nFrom: \"A\" <sip:1001@example.org>;tag=f1\r\n"             \
  "To: <sip:1002@example.org>\r\nCall-ID: c1@192.0.2.1\r\n"

static enum result parse(const char *text) {
  defect = (struct sip_defect){0};
  return sip_message_parse(str_view_from_c(text), &message, &defect);
}

/* The status with which a message of these lines is refused; 0: dropped, -1: it is not refused. */
static int refusal(const char *text) {
  return parse(text) == RESULT_OK ? -1 : defect.status;
}

static void test_a_request_is_read(void) {
  expect_int(parse("INVITE sip:1002@example.org SIP/2.0\r\n" FIXED "CSeq: 7 INVITE\r\nContent-Length: 3\r\n\r\nv=0"),
             ==, RESULT_OK);
  expect(message.is_request);
  expect_int(message.method, ==, SIP_METHOD_INVITE);
  expect_view(message.request_uri, "sip:1002@example.org");
  expect_int(message.cseq, ==, 7);
  expect_view(message.call_id, "c1@192.0.2.1");
  expect_view(message.from_tag, "f1");
  expect_int(message.to_tag.length, ==, 0);
  expect_view(message.body, "v=0");
  expect_int(message.header_count, ==, 6);
}

static void test_a_response_is_read(void) {
  expect_int(parse("SIP/2.0 180 Ringing there\r\n" FIXED "CSeq: 7 INVITE\r\n\r\n"), ==, RESULT_OK);
  expect(!message.is_request);
  expect_int(message.status, ==, 180);
  expect_view(message.reason_phrase, "Ringing there");
  expect_int(message.method, ==, SIP_METHOD_INVITE);
  expect_view(message.method_text, "INVITE");
}

static void test_line_breaks_before_the_start_line_are_ignored(void) {
  expect_int(parse("\r\n\r\nOPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\n\r\n"), ==, RESULT_OK);
  expect_int(message.method, ==, SIP_METHOD_OPTIONS);
}

static void test_an_unknown_method_is_kept_as_text(void) {
  expect_int(parse("invite sip:a SIP/2.0\r\n" FIXED "CSeq: 7 invite\r\n\r\n"), ==, RESULT_OK);
  expect_int(message.method, ==, SIP_METHOD_UNKNOWN);
  expect_view(message.method_text, "invite");
}

static void test_the_body_is_cut_to_content_length(void) {
  expect_int(parse("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\nl: 2\r\n\r\nabcd"), ==, RESULT_OK);
  expect_view(message.body, "ab");
  expect_int(parse("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\n\r\nabcd"), ==, RESULT_OK);
  expect_view(message.body, "abcd");
}

static void test_nothing_of_the_message_before_stays(void) {
  memset(&message, 0x5a, sizeof message);
  expect_int(
      parse("SIP/2.0 200\r\nVia: SIP/2.0/UDP a\r\nFrom: sip:a\r\nTo: sip:b\r\nCall-ID: c\r\nCSeq: 1 BYE\r\n\r\n"), ==,
      RESULT_OK);
  expect(!message.is_request);
  expect_int(message.request_uri.length + message.reason_phrase.length + message.body.length, ==, 0);
  expect_int(message.from_tag.length + message.to_tag.length, ==, 0);
  expect_int(message.header_count, ==, 5);
  expect_int(message.cseq, ==, 1);
  for (unsigned header = 0; header < SIP_HEADER_COUNT; header++)
    expect_int(message.first_field[header], <=, 5);
  expect_int(parse("x"), ==, RESULT_MALFORMED);
  expect_int(message.method_text.length + message.call_id.length, ==, 0);
  expect_int(message.status + message.cseq + message.method, ==, 0);
}

static void test_every_header_is_found_by_its_names(void) {
  static const char *const names[] = {
#define SIP_HEADER(name, text, compact, form) text,
#include "sip/sip_headers.def"
#undef SIP_HEADER
  };
  static const char compacts[] = {
#define SIP_HEADER(name, text, compact, form) compact,
#include "sip/sip_headers.def"
#undef SIP_HEADER
  };
  for (unsigned i = 0; i < SIP_HEADER_COUNT - 1; i++) {
    char text[1024], upper[64] = {0};
    for (unsigned j = 0; names[i][j]; j++)
      upper[j] = (char)(names[i][j] >= 'a' && names[i][j] <= 'z' ? names[i][j] - 0x20 : names[i][j]);
    snprintf(text, sizeof text, "OPTIONS sip:a SIP/2.0\r\n%s: x\r\n%s: x\r\n%c: x\r\n\r\n", names[i], upper,
             compacts[i] ? compacts[i] : 'z');
    (void)!parse(text);
    expect_int(message.fields[0].header, ==, i + 1);
    expect_int(message.fields[1].header, ==, i + 1);
    expect_int(message.fields[2].header, ==, compacts[i] ? i + 1 : SIP_HEADER_OTHER);
    expect_view(sip_header_text((enum sip_header)(i + 1)), names[i]);
  }
}

static void test_names_that_nearly_match_are_others(void) {
  static const char *const names[] = {"Vias", "Vi", "Fron", "Call_ID", "Content-Lengtg", "aontact", "*", "q"};
  for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
    char text[256];
    snprintf(text, sizeof text, "OPTIONS sip:a SIP/2.0\r\n%s: x\r\n\r\n", names[i]);
    (void)!parse(text);
    expect_int(message.fields[0].header, ==, SIP_HEADER_OTHER);
    expect_view(sip_message_other_header(&message, str_view_from_c(names[i])), "x");
  }
}

static void test_a_missing_field_and_an_empty_one_differ(void) {
  expect_int(parse("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\nSupported:\r\n\r\n"), ==, RESULT_OK);
  expect(sip_message_header(&message, SIP_HEADER_SUPPORTED).data != NULL);
  expect_int(sip_message_header(&message, SIP_HEADER_SUPPORTED).length, ==, 0);
  expect(sip_message_header(&message, SIP_HEADER_ALLOW).data == NULL);
  expect(sip_message_other_header(&message, STR_VIEW("X-None")).data == NULL);
}

static void test_folded_values_are_found_whole(void) {
  expect_int(parse("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq:\r\n 7\r\n\tOPTIONS\r\nSubject: a\r\n  b \r\n\r\n"), ==,
             RESULT_OK);
  expect_view(sip_message_header(&message, SIP_HEADER_SUBJECT), "a\r\n  b");
  expect_int(message.cseq, ==, 7);
}

static void test_values_are_split_at_commas_outside_quotes_and_brackets(void) {
  static const char *const want[] = {"<sip:a@b,c>;x=1", "\"d, \\\" e\" <sip:f>", "sip:g", "sip:h"};
  struct sip_value_cursor cursor = {0};
  struct str_view value;
  unsigned i = 0;
  (void)!parse(
      "OPTIONS sip:a SIP/2.0\r\nRoute: x\r\nContact: <sip:a@b,c>;x=1 , \"d, \\\" e\" <sip:f>,,sip:g\r\nTo: x\r\n"
      "m: sip:h\r\n\r\n");
  for (; sip_message_next_value(&message, SIP_HEADER_CONTACT, &cursor, &value); i++)
    if (i < 4) expect_view(value, want[i]);
  expect_int(i, ==, 4);
  expect(!sip_message_next_value(&message, SIP_HEADER_CONTACT, &cursor, &value));
}

static void test_credentials_are_not_split(void) {
  struct sip_value_cursor cursor = {0};
  struct str_view value;
  (void)!parse("OPTIONS sip:a SIP/2.0\r\nAuthorization: Digest a=1, b=2\r\nAuthorization: Digest c\r\n"
               "Date: Sat, 13 Nov\r\n\r\n");
  expect(sip_message_next_value(&message, SIP_HEADER_AUTHORIZATION, &cursor, &value));
  expect_view(value, "Digest a=1, b=2");
  expect(sip_message_next_value(&message, SIP_HEADER_AUTHORIZATION, &cursor, &value));
  expect_view(value, "Digest c");
  expect(!sip_message_next_value(&message, SIP_HEADER_AUTHORIZATION, &cursor, &value));
  cursor = (struct sip_value_cursor){0};
  expect(sip_message_next_value(&message, SIP_HEADER_DATE, &cursor, &value));
  expect_view(value, "Sat, 13 Nov");
}

static void test_lists_are_searched_for_tokens(void) {
  (void)!parse("OPTIONS sip:a SIP/2.0\r\nSupported: 100rel , Timer\r\nk: path;q=1\r\n\r\n");
  expect(sip_message_lists_token(&message, SIP_HEADER_SUPPORTED, STR_VIEW("timer")));
  expect(sip_message_lists_token(&message, SIP_HEADER_SUPPORTED, STR_VIEW("100rel")));
  expect(sip_message_lists_token(&message, SIP_HEADER_SUPPORTED, STR_VIEW("path")));
  expect(!sip_message_lists_token(&message, SIP_HEADER_SUPPORTED, STR_VIEW("time")));
  expect(!sip_message_lists_token(&message, SIP_HEADER_REQUIRE, STR_VIEW("timer")));
}

static void test_start_lines_are_strict(void) {
  expect_int(refusal("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\n\r\n"), ==, -1);
  expect_int(refusal("OPTIONS sip:a sip/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\n\r\n"), ==, -1);
  expect_int(refusal("OPTIONS  sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\n\r\n"), ==, 400);
  expect_int(refusal("OPTIONS sip:a SIP/2.0 \r\n" FIXED "CSeq: 7 OPTIONS\r\n\r\n"), ==, 400);
  expect_int(refusal("OPTIONS sip:a SIP/2.1\r\n" FIXED "CSeq: 7 OPTIONS\r\n\r\n"), ==, 505);
  expect_int(refusal("OPTIONS sip:a SIP/20\r\n" FIXED "CSeq: 7 OPTIONS\r\n\r\n"), ==, 505);
  expect_int(refusal("OPTIONS urn:service:sos SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\n\r\n"), ==, 416);
  expect_int(refusal("OPTIONS SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\n\r\n"), ==, 0);
  expect_int(refusal("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), ==, 0);
  expect_int(refusal("HELLO"), ==, 0);
  expect_int(refusal(""), ==, 0);
  expect_int(refusal("SIP/2.0 99 Low\r\n" FIXED "CSeq: 7 OPTIONS\r\n\r\n"), ==, 0);
  expect_int(refusal("SIP/2.0 700 High\r\n" FIXED "CSeq: 7 OPTIONS\r\n\r\n"), ==, 0);
  expect_int(refusal("SIP/2.0 200\r\n" FIXED "CSeq: 7 OPTIONS\r\n\r\n"), ==, -1);
}

static void test_a_request_uri_has_a_limit(void) {
  static char text[4096];
  snprintf(text, sizeof text, "OPTIONS sip:%02048d@a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\n\r\n", 1);
  expect_int(refusal(text), ==, 414);
}

static void test_what_every_message_needs_must_be_there(void) {
  static const char *const rest[] = {
      "Via: SIP/2.0/UDP a\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCall-ID: c\r\n",
      "Via: SIP/2.0/UDP a\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCSeq: 7 OPTIONS\r\n",
      "Via: SIP/2.0/UDP a\r\nFrom: <sip:a>;tag=1\r\nCall-ID: c\r\nCSeq: 7 OPTIONS\r\n",
      "Via: SIP/2.0/UDP a\r\nTo: <sip:b>\r\nCall-ID: c\r\nCSeq: 7 OPTIONS\r\n",
      "From: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCall-ID: c\r\nCSeq: 7 OPTIONS\r\n",
  };
  for (unsigned i = 0; i < sizeof rest / sizeof rest[0]; i++) {
    char text[512];
    snprintf(text, sizeof text, "OPTIONS sip:a SIP/2.0\r\n%s\r\n", rest[i]);
    expect_int(refusal(text), ==, 400);
  }
}

static void test_cseq_is_checked(void) {
  expect_int(refusal("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 2147483647 OPTIONS\r\n\r\n"), ==, -1);
  expect_int(refusal("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 2147483648 OPTIONS\r\n\r\n"), ==, 400);
  expect_int(refusal("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 18446744073709551616 OPTIONS\r\n\r\n"), ==, 400);
  expect_int(refusal("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: -1 OPTIONS\r\n\r\n"), ==, 400);
  expect_int(refusal("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 1OPTIONS\r\n\r\n"), ==, 400);
  expect_int(refusal("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 1\r\n\r\n"), ==, 400);
  expect_int(refusal("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 1 OPTIONS x\r\n\r\n"), ==, 400);
  expect_int(refusal("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 1 INVITE\r\n\r\n"), ==, 400);
  expect_int(refusal("NEW sip:a SIP/2.0\r\n" FIXED "CSeq: 1 INVITE\r\n\r\n"), ==, 501);
}

static void test_an_empty_tag_is_refused(void) {
  expect_int(
      refusal("OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a>;tag=\r\nTo: <sip:b>\r\nCall-ID: c\r\n"
              "CSeq: 7 OPTIONS\r\n\r\n"),
      ==, 400);
}

static void test_content_length_is_checked(void) {
  static const char *const wrong[] = {"-1", "4", "x", "3x", "99999999999999999999", ""};
  for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    char text[512];
    snprintf(text, sizeof text, "OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\nl: %s\r\n\r\nabc", wrong[i]);
    expect_int(refusal(text), ==, 400);
  }
}

static void test_a_field_that_stands_twice_is_refused_in_requests(void) {
  expect_int(refusal("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\nMax-Forwards: 1\r\nMax-Forwards: 1\r\n\r\n"),
             ==, 400);
  expect_int(refusal("SIP/2.0 200 OK\r\n" FIXED "CSeq: 7 OPTIONS\r\nServer: a\r\nServer: b\r\n\r\n"), ==, -1);
  expect_int(refusal("SIP/2.0 200 OK\r\n" FIXED "CSeq: 7 OPTIONS\r\ni: c2\r\n\r\n"), ==, 0);
}

static void test_broken_lines_are_refused_and_the_rest_is_still_read(void) {
  static const char *const broken[] = {
      "no colon here", ": nameless", "na me: x", "X: a\rb", "X: a\nb", "X: a\nb\r\n c", "\"X\": y", " X: y", "X\r: y",
  };
  for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    char text[512];
    snprintf(text, sizeof text, "OPTIONS sip:a SIP/2.0\r\n%s\r\n" FIXED "CSeq: 7 OPTIONS\r\n\r\n", broken[i]);
    expect_int(refusal(text), ==, 400);
    expect(sip_message_has(&message, SIP_HEADER_CSEQ));
    expect_view(message.from_tag, "f1");
  }
}

static void test_headers_must_end_with_an_empty_line(void) {
  expect_int(refusal("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\n"), ==, 400);
  expect_int(refusal("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS"), ==, 400);
  expect_int(refusal("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r"), ==, 400);
  expect_int(refusal("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\n\r"), ==, 400);
  expect_int(refusal("OPTIONS sip:a SIP/2.0"), ==, 400);
}

static void test_128_headers_are_read_and_no_more(void) {
  static char text[8192];
  size_t length = (size_t)snprintf(text, sizeof text, "OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\n");
  for (unsigned i = 5; i < SIP_MESSAGE_HEADERS_MAX; i++)
    length += (size_t)snprintf(text + length, sizeof text - length, "X-Y: z\r\n");
  snprintf(text + length, sizeof text - length, "\r\n");
  expect_int(refusal(text), ==, -1);
  expect_int(message.header_count, ==, SIP_MESSAGE_HEADERS_MAX);
  snprintf(text + length, sizeof text - length, "X-Y: z\r\n\r\n");
  expect_int(refusal(text), ==, 400);
}

static void test_a_message_of_65535_bytes_is_read_and_none_larger(void) {
  static char text[SIP_MESSAGE_BYTES_MAX + 1];
  memset(text, 'x', sizeof text);
  int length = snprintf(text, sizeof text, "OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\n\r\n");
  text[length] = 'x';
  expect_int(sip_message_parse(str_view_of(text, SIP_MESSAGE_BYTES_MAX), &message, &defect), ==, RESULT_OK);
  expect_int(sip_message_parse(str_view_of(text, sizeof text), &message, &defect), ==, RESULT_MALFORMED);
  expect_int(defect.status, ==, 513);
  expect_view(message.call_id, "c1@192.0.2.1");
}

static void test_a_message_that_announces_more_than_65535_bytes_is_too_large(void) {
  expect_int(refusal("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\nContent-Length: 9999\r\n\r\n"), ==, 400);
  expect_int(refusal("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\nContent-Length: 65500\r\n\r\n"), ==, 513);
  expect_int(refusal("OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\nContent-Length: 4294967295\r\n\r\n"), ==,
             513);
}

static void test_a_header_of_64_kib_is_read(void) {
  static char text[SIP_MESSAGE_BYTES_MAX];
  size_t length =
      (size_t)snprintf(text, sizeof text, "OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: 7 OPTIONS\r\nSupported: ");
  memset(text + length, ',', sizeof text - length);
  memcpy(text + sizeof text - 9, ",last\r\n\r\n", 9);
  expect_int(sip_message_parse(str_view_of(text, sizeof text), &message, &defect), ==, RESULT_OK);
  expect(sip_message_lists_token(&message, SIP_HEADER_SUPPORTED, STR_VIEW("last")));
  expect(!sip_message_lists_token(&message, SIP_HEADER_SUPPORTED, STR_VIEW("")));
}

static void test_a_broken_ack_or_response_is_never_answered(void) {
  expect_int(refusal("ACK sip:a SIP/2.0\r\n" FIXED "CSeq: 7 INVITE\r\n\r\n"), ==, 0);
  expect_int(refusal("SIP/2.0 200 OK\r\n" FIXED "CSeq: x\r\n\r\n"), ==, 0);
  expect(defect.rule != NULL);
}

static void test_a_defect_says_where_it_is(void) {
  static const char text[] = "OPTIONS sip:a SIP/2.0\r\n" FIXED "CSeq: x\r\n\r\n";
  expect_int(refusal(text), ==, 400);
  expect_int(defect.offset, ==, strstr(text, "x\r\n") - text);
}

static void test_status_codes_have_phrases(void) {
  expect_view(sip_status_text(486), "Busy Here");
  expect_view(sip_status_text(422), "Session Interval Too Small");
  expect_view(sip_status_text(499), "Unknown");
}

static void test_method_names_come_back_from_their_text(void) {
  for (unsigned method = 1; method < SIP_METHOD_COUNT; method++)
    expect_int(sip_method_from_text(sip_method_text((enum sip_method)method)), ==, method);
  expect_int(sip_method_from_text(STR_VIEW("INVIT")), ==, SIP_METHOD_UNKNOWN);
  expect_int(sip_method_from_text((struct str_view){0}), ==, SIP_METHOD_UNKNOWN);
}

TAP_TESTS(TAP(test_a_request_is_read), TAP(test_a_response_is_read),
          TAP(test_line_breaks_before_the_start_line_are_ignored), TAP(test_an_unknown_method_is_kept_as_text),
          TAP(test_the_body_is_cut_to_content_length), TAP(test_nothing_of_the_message_before_stays),
          TAP(test_every_header_is_found_by_its_names), TAP(test_names_that_nearly_match_are_others),
          TAP(test_a_missing_field_and_an_empty_one_differ), TAP(test_folded_values_are_found_whole),
          TAP(test_values_are_split_at_commas_outside_quotes_and_brackets), TAP(test_credentials_are_not_split),
          TAP(test_lists_are_searched_for_tokens), TAP(test_start_lines_are_strict),
          TAP(test_a_request_uri_has_a_limit), TAP(test_what_every_message_needs_must_be_there),
          TAP(test_cseq_is_checked), TAP(test_an_empty_tag_is_refused), TAP(test_content_length_is_checked),
          TAP(test_a_field_that_stands_twice_is_refused_in_requests),
          TAP(test_broken_lines_are_refused_and_the_rest_is_still_read), TAP(test_headers_must_end_with_an_empty_line),
          TAP(test_128_headers_are_read_and_no_more), TAP(test_a_message_of_65535_bytes_is_read_and_none_larger),
          TAP(test_a_message_that_announces_more_than_65535_bytes_is_too_large), TAP(test_a_header_of_64_kib_is_read),
          TAP(test_a_broken_ack_or_response_is_never_answered), TAP(test_a_defect_says_where_it_is),
          TAP(test_status_codes_have_phrases), TAP(test_method_names_come_back_from_their_text))
