#include "sim/actor_verbs.h"

#include "sim/world.h"

#define DEFAULT_RING_US   (100 * MS_US)
#define DEFAULT_ANSWER_US (1 * SECOND_US)

/* --- with the actor ---------------------------------------------------------------------------------------------- */

ACTOR_ACTION(call) {
  (void)call;
  ua_call_start(actor, argument->number, argument->without_offer);
  return true;
}

ACTOR_ACTION(register) {
  (void)call;
  (void)argument;
  actor_register(actor, true);
  return true;
}

ACTOR_ACTION(unregister) {
  (void)call;
  (void)argument;
  actor_register(actor, false);
  return true;
}

ACTOR_ACTION(die) {
  (void)call;
  (void)argument;
  actor->world->is_troubled = true;
  actor_set_dead(actor, true);
  return true;
}

ACTOR_ACTION(is_dead) {
  return verb_die(actor, call, argument);
}

ACTOR_ACTION(revive) {
  (void)call;
  (void)argument;
  actor_set_dead(actor, false);
  return true;
}

ACTOR_ACTION(restart) {
  (void)call;
  (void)argument;
  actor->world->is_troubled = true;
  actor_set_dead(actor, false);
  actor_forget_calls(actor);
  return true;
}

ACTOR_ACTION(refuse) {
  (void)call;
  (void)argument;
  actor->world->is_troubled = true;
  actor->endpoint->is_refusing = true;
  return true;
}

ACTOR_ACTION(break) {
  (void)call;
  (void)argument;
  struct world *world = actor->world;
  world->is_troubled = true;
  for (struct connection *connection = world->network.first_connection; connection; connection = connection->next)
    if (connection->sides[0] == actor->endpoint || connection->sides[1] == actor->endpoint)
      stream_break(world, connection, NULL);
  return true;
}

static void ping(struct world *world, void *subject, void *detail) {
  struct actor *actor = subject;
  const struct verb_argument *argument = detail;
  struct ua_way way = actor_way_to_server(actor);
  actor_send(actor, &way, argument->text);
  if (argument->time_us > 0 && !world->is_closing)
    world_at(world, world->now_us + argument->time_us, ping, actor, detail);
}

ACTOR_ACTION(ping) {
  (void)call;
  ping(actor->world, actor, (void *)(uintptr_t)argument);
  return true;
}

/* --- the table, and when ----------------------------------------------------------------------------------------- */

const struct actor_verb actor_verbs[] = {
#define ACTOR_VERB(name, pattern, target, start) {#name, pattern, VERB_TO_##target, VERB_FROM_##start, verb_##name},
#include "sim/actor_verbs.def"
#undef ACTOR_VERB
};
const unsigned actor_verb_count = sizeof actor_verbs / sizeof actor_verbs[0];

static bool suits(const struct actor_verb *verb, const struct ua_call *call) {
  return verb->target == VERB_TO_ANY || (verb->target == VERB_TO_CALLER) == call->is_caller;
}

bool actor_do(struct actor *actor, const struct actor_verb *verb, const struct verb_argument *argument,
              struct str_view number) {
  struct ua_call *call = verb->target == VERB_TO_ACTOR ? NULL : ua_call_newest(actor, number);
  if (verb->target != VERB_TO_ACTOR && (!call || !suits(verb, call))) return false;
  return verb->act(actor, call, argument);
}

static void take_step(struct world *world, void *subject, void *detail) {
  struct ua_call *call = subject;
  const struct plan_step *step = detail;
  world->actions_pending--;
  if (call->state == UA_OVER) return;
  log_line(world, "%.*s", (int)step->text.length, step->text.data);
  if (!step->verb->act(call->actor, call, step->argument)) log_line(world, "which is not possible now");
}

static void schedule(struct ua_call *call, const struct plan_step *step) {
  struct world *world = call->actor->world;
  world->actions_pending++;
  world_at(world, world->now_us + step->after_us, take_step, call, (void *)(uintptr_t)step);
}

static const struct actor_verb *verb_named(const char *name) {
  for (unsigned i = 0; i < actor_verb_count; i++)
    if (strcmp(actor_verbs[i].name, name) == 0) return &actor_verbs[i];
  return NULL;
}

static void schedule_default(struct ua_call *call) {
  struct world *world = call->actor->world;
  static const struct verb_argument nothing;
  struct plan_step *steps = sim_take(&world->memory, 2 * sizeof *steps);
  steps[0] = (struct plan_step){.verb = verb_named("ring"), .argument = &nothing, .after_us = DEFAULT_RING_US};
  steps[1] = (struct plan_step){.verb = verb_named("answer"), .argument = &nothing, .after_us = DEFAULT_ANSWER_US};
  steps[0].text = steps[1].text = STR_VIEW("(as nothing else is said)");
  schedule(call, &steps[0]);
  schedule(call, &steps[1]);
}

/* The steps for this call's number rule; where there are none, those for any number. */
void actor_plan(struct ua_call *call, bool from_answer) {
  bool has_own = false, has_any = false;
  if (from_answer && call->is_planned_from_answer) return;
  call->is_planned_from_answer = from_answer;
  for (int is_own = 1; is_own >= 0; is_own--) {
    if (!is_own && has_own) break;
    for (const struct plan_step *step = call->actor->plan; step; step = step->next) {
      bool is_for_any = step->number.length == 0;
      if ((step->verb->start == VERB_FROM_ANSWER) != from_answer || !suits(step->verb, call)) continue;
      if (is_own ? is_for_any || !str_view_equal(step->number, call->number) : !is_for_any) continue;
      schedule(call, step);
      has_own = has_own || is_own;
      has_any = true;
    }
  }
  if (!from_answer && !call->is_caller && !has_any) schedule_default(call);
}
