#include "base/check.h"
#include "sim/flight_log.h"
#include "sim/ledger.h"
#include "sim/stream.h"
#include "sim/switch_node_state.h"
#include "sim/watcher.h"

#define PROBE_PERIOD_S   300  /* where SS_SIP_SESSION_TTL is 0 */
#define ADVANCES_MAX     1000 /* at one time; more is a timer that arms itself for now */
#define RESOLVE_DELAY_US (3 * MS_US)
#define STALL_MEMORY_US  (40 * SECOND_US)

void switch_node_set_clocks(struct node_worker *worker) {
  worker->context.now = world_mono(worker->node->world);
  worker->context.wall_now = world_wall(worker->node->world);
}

/* --- after each event -------------------------------------------------------------------------------------------- */

static void check(const struct node_worker *worker) {
  struct switch_node *node = worker->node;
  char text[512];
  struct text_builder problem = text_builder_over(text, sizeof text);
  if (!switch_core_check(worker->core, &worker->context, &problem))
    world_fail(node->world, "%s: %.*s", node->setup->name, (int)problem.length, text);
  if (check_broken_count() > 0) world_fail(node->world, "%s: an expectation in the code is broken", node->setup->name);
  if (node->counters.invariants_broken > 0) world_fail(node->world, "%s counted a broken invariant", node->setup->name);
  if (node->outbox.dropped > 0) world_fail(node->world, "%s: the outbox was full", node->setup->name);
  struct switch_core_counts counts = {0};
  switch_core_count(worker->core, &worker->context, &counts);
  if (counts.calls + counts.transactions + counts.registrations > 0 && counts.timers == 0)
    world_fail(node->world, "%s: %u calls, %u transactions, %u registrations, and no timer", node->setup->name,
               counts.calls, counts.transactions, counts.registrations);
}

static void handle(struct node_worker *worker, const struct event *event);

/* In the inbox of a worker; gone with its process. */
struct letter {
  struct event event;
  unsigned life;
};

static void inbox_is_read(struct world *world, void *subject, void *detail) {
  struct node_worker *worker = subject;
  const struct letter *letter = detail;
  (void)world;
  if (letter->life == worker->node->restarts) handle(worker, &letter->event);
}

/* Handling never nests: what comes of an event is another one. */
static void tell(struct node_worker *worker, const struct event *event, int64_t delay_us) {
  struct world *world = worker->node->world;
  struct letter *letter = sim_take(&world->memory, sizeof *letter);
  *letter = (struct letter){*event, worker->node->restarts};
  world_at(world, world->now_us + delay_us, inbox_is_read, worker, letter);
}

static void tell_all(struct switch_node *node, const struct event *event) {
  for (uint8_t i = 0; i < node->worker_count; i++)
    tell(&node->workers[i], event, 0);
}

/* The worker that an entry of the outbox is for. */
static struct node_worker *worker_at(struct switch_node *node, uint8_t number) {
  if (number < node->worker_count) return &node->workers[number];
  world_fail(node->world, "%s: there is no worker %u", node->setup->name, number);
  return &node->workers[0];
}

static struct location_answer *copy_location(struct world *world, const struct location_answer *answer) {
  struct location_answer *copy = sim_take(&world->memory, sizeof *copy);
  *copy = *answer;
  for (uint8_t i = 0; i < copy->contact_count; i++) {
    copy->contacts[i].uri = sim_copy(&world->memory, copy->contacts[i].uri);
    copy->contacts[i].path = sim_copy(&world->memory, copy->contacts[i].path);
  }
  return copy;
}

static void resolve(struct node_worker *worker, const struct outbox_entry *entry) {
  const struct switch_node *node = worker->node;
  struct event event = {.kind = EVENT_RESOLVED, .asker = entry->asker, .flow = entry->flow};
  for (uint8_t i = 0; i < node->setup->host_count; i++) {
    const struct node_host *host = &node->setup->hosts[i];
    if (!str_view_equal_nocase(host->name, entry->bytes)) continue;
    if (event.flow.transport == TRANSPORT_NONE) event.flow.transport = TRANSPORT_UDP;
    event.addresses = host->addresses;
    event.address_count = host->address_count;
  }
  tell(worker, &event, RESOLVE_DELAY_US);
}

void switch_node_send(struct switch_node *node, const struct flow *flow, struct str_view bytes) {
  struct world *world = node->world;
  if (flow->socket_index >= node->local.socket_count ||
      node->local.sockets[flow->socket_index].transport != flow->transport) {
    world_fail(world, "%s sends %u bytes from socket %u over transport %u, which it has not", node->setup->name,
               (unsigned)bytes.length, flow->socket_index, flow->transport);
    return;
  }
  struct endpoint *from = node->endpoints[flow->socket_index];
  flight_log_message(world, TRACE_SENT, flow, bytes);
  if (flow->transport == TRANSPORT_UDP) {
    network_send(world, from, &flow->remote, bytes);
    return;
  }
  struct connection *connection =
      flow->connection ? stream_by_id(world, flow->connection) : stream_find(world, from, &flow->remote);
  if (!connection) connection = stream_open(world, from, &flow->remote);
  if (!stream_send(world, connection, from, bytes) && flow->connection)
    tell_all(node, &(struct event){.kind = EVENT_CONNECTION_CLOSED, .flow = *flow});
}

/* Each worker answers; the one that has found something, or most of it, counts. */
static void take_answer(struct switch_node *node, const struct outbox_entry *entry) {
  bool is_less = node->order_result == RESULT_OK && entry->bytes.length <= node->order_answer.length;
  if (is_less || (node->order_answer.data && entry->result != RESULT_OK)) return;
  node->order_answer = sim_copy(&node->world->memory, entry->bytes);
  node->order_result = entry->result;
}

static void do_entry(struct node_worker *worker, const struct outbox_entry *entry) {
  struct switch_node *node = worker->node;
  struct world *world = node->world;
  struct event event = {.asker = entry->asker, .asker_worker = worker->local.worker};
  switch (entry->kind) {
  case OUTBOX_SEND:
    if (!entry->waits || !switch_life_holds(node, entry)) switch_node_send(node, &entry->flow, entry->bytes);
    break;
  case OUTBOX_CLOSE_CONNECTION: {
    struct connection *connection = stream_by_id(world, entry->flow.connection);
    if (connection) stream_break(world, connection, node->endpoints[entry->flow.socket_index]);
    break;
  }
  case OUTBOX_ASK_LOCATION:
    event.kind = EVENT_LOCATION_ASKED;
    event.number = sim_copy(&world->memory, entry->bytes);
    tell(worker_at(node, entry->worker), &event, 0);
    break;
  case OUTBOX_TELL_LOCATION:
    event.kind = EVENT_LOCATION_ANSWER;
    event.location = copy_location(world, entry->location);
    tell(worker_at(node, entry->worker), &event, 0);
    break;
  case OUTBOX_TELL_HEARD:
    event = (struct event){.kind = EVENT_DEVICE_HEARD, .flow = entry->flow, .sign = entry->sign};
    tell(worker_at(node, entry->worker), &event, 0);
    break;
  case OUTBOX_RESOLVE: resolve(worker, entry); break;
  case OUTBOX_RECORD:
  case OUTBOX_JOURNAL: break; /* remembered already */
  case OUTBOX_KEEP_DEVICE: break;
  case OUTBOX_ORDER_ANSWER: take_answer(node, entry); break;
  case OUTBOX_ALARM:
    log_line(world, "%s: alarm: %.*s", node->setup->name, (int)entry->bytes.length, entry->bytes.data);
    break;
  case OUTBOX_NOTE: flight_log_note(world, entry->note); break;
  }
}

/* In the order of worker/egress.c. */
void switch_node_empty_outbox(struct node_worker *worker) {
  struct outbox *outbox = &worker->node->outbox;
  switch_life_tell_journal(worker->node);
  for (uint32_t i = 0; i < outbox->entry_count; i++)
    if (!outbox->entries[i].waits) do_entry(worker, &outbox->entries[i]);
  switch_life_tell_records(worker->node);
  for (uint32_t i = 0; i < outbox->entry_count; i++)
    if (outbox->entries[i].waits) do_entry(worker, &outbox->entries[i]);
  outbox_reset(outbox);
}

/* --- events ------------------------------------------------------------------------------------------------------ */

static void note_ttl(struct switch_node *node) {
  const struct parameters *parameters = &node->setup->parameters;
  uint32_t ttl_s = parameters->SS_SIP_SESSION_TTL;
  if (ttl_s == 0) ttl_s = PROBE_PERIOD_S * parameters->SS_SIP_SESSION_UPDATE_SEGMENT;
  if (ttl_s > node->longest_ttl_s) node->longest_ttl_s = ttl_s;
}

static void handle(struct node_worker *worker, const struct event *event) {
  struct switch_node *node = worker->node;
  if (node->is_down) return;
  note_ttl(node);
  if (node->world->now_us < node->stalled_until_us) {
    tell(worker, event, node->stalled_until_us - node->world->now_us);
    return;
  }
  switch_node_set_clocks(worker);
  node->outbox.takes_notes = node->world->asks_doctor;
  if (event->kind == EVENT_MESSAGE) flight_log_message(node->world, TRACE_RECEIVED, &event->flow, event->bytes);
  switch_core_handle(worker->core, &worker->context, event);
  if (switch_life_ends(worker)) return;
  switch_node_empty_outbox(worker);
  check(worker);
}

static uint16_t socket_of(const struct switch_node *node, const struct endpoint *endpoint, enum transport transport) {
  for (uint16_t i = 0; i < node->local.socket_count; i++)
    if (node->endpoints[i] == endpoint && node->local.sockets[i].transport == transport) return i;
  return UINT16_MAX;
}

/* To which worker's socket the kernel gives what comes from there (SO_REUSEPORT), or which one a connection belongs to.
 */
static struct node_worker *worker_that_hears(struct switch_node *node, const struct arrival *arrival) {
  uint64_t number = arrival->connection ? arrival->connection->id : address_hash(&arrival->source);
  return &node->workers[number % node->worker_count];
}

void switch_node_receive(struct world *world, struct endpoint *endpoint, const struct arrival *arrival) {
  struct switch_node *node = endpoint->owner;
  uint16_t socket = socket_of(node, endpoint, arrival->transport);
  if (socket == UINT16_MAX) {
    log_line(world, "%s: does not listen there", endpoint->name);
    return;
  }
  struct event event = {.kind = EVENT_MESSAGE, .bytes = arrival->bytes};
  event.flow = (struct flow){.remote = arrival->source,
                             .transport = (uint8_t)arrival->transport,
                             .socket_index = socket,
                             .connection = arrival->connection ? arrival->connection->id : 0};
  struct node_worker *worker = worker_that_hears(node, arrival);
  event.flow.worker = worker->local.worker;
  uint8_t home = node->worker_count == 1 ? 0 : switch_core_steer(&worker->local, arrival->bytes);
  if (home != worker->local.worker) counters_add(&node->counters, messages_handed_over);
  handle(worker_at(node, home), &event);
}

void switch_node_refused(struct world *world, struct endpoint *endpoint, struct connection *connection,
                         const struct address *remote) {
  struct switch_node *node = endpoint->owner;
  enum transport transport = connection ? TRANSPORT_TCP : TRANSPORT_UDP;
  struct event event = {.kind = EVENT_CONNECTION_CLOSED};
  event.flow = (struct flow){.remote = *remote,
                             .transport = (uint8_t)transport,
                             .connection = connection ? connection->id : 0,
                             .socket_index = socket_of(node, endpoint, transport)};
  (void)world;
  for (uint8_t i = 0; i < node->worker_count; i++)
    handle(&node->workers[i], &event);
}

static int64_t worker_wake_us(const struct node_worker *worker) {
  const struct switch_node *node = worker->node;
  if (node->is_down) return INT64_MAX;
  struct mono_ms wake = timer_wheel_next_wake(&worker->wheel);
  if (wake.value == INT64_MAX) return INT64_MAX;
  int64_t wake_us = node->world->now_us + mono_ms_since(wake, world_mono(node->world)) * MS_US;
  wake_us -= node->world->now_us % MS_US;
  if (wake_us < node->world->now_us) wake_us = node->world->now_us;
  return wake_us < node->stalled_until_us ? node->stalled_until_us : wake_us;
}

int64_t switch_node_wake_us(const struct switch_node *node) {
  int64_t first_us = INT64_MAX;
  for (uint8_t i = 0; i < node->worker_count; i++) {
    int64_t wake_us = worker_wake_us(&node->workers[i]);
    if (wake_us < first_us) first_us = wake_us;
  }
  return first_us;
}

static void advance_worker(struct node_worker *worker) {
  bool is_again;
  switch_node_set_clocks(worker);
  do {
    is_again = switch_core_advance(worker->core, &worker->context);
    if (switch_life_ends(worker)) return;
    switch_node_empty_outbox(worker);
    check(worker);
  } while (is_again && !worker->node->world->failure);
}

void switch_node_advance(struct switch_node *node) {
  node->advances = node->advanced_at_us == node->world->now_us ? node->advances + 1 : 0;
  node->advanced_at_us = node->world->now_us;
  if (node->advances > ADVANCES_MAX) {
    world_fail(node->world, "%s: timers fire again and again without end", node->setup->name);
    return;
  }
  for (uint8_t i = 0; i < node->worker_count; i++)
    if (worker_wake_us(&node->workers[i]) <= node->world->now_us) advance_worker(&node->workers[i]);
}

struct str_view switch_node_order(struct switch_node *node, enum order_kind order, struct str_view target,
                                  enum result *result_out) {
  struct event event = {.kind = EVENT_ORDER,
                        .order = order,
                        .order_id = ++node->next_order,
                        .order_target = target,
                        .order_by = STR_VIEW("the scenario")};
  node->order_answer = (struct str_view){0};
  node->order_result = RESULT_NOT_FOUND;
  for (uint8_t i = 0; i < node->worker_count; i++)
    handle(&node->workers[i], &event);
  if (result_out) *result_out = node->order_result;
  return node->order_answer;
}

void switch_node_let_gateways_go(struct switch_node *node) {
  bool has_changed = false;
  for (size_t i = 0; i < node->setup->device_count; i++) {
    struct device *device = &node->setup->devices[i];
    bool is_kept =
        device->kind == DEVICE_PHONE ? device->address != NULL : device->overrides.keep_alive != DEVICE_USE_PARAMETER;
    if (!is_kept) continue;
    device->address = NULL;
    device->overrides.keep_alive = DEVICE_USE_PARAMETER;
    has_changed = true;
  }
  if (!has_changed) return;
  switch_node_build_directory(node);
  if (!node->world->failure) switch_node_order(node, ORDER_DIRECTORY_CHANGED, (struct str_view){0}, NULL);
}

void switch_node_stall(struct switch_node *node, int64_t until_us) {
  log_line(node->world, "%s: does nothing for a while", node->setup->name);
  if (until_us < node->stalled_until_us) until_us = node->stalled_until_us; /* it stands still already */
  node->stalled_until_us = until_us;
  for (uint8_t i = 0; i < node->local.socket_count; i++)
    node->endpoints[i]->busy_until_us = until_us;
  if (node->world->watcher) node->world->watcher->was_stalled = true;
}

void switch_node_count(const struct switch_node *node, struct switch_core_counts *counts) {
  *counts = (struct switch_core_counts){0};
  for (uint8_t i = 0; i < node->worker_count && !node->is_down; i++) {
    struct switch_core_counts own = {0};
    switch_core_count(node->workers[i].core, &node->workers[i].context, &own);
    counts->calls += own.calls;
    counts->calls_answered += own.calls_answered;
    counts->registrations += own.registrations;
    counts->transactions += own.transactions;
    counts->dialogs += own.dialogs;
    counts->timers += own.timers;
    counts->keepalive.devices += own.keepalive.devices;
    counts->keepalive.unreachable += own.keepalive.unreachable;
  }
}

const struct counters *switch_node_counters(const struct switch_node *node) {
  return &node->counters;
}

bool switch_node_was_stalled(const struct switch_node *node) {
  return node->stalled_until_us > 0 && node->world->now_us < node->stalled_until_us + STALL_MEMORY_US;
}

unsigned switch_node_workers(const struct switch_node *node) {
  return node->worker_count;
}

const struct parameters *switch_node_parameters(const struct switch_node *node) {
  return &node->setup->parameters;
}

uint32_t switch_node_longest_ttl_s(const struct switch_node *node) {
  return node->longest_ttl_s;
}

const char *switch_node_name(const struct switch_node *node) {
  return node->setup->name;
}

unsigned switch_node_restarts(const struct switch_node *node) {
  return node->restarts;
}

uint64_t switch_node_handled(const struct switch_node *node) {
  return node->handled;
}
