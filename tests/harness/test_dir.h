/* A directory of a test's own, which goes with all that is in it. */
#ifndef TESTS_HARNESS_TEST_DIR_H
#define TESTS_HARNESS_TEST_DIR_H

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

#define TEST_DIR_BYTES 64

/* Makes /tmp/belfry-NAME-… and writes its path; /dev/shm is for what is made and removed many times over. */
static inline void test_dir_make_in(const char *parent, const char *name, char dir[static TEST_DIR_BYTES]) {
  snprintf(dir, TEST_DIR_BYTES, "%s/belfry-%s-XXXXXX", access(parent, W_OK) == 0 ? parent : "/tmp", name);
  expect(mkdtemp(dir) != NULL);
}

static inline void test_dir_make(const char *name, char dir[static TEST_DIR_BYTES]) {
  test_dir_make_in("/tmp", name, dir);
}

static inline int test_dir_remove_one(const char *path, const struct stat *status, int type, struct FTW *place) {
  (void)status;
  (void)type;
  (void)place;
  return remove(path);
}

static inline void test_dir_remove(const char *dir) {
  expect(nftw(dir, test_dir_remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

/* The path of something in it, valid until the next call. */
static inline const char *test_dir_path(const char *dir, const char *name) {
  static char path[512];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  return path;
}

static inline bool test_dir_has(const char *dir, const char *name) {
  return access(test_dir_path(dir, name), F_OK) == 0;
}

#endif
