/* What the journal has kept of calls that were open when the switch stopped working: each goes on at the worker that
 * had it; one that cannot gets its record. */
#include "call/call.h"
#include "store/call_journal.h"
#include "worker/worker_state.h"

#define RECORD_BYTES 16384

struct take_up {
  struct worker_group *group;
  struct taken_up taken;
};

static bool goes_on(struct worker_group *group, struct journal_key key, struct str_view state, struct str_view note) {
  uint8_t index = (uint8_t)(key.high & 0xff);
  if (index >= group->worker_count) return false;
  struct worker *worker = group->workers[index];
  if (!outbox_has_room(&worker->outbox)) outbox_reset(&worker->outbox); /* nothing that anybody waits for */
  return switch_core_restore(worker->core, &worker->context, state, note) == RESULT_OK;
}

static void end(struct take_up *all, struct journal_key key, struct str_view state, struct str_view note) {
  char memory[RECORD_BYTES];
  struct text_builder record = text_builder_over(memory, sizeof memory);
  enum journal_kind kind = JOURNAL_END;
  /* What cannot be read is not kept for ever. */
  if (call_kept_record(state, note, &record) != RESULT_OK) kind = JOURNAL_DROP;
  all->taken.ended++;
  /* FULL: it stays in the journal until the next start. */
  (void)!call_journal_put(all->group->journal, kind, key,
                          kind == JOURNAL_END ? text_builder_view(&record) : (struct str_view){0}, false, NULL);
}

static void take_up(void *context, struct journal_key key, struct str_view state, struct str_view note) {
  struct take_up *all = context;
  if (goes_on(all->group, key, state, note))
    all->taken.calls++;
  else
    end(all, key, state, note);
}

enum result worker_group_take_up(struct worker_group *group, struct taken_up *taken_out) {
  struct take_up all = {.group = group};
  enum result result = group->journal ? call_journal_each(group->journal, take_up, &all) : RESULT_OK;
  for (uint8_t i = 0; i < group->worker_count; i++)
    switch_core_restored(group->workers[i]->core);
  *taken_out = all.taken;
  return result;
}
