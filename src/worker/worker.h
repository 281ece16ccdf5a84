/* Workers: one thread = one epoll loop = one timer wheel = one set of pools. A group of them opens the same sockets
 * (SO_REUSEPORT) and shares nothing but bounded queues. This is the place that knows both halves of the house: it turns
 * datagrams, clocks and orders into events, and the outbox into datagrams, records and answers. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counters.h"
#include "boundary/context.h"
#include "boundary/event.h"
#include "directory/directory.h"
#include "parameters/parameters.h"
#include "recorder/hep_export.h"
#include "switch/switch_core.h"

struct call_journal; /* store/call_journal.h */
struct worker_group;

struct worker_options {
  const struct local_socket *sockets; /* `bound` may have port 0 and is filled in by worker_group_open */
  uint8_t socket_count;
  uint8_t worker_count;
  struct switch_limits limits; /* per worker */
  uint32_t connections_max;    /* TCP and TLS, per worker; 0: 1024 */
  /* PEM files; the first two are needed when there is a TLS socket, the others may be NULL (net/tls.h). */
  const char *tls_certificate, *tls_key, *tls_authorities, *tls_clients;
  const char *name_servers;   /* "127.0.0.1:53": tests; NULL: those of the host */
  double clock_rate;          /* 1.0; tests: the switch's time runs that many times faster */
  struct wall_us wall_anchor; /* clock_rate ≠ 1: wall time at start, so that stamps never go back over a restart */
  struct siphash_key nonce_key;
  const char *trace_dir; /* of the flight recorder's rings; NULL: nothing is recorded */
  /* A record (cdr/cdr_record.h) leaves a worker: must not block. RESULT_FULL: the sink cannot take it now; the worker
   * keeps it and offers it again (bounded; beyond that new calls get 503). Called from worker threads. NULL: records
   * are thrown away. */
  enum result (*record_sink)(void *sink, struct str_view record);
  void *record_sink_context;
  /* What must not be forgotten goes there, records of ended calls among it (record_sink is not used then); borrowed.
   * NULL: it is forgotten. */
  struct call_journal *journal;
};

/* Opens sockets and allocates everything; nothing runs yet. NULL with a sentence in `problem` (which address, what
 * errno says). */
struct worker_group *worker_group_open(const struct worker_options *options, const struct parameters *parameters,
                                       const struct directory *directory, char *problem, size_t problem_bytes);

/* The sockets as really bound (port 0 resolved). */
const struct local_identity *worker_group_identity(const struct worker_group *group);

/* Takes up the calls that were open when the switch stopped working, as the journal has kept them: they go on, each on
 * its worker. One that cannot (its worker is no more, say, or it was an attempt, of which both sides are told) gets its
 * record and ended with its last proof of life.
 * Phones are registered again whose time has not run out. Between opening and start, before the journal's own start. */
struct taken_up {
  uint32_t calls, ended, registrations;
  uint32_t farewells; /* calls that were over, but not all had been told */
};
enum result worker_group_take_up(struct worker_group *group, struct taken_up *taken_out);

/* Starts the threads. */
enum result worker_group_start(struct worker_group *group);

/* Reads the TLS files anew, under the names given at the start (which must live on), for connections from now on. False
 * with a sentence in `problem`: what is in use stays. Any thread. */
bool worker_group_reload_tls(struct worker_group *group, char *problem, size_t problem_bytes);

/* Ends all threads; what is in the queues is handled first, within `deadline_ms`. RESULT_TIMED_OUT: a thread still
 * runs; nothing that it knows may be freed. */
enum result worker_group_stop(struct worker_group *group, int deadline_ms);

/* Frees everything, when no thread runs any more, the journal's neither. */
void worker_group_destroy(struct worker_group **group);

/* Hands every worker a new picture; returns when all use it, so that the caller may free the old one. Any thread but a
 * worker's. RESULT_TIMED_OUT: some use the old one, some the new one, neither may be freed. */
enum result worker_group_set_directory(struct worker_group *group, const struct directory *directory, int deadline_ms);
enum result worker_group_set_parameters(struct worker_group *group, const struct parameters *parameters,
                                        int deadline_ms);

#define WORKER_EVERY -1

/* What is ordered: of one worker, or of every one. */
struct worker_order {
  int worker;
  enum order_kind kind;
  const char *target, *by;
  const char *joiner; /* stands between the answers of several workers; NULL: nothing does */
  int deadline_ms;
};

/* Gives the order and waits for the answers, whose texts are joined in a heap string that the caller frees. The result
 * is the first RESULT_OK of any worker (hang up: the one that has the call), else the first failure. RESULT_TIMED_OUT
 * after the deadline. Any thread but a worker's. */
enum result worker_group_order(struct worker_group *group, const struct worker_order *order, char **answer_out);

/* Sums of all workers, read without stopping them. */
struct worker_group_status {
  struct counters counters;
  struct switch_core_counts counts;
  uint32_t loop_lag_ms_max; /* worst delay between a timer's due time and its handling in the last second */
  uint64_t records_waiting;
  bool journal_failed;          /* it cannot be written */
  bool draining;                /* new calls are refused */
  double processor_s;           /* user + system of the worker threads */
  struct hep_export_counts hep; /* what was sent on to Homer */
};
void worker_group_read_status(const struct worker_group *group, struct worker_group_status *status);

/* The oldest line for the log that a worker has left (OUTBOX_ALARM), NUL-terminated and cut to `line_bytes`. False:
 * there is none. One thread. Lines beyond what is fetched in time are dropped and counted. */
bool worker_group_take_alarm(struct worker_group *group, char *line, size_t line_bytes);

/* The oldest line that a worker wants kept over a restart (OUTBOX_KEEP_DEVICE), in the same way; what is not fetched in
 * time is dropped, and learnt again. */
bool worker_group_take_device(struct worker_group *group, char *line, size_t line_bytes);

/* Gives such a line back to all workers, before they start. */
void worker_group_remember_device(struct worker_group *group, struct str_view line);

/* Now, on the switch's own clocks. Any thread. */
struct wall_us worker_group_wall_now(const struct worker_group *group);
struct mono_ms worker_group_mono_now(const struct worker_group *group);

#endif
