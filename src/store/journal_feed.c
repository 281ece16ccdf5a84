/* Records of ended calls on their way to the store: from the batch just written, or, when the store could not take
 * them, from the files. At least once each; the store keeps each id once. */
#include "store/journal_private.h"

#define UNREAD_US INT64_C(10000000) /* then what follows is offered without what cannot be read */

/* "When the store has all of this, records up to `sequence` are safe." */
static void note_fed(struct call_journal *journal, uint64_t sequence) {
  uint64_t position = journal->sink.position(journal->sink.context);
  if (journal->fed_count == JOURNAL_FED_MAX) {
    uint32_t last = (journal->fed_first + journal->fed_count - 1) % JOURNAL_FED_MAX;
    journal->fed[last] = (struct journal_fed){sequence, position};
    return;
  }
  journal->fed[(journal->fed_first + journal->fed_count++) % JOURNAL_FED_MAX] =
      (struct journal_fed){sequence, position};
}

static bool offer(struct call_journal *journal, const struct journal_record *record) {
  return journal->sink.put(journal->sink.context, record->payload) == RESULT_OK;
}

void journal_feed_batch(struct call_journal *journal, uint32_t at) {
  uint32_t number = journal->segments[journal->segment_count - 1].number;
  struct journal_record record;
  uint64_t fed = 0;
  size_t length;
  for (size_t offset = 0; offset < journal->batch_length && !journal->lags; offset += length) {
    length = journal_record_view(journal->batch + offset, &record);
    if (record.kind != JOURNAL_END) continue;
    if (!journal->sink.put) {
      journal->stored = record.sequence;
    } else if (offer(journal, &record)) {
      fed = record.sequence;
    } else {
      journal->lags = true;
      journal->lag_number = number;
      journal->lag_at = at + offset;
    }
  }
  if (fed > 0) note_fed(journal, fed);
}

/* True when it is left out: for the next start. */
static bool leaves_out(struct call_journal *journal, struct journal_segment *segment) {
  int64_t now_us = journal_now_us();
  if (journal->unread_since_us == 0) journal->unread_since_us = now_us;
  bool is_last = segment == &journal->segments[journal->segment_count - 1];
  if (is_last || now_us - journal->unread_since_us < UNREAD_US) return false;
  journal->total_bytes -= segment->bytes;
  journal_segment_is_unread(journal, segment);
  return true;
}

/* Offers what waits in one file; false when the store takes no more. */
static bool feed_segment(struct call_journal *journal, struct journal_segment *segment, uint64_t *fed) {
  struct str_view file = journal_segment_read(journal, segment);
  if (!file.data) return segment->bytes == 0 || leaves_out(journal, segment);
  journal->unread_since_us = 0;
  struct journal_walk walk = journal_walk_over(file, segment->salt);
  walk.at = journal->lag_at;
  for (enum journal_step step; (step = journal_walk_next(&walk)) != JOURNAL_STEP_END;) {
    if (step != JOURNAL_STEP_RECORD || walk.record.kind != JOURNAL_END || walk.record.sequence <= journal->stored)
      continue;
    if (!offer(journal, &walk.record)) {
      journal->lag_at = walk.record_at;
      return false;
    }
    *fed = walk.record.sequence;
  }
  journal->lag_at = segment->bytes;
  return true;
}

void journal_feed_waiting(struct call_journal *journal) {
  uint64_t fed = 0;
  if (!journal->lags) return;
  if (!journal->sink.put) {
    journal->stored = journal->sequence;
    journal->lags = false;
    return;
  }
  struct journal_segment *last = &journal->segments[journal->segment_count - 1];
  for (struct journal_segment *segment = journal->segments; segment <= last; segment++) {
    if (segment->number < journal->lag_number) continue;
    if (segment->number > journal->lag_number) journal->lag_at = 0;
    journal->lag_number = segment->number;
    if (!feed_segment(journal, segment, &fed)) break;
    journal->lags = segment != last;
  }
  if (fed > 0) note_fed(journal, fed);
}

void journal_feed_look(struct call_journal *journal) {
  if (!journal->sink.put || journal->fed_count == 0) return;
  uint64_t safe = journal->sink.stored(journal->sink.context);
  while (journal->fed_count > 0 && journal->fed[journal->fed_first].position <= safe) {
    /* While there are files that were not read, nobody knows whether the store has what is in them. */
    if (!journal->keeps_all) journal->stored = journal->fed[journal->fed_first].sequence;
    journal->fed_first = (journal->fed_first + 1) % JOURNAL_FED_MAX;
    journal->fed_count--;
  }
}
