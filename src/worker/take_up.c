/* What the journal has kept of calls that were open when the switch stopped working. */
#include "call/call.h"
#include "store/call_journal.h"
#include "worker/worker_state.h"

#define RECORD_BYTES 16384

struct take_up {
  struct worker_group *group;
  uint32_t calls;
};

static void take_up(void *context, struct journal_key key, struct str_view state, struct str_view note) {
  struct take_up *all = context;
  char memory[RECORD_BYTES];
  struct text_builder record = text_builder_over(memory, sizeof memory);
  enum journal_kind kind = JOURNAL_END;
  /* What cannot be read is not kept for ever. */
  if (call_kept_record(state, note, &record) != RESULT_OK) kind = JOURNAL_DROP;
  all->calls++;
  /* FULL: it stays in the journal until the next start. */
  (void)!call_journal_put(all->group->journal, kind, key,
                          kind == JOURNAL_END ? text_builder_view(&record) : (struct str_view){0}, false, NULL);
}

enum result worker_group_take_up(struct worker_group *group, uint32_t *calls_out) {
  struct take_up all = {.group = group};
  enum result result = group->journal ? call_journal_each(group->journal, take_up, &all) : RESULT_OK;
  *calls_out = all.calls;
  return result;
}
