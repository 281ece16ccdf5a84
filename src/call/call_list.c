/* Live calls as JSON, in the fields of GET /api/v1/calls. */
#include "base/json_text.h"
#include "call/call_private.h"

#define ENTRY_BYTES_MAX 2048

static const char *const state_names[CALL_STATE_COUNT] = {
    [CALL_STATE_NEW] = "routing",
    [CALL_STATE_SEARCHING] = "routing",
    [CALL_STATE_LOCATING] = "locating",
    [CALL_STATE_INVITING] = "inviting",
    [CALL_STATE_TRYING] = "trying",
    [CALL_STATE_PROGRESSING] = "progressing",
    [CALL_STATE_PROGRESSING_SDP] = "progressing",
    [CALL_STATE_RINGING] = "ringing",
    [CALL_STATE_ANSWERED] = "answered",
    [CALL_STATE_UP] = "up",
    [CALL_STATE_ENDED] = "ended",
};

static const char *const leg_state_names[LEG_STATE_COUNT] = {
    [LEG_STATE_RECEIVED] = "waiting",        [LEG_STATE_INVITED] = "invited",
    [LEG_STATE_ANSWERED] = "unacknowledged", [LEG_STATE_OPEN] = "up",
    [LEG_STATE_UNACKED_LEAVING] = "leaving", [LEG_STATE_CANCELLING] = "leaving",
    [LEG_STATE_LEAVING] = "leaving",         [LEG_STATE_GONE] = "gone",
};

struct str_view call_state_name(const struct call *call) {
  return str_view_from_c(state_names[call->state]);
}

static void write_peer(struct call_step *step, const struct call_leg *leg, struct text_builder *builder) {
  struct flow flow = dialog_flow(step->table->rooms.dialogs, leg->dialog);
  char memory[64];
  struct text_builder text = text_builder_over(memory, sizeof memory);
  address_to_text(&flow.remote, &text);
  json_text_field_string(builder, "peer", text_builder_view(&text));
  json_text_field_string(builder, "transport", transport_name((enum transport)flow.transport));
}

static void write_seconds_until(struct call_step *step, const char *name, bool known, struct mono_ms at,
                                struct text_builder *builder) {
  if (!known) {
    json_text_field_null(builder, name);
    return;
  }
  int64_t milliseconds = mono_ms_since(at, step->context->now);
  json_text_field_i64(builder, name, milliseconds > 0 ? milliseconds / 1000 : 0);
}

/* A leg without session timer has no interval and no refresher, but may be probed and expire all the same. */
static void write_timer(struct call_step *step, const struct call_leg *leg, struct text_builder *builder) {
  const struct session_timer *timer = &leg->session_timer;
  struct session_terms terms = session_timer_terms(timer);
  struct mono_ms refresh, guard;
  bool refreshes = session_timer_next_refresh(timer, &refresh);
  bool expires = session_timer_guard(timer, step->context->parameters, &guard);
  json_text_key(builder, "timer");
  json_text_open_object(builder);
  if (terms.role == SESSION_ROLE_NONE)
    json_text_field_null(builder, "interval_s");
  else
    json_text_field_u64(builder, "interval_s", terms.interval_s);
  json_text_field_string(builder, "refresher", session_role_name(terms.role));
  if (timer->method == SIP_METHOD_UNKNOWN)
    json_text_field_null(builder, "method");
  else
    json_text_field_string(builder, "method", sip_method_text((enum sip_method)timer->method));
  json_text_field_u64(builder, "refreshes", timer->refreshes);
  write_seconds_until(step, "next_refresh_in_s", refreshes, refresh, builder);
  write_seconds_until(step, "expires_in_s", expires, guard, builder);
  json_text_close_object(builder);
}

static void write_leg(struct call_step *step, const char *name, const struct call_leg *leg,
                      struct text_builder *builder) {
  if (!leg) {
    json_text_field_null(builder, name);
    return;
  }
  json_text_key(builder, name);
  json_text_open_object(builder);
  json_text_field_string(builder, "state", str_view_from_c(leg_state_names[leg->state]));
  write_peer(step, leg, builder);
  json_text_field_string(builder, "call_id", dialog_call_id(step->table->rooms.dialogs, leg->dialog));
  write_timer(step, leg, builder);
  json_text_field_stamp(builder, "last_alive", leg->alive.at);
  json_text_close_object(builder);
}

static void write_call(struct call_step *step, struct text_builder *builder) {
  const struct call *call = step->call;
  struct cdr_record record;
  call_record_fill(step, &record);
  json_text_open_object(builder);
  json_text_field_string(builder, "id", record.id);
  json_text_field_string(builder, "state", call_state_name(call));
  json_text_field_string(builder, "caller", record.caller);
  json_text_field_string(builder, "callee", record.callee);
  json_text_field_string(builder, "caller_out", record.caller_out);
  json_text_field_string(builder, "callee_out", record.callee_out);
  json_text_field_string(builder, "caller_device", record.caller_device);
  json_text_field_string(builder, "callee_device", record.callee_device);
  json_text_field_string(builder, "caller_address", record.caller_address);
  json_text_field_string(builder, "callee_address", record.callee_address);
  json_text_field_stamp(builder, "started_at", call->started_at);
  json_text_field_stamp(builder, "ringing_at", call->ringing_at);
  json_text_field_stamp(builder, "answered_at", call->answered_at);
  bool answered = call->answered_at.value != 0;
  int64_t talk_ms = answered ? mono_ms_since(step->context->now, call->answered) : 0;
  json_text_field_i64(builder, "duration_s", talk_ms / 1000);
  json_text_field_u64(builder, "worker", step->context->local->worker);
  write_leg(step, "caller_leg", call_leg_at(step->table, call->caller), builder);
  write_leg(step, "callee_leg", call_leg_at(step->table, call->callee), builder);
  json_text_close_object(builder);
}

enum result call_show(struct call_table *table, struct context *context, struct str_view id,
                      struct text_builder *builder) {
  struct call *call = call_find_by_id(table, id);
  struct call_step step = {.table = table, .context = context, .call = call};
  if (!call || call->state == CALL_STATE_ENDED) return RESULT_NOT_FOUND;
  write_call(&step, builder);
  return builder->overflowed ? RESULT_FULL : RESULT_OK;
}

/* An entry may be longer than ENTRY_BYTES_MAX when texts need many escapes; then it is taken back and left for the next
 * round, or left out where it is the first. */
void call_list(struct call_table *table, struct context *context, struct text_builder *builder, uint32_t *cursor) {
  bool is_first = true;
  while (builder->capacity - builder->length >= ENTRY_BYTES_MAX) {
    uint32_t before = *cursor;
    size_t length = builder->length;
    struct call_step step = {.table = table, .context = context, .call = pool_next(&table->calls, cursor)};
    if (!step.call) {
      *cursor = UINT32_MAX;
      return;
    }
    if (step.call->state == CALL_STATE_ENDED) continue;
    write_call(&step, builder);
    if (!builder->overflowed) {
      is_first = false;
      continue;
    }
    builder->length = length;
    builder->overflowed = false;
    if (!is_first) {
      *cursor = before;
      return;
    }
  }
}
