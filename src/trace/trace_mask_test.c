#include "trace/trace_mask.h"

#include "tap.h"

static char copy[4096];

static const char *masked(const char *text) {
  memset(copy, '#', sizeof copy);
  trace_mask_copy(str_view_from_c(text), copy);
  expect_int(copy[strlen(text)], ==, '#');
  copy[strlen(text)] = '\0';
  return copy;
}

#define expect_masked(text, want) expect_bytes(masked(text), strlen(text), want)

static void test_a_message_without_secrets_is_copied_as_it_is(void) {
  static const char message[] =
      "BYE sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKzZyk\r\nSubject: k=v\r\n\r\nv=0\r\n"
      "a=crypto-free\r\nkk=1\r\n";
  expect_masked(message, message);
  trace_mask_copy((struct str_view){0}, copy);
}

static void test_digest_values_that_help_to_guess_a_password_are_masked(void) {
  expect_masked("REGISTER sip:h SIP/2.0\r\nAuthorization: Digest username=\"1001\", realm=\"b\", nonce=\"abc\", "
                "uri=\"sip:h\", response=\"0123456789abcdef\", cnonce=\"xy\", opaque=\"o\", qop=auth, nc=00000001, "
                "algorithm=MD5\r\nMax-Forwards: 70\r\n\r\n",
                "REGISTER sip:h SIP/2.0\r\nAuthorization: Digest username=\"1001\", realm=\"b\", nonce=\"***\", "
                "uri=\"sip:h\", response=\"****************\", cnonce=\"**\", opaque=\"*\", qop=auth, nc=00000001, "
                "algorithm=MD5\r\nMax-Forwards: 70\r\n\r\n");
}

static void test_names_are_found_in_any_case_and_spacing(void) {
  expect_masked("PROXY-AUTHORIZATION : DIGEST response=abc,username=\"a,response=b\"\r\n\r\n",
                "PROXY-AUTHORIZATION : DIGEST response=***,username=\"a,response=b\"\r\n\r\n");
  expect_masked("proxy-authorization:digest\r\n response\t=\r\n \"a\\\"bc\"\r\nTo: a\r\n\r\n",
                "proxy-authorization:digest\r\n response\t=\r\n \"*****\"\r\nTo: a\r\n\r\n");
}

static void test_other_schemes_and_broken_credentials_are_masked_whole(void) {
  expect_masked("Authorization: Basic c2VjcmV0\r\nTo: a\r\n\r\n", "Authorization: **************\r\nTo: a\r\n\r\n");
  expect_masked("Authorization: Digest username=\"a\" response=\"b\"\r\n\r\n",
                "Authorization: Digest username=\"a\" ************\r\n\r\n");
  expect_masked("Authorization: Digest c2VjcmV0\r\n\r\n", "Authorization: Digest ********\r\n\r\n");
  expect_masked("Authorization: Digest response=\"b", "Authorization: Digest response=\"*");
  expect_masked("Authorization:", "Authorization:");
}

static void test_keys_in_session_descriptions_are_masked(void) {
  expect_masked("\r\n\r\nv=0\r\nk=clear:password\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0Rm|2^20|1:4\r\n"
                "a=key-mgmt:mikey AQAFgM0X\r\na=crypto:2 ODD key\r\n",
                "\r\n\r\nv=0\r\nk=**************\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:*************\r\n"
                "a=key-mgmt:mikey ********\r\na=crypto:2 *******\r\n");
}

static void test_many_secrets_leave_none_open(void) {
  char text[4096] = "";
  for (int i = 0; i < 100; i++)
    strcat(text, "Authorization: Digest response=secret\r\n");
  strcat(text, "\r\n");
  expect(strstr(masked(text), "secret") == NULL);
}

TAP_TESTS(TAP(test_a_message_without_secrets_is_copied_as_it_is),
          TAP(test_digest_values_that_help_to_guess_a_password_are_masked),
          TAP(test_names_are_found_in_any_case_and_spacing),
          TAP(test_other_schemes_and_broken_credentials_are_masked_whole),
          TAP(test_keys_in_session_descriptions_are_masked), TAP(test_many_secrets_leave_none_open))
