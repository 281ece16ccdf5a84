#include "boot/data_dir.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/clock_anchor.h"
#include "tap.h"

static char parent[] = "/tmp/belfry-data-XXXXXX";
static char dir[64], problem[256];

static void set_up(void) {
  memcpy(parent + sizeof parent - 7, "XXXXXX", 6);
  expect(mkdtemp(parent) != NULL);
  snprintf(dir, sizeof dir, "%s/data", parent);
}

static void tear_down(void) {
  static const char *const names[] = {"lock", "key", "clock", "other"};
  char path[128];
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    snprintf(path, sizeof path, "%s/%s", dir, names[i]);
    unlink(path);
  }
  expect(rmdir(dir) == 0);
  rmdir(parent);
}

static unsigned mode_of(const char *name) {
  char path[128];
  struct stat status = {0};
  snprintf(path, sizeof path, "%s%s%s", dir, name ? "/" : "", name ? name : "");
  expect(stat(path, &status) == 0);
  return status.st_mode & 0777;
}

static void test_the_directory_is_private_and_used_by_one(void) {
  set_up();
  int lock = data_dir_open(dir, problem, sizeof problem);
  expect(lock >= 0);
  expect_int(mode_of(NULL), ==, 0700);
  expect_int(data_dir_open(dir, problem, sizeof problem), ==, -1);
  expect(strstr(problem, "another switch is running") != NULL);
  close(lock);
  lock = data_dir_open(dir, problem, sizeof problem);
  expect(lock >= 0);
  close(lock);
  tear_down();
}

static void test_a_directory_that_cannot_be_made_is_named(void) {
  expect_int(data_dir_open("/nonexistent/data", problem, sizeof problem), ==, -1);
  expect(strstr(problem, "/nonexistent/data: No such file") != NULL);
}

static void test_a_key_is_made_once_and_kept(void) {
  set_up();
  close(data_dir_open(dir, problem, sizeof problem));
  struct siphash_key first, second;
  expect(data_dir_key(dir, "key", &first, problem, sizeof problem));
  expect(data_dir_key(dir, "key", &second, problem, sizeof problem));
  expect(first.k0 == second.k0 && first.k1 == second.k1 && first.k0 != first.k1);
  expect_int(mode_of("key"), ==, 0600);
  tear_down();
}

static void test_a_damaged_key_is_refused_and_left_alone(void) {
  set_up();
  close(data_dir_open(dir, problem, sizeof problem));
  static const char *const damaged[] = {"",
                                        "0123\n",
                                        "0123456789abcdef0123456789abcde\n",
                                        "0123456789abcdef0123456789abcdef",
                                        "0123456789abcdef0123456789abcdef0\n",
                                        "0123456789ABCDEF0123456789abcdef\n"};
  struct siphash_key key;
  char text[64];
  for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
    expect(data_dir_write(dir, "key", damaged[i]));
    expect(!data_dir_key(dir, "key", &key, problem, sizeof problem));
    expect(data_dir_read(dir, "key", text, sizeof text) && strcmp(text, damaged[i]) == 0);
  }
  expect(data_dir_write(dir, "key", "0123456789abcdeffedcba9876543210\n"));
  expect(data_dir_key(dir, "key", &key, problem, sizeof problem));
  expect(key.k0 == 0x0123456789abcdef && key.k1 == 0xfedcba9876543210);
  tear_down();
}

static void test_files_are_replaced_whole(void) {
  set_up();
  close(data_dir_open(dir, problem, sizeof problem));
  char text[8];
  expect(!data_dir_read(dir, "other", text, sizeof text) && errno == ENOENT);
  expect(data_dir_write(dir, "other", "long enough"));
  expect(data_dir_write(dir, "other", "short"));
  expect(data_dir_read(dir, "other", text, sizeof text) && strcmp(text, "short") == 0);
  expect(data_dir_write(dir, "other", "longer than asked for"));
  expect(data_dir_read(dir, "other", text, sizeof text) && strcmp(text, "longer ") == 0);
  tear_down();
}

static void test_the_clock_never_goes_back_over_a_restart(void) {
  set_up();
  close(data_dir_open(dir, problem, sizeof problem));
  struct wall_us world = clock_anchor_read(dir);
  expect_int(world.value, >, INT64_C(1700000000000000));
  expect(clock_anchor_keep(dir, world, 90000000));
  expect_int(clock_anchor_read(dir).value, ==, world.value + 90000000);
  expect(clock_anchor_keep(dir, (struct wall_us){5}, 5));
  expect_int(clock_anchor_read(dir).value, >=, world.value);
  expect(data_dir_write(dir, "clock", "nonsense\n"));
  expect_int(clock_anchor_read(dir).value, >=, world.value);
  tear_down();
}

TAP_TESTS(TAP(test_the_directory_is_private_and_used_by_one), TAP(test_a_directory_that_cannot_be_made_is_named),
          TAP(test_a_key_is_made_once_and_kept), TAP(test_a_damaged_key_is_refused_and_left_alone),
          TAP(test_files_are_replaced_whole), TAP(test_the_clock_never_goes_back_over_a_restart))
