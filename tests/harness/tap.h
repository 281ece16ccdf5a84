/* The unit tests' harness: each test program is one file with functions named as claims and a list of them.
 *
 *   static void test_zero_is_even(void) { expect(is_even(0)); expect_int(4, ==, 2 + 2); }
 *   TAP_TESTS(TAP(test_zero_is_even))
 *
 * Prints the Test Anything Protocol (one line per test, "# file:line: …" for what failed), exits 1 if any failed. */
#ifndef TESTS_HARNESS_TAP_H
#define TESTS_HARNESS_TAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool tap_current_failed;
static const char *tap_skip_reason;

/* Notes a failed expectation of the running test; the test goes on. */
static inline void tap_fail(const char *file, int line, const char *what) {
  tap_current_failed = true;
  printf("# %s:%d: %s\n", file, line, what);
}

/* Marks the running test as skipped, with the reason; the test should return at once. */
static inline void tap_skip(const char *reason) {
  tap_skip_reason = reason;
}

#define expect(condition)                                                                                              \
  do {                                                                                                                 \
    if (!(condition)) tap_fail(__FILE__, __LINE__, "expected: " #condition);                                           \
  } while (0)

#define expect_int(left, op, right)                                                                                    \
  do {                                                                                                                 \
    long long tap_left = (long long)(left), tap_right = (long long)(right);                                            \
    if (!(tap_left op tap_right)) {                                                                                    \
      char tap_text[512];                                                                                              \
      snprintf(tap_text, sizeof tap_text, "expected: %s %s %s, got %lld and %lld", #left, #op, #right, tap_left,       \
               tap_right);                                                                                             \
      tap_fail(__FILE__, __LINE__, tap_text);                                                                          \
    }                                                                                                                  \
  } while (0)

struct tap_bytes {
  const char *data;
  size_t length;
};

/* Compares `length` bytes at `data` with a C string. */
static inline void tap_expect_bytes(const char *file, int line, const char *what, struct tap_bytes got,
                                    const char *want) {
  if (got.length == strlen(want) && (got.length == 0 || memcmp(got.data, want, got.length) == 0)) return;
  char text[2048];
  snprintf(text, sizeof text, "expected %s to be \"%s\", got \"%.*s\"", what, want, (int)got.length,
           got.length ? got.data : "");
  tap_fail(file, line, text);
}

#define expect_bytes(bytes, count, text)                                                                               \
  tap_expect_bytes(__FILE__, __LINE__, #bytes, (struct tap_bytes){(bytes), (size_t)(count)}, (text))

/* The same for a struct str_view; the expression is evaluated once. */
#define expect_view(view, text)                                                                                        \
  do {                                                                                                                 \
    __typeof__(view) tap_view = (view);                                                                                \
    tap_expect_bytes(__FILE__, __LINE__, #view, (struct tap_bytes){tap_view.data, tap_view.length}, (text));           \
  } while (0)

struct tap_test {
  const char *name;
  void (*run)(void);
};

static inline int tap_run(const struct tap_test *tests, size_t test_count) {
  int failed = 0;
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("1..%zu\n", test_count);
  for (size_t i = 0; i < test_count; i++) {
    tap_current_failed = false;
    tap_skip_reason = NULL;
    tests[i].run();
    if (tap_current_failed) failed++;
    printf("%s %zu - %s%s%s\n", tap_current_failed ? "not ok" : "ok", i + 1, tests[i].name,
           tap_skip_reason ? " # SKIP " : "", tap_skip_reason ? tap_skip_reason : "");
  }
  return failed ? 1 : 0;
}

/* One row of a program's list of tests: TAP_TESTS(TAP(test_a), TAP(test_b)). */
#define TAP(function)                                                                                                  \
  { #function, function }
#define TAP_TESTS(...)                                                                                                 \
  int main(void) {                                                                                                     \
    static const struct tap_test tests[] = {__VA_ARGS__};                                                              \
    return tap_run(tests, sizeof tests / sizeof tests[0]);                                                             \
  }

#endif
