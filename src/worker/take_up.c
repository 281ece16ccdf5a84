/* What the journal has kept when the switch stopped working: each call goes on at the worker that had it; one that
 * cannot gets its record. Phones are registered as they were, but those whose time has run out, and every worker knows
 * who is suspended. Each worker's share is taken up by a thread of its own; what is nobody's is settled afterwards. */
#include "call/call.h"
#include "cdr/cdr_record.h"
#include "store/call_journal.h"
#include "worker/worker_state.h"

#define RECORD_BYTES 16384

struct share {
  struct worker *worker;
  struct taken_up taken;
  enum result result;
  pthread_t thread;
  bool has_thread;
};

struct rest {
  struct worker_group *group;
  struct taken_up *taken;
};

/* --- a worker's share -------------------------------------------------------------------------------------------- */

/* Nobody waits for anything else in the outbox. FULL: it is as the journal has it already. Returns how many records
 * there were: of what has ended. */
static uint32_t tell_journal(struct worker *worker) {
  struct outbox *outbox = &worker->outbox;
  struct call_journal *journal = worker->group->journal;
  uint32_t records = 0;
  for (uint32_t i = 0; i < outbox->entry_count; i++) {
    const struct outbox_entry *entry = &outbox->entries[i];
    if (entry->kind == OUTBOX_JOURNAL)
      (void)!call_journal_put(journal, (enum journal_kind)entry->journal_kind, entry->key, entry->bytes, JOURNAL_SOON,
                              NULL);
    if (entry->kind != OUTBOX_RECORD) continue;
    (void)!call_journal_end(journal, cdr_record_key(entry->bytes), entry->bytes, entry->owed);
    records++;
  }
  outbox_reset(outbox);
  return records;
}

/* A call's key says whose it is. */
static bool may_be_mine(void *context, struct journal_key key) {
  const struct share *share = context;
  return journal_key_thing(key) != JOURNAL_CALL ||
         switch_core_takes_up(share->worker->context.local, key, (struct str_view){0});
}

static bool go_on(void *context, const struct journal_kept *kept) {
  struct share *share = context;
  struct worker *worker = share->worker;
  if (!switch_core_takes_up(worker->context.local, kept->key, kept->state)) return false;
  enum result result = switch_core_restore(worker->core, &worker->context, kept);
  uint32_t ended = tell_journal(worker);
  if (result != RESULT_OK) return false;
  share->taken.ended += ended;
  share->taken.farewells += kept->owed != 0;
  share->taken.calls += journal_key_thing(kept->key) == JOURNAL_CALL && kept->owed == 0 && ended == 0;
  share->taken.registrations += journal_key_thing(kept->key) == JOURNAL_REGISTRATION;
  return true;
}

static void *take_share(void *context) {
  struct share *share = context;
  struct journal_visit how = {may_be_mine, go_on, share};
  share->result = call_journal_each(share->worker->group->journal, &how);
  return NULL;
}

/* The last one is this thread's, and whichever cannot have one of its own. */
static enum result take_shares(struct worker_group *group, struct taken_up *taken) {
  struct share shares[WORKERS_MAX] = {0};
  enum result result = RESULT_OK;
  for (uint8_t i = 0; i < group->worker_count; i++) {
    struct share *share = &shares[i];
    share->worker = group->workers[i];
    bool is_last = i + 1 == group->worker_count;
    share->has_thread = !is_last && pthread_create(&share->thread, NULL, take_share, share) == 0;
    if (!share->has_thread) take_share(share);
  }
  for (uint8_t i = 0; i < group->worker_count; i++) {
    const struct share *share = &shares[i];
    if (share->has_thread) pthread_join(share->thread, NULL);
    if (share->result != RESULT_OK) result = share->result;
    taken->calls += share->taken.calls;
    taken->ended += share->taken.ended;
    taken->registrations += share->taken.registrations;
    taken->farewells += share->taken.farewells;
  }
  return result;
}

/* --- the rest ---------------------------------------------------------------------------------------------------- */

static void end(struct rest *rest, const struct journal_kept *kept) {
  char memory[RECORD_BYTES];
  struct text_builder record = text_builder_over(memory, sizeof memory);
  enum journal_kind kind = JOURNAL_END;
  /* What cannot be read is not kept for ever. */
  if (call_kept_record(kept->state, kept->note, &record) != RESULT_OK) kind = JOURNAL_DROP;
  rest->taken->ended++;
  /* FULL: it stays in the journal until the next start. */
  (void)!call_journal_put(rest->group->journal, kind, kept->key,
                          kind == JOURNAL_END ? text_builder_view(&record) : (struct str_view){0}, JOURNAL_SOON, NULL);
}

/* What a later version has kept stays as it is. */
static bool settle(void *context, const struct journal_kept *kept) {
  struct rest *rest = context;
  if (journal_key_thing(kept->key) == JOURNAL_CALL && kept->owed == 0)
    end(rest, kept);
  else if (journal_key_thing(kept->key) <= JOURNAL_THING_LAST)
    (void)!call_journal_put(rest->group->journal, JOURNAL_DROP, kept->key, (struct str_view){0}, JOURNAL_SOON, NULL);
  return true;
}

enum result worker_group_take_up(struct worker_group *group, struct taken_up *taken_out) {
  struct rest rest = {group, taken_out};
  enum result result = RESULT_OK;
  *taken_out = (struct taken_up){0};
  if (group->journal) {
    result = take_shares(group, taken_out);
    enum result of_rest =
        call_journal_each_left(group->journal, &(struct journal_visit){.each = settle, .context = &rest});
    if (of_rest != RESULT_OK) result = of_rest;
  }
  for (uint8_t i = 0; i < group->worker_count; i++)
    switch_core_restored(group->workers[i]->core);
  return result;
}
