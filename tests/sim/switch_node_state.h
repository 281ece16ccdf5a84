/* What the files of a simulated switch share:
 *
 *   switch_node.c    events in, outbox out, invariants
 *   switch_life.c    its birth, what it keeps on disk, how it is killed and started again */
#ifndef SIM_SWITCH_NODE_STATE_H
#define SIM_SWITCH_NODE_STATE_H

#include "sim/node_journal.h"
#include "sim/switch_node.h"
#include "sim/world.h"

/* What is each worker's own. Nothing happens in two of them at once, so that the rest is shared. */
struct node_worker {
  struct switch_node *node;
  void *memory; /* NULL: the switch is down */
  size_t memory_bytes;
  struct switch_core *core;
  struct context context;
  struct timer_wheel wheel;
  struct local_identity local;
};

/* A message that waits until the journal has what it tells (worker/held_answers.h). */
struct held_send {
  uint64_t ticket;
  int64_t until_us;
  struct flow flow;
  struct str_view bytes;
  struct held_send *next;
};

struct switch_node {
  struct world *world;
  struct node_setup *setup;
  struct endpoint *endpoints[NODE_SOCKETS_MAX]; /* by socket; several sockets may share one */
  struct node_worker workers[NODE_WORKERS_MAX];
  uint8_t worker_count;
  const struct directory *directory;
  struct device_homes homes;
  struct arena arena;
  struct outbox outbox;
  struct counters counters;
  struct local_identity local; /* of all workers, but for the number */
  uint32_t *usage;
  uint64_t next_order;
  struct str_view order_answer;
  enum result order_result;
  int64_t stalled_until_us;
  int64_t advanced_at_us;
  unsigned advances, restarts;
  uint32_t longest_ttl_s;
  bool is_down;
  struct node_journal journal; /* where setup->journal_flush_us says that it has one */
  struct held_send *first_held;
  uint64_t handled; /* events, and rounds of timers */
};

/* --- switch_node.c ----------------------------------------------------------------------------------------------- */

void switch_node_set_clocks(struct node_worker *worker);
void switch_node_build_directory(struct switch_node *node);
void switch_node_send(struct switch_node *node, const struct flow *flow, struct str_view bytes);
void switch_node_empty_outbox(struct node_worker *worker);

/* What arrives at its sockets. */
void switch_node_receive(struct world *world, struct endpoint *endpoint, const struct arrival *arrival);
void switch_node_refused(struct world *world, struct endpoint *endpoint, struct connection *connection,
                         const struct address *remote);

/* --- switch_life.c ----------------------------------------------------------------------------------------------- */

/* Hands to the journal what calls say in the outbox; and their records, or, where there is none, those to the ledger.
 */
void switch_life_tell_journal(struct switch_node *node);
void switch_life_tell_records(struct switch_node *node);

/* True when the message waits for the journal. */
bool switch_life_holds(struct switch_node *node, const struct outbox_entry *entry);

/* Counts what has been handled; kills the switch where the world's crash plan says so: true. Its outbox is still full.
 */
bool switch_life_ends(struct node_worker *worker);

#endif
