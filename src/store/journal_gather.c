#include "store/journal_gather.h"

static int64_t window_at(int64_t now_us) {
  return now_us / (JOURNAL_GATHER_WINDOW_MS * INT64_C(1000));
}

void journal_gather_note(struct journal_gather *gather, int64_t now_us, uint32_t awaited) {
  int64_t window = window_at(now_us);
  if (window != gather->window) {
    gather->awaited_before = window == gather->window + 1 ? gather->awaited : 0;
    gather->awaited = 0;
    gather->window = window;
  }
  gather->awaited += awaited;
}

int64_t journal_gather_us(const struct journal_gather *gather, int64_t now_us, uint32_t most_ms) {
  int64_t age = window_at(now_us) - gather->window;
  uint32_t awaited = age == 0 ? gather->awaited : 0, before = age == 0 ? gather->awaited_before : gather->awaited;
  if (age > 1) return 0;
  if (awaited < before) awaited = before;
  if (awaited > JOURNAL_GATHER_MANY) awaited = JOURNAL_GATHER_MANY;
  return (int64_t)most_ms * 1000 * awaited / JOURNAL_GATHER_MANY;
}
