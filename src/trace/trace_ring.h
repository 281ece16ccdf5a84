/* The flight recorder's ring over one piece of memory, mostly a mapped file: the last so many bytes of an endless line
 * of records. One writer, any number of readers, no locks.
 *
 *   [header: one page][block][block] … [block]
 *   a block:  [block header][record][record] … [what is left]         records never cross the border of a block
 *
 * A position counts bytes since the ring was made: block number × block size + offset. The writer says in the header
 * that it begins a block (which takes the oldest one's place) before it writes into it, and says that a record is there
 * after it has written it. A reader copies a whole block, looks at the header again, and forgets what it has copied
 * when that block's place was taken meanwhile. */
#ifndef TRACE_TRACE_RING_H
#define TRACE_TRACE_RING_H

#include "trace/trace_record.h"

#define TRACE_HEADER_BYTES 4096
#define TRACE_BLOCK_BYTES  (256 * 1024)
#define TRACE_BLOCKS_MIN   4

/* --- the writer -------------------------------------------------------------------------------------------------- */

struct trace_ring {
  struct trace_ring_header *header; /* NULL: no ring, nothing is recorded */
  char *blocks;
  uint64_t head; /* where the next record goes */
  uint32_t block_count;
  uint8_t worker;
};

/* As large as fits into `bytes`, at least TRACE_BLOCKS_MIN blocks. */
uint32_t trace_ring_block_count(uint64_t bytes);
size_t trace_ring_memory_bytes(uint32_t block_count);

/* A new, empty ring in `memory` (aligned to 4096, borrowed). */
void trace_ring_create(struct trace_ring *ring, void *memory, uint32_t block_count, uint8_t worker);

/* Goes on with the ring that is in `memory` already, in a new block, so that whatever the end of the earlier writer has
 * left half done stands behind. RESULT_MALFORMED: it is none of this size; create one. */
enum result trace_ring_resume(struct trace_ring *ring, void *memory, uint32_t block_count, uint8_t worker) MUST_USE;

/* Appends a record; its `worker` and `position` are set by the ring (in the struct too), payloads beyond
 * TRACE_PAYLOAD_BYTES_MAX are cut. Nothing happens without a ring. */
void trace_ring_append(struct trace_ring *ring, struct trace_record *record);

/* Says that everything so far is complete: no note is still to come that tells which call one of these messages is of.
 * Who selects by call and goes on later with a cursor reads no further (recorder/trace_query.h). */
void trace_ring_settle(struct trace_ring *ring);

/* --- the reader -------------------------------------------------------------------------------------------------- */

/* What a header says, read from its first TRACE_HEADER_BYTES. */
struct trace_ring_view {
  uint64_t head;
  uint64_t settled; /* what is before is complete (trace_ring_settle) */
  uint32_t block_count;
  uint8_t worker;
};

/* RESULT_MALFORMED: not the header of a ring, or of one of another make. */
enum result trace_ring_view_read(const void *header, struct trace_ring_view *view_out) MUST_USE;

/* Numbers of the oldest block whose place is not taken and of the one that is being written. A ring of which nothing
 * has been written has block 0. */
uint64_t trace_ring_first_block(const struct trace_ring_view *view);
uint64_t trace_ring_last_block(const struct trace_ring_view *view);

/* Where a block begins, counted from the first byte of the header. */
uint64_t trace_ring_block_offset(const struct trace_ring_view *view, uint64_t block);

/* Walks over the records of a block that has been copied to `bytes` (TRACE_BLOCK_BYTES, aligned to 8, 64 readable bytes
 * behind it) and was still in place afterwards. */
struct trace_block_cursor {
  const char *bytes;
  uint64_t block;
  uint64_t head; /* of a view read before the copying: what is behind it is not looked at */
  size_t offset;
  bool is_torn; /* the walk ended at something that is no record, before the head and before the block's end */
};

/* RESULT_MALFORMED: it is not that block. */
enum result trace_block_open(struct trace_block_cursor *cursor, const void *bytes, uint64_t block,
                             uint64_t head) MUST_USE;

/* When the block was begun. */
struct wall_us trace_block_started(const void *bytes);

/* The next record, or false. */
bool trace_block_next(struct trace_block_cursor *cursor, struct trace_record *record_out);

#endif
