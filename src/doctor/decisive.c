#include "doctor/decisive.h"

#include "trace/trace_message.h"

static bool is_telling_note(const struct trace_record *record) {
  struct note note;
  if (record->kind != TRACE_NOTE || trace_note_decode(record->payload, &note) != RESULT_OK) return false;
  return note.kind == NOTE_TIMER_FAILED || note.kind == NOTE_TIMER_EXPIRED || note.kind == NOTE_CALL_ENDED;
}

static bool is_telling_message(const struct sip_message *message) {
  if (message->is_request) return message->method == SIP_METHOD_BYE || message->method == SIP_METHOD_CANCEL;
  return message->status >= 400 && message->status != 401 && message->status != 407;
}

/* Sent again: the very same bytes the same way. */
static bool is_same(const struct trace_record *a, const struct trace_record *b) {
  return a->kind == TRACE_SIP && b->kind == TRACE_SIP && a->direction == b->direction &&
         address_equal(&a->remote, &b->remote) && str_view_equal(a->payload, b->payload);
}

static bool was_said_before(const struct trace_record *records, size_t index) {
  for (size_t i = 0; i < index; i++)
    if (is_same(&records[i], &records[index])) return true;
  return false;
}

static unsigned count_repeats(const struct trace_record *records, size_t count, size_t index) {
  unsigned repeats = 0;
  for (size_t i = index + 1; i < count; i++)
    repeats += is_same(&records[index], &records[i]);
  return repeats;
}

size_t decisive_pick(const struct trace_record *records, size_t count, struct decisive picked_out[DECISIVE_MAX]) {
  size_t picked = 0;
  for (size_t i = count; i-- > 0 && picked < DECISIVE_MAX;) {
    struct sip_message message;
    if (is_telling_note(&records[i])) {
      picked_out[picked++] = (struct decisive){.index = i};
      continue;
    }
    if (records[i].kind != TRACE_SIP || !trace_message_read(&records[i], &message)) continue;
    unsigned repeats = count_repeats(records, count, i);
    if ((!is_telling_message(&message) && repeats == 0) || was_said_before(records, i)) continue;
    picked_out[picked++] = (struct decisive){.index = i, .repeats = repeats};
  }
  for (size_t i = 0; i < picked / 2; i++) {
    struct decisive last = picked_out[picked - 1 - i];
    picked_out[picked - 1 - i] = picked_out[i];
    picked_out[i] = last;
  }
  return picked;
}
