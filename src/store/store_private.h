/* What the files of the embedded store share.
 *
 *   workers ──store_put_record──▶ queue ──▶ writer thread ──a transaction a batch──▶ records/YYYYMMDD.db ◀─┐
 *                                                                                                          operators
 *                                                                  configuration ──▶ belfry.db ◀────────────┘
 *
 * The writer thread has connections of its own, operators have theirs under a mutex: one for queries, one for the
 * configuration. SQLite's WAL lets them work side by side; where both write, one waits for the other (busy time-out).
 */
#ifndef STORE_STORE_PRIVATE_H
#define STORE_STORE_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>

#include "base/ring_queue.h"
#include "store/record_insert.h"
#include "store/store.h"

#define STORE_QUEUE_BYTES      (32u * 1024 * 1024)
#define STORE_BATCH_RECORDS    2000
#define STORE_BATCH_BYTES      (2u * 1024 * 1024)
#define STORE_BATCH_PAUSE_MS   250  /* records that come within it share one transaction and one flush to disk */
#define STORE_RETRY_MS         1000 /* after a failed batch */
#define STORE_BUSY_TIMEOUT_MS  5000
#define STORE_BUSY_STOPPING_MS 500
#define STORE_BUSY_LOOK_MS     10

struct store {
  char path[4096];

  char dir[4096];
  pthread_mutex_t operator_mutex; /* operator connection */
  sqlite3 *operator_database;
  pthread_mutex_t records_mutex; /* operator shelf */
  struct day_shelf operator_shelf;

  struct ring_queue queue;
  void *queue_memory;
  int wake_fd; /* eventfd: a record came, or stop */
  bool stopping;
  bool writer_started;
  pthread_t writer;
  struct day_shelf writer_shelf;
  char *batch; /* records taken out of the queue and not yet committed: u32 length, bytes, … */
  size_t batch_bytes;
  uint32_t batch_records;
  uint64_t stored; /* atomic: position in the queue up to which all is in the database */

  pthread_mutex_t health_mutex;
  struct store_health health;
};

/* Opens a database for one user of it. NULL with a sentence in `problem` and SQLite's code. */
sqlite3 *store_database_open(const char *path, int *code_out, char *problem, size_t problem_bytes);

/* It waits for a lock of somebody else's as long as STORE_BUSY_TIMEOUT_MS, or STORE_BUSY_STOPPING_MS once `*stop`
 * (atomic, or NULL) says that its user is to end: what is not written then is in the journal. */
void store_database_wait_unless(sqlite3 *database, const bool *stop);

/* Copies records that stand in belfry.db into their days. False with a sentence. */
bool store_move_records(sqlite3 *database, const char *data_dir, char *problem, size_t problem_bytes);

/* The thread's function; `argument` is the store. */
void *store_writer_run(void *argument);

#endif
