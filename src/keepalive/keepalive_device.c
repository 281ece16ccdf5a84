#include "keepalive/keepalive_device.h"

#include "base/check.h"

_Static_assert(sizeof(struct keepalive_device) <= 72, "a device costs 72 bytes");
_Static_assert(offsetof(struct keepalive_device, seat) == 0, "the schedule finds the seat at the slot's start");

static size_t pool_bytes(uint32_t devices_max) {
  return pool_memory_bytes(sizeof(struct keepalive_device), devices_max);
}

size_t keepalive_devices_memory_bytes(uint32_t devices_max) {
  return pool_bytes(devices_max) + hash_table_memory_bytes(devices_max);
}

void keepalive_devices_init(struct keepalive_devices *devices, void *memory, uint32_t devices_max) {
  pool_init(&devices->pool, memory, sizeof(struct keepalive_device), devices_max);
  hash_table_init(&devices->by_flow, (char *)memory + pool_bytes(devices_max), devices_max);
}

uint64_t keepalive_flow_hash(const struct context *context, const struct flow *flow) {
  uint8_t bytes[28] = {0};
  memcpy(bytes, flow->remote.ip, 16);
  memcpy(bytes + 16, &flow->remote.port, 2);
  memcpy(bytes + 18, &flow->socket_index, 2);
  memcpy(bytes + 20, &flow->connection, 4);
  bytes[24] = flow->remote.family;
  bytes[25] = flow->transport;
  return siphash(&context->local->nonce_key, bytes, sizeof bytes);
}

struct keepalive_device *keepalive_devices_find(const struct keepalive_devices *devices, const struct context *context,
                                                const struct flow *flow) {
  return keepalive_devices_find_hashed(devices, flow, keepalive_flow_hash(context, flow));
}

struct keepalive_device *keepalive_devices_find_hashed(const struct keepalive_devices *devices, const struct flow *flow,
                                                       uint64_t hash) {
  uint32_t index;
  for (uint32_t at = hash_table_first(&devices->by_flow, hash, &index); at != HASH_TABLE_END;
       at = hash_table_next(&devices->by_flow, hash, at, &index)) {
    struct keepalive_device *device = pool_at(&devices->pool, index);
    if (flow_equal(&device->flow, flow)) return device;
  }
  return NULL;
}

static void list(struct keepalive_devices *devices, const struct context *context, uint32_t index,
                 const struct flow *flow) {
  uint64_t hash = keepalive_flow_hash(context, flow);
  enum result result = hash_table_insert(&devices->by_flow, hash, index);
  require(result == RESULT_OK); /* the table has a place for each slot of the pool */
  if (context->homes) device_homes_set(context->homes, hash, context->local->worker);
}

static void unlist(struct keepalive_devices *devices, const struct context *context,
                   const struct keepalive_device *device) {
  uint32_t index = pool_handle_of(&devices->pool, device).index;
  uint64_t hash = keepalive_flow_hash(context, &device->flow);
  enum result result = hash_table_remove(&devices->by_flow, hash, index);
  require(result == RESULT_OK);
  if (context->homes) device_homes_clear(context->homes, hash, context->local->worker);
}

struct keepalive_device *keepalive_devices_add(struct keepalive_devices *devices, const struct context *context,
                                               const struct flow *flow) {
  struct handle handle;
  struct keepalive_device *device = pool_take(&devices->pool, &handle);
  if (!device) return NULL;
  device->flow = *flow;
  device->owner = KEEPALIVE_NOBODY;
  device->method = KEEPALIVE_USE_PARAMETER;
  keepalive_device_note_heard(device, context->now);
  device->was_ever_heard = false;
  list(devices, context, handle.index, flow);
  return device;
}

void keepalive_devices_move(struct keepalive_devices *devices, const struct context *context,
                            struct keepalive_device *device, const struct flow *flow) {
  unlist(devices, context, device);
  device->flow = *flow;
  list(devices, context, pool_handle_of(&devices->pool, device).index, flow);
}

void keepalive_devices_remove(struct keepalive_devices *devices, const struct context *context,
                              struct keepalive_device *device) {
  require(device->seat.pace == 0);
  unlist(devices, context, device);
  pool_give(&devices->pool, device);
}

void keepalive_device_note_heard(struct keepalive_device *device, struct mono_ms now) {
  device->heard_at_ms = (uint32_t)now.value;
  device->was_heard = true;
  device->was_ever_heard = true;
}

static uint32_t heard_ago_ms(const struct keepalive_device *device, struct mono_ms now) {
  uint32_t ago_ms = (uint32_t)now.value - device->heard_at_ms;
  return ago_ms < KEEPALIVE_HEARD_AGO_MOST_MS ? ago_ms : (uint32_t)KEEPALIVE_HEARD_AGO_MOST_MS;
}

struct mono_ms keepalive_device_heard_at(const struct keepalive_device *device, struct mono_ms now) {
  return mono_ms_add(now, -(int64_t)heard_ago_ms(device, now));
}

void keepalive_device_keep_time(struct keepalive_device *device, struct mono_ms now) {
  device->heard_at_ms = (uint32_t)now.value - heard_ago_ms(device, now);
}
