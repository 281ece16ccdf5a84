/* What supervision promises about a record: a call whose peer is gone was ended within a bound that can be computed
 * from what the network showed, and a call that the switch ended by itself had a peer that did not answer. */
#include "sim/ledger.h"
#include "sim/switch_node.h"
#include "sim/ua_call.h"
#include "sim/watcher.h"
#include "sim/world.h"

#define TRANSACTION_US  (32 * SECOND_US)
#define SLACK_US        (1 * SECOND_US)
#define PATIENCE_MIN_US (3900 * MS_US) /* the least that silence is waited for: three repetitions */

/* One leg of a record, as its switch saw it on the network. */
struct leg {
  struct watched_dialog *dialog; /* NULL: it was never answered */
  bool is_caller;
  uint32_t longest_ttl_s; /* that its switch has ever had */
};

static bool is_of(const struct watched_dialog *dialog, const struct switch_node *node, struct str_view call_id) {
  return dialog->endpoint && dialog->endpoint->is_switch && dialog->endpoint->owner == node &&
         dialog->timer.answered_us > 0 && str_view_equal(dialog->call_id, call_id);
}

/* Of several (a fork answered twice) the one that was not hung up before. */
static struct watched_dialog *dialog_of(const struct world *world, const struct switch_node *node,
                                        struct str_view call_id) {
  struct watched_dialog *best = NULL;
  for (struct watched_dialog *dialog = world->watcher->newest_dialog; dialog && call_id.length; dialog = dialog->older)
    if (is_of(dialog, node, call_id) && (!best || dialog->timer.proved_us > best->timer.proved_us)) best = dialog;
  return best;
}

/* --- who is gone ------------------------------------------------------------------------------------------------- */

static bool is_peer(const struct ua_call *call, const struct watched_dialog *dialog) {
  return str_view_equal(call->call_id, dialog->call_id) && str_view_equal(call->local_tag, dialog->remote_tag);
}

/* Since when an actor's end is gone; 0: it is there. */
static int64_t call_gone_us(const struct ua_call *call) {
  if (call->is_forgotten || call->state == UA_OVER) return call->ended_us;
  return call->actor->died_us;
}

/* Since when the other end of a leg is gone: an actor's, or another switch's. */
static int64_t gone_us(const struct world *world, const struct leg *leg) {
  for (const struct actor *actor = world->first_actor; actor; actor = actor->next)
    for (const struct ua_call *call = actor->calls; call; call = call->next)
      if (is_peer(call, leg->dialog)) return call_gone_us(call);
  for (const struct watched_dialog *dialog = world->watcher->newest_dialog; dialog; dialog = dialog->older)
    if (dialog->endpoint && dialog->endpoint->is_switch && str_view_equal(dialog->own_tag, leg->dialog->remote_tag) &&
        str_view_equal(dialog->call_id, leg->dialog->call_id))
      return dialog->bye_said_us;
  return world->ledger->restarted_us; /* of a switch that was killed */
}

/* --- the bound --------------------------------------------------------------------------------------------------- */

/* The interval that a silent peer may live on: of the session, else of the probe; 0: nobody watches. */
static int64_t interval_us(const struct leg *leg, const struct parameters *parameters) {
  const struct watched_timer *timer = &leg->dialog->timer;
  int64_t interval_s = timer->interval_s;
  if (timer->is_timed) return interval_s * SECOND_US;
  if (parameters->BF_NO_TIMER_PROBE == NO_TIMER_PROBE_OFF) return 0;
  interval_s = leg->longest_ttl_s;
  return (interval_s > timer->asked_s ? interval_s : timer->asked_s) * SECOND_US;
}

static int64_t bound_us(const struct leg *leg, const struct parameters *parameters) {
  int64_t interval = interval_us(leg, parameters);
  if (interval == 0) return INT64_MAX;
  return leg->dialog->timer.proved_us + interval + TRANSACTION_US;
}

/* How long before the bound: index 0 after it, then by steps. */
static void note_margin(struct world *world, int64_t late_us) {
  int64_t steps = late_us > 0 ? 0 : 1 - late_us / (LEDGER_MARGIN_STEP_S * SECOND_US);
  world->ledger->margins[steps < LEDGER_MARGINS ? steps : LEDGER_MARGINS - 1]++;
}

static void check_leg(struct world *world, const struct leg *leg, struct ledger_record *entry) {
  const struct parameters *parameters = switch_node_parameters(entry->node);
  int64_t since_us = gone_us(world, leg), ended_us = world->now_us;
  if (since_us == 0 || since_us >= ended_us) return;
  entry->was_gone = true;
  int64_t bound = bound_us(leg, parameters);
  bool is_timeout = str_view_equal(entry->record.end_reason, STR_VIEW("session_timeout"));
  if (switch_node_was_stalled(entry->node)) return;
  if (is_timeout && bound != INT64_MAX) note_margin(world, ended_us - bound);
  if (ended_us - SLACK_US <= bound) return;
  world_fail(world, "the %s has been gone since %lld s, and the call went on %lld ms beyond its bound: %s",
             leg->is_caller ? "caller" : "callee", (long long)(since_us / SECOND_US),
             (long long)((ended_us - bound) / MS_US), ledger_describe(world, &entry->record));
}

/* --- the evidence ------------------------------------------------------------------------------------------------ */

static bool is_proof(enum sip_method method) {
  return method == SIP_METHOD_INVITE || method == SIP_METHOD_UPDATE || method == SIP_METHOD_OPTIONS;
}

/* The next request of the leg that asked for a sign of life; `before` NULL: the first one. */
static const struct watched_transaction *next_question(const struct world *world, const struct leg *leg,
                                                       const struct watched_transaction *before) {
  const struct watched_transaction *question = before ? before->next : world->watcher->first;
  while (question && !(question->endpoint == leg->dialog->endpoint && question->is_client &&
                       is_proof(question->method) && question->first_us > leg->dialog->timer.answered_us &&
                       str_view_equal(question->call_id, leg->dialog->call_id) &&
                       str_view_equal(question->own_tag, leg->dialog->own_tag)))
    question = question->next;
  return question;
}

/* Over a stream that broke nothing can be asked; who stands behind a box must come back by itself. */
static bool has_no_way(const struct world *world, const struct leg *leg) {
  for (const struct actor *actor = world->first_actor; actor; actor = actor->next)
    for (const struct ua_call *call = actor->calls; call; call = call->next)
      if (is_peer(call, leg->dialog)) return actor->transport == TRANSPORT_TCP && actor->endpoint->nat;
  return false;
}

/* Nothing that was asked has been answered since the first question that is still open. */
static bool was_silent(const struct world *world, const struct leg *leg) {
  if (has_no_way(world, leg)) return true;
  int64_t answered_us = 0, asked_us = INT64_MAX;
  for (const struct watched_transaction *question = NULL; (question = next_question(world, leg, question));) {
    if (question->is_excused || question->status == 408) return true;
    if (question->status != 0 && question->final_us > answered_us) answered_us = question->final_us;
    if (question->status == 0 && question->first_us < asked_us) asked_us = question->first_us;
  }
  if (asked_us == INT64_MAX) return false;
  return world->now_us - (asked_us > answered_us ? asked_us : answered_us) >= PATIENCE_MIN_US;
}

static bool knows_no_call(const struct world *world, const struct leg *leg) {
  for (const struct watched_transaction *transaction = world->watcher->first; transaction;
       transaction = transaction->next)
    if (transaction->endpoint == leg->dialog->endpoint && transaction->is_client && transaction->status == 481 &&
        str_view_equal(transaction->call_id, leg->dialog->call_id))
      return true;
  return false;
}

static bool was_refused(const struct world *world, const struct leg *leg) {
  const struct watched_transaction *last = NULL;
  for (const struct watched_transaction *question = NULL; (question = next_question(world, leg, question));)
    last = question;
  return knows_no_call(world, leg) || (last && last->status >= 300 && last->status != 408);
}

static bool has_expired(const struct world *world, const struct leg *leg) {
  const struct watched_timer *timer = &leg->dialog->timer;
  int64_t interval = timer->interval_s * SECOND_US;
  return timer->is_timed && !timer->we_refresh &&
         world->now_us - timer->proved_us >= interval - interval / 3 - SLACK_US;
}

static bool has_reached_cap(const struct world *world, const struct leg *leg, const struct parameters *parameters) {
  int64_t cap_us = parameters->SS_SIP_NO_TIMER_REINVITE_INTERVAL * SECOND_US;
  return leg->is_caller && cap_us > 0 && world->now_us - leg->dialog->timer.answered_us >= cap_us - SLACK_US;
}

static bool had_no_ack(const struct world *world, const struct leg *leg) {
  for (const struct watched_transaction *transaction = world->watcher->first; transaction;
       transaction = transaction->next)
    if (transaction->endpoint == leg->dialog->endpoint && !transaction->is_client &&
        transaction->method == SIP_METHOD_INVITE && transaction->status >= 200 && transaction->status < 300 &&
        transaction->acks == 0 && str_view_equal(transaction->call_id, leg->dialog->call_id))
      return true;
  return false;
}

static bool is_cause_true(const struct world *world, const struct leg *leg, const struct ledger_record *entry) {
  struct str_view cause = entry->record.end_cause;
  if (str_view_equal(cause, STR_VIEW("refresh_unanswered"))) return was_silent(world, leg);
  if (str_view_equal(cause, STR_VIEW("refresh_rejected"))) return was_refused(world, leg);
  if (str_view_equal(cause, STR_VIEW("session_expired"))) return has_expired(world, leg);
  if (str_view_equal(cause, STR_VIEW("no_timer_cap")))
    return has_reached_cap(world, leg, switch_node_parameters(entry->node));
  return had_no_ack(world, leg);
}

/* Who refreshes, and how often, says the record: as the network has shown it. */
static void check_timer(struct world *world, const struct leg *leg, const struct cdr_record *record) {
  const struct watched_timer *timer = &leg->dialog->timer;
  struct str_view refresher = leg->is_caller ? record->caller_timer_refresher : record->callee_timer_refresher;
  uint64_t interval_s = leg->is_caller ? record->caller_timer_interval_s : record->callee_timer_interval_s;
  bool says_us = str_view_equal(refresher, STR_VIEW("us")), says_them = str_view_equal(refresher, STR_VIEW("them"));
  if (!timer->is_timed || (!says_us && !says_them)) return;
  if (says_us != timer->we_refresh || interval_s != timer->interval_s)
    world_fail(world, "the network has shown that %s should refresh every %u s, the record says otherwise: %s",
               timer->we_refresh ? "we" : "they", timer->interval_s, ledger_describe(world, record));
}

void ledger_check_supervision(struct world *world, struct ledger_record *entry) {
  const struct cdr_record *record = &entry->record;
  uint32_t longest_ttl_s = switch_node_longest_ttl_s(entry->node);
  struct leg caller = {dialog_of(world, entry->node, record->caller_call_id), true, longest_ttl_s};
  struct leg callee = {dialog_of(world, entry->node, record->callee_call_id), false, longest_ttl_s};
  if (record->answered_at.value == 0 || !caller.dialog || !callee.dialog) return;
  check_timer(world, &caller, record);
  check_timer(world, &callee, record);
  check_leg(world, &caller, entry);
  check_leg(world, &callee, entry);
  if (!str_view_equal(record->end_reason, STR_VIEW("session_timeout"))) return;
  if (!is_cause_true(world, &caller, entry) && !is_cause_true(world, &callee, entry))
    world_fail(world, "the switch ended a call for a reason that the network does not show: %s",
               ledger_describe(world, record));
}
