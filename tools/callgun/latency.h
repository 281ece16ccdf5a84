/* A histogram of microseconds with about 1.5 % resolution from 1 µs to an hour in fixed memory. */
#ifndef CALLGUN_LATENCY_H
#define CALLGUN_LATENCY_H

#include <stdint.h>

#define LATENCY_SUB_BITS 6
#define LATENCY_BUCKETS  (27 << LATENCY_SUB_BITS)

struct latency {
  uint64_t count, max_us;
  uint32_t buckets[LATENCY_BUCKETS];
};

void latency_add(struct latency *latency, uint64_t us);

/* A value that `per_mille` of all do not exceed, too high by the resolution at most; 0 when there are none. */
uint64_t latency_percentile(const struct latency *latency, unsigned per_mille);

/* How many are not above `us`, to the resolution. */
uint64_t latency_count_up_to(const struct latency *latency, uint64_t us);

#endif
