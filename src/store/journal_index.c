#include "store/journal_index.h"

/* Two entries a chain when it is full. */
static uint32_t heads_for(uint32_t objects_max) {
  uint32_t count = 64;
  while (count < objects_max / 2 && count < UINT32_C(1) << 31)
    count *= 2;
  return count;
}

static size_t entries_bytes(uint32_t objects_max) {
  return objects_max * sizeof(struct journal_live);
}

size_t journal_index_memory_bytes(uint32_t objects_max) {
  return entries_bytes(objects_max) + heads_for(objects_max) * sizeof(uint32_t);
}

void journal_index_init(struct journal_index *index, void *memory, uint32_t objects_max) {
  *index = (struct journal_index){.entries = memory,
                                  .heads = (uint32_t *)(void *)((char *)memory + entries_bytes(objects_max)),
                                  .mask = heads_for(objects_max) - 1,
                                  .limit = objects_max};
}

static uint32_t *head_of(const struct journal_index *index, struct journal_key key) {
  uint64_t mixed = (key.high ^ key.low >> 29) * UINT64_C(0x9E3779B97F4A7C15) + key.low;
  mixed = (mixed ^ mixed >> 32) * UINT64_C(0xD6E8FEB86659FD93);
  return &index->heads[(uint32_t)(mixed >> 32) & index->mask];
}

struct journal_live *journal_index_find(const struct journal_index *index, struct journal_key key) {
  for (uint32_t number = *head_of(index, key); number != 0;) {
    struct journal_live *live = &index->entries[number - 1];
    if (journal_key_equal(live->key, key)) return live;
    number = live->next;
  }
  return NULL;
}

void journal_index_move(struct journal_index *index, void *memory, uint32_t objects_max) {
  struct journal_index before = *index;
  journal_index_init(index, memory, objects_max);
  memcpy(index->entries, before.entries, before.high_water * sizeof *before.entries);
  index->used = before.used;
  index->high_water = before.high_water;
  index->free = before.free;
  for (uint32_t number = 1; number <= index->high_water; number++) {
    struct journal_live *live = &index->entries[number - 1];
    if (journal_key_is_none(live->key)) continue; /* free: the list of those stays as it is */
    uint32_t *head = head_of(index, live->key);
    live->next = *head;
    *head = number;
  }
}

static uint32_t take_entry(struct journal_index *index) {
  uint32_t number = index->free;
  if (number == 0) return ++index->high_water;
  index->free = index->entries[number - 1].next;
  return number;
}

struct journal_live *journal_index_add(struct journal_index *index, struct journal_key key) {
  if (journal_key_is_none(key)) return NULL;
  struct journal_live *live = journal_index_find(index, key);
  if (live || index->used == index->limit) return live;
  uint32_t number = take_entry(index), *head = head_of(index, key);
  live = &index->entries[number - 1];
  *live = (struct journal_live){.key = key, .next = *head};
  *head = number;
  index->used++;
  return live;
}

void journal_index_remove(struct journal_index *index, struct journal_live *live) {
  uint32_t number = (uint32_t)(live - index->entries) + 1, *link = head_of(index, live->key);
  while (*link != number)
    link = &index->entries[*link - 1].next;
  *link = live->next;
  *live = (struct journal_live){.next = index->free};
  index->free = number;
  index->used--;
}
