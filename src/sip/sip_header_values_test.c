#include "sip/sip_header_values.h"

#include "tap.h"

static void test_session_expires_is_read(void) {
  struct sip_session_expires value;
  expect_int(sip_session_expires_parse(STR_VIEW(" 1800 ; Refresher = UAC;x=y"), &value), ==, RESULT_OK);
  expect_int(value.interval_s, ==, 1800);
  expect_int(value.refresher, ==, SIP_REFRESHER_UAC);
  expect_int(sip_session_expires_parse(STR_VIEW("90;refresher=uas"), &value), ==, RESULT_OK);
  expect_int(value.refresher, ==, SIP_REFRESHER_UAS);
  expect_int(sip_session_expires_parse(STR_VIEW("90;refresher=me"), &value), ==, RESULT_OK);
  expect_int(value.refresher, ==, SIP_REFRESHER_NONE);
}

static void test_a_huge_session_expires_is_cut(void) {
  struct sip_session_expires value;
  expect_int(sip_session_expires_parse(STR_VIEW("99999999999999999999999"), &value), ==, RESULT_OK);
  expect_int(value.interval_s, ==, UINT32_MAX);
  expect_int(sip_session_expires_parse(STR_VIEW("4294967296"), &value), ==, RESULT_OK);
  expect_int(value.interval_s, ==, UINT32_MAX);
  expect_int(sip_session_expires_parse(STR_VIEW("4294967295"), &value), ==, RESULT_OK);
  expect_int(sip_session_expires_parse(STR_VIEW("0"), &value), ==, RESULT_OK);
  expect_int(value.interval_s, ==, 0);
}

static void test_broken_session_expires_are_refused(void) {
  static const char *const broken[] = {"",    "-1",           "x",  "1.5",           "1 2", "1;", "1;;",
                                       "1,2", "1;refresher=", "+1", ";refresher=uac"};
  for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    struct sip_session_expires value;
    if (sip_session_expires_parse(str_view_from_c(broken[i]), &value) == RESULT_OK)
      tap_fail(__FILE__, __LINE__, broken[i]);
  }
}

static void test_seconds_may_have_a_comment_and_parameters(void) {
  uint32_t seconds;
  expect_int(sip_delta_seconds_parse(STR_VIEW("18000;duration=3600"), &seconds), ==, RESULT_OK);
  expect_int(seconds, ==, 18000);
  expect_int(sip_delta_seconds_parse(STR_VIEW("120 (I'm in (a \\) b) meeting) ;x"), &seconds), ==, RESULT_OK);
  expect_int(seconds, ==, 120);
  expect_int(sip_delta_seconds_parse(STR_VIEW("949302838503028349304023988"), &seconds), ==, RESULT_OK);
  expect_int(seconds, ==, UINT32_MAX);
}

static void test_broken_seconds_are_refused(void) {
  static const char *const broken[] = {
      "", "x", "-1", "1 (", "1 (a", "1 (a\\)", "1 ) ", "1 (a) b", "1;", "1 2", "Thu, 01 Dec 1994"};
  for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    uint32_t seconds;
    if (sip_delta_seconds_parse(str_view_from_c(broken[i]), &seconds) == RESULT_OK)
      tap_fail(__FILE__, __LINE__, broken[i]);
  }
}

static void test_rack_is_read(void) {
  struct sip_rack rack;
  expect_int(sip_rack_parse(STR_VIEW("776656 1 INVITE"), &rack), ==, RESULT_OK);
  expect_int(rack.rseq, ==, 776656);
  expect_int(rack.cseq, ==, 1);
  expect_view(rack.method_text, "INVITE");
  expect_int(sip_rack_parse(STR_VIEW("1 1"), &rack), ==, RESULT_MALFORMED);
  expect_int(sip_rack_parse(STR_VIEW("1 1 "), &rack), ==, RESULT_MALFORMED);
  expect_int(sip_rack_parse(STR_VIEW("1 INVITE"), &rack), ==, RESULT_MALFORMED);
  expect_int(sip_rack_parse(STR_VIEW("4294967296 1 INVITE"), &rack), ==, RESULT_MALFORMED);
  expect_int(sip_rack_parse(STR_VIEW("1 1 INVITE x"), &rack), ==, RESULT_MALFORMED);
}

static void test_reasons_are_read(void) {
  struct sip_reason reason;
  expect_int(sip_reason_parse(STR_VIEW("Q.850 ;cause=16 ;text=\"Terminated; so\""), &reason), ==, RESULT_OK);
  expect_view(reason.protocol, "Q.850");
  expect_int(reason.cause, ==, 16);
  expect_view(reason.text, "Terminated; so");
  expect_int(sip_reason_parse(STR_VIEW("SIP"), &reason), ==, RESULT_OK);
  expect_int(reason.cause, ==, 0);
  expect_int(sip_reason_parse(STR_VIEW("SIP;cause=x"), &reason), ==, RESULT_MALFORMED);
  expect_int(sip_reason_parse(STR_VIEW("SIP;cause=99999999999"), &reason), ==, RESULT_MALFORMED);
  expect_int(sip_reason_parse(STR_VIEW(";cause=1"), &reason), ==, RESULT_MALFORMED);
  expect_int(sip_reason_parse(STR_VIEW("SIP;text=\"a"), &reason), ==, RESULT_MALFORMED);
}

static void test_credentials_are_read(void) {
  struct sip_digest digest;
  expect_int(
      sip_digest_parse(STR_VIEW("digest Username=\"bob \\\" b\",realm = \"r\" ,nonce=\"n\", uri=\"sip:a;b@c,d\",\r\n "
                                "response=\"0123\", algorithm=SHA-256, cnonce=\"c\", qop=auth, nc=0000000A, "
                                "opaque=\"\", unknown=1"),
                       &digest),
      ==, RESULT_OK);
  expect_view(digest.username, "bob \\\" b");
  expect_view(digest.realm, "r");
  expect_view(digest.uri, "sip:a;b@c,d");
  expect_view(digest.qop, "auth");
  expect_int(digest.algorithm, ==, SIP_DIGEST_SHA256);
  expect_int(digest.nonce_count, ==, 10);
  expect(digest.has_nonce_count);
  expect(!digest.stale);
}

static void test_challenges_are_read(void) {
  struct sip_digest digest;
  expect_int(
      sip_digest_parse(STR_VIEW("Digest realm=\"r\", nonce=\"n\", qop=\"auth,auth-int\", stale=TRUE, domain=\"sip:x\""),
                       &digest),
      ==, RESULT_OK);
  expect_view(digest.qop, "auth,auth-int");
  expect_int(digest.algorithm, ==, SIP_DIGEST_MD5);
  expect(digest.stale);
  expect(!digest.has_nonce_count);
  expect_int(sip_digest_parse(STR_VIEW("Digest realm=\"r\", algorithm=MD5-sess"), &digest), ==, RESULT_OK);
  expect_int(digest.algorithm, ==, SIP_DIGEST_UNKNOWN);
}

static void test_other_schemes_are_not_ours(void) {
  struct sip_digest digest;
  expect_int(sip_digest_parse(STR_VIEW("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), &digest), ==, RESULT_UNSUPPORTED);
  expect_int(sip_digest_parse(STR_VIEW("NoOneKnowsThisScheme opaque-data=here"), &digest), ==, RESULT_UNSUPPORTED);
}

static void test_broken_credentials_are_refused(void) {
  static const char *const broken[] = {
      "",
      "Digest",
      "Digest ",
      "Digest=x",
      "Digest a",
      "Digest a=",
      "Digest a=1,",
      "Digest ,a=1",
      "Digest a=1 b=2",
      "Digest a=\"1",
      "Digest =1",
      "Digest nc=1",
      "Digest nc=0000000g",
      "Digest nc=000000001",
      "Digest username=\"a\", username=\"b\"",
      "Digest username=\"\", username=\"b\"",
  };
  for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    struct sip_digest digest;
    if (sip_digest_parse(str_view_from_c(broken[i]), &digest) != RESULT_MALFORMED)
      tap_fail(__FILE__, __LINE__, broken[i]);
  }
}

TAP_TESTS(TAP(test_session_expires_is_read), TAP(test_a_huge_session_expires_is_cut),
          TAP(test_broken_session_expires_are_refused), TAP(test_seconds_may_have_a_comment_and_parameters),
          TAP(test_broken_seconds_are_refused), TAP(test_rack_is_read), TAP(test_reasons_are_read),
          TAP(test_credentials_are_read), TAP(test_challenges_are_read), TAP(test_other_schemes_are_not_ours),
          TAP(test_broken_credentials_are_refused))
