/* Requests inside the call that are carried from one leg to the other: re-INVITE and UPDATE for hold, resume, codecs
 * and T.38, INFO, MESSAGE, REFER, NOTIFY; and their responses back. What changes nothing is answered here.
 *
 *   peer A ── request ──► leg A [carried: from ─ to] leg B ── request ──► peer B
 *
 * A leg keeps the list of its peer's requests that wait for the other side. */
#include "call/call_private.h"
#include "call/call_supervision.h"
#include "directory/directory.h"
#include "sip/sip_build.h"
#include "sip/sip_uri.h"
#include "supervision/session_guard.h"

#define HEADERS_BYTES  4096
#define RESPONSE_BYTES 4096

/* How long a re-INVITE of ours may be answered with provisional responses and nothing else: as long as a proxy waits
 * (RFC 3261 §16.6, Timer C), and where it stands for an UPDATE, as long as somebody waits for that one's answer. */
static int64_t patience_ms(enum sip_method method) {
  return method == SIP_METHOD_INVITE ? 180 * 1000 : SESSION_TRANSACTION_MS;
}

/* While it is open neither side can refresh its session by re-INVITE: the time for that must be left. */
static int64_t patience_beside_session_ms(const struct call_step *step, const struct call_leg *leg, int64_t wanted_ms) {
  struct mono_ms guard;
  if (!leg || !session_timer_guard(&leg->session_timer, step->context->parameters, &guard)) return wanted_ms;
  int64_t left_ms = mono_ms_since(guard, step->context->now), half_ms = left_ms / 2;
  int64_t least_ms = left_ms - SESSION_TRANSACTION_MS > half_ms ? left_ms - SESSION_TRANSACTION_MS : half_ms;
  return least_ms < wanted_ms ? least_ms : wanted_ms;
}

/* --- the list ---------------------------------------------------------------------------------------------------- */

void call_carried_note(struct call_step *step, struct call_leg *to, enum sip_method sent_as, struct handle transaction,
                       bool has_offer) {
  struct handle handle;
  struct call_carried *carried = pool_take(&step->table->carried, &handle);
  if (!carried) {
    /* Its answer will find nobody; the peer is told now. */
    if (sent_as != SIP_METHOD_INVITE) transaction_disown(step->table->rooms.transactions, transaction);
    if (has_offer) call_session_refused(step, to);
    call_respond(step, step->transaction, 500, STR_VIEW("Retry-After: 5\r\n"));
    return;
  }
  int64_t wait_ms = patience_beside_session_ms(step, step->leg, patience_ms(step->message->method));
  wait_ms = patience_beside_session_ms(step, to, wait_ms);
  *carried = (struct call_carried){.next = step->leg->carried,
                                   .method = (uint8_t)step->message->method,
                                   .sent_as = (uint8_t)sent_as,
                                   .has_offer = has_offer,
                                   .from = step->transaction,
                                   .to = transaction,
                                   .began = step->context->now,
                                   .patience_end = mono_ms_add(step->context->now, wait_ms)};
  step->leg->carried = handle.index + 1;
  if (sent_as == SIP_METHOD_INVITE) call_rearm_talk(step->table, step->context, step->call);
  if (has_offer) step->leg->offer = LEG_OFFER_THEIRS;
}

/* Takes the request out of the leg's list whose transaction on either side is `transaction`. */
static bool take_carried(struct call_table *table, struct call_leg *leg, struct handle transaction,
                         struct call_carried *carried_out) {
  for (uint32_t *link = leg ? &leg->carried : NULL; link && *link != 0;) {
    struct call_carried *carried = call_carried_at(table, *link);
    if (!handle_equal(carried->to, transaction) && !handle_equal(carried->from, transaction)) {
      link = &carried->next;
      continue;
    }
    *carried_out = *carried;
    *link = carried->next;
    pool_give(&table->carried, carried);
    return true;
  }
  return false;
}

static struct call_carried *carried_as(const struct call_step *step) {
  const struct call_leg *leg = call_other_leg(step->table, step->leg);
  for (uint32_t at = leg ? leg->carried : 0; at != 0; at = call_carried_at(step->table, at)->next)
    if (handle_equal(call_carried_at(step->table, at)->to, step->transaction)) return call_carried_at(step->table, at);
  return NULL;
}

static bool is_waited_for(const struct call_carried *carried) {
  return carried->sent_as == SIP_METHOD_INVITE && !carried->is_cancelled;
}

/* `to`: the leg that it was sent on. */
static void give_up(struct call_step *step, struct call_leg *to, struct call_carried *carried) {
  carried->is_cancelled = carried->is_given_up = true;
  call_cancel(step, to, carried->to, (struct str_view){0});
}

bool call_carried_is_awaited(const struct call_step *step) {
  const struct call_carried *carried = carried_as(step);
  return carried && !carried->is_cancelled;
}

void call_carried_moved(struct call_step *step, struct handle transaction) {
  carried_as(step)->to = transaction;
}

static bool carries_invite(const struct call_table *table, const struct call_leg *leg) {
  for (uint32_t at = leg->carried; at != 0; at = call_carried_at(table, at)->next)
    if (call_carried_at(table, at)->sent_as == SIP_METHOD_INVITE) return true;
  return false;
}

static bool has_received(const struct call_table *table, const struct call_leg *leg, enum sip_method method) {
  for (uint32_t at = leg->carried; at != 0; at = call_carried_at(table, at)->next)
    if (call_carried_at(table, at)->method == method) return true;
  return false;
}

bool call_invite_is_open(const struct call_table *table, const struct call_leg *leg) {
  const struct call_leg *other = call_other_leg(table, leg);
  return leg->ack_owed || has_received(table, leg, SIP_METHOD_INVITE) || call_refresh_is_inviting(leg) ||
         (other && carries_invite(table, other));
}

void call_carried_forget(struct call_step *step, struct call_leg *leg, unsigned status) {
  struct call_step own = {.table = step->table, .context = step->context, .leg = leg};
  while (leg->carried != 0) {
    struct call_carried *carried = call_carried_at(step->table, leg->carried);
    leg->carried = carried->next;
    call_respond(&own, carried->from, status, (struct str_view){0});
    /* A 2xx to an INVITE still has to be acknowledged by the leg that sent it. */
    if (carried->sent_as != SIP_METHOD_INVITE) transaction_disown(step->table->rooms.transactions, carried->to);
    pool_give(&step->table->carried, carried);
  }
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

static uint8_t lowered_max_forwards(const struct sip_message *request) {
  uint32_t hops;
  if (!str_view_to_u32(sip_message_header(request, SIP_HEADER_MAX_FORWARDS), &hops) || hops > 255) hops = 70;
  return (uint8_t)(hops > 1 ? hops - 1 : 1);
}

static enum result send_on(struct call_step *step, struct call_leg *to, enum sip_method method,
                           const struct call_body *body, struct handle *transaction_out) {
  struct text_builder headers = arena_builder(step->context->arena, HEADERS_BYTES + step->message->bytes.length);
  bool negotiates = method == SIP_METHOD_INVITE || method == SIP_METHOD_UPDATE;
  if (negotiates) {
    call_write_allow(&headers);
    call_supervision_add_to_request(step, to, method, &headers);
  }
  call_write_supported(&headers, call_supervision_supports(step, to), false);
  call_carry_headers(step, CARRY_IN_REQUEST, &headers);
  struct str_view name = method == SIP_METHOD_UNKNOWN ? step->message->method_text : sip_method_text(method);
  uint32_t sent = call_credentials_add(step, to, name, &headers);
  if (headers.overflowed) return RESULT_FULL;
  struct dialog_request request = {.method = method,
                                   .method_text = step->message->method_text,
                                   .max_forwards = lowered_max_forwards(step->message),
                                   .extra_headers = text_builder_view(&headers),
                                   .content_type = body->content_type,
                                   .body = body->bytes,
                                   .owner = call_leg_owner(step->table, to, LEG_PURPOSE_CARRIED)};
  request.owner.detail |= sent;
  if (method == SIP_METHOD_INVITE && !call_body_has_session(body)) request.owner.detail |= LEG_DETAIL_ASKS_OFFER;
  return dialog_send_request(step->table->rooms.dialogs, step->context, to->dialog, &request, transaction_out);
}

void call_carry_request(struct call_step *step) {
  struct call_leg *to = call_other_leg(step->table, step->leg);
  struct call_body body = call_body_of(step->message);
  struct handle transaction;
  if (!to || send_on(step, to, step->message->method, &body, &transaction) != RESULT_OK) {
    call_respond(step, step->transaction, 500, STR_VIEW("Retry-After: 5\r\n"));
    return;
  }
  call_carried_note(step, to, step->message->method, transaction, false);
}

/* docs/decisions/calls.md: vendors do not tell our devices whom to call, and Replaces names a dialog that the other
 * side does not know. */
void call_refer(struct call_step *step) {
  struct str_view target = sip_message_header(step->message, SIP_HEADER_REFER_TO);
  struct sip_name_addr name_addr;
  if (sip_name_addr_parse(target, &name_addr) != RESULT_OK) {
    call_respond(step, step->transaction, 400, (struct str_view){0}); /* RFC 3515 §2.4.2 */
    return;
  }
  if (step->leg->device_kind == DEVICE_ROUTING_GATEWAY) {
    call_respond(step, step->transaction, 403, (struct str_view){0});
    return;
  }
  if (str_view_starts_with_nocase(name_addr.uri.headers, STR_VIEW("Replaces="))) {
    call_respond(step, step->transaction, 488, (struct str_view){0});
    return;
  }
  call_carry_request(step);
}

/* --- renegotiation ----------------------------------------------------------------------------------------------- */

/* The status with which a re-INVITE or UPDATE has to wait because another exchange is open; 0: none is. */
static unsigned glare(const struct call_step *step, const struct call_leg *to, bool as_invite, bool has_offer) {
  const struct call_table *table = step->table;
  const struct call_leg *leg = step->leg;
  bool is_invite = step->message->method == SIP_METHOD_INVITE;
  /* The peer's own earlier one is not done (RFC 3261 §14.2, RFC 3311 §5.2). */
  if (has_received(table, leg, step->message->method)) return 500;
  if (is_invite && leg->state != LEG_STATE_OPEN) return 500;
  if (has_offer && leg->offer == LEG_OFFER_THEIRS) return 500; /* RFC 3311 §5.2 */
  if (has_offer && leg->offer == LEG_OFFER_OURS) return 491;
  bool ours_is_open = leg->ack_owed || call_refresh_is_inviting(leg) || (to && carries_invite(table, to));
  if (is_invite && ours_is_open) return 491; /* §14.2 */
  /* The same on the other leg, where it would be our fault (§14.1). */
  if (!to || (has_offer && to->offer != LEG_OFFER_NONE)) return 491;
  if (as_invite && (to->state != LEG_STATE_OPEN || call_invite_is_open(table, to))) return 491;
  return 0;
}

/* Who asks for something of its own will hardly answer ours any more that has only rung for a transaction's time. Were
 * it left open, the peer could not even refresh its session: 491 to each attempt, until the session expires. */
static void yield(struct call_step *step) {
  const struct call_leg *other = call_other_leg(step->table, step->leg);
  struct mono_ms began_before = mono_ms_add(step->context->now, -SESSION_TRANSACTION_MS);
  for (uint32_t at = other ? other->carried : 0; at != 0; at = call_carried_at(step->table, at)->next) {
    struct call_carried *carried = call_carried_at(step->table, at);
    if (is_waited_for(carried) && !mono_ms_before(began_before, carried->began)) give_up(step, step->leg, carried);
  }
}

static void refuse_glare(struct call_step *step, unsigned status) {
  if (status == 491) yield(step);
  if (status == 500)
    call_respond_later(step);
  else
    call_respond(step, step->transaction, status, (struct str_view){0});
}

static void respond_to(struct call_step *step, struct call_leg *leg, const struct call_carried *carried,
                       unsigned status, const struct call_body *body) {
  const struct call_rooms *rooms = &step->table->rooms;
  enum sip_method method = (enum sip_method)carried->method;
  size_t room = RESPONSE_BYTES + body->bytes.length + (step->message ? step->message->bytes.length : 0);
  struct text_builder builder = arena_builder(step->context->arena, room);
  if (dialog_build_response(rooms->dialogs, step->context, leg->dialog, carried->from, method, status,
                            (struct str_view){0}, &builder) != RESULT_OK)
    return; /* answered meanwhile (BYE), or its client has given up */
  if (status == 405 || (status < 300 && method == SIP_METHOD_UPDATE)) call_write_allow(&builder);
  if (status < 300 && method == SIP_METHOD_UPDATE) call_supervision_add_to_answer(step, leg, method, &builder);
  if (step->message && !step->message->is_request) call_carry_headers(step, CARRY_IN_RESPONSE, &builder);
  sip_build_end(&builder, body->content_type, body->bytes);
  if (!builder.overflowed)
    (void)!transaction_respond(rooms->transactions, step->context, carried->from, status, text_builder_view(&builder));
  if (method == SIP_METHOD_INVITE) dialog_note_response_sent(rooms->dialogs, leg->dialog, status);
  if (method == SIP_METHOD_UPDATE && status < 300) call_supervision_answered(step, leg, method);
}

/* Nothing changes for the other side: a refresh of this leg only, answered with what is in force. */
static void answer_here(struct call_step *step) {
  struct call_body body = call_session_in_force(step, step->leg);
  if (step->message->method == SIP_METHOD_INVITE) {
    struct call_step own = *step;
    own.leg = NULL; /* nothing of the request is carried into its own answer */
    if (call_send_answer(&own, step->leg, step->transaction, &body) != RESULT_OK)
      call_respond(step, step->transaction, 500, (struct str_view){0});
    return;
  }
  struct call_body request_body = call_body_of(step->message), none = {0};
  struct call_carried self = {.method = SIP_METHOD_UPDATE, .from = step->transaction};
  respond_to(step, step->leg, &self, 200, call_body_has_session(&request_body) ? &body : &none);
}

/* UPDATE goes as UPDATE to who allows it, else as re-INVITE, which everybody does. */
static enum sip_method sent_as(const struct call_step *step, const struct call_leg *to) {
  if (step->message->method == SIP_METHOD_INVITE) return SIP_METHOD_INVITE;
  bool allowed = to && dialog_peer_allows(step->table->rooms.dialogs, to->dialog, SIP_METHOD_UPDATE);
  return allowed || (to && to->state != LEG_STATE_OPEN) ? SIP_METHOD_UPDATE : SIP_METHOD_INVITE;
}

static void carry_session(struct call_step *step, struct call_leg *to, enum sip_method method,
                          const struct call_body *body) {
  bool has_offer = call_body_has_session(body);
  struct handle transaction;
  call_session_offered(step, to, body);
  if (send_on(step, to, method, body, &transaction) != RESULT_OK) {
    if (has_offer) call_session_refused(step, to);
    call_respond(step, step->transaction, 500, STR_VIEW("Retry-After: 5\r\n"));
    return;
  }
  if (step->message->method == SIP_METHOD_INVITE)
    transaction_set_owner(step->table->rooms.transactions, step->transaction,
                          call_leg_owner(step->table, step->leg, LEG_PURPOSE_CARRIED));
  call_carried_note(step, to, method, transaction, has_offer);
}

void call_renegotiate(struct call_step *step) {
  struct call_leg *to = call_other_leg(step->table, step->leg);
  struct call_body body = call_body_of(step->message), sent = {0};
  bool has_offer = call_body_has_session(&body), changed = false;
  enum sip_method method = sent_as(step, to);
  unsigned status = glare(step, to, method == SIP_METHOD_INVITE, has_offer);
  bool is_mere_update = step->message->method == SIP_METHOD_UPDATE && body.bytes.length == 0;
  if (is_mere_update && !has_received(step->table, step->leg, SIP_METHOD_UPDATE)) {
    answer_here(step);
    return;
  }
  if (status != 0) {
    refuse_glare(step, status);
    return;
  }
  if (call_body_for_leg(step, to, &body, &sent, &changed) != RESULT_OK) {
    call_respond(step, step->transaction, 488, (struct str_view){0});
    return;
  }
  if (has_offer && !changed && call_has_session(step->table, step->leg))
    answer_here(step);
  else
    carry_session(step, to, method, &sent);
}

/* --- responses --------------------------------------------------------------------------------------------------- */

/* The 2xx to our re-INVITE: acknowledged at once, or, when it brings an offer, with the answer of the other side's ACK.
 */
static void acknowledge(struct call_step *step, const struct call_carried *carried) {
  struct call_leg *leg = step->leg;
  if (carried->sent_as != SIP_METHOD_INVITE) return;
  if (carried->method == SIP_METHOD_INVITE && !carried->has_offer) {
    call_ack_owe(step, leg);
    return;
  }
  leg->ack_cseq = step->message->cseq;
  call_ack_send(step, leg, NULL);
}

static enum result pass_body(struct call_step *step, struct call_leg *leg, const struct call_carried *carried) {
  struct call_body body = call_body_of(step->message), sent;
  enum result result = call_body_for_leg(step, leg, &body, &sent, NULL);
  if (result != RESULT_OK) return result;
  respond_to(step, leg, carried, step->status, &sent);
  if (!carried->has_offer) return RESULT_OK;
  call_session_accepted(step, step->leg);
  call_session_answered(step, leg, &sent);
  return RESULT_OK;
}

static void accept(struct call_step *step, struct call_leg *leg, const struct call_carried *carried) {
  acknowledge(step, carried);
  if (carried->sent_as == SIP_METHOD_INVITE || carried->sent_as == SIP_METHOD_UPDATE)
    call_supervision_take_answer(step);
  enum result result = carried->method == SIP_METHOD_INVITE
                           ? call_pass_answer(step, leg, carried->from, !carried->has_offer)
                           : pass_body(step, leg, carried);
  if (result == RESULT_OK) return;
  /* One side has agreed to what the other cannot be told. */
  struct call_body none = {0};
  respond_to(step, leg, carried, 500, &none);
  call_dispatch(step, CALL_EVENT_BROKEN);
}

/* RFC 3261 §12.2.1.2: 481 ends the dialog, and 408 or silence on a re-INVITE. Silence on other methods is no proof:
 * there are devices that swallow what they do not know. */
static bool is_lost(const struct call_step *step, const struct call_carried *carried) {
  bool negotiates = carried->sent_as == SIP_METHOD_INVITE || carried->sent_as == SIP_METHOD_UPDATE;
  bool is_silent = step->status == 408 && carried->sent_as == SIP_METHOD_INVITE;
  if (step->leg->state != LEG_STATE_OPEN && step->leg->state != LEG_STATE_ANSWERED) return false;
  if (is_silent && carried->is_given_up) return false; /* it was there; supervision finds out whether it is */
  /* Heard meanwhile, it lives: its address has changed, say, while the request went to the old one. */
  if (is_silent && !step->message && call_supervision_heard_within(step, step->leg, SESSION_TRANSACTION_MS))
    return false;
  return (step->status == 481 && negotiates) || is_silent;
}

static void refuse(struct call_step *step, struct call_leg *leg, const struct call_carried *carried) {
  struct call_body none = {0};
  unsigned status = call_response_inside(step->status);
  bool silent = !step->message || carried->is_given_up, lost = is_lost(step, carried);
  /* RFC 4320 §4.2: no 408 to other requests than INVITE; and where it ends nothing it must not look as if it did. */
  if (silent && (carried->method != SIP_METHOD_INVITE || !lost)) status = 504;
  if (carried->has_offer) {
    call_session_refused(step, step->leg);
    if (!step->message) call_session_doubtful(step, step->leg);
    leg->offer = LEG_OFFER_NONE;
  }
  respond_to(step, leg, carried, status, &none);
  if (lost) call_dispatch(step, CALL_EVENT_LOST);
}

void call_carried_final(struct call_step *step) {
  struct call_leg *leg = call_other_leg(step->table, step->leg);
  struct call_carried carried;
  bool accepted = step->message && step->status < 300;
  if (!take_carried(step->table, leg, step->transaction, &carried)) {
    if (accepted && step->message->method == SIP_METHOD_INVITE) leg_dispatch(step, LEG_EVENT_ANSWER);
    return;
  }
  if (accepted)
    accept(step, leg, &carried);
  else
    refuse(step, leg, &carried);
}

void call_carried_cancel(struct call_step *step) {
  for (uint32_t at = step->leg->carried; at != 0; at = call_carried_at(step->table, at)->next) {
    struct call_carried *carried = call_carried_at(step->table, at);
    if (!handle_equal(carried->from, step->transaction) || carried->sent_as != SIP_METHOD_INVITE) continue;
    carried->is_cancelled = true;
    call_cancel(step, call_other_leg(step->table, step->leg), carried->to, (struct str_view){0});
  }
}

/* --- patience ---------------------------------------------------------------------------------------------------- */

struct mono_ms call_carried_patience(const struct call_table *table, const struct call *call, struct mono_ms latest) {
  const struct handle legs[] = {call->caller, call->callee};
  for (unsigned i = 0; i < 2; i++) {
    const struct call_leg *leg = call_leg_at(table, legs[i]);
    for (uint32_t at = leg ? leg->carried : 0; at != 0; at = call_carried_at(table, at)->next) {
      const struct call_carried *carried = call_carried_at(table, at);
      if (is_waited_for(carried) && mono_ms_before(carried->patience_end, latest)) latest = carried->patience_end;
    }
  }
  return latest;
}

static void give_up_those_of(struct call_step *step, const struct call_leg *leg) {
  for (uint32_t at = leg->carried; at != 0; at = call_carried_at(step->table, at)->next) {
    struct call_carried *carried = call_carried_at(step->table, at);
    if (is_waited_for(carried) && !mono_ms_before(step->context->now, carried->patience_end))
      give_up(step, call_other_leg(step->table, leg), carried);
  }
}

void call_carried_give_up(struct call_step *step) {
  const struct handle legs[] = {step->call->caller, step->call->callee};
  for (unsigned i = 0; i < 2; i++) {
    const struct call_leg *leg = call_leg_at(step->table, legs[i]);
    if (leg) give_up_those_of(step, leg);
  }
}
