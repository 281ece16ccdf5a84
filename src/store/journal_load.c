/* What the records mean, while reading them at the start and while writing them. */
#include <stdio.h>

#include "store/journal_private.h"

static void forget_place(struct call_journal *journal, struct journal_place *place) {
  journal->live_bytes -= place->bytes;
  *place = (struct journal_place){0};
}

static void set_place(struct call_journal *journal, struct journal_place *place, const struct journal_place *to) {
  forget_place(journal, place);
  *place = *to;
  journal->live_bytes += to->bytes;
}

/* What was written with larger limits than those of now is taken up all the same, for its records' sake. */
static bool make_index_larger(struct call_journal *journal) {
  const struct journal_files *files = &journal->files;
  if (journal->index.limit > JOURNAL_OBJECTS_MAX / 2) return false;
  uint32_t limit = journal->index.limit * 2;
  size_t bytes = journal_index_memory_bytes(limit);
  void *memory = files->allocate(files->context, bytes);
  if (!memory) return false;
  journal_index_move(&journal->index, memory, limit);
  files->give_back(files->context, journal->index_memory, journal->index_bytes);
  journal->index_memory = memory;
  journal->index_bytes = bytes;
  return true;
}

static void learn_put(struct call_journal *journal, const struct journal_record *record,
                      const struct journal_place *place) {
  struct journal_live *live = journal_index_add(&journal->index, record->key);
  if (!live && !journal->writer_started && make_index_larger(journal))
    live = journal_index_add(&journal->index, record->key);
  if (!live) {
    journal->keeps_all = true;
    return;
  }
  live->owed = record->owed;
  set_place(journal, &live->put, place);
  if (record->kind == JOURNAL_PUT) forget_place(journal, &live->note);
}

static void learn_note(struct call_journal *journal, const struct journal_record *record,
                       const struct journal_place *place) {
  struct journal_live *live = journal_index_find(&journal->index, record->key);
  if (live) set_place(journal, &live->note, place);
}

/* What is owed is kept while there is room: what lives goes first. */
static bool stays(const struct call_journal *journal, const struct journal_record *record) {
  return record->owed != 0 && journal->index.used < journal->index.limit - journal->index.limit / 4;
}

static void learn_death(struct call_journal *journal, const struct journal_record *record) {
  struct journal_live *live = journal_index_find(&journal->index, record->key);
  if (!live) return;
  if (stays(journal, record)) {
    live->owed = record->owed;
    return;
  }
  forget_place(journal, &live->put);
  forget_place(journal, &live->note);
  journal_index_remove(&journal->index, live);
}

static void learn_stored(struct call_journal *journal, const char *payload) {
  uint64_t stored;
  memcpy(&stored, payload, sizeof stored);
  if (stored > journal->stored) journal->stored = stored;
}

void journal_learn(struct call_journal *journal, const struct journal_record *record,
                   const struct journal_place *place) {
  switch (record->kind) {
  case JOURNAL_NONE:
  case JOURNAL_KINDS: break;
  case JOURNAL_SEGMENT:
    if (record->payload.length >= JOURNAL_HEADER_PAYLOAD) learn_stored(journal, record->payload.data + 16);
    break;
  case JOURNAL_PUT:
  case JOURNAL_COPY: learn_put(journal, record, place); break;
  case JOURNAL_NOTE: learn_note(journal, record, place); break;
  case JOURNAL_END:
    journal_segment_find(journal, place->segment)->last_end = record->sequence;
    learn_death(journal, record);
    break;
  case JOURNAL_DROP: learn_death(journal, record); break;
  case JOURNAL_STORED:
    if (record->payload.length == sizeof(uint64_t)) learn_stored(journal, record->payload.data);
    break;
  }
}

/* --- at the start ------------------------------------------------------------------------------------------------ */

static void report_damage(struct call_journal *journal, const struct journal_segment *segment,
                          const struct journal_walk *walk, enum journal_step step) {
  bool is_torn = step == JOURNAL_STEP_TORN && segment == &journal->segments[journal->segment_count - 1];
  journal_report(journal, JOURNAL_NAME_FORMAT ": %zu bytes from offset %zu on %s", segment->number, segment->salt,
                 walk->damaged_bytes, walk->damaged_at,
                 is_torn ? "did not arrive completely and are cut off"
                         : "cannot be read; everything around them is used");
  if (!is_torn) journal->health.damaged_bytes += walk->damaged_bytes;
}

static void load_segment(struct call_journal *journal, struct journal_segment *segment) {
  struct str_view file = journal_segment_read(journal, segment);
  if (!file.data && segment->bytes > 0) journal_segment_is_unread(journal, segment);
  struct journal_walk walk = journal_walk_over(file, segment->salt);
  size_t used = 0;
  for (enum journal_step step; (step = journal_walk_next(&walk)) != JOURNAL_STEP_END;) {
    if (step != JOURNAL_STEP_RECORD) {
      segment->is_damaged = true;
      report_damage(journal, segment, &walk, step);
      continue;
    }
    used = walk.at;
    struct journal_place place = {segment->number, (uint32_t)walk.record_at, (uint32_t)(walk.at - walk.record_at)};
    if (walk.record.sequence > journal->sequence) journal->sequence = walk.record.sequence;
    journal_learn(journal, &walk.record, &place);
  }
  segment->bytes = (uint32_t)used;
  journal->total_bytes += used;
}

/* The first record of an ended call that the store may not have. */
static void find_waiting(struct call_journal *journal) {
  for (uint32_t i = 0; i < journal->segment_count && !journal->lags; i++) {
    if (journal->segments[i].last_end <= journal->stored) continue;
    journal->lags = true;
    journal->lag_number = journal->segments[i].number;
    journal->lag_at = 0;
  }
}

bool journal_load(struct call_journal *journal) {
  for (uint32_t i = 0; i < journal->segment_count; i++)
    load_segment(journal, &journal->segments[i]);
  /* Those that come have room beside those that lived. */
  while (journal->index.used > journal->index.limit - journal->index.limit / 4 && make_index_larger(journal)) {
  }
  journal->stored_told = journal->stored;
  find_waiting(journal);
  return true;
}

/* --- what lives -------------------------------------------------------------------------------------------------- */

static bool is_at(const struct journal_place *place, const struct journal_segment *segment, size_t at) {
  return place->bytes > 0 && place->segment == segment->number && place->at == at;
}

static bool note_can_be_read(const struct journal_live *live) {
  return live->note.bytes > 0 && live->note.bytes <= JOURNAL_NOTE_MAX + 64;
}

/* A note mostly stands in the same file as its state, which is in memory. */
static bool read_note(const struct call_journal *journal, const struct journal_walk *walk,
                      const struct journal_live *live, char *memory, struct journal_record *note_out) {
  const struct journal_place *place = &live->note;
  size_t bytes;
  if (!note_can_be_read(live)) return false;
  if (place->segment == live->put.segment)
    return journal_record_read(str_view_from(walk->bytes, place->at), walk->salt, note_out, &bytes) == RESULT_OK;
  return journal_place_read(journal, place, memory, note_out);
}

/* Several threads may take the same thing: who is suspended is known to each worker. */
static void note_taken(struct call_journal *journal, struct journal_live *live) {
  if (!__atomic_exchange_n(&live->is_taken, true, __ATOMIC_RELAXED))
    __atomic_fetch_add(&journal->taken_count, 1, __ATOMIC_RELAXED);
}

static void visit(struct call_journal *journal, const struct journal_walk *walk, struct journal_live *live,
                  const struct journal_visit *how) {
  char memory[JOURNAL_NOTE_MAX + 64];
  struct journal_record note = {0};
  struct journal_kept kept = {.key = live->key, .state = walk->record.payload, .owed = live->owed};
  if (read_note(journal, walk, live, memory, &note)) kept.note = note.payload;
  if (how->each(how->context, &kept)) note_taken(journal, live);
}

static bool is_whole(const struct journal_walk *walk) {
  struct journal_record record;
  size_t bytes;
  return journal_record_read(str_view_from(walk->bytes, walk->record_at), walk->salt, &record, &bytes) == RESULT_OK;
}

static void visit_if_wanted(struct call_journal *journal, const struct journal_segment *segment,
                            const struct journal_walk *walk, const struct journal_visit *how) {
  const struct journal_record *record = &walk->record;
  if (!journal_kind_is_state(record->kind) || (how->wants && !how->wants(how->context, record->key))) return;
  struct journal_live *live = journal_index_find(&journal->index, record->key);
  if (live && is_at(&live->put, segment, walk->record_at) && is_whole(walk)) visit(journal, walk, live, how);
}

/* It has been read before: where nothing was wrong, only what is wanted is looked at once more. */
static void visit_segment(struct call_journal *journal, const struct journal_segment *segment, struct str_view file,
                          const struct journal_visit *how) {
  struct journal_walk walk = journal_walk_over(file, segment->salt);
  while (!segment->is_damaged && journal_walk_glance(&walk))
    visit_if_wanted(journal, segment, &walk, how);
  for (enum journal_step step; (step = journal_walk_next(&walk)) != JOURNAL_STEP_END;)
    if (step == JOURNAL_STEP_RECORD) visit_if_wanted(journal, segment, &walk, how);
}

enum result call_journal_each(struct call_journal *journal, const struct journal_visit *how) {
  struct journal_file file = {0};
  enum result result = RESULT_OK;
  if (journal->writer_started) return RESULT_WRONG_STATE;
  for (uint32_t i = 0; i < journal->segment_count; i++) {
    const struct journal_segment *segment = &journal->segments[i];
    struct str_view bytes = journal_segment_read_into(journal, segment, &file);
    if (!bytes.data && (segment->bytes > 0 || segment->is_unread))
      result = RESULT_FAILED;
    else
      visit_segment(journal, segment, bytes, how);
  }
  journal_file_release(journal, &file);
  return result;
}

/* What cannot be read stays. */
static void visit_left(struct call_journal *journal, struct journal_live *live, char *memory,
                       const struct journal_visit *how) {
  char note_memory[JOURNAL_NOTE_MAX + 64];
  struct journal_record state, note = {0};
  struct journal_kept kept = {.key = live->key, .owed = live->owed};
  if (!journal_place_read(journal, &live->put, memory, &state)) return;
  kept.state = state.payload;
  if (note_can_be_read(live) && journal_place_read(journal, &live->note, note_memory, &note)) kept.note = note.payload;
  if (how->each(how->context, &kept)) note_taken(journal, live);
}

enum result call_journal_each_left(struct call_journal *journal, const struct journal_visit *how) {
  const struct journal_files *files = &journal->files;
  size_t bytes = JOURNAL_PAYLOAD_MAX + 64;
  if (journal->writer_started) return RESULT_WRONG_STATE;
  if (journal->taken_count >= journal->index.used) return RESULT_OK;
  char *memory = files->allocate(files->context, bytes);
  if (!memory) return RESULT_FULL;
  uint32_t count = journal->index.high_water; /* what is told meanwhile is none of ours */
  for (uint32_t i = 0; i < count; i++) {
    struct journal_live *live = &journal->index.entries[i];
    if (live->put.bytes > 0 && !live->is_taken) visit_left(journal, live, memory, how);
    journal_write_if_crowded(journal);
  }
  files->give_back(files->context, memory, bytes);
  return RESULT_OK;
}
