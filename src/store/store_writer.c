/* The thread that writes records: takes what is in the queue, at most a batch, and commits it as one transaction of
 * each day. A batch that cannot be committed (disk full, database locked or broken) stays in memory and is tried again
 * each second; meanwhile the queue fills, and when it is full the workers are told so and keep their records
 * themselves. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/store_private.h"

enum result store_put_record(void *context, struct str_view record) {
  struct store *store = context;
  enum result result = ring_queue_push(&store->queue, record.data, record.length, NULL, 0);
  if (result != RESULT_OK) return result;
  __atomic_fetch_add(&store->health.records_waiting, 1, __ATOMIC_RELAXED);
  __atomic_fetch_add(&store->health.bytes_waiting, record.length, __ATOMIC_RELAXED);
  return RESULT_OK;
}

uint64_t store_position(void *context) {
  struct store *store = context;
  return __atomic_load_n(&store->queue.reserved, __ATOMIC_ACQUIRE);
}

uint64_t store_stored(void *context) {
  struct store *store = context;
  return __atomic_load_n(&store->stored, __ATOMIC_ACQUIRE);
}

void store_read_health(const struct store *store, struct store_health *health) {
  struct store *mutable = (struct store *)store;
  pthread_mutex_lock(&mutable->health_mutex);
  health->ok = store->health.ok;
  health->records_written = store->health.records_written;
  memcpy(health->problem, store->health.problem, sizeof health->problem);
  pthread_mutex_unlock(&mutable->health_mutex);
  health->records_waiting = __atomic_load_n(&store->health.records_waiting, __ATOMIC_RELAXED);
  health->bytes_waiting = __atomic_load_n(&store->health.bytes_waiting, __ATOMIC_RELAXED);
}

/* Notes how the last batch went; `problem` NULL: well. */
static void note_batch(struct store *store, uint64_t written, const char *problem) {
  pthread_mutex_lock(&store->health_mutex);
  store->health.ok = problem == NULL;
  store->health.records_written += written;
  snprintf(store->health.problem, sizeof store->health.problem, "%s", problem ? problem : "");
  pthread_mutex_unlock(&store->health_mutex);
}

/* Moves records from the queue into the batch until it is full or the queue empty. */
static void fill_batch(struct store *store) {
  size_t length;
  const void *record;
  while (store->batch_records < STORE_BATCH_RECORDS && (record = ring_queue_peek(&store->queue, &length)) != NULL) {
    uint32_t stored_length = (uint32_t)length;
    if (store->batch_bytes + sizeof stored_length + length > STORE_BATCH_BYTES) return;
    memcpy(store->batch + store->batch_bytes, &stored_length, sizeof stored_length);
    memcpy(store->batch + store->batch_bytes + sizeof stored_length, record, length);
    store->batch_bytes += sizeof stored_length + length;
    store->batch_records++;
    ring_queue_pop(&store->queue);
  }
}

static bool insert_batch(struct store *store, char *problem, size_t problem_bytes) {
  size_t at = 0;
  while (at < store->batch_bytes) {
    uint32_t length;
    struct cdr_record record;
    memcpy(&length, store->batch + at, sizeof length);
    struct str_view bytes = str_view_of(store->batch + at + sizeof length, length);
    /* A record that cannot be read was made by a program with a fault; it must not hold up the others for ever. */
    if (cdr_record_decode(bytes, &record) == RESULT_OK &&
        record_insert(&store->writer_shelf, &record, problem, problem_bytes) != RESULT_OK)
      return false;
    at += sizeof length + length;
  }
  return true;
}

static void batch_is_stored(struct store *store) {
  note_batch(store, store->batch_records, NULL);
  __atomic_fetch_sub(&store->health.records_waiting, store->batch_records, __ATOMIC_RELAXED);
  __atomic_fetch_sub(&store->health.bytes_waiting, store->batch_bytes - store->batch_records * sizeof(uint32_t),
                     __ATOMIC_RELAXED);
  store->batch_bytes = 0;
  store->batch_records = 0;
  __atomic_store_n(&store->stored, store->queue.consumed, __ATOMIC_RELEASE);
}

/* A day that is broken is put aside, for a person to save what can be read, and begun anew: else its records would wait
 * for ever. What was only in the journal comes again. */
static void put_aside_what_is_broken(struct store *store, char *problem, size_t problem_bytes) {
  struct day_shelf *shelf = &store->writer_shelf;
  char name[64];
  if (!record_code_is_damage(shelf->code)) return;
  size_t length = strlen(problem);
  if (day_shelf_set_aside(shelf, shelf->failed_day, name, sizeof name))
    snprintf(problem + length, problem_bytes - length, "; what is left of it is records/%s", name);
}

/* One transaction a day. The id is unique and an existing one is left alone, so a batch that was committed in part may
 * be written again. */
static bool commit_batch(struct store *store) {
  char problem[256] = "records cannot be written: ";
  size_t length = strlen(problem);
  struct day_shelf *shelf = &store->writer_shelf;
  if (insert_batch(store, problem + length, sizeof problem - length) &&
      record_commit(shelf, problem + length, sizeof problem - length)) {
    batch_is_stored(store);
    return true;
  }
  record_roll_back(shelf);
  put_aside_what_is_broken(store, problem, sizeof problem);
  note_batch(store, 0, problem);
  return false;
}

static void wait_for(struct store *store, int milliseconds) {
  struct pollfd wake = {.fd = store->wake_fd, .events = POLLIN};
  if (poll(&wake, 1, milliseconds) > 0) {
    uint64_t count;
    if (read(store->wake_fd, &count, sizeof count) < 0) { /* somebody read it before us: nobody else does */
    }
  }
}

/* More than a batch would leave room for waits already. */
static bool is_behind(const struct store *store) {
  return __atomic_load_n(&store->health.records_waiting, __ATOMIC_RELAXED) >= STORE_BATCH_RECORDS;
}

void *store_writer_run(void *argument) {
  struct store *store = argument;
  pthread_setname_np(pthread_self(), "belfry-store");
  for (;;) {
    bool stopping = __atomic_load_n(&store->stopping, __ATOMIC_ACQUIRE);
    fill_batch(store);
    if (store->batch_records > 0 && !commit_batch(store)) {
      if (stopping) return NULL;
      wait_for(store, STORE_RETRY_MS);
    } else if (store->batch_records == 0 && __atomic_load_n(&store->health.records_waiting, __ATOMIC_RELAXED) == 0) {
      if (stopping) return NULL;
      wait_for(store, STORE_BATCH_PAUSE_MS);
    } else if (!stopping && !is_behind(store)) {
      wait_for(store, STORE_BATCH_PAUSE_MS);
    }
  }
}
