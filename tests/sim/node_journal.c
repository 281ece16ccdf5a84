#include "sim/node_journal.h"

#include "sim/world.h"

void node_journal_init(struct node_journal *journal, struct world *world, int64_t flush_us) {
  *journal = (struct node_journal){.world = world, .flush_us = flush_us};
  journal->after = &journal->first_told;
}

/* --- what becomes durable ---------------------------------------------------------------------------------------- */

static struct node_journal_entry **place_of(struct node_journal *journal, struct journal_key key) {
  struct node_journal_entry **place = &journal->first_kept;
  while (*place && !journal_key_equal((*place)->key, key))
    place = &(*place)->next;
  return place;
}

static void put(struct node_journal *journal, const struct node_journal_entry *told) {
  struct node_journal_entry **place = place_of(journal, told->key);
  if (!*place) *place = sim_take(&journal->world->memory, sizeof **place);
  struct node_journal_entry *next = (*place)->next;
  **place = *told;
  (*place)->next = next;
}

static void drop(struct node_journal *journal, struct journal_key key) {
  struct node_journal_entry **place = place_of(journal, key);
  if (*place) *place = (*place)->next;
}

static void make_durable(struct node_journal *journal, const struct node_journal_entry *told) {
  struct node_journal_entry *kept;
  journal->durable = told->ticket;
  switch (told->kind) {
  case JOURNAL_PUT: put(journal, told); break;
  case JOURNAL_NOTE:
    if ((kept = *place_of(journal, told->key)) != NULL) kept->note = told->bytes;
    break;
  case JOURNAL_DROP: drop(journal, told->key); break;
  case JOURNAL_END:
    if (told->owed == 0) drop(journal, told->key);
    if (told->owed != 0 && (kept = *place_of(journal, told->key)) != NULL) kept->owed = told->owed;
    journal->take_record(journal->context, told->bytes);
    break;
  case JOURNAL_NONE:
  case JOURNAL_SEGMENT:
  case JOURNAL_COPY:
  case JOURNAL_STORED:
  case JOURNAL_KINDS: world_fail(journal->world, "the journal is told something of kind %d", told->kind); break;
  }
}

static void flush_up_to(struct node_journal *journal, uint64_t ticket) {
  while (journal->first_told && journal->first_told->ticket <= ticket) {
    make_durable(journal, journal->first_told);
    journal->first_told = journal->first_told->next;
  }
  if (!journal->first_told) journal->after = &journal->first_told;
}

/* --- telling ----------------------------------------------------------------------------------------------------- */

struct flush {
  unsigned life;
  uint64_t ticket;
};

static void flush_is_done(struct world *world, void *subject, void *detail) {
  struct node_journal *journal = subject;
  const struct flush *flush = detail;
  (void)world;
  if (flush->life != journal->life) return;
  flush_up_to(journal, flush->ticket);
  journal->flushed(journal->context);
}

/* Each thing told has a flush of its own; those that fall together are one. */
static uint64_t tell(struct node_journal *journal, const struct node_journal_entry *told) {
  struct world *world = journal->world;
  struct node_journal_entry *entry = sim_take(&world->memory, sizeof *entry);
  struct flush *flush = sim_take(&world->memory, sizeof *flush);
  *entry = *told;
  entry->ticket = ++journal->told;
  entry->bytes = sim_copy(&world->memory, told->bytes);
  *journal->after = entry;
  journal->after = &entry->next;
  *flush = (struct flush){journal->life, entry->ticket};
  world_at(world, world->now_us + journal->flush_us, flush_is_done, journal, flush);
  return entry->ticket;
}

uint64_t node_journal_tell(struct node_journal *journal, enum journal_kind kind, struct journal_key key,
                           struct str_view bytes) {
  return tell(journal, &(struct node_journal_entry){.key = key, .kind = kind, .bytes = bytes});
}

void node_journal_end(struct node_journal *journal, struct journal_key key, struct str_view record, uint8_t owed) {
  (void)tell(journal, &(struct node_journal_entry){.key = key, .kind = JOURNAL_END, .bytes = record, .owed = owed});
}

/* --- a crash, and what is left of it ----------------------------------------------------------------------------- */

void node_journal_crash(struct node_journal *journal, uint64_t written) {
  flush_up_to(journal, written);
  journal->first_told = NULL;
  journal->after = &journal->first_told;
  journal->durable = journal->told;
  journal->life++;
}

void node_journal_each(struct node_journal *journal,
                       void (*each)(void *context, const struct node_journal_entry *entry), void *context) {
  for (const struct node_journal_entry *entry = journal->first_kept; entry; entry = entry->next)
    each(context, entry);
}
