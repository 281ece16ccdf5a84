/* A worker's memory: one region of reserved address space, laid out once at start. Pages become real when they are
 * first touched, so the configured maximum costs nothing while the switch is idle. */
#ifndef WORKER_MEMORY_H
#define WORKER_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Counts first, then hands out: with `base` NULL memory_region_take only adds up. */
struct memory_region {
  char *base;
  size_t used;
  size_t capacity;
};

/* The next piece, zero-filled and aligned to 64, with at least 64 readable bytes behind it; NULL while counting. */
void *memory_region_take(struct memory_region *region, size_t bytes);

/* Reserves what has been counted and starts handing out. False with errno. */
bool memory_region_reserve(struct memory_region *region);

void memory_region_release(struct memory_region *region);

#endif
