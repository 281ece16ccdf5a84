#include "directory/directory.h"

#include "base/check.h"
#include "directory/directory_picture.h"

void device_set_defaults(struct device *device, enum device_kind kind) {
  memset(device, 0, sizeof *device);
  device->kind = kind;
  device->capacity = UINT32_MAX;
  device->overrides = (struct device_overrides){
      .sip_timer = true,
      .refresher = DEVICE_USE_PARAMETER,
      .keep_alive = DEVICE_USE_PARAMETER,
      .keep_alive_period_s = DEVICE_USE_PARAMETER,
      .max_duration_s = DEVICE_USE_PARAMETER,
      .timeout_invite_s = DEVICE_USE_PARAMETER,
      .timeout_trying_s = DEVICE_USE_PARAMETER,
      .timeout_session_progress_s = DEVICE_USE_PARAMETER,
      .timeout_session_progress_sdp_s = DEVICE_USE_PARAMETER,
      .timeout_ringing_s = DEVICE_USE_PARAMETER,
  };
}

void gateway_set_defaults(struct gateway *gateway) {
  memset(gateway, 0, sizeof *gateway);
  gateway->transport = TRANSPORT_UDP;
  gateway->priority = 1;
}

struct str_view directory_realm(const struct directory *directory) {
  return directory->realm;
}

size_t directory_count(const struct directory *directory, enum device_kind kind) {
  return directory->lists[kind].count;
}

const struct device *directory_at(const struct directory *directory, enum device_kind kind, size_t index) {
  const struct device_list *list = &directory->lists[kind];
  return index < list->count ? &list->devices[index] : NULL;
}

uint32_t directory_index_of(const struct directory *directory, enum device_kind kind, struct str_view name) {
  const struct device_list *list = &directory->lists[kind];
  uint64_t hash = directory_hash(name);
  uint32_t index;
  for (uint32_t at = hash_table_first(&list->by_name, hash, &index); at != HASH_TABLE_END;
       at = hash_table_next(&list->by_name, hash, at, &index))
    if (str_view_equal(list->devices[index].name, name)) return index;
  return UINT32_MAX;
}

const struct device *directory_find_gateway(const struct directory *directory, enum device_kind kind,
                                            struct str_view name) {
  uint32_t index = directory_index_of(directory, kind, name);
  return index == UINT32_MAX ? NULL : &directory->lists[kind].devices[index];
}

const struct device *directory_find_phone(const struct directory *directory, struct str_view number) {
  return directory_find_gateway(directory, DEVICE_PHONE, number);
}

static bool gateway_has_address(const struct gateway *gateway, const struct address *address) {
  for (uint8_t i = 0; i < gateway->address_count; i++)
    if (address_equal(&gateway->addresses[i], address)) return true;
  return false;
}

uint32_t directory_gateway_at(const struct directory *directory, enum device_kind kind, const struct address *address) {
  const struct hash_table *table =
      kind == DEVICE_MAPPING_GATEWAY ? &directory->mapping_by_address : &directory->routing_by_address;
  uint64_t hash = address_hash(address);
  uint32_t index;
  for (uint32_t at = hash_table_first(table, hash, &index); at != HASH_TABLE_END;
       at = hash_table_next(table, hash, at, &index))
    if (gateway_has_address(directory->lists[kind].devices[index].gateway, address)) return index;
  return UINT32_MAX;
}

const struct device *directory_find_mapping_gateway(const struct directory *directory, const struct address *source) {
  uint32_t index = directory_gateway_at(directory, DEVICE_MAPPING_GATEWAY, source);
  if (index == UINT32_MAX) {
    struct address any_port = *source;
    any_port.port = 0;
    index = directory_gateway_at(directory, DEVICE_MAPPING_GATEWAY, &any_port);
  }
  return directory_at(directory, DEVICE_MAPPING_GATEWAY, index);
}

uint32_t directory_phone_at(const struct directory *directory, const struct address *address) {
  const struct device *phones = directory->lists[DEVICE_PHONE].devices;
  uint32_t index;
  if (directory->fixed_phone_count == 0) return UINT32_MAX; /* as mostly */
  uint64_t hash = address_hash(address);
  for (uint32_t at = hash_table_first(&directory->phones_by_address, hash, &index); at != HASH_TABLE_END;
       at = hash_table_next(&directory->phones_by_address, hash, at, &index))
    if (address_equal(phones[index].address, address)) return index;
  return UINT32_MAX;
}

const struct device *directory_find_phone_at(const struct directory *directory, const struct address *source) {
  return directory_at(directory, DEVICE_PHONE, directory_phone_at(directory, source));
}

size_t directory_fixed_phone_count(const struct directory *directory) {
  return directory->fixed_phone_count;
}

const struct device *directory_fixed_phone_at(const struct directory *directory, size_t index) {
  return index < directory->fixed_phone_count ? directory_at(directory, DEVICE_PHONE, directory->fixed_phones[index])
                                              : NULL;
}

/* A gateway that may call from any port leaves one of them to a phone. */
const struct device *directory_find_caller(const struct directory *directory, const struct address *source) {
  const struct device *phone = directory_find_phone_at(directory, source);
  return phone ? phone : directory_find_mapping_gateway(directory, source);
}

const struct device *directory_find_routing_gateway(const struct directory *directory, const struct address *source) {
  uint32_t index = directory_gateway_at(directory, DEVICE_ROUTING_GATEWAY, source);
  return directory_at(directory, DEVICE_ROUTING_GATEWAY, index);
}

unsigned directory_find_routes(const struct directory *directory, struct str_view number,
                               const struct device **candidates_out, unsigned candidates_max) {
  return prefix_table_find(&directory->prefixes, number, candidates_out, candidates_max);
}

enum result directory_acquire(const struct directory *directory, const struct device *device) {
  uint32_t *count = &directory->usage_counts[device->usage];
  uint32_t seen = __atomic_load_n(count, __ATOMIC_RELAXED);
  do {
    /* The count itself never wraps, whatever the capacity says. */
    if (seen >= device->capacity || seen == UINT32_MAX) return RESULT_FULL;
  } while (!__atomic_compare_exchange_n(count, &seen, seen + 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return RESULT_OK;
}

void directory_release(const struct directory *directory, uint32_t usage) {
  uint32_t *count = &directory->usage_counts[usage];
  uint32_t seen = __atomic_load_n(count, __ATOMIC_RELAXED);
  do {
    expect_or(seen > 0, return );
  } while (!__atomic_compare_exchange_n(count, &seen, seen - 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

uint32_t directory_usage(const struct directory *directory, uint32_t usage) {
  return __atomic_load_n(&directory->usage_counts[usage], __ATOMIC_RELAXED);
}
