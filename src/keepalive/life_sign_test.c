#include "keepalive/life_sign.h"

#include "tap.h"

static char memory[256];
static struct text_builder reply;
static const struct address caller = {{192, 0, 2, 1}, 32853, ADDRESS_IPV4};

static bool read_it(struct str_view datagram, const struct address *source) {
  reply = text_builder_over(memory, sizeof memory);
  return life_sign_read(datagram, source, &reply);
}

static void expect_reply(struct str_view want) {
  expect(str_view_equal(text_builder_view(&reply), want));
}

static void test_pings_without_words_are_life_signs(void) {
  static const struct str_view pings[] = {
      STR_VIEW_LITERAL(""),         STR_VIEW_LITERAL("\r\n"), STR_VIEW_LITERAL("\0\0\0\0"),
      STR_VIEW_LITERAL("\0"),       STR_VIEW_LITERAL("x"),    STR_VIEW_LITERAL("\xff"),
      STR_VIEW_LITERAL("  \t\r\n"), STR_VIEW_LITERAL("\n\n"), STR_VIEW_LITERAL("\r\n\0\r\n"),
  };
  for (size_t i = 0; i < sizeof pings / sizeof pings[0]; i++) {
    expect(read_it(pings[i], &caller));
    expect_reply(STR_VIEW(""));
  }
}

static void test_short_texts_without_sip_are_life_signs(void) {
  static const char *const texts[] = {"HELLO",      "HELLO\r\n",    "hello world",
                                      "keep-alive", "PING\r\n\r\n", "gr\xC3\xBC\xC3\x9F"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    expect(read_it(str_view_from_c(texts[i]), &caller));
    expect_reply(STR_VIEW(""));
  }
}

static void test_only_a_single_line_break_is_a_pong(void) {
  reply = text_builder_over(memory, sizeof memory);
  expect_int(life_sign_read(STR_VIEW("\r\n"), &caller, &reply), ==, LIFE_SIGN_PONG);
  expect_int(life_sign_read(STR_VIEW("\r\n\r\n"), &caller, &reply), ==, LIFE_SIGN_PING);
  expect_int(life_sign_read(STR_VIEW("\n"), &caller, &reply), ==, LIFE_SIGN_PING);
  expect_int(life_sign_read(STR_VIEW("HELLO"), &caller, &reply), ==, LIFE_SIGN_PING);
}

static void test_a_double_line_break_is_answered_with_one(void) {
  expect(read_it(STR_VIEW("\r\n\r\n"), &caller));
  expect_reply(STR_VIEW("\r\n"));
}

static void test_sip_is_never_eaten(void) {
  static const char *const messages[] = {"OPTIONS sip:a SIP/2.0\r\n\r\n",
                                         "SIP/2.0 200 OK\r\n\r\n",
                                         "\r\n\r\nOPTIONS sip:a sip/2.0\r\n\r\n",
                                         "INVITE sip:bob@example.org SIP/7.0\r\n\r\n",
                                         "A b SIP/2.0",
                                         "SIP/"};
  for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
    expect(!read_it(str_view_from_c(messages[i]), &caller));
    expect_reply(STR_VIEW(""));
  }
}

static void test_binary_rubbish_and_long_texts_are_no_life_signs(void) {
  static char text[513];
  memset(text, 'x', sizeof text);
  expect(!read_it(STR_VIEW("\x80\x00\x01\x02"), &caller));
  expect(!read_it(STR_VIEW("\x01\x02\x03"), &caller));
  expect(read_it(str_view_of(text, 512), &caller));
  expect(!read_it(str_view_of(text, 513), &caller));
}

#define COOKIE "\x21\x12\xA4\x42"
#define ID     "\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"

/* The address, id and result are those of RFC 5769 §2.2. */
static void test_a_binding_request_is_told_from_where_it_came(void) {
  expect(read_it(STR_VIEW("\0\1\0\0" COOKIE ID), &caller));
  expect_reply(STR_VIEW("\1\1\0\x0c" COOKIE ID "\0\x20\0\x08\0\1\xa1\x47\xe1\x12\xa6\x43"));
}

/* The same of RFC 5769 §2.3. */
static void test_an_ipv6_address_is_xored_with_cookie_and_id(void) {
  static const struct address source = {
      {0x20, 0x01, 0x0d, 0xb8, 0x12, 0x34, 0x56, 0x78, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77},
      32853,
      ADDRESS_IPV6};
  expect(read_it(STR_VIEW("\0\1\0\0" COOKIE ID), &source));
  expect_reply(STR_VIEW("\1\1\0\x18" COOKIE ID "\0\x20\0\x14\0\2\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4"
                        "\xb5\xbe\xd2\xb9\xd9"));
}

/* Request and response of RFC 5769 §2.1 and §2.2 hold integrity and software too, so these two are computed by hand:
 * the CRC over the 20 bytes before it, with the length already counting it, xored with "STUN". */
static void test_a_fingerprint_is_answered_with_a_fingerprint(void) {
  struct str_view request = STR_VIEW("\0\1\0\x08" COOKIE ID "\x80\x28\0\x04\xfd\xf6\xae\x02");
  expect(read_it(request, &caller));
  expect_int(reply.length, ==, 40);
  expect(memcmp(memory + 20, "\0\x20\0\x08\0\1\xa1\x47\xe1\x12\xa6\x43\x80\x28\0\4", 16) == 0);
  expect_int(memory[3], ==, 20);
  /* What we write, we accept. */
  char again[64];
  memcpy(again, memory, 40);
  expect(read_it(str_view_of(again, 40), &caller));
}

static void test_a_wrong_fingerprint_is_dropped_silently(void) {
  expect(read_it(STR_VIEW("\0\1\0\x08" COOKIE ID "\x80\x28\0\x04\0\0\0\0"), &caller));
  expect_reply(STR_VIEW(""));
}

static void test_an_unknown_required_attribute_is_answered_420(void) {
  expect(read_it(STR_VIEW("\0\1\0\x08" COOKIE ID "\0\x24\0\4abcd"), &caller));
  expect_reply(STR_VIEW("\1\x11\0\x10" COOKIE ID "\0\x09\0\4\0\0\4\x14\0\x0a\0\2\0\x24\0\0"));
  expect(read_it(STR_VIEW("\0\1\0\x0c" COOKIE ID "\x80\x22\0\5agent\0\0\0"), &caller));
  expect_int(memory[1], ==, 1);
}

static void test_a_client_of_rfc_3489_gets_a_plain_address(void) {
  expect(read_it(STR_VIEW("\0\1\0\0old!" ID), &caller));
  expect_reply(STR_VIEW("\1\1\0\x0c"
                        "old!" ID "\0\x01\0\x08\0\1\x80\x55\xc0\0\2\1"));
}

static void test_answers_and_indications_are_life_signs_without_reply(void) {
  expect(read_it(STR_VIEW("\1\1\0\0" COOKIE ID), &caller));
  expect_reply(STR_VIEW(""));
  expect(read_it(STR_VIEW("\0\x11\0\0" COOKIE ID), &caller));
  expect_reply(STR_VIEW(""));
}

static void test_what_only_begins_like_stun_is_none(void) {
  expect(!read_it(STR_VIEW("\0\1\0\4" COOKIE ID), &caller));                /* length beyond the datagram */
  expect(!read_it(STR_VIEW("\0\1\0\4" COOKIE ID "\0\x20\0\x08"), &caller)); /* attribute beyond it */
  expect(!read_it(STR_VIEW("\0\2\0\0" COOKIE ID), &caller));                /* another method */
}

TAP_TESTS(TAP(test_pings_without_words_are_life_signs), TAP(test_short_texts_without_sip_are_life_signs),
          TAP(test_only_a_single_line_break_is_a_pong), TAP(test_a_double_line_break_is_answered_with_one),
          TAP(test_sip_is_never_eaten), TAP(test_binary_rubbish_and_long_texts_are_no_life_signs),
          TAP(test_a_binding_request_is_told_from_where_it_came), TAP(test_an_ipv6_address_is_xored_with_cookie_and_id),
          TAP(test_a_fingerprint_is_answered_with_a_fingerprint), TAP(test_a_wrong_fingerprint_is_dropped_silently),
          TAP(test_an_unknown_required_attribute_is_answered_420), TAP(test_a_client_of_rfc_3489_gets_a_plain_address),
          TAP(test_answers_and_indications_are_life_signs_without_reply), TAP(test_what_only_begins_like_stun_is_none))
