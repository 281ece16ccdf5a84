/* The ways on which registered devices are reached, each kept once however many numbers registered over it: a life sign
 * or a broken connection then concerns one slot, and a PBX with 5,000 numbers behind one address costs no walk. */
#ifndef REGISTRAR_DEVICE_FLOWS_H
#define REGISTRAR_DEVICE_FLOWS_H

#include <stdbool.h>

#include "base/hash_table.h"
#include "base/pool.h"
#include "boundary/context.h"

struct device_flow {
  struct flow flow;
  uint32_t registrations; /* that hold it */
  uint64_t hash;
  struct mono_ms last_heard_at;
  bool unreachable; /* until something comes from there again */
};

struct device_flows {
  struct pool pool;
  struct hash_table by_flow;
};

size_t device_flows_memory_bytes(uint32_t flows_max);
void device_flows_init(struct device_flows *flows, void *memory, uint32_t flows_max);

/* Holds the flow for one more registration, which just came from there. NULL when there is no room. */
struct device_flow *device_flows_hold(struct device_flows *flows, const struct context *context,
                                      const struct flow *flow);
void device_flows_release(struct device_flows *flows, struct device_flow *device_flow);

/* NULL when nobody registered over it. */
struct device_flow *device_flows_find(const struct device_flows *flows, const struct context *context,
                                      const struct flow *flow);

#endif
