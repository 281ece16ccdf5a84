#include "base/hash_table.h"

#include <stdbool.h>

#include "base/check.h"

#define ENTRIES_MOST  (UINT32_C(1) << 30)
#define FIRST_MASK    63
#define MOVED_AT_ONCE 4 /* slots; two would do for it to be over when half of the new ones are taken */
#define IN_OLD        (UINT32_C(1) << 31) /* in a position: it is one of the old slots */

static size_t slot_count(uint32_t entries_max) {
  size_t least = (size_t)entries_max + entries_max / 7 + 2, count = 8;
  while (count < least)
    count *= 2;
  return count;
}

size_t hash_table_memory_bytes(uint32_t entries_max) {
  require(entries_max <= ENTRIES_MOST);
  size_t count = slot_count(entries_max);
  return (count > FIRST_MASK + 1 ? count + count / 2 : count) * sizeof(struct hash_table_slot);
}

static struct hash_table_slot *slots_of_size(const struct hash_table *table, uint32_t mask) {
  bool is_second = __builtin_ctz((table->mask_max + 1) / (mask + 1)) & 1;
  return is_second ? table->memory + table->mask_max + 1 : table->memory;
}

void hash_table_init(struct hash_table *table, void *memory, uint32_t entries_max) {
  require(entries_max <= ENTRIES_MOST);
  uint32_t mask_max = (uint32_t)(slot_count(entries_max) - 1);
  *table = (struct hash_table){.mask = mask_max < FIRST_MASK ? mask_max : FIRST_MASK,
                               .mask_max = mask_max,
                               .limit = entries_max,
                               .memory = memory};
  table->slots = slots_of_size(table, table->mask);
}

static struct hash_table_slot slot_of(uint64_t hash, uint32_t value) {
  return (struct hash_table_slot){(uint32_t)hash, value + 1};
}

static bool is_empty(const struct hash_table_slot *slot) {
  return slot->value_plus_one == 0;
}

/* --- finding ----------------------------------------------------------------------------------------------------- */

/* The first of these slots with the wanted hash at `at` or after it, before the run's end. There always is an empty
 * slot to end the run. */
static uint32_t find_from(const struct hash_table_slot *slots, uint32_t mask, uint32_t wanted, uint32_t at) {
  for (at &= mask; !is_empty(&slots[at]); at = (at + 1) & mask)
    if (slots[at].hash == wanted) return at;
  return HASH_TABLE_END;
}

static uint32_t find_in_old(const struct hash_table *table, uint32_t wanted, uint32_t at, uint32_t *value_out) {
  if (!table->old_slots) return HASH_TABLE_END;
  at = find_from(table->old_slots, table->old_mask, wanted, at);
  if (at == HASH_TABLE_END) return at;
  *value_out = table->old_slots[at].value_plus_one - 1;
  return at | IN_OLD;
}

static uint32_t find(const struct hash_table *table, uint64_t hash, uint32_t at, uint32_t *value_out) {
  uint32_t wanted = (uint32_t)hash;
  at = find_from(table->slots, table->mask, wanted, at);
  if (at == HASH_TABLE_END) return find_in_old(table, wanted, wanted, value_out);
  *value_out = table->slots[at].value_plus_one - 1;
  return at;
}

uint32_t hash_table_first(const struct hash_table *table, uint64_t hash, uint32_t *value_out) {
  return find(table, hash, (uint32_t)hash, value_out);
}

uint32_t hash_table_next(const struct hash_table *table, uint64_t hash, uint32_t at, uint32_t *value_out) {
  if (at & IN_OLD) return find_in_old(table, (uint32_t)hash, (at & ~IN_OLD) + 1, value_out);
  return find(table, hash, at + 1, value_out);
}

/* --- changing ---------------------------------------------------------------------------------------------------- */

static void put(struct hash_table *table, const struct hash_table_slot *entry) {
  uint32_t at = entry->hash & table->mask;
  while (!is_empty(&table->slots[at]))
    at = (at + 1) & table->mask;
  table->slots[at] = *entry;
}

/* Moves some slots, and on to the end of the run that the last one is in: what is behind it begins a run of its own,
 * and is found as before. A run that goes on at slot 0 was moved from there on at the start. */
static void move_some(struct hash_table *table) {
  if (!table->old_slots) return;
  bool is_run = true;
  for (uint32_t count = 0; table->moved <= table->old_mask && (count < MOVED_AT_ONCE || is_run); count++) {
    struct hash_table_slot *slot = &table->old_slots[table->moved++];
    is_run = !is_empty(slot);
    if (is_run) put(table, slot);
    *slot = (struct hash_table_slot){0};
  }
  if (table->moved > table->old_mask) table->old_slots = NULL;
}

static void grow(struct hash_table *table) {
  while (table->old_slots)
    move_some(table);
  table->old_slots = table->slots;
  table->old_mask = table->mask;
  table->moved = 0;
  table->mask = 2 * table->old_mask + 1;
  table->slots = slots_of_size(table, table->mask);
}

enum result hash_table_insert(struct hash_table *table, uint64_t hash, uint32_t value) {
  require(value < UINT32_MAX);
  if (table->used >= table->limit) return RESULT_FULL;
  if (table->used > table->mask / 2 && table->mask < table->mask_max) grow(table);
  move_some(table);
  struct hash_table_slot entry = slot_of(hash, value);
  put(table, &entry);
  table->used++;
  return RESULT_OK;
}

/* Closes the hole at `hole`: entries of the same run move back into it unless that would put them before their home. */
static void shift_back(struct hash_table_slot *slots, uint32_t mask, uint32_t hole) {
  for (uint32_t at = (hole + 1) & mask; !is_empty(&slots[at]); at = (at + 1) & mask) {
    uint32_t from_home = (at - slots[at].hash) & mask;
    if (from_home < ((at - hole) & mask)) continue;
    slots[hole] = slots[at];
    hole = at;
  }
  slots[hole] = (struct hash_table_slot){0};
}

enum result hash_table_remove(struct hash_table *table, uint64_t hash, uint32_t value) {
  uint32_t found;
  uint32_t at = hash_table_first(table, hash, &found);
  while (at != HASH_TABLE_END && found != value)
    at = hash_table_next(table, hash, at, &found);
  if (at == HASH_TABLE_END) return RESULT_NOT_FOUND;
  if (at & IN_OLD)
    shift_back(table->old_slots, table->old_mask, at & ~IN_OLD);
  else
    shift_back(table->slots, table->mask, at);
  table->used--;
  move_some(table);
  return RESULT_OK;
}
