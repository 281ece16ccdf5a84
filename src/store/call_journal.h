/* The call journal: what the switch must not forget, on disk within milliseconds, in DIR/journal. Whoever tells it
 * something gets a ticket; when the ticket is durable, a killed process or a lost machine does not undo it.
 *
 *   workers ──call_journal_put──▶ queue ──▶ writer thread ──one write, one flush a batch──▶ journal-*.log
 *                                              │                                              │ at start
 *                                              └──records of ended calls──▶ store (SQLite)    └──▶ call_journal_each
 *
 * The files are only ever appended to. What is no longer valid is left behind: when most of the journal is, the oldest
 * file is read once more, what of it still lives is appended anew, and the file is removed. A record of an ended call
 * stays until the store says that it has it; a store that cannot write does not stop the journal, which then grows.
 * When the journal itself cannot be written, what waits is kept in memory and tried again, and the health says so.
 *
 * A power cut may tear what was written last: it is cut off. Anything else that cannot be read is reported with its
 * place, and everything around it is used. */
#ifndef STORE_CALL_JOURNAL_H
#define STORE_CALL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/str_view.h"
#include "boundary/journal_key.h"
#include "store/journal_files.h"

struct call_journal;

/* Where records of ended calls go. `put` may say RESULT_FULL: they are offered again later. `position` rises with what
 * has been put; whatever was put before `position` said P is safe as soon as `stored` says P or more. */
struct journal_sink {
  enum result (*put)(void *context, struct str_view record);
  uint64_t (*position)(void *context);
  uint64_t (*stored)(void *context);
  void *context;
};

struct call_journal_options {
  const char *dir;                   /* in which the directory `journal` is made */
  uint32_t objects_max;              /* calls and registrations that may live at once */
  uint32_t segment_bytes;            /* of one file; 0: 16 MiB */
  struct journal_sink sink;          /* `put` NULL: records of ended calls are forgotten once they are durable */
  const struct journal_files *files; /* NULL: the system's own */
  void (*flushed)(void *context);    /* called by the writer thread when tickets have become durable, and when the
                                        journal is well again; may be NULL */
  void *flushed_context;
  void (*report)(void *context, const char *line); /* what was found damaged, while opening; may be NULL */
  void *report_context;
};

/* Opens or creates the journal and reads what is in it. NULL with a sentence in `problem`: no directory, no memory, or
 * files of a newer version. A file that cannot be read or a disk that is full is reported, and no reason not to start.
 */
struct call_journal *call_journal_open(const struct call_journal_options *options, char *problem, size_t problem_bytes);

/* What is to happen with what lives. `wants` (NULL: everything is wanted) looks at keys only; `each` gets what is
 * wanted, with views that are valid during its call, and says whether it has taken it. Both may call call_journal_put.
 */
struct journal_visit {
  bool (*wants)(void *context, struct journal_key key);
  bool (*each)(void *context, const struct journal_kept *kept);
  void *context;
};

/* Visits all that lives, oldest first; between opening and start. Several threads may do so at once. What is told
 * meanwhile is written later, so there is only little room for it (RESULT_FULL). RESULT_FAILED: a file could not be
 * read; what is in it has not been visited. */
enum result call_journal_each(struct call_journal *journal, const struct journal_visit *how);

/* Visits, in no order, what none has taken. One thread, after the others; `wants` is not asked. What is told meanwhile
 * is written now and then, so there is room for much. What cannot be read stays, and is not visited. */
enum result call_journal_each_left(struct call_journal *journal, const struct journal_visit *how);

/* Who hears of durable tickets, when it is known later than at opening; before the start. */
void call_journal_on_flush(struct call_journal *journal, void (*flushed)(void *context), void *context);

/* How long at most it gathers what is waited for before it flushes, when many wait (store/journal_gather.h); below
 * 1000. 0, and before it is told: never. Any thread. */
void call_journal_set_gather(struct call_journal *journal, uint32_t most_ms);

/* Starts the writer thread. */
enum result call_journal_start(struct call_journal *journal);

/* Tells the journal something; never blocks; any thread. What is urgent is written at once, or when
 * enough has been gathered; what is lazy may wait for 200 ms, but goes with whatever is written before. `*ticket_out`
 * may be NULL. RESULT_FULL: there is no room (the disk does not keep up, or is broken); RESULT_OUT_OF_RANGE: longer
 * than JOURNAL_PAYLOAD_MAX, or a note than JOURNAL_NOTE_MAX (store/journal_record.h). */
enum result call_journal_put(struct call_journal *journal, enum journal_kind kind, struct journal_key key,
                             struct str_view payload, enum journal_haste haste, uint64_t *ticket_out) MUST_USE;

/* The record of something that is over; `owed` (0: nothing) is what is owed to somebody all the same: what was put
 * under the key then stays, and is visited with that number, until JOURNAL_DROP. Else as call_journal_put. */
enum result call_journal_end(struct call_journal *journal, struct journal_key key, struct str_view record,
                             uint8_t owed) MUST_USE;

/* A ticket for everything told so far; as urgent as that, for somebody waits for it. Any thread. */
uint64_t call_journal_hurry(struct call_journal *journal);

/* True when everything up to the ticket is on the disk. Any thread. */
bool call_journal_is_durable(const struct call_journal *journal, uint64_t ticket);

/* False while the last write has failed: waiting for a ticket makes no sense then. Any thread; cheap. */
bool call_journal_is_well(const struct call_journal *journal);

/* How much it was told and has not kept, because it was broken or had no room; it only grows. When it is well again,
 * whoever told it something tells it anew. Any thread; cheap. */
uint64_t call_journal_forgotten(const struct call_journal *journal);

struct call_journal_health {
  bool ok;
  char problem[256];
  uint32_t files, objects;
  uint32_t files_unread;      /* that could not be read: they stay, and nothing is given up until the next start */
  uint64_t bytes, bytes_live; /* on disk; of what is still valid */
  uint64_t records_written, flushes;
  uint64_t flush_us_total; /* time spent in writing and flushing */
  uint64_t flush_us_max;   /* the longest */
  uint64_t refused;        /* call_journal_forgotten */
  uint64_t waiting_bytes;  /* told, and not on the disk yet */
  uint64_t damaged_bytes;  /* found while opening */
  bool store_lags;         /* records of ended calls wait on disk for the store */
  uint32_t gather_ms_max;  /* as call_journal_set_gather said */
};
void call_journal_read_health(const struct call_journal *journal, struct call_journal_health *health);

/* Writes what has been told, offers the records to the sink, ends the thread. */
void call_journal_stop(struct call_journal *journal);

/* Frees everything; stops first if need be. */
void call_journal_close(struct call_journal **journal);

#endif
