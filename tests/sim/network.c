#include "sim/network.h"

#include "sim/nat_box.h"
#include "sim/watcher.h"
#include "sim/world.h"
#include "sip/sip_message.h"

/* How much later a datagram comes that others overtake. */
#define REORDER_MIN_US (5 * MS_US)
#define REORDER_MAX_US (120 * MS_US)

struct packet {
  struct endpoint *from;
  struct address source, to; /* as they stand on the packet outside of NAT boxes */
  struct str_view bytes;
};

struct endpoint *network_add(struct world *world, const char *name, const struct address *address) {
  struct endpoint *endpoint = sim_take(&world->memory, sizeof *endpoint);
  *endpoint = (struct endpoint){.name = name, .address = *address, .next = world->network.first};
  world->network.first = endpoint;
  return endpoint;
}

struct endpoint *network_find(const struct network *network, const struct address *address) {
  struct endpoint *endpoint = network->first;
  while (endpoint && (endpoint->nat || !address_equal(&endpoint->address, address)))
    endpoint = endpoint->next;
  return endpoint;
}

bool message_matches(struct str_view bytes, const struct message_pattern *pattern) {
  struct sip_message message;
  struct sip_defect defect;
  if (sip_message_parse(bytes, &message, &defect) != RESULT_OK || message.is_request != pattern->is_request)
    return false;
  if (pattern->method != SIP_METHOD_UNKNOWN && message.method != pattern->method) return false;
  if (pattern->is_request || pattern->status == 0) return true;
  return pattern->status < 7 ? message.status / 100 == pattern->status : message.status == pattern->status;
}

bool network_rule_loses(struct world *world, const struct endpoint *from, const struct endpoint *to,
                        struct str_view bytes) {
  for (struct loss_rule *rule = world->network.first_rule; rule; rule = rule->next) {
    if (rule->count == 0 || rule->endpoint != (rule->is_to ? to : from)) continue;
    if (!message_matches(bytes, &rule->pattern)) continue;
    if (rule->count != UINT32_MAX) rule->count--;
    return true;
  }
  return false;
}

/* The endpoint that a packet is for, as far as can be said before it arrives: a NAT box decides only then. */
static const struct endpoint *expected_receiver(const struct world *world, const struct address *to) {
  static const struct endpoint nobody;
  const struct endpoint *endpoint = network_find(&world->network, to);
  return endpoint ? endpoint : &nobody;
}

static int64_t draw_way(struct world *world, const struct link_faults *faults) {
  int64_t delay = world_draw(world, CHANCE_NETWORK, faults->delay_min_us, faults->delay_max_us);
  if (world_chance_ppm(world, CHANCE_NETWORK, faults->reorder_ppm))
    delay += world_draw(world, CHANCE_NETWORK, REORDER_MIN_US, REORDER_MAX_US);
  return delay;
}

int64_t network_draw_delay(struct world *world, const struct endpoint *from, const struct endpoint *to) {
  return draw_way(world, &world->network.faults) + draw_way(world, &from->from) + draw_way(world, &to->to);
}

static bool draw_fault(struct world *world, uint32_t whole, uint32_t from, uint32_t to) {
  bool of_whole = world_chance_ppm(world, CHANCE_NETWORK, whole);
  bool of_from = world_chance_ppm(world, CHANCE_NETWORK, from);
  return world_chance_ppm(world, CHANCE_NETWORK, to) || of_from || of_whole;
}

struct waiting {
  struct endpoint *to;
  struct arrival arrival;
  const char *from_name;
  uint32_t deaths;
};

static void deliver_at_last(struct world *world, void *subject, void *detail) {
  struct waiting *waiting = subject;
  (void)detail;
  if (waiting->deaths == waiting->to->deaths)
    network_deliver(world, waiting->to, &waiting->arrival, waiting->from_name);
  else
    log_message(world, waiting->from_name, "=>", waiting->to->name, waiting->arrival.bytes, "its socket is gone");
}

static void deliver_later(struct world *world, struct endpoint *to, const struct arrival *arrival,
                          const char *from_name) {
  struct waiting *waiting = sim_take(&world->memory, sizeof *waiting);
  *waiting = (struct waiting){to, *arrival, from_name, to->deaths};
  world_at(world, to->busy_until_us, deliver_at_last, waiting, NULL);
}

void network_deliver(struct world *world, struct endpoint *to, const struct arrival *arrival, const char *from_name) {
  if (world->now_us < to->busy_until_us) {
    deliver_later(world, to, arrival, from_name);
    return;
  }
  if (to->is_dead) {
    log_message(world, from_name, "=>", to->name, arrival->bytes, "nobody hears it");
    return;
  }
  log_message(world, from_name, "=>", to->name, arrival->bytes, NULL);
  if (to->is_watched) watcher_heard(world, to, arrival);
  if (world->network.onlooker) world->network.onlooker(world, to, true, arrival->bytes);
  to->receive(world, to, arrival);
}

static void tell_refused(struct world *world, void *subject, void *detail) {
  struct endpoint *sender = subject;
  if (sender->is_watched) watcher_refused(world, sender, detail);
  if (!sender->is_dead && sender->refused) sender->refused(world, sender, NULL, detail);
}

static void packet_arrives(struct world *world, void *subject, void *detail) {
  struct packet *packet = subject;
  (void)detail;
  struct nat_box *box = nat_find(world, &packet->to);
  struct endpoint *to =
      box ? nat_inward(world, box, &packet->source, packet->to.port) : network_find(&world->network, &packet->to);
  if (!to) {
    log_message(world, packet->from->name, "=>", box ? box->name : "nobody", packet->bytes, "no binding");
  } else if (to->is_refusing) {
    log_message(world, packet->from->name, "=>", to->name, packet->bytes, "refused");
    world_at(world, world->now_us + network_draw_delay(world, to, packet->from), tell_refused, packet->from,
             &packet->to);
  } else {
    struct arrival arrival = {.source = packet->source, .transport = TRANSPORT_UDP, .bytes = packet->bytes};
    network_deliver(world, to, &arrival, packet->from->name);
  }
}

static const char *fate_of(bool lost, unsigned copies) {
  return lost ? "lost" : copies > 1 ? "twice" : NULL;
}

/* A packet to an address that is nobody's never gets anywhere; from a switch it is a fault of the switch. */
static bool is_known(struct world *world, const struct endpoint *from, const struct address *to,
                     struct str_view bytes) {
  if (network_find(&world->network, to) || nat_find(world, to)) return true;
  char text[80];
  struct text_builder builder = text_builder_over(text, sizeof text);
  address_to_text(to, &builder);
  log_message(world, from->name, "->", "nobody", bytes, "unknown address");
  if (from->is_switch)
    world_fail(world, "%s sent a packet to %.*s, which is nobody's address", from->name, (int)builder.length, text);
  return false;
}

void network_send(struct world *world, struct endpoint *from, const struct address *to, struct str_view bytes) {
  if (from->is_dead || !is_known(world, from, to, bytes)) return;
  const struct endpoint *receiver = expected_receiver(world, to);
  const struct link_faults *whole = &world->network.faults;
  bool lost = draw_fault(world, whole->loss_ppm, from->from.loss_ppm, receiver->to.loss_ppm);
  bool twice = draw_fault(world, whole->duplicate_ppm, from->from.duplicate_ppm, receiver->to.duplicate_ppm);
  lost = network_rule_loses(world, from, receiver, bytes) || lost;
  unsigned copies = lost ? 0 : twice ? 2 : 1;
  struct nat_box *box = nat_find(world, to);
  log_message(world, from->name, "->", box ? box->name : receiver->name, bytes, fate_of(lost, copies));
  world->network.datagrams++;
  world->network.lost += lost;
  if (from->is_watched) watcher_said(world, from, to, TRANSPORT_UDP, bytes);
  struct packet *packet = sim_take(&world->memory, sizeof *packet);
  *packet = (struct packet){.from = from, .source = from->address, .to = *to, .bytes = sim_copy(&world->memory, bytes)};
  if (from->nat) packet->source = nat_outward(world, from->nat, from, to);
  for (unsigned i = 0; i < copies; i++)
    world_at(world, world->now_us + network_draw_delay(world, from, receiver), packet_arrives, packet, NULL);
  if (world->network.onlooker) world->network.onlooker(world, from, false, packet->bytes);
}
