/* The thread that writes the journal: a batch is what has come in since the last one, with one write and one flush for
 * all of it. A batch that cannot be written stays and is tried again; records of ended calls go to the store meanwhile,
 * which keeps them as well, and when that lasts, what only the journal wants is let go, so that calls go on; when it
 * is well again, it is told anew of what lives (call_journal_forgotten). */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "store/journal_private.h"

#define FAILURES_UNTIL_LETTING_GO 5 /* a second */
#define IDLE_MS                   1000
#define LOOK_MS                   50 /* how often the store is asked what it has */

int64_t journal_now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool is_stopping(const struct call_journal *journal) {
  return __atomic_load_n(&journal->stopping, __ATOMIC_ACQUIRE);
}

/* --- the batch --------------------------------------------------------------------------------------------------- */

bool journal_batch_add(struct call_journal *journal, const struct journal_record *added) {
  size_t bytes = journal_record_bytes(added->payload.length);
  if (journal->batch_length + bytes > journal->batch_bytes_max) return false;
  struct journal_record record = *added;
  record.sequence = journal->sequence + 1;
  /* The sum is begun with the file's salt, so the file is chosen before the batch is filled. */
  uint32_t salt = journal->segments[journal->segment_count - 1].salt;
  journal->batch_length += journal_record_write(journal->batch + journal->batch_length, salt, &record);
  journal->sequence++;
  journal->batch_records++;
  return true;
}

static bool has_room_for_a_batch(const struct call_journal *journal) {
  return journal->fd >= 0 &&
         journal->segments[journal->segment_count - 1].bytes + journal->batch_bytes_max <= journal->segment_bytes;
}

static void tell_stored(struct call_journal *journal) {
  if (journal->stored == journal->stored_told) return;
  struct journal_record record = {.kind = JOURNAL_STORED};
  record.payload = str_view_of((const char *)&journal->stored, sizeof journal->stored);
  if (journal_batch_add(journal, &record)) journal->stored_told = journal->stored;
}

/* What ended while nothing could be written stands in the files as if it lived. At most half of the batch; what is in
 * the queue, and may speak of the same thing again, comes when all of that has been told. False: it has not. */
static bool tell_what_is_over(struct call_journal *journal) {
  const struct journal_index *index = &journal->index;
  for (; journal->over_count > 0 && journal->over_at < index->high_water; journal->over_at++) {
    struct journal_live *live = &index->entries[journal->over_at];
    if (!live->is_over) continue;
    bool has_room = journal->batch_length < journal->batch_bytes_max / 2;
    if (!has_room || !journal_batch_add(journal, &(struct journal_record){.kind = JOURNAL_DROP, .key = live->key}))
      return false;
    live->is_over = false;
    journal->over_count--;
  }
  return true;
}

/* Copies out of an old file come first: what is said about the same thing in the queue is newer. */
static void fill_batch(struct call_journal *journal) {
  journal->batch_length = 0;
  journal->batch_records = 0;
  journal_compact(journal);
  bool has_told = tell_what_is_over(journal);
  size_t length;
  const char *bytes = has_told ? ring_queue_peek(&journal->queue, &length) : NULL;
  if (bytes || journal->batch_length > 0) tell_stored(journal);
  for (; bytes; bytes = ring_queue_peek(&journal->queue, &length)) {
    struct journal_note note;
    memcpy(&note, bytes, sizeof note);
    struct journal_record record = {.kind = (enum journal_kind)note.kind, .key = note.key, .owed = (uint8_t)note.owed};
    record.payload = str_view_of(bytes + sizeof note, length - sizeof note);
    if (!journal_batch_add(journal, &record)) break;
    ring_queue_pop(&journal->queue);
  }
  journal->batch_ticket = journal->queue.consumed;
}

static bool write_fully(struct call_journal *journal, uint64_t at) {
  size_t done = 0;
  while (done < journal->batch_length) {
    ssize_t count = journal->files.write_at(journal->files.context, journal->fd, journal->batch + done,
                                            journal->batch_length - done, at + done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += (size_t)count;
  }
  return true;
}

/* After a failure the same bytes go to the same place once more, so that no flush is believed that another one's
 * failure has made worthless. */
static bool write_batch(struct call_journal *journal) {
  const struct journal_segment *last = &journal->segments[journal->segment_count - 1];
  journal->flush_started_us = journal_now_us();
  return write_fully(journal, last->bytes) && journal->files.flush(journal->files.context, journal->fd) == 0;
}

/* The file may be what is broken: the batch goes to a new one. */
static void move_batch(struct call_journal *journal) {
  if (!journal_segment_begin(journal)) return;
  uint32_t salt = journal->segments[journal->segment_count - 1].salt;
  for (size_t offset = 0; offset < journal->batch_length;)
    offset += journal_record_seal(journal->batch + offset, salt);
}

/* --- afterwards -------------------------------------------------------------------------------------------------- */

static void note_well(struct call_journal *journal) {
  struct call_journal_health *health = &journal->health;
  journal->failures = 0;
  if (__atomic_load_n(&journal->is_well, __ATOMIC_RELAXED)) return;
  pthread_mutex_lock(&journal->health_mutex);
  health->ok = true;
  health->problem[0] = '\0';
  pthread_mutex_unlock(&journal->health_mutex);
  __atomic_store_n(&journal->is_well, true, __ATOMIC_RELEASE);
  if (journal->flushed) journal->flushed(journal->flushed_context);
  journal_report(journal, "the journal is written again");
}

static void note_written(struct call_journal *journal) {
  uint64_t took_us = (uint64_t)(journal_now_us() - journal->flush_started_us);
  struct call_journal_health *health = &journal->health;
  pthread_mutex_lock(&journal->health_mutex);
  health->files = journal->segment_count;
  health->objects = journal->index.used;
  health->bytes = journal->total_bytes;
  health->bytes_live = journal->live_bytes;
  health->records_written += journal->batch_records;
  health->flushes++;
  health->flush_us_total += took_us;
  if (took_us > health->flush_us_max) health->flush_us_max = took_us;
  health->store_lags = journal->lags;
  pthread_mutex_unlock(&journal->health_mutex);
  note_well(journal);
}

static void note_failure(struct call_journal *journal) {
  struct call_journal_health *health = &journal->health;
  char problem[sizeof health->problem];
  snprintf(problem, sizeof problem, "the journal cannot be written: %s", strerror(errno));
  pthread_mutex_lock(&journal->health_mutex);
  bool was_ok = health->ok;
  health->ok = false;
  memcpy(health->problem, problem, sizeof problem);
  pthread_mutex_unlock(&journal->health_mutex);
  __atomic_store_n(&journal->is_well, false, __ATOMIC_RELEASE);
  if (was_ok) journal_report(journal, "%s; calls go on, and it is tried again", problem);
}

static void learn_batch(struct call_journal *journal) {
  struct journal_segment *last = &journal->segments[journal->segment_count - 1];
  struct journal_record record;
  size_t length;
  for (size_t offset = 0; offset < journal->batch_length; offset += length) {
    length = journal_record_view(journal->batch + offset, &record);
    struct journal_place place = {last->number, last->bytes + (uint32_t)offset, (uint32_t)length};
    journal_learn(journal, &record, &place);
  }
}

static void batch_is_durable(struct call_journal *journal) {
  struct journal_segment *last = &journal->segments[journal->segment_count - 1];
  uint32_t at = last->bytes;
  learn_batch(journal);
  last->bytes += (uint32_t)journal->batch_length;
  journal->total_bytes += journal->batch_length;
  __atomic_store_n(&journal->durable, journal->batch_ticket, __ATOMIC_RELEASE);
  note_written(journal);
  if (journal->flushed) journal->flushed(journal->flushed_context);
  journal_feed_batch(journal, at);
  journal_compact_flushed(journal);
  journal->batch_length = 0;
}

/* --- while nothing can be written -------------------------------------------------------------------------------- */

/* It is told to the files when they can be written again. What was put may stand in the batch that cannot be written,
 * and not be in the index yet. */
static void note_over(struct call_journal *journal, struct journal_key key) {
  struct journal_live *live = journal_index_add(&journal->index, key);
  if (!live || live->is_over) return;
  live->is_over = true;
  journal->over_count++;
  journal->over_at = 0;
}

/* What waits in the queue: records of ended calls to the store, the rest to nobody. Ends where the store is full. */
static void let_go(struct call_journal *journal) {
  size_t length;
  const char *bytes;
  while ((bytes = ring_queue_peek(&journal->queue, &length)) != NULL) {
    struct journal_note note;
    memcpy(&note, bytes, sizeof note);
    struct str_view payload = str_view_of(bytes + sizeof note, length - sizeof note);
    if (note.kind == JOURNAL_END &&
        (!journal->sink.put || journal->sink.put(journal->sink.context, payload) != RESULT_OK))
      return;
    if (note.kind == JOURNAL_END || note.kind == JOURNAL_DROP)
      note_over(journal, note.key);
    else
      __atomic_fetch_add(&journal->refused, 1, __ATOMIC_RELAXED);
    ring_queue_pop(&journal->queue);
  }
}

/* The records of the batch go to the store already now, which keeps an id once. */
static void hand_on_batch(struct call_journal *journal) {
  struct journal_record record;
  size_t length;
  if (!journal->sink.put) return;
  for (size_t offset = 0; offset < journal->batch_length; offset += length) {
    length = journal_record_view(journal->batch + offset, &record);
    if (record.kind == JOURNAL_END) (void)!journal->sink.put(journal->sink.context, record.payload);
  }
}

static void batch_failed(struct call_journal *journal) {
  note_failure(journal);
  journal->failures++;
  if (journal->failures == 1) hand_on_batch(journal);
  if (journal->failures >= FAILURES_UNTIL_LETTING_GO) let_go(journal);
  if (journal->batch_length > 0 && journal->failures == FAILURES_UNTIL_LETTING_GO) move_batch(journal);
}

/* --- the thread -------------------------------------------------------------------------------------------------- */

/* Somebody waits for what has been told since the last batch was begun. */
static bool is_awaited(const struct call_journal *journal) {
  return __atomic_load_n(&journal->awaited, __ATOMIC_SEQ_CST) != journal->awaited_taken;
}

/* Something has been told that is not lazy. */
static bool is_hastened(const struct call_journal *journal) {
  return __atomic_load_n(&journal->hastened, __ATOMIC_SEQ_CST) != journal->hastened_taken || is_awaited(journal);
}

/* Rests until it has gathered for long enough since the last flush. */
static void gather(struct call_journal *journal) {
  uint32_t most_ms = __atomic_load_n(&journal->gather_ms_max, __ATOMIC_RELAXED);
  int64_t now = journal_now_us();
  int64_t early_us = journal->flush_started_us + journal_gather_us(&journal->gather, now, most_ms) - now;
  if (early_us > 0) nanosleep(&(struct timespec){.tv_nsec = early_us * 1000}, NULL);
  uint64_t awaited = __atomic_load_n(&journal->awaited, __ATOMIC_SEQ_CST);
  journal_gather_note(&journal->gather, now, (uint32_t)(awaited - journal->awaited_taken));
  journal->awaited_taken = awaited;
  journal->hastened_taken = __atomic_load_n(&journal->hastened, __ATOMIC_SEQ_CST);
}

static void wait_for(struct call_journal *journal, enum journal_sleep sleep, int milliseconds) {
  struct pollfd wake = {.fd = journal->wake_fd, .events = POLLIN};
  size_t length;
  __atomic_store_n(&journal->sleep, sleep, __ATOMIC_SEQ_CST);
  bool has_come = (sleep == JOURNAL_ASLEEP && ring_queue_peek(&journal->queue, &length) != NULL) ||
                  (sleep == JOURNAL_DAWDLING && is_hastened(journal));
  if (!has_come && !is_awaited(journal) && !is_stopping(journal) && poll(&wake, 1, milliseconds) > 0) {
    uint64_t count;
    if (read(journal->wake_fd, &count, sizeof count) < 0) { /* nobody else reads it */
    }
  }
  __atomic_store_n(&journal->sleep, JOURNAL_AWAKE, __ATOMIC_RELAXED);
}

/* Until there is something to write, and a little longer where nobody waits for it or many do. */
static void wait_for_work(struct call_journal *journal) {
  size_t length;
  if (is_stopping(journal)) return;
  bool is_busy = journal->lags || journal->fed_count > 0;
  if (!ring_queue_peek(&journal->queue, &length) && journal->compact_number == 0)
    wait_for(journal, JOURNAL_ASLEEP, is_busy ? LOOK_MS : IDLE_MS);
  if (!is_hastened(journal) && ring_queue_peek(&journal->queue, &length))
    wait_for(journal, JOURNAL_DAWDLING, JOURNAL_DAWDLE_MS);
  if (!is_awaited(journal) && ring_queue_peek(&journal->queue, &length))
    wait_for(journal, JOURNAL_LINGERING, JOURNAL_LINGER_MS);
  gather(journal);
}

/* Waits after a failure, but for an urgent end. */
static void wait_to_retry(struct call_journal *journal) {
  struct pollfd wake = {.fd = journal->wake_fd, .events = POLLIN};
  if (!is_stopping(journal)) (void)poll(&wake, 0, JOURNAL_RETRY_MS);
}

/* One batch, if there is anything for one. False when it could not be written. */
static bool write_what_has_come(struct call_journal *journal) {
  if (journal->batch_length == 0) {
    if (!has_room_for_a_batch(journal) && !journal_segment_begin(journal)) {
      int error = errno;
      journal_compact_without_room(journal);
      errno = error;
      return false;
    }
    fill_batch(journal);
    if (journal->batch_length == 0) {
      journal_compact_flushed(journal);
      note_well(journal);
      return true;
    }
  }
  if (!write_batch(journal)) return false;
  batch_is_durable(journal);
  return true;
}

void journal_write_if_crowded(struct call_journal *journal) {
  while (journal->queue.reserved - journal->queue.consumed > journal->queue.capacity / 2) {
    if (write_what_has_come(journal)) continue;
    batch_failed(journal);
    return;
  }
}

static bool is_finished(struct call_journal *journal) {
  size_t length;
  return journal->batch_length == 0 && !ring_queue_peek(&journal->queue, &length);
}

void *journal_writer_run(void *argument) {
  struct call_journal *journal = argument;
  unsigned farewells = 0;
  pthread_setname_np(pthread_self(), "belfry-journal");
  for (;;) {
    if (journal->failures == 0) wait_for_work(journal);
    journal_feed_look(journal);
    bool stopping = is_stopping(journal);
    size_t length;
    bool has_work = journal->batch_length > 0 || journal->compact_number > 0 || journal->over_count > 0 ||
                    !has_room_for_a_batch(journal) || ring_queue_peek(&journal->queue, &length);
    if (!has_work || write_what_has_come(journal)) {
      journal_feed_waiting(journal);
      if (journal->batch_length == 0) journal_compact_begin(journal);
    } else {
      batch_failed(journal);
      wait_to_retry(journal);
    }
    if (!stopping) continue;
    bool gives_up = journal->failures > 0 && ++farewells > FAILURES_UNTIL_LETTING_GO;
    if (is_finished(journal) || gives_up) return NULL;
  }
}
