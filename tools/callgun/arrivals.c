#include "arrivals.h"

void arrivals_count(struct arrivals *arrivals, uint64_t now_us) {
  if (arrivals->from_us == 0) return;
  uint64_t second = (now_us - arrivals->from_us) / 1000000;
  if (second != arrivals->second) {
    arrivals->second = second;
    arrivals->in_second = 0;
  }
  if (++arrivals->in_second > arrivals->most_in_second) arrivals->most_in_second = arrivals->in_second;
  arrivals->counted++;
}

bool arrivals_mean(const struct arrivals *arrivals, uint64_t now_us, double *mean_out, double *seconds_out) {
  if (arrivals->from_us == 0 || arrivals->counted == 0) return false;
  *seconds_out = (double)(now_us - arrivals->from_us) / 1e6;
  *mean_out = (double)arrivals->counted / *seconds_out;
  return true;
}
