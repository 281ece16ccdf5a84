/* What one worker is made of. Known to the files of this room only. */
#ifndef WORKER_WORKER_STATE_H
#define WORKER_WORKER_STATE_H

#include <pthread.h>

#include "boundary/device_homes.h"
#include "net/resolver.h"
#include "net/stream_table.h"
#include "net/udp.h"
#include "recorder/hep_export.h"
#include "store/call_journal.h"
#include "worker/clock.h"
#include "worker/held_answers.h"
#include "worker/inbox.h"
#include "worker/load.h"
#include "worker/memory.h"
#include "worker/order_desk.h"
#include "worker/pace.h"
#include "worker/record_shelf.h"
#include "worker/recording.h"
#include "worker/touch.h"
#include "worker/worker.h"

#define WORKERS_MAX         ORDER_WORKERS_MAX
#define ARENA_BYTES         (4 << 20)
#define OUTBOX_BYTES        (8 << 20)
#define OUTBOX_ENTRIES      8192
#define LETTER_BYTES        (256 << 10)
#define ALARM_BYTES         (256 << 10)
#define DEVICES_BYTES       (256 << 10)
#define ALARM_LINE_MAX      1024
#define TLS_TOLD_EVERY_MS   1000
#define EPOLL_EVENTS_MAX    64
#define INBOX_NOTES_A_ROUND 1024

struct worker {
  /* Written at start, then only read. */
  struct worker_group *group;
  uint8_t index;
  bool is_alone; /* the only worker: nothing is to be steered */
  int epoll_fd;
  int udp_fds[LOCAL_SOCKETS_MAX];      /* -1: not a UDP socket */
  int listener_fds[LOCAL_SOCKETS_MAX]; /* -1: not a TCP or TLS socket */
  struct local_identity local;
  pthread_t thread;

  /* Used by its own thread. */
  struct switch_core *core;
  struct context context;
  struct event message; /* kept, so that a datagram costs no clearing of a whole event */
  struct random random;
  struct timer_wheel wheel;
  struct arena arena;
  struct outbox outbox;
  struct udp_inbound *udp_inbound;
  struct udp_outbound *udp_outbound;
  struct stream_table *streams;
  struct resolver *resolver;
  uint16_t outbound_socket; /* for which the batch is that has not gone yet */
  char *letter;
  struct record_shelf shelf;
  struct held_answers held;
  uint64_t journal_ticket;    /* of what this worker has told the journal last */
  uint64_t journal_forgotten; /* atomic: how much the journal had forgotten when it was last told anew */
  struct mono_ms told_anew_at;
  struct load load;
  struct pace pace;
  int64_t real_ns; /* the kernel's monotonic clock */
  struct recording recording;
  struct mono_ms real_now;
  struct mono_ms tls_told_at[2]; /* of connections that peers began, and that we began */
  struct touch touch;
  struct mono_ms touched_at;
  bool queue_stands; /* a socket had a full batch in this round, and it had waited */
  uint32_t kernel_drops[LOCAL_SOCKETS_MAX];
  bool has_news; /* something has happened since the counts were published */
  struct mono_ms published_at;

  /* Written by its own thread, read by others. */
  struct counters counters; /* atomic */
  bool has_ended;           /* under the group's lock */
  pthread_mutex_t counts_lock;
  struct switch_core_counts counts;
  double processor_s;

  /* Written by other threads. */
  struct recording next_recording; /* for INBOX_PARAMETERS with `changes_recording` */
  struct inbox inbox;
};

struct worker_group {
  struct local_identity identity;
  struct worker_clock clock;
  struct worker *workers[WORKERS_MAX];
  struct memory_region memory[WORKERS_MAX];
  uint8_t worker_count;
  uint8_t started_count;
  bool draining; /* atomic: the last order of that kind */
  struct switch_limits limits;
  uint32_t connections_max;
  struct tls_identity *tls;
  struct tls_files tls_files;
  const char *name_servers;
  const char *trace_dir;   /* NULL: nothing is recorded */
  uint32_t trace_size_mib; /* with which the rings are open */
  struct hep_export *hep;  /* NULL: there is none */
  bool changes_recording;  /* the workers are to take their next_recording */
  const struct parameters *parameters;
  const struct directory *directory;
  enum result (*record_sink)(void *sink, struct str_view record);
  void *record_sink_context;
  struct call_journal *journal;
  struct device_homes homes;
  void *homes_memory;
  struct order_desk desk;
  struct ring_queue alarms;
  struct ring_queue devices; /* lines of OUTBOX_KEEP_DEVICE */
  void *alarm_memory, *device_memory;
  bool is_stopping; /* atomic */
  struct mono_ms stop_deadline;
  pthread_mutex_t lock;
  pthread_cond_t ended;
};

static inline void worker_add(uint64_t *counter, uint64_t more) {
  __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + more, __ATOMIC_RELAXED);
}

/* The journal has lost something that it was told, by this worker or another, and has not been told anew. Any thread.
 */
static inline bool worker_owes_journal(const struct worker *worker) {
  const struct call_journal *journal = worker->group->journal;
  return journal && call_journal_forgotten(journal) != __atomic_load_n(&worker->journal_forgotten, __ATOMIC_RELAXED) &&
         call_journal_is_well(journal);
}

/* A line for the log; cut to ALARM_LINE_MAX, dropped and counted when there are too many. Any thread. */
void worker_alarm(struct worker *worker, struct str_view line);

/* --- worker_orders.c --------------------------------------------------------------------------------------------- */

/* Tells the export of what is recorded where the parameters want it. */
void worker_group_aim_export(struct worker_group *group);

/* Tells the journal how long it may gather: at most half of what an answer waits for it. */
void worker_group_pace_journal(struct worker_group *group);

static inline bool worker_group_is_stopping(const struct worker_group *group) {
  return __atomic_load_n(&group->is_stopping, __ATOMIC_ACQUIRE);
}

/* --- worker.c ---------------------------------------------------------------------------------------------------- */

/* The thread: runs until the group is stopping. */
void *worker_run(void *worker);

/* --- ingress.c --------------------------------------------------------------------------------------------------- */

/* Everything that waits at a UDP socket, at most one batch. */
void ingress_udp(struct worker *worker, uint16_t socket_index);

/* Connections that wait at a TCP or TLS socket. */
void ingress_accept(struct worker *worker, uint16_t socket_index);

/* What the worker's streams tell. */
struct stream_hooks ingress_stream_hooks(struct worker *worker);

/* The peers that ICMP calls unreachable. */
void ingress_udp_errors(struct worker *worker, uint16_t socket_index);

/* What other threads have left, at most INBOX_NOTES_A_ROUND notes. */
void ingress_inbox(struct worker *worker);

/* --- egress.c ---------------------------------------------------------------------------------------------------- */

/* Does what stands in the outbox, and empties it. What comes of it arrives through inboxes. */
void egress(struct worker *worker);

/* Sends what has waited for the journal and need not wait any longer. */
void egress_release(struct worker *worker);

/* The journal's thread: what it has been told is on the disk. */
void egress_journal_flushed(void *group);

/* Sends over a connection of this worker. */
void egress_stream(struct worker *worker, const struct flow *flow, struct str_view bytes);

/* Tells every worker, this one too, that `flow` has failed. */
void egress_tell_failed(struct worker *worker, const struct flow *flow);

/* What the resolver tells: resolver_answered. */
void egress_resolved(void *worker, struct handle asker, const struct resolver_addresses *found);

/* Leaves a note for a worker, which may be oneself. False, and counted, when its inbox is full. */
bool egress_note(struct worker *worker, uint8_t to, const struct inbox_note *note, struct str_view payload);

#endif
