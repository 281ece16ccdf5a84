/* The unchanged middle in a simulated world: what `worker/` is in life. Several workers take turns: a message is
 * handled by the one that the switch's own steering names, whichever hears it; what they ask of one another goes
 * through the world's queue, as through inboxes. After each event all invariants are checked. */
#ifndef SIM_SWITCH_NODE_H
#define SIM_SWITCH_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str_view.h"
#include "boundary/event.h"
#include "directory/directory.h"
#include "parameters/parameters.h"
#include "sim/network.h"
#include "switch/switch_core.h"

struct world;
struct switch_node;

#define NODE_SOCKETS_MAX 4
#define NODE_DEVICES_MAX 160
#define NODE_HOSTS_MAX   8
#define NODE_WORKERS_MAX 4
#define NODE_FLUSH_US    (2 * MS_US) /* of the journal, where nothing else is said */

/* A name that the switch may ask for. */
struct node_host {
  struct str_view name;
  struct address addresses[4];
  uint8_t address_count; /* 0: no such name */
};

struct node_setup {
  const char *name;
  struct local_socket sockets[NODE_SOCKETS_MAX];
  uint8_t socket_count;
  struct parameters parameters;
  struct device devices[NODE_DEVICES_MAX];
  size_t device_count;
  struct node_host hosts[NODE_HOSTS_MAX];
  uint8_t host_count;
  struct switch_limits limits; /* per worker */
  uint8_t worker_count;
  int64_t journal_flush_us; /* how long the journal takes; 0: it has none, and forgets everything when it is killed */
};

void node_setup_defaults(struct node_setup *setup);

/* Starts a switch on the network. `setup` is borrowed for the world's life; changes to its parameters are made known
 * with switch_node_order. */
struct switch_node *switch_node_create(struct world *world, struct node_setup *setup);
void switch_node_destroy(struct switch_node *node);

/* When it wants to be woken, in virtual time; INT64_MAX: never. */
int64_t switch_node_wake_us(const struct switch_node *node);
void switch_node_advance(struct switch_node *node);

/* An operator's order; returns the first answer's text, valid as long as the world, or an empty view with data NULL
 * when there was none. */
struct str_view switch_node_order(struct switch_node *node, enum order_kind order, struct str_view target,
                                  enum result *result_out);

/* The process is killed, and started again `down_us` later: what it knew is gone, but for what its journal has. */
void switch_node_restart(struct switch_node *node, int64_t down_us);

/* How many events and rounds of timers it has handled. */
uint64_t switch_node_handled(const struct switch_node *node);

/* It does nothing until then; what comes meanwhile waits in its sockets. */
void switch_node_stall(struct switch_node *node, int64_t until_us);

/* An operator takes away what gateways have of keep-alive settings, and the addresses of phones. */
void switch_node_let_gateways_go(struct switch_node *node);

void switch_node_count(const struct switch_node *node, struct switch_core_counts *counts);
const struct counters *switch_node_counters(const struct switch_node *node);

/* True while its lateness is the world's fault: it has been stalled in the last 40 s. */
bool switch_node_was_stalled(const struct switch_node *node);
const struct parameters *switch_node_parameters(const struct switch_node *node);
/* SS_SIP_SESSION_TTL may be changed while calls run, and what was begun with a longer one runs on. */
uint32_t switch_node_longest_ttl_s(const struct switch_node *node);
unsigned switch_node_workers(const struct switch_node *node);
const char *switch_node_name(const struct switch_node *node);
unsigned switch_node_restarts(const struct switch_node *node);

#endif
