/* From the caller's INVITE to the callee's answer: the actions of call_machine.def's set-up states. */
#include "call/call_supervision.h"
#include "directory/directory.h"
#include "parameters/parameters.h"

#define HEADERS_BYTES 4096

/* --- a new call -------------------------------------------------------------------------------------------------- */

/* Remembers what every attempt at a destination needs of the INVITE, which itself is gone after this event. */
static enum result keep_invite(struct call_step *step) {
  struct block_store *blocks = step->table->rooms.blocks;
  struct call_body body = call_body_of(step->message);
  struct text_builder headers = arena_builder(step->context->arena, step->message->bytes.length + HEADERS_BYTES);
  call_carry_headers(step, CARRY_IN_INVITE, &headers);
  if (headers.overflowed ||
      block_store_set(blocks, &step->call->carried_headers, text_builder_view(&headers)) != RESULT_OK)
    return RESULT_FULL;
  if (body.bytes.length == 0) return RESULT_OK;
  /* [length of the type, 2 bytes][type][body] */
  struct text_builder kept = arena_builder(step->context->arena, 2 + body.content_type.length + body.bytes.length);
  text_builder_add_char(&kept, (char)(body.content_type.length >> 8));
  text_builder_add_char(&kept, (char)(body.content_type.length & 0xff));
  text_builder_add(&kept, body.content_type);
  text_builder_add(&kept, body.bytes);
  if (kept.overflowed) return RESULT_FULL;
  return block_store_set(blocks, &step->call->attempts->invite_body, text_builder_view(&kept));
}

struct call_body call_invite_body(const struct call_table *table, const struct call *call) {
  struct str_view kept = block_store_view(table->rooms.blocks, &call->attempts->invite_body);
  if (kept.length < 2) return (struct call_body){0};
  size_t type_length = (size_t)(uint8_t)kept.data[0] << 8 | (uint8_t)kept.data[1];
  return (struct call_body){str_view_slice(kept, 2, type_length), str_view_from(kept, 2 + type_length)};
}

static uint8_t lowered_max_forwards(const struct sip_message *invite) {
  uint32_t hops;
  if (!str_view_to_u32(sip_message_header(invite, SIP_HEADER_MAX_FORWARDS), &hops) || hops > 255) hops = 70;
  return (uint8_t)(hops > 1 ? hops - 1 : 1);
}

/* Fills a fresh call from the INVITE. The caller's capacity is taken later, so that a refusal has its record. */
static enum result fill_call(struct call_step *step, const struct device *device) {
  struct call_leg *leg = step->leg;
  const struct call_rooms *rooms = &step->table->rooms;
  struct transaction_owner owner = call_leg_owner(step->table, leg, LEG_PURPOSE_INVITE);
  struct call_body body = call_body_of(step->message);
  enum result result = dialog_create_uas(rooms->dialogs, step->context, step->message, step->flow, owner, &leg->dialog);
  if (result != RESULT_OK) return result;
  if (!call_body_is_readable(step, &body)) return RESULT_MALFORMED;
  leg->invite = step->transaction;
  call_supervision_begin_leg(step, leg, device);
  call_session_begin(step, leg, dialog_flow(rooms->dialogs, leg->dialog).socket_index);
  leg->wants_reliable = sip_message_lists_token(step->message, SIP_HEADER_REQUIRE, STR_VIEW("100rel"));
  leg->offer = call_body_has_session(&body) ? LEG_OFFER_THEIRS : LEG_OFFER_NONE;
  step->call->max_forwards = lowered_max_forwards(step->message);
  step->call->caller_address = step->flow->remote;
  transaction_set_owner(rooms->transactions, step->transaction, owner);
  return keep_invite(step);
}

/* Nothing has been told to anybody yet but the caller. */
static void drop_fresh_call(struct call_step *step) {
  call_leg_destroy(step->table, step->context, step->leg);
  call_destroy(step->table, step->context, step->call);
  step->leg = NULL;
  step->call = NULL;
}

static void refuse_fresh(struct call_step *step, const struct device *device, enum end_reason reason, unsigned status) {
  bool full = status == 503;
  call_record_refused(step, reason, status, device);
  call_respond(step, step->transaction, status, full ? STR_VIEW("Retry-After: 10\r\n") : (struct str_view){0});
}

void call_receive_invite(struct call_step *step) {
  const struct device *device;
  if (call_admit(step, &device) != ADMISSION_PASSED || call_restored_answer_again(step) ||
      call_supervision_refuse(step, device))
    return;
  counters_add(step->context->counters, calls_attempted);
  call_record_unrecorded(step);
  step->call = step->table->draining ? NULL : call_create(step->table, step->context);
  if (!step->call) {
    refuse_fresh(step, device, END_REASON_capacity, 503);
    return;
  }
  step->leg = call_leg_at(step->table, step->call->caller);
  enum result result = fill_call(step, device);
  if (result != RESULT_OK) {
    drop_fresh_call(step);
    bool broken = result == RESULT_MALFORMED;
    refuse_fresh(step, device, broken ? END_REASON_protocol_error : END_REASON_capacity, broken ? 400 : 503);
    return;
  }
  call_note_leg(step, step->leg);
  step->destination.device = device; /* the caller's, until find_callee puts the callee's there */
  call_dispatch(step, CALL_EVENT_INVITE);
}

/* --- where to ---------------------------------------------------------------------------------------------------- */

static enum call_event refuse(struct call_step *step, enum end_reason reason) {
  step->call->attempts->failure = call_end_of(reason, END_BY_SWITCH);
  return CALL_EVENT_NOWHERE;
}

CALL_ACTION(find_callee) {
  const struct device *caller = step->destination.device;
  call_name_caller(step, caller);
  call_apply_overrides(step, caller, CALL_CALLER);
  if (caller->locked) return refuse(step, END_REASON_forbidden);
  if (directory_acquire(step->context->directory, caller) != RESULT_OK) return refuse(step, END_REASON_capacity);
  step->call->caller_usage = caller->usage;
  return call_destination_first(step);
}

CALL_ACTION(take_location) {
  return call_destination_located(step);
}

CALL_ACTION(give_up_locating) {
  call_end(step, call_end_of(END_REASON_not_registered, END_BY_SWITCH));
  return CALL_EVENT_NONE;
}

CALL_ACTION(invite_callee) {
  call_name_callee(step);
  step->call->ringing_seen = step->call->sdp_seen = false;
  if (call_bridge_invite(step) == RESULT_OK) {
    call_keep_attempt(step);
    return CALL_EVENT_NONE;
  }
  step->status = 503;
  return CALL_EVENT_SILENCE;
}

/* --- what the attempt brings ------------------------------------------------------------------------------------- */

static void note_progress(struct call_step *step) {
  struct call *call = step->call;
  struct call_body body = call_body_of(step->message);
  if (step->status == 180) call->ringing_seen = true;
  if (call_body_has_session(&body)) call->sdp_seen = true;
  if (call->ringing_at.value != 0) return;
  call->ringing_at = call_wall_now(call, step->context);
  call->pdd_ms = (uint32_t)mono_ms_since(step->context->now, call->started);
}

CALL_ACTION(pass_progress) {
  note_progress(step);
  call_pass_provisional(step);
  return CALL_EVENT_NONE;
}

/* The more telling of two failures: what a device said weighs more than that another one was silent. */
static void note_failure(struct call_step *step, struct call_end failure, bool said) {
  struct call_end *kept = &step->call->attempts->failure;
  bool had_said = kept->reason != END_REASON_gateway_timeout && kept->reason != END_REASON_no_answer;
  if (step->call->has_failed && !said && had_said) return;
  step->call->has_failed = true;
  *kept = failure;
}

/* The leg that failed is on its own; the call keeps of it what the record shows. */
static struct handle forget_attempt(struct call_step *step) {
  struct handle callee = step->call->callee;
  struct call_leg *leg = call_leg_at(step->table, callee);
  if (leg) {
    call_set_text(step, CALL_TEXT_CALLEE_CALL_ID, dialog_call_id(step->table->rooms.dialogs, leg->dialog));
    leg->call = HANDLE_NONE;
  }
  step->call->callee = HANDLE_NONE;
  call_release_callee(step);
  return callee;
}

/* RFC 3263 §4.3: 503, or no response at all, be it that the transport said so; then the server itself has failed. */
static bool is_servers_failure(const struct call_step *step, const struct route_failure *failure) {
  bool heard_nothing = step->left == CALL_STATE_INVITING;
  if (failure->ringing_seen || failure->sdp_seen) return false;
  return failure->status == 503 || (failure->status == 408 && failure->timed_out && heard_nothing);
}

static enum call_event go_on(struct call_step *step, const struct route_failure *failure) {
  bool final = failure->status >= 600;
  enum call_event other = CALL_EVENT_NONE;
  if (is_servers_failure(step, failure)) other = call_destination_other_address(step);
  if (other != CALL_EVENT_NONE) return other;
  if (step->call->callee_is_phone) return final ? CALL_EVENT_NOWHERE : call_destination_next(step);
  if (!failover_allowed(step->context->parameters, failure)) return CALL_EVENT_NOWHERE;
  return call_destination_next(step);
}

static struct route_failure failure_of(const struct call_step *step, unsigned status, bool timed_out) {
  return (struct route_failure){.status = status,
                                .ringing_seen = step->call->ringing_seen,
                                .sdp_seen = step->call->sdp_seen,
                                .timed_out = timed_out};
}

CALL_ACTION(weigh_refusal) {
  struct route_failure failure = failure_of(step, step->status, false);
  struct call_end end = call_end_of(end_reason_of_status(step->status), END_BY_CALLEE);
  end.status = (uint16_t)call_response_in_setup(step->status);
  end.q850 = (uint8_t)q850_cause_of_status(step->status);
  call_read_reason(step, &end);
  note_failure(step, end, true);
  (void)forget_attempt(step);
  return go_on(step, &failure);
}

CALL_ACTION(weigh_silence) {
  struct route_failure failure = failure_of(step, step->status, step->status == 408);
  bool rang = step->left != CALL_STATE_INVITING && step->left != CALL_STATE_TRYING;
  note_failure(step, call_end_of(rang ? END_REASON_no_answer : END_REASON_gateway_timeout, END_BY_SWITCH), false);
  (void)forget_attempt(step);
  return go_on(step, &failure);
}

CALL_ACTION(abandon_attempt) {
  struct route_failure failure = failure_of(step, 408, true);
  bool rang = step->left != CALL_STATE_INVITING && step->left != CALL_STATE_TRYING;
  struct call_end end = call_end_of(rang ? END_REASON_no_answer : END_REASON_gateway_timeout, END_BY_SWITCH);
  note_failure(step, end, false);
  call_leave_leg(step, forget_attempt(step), &end);
  return go_on(step, &failure);
}

/* --- the answer -------------------------------------------------------------------------------------------------- */

static void note_answer(struct call_step *step) {
  struct call *call = step->call;
  call->answered_at = call_wall_now(call, step->context);
  call->answered = step->context->now;
  duration_cap_start(&call->cap, call->answered, call->max_duration_s,
                     step->context->parameters->SS_SIP_NO_TIMER_REINVITE_INTERVAL);
  call_rearm_talk(step->table, step->context, call);
  step->table->answered_count++;
  counters_add(step->context->counters, calls_answered);
  block_store_clear(step->table->rooms.blocks, &call->carried_headers);
  call_drop_attempts(step->table, call);
}

static const struct outbox_entry *find_answer(const struct outbox *outbox, uint32_t from) {
  for (uint32_t i = from; i < outbox->entry_count; i++)
    if (outbox->entries[i].kind == OUTBOX_SEND && outbox->entries[i].waits) return &outbox->entries[i];
  return NULL;
}

CALL_ACTION(pass_answer) {
  struct call_leg *caller = call_leg_at(step->table, step->call->caller);
  note_answer(step);
  call_supervision_take_answer(step);
  bool is_offer = !step->leg->invited_with_offer;
  /* What the caller is told must not be forgotten by us: the 200 goes when the journal has the call. */
  struct outbox *outbox = step->context->outbox;
  uint32_t before = outbox->entry_count;
  outbox->sends_wait = OUTBOX_WAITS;
  enum result result = call_pass_answer(step, caller, caller->invite, is_offer);
  outbox->sends_wait = OUTBOX_WAITS_NOT;
  call_keep(step, find_answer(outbox, before));
  return result == RESULT_OK ? CALL_EVENT_NONE : CALL_EVENT_BROKEN;
}

/* The caller's ACK, or that of a re-INVITE: it may bring the answer that the other leg's ACK waits for. */
CALL_ACTION(pass_ack) {
  struct call_leg *leg = step->leg, *other = call_other_leg(step->table, step->leg);
  struct call_body body = call_body_of(step->message), sent = {0};
  if (!other || !other->ack_owed) return CALL_EVENT_NONE;
  bool readable = call_body_for_leg(step, other, &body, &sent, NULL) == RESULT_OK;
  if (!readable || sent.bytes.length == 0) {
    call_session_refused(step, leg);
    call_ack_settle(step, other);
    return readable ? CALL_EVENT_NONE : CALL_EVENT_BROKEN;
  }
  other->ack_owed = false;
  call_session_accepted(step, leg);
  call_ack_send(step, other, &sent);
  call_session_answered(step, other, &sent);
  return CALL_EVENT_NONE;
}
