/* What the journal is told of answered calls, so that they survive the switch (store/call_journal.h):
 *
 *   the answer, a changed session   → JOURNAL_PUT: its record as it stands, and the call itself; the 200 of the answer
 *                                     waits until that is on the disk
 *   the caller's ACK, proofs of life → JOURNAL_NOTE
 *   the end                         → the record itself (OUTBOX_RECORD), under the same key
 *
 *   a state: [version][record][the call and both legs: call_restore.c]
 *   a note:  [version][acknowledged][u64 last proof of life][its text] */
#include "base/packed.h"
#include "call/call_private.h"

#define KEEP_VERSION    2
#define RECORD_BYTES    8192
#define STATE_BYTES_MAX (96 * 1024)
#define NOTE_BYTES_MAX  128
#define NOTE_EVERY_US   INT64_C(15000000)

static struct journal_key key_of(struct call_step *step) {
  return cdr_record_key_of_id(call_id_of(step));
}

/* --- telling --------------------------------------------------------------------------------------------------------
 */

void call_keep(struct call_step *step, const struct outbox_entry *answer) {
  struct cdr_record record;
  struct call *call = step->call;
  struct text_builder bytes = arena_builder(step->context->arena, RECORD_BYTES);
  struct text_builder state = arena_builder(step->context->arena, STATE_BYTES_MAX);
  call_record_fill(step, &record);
  cdr_record_encode(&record, &bytes);
  packed_add(&state, KEEP_VERSION, 1);
  packed_add_text(&state, text_builder_view(&bytes));
  call_save(step, &state);
  call_save_answer(step, answer, &state);
  call->keep_again = false;
  if (bytes.overflowed || state.overflowed) return;
  call->kept_at = step->context->wall_now;
  /* FULL: the call goes on; were the switch to be killed, there would be no record of it. */
  (void)!outbox_journal(step->context->outbox, JOURNAL_PUT, key_of(step), text_builder_view(&state));
}

static void note(struct call_step *step) {
  struct cdr_record record;
  struct call *call = step->call;
  struct text_builder note = arena_builder(step->context->arena, NOTE_BYTES_MAX);
  call_record_fill_life(step, &record);
  packed_add(&note, KEEP_VERSION, 1);
  packed_add(&note, call->is_acknowledged, 1);
  packed_add(&note, (uint64_t)record.last_alive_at.value, 8);
  packed_add_text(&note, record.last_alive_by);
  if (note.overflowed) return;
  call->kept_at = step->context->wall_now;
  (void)!outbox_journal(step->context->outbox, JOURNAL_NOTE, key_of(step), text_builder_view(&note));
}

void call_keep_life(struct call_step *step) {
  struct call *call = step->call;
  if (!call || call->kept_at.value == 0 || call->alive.at.value - call->kept_at.value < NOTE_EVERY_US) return;
  note(step);
}

void call_keep_acknowledged(struct call_step *step) {
  struct call *call = step->call;
  if (call->is_acknowledged || step->leg->side != CALL_CALLER) return;
  call->is_acknowledged = true;
  if (call->kept_at.value != 0) note(step);
}

void call_keep_changes(struct call_table *table, struct context *context, struct handle handle) {
  struct call *call = pool_get(&table->calls, handle);
  struct call_step step = {.table = table, .context = context, .call = call};
  if (!call || !call->keep_again || call->kept_at.value == 0) return;
  call_keep(&step, NULL);
  if (call->is_acknowledged) note(&step); /* a state forgets its note */
}

/* --- after a restart ------------------------------------------------------------------------------------------------
 */

bool call_kept_read(struct str_view bytes, struct packed_reader *state_out, struct str_view *record_out) {
  *state_out = (struct packed_reader){.rest = bytes};
  if (packed_take(state_out, 1) != KEEP_VERSION) return false;
  *record_out = packed_take_text(state_out);
  return !state_out->broken;
}

struct kept_note call_kept_note_read(struct str_view bytes) {
  struct packed_reader reader = {.rest = bytes};
  struct kept_note note = {0};
  if (packed_take(&reader, 1) != KEEP_VERSION) return note;
  note.is_acknowledged = packed_take(&reader, 1) != 0;
  note.alive_at.value = (int64_t)packed_take(&reader, 8);
  note.alive_by = packed_take_text(&reader);
  return reader.broken ? (struct kept_note){0} : note;
}

enum result call_kept_record(struct str_view state, struct str_view note_bytes, struct text_builder *record_out) {
  struct packed_reader reader;
  struct str_view bytes;
  struct cdr_record record;
  struct kept_note note = call_kept_note_read(note_bytes);
  if (!call_kept_read(state, &reader, &bytes) || cdr_record_decode(bytes, &record) != RESULT_OK)
    return RESULT_MALFORMED;
  if (note.alive_at.value > record.last_alive_at.value) {
    record.last_alive_at = note.alive_at;
    record.last_alive_by = note.alive_by;
  }
  cdr_record_end_by_restart(&record);
  cdr_record_encode(&record, record_out);
  return record_out->overflowed ? RESULT_FULL : RESULT_OK;
}
