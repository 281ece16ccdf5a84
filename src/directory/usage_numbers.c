#include "directory/usage_numbers.h"

#define NOT_GIVEN    UINT32_MAX
#define WINDOW_LEAST (UINT32_C(1) << 16)

/* Free numbers are sought in windows of consecutive numbers; those of the previous picture are marked in a bit per
 * number. A window is at least twice as large as the picture, so that the second window is needed only after great
 * changes. */
struct usage_search {
  const struct directory *picture, *previous;
  uint64_t *taken; /* bit n: number window_start + n belongs to a device of the previous picture */
  uint32_t window_start, window_size;
  uint32_t next; /* number to look at next */
};

size_t usage_numbers_memory_bytes(size_t device_count) {
  size_t numbers = 2 * device_count > WINDOW_LEAST ? 2 * device_count : WINDOW_LEAST;
  return (numbers + 63) / 64 * 8;
}

static void usage_search_mark_window(struct usage_search *search) {
  memset(search->taken, 0, search->window_size / 8);
  for (unsigned kind = DEVICE_PHONE; search->previous && kind < DEVICE_KINDS; kind++) {
    const struct device_list *list = &search->previous->lists[kind];
    for (uint32_t i = 0; i < list->count; i++) {
      uint32_t offset = list->devices[i].usage - search->window_start;
      if (offset < search->window_size) search->taken[offset / 64] |= UINT64_C(1) << offset % 64;
    }
  }
}

static uint32_t usage_search_next(struct usage_search *search) {
  for (; search->next < search->picture->usage_max; search->next++) {
    uint32_t offset = search->next - search->window_start;
    if (offset >= search->window_size) {
      search->window_start = search->next;
      usage_search_mark_window(search);
      offset = 0;
    }
    if (search->taken[offset / 64] >> offset % 64 & 1) continue;
    if (directory_usage(search->picture, search->next) == 0) return search->next++;
  }
  return NOT_GIVEN;
}

static uint32_t usage_number_before(const struct directory *previous, enum device_kind kind, struct str_view name) {
  if (!previous) return NOT_GIVEN;
  const struct device *device = directory_at(previous, kind, directory_index_of(previous, kind, name));
  return device ? device->usage : NOT_GIVEN;
}

enum result usage_numbers_give(struct directory *picture, const struct directory *previous, uint64_t *bits,
                               size_t bits_bytes) {
  struct usage_search search = {picture, previous, bits, 0, (uint32_t)(bits_bytes * 8), 0};
  usage_search_mark_window(&search);
  for (unsigned kind = DEVICE_PHONE; kind < DEVICE_KINDS; kind++) {
    struct device_list *list = &picture->lists[kind];
    for (uint32_t i = 0; i < list->count; i++) {
      uint32_t usage = usage_number_before(previous, (enum device_kind)kind, list->devices[i].name);
      if (usage == NOT_GIVEN) usage = usage_search_next(&search);
      if (usage == NOT_GIVEN) return RESULT_FULL;
      list->devices[i].usage = usage;
    }
  }
  return RESULT_OK;
}
