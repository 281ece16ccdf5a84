/* One worker's counters; written by that worker only, read by anyone (relaxed). */
#ifndef BASE_COUNTERS_H
#define BASE_COUNTERS_H

#include <stdint.h>

struct counters {
#define COUNTER(name, help) uint64_t name;
#include "base/counters.def"
#undef COUNTER
};

/* Adds one: counters_add(context->counters, calls_answered). */
#define counters_add(counters, name) counters_add_count(counters, name, 1)

/* Adds `count`. */
#define counters_add_count(counters, name, count)                                                                      \
  __atomic_store_n(&(counters)->name, __atomic_load_n(&(counters)->name, __ATOMIC_RELAXED) + (count), __ATOMIC_RELAXED)

#endif
