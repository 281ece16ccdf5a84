/* What comes in: requests and responses of a dialog, the branches of a forked INVITE, target refreshes. */
#include "dialog/dialog_private.h"
#include "dialog/next_hop.h"

bool dialog_method_refreshes_target(enum sip_method method) {
  return method == SIP_METHOD_INVITE || method == SIP_METHOD_UPDATE || method == SIP_METHOD_SUBSCRIBE ||
         method == SIP_METHOD_NOTIFY || method == SIP_METHOD_REFER;
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

/* The way to the peer: from where it was just met, unless its route or target says otherwise and can be believed. */
static void follow_peer(struct dialog_table *table, struct context *context, struct dialog *dialog,
                        struct remote_end *end, const struct sip_message *request, const struct flow *flow) {
  bool is_translated = next_hop_sender_is_translated(request, flow);
  /* Met where our requests go anyhow, as usual: aiming would find the same. */
  if (is_translated == end->is_translated && flow_equal(&end->flow, flow)) return;
  struct flow before = end->flow;
  bool was_translated = end->is_translated;
  end->is_translated = is_translated;
  end->flow = *flow;
  remote_end_aim(table, context, dialog, end);
  if (was_translated != is_translated || !flow_equal(&end->flow, &before)) dialog->moves++;
}

/* As the Contact of nearly every message does: then there is nothing to be read. */
static bool names_target(const struct sip_message *message, struct str_view target) {
  struct str_view contact = sip_message_header(message, SIP_HEADER_CONTACT);
  return contact.length == target.length + 2 && contact.data[0] == '<' && contact.data[contact.length - 1] == '>' &&
         str_view_equal(str_view_slice(contact, 1, target.length), target);
}

/* The new target is believed when the request is accepted (RFC 6141 §4.6). */
static void note_wished_target(struct dialog_table *table, struct context *context, struct dialog *dialog,
                               const struct remote_end *end, const struct sip_message *request) {
  struct str_view target;
  if (!dialog_method_refreshes_target(request->method)) return;
  /* What an earlier request of the same kind wished was refused without dialog_build_response. */
  if (dialog->pending_method == request->method) block_store_clear(table->blocks, &dialog->pending_target);
  struct str_view present = remote_end_words(table, end).remote_target;
  if (names_target(request, present)) {
    block_store_clear(table->blocks, &dialog->pending_target);
    return;
  }
  if (remote_end_target_of(request, context->arena, &target) != RESULT_OK) return;
  block_store_clear(table->blocks, &dialog->pending_target);
  if (str_view_equal(present, target)) return;
  /* A full block store leaves the old target, as if there had been no Contact. */
  if (block_store_set(table->blocks, &dialog->pending_target, target) == RESULT_OK)
    dialog->pending_method = (uint8_t)request->method;
}

void dialog_settle_target(struct dialog_table *table, struct context *context, struct dialog *dialog,
                          enum sip_method method, bool accepted) {
  if (dialog->pending_target.size_class == 0 || dialog->pending_method != method) return;
  struct str_view target = block_store_view(table->blocks, &dialog->pending_target);
  if (accepted) remote_end_retarget(table, context, dialog, &dialog->end, target);
  block_store_clear(table->blocks, &dialog->pending_target);
}

enum result dialog_receive_request(struct dialog_table *table, struct context *context, struct handle handle,
                                   const struct sip_message *request, const struct flow *flow) {
  struct dialog *dialog = dialog_at(table, handle);
  if (!dialog) return RESULT_NOT_FOUND;
  if (request->method == SIP_METHOD_ACK || request->method == SIP_METHOD_CANCEL) return RESULT_OK;
  struct remote_end *end = remote_end_by_tag(table, dialog, request->from_tag);
  if (!end) return RESULT_NOT_FOUND;
  if (end->has_remote_cseq && request->cseq < end->remote_cseq) return RESULT_OUT_OF_RANGE;
  end->remote_cseq = request->cseq;
  end->has_remote_cseq = true;
  if (request->method == SIP_METHOD_INVITE) dialog->remote_invite_cseq = request->cseq;
  if (dialog_method_refreshes_target(request->method))
    dialog->echo_record_route = sip_message_has(request, SIP_HEADER_RECORD_ROUTE);
  remote_end_note_abilities(end, request);
  follow_peer(table, context, dialog, end, request, flow);
  note_wished_target(table, context, dialog, end, request);
  if (request->method == SIP_METHOD_BYE) dialog_happens(dialog, DIALOG_EVENT_GOODBYE);
  return RESULT_OK;
}

/* --- responses --------------------------------------------------------------------------------------------------- */

static bool is_reliable(const struct sip_message *response) {
  return response->status > 100 && response->status < 200 && sip_message_has(response, SIP_HEADER_RSEQ) &&
         sip_message_lists_token(response, SIP_HEADER_REQUIRE, STR_VIEW("100rel"));
}

static bool is_answer(const struct sip_message *response) {
  return response->status >= 200 && response->status < 300;
}

/* A 2xx or a reliable 1xx moves the target; an unreliable 1xx must not (RFC 6141 §4.7). */
static void refresh_target_by_response(struct dialog_table *table, struct context *context, struct dialog *dialog,
                                       struct remote_end *end, const struct sip_message *response) {
  struct str_view target;
  if (!dialog_method_refreshes_target(response->method) || !(is_answer(response) || is_reliable(response))) return;
  if (names_target(response, remote_end_words(table, end).remote_target)) return;
  if (remote_end_target_of(response, context->arena, &target) == RESULT_OK)
    remote_end_retarget(table, context, dialog, end, target);
}

/* §13.2.2.4: the route set is computed anew from the 2xx; RFC 2543 did not mirror Record-Route in provisional
 * responses. */
static void relearn(struct dialog_table *table, struct context *context, struct dialog *dialog, struct remote_end *end,
                    const struct sip_message *response) {
  struct remote_end_words words = remote_end_words(table, end);
  bool has_route = words.route_set.length > 0 || sip_message_has(response, SIP_HEADER_RECORD_ROUTE);
  if (!has_route && names_target(response, words.remote_target)) return; /* as the provisional response said */
  /* Without a block the early dialog's route set stays, which mostly is the same. */
  if (remote_end_learn(table, context, end, &words, response) == RESULT_OK) remote_end_aim(table, context, dialog, end);
}

/* §12.3: with a refusal every early dialog ends; what the INVITE said is kept, it may be sent again. */
static void receive_refusal(struct dialog_table *table, struct dialog *dialog) {
  if (dialog->was_confirmed) return;
  struct remote_end *invited = remote_end_by_number(dialog, REMOTE_END_INVITED);
  if (invited) remote_end_make_current(dialog, invited);
  remote_end_drop_forks(table, dialog);
  dialog->was_refused = dialog->state != DIALOG_ENDED;
  dialog_happens(dialog, DIALOG_EVENT_REFUSAL);
}

/* The first remote end, and on the first 2xx its sender, is the one that our requests go to. */
static void welcome_end(struct dialog_table *table, struct dialog *dialog, struct remote_end *end, bool answered) {
  bool is_first = dialog->end.number == REMOTE_END_INVITED;
  if (is_first || (answered && !dialog->was_confirmed)) remote_end_make_current(dialog, end);
  dialog_happens(dialog, answered ? DIALOG_EVENT_ANSWER : DIALOG_EVENT_PROGRESS);
  if (!answered || dialog->was_confirmed) return;
  dialog->was_confirmed = true;
  remote_end_drop_forks(table, dialog);
}

/* A response to the INVITE that makes the dialog. */
static enum result receive_invite_response(struct dialog_table *table, struct context *context, struct dialog *dialog,
                                           const struct sip_message *response, unsigned *branch_out) {
  bool answered = is_answer(response);
  if (response->status == 100 || (response->status < 200 && response->to_tag.length == 0)) return RESULT_OK;
  if (response->status >= 300) {
    receive_refusal(table, dialog);
    return RESULT_OK;
  }
  struct remote_end *end = remote_end_by_tag(table, dialog, response->to_tag);
  if (!end && dialog->was_confirmed && !answered) return RESULT_NOT_FOUND; /* an early dialog that is too late */
  if (!end) {
    enum result result = remote_end_fork(table, context, dialog, response, &end);
    if (result != RESULT_OK) return result;
  } else if (answered && !dialog->was_confirmed) {
    relearn(table, context, dialog, end, response);
  } else if (!answered) {
    refresh_target_by_response(table, context, dialog, end, response);
  }
  remote_end_note_abilities(end, response);
  *branch_out = end->number;
  welcome_end(table, dialog, end, answered);
  return RESULT_OK;
}

enum result dialog_receive_response(struct dialog_table *table, struct context *context, struct handle handle,
                                    const struct sip_message *response, unsigned *branch_out) {
  struct dialog *dialog = dialog_at(table, handle);
  *branch_out = 0;
  if (!dialog) return RESULT_NOT_FOUND;
  bool is_first_invite =
      dialog->is_uac && response->method == SIP_METHOD_INVITE && response->cseq == dialog->invite_cseq;
  if (is_first_invite) return receive_invite_response(table, context, dialog, response, branch_out);
  struct remote_end *end = remote_end_by_tag(table, dialog, response->to_tag);
  if (!end) return RESULT_OK; /* a proxy answered (408, 503 …) with a tag of its own: nothing of the dialog changes */
  *branch_out = end->number;
  remote_end_note_abilities(end, response);
  refresh_target_by_response(table, context, dialog, end, response);
  return RESULT_OK;
}

/* --- branches ---------------------------------------------------------------------------------------------------- */

void dialog_dismiss_branch(struct dialog_table *table, struct context *context, struct handle handle,
                           const struct dialog_dismissal *dismissal) {
  struct dialog *dialog = dialog_at(table, handle);
  struct remote_end *end = dialog ? remote_end_by_number(dialog, dismissal->branch) : NULL;
  if (!end || end == &dialog->end || dismissal->branch == REMOTE_END_INVITED) return;
  struct dialog_ack ack = {.cseq = dismissal->cseq, .credentials = dismissal->ack_headers};
  (void)dialog_send_ack_to(table, context, dialog, end, &ack);
  if (end->is_dismissed) return; /* a repeated 2xx: its ACK was lost */
  struct dialog_request bye = {.method = SIP_METHOD_BYE, .extra_headers = dismissal->bye_headers};
  struct handle transaction;
  end->is_dismissed = dialog_send_to(table, context, dialog, end, &bye, &transaction) == RESULT_OK;
}
