#include "sip/sip_header_values.h"

#include "tap.h"

static struct sip_via via;

static bool parses(const char *text) {
  return sip_via_parse(str_view_from_c(text), &via) == RESULT_OK;
}

static void test_all_parts_of_a_via_are_found(void) {
  expect(
      parses("SIP/2.0/UDP [2001:db8::9:1]:5062;branch=z9hG4bK1;rport=5070;received=192.0.2.7;maddr=x.org;keep;ttl=1"));
  expect_int(via.transport, ==, TRANSPORT_UDP);
  expect_view(via.sent_by, "[2001:db8::9:1]:5062");
  expect_view(via.host, "2001:db8::9:1");
  expect_int(via.port, ==, 5062);
  expect_view(via.branch, "z9hG4bK1");
  expect(via.has_rport);
  expect_int(via.rport, ==, 5070);
  expect_view(via.received, "192.0.2.7");
  expect_view(via.maddr, "x.org");
}

static void test_blanks_may_stand_nearly_everywhere(void) {
  expect(parses("SIP  /   2.0\r\n /UDP\r\n    192.0.2.2 : 5060 ; branch  = 390skdjuw ; rport "));
  expect_view(via.host, "192.0.2.2");
  expect_int(via.port, ==, 5060);
  expect_view(via.branch, "390skdjuw");
  expect(via.has_rport);
  expect_int(via.rport, ==, 0);
}

static void test_an_unknown_transport_is_kept_as_text(void) {
  expect(parses("SIP/2.0/SCTP host"));
  expect_int(via.transport, ==, TRANSPORT_NONE);
  expect_view(via.transport_text, "SCTP");
  expect_int(via.branch.length, ==, 0);
  expect(!via.has_rport);
}

static void test_received_may_have_brackets(void) {
  expect(parses("SIP/2.0/UDP a;received=[2001:db8::9:255]"));
  expect_view(via.received, "[2001:db8::9:255]");
  expect(parses("SIP/2.0/UDP a;received=2001:db8::9:255"));
  expect_view(via.received, "2001:db8::9:255");
}

static void test_broken_vias_are_refused(void) {
  static const char *const broken[] = {
      "",
      "SIP/2.0/UDP",
      "SIP/2.0/UDP ",
      "SIP/2.0 UDP a",
      "SIP/1.0/UDP a",
      "XIP/2.0/UDP a",
      "SIP/2.0/ a",
      "SIP/2.0/UDPa;b",
      "SIP/2.0/UDP a:",
      "SIP/2.0/UDP a:0",
      "SIP/2.0/UDP a:65536",
      "SIP/2.0/UDP a;",
      "SIP/2.0/UDP a;;",
      "SIP/2.0/UDP a;=1",
      "SIP/2.0/UDP a;branch=",
      "SIP/2.0/UDP [::1",
      "SIP/2.0/UDP [x]",
      "SIP/2.0/UDP a b",
      "SIP/2.0/UDP a;rport=x",
      "SIP/2.0/UDP a;rport=65536",
      "SIP/2.0/UDP ;branch=1",
  };
  for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    if (parses(broken[i])) tap_fail(__FILE__, __LINE__, broken[i]);
  }
}

static void test_the_top_via_is_the_first_value(void) {
  static struct sip_message message;
  struct sip_defect defect;
  (void)!sip_message_parse(
      STR_VIEW("OPTIONS sip:a SIP/2.0\r\nv: SIP/2.0/TCP a;branch=1,SIP/2.0/UDP b\r\nVia: x\r\n\r\n"), &message,
      &defect);
  expect_int(sip_message_top_via(&message, &via), ==, RESULT_OK);
  expect_view(via.host, "a");
  (void)!sip_message_parse(STR_VIEW("OPTIONS sip:a SIP/2.0\r\n\r\n"), &message, &defect);
  expect_int(sip_message_top_via(&message, &via), ==, RESULT_MALFORMED);
}

TAP_TESTS(TAP(test_all_parts_of_a_via_are_found), TAP(test_blanks_may_stand_nearly_everywhere),
          TAP(test_an_unknown_transport_is_kept_as_text), TAP(test_received_may_have_brackets),
          TAP(test_broken_vias_are_refused), TAP(test_the_top_via_is_the_first_value))
