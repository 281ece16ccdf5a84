#include "sim/actor_verbs.h"

#include "sim/world.h"

#define DEFAULT_RING_US   (100 * MS_US)
#define DEFAULT_ANSWER_US (1 * SECOND_US)
#define TRY_AGAIN_US      (100 * MS_US)
#define PAYLOAD_PCMU      0
#define PAYLOAD_PCMA      8

/* A header line as it stands in the scenario. */
static struct str_view header_line(struct actor *actor, struct str_view text) {
  return sim_format_view(&actor->world->memory, "%.*s\r\n", (int)text.length, text.data);
}

#define ACTION(name)                                                                                                   \
  static bool verb_##name(struct actor *actor, struct ua_call *call, const struct verb_argument *argument)

/* --- with a call ------------------------------------------------------------------------------------------------- */

ACTION(ring) {
  (void)actor;
  (void)argument;
  return ua_call_ring(call, 180, false);
}

ACTION(progress) {
  (void)actor;
  (void)argument;
  return ua_call_ring(call, 183, false);
}

ACTION(early_media) {
  (void)actor;
  (void)argument;
  return ua_call_ring(call, 183, true);
}

static void answer_at_last(struct world *world, void *subject, void *detail) {
  struct ua_call *call = subject;
  (void)detail;
  if (call->state == UA_INVITED && !ua_call_answer(call))
    world_at(world, world->now_us + TRY_AGAIN_US, answer_at_last, call, NULL);
}

/* An answer waits while a reliable provisional response is unacknowledged. */
ACTION(answer) {
  (void)actor;
  (void)argument;
  if (call->state != UA_INVITED) return false;
  answer_at_last(call->actor->world, call, NULL);
  return true;
}

ACTION(fork) {
  (void)actor;
  (void)argument;
  return ua_call_fork(call);
}

ACTION(reject) {
  (void)actor;
  return ua_call_reject(call, argument->status);
}

ACTION(cancel) {
  (void)actor;
  (void)argument;
  return ua_call_cancel(call);
}

ACTION(hang_up) {
  (void)actor;
  (void)argument;
  return ua_call_hang_up(call);
}

ACTION(hold) {
  (void)actor;
  (void)argument;
  return ua_call_renegotiate(call, SIP_METHOD_INVITE, UA_SENDONLY, UA_SAME);
}

ACTION(resume) {
  (void)actor;
  (void)argument;
  return ua_call_renegotiate(call, SIP_METHOD_INVITE, UA_SENDRECV, UA_SAME);
}

ACTION(change_codec) {
  (void)actor;
  (void)argument;
  unsigned payload = call->session.ours.payload == PAYLOAD_PCMA ? PAYLOAD_PCMU : PAYLOAD_PCMA;
  return ua_call_renegotiate(call, SIP_METHOD_INVITE, UA_SAME, payload);
}

ACTION(repeat_invite) {
  (void)actor;
  (void)argument;
  return ua_call_renegotiate(call, SIP_METHOD_INVITE, UA_SAME, UA_SAME);
}

ACTION(ask_for_offer) {
  (void)actor;
  (void)argument;
  return ua_call_ask_for_offer(call);
}

ACTION(update) {
  (void)actor;
  (void)argument;
  return ua_call_renegotiate(call, SIP_METHOD_UPDATE, UA_SAME, UA_SAME);
}

ACTION(send) {
  (void)actor;
  if (call->state != UA_UP) return false;
  bool is_info = argument->method == SIP_METHOD_INFO;
  struct str_view body = is_info ? STR_VIEW("Signal=5\r\nDuration=160\r\n") : (struct str_view){0};
  struct str_view lines =
      argument->method == SIP_METHOD_REFER ? STR_VIEW("Refer-To: <sip:1009@192.0.2.99>\r\n") : (struct str_view){0};
  ua_call_request(call, argument->method, argument->method_text, lines, body);
  return true;
}

/* Numbered lower than the request before it. */
ACTION(send_out_of_order) {
  uint32_t kept = call->local_cseq;
  call->local_cseq -= 2;
  bool was_sent = verb_send(actor, call, argument);
  call->local_cseq = kept;
  return was_sent;
}

ACTION(refresh) {
  (void)actor;
  (void)argument;
  return ua_timer_refresh(call);
}

ACTION(offer_fax) {
  (void)actor;
  (void)argument;
  return ua_call_renegotiate(call, SIP_METHOD_INVITE, UA_SENDRECV, UA_FAX);
}

/* --- with the actor ---------------------------------------------------------------------------------------------- */

ACTION(call) {
  (void)call;
  ua_call_start(actor, argument->number, argument->without_offer || actor->traits.offers_late);
  return true;
}

ACTION(register) {
  (void)call;
  (void)argument;
  actor_register(actor, true);
  return true;
}

ACTION(unregister) {
  (void)call;
  (void)argument;
  actor_register(actor, false);
  return true;
}

ACTION(die) {
  (void)call;
  (void)argument;
  actor->world->is_troubled = true;
  actor_set_dead(actor, true);
  return true;
}

ACTION(is_dead) {
  return verb_die(actor, call, argument);
}

ACTION(revive) {
  (void)call;
  (void)argument;
  actor_set_dead(actor, false);
  return true;
}

ACTION(restart) {
  (void)call;
  (void)argument;
  actor->world->is_troubled = true;
  actor_set_dead(actor, false);
  actor_forget_calls(actor);
  return true;
}

ACTION(refuse) {
  (void)call;
  (void)argument;
  actor->world->is_troubled = true;
  actor->endpoint->is_refusing = true;
  return true;
}

ACTION(break) {
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

ACTION(ping) {
  (void)call;
  ping(actor->world, actor, (void *)(uintptr_t)argument);
  return true;
}

ACTION(support) {
  (void)call;
  bool is_100rel = str_view_equal(argument->text, STR_VIEW("100rel"));
  bool is_timer = str_view_equal(argument->text, STR_VIEW("timer"));
  actor->traits.supports_100rel = actor->traits.supports_100rel || is_100rel;
  actor->traits.supports_timer = actor->traits.supports_timer || is_timer;
  return is_100rel || is_timer;
}

ACTION(support_no_more) {
  (void)call;
  if (str_view_equal(argument->text, STR_VIEW("100rel")))
    actor->traits.supports_100rel = false;
  else
    actor->traits.supports_timer = false;
  return true;
}

/* --- session timers ---------------------------------------------------------------------------------------------- */

ACTION(ask_for_sessions) {
  (void)call;
  actor->traits.supports_timer = true;
  actor->traits.session.asks_s = (uint32_t)(argument->time_us / SECOND_US);
  actor->traits.session.asks_min_s = (uint32_t)(argument->minimum_us / SECOND_US);
  actor->traits.session.asks_role = (uint8_t)argument->role;
  return true;
}

/* Nor does it go on with the sessions that it has. */
ACTION(ask_for_none) {
  (void)call;
  (void)argument;
  actor->traits.session.asks_s = 0;
  for (struct ua_call *each = actor->calls; each; each = each->next)
    ua_timer_stop(each);
  return true;
}

ACTION(agree_to_sessions) {
  (void)call;
  actor->traits.supports_timer = true;
  actor->traits.session.agrees_to_none = false;
  actor->traits.session.agrees_s = (uint32_t)(argument->time_us / SECOND_US);
  actor->traits.session.agrees_role = (uint8_t)argument->role;
  return true;
}

ACTION(agree_to_role) {
  (void)call;
  actor->traits.supports_timer = true;
  actor->traits.session.agrees_to_none = false;
  actor->traits.session.agrees_role = (uint8_t)argument->role;
  return true;
}

ACTION(agree_to_none) {
  (void)call;
  (void)argument;
  actor->traits.session.agrees_to_none = true;
  return true;
}

ACTION(refuse_sessions) {
  (void)call;
  actor->traits.session.smallest_s = (uint32_t)(argument->time_us / SECOND_US);
  actor->traits.session.hides_min_se = argument->without_min_se;
  return true;
}

ACTION(never_refresh) {
  (void)call;
  (void)argument;
  actor->traits.session.never_refreshes = true;
  return true;
}

ACTION(never_raise) {
  (void)call;
  (void)argument;
  actor->traits.session.never_raises = true;
  return true;
}

ACTION(never_give_up) {
  (void)call;
  (void)argument;
  actor->traits.session.never_gives_up = true;
  return true;
}

ACTION(refresh_by) {
  (void)call;
  actor->traits.session.by_invite = argument->method == SIP_METHOD_INVITE;
  return true;
}

ACTION(write_compactly) {
  (void)call;
  (void)argument;
  actor->traits.writes_compactly = true;
  return true;
}

ACTION(break_grammar) {
  (void)call;
  (void)argument;
  actor->traits.breaks_grammar = true;
  return true;
}

ACTION(hide) {
  (void)call;
  actor->traits.hidden_methods |= 1U << argument->method;
  return true;
}

ACTION(say) {
  (void)call;
  actor->traits.said[argument->method] = header_line(actor, argument->text);
  return true;
}

ACTION(accept_saying) {
  (void)call;
  actor->traits.accepted[argument->method] = header_line(actor, argument->text);
  return true;
}

ACTION(offer_late) {
  (void)call;
  (void)argument;
  actor->traits.offers_late = true;
  return true;
}

ACTION(never_acknowledge) {
  (void)call;
  (void)argument;
  actor->world->is_troubled = true;
  actor->traits.never_acknowledges = true;
  return true;
}

ACTION(write_at_length) {
  (void)call;
  (void)argument;
  actor->traits.writes_at_length = true;
  return true;
}

ACTION(take_no_connections) {
  (void)call;
  (void)argument;
  actor->endpoint->takes_streams = false;
  return true;
}

ACTION(swallow_connections) {
  (void)call;
  (void)argument;
  actor->endpoint->takes_streams = false;
  actor->endpoint->swallows_streams = true;
  return true;
}

ACTION(keep_silent) {
  (void)call;
  (void)argument;
  actor->traits.keeps_silent = true;
  return true;
}

/* What is ignored or refused within a call only is no trouble: such a call must go on, or its end be expected. */
ACTION(ignore) {
  (void)call;
  if (argument->inside)
    actor->world->misses_something = true;
  else
    actor->world->is_troubled = true;
  actor->traits.manners[argument->method] =
      (struct actor_manners){.is_set = true, .inside = argument->inside, .count = argument->count};
  return true;
}

ACTION(refuse_method) {
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

ACTION(demand) {
  (void)call;
  struct actor_demand *demand = &actor->traits.demand;
  demand->status = (uint16_t)argument->status;
  demand->method = (uint8_t)argument->method;
  demand->is_sha256 = str_view_equal(argument->text, STR_VIEW("SHA-256"));
  demand->uses_max = argument->count;
  return true;
}

ACTION(take) {
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
ACTION(hang) {
  struct world *world = actor->world;
  (void)call;
  world->is_troubled = true;
  actor->is_hanging = true;
  actor->endpoint->busy_until_us = world->now_us + argument->time_us;
  world_at(world, actor->endpoint->busy_until_us, wake_up, actor, NULL);
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
