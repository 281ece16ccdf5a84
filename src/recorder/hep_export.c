#include "recorder/hep_export.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "net/udp.h"
#include "recorder/ring_file.h"
#include "trace/trace_hep.h"
#include "trace/trace_message.h"

#define POLL_MS        100
#define RINGS_MAX      64
#define CALLS_KNOWN    65536 /* Call-IDs whose call is known; a power of two */
#define CALL_BYTES     48
#define DATAGRAM_BYTES (TRACE_HEP_PAYLOAD_MAX + TRACE_HEP_OVERHEAD_BYTES + CALL_BYTES)

/* One worker's ring. */
struct source {
  struct ring_reader reader;
  ino_t file;
  bool is_open;
  uint64_t from; /* what is before has been sent */
  uint64_t seen; /* where the writer was a moment ago: by then every message has the note that names its call */
};

/* Which call a Call-ID belongs to; a newer one takes the place of an older one. */
struct known_call {
  uint64_t call_id;
  char call[CALL_BYTES];
};

struct hep_export {
  const char *dir;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool is_stopping, has_new_target;
  struct address target;
  uint32_t agent;
  struct hep_export_counts counts;

  /* Of the thread. */
  struct address at_work; /* the target; family NONE: none */
  bool is_to_begin;       /* there was no memory or no socket: it is tried again */
  uint32_t at_work_agent;
  int fd;
  struct udp_outbound *outbound;
  struct source sources[RINGS_MAX];
  struct known_call *known;
  char *datagrams; /* one for each of a batch: they are borrowed until the flush */
  unsigned datagram_count;
};

/* --- sending ----------------------------------------------------------------------------------------------------- */

static void flush(struct hep_export *export) {
  if (export->datagram_count == 0) return;
  udp_outbound_flush(export->outbound);
  struct udp_outbound_news news = udp_outbound_take_news(export->outbound);
  export->datagram_count = 0;
  pthread_mutex_lock(&export->lock);
  export->counts.sent += news.sent;
  export->counts.dropped += news.dropped;
  pthread_mutex_unlock(&export->lock);
}

static struct known_call *known_at(struct hep_export *export, struct str_view call_id, uint64_t *key_out) {
  *key_out = trace_key(call_id);
  return &export->known[*key_out % CALLS_KNOWN];
}

static void remember(struct hep_export *export, const struct trace_record *record) {
  struct note note;
  uint64_t key;
  if (trace_note_decode(record->payload, &note) != RESULT_OK || note.kind != NOTE_LEG) return;
  struct known_call *known = known_at(export, note.text, &key);
  size_t length = note.call.length < CALL_BYTES ? note.call.length : CALL_BYTES - 1;
  known->call_id = key;
  memcpy(known->call, note.call.data, length);
  known->call[length] = '\0';
}

static struct str_view call_of(struct hep_export *export, const struct trace_record *record) {
  struct sip_message message;
  uint64_t key;
  if (!trace_message_read(record, &message)) return (struct str_view){0};
  const struct known_call *known = known_at(export, message.call_id, &key);
  return known->call_id == key ? str_view_from_c(known->call) : (struct str_view){0};
}

static void send_record(struct hep_export *export, const struct trace_record *record) {
  char *place = export->datagrams + (size_t) export->datagram_count * DATAGRAM_BYTES;
  struct text_builder datagram = text_builder_over(place, DATAGRAM_BYTES);
  trace_hep_write(record, call_of(export, record), export->at_work_agent, &datagram);
  if (datagram.length == 0 || datagram.overflowed) return;
  udp_outbound_add(export->outbound, export->fd, &export->at_work, text_builder_view(&datagram));
  if (++export->datagram_count == UDP_BATCH_MAX) flush(export);
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

/* The file may have been replaced by one of another size. */
static bool follow(struct hep_export *export, unsigned index) {
  char path[RING_PATH_BYTES], problem[RING_PATH_BYTES + 128];
  struct source *source = &export->sources[index];
  struct stat status;
  snprintf(path, sizeof path, "%s/%u-calls.ring", export->dir, index);
  if (stat(path, &status) != 0) return false;
  if (source->is_open && source->file == status.st_ino) return ring_reader_refresh(&source->reader);
  bool is_first = !source->is_open;
  if (source->is_open) ring_reader_close(&source->reader);
  *source = (struct source){.file = status.st_ino};
  source->is_open = ring_reader_open(&source->reader, path, problem, sizeof problem);
  /* What was recorded before anybody asked for it is not sent; of a new ring everything is. */
  if (source->is_open && is_first) source->from = source->seen = source->reader.view.head;
  return source->is_open;
}

typedef void visitor(struct hep_export *export, const struct trace_record *record);

static void walk(struct hep_export *export, struct source *source, uint64_t end, bool notes, visitor *visit) {
  struct trace_block_cursor cursor;
  struct trace_record record;
  uint64_t block = source->from / TRACE_BLOCK_BYTES, oldest = trace_ring_first_block(&source->reader.view);
  if (block < oldest) block = oldest;
  for (; block <= end / TRACE_BLOCK_BYTES; block++) {
    if (ring_reader_take(&source->reader, block, &cursor) != RESULT_OK) continue;
    while (trace_block_next(&cursor, &record)) {
      if (record.position < source->from || (!notes && record.position >= source->seen)) continue;
      if ((record.kind == TRACE_NOTE) == notes) visit(export, &record);
    }
  }
}

static void export_source(struct hep_export *export, unsigned index) {
  struct source *source = &export->sources[index];
  if (!follow(export, index)) return;
  uint64_t head = source->reader.view.head;
  if (head != source->from) {
    walk(export, source, head, true, remember);
    walk(export, source, source->seen, false, send_record);
    flush(export);
    source->from = source->seen;
  }
  source->seen = head;
}

/* --- the thread -------------------------------------------------------------------------------------------------- */

static void stop_work(struct hep_export *export) {
  if (export->fd >= 0) close(export->fd);
  export->fd = -1;
  for (unsigned i = 0; i < RINGS_MAX; i++)
    if (export->sources[i].is_open) ring_reader_close(&export->sources[i].reader);
  memset(export->sources, 0, sizeof export->sources);
  free(export->outbound);
  free(export->known);
  free(export->datagrams);
  export->outbound = NULL;
  export->known = NULL;
  export->datagrams = NULL;
}

static bool begin_work(struct hep_export *export) {
  struct address any = {.family = export->at_work.family};
  size_t outbound_bytes = (udp_outbound_memory_bytes() + 63) & ~(size_t)63;
  void *memory = aligned_alloc(64, outbound_bytes);
  export->known = calloc(CALLS_KNOWN, sizeof *export->known);
  export->datagrams = malloc((size_t)UDP_BATCH_MAX * DATAGRAM_BYTES);
  export->fd = udp_open(&any, 0);
  if (!memory || !export->known || !export->datagrams || export->fd < 0) {
    free(memory);
    stop_work(export);
    return false;
  }
  memset(memory, 0, outbound_bytes);
  export->outbound = udp_outbound_create(memory);
  return true;
}

/* Waits for the next round; false: it was the last. */
static bool wait_for_round(struct hep_export *export) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += POLL_MS * 1000000L;
  until.tv_sec += until.tv_nsec / 1000000000L;
  until.tv_nsec %= 1000000000L;
  pthread_mutex_lock(&export->lock);
  int problem = 0;
  bool is_idle = export->at_work.family == ADDRESS_NONE && !export->is_to_begin;
  while (!export->is_stopping && !export->has_new_target && problem == 0)
    problem = is_idle ? pthread_cond_wait(&export->changed, &export->lock)
                      : pthread_cond_timedwait(&export->changed, &export->lock, &until);
  bool begins = export->has_new_target || export->is_to_begin, goes_on = !export->is_stopping;
  export->has_new_target = false;
  struct address target = export->target;
  export->at_work_agent = export->agent;
  pthread_mutex_unlock(&export->lock);
  if (!begins || !goes_on) return goes_on;
  stop_work(export);
  export->at_work = target;
  export->is_to_begin = target.family != ADDRESS_NONE && !begin_work(export);
  if (export->is_to_begin) export->at_work.family = ADDRESS_NONE;
  return true;
}

static void *run(void *context) {
  struct hep_export *export = context;
  pthread_setname_np(pthread_self(), "belfry-hep");
  while (wait_for_round(export))
    for (unsigned i = 0; i < RINGS_MAX && export->at_work.family != ADDRESS_NONE; i++)
      export_source(export, i);
  stop_work(export);
  return NULL;
}

/* --- doors ------------------------------------------------------------------------------------------------------- */

struct hep_export *hep_export_open(const char *dir) {
  struct hep_export *export = calloc(1, sizeof *export);
  pthread_condattr_t attributes;
  if (!export) return NULL;
  export->dir = dir;
  export->fd = -1;
  pthread_mutex_init(&export->lock, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&export->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  if (pthread_create(&export->thread, NULL, run, export) == 0) return export;
  free(export);
  return NULL;
}

void hep_export_set_target(struct hep_export *export, const struct address *target, uint32_t agent) {
  pthread_mutex_lock(&export->lock);
  if (!address_equal(&export->target, target)) export->has_new_target = true;
  export->target = *target;
  export->agent = agent;
  pthread_cond_signal(&export->changed);
  pthread_mutex_unlock(&export->lock);
}

struct hep_export_counts hep_export_count(struct hep_export *export) {
  pthread_mutex_lock(&export->lock);
  struct hep_export_counts counts = export->counts;
  pthread_mutex_unlock(&export->lock);
  return counts;
}

void hep_export_close(struct hep_export **export_in) {
  struct hep_export *export = *export_in;
  *export_in = NULL;
  if (!export) return;
  pthread_mutex_lock(&export->lock);
  export->is_stopping = true;
  pthread_cond_signal(&export->changed);
  pthread_mutex_unlock(&export->lock);
  pthread_join(export->thread, NULL);
  pthread_cond_destroy(&export->changed);
  pthread_mutex_destroy(&export->lock);
  free(export);
}
