#include "sip/sip_uri.h"

#include "tap.h"

static struct sip_uri uri;
static struct sip_name_addr name_addr;

static bool parses(const char *text) {
  return sip_uri_parse(str_view_from_c(text), &uri) == RESULT_OK;
}

static bool address_parses(const char *text) {
  return sip_name_addr_parse(str_view_from_c(text), &name_addr) == RESULT_OK;
}

static bool equal(const char *left, const char *right) {
  struct sip_uri a, b;
  if (sip_uri_parse(str_view_from_c(left), &a) != RESULT_OK || sip_uri_parse(str_view_from_c(right), &b) != RESULT_OK) {
    tap_fail(__FILE__, __LINE__, "a URI to compare is malformed");
    return false;
  }
  if (sip_uri_equal(&a, &b) != sip_uri_equal(&b, &a)) tap_fail(__FILE__, __LINE__, "equality has a direction");
  return sip_uri_equal(&a, &b);
}

static void test_all_parts_of_a_sip_uri_are_found(void) {
  expect(parses("SIPS:alice;x=1:pa=ss@[2001:db8::1]:5061;transport=tcp;lr?Subject=a%20b&Priority="));
  expect_int(uri.scheme, ==, SIP_URI_SIPS);
  expect_view(uri.scheme_text, "SIPS");
  expect_view(uri.user, "alice;x=1");
  expect_view(uri.password, "pa=ss");
  expect_view(uri.host, "2001:db8::1");
  expect(uri.host_is_ipv6);
  expect_int(uri.port, ==, 5061);
  expect_view(uri.parameters, "transport=tcp;lr");
  expect_view(uri.headers, "Subject=a%20b&Priority=");
}

static void test_a_host_alone_is_a_uri(void) {
  expect(parses("sip:example.org"));
  expect_int(uri.user.length, ==, 0);
  expect_view(uri.host, "example.org");
  expect_int(uri.port, ==, 0);
}

static void test_a_host_and_port_are_not_taken_for_a_user(void) {
  expect(parses("sip:example.org:5070;lr"));
  expect_int(uri.user.length, ==, 0);
  expect_view(uri.host, "example.org");
  expect_int(uri.port, ==, 5070);
  expect_view(uri.parameters, "lr");
  expect(parses("sip:a:b@c:5070"));
  expect_view(uri.user, "a");
  expect_view(uri.password, "b");
  expect_view(uri.host, "c");
}

static void test_feature_codes_of_phones_are_users(void) {
  expect(parses("sip:*21#@example.org"));
  expect_view(uri.user, "*21#");
}

static void test_tel_and_other_uris_are_read(void) {
  expect(parses("tel:+1-201-555-0123;phone-context=example.org"));
  expect_int(uri.scheme, ==, SIP_URI_TEL);
  expect_view(uri.user, "+1-201-555-0123");
  expect_view(uri.parameters, "phone-context=example.org");
  expect(parses("tel:*21#"));
  expect(parses("urn:service:sos"));
  expect_int(uri.scheme, ==, SIP_URI_OTHER);
  expect_view(uri.scheme_text, "urn");
}

static void test_broken_uris_are_refused(void) {
  static const char *const broken[] = {
      "",           "sip",      "sip:",      ":a",          "1sip:a",      "s_ip:a",
      "sip:@a",     "sip:a@",   "sip:a@b@c", "sip:a b@c",   "sip:a@b c",   "sip:a%4@b",
      "sip:a%zz@b", "sip:a%",   "sip:a:",    "sip:a:0",     "sip:a:65536", "sip:a:x",
      "sip:a:1x",   "sip:[::1", "sip:[1]",   "sip:::1",     "sip:[]",      "sip:a;",
      "sip:a;;b",   "sip:a;=b", "sip:a;b c", "sip:a?",      "sip:a?b",     "sip:a?b=c&",
      "sip:a?=c",   "sip:a>b",  "sip:a@b,c", "sip:\"a\"@b", "sip:a\\@b",   "sip:a:b:c@d",
      "tel:",       "tel:+",    "tel:x",     "tel:1;",      "tel:1 2",     "urn:",
      "urn:a b",    "urn:<a>",  "<sip:a>",
  };
  for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    if (parses(broken[i])) tap_fail(__FILE__, __LINE__, broken[i]);
  }
}

static void test_the_uris_that_rfc_3261_calls_equal_are_equal(void) {
  expect(equal("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"));
  expect(equal("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"));
  expect(equal("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"));
  expect(equal("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
               "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"));
  expect(equal("sip:alice@atlanta.com?subject=project%20x&priority=urgent",
               "sip:alice@atlanta.com?priority=urgent&subject=project%20x"));
}

static void test_the_uris_that_rfc_3261_calls_different_are_different(void) {
  expect(!equal("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"));
  expect(!equal("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
  expect(!equal("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"));
  expect(!equal("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"));
  expect(!equal("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"));
  expect(!equal("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"));
  expect(!equal("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"));
  expect(!equal("sip:a@b", "sips:a@b"));
  expect(!equal("sip:a@b", "sip:b"));
  expect(!equal("sip:a:x@b", "sip:a@b"));
  expect(!equal("sip:a:@b", "sip:a@b"));
  expect(!equal("sip:a@b;user=phone", "sip:a@b"));
  expect(!equal("sip:a@b;maddr=192.0.2.1", "sip:a@b"));
}

static void test_an_escaped_reserved_byte_is_not_that_byte(void) {
  expect(!equal("sip:a%3Bb@c", "sip:a;b@c"));
  expect(equal("sip:a%3bb@c", "sip:a%3Bb@c"));
  expect(equal("sip:null-%00@c", "sip:null-%00@c"));
  expect(!equal("sip:null-%00@c", "sip:null-@c"));
  expect(!equal("sip:%25%34%31@c", "sip:%41@c"));
  expect(!equal("sip:%2541@c", "sip:%41@c"));
}

static void test_repeated_parameters_compare_one_by_one(void) {
  expect(equal("sip:a;method=A;method=B;transport=tcp", "sip:a;transport=tcp;method=A;method=B"));
  expect(!equal("sip:a;method=A;method=B", "sip:a;method=B;method=A"));
  expect(!equal("sip:a;method=A;method=A", "sip:a;method=A"));
  expect(!equal("sip:a?Route=b&Route=c", "sip:a?Route=b"));
}

static void test_uris_of_very_many_parameters_compare_as_text(void) {
  static char many[2048] = "sip:a;lr", more[2048] = "sip:a";
  for (unsigned i = 0; i < 40; i++) {
    strcat(many, ";x=1");
    strcat(more, ";x=1");
  }
  strcat(more, ";lr");
  expect(equal(many, many));
  expect(!equal(many, more));
}

static void test_tel_uris_compare_without_separators(void) {
  expect(equal("tel:+1-201-555-0123", "tel:+1(201)555.0123"));
  expect(equal("tel:7042;phone-context=+1-914", "tel:7042;phone-context=+1914"));
  expect(equal("tel:7042;ext=1;phone-context=a.b", "tel:7042;phone-context=A.b;ext=1"));
  expect(!equal("tel:7042;phone-context=a-b.c", "tel:7042;phone-context=ab.c"));
  expect(!equal("tel:7042", "tel:+7042"));
  expect(!equal("tel:7042;ext=1", "tel:7042"));
}

static void test_plain_users_lose_escapes_and_parameters(void) {
  char memory[64];
  struct arena arena;
  arena_init(&arena, memory, sizeof memory);
  expect(parses("sip:+49%31%30;phone-context=x@h"));
  expect_view(sip_uri_user_plain(&uri, &arena), "+4910");
  expect(parses("sip:1001;x=%31@h"));
  size_t used = arena.used;
  expect_view(sip_uri_user_plain(&uri, &arena), "1001");
  expect_int(arena.used, ==, used);
  expect(parses("sip:a%00b@h"));
  expect(str_view_equal(sip_uri_user_plain(&uri, &arena), str_view_of("a\0b", 3)));
  arena_init(&arena, memory, 0);
  expect_int(sip_uri_user_plain(&uri, &arena).length, ==, 0);
}

static void test_the_transport_comes_from_parameter_or_scheme(void) {
  expect(parses("sip:a;transport=tcp"));
  expect_int(sip_uri_transport(&uri), ==, TRANSPORT_TCP);
  expect(parses("sip:a"));
  expect_int(sip_uri_transport(&uri), ==, TRANSPORT_NONE);
  expect(parses("sips:a;transport=tcp"));
  expect_int(sip_uri_transport(&uri), ==, TRANSPORT_TLS);
}

static void test_name_addrs_are_read(void) {
  expect(address_parses(" \"A. \\\"B\\\" <x>\"  <sip:a@b;lr>;tag=1 ; q = \"0,5\" "));
  expect_view(name_addr.display, "\"A. \\\"B\\\" <x>\"");
  expect_view(name_addr.uri_text, "sip:a@b;lr");
  expect_view(name_addr.parameters, "tag=1 ; q = \"0,5\"");
  expect(address_parses("A B<sip:a>"));
  expect_view(name_addr.display, "A B");
  expect(address_parses("M\xc3\xbcller (home) <sip:a>"));
  expect_view(name_addr.display, "M\xc3\xbcller (home)");
}

static void test_quoted_names_hold_controls_only_behind_a_backslash(void) {
  expect(address_parses("\"a\\\001b\" <sip:a>"));
  expect(address_parses("\"a\r\n b\" <sip:a>"));
  expect(!address_parses("\"a\001b\" <sip:a>"));
  expect(!address_parses("\"a\\\r\n b\" <sip:a>"));
  expect(!address_parses("\"a\\\" <sip:a>"));
}

static void test_without_brackets_parameters_are_the_headers(void) {
  expect(address_parses("sip:a@b;tag=1"));
  expect_view(name_addr.uri_text, "sip:a@b");
  expect_int(name_addr.uri.parameters.length, ==, 0);
  expect_view(name_addr.parameters, "tag=1");
  expect(address_parses("sip:a@b \r\n ;\r\n tag = 1"));
  expect_view(name_addr.parameters, "tag = 1");
}

static void test_a_star_is_a_contact(void) {
  expect(address_parses(" * "));
  expect(name_addr.is_star);
  expect(!address_parses("*;q=1"));
}

static void test_broken_name_addrs_are_refused(void) {
  static const char *const broken[] = {
      "",
      " ",
      "<>",
      "<sip:a",
      "sip:a>",
      "\"A <sip:a>",
      "\"A\" sip:a",
      "< sip:a>",
      "<sip:a >",
      "A, B <sip:a>",
      "A;B <sip:a>",
      "<sip:a>;",
      "<sip:a>;;b",
      "<sip:a>;b=",
      "<sip:a>;b=\"c",
      "<sip:a>;b c",
      "<sip:a> b",
      "<sip:a>,<sip:b>",
      "sip:a,b@c",
      "sip:a?b=c",
      "sip:a;b=c,d",
      "a@b",
      "<a@b>",
      "**",
  };
  for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    if (address_parses(broken[i])) tap_fail(__FILE__, __LINE__, broken[i]);
  }
}

static void test_parameters_are_found_without_case(void) {
  struct str_view text = STR_VIEW("a=1 ; B = \"x;y=2\" ;c;d=4"), value;
  expect(sip_parameter_find(text, STR_VIEW("b"), &value));
  expect_view(value, "\"x;y=2\"");
  expect(sip_parameter_find(text, STR_VIEW("C"), &value));
  expect_int(value.length, ==, 0);
  expect(sip_parameter_find(text, STR_VIEW("d"), &value));
  expect_view(value, "4");
  expect(!sip_parameter_find(text, STR_VIEW("y"), &value));
  expect(!sip_parameter_find((struct str_view){0}, STR_VIEW("a"), &value));
}

static struct str_view written(const char *user, const char *ip, uint16_t port, enum transport transport) {
  static char memory[128];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  struct address address;
  expect_int(address_parse_ip(str_view_from_c(ip), &address), ==, RESULT_OK);
  address.port = port;
  sip_uri_write(&builder, str_view_from_c(user), &address, transport);
  return text_builder_view(&builder);
}

static void test_a_uri_is_written_with_what_it_needs(void) {
  expect_view(written("4420", "192.0.2.1", 5060, TRANSPORT_UDP), "sip:4420@192.0.2.1");
  expect_view(written("4420", "192.0.2.1", 5080, TRANSPORT_TCP), "sip:4420@192.0.2.1:5080;transport=tcp");
  expect_view(written("", "2001:db8::1", 5060, TRANSPORT_TLS), "sip:[2001:db8::1];transport=tls");
  expect_view(written("a b#%@", "192.0.2.1", 5060, TRANSPORT_UDP), "sip:a%20b%23%25%40@192.0.2.1");
}

TAP_TESTS(TAP(test_all_parts_of_a_sip_uri_are_found), TAP(test_a_host_alone_is_a_uri),
          TAP(test_a_host_and_port_are_not_taken_for_a_user), TAP(test_feature_codes_of_phones_are_users),
          TAP(test_tel_and_other_uris_are_read), TAP(test_broken_uris_are_refused),
          TAP(test_the_uris_that_rfc_3261_calls_equal_are_equal),
          TAP(test_the_uris_that_rfc_3261_calls_different_are_different),
          TAP(test_an_escaped_reserved_byte_is_not_that_byte), TAP(test_repeated_parameters_compare_one_by_one),
          TAP(test_uris_of_very_many_parameters_compare_as_text), TAP(test_tel_uris_compare_without_separators),
          TAP(test_plain_users_lose_escapes_and_parameters), TAP(test_the_transport_comes_from_parameter_or_scheme),
          TAP(test_name_addrs_are_read), TAP(test_quoted_names_hold_controls_only_behind_a_backslash),
          TAP(test_without_brackets_parameters_are_the_headers), TAP(test_a_star_is_a_contact),
          TAP(test_broken_name_addrs_are_refused), TAP(test_parameters_are_found_without_case),
          TAP(test_a_uri_is_written_with_what_it_needs))
