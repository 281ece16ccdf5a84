#include "base/hash_table.h"

#include <stdbool.h>

#include "base/check.h"

#define ENTRIES_MOST (UINT32_C(1) << 30)
#define FIRST_MASK   63

static size_t slot_count(uint32_t entries_max) {
  size_t least = (size_t)entries_max + entries_max / 7 + 2, count = 8;
  while (count < least)
    count *= 2;
  return count;
}

size_t hash_table_memory_bytes(uint32_t entries_max) {
  require(entries_max <= ENTRIES_MOST);
  return slot_count(entries_max) * sizeof(struct hash_table_slot);
}

void hash_table_init(struct hash_table *table, void *memory, uint32_t entries_max) {
  require(entries_max <= ENTRIES_MOST);
  uint32_t mask_max = (uint32_t)(slot_count(entries_max) - 1);
  *table = (struct hash_table){.slots = memory,
                               .mask = mask_max < FIRST_MASK ? mask_max : FIRST_MASK,
                               .mask_max = mask_max,
                               .limit = entries_max};
}

static struct hash_table_slot slot_of(uint64_t hash, uint32_t value) {
  uint32_t high = (uint32_t)(hash >> 32);
  return (struct hash_table_slot){high ? high : 1, (uint32_t)hash, value};
}

static bool is_empty(const struct hash_table_slot *slot) {
  return slot->hash_high == 0;
}

static bool same_hash(const struct hash_table_slot *a, const struct hash_table_slot *b) {
  return a->hash_low == b->hash_low && a->hash_high == b->hash_high;
}

/* The first entry with this hash at `at` or after it, before the run's end. There always is an empty slot to end the
 * run. */
static uint32_t find_from(const struct hash_table *table, uint64_t hash, uint32_t at, uint32_t *value_out) {
  struct hash_table_slot wanted = slot_of(hash, 0);
  for (at &= table->mask; !is_empty(&table->slots[at]); at = (at + 1) & table->mask) {
    if (!same_hash(&table->slots[at], &wanted)) continue;
    *value_out = table->slots[at].value;
    return at;
  }
  return HASH_TABLE_END;
}

uint32_t hash_table_first(const struct hash_table *table, uint64_t hash, uint32_t *value_out) {
  return find_from(table, hash, (uint32_t)hash, value_out);
}

uint32_t hash_table_next(const struct hash_table *table, uint64_t hash, uint32_t at, uint32_t *value_out) {
  return find_from(table, hash, at + 1, value_out);
}

static void put(struct hash_table *table, const struct hash_table_slot *entry) {
  uint32_t at = entry->hash_low & table->mask;
  while (!is_empty(&table->slots[at]))
    at = (at + 1) & table->mask;
  table->slots[at] = *entry;
}

/* Twice as many slots: each entry stays, or moves up by the old number of slots. They are taken in the order of their
 * runs, beginning with the run that reaches the end and goes on at slot 0. Then none comes to stand behind where it
 * stood (or that many slots higher), thus only behind such as have been placed already. */
static void spread(struct hash_table *table) {
  uint32_t old_mask = table->mask, first = old_mask + 1;
  while (!is_empty(&table->slots[first - 1]))
    first--;
  table->mask = 2 * old_mask + 1;
  for (uint32_t i = 0; i <= old_mask; i++) {
    struct hash_table_slot *slot = &table->slots[(first + i) & old_mask], entry = *slot;
    if (is_empty(&entry)) continue;
    *slot = (struct hash_table_slot){0};
    put(table, &entry);
  }
}

enum result hash_table_insert(struct hash_table *table, uint64_t hash, uint32_t value) {
  if (table->used >= table->limit) return RESULT_FULL;
  if (table->used > table->mask / 2 && table->mask < table->mask_max) spread(table);
  struct hash_table_slot entry = slot_of(hash, value);
  put(table, &entry);
  table->used++;
  return RESULT_OK;
}

/* Closes the hole at `hole`: entries of the same run move back into it unless that would put them before their home. */
static void shift_back(struct hash_table *table, uint32_t hole) {
  uint32_t mask = table->mask;
  for (uint32_t at = (hole + 1) & mask; !is_empty(&table->slots[at]); at = (at + 1) & mask) {
    uint32_t from_home = (at - table->slots[at].hash_low) & mask;
    if (from_home < ((at - hole) & mask)) continue;
    table->slots[hole] = table->slots[at];
    hole = at;
  }
  table->slots[hole] = (struct hash_table_slot){0};
}

enum result hash_table_remove(struct hash_table *table, uint64_t hash, uint32_t value) {
  uint32_t found;
  uint32_t at = hash_table_first(table, hash, &found);
  while (at != HASH_TABLE_END && found != value)
    at = hash_table_next(table, hash, at, &found);
  if (at == HASH_TABLE_END) return RESULT_NOT_FOUND;
  shift_back(table, at);
  table->used--;
  return RESULT_OK;
}
