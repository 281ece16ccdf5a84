#include "sim/nat_box.h"

#include "sim/world.h"

#define NAT_FIRST_PORT 20000

struct nat_box *nat_add(struct world *world, const char *name, const struct address *outside) {
  struct nat_box *box = sim_take(&world->memory, sizeof *box);
  *box = (struct nat_box){.name = name,
                          .outside = *outside,
                          .next_port = NAT_FIRST_PORT,
                          .filter = NAT_FROM_SAME_PORT,
                          .lifetime_us = 60 * SECOND_US,
                          .refreshed_inbound = true,
                          .next = world->network.first_nat};
  box->outside.port = 0;
  world->network.first_nat = box;
  return box;
}

struct nat_box *nat_find(const struct world *world, const struct address *address) {
  struct nat_box *box = world->network.first_nat;
  while (box && !address_equal_ip(&box->outside, address))
    box = box->next;
  return box;
}

static bool is_alive(const struct world *world, const struct nat_box *box, const struct nat_binding *binding) {
  return world->now_us - binding->used_us <= box->lifetime_us;
}

static struct nat_binding *binding_for(struct world *world, struct nat_box *box, struct endpoint *inside,
                                       const struct address *remote) {
  for (struct nat_binding *binding = box->first; binding; binding = binding->next)
    if (binding->inside == inside && is_alive(world, box, binding) &&
        (!box->is_symmetric || address_equal(&binding->remote, remote)))
      return binding;
  struct nat_binding *binding = sim_take(&world->memory, sizeof *binding);
  *binding = (struct nat_binding){.inside = inside, .port = box->next_port++, .next = box->first};
  log_line(world, "%s: port %u is %s from now on", box->name, binding->port, inside->name);
  box->first = binding;
  return binding;
}

struct address nat_outward(struct world *world, struct nat_box *box, struct endpoint *inside,
                           const struct address *remote) {
  struct nat_binding *binding = binding_for(world, box, inside, remote);
  binding->remote = *remote;
  binding->used_us = world->now_us;
  struct address seen = box->outside;
  seen.port = binding->port;
  return seen;
}

static bool filter_passes(enum nat_filter filter, const struct address *remote, const struct address *source) {
  switch (filter) {
  case NAT_FROM_ANYONE: return true;
  case NAT_FROM_SAME_ADDRESS: return address_equal_ip(remote, source);
  case NAT_FROM_SAME_PORT: return address_equal(remote, source);
  }
  return false;
}

struct endpoint *nat_inward(struct world *world, struct nat_box *box, const struct address *source, uint16_t port) {
  for (struct nat_binding *binding = box->first; binding; binding = binding->next) {
    if (binding->port != port) continue;
    if (!is_alive(world, box, binding) || !filter_passes(box->filter, &binding->remote, source)) return NULL;
    if (box->refreshed_inbound) binding->used_us = world->now_us;
    return binding->inside;
  }
  return NULL;
}

void nat_restart(struct nat_box *box) {
  box->first = NULL;
  box->next_port = (uint16_t)(box->next_port + 1000);
}
