/* A due timer goes to the room whose object it is part of (boundary/timer_kinds.def). */
#include "base/check.h"
#include "switch/switch_private.h"

static void due_transaction(struct switch_core *core, struct context *context, struct timer *timer) {
  struct transaction_news news = transaction_timer_due(core->transactions, context, timer);
  switch_tell(core, context, &news, NULL, NULL);
}

static void due_call(struct switch_core *core, struct context *context, struct timer *timer) {
  call_timer_due(core->calls, context, timer);
}

static void due_call_leg(struct switch_core *core, struct context *context, struct timer *timer) {
  call_leg_timer_due(core->calls, context, timer);
}

static void due_session(struct switch_core *core, struct context *context, struct timer *timer) {
  call_session_timer_due(core->calls, context, timer);
}

static void due_session_sweep(struct switch_core *core, struct context *context, struct timer *timer) {
  (void)timer;
  call_sweep_due(core->calls, context);
}

static void due_registrar(struct switch_core *core, struct context *context, struct timer *timer) {
  registrar_timer_due(core->registrar, context, timer);
}

static void due_journal(struct switch_core *core, struct context *context, struct timer *timer) {
  (void)timer;
  switch_tell_journal_due(core, context);
}

static void due_keepalive(struct switch_core *core, struct context *context, struct timer *timer) {
  (void)timer;
  keepalive_timer_due(core->keepalive, context);
}

static void due_gateways(struct switch_core *core, struct context *context, struct timer *timer) {
  (void)timer;
  keepalive_gateways_timer_due(&core->gateways, context);
}

static void due_trunk_trial(struct switch_core *core, struct context *context, struct timer *timer) {
  trunk_trial_timer_due(core->trials, context, timer);
}

/* NULL: nobody arms such a timer yet. */
static void (*const rooms[])(struct switch_core *core, struct context *context, struct timer *timer) = {
    [TIMER_NONE] = NULL,
    [TIMER_TRANSACTION] = due_transaction,
    [TIMER_CALL] = due_call,
    [TIMER_CALL_LEG] = due_call_leg,
    [TIMER_SESSION] = due_session,
    [TIMER_SESSION_SWEEP] = due_session_sweep,
    [TIMER_REGISTRATION] = due_registrar,
    [TIMER_REGISTRAR] = due_registrar,
    [TIMER_SUSPENSION] = due_registrar,
    [TIMER_GATEWAYS] = due_gateways,
    [TIMER_JOURNAL] = due_journal,
    [TIMER_KEEPALIVE] = due_keepalive,
    [TIMER_TRUNK_TRIAL] = due_trunk_trial,
};

void switch_timer_due(struct switch_core *core, struct context *context, struct timer *timer) {
  require(timer->kind < sizeof rooms / sizeof rooms[0] && rooms[timer->kind]);
  rooms[timer->kind](core, context, timer);
}
