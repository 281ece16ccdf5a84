/* Inside of the directory: how a picture lies in its memory. Only files of this room include it.
 *
 *   [struct directory][phones][mapping gateways][routing gateways][struct gateway …][views, rules …]
 *   [tables by name][tables by address][prefixes][bits for usage numbers][texts]
 *
 * Everything is found by index or pointer into that one piece, so dropping a picture is dropping its memory. */
#ifndef DIRECTORY_DIRECTORY_PICTURE_H
#define DIRECTORY_DIRECTORY_PICTURE_H

#include "base/hash_table.h"
#include "base/siphash.h"
#include "directory/directory.h"
#include "directory/prefix_table.h"

#define DEVICE_KINDS 4 /* DEVICE_NONE among them */

struct device_list {
  struct device *devices;
  uint32_t count;
  struct hash_table by_name; /* value: index into devices */
};

struct directory {
  struct device_list lists[DEVICE_KINDS];
  struct hash_table mapping_by_address; /* value: index of the mapping gateway */
  struct hash_table routing_by_address;
  struct hash_table phones_by_address; /* of those that need not register */
  uint32_t *fixed_phones;              /* their indices */
  uint32_t fixed_phone_count;
  struct prefix_table prefixes;
  struct str_view realm;
  uint32_t *usage_counts;
  uint32_t usage_max;
};

/* Only operators fill these tables, so a stranger who chooses the key looked for cannot make a chain longer: no secret.
 */
static inline uint64_t directory_hash(struct str_view text) {
  static const struct siphash_key key = {0, 0};
  return siphash(&key, text.data, text.length);
}

/* The index in the list of that kind, UINT32_MAX when there is none of that name. */
uint32_t directory_index_of(const struct directory *directory, enum device_kind kind, struct str_view name);

/* The index of the phone that is there, UINT32_MAX when there is none. */
uint32_t directory_phone_at(const struct directory *directory, const struct address *address);

/* The index of the gateway with exactly this address and port, UINT32_MAX when there is none. */
uint32_t directory_gateway_at(const struct directory *directory, enum device_kind kind, const struct address *address);

#endif
