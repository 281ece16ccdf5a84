/* What the journal (store/call_journal.h) keeps things under, and what can be told it. A call's key is its id: when it
 * began and on which worker, and its handle there. */
#ifndef BOUNDARY_JOURNAL_KEY_H
#define BOUNDARY_JOURNAL_KEY_H

#include <stdbool.h>
#include <stdint.h>

struct journal_key {
  uint64_t high; /* milliseconds since 1970, and in the last 8 bits the worker; both halves 0: no key */
  uint64_t low;  /* index and generation */
};

#define JOURNAL_KEY_NONE ((struct journal_key){0, 0})

static inline bool journal_key_equal(struct journal_key a, struct journal_key b) {
  return a.high == b.high && a.low == b.low;
}

static inline bool journal_key_is_none(struct journal_key key) {
  return key.high == 0 && key.low == 0;
}

enum journal_kind {
  JOURNAL_NONE = 0,
  JOURNAL_SEGMENT, /* the first record of each file; the journal's own */
  JOURNAL_PUT,     /* the state of something that lives, in place of what was put before; its note is forgotten */
  JOURNAL_COPY,    /* the same, copied from a file that is given up: a note stays; the journal's own */
  JOURNAL_NOTE,    /* a few bytes beside what was put, in place of the note before */
  JOURNAL_DROP,    /* it is no more */
  JOURNAL_END,     /* it is no more, and here is its record (cdr/cdr_record.h); key none: it never was put */
  JOURNAL_STORED,  /* records up to the sequence number in the payload are in the store; the journal's own */
  JOURNAL_KINDS
};

#endif
