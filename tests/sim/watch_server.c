/* Requests that an endpoint hears, and what it answers. */
#include "sim/switch_node.h"
#include "sim/watcher.h"
#include "sim/world.h"

#define T1_US   (500 * MS_US)
#define T2_US   (4 * SECOND_US)
#define LIFE_US (64 * T1_US)

static void ack_heard(struct sighting *sighting) {
  const struct sip_message *message = &sighting->message;
  struct watched_transaction *transaction = watcher_find(sighting, false, SIP_METHOD_INVITE);
  for (struct watched_transaction *other = sighting->world->watcher->first; !transaction && other; other = other->next)
    if (other->endpoint == sighting->endpoint && !other->is_client && other->method == SIP_METHOD_INVITE &&
        other->cseq == message->cseq && other->status >= 200 && other->status < 300 &&
        str_view_equal(other->call_id, message->call_id) && str_view_equal(other->final_to_tag, message->to_tag))
      transaction = other;
  if (!transaction || transaction->status == 0) return;
  if (transaction->acks++ == 0) transaction->first_ack_us = sighting->world->now_us;
}

/* An INVITE that comes again after a restart is steered by another key than before: while one worker ends the attempt
 * that it was, another one may begin a new one. */
static bool is_at_two_workers(struct sighting *sighting) {
  if (!sighting->endpoint->is_switch || sighting->message.method != SIP_METHOD_INVITE) return false;
  return switch_node_workers(sighting->endpoint->owner) > 1 && watcher_was_known(sighting, false);
}

void watch_request_heard(struct sighting *sighting) {
  const struct sip_message *message = &sighting->message;
  if (message->method == SIP_METHOD_ACK) {
    ack_heard(sighting);
    return;
  }
  if (message->method == SIP_METHOD_BYE && message->to_tag.length > 0) {
    struct watched_dialog *dialog = watcher_dialog(sighting);
    if (dialog->bye_heard_us == 0) dialog->bye_heard_us = sighting->world->now_us;
  }
  struct watched_transaction *transaction = watcher_find(sighting, false, message->method);
  if (!transaction) {
    transaction = watcher_add(sighting, false);
    transaction->is_excused = is_at_two_workers(sighting) || sighting->is_cut_off;
    return;
  }
  /* Its Timer H, J or L is over. Who stood still takes up late what has long been there. */
  if (transaction->status != 0 && sighting->world->now_us - transaction->final_us >= LIFE_US)
    transaction->is_excused = true;
  if (transaction->is_turned_away) { /* it may come in now */
    transaction->is_turned_away = false;
    transaction->status = 0;
  }
  transaction->count++;
  transaction->last_us = sighting->world->now_us;
  transaction->repeats_owed++;
  transaction->repeated_us = sighting->world->now_us;
}

/* --- responses --------------------------------------------------------------------------------------------------- */

/* The final response to an INVITE is sent again by T1, doubling up to T2, until the ACK: Timer G for refusals over
 * datagrams, the user for 2xx over anything (RFC 3261 §13.3.1.4, §17.2.1). */
static void sent_again_by_timer(struct sighting *sighting, struct watched_transaction *transaction) {
  int64_t now_us = sighting->world->now_us;
  if (transaction->method != SIP_METHOD_INVITE)
    watcher_blame(sighting, "a final response sent again, and the request was not (RFC 3261 17.2.2)");
  if (transaction->acks > 0 && transaction->first_ack_us < now_us)
    watcher_blame(sighting, "a final response sent again after its ACK (RFC 3261 17.2.1)");
  if (transaction->status >= 300 && transaction->is_stream)
    watcher_blame(sighting, "a refusal sent again over a reliable transport (RFC 3261 17.2.1)");
  int64_t wanted_us = T1_US << (transaction->timed_sends < 3 ? transaction->timed_sends : 3);
  int64_t since_us = transaction->timed_sends == 0 ? transaction->final_us : transaction->last_timed_us;
  if (!watcher_is_about(now_us - since_us, wanted_us) && !watcher_is_lenient(sighting->world))
    watcher_blame(sighting, "a final response sent again at the wrong time (RFC 3261 17.2.1)");
  if (now_us - transaction->final_us > LIFE_US + SECOND_US && !watcher_is_lenient(sighting->world))
    watcher_blame(sighting, "a final response sent again after 64*T1 (RFC 3261 17.2.1)");
  transaction->timed_sends++;
  transaction->last_timed_us = now_us;
}

/* Answers to a BYE and its repetitions wait together until the call's record is safe. */
static bool may_wait(const struct sighting *sighting, const struct watched_transaction *transaction) {
  return sighting->endpoint->is_switch && transaction->method == SIP_METHOD_BYE;
}

/* An answer to a repeated request is given at once; an accepted INVITE is not answered again (RFC 6026 §7.1). */
static bool answers_repetition(const struct sighting *sighting, struct watched_transaction *transaction) {
  bool is_accepted = transaction->method == SIP_METHOD_INVITE && transaction->status < 300;
  bool is_now = transaction->repeated_us == sighting->world->now_us || may_wait(sighting, transaction) ||
                watcher_is_lenient(sighting->world);
  if (is_accepted || !is_now || transaction->repeats_owed == 0) return false;
  transaction->repeats_owed--;
  return true;
}

/* A challenge is made anew, nonce and all, for whoever asks again: nothing is kept for strangers (RFC 3261 8.2.7). */
static bool is_challenged_anew(const struct watched_transaction *transaction, const struct sip_message *message) {
  return transaction->method == SIP_METHOD_REGISTER && transaction->status == 401 && message->status == 401 &&
         str_view_equal(transaction->final_to_tag, message->to_tag);
}

static void final_said(struct sighting *sighting, struct watched_transaction *transaction) {
  const struct sip_message *message = &sighting->message;
  int64_t now_us = sighting->world->now_us;
  if (transaction->status == 0) {
    transaction->status = message->status;
    transaction->final_us = now_us;
    transaction->final = sighting->bytes;
    transaction->final_to_tag = message->to_tag;
    if (!may_wait(sighting, transaction)) transaction->repeats_owed = 0;
    transaction->is_turned_away =
        message->status == 503 && transaction->provisional_us == 0 && sip_message_has(message, SIP_HEADER_RETRY_AFTER);
    /* A BYE for which there was no room was not heard: the call goes on, and supervision finds out. */
    if (transaction->is_turned_away && transaction->method == SIP_METHOD_BYE)
      watcher_dialog(sighting)->bye_heard_us = 0;
    if (sighting->endpoint->is_switch) watch_timer_final_said(sighting, transaction);
  } else if (transaction->is_excused) {
    /* the network said that nobody hears it: the transaction is over, and a repeated request is a new one */
  } else if (!str_view_equal(transaction->final, sighting->bytes) && !is_challenged_anew(transaction, message)) {
    watcher_blame(sighting, "a second final response, different from the first (RFC 3261 17.2)");
  } else if (!answers_repetition(sighting, transaction)) {
    sent_again_by_timer(sighting, transaction);
  }
  transaction->final_count++;
  transaction->last_final_us = now_us;
}

static void check_copies(struct sighting *sighting, const struct watched_transaction *transaction) {
  struct sip_message request;
  struct sip_defect defect;
  if (sip_message_parse(transaction->request, &request, &defect) != RESULT_OK) return;
  const struct sip_message *response = &sighting->message;
  if (request.cseq != response->cseq || !str_view_equal(request.call_id, response->call_id) ||
      !str_view_equal(sip_message_header(&request, SIP_HEADER_FROM), sip_message_header(response, SIP_HEADER_FROM)))
    watcher_blame(sighting, "From, Call-ID or CSeq are not those of the request (RFC 3261 8.2.6.2)");
  if (request.to_tag.length && !str_view_equal(request.to_tag, response->to_tag))
    watcher_blame(sighting, "the To tag is not that of the request (RFC 3261 8.2.6.2)");
}

/* A switch that was killed may answer what it was asked before, where its journal has it, and what it has answered
 * before once more. */
static struct watched_transaction *recall_asked(struct sighting *sighting) {
  struct watched_transaction *invite = watcher_recall(sighting, false);
  if (invite && invite->status == 0 && sighting->message.status >= 300) invite->is_excused = false;
  return invite;
}

void watch_response_said(struct sighting *sighting) {
  const struct sip_message *message = &sighting->message;
  struct watched_transaction *transaction = watcher_find(sighting, false, message->method);
  if (!transaction && message->method == SIP_METHOD_INVITE) transaction = recall_asked(sighting);
  if (!transaction) {
    watcher_blame(sighting, "a response to a request that never came");
    return;
  }
  check_copies(sighting, transaction);
  if (message->status >= 200) {
    final_said(sighting, transaction);
  } else {
    if (transaction->status != 0) watcher_blame(sighting, "a provisional response after the final one");
    if (transaction->provisional_us == 0) transaction->provisional_us = sighting->world->now_us;
  }
}
