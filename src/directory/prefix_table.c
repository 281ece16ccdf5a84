#include "directory/prefix_table.h"

#include "base/check.h"
#include "directory/directory_picture.h"

static uint32_t prefix_table_row_count(const struct device *gateways, uint32_t gateway_count) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < gateway_count; i++)
    count += gateways[i].gateway->prefix_count;
  return count;
}

size_t prefix_table_memory_bytes(uint32_t rows_max) {
  return rows_max * sizeof(struct prefix_row) + hash_table_memory_bytes(rows_max + 1);
}

static int compare_text(struct str_view a, struct str_view b) {
  size_t shorter = a.length < b.length ? a.length : b.length;
  int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;
  return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int prefix_row_compare(const struct prefix_row *a, const struct prefix_row *b) {
  int order = compare_text(a->prefix, b->prefix);
  if (order != 0) return order;
  uint16_t a_priority = a->device->gateway->priority, b_priority = b->device->gateway->priority;
  if (a_priority != b_priority) return a_priority < b_priority ? -1 : 1;
  return compare_text(a->device->name, b->device->name);
}

static void sift_down(struct prefix_row *rows, uint32_t root, uint32_t count) {
  struct prefix_row moving = rows[root];
  for (uint32_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
    if (child + 1 < count && prefix_row_compare(&rows[child], &rows[child + 1]) < 0) child++;
    if (prefix_row_compare(&moving, &rows[child]) >= 0) break;
    rows[root] = rows[child];
    root = child;
  }
  rows[root] = moving;
}

/* Heap sort: in place, and no order of input makes it slow. */
static void prefix_rows_sort(struct prefix_row *rows, uint32_t count) {
  for (uint32_t root = count / 2; root-- > 0;)
    sift_down(rows, root, count);
  for (uint32_t last = count; last > 1; last--) {
    struct prefix_row largest = rows[0];
    rows[0] = rows[last - 1];
    rows[last - 1] = largest;
    sift_down(rows, 0, last - 1);
  }
}

void prefix_table_build(struct prefix_table *table, const struct device *gateways, uint32_t gateway_count,
                        struct arena *memory) {
  uint32_t row_count = prefix_table_row_count(gateways, gateway_count), row = 0;
  table->rows = arena_take(memory, row_count * sizeof(struct prefix_row));
  void *slots = arena_take(memory, hash_table_memory_bytes(row_count + 1));
  require(table->rows && slots);
  hash_table_init(&table->first_row_of, slots, row_count + 1);
  table->row_count = row_count;
  for (uint32_t i = 0; i < gateway_count; i++) {
    const struct gateway *gateway = gateways[i].gateway;
    for (uint16_t p = 0; p < gateway->prefix_count; p++) {
      struct str_view prefix = gateway->prefixes[p];
      if (str_view_equal(prefix, STR_VIEW("*"))) prefix = str_view_of(prefix.data, 0);
      table->rows[row++] = (struct prefix_row){prefix, &gateways[i]};
      table->lengths |= UINT64_C(1) << prefix.length;
    }
  }
  prefix_rows_sort(table->rows, row_count);
  for (row = 0; row < row_count; row++) {
    struct str_view prefix = table->rows[row].prefix;
    if (row > 0 && str_view_equal(prefix, table->rows[row - 1].prefix)) continue;
    enum result result = hash_table_insert(&table->first_row_of, directory_hash(prefix), row);
    require(result == RESULT_OK);
  }
}

static uint32_t prefix_table_first_row(const struct prefix_table *table, struct str_view prefix) {
  uint32_t row;
  uint64_t hash = directory_hash(prefix);
  for (uint32_t at = hash_table_first(&table->first_row_of, hash, &row); at != HASH_TABLE_END;
       at = hash_table_next(&table->first_row_of, hash, at, &row))
    if (str_view_equal(table->rows[row].prefix, prefix)) return row;
  return table->row_count;
}

static bool is_among(const struct device *device, const struct device **found, unsigned count) {
  for (unsigned i = 0; i < count; i++)
    if (found[i] == device) return true;
  return false;
}

unsigned prefix_table_find(const struct prefix_table *table, struct str_view number, const struct device **found,
                           unsigned found_max) {
  unsigned count = 0;
  size_t longest = number.length < GATEWAY_PREFIX_LENGTH_MAX ? number.length : GATEWAY_PREFIX_LENGTH_MAX;
  for (size_t length = longest + 1; length-- > 0;) {
    if (!(table->lengths >> length & 1)) continue;
    struct str_view prefix = str_view_slice(number, 0, length);
    for (uint32_t row = prefix_table_first_row(table, prefix);
         row < table->row_count && str_view_equal(table->rows[row].prefix, prefix); row++) {
      if (count == found_max) return count;
      if (!is_among(table->rows[row].device, found, count)) found[count++] = table->rows[row].device;
    }
  }
  return count;
}
