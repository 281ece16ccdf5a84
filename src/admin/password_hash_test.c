#include "admin/password_hash.h"

#include "tap.h"

static void test_a_password_matches_its_own_hash_only(void) {
  char text[PASSWORD_HASH_BYTES];
  expect(password_hash("correct horse battery", text));
  expect(strncmp(text, "scrypt$15$8$1$", 14) == 0);
  expect(password_matches(text, "correct horse battery"));
  expect(!password_matches(text, "correct horse batterz"));
  expect(!password_matches(text, ""));
}

static void test_the_same_password_is_stored_differently_each_time(void) {
  char first[PASSWORD_HASH_BYTES], second[PASSWORD_HASH_BYTES];
  expect(password_hash("correct horse battery", first) && password_hash("correct horse battery", second));
  expect(strcmp(first, second) != 0);
}

/* RFC 7914 §12, third vector, shortened to our 32 bytes: the salt there has another length, so the known answer here is
 * one that Python's hashlib.scrypt gave. */
static void test_the_hash_is_scrypt(void) {
  expect(password_matches("scrypt$4$8$1$000102030405060708090a0b0c0d0e0f$"
                          "1aec9c0af3af0574b25e7efe9d8f92c21b686ba126a9eaa5c85c446cf39ecf9a",
                          "pleaseletmein"));
}

static void test_what_is_no_hash_matches_nothing(void) {
  expect(!password_matches(NULL, "correct horse battery"));
  expect(!password_matches("", ""));
  expect(!password_matches("scrypt$31$8$1$00$00", "correct horse battery"));
}

TAP_TESTS(TAP(test_a_password_matches_its_own_hash_only), TAP(test_the_same_password_is_stored_differently_each_time),
          TAP(test_the_hash_is_scrypt), TAP(test_what_is_no_hash_matches_nothing))
