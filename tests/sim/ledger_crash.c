/* What is promised of a switch that is killed and started again: nothing that was answered is without a record, or has
 * two; whoever is in such a call is answered; and nobody is left in a call that nobody knows of. */
#include "sim/ledger.h"
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
