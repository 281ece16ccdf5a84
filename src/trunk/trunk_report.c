/* What a trial found: as JSON for API, command line and console; in a sentence; and as a call's record. */
#include "base/json_text.h"
#include "supervision/session_timer.h"
#include "trunk/trunk_private.h"

#define RECORD_BYTES   4096
#define SENTENCE_BYTES 512

static const struct {
  const char *word, *sentence;
} checks[TRUNK_CHECK_COUNT] = {
#define TRUNK_CHECK(name, word, sentence) [TRUNK_CHECK_##name] = {word, sentence},
#include "trunk/trunk_checks.def"
#undef TRUNK_CHECK
};

static const char *const verdict_words[TRUNK_VERDICT_COUNT] = {[TRUNK_NOT_TRIED] = "not_tried",
                                                               [TRUNK_WAITING] = "waiting",
                                                               [TRUNK_WORKS] = "works",
                                                               [TRUNK_REFUSED] = "refused",
                                                               [TRUNK_UNANSWERED] = "unanswered"};

static const char *const state_words[TRUNK_STATE_COUNT] = {
    [TRUNK_STATE_ASKING] = "asking",     [TRUNK_STATE_INVITED] = "calling", [TRUNK_STATE_CANCELLING] = "ending",
    [TRUNK_STATE_PROBING] = "trying",    [TRUNK_STATE_UPDATING] = "trying", [TRUNK_STATE_UPDATING_SESSION] = "trying",
    [TRUNK_STATE_REINVITING] = "trying", [TRUNK_STATE_LEAVING] = "ending",  [TRUNK_STATE_DONE] = "done"};

/* --- the sentence ------------------------------------------------------------------------------------------------ */

static bool works(const struct trunk_trial *trial, enum trunk_check check) {
  return trial->findings[check].verdict == TRUNK_WORKS;
}

static void say_reached(const struct trunk_trial *trial, struct text_builder *text) {
  const struct trunk_finding *invite = &trial->findings[TRUNK_CHECK_INVITE];
  const struct trunk_finding *asked = trial->has_call ? invite : &trial->findings[TRUNK_CHECK_OPTIONS];
  if (asked->status == 0 && trial->ringing_after_ms != UINT32_MAX) {
    text_builder_add_literal(text, "It rang, and nobody answered within 60 s.");
    return;
  }
  if (asked->status == 0) {
    text_builder_add_literal(text, "Nothing came back from ");
    address_to_text(&trial->flow.remote, text);
    text_builder_add_literal(text, ".");
    return;
  }
  text_builder_add(text, trial->has_call ? STR_VIEW("The call was ") : STR_VIEW("OPTIONS was "));
  text_builder_add(text, asked->verdict == TRUNK_WORKS ? STR_VIEW("answered with ") : STR_VIEW("refused with "));
  text_builder_add_u64(text, asked->status);
  if (trial->phrase.length > 0) text_builder_add_char(text, ' ');
  text_builder_add(text, trunk_text_view(&trial->phrase));
  text_builder_add_literal(text, ".");
}

static void say_timer(const struct trunk_trial *trial, struct text_builder *text) {
  if (trial->terms.role != SESSION_ROLE_NONE) {
    text_builder_add_literal(text, " It keeps session timers: ");
    text_builder_add_u64(text, trial->terms.interval_s);
    text_builder_add(text, trial->terms.role == SESSION_ROLE_OURS ? STR_VIEW(" s, we refresh.")
                                                                  : STR_VIEW(" s, it refreshes."));
  } else if (trial->supports_timer) {
    text_builder_add_literal(text, " It knows session timers, but left ours out.");
  } else {
    text_builder_add_literal(text, " It knows no session timers: BF_NO_TIMER_PROBE and "
                                   "SS_SIP_NO_TIMER_REINVITE_INTERVAL watch its calls.");
  }
  if (trial->min_se_s <= 90) return;
  text_builder_add_literal(text, " The shortest interval it takes is ");
  text_builder_add_u64(text, trial->min_se_s);
  text_builder_add_literal(text, " s (SS_SIP_SESSION_TTL).");
}

static void say_refresh(const struct trunk_trial *trial, struct text_builder *text) {
  bool update = works(trial, TRUNK_CHECK_UPDATE), session = works(trial, TRUNK_CHECK_UPDATE_SESSION);
  bool reinvite = works(trial, TRUNK_CHECK_REINVITE);
  if (!update && !session && !reinvite) {
    text_builder_add(text, works(trial, TRUNK_CHECK_OPTIONS_INSIDE)
                               ? STR_VIEW(" Sessions cannot be refreshed; OPTIONS proves a call alive.")
                               : STR_VIEW(" Sessions cannot be refreshed, and nothing proves a call alive but media."));
    return;
  }
  text_builder_add_literal(text, " Sessions are refreshed with ");
  if (update) text_builder_add_literal(text, "UPDATE");
  if (session) text_builder_add_literal(text, "UPDATE that holds the session");
  if ((update || session) && reinvite) text_builder_add_literal(text, " or ");
  if (reinvite) text_builder_add_literal(text, "re-INVITE");
  text_builder_add_literal(text, ".");
}

/* What was found, in a sentence. */
static void write_conclusion(const struct trunk_trial *trial, struct text_builder *text) {
  if (trial->state != TRUNK_STATE_DONE) return;
  say_reached(trial, text);
  if (!trial->is_answered) return;
  say_timer(trial, text);
  if (trial->callee_hung_up)
    text_builder_add_literal(text, " It hung up before everything was tried.");
  else
    say_refresh(trial, text);
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static void write_address(const struct address *address, struct text_builder *json) {
  char memory[64];
  struct text_builder text = text_builder_over(memory, sizeof memory);
  address_to_text(address, &text);
  json_text_field_string(json, "address", text_builder_view(&text));
}

static void write_number_or_null(struct text_builder *json, const char *name, bool is_known, uint64_t value) {
  if (is_known)
    json_text_field_u64(json, name, value);
  else
    json_text_field_null(json, name);
}

static void write_checks(const struct trunk_trial *trial, struct text_builder *json) {
  json_text_key(json, "checks");
  json_text_open_array(json);
  for (unsigned i = 0; i < TRUNK_CHECK_COUNT; i++) {
    const struct trunk_finding *finding = &trial->findings[i];
    bool is_answered = finding->status != 0;
    json_text_open_object(json);
    json_text_field_string(json, "name", str_view_from_c(checks[i].word));
    json_text_field_string(json, "verdict", str_view_from_c(verdict_words[finding->verdict]));
    write_number_or_null(json, "status", is_answered, finding->status);
    write_number_or_null(json, "answered_in_ms", is_answered, finding->answered_in_ms);
    json_text_field_string(json, "meaning", str_view_from_c(checks[i].sentence));
    json_text_close_object(json);
  }
  json_text_close_array(json);
}

static void write_timer(const struct trunk_trial *trial, struct text_builder *json) {
  bool is_timed = trial->terms.role != SESSION_ROLE_NONE;
  json_text_key(json, "timer");
  json_text_open_object(json);
  json_text_field_bool(json, "supported", trial->supports_timer);
  write_number_or_null(json, "interval_s", is_timed, trial->terms.interval_s);
  json_text_field_string(json, "refresher", session_role_name(trial->terms.role));
  write_number_or_null(json, "min_se_s", trial->min_se_s != 0, trial->min_se_s);
  json_text_close_object(json);
}

static void write_far_side(const struct trunk_trial *trial, struct text_builder *json) {
  json_text_field_string(json, "user_agent", trunk_text_view(&trial->user_agent));
  json_text_field_string(json, "allow", trunk_text_view(&trial->allow));
  json_text_field_string(json, "supported", trunk_text_view(&trial->supported));
  json_text_field_bool(json, "allows_update", trial->allows_update);
  json_text_key(json, "reliable_provisional");
  json_text_open_object(json);
  json_text_field_bool(json, "supported", trial->supports_100rel || trial->is_reliable);
  json_text_field_bool(json, "used", trial->is_reliable);
  json_text_close_object(json);
  write_timer(trial, json);
}

void trunk_write_report(const struct trunk_trial *trial, struct context *context, struct text_builder *json) {
  bool is_done = trial->state == TRUNK_STATE_DONE;
  struct mono_ms until = is_done ? trial->ended : context->now;
  struct text_builder conclusion = arena_builder(context->arena, SENTENCE_BYTES);
  write_conclusion(trial, &conclusion);
  json_text_open_object(json);
  json_text_field_string(json, "id", trial->has_call ? str_view_of(trial->id, sizeof trial->id) : (struct str_view){0});
  json_text_field_string(json, "gateway", trunk_text_view(&trial->gateway));
  json_text_field_string(json, "number", trunk_text_view(&trial->number));
  json_text_field_string(json, "caller", trunk_text_view(&trial->caller));
  write_address(&trial->flow.remote, json);
  json_text_field_string(json, "state", str_view_from_c(state_words[trial->state]));
  json_text_field_stamp(json, "started_at", trial->started_at);
  json_text_field_u64(json, "duration_ms", (uint64_t)mono_ms_since(until, trial->started));
  json_text_field_string(json, "media", STR_VIEW("inactive"));
  write_number_or_null(json, "ringing_in_ms", trial->ringing_after_ms != UINT32_MAX, trial->ringing_after_ms);
  write_far_side(trial, json);
  write_checks(trial, json);
  json_text_field_string(json, "conclusion", text_builder_view(&conclusion));
  json_text_close_object(json);
}

/* --- the record -------------------------------------------------------------------------------------------------- */

static void fill_times(const struct trunk_trial *trial, struct cdr_record *record) {
  record->started_at = trial->started_at;
  record->ringing_at = trial->ringing_at;
  record->answered_at = trial->answered_at;
  record->ended_at = record->last_alive_at = trial->ended_at;
  if (trial->ringing_after_ms != UINT32_MAX) record->pdd_ms = trial->ringing_after_ms;
  if (!trial->is_answered) return;
  record->setup_ms = (uint64_t)mono_ms_since(trial->answered, trial->started);
  record->hold_time_ms = (uint64_t)mono_ms_since(trial->ended, trial->answered);
  record->fee_time_s = (record->hold_time_ms + 999) / 1000;
  record->billed_until = trial->ended_at;
  record->callee_timer_refresher = session_role_name(trial->terms.role);
  if (trial->terms.role != SESSION_ROLE_NONE) record->callee_timer_interval_s = trial->terms.interval_s;
}

static void fill_parties(struct trunk_step *step, struct cdr_record *record) {
  const struct trunk_trial *trial = step->trial;
  struct text_builder address = arena_builder(step->context->arena, 64);
  address_to_text(&trial->flow.remote, &address);
  record->id = str_view_of(trial->id, sizeof trial->id);
  record->caller = record->caller_out = trunk_text_view(&trial->caller);
  record->callee = record->callee_out = trunk_text_view(&trial->number);
  record->callee_device = trunk_text_view(&trial->gateway);
  record->callee_address = text_builder_view(&address);
  record->callee_call_id = trunk_text_view(&trial->call_id);
}

void trunk_keep_attempt(struct trunk_step *step) {
  const struct trunk_trial *trial = step->trial;
  struct cdr_record record;
  struct text_builder bytes = arena_builder(step->context->arena, RECORD_BYTES);
  struct text_builder state = arena_builder(step->context->arena, RECORD_BYTES + 8);
  cdr_record_init(&record);
  fill_parties(step, &record);
  record.state = trial->is_answered ? STR_VIEW("up") : STR_VIEW("inviting");
  record.end_reason = str_view_from_c(end_reason_row(END_REASON_trunk_test)->name); /* marks it as a test */
  record.started_at = trial->started_at;
  record.ringing_at = trial->ringing_at;
  record.answered_at = trial->answered_at;
  record.last_alive_at = trial->is_answered ? trial->answered_at : trial->started_at;
  cdr_record_encode(&record, &bytes);
  call_attempt_encode(text_builder_view(&bytes), &state);
  if (bytes.overflowed || state.overflowed) return;
  /* FULL: the test goes on; were the switch to be killed, there would be no record of it. */
  (void)!outbox_journal(step->context->outbox, JOURNAL_SOON, JOURNAL_PUT, cdr_record_key_of_id(record.id),
                        text_builder_view(&state));
}

void trunk_hand_on_record(struct trunk_step *step) {
  const struct trunk_trial *trial = step->trial;
  const struct end_reason_row *row = end_reason_row(END_REASON_trunk_test);
  struct cdr_record record;
  struct text_builder conclusion = arena_builder(step->context->arena, SENTENCE_BYTES);
  struct text_builder bytes = arena_builder(step->context->arena, RECORD_BYTES);
  cdr_record_init(&record);
  record.state = STR_VIEW("ended");
  fill_parties(step, &record);
  fill_times(trial, &record);
  write_conclusion(trial, &conclusion);
  record.end_direction = trial->callee_hung_up ? STR_VIEW("callee") : STR_VIEW("switch");
  record.end_reason = str_view_from_c(row->name);
  record.end_text = trunk_text_view(&trial->phrase);
  record.explanation = text_builder_view(&conclusion);
  record.q850_cause = row->q850_cause;
  if (trial->invite_status != 0) record.sip_status = trial->invite_status;
  cdr_record_encode(&record, &bytes);
  if (bytes.overflowed || outbox_record(step->context->outbox, text_builder_view(&bytes), 0) != RESULT_OK) {
    counters_add(step->context->counters, records_lost);
    return;
  }
  counters_add(step->context->counters, cdrs_written);
}
