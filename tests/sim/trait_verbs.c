/* What an actor is like from now on: what it supports, how it does session timers, and its manners. */
#include "sim/actor_verbs.h"
#include "sim/world.h"

#define SIP_PORT  5060
#define MOVING_US (1 * SECOND_US)

/* A header line as it stands in the scenario. */
static struct str_view header_line(struct actor *actor, struct str_view text) {
  return sim_format_view(&actor->world->memory, "%.*s\r\n", (int)text.length, text.data);
}

ACTOR_ACTION(support) {
  (void)call;
  bool is_100rel = str_view_equal(argument->text, STR_VIEW("100rel"));
  bool is_timer = str_view_equal(argument->text, STR_VIEW("timer"));
  actor->traits.supports_100rel = actor->traits.supports_100rel || is_100rel;
  actor->traits.supports_timer = actor->traits.supports_timer || is_timer;
  return is_100rel || is_timer;
}

ACTOR_ACTION(support_no_more) {
  (void)call;
  if (str_view_equal(argument->text, STR_VIEW("100rel")))
    actor->traits.supports_100rel = false;
  else
    actor->traits.supports_timer = false;
  return true;
}

/* --- session timers ---------------------------------------------------------------------------------------------- */

ACTOR_ACTION(ask_for_sessions) {
  (void)call;
  actor->traits.supports_timer = true;
  actor->traits.session.asks_s = (uint32_t)(argument->time_us / SECOND_US);
  actor->traits.session.asks_min_s = (uint32_t)(argument->minimum_us / SECOND_US);
  actor->traits.session.asks_role = (uint8_t)argument->role;
  return true;
}

/* Nor does it go on with the sessions that it has. */
ACTOR_ACTION(ask_for_none) {
  (void)call;
  (void)argument;
  actor->traits.session.asks_s = 0;
  for (struct ua_call *each = actor->calls; each; each = each->next)
    ua_timer_stop(each);
  return true;
}

ACTOR_ACTION(agree_to_sessions) {
  (void)call;
  actor->traits.supports_timer = true;
  actor->traits.session.agrees_to_none = false;
  actor->traits.session.agrees_s = (uint32_t)(argument->time_us / SECOND_US);
  actor->traits.session.agrees_role = (uint8_t)argument->role;
  return true;
}

ACTOR_ACTION(agree_to_role) {
  (void)call;
  actor->traits.supports_timer = true;
  actor->traits.session.agrees_to_none = false;
  actor->traits.session.agrees_role = (uint8_t)argument->role;
  return true;
}

ACTOR_ACTION(agree_to_none) {
  (void)call;
  (void)argument;
  actor->traits.session.agrees_to_none = true;
  return true;
}

ACTOR_ACTION(refuse_sessions) {
  (void)call;
  actor->traits.session.smallest_s = (uint32_t)(argument->time_us / SECOND_US);
  actor->traits.session.hides_min_se = argument->without_min_se;
  return true;
}

ACTOR_ACTION(never_refresh) {
  (void)call;
  (void)argument;
  actor->traits.session.never_refreshes = true;
  return true;
}

ACTOR_ACTION(never_raise) {
  (void)call;
  (void)argument;
  actor->traits.session.never_raises = true;
  return true;
}

ACTOR_ACTION(never_give_up) {
  (void)call;
  (void)argument;
  actor->traits.session.never_gives_up = true;
  return true;
}

ACTOR_ACTION(refresh_by) {
  (void)call;
  actor->traits.session.by_invite = argument->method == SIP_METHOD_INVITE;
  return true;
}

ACTOR_ACTION(write_compactly) {
  (void)call;
  (void)argument;
  actor->traits.writes_compactly = true;
  return true;
}

ACTOR_ACTION(break_grammar) {
  (void)call;
  (void)argument;
  actor->traits.breaks_grammar = true;
  return true;
}

ACTOR_ACTION(hide) {
  (void)call;
  actor->traits.hidden_methods |= 1U << argument->method;
  return true;
}

ACTOR_ACTION(hide_contact) {
  (void)call;
  (void)argument;
  actor->traits.hides_contact = true;
  return true;
}

ACTOR_ACTION(leap) {
  (void)call;
  actor->traits.leap = argument->count - 1;
  return true;
}

static void leave_address(struct world *world, void *subject, void *detail) {
  struct endpoint *old = subject;
  (void)world;
  (void)detail;
  old->is_dead = true;
}

/* For a moment it hears at the old address, too: who is told the new one by an answer has just asked there. */
ACTOR_ACTION(move) {
  (void)call;
  struct world *world = actor->world;
  struct endpoint *old = actor->endpoint;
  struct address address;
  if (address_parse(argument->text, SIP_PORT, &address) != RESULT_OK || network_find(&world->network, &address))
    return false;
  actor->endpoint = network_add(world, actor->name, &address);
  struct endpoint *next = actor->endpoint->next;
  *actor->endpoint = *old;
  actor->endpoint->address = address;
  actor->endpoint->next = next;
  world_at(world, world->now_us + MOVING_US, leave_address, old, NULL);
  return true;
}

ACTOR_ACTION(say) {
  (void)call;
  actor->traits.said[argument->method] = header_line(actor, argument->text);
  return true;
}

ACTOR_ACTION(accept_saying) {
  (void)call;
  actor->traits.accepted[argument->method] = header_line(actor, argument->text);
  return true;
}

ACTOR_ACTION(never_acknowledge) {
  (void)call;
  (void)argument;
  actor->world->is_troubled = true;
  actor->traits.never_acknowledges = true;
  return true;
}

ACTOR_ACTION(write_at_length) {
  (void)call;
  (void)argument;
  actor->traits.writes_at_length = true;
  return true;
}

ACTOR_ACTION(take_no_connections) {
  (void)call;
  (void)argument;
  actor->endpoint->takes_streams = false;
  return true;
}

ACTOR_ACTION(swallow_connections) {
  (void)call;
  (void)argument;
  actor->endpoint->takes_streams = false;
  actor->endpoint->swallows_streams = true;
  return true;
}

ACTOR_ACTION(keep_silent) {
  (void)call;
  (void)argument;
  actor->traits.keeps_silent = true;
  return true;
}

/* What is ignored or refused within a call only is no trouble: such a call must go on, or its end be expected. */
ACTOR_ACTION(ignore) {
  (void)call;
  if (argument->inside)
    actor->world->misses_something = true;
  else
    actor->world->is_troubled = true;
  actor->traits.manners[argument->method] =
      (struct actor_manners){.is_set = true, .inside = argument->inside, .count = argument->count};
  return true;
}

ACTOR_ACTION(refuse_method) {
  (void)call;
  if (!argument->inside) actor->world->is_troubled = true;
  actor->traits.manners[argument->method] =
      (struct actor_manners){.is_set = true,
                             .inside = argument->inside,
                             .count = argument->count,
                             .status = (uint16_t)argument->status,
                             .line = argument->text.length ? header_line(actor, argument->text) : argument->text};
  return true;
}

ACTOR_ACTION(demand) {
  (void)call;
  struct actor_demand *demand = &actor->traits.demand;
  demand->status = (uint16_t)argument->status;
  demand->method = (uint8_t)argument->method;
  demand->is_sha256 = str_view_equal(argument->text, STR_VIEW("SHA-256"));
  demand->uses_max = argument->count;
  return true;
}

ACTOR_ACTION(take) {
  (void)call;
  actor->traits.manners[argument->method] = (struct actor_manners){0};
  return true;
}

static void wake_up(struct world *world, void *subject, void *detail) {
  struct actor *actor = subject;
  (void)world;
  (void)detail;
  actor->is_hanging = false;
}

/* What comes meanwhile waits for it; its own timers find nobody. */
ACTOR_ACTION(hang) {
  struct world *world = actor->world;
  (void)call;
  world->is_troubled = true;
  actor->is_hanging = true;
  actor->endpoint->busy_until_us = world->now_us + argument->time_us;
  world_at(world, actor->endpoint->busy_until_us, wake_up, actor, NULL);
  return true;
}
