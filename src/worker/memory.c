#include "worker/memory.h"

#include <sys/mman.h>

#include "base/check.h"

/* Two lines: one of slack, and one so that neighbours written by different threads never share a line. */
#define GAP_BYTES 128

void *memory_region_take(struct memory_region *region, size_t bytes) {
  size_t start = region->used;
  region->used += ((bytes + 63) & ~(size_t)63) + GAP_BYTES;
  if (!region->base) return NULL;
  require(region->used <= region->capacity);
  return region->base + start;
}

bool memory_region_reserve(struct memory_region *region) {
  void *base = mmap(NULL, region->used, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return false;
  *region = (struct memory_region){.base = base, .capacity = region->used};
  return true;
}

void memory_region_release(struct memory_region *region) {
  if (region->base) munmap(region->base, region->capacity);
  *region = (struct memory_region){0};
}
