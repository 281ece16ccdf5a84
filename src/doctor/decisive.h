/* Of everything that was said in a call, what tells why it ended. */
#ifndef DOCTOR_DECISIVE_H
#define DOCTOR_DECISIVE_H

#include <stddef.h>

#include "trace/trace_record.h"

#define DECISIVE_MAX 24

struct decisive {
  size_t index;     /* of the record */
  unsigned repeats; /* how often the same was sent again */
};

/* Picks among the `count` records of one call, in the order of time: hanging up, refusals, what was sent again and
 * again, and what the timers made of it; of more than fit, the last ones. Returns how many. 64 readable bytes stand
 * behind each payload. */
size_t decisive_pick(const struct trace_record *records, size_t count, struct decisive picked_out[DECISIVE_MAX]);

#endif
