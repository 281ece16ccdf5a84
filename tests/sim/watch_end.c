/* What must be settled when the world has run out. */
#include "sim/watcher.h"
#include "sim/world.h"

#define T1_US   (500 * MS_US)
#define LIFE_US (64 * T1_US)
/* How often a request is sent that nobody answers (RFC 3261 §17.1.1.2, §17.1.2.2). */
#define INVITE_SENDS 7
#define OTHER_SENDS  11

/* The next keep-alive is the repetition of the one before (docs/decisions/keep-alive.md). */
static bool is_keep_alive(const struct watched_transaction *transaction) {
  return transaction->endpoint->is_switch && transaction->method == SIP_METHOD_OPTIONS &&
         str_view_starts_with(transaction->branch, STR_VIEW("z9hG4bKka"));
}

static void check_sends(struct world *world, const struct watched_transaction *transaction) {
  bool is_answered = transaction->status != 0 || transaction->provisional_us > 0;
  if (world->watcher->was_stalled || transaction->is_stream || is_answered ||
      world->now_us - transaction->first_us < LIFE_US + SECOND_US)
    return;
  unsigned wanted = transaction->method == SIP_METHOD_INVITE ? INVITE_SENDS : OTHER_SENDS;
  if (world->watcher->wait_count > 0 && transaction->endpoint->is_switch) wanted = 1 + world->watcher->wait_count;
  if (is_keep_alive(transaction)) wanted = 1;
  if (transaction->count != wanted)
    watcher_blame_transaction(
        world, transaction,
        sim_format(&world->memory, "sent %u times without an answer, not %u", transaction->count, wanted));
}

/* True when BYE was said or heard in a dialog of the transaction's endpoint; `remote_tag` empty: with anybody. */
static bool has_bye(const struct world *world, const struct watched_transaction *transaction, struct str_view own_tag,
                    struct str_view remote_tag) {
  for (unsigned i = 0; i < WATCHER_BUCKETS; i++)
    for (const struct watched_dialog *dialog = world->watcher->dialogs[i]; dialog; dialog = dialog->next_in_bucket)
      if (dialog->endpoint == transaction->endpoint && str_view_equal(dialog->own_tag, own_tag) &&
          (remote_tag.length == 0 || str_view_equal(dialog->remote_tag, remote_tag)) &&
          str_view_equal(dialog->call_id, transaction->call_id) &&
          (dialog->bye_said_us > 0 || dialog->bye_heard_us > 0))
        return true;
  return false;
}

static void check_client(struct world *world, const struct watched_transaction *transaction) {
  check_sends(world, transaction);
  if (transaction->method != SIP_METHOD_INVITE || transaction->status == 0) return;
  if (transaction->status >= 300 && transaction->acks + transaction->final_unowed < transaction->final_count)
    watcher_blame_transaction(world, transaction, "a final response was not acknowledged (RFC 3261 17.1.1.2)");
  for (const struct watched_answer *answer = transaction->answers; answer; answer = answer->next) {
    if (answer->is_over) continue;
    if (answer->acks == 0)
      watcher_blame_transaction(world, transaction, "its 2xx was never acknowledged (RFC 3261 13.2.2.4)");
    if (answer->acks > 0 && answer->acks < 1 + answer->after_ack)
      watcher_blame_transaction(world, transaction, "a repeated 2xx was not acknowledged again (RFC 3261 13.2.2.4)");
    if (transaction->endpoint->is_switch && !has_bye(world, transaction, transaction->own_tag, answer->to_tag))
      watcher_blame_transaction(world, transaction, "a dialog that its 2xx made never ended (RFC 3261 13.2.2.4)");
  }
}

/* Requests that are carried to the other side may stay unanswered when that side is silent (RFC 4320 §4.2). */
static bool must_be_answered(const struct watched_transaction *transaction) {
  switch (transaction->method) {
  case SIP_METHOD_INVITE:
  case SIP_METHOD_BYE:
  case SIP_METHOD_CANCEL:
  case SIP_METHOD_OPTIONS:
  case SIP_METHOD_PRACK: return true;
  case SIP_METHOD_REGISTER:
  case SIP_METHOD_ACK:
  case SIP_METHOD_UPDATE:
  case SIP_METHOD_INFO:
  case SIP_METHOD_REFER:
  case SIP_METHOD_NOTIFY:
  case SIP_METHOD_SUBSCRIBE:
  case SIP_METHOD_MESSAGE:
  case SIP_METHOD_PUBLISH:
  case SIP_METHOD_UNKNOWN:
  case SIP_METHOD_COUNT: break;
  }
  return false;
}

static void check_server(struct world *world, const struct watched_transaction *transaction) {
  if (transaction->status == 0) {
    if (must_be_answered(transaction) && !world->watcher->strangers_get_silence)
      watcher_blame_transaction(world, transaction, "it never got a final response");
    return;
  }
  bool is_accepted_invite = transaction->method == SIP_METHOD_INVITE && transaction->status < 300;
  if (!is_accepted_invite || transaction->acks > 0) return;
  if (!has_bye(world, transaction, transaction->final_to_tag, (struct str_view){0}))
    watcher_blame_transaction(world, transaction,
                              "our 2xx was never acknowledged, and no BYE followed (RFC 3261 13.3.1.4)");
}

void watcher_check_end(struct world *world) {
  if (!world->watcher) return;
  for (const struct watched_transaction *transaction = world->watcher->first; transaction && !world->failure;
       transaction = transaction->next) {
    if (transaction->is_excused || !transaction->endpoint) continue;
    if (transaction->is_client)
      check_client(world, transaction);
    else
      check_server(world, transaction);
  }
}
