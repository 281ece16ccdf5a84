#include "sip/sip_build.h"

#include "tap.h"

static char memory[4096];
static struct text_builder builder;
static struct sip_message message;

static void begin(void) {
  builder = text_builder_over(memory, sizeof memory);
}

static void parse(const char *text) {
  struct sip_defect defect;
  (void)!sip_message_parse(str_view_from_c(text), &message, &defect);
}

static struct address address(const char *text) {
  struct address parsed = {0};
  (void)!address_parse(str_view_from_c(text), 0, &parsed);
  return parsed;
}

static void test_a_request_is_built(void) {
  struct address sent_by = address("192.0.2.1:5060");
  begin();
  sip_build_request_line(&builder, STR_VIEW("INVITE"), STR_VIEW("sip:a@b"));
  sip_build_via(&builder, TRANSPORT_UDP, &sent_by, STR_VIEW("z9hG4bK1"));
  sip_build_name_addr(&builder, SIP_HEADER_FROM, STR_VIEW("\"A, B\""), STR_VIEW("sip:a@b"), STR_VIEW("tag=1"));
  sip_build_name_addr(&builder, SIP_HEADER_TO, (struct str_view){0}, STR_VIEW("sip:c@d"), (struct str_view){0});
  sip_build_header(&builder, SIP_HEADER_CALL_ID, STR_VIEW("c1"));
  sip_build_cseq(&builder, 7, STR_VIEW("INVITE"));
  sip_build_header_u32(&builder, SIP_HEADER_MAX_FORWARDS, 70);
  sip_build_other_header(&builder, STR_VIEW("X-Note"), STR_VIEW("hello"));
  sip_build_end(&builder, STR_VIEW("text/plain"), STR_VIEW("body"));
  expect_view(text_builder_view(&builder), "INVITE sip:a@b SIP/2.0\r\n"
                                           "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport\r\n"
                                           "From: \"A, B\" <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: c1\r\n"
                                           "CSeq: 7 INVITE\r\nMax-Forwards: 70\r\nX-Note: hello\r\n"
                                           "Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody");
}

static void test_a_status_line_has_its_default_phrase(void) {
  begin();
  sip_build_status_line(&builder, 486, (struct str_view){0});
  sip_build_status_line(&builder, 486, STR_VIEW("Not now"));
  sip_build_end(&builder, STR_VIEW("text/plain"), (struct str_view){0});
  expect_view(text_builder_view(&builder), "SIP/2.0 486 Busy Here\r\nSIP/2.0 486 Not now\r\nContent-Length: 0\r\n\r\n");
}

static void test_no_value_can_add_a_header_field(void) {
  static const char evil[] = "x\r\nEvil: 1\n\rEvil: 2\r\n\r\nEvil";
  struct str_view value = str_view_from_c(evil);
  struct address sent_by = address("[::1]:5060");
  begin();
  sip_build_request_line(&builder, value, value);
  sip_build_status_line(&builder, 200, value);
  sip_build_header(&builder, SIP_HEADER_SUBJECT, value);
  sip_build_other_header(&builder, STR_VIEW("X"), value);
  sip_build_other_header(&builder, value, STR_VIEW("x"));
  sip_build_other_header(&builder, STR_VIEW("Evil:"), STR_VIEW("x"));
  sip_build_via(&builder, TRANSPORT_TCP, &sent_by, value);
  sip_build_cseq(&builder, 1, value);
  sip_build_name_addr(&builder, SIP_HEADER_FROM, value, value, value);
  sip_build_end(&builder, value, STR_VIEW("x"));
  struct str_view text = text_builder_view(&builder);
  unsigned lines = 0;
  for (size_t i = 0; i < text.length; i++) {
    if (text.data[i] == '\r') expect_int(text.data[i + 1], ==, '\n');
    if (text.data[i] != '\n') continue;
    lines++;
    expect_int(text.data[i - 1], ==, '\r');
    expect(!str_view_starts_with(str_view_from(text, i + 1), STR_VIEW("Evil")));
  }
  expect_int(lines, ==, 10);
}

static void test_names_that_are_no_tokens_are_quoted(void) {
  begin();
  sip_build_name_addr(&builder, SIP_HEADER_FROM, STR_VIEW("Bell, \"A\""), STR_VIEW("sip:a"), (struct str_view){0});
  sip_build_name_addr(&builder, SIP_HEADER_FROM, STR_VIEW("A. Bell"), STR_VIEW("sip:a"), (struct str_view){0});
  sip_build_name_addr(&builder, SIP_HEADER_FROM, STR_VIEW("\"A\" B"), STR_VIEW("sip:a"), (struct str_view){0});
  sip_build_name_addr(&builder, SIP_HEADER_FROM, STR_VIEW("\"A\\\""), STR_VIEW("sip:a"), (struct str_view){0});
  expect_view(text_builder_view(&builder), "From: \"Bell, \\\"A\\\"\" <sip:a>\r\nFrom: A. Bell <sip:a>\r\n"
                                           "From: \"\\\"A\\\" B\" <sip:a>\r\nFrom: \"\\\"A\\\\\\\"\" <sip:a>\r\n");
}

static void test_a_reason_has_its_text_quoted(void) {
  begin();
  sip_build_reason(&builder, STR_VIEW("Q.850"), 16, STR_VIEW("normal"));
  expect_view(text_builder_view(&builder), "Reason: Q.850;cause=16;text=\"normal\"\r\n");
  begin();
  sip_build_reason(&builder, STR_VIEW("SIP"), 487, STR_VIEW("a \"b\" \\\r\nX: y"));
  expect_view(text_builder_view(&builder), "Reason: SIP;cause=487;text=\"a \\\"b\\\" \\\\  X: y\"\r\n");
}

static void test_copied_fields_are_unfolded_and_in_order(void) {
  parse("OPTIONS sip:a SIP/2.0\r\nm: <sip:a>,\r\n\t <sip:b>\r\nX-Y: z\r\nContact:  <sip:c>  \r\n\r\n");
  begin();
  sip_build_copy_headers(&builder, &message, SIP_HEADER_CONTACT);
  sip_build_copy_headers(&builder, &message, SIP_HEADER_OTHER);
  sip_build_copy_headers(&builder, &message, SIP_HEADER_ROUTE);
  expect_view(text_builder_view(&builder), "Contact: <sip:a>, <sip:b>\r\nContact: <sip:c>\r\nX-Y: z\r\n");
}

#define REST "From: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"

/* The response's block for a request with this topmost Via, from 192.0.2.9:1024. */
static struct str_view block_for(const char *via) {
  static char text[512];
  struct address source = address("192.0.2.9:1024");
  snprintf(text, sizeof text, "OPTIONS sip:a SIP/2.0\r\nVia: %s\r\n" REST "\r\n", via);
  parse(text);
  begin();
  sip_build_response_block(&builder, &message, &source, (struct str_view){0});
  struct str_view block = text_builder_view(&builder);
  if (block.length < sizeof REST ||
      !str_view_equal(str_view_from(block, block.length - sizeof REST + 1), STR_VIEW(REST)))
    tap_fail(__FILE__, __LINE__, "what follows the Via fields is not the request's");
  return str_view_slice(block, 0, block.length - sizeof REST + 1);
}

static void test_the_top_via_is_sent_back_with_its_source(void) {
  expect_view(block_for("SIP/2.0/UDP 192.0.2.9:5060;branch=1"), "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=1\r\n");
  expect_view(block_for("SIP/2.0/UDP 192.0.2.8;branch=1"),
              "Via: SIP/2.0/UDP 192.0.2.8;branch=1;received=192.0.2.9\r\n");
  expect_view(block_for("SIP/2.0/UDP a.example"), "Via: SIP/2.0/UDP a.example;received=192.0.2.9\r\n");
  expect_view(block_for("SIP/2.0/UDP 192.0.2.9;rport;branch=1"),
              "Via: SIP/2.0/UDP 192.0.2.9;branch=1;received=192.0.2.9;rport=1024\r\n");
  expect_view(block_for("SIP/2.0/UDP 192.0.2.9;received=6.6.6.6;rport=6;branch=1"),
              "Via: SIP/2.0/UDP 192.0.2.9;branch=1;received=192.0.2.9;rport=1024\r\n");
}

static struct str_view block_with_keep(const char *via, uint32_t keep_s) {
  static char text[512];
  struct address source = address("192.0.2.9:5060");
  snprintf(text, sizeof text, "OPTIONS sip:a SIP/2.0\r\nVia: %s\r\n" REST "\r\n", via);
  parse(text);
  begin();
  sip_build_response_block_keeping(&builder, &message, &source, (struct str_view){0}, keep_s);
  return str_view_slice(text_builder_view(&builder), 0, str_view_find(text_builder_view(&builder), '\r'));
}

static void test_keep_is_answered_with_how_often(void) {
  expect_view(block_with_keep("SIP/2.0/UDP 192.0.2.9;keep;branch=1", 30),
              "Via: SIP/2.0/UDP 192.0.2.9;keep=30;branch=1");
  expect_view(block_with_keep("SIP/2.0/UDP 192.0.2.9;branch=1;KEEP", 30),
              "Via: SIP/2.0/UDP 192.0.2.9;branch=1;KEEP=30");
  expect_view(block_with_keep("SIP/2.0/UDP 192.0.2.9;keep;branch=1", 0), "Via: SIP/2.0/UDP 192.0.2.9;keep;branch=1");
  expect_view(block_with_keep("SIP/2.0/UDP 192.0.2.9;keep=7", 30), "Via: SIP/2.0/UDP 192.0.2.9;keep=7");
  expect_view(block_with_keep("SIP/2.0/UDP 192.0.2.9;branch=1", 30), "Via: SIP/2.0/UDP 192.0.2.9;branch=1");
  expect_view(block_with_keep("SIP/2.0/UDP 192.0.2.9;keep, SIP/2.0/TCP b;keep", 30),
              "Via: SIP/2.0/UDP 192.0.2.9;keep=30");
}

static void test_vias_below_the_top_are_sent_back_as_they_were(void) {
  expect_view(block_for("SIP/2.0/UDP 192.0.2.9;x=\"a,b\" , SIP/2.0/TCP c;rport\r\nv: SIP/2.0/TLS d;received=e"),
              "Via: SIP/2.0/UDP 192.0.2.9;x=\"a,b\"\r\nVia: SIP/2.0/TCP c;rport\r\nVia: SIP/2.0/TLS d;received=e\r\n");
  expect_view(block_for("SIP/7.0/UDP a"), "Via: SIP/7.0/UDP a\r\n");
}

static void test_received_has_no_brackets(void) {
  struct address source = address("[2001:db8::1]:5060");
  parse("OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP [2001:db8::2]\r\n" REST "\r\n");
  begin();
  sip_build_response_block(&builder, &message, &source, (struct str_view){0});
  expect_view(text_builder_view(&builder), "Via: SIP/2.0/UDP [2001:db8::2];received=2001:db8::1\r\n" REST);
}

static void test_a_tag_is_added_only_where_there_is_none(void) {
  struct address source = address("192.0.2.9:5060");
  parse("OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9\r\nTimestamp: 4\r\n" REST "\r\n");
  begin();
  sip_build_response_block(&builder, &message, &source, STR_VIEW("new"));
  expect_view(text_builder_view(&builder),
              "Via: SIP/2.0/UDP 192.0.2.9\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>;tag=new\r\n"
              "Call-ID: c\r\nCSeq: 1 OPTIONS\r\nTimestamp: 4\r\n");
  parse("OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>;tag=old\r\nCall-ID: "
        "c\r\n"
        "CSeq: 1 OPTIONS\r\n\r\n");
  begin();
  sip_build_response_block(&builder, &message, &source, STR_VIEW("new"));
  expect_view(text_builder_view(&builder),
              "Via: SIP/2.0/UDP 192.0.2.9\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>;tag=old\r\n"
              "Call-ID: c\r\nCSeq: 1 OPTIONS\r\n");
}

TAP_TESTS(TAP(test_a_request_is_built), TAP(test_a_status_line_has_its_default_phrase),
          TAP(test_no_value_can_add_a_header_field), TAP(test_names_that_are_no_tokens_are_quoted),
          TAP(test_a_reason_has_its_text_quoted), TAP(test_copied_fields_are_unfolded_and_in_order),
          TAP(test_the_top_via_is_sent_back_with_its_source), TAP(test_keep_is_answered_with_how_often),
          TAP(test_vias_below_the_top_are_sent_back_as_they_were), TAP(test_received_has_no_brackets),
          TAP(test_a_tag_is_added_only_where_there_is_none))
