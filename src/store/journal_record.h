/* The bytes of the journal, and nothing else: no files, no state.
 *
 *    0  u32 magic        "BJ01"
 *    4  u32 sum          CRC-32C of bytes 8 to the end of the payload, begun with the file's salt
 *    8  u32 length       of the payload
 *   12  u8  kind         enum journal_kind
 *   13  u8  owed         JOURNAL_END, JOURNAL_COPY: what was put stays though it is over (version 3); 0: nothing is
 *   14  u16 0
 *   16  u64 sequence     rises from record to record over all files
 *   24  u64 key.high
 *   32  u64 key.low
 *   40  payload, filled up with zeros to a multiple of 8
 *
 * Little-endian. The salt is in the file's name: it keeps what strangers put into a payload (a session description,
 * say) from being taken for a record when a damaged file is searched for readable ones. */
#ifndef STORE_JOURNAL_RECORD_H
#define STORE_JOURNAL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/str_view.h"
#include "boundary/journal_key.h"

#define JOURNAL_HEADER_BYTES 40
#define JOURNAL_PAYLOAD_MAX  ((size_t)256 * 1024)
#define JOURNAL_NOTE_MAX     ((size_t)512)

struct journal_record {
  enum journal_kind kind;
  uint64_t sequence;
  struct journal_key key;
  struct str_view payload;
  uint8_t owed;
};

/* What a record with such a payload takes in the file. */
size_t journal_record_bytes(size_t payload_length);

/* Writes the record to `place`, which has room for journal_record_bytes(); returns these. */
size_t journal_record_write(char *place, uint32_t salt, const struct journal_record *record);

/* Reads the record at the beginning of `bytes`; its payload points into them. `*bytes_out`: how much it takes.
 * RESULT_MALFORMED: there is none, or only a part of one. */
enum result journal_record_read(struct str_view bytes, uint32_t salt, struct journal_record *record_out,
                                size_t *bytes_out) MUST_USE;

/* The same for a record that this process has written to memory itself: nothing is checked. */
size_t journal_record_view(const char *place, struct journal_record *record_out);

/* Writes the record's sum anew: it goes to another file, with another salt. Returns what it takes. */
size_t journal_record_seal(char *place, uint32_t salt);

/* --- a walk over a file ------------------------------------------------------------------------------------------ */

enum journal_step {
  JOURNAL_STEP_RECORD,  /* `record` is the next one, at `record_at` */
  JOURNAL_STEP_DAMAGED, /* from `damaged_at` on `damaged_bytes` cannot be read; records follow */
  JOURNAL_STEP_TORN,    /* the same, and nothing readable follows: what was written last did not all arrive */
  JOURNAL_STEP_END,
};

struct journal_walk {
  struct str_view bytes; /* of the file, or of what of it counts */
  uint32_t salt;
  size_t at; /* of what comes next */
  struct journal_record record;
  size_t record_at;
  size_t damaged_at, damaged_bytes;
};

static inline struct journal_walk journal_walk_over(struct str_view bytes, uint32_t salt) {
  return (struct journal_walk){.bytes = bytes, .salt = salt};
}

/* Steps over the next record of a file without looking whether it is whole: for one that has been walked over before
 * and was. False: there is none, or what stands there does not look like one. */
bool journal_walk_glance(struct journal_walk *walk) MUST_USE;

/* The next thing there is. Zeros up to the end are the end: room that was never written. */
enum journal_step journal_walk_next(struct journal_walk *walk);

#endif
