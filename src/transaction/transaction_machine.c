/* Walks the four tables, and keeps the one timer of each transaction: armed for the next of resending and giving up. */
#include "base/check.h"
#include "boundary/outbox.h"
#include "parameters/parameters.h"
#include "transaction/transaction_private.h"

#define NEVER INT64_MAX

static const uint32_t timer_ms[] = {
    0,
#define SIP_TIMER(name, milliseconds, ...) milliseconds,
#include "transaction/sip_timers.def"
};

static const struct transaction_machine *const machines[TRANSACTION_MACHINE_COUNT] = {
    [TRANSACTION_INVITE_CLIENT] = &invite_client_machine,
    [TRANSACTION_NON_INVITE_CLIENT] = &non_invite_client_machine,
    [TRANSACTION_INVITE_SERVER] = &invite_server_machine,
    [TRANSACTION_NON_INVITE_SERVER] = &non_invite_server_machine,
};

uint32_t sip_timer_ms(enum sip_timer timer) {
  return timer_ms[timer];
}

const struct transaction_machine *transaction_machine_of(const struct transaction *transaction) {
  return machines[transaction->machine];
}

/* --- waits ------------------------------------------------------------------------------------------------------- */

static bool is_reliable(const struct transaction *transaction) {
  return transport_is_stream(transaction->flow.transport);
}

static int64_t doubled_ms(enum sip_timer first, unsigned times) {
  return (int64_t)timer_ms[first] << (times < 10 ? times : 10);
}

static int64_t at_most_t2_ms(int64_t wait_ms) {
  return wait_ms < timer_ms[SIP_TIMER_T2] ? wait_ms : timer_ms[SIP_TIMER_T2];
}

/* The wait before the next sending, which is the (resends + 1)th retransmission; NEVER: there is none. */
static int64_t resend_wait_ms(const struct context *context, const struct transaction *transaction,
                              enum sip_timer timer) {
  if (timer == SIP_TIMER_NONE) return NEVER;
  if (timer == SIP_TIMER_TRYING) return timer_ms[timer];
  if (is_reliable(transaction)) return NEVER;
  if (timer == SIP_TIMER_G) return at_most_t2_ms(doubled_ms(timer, transaction->resends));
  const struct parameter_list *waits = &context->parameters->SS_SIP_RESEND_INTERVAL;
  if (waits->count > 0) return transaction->resends < waits->count ? waits->ms[transaction->resends] : NEVER;
  if (timer == SIP_TIMER_A) return doubled_ms(timer, transaction->resends);
  if (transaction->answered) return timer_ms[SIP_TIMER_T2];
  return at_most_t2_ms(doubled_ms(timer, transaction->resends));
}

/* How long a state lasts at most. A list of waits ends Timers B and F one T1 after its last retransmission, as 64*T1 is
 * one T1 after the sixth of Timer A's. */
static int64_t give_up_wait_ms(const struct context *context, const struct transaction *transaction,
                               enum sip_timer timer) {
  const struct parameter_list *waits = &context->parameters->SS_SIP_RESEND_INTERVAL;
  if ((timer != SIP_TIMER_B && timer != SIP_TIMER_F) || waits->count == 0 || is_reliable(transaction))
    return timer_ms[timer];
  int64_t sum_ms = timer_ms[SIP_TIMER_T1];
  for (unsigned i = 0; i < waits->count; i++)
    sum_ms += waits->ms[i];
  return sum_ms;
}

static void arm(struct context *context, struct transaction *transaction) {
  struct mono_ms due = mono_ms_before(transaction->resend_at, transaction->give_up_at) ? transaction->resend_at
                                                                                       : transaction->give_up_at;
  if (transaction->failed) due = context->now;
  timer_wheel_arm(context->wheel, &transaction->timer, TIMER_TRANSACTION, due);
}

/* The next sending is counted from when the last one was due, not from when it happened. */
static void set_resend_after(const struct context *context, struct transaction *transaction, struct mono_ms last,
                             enum sip_timer timer) {
  int64_t wait_ms = resend_wait_ms(context, transaction, timer);
  transaction->resend_at = wait_ms == NEVER ? (struct mono_ms){NEVER} : mono_ms_add(last, wait_ms);
}

static enum sip_timer give_up_timer(const struct transaction *transaction, unsigned state) {
  const struct transaction_state_row *row = &machines[transaction->machine]->states[state];
  return is_reliable(transaction) ? row->give_up_reliable : row->give_up_unreliable;
}

/* --- steps ------------------------------------------------------------------------------------------------------- */

static void enter(struct transaction_step *step, unsigned next) {
  struct transaction *transaction = step->transaction;
  const struct transaction_machine *machine = machines[transaction->machine];
  unsigned last = transaction->state;
  enum sip_timer give_up = give_up_timer(transaction, next);
  if (next == TRANSACTION_TERMINATED || give_up == SIP_TIMER_ZERO) {
    transaction_table_give(step->layer, step->context, transaction);
    step->transaction = NULL;
    return;
  }
  transaction->state = (uint8_t)next;
  if (give_up != give_up_timer(transaction, last))
    transaction->give_up_at = mono_ms_add(step->context->now, give_up_wait_ms(step->context, transaction, give_up));
  enum sip_timer resend = machine->states[next].resend;
  if (resend != machine->states[last].resend) {
    transaction->resends = 0;
    set_resend_after(step->context, transaction, step->context->now, resend);
  }
  if (!machine->rows[next][TRANSACTION_EVENT_TRANSPORT_ERROR].act) {
    transaction->failed = false;
    transaction_table_unlist(step->layer, transaction);
  }
  arm(step->context, transaction);
}

void transaction_machine_step(struct transaction_step *step, enum transaction_event event) {
  struct transaction *transaction = step->transaction;
  const struct transaction_row *row = &machines[transaction->machine]->rows[transaction->state][event];
  expect_or(row->act, step->result = RESULT_WRONG_STATE; return );
  const struct transaction_watcher *watcher = &step->layer->watcher;
  if (watcher->see) watcher->see(watcher->argument, transaction, event);
  row->act(step);
  if (row->next != transaction->state) enter(step, row->next);
}

void transaction_machine_begin(struct context *context, struct transaction *transaction) {
  transaction->state = TRANSACTION_START;
  transaction->resend_at = (struct mono_ms){NEVER};
  transaction->give_up_at = mono_ms_add(context->now, timer_ms[SIP_TIMER_UNSENT]);
  arm(context, transaction);
}

void transaction_machine_restart(struct context *context, struct transaction *transaction) {
  const struct transaction_state_row *row = &machines[transaction->machine]->states[transaction->state];
  int64_t wait_ms = give_up_wait_ms(context, transaction, give_up_timer(transaction, transaction->state));
  transaction->give_up_at = mono_ms_add(context->now, wait_ms);
  transaction->resends = 0;
  set_resend_after(context, transaction, context->now, row->resend);
  arm(context, transaction);
}

void transaction_machine_resume(struct context *context, struct transaction *transaction,
                                enum transaction_state state) {
  enum sip_timer timer = state == TRANSACTION_CALLING ? SIP_TIMER_UNHEARD : give_up_timer(transaction, state);
  transaction->state = (uint8_t)state;
  transaction->resend_at = (struct mono_ms){NEVER};
  transaction->give_up_at = mono_ms_add(context->now, timer_ms[timer]);
  arm(context, transaction);
}

static void resend_due(struct transaction_step *step) {
  struct transaction *transaction = step->transaction;
  unsigned state = transaction->state;
  transaction_machine_step(step, TRANSACTION_EVENT_RESEND_DUE);
  if (!step->transaction || transaction->state != state) return;
  if (transaction->resends < UINT8_MAX) transaction->resends++;
  set_resend_after(step->context, transaction, transaction->resend_at,
                   machines[transaction->machine]->states[state].resend);
  arm(step->context, transaction);
}

struct transaction_news transaction_timer_due(struct transaction_layer *layer, struct context *context,
                                              struct timer *timer) {
  struct transaction *transaction = (void *)((char *)timer - offsetof(struct transaction, timer));
  struct transaction_step step = {.layer = layer, .context = context, .transaction = transaction};
  if (transaction->failed) {
    transaction->failed = false;
    if (transaction_client_fall_back(layer, context, transaction)) return step.news;
    if (transaction_client_may_be_rerouted(transaction)) {
      transaction->stranded = transaction->failed = true; /* due again at once, unless it gets another way */
      transaction_tell(&step, TRANSACTION_NEWS_STRANDED);
    } else {
      transaction_machine_step(&step, TRANSACTION_EVENT_TRANSPORT_ERROR);
    }
  } else if (!mono_ms_before(context->now, transaction->give_up_at)) {
    transaction_machine_step(&step, TRANSACTION_EVENT_GIVE_UP_DUE);
  } else if (!mono_ms_before(context->now, transaction->resend_at)) {
    resend_due(&step);
  }
  if (step.transaction && !timer_is_armed(timer)) arm(context, transaction);
  return step.news;
}

/* --- actions of several machines --------------------------------------------------------------------------------- */

void transaction_tell(struct transaction_step *step, enum transaction_news_kind kind) {
  const struct transaction *transaction = step->transaction;
  if (transaction->disowned) return;
  step->news = (struct transaction_news){
      .kind = kind, .transaction = transaction->self, .owner = transaction->owner, .method = transaction->method};
}

void transaction_absorb(struct transaction_step *step) {
  (void)step;
}

void transaction_refuse(struct transaction_step *step) {
  step->result = RESULT_WRONG_STATE;
}

void transaction_send_text(struct context *context, const struct transaction *transaction, struct str_view text) {
  outbox_send(context->outbox, &transaction->flow, text);
}

/* Nothing is sent when there was no room to keep it. */
void transaction_send_kept_again(struct transaction_step *step) {
  struct str_view text = block_store_view(step->layer->blocks, &step->transaction->kept);
  if (text.length == 0) return;
  transaction_send_text(step->context, step->transaction, text);
  counters_add(step->context->counters, retransmissions_sent);
}
