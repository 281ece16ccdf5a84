#include "supervision/device_memory.h"

#include "base/siphash.h"

#define DEVICES_MIN 64
#define NEIGHBOURS  4 /* slots in which one key may stand */

struct device_memory {
  uint32_t mask;
  uint64_t changes;
  struct device_memory_entry entries[];
};

static uint32_t capacity_for(uint32_t devices_max) {
  uint32_t capacity = DEVICES_MIN;
  while (capacity < devices_max && capacity < 1u << 30)
    capacity *= 2;
  return capacity;
}

size_t device_memory_bytes(uint32_t devices_max) {
  return sizeof(struct device_memory) + capacity_for(devices_max) * sizeof(struct device_memory_entry);
}

struct device_memory *device_memory_create(void *memory, uint32_t devices_max) {
  struct device_memory *table = memory;
  table->mask = capacity_for(devices_max) - 1;
  return table;
}

/* Operators name devices, not strangers: the key of the hash is no secret. */
uint64_t device_memory_key(enum device_kind kind, struct str_view name) {
  struct siphash_key key = {0x62656c66727921ULL, (uint64_t)kind};
  uint64_t hash = siphash(&key, name.data, name.length);
  return hash == 0 ? 1 : hash;
}

static uint32_t slot_of(const struct device_memory *memory, uint64_t key, uint32_t neighbour) {
  return ((uint32_t)key + neighbour) & memory->mask;
}

struct device_memory_entry device_memory_find(const struct device_memory *memory, uint64_t key) {
  for (uint32_t i = 0; i < NEIGHBOURS; i++) {
    const struct device_memory_entry *entry = &memory->entries[slot_of(memory, key, i)];
    if (entry->key == key) return *entry;
  }
  return (struct device_memory_entry){0};
}

/* The slot of `key`, else a free one, else one whose device is forgotten for it. */
static struct device_memory_entry *take_slot(struct device_memory *memory, uint64_t key) {
  struct device_memory_entry *found = NULL;
  for (uint32_t i = 0; i < NEIGHBOURS; i++) {
    struct device_memory_entry *entry = &memory->entries[slot_of(memory, key, i)];
    if (entry->key == key) return entry;
    if (entry->key == 0 && !found) found = entry;
  }
  if (!found) found = &memory->entries[slot_of(memory, key, (uint32_t)(key >> 32) % NEIGHBOURS)];
  *found = (struct device_memory_entry){.key = key};
  return found;
}

static bool is_same(const struct device_memory_entry *a, const struct device_memory_entry *b) {
  return a->key == b->key && a->worked == b->worked && a->failed == b->failed;
}

void device_memory_put(struct device_memory *memory, const struct device_memory_entry *entry) {
  if (entry->key == 0) return;
  struct device_memory_entry before = device_memory_find(memory, entry->key);
  if (is_same(&before, entry)) return;
  *take_slot(memory, entry->key) = *entry;
  memory->changes++;
}

void device_memory_learn(struct device_memory *memory, uint64_t key, const struct refresh_experience *experience) {
  struct device_memory_entry known = device_memory_find(memory, key), entry = known;
  uint8_t worked = experience->worked == 0 ? 0 : REFRESH_BIT(experience->worked - 1u);
  entry.key = key;
  entry.worked = (uint8_t)((entry.worked | worked) & ~(experience->failed & ~worked));
  entry.failed = (uint8_t)((entry.failed | experience->failed) & ~entry.worked);
  if (!is_same(&known, &entry)) device_memory_put(memory, &entry);
}

uint64_t device_memory_changes(const struct device_memory *memory) {
  return memory->changes;
}

/* --- lines ------------------------------------------------------------------------------------------------------- */

#define KEY_DIGITS 16

static const struct str_view rung_names[REFRESH_RUNG_COUNT] = {
#define REFRESH_RUNG(name, ...) [REFRESH_RUNG_##name] = STR_VIEW_LITERAL(#name),
#include "supervision/refresh_ladder.def"
};

static void write_rungs(uint8_t rungs, struct text_builder *line) {
  text_builder_add_char(line, ' ');
  if (rungs == 0) text_builder_add_char(line, '-');
  for (unsigned rung = 0; rung < REFRESH_RUNG_COUNT; rung++) {
    if (!(rungs & REFRESH_BIT(rung))) continue;
    text_builder_add(line, rung_names[rung]);
    rungs &= (uint8_t)~REFRESH_BIT(rung);
    if (rungs != 0) text_builder_add_char(line, ',');
  }
}

void device_memory_write(const struct device_memory_entry *entry, struct text_builder *line) {
  text_builder_add_hex(line, entry->key, KEY_DIGITS);
  write_rungs(entry->worked, line);
  write_rungs(entry->failed, line);
}

/* What stands in front of `separator`, all when it is not there; `rest` is what follows. */
static struct str_view cut(struct str_view *rest, char separator) {
  size_t length = 0;
  while (length < rest->length && rest->data[length] != separator)
    length++;
  struct str_view front = str_view_slice(*rest, 0, length);
  *rest = str_view_from(*rest, length + 1);
  return front;
}

static uint8_t read_rungs(struct str_view names) {
  uint8_t rungs = 0;
  while (names.length > 0) {
    struct str_view name = cut(&names, ',');
    for (unsigned rung = 0; rung < REFRESH_RUNG_COUNT; rung++)
      if (str_view_equal(name, rung_names[rung])) rungs |= REFRESH_BIT(rung);
  }
  return rungs;
}

static bool read_key(struct str_view digits, uint64_t *key_out) {
  return digits.length == KEY_DIGITS && str_view_hex_to_u64(digits, key_out) && *key_out != 0;
}

enum result device_memory_read(struct str_view line, struct device_memory_entry *entry_out) {
  struct str_view key = cut(&line, ' '), worked = cut(&line, ' ');
  *entry_out = (struct device_memory_entry){.worked = read_rungs(worked), .failed = read_rungs(line)};
  return read_key(key, &entry_out->key) ? RESULT_OK : RESULT_MALFORMED;
}
