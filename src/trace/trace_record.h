/* One record of the flight recorder, as a struct, and as it lies in a ring (trace_ring.h):
 *
 *   [u32 check][u32 payload length][u64 position][wall µs][mono ms][remote][local][what][payload …][u32 end check] to 8
 *
 * The position is the record's own place in the endless line of bytes that the ring shows the end of, so that what is
 * left of an earlier lap, or a page that never reached the disk, is told from a record. Numbers as the machine has
 * them: a ring is read on the host that wrote it. */
#ifndef TRACE_TRACE_RECORD_H
#define TRACE_TRACE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/time.h"
#include "boundary/address.h"
#include "boundary/note.h"

enum trace_kind { TRACE_SIP = 1, TRACE_KEEPALIVE, TRACE_NOTE };
enum trace_direction { TRACE_RECEIVED = 1, TRACE_SENT, TRACE_INSIDE };

#define TRACE_PAYLOAD_BYTES_MAX 65535

struct trace_record {
  struct wall_us wall;
  struct mono_ms mono;
  struct address remote, local; /* of a note: none */
  uint8_t kind;                 /* enum trace_kind */
  uint8_t direction;            /* enum trace_direction */
  uint8_t transport;            /* enum transport */
  uint8_t worker;
  uint64_t position;       /* set by who reads or writes the ring */
  struct str_view payload; /* credentials already masked where it was read from a ring */
};

/* Bytes that a record with so long a payload takes in a ring. */
size_t trace_record_bytes(size_t payload_length);

/* Writes the record to `place` (aligned to 8, trace_record_bytes()), its credentials masked (trace_mask.h). */
void trace_record_write(const struct trace_record *record, void *place);

/* Reads the record that begins at `place`, of which `available` bytes may be looked at, and which must be the one at
 * `position`. RESULT_MALFORMED: there is none, it is torn, or what stands there is another. The payload points into
 * `place`. `*bytes_out`: how much it takes. */
enum result trace_record_read(const void *place, size_t available, uint64_t position, struct trace_record *record_out,
                              size_t *bytes_out) MUST_USE;

/* TRACE_KEEPALIVE: a text, line ends, STUN, our OPTIONS that proves a device alive and what answers it; else TRACE_SIP.
 */
enum trace_kind trace_kind_of(enum trace_direction direction, struct str_view datagram);

/* --- notes ------------------------------------------------------------------------------------------------------- */

#define TRACE_NOTE_BYTES_MAX (32 + 2 * NOTE_TEXTS_MAX)

/* Writes a note as a record's payload into `memory` (TRACE_NOTE_BYTES_MAX); texts beyond NOTE_TEXTS_MAX are cut. */
struct str_view trace_note_encode(const struct note *note, void *memory);

/* Views point into `payload`. RESULT_MALFORMED: not a note. */
enum result trace_note_decode(struct str_view payload, struct note *note_out) MUST_USE;

/* "armed"; "" for what is none. */
struct str_view trace_note_word(unsigned kind);

/* "caller", "callee", "". */
struct str_view trace_side_name(unsigned side);

#endif
