#include "store/journal_index.h"

static uint32_t slots_for(uint32_t objects_max) {
  uint32_t count = 64;
  while (count < objects_max + objects_max / 2 && count < UINT32_C(1) << 31)
    count *= 2;
  return count;
}

size_t journal_index_memory_bytes(uint32_t objects_max) {
  return slots_for(objects_max) * sizeof(struct journal_live);
}

void journal_index_init(struct journal_index *index, void *memory, uint32_t objects_max) {
  *index = (struct journal_index){.slots = memory, .mask = slots_for(objects_max) - 1, .limit = objects_max};
}

static uint32_t home_of(const struct journal_index *index, struct journal_key key) {
  uint64_t mixed = (key.high ^ key.low >> 29) * UINT64_C(0x9E3779B97F4A7C15) + key.low;
  mixed = (mixed ^ mixed >> 32) * UINT64_C(0xD6E8FEB86659FD93);
  return (uint32_t)(mixed >> 32) & index->mask;
}

static struct journal_live *slot_for(const struct journal_index *index, struct journal_key key) {
  uint32_t at = home_of(index, key);
  while (!journal_key_is_none(index->slots[at].key) && !journal_key_equal(index->slots[at].key, key))
    at = (at + 1) & index->mask;
  return &index->slots[at];
}

struct journal_live *journal_index_find(const struct journal_index *index, struct journal_key key) {
  if (journal_key_is_none(key)) return NULL;
  struct journal_live *live = slot_for(index, key);
  return journal_key_is_none(live->key) ? NULL : live;
}

struct journal_live *journal_index_add(struct journal_index *index, struct journal_key key) {
  if (journal_key_is_none(key)) return NULL;
  struct journal_live *live = slot_for(index, key);
  if (!journal_key_is_none(live->key)) return live;
  if (index->used == index->limit) return NULL;
  index->used++;
  live->key = key;
  return live;
}

/* What stands behind moves up, unless it is nearer to its home than the gap. */
void journal_index_remove(struct journal_index *index, struct journal_live *live) {
  uint32_t gap = (uint32_t)(live - index->slots);
  for (uint32_t at = (gap + 1) & index->mask; !journal_key_is_none(index->slots[at].key); at = (at + 1) & index->mask) {
    uint32_t home = home_of(index, index->slots[at].key);
    if (((at - home) & index->mask) < ((at - gap) & index->mask)) continue;
    index->slots[gap] = index->slots[at];
    gap = at;
  }
  index->slots[gap] = (struct journal_live){0};
  index->used--;
}
