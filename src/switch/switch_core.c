/* One worker's rooms in one piece of memory, and the way of an event through them: one screen. */
#include "switch/switch_private.h"

#define CORE_ALIGNMENT   64
#define DIALOGS_PER_CALL 3 /* two legs, and one that takes its leave */
#define SUSPENSIONS_MAX  4096
#define NONCES_MIN       4096

/* --- memory ------------------------------------------------------------------------------------------------------ */

static size_t aligned(size_t bytes) {
  return (bytes + CORE_ALIGNMENT - 1) / CORE_ALIGNMENT * CORE_ALIGNMENT;
}

static struct registrar_limits registrar_limits_of(const struct switch_limits *limits) {
  uint32_t quarter = limits->registrations_max / 4;
  return (struct registrar_limits){.registrations_max = limits->registrations_max,
                                   .suspensions_max = SUSPENSIONS_MAX,
                                   .nonces_max = quarter > NONCES_MIN ? quarter : NONCES_MIN};
}

/* One more than registrations and gateways: who comes over another flow has both for a moment. */
static uint32_t devices_max_of(const struct switch_limits *limits) {
  return limits->registrations_max + KEEPALIVE_GATEWAY_DEVICES_MAX + 1;
}

static uint32_t dialogs_max_of(const struct switch_limits *limits) {
  return limits->calls_max * DIALOGS_PER_CALL + TRUNK_TRIALS_MAX;
}

/* How many blocks of each size: a held call has some five small ones, a transaction two until it ends, a registration
 * one; which size they are is the peers' affair. Address space, not memory: what is not used is not there. */
static void block_capacities(const struct switch_limits *limits, uint32_t capacity_out[BLOCK_STORE_CLASSES]) {
  uint32_t calls = limits->calls_max, transactions = limits->transactions_max;
  uint32_t small = 6 * calls + transactions + limits->registrations_max;
  const uint32_t capacity[BLOCK_STORE_CLASSES] = {
      [BLOCK_640] = 4 * calls + transactions,
      [BLOCK_768] = 4 * calls + transactions,
      [BLOCK_1024] = 4 * calls + 2 * transactions,
      [BLOCK_2048] = 2 * calls + transactions,
      [BLOCK_4096] = calls / 2 + transactions / 4 + 256,
      [BLOCK_16384] = calls / 16 + 256,
      [BLOCK_65536] = calls / 64 + 64,
  };
  memcpy(capacity_out, capacity, sizeof capacity);
  for (unsigned i = 0; i <= BLOCK_512; i++)
    capacity_out[i] = small;
  capacity_out[BLOCK_512] += transactions;
}

size_t switch_core_memory_bytes(const struct switch_limits *limits) {
  uint32_t blocks[BLOCK_STORE_CLASSES];
  struct registrar_limits registrar = registrar_limits_of(limits);
  struct transaction_limits transactions = {.transactions_max = limits->transactions_max};
  block_capacities(limits, blocks);
  return aligned(sizeof(struct switch_core)) + aligned(block_store_memory_bytes(blocks)) +
         aligned(transaction_layer_memory_bytes(&transactions)) +
         aligned(dialog_table_memory_bytes(dialogs_max_of(limits))) + aligned(keepalive_gateways_memory_bytes()) +
         aligned(keepalive_memory_bytes(devices_max_of(limits))) + aligned(registrar_memory_bytes(&registrar)) +
         aligned(call_table_memory_bytes(limits->calls_max)) + aligned(trunk_trials_memory_bytes());
}

struct switch_core *switch_core_create(void *memory, const struct switch_limits *limits) {
  struct switch_core *core = memory;
  char *rest = (char *)memory + aligned(sizeof *core);
  uint32_t blocks[BLOCK_STORE_CLASSES], dialogs_max = dialogs_max_of(limits);
  struct registrar_limits registrar = registrar_limits_of(limits);
  struct transaction_limits transactions = {.transactions_max = limits->transactions_max};
  block_capacities(limits, blocks);
  block_store_init(&core->blocks, rest, blocks);
  rest += aligned(block_store_memory_bytes(blocks));
  core->transactions = transaction_layer_create(rest, &transactions, &core->blocks);
  rest += aligned(transaction_layer_memory_bytes(&transactions));
  core->dialogs = dialog_table_create(rest, dialogs_max, &core->blocks, core->transactions);
  rest += aligned(dialog_table_memory_bytes(dialogs_max));
  core->keepalive = keepalive_create(rest, devices_max_of(limits));
  rest += aligned(keepalive_memory_bytes(devices_max_of(limits)));
  keepalive_gateways_init(&core->gateways, rest, core->keepalive);
  rest += aligned(keepalive_gateways_memory_bytes());
  core->registrar = registrar_create(rest, &registrar, &core->blocks, core->transactions, core->keepalive);
  rest += aligned(registrar_memory_bytes(&registrar));
  struct call_rooms rooms = {&core->blocks, core->transactions, core->dialogs, core->registrar, core->keepalive};
  core->calls = call_table_create(rest, limits->calls_max, &rooms);
  rest += aligned(call_table_memory_bytes(limits->calls_max));
  struct trunk_rooms trunk = {core->transactions, core->dialogs, core->calls};
  core->trials = trunk_trials_create(rest, &trunk);
  return core;
}

void switch_core_remember_device(struct switch_core *core, struct str_view line) {
  call_table_remember_device(core->calls, line);
}

/* --- events ------------------------------------------------------------------------------------------------------ */

static void flow_failed(struct switch_core *core, struct context *context, const struct flow *flow) {
  transaction_flow_failed(core->transactions, context, flow);
  keepalive_flow_failed(core->keepalive, context, flow);
}

static void tell_location(struct switch_core *core, struct context *context, const struct event *event) {
  struct location_answer answer = {0};
  registrar_locate(core->registrar, context, event->number, &answer);
  answer.asker = event->asker;
  outbox_tell_location(context->outbox, event->asker_worker, &answer);
}

/* A note from another worker: told on to nobody, whatever the hint says meanwhile. */
static void device_heard(struct switch_core *core, struct context *context, const struct event *event) {
  if (event->bytes.length > 0) registrar_take_proof(core->registrar, context, event->bytes, &event->flow);
  if (keepalive_find(core->keepalive, context, &event->flow))
    (void)keepalive_heard(core->keepalive, context, &event->flow, (enum keepalive_sign)event->sign);
}

/* Only dialogs ask: gateways' names are looked up by whoever builds the directory. */
static void resolved(struct switch_core *core, struct context *context, const struct event *event) {
  struct address_list addresses = {event->addresses, event->address_count};
  dialog_resolved(core->dialogs, context, event->asker, (enum transport)event->flow.transport, addresses);
}

void switch_core_handle(struct switch_core *core, struct context *context, const struct event *event) {
  switch (event->kind) {
  case EVENT_NONE: break;
  case EVENT_MESSAGE: switch_receive_message(core, context, event); break;
  case EVENT_CONNECTION_CLOSED: flow_failed(core, context, &event->flow); break;
  case EVENT_LOCATION_ANSWER: call_receive_location(core->calls, context, event->location); break;
  case EVENT_LOCATION_ASKED: tell_location(core, context, event); break;
  case EVENT_RESOLVED: resolved(core, context, event); break;
  case EVENT_DEVICE_HEARD: device_heard(core, context, event); break;
  case EVENT_ORDER: switch_receive_order(core, context, event); break;
  }
  arena_reset(context->arena);
}

bool switch_core_advance(struct switch_core *core, struct context *context) {
  struct timer *timer;
  timer_wheel_advance(context->wheel, context->now);
  while (outbox_has_room(context->outbox)) {
    timer = timer_wheel_next_due(context->wheel);
    if (!timer) return false;
    switch_timer_due(core, context, timer);
    arena_reset(context->arena);
  }
  return true;
}

/* --- memory ahead of need ---------------------------------------------------------------------------------------- */

bool switch_core_fresh_memory(const struct switch_core *core, unsigned number, struct str_view *fresh_out) {
  const struct pool *const others[] = {transaction_pool(core->transactions), dialog_pool(core->dialogs),
                                       call_pool(core->calls), call_leg_pool(core->calls)};
  const struct pool *pool;
  if (number < BLOCK_STORE_CLASSES)
    pool = &core->blocks.pools[number];
  else if (number - BLOCK_STORE_CLASSES < sizeof others / sizeof others[0])
    pool = others[number - BLOCK_STORE_CLASSES];
  else
    return false;
  *fresh_out = pool_touch_hint(pool, UINT32_MAX);
  return true;
}

/* --- after a restart --------------------------------------------------------------------------------------------- */

bool switch_core_takes_up(const struct local_identity *local, struct journal_key key, struct str_view state) {
  uint8_t worker = (uint8_t)(key.high & 0xff);
  switch (journal_key_thing(key)) {
  case JOURNAL_REGISTRATION: return local_identity_steer(local, registrar_kept_number(state)) == local->worker;
  case JOURNAL_SUSPENSION: return true;
  case JOURNAL_NETWORK: return worker % local->worker_count == local->worker;
  default: return worker == local->worker;
  }
}

static enum result restore(struct switch_core *core, struct context *context, const struct journal_kept *kept) {
  switch (journal_key_thing(kept->key)) {
  case JOURNAL_CALL: return call_restore(core->calls, context, kept);
  case JOURNAL_REGISTRATION: return registrar_restore(core->registrar, context, kept->key, kept->state, kept->note);
  case JOURNAL_SUSPENSION: return registrar_restore_suspension(core->registrar, context, kept->key, kept->state);
  case JOURNAL_NETWORK: return keepalive_restore_network(core->keepalive, context, kept->key, kept->state);
  default: return RESULT_UNSUPPORTED;
  }
}

enum result switch_core_restore(struct switch_core *core, struct context *context, const struct journal_kept *kept) {
  enum result result = restore(core, context, kept);
  arena_reset(context->arena);
  return result;
}

void switch_core_restored(struct switch_core *core) {
  call_table_restored(core->calls);
  dialog_table_restored(core->dialogs);
  transaction_layer_restored(core->transactions);
}

/* --- counting and checking --------------------------------------------------------------------------------------- */

void switch_core_count(const struct switch_core *core, const struct context *context,
                       struct switch_core_counts *counts) {
  *counts = (struct switch_core_counts){.calls = call_count(core->calls),
                                        .calls_answered = call_count_answered(core->calls),
                                        .registrations = registrar_count(core->registrar),
                                        .transactions = transaction_count(core->transactions),
                                        .dialogs = dialog_count(core->dialogs),
                                        .timers = context->wheel->armed_count,
                                        .block_bytes = core->blocks.bytes_used};
  call_count_roles(core->calls, counts->legs_by_role);
  keepalive_count(core->keepalive, context, &counts->keepalive);
}

bool switch_core_check(const struct switch_core *core, const struct context *context, struct text_builder *problem) {
  (void)context;
  if (dialog_count(core->dialogs) > call_leg_count(core->calls) + trunk_trial_count(core->trials)) {
    text_builder_add_literal(problem, "a dialog belongs to no leg and no trial");
    return false;
  }
  return transaction_layer_check(core->transactions, problem) && dialog_table_check(core->dialogs, problem) &&
         keepalive_check(core->keepalive, problem) && registrar_check(core->registrar, problem) &&
         call_table_check(core->calls, problem) && trunk_trials_check(core->trials, problem);
}
