/* What the journal is told of calls, so that they survive the switch (store/call_journal.h):
 *
 *   a callee is invited            → JOURNAL_PUT: the record as it stands, and what it takes to end the attempt on both
 *                                    sides; nobody waits for it. It cannot go on after a restart, but it has its
 *                                    record then, and nobody rings on (call_cut_off.c)
 *   its first response             → JOURNAL_NOTE: it may be cancelled
 *   the answer, a changed session,
 *   terms of a session timer, way
 *   to a peer                      → JOURNAL_PUT: the record, and the call itself; the 200 of the answer waits until
 *                                    that is on the disk
 *   the caller's ACK, proofs of
 *   life, a session refreshed      → JOURNAL_NOTE
 *   the end                        → the record itself (OUTBOX_RECORD), under the same key
 *
 *   an attempt: [ATTEMPT_WHOLE][record][call_cut_off.c], or, of a trunk test and of older versions,
 * [ATTEMPT_RECORD][record] its note:   [ATTEMPT_RINGS] a state:    [version][record][the call and both legs:
 * call_restore.c] a note:     [version][acknowledged][u64 last proof of life][its text] and since version 3 the end of
 * the caller's and the callee's session, each [u48 milliseconds of the wall clock, as the call counts it; 0: never] */
#include "base/packed.h"
#include "call/call_private.h"

#define STATE_VERSION   4
#define STATE_OLDEST    2 /* kept session descriptions whole */
#define STATE_CLOCKED   4 /* from this on its end is [u64 boot id][u64 when the call began, by the monotonic clock] */
#define CLOCK_BYTES     16
#define NOTE_VERSION    3
#define NOTE_OLDEST     2
#define ATTEMPT_RECORD  0x81
#define ATTEMPT_WHOLE   0x82
#define ATTEMPT_RINGS   0x82
#define RECORD_BYTES    CALL_RECORD_BYTES
#define STATE_BYTES_MAX (96 * 1024)
#define NOTE_BYTES_MAX  128
#define NOTE_EVERY_US   INT64_C(15000000)
#define TERMS_FACTOR    UINT64_C(0x9e3779b97f4a7c15)

static struct journal_key key_of(struct call_step *step) {
  return cdr_record_key_of_call(step->call->started_at, step->context->local->worker,
                                pool_handle_of(&step->table->calls, step->call));
}

/* --- when sessions end ------------------------------------------------------------------------------------------- */

/* When the leg's session ends, by the monotonic clock; 0: it has none. */
static int64_t session_end_ms(struct call_step *step, struct handle handle) {
  const struct call_leg *leg = call_leg_at(step->table, handle);
  struct mono_ms end;
  return leg && session_timer_end(&leg->session_timer, &end) ? end.value : 0;
}

static void save_session_end(struct call_step *step, struct handle handle, struct text_builder *note) {
  int64_t end_ms = session_end_ms(step, handle);
  int64_t wall_ms = call_wall_now(step->call, step->context).value / 1000 + end_ms - step->context->now.value;
  packed_add(note, end_ms == 0 ? 0 : (uint64_t)wall_ms, 6);
}

/* Changes with each refresh of either leg. */
static int64_t session_ends(struct call_step *step) {
  return session_end_ms(step, step->call->caller) + session_end_ms(step, step->call->callee);
}

/* What is in force with a peer, and where it is: another number when that has changed. */
static uint64_t terms_of(struct call_step *step, struct handle handle) {
  const struct call_leg *leg = call_leg_at(step->table, handle);
  if (!leg) return 0;
  struct session_terms terms = session_timer_terms(&leg->session_timer);
  uint64_t moves = dialog_moves(step->table->rooms.dialogs, leg->dialog);
  return terms.interval_s | (uint64_t)terms.role << 20 | moves << 24 | (uint64_t)leg->asked_terms.min_se_s << 32;
}

static uint64_t session_terms_of(struct call_step *step) {
  return terms_of(step, step->call->caller) * TERMS_FACTOR + terms_of(step, step->call->callee);
}

/* --- telling ----------------------------------------------------------------------------------------------------- */

void call_keep(struct call_step *step, const struct outbox_entry *answer) {
  struct cdr_record record;
  struct call *call = step->call;
  struct text_builder bytes = arena_builder(step->context->arena, RECORD_BYTES);
  struct text_builder state = arena_builder(step->context->arena, STATE_BYTES_MAX);
  call_record_fill(step, &record);
  cdr_record_encode(&record, &bytes);
  packed_add(&state, STATE_VERSION, 1);
  packed_add_text(&state, text_builder_view(&bytes));
  call_save(step, &state);
  call_save_answer(step, answer, &state);
  packed_add(&state, step->context->local->boot_id, 8);
  packed_add(&state, (uint64_t)call->started.value, 8);
  call->keep_again = false;
  if (bytes.overflowed || state.overflowed) return;
  call->kept_at = call_wall_now(call, step->context);
  call->kept_session_ends = session_ends(step);
  call->kept_terms = session_terms_of(step);
  /* FULL: the call goes on; were the switch to be killed, there would be no record of it. */
  (void)!outbox_journal(step->context->outbox, JOURNAL_URGENT, JOURNAL_PUT, key_of(step), text_builder_view(&state));
}

void call_attempt_encode(struct str_view record, struct text_builder *state_out) {
  packed_add(state_out, ATTEMPT_RECORD, 1);
  packed_add_text(state_out, record);
}

void call_keep_attempt(struct call_step *step) {
  struct cdr_record record;
  struct text_builder bytes = arena_builder(step->context->arena, RECORD_BYTES);
  struct text_builder state = arena_builder(step->context->arena, STATE_BYTES_MAX);
  call_record_fill(step, &record);
  cdr_record_encode(&record, &bytes);
  packed_add(&state, ATTEMPT_WHOLE, 1);
  packed_add_text(&state, text_builder_view(&bytes));
  call_cut_off_save(step, &state);
  if (bytes.overflowed || state.overflowed) return;
  step->call->attempt_is_kept = true;
  step->call->attempt_rings = false;
  /* FULL: the attempt goes on; were the switch to be killed, there would be no record of it. */
  (void)!outbox_journal(step->context->outbox, JOURNAL_SOON, JOURNAL_PUT, key_of(step), text_builder_view(&state));
}

void call_keep_taken_up(struct call_step *step) {
  step->call->kept_at = step->call->restored_at;
  step->call->kept_terms = session_terms_of(step);
}

void call_keep_rings(struct call_step *step) {
  static const char rings = (char)ATTEMPT_RINGS;
  struct call *call = step->call;
  if (!call) call_farewell_responded(step);
  if (!call || !call->attempt_is_kept || call->attempt_rings || call->kept_at.value != 0) return;
  call->attempt_rings = true;
  /* FULL: were the switch to be killed, it would wait for another response before it says CANCEL. */
  (void)!outbox_journal(step->context->outbox, JOURNAL_SOON, JOURNAL_NOTE, key_of(step), str_view_of(&rings, 1));
}

static void note(struct call_step *step) {
  struct cdr_record record;
  struct call *call = step->call;
  struct text_builder note = arena_builder(step->context->arena, NOTE_BYTES_MAX);
  call_record_fill_life(step, &record);
  call->note_again = false;
  packed_add(&note, NOTE_VERSION, 1);
  packed_add(&note, call->is_acknowledged, 1);
  packed_add(&note, (uint64_t)record.last_alive_at.value, 8);
  packed_add_text(&note, record.last_alive_by);
  save_session_end(step, call->caller, &note);
  save_session_end(step, call->callee, &note);
  if (note.overflowed) return;
  call->kept_at = call_wall_now(call, step->context);
  call->kept_session_ends = session_ends(step);
  /* Lazily: without it the session seems to end earlier, and the legs are asked after a restart in any case. */
  (void)!outbox_journal(step->context->outbox, JOURNAL_LAZY, JOURNAL_NOTE, key_of(step), text_builder_view(&note));
}

void call_keep_acknowledged(struct call_step *step) {
  struct call *call = step->call;
  bool is_answered = call->answered_at.value != 0; /* before, it is a PRACK or the like */
  if (call->is_acknowledged || !is_answered || step->leg->side != CALL_CALLER) return;
  call->is_acknowledged = call->note_again = true;
}

/* A proof of life is worth a note now and then; a session that has been refreshed always. */
static bool is_worth_a_note(struct call_step *step) {
  const struct call *call = step->call;
  return call->note_again || call->alive.at.value - call->kept_at.value >= NOTE_EVERY_US ||
         session_ends(step) != call->kept_session_ends;
}

void call_keep_changes(struct call_table *table, struct context *context, struct handle handle) {
  struct call *call = pool_get(&table->calls, handle);
  struct call_step step = {.table = table, .context = context, .call = call};
  if (!call || call->kept_at.value == 0) return;
  bool is_state_due = call->keep_again || session_terms_of(&step) != call->kept_terms;
  if (!is_state_due && !is_worth_a_note(&step)) return;
  if (is_state_due) call_keep(&step, NULL);
  note(&step); /* a state forgets its note */
}

/* --- after a restart --------------------------------------------------------------------------------------------- */

static bool is_state(uint8_t version) {
  return version >= STATE_OLDEST && version <= STATE_VERSION;
}

bool call_kept_read(struct str_view bytes, struct kept_state *state_out) {
  struct kept_state state = {.rest = {.rest = bytes}};
  uint8_t version = (uint8_t)packed_take(&state.rest, 1);
  if (!is_state(version)) return false;
  if (version >= STATE_CLOCKED && bytes.length > CLOCK_BYTES) {
    struct packed_reader clock = {.rest = str_view_from(bytes, bytes.length - CLOCK_BYTES)};
    state.rest.rest = str_view_slice(bytes, 1, bytes.length - 1 - CLOCK_BYTES);
    state.boot_id = packed_take(&clock, 8);
    state.started.value = (int64_t)packed_take(&clock, 8);
  }
  state.record = packed_take_text(&state.rest);
  *state_out = state;
  return !state.rest.broken;
}

struct kept_note call_kept_note_read(struct str_view bytes) {
  struct packed_reader reader = {.rest = bytes};
  struct kept_note note = {0};
  uint8_t version = (uint8_t)packed_take(&reader, 1);
  if (version < NOTE_OLDEST || version > NOTE_VERSION) return note;
  note.is_acknowledged = packed_take(&reader, 1) != 0;
  note.alive_at.value = (int64_t)packed_take(&reader, 8);
  note.alive_by = packed_take_text(&reader);
  for (unsigned side = 0; side < 2 && version >= 3; side++)
    note.session_end_ms[side] = (int64_t)packed_take(&reader, 6);
  return reader.broken ? (struct kept_note){0} : note;
}

bool call_kept_read_attempt(struct str_view bytes, struct packed_reader *rest_out) {
  *rest_out = (struct packed_reader){.rest = bytes};
  bool is_whole = packed_take(rest_out, 1) == ATTEMPT_WHOLE;
  (void)packed_take_text(rest_out);
  return is_whole && !rest_out->broken;
}

/* Of a state, or of an attempt. */
static bool read_record(struct str_view state, struct packed_reader *reader, struct str_view *record_out) {
  *reader = (struct packed_reader){.rest = state};
  uint8_t version = (uint8_t)packed_take(reader, 1);
  *record_out = packed_take_text(reader);
  return !reader->broken && (is_state(version) || version == ATTEMPT_RECORD || version == ATTEMPT_WHOLE);
}

enum result call_kept_record(struct str_view state, struct str_view note_bytes, struct text_builder *record_out) {
  struct packed_reader reader;
  struct str_view bytes;
  struct cdr_record record;
  struct kept_note note = call_kept_note_read(note_bytes);
  if (!read_record(state, &reader, &bytes) || cdr_record_decode(bytes, &record) != RESULT_OK) return RESULT_MALFORMED;
  if (note.alive_at.value > record.last_alive_at.value) {
    record.last_alive_at = note.alive_at;
    record.last_alive_by = note.alive_by;
  }
  cdr_record_end_by_restart(&record);
  cdr_record_encode(&record, record_out);
  return record_out->overflowed ? RESULT_FULL : RESULT_OK;
}
