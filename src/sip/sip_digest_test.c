#include "sip/sip_digest_compute.h"

#include "tap.h"

static void expect_hash(enum sip_digest_algorithm algorithm, struct str_view text, const char *want) {
  struct sip_digest_hex hex = sip_digest_hash(algorithm, &text, 1);
  expect_bytes(hex.text, hex.length, want);
}

/* RFC 1321 §A.5. */
static void test_md5_gives_the_hashes_of_rfc_1321(void) {
  static const char *const rows[][2] = {
      {"", "d41d8cd98f00b204e9800998ecf8427e"},
      {"a", "0cc175b9c0f1b6a831c399e269772661"},
      {"abc", "900150983cd24fb0d6963f7d28e17f72"},
      {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
      {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
      {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"},
      {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
       "57edf4a22be3c955ac49da2e2107b67a"},
  };
  for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
    expect_hash(SIP_DIGEST_MD5, str_view_from_c(rows[i][0]), rows[i][1]);
}

/* FIPS 180-2 appendix B, and RFC 8760 §2.6 for the empty text. */
static void test_sha_256_gives_the_hashes_of_fips_180(void) {
  static char million[1000000];
  memset(million, 'a', sizeof million);
  expect_hash(SIP_DIGEST_SHA256, STR_VIEW(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  expect_hash(SIP_DIGEST_SHA256, STR_VIEW("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  expect_hash(SIP_DIGEST_SHA256, STR_VIEW("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  expect_hash(SIP_DIGEST_SHA256, str_view_of(million, sizeof million),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_every_length_around_a_block_is_padded_right(void) {
  /* Hashes chained over all lengths from 0 to 200, computed with another implementation. */
  static char text[200];
  struct sip_digest_hex md5 = {0}, sha256 = {0};
  memset(text, 'x', sizeof text);
  for (size_t length = 0; length <= sizeof text; length++) {
    const struct str_view md5_parts[] = {str_view_of(md5.text, md5.length), str_view_of(text, length)};
    const struct str_view sha256_parts[] = {str_view_of(sha256.text, sha256.length), str_view_of(text, length)};
    md5 = sip_digest_hash(SIP_DIGEST_MD5, md5_parts, 2);
    sha256 = sip_digest_hash(SIP_DIGEST_SHA256, sha256_parts, 2);
  }
  expect_bytes(md5.text, md5.length, "f9725cc45452a22920b896d6ccb38c1a");
  expect_bytes(sha256.text, sha256.length, "14c348460081bb729964b72c28b39eb5e5962c08de77d1eb00bdd65fedf40846");
}

#define MUFASA(algorithm, response)                                                                                    \
  "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", algorithm=" algorithm         \
  ", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, "                                            \
  "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\"" response "\""

static bool matches(const char *credentials, const char *password, const char *method) {
  struct sip_digest digest;
  if (sip_digest_parse(str_view_from_c(credentials), &digest) != RESULT_OK) return false;
  struct sip_digest_hex ha1 =
      sip_digest_ha1(digest.algorithm, digest.username, digest.realm, str_view_from_c(password));
  return sip_digest_matches(&digest, str_view_of(ha1.text, ha1.length), str_view_from_c(method));
}

/* RFC 7616 §3.9.1. */
#define RESPONSE_MD5    "8ca523f5e9506fed4657c9700eebdbec"
#define RESPONSE_SHA256 "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"

static void test_the_responses_of_rfc_7616_match(void) {
  expect(matches(MUFASA("MD5", RESPONSE_MD5), "Circle of Life", "GET"));
  expect(matches(MUFASA("SHA-256", RESPONSE_SHA256), "Circle of Life", "GET"));
}

static void test_a_wrong_password_method_or_response_does_not_match(void) {
  expect(!matches(MUFASA("MD5", RESPONSE_MD5), "Circle of Lies", "GET"));
  expect(!matches(MUFASA("MD5", RESPONSE_MD5), "Circle of Life", "PUT"));
  expect(!matches(MUFASA("SHA-256", RESPONSE_MD5), "Circle of Life", "GET"));
  expect(!matches(MUFASA("MD5", "8ca523f5e9506fed4657c9700eebdbed"), "Circle of Life", "GET"));
  expect(!matches(MUFASA("MD5", ""), "Circle of Life", "GET"));
  expect(!matches(MUFASA("MD5-sess", RESPONSE_MD5), "Circle of Life", "GET"));
}

static void test_credentials_without_qop_are_checked_by_rfc_2069(void) {
  /* H(A1) "939e7578ed9e3c518a452acee763bce9" of RFC 2617 §3.5; response computed without nc, cnonce and qop. */
  static const char credentials[] = "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
                                    "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", "
                                    "response=\"670fd8c2df070c60b045671b8b24ff02\"";
  expect(matches(credentials, "Circle Of Life", "GET"));
}

static void test_other_qualities_of_protection_do_not_match(void) {
  expect(
      !matches("Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"x\", qop=auth-int, nc=00000001, cnonce=\"c\", "
               "response=\"00000000000000000000000000000000\"",
               "p", "GET"));
  expect(!matches("Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"x\", qop=auth, "
                  "response=\"00000000000000000000000000000000\"",
                  "p", "GET"));
}

TAP_TESTS(TAP(test_md5_gives_the_hashes_of_rfc_1321), TAP(test_sha_256_gives_the_hashes_of_fips_180),
          TAP(test_every_length_around_a_block_is_padded_right), TAP(test_the_responses_of_rfc_7616_match),
          TAP(test_a_wrong_password_method_or_response_does_not_match),
          TAP(test_credentials_without_qop_are_checked_by_rfc_2069),
          TAP(test_other_qualities_of_protection_do_not_match))
