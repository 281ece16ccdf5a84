/* What a simulated switch has on disk (in life: store/call_journal.h). What it is told becomes durable together, a
 * flush later; when the switch is killed, what is not durable may be gone or there. Records of ended calls reach the
 * store when they are durable. */
#ifndef SIM_NODE_JOURNAL_H
#define SIM_NODE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str_view.h"
#include "boundary/journal_key.h"

struct world;

/* A kept object or a thing told; views live as long as the world. */
struct node_journal_entry {
  uint64_t ticket;
  struct journal_key key;
  enum journal_kind kind;
  struct str_view bytes, note; /* note: of what is kept */
  uint8_t owed;
  struct node_journal_entry *next;
};

struct node_journal {
  struct world *world;
  int64_t flush_us;                               /* from the first thing told to its flush */
  struct node_journal_entry *first_kept;          /* durable, and living; oldest first */
  struct node_journal_entry *first_told, **after; /* not durable yet */
  uint64_t told, durable;                         /* tickets */
  unsigned life;                                  /* rises with each crash: flushes of an earlier one do not happen */
  void (*take_record)(void *context, struct str_view record);
  void (*flushed)(void *context);
  void *context;
};

/* `flush_us` above 0. */
void node_journal_init(struct node_journal *journal, struct world *world, int64_t flush_us);

/* Copies the bytes; returns the ticket. */
uint64_t node_journal_tell(struct node_journal *journal, enum journal_kind kind, struct journal_key key,
                           struct str_view bytes);

/* JOURNAL_END: its record, and what is owed all the same (boundary/journal_key.h). */
void node_journal_end(struct node_journal *journal, struct journal_key key, struct str_view record, uint8_t owed);

/* The switch is killed: what has been told and is not durable is gone, but for what was `written` already. */
void node_journal_crash(struct node_journal *journal, uint64_t written);

/* Everything that lives, oldest first; `each` may tell. */
void node_journal_each(struct node_journal *journal,
                       void (*each)(void *context, const struct node_journal_entry *entry), void *context);

#endif
