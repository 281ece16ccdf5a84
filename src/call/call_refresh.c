/* Our refreshes and probes: what supervision/session_timer.h wants sent is sent here, what comes back is told there,
 * and where it gives a leg up the call ends on both sides. */
#include "call/call_supervision.h"
#include "parameters/parameters.h"
#include "sip/sip_header_values.h"

#define HEADERS_BYTES 4096
#define LATE_MS       1000

/* --- counting ---------------------------------------------------------------------------------------------------- */

enum refresh_result {
  REFRESH_RESULT_ACCEPTED,
  REFRESH_RESULT_REFUSED,
  REFRESH_RESULT_UNANSWERED,
  REFRESH_RESULT_COUNT
};
enum counted_method { COUNTED_UPDATE, COUNTED_INVITE, COUNTED_OPTIONS, COUNTED_METHOD_COUNT };

#define REFRESHES_OF(side, method)                                                                                     \
  {                                                                                                                    \
    offsetof(struct counters, session_refreshes_##side##_##method##_accepted),                                         \
        offsetof(struct counters, session_refreshes_##side##_##method##_refused),                                      \
        offsetof(struct counters, session_refreshes_##side##_##method##_unanswered)                                    \
  }

static const size_t refresh_counters[2][COUNTED_METHOD_COUNT][REFRESH_RESULT_COUNT] = {
    [CALL_CALLER] = {REFRESHES_OF(caller, update), REFRESHES_OF(caller, invite), REFRESHES_OF(caller, options)},
    [CALL_CALLEE] = {REFRESHES_OF(callee, update), REFRESHES_OF(callee, invite), REFRESHES_OF(callee, options)},
};

static const struct {
  int64_t below_ms;
  size_t counter;
} margins[] = {
    {5000, offsetof(struct counters, session_margins_below_5_s)},
    {15000, offsetof(struct counters, session_margins_below_15_s)},
    {30000, offsetof(struct counters, session_margins_below_30_s)},
    {60000, offsetof(struct counters, session_margins_below_60_s)},
    {300000, offsetof(struct counters, session_margins_below_300_s)},
    {INT64_MAX, offsetof(struct counters, session_margins_above)},
};

static void add_at(struct context *context, size_t offset) {
  uint64_t *counter = (uint64_t *)(void *)((char *)context->counters + offset);
  __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

static enum counted_method counted(enum sip_method method) {
  if (method == SIP_METHOD_UPDATE) return COUNTED_UPDATE;
  return method == SIP_METHOD_INVITE ? COUNTED_INVITE : COUNTED_OPTIONS;
}

/* Told before the timer takes the refresh: how far away the guard still was. */
static void count_margin(struct call_step *step, const struct call_leg *leg) {
  struct mono_ms guard;
  if (!session_timer_guard(&leg->session_timer, step->context->parameters, &guard)) return;
  int64_t margin_ms = mono_ms_since(guard, step->context->now);
  size_t i = 0;
  while (margin_ms >= margins[i].below_ms)
    i++;
  add_at(step->context, margins[i].counter);
  if (margin_ms > 0) counters_add_count(step->context->counters, session_margins_sum_ms, (uint64_t)margin_ms);
}

static void count_final(struct call_step *step, const struct call_leg *leg, const struct session_reply *reply) {
  bool accepted = reply->status >= 200 && reply->status < 300;
  enum refresh_result result = reply->status == 0 ? REFRESH_RESULT_UNANSWERED : REFRESH_RESULT_REFUSED;
  if (accepted) result = REFRESH_RESULT_ACCEPTED;
  add_at(step->context, refresh_counters[leg->side][counted(reply->method)][result]);
  if (reply->status == 491) counters_add(step->context->counters, session_refreshes_crossed);
  if (accepted) count_margin(step, leg);
}

void call_refresh_count_received(struct call_step *step, const struct call_leg *leg) {
  if (leg->side == CALL_CALLER)
    counters_add(step->context->counters, session_refreshes_received_caller);
  else
    counters_add(step->context->counters, session_refreshes_received_callee);
  count_margin(step, leg);
}

void call_refresh_account(struct call_table *table, struct call_leg *leg) {
  bool is_over = leg->session_timer.state == SESSION_STATE_IDLE;
  uint8_t now = (uint8_t)(is_over ? 0 : 1 + leg->session_timer.role);
  if (leg->counted_role != 0) table->legs_by_role[leg->counted_role - 1]--;
  if (now != 0) table->legs_by_role[now - 1]++;
  leg->counted_role = now & 3u;
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

static struct refresh_evidence evidence_of(struct call_step *step, const struct call_leg *leg) {
  const struct call_rooms *rooms = &step->table->rooms;
  struct device_memory_entry known = device_memory_find(step->table->devices, leg->device_key);
  return (struct refresh_evidence){
      .allows_update = dialog_peer_allows(rooms->dialogs, leg->dialog, SIP_METHOD_UPDATE),
      .supports_timer = dialog_peer_supports(rooms->dialogs, leg->dialog, DIALOG_PEER_TIMER),
      .has_session = call_has_session(step->table, leg),
      .owns_call_id = leg->side == CALL_CALLEE,
      .device_worked = known.worked,
      .device_failed = known.failed,
  };
}

/* What carries a session waits until no offer is open, and an INVITE until no other one is (RFC 3261 §14.1). */
static bool may_send(const struct call_step *step, const struct call_leg *leg, enum refresh_rung rung) {
  bool is_up = leg->state == LEG_STATE_OPEN || leg->state == LEG_STATE_ANSWERED;
  if (refresh_rung_has_session(rung) && leg->offer != LEG_OFFER_NONE) return false;
  if (refresh_rung_method(rung) != SIP_METHOD_INVITE) return is_up;
  return leg->state == LEG_STATE_OPEN && !call_invite_is_open(step->table, leg);
}

/* `challenged`: what the owner of the request that it repeats said about that. */
static bool send_rung(struct call_step *step, struct call_leg *leg, enum refresh_rung rung, uint32_t challenged) {
  enum sip_method method = refresh_rung_method(rung);
  struct text_builder headers = arena_builder(step->context->arena, HEADERS_BYTES);
  struct call_body body = {0};
  if (!may_send(step, leg, rung)) return false;
  if (refresh_rung_has_session(rung)) body = call_session_in_force(step, leg);
  if (method != SIP_METHOD_OPTIONS) {
    call_write_allow(&headers);
    call_supervision_add_to_request(step, leg, method, &headers);
  }
  call_write_supported(&headers, call_supervision_supports(step, leg), false);
  uint32_t sent = call_credentials_add(step, leg, sip_method_text(method), &headers);
  struct dialog_request request = {.method = method,
                                   .extra_headers = text_builder_view(&headers),
                                   .content_type = body.content_type,
                                   .body = body.bytes,
                                   .owner = call_leg_owner(step->table, leg, LEG_PURPOSE_REFRESH)};
  request.owner.detail |= sent | challenged;
  if (headers.overflowed ||
      dialog_send_request(step->table->rooms.dialogs, step->context, leg->dialog, &request, &leg->refresh) != RESULT_OK)
    return false;
  if (method == SIP_METHOD_INVITE) leg->refresh_invite = leg->refresh;
  if (!refresh_rung_has_session(rung)) return true;
  leg->refresh_offer = leg->refresh;
  leg->offer = LEG_OFFER_OURS;
  return true;
}

static void end_call(struct call_step *step, struct call_leg *leg, enum end_cause cause) {
  step->leg = leg;
  step->cause = cause;
  call_dispatch(step, CALL_EVENT_EXPIRED);
}

static void carry_out(struct call_step *step, struct call_leg *leg, struct session_deed deed) {
  if (deed.drops_invite && call_refresh_is_inviting(leg))
    call_cancel(step, leg, leg->refresh_invite, (struct str_view){0});
  uint32_t challenged = deed.with_credentials ? step->detail & LEG_DETAIL_CHALLENGED : 0;
  while (deed.kind == SESSION_DEED_SEND && !send_rung(step, leg, deed.rung, challenged)) {
    struct refresh_evidence evidence = evidence_of(step, leg);
    deed = session_timer_block(&leg->session_timer, step->context, &evidence);
  }
  if (deed.kind == SESSION_DEED_SEND)
    call_note_session(step, leg, NOTE_TIMER_DUE, 0, sip_method_text(refresh_rung_method(deed.rung)));
  if (deed.kind == SESSION_DEED_END)
    call_note_session(step, leg, NOTE_TIMER_EXPIRED, leg->session_timer.last_status,
                      str_view_from_c(end_cause_name(deed.cause)));
  call_refresh_account(step->table, leg);
  if (deed.kind == SESSION_DEED_END) end_call(step, leg, deed.cause);
}

static void count_late(struct call_step *step, const struct call_leg *leg) {
  bool is_rest = leg->session_timer.state == SESSION_STATE_RESTING;
  if (is_rest && mono_ms_since(step->context->now, timer_due(&leg->session_timer.timer)) > LATE_MS)
    counters_add(step->context->counters, session_refreshes_late);
}

void call_session_timer_due(struct call_table *table, struct context *context, struct timer *timer) {
  struct call_leg *leg = (struct call_leg *)(void *)((char *)timer - offsetof(struct call_leg, session_timer.timer));
  struct call_step step = {.table = table, .context = context, .call = call_of_leg(table, leg), .leg = leg};
  struct refresh_evidence evidence = evidence_of(&step, leg);
  count_late(&step, leg);
  carry_out(&step, leg, session_timer_due(&leg->session_timer, context, &evidence));
}

/* --- what comes back --------------------------------------------------------------------------------------------- */

bool call_refresh_is_inviting(const struct call_leg *leg) {
  return !handle_is_none(leg->refresh_invite);
}

static void settle_offer(struct call_step *step) {
  struct call_leg *leg = step->leg;
  if (!handle_equal(leg->refresh_offer, step->transaction)) return;
  leg->refresh_offer = HANDLE_NONE;
  leg->offer = LEG_OFFER_NONE;
}

/* The ACK goes out whatever the timer says; of a 2xx that comes again it goes out again. */
static void settle_invite(struct call_step *step) {
  struct call_leg *leg = step->leg;
  bool is_first = handle_equal(leg->refresh_invite, step->transaction);
  if (is_first) leg->refresh_invite = HANDLE_NONE;
  if (!step->message || step->status >= 300 || step->message->method != SIP_METHOD_INVITE) return;
  if (!is_first) {
    leg_dispatch(step, LEG_EVENT_ANSWER);
    return;
  }
  leg->ack_cseq = step->message->cseq;
  call_ack_send(step, leg, NULL);
}

static struct session_reply reply_of(struct call_step *step) {
  struct call_leg *leg = step->leg;
  struct session_reply reply = {.method = step->method,
                                .raises = leg->asked_terms.raises,
                                .is_late = !handle_equal(leg->refresh, step->transaction),
                                .unreachable = !step->message && step->status == 503};
  int64_t tried_ms = session_timer_tried_ms(&leg->session_timer, step->context->now);
  reply.heard_meanwhile = call_supervision_heard_within(step, leg, tried_ms);
  if (!step->message) return reply;
  struct str_view retry_after = sip_message_header(step->message, SIP_HEADER_RETRY_AFTER);
  reply.status = step->message->status;
  reply.has_retry_after = sip_delta_seconds_parse(retry_after, &reply.retry_after_s) == RESULT_OK;
  if (reply.status < 300 && reply.method != SIP_METHOD_OPTIONS) {
    struct session_words words = session_words_of_answer(step->message);
    reply.terms = call_supervision_conclude(step, leg, &words);
  }
  return reply;
}

void call_table_learn_device(struct call_table *table, struct context *context, uint64_t device_key,
                             const struct refresh_experience *experience) {
  struct device_memory *devices = table->devices;
  uint64_t changes = device_memory_changes(devices);
  device_memory_learn(devices, device_key, experience);
  if (device_memory_changes(devices) == changes) return;
  char memory[DEVICE_MEMORY_LINE_BYTES];
  struct text_builder line = text_builder_over(memory, sizeof memory);
  struct device_memory_entry entry = device_memory_find(devices, device_key);
  device_memory_write(&entry, &line);
  outbox_keep_device(context->outbox, text_builder_view(&line));
}

static void learn(struct call_step *step, const struct call_leg *leg) {
  call_table_learn_device(step->table, step->context, leg->device_key, &leg->session_timer.experience);
}

void call_table_remember_device(struct call_table *table, struct str_view line) {
  struct device_memory_entry entry;
  if (device_memory_read(line, &entry) == RESULT_OK) device_memory_put(table->devices, &entry);
}

void call_refresh_provisional(struct call_step *step) {
  if (!step->call || !handle_equal(step->leg->refresh, step->transaction)) return;
  struct refresh_evidence evidence = evidence_of(step, step->leg);
  session_timer_hold(&step->leg->session_timer, step->context, &evidence);
}

void call_refresh_final(struct call_step *step) {
  struct call_leg *leg = step->leg;
  bool is_repeated = step->message && step->status < 300 && step->message->method == SIP_METHOD_INVITE &&
                     !handle_equal(leg->refresh_invite, step->transaction);
  settle_offer(step);
  settle_invite(step);
  if (is_repeated || !step->call) return;
  struct session_reply reply = reply_of(step);
  struct refresh_evidence evidence = evidence_of(step, leg);
  if (!reply.is_late) leg->refresh = HANDLE_NONE;
  count_final(step, leg, &reply);
  bool is_challenge = reply.status == 401 || reply.status == 407;
  evidence.has_credentials = is_challenge && !reply.is_late && call_credentials_take(step);
  if (reply.status == 422) (void)call_supervision_raise(step);
  struct session_deed deed = session_timer_answer(&leg->session_timer, step->context, &evidence, &reply);
  if (reply.status >= 200 && reply.status < 300) learn(step, leg);
  bool is_accepted = reply.status >= 200 && reply.status < 300;
  call_note_session(step, leg, is_accepted ? NOTE_TIMER_REFRESHED : NOTE_TIMER_FAILED, reply.status,
                    sip_method_text(reply.method));
  carry_out(step, leg, deed);
}
