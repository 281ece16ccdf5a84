#include "admin/api_tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

static struct store *open_store(char *dir) {
  char problem[256];
  snprintf(dir, 64, "/tmp/belfry-tokens-XXXXXX");
  expect(mkdtemp(dir) != NULL);
  return store_open(dir, problem, sizeof problem);
}

static void close_store(struct store **store, const char *dir) {
  char command[128];
  store_close(store);
  snprintf(command, sizeof command, "rm -rf '%s'", dir);
  expect_int(system(command), ==, 0);
}

static void put(struct store *store, const char *name, const char *role, const char *hash) {
  char problem[256], document[256];
  snprintf(document, sizeof document, "{\"role\":\"%s\",\"hash\":\"%s\"}", role, hash);
  expect_int(store_begin(store, problem, sizeof problem), ==, RESULT_OK);
  expect_int(store_put_object(store, "token", name, document, "test", 1), ==, RESULT_OK);
  expect_int(store_commit(store, problem, sizeof problem), ==, RESULT_OK);
}

static void test_a_token_opens_with_its_own_role_and_no_other_text_does(void) {
  char dir[64], text[API_TOKEN_BYTES], hash[65], header[API_TOKEN_BYTES + 8], name[API_TOKEN_NAME_BYTES];
  enum role role = ROLE_NOBODY;
  struct store *store = open_store(dir);
  expect(api_token_make("grafana", text, hash));
  put(store, "grafana", "viewer", hash);
  snprintf(header, sizeof header, "Bearer %s", text);
  expect(api_token_find(store, header, name, &role));
  expect(role == ROLE_VIEWER && strcmp(name, "grafana") == 0);
  header[strlen(header) - 1] ^= 1;
  expect(!api_token_find(store, header, name, &role));
  expect(!api_token_find(store, "Bearer grafana.", name, &role));
  expect(!api_token_find(store, "Bearer grafana", name, &role));
  expect(!api_token_find(store, "Bearer other.abc", name, &role));
  expect(!api_token_find(store, "Bearer ", name, &role));
  expect(!api_token_find(store, NULL, name, &role));
  close_store(&store, dir);
}

static void test_the_store_holds_nothing_that_opens(void) {
  char dir[64], text[API_TOKEN_BYTES], hash[65], header[128], name[API_TOKEN_NAME_BYTES];
  enum role role;
  struct store *store = open_store(dir);
  expect(api_token_make("grafana", text, hash));
  expect(strstr(text, hash) == NULL && strlen(hash) == 64);
  put(store, "grafana", "admin", hash);
  snprintf(header, sizeof header, "Bearer grafana.%s", hash);
  expect(!api_token_find(store, header, name, &role));
  put(store, "grafana", "nobody", hash);
  snprintf(header, sizeof header, "Bearer %s", text);
  expect(!api_token_find(store, header, name, &role));
  close_store(&store, dir);
}

static void test_two_tokens_of_one_name_differ(void) {
  char one[API_TOKEN_BYTES], other[API_TOKEN_BYTES], hash[65];
  expect(api_token_make("a", one, hash) && api_token_make("a", other, hash));
  expect(strcmp(one, other) != 0 && strlen(one) == 2 + 43);
}

static void test_names_are_what_a_header_can_carry(void) {
  expect(api_token_name_is_good("grafana") && api_token_name_is_good("Billing_2-b"));
  expect(!api_token_name_is_good("") && !api_token_name_is_good("a.b") && !api_token_name_is_good("a b"));
  expect(!api_token_name_is_good("abcdefghijabcdefghijabcdefghijabc"));
}

TAP_TESTS(TAP(test_a_token_opens_with_its_own_role_and_no_other_text_does),
          TAP(test_the_store_holds_nothing_that_opens), TAP(test_two_tokens_of_one_name_differ),
          TAP(test_names_are_what_a_header_can_carry))
