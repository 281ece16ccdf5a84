#include "admin/admin_token.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static void test_the_first_start_makes_a_token_that_later_starts_find(void) {
  char dir[] = "/tmp/belfry-token-XXXXXX", path[128], problem[512] = "";
  expect(mkdtemp(dir) != NULL);
  char first[ADMIN_TOKEN_BYTES], second[ADMIN_TOKEN_BYTES];
  expect(admin_token_load(dir, first, problem, sizeof problem));
  expect(admin_token_load(dir, second, problem, sizeof problem));
  expect(strcmp(first, second) == 0);
  expect_int(strlen(first), ==, 43);
  snprintf(path, sizeof path, "%s/admin.token", dir);
  struct stat status;
  expect(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600);
  unlink(path);
  rmdir(dir);
}

static void test_an_empty_token_file_is_refused(void) {
  char dir[] = "/tmp/belfry-token-XXXXXX", path[128], problem[512] = "";
  expect(mkdtemp(dir) != NULL);
  snprintf(path, sizeof path, "%s/admin.token", dir);
  FILE *file = fopen(path, "w");
  expect(file != NULL && fclose(file) == 0);
  char token[ADMIN_TOKEN_BYTES];
  expect(!admin_token_load(dir, token, problem, sizeof problem));
  expect(strstr(problem, "admin.token") != NULL);
  unlink(path);
  rmdir(dir);
}

static void test_only_the_whole_token_matches(void) {
  expect(admin_token_matches("abcdefghijklmnop", "Bearer abcdefghijklmnop"));
  expect(admin_token_matches("abcdefghijklmnop", "bearer abcdefghijklmnop"));
  expect(!admin_token_matches("abcdefghijklmnop", "Bearer abcdefghijklmno"));
  expect(!admin_token_matches("abcdefghijklmnop", "Bearer abcdefghijklmnopabcdefghijklmnop"));
  expect(!admin_token_matches("abcdefghijklmnop", "Bearer "));
  expect(!admin_token_matches("abcdefghijklmnop", "Basic abcdefghijklmnop"));
  expect(!admin_token_matches("abcdefghijklmnop", NULL));
}

TAP_TESTS(TAP(test_the_first_start_makes_a_token_that_later_starts_find), TAP(test_an_empty_token_file_is_refused),
          TAP(test_only_the_whole_token_matches))
