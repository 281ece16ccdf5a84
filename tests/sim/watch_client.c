/* Requests that an endpoint sends, and what it hears back. */
#include "sim/watcher.h"
#include "sim/world.h"

#define T1_US   (500 * MS_US)
#define T2_US   (4 * SECOND_US)
#define LIFE_US (64 * T1_US)

/* --- sent again -------------------------------------------------------------------------------------------------- */

/* The wait that must lie before sending number `count` (2: the first repetition). 0: there is none. */
static int64_t wanted_wait_us(const struct watcher *watcher, const struct watched_transaction *transaction,
                              unsigned count) {
  if (watcher->wait_count > 0 && transaction->endpoint->is_switch)
    return count - 2 < watcher->wait_count ? watcher->waits_ms[count - 2] * MS_US : 0;
  int64_t wait_us = T1_US << (count - 2 < 20 ? count - 2 : 20);
  return transaction->method != SIP_METHOD_INVITE && wait_us > T2_US ? T2_US : wait_us;
}

static bool is_wait_right(struct sighting *sighting, const struct watched_transaction *transaction) {
  int64_t wait_us = sighting->world->now_us - transaction->last_us;
  if (watcher_is_lenient(sighting->world)) return true;
  if (watcher_is_about(wait_us, wanted_wait_us(sighting->world->watcher, transaction, transaction->count + 1)))
    return true;
  /* A 1xx moves Timer E to T2 (RFC 3261 §17.1.2.2); the wait begun before runs out first. */
  return transaction->method != SIP_METHOD_INVITE && transaction->provisional_us > 0 &&
         watcher_is_about(wait_us, T2_US);
}

/* A request whose connection broke before anything was heard goes once more over another way (transaction.h, STRANDED).
 */
static bool is_rerouted(const struct watched_transaction *transaction) {
  return transaction->is_excused && transaction->is_stream && transaction->status == 0;
}

static void repeated(struct sighting *sighting, struct watched_transaction *transaction) {
  struct world *world = sighting->world;
  if (is_rerouted(transaction)) {
    transaction->first_us = transaction->last_us = world->now_us;
    return;
  }
  bool is_invite = transaction->method == SIP_METHOD_INVITE;
  if (!str_view_equal(transaction->request, sighting->bytes))
    watcher_blame(sighting, "a retransmission differs from its request (RFC 3261 17.1.1.1)");
  if (transaction->is_stream) watcher_blame(sighting, "sent again over a reliable transport (RFC 3261 17.1.1.2)");
  if (transaction->status != 0) watcher_blame(sighting, "sent again after its final response (RFC 3261 17.1)");
  if (is_invite && transaction->provisional_us > 0)
    watcher_blame(sighting, "INVITE sent again after a provisional response (RFC 3261 17.1.1.2)");
  if (world->now_us - transaction->first_us >= LIFE_US + SECOND_US && world->watcher->wait_count == 0)
    watcher_blame(sighting, "sent again after 64*T1 (RFC 3261 17.1)");
  if (!is_wait_right(sighting, transaction)) watcher_blame(sighting, "sent again at the wrong time (RFC 3261 17.1)");
  transaction->count++;
  transaction->last_us = world->now_us;
}

/* --- new --------------------------------------------------------------------------------------------------------- */

static bool is_pending(const struct world *world, const struct watched_transaction *invite) {
  if (!invite || invite->status != 0 || invite->is_excused) return false;
  return invite->provisional_us > 0 || world->now_us - invite->first_us < LIFE_US;
}

static void check_order(struct sighting *sighting, struct watched_dialog *dialog) {
  const struct sip_message *message = &sighting->message;
  if (message->method == SIP_METHOD_CANCEL) {
    if (!dialog->invite || dialog->invite->cseq != message->cseq ||
        !str_view_equal(dialog->invite->branch, sighting->via.branch))
      watcher_blame(sighting, "CANCEL does not match its INVITE (RFC 3261 9.1)");
    else if (dialog->invite->provisional_us == 0)
      watcher_blame(sighting, "CANCEL before any provisional response (RFC 3261 9.1)");
    else
      dialog->invite->cancel_us = sighting->world->now_us;
    return;
  }
  if (dialog->cseq_said != 0 && message->cseq <= dialog->cseq_said)
    watcher_blame(sighting, "CSeq does not rise (RFC 3261 12.2.1.1)");
  dialog->cseq_said = message->cseq;
  bool is_over =
      dialog->bye_said_us > 0 || (dialog->bye_heard_us > 0 && dialog->bye_heard_us < sighting->world->now_us);
  bool may_say_bye = message->method == SIP_METHOD_BYE && (dialog->bye_said_us == 0 || dialog->bye_challenged);
  if (is_over && !may_say_bye) watcher_blame(sighting, "a request in a dialog that BYE has ended");
  if (message->method == SIP_METHOD_BYE) {
    dialog->bye_said_us = sighting->world->now_us;
    dialog->bye_challenged = false;
  }
  if (message->method == SIP_METHOD_INVITE && is_pending(sighting->world, dialog->invite))
    watcher_blame(sighting, "an INVITE while another of ours is pending in the dialog (RFC 3261 14.1)");
}

/* --- ACK --------------------------------------------------------------------------------------------------------- */

static struct watched_answer *answer_with(const struct watched_transaction *invite, struct str_view to_tag) {
  struct watched_answer *answer = invite->answers;
  while (answer && !str_view_equal(answer->to_tag, to_tag))
    answer = answer->next;
  return answer;
}

/* The INVITE of this number in the dialog of an ACK that is not in the INVITE's own transaction. */
static struct watched_transaction *invite_of_ack(const struct sighting *sighting, const struct endpoint *endpoint) {
  const struct sip_message *message = &sighting->message;
  struct watched_transaction *invite = sighting->world->watcher->first;
  while (invite && (invite->endpoint != endpoint || !invite->is_client || invite->method != SIP_METHOD_INVITE ||
                    invite->cseq != message->cseq || !str_view_equal(invite->call_id, message->call_id) ||
                    !str_view_equal(invite->own_tag, message->from_tag)))
    invite = invite->next;
  return invite;
}

/* BYE has been said or heard in a dialog that this INVITE has made. */
static bool is_call_over(const struct sighting *sighting, const struct watched_transaction *invite) {
  const struct watched_dialog *dialog = sighting->world->watcher->newest_dialog;
  for (; dialog; dialog = dialog->older)
    if (dialog->endpoint == invite->endpoint && str_view_equal(dialog->call_id, invite->call_id) &&
        str_view_equal(dialog->own_tag, invite->own_tag) && (dialog->bye_said_us > 0 || dialog->bye_heard_us > 0))
      return true;
  return false;
}

/* RFC 3261 §22.1: all values that appeared in the INVITE. Of a call that is over the switch keeps none; and none
 * is written down. */
static void check_credentials(struct sighting *sighting, const struct watched_transaction *invite) {
  static const enum sip_header headers[] = {SIP_HEADER_AUTHORIZATION, SIP_HEADER_PROXY_AUTHORIZATION};
  struct sip_message message;
  struct sip_defect defect;
  if (!invite->endpoint->is_switch || sip_message_parse(invite->request, &message, &defect) != RESULT_OK) return;
  for (unsigned i = 0; i < 2; i++)
    if (!str_view_equal(sip_message_header(&message, headers[i]), sip_message_header(&sighting->message, headers[i])) &&
        !invite->is_recalled && !is_call_over(sighting, invite))
      watcher_blame(sighting, "an ACK without the credentials of its INVITE (RFC 3261 22.1)");
}

static void ack_of_refusal_said(struct sighting *sighting, struct watched_transaction *invite) {
  if (invite->status < 300)
    watcher_blame(sighting, "the ACK of a 2xx must have a branch of its own, a new one (RFC 3261 17.1.1.3)");
  if (!str_view_equal(invite->final_to_tag, sighting->message.to_tag))
    watcher_blame(sighting, "the ACK's To tag is not the response's (RFC 3261 17.1.1.3)");
  check_credentials(sighting, invite);
  if (++invite->acks > invite->final_count)
    watcher_blame(sighting, "more ACKs than final responses (RFC 3261 17.1.1.2)");
}

static void ack_of_answer_said(struct sighting *sighting) {
  struct watched_transaction *invite = invite_of_ack(sighting, sighting->endpoint);
  /* Before a restart it may have been acknowledged, or not. */
  if (!invite && sighting->world->crash.is_tried && invite_of_ack(sighting, NULL)) return;
  struct watched_answer *answer = invite ? answer_with(invite, sighting->message.to_tag) : NULL;
  if (invite && invite->status >= 300)
    watcher_blame(sighting, "the ACK of a refusal must have its INVITE's branch (RFC 3261 17.1.1.3)");
  else if (!answer)
    watcher_blame(sighting, "an ACK of nothing that has been answered");
  else
    answer->acks++;
  if (answer) check_credentials(sighting, invite);
}

static void ack_said(struct sighting *sighting) {
  struct watched_transaction *invite = watcher_find(sighting, true, SIP_METHOD_INVITE);
  if (invite)
    ack_of_refusal_said(sighting, invite);
  else
    ack_of_answer_said(sighting);
}

/* An INVITE from before a restart: whoever cancels it knows it, and owes its ACK. */
static void recall_cancelled(struct sighting *sighting) {
  (void)watcher_recall(sighting, true);
  struct watched_transaction *invite = watcher_find(sighting, true, SIP_METHOD_INVITE);
  if (invite && invite->status == 0) invite->is_excused = false;
}

void watch_request_said(struct sighting *sighting) {
  if (sighting->message.method == SIP_METHOD_CANCEL && sighting->world->crash.is_tried) recall_cancelled(sighting);
  if (sighting->message.method == SIP_METHOD_ACK) {
    ack_said(sighting);
    return;
  }
  struct watched_transaction *transaction = watcher_find(sighting, true, sighting->message.method);
  if (transaction) {
    repeated(sighting, transaction);
    return;
  }
  struct watched_dialog *dialog = watcher_dialog(sighting);
  check_order(sighting, dialog);
  if (sighting->endpoint->is_switch) watch_timer_request_said(sighting, dialog);
  transaction = watcher_add(sighting, true);
  if (transaction->method == SIP_METHOD_INVITE) dialog->invite = transaction;
}

/* --- what comes back --------------------------------------------------------------------------------------------- */

/* True when the transaction has given up before anything came: Timer B or F, or 64*T1 after CANCEL. */
static bool is_given_up(const struct world *world, const struct watched_transaction *transaction) {
  if (transaction->status != 0) return false;
  int64_t life_us = LIFE_US;
  if (world->watcher->wait_count > 0 && transaction->endpoint->is_switch && !transaction->is_stream) {
    life_us = T1_US;
    for (unsigned i = 0; i < world->watcher->wait_count; i++)
      life_us += world->watcher->waits_ms[i] * MS_US;
  }
  bool is_silent = transaction->provisional_us == 0 || transaction->method != SIP_METHOD_INVITE;
  if (is_silent && world->now_us - transaction->first_us >= life_us) return true;
  return transaction->cancel_us > 0 && world->now_us - transaction->cancel_us >= LIFE_US;
}

static void answer_heard(struct sighting *sighting, struct watched_transaction *invite) {
  struct watched_answer *answer = answer_with(invite, sighting->message.to_tag);
  const struct watched_dialog *dialog = watcher_dialog(sighting);
  if (!answer) {
    answer = sim_take(&sighting->world->memory, sizeof *answer);
    *answer = (struct watched_answer){.to_tag = sighting->message.to_tag, .next = invite->answers};
    bool is_past_bye =
        !invite->endpoint->is_switch && dialog->bye_settled_us > 0 && dialog->timer.answered_us < invite->first_us;
    answer->is_over = is_past_bye || sighting->world->now_us - invite->final_us >= LIFE_US;
    invite->answers = answer;
  }
  bool is_over = dialog->bye_said_us > 0 || dialog->bye_heard_us > 0; /* BYE will stop the peer, too */
  if (answer->acks > 0 && !is_over) answer->after_ack++;
}

/* A challenged one may come again with credentials (RFC 3261 22.2). */
static void note_bye_answered(struct sighting *sighting) {
  struct watched_dialog *dialog = watcher_dialog(sighting);
  dialog->bye_settled_us = sighting->world->now_us;
  dialog->bye_challenged = sighting->message.status == 401 || sighting->message.status == 407;
}

void watch_response_heard(struct sighting *sighting) {
  const struct sip_message *message = &sighting->message;
  int64_t now_us = sighting->world->now_us;
  struct watched_transaction *transaction = watcher_find(sighting, true, message->method);
  if (!transaction && message->method == SIP_METHOD_INVITE) transaction = watcher_recall(sighting, true);
  if (!transaction) return;
  if (!transaction->is_recalled && is_given_up(sighting->world, transaction)) {
    /* One that stood still may take up first what it heard, or what was due. */
    if (!watcher_is_lenient(sighting->world)) return;
    transaction->is_excused = true;
  }
  if (message->status < 200) {
    if (transaction->provisional_us == 0 && transaction->status == 0) transaction->provisional_us = now_us;
    return;
  }
  bool is_same_kind = transaction->status == 0 || (transaction->status >= 300) == (message->status >= 300);
  if (!is_same_kind) return; /* a peer's mistake */
  if (transaction->status == 0) {
    transaction->status = message->status;
    transaction->final_us = now_us;
    transaction->final_to_tag = message->to_tag;
    if (message->method == SIP_METHOD_BYE) note_bye_answered(sighting);
    if (sighting->endpoint->is_switch) watch_timer_final_heard(sighting, transaction);
  } else if (transaction->status >= 300 && now_us - transaction->final_us >= LIFE_US) {
    transaction->final_unowed++; /* Timer D is over */
  }
  transaction->final_count++;
  transaction->last_final_us = now_us;
  if (message->status < 300 && transaction->method == SIP_METHOD_INVITE) answer_heard(sighting, transaction);
}
