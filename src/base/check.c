#include "base/check.h"

#include <stddef.h>

/* The one global of the middle. A check that fails may stand in any function, at any depth, and knows nothing of a
 * worker: handing a context to every `require` would cost more clarity than this costs. No decision is ever made from
 * it: the reporter is set before there are threads, and the count is only read by metrics and tests. */
static struct {
  void (*reporter)(const char *file, int line, const char *expression);
  unsigned long broken_count;
} checks;

void check_failed(const char *file, int line, const char *expression) {
  void (*reporter)(const char *, int, const char *) = checks.reporter;
  checks.reporter = NULL; /* A check that fails inside the reporter must not call it again. */
  if (reporter) reporter(file, line, expression);
  __builtin_trap();
}

void check_set_reporter(void (*reporter)(const char *file, int line, const char *expression)) {
  checks.reporter = reporter;
}

void check_count_broken(const char *file, int line, const char *expression) {
  (void)file, (void)line, (void)expression;
  __atomic_fetch_add(&checks.broken_count, 1, __ATOMIC_RELAXED);
}

unsigned long check_broken_count(void) {
  return __atomic_load_n(&checks.broken_count, __ATOMIC_RELAXED);
}
