/* What the journal (store/call_journal.h) keeps things under, and what can be told it. The first byte says what it is.
 * A call's key is its id: when it began and on which worker, and its handle there; other things have keys that are
 * found again from what they are. */
#ifndef BOUNDARY_JOURNAL_KEY_H
#define BOUNDARY_JOURNAL_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str_view.h"

struct journal_key {
  uint64_t high; /* enum journal_thing in the first 8 bits; both halves 0: no key */
  uint64_t low;
};

enum journal_thing {
  JOURNAL_CALL = 0, /* high: milliseconds since 1970, and in the last 8 bits the worker; low: index and generation */
  JOURNAL_REGISTRATION, /* high: a hash of the number; low: of the contact */
  JOURNAL_SUSPENSION,   /* high: in the last 8 bits the worker that found it; low: a hash of who it is */
  JOURNAL_NETWORK,      /* high: in the last 8 bits the worker; low: the prefix */
  JOURNAL_THING_LAST = JOURNAL_NETWORK
};

#define JOURNAL_KEY_NONE ((struct journal_key){0, 0})

/* Greater than any enum journal_thing for what a later version has written. */
static inline unsigned journal_key_thing(struct journal_key key) {
  return (unsigned)(key.high >> 56);
}

/* `high`: its lower 56 bits count. */
static inline struct journal_key journal_key_of(enum journal_thing thing, uint64_t high, uint64_t low) {
  return (struct journal_key){(uint64_t)thing << 56 | (high & ((UINT64_C(1) << 56) - 1)), low};
}

static inline bool journal_key_equal(struct journal_key a, struct journal_key b) {
  return a.high == b.high && a.low == b.low;
}

static inline bool journal_key_is_none(struct journal_key key) {
  return key.high == 0 && key.low == 0;
}

/* What lives in it. Texts are valid as long as whoever hands them out says. */
struct journal_kept {
  struct journal_key key;
  struct str_view state; /* what was put last */
  struct str_view note;  /* the last one beside it; may be empty */
  uint8_t owed;          /* 0: it lives; else it is over, and this is what JOURNAL_END said is owed */
};

enum journal_kind {
  JOURNAL_NONE = 0,
  JOURNAL_SEGMENT, /* the first record of each file; the journal's own */
  JOURNAL_PUT,     /* the state of something that lives, in place of what was put before; its note is forgotten */
  JOURNAL_COPY,    /* the same, copied from a file that is given up: a note stays; the journal's own */
  JOURNAL_NOTE,    /* a few bytes beside what was put, in place of the note before */
  JOURNAL_DROP,    /* it is no more */
  JOURNAL_END, /* it is no more, and here is its record (cdr/cdr_record.h); key none: it never was put. What is owed to
                  somebody all the same is a number: then what was put stays, until it is dropped */
  JOURNAL_STORED, /* records up to the sequence number in the payload are in the store; the journal's own */
  JOURNAL_KINDS
};

/* How soon it is to be on the disk. */
enum journal_haste {
  JOURNAL_SOON,   /* nobody waits for it: within 20 ms */
  JOURNAL_URGENT, /* somebody does */
  JOURNAL_LAZY,   /* what was told before says nearly the same: within 200 ms */
};

static inline bool journal_kind_is_state(enum journal_kind kind) {
  return kind == JOURNAL_PUT || kind == JOURNAL_COPY;
}

#endif
