#include "sip/sip_credentials.h"

#include "sip/sip_digest_compute.h"
#include "tap.h"

#define FIXED                                                                                                          \
  "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\n"             \
  "CSeq: 1 INVITE\r\n"

/* Chooses from a response with these lines; the realm chosen, or "" for none. */
static struct str_view chosen_nonce(const char *status, const char *lines, const char *realm,
                                    struct sip_digest *challenge) {
  static char text[2048];
  struct sip_message message;
  struct sip_defect defect;
  struct str_view value;
  memset(text, 0, sizeof text);
  snprintf(text, sizeof text - 64, "SIP/2.0 %s No\r\n" FIXED "%sContent-Length: 0\r\n\r\n", status, lines);
  expect_int(sip_message_parse(str_view_from_c(text), &message, &defect), ==, RESULT_OK);
  if (!sip_credentials_choose(&message, str_view_from_c(realm), challenge, &value)) return STR_VIEW("");
  return challenge->nonce;
}

static void test_the_topmost_challenge_that_we_understand_is_answered(void) {
  struct sip_digest challenge;
  static const char lines[] =
      "WWW-Authenticate: Basic realm=\"r\"\r\n"
      "WWW-Authenticate: Digest realm=\"r\", nonce=\"a\", algorithm=SHA-512-256\r\n"
      "WWW-Authenticate: Digest realm=\"r\", nonce=\"b\", qop=\"auth-int\"\r\n"
      "WWW-Authenticate: Digest realm=\"r\", nonce=\"c\", algorithm=SHA-256, qop=\"auth-int, auth\"\r\n"
      "WWW-Authenticate: Digest realm=\"r\", nonce=\"d\", algorithm=MD5\r\n";
  expect_view(chosen_nonce("401", lines, "", &challenge), "c");
  expect_int(challenge.algorithm, ==, SIP_DIGEST_SHA256);
}

static void test_a_challenge_of_another_realm_is_not_answered(void) {
  struct sip_digest challenge;
  static const char lines[] = "WWW-Authenticate: Digest realm=\"spy\", nonce=\"a\"\r\n"
                              "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"b\"\r\n";
  expect_view(chosen_nonce("401", lines, "carrier", &challenge), "b");
  expect_view(chosen_nonce("401", lines, "other", &challenge), "");
}

static void test_a_407_is_answered_by_what_proxies_ask(void) {
  struct sip_digest challenge;
  static const char lines[] = "WWW-Authenticate: Digest realm=\"r\", nonce=\"a\"\r\n"
                              "Proxy-Authenticate: Digest realm=\"r\", nonce=\"b\"\r\n";
  expect_view(chosen_nonce("407", lines, "", &challenge), "b");
  expect_view(chosen_nonce("401", lines, "", &challenge), "a");
  expect_view(chosen_nonce("407", "WWW-Authenticate: Digest realm=\"r\", nonce=\"a\"\r\n", "", &challenge), "");
}

static struct str_view line_for(const char *challenge_text, const char *password, char *memory, size_t bytes) {
  struct text_builder line = text_builder_over(memory, bytes);
  struct sip_digest challenge;
  expect_int(sip_digest_parse(str_view_from_c(challenge_text), &challenge), ==, RESULT_OK);
  struct sip_digest_hex ha1 =
      sip_digest_ha1(challenge.algorithm, STR_VIEW("trunk-7"), challenge.realm, str_view_from_c(password));
  struct sip_credentials credentials = {.user = STR_VIEW("trunk-7"),
                                        .ha1_hex = str_view_of(ha1.text, ha1.length),
                                        .method = STR_VIEW("INVITE"),
                                        .request_uri = STR_VIEW("sip:4420123@10.0.2.5"),
                                        .cnonce = 0xdeadbeef,
                                        .nonce_count = 2};
  sip_credentials_write(&challenge, &credentials, SIP_HEADER_AUTHORIZATION, &line);
  expect(!line.overflowed);
  return text_builder_view(&line);
}

/* Computed with another implementation. */
static void test_answers_by_both_algorithms_with_and_without_qop(void) {
  static const struct {
    const char *challenge, *response;
  } rows[] = {
      {"Digest realm=\"carrier.example\", nonce=\"abc123\"", "0bd918e4a62fb1f28c5b806800023d36"},
      {"Digest realm=\"carrier.example\", nonce=\"abc123\", algorithm=SHA-256",
       "cbd3241c75b910a7f0a38db21e6df8c1c26224b34042ae85a53909cba8439699"},
  };
  char memory[1024], wanted[128];
  for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct str_view line = line_for(rows[i].challenge, "s3cret", memory, sizeof memory);
    snprintf(wanted, sizeof wanted, "response=\"%s\"", rows[i].response);
    expect(memmem(line.data, line.length, wanted, strlen(wanted)) != NULL);
    expect(memmem(line.data, line.length, "cnonce", 6) == NULL && memmem(line.data, line.length, "s3cret", 6) == NULL);
  }
}

static void test_what_is_written_is_what_a_server_accepts(void) {
  static const char *const challenges[] = {
      "Digest realm=\"carrier.example\", nonce=\"abc\", qop=\"auth,auth-int\", opaque=\"o\\\"p\", algorithm=MD5",
      "Digest realm=\"carrier.example\", nonce=\"abc\", qop=\"auth\", algorithm=SHA-256",
      "Digest realm=\"\", nonce=\"abc\""};
  for (unsigned i = 0; i < sizeof challenges / sizeof challenges[0]; i++) {
    char memory[1024];
    struct sip_digest read;
    struct str_view line = line_for(challenges[i], "s3cret", memory, sizeof memory);
    expect(str_view_starts_with(line, STR_VIEW("Authorization: Digest ")));
    expect_int(sip_digest_parse(str_view_slice(line, 15, line.length - 17), &read), ==, RESULT_OK);
    struct sip_digest_hex ha1 = sip_digest_ha1(read.algorithm, read.username, read.realm, STR_VIEW("s3cret"));
    expect(sip_digest_matches(&read, str_view_of(ha1.text, ha1.length), STR_VIEW("INVITE")));
    expect(!sip_digest_matches(&read, str_view_of(ha1.text, ha1.length), STR_VIEW("BYE")));
    if (i == 0) expect_view(read.opaque, "o\\\"p");
    if (i < 2) expect_int(read.nonce_count, ==, 2);
  }
}

TAP_TESTS(TAP(test_the_topmost_challenge_that_we_understand_is_answered),
          TAP(test_a_challenge_of_another_realm_is_not_answered), TAP(test_a_407_is_answered_by_what_proxies_ask),
          TAP(test_answers_by_both_algorithms_with_and_without_qop), TAP(test_what_is_written_is_what_a_server_accepts))
