/* The other leg's INVITE: own Call-ID, tag, Via and Contact (dialog/), Max-Forwards lowered by one, the numbers after
 * their rules, the header fields that may cross (call_carry.def), the session description with an origin of its own. */
#include "call/call_private.h"
#include "call/call_supervision.h"
#include "directory/directory.h"
#include "sip/sip_build.h"

#define URI_BYTES     640
#define HEADERS_BYTES 1024

/* sip:user@address; the port only when it is not the default. */
static struct str_view uri_of(struct call_step *step, struct str_view user, const struct address *address,
                              enum transport transport) {
  struct text_builder uri = arena_builder(step->context->arena, URI_BYTES);
  sip_uri_write(&uri, user, address, transport);
  return uri.overflowed ? (struct str_view){0} : text_builder_view(&uri);
}

static struct dialog_invitation invitation_for(struct call_step *step) {
  const struct call_destination *destination = &step->destination;
  const struct local_identity *local = step->context->local;
  const struct address *own = &local->sockets[destination->flow.socket_index].advertised;
  bool to_phone = destination->device->kind == DEVICE_PHONE;
  enum transport transport = (enum transport)destination->flow.transport;
  const struct address *there = &destination->flow.remote;
  struct dialog_invitation invitation = {.flow = destination->flow,
                                         .route = destination->route,
                                         .follow_flow = destination->follow_flow,
                                         .local_display = call_text(step->table, step->call, CALL_TEXT_DISPLAY)};
  invitation.request_uri = to_phone ? destination->request_uri : uri_of(step, destination->number, there, transport);
  invitation.remote_uri = uri_of(step, destination->number, to_phone ? own : there, TRANSPORT_NONE);
  invitation.local_uri = step->call->anonymous ? STR_VIEW("sip:anonymous@anonymous.invalid")
                                               : uri_of(step, destination->caller, own, TRANSPORT_NONE);
  return invitation;
}

/* Reliable provisional responses are asked for where a PRACK can be made: with an offer in the INVITE by ourselves,
 * without one only when the caller can, who then owes the answer (RFC 3262 §5). */
static void write_options(struct call_step *step, struct call_leg *leg, struct text_builder *headers) {
  const struct call_leg *caller = call_leg_at(step->table, step->call->caller);
  bool caller_can = dialog_peer_supports(step->table->rooms.dialogs, caller->dialog, DIALOG_PEER_100REL);
  if (caller->wants_reliable) sip_build_header(headers, SIP_HEADER_REQUIRE, STR_VIEW("100rel"));
  bool reliable = leg->invited_with_offer || caller_can || caller->wants_reliable;
  call_write_supported(headers, call_supervision_supports(step, leg), reliable);
}

/* Sends the INVITE of a callee leg; again when the first was answered 422. */
static enum result send_invite(struct call_step *step, struct call_leg *leg) {
  struct str_view carried = block_store_view(step->table->rooms.blocks, &step->call->carried_headers);
  struct call_body body = call_invite_body(step->table, step->call), sent;
  enum result result = call_body_for_leg(step, leg, &body, &sent, NULL);
  if (result != RESULT_OK) return result;
  struct text_builder headers = arena_builder(step->context->arena, carried.length + HEADERS_BYTES);
  leg->invited_with_offer = call_body_has_session(&sent);
  call_write_allow(&headers);
  write_options(step, leg, &headers);
  call_supervision_add_to_request(step, leg, SIP_METHOD_INVITE, &headers);
  text_builder_add(&headers, carried);
  if (headers.overflowed) return RESULT_FULL;
  struct dialog_request invite = {.method = SIP_METHOD_INVITE,
                                  .max_forwards = step->call->max_forwards,
                                  .extra_headers = text_builder_view(&headers),
                                  .content_type = sent.content_type,
                                  .body = sent.bytes,
                                  .owner = call_leg_owner(step->table, leg, LEG_PURPOSE_INVITE)};
  if (!leg->invited_with_offer) invite.owner.detail |= LEG_DETAIL_ASKS_OFFER;
  call_session_offered(step, leg, &sent);
  return dialog_send_request(step->table->rooms.dialogs, step->context, leg->dialog, &invite, &leg->invite);
}

enum result call_bridge_invite(struct call_step *step) {
  struct call_leg *leg = call_leg_create(step->table, step->call, CALL_CALLEE);
  if (!leg) return RESULT_FULL;
  struct dialog_invitation invitation = invitation_for(step);
  struct transaction_owner owner = call_leg_owner(step->table, leg, LEG_PURPOSE_INVITE);
  call_supervision_begin_leg(step, leg, step->destination.device);
  call_session_begin(step, leg, step->destination.flow.socket_index);
  step->call->callee_address = step->destination.flow.remote;
  enum result result = dialog_create_uac(step->table->rooms.dialogs, step->context, &invitation, owner, &leg->dialog);
  if (result == RESULT_OK) {
    call_note_leg(step, leg);
    result = send_invite(step, leg);
  }
  if (result != RESULT_OK) call_leg_destroy(step->table, step->context, leg);
  return result;
}
