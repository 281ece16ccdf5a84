/* Facts of a call → one record, exactly one per attempt. */
#include "boundary/security_line.h"
#include "call/call_supervision.h"
#include "directory/directory.h"
#include "sip/sip_uri.h"

#define RECORD_BYTES_MAX 8192
/* Records of attempts that never became a call: so many may come at once, and after that one each. */
#define STRANGER_BUCKET    20
#define STRANGER_EVERY_MS  200
#define OVERLOAD_BUCKET    100
#define OVERLOAD_EVERY_MS  20
#define MALFORMED_BUCKET   20 /* of each source */
#define MALFORMED_EVERY_MS 1000

/* --- ids --------------------------------------------------------------------------------------------------------- */

/* Calls that never got an object have a handle that no pool gives out, and a random number in it. */
static struct str_view write_id(struct call_step *step, struct wall_us started_at, struct handle handle) {
  struct text_builder id = arena_builder(step->context->arena, CDR_ID_LENGTH);
  cdr_record_write_id(started_at, step->context->local->worker, handle, &id);
  return text_builder_view(&id);
}

struct str_view call_id_of(struct call_step *step) {
  struct handle handle = pool_handle_of(&step->table->calls, step->call);
  if (step->id.length == 0 || !handle_equal(step->id_of, handle)) {
    step->id = write_id(step, step->call->started_at, handle);
    step->id_of = handle;
  }
  return step->id;
}

struct call *call_find_by_id(const struct call_table *table, struct str_view id) {
  uint64_t started_ms, index, generation;
  if (id.length != CDR_ID_LENGTH || !str_view_hex_to_u64(str_view_slice(id, 0, 12), &started_ms) ||
      !str_view_hex_to_u64(str_view_slice(id, 14, 8), &index) ||
      !str_view_hex_to_u64(str_view_slice(id, 22, 8), &generation))
    return NULL;
  struct call *call = pool_get(&table->calls, (struct handle){(uint32_t)index, (uint32_t)generation});
  /* Handles begin anew after a restart, and each worker has its own: the time tells them apart. */
  return call && (uint64_t)(call->started_at.value / 1000) == started_ms ? call : NULL;
}

/* --- facts ------------------------------------------------------------------------------------------------------- */

static const char *const direction_names[] = {
    [END_BY_SWITCH] = "switch", [END_BY_CALLER] = "caller", [END_BY_CALLEE] = "callee"};

static struct str_view address_text(struct call_step *step, const struct address *address) {
  if (address->family == ADDRESS_NONE) return (struct str_view){0};
  struct text_builder text = arena_builder(step->context->arena, 64);
  address_to_text(address, &text);
  return text_builder_view(&text);
}

static void fill_texts(struct call_step *step, struct cdr_record *record) {
  struct str_view texts[CALL_TEXT_COUNT];
  call_load_texts(step->table, step->call, texts);
  record->caller = texts[CALL_TEXT_CALLER];
  record->callee = texts[CALL_TEXT_CALLEE];
  record->caller_out = texts[CALL_TEXT_CALLER_OUT];
  record->callee_out = texts[CALL_TEXT_CALLEE_OUT];
  record->caller_device = texts[CALL_TEXT_CALLER_DEVICE];
  record->callee_device = texts[CALL_TEXT_CALLEE_DEVICE];
  record->callee_call_id = texts[CALL_TEXT_CALLEE_CALL_ID];
  record->end_text = texts[CALL_TEXT_END];
}

static void fill_legs(struct call_step *step, struct cdr_record *record) {
  const struct dialog_table *dialogs = step->table->rooms.dialogs;
  const struct call_leg *caller = call_leg_at(step->table, step->call->caller);
  const struct call_leg *callee = call_leg_at(step->table, step->call->callee);
  if (caller) {
    record->caller_call_id = dialog_call_id(dialogs, caller->dialog);
    record->caller_address = address_text(step, &step->call->caller_address);
  }
  if (callee) record->callee_call_id = dialog_call_id(dialogs, callee->dialog);
  record->callee_address = address_text(step, &step->call->callee_address);
}

static void fill_times(const struct call *call, struct cdr_record *record) {
  record->started_at = call->started_at;
  record->ringing_at = call->ringing_at;
  record->answered_at = call->answered_at;
  record->ended_at = call->ended_at;
  if (call->pdd_ms != UINT32_MAX) record->pdd_ms = call->pdd_ms;
  if (call->answered_at.value == 0) return;
  record->setup_ms = (uint64_t)mono_ms_since(call->answered, call->started);
  if (call->ended_at.value == 0) return;
  record->hold_time_ms = (uint64_t)mono_ms_since(call->ended, call->answered);
  cdr_record_charge(record, call->ended_at);
}

void call_record_fill_life(struct call_step *step, struct cdr_record *record) {
  const struct call *call = step->call;
  struct text_builder by = arena_builder(step->context->arena, 64);
  text_builder_add(&by, call->alive_side == CALL_CALLER ? STR_VIEW("caller: ") : STR_VIEW("callee: "));
  liveness_write(&call->alive, &by);
  record->last_alive_at = call->alive.at;
  record->last_alive_by = text_builder_view(&by);
}

static void fill_end(const struct call_end *end, struct cdr_record *record) {
  const struct end_reason_row *row = end_reason_row((enum end_reason)end->reason);
  const char *sentence = end->cause != END_CAUSE_none ? end_cause_sentence((enum end_cause)end->cause) : row->sentence;
  record->end_direction = str_view_from_c(direction_names[end->direction]);
  record->end_reason = str_view_from_c(row->name);
  if (end->cause != END_CAUSE_none) record->end_cause = str_view_from_c(end_cause_name((enum end_cause)end->cause));
  record->sip_status = end->status;
  record->q850_cause = end->q850 != 0 ? end->q850 : row->q850_cause;
  record->explanation = str_view_from_c(sentence);
}

/* What a leg's timer was, of a leg that had one or was probed. */
static void fill_timers(struct call_step *step, struct cdr_record *record) {
  const struct call_leg *caller = call_leg_at(step->table, step->call->caller);
  const struct call_leg *callee = call_leg_at(step->table, step->call->callee);
  if (step->call->answered_at.value == 0 || !caller || !callee) return;
  const struct session_timer *of_caller = &caller->session_timer, *of_callee = &callee->session_timer;
  if (session_timer_is_timed(of_caller)) record->caller_timer_interval_s = of_caller->interval_s;
  if (session_timer_is_timed(of_callee)) record->callee_timer_interval_s = of_callee->interval_s;
  record->caller_timer_refresher = session_role_name(of_caller->role);
  record->callee_timer_refresher = session_role_name(of_callee->role);
  if (of_caller->method != 0) record->caller_timer_method = sip_method_text((enum sip_method)of_caller->method);
  if (of_callee->method != 0) record->callee_timer_method = sip_method_text((enum sip_method)of_callee->method);
  record->caller_timer_refreshes = of_caller->refreshes;
  record->callee_timer_refreshes = of_callee->refreshes;
}

void call_record_fill(struct call_step *step, struct cdr_record *record) {
  cdr_record_init(record);
  record->id = call_id_of(step);
  fill_texts(step, record);
  fill_legs(step, record);
  fill_times(step->call, record);
  call_record_fill_life(step, record);
  fill_timers(step, record);
  if (step->call->ended_at.value != 0) fill_end(&step->call->end, record);
}

/* --- handing on -------------------------------------------------------------------------------------------------- */

static struct str_view encode(struct call_step *step, const struct cdr_record *record) {
  struct text_builder bytes = arena_builder(step->context->arena, RECORD_BYTES_MAX);
  cdr_record_encode(record, &bytes);
  return bytes.overflowed ? (struct str_view){0} : text_builder_view(&bytes);
}

/* A side that was found dead: how long it had been is not known, only when it was last alive. */
static bool is_zombie(const struct call_end *end) {
  return end->cause == END_CAUSE_refresh_unanswered || end->cause == END_CAUSE_refresh_rejected ||
         end->cause == END_CAUSE_session_expired;
}

struct str_view call_record_make(struct call_step *step) {
  struct cdr_record record;
  call_record_fill(step, &record);
  record.state = STR_VIEW("ended");
  if (step->leg && is_zombie(&step->call->end) &&
      step->context->parameters->BF_BILLING_UNTIL == BILLING_UNTIL_LAST_ALIVE)
    cdr_record_charge(&record, step->leg->alive.at);
  call_decision_fill(step, &record);
  return encode(step, &record);
}

enum result call_record_hand_on(struct call_step *step, struct str_view record, uint8_t owed) {
  struct call *call = step->call;
  if (outbox_record(step->context->outbox, record, owed) == RESULT_OK) {
    counters_add(step->context->counters, cdrs_written);
    return RESULT_OK;
  }
  /* The INVITE's lines are not needed any more; their block keeps the record until it can be handed on. */
  if (block_store_set(step->table->rooms.blocks, &call->carried_headers, record) == RESULT_OK) return RESULT_FULL;
  counters_add(step->context->counters, records_lost);
  return RESULT_OK;
}

/* --- attempts that never became a call --------------------------------------------------------------------------- */

static bool take_from_bucket(struct record_bucket *bucket, struct mono_ms now, uint32_t most, int64_t every_ms) {
  int64_t periods = mono_ms_since(now, bucket->filled_at) / every_ms;
  if (periods > 0) {
    int64_t filled = bucket->left + periods;
    bucket->left = filled < most ? (uint32_t)filled : most;
    bucket->filled_at = now;
  }
  if (bucket->left == 0) return false;
  bucket->left--;
  return true;
}

static uint64_t source_of(const struct call_step *step) {
  return siphash(&step->context->local->steering_key, step->flow->remote.ip, sizeof step->flow->remote.ip);
}

/* What tells an attempt from others of lately. */
static uint64_t *recent_slot(struct call_step *step, struct str_view of, uint64_t *who_out) {
  struct call_table *table = step->table;
  *who_out = siphash(&step->context->local->steering_key, of.data, of.length) ^ source_of(step);
  return &table->recent_strangers[*who_out % (sizeof table->recent_strangers / sizeof table->recent_strangers[0])];
}

/* A record each 200 ms, and a few at once; the same caller's repeated INVITE has one only. Strangers must not fill the
 * disk. */
static bool may_record_stranger(struct call_step *step) {
  struct call_table *table = step->table;
  const struct context *context = step->context;
  uint64_t who, *slot = recent_slot(step, step->message->call_id, &who);
  if (*slot == who) return false;
  if (!take_from_bucket(&table->stranger_records, context->now, STRANGER_BUCKET, STRANGER_EVERY_MS)) return false;
  *slot = who;
  return true;
}

static struct str_view user_of(struct call_step *step, struct str_view uri_text) {
  struct sip_uri uri;
  if (sip_uri_parse(uri_text, &uri) != RESULT_OK) return (struct str_view){0};
  return sip_uri_user_plain(&uri, step->context->arena);
}

/* Begins a record of an attempt that ended as soon as it came. */
static void begin_refused(struct call_step *step, const struct call_end *end, struct cdr_record *record) {
  cdr_record_init(record);
  record->id =
      write_id(step, step->context->wall_now, (struct handle){UINT32_MAX, (uint32_t)random_u64(step->context->random)});
  record->state = STR_VIEW("ended");
  record->started_at = record->ended_at = record->last_alive_at = step->context->wall_now;
  record->last_alive_by = STR_VIEW("caller: INVITE");
  fill_end(end, record);
}

static void fill_caller(struct call_step *step, const struct device *device, struct cdr_record *record) {
  struct sip_name_addr from;
  if (sip_name_addr_parse(sip_message_header(step->message, SIP_HEADER_FROM), &from) == RESULT_OK)
    record->caller = user_of(step, from.uri_text);
  record->callee = user_of(step, step->message->request_uri);
  if (device) record->caller_device = device->name;
  record->caller_address = address_text(step, &step->flow->remote);
  record->caller_call_id = step->message->call_id;
}

static void hand_on_refused(struct call_step *step, const struct cdr_record *record) {
  if (step->message) call_note_attempt(step, record->id);
  struct str_view bytes = encode(step, record);
  if (bytes.length > 0 && outbox_record(step->context->outbox, bytes, 0) == RESULT_OK)
    counters_add(step->context->counters, cdrs_written);
}

void call_record_refused(struct call_step *step, enum end_reason reason, unsigned status, const struct device *device) {
  struct cdr_record record;
  struct call_end end = call_end_of(reason, END_BY_SWITCH);
  if (!device && !may_record_stranger(step)) return;
  end.status = (uint16_t)status;
  begin_refused(step, &end, &record);
  fill_caller(step, device, &record);
  if (reason == END_REASON_illegal_call)
    security_line_send(step->context->outbox, STR_VIEW("stranger"), &step->flow->remote, record.caller);
  hand_on_refused(step, &record);
}

void call_record_unrecorded(struct call_step *step) {
  struct cdr_record record;
  struct call_end end = call_end_of(END_REASON_capacity, END_BY_SWITCH);
  if (step->table->unrecorded == 0) return;
  struct text_builder text = arena_builder(step->context->arena, 80);
  text_builder_add_u64(&text, step->table->unrecorded);
  text_builder_add_literal(&text, " attempts, refused for overload");
  begin_refused(step, &end, &record);
  record.end_text = text_builder_view(&text);
  hand_on_refused(step, &record);
  step->table->unrecorded = 0;
}

void call_note_refused(struct call_table *table, struct context *context, const struct sip_message *invite,
                       const struct flow *flow) {
  struct call_step step = {.table = table, .context = context, .message = invite, .flow = flow};
  counters_add(context->counters, calls_attempted);
  if (!take_from_bucket(&table->overload_records, context->now, OVERLOAD_BUCKET, OVERLOAD_EVERY_MS)) {
    table->unrecorded++;
    return;
  }
  call_record_unrecorded(&step);
  struct cdr_record record;
  struct call_end end = call_end_of(END_REASON_capacity, END_BY_SWITCH);
  begin_refused(&step, &end, &record);
  fill_caller(&step, directory_find_caller(context->directory, &flow->remote), &record);
  hand_on_refused(&step, &record);
}

/* --- attempts that cannot be read -------------------------------------------------------------------------------- */

/* "Via is missing (RFC 3261 8.1.1), at byte 0; and 12 attempts more without a record" */
static struct str_view describe_defect(struct call_step *step, const struct sip_defect *defect, uint32_t unrecorded) {
  struct text_builder text = arena_builder(step->context->arena, 256);
  text_builder_add(&text, str_view_from_c(defect->rule));
  text_builder_add_literal(&text, ", at byte ");
  text_builder_add_u64(&text, defect->offset);
  if (unrecorded > 0) {
    text_builder_add_literal(&text, "; and ");
    text_builder_add_u64(&text, unrecorded);
    text_builder_add_literal(&text, " attempts more without a record");
  }
  return text_builder_view(&text);
}

static void record_malformed(struct call_step *step, const struct sip_defect *defect, const struct device *device,
                             uint32_t unrecorded) {
  struct cdr_record record;
  struct call_end end = call_end_of(END_REASON_protocol_error, END_BY_SWITCH);
  struct text_builder sentence = arena_builder(step->context->arena, 256);
  end.status = defect->status;
  begin_refused(step, &end, &record);
  fill_caller(step, device, &record);
  record.end_text = describe_defect(step, defect, unrecorded);
  text_builder_add_literal(&sentence, "The caller's INVITE cannot be read: ");
  text_builder_add(&sentence, str_view_from_c(defect->rule));
  text_builder_add_char(&sentence, '.');
  record.explanation = text_builder_view(&sentence);
  hand_on_refused(step, &record);
}

/* Who repeats an INVITE for want of an answer repeats each byte. */
static bool is_repeated(struct call_step *step) {
  uint64_t who, *slot = recent_slot(step, step->message->bytes, &who);
  bool is_known = *slot == who;
  *slot = who;
  return is_known;
}

static void note_of_gateway(struct call_step *step, const struct sip_defect *defect, const struct device *device) {
  struct call_table *table = step->table;
  size_t count = sizeof table->malformed / sizeof table->malformed[0];
  struct malformed_source *source = &table->malformed[source_of(step) % count];
  if (is_repeated(step)) return;
  counters_add(step->context->counters, calls_attempted);
  if (!take_from_bucket(&source->records, step->context->now, MALFORMED_BUCKET, MALFORMED_EVERY_MS)) {
    source->unrecorded++;
    return;
  }
  record_malformed(step, defect, device, source->unrecorded);
  source->unrecorded = 0;
}

static void note_of_phone(struct call_step *step, const struct sip_defect *defect) {
  counters_add(step->context->counters, calls_attempted);
  if (may_record_stranger(step)) record_malformed(step, defect, NULL, 0);
}

static void note_of_stranger(struct call_step *step) {
  struct cdr_record who = {0};
  counters_add(step->context->counters, strangers_refused);
  if (!may_record_stranger(step)) return;
  fill_caller(step, NULL, &who);
  security_line_send(step->context->outbox, STR_VIEW("stranger"), &step->flow->remote, who.caller);
}

/* What has a To tag, whether or not it can be read, is part of a call. */
static bool is_attempt(const struct sip_message *request) {
  struct str_view to = sip_message_header(request, SIP_HEADER_TO);
  return request->method == SIP_METHOD_INVITE && request->to_tag.length == 0 &&
         !str_view_contains_folded(to, STR_VIEW("tag="));
}

bool call_note_malformed(struct call_table *table, struct context *context, const struct sip_message *request,
                         const struct sip_defect *defect, const struct flow *flow) {
  struct call_step step = {.table = table, .context = context, .message = request, .flow = flow};
  const struct device *gateway = directory_find_mapping_gateway(context->directory, &flow->remote);
  bool is_known = gateway || call_is_known(&step);
  if (is_attempt(request)) {
    if (gateway)
      note_of_gateway(&step, defect, gateway);
    else if (is_known)
      note_of_phone(&step, defect);
    else
      note_of_stranger(&step);
  }
  return is_known || request->method == SIP_METHOD_REGISTER || context->parameters->SS_REPLY_UNAUTHORIZED;
}
