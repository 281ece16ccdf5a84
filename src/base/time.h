/* Two kinds of time that cannot be mixed up: the monotonic clock in milliseconds, which timers and durations use, and
 * the wall clock in microseconds since 1970 (UTC), which only records and people see. Neither is read here: both are
 * handed in. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text_builder.h"

struct mono_ms {
  int64_t value;
};

struct wall_us {
  int64_t value;
};

static inline struct mono_ms mono_ms_add(struct mono_ms time, int64_t milliseconds) {
  return (struct mono_ms){time.value + milliseconds};
}

/* Milliseconds from `earlier` to `later`; negative when they are the other way round. */
static inline int64_t mono_ms_since(struct mono_ms later, struct mono_ms earlier) {
  return later.value - earlier.value;
}

static inline bool mono_ms_before(struct mono_ms a, struct mono_ms b) {
  return a.value < b.value;
}

/* Appends an RFC 3339 date-time in UTC with milliseconds: 2026-11-22T13:31:12.345Z. */
void wall_us_to_text(struct wall_us time, struct text_builder *builder);

#endif
