#include "sim/switch_node.h"

#include <sys/mman.h>

#include "base/check.h"
#include "boundary/device_homes.h"
#include "sim/flight_log.h"
#include "sim/ledger.h"
#include "sim/stream.h"
#include "sim/watcher.h"
#include "sim/world.h"

#define ARENA_BYTES         ((size_t)4 << 20)
#define OUTBOX_ENTRIES      256
#define OUTBOX_BYTES        ((size_t)4 * OUTBOX_EVENT_BYTES)
#define PROBE_PERIOD_S      300 /* where SS_SIP_SESSION_TTL is 0 */
#define USAGE_MAX           256
#define ADVANCES_MAX        1000 /* at one time; more is a timer that arms itself for now */
#define RESOLVE_DELAY_US    (3 * MS_US)
#define STALL_MEMORY_US     (40 * SECOND_US)
#define DIRECTORY_ALIGNMENT 64

/* What is each worker's own. Nothing happens in two of them at once, so that the rest is shared. */
struct node_worker {
  struct switch_node *node;
  void *memory;
  size_t memory_bytes;
  struct switch_core *core;
  struct context context;
  struct timer_wheel wheel;
  struct local_identity local;
};

struct switch_node {
  struct world *world;
  struct node_setup *setup;
  struct endpoint *endpoints[NODE_SOCKETS_MAX]; /* by socket; several sockets may share one */
  struct node_worker workers[NODE_WORKERS_MAX];
  uint8_t worker_count;
  const struct directory *directory;
  struct device_homes homes;
  struct arena arena;
  struct outbox outbox;
  struct counters counters;
  struct local_identity local; /* of all workers, but for the number */
  uint32_t *usage;
  uint64_t next_order;
  struct str_view order_answer;
  enum result order_result;
  int64_t stalled_until_us;
  int64_t advanced_at_us;
  unsigned advances, restarts;
  uint32_t longest_ttl_s;
};

void node_setup_defaults(struct node_setup *setup) {
  memset(setup, 0, sizeof *setup);
  setup->name = "belfry";
  setup->worker_count = 1;
  parameters_set_defaults(&setup->parameters);
  setup->limits = (struct switch_limits){.calls_max = 128, .registrations_max = 256, .transactions_max = 1024};
}

/* --- birth ------------------------------------------------------------------------------------------------------- */

static void build_directory(struct switch_node *node) {
  struct node_setup *setup = node->setup;
  size_t bytes = directory_memory_bytes(setup->devices, setup->device_count);
  char *memory = sim_take(&node->world->memory, bytes + DIRECTORY_ALIGNMENT);
  memory += DIRECTORY_ALIGNMENT - (uintptr_t)memory % DIRECTORY_ALIGNMENT;
  char text[256];
  struct text_builder problem = text_builder_over(text, sizeof text);
  node->directory = directory_build(memory, setup->devices, setup->device_count, STR_VIEW("belfry"), node->directory,
                                    node->usage, USAGE_MAX, &problem);
  if (!node->directory) world_fail(node->world, "directory: %.*s", (int)problem.length, text);
  for (uint8_t i = 0; i < node->worker_count; i++)
    node->workers[i].context.directory = node->directory;
}

static void set_clocks(struct node_worker *worker) {
  worker->context.now = world_mono(worker->node->world);
  worker->context.wall_now = world_wall(worker->node->world);
}

static void start_worker(struct node_worker *worker) {
  struct switch_node *node = worker->node;
  worker->memory_bytes = switch_core_memory_bytes(&node->setup->limits);
  worker->memory = mmap(NULL, worker->memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(worker->memory != MAP_FAILED);
  timer_wheel_init(&worker->wheel, world_mono(node->world));
  worker->core = switch_core_create(worker->memory, &node->setup->limits);
}

static void start_workers(struct switch_node *node) {
  node->counters = (struct counters){0};
  if (node->worker_count > 1) memset(node->homes.homes, 0, (size_t)node->homes.mask + 1);
  for (uint8_t i = 0; i < node->worker_count; i++)
    start_worker(&node->workers[i]);
}

/* As a worker does when it begins. */
static void read_directory(struct switch_node *node) {
  struct event event = {.kind = EVENT_ORDER, .order = ORDER_DIRECTORY_CHANGED};
  for (uint8_t i = 0; i < node->worker_count; i++) {
    set_clocks(&node->workers[i]);
    switch_core_handle(node->workers[i].core, &node->workers[i].context, &event);
  }
  outbox_reset(&node->outbox);
}

static void fill_contexts(struct switch_node *node) {
  struct world *world = node->world;
  node->worker_count = node->setup->worker_count;
  arena_init(&node->arena, sim_take(&world->memory, ARENA_BYTES), ARENA_BYTES);
  outbox_init(&node->outbox, sim_take(&world->memory, OUTBOX_ENTRIES * sizeof(struct outbox_entry)), OUTBOX_ENTRIES,
              sim_take(&world->memory, OUTBOX_BYTES), OUTBOX_BYTES);
  node->usage = sim_take(&world->memory, USAGE_MAX * sizeof *node->usage);
  uint32_t devices_max = node->setup->limits.registrations_max * node->worker_count;
  if (node->worker_count > 1)
    node->homes = device_homes_over(sim_take(&world->memory, device_homes_memory_bytes(devices_max)), devices_max);
  for (uint8_t i = 0; i < node->worker_count; i++) {
    struct node_worker *worker = &node->workers[i];
    worker->node = node;
    worker->context = (struct context){.random = &world->chance[CHANCE_SWITCH],
                                       .wheel = &worker->wheel,
                                       .arena = &node->arena,
                                       .outbox = &node->outbox,
                                       .counters = &node->counters,
                                       .parameters = &node->setup->parameters,
                                       .local = &worker->local,
                                       .homes = node->worker_count > 1 ? &node->homes : NULL};
  }
}

static void receive(struct world *world, struct endpoint *endpoint, const struct arrival *arrival);
static void refused(struct world *world, struct endpoint *endpoint, struct connection *connection,
                    const struct address *remote);

static void open_sockets(struct switch_node *node) {
  const struct node_setup *setup = node->setup;
  struct random *random = &node->world->chance[CHANCE_SWITCH];
  node->local = (struct local_identity){.socket_count = setup->socket_count, .worker_count = node->worker_count};
  node->local.steering_key = (struct siphash_key){random_u64(random), random_u64(random)};
  node->local.nonce_key = (struct siphash_key){random_u64(random), random_u64(random)};
  for (uint8_t i = 0; i < setup->socket_count; i++) {
    const struct local_socket *socket = &setup->sockets[i];
    node->local.sockets[i] = *socket;
    struct endpoint *endpoint = network_find(&node->world->network, &socket->bound);
    if (!endpoint) endpoint = network_add(node->world, setup->name, &socket->bound);
    endpoint->is_switch = endpoint->is_watched = true;
    endpoint->takes_streams = endpoint->takes_streams || transport_is_stream((enum transport)socket->transport);
    endpoint->owner = node;
    endpoint->receive = receive;
    endpoint->refused = refused;
    node->endpoints[i] = endpoint;
  }
  for (uint8_t i = 0; i < node->worker_count; i++) {
    node->workers[i].local = node->local;
    node->workers[i].local.worker = i;
  }
}

struct switch_node *switch_node_create(struct world *world, struct node_setup *setup) {
  struct switch_node *node = sim_take(&world->memory, sizeof *node);
  node->world = world;
  node->setup = setup;
  fill_contexts(node);
  open_sockets(node);
  build_directory(node);
  if (!world->failure) start_workers(node);
  if (!world->failure) read_directory(node);
  require(world->node_count < WORLD_NODES_MAX);
  world->nodes[world->node_count++] = node;
  return node;
}

void switch_node_destroy(struct switch_node *node) {
  for (uint8_t i = 0; i < node->worker_count; i++) {
    struct node_worker *worker = &node->workers[i];
    if (worker->memory) munmap(worker->memory, worker->memory_bytes);
    worker->memory = NULL;
  }
}

void switch_node_restart(struct switch_node *node) {
  log_line(node->world, "%s: killed and started again", node->setup->name);
  switch_node_destroy(node);
  memset(node->usage, 0, USAGE_MAX * sizeof *node->usage);
  for (struct connection *connection = node->world->network.first_connection; connection; connection = connection->next)
    for (unsigned i = 0; i < 2; i++)
      if (connection->sides[i] && connection->sides[i]->is_switch && connection->sides[i]->owner == node)
        stream_break(node->world, connection, connection->sides[i]);
  node->restarts++;
  for (uint8_t i = 0; i < node->local.socket_count; i++)
    watcher_forget(node->world, node->endpoints[i]);
  ledger_restarted(node->world);
  outbox_reset(&node->outbox);
  start_workers(node);
  read_directory(node);
}

/* --- after each event ----------------------------------------------------------------------------------------------
 */

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

static void inbox_is_read(struct world *world, void *subject, void *detail) {
  (void)world;
  handle(subject, detail);
}

/* Handling never nests: what comes of an event is another one. */
static void tell(struct node_worker *worker, const struct event *event, int64_t delay_us) {
  struct world *world = worker->node->world;
  struct event *copy = sim_take(&world->memory, sizeof *copy);
  *copy = *event;
  world_at(world, world->now_us + delay_us, inbox_is_read, worker, copy);
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

static void send(struct switch_node *node, const struct outbox_entry *entry) {
  struct world *world = node->world;
  const struct flow *flow = &entry->flow;
  if (flow->socket_index >= node->local.socket_count ||
      node->local.sockets[flow->socket_index].transport != flow->transport) {
    world_fail(world, "%s sends %u bytes from socket %u over transport %u, which it has not", node->setup->name,
               (unsigned)entry->bytes.length, flow->socket_index, flow->transport);
    return;
  }
  struct endpoint *from = node->endpoints[flow->socket_index];
  flight_log_message(world, TRACE_SENT, flow, entry->bytes);
  if (flow->transport == TRANSPORT_UDP) {
    network_send(world, from, &flow->remote, entry->bytes);
    return;
  }
  struct connection *connection =
      flow->connection ? stream_by_id(world, flow->connection) : stream_find(world, from, &flow->remote);
  if (!connection) connection = stream_open(world, from, &flow->remote);
  if (!stream_send(world, connection, from, entry->bytes) && flow->connection)
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
  case OUTBOX_SEND: send(node, entry); break;
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
  case OUTBOX_RECORD: ledger_add(world, node, entry->bytes); break;
  case OUTBOX_KEEP_DEVICE: break;
  case OUTBOX_JOURNAL: break;
  case OUTBOX_ORDER_ANSWER: take_answer(node, entry); break;
  case OUTBOX_ALARM:
    log_line(world, "%s: alarm: %.*s", node->setup->name, (int)entry->bytes.length, entry->bytes.data);
    break;
  case OUTBOX_NOTE: flight_log_note(world, entry->note); break;
  }
}

/* Records first, as the worker does: what a peer has been told must not be forgotten. */
static void empty_outbox(struct node_worker *worker) {
  struct outbox *outbox = &worker->node->outbox;
  for (uint32_t i = 0; i < outbox->entry_count; i++)
    if (outbox->entries[i].kind == OUTBOX_RECORD) do_entry(worker, &outbox->entries[i]);
  for (uint32_t i = 0; i < outbox->entry_count; i++)
    if (outbox->entries[i].kind != OUTBOX_RECORD) do_entry(worker, &outbox->entries[i]);
  outbox_reset(outbox);
}

/* --- events ------------------------------------------------------------------------------------------------------- */

static void note_ttl(struct switch_node *node) {
  const struct parameters *parameters = &node->setup->parameters;
  uint32_t ttl_s = parameters->SS_SIP_SESSION_TTL;
  if (ttl_s == 0) ttl_s = PROBE_PERIOD_S * parameters->SS_SIP_SESSION_UPDATE_SEGMENT;
  if (ttl_s > node->longest_ttl_s) node->longest_ttl_s = ttl_s;
}

static void handle(struct node_worker *worker, const struct event *event) {
  struct switch_node *node = worker->node;
  note_ttl(node);
  if (node->world->now_us < node->stalled_until_us) {
    tell(worker, event, node->stalled_until_us - node->world->now_us);
    return;
  }
  set_clocks(worker);
  node->outbox.takes_notes = node->world->asks_doctor;
  if (event->kind == EVENT_MESSAGE) flight_log_message(node->world, TRACE_RECEIVED, &event->flow, event->bytes);
  switch_core_handle(worker->core, &worker->context, event);
  empty_outbox(worker);
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

static void receive(struct world *world, struct endpoint *endpoint, const struct arrival *arrival) {
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

static void refused(struct world *world, struct endpoint *endpoint, struct connection *connection,
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
  set_clocks(worker);
  do {
    is_again = switch_core_advance(worker->core, &worker->context);
    empty_outbox(worker);
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
    if (device->kind == DEVICE_PHONE || device->overrides.keep_alive == DEVICE_USE_PARAMETER) continue;
    device->overrides.keep_alive = DEVICE_USE_PARAMETER;
    has_changed = true;
  }
  if (!has_changed) return;
  build_directory(node);
  if (!node->world->failure) switch_node_order(node, ORDER_DIRECTORY_CHANGED, (struct str_view){0}, NULL);
}

void switch_node_stall(struct switch_node *node, int64_t until_us) {
  log_line(node->world, "%s: does nothing for a while", node->setup->name);
  node->stalled_until_us = until_us;
  for (uint8_t i = 0; i < node->local.socket_count; i++)
    node->endpoints[i]->busy_until_us = until_us;
  if (node->world->watcher) node->world->watcher->was_stalled = true;
}

void switch_node_count(const struct switch_node *node, struct switch_core_counts *counts) {
  *counts = (struct switch_core_counts){0};
  for (uint8_t i = 0; i < node->worker_count; i++) {
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
