/* What worked with which device, kept over dialogs: with which rungs of the refresh ladder its sessions have been
 * refreshed, and which it has refused or swallowed while it was alive. A small table beside the calls of one worker; a
 * device that falls out of it is learnt again with the next refresh. Whoever keeps it over a restart reads it entry by
 * entry, and puts them back. */
#ifndef SUPERVISION_DEVICE_MEMORY_H
#define SUPERVISION_DEVICE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text_builder.h"
#include "directory/directory.h"
#include "supervision/refresh_ladder.h"

struct device_memory;

/* One device. Bits by enum refresh_rung. */
struct device_memory_entry {
  uint64_t key; /* device_memory_key; 0: none */
  uint8_t worked;
  uint8_t failed;
};

/* Room for some `devices_max` devices, rounded up to a power of two. */
size_t device_memory_bytes(uint32_t devices_max);

/* `memory`: zero-filled, aligned to 8, borrowed. */
struct device_memory *device_memory_create(void *memory, uint32_t devices_max);

/* Names a device; the same after a restart. Never 0. */
uint64_t device_memory_key(enum device_kind kind, struct str_view name);

/* What is known; all zero when nothing is. */
struct device_memory_entry device_memory_find(const struct device_memory *memory, uint64_t key);

/* A dialog with the device has shown this, and has just proved it alive: silence may be counted against a rung. */
void device_memory_learn(struct device_memory *memory, uint64_t key, const struct refresh_experience *experience);

/* Puts back what was known before a restart. */
void device_memory_put(struct device_memory *memory, const struct device_memory_entry *entry);

/* One device as a line of text for whoever keeps it, "00c0ffee00c0ffee INVITE UPDATE,UPDATE_SESSION": its key, what
 * worked, and what did not ("-": nothing), by the names of refresh_ladder.def, which outlive versions. */
#define DEVICE_MEMORY_LINE_BYTES 96
void device_memory_write(const struct device_memory_entry *entry, struct text_builder *line);

/* Reads such a line; a rung of another version is passed over. RESULT_MALFORMED: not such a line. */
enum result device_memory_read(struct str_view line, struct device_memory_entry *entry_out) MUST_USE;

/* Rises with each change, so that whoever keeps the table knows when there is something new. */
uint64_t device_memory_changes(const struct device_memory *memory);

#endif
