#include "latency.h"

/* Values below 64 have a bucket each; above, each power of two is cut into 64. */
static unsigned bucket_of(uint64_t us) {
  if (us < (1u << LATENCY_SUB_BITS)) return (unsigned)us;
  unsigned exponent = 63 - (unsigned)__builtin_clzll(us);
  unsigned shift = exponent - LATENCY_SUB_BITS;
  unsigned bucket = ((shift + 1) << LATENCY_SUB_BITS) + (unsigned)((us >> shift) & ((1u << LATENCY_SUB_BITS) - 1));
  return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

/* The largest value that falls into the bucket. */
static uint64_t value_of(unsigned bucket) {
  unsigned group = bucket >> LATENCY_SUB_BITS;
  uint64_t sub = bucket & ((1u << LATENCY_SUB_BITS) - 1);
  return group == 0 ? sub : (((1u << LATENCY_SUB_BITS) + sub + 1) << (group - 1)) - 1;
}

void latency_add(struct latency *latency, uint64_t us) {
  latency->count++;
  if (us > latency->max_us) latency->max_us = us;
  latency->buckets[bucket_of(us)]++;
}

uint64_t latency_percentile(const struct latency *latency, unsigned per_mille) {
  uint64_t wanted = (latency->count * per_mille + 999) / 1000, seen = 0;
  for (unsigned bucket = 0; bucket < LATENCY_BUCKETS && latency->count; bucket++) {
    seen += latency->buckets[bucket];
    if (seen >= wanted) return value_of(bucket) < latency->max_us ? value_of(bucket) : latency->max_us;
  }
  return latency->max_us;
}

uint64_t latency_count_up_to(const struct latency *latency, uint64_t us) {
  uint64_t count = 0;
  for (unsigned bucket = 0; bucket <= bucket_of(us); bucket++)
    count += latency->buckets[bucket];
  return count;
}
