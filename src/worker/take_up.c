/* What the journal has kept when the switch stopped working: each call goes on at the worker that had it; one that
 * cannot gets its record. Phones are registered as they were, but those whose time has run out, and every worker knows
 * who is suspended. */
#include "call/call.h"
#include "store/call_journal.h"
#include "worker/worker_state.h"

#define RECORD_BYTES 16384

struct take_up {
  struct worker_group *group;
  struct taken_up taken;
};

/* Nobody waits for anything else in the outbox. */
static void tell_journal(struct worker_group *group, struct outbox *outbox) {
  for (uint32_t i = 0; i < outbox->entry_count; i++) {
    const struct outbox_entry *entry = &outbox->entries[i];
    if (entry->kind != OUTBOX_JOURNAL) continue;
    /* FULL: it is as the journal has it already. */
    (void)!call_journal_put(group->journal, (enum journal_kind)entry->journal_kind, entry->key, entry->bytes, false,
                            NULL);
  }
  outbox_reset(outbox);
}

static bool goes_on(struct worker_group *group, struct journal_key key, struct str_view state, struct str_view note) {
  bool is_well = false;
  for (uint8_t i = 0; i < group->worker_count; i++) {
    struct worker *worker = group->workers[i];
    if (!switch_core_takes_up(worker->context.local, key, state)) continue;
    if (switch_core_restore(worker->core, &worker->context, key, state, note) == RESULT_OK) is_well = true;
    tell_journal(group, &worker->outbox);
  }
  return is_well;
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

/* What a later version has kept stays as it is. */
static void forget(struct take_up *all, struct journal_key key) {
  if (journal_key_thing(key) > JOURNAL_THING_LAST) return;
  (void)!call_journal_put(all->group->journal, JOURNAL_DROP, key, (struct str_view){0}, false, NULL);
}

static void take_up(void *context, struct journal_key key, struct str_view state, struct str_view note) {
  struct take_up *all = context;
  unsigned thing = journal_key_thing(key);
  bool is_well = goes_on(all->group, key, state, note);
  if (thing == JOURNAL_CALL && is_well)
    all->taken.calls++;
  else if (thing == JOURNAL_CALL)
    end(all, key, state, note);
  else if (!is_well)
    forget(all, key);
  else if (thing == JOURNAL_REGISTRATION)
    all->taken.registrations++;
}

enum result worker_group_take_up(struct worker_group *group, struct taken_up *taken_out) {
  struct take_up all = {.group = group};
  enum result result = group->journal ? call_journal_each(group->journal, take_up, &all) : RESULT_OK;
  for (uint8_t i = 0; i < group->worker_count; i++)
    switch_core_restored(group->workers[i]->core);
  *taken_out = all.taken;
  return result;
}
