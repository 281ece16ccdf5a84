/* A journal that could not be written has lost what it was told meanwhile. It hears anew of all that lives, some at a
 * time, so that neither the worker stands still nor its queue runs over: some 1,600 calls a second. */
#include "switch/switch_private.h"

#define EVERY_MS 10

static void begin(struct switch_core *core, struct context *context) {
  core->told_calls = core->told_registrations = 0;
  core->tells_again = false;
  timer_wheel_arm(context->wheel, &core->journal_timer, TIMER_JOURNAL, mono_ms_add(context->now, EVERY_MS));
}

void switch_tell_journal(struct switch_core *core, struct context *context) {
  if (timer_is_armed(&core->journal_timer))
    core->tells_again = true; /* what it has heard since the beginning may be lost as well */
  else
    begin(core, context);
}

void switch_tell_journal_due(struct switch_core *core, struct context *context) {
  if (call_table_tell_journal(core->calls, context, &core->told_calls) ||
      registrar_tell_journal(core->registrar, context, &core->told_registrations))
    timer_wheel_arm(context->wheel, &core->journal_timer, TIMER_JOURNAL, mono_ms_add(context->now, EVERY_MS));
  else if (core->tells_again)
    begin(core, context);
}
