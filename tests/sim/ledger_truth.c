/* Records against what the actors have lived through. */
#include "sim/ledger.h"
#include "sim/switch_node.h"
#include "sim/ua_call.h"
#include "sim/watcher.h"
#include "sim/world.h"

#define LATER_US (100 * SECOND_US) /* a BYE and all its repetitions have come and gone */
#define APART_MS 1500

static void blame(struct world *world, const struct ua_call *call, const struct cdr_record *record, const char *what) {
  world_fail(world, "%s, call to %.*s: %s: %s", call->actor->name, (int)call->number.length, call->number.data, what,
             ledger_describe(world, record));
}

static bool says(struct str_view field, const char *word) {
  return str_view_equal(field, str_view_from_c(word));
}

/* Who ended a call that was answered; nothing was lost, and all behaved. */
static const char *wrong_end(const struct ua_call *call, const struct cdr_record *record) {
  int64_t talk_ms = (call->ended_us - call->answered_us) / MS_US;
  int64_t apart_ms = (int64_t)record->hold_time_ms - talk_ms;
  if (apart_ms < -APART_MS || apart_ms > APART_MS) return "hold_time_ms is not how long the caller talked";
  if (says(record->end_direction, "caller") && !call->said_bye && !call->cancel_wanted)
    return "the caller did not end the call";
  bool is_whole = call->actor->world->node_count == 1; /* else the callee of this record may be another switch */
  if (is_whole && says(record->end_direction, "callee") && call->other && !call->other->said_bye)
    return "the callee did not end the call";
  return NULL;
}

/* An INVITE that comes again after a crash is steered by another key than before: one worker may refuse it as what is
 * left of the attempt that it was, while another one begins a new one. */
static bool may_be_two_attempts(const struct world *world, const struct ledger_record *entry) {
  return world->crash.at > 0 && switch_node_workers(entry->node) > 1;
}

static void check_call(struct world *world, const struct ua_call *call) {
  const struct ledger_record *entry = ledger_find(world, call->call_id);
  if (!entry) return;
  const struct cdr_record *record = &entry->record;
  bool is_answered = record->answered_at.value != 0;
  if (call->answered_us > 0 && !is_answered)
    blame(world, call, record, "the caller was answered, the record does not say so");
  else if (call->final_status >= 300 && is_answered && !may_be_two_attempts(world, entry))
    blame(world, call, record, "the caller was refused, the record says that he was answered");
  if (world->is_troubled || world->network.lost > 0 || call->answered_us == 0 || call->state != UA_OVER) return;
  const char *wrong = wrong_end(call, record);
  if (wrong) blame(world, call, record, wrong);
}

/* True when BYE was said or heard in a leg's dialog; `*has_reason_out`: ours said why. */
static bool was_hung_up(const struct world *world, const struct ledger_record *entry, struct str_view call_id,
                        bool *has_reason_out) {
  bool is_hung_up = false;
  *has_reason_out = true;
  for (const struct watched_transaction *bye = world->watcher->first; bye; bye = bye->next) {
    if (bye->method != SIP_METHOD_BYE || !bye->endpoint || bye->endpoint->owner != entry->node ||
        !str_view_equal(bye->call_id, call_id))
      continue;
    is_hung_up = true;
    if (bye->is_client && bye->first_us < entry->written_us) continue; /* to a branch that did not win */
    bool has_reason = memmem(bye->request.data, bye->request.length, "\r\nReason: ", 10) != NULL;
    if (bye->is_client && !has_reason) *has_reason_out = false;
  }
  return is_hung_up;
}

/* Whose connection broke behind a box can only come back by himself; and who has forgotten the call may take no new
 * one.
 */
static bool may_have_no_way(const struct world *world, struct str_view call_id) {
  for (const struct actor *actor = world->first_actor; actor; actor = actor->next)
    for (const struct ua_call *call = actor->calls; call; call = call->next)
      if (str_view_equal(call->call_id, call_id))
        return actor->transport == TRANSPORT_TCP && (actor->endpoint->nat || call->is_forgotten);
  return false;
}

/* Both legs of a call that was answered are hung up, and where the switch did it it says why (RFC 3326). */
static void check_farewell(struct world *world, const struct ledger_record *entry) {
  const struct cdr_record *record = &entry->record;
  const struct str_view call_ids[] = {record->caller_call_id, record->callee_call_id};
  bool by_switch = says(record->end_direction, "switch"), has_reason;
  if (record->answered_at.value == 0 || switch_node_restarts(entry->node) > 0) return;
  for (unsigned i = call_ids[0].length > 0 ? 0 : 1; i < 2; i++) /* the switch's own calls have no caller */
    if (!was_hung_up(world, entry, call_ids[i], &has_reason) && !may_have_no_way(world, call_ids[i]))
      world_fail(world, "the %s has not been hung up: %s", i == 0 ? "caller" : "callee",
                 ledger_describe(world, record));
    else if (by_switch && !has_reason)
      world_fail(world, "a BYE does not say why (RFC 3326): %s", ledger_describe(world, record));
}

void ledger_check_truth(struct world *world) {
  for (const struct ledger_record *entry = world->ledger->first; entry && !world->failure; entry = entry->next)
    check_farewell(world, entry);
  for (struct actor *actor = world->first_actor; actor; actor = actor->next)
    for (const struct ua_call *call = actor->calls; call; call = call->next)
      if (call->is_caller && !world->failure) check_call(world, call);
}

static const struct cdr_record *record_of(const struct world *world, const struct ua_call *call) {
  for (const struct ledger_record *entry = world->ledger->first; entry; entry = entry->next)
    if (str_view_equal(call->is_caller ? entry->record.caller_call_id : entry->record.callee_call_id, call->call_id))
      return &entry->record;
  return NULL;
}

void ledger_check_nobody_is_left(struct world *world) {
  int64_t now_us = world_wall(world).value;
  for (struct actor *actor = world->first_actor; actor && !world->is_troubled; actor = actor->next)
    for (const struct ua_call *call = actor->calls; call && !actor->endpoint->nat; call = call->next) {
      const struct cdr_record *record = call->state == UA_UP ? record_of(world, call) : NULL;
      if (record && now_us - record->ended_at.value > LATER_US)
        blame(world, call, record, "the call is over, and nobody has told this end");
    }
}
