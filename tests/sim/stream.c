#include "sim/stream.h"

#include "sim/nat_box.h"
#include "sim/watcher.h"
#include "sim/world.h"

#define FIRST_EPHEMERAL_PORT 40000
/* How long an opener waits for somebody who does not answer: the switch's patience (net/stream_table.c). */
#define CONNECT_TIMEOUT_US (2500 * MS_US)
/* What a lost segment costs. */
#define RESEND_MIN_US (200 * MS_US)
#define RESEND_MAX_US (800 * MS_US)

struct segment {
  struct connection *connection;
  struct endpoint *from;
  struct str_view bytes;
};

static unsigned side_of(const struct connection *connection, const struct endpoint *endpoint) {
  return connection->sides[0] == endpoint ? 0 : 1;
}

const struct address *stream_remote(const struct connection *connection, const struct endpoint *endpoint) {
  return &connection->seen[1 - side_of(connection, endpoint)];
}

static void tell_gone(struct world *world, void *subject, void *detail) {
  struct connection *connection = subject;
  struct endpoint *endpoint = detail;
  if (endpoint->is_watched) watcher_refused(world, endpoint, stream_remote(connection, endpoint));
  if (!endpoint->is_dead && endpoint->refused)
    endpoint->refused(world, endpoint, connection, stream_remote(connection, endpoint));
}

static void give_up_connecting(struct world *world, void *subject, void *detail) {
  struct connection *connection = subject;
  log_line(world, "%s: no connection to %s", connection->sides[0]->name,
           connection->sides[1] ? connection->sides[1]->name : "nobody");
  connection->is_broken = true;
  tell_gone(world, subject, detail);
}

static struct address opener_seen_as(struct world *world, struct endpoint *from, uint32_t id,
                                     const struct address *to) {
  struct address seen = from->nat ? nat_outward(world, from->nat, from, to) : from->address;
  seen.port = (uint16_t)(FIRST_EPHEMERAL_PORT + id % 20000);
  return seen;
}

struct connection *stream_open(struct world *world, struct endpoint *from, const struct address *to) {
  struct connection *connection = sim_take(&world->memory, sizeof *connection);
  struct endpoint *taker = network_find(&world->network, to);
  uint32_t id = ++world->network.next_connection;
  *connection = (struct connection){.id = id, .sides = {from, taker}, .next = world->network.first_connection};
  connection->seen[0] = opener_seen_as(world, from, id, to);
  connection->seen[1] = *to;
  world->network.first_connection = connection;
  log_line(world, "%s: connection %u to %s", from->name, id, taker ? taker->name : "nobody");
  if (taker && taker->takes_streams && !taker->is_refusing && !taker->is_dead) return connection;
  bool is_told = taker && !taker->is_dead && !taker->swallows_streams;
  int64_t wait_us = is_told ? 2 * network_draw_delay(world, from, taker) : CONNECT_TIMEOUT_US;
  connection->is_broken = true;
  world_at(world, world->now_us + wait_us, give_up_connecting, connection, from);
  return connection;
}

struct connection *stream_find(const struct world *world, const struct endpoint *endpoint,
                               const struct address *remote) {
  for (struct connection *connection = world->network.first_connection; connection; connection = connection->next) {
    if (connection->is_broken) continue;
    if (connection->sides[0] != endpoint && connection->sides[1] != endpoint) continue;
    if (address_equal(stream_remote(connection, endpoint), remote)) return connection;
  }
  return NULL;
}

struct connection *stream_by_id(const struct world *world, uint32_t id) {
  struct connection *connection = world->network.first_connection;
  while (connection && connection->id != id)
    connection = connection->next;
  return connection;
}

static void segment_arrives(struct world *world, void *subject, void *detail) {
  struct segment *segment = subject;
  (void)detail;
  struct connection *connection = segment->connection;
  unsigned from = side_of(connection, segment->from);
  struct endpoint *to = connection->sides[1 - from];
  if (connection->is_broken) {
    log_message(world, segment->from->name, "=>", to->name, segment->bytes, "connection is gone");
    return;
  }
  struct arrival arrival = {
      .source = connection->seen[from], .transport = TRANSPORT_TCP, .connection = connection, .bytes = segment->bytes};
  network_deliver(world, to, &arrival, segment->from->name);
}

bool stream_send(struct world *world, struct connection *connection, struct endpoint *from, struct str_view bytes) {
  if (connection->is_broken) return false;
  if (from->is_dead) return true;
  unsigned side = side_of(connection, from);
  struct endpoint *to = connection->sides[1 - side];
  const struct link_faults *whole = &world->network.faults;
  uint32_t loss_ppm = whole->loss_ppm + from->from.loss_ppm + to->to.loss_ppm;
  int64_t at_us = world->now_us + network_draw_delay(world, from, to);
  if (world_chance_ppm(world, CHANCE_NETWORK, loss_ppm))
    at_us += world_draw(world, CHANCE_NETWORK, RESEND_MIN_US, RESEND_MAX_US);
  if (at_us < connection->last_arrival_us[side]) at_us = connection->last_arrival_us[side];
  connection->last_arrival_us[side] = at_us;
  log_message(world, from->name, "->", to->name, bytes, "stream");
  if (from->is_watched) watcher_said(world, from, &connection->seen[1 - side], TRANSPORT_TCP, bytes);
  struct segment *segment = sim_take(&world->memory, sizeof *segment);
  *segment = (struct segment){.connection = connection, .from = from, .bytes = sim_copy(&world->memory, bytes)};
  world_at(world, at_us, segment_arrives, segment, NULL);
  if (world->network.onlooker) world->network.onlooker(world, from, false, segment->bytes);
  return true;
}

void stream_break(struct world *world, struct connection *connection, const struct endpoint *closer) {
  if (connection->is_broken) return;
  connection->is_broken = true;
  log_line(world, "connection %u between %s and %s breaks", connection->id, connection->sides[0]->name,
           connection->sides[1]->name);
  int64_t at_us = world->now_us + network_draw_delay(world, connection->sides[0], connection->sides[1]);
  for (unsigned i = 0; i < 2; i++)
    if (connection->sides[i] != closer) world_at(world, at_us, tell_gone, connection, connection->sides[i]);
}
