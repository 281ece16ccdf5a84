/* Reliable provisional responses from end to end (RFC 3262). When the callee sends one and the caller can, ours to the
 * caller is reliable too, and the callee's PRACK is made when the caller's has come, with what is in it (an answer, a
 * further offer); the answer to the one is the answer to the other. When the caller cannot, ours is plain and the
 * callee's PRACK is made here at once. */
#include "call/call_supervision.h"

#define SLACK_BYTES   64 /* what the parser may read beyond a message */
#define HEADERS_BYTES 4096

/* True when the response is new or plain; false when it came before, or too early. */
bool call_reliable_take(struct call_step *step) {
  enum result result =
      dialog_check_reliable(step->table->rooms.dialogs, step->leg->dialog, step->branch, step->message);
  step->is_reliable = result == RESULT_OK;
  return result != RESULT_EXISTS;
}

/* RFC 3262 §3: the 2xx waits for the PRACK of a reliable response that held a session description. The callee sends its
 * 2xx again until it is acknowledged, so that this one may be forgotten. */
bool call_answer_must_wait(struct call_step *step) {
  if (step->leg->state != LEG_STATE_INVITED || !step->call) return false;
  const struct call_leg *caller = call_leg_at(step->table, step->call->caller);
  return caller->reliable_session && dialog_provisional_is_pending(step->table->rooms.dialogs, caller->dialog);
}

/* --- towards the callee ------------------------------------------------------------------------------------------ */

static enum result send_prack(struct call_step *step, struct call_leg *callee, const struct sip_message *response,
                              unsigned branch, const struct dialog_request *request, struct handle *transaction_out) {
  return dialog_send_prack(step->table->rooms.dialogs, step->context, callee->dialog, branch, response, request,
                           transaction_out);
}

void call_reliable_acknowledge(struct call_step *step, bool wait_for_caller) {
  struct call_leg *callee = step->leg;
  struct block_store *blocks = step->table->rooms.blocks;
  struct handle transaction;
  if (!step->is_reliable) return;
  if (wait_for_caller && block_store_set(blocks, &callee->held_response, step->message->bytes) == RESULT_OK) {
    callee->held_branch = (uint8_t)step->branch;
    return;
  }
  struct text_builder lines = arena_builder(step->context->arena, HEADERS_BYTES);
  call_write_supported(&lines, call_supervision_supports(step, callee), false);
  uint32_t sent = call_credentials_add(step, callee, STR_VIEW("PRACK"), &lines);
  struct dialog_request prack = {.extra_headers = lines.overflowed ? (struct str_view){0} : text_builder_view(&lines),
                                 .owner = call_leg_owner(step->table, callee, LEG_PURPOSE_PRACK)};
  prack.owner.detail |= sent;
  (void)!send_prack(step, callee, step->message, step->branch, &prack, &transaction);
}

/* --- towards the caller ------------------------------------------------------------------------------------------ */

void call_reliable_send(struct call_step *step, struct call_leg *caller, struct str_view response,
                        const struct call_body *sent) {
  struct dialog_table *dialogs = step->table->rooms.dialogs;
  struct mono_ms again;
  if (dialog_send_reliable(dialogs, step->context, caller->dialog, caller->invite, step->status, response) != RESULT_OK)
    return;
  dialog_note_response_sent(dialogs, caller->dialog, step->status);
  if (dialog_provisional_due(dialogs, step->context, caller->dialog, &again) == RESULT_OK)
    timer_wheel_arm(step->context->wheel, &caller->timer, TIMER_CALL_LEG, again);
  caller->reliable_session = call_body_has_session(sent);
  if (!caller->reliable_session) return;
  if (!step->leg->invited_with_offer) {
    step->leg->offer = LEG_OFFER_THEIRS;
    call_session_offered(step, caller, sent);
    return;
  }
  if (step->is_reliable) call_session_accepted(step, step->leg);
  call_session_answered(step, caller, sent);
}

/* --- PRACK from the caller --------------------------------------------------------------------------------------- */

/* The callee's response that waits for this PRACK, read again; NULL when there is none. */
static const struct sip_message *take_held(struct call_step *step, struct call_leg *callee,
                                           struct sip_message *message) {
  struct block_store *blocks = step->table->rooms.blocks;
  struct str_view kept = callee ? block_store_view(blocks, &callee->held_response) : (struct str_view){0};
  struct sip_defect defect;
  char *bytes = kept.length > 0 ? arena_take(step->context->arena, kept.length + SLACK_BYTES) : NULL;
  if (!bytes) return NULL;
  memcpy(bytes, kept.data, kept.length);
  memset(bytes + kept.length, 0, SLACK_BYTES);
  block_store_clear(blocks, &callee->held_response);
  return sip_message_parse(str_view_of(bytes, kept.length), message, &defect) == RESULT_OK ? message : NULL;
}

static void carry_prack(struct call_step *step, struct call_leg *callee, const struct sip_message *response) {
  struct call_body body = call_body_of(step->message), sent;
  struct text_builder headers = arena_builder(step->context->arena, HEADERS_BYTES + step->message->bytes.length);
  struct handle transaction;
  if (call_body_for_leg(step, callee, &body, &sent, NULL) != RESULT_OK) sent = (struct call_body){0};
  call_write_supported(&headers, call_supervision_supports(step, callee), false);
  call_carry_headers(step, CARRY_IN_REQUEST, &headers);
  uint32_t login = call_credentials_add(step, callee, STR_VIEW("PRACK"), &headers);
  struct dialog_request prack = {.extra_headers = text_builder_view(&headers),
                                 .content_type = sent.content_type,
                                 .body = sent.bytes,
                                 .owner = call_leg_owner(step->table, callee, LEG_PURPOSE_CARRIED)};
  prack.owner.detail |= login;
  if (headers.overflowed ||
      send_prack(step, callee, response, callee->held_branch, &prack, &transaction) != RESULT_OK) {
    call_respond(step, step->transaction, 200, (struct str_view){0});
    return;
  }
  bool answers = step->leg->offer == LEG_OFFER_OURS;
  if (answers && sent.bytes.length > 0) {
    call_session_accepted(step, step->leg);
    call_session_answered(step, callee, &sent);
    callee->invited_with_offer = true; /* the 2xx brings no further offer */
  }
  call_carried_note(step, callee, SIP_METHOD_PRACK, transaction, !answers && call_body_has_session(&sent));
}

void call_reliable_prack(struct call_step *step) {
  struct call_leg *leg = step->leg, *callee = call_other_leg(step->table, leg);
  struct sip_message message;
  if (dialog_receive_prack(step->table->rooms.dialogs, leg->dialog, step->message) != RESULT_OK) {
    call_respond(step, step->transaction, 481, (struct str_view){0}); /* RFC 3262 §3 */
    return;
  }
  timer_wheel_cancel(step->context->wheel, &leg->timer);
  const struct sip_message *response = take_held(step, callee, &message);
  if (response)
    carry_prack(step, callee, response);
  else
    call_respond(step, step->transaction, 200, (struct str_view){0});
}
