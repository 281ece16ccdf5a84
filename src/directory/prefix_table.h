/* Which gateways serve a number: all prefixes of all routing gateways, sorted by prefix, then priority, then name, with
 * a hash table from each prefix to the first of its rows. A look-up asks for each length that occurs, longest first:
 * O(digits).
 * "*" is kept as the empty prefix. */
#ifndef DIRECTORY_PREFIX_TABLE_H
#define DIRECTORY_PREFIX_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash_table.h"
#include "directory/directory.h"

struct prefix_row {
  struct str_view prefix;
  const struct device *device;
};

struct prefix_table {
  struct prefix_row *rows;
  uint32_t row_count;
  uint64_t lengths; /* bit n: there is a prefix of n digits */
  struct hash_table first_row_of;
};

size_t prefix_table_memory_bytes(uint32_t rows_max);

/* Lays the table out for the prefixes of these gateways, which it points to. */
void prefix_table_build(struct prefix_table *table, const struct device *gateways, uint32_t gateway_count,
                        struct arena *memory);

/* Each gateway once, at its longest prefix of `number`. Returns how many were written. */
unsigned prefix_table_find(const struct prefix_table *table, struct str_view number, const struct device **found,
                           unsigned found_max);

#endif
