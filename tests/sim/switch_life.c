/* How a switch is born, what it keeps on disk, how it is killed, and what it takes up again. */
#include <sys/mman.h>

#include "base/check.h"
#include "boundary/device_homes.h"
#include "call/call.h"
#include "cdr/cdr_record.h"
#include "sim/ledger.h"
#include "sim/stream.h"
#include "sim/switch_node_state.h"
#include "sim/watcher.h"

#define ARENA_BYTES         ((size_t)4 << 20)
#define OUTBOX_ENTRIES      256
#define OUTBOX_BYTES        ((size_t)4 * OUTBOX_EVENT_BYTES)
#define USAGE_MAX           256
#define RECORD_BYTES        16384
#define DIRECTORY_ALIGNMENT 64

void node_setup_defaults(struct node_setup *setup) {
  memset(setup, 0, sizeof *setup);
  setup->name = "belfry";
  setup->worker_count = 1;
  parameters_set_defaults(&setup->parameters);
  setup->limits = (struct switch_limits){.calls_max = 128, .registrations_max = 256, .transactions_max = 1024};
}

/* --- birth ------------------------------------------------------------------------------------------------------- */

void switch_node_build_directory(struct switch_node *node) {
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
    switch_node_set_clocks(&node->workers[i]);
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

static void open_sockets(struct switch_node *node) {
  const struct node_setup *setup = node->setup;
  struct random *random = &node->world->chance[CHANCE_SWITCH];
  node->local = (struct local_identity){.socket_count = setup->socket_count, .worker_count = node->worker_count};
  node->local.boot_id = 1; /* the machine runs on */
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
    endpoint->receive = switch_node_receive;
    endpoint->refused = switch_node_refused;
    node->endpoints[i] = endpoint;
  }
  for (uint8_t i = 0; i < node->worker_count; i++) {
    node->workers[i].local = node->local;
    node->workers[i].local.worker = i;
  }
}

/* It is another one after each start. */
static void draw_steering_key(struct switch_node *node) {
  struct random *random = &node->world->chance[CHANCE_SWITCH];
  struct siphash_key key = {random_u64(random), random_u64(random)};
  for (uint8_t i = 0; i < node->worker_count; i++)
    node->workers[i].local.steering_key = key;
}

/* --- what it keeps ----------------------------------------------------------------------------------------------- */

static void take_record(void *context, struct str_view record) {
  struct switch_node *node = context;
  ledger_add(node->world, node, record);
}

/* As worker/egress.c does it. */
static void release(struct switch_node *node) {
  struct world *world = node->world;
  while (node->first_held && !node->is_down) {
    const struct held_send *held = node->first_held;
    if (held->ticket > node->journal.durable && world->now_us < held->until_us) return;
    node->first_held = held->next;
    switch_node_send(node, &held->flow, held->bytes);
  }
}

static void journal_flushed(void *context) {
  release(context);
}

static void waited_long_enough(struct world *world, void *subject, void *detail) {
  (void)world;
  (void)detail;
  release(subject);
}

static void open_journal(struct switch_node *node) {
  if (node->setup->journal_flush_us == 0) return;
  node_journal_init(&node->journal, node->world, node->setup->journal_flush_us);
  node->journal.take_record = take_record;
  node->journal.flushed = journal_flushed;
  node->journal.context = node;
}

void switch_life_tell_journal(struct switch_node *node) {
  const struct outbox *outbox = &node->outbox;
  for (uint32_t i = 0; i < outbox->entry_count && node->setup->journal_flush_us > 0; i++) {
    const struct outbox_entry *entry = &outbox->entries[i];
    if (entry->kind == OUTBOX_JOURNAL)
      node_journal_tell(&node->journal, (enum journal_kind)entry->journal_kind, entry->key, entry->bytes);
  }
}

void switch_life_tell_records(struct switch_node *node) {
  const struct outbox *outbox = &node->outbox;
  for (uint32_t i = 0; i < outbox->entry_count; i++) {
    const struct outbox_entry *entry = &outbox->entries[i];
    if (entry->kind != OUTBOX_RECORD) continue;
    if (node->setup->journal_flush_us > 0)
      node_journal_end(&node->journal, cdr_record_key(entry->bytes), entry->bytes, entry->owed);
    else
      ledger_add(node->world, node, entry->bytes);
  }
}

bool switch_life_holds(struct switch_node *node, const struct outbox_entry *entry) {
  struct world *world = node->world;
  int64_t wait_us = node->setup->parameters.BF_JOURNAL_WAIT_MS * MS_US;
  if (node->setup->journal_flush_us == 0 || wait_us == 0 || node->journal.durable >= node->journal.told) return false;
  struct held_send *held = sim_take(&world->memory, sizeof *held);
  *held = (struct held_send){.ticket = node->journal.told,
                             .until_us = world->now_us + wait_us,
                             .flow = entry->flow,
                             .bytes = sim_copy(&world->memory, entry->bytes)};
  struct held_send **last = &node->first_held;
  while (*last)
    last = &(*last)->next;
  *last = held;
  world_at(world, held->until_us, waited_long_enough, node, NULL);
  return true;
}

/* --- what it takes up again -------------------------------------------------------------------------------------- */

/* As worker/take_up.c does it. */
static bool goes_on(struct switch_node *node, const struct node_journal_entry *kept) {
  bool is_well = false;
  for (uint8_t i = 0; i < node->worker_count; i++) {
    struct node_worker *worker = &node->workers[i];
    if (!switch_core_takes_up(&worker->local, kept->key, kept->bytes)) continue;
    struct journal_kept own = {kept->key, kept->bytes, kept->note, kept->owed};
    if (switch_core_restore(worker->core, &worker->context, &own) == RESULT_OK) is_well = true;
    switch_life_tell_journal(node);
    switch_life_tell_records(node);
    outbox_reset(&node->outbox);
  }
  return is_well;
}

static void take_up(void *context, const struct node_journal_entry *kept) {
  struct switch_node *node = context;
  char memory[RECORD_BYTES];
  struct text_builder record = text_builder_over(memory, sizeof memory);
  if (goes_on(node, kept)) return;
  bool is_call = journal_key_thing(kept->key) == JOURNAL_CALL;
  log_line(node->world, "%s: %s cannot be taken up", node->setup->name, is_call ? "a call" : "something");
  if (is_call && kept->owed == 0 && call_kept_record(kept->bytes, kept->note, &record) == RESULT_OK)
    node_journal_tell(&node->journal, JOURNAL_END, kept->key, text_builder_view(&record));
  else
    node_journal_tell(&node->journal, JOURNAL_DROP, kept->key, (struct str_view){0});
}

static void take_up_all(struct switch_node *node) {
  if (node->setup->journal_flush_us == 0) return;
  for (uint8_t i = 0; i < node->worker_count; i++)
    switch_node_set_clocks(&node->workers[i]);
  node_journal_each(&node->journal, take_up, node);
  for (uint8_t i = 0; i < node->worker_count; i++)
    switch_core_restored(node->workers[i].core);
}

struct switch_node *switch_node_create(struct world *world, struct node_setup *setup) {
  struct switch_node *node = sim_take(&world->memory, sizeof *node);
  node->world = world;
  node->setup = setup;
  fill_contexts(node);
  open_journal(node);
  open_sockets(node);
  switch_node_build_directory(node);
  if (!world->failure) start_workers(node);
  if (!world->failure) read_directory(node);
  require(world->node_count < WORLD_NODES_MAX);
  world->nodes[world->node_count++] = node;
  return node;
}

/* --- death ------------------------------------------------------------------------------------------------------- */

static void free_workers(struct switch_node *node) {
  for (uint8_t i = 0; i < node->worker_count; i++) {
    struct node_worker *worker = &node->workers[i];
    if (worker->memory) munmap(worker->memory, worker->memory_bytes);
    worker->memory = NULL;
  }
}

void switch_node_destroy(struct switch_node *node) {
  free_workers(node);
}

static void break_connections(struct switch_node *node) {
  for (struct connection *connection = node->world->network.first_connection; connection; connection = connection->next)
    for (unsigned i = 0; i < 2; i++)
      if (connection->sides[i] && connection->sides[i]->is_switch && connection->sides[i]->owner == node)
        stream_break(node->world, connection, connection->sides[i]);
}

static void set_down(struct switch_node *node, bool is_down) {
  node->is_down = is_down;
  for (uint8_t i = 0; i < node->local.socket_count; i++)
    node->endpoints[i]->is_dead = is_down;
}

static void start_again(struct world *world, void *subject, void *detail) {
  struct switch_node *node = subject;
  (void)detail;
  set_down(node, false);
  memset(node->usage, 0, USAGE_MAX * sizeof *node->usage);
  ledger_restarted(world);
  if (node->setup->journal_flush_us > 0) draw_steering_key(node);
  start_workers(node);
  take_up_all(node);
  read_directory(node);
}

/* The process is no more; what of the journal was `written` is there again. */
static void kill_node(struct switch_node *node, uint64_t written, int64_t down_us) {
  struct world *world = node->world;
  log_line(world, "%s: killed%s", node->setup->name, down_us > 0 ? "" : " and started again");
  free_workers(node);
  break_connections(node);
  node->restarts++;
  for (uint8_t i = 0; i < node->local.socket_count; i++) {
    watcher_forget(world, node->endpoints[i]);
    node->endpoints[i]->deaths++;
  }
  ledger_restarted(world);
  outbox_reset(&node->outbox);
  node->first_held = NULL;
  if (node->setup->journal_flush_us > 0) node_journal_crash(&node->journal, written);
  set_down(node, true);
  if (down_us > 0)
    world_at(world, world->now_us + down_us, start_again, node, NULL);
  else
    start_again(world, node, NULL);
}

void switch_node_restart(struct switch_node *node, int64_t down_us) {
  if (!node->is_down) kill_node(node, node->journal.durable, down_us);
}

bool switch_life_ends(struct node_worker *worker) {
  struct switch_node *node = worker->node;
  const struct world_crash *crash = &node->world->crash;
  node->handled++;
  if (crash->at == 0 || node != node->world->nodes[0] || node->handled != crash->at) return false;
  uint64_t written = node->journal.durable;
  switch (crash->way) {
  case CRASH_BEFORE_WRITING: break;
  case CRASH_AFTER_WRITING:
    switch_life_tell_journal(node);
    written = node->journal.told;
    break;
  case CRASH_AFTER_SENDING: switch_node_empty_outbox(worker); break;
  case CRASH_AFTER_RECORDS:
    switch_node_empty_outbox(worker);
    written = node->journal.told;
    break;
  case CRASH_WAYS: break;
  }
  kill_node(node, written, crash->down_us);
  return true;
}
