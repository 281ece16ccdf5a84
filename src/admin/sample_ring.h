/* The recent past of the switch as numbers taken at even distances: what the console's graphs are drawn from. */
#ifndef ADMIN_SAMPLE_RING_H
#define ADMIN_SAMPLE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One moment; NAN: not known. */
struct sample {
#define SERIES(name, help) float name;
#include "admin/series.def"
#undef SERIES
};

struct series_row {
  const char *name, *help;
  size_t offset;
};
extern const struct series_row series_rows[];
extern const size_t series_row_count;

struct sample_ring {
  struct sample *samples; /* heap */
  size_t capacity, count, next;
};

/* False: no memory. */
bool sample_ring_open(struct sample_ring *ring, size_t capacity);
void sample_ring_close(struct sample_ring *ring);
void sample_ring_add(struct sample_ring *ring, const struct sample *sample);

/* The sample `age` places before the newest (0), or NULL. */
const struct sample *sample_ring_back(const struct sample_ring *ring, size_t age);

/* The means of the newest `count` samples, each over those that are known. */
struct sample sample_ring_mean(const struct sample_ring *ring, size_t count);

#endif
