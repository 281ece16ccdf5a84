#include "base/hash_table.h"

#include <stdbool.h>

#include "base/check.h"

#define ENTRIES_MOST (UINT32_C(1) << 30)

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
  *table = (struct hash_table){.slots = memory, .mask = (uint32_t)(slot_count(entries_max) - 1), .limit = entries_max};
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

enum result hash_table_insert(struct hash_table *table, uint64_t hash, uint32_t value) {
  if (table->used >= table->limit) return RESULT_FULL;
  uint32_t at = (uint32_t)hash & table->mask;
  while (!is_empty(&table->slots[at]))
    at = (at + 1) & table->mask;
  table->slots[at] = slot_of(hash, value);
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
