/* Things that come at even distances to each of many: keep-alives to phones, refreshes to ends of calls. Counts them by
 * the second, and how far they are from their time. */
#ifndef CALLGUN_ARRIVALS_H
#define CALLGUN_ARRIVALS_H

#include <stdbool.h>

#include "latency.h"

struct arrivals {
  uint64_t from_us; /* counted from then on: all that is held is there; 0: not yet */
  uint64_t counted;
  uint64_t second; /* the one that is being counted */
  uint64_t in_second, most_in_second;
  struct latency gap; /* of each, from one to the next */
  struct latency off; /* distance from when it was due, to either side */
  uint64_t overdue;   /* of those held, how many waited for one that should have come */
};

/* One has come. Nothing before from_us. */
void arrivals_count(struct arrivals *arrivals, uint64_t now_us);

/* How many a second in the mean, and over how many seconds; false: none were counted. */
bool arrivals_mean(const struct arrivals *arrivals, uint64_t now_us, double *mean_out, double *seconds_out);

#endif
