/* Responses of one side passed to the other: provisional ones, 2xx with their session description. Refusals of the
 * first INVITE go another way (call_teardown.c), those of carried requests too (call_carried.c). */
#include "call/call_private.h"
#include "call/call_supervision.h"
#include "sip/sip_build.h"

#define RESPONSE_BYTES 4096

static struct text_builder response_builder(struct call_step *step, const struct call_body *body) {
  return arena_builder(step->context->arena, RESPONSE_BYTES + step->message->bytes.length + body->bytes.length);
}

/* --- provisional responses --------------------------------------------------------------------------------------- */

static enum result build_provisional(struct call_step *step, struct call_leg *caller, bool reliable,
                                     const struct call_body *body, struct text_builder *builder) {
  enum result result = dialog_build_response(step->table->rooms.dialogs, step->context, caller->dialog, caller->invite,
                                             SIP_METHOD_INVITE, step->status, (struct str_view){0}, builder);
  if (result != RESULT_OK) return result;
  call_write_allow(builder);
  if (reliable) sip_build_header(builder, SIP_HEADER_REQUIRE, STR_VIEW("100rel"));
  call_carry_headers(step, CARRY_IN_RESPONSE, builder);
  sip_build_end(builder, body->content_type, body->bytes);
  return builder->overflowed ? RESULT_FULL : RESULT_OK;
}

/* Reliable to the caller where he insists, and where the callee's was and the caller can; then his PRACK is the
 * callee's. */
void call_pass_provisional(struct call_step *step) {
  const struct call_rooms *rooms = &step->table->rooms;
  struct call_leg *caller = call_leg_at(step->table, step->call->caller);
  struct call_body body = call_body_of(step->message), sent;
  bool can = dialog_peer_supports(rooms->dialogs, caller->dialog, DIALOG_PEER_100REL);
  bool pending = dialog_provisional_is_pending(rooms->dialogs, caller->dialog);
  bool reliable = !pending && (caller->wants_reliable || (step->is_reliable && can));
  call_reliable_acknowledge(step, reliable);
  if (pending && caller->wants_reliable) return; /* one at a time (RFC 3262 §3); the next will tell as much */
  if (call_body_for_leg(step, caller, &body, &sent, NULL) != RESULT_OK) sent = (struct call_body){0};
  struct text_builder builder = response_builder(step, &sent);
  if (build_provisional(step, caller, reliable, &sent, &builder) != RESULT_OK) return;
  if (reliable) {
    call_reliable_send(step, caller, text_builder_view(&builder), &sent);
    return;
  }
  (void)!transaction_respond(rooms->transactions, step->context, caller->invite, step->status,
                             text_builder_view(&builder));
  dialog_note_response_sent(rooms->dialogs, caller->dialog, step->status);
  call_session_previewed(step, caller, &sent);
}

/* --- answers ----------------------------------------------------------------------------------------------------- */

static enum result build_answer(struct call_step *step, struct call_leg *to, struct handle transaction,
                                const struct call_body *body, struct text_builder *builder) {
  enum result result = dialog_build_response(step->table->rooms.dialogs, step->context, to->dialog, transaction,
                                             SIP_METHOD_INVITE, 200, (struct str_view){0}, builder);
  if (result != RESULT_OK) return result;
  call_write_allow(builder);
  call_write_supported(builder, call_supervision_supports(step, to), true);
  call_supervision_add_to_answer(step, to, SIP_METHOD_INVITE, builder);
  if (step->leg) call_carry_headers(step, CARRY_IN_RESPONSE, builder);
  sip_build_end(builder, body->content_type, body->bytes);
  return builder->overflowed ? RESULT_FULL : RESULT_OK;
}

enum result call_send_answer(struct call_step *step, struct call_leg *to, struct handle transaction,
                             const struct call_body *body) {
  const struct call_rooms *rooms = &step->table->rooms;
  struct text_builder builder = response_builder(step, body);
  enum result result = build_answer(step, to, transaction, body, &builder);
  if (result != RESULT_OK) return result;
  /* FULL: sent, but not stored: should it be lost, it cannot be sent again. */
  result = transaction_respond(rooms->transactions, step->context, transaction, 200, text_builder_view(&builder));
  if (result != RESULT_OK && result != RESULT_FULL) return result;
  dialog_note_response_sent(rooms->dialogs, to->dialog, 200);
  call_supervision_answered(step, to, SIP_METHOD_INVITE);
  to->invite = transaction;
  struct call_step own = {.table = step->table, .context = step->context, .call = step->call, .leg = to};
  leg_dispatch(&own, LEG_EVENT_ACCEPT);
  return RESULT_OK;
}

enum result call_pass_answer(struct call_step *step, struct call_leg *to, struct handle transaction, bool is_offer) {
  struct call_body body = call_body_of(step->message), sent;
  enum result result = call_body_for_leg(step, to, &body, &sent, NULL);
  if (result == RESULT_OK) result = call_send_answer(step, to, transaction, &sent);
  if (result != RESULT_OK) return result;
  if (is_offer) {
    step->leg->offer = LEG_OFFER_THEIRS;
    call_session_offered(step, to, &sent);
  } else {
    call_session_accepted(step, step->leg);
    call_session_answered(step, to, &sent);
  }
  return RESULT_OK;
}
