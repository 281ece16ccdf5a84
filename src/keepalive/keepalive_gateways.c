#include "keepalive/keepalive_gateways.h"

#include "directory/directory.h"

#define LOOK_EVERY_S 60

/* Configured ways, those that were seen, and for a moment new configured ones: they are held before the old ones are
 * let go, so that devices that stay keep what is known of them. */
#define WAYS_ROOM (3 * KEEPALIVE_GATEWAY_WAYS_MAX)

size_t keepalive_gateways_memory_bytes(void) {
  return sizeof(struct keepalive_gateway_way) * WAYS_ROOM;
}

void keepalive_gateways_init(struct keepalive_gateways *gateways, void *memory, struct keepalive *keepalive) {
  *gateways = (struct keepalive_gateways){.keepalive = keepalive, .ways = memory};
}

/* --- whom -------------------------------------------------------------------------------------------------------- */

static bool is_wanted(const struct device *device) {
  int32_t method = device->overrides.keep_alive;
  return method != DEVICE_USE_PARAMETER && method != KEEP_ALIVE_OFF;
}

static bool is_ours(const struct context *context, const struct device *device) {
  return local_identity_steer(context->local, device->name) == context->local->worker;
}

/* A phone that does not register gets what phones get that do; nobody knows of a NAT before it. */
static struct keepalive_facts facts_of_phone(const struct device *phone, const struct flow *flow) {
  int32_t method = phone->overrides.keep_alive, period_s = phone->overrides.keep_alive_period_s;
  return (struct keepalive_facts){.flow = flow,
                                  .owner = KEEPALIVE_NOBODY,
                                  .own_period_s = period_s == DEVICE_USE_PARAMETER ? 0 : (uint32_t)period_s,
                                  .method = method == DEVICE_USE_PARAMETER ? KEEPALIVE_USE_PARAMETER : (uint8_t)method,
                                  .is_configured = true};
}

static struct keepalive_facts facts_of(const struct device *device, const struct flow *flow) {
  int32_t period_s = device->overrides.keep_alive_period_s;
  return (struct keepalive_facts){.flow = flow,
                                  .owner = KEEPALIVE_NOBODY,
                                  .own_period_s = period_s == DEVICE_USE_PARAMETER ? 0 : (uint32_t)period_s,
                                  .method = (uint8_t)device->overrides.keep_alive,
                                  .is_configured = true};
}

/* --- ways -------------------------------------------------------------------------------------------------------- */

static void keep(struct keepalive_gateways *gateways, struct context *context, const struct keepalive_facts *facts,
                 bool is_seen) {
  if (gateways->way_count == WAYS_ROOM) return;
  struct keepalive_device *device = keepalive_hold(gateways->keepalive, context, facts);
  if (!device) return;
  gateways->ways[gateways->way_count++] = (struct keepalive_gateway_way){device, is_seen};
  gateways->seen_count += is_seen;
}

static void forget(struct keepalive_gateways *gateways, struct context *context, uint32_t at) {
  struct keepalive_gateway_way *way = &gateways->ways[at];
  keepalive_release(gateways->keepalive, context, way->device, KEEPALIVE_NOBODY);
  gateways->seen_count -= way->is_seen;
  *way = gateways->ways[--gateways->way_count];
}

static void arm(struct keepalive_gateways *gateways, struct context *context) {
  timer_wheel_cancel(context->wheel, &gateways->timer);
  if (gateways->seen_count > 0)
    timer_wheel_arm(context->wheel, &gateways->timer, TIMER_GATEWAYS, mono_ms_add(context->now, LOOK_EVERY_S * 1000));
}

/* Over UDP; where a gateway is reached over a stream, its own connection is kept when it is seen. */
static void keep_configured(struct keepalive_gateways *gateways, struct context *context, const struct device *device,
                            uint32_t way_count_most) {
  const struct gateway *gateway = device->gateway;
  if (gateway_transport(gateway) != TRANSPORT_UDP) return;
  for (uint8_t i = 0; i < gateway->address_count; i++) {
    struct flow flow = {.remote = gateway->addresses[i], .transport = TRANSPORT_UDP, .worker = context->local->worker};
    struct keepalive_facts facts = facts_of(device, &flow);
    if (flow.remote.port == 0 || gateways->way_count >= way_count_most) continue;
    if (local_identity_find_socket(context->local, TRANSPORT_UDP, flow.remote.family, &flow.socket_index))
      keep(gateways, context, &facts, false);
  }
}

static void keep_all_configured(struct keepalive_gateways *gateways, struct context *context, enum device_kind kind,
                                uint32_t way_count_most) {
  for (size_t i = 0; i < directory_count(context->directory, kind); i++) {
    const struct device *device = directory_at(context->directory, kind, i);
    if (!is_wanted(device)) continue;
    gateways->learns = gateways->learns || kind == DEVICE_MAPPING_GATEWAY;
    if (is_ours(context, device)) keep_configured(gateways, context, device, way_count_most);
  }
}

static void keep_phones(struct keepalive_gateways *gateways, struct context *context, uint32_t way_count_most) {
  for (size_t i = 0; i < directory_fixed_phone_count(context->directory); i++) {
    const struct device *phone = directory_fixed_phone_at(context->directory, i);
    struct flow flow = {.remote = *phone->address, .transport = TRANSPORT_UDP, .worker = context->local->worker};
    struct keepalive_facts facts = facts_of_phone(phone, &flow);
    if (!is_ours(context, phone) || gateways->way_count >= way_count_most) continue;
    if (local_identity_find_socket(context->local, TRANSPORT_UDP, flow.remote.family, &flow.socket_index))
      keep(gateways, context, &facts, false);
  }
}

/* The gateway whose way is to be kept here; NULL: nobody's, or another worker's. */
static const struct device *keeper(const struct context *context, const struct flow *flow) {
  const struct device *device = directory_find_mapping_gateway(context->directory, &flow->remote);
  return device && is_wanted(device) && is_ours(context, device) ? device : NULL;
}

/* True when a way that was seen is still one. */
static bool look_anew(struct keepalive_gateways *gateways, struct context *context, struct keepalive_device *seen) {
  const struct device *device = keeper(context, &seen->flow);
  if (!device) return false;
  struct keepalive_facts facts = facts_of(device, &seen->flow);
  keepalive_change(gateways->keepalive, context, seen, &facts);
  return true;
}

void keepalive_gateways_directory_changed(struct keepalive_gateways *gateways, struct context *context) {
  uint32_t before = gateways->way_count, most = before + KEEPALIVE_GATEWAY_WAYS_MAX;
  gateways->learns = false;
  if (context->directory) {
    keep_all_configured(gateways, context, DEVICE_MAPPING_GATEWAY, most);
    keep_all_configured(gateways, context, DEVICE_ROUTING_GATEWAY, most);
    keep_phones(gateways, context, most);
  }
  for (uint32_t at = before; at-- > 0;) {
    const struct keepalive_gateway_way *way = &gateways->ways[at];
    if (!way->is_seen || !context->directory || !look_anew(gateways, context, way->device))
      forget(gateways, context, at);
  }
  arm(gateways, context);
}

void keepalive_gateways_note_request(struct keepalive_gateways *gateways, struct context *context,
                                     const struct flow *flow) {
  if (!gateways->learns || gateways->seen_count >= KEEPALIVE_GATEWAY_WAYS_MAX) return;
  const struct device *device = keeper(context, flow);
  if (!device || keepalive_find(gateways->keepalive, context, flow)) return;
  struct keepalive_facts facts = facts_of(device, flow);
  facts.is_here = true;
  keep(gateways, context, &facts, true);
  if (!timer_is_armed(&gateways->timer)) arm(gateways, context);
}

void keepalive_gateways_timer_due(struct keepalive_gateways *gateways, struct context *context) {
  for (uint32_t at = gateways->way_count; at-- > 0;) {
    const struct keepalive_gateway_way *way = &gateways->ways[at];
    int64_t silent_ms = mono_ms_since(context->now, keepalive_device_heard_at(way->device, context->now));
    bool is_gone = way->device->is_closed || silent_ms > (int64_t)KEEPALIVE_SEEN_FORGOTTEN_S * 1000;
    if (way->is_seen && is_gone) forget(gateways, context, at);
  }
  arm(gateways, context);
}
