/* A play from the first event to the last check. */
#include "base/check.h"
#include "sim/actor_verbs.h"
#include "sim/ledger.h"
#include "sim/scenario.h"
#include "sim/ua_call.h"
#include "sim/watcher.h"

#define LIFE_MAX_US  (6 * 3600 * SECOND_US)
#define EVENTS_MAX   5000000
#define LOOK_US      (60 * SECOND_US)
#define SETTLING_US  (70 * SECOND_US) /* longer than any transaction of an actor */
#define SERVER_WORDS "10.0.0.1:5060"

/* The world has no place for more than its scenario. */
static struct scenario *scenario_of(struct world *world) {
  return world->onlooker_context;
}

/* --- beginning --------------------------------------------------------------------------------------------------- */

static void onlook(struct world *world, struct endpoint *endpoint, bool arrives, struct str_view bytes) {
  struct scenario *scenario = scenario_of(world);
  if (arrives && scenario->counts_arrivals) scenario_note_arrival(scenario, endpoint, bytes);
  if (!arrives && endpoint->is_switch && world->crash.is_tried) ledger_check_denial(world, bytes);
  if (arrives && endpoint->is_switch && world->crash.at > 0) ledger_note_arrival(world, bytes);
  for (struct scenario_trigger *trigger = scenario->triggers; trigger; trigger = trigger->next) {
    if (trigger->has_fired || trigger->endpoint != endpoint || trigger->arrives != arrives) continue;
    if (!message_matches(bytes, &trigger->pattern)) continue;
    trigger->has_fired = true;
    scenario_do(trigger->line);
  }
}

static struct address default_server(void) {
  struct address address;
  require(address_parse(STR_VIEW(SERVER_WORDS), 5060, &address) == RESULT_OK);
  return address;
}

static void add_default_sockets(struct node_setup *setup) {
  if (setup->socket_count > 0) return;
  struct local_socket socket = {.bound = default_server(), .advertised = default_server()};
  socket.transport = TRANSPORT_UDP;
  setup->sockets[setup->socket_count++] = socket;
  socket.transport = TRANSPORT_TCP;
  setup->sockets[setup->socket_count++] = socket;
}

/* Without a switch each actor's server is the next one on the network, the last one's the first. */
static void introduce_actors(struct scenario *scenario) {
  struct world *world = scenario->world;
  for (struct actor *actor = world->first_actor; actor; actor = actor->next) {
    const struct actor *next = actor->next ? actor->next : world->first_actor;
    actor->server =
        scenario->without_switch ? next->endpoint->address : scenario->setups[actor->switch_number].sockets[0].bound;
    actor->endpoint->is_watched = scenario->without_switch;
    if (actor->registration.is_wanted) actor_register(actor, true);
  }
}

static void start_switches(struct scenario *scenario) {
  add_default_sockets(&scenario->setups[0]);
  for (unsigned i = 0; i < scenario->setup_count && scenario->world->crash.is_tried; i++)
    if (scenario->setups[i].journal_flush_us == 0) scenario->setups[i].journal_flush_us = NODE_FLUSH_US;
  for (unsigned i = 0; i < scenario->setup_count && !scenario->without_switch && !scenario->world->failure; i++)
    switch_node_create(scenario->world, &scenario->setups[i]);
}

static void begin(struct scenario *scenario) {
  struct world *world = scenario->world;
  watcher_create(world);
  ledger_create(world);
  const struct parameters *parameters = &scenario->setups[0].parameters;
  world->watcher->wait_count = parameters->SS_SIP_RESEND_INTERVAL.count;
  for (unsigned i = 0; i < world->watcher->wait_count; i++)
    world->watcher->waits_ms[i] = parameters->SS_SIP_RESEND_INTERVAL.ms[i];
  world->watcher->strangers_get_silence = !parameters->SS_REPLY_UNAUTHORIZED;
  start_switches(scenario);
  scenario->is_running = true;
  world->network.onlooker = onlook;
  world->onlooker_context = scenario;
  if (!world->failure) introduce_actors(scenario);
}

/* --- living ------------------------------------------------------------------------------------------------------ */

/* Only the dead still believe to be in a call, and no switch carries one. */
static bool are_all_calls_dead(const struct world *world) {
  struct switch_core_counts counts;
  for (unsigned i = 0; i < world->node_count; i++) {
    switch_node_count(world->nodes[i], &counts);
    if (counts.calls > 0) return false;
  }
  for (const struct actor *actor = world->first_actor; actor; actor = actor->next)
    for (const struct ua_call *call = actor->calls; call; call = call->next)
      if (call->state != UA_OVER && !actor->endpoint->is_dead) return false;
  return world->node_count > 0;
}

static bool is_everybody_done(struct scenario *scenario) {
  const struct world *world = scenario->world;
  if (scenario->run_for_us != 0 || world->actions_pending > 0) return false;
  if (world->calls_live == 0) return true;
  if (world->now_us < scenario->looked_us + LOOK_US) return false;
  scenario->looked_us = world->now_us;
  return are_all_calls_dead(world);
}

static void live(struct scenario *scenario) {
  struct world *world = scenario->world;
  int64_t until_us = scenario->run_for_us ? scenario->run_for_us : LIFE_MAX_US;
  while (world_step(world, until_us) && !is_everybody_done(scenario))
    if (world->events > EVENTS_MAX) world_fail(world, "it does not come to an end");
}

/* --- the end ----------------------------------------------------------------------------------------------------- */

static bool is_switch_idle(const struct scenario *scenario) {
  const struct world *world = scenario->world;
  struct switch_core_counts counts;
  for (unsigned i = 0; i < world->node_count; i++) {
    switch_node_count(world->nodes[i], &counts);
    if (counts.calls + counts.registrations + counts.transactions + counts.dialogs + counts.timers > 0) return false;
  }
  return true;
}

static void blame_what_is_left(struct world *world) {
  struct switch_core_counts counts;
  for (unsigned i = 0; i < world->node_count; i++) {
    switch_node_count(world->nodes[i], &counts);
    if (counts.calls + counts.registrations + counts.transactions + counts.dialogs + counts.timers == 0) continue;
    world_fail(world, "%s still holds %u calls, %u registrations, %u transactions, %u dialogs, %llu timers",
               switch_node_name(world->nodes[i]), counts.calls, counts.registrations, counts.transactions,
               counts.dialogs, (unsigned long long)counts.timers);
  }
}

static void say_farewell(struct scenario *scenario) {
  for (struct actor *actor = scenario->world->first_actor; actor; actor = actor->next) {
    for (struct ua_call *call = actor->calls; call; call = call->next)
      if (call->state != UA_OVER) ua_call_hang_up(call);
    if (actor->registration.is_wanted) actor_register(actor, false);
  }
}

/* Everybody takes leave, and all that anybody still remembers runs out. */
static void run_out(struct scenario *scenario) {
  struct world *world = scenario->world;
  world->is_closing = true;
  if (world->node_count > 0) ledger_check_nobody_is_left(world);
  say_farewell(scenario);
  for (unsigned i = 0; i < world->node_count; i++)
    switch_node_let_gateways_go(world->nodes[i]);
  int64_t settled_us = world->now_us + SETTLING_US, until_us = world->now_us + LIFE_MAX_US;
  while (world_step(world, until_us) && (world->now_us < settled_us || !is_switch_idle(scenario)))
    if (world->events > EVENTS_MAX) world_fail(world, "it does not come to an end");
  if (!world->failure) blame_what_is_left(world);
}

/* A phone that has hung up knows its call no more: its 481 may come before its BYE. */
static bool was_hung_up(const struct world *world, const struct cdr_record *record) {
  for (const struct actor *actor = world->first_actor; actor; actor = actor->next)
    for (const struct ua_call *call = actor->calls; call; call = call->next)
      if (call->said_bye && (str_view_equal(call->call_id, record->caller_call_id) ||
                             str_view_equal(call->call_id, record->callee_call_id)))
        return true;
  return false;
}

/* Between two who are alive, on a network that loses nothing, the switch has no reason to end an answered call. */
static void check_no_good_call_was_cut(struct scenario *scenario) {
  struct world *world = scenario->world;
  if (world->is_troubled || world->network.lost > 0) return;
  for (struct ledger_record *entry = world->ledger->first; entry; entry = entry->next)
    if (!entry->is_expected && !entry->was_gone && entry->record.answered_at.value != 0 &&
        str_view_equal(entry->record.end_direction, STR_VIEW("switch")) &&
        !str_view_equal(entry->record.end_cause, STR_VIEW("no_timer_cap")) && !was_hung_up(world, &entry->record))
      world_fail(world, "the switch ended a good call: %s", ledger_describe(world, &entry->record));
}

/* After a crash the claims of the scenario need not hold, but what is promised of crashes. */
static void check_after_crash(struct scenario *scenario) {
  struct world *world = scenario->world;
  if (!world->failure) watcher_check_end(world);
  if (!world->failure) ledger_check_truth(world);
  if (!world->failure) ledger_check_crash(world);
  if (!world->failure) ledger_check_cut_off(world);
}

static void check_everything(struct scenario *scenario) {
  struct world *world = scenario->world;
  if (world->crash.at > 0) {
    check_after_crash(scenario);
    return;
  }
  if (!world->failure) watcher_check_end(world);
  if (!world->failure && world->node_count > 0) ledger_check_complete(world);
  if (!world->failure && world->node_count > 0) ledger_check_truth(world);
  if (!world->failure) scenario_check_claims(scenario, true);
  if (!world->failure) check_no_good_call_was_cut(scenario);
}

/* A scenario that expects a failure has failed without it. */
static const char *verdict(struct scenario *scenario) {
  struct world *world = scenario->world;
  struct str_view wanted = scenario->expected_failure;
  if (!wanted.length || scenario->problem) return world->failure;
  if (!world->failure)
    return sim_format(&world->memory, "nobody found fault, though \"%.*s\" was expected", (int)wanted.length,
                      wanted.data);
  return memmem(world->failure, strlen(world->failure), wanted.data, wanted.length) ? NULL : world->failure;
}

void scenario_play(struct world *world, const char *name, struct str_view text, struct scenario_outcome *outcome) {
  struct scenario *scenario = sim_take(&world->memory, sizeof *scenario);
  scenario->name = name;
  scenario->world = world;
  scenario->setup_count = 1;
  for (unsigned i = 0; i < WORLD_NODES_MAX; i++)
    node_setup_defaults(&scenario->setups[i]);
  world->is_troubled = world->crash.at > 0;
  scenario_read(scenario, text);
  for (struct scenario_line *line = scenario->claims; line; line = line->next) {
    if (line->word_count > 2 && str_view_equal(line->words[2], STR_VIEW("receives"))) scenario->counts_arrivals = true;
    if (str_view_equal(line->words[1], STR_VIEW("failure"))) scenario_check_claim(line, false);
  }
  if (!world->failure) begin(scenario);
  if (!world->failure) live(scenario);
  if (!world->failure && world->crash.at == 0) scenario_check_claims(scenario, false);
  if (!world->failure && world->crash.at > 0) ledger_check_everybody_is_done(world);
  if (!world->failure) run_out(scenario);
  check_everything(scenario);
  *outcome = (struct scenario_outcome){.failure = verdict(scenario), .events = world->events};
  outcome->records = world->ledger ? world->ledger->count : 0;
  if (world->node_count > 0) outcome->handled = switch_node_handled(world->nodes[0]);
  if (world->ledger) memcpy(outcome->margins, world->ledger->margins, sizeof outcome->margins);
  for (struct actor *actor = world->first_actor; actor; actor = actor->next)
    for (struct ua_call *call = actor->calls; call; call = call->next)
      outcome->calls += call->is_caller;
}
