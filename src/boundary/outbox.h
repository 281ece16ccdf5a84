/* What the middle wants done. Handlers append; the worker (or the simulator) empties it after one or several events, in
 * order. Entries and bytes live in memory handed in once. Before each event the worker makes sure that at least
 * OUTBOX_EVENT_BYTES and OUTBOX_EVENT_ENTRIES are free, so a handler need not expect a full outbox; when it is full all
 * the same a datagram is dropped and counted (as a network may do), and a record is refused with RESULT_FULL. */
#ifndef BOUNDARY_OUTBOX_H
#define BOUNDARY_OUTBOX_H

#include <stdint.h>

#include "base/handle.h"
#include "base/result.h"
#include "base/str_view.h"
#include "boundary/address.h"
#include "boundary/event.h"
#include "boundary/journal_key.h"
#include "boundary/note.h"

#define OUTBOX_EVENT_BYTES   (512 * 1024)
#define OUTBOX_EVENT_ENTRIES 64

enum outbox_kind {
  OUTBOX_SEND,             /* bytes to flow */
  OUTBOX_CLOSE_CONNECTION, /* flow */
  OUTBOX_ASK_LOCATION,     /* bytes: the number; asker: the call; worker: whom to ask */
  OUTBOX_TELL_LOCATION,    /* location; worker and asker: who asked */
  OUTBOX_TELL_HEARD,       /* flow, sign: a device of another worker was heard here; worker: whose it is; bytes: empty,
                              or the proof of who it was (registrar_note_proof) */
  OUTBOX_RESOLVE,          /* bytes: host name (port in flow.remote.port, transport in flow); asker */
  OUTBOX_RECORD,           /* bytes: one CDR in the form of cdr/cdr_record.h; owed */
  OUTBOX_KEEP_DEVICE,      /* bytes: what has been learnt of a device, a line to be kept over a restart */
  OUTBOX_JOURNAL,          /* journal_kind, key, bytes: what must not be forgotten (boundary/journal_key.h) */
  OUTBOX_ORDER_ANSWER,     /* order_id, result, bytes: JSON or a sentence for the operator */
  OUTBOX_ALARM,            /* bytes: one line for the log, no secrets, rate-limited by the worker */
  OUTBOX_NOTE,             /* note: for the flight recorder */
};

/* Whether a message waits until what its event tells the journal is on the disk. */
enum outbox_wait {
  OUTBOX_WAITS_NOT = 0,
  OUTBOX_WAITS,          /* as long as BF_JOURNAL_WAIT_MS says */
  OUTBOX_WAITS_PATIENTLY /* for some seconds: whoever it is for says again what it answers */
};

struct outbox_entry {
  enum outbox_kind kind;
  enum result result; /* ORDER_ANSWER */
  struct flow flow;
  struct str_view bytes; /* in the outbox's memory */
  struct handle asker;
  uint64_t order_id;
  const struct location_answer *location; /* TELL_LOCATION; in the outbox's memory, its texts too */
  const struct note *note;                /* NOTE; in the outbox's memory, its texts too */
  struct journal_key key;                 /* JOURNAL */
  uint8_t journal_kind;                   /* JOURNAL: enum journal_kind */
  uint8_t journal_haste;                  /* JOURNAL: enum journal_haste */
  uint8_t owed;                           /* RECORD: what the journal keeps the state for (boundary/journal_key.h) */
  uint8_t worker;
  uint8_t sign;  /* TELL_HEARD */
  uint8_t waits; /* SEND: enum outbox_wait */
};

struct outbox {
  struct outbox_entry *entries;
  uint32_t entry_count, entries_max;
  char *bytes;
  size_t byte_count, bytes_max;
  uint64_t dropped;   /* for want of room; whoever empties the outbox counts them and sets 0 */
  bool takes_notes;   /* a recorder runs; set by whoever empties the outbox */
  uint8_t sends_wait; /* enum outbox_wait of what is sent now */
};

void outbox_init(struct outbox *outbox, struct outbox_entry *entries, uint32_t entries_max, void *bytes,
                 size_t bytes_max);

/* True when a further event's worth of room is left. */
bool outbox_has_room(const struct outbox *outbox);

/* Forgets everything; the worker calls it when all entries are done. */
void outbox_reset(struct outbox *outbox);

/* Copies `bytes` and notes that they go to `flow`. */
void outbox_send(struct outbox *outbox, const struct flow *flow, struct str_view bytes);

void outbox_close_connection(struct outbox *outbox, const struct flow *flow);
void outbox_ask_location(struct outbox *outbox, uint8_t worker, struct str_view number, struct handle asker);
void outbox_tell_location(struct outbox *outbox, uint8_t worker, const struct location_answer *answer);
void outbox_tell_heard(struct outbox *outbox, uint8_t worker, const struct flow *flow, uint8_t sign);
void outbox_tell_proof(struct outbox *outbox, uint8_t worker, const struct flow *flow, struct str_view proof);
void outbox_resolve(struct outbox *outbox, struct str_view host, enum transport transport, uint16_t port,
                    struct handle asker);

/* A record of something that is over. `owed` (0: nothing): what it owes somebody all the same, so that the journal is
 * to keep its state until it is dropped there. */
enum result outbox_record(struct outbox *outbox, struct str_view record, uint8_t owed) MUST_USE;
void outbox_keep_device(struct outbox *outbox, struct str_view line);

/* Tells the journal. RESULT_FULL: there was no room; what lives on is then less well remembered, that is all. */
enum result outbox_journal(struct outbox *outbox, enum journal_haste haste, enum journal_kind kind,
                           struct journal_key key, struct str_view bytes) MUST_USE;
void outbox_answer_order(struct outbox *outbox, uint64_t order_id, enum result result, struct str_view text);
void outbox_alarm(struct outbox *outbox, struct str_view line);

/* True when notes are wanted: to be asked before anything is spent on making one. */
static inline bool outbox_takes_notes(const struct outbox *outbox) {
  return outbox->takes_notes;
}

/* Copies the note and its texts. Nothing happens while no recorder runs, or when there is no room. */
void outbox_note(struct outbox *outbox, const struct note *note);

#endif
