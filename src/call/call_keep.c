/* What the journal is told of answered calls, so that they survive the switch (store/call_journal.h):
 *
 *   the answer   → JOURNAL_PUT: what its record would say now; the 200 to the caller waits until it is on the disk
 *   life         → JOURNAL_NOTE now and then: the last proof of life
 *   the end      → the record itself (OUTBOX_RECORD), under the same key
 *
 *   a state: [version][u32 length of the record][record]
 *   a note:  [version][u64 last proof of life][its text] */
#include "call/call_private.h"

#define KEEP_VERSION     1
#define STATE_BYTES_MAX  8192
#define NOTE_BYTES_MAX   128
#define NOTE_EVERY_US    INT64_C(15000000)
#define RECORD_LENGTH_AT 1
#define RECORD_AT        5

static void add_number(struct text_builder *builder, uint64_t value, unsigned bytes) {
  for (; bytes > 0; bytes--, value >>= 8)
    text_builder_add_char(builder, (char)(value & 0xff));
}

static uint64_t number_at(struct str_view bytes, size_t at, unsigned count) {
  uint64_t value = 0;
  while (count-- > 0)
    value = value << 8 | (uint8_t)bytes.data[at + count];
  return value;
}

static struct journal_key key_of(struct call_step *step) {
  return cdr_record_key_of_id(call_id_of(step));
}

/* --- telling --------------------------------------------------------------------------------------------------------
 */

void call_keep(struct call_step *step) {
  struct cdr_record record;
  struct text_builder state = arena_builder(step->context->arena, STATE_BYTES_MAX);
  call_record_fill(step, &record);
  text_builder_add_char(&state, KEEP_VERSION);
  add_number(&state, 0, RECORD_AT - RECORD_LENGTH_AT);
  cdr_record_encode(&record, &state);
  if (state.overflowed) return;
  struct text_builder length = text_builder_over(state.data + RECORD_LENGTH_AT, RECORD_AT - RECORD_LENGTH_AT);
  add_number(&length, state.length - RECORD_AT, RECORD_AT - RECORD_LENGTH_AT);
  step->call->kept_at = step->context->wall_now;
  /* FULL: the call goes on; were the switch to be killed, there would be no record of it. */
  (void)!outbox_journal(step->context->outbox, JOURNAL_PUT, key_of(step), text_builder_view(&state));
}

void call_keep_life(struct call_step *step) {
  struct call *call = step->call;
  if (!call || call->kept_at.value == 0 || call->alive.at.value - call->kept_at.value < NOTE_EVERY_US) return;
  struct cdr_record record;
  struct text_builder note = arena_builder(step->context->arena, NOTE_BYTES_MAX);
  call_record_fill_life(step, &record);
  text_builder_add_char(&note, KEEP_VERSION);
  add_number(&note, (uint64_t)record.last_alive_at.value, 8);
  text_builder_add(&note, record.last_alive_by);
  if (note.overflowed) return;
  call->kept_at = call->alive.at;
  (void)!outbox_journal(step->context->outbox, JOURNAL_NOTE, key_of(step), text_builder_view(&note));
}

/* --- after a restart ------------------------------------------------------------------------------------------------
 */

static void take_note(struct cdr_record *record, struct str_view note) {
  if (note.length < 9 || note.data[0] != KEEP_VERSION) return;
  int64_t at = (int64_t)number_at(note, 1, 8);
  if (at <= record->last_alive_at.value) return;
  record->last_alive_at.value = at;
  record->last_alive_by = str_view_from(note, 9);
}

enum result call_kept_record(struct str_view state, struct str_view note, struct text_builder *record_out) {
  struct cdr_record record;
  if (state.length < RECORD_AT || state.data[0] != KEEP_VERSION) return RESULT_MALFORMED;
  size_t length = (size_t)number_at(state, RECORD_LENGTH_AT, RECORD_AT - RECORD_LENGTH_AT);
  if (length > state.length - RECORD_AT ||
      cdr_record_decode(str_view_slice(state, RECORD_AT, length), &record) != RESULT_OK)
    return RESULT_MALFORMED;
  take_note(&record, note);
  cdr_record_end_by_restart(&record);
  cdr_record_encode(&record, record_out);
  return record_out->overflowed ? RESULT_FULL : RESULT_OK;
}
