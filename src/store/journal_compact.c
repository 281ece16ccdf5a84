/* Giving up the oldest file. Always the oldest: what says that something is no more stands in the same file as what it
 * speaks of, or in a later one, so nothing can come back to life. */
#include "store/journal_private.h"

#define FILES_MIN       4 /* so many may stay, whatever is in them */
#define REMOVE_AGAIN_US 1000000
#define GARBAGE_MAX     2 /* the files may be so many times as large as what of them lives */
#define GARBAGE_TOO_BIG 3 /* then it is given up as fast as may be */
#define GENTLE_BYTES    (512u << 10)

/* The store has every record in the oldest file, and it may go if nothing else in it is needed. */
static bool may_go(const struct call_journal *journal) {
  const struct journal_segment *first = &journal->segments[0];
  return !journal->keeps_all && journal_now_us() >= journal->remove_again_us && first->last_end <= journal->stored &&
         (!journal->lags || journal->lag_number > first->number);
}

static bool is_time(const struct call_journal *journal) {
  return journal->segment_count > FILES_MIN && may_go(journal) &&
         journal->total_bytes > GARBAGE_MAX * journal->live_bytes + FILES_MIN * (uint64_t)journal->segment_bytes;
}

static bool stands_at(const struct journal_place *place, const struct journal_segment *segment, size_t at) {
  return place->bytes > 0 && place->segment == segment->number && place->at == at;
}

/* How much of a batch may be copies: who waits for what is told meanwhile waits for them as well, so they are few,
 * unless more is told than they make room for. */
static size_t copies_max(const struct call_journal *journal) {
  size_t half = journal->batch_bytes_max / 2;
  uint64_t too_big = GARBAGE_TOO_BIG * journal->live_bytes + 2 * FILES_MIN * (uint64_t)journal->segment_bytes;
  return half < GENTLE_BYTES || journal->total_bytes > too_big ? half : GENTLE_BYTES;
}

static bool has_room(const struct call_journal *journal, size_t bytes) {
  return journal->batch_length == 0 || journal->batch_length + bytes <= copies_max(journal);
}

/* A note always stands behind its state: where the state moves past it, it goes along. False: no room. */
static bool copy_put(struct call_journal *journal, const struct journal_live *live, const struct journal_walk *walk) {
  char memory[JOURNAL_NOTE_MAX + 64];
  struct journal_record note;
  bool is_behind = live->note.bytes > 0 && live->note.segment != live->put.segment;
  if (!has_room(journal, live->put.bytes + live->note.bytes)) return false;
  if (is_behind && (live->note.bytes > sizeof memory || !journal_place_read(journal, &live->note, memory, &note)))
    is_behind = false;
  struct journal_record moved = {
      .kind = JOURNAL_COPY, .owed = live->owed, .key = live->key, .payload = walk->record.payload};
  return journal_batch_add(journal, &moved) && (!is_behind || journal_batch_add(journal, &note));
}

/* What lives is put into the batch. False: no room. */
static bool copy(struct call_journal *journal, const struct journal_segment *segment, const struct journal_walk *walk) {
  const struct journal_live *live = journal_index_find(&journal->index, walk->record.key);
  if (!live) return true;
  if (stands_at(&live->put, segment, walk->record_at)) return copy_put(journal, live, walk);
  if (!stands_at(&live->note, segment, walk->record_at)) return true;
  return has_room(journal, live->note.bytes) && journal_batch_add(journal, &walk->record);
}

void journal_compact_begin(struct call_journal *journal) {
  if (journal->compact_number != 0 || !is_time(journal)) return;
  journal->compact_number = journal->segments[0].number;
  journal->compact_at = 0;
}

void journal_compact(struct call_journal *journal) {
  if (journal->compact_number == 0) return;
  const struct journal_segment *segment = &journal->segments[0];
  struct str_view file = journal_segment_read(journal, segment);
  if (!file.data && segment->bytes > 0) {
    journal->compact_number = 0; /* it cannot be read now: it stays */
    journal->remove_again_us = journal_now_us() + REMOVE_AGAIN_US;
    return;
  }
  struct journal_walk walk = journal_walk_over(file, segment->salt);
  walk.at = journal->compact_at;
  for (enum journal_step step; (step = journal_walk_next(&walk)) != JOURNAL_STEP_END; journal->compact_at = walk.at)
    if (step == JOURNAL_STEP_RECORD && !copy(journal, segment, &walk)) return;
  journal->compact_done = true;
}

static bool is_needed(struct call_journal *journal, const struct journal_segment *segment) {
  struct str_view file = journal_segment_read(journal, segment);
  if (!file.data && segment->bytes > 0) return true;
  struct journal_walk walk = journal_walk_over(file, segment->salt);
  for (enum journal_step step; (step = journal_walk_next(&walk)) != JOURNAL_STEP_END;) {
    if (step != JOURNAL_STEP_RECORD) continue;
    const struct journal_live *live = journal_index_find(&journal->index, walk.record.key);
    if (live && (stands_at(&live->put, segment, walk.record_at) || stands_at(&live->note, segment, walk.record_at)))
      return true;
  }
  return false;
}

void journal_compact_without_room(struct call_journal *journal) {
  if (journal->segment_count < 2 || !may_go(journal)) return;
  journal->compact_number = 0;
  journal->compact_done = false;
  if (is_needed(journal, &journal->segments[0]) || !journal_segment_remove_first(journal))
    journal->remove_again_us = journal_now_us() + REMOVE_AGAIN_US;
}

void journal_compact_flushed(struct call_journal *journal) {
  if (!journal->compact_done) return;
  journal->compact_done = false;
  journal->compact_number = 0;
  if (!journal_segment_remove_first(journal)) journal->remove_again_us = journal_now_us() + REMOVE_AGAIN_US;
}
