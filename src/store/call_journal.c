/* Opening, telling, asking, closing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "store/journal_private.h"

/* --- birth and death --------------------------------------------------------------------------------------------- */

static uint32_t segment_bytes_of(const struct call_journal_options *options) {
  if (options->segment_bytes == 0) return JOURNAL_SEGMENT_BYTES;
  if (options->segment_bytes < JOURNAL_SEGMENT_MIN) return JOURNAL_SEGMENT_MIN;
  return options->segment_bytes < JOURNAL_SEGMENT_MAX ? options->segment_bytes : JOURNAL_SEGMENT_MAX;
}

static size_t segments_bytes(void) {
  return JOURNAL_SEGMENTS_MAX * sizeof(struct journal_segment);
}

static bool allocate(struct call_journal *journal, uint32_t objects_max) {
  const struct journal_files *files = &journal->files;
  journal->index_bytes = journal_index_memory_bytes(objects_max);
  journal->queue_memory = files->allocate(files->context, JOURNAL_QUEUE_BYTES);
  journal->segments = files->allocate(files->context, segments_bytes());
  journal->index_memory = files->allocate(files->context, journal->index_bytes);
  journal->batch = files->allocate(files->context, journal->batch_bytes_max);
  journal->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (!journal->queue_memory || !journal->segments || !journal->index_memory || !journal->batch || journal->wake_fd < 0)
    return false;
  ring_queue_init(&journal->queue, journal->queue_memory, JOURNAL_QUEUE_BYTES);
  journal_index_init(&journal->index, journal->index_memory, objects_max);
  return true;
}

static struct call_journal *create(const struct call_journal_options *options) {
  struct call_journal *journal = aligned_alloc(64, (sizeof *journal + 63) & ~(size_t)63);
  if (!journal) return NULL;
  memset(journal, 0, sizeof *journal);
  journal->files = options->files ? *options->files : *journal_files_real();
  journal->sink = options->sink;
  journal->flushed = options->flushed;
  journal->flushed_context = options->flushed_context;
  journal->report = options->report;
  journal->report_context = options->report_context;
  journal->segment_bytes = segment_bytes_of(options);
  journal->batch_bytes_max =
      journal->segment_bytes / 2 < JOURNAL_BATCH_BYTES ? journal->segment_bytes / 2 : JOURNAL_BATCH_BYTES;
  journal->fd = journal->wake_fd = -1;
  journal->next_number = 1;
  journal->is_well = journal->health.ok = true;
  snprintf(journal->dir, sizeof journal->dir, "%s/journal", options->dir);
  pthread_mutex_init(&journal->health_mutex, NULL);
  return journal;
}

struct call_journal *call_journal_open(const struct call_journal_options *options, char *problem,
                                       size_t problem_bytes) {
  struct call_journal *journal = create(options);
  if (!journal || !allocate(journal, options->objects_max)) {
    snprintf(problem, problem_bytes, "no memory for the journal: %s", strerror(errno));
    call_journal_close(&journal);
    return NULL;
  }
  if (!journal_segments_find(journal, problem, problem_bytes)) {
    call_journal_close(&journal);
    return NULL;
  }
  journal_load(journal);
  journal->health.objects = journal->index.used;
  return journal;
}

void call_journal_set_gather(struct call_journal *journal, uint32_t most_ms) {
  __atomic_store_n(&journal->gather_ms_max, most_ms, __ATOMIC_RELAXED);
}

void call_journal_on_flush(struct call_journal *journal, void (*flushed)(void *context), void *context) {
  journal->flushed = flushed;
  journal->flushed_context = context;
}

enum result call_journal_start(struct call_journal *journal) {
  if (journal->writer_started) return RESULT_WRONG_STATE;
  /* The first file has its room before anybody else fills the disk; the thread tries again where that fails. */
  if (journal->fd < 0) (void)journal_segment_begin(journal);
  journal->writer_started = pthread_create(&journal->writer, NULL, journal_writer_run, journal) == 0;
  return journal->writer_started ? RESULT_OK : RESULT_FAILED;
}

static void wake(struct call_journal *journal) {
  uint64_t one = 1;
  if (write(journal->wake_fd, &one, sizeof one) < 0) { /* the counter is full: it is awake anyway */
  }
}

void call_journal_stop(struct call_journal *journal) {
  if (!journal->writer_started) return;
  __atomic_store_n(&journal->stopping, true, __ATOMIC_SEQ_CST);
  wake(journal);
  pthread_join(journal->writer, NULL);
  journal->writer_started = false;
}

void call_journal_close(struct call_journal **journal_pointer) {
  struct call_journal *journal = *journal_pointer;
  if (!journal) return;
  *journal_pointer = NULL;
  call_journal_stop(journal);
  const struct journal_files *files = &journal->files;
  if (journal->fd >= 0) files->close(files->context, journal->fd);
  if (journal->wake_fd >= 0) close(journal->wake_fd);
  files->give_back(files->context, journal->queue_memory, JOURNAL_QUEUE_BYTES);
  files->give_back(files->context, journal->segments, segments_bytes());
  files->give_back(files->context, journal->index_memory, journal->index_bytes);
  files->give_back(files->context, journal->batch, journal->batch_bytes_max);
  journal_file_release(journal, &journal->file);
  pthread_mutex_destroy(&journal->health_mutex);
  free(journal);
}

/* --- telling ----------------------------------------------------------------------------------------------------- */

static bool wakes_for(uint32_t sleep, enum journal_haste haste) {
  return sleep == JOURNAL_ASLEEP || (sleep == JOURNAL_DAWDLING && haste != JOURNAL_LAZY) ||
         (sleep == JOURNAL_LINGERING && haste == JOURNAL_URGENT);
}

static void wake_if_asleep(struct call_journal *journal, enum journal_haste haste) {
  if (!wakes_for(__atomic_load_n(&journal->sleep, __ATOMIC_SEQ_CST), haste)) return;
  if (__atomic_exchange_n(&journal->sleep, JOURNAL_AWAKE, __ATOMIC_SEQ_CST) != JOURNAL_AWAKE) wake(journal);
}

uint64_t call_journal_hurry(struct call_journal *journal) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST); /* it is in the queue before the writer's state is looked at */
  __atomic_fetch_add(&journal->awaited, 1, __ATOMIC_SEQ_CST);
  wake_if_asleep(journal, JOURNAL_URGENT);
  return __atomic_load_n(&journal->queue.reserved, __ATOMIC_RELAXED);
}

static enum result tell(struct call_journal *journal, const struct journal_note *note, struct str_view payload,
                        enum journal_haste haste, uint64_t *ticket_out) {
  size_t most = note->kind == JOURNAL_NOTE ? JOURNAL_NOTE_MAX : JOURNAL_PAYLOAD_MAX;
  if (payload.length > most || journal_record_bytes(payload.length) > journal->batch_bytes_max / 2)
    return RESULT_OUT_OF_RANGE;
  enum result result = ring_queue_push(&journal->queue, note, sizeof *note, payload.data, payload.length);
  if (result != RESULT_OK) {
    __atomic_fetch_add(&journal->refused, 1, __ATOMIC_RELAXED);
    return result;
  }
  if (ticket_out) *ticket_out = __atomic_load_n(&journal->queue.reserved, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_SEQ_CST); /* it is in the queue before the writer's state is looked at */
  if (haste == JOURNAL_URGENT) __atomic_fetch_add(&journal->awaited, 1, __ATOMIC_SEQ_CST);
  if (haste == JOURNAL_SOON) __atomic_fetch_add(&journal->hastened, 1, __ATOMIC_SEQ_CST);
  wake_if_asleep(journal, haste);
  return RESULT_OK;
}

enum result call_journal_put(struct call_journal *journal, enum journal_kind kind, struct journal_key key,
                             struct str_view payload, enum journal_haste haste, uint64_t *ticket_out) {
  struct journal_note note = {.key = key, .kind = kind};
  return tell(journal, &note, payload, haste, ticket_out);
}

enum result call_journal_end(struct call_journal *journal, struct journal_key key, struct str_view record,
                             uint8_t owed) {
  struct journal_note note = {.key = key, .kind = JOURNAL_END, .owed = owed};
  return tell(journal, &note, record, false, NULL);
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

bool call_journal_is_durable(const struct call_journal *journal, uint64_t ticket) {
  return __atomic_load_n(&journal->durable, __ATOMIC_ACQUIRE) >= ticket;
}

bool call_journal_is_well(const struct call_journal *journal) {
  return __atomic_load_n(&journal->is_well, __ATOMIC_ACQUIRE);
}

uint64_t call_journal_forgotten(const struct call_journal *journal) {
  return __atomic_load_n(&journal->refused, __ATOMIC_RELAXED);
}

void call_journal_read_health(const struct call_journal *journal, struct call_journal_health *health) {
  struct call_journal *mutable = (struct call_journal *)journal;
  pthread_mutex_lock(&mutable->health_mutex);
  *health = journal->health;
  pthread_mutex_unlock(&mutable->health_mutex);
  health->gather_ms_max = __atomic_load_n(&journal->gather_ms_max, __ATOMIC_RELAXED);
  health->refused = call_journal_forgotten(journal);
  uint64_t durable = __atomic_load_n(&journal->durable, __ATOMIC_ACQUIRE);
  health->waiting_bytes = __atomic_load_n(&journal->queue.reserved, __ATOMIC_RELAXED) - durable;
}
