#include "sdp/sdp.h"

#include "tap.h"

#define HEAD "v=0\r\no=alice 1 2 IN IP4 192.0.2.1\r\ns=-\r\n"

static struct sdp sdp;

static bool parses(const char *text) {
  return sdp_parse(str_view_from_c(text), &sdp) == RESULT_OK;
}

static struct address address(const char *text) {
  struct address parsed = {0};
  (void)!address_parse_ip(str_view_from_c(text), &parsed);
  return parsed;
}

static void test_origin_and_media_are_found(void) {
  struct address session = address("192.0.2.4"), own = address("2001:db8::1");
  expect(parses(HEAD
                "c=IN IP4 192.0.2.4\r\nt=0 0\r\na=recvonly\r\nm=audio 49170/2 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n"
                "m=image 0 udptl t38\r\nc=IN IP6 2001:db8::1\r\na=sendonly\r\n"));
  expect_view(sdp.origin, "alice 1 2 IN IP4 192.0.2.1");
  expect_view(sdp.origin_id, "alice 1");
  expect_view(sdp.version, "2");
  expect_int(sdp.media_count, ==, 2);
  expect_view(sdp.media[0].kind, "audio");
  expect_view(sdp.media[0].protocol, "RTP/AVP");
  expect_int(sdp.media[0].port, ==, 49170);
  expect(address_equal_ip(&sdp.media[0].connection, &session));
  expect_int(sdp.media[0].direction, ==, SDP_RECVONLY);
  expect_int(sdp.media[1].port, ==, 0);
  expect(address_equal_ip(&sdp.media[1].connection, &own));
  expect_int(sdp.media[1].direction, ==, SDP_SENDONLY);
}

static void test_lines_may_end_with_lf_or_not_at_all(void) {
  expect(parses("v=0\no=- 1 2 IN IP4 a\ns=\nm=audio 1 RTP/AVP 0\na=inactive"));
  expect_int(sdp.media[0].direction, ==, SDP_INACTIVE);
  expect(parses(HEAD "\r\n\r\n"));
  expect_int(sdp.media_count, ==, 0);
}

static void test_a_host_name_is_no_address(void) {
  expect(parses(HEAD "c=IN IP4 media.example.org\r\nm=audio 1 RTP/AVP 0\r\n"));
  expect_int(sdp.media[0].connection.family, ==, ADDRESS_NONE);
  expect(parses(HEAD "c=IN IP6 192.0.2.1\r\nm=audio 1 RTP/AVP 0\r\n"));
  expect_int(sdp.media[0].connection.family, ==, ADDRESS_NONE);
}

static void test_the_unspecified_address_means_hold(void) {
  expect(parses(HEAD "c=IN IP4 0.0.0.0\r\nm=audio 1 RTP/AVP 0\r\nm=audio 1 RTP/AVP 0\r\na=recvonly\r\n"
                     "m=audio 1 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n"));
  expect_int(sdp.media[0].direction, ==, SDP_SENDONLY);
  expect_int(sdp.media[1].direction, ==, SDP_INACTIVE);
  expect_int(sdp.media[2].direction, ==, SDP_SENDRECV);
}

static void test_what_is_no_session_description_is_refused(void) {
  static const char *const broken[] = {
      "",
      "v=0\r\n",
      "v=1\r\no=a 1 2 IN IP4 b\r\ns=-\r\n",
      "o=a 1 2 IN IP4 b\r\nv=0\r\ns=-\r\n",
      "v=0\r\ns=-\r\n",
      "v=0\r\no=a 1 2 IN IP4 b\r\nt=0 0\r\n",
      "v=0\r\no=a 1 IN IP4 b\r\ns=-\r\n",
      "v=0\r\no=a 1 2 IN IP4 b c\r\ns=-\r\n",
      "v=0\r\no=a 1 x IN IP4 b\r\ns=-\r\n",
      "v=0\r\no=a  2 IN IP4 b\r\ns=-\r\n",
      HEAD "hello\r\n",
      HEAD "A=b\r\n",
      HEAD "a\r\n",
      HEAD "a=b\rc\r\n",
      HEAD "m=audio\r\n",
      HEAD "m=audio x RTP/AVP 0\r\n",
      HEAD "m=audio 65536 RTP/AVP 0\r\n",
      HEAD "m=audio 1 RTP/AVP\r\n",
      HEAD "m=audio 1  0\r\n",
      HEAD "o=a 1 2 IN IP4 b\r\n",
      HEAD " a=b\r\n",
  };
  for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    if (parses(broken[i])) tap_fail(__FILE__, __LINE__, broken[i]);
  }
}

static void test_16_media_are_read_and_no_more(void) {
  static char text[1024] = HEAD;
  for (unsigned i = 0; i < SDP_MEDIA_MAX; i++)
    strcat(text, "m=audio 1 RTP/AVP 0\r\n");
  expect(parses(text));
  expect_int(sdp.media_count, ==, SDP_MEDIA_MAX);
  strcat(text, "m=audio 1 RTP/AVP 0\r\n");
  expect(!parses(text));
}

static void test_a_description_is_written_with_our_origin(void) {
  char memory[256];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  struct address ipv4 = address("198.51.100.1"), ipv6 = address("2001:db8::1");
  expect(parses(HEAD "t=0 0\r\n"));
  sdp_write_with_origin(sdp_behind_origin(sdp.text), STR_VIEW("belfry 77"), 5, &ipv4, &builder);
  expect_view(text_builder_view(&builder), "v=0\r\no=belfry 77 5 IN IP4 198.51.100.1\r\ns=-\r\nt=0 0\r\n");
  builder = text_builder_over(memory, sizeof memory);
  sdp_write_with_origin(sdp_behind_origin(sdp.text), STR_VIEW("belfry 77"), UINT64_MAX, &ipv6, &builder);
  expect_view(text_builder_view(&builder),
              "v=0\r\no=belfry 77 18446744073709551615 IN IP6 2001:db8::1\r\ns=-\r\nt=0 0\r\n");
}

static void test_what_follows_the_origin_stays_byte_for_byte(void) {
  char memory[256];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  struct address own = address("198.51.100.1");
  expect_view(sdp_behind_origin(STR_VIEW(HEAD "t=0 0\r\n\r\n")), "\r\ns=-\r\nt=0 0\r\n\r\n");
  expect_view(sdp_behind_origin(STR_VIEW("\nv=0\r\n\no=a 1 2 IN IP4 b\ns= \nt=0 0")), "\ns= \nt=0 0");
  expect_view(sdp_behind_origin(STR_VIEW("v=0\r\n")), "");
  sdp_write_with_origin(STR_VIEW("\ns= \nt=0 0"), STR_VIEW("- 77"), 5, &own, &builder);
  expect_view(text_builder_view(&builder), "v=0\no=- 77 5 IN IP4 198.51.100.1\ns= \nt=0 0");
}

static void test_an_answer_that_declines_has_every_medium_with_port_0(void) {
  char memory[512];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  struct address own = address("198.51.100.1");
  expect(parses(HEAD "c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000/2 RTP/AVP 8 101\r\na=sendonly\r\n"
                     "m=image 4002 udptl t38\r\n"));
  sdp_write_declined(&sdp, STR_VIEW("- 77"), 5, &own, &builder);
  expect_view(text_builder_view(&builder), "v=0\r\no=- 77 5 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\n"
                                           "t=0 0\r\nm=audio 0 RTP/AVP 8 101\r\nm=image 0 udptl t38\r\n");
}

static void test_an_inactive_offer_says_that_nothing_is_to_be_sent(void) {
  char memory[512];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  struct address own = address("2001:db8::1");
  sdp_write_inactive(STR_VIEW("- 77"), 5, &own, &builder);
  expect(!builder.overflowed);
  expect(sdp_parse(text_builder_view(&builder), &sdp) == RESULT_OK);
  expect_view(sdp.origin, "- 77 5 IN IP6 2001:db8::1");
  expect_int(sdp.media_count, ==, 1);
  expect_view(sdp.media[0].kind, "audio");
  expect_view(sdp.media[0].protocol, "RTP/AVP");
  expect_int(sdp.media[0].port, ==, 9);
  expect_int(sdp.media[0].direction, ==, SDP_INACTIVE);
  expect(address_equal_ip(&sdp.media[0].connection, &own));
}

TAP_TESTS(TAP(test_origin_and_media_are_found), TAP(test_lines_may_end_with_lf_or_not_at_all),
          TAP(test_a_host_name_is_no_address), TAP(test_the_unspecified_address_means_hold),
          TAP(test_what_is_no_session_description_is_refused), TAP(test_16_media_are_read_and_no_more),
          TAP(test_a_description_is_written_with_our_origin), TAP(test_what_follows_the_origin_stays_byte_for_byte),
          TAP(test_an_answer_that_declines_has_every_medium_with_port_0),
          TAP(test_an_inactive_offer_says_that_nothing_is_to_be_sent))
