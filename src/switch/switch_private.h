/* What the files of this room share. */
#ifndef SWITCH_SWITCH_PRIVATE_H
#define SWITCH_SWITCH_PRIVATE_H

#include "base/block_store.h"
#include "call/call.h"
#include "dialog/dialog.h"
#include "keepalive/keepalive.h"
#include "keepalive/keepalive_gateways.h"
#include "registrar/registrar.h"
#include "switch/switch_core.h"
#include "transaction/transaction.h"
#include "trunk/trunk_trial.h"

struct switch_core {
  struct block_store blocks;
  struct transaction_layer *transactions;
  struct dialog_table *dialogs;
  struct keepalive *keepalive;
  struct keepalive_gateways gateways;
  struct registrar *registrar;
  struct call_table *calls;
  struct trunk_trials *trials;
  struct timer journal_timer;              /* TIMER_JOURNAL: armed while the journal is told anew what lives */
  uint32_t told_calls, told_registrations; /* where it goes on */
  bool tells_again;                        /* and begins once more when it is through */
};

/* switch_messages.c: a datagram, or one message of a stream. */
void switch_receive_message(struct switch_core *core, struct context *context, const struct event *event);

/* switch_messages.c: what the transaction layer has to tell; `message` NULL when a timer brought it. */
void switch_tell(struct switch_core *core, struct context *context, const struct transaction_news *news,
                 const struct sip_message *message, const struct flow *flow);

/* switch_timers.c: one due timer. */
void switch_timer_due(struct switch_core *core, struct context *context, struct timer *timer);

/* switch_journal.c: the journal has lost what it was told; it is to hear of all that lives. */
void switch_tell_journal(struct switch_core *core, struct context *context);

/* switch_journal.c: the next part of it. */
void switch_tell_journal_due(struct switch_core *core, struct context *context);

/* switch_orders.c: an operator's order, answered through the outbox. */
void switch_receive_order(struct switch_core *core, struct context *context, const struct event *event);

#endif
