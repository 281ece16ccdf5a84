#include "sim/actor.h"

#include "sim/actor_verbs.h"
#include "sim/ua_call.h"
#include "sim/ua_transaction.h"
#include "sim/watcher.h"

#define FIRST_MEDIA_PORT 10000

/* --- what arrives ------------------------------------------------------------------------------------------------ */

static void receive_response(struct actor *actor, const struct sip_message *response) {
  bool is_news;
  struct ua_transaction *transaction = ua_transaction_take_response(actor, response, &is_news);
  if (!transaction || !is_news) return;
  if (transaction->call)
    ua_call_receive_response(transaction, response);
  else
    actor_register_answered(transaction, response);
}

static void receive_request(struct actor *actor, const struct sip_message *request, const struct arrival *arrival) {
  struct ua_transaction *transaction;
  if (ua_call_ignores(actor, request)) return;
  if (ua_transaction_take_request(actor, request, arrival, &transaction)) return;
  if (request->method == SIP_METHOD_ACK) {
    struct ua_call *call = ua_call_find(actor, request);
    if (call) ua_call_receive_ack(call, request);
  } else if (request->method == SIP_METHOD_CANCEL) {
    ua_call_receive_cancel(actor, transaction, request);
  } else {
    ua_call_receive_request(actor, transaction, request);
  }
}

/* Keep-alives: a text, CRLFCRLF (answered as RFC 5626 §4.4.1 says), anything else. */
static void receive_ping(struct actor *actor, const struct arrival *arrival) {
  actor->pings_received++;
  if (!str_view_equal(arrival->bytes, STR_VIEW("\r\n\r\n"))) return;
  struct ua_way way = {arrival->source, arrival->connection};
  actor_send(actor, &way, STR_VIEW("\r\n"));
}

static void receive(struct world *world, struct endpoint *endpoint, const struct arrival *arrival) {
  struct actor *actor = endpoint->owner;
  struct sip_message message;
  struct sip_defect defect;
  (void)world;
  if (sip_message_parse(arrival->bytes, &message, &defect) != RESULT_OK)
    receive_ping(actor, arrival);
  else if (message.is_request)
    receive_request(actor, &message, arrival);
  else
    receive_response(actor, &message);
}

/* --- who they are ------------------------------------------------------------------------------------------------ */

struct actor *actor_add(struct world *world, enum actor_kind kind, const char *name, const struct address *address) {
  struct actor *actor = sim_take(&world->memory, sizeof *actor);
  *actor = (struct actor){.world = world, .kind = kind, .name = name, .transport = TRANSPORT_UDP};
  actor->next_media_port = FIRST_MEDIA_PORT;
  actor->endpoint = network_add(world, name, address);
  actor->endpoint->owner = actor;
  actor->endpoint->receive = receive;
  actor->endpoint->takes_streams = true;
  actor->registration.expires_s = 3600;
  if (world->last_actor)
    world->last_actor->next = actor;
  else
    world->first_actor = actor;
  world->last_actor = actor;
  return actor;
}

struct actor *actor_find(const struct world *world, struct str_view name) {
  struct actor *actor = world->first_actor;
  while (actor && !str_view_equal(name, str_view_from_c(actor->name)))
    actor = actor->next;
  return actor;
}

void actor_send(struct actor *actor, struct ua_way *way, struct str_view bytes) {
  struct world *world = actor->world;
  if (actor->endpoint->is_dead || actor->is_hanging) return;
  bool is_reply = way->connection && !way->connection->is_broken;
  if (actor->transport == TRANSPORT_UDP && !is_reply) {
    network_send(world, actor->endpoint, &way->address, bytes);
    return;
  }
  if (!way->connection || way->connection->is_broken)
    way->connection = stream_find(world, actor->endpoint, &way->address);
  if (!way->connection) way->connection = stream_open(world, actor->endpoint, &way->address);
  stream_send(world, way->connection, actor->endpoint, bytes);
}

struct ua_way actor_way_to_server(struct actor *actor) {
  return (struct ua_way){.address = actor->server};
}

struct str_view actor_new_id(struct actor *actor, const char *prefix) {
  return sim_format_view(&actor->world->memory, "%s-%s-%u", prefix, actor->name, ++actor->next_id);
}

static struct str_view uri_at(struct actor *actor, struct str_view user, const struct address *address) {
  struct text_builder uri = text_builder_over(sim_take(&actor->world->memory, 192), 128);
  text_builder_add_literal(&uri, "sip:");
  text_builder_add(&uri, user);
  if (user.length) text_builder_add_char(&uri, '@');
  address_to_text(address, &uri);
  if (actor->transport == TRANSPORT_TCP) text_builder_add_literal(&uri, ";transport=tcp");
  return text_builder_view(&uri);
}

struct str_view actor_contact_uri(struct actor *actor) {
  return uri_at(actor, actor->number, &actor->endpoint->address);
}

struct str_view actor_server_uri(struct actor *actor, struct str_view number) {
  return uri_at(actor, number, &actor->server);
}

void actor_set_dead(struct actor *actor, bool is_dead) {
  actor->endpoint->is_dead = is_dead;
  actor->endpoint->is_refusing = false;
  actor->died_us = is_dead ? actor->world->now_us : 0;
}

void actor_forget_calls(struct actor *actor) {
  for (struct ua_call *call = actor->calls; call; call = call->next) {
    call->is_forgotten = call->is_forgotten || call->state != UA_OVER;
    ua_call_end(call);
  }
  while (actor->transactions)
    ua_transaction_drop(actor->transactions);
  if (actor->endpoint->is_watched) watcher_forget(actor->world, actor->endpoint);
  for (struct connection *connection = actor->world->network.first_connection; connection;
       connection = connection->next)
    if (connection->sides[0] == actor->endpoint || connection->sides[1] == actor->endpoint)
      stream_break(actor->world, connection, actor->endpoint);
}

void actor_add_step(struct actor *actor, const struct plan_step *step) {
  struct plan_step **link = &actor->plan;
  while (*link)
    link = &(*link)->next;
  *link = sim_take(&actor->world->memory, sizeof **link);
  **link = *step;
  (*link)->next = NULL;
}
