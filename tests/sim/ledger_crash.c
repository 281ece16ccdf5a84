/* What is promised of a switch that is killed and started again: nothing that was answered is without a record, or has
 * two; whoever is in such a call is answered; and nobody is left in a call that nobody knows of. */
#include "sim/ledger.h"
#include "sim/switch_node.h"
#include "sim/ua_call.h"
#include "sim/world.h"
#include "sip/sip_message.h"

/* --- in-dialog requests are answered from the first packet on ---------------------------------------------------- */

static const struct ua_call *caller_of(const struct world *world, struct str_view call_id) {
  for (const struct actor *actor = world->first_actor; actor; actor = actor->next)
    for (const struct ua_call *call = actor->calls; call; call = call->next)
      if (str_view_equal(call->call_id, call_id)) return call->is_caller ? call : call->other;
  return NULL;
}

/* The caller has been answered, and there is no record: the call goes on, whatever happened to the switch. */
void ledger_check_denial(struct world *world, struct str_view said) {
  struct sip_message message;
  struct sip_defect defect;
  if (sip_message_parse(said, &message, &defect) != RESULT_OK || message.is_request || message.status != 481) return;
  const struct ua_call *caller = caller_of(world, message.call_id);
  if (message.method == SIP_METHOD_CANCEL) return; /* it belongs to a transaction, not to the dialog */
  if (!caller || caller->answered_us == 0 || ledger_find(world, caller->call_id)) return;
  world_fail(world, "the call of %s to %.*s goes on, and a %.*s in it is answered with 481", caller->actor->name,
             (int)caller->number.length, caller->number.data, (int)message.method_text.length,
             message.method_text.data);
}

/* --- nobody is left ---------------------------------------------------------------------------------------------- */

void ledger_check_everybody_is_done(struct world *world) {
  for (const struct actor *actor = world->first_actor; actor; actor = actor->next)
    for (const struct ua_call *call = actor->calls; call && !actor->endpoint->is_dead; call = call->next)
      if (call->state != UA_OVER)
        world_fail(world, "%s, call to %.*s, Call-ID %.*s: it never came to an end", actor->name,
                   (int)call->number.length, call->number.data, (int)call->call_id.length, call->call_id.data);
}

/* --- nobody rings on --------------------------------------------------------------------------------------------- */

/* What is told of an attempt is flushed some time later: of a callee whose first response came just before the kill the
 * switch cannot know that it rings, and without knowing it must not say CANCEL (RFC 3261 §9.1). */

#define SPREAD_US  (1 * SECOND_US)  /* so many attempts at once are told over this */
#define TRIP_US    (1 * SECOND_US)  /* there and back again, at most */
#define REPEATS_US (32 * SECOND_US) /* what is lost is said again so long (64*T1, RFC 3261 §17) */
/* A 2xx that is not acknowledged comes again after this (T2, §13.3.1.4); over a connection that went with the switch it
 * does not, for our actors open none for a response: who sent it gives up by itself. */
#define ANSWERS_US (4 * SECOND_US)

void ledger_note_arrival(struct world *world, struct str_view bytes) {
  struct sip_message message;
  struct sip_defect defect;
  if (sip_message_parse(bytes, &message, &defect) != RESULT_OK || message.is_request ||
      message.method != SIP_METHOD_INVITE)
    return;
  for (const struct actor *actor = world->first_actor; actor; actor = actor->next)
    for (struct ua_call *call = actor->calls; call; call = call->next)
      if (!call->is_caller && call->heard_us == 0 && str_view_equal(call->call_id, message.call_id))
        call->heard_us = world->now_us;
}

/* When the ends of an attempt must have heard at last that the switch was killed. */
static int64_t told_until(const struct world *world, int64_t from_us) {
  int64_t bound_us = from_us + SPREAD_US + TRIP_US;
  return world->network.lost > 0 ? bound_us + REPEATS_US : bound_us;
}

static void check_told(struct world *world, const struct ua_call *call, int64_t until_us) {
  if (call->actor->endpoint->is_dead || (call->state == UA_OVER && call->ended_us <= until_us)) return;
  world_fail(world, "%s, call to %.*s, Call-ID %.*s: the switch was killed, and it was not told until %lld ms",
             call->actor->name, (int)call->number.length, call->number.data, (int)call->call_id.length,
             call->call_id.data, (long long)(until_us / MS_US));
}

/* A callee that was known to ring when the switch was killed, and whose caller was never answered. */
static bool was_cut_off(const struct ua_call *call, int64_t killed_us) {
  const struct ua_call *caller = call->other;
  if (call->is_caller || !caller || caller->answered_us != 0) return false;
  if (call->heard_us == 0 || call->heard_us + NODE_FLUSH_US >= killed_us) return false;
  return call->state != UA_OVER || call->ended_us > killed_us;
}

/* Both have answered one another, and nothing was lost: the callee has no reason to hang up for want of an ACK. */
static void check_acknowledged(struct world *world, const struct ua_call *call) {
  const struct ua_call *caller = call->other;
  bool is_datagram = call->actor->transport == TRANSPORT_UDP;
  if (call->is_unacknowledged && caller && caller->answered_us != 0 && is_datagram && world->network.lost == 0)
    world_fail(world, "%s, call to %.*s, Call-ID %.*s: its caller was answered, and it was never acknowledged",
               call->actor->name, (int)call->number.length, call->number.data, (int)call->call_id.length,
               call->call_id.data);
}

void ledger_check_cut_off(struct world *world) {
  int64_t restarted_us = world->ledger->restarted_us, killed_us = restarted_us - world->crash.down_us;
  for (const struct actor *actor = world->first_actor; actor; actor = actor->next)
    for (const struct ua_call *call = actor->calls; call; call = call->next) {
      check_acknowledged(world, call);
      if (!was_cut_off(call, killed_us)) continue;
      bool has_answered = call->answered_us != 0, is_stream = call->actor->transport != TRANSPORT_UDP;
      int64_t answers_us = is_stream ? REPEATS_US + TRIP_US : ANSWERS_US;
      int64_t from_us = call->answered_us > restarted_us ? call->answered_us : restarted_us;
      check_told(world, call->other, told_until(world, restarted_us));
      check_told(world, call, told_until(world, from_us) + (has_answered ? answers_us : 0));
    }
}

/* --- one record each --------------------------------------------------------------------------------------------- */

static unsigned records_of(const struct world *world, const struct ua_call *call) {
  unsigned count = 0;
  for (const struct ledger_record *entry = world->ledger->first; entry; entry = entry->next)
    count += entry->record.answered_at.value != 0 && str_view_equal(entry->record.caller_call_id, call->call_id);
  return count;
}

void ledger_check_crash(struct world *world) {
  for (const struct actor *actor = world->first_actor; actor; actor = actor->next)
    for (const struct ua_call *call = actor->calls; call; call = call->next) {
      if (!call->is_caller || call->answered_us == 0) continue;
      unsigned count = records_of(world, call);
      if (count != 1)
        world_fail(world, "%s was answered when it called %.*s, and there are %u records of that", actor->name,
                   (int)call->number.length, call->number.data, count);
    }
}
