/* What the journal's files share. The writer thread owns everything but the queue, the tickets and the health. */
#ifndef STORE_JOURNAL_PRIVATE_H
#define STORE_JOURNAL_PRIVATE_H

#include <pthread.h>

#include "base/ring_queue.h"
#include "store/call_journal.h"
#include "store/journal_gather.h"
#include "store/journal_index.h"
#include "store/journal_record.h"

#define JOURNAL_VERSION        3 /* 1 knew calls only, 2 nothing that is owed; what reads 3 reads them */
#define JOURNAL_QUEUE_BYTES    ((size_t)32 << 20)
#define JOURNAL_SEGMENT_BYTES  (16u << 20)
#define JOURNAL_SEGMENT_MIN    (16u << 10)
#define JOURNAL_SEGMENT_MAX    (256u << 20)
#define JOURNAL_BATCH_BYTES    (4u << 20)
#define JOURNAL_SEGMENTS_MAX   32768
#define JOURNAL_FED_MAX        1024
#define JOURNAL_OBJECTS_MAX    (64u << 20)
#define JOURNAL_PATH_BYTES     4096
#define JOURNAL_LINGER_MS      20  /* what nobody waits for */
#define JOURNAL_DAWDLE_MS      180 /* and before that, what is lazy */
#define JOURNAL_RETRY_MS       200 /* after a failure, and for a store that is full */
#define JOURNAL_NAME_FORMAT    "journal-%08x-%08x.log"
#define JOURNAL_HEADER_PAYLOAD 24
#define JOURNAL_BYTES_UNKNOWN  UINT32_MAX /* of the file before, which could not be read: all of it counts */

/* One file. `bytes`: how much of it counts; what stands behind was torn. */
struct journal_segment {
  uint32_t number, salt, bytes;
  uint64_t last_end; /* sequence of the last record of an ended call in it; 0: none */
  bool is_damaged;   /* not all of it could be read at the start */
  bool is_unread;    /* nothing of it can be read now; `bytes` is 0 */
};

/* A file read into memory. */
struct journal_file {
  char *memory;
  size_t bytes;    /* of memory */
  uint32_t number; /* which; 0: none */
  size_t length;
};

/* "When the store has all before `position`, records up to `sequence` need not be kept." */
struct journal_fed {
  uint64_t sequence, position;
};

struct call_journal {
  struct journal_files files;
  struct journal_sink sink;
  void (*flushed)(void *context);
  void *flushed_context;
  void (*report)(void *context, const char *line);
  void *report_context;
  char dir[JOURNAL_PATH_BYTES];
  uint32_t segment_bytes, batch_bytes_max;

  /* Producers */
  struct ring_queue queue;
  void *queue_memory;
  int wake_fd;
  uint32_t sleep;         /* atomic: enum journal_sleep */
  uint64_t durable;       /* atomic: tickets up to this are on the disk */
  bool is_well;           /* atomic */
  uint64_t awaited;       /* atomic: how often somebody has begun to wait for what is in the queue */
  uint64_t hastened;      /* atomic: how much has been told that nobody waits for and that is not lazy */
  uint32_t gather_ms_max; /* atomic */
  bool stopping;          /* atomic */
  uint64_t refused;       /* atomic */

  /* Files, oldest first; the last one is written to. */
  struct journal_segment *segments;
  uint32_t segment_count;
  uint32_t next_number;
  int fd;               /* of the last one; −1: none is open */
  uint64_t total_bytes; /* of all files */
  uint64_t live_bytes;
  struct journal_index index;
  void *index_memory;
  size_t index_bytes;
  bool keeps_all; /* not all that lives is known: nothing may be given up */

  struct journal_file file; /* while opening, for compaction, for the store */
  uint32_t taken_count;     /* atomic: of what lives, at the start */

  /* The batch that is being written: records as they stand in the file. */
  char *batch;
  size_t batch_length;
  uint64_t batch_ticket;
  uint32_t batch_records;
  uint32_t failures;            /* of this batch, in a row */
  uint32_t over_count, over_at; /* entries of the index with is_over; where to look for the next */
  uint64_t sequence;            /* of the last record given a number */

  uint32_t compact_number; /* the file that is being given up; 0: none */
  size_t compact_at;
  bool compact_done;       /* all of it is in batches; it goes when this one is durable */
  int64_t remove_again_us; /* after a file that could not be removed, or not be read */

  uint64_t stored, stored_told; /* sequence that the store has; that the journal has been told */
  struct journal_fed fed[JOURNAL_FED_MAX];
  uint32_t fed_first, fed_count;
  bool lags; /* records of ended calls from `lag_number`, `lag_at` on have not been offered yet */
  uint32_t lag_number;
  size_t lag_at;
  int64_t unread_since_us; /* that file cannot be read since then; 0: it can */

  bool writer_started;
  pthread_t writer;
  int64_t flush_started_us;
  uint64_t awaited_taken; /* of `awaited`, when the last batch was begun */
  uint64_t hastened_taken;
  struct journal_gather gather;
  pthread_mutex_t health_mutex;
  struct call_journal_health health;
};

/* In the queue in front of each payload. */
struct journal_note {
  struct journal_key key;
  uint32_t kind, owed;
};

enum journal_sleep {
  JOURNAL_AWAKE,
  JOURNAL_DAWDLING,  /* wakes for what is not lazy */
  JOURNAL_LINGERING, /* wakes for what is awaited */
  JOURNAL_ASLEEP,    /* wakes for anything */
};

/* --- journal_segments.c: files ----------------------------------------------------------------------------------- */

/* The segment with this number; NULL when there is none (any more). */
struct journal_segment *journal_segment_find(const struct call_journal *journal, uint32_t number);

/* Finds the files there are, oldest first, and what of each counts. False with a sentence. */
bool journal_segments_find(struct call_journal *journal, char *problem, size_t problem_bytes);

/* Begins a new file. False, errno says why: nothing has changed. */
bool journal_segment_begin(struct call_journal *journal);

/* Reads a file into journal->file (unless it is there already) and returns what of it counts; an empty view with data
 * NULL when it cannot be read. */
struct str_view journal_segment_read(struct call_journal *journal, const struct journal_segment *segment);

/* The same into memory of one's own (zeroes at first), which journal_file_release gives back. */
struct str_view journal_segment_read_into(const struct call_journal *journal, const struct journal_segment *segment,
                                          struct journal_file *file);
void journal_file_release(const struct call_journal *journal, struct journal_file *file);

/* Reads the record at a place into `memory` (JOURNAL_PAYLOAD_MAX and 64 bytes more). False when it cannot be read. */
bool journal_place_read(const struct call_journal *journal, const struct journal_place *place, char *memory,
                        struct journal_record *record_out);

/* Nothing of the file can be read: it stays, and so does all else, until the next start. */
void journal_segment_is_unread(struct call_journal *journal, struct journal_segment *segment);

/* Removes the oldest file. False: it is still there. */
bool journal_segment_remove_first(struct call_journal *journal);

void journal_report(struct call_journal *journal, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- journal_load.c: what a record means ------------------------------------------------------------------------- */

bool journal_load(struct call_journal *journal);

/* Takes note of a record that stands at `place`. */
void journal_learn(struct call_journal *journal, const struct journal_record *record,
                   const struct journal_place *place);

/* --- journal_feed.c: ended calls to the store -------------------------------------------------------------------- */

/* Offers the records of ended calls in the batch, which stands at `at` of the last file. */
void journal_feed_batch(struct call_journal *journal, uint32_t at);

/* Goes on with those that wait in files. */
void journal_feed_waiting(struct call_journal *journal);

/* Finds out what the store has by now. */
void journal_feed_look(struct call_journal *journal);

/* --- journal_compact.c ------------------------------------------------------------------------------------------- */

/* Chooses the oldest file to be given up, when it is time. */
void journal_compact_begin(struct call_journal *journal);

/* Puts what still lives of that file into the empty batch, as much as those who wait may be asked to wait for: at most
 * half of it. */
void journal_compact(struct call_journal *journal);

/* There is no room for a new file: the oldest goes if nothing in it is needed any more. */
void journal_compact_without_room(struct call_journal *journal);

/* The batch is durable: a file that is given up completely goes. */
void journal_compact_flushed(struct call_journal *journal);

/* --- journal_writer.c -------------------------------------------------------------------------------------------- */

/* Appends a record to the batch, with the next sequence number; false when there is no room. */
bool journal_batch_add(struct call_journal *journal, const struct journal_record *record);

/* Before the thread runs: writes a batch when half of the queue is used. */
void journal_write_if_crowded(struct call_journal *journal);

void *journal_writer_run(void *journal);

/* The kernel's monotonic clock. */
int64_t journal_now_us(void);

#endif
