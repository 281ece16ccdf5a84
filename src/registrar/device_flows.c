#include "registrar/device_flows.h"

#include "base/check.h"

static size_t pool_bytes(uint32_t flows_max) {
  return pool_memory_bytes(sizeof(struct device_flow), flows_max);
}

size_t device_flows_memory_bytes(uint32_t flows_max) {
  return pool_bytes(flows_max) + hash_table_memory_bytes(flows_max);
}

void device_flows_init(struct device_flows *flows, void *memory, uint32_t flows_max) {
  pool_init(&flows->pool, memory, sizeof(struct device_flow), flows_max);
  hash_table_init(&flows->by_flow, (char *)memory + pool_bytes(flows_max), flows_max);
}

/* Keyed, because a stranger chooses the port he sends from. */
static uint64_t flow_hash(const struct context *context, const struct flow *flow) {
  uint8_t bytes[28] = {0};
  memcpy(bytes, flow->remote.ip, 16);
  memcpy(bytes + 16, &flow->remote.port, 2);
  memcpy(bytes + 18, &flow->socket_index, 2);
  memcpy(bytes + 20, &flow->connection, 4);
  bytes[24] = flow->remote.family;
  bytes[25] = flow->transport;
  return siphash(&context->local->nonce_key, bytes, sizeof bytes);
}

static struct device_flow *find(const struct device_flows *flows, const struct flow *flow, uint64_t hash) {
  uint32_t index;
  for (uint32_t at = hash_table_first(&flows->by_flow, hash, &index); at != HASH_TABLE_END;
       at = hash_table_next(&flows->by_flow, hash, at, &index)) {
    struct device_flow *device_flow = pool_at(&flows->pool, index);
    if (flow_equal(&device_flow->flow, flow)) return device_flow;
  }
  return NULL;
}

struct device_flow *device_flows_find(const struct device_flows *flows, const struct context *context,
                                      const struct flow *flow) {
  return find(flows, flow, flow_hash(context, flow));
}

struct device_flow *device_flows_hold(struct device_flows *flows, const struct context *context,
                                      const struct flow *flow) {
  uint64_t hash = flow_hash(context, flow);
  struct device_flow *device_flow = find(flows, flow, hash);
  if (!device_flow) {
    struct handle handle;
    device_flow = pool_take(&flows->pool, &handle);
    if (!device_flow) return NULL;
    device_flow->flow = *flow;
    device_flow->hash = hash;
    enum result result = hash_table_insert(&flows->by_flow, hash, handle.index);
    require(result == RESULT_OK); /* the table has a place for each slot of the pool */
  }
  device_flow->registrations++;
  device_flow->last_heard_at = context->now;
  device_flow->unreachable = false;
  return device_flow;
}

void device_flows_release(struct device_flows *flows, struct device_flow *device_flow) {
  require(device_flow->registrations > 0);
  if (--device_flow->registrations > 0) return;
  uint32_t index = pool_handle_of(&flows->pool, device_flow).index;
  enum result result = hash_table_remove(&flows->by_flow, device_flow->hash, index);
  require(result == RESULT_OK);
  pool_give(&flows->pool, device_flow);
}
