/* Checks that stay in release builds. `require` is for what would corrupt memory or cross a wall: the process stops.
 * `expect_or` is for a broken invariant of one call: it is counted, the action ends that call, everything else goes on.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stdbool.h>

/* Stops the process; never returns. The edges may install a reporter that writes the place to the log first. */
_Noreturn void check_failed(const char *file, int line, const char *expression);

/* `reporter` is called once before the process stops. NULL removes it. Set at start, before threads. */
void check_set_reporter(void (*reporter)(const char *file, int line, const char *expression));

/* Counts a broken invariant; the number so far is read by metrics and asserted to be zero by every test. */
void check_count_broken(const char *file, int line, const char *expression);
unsigned long check_broken_count(void);

#define require(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))

#define expect_or(condition, action)                                                                                   \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      check_count_broken(__FILE__, __LINE__, #condition);                                                              \
      action;                                                                                                          \
    }                                                                                                                  \
  } while (0)

#endif
