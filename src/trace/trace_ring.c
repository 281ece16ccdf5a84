#include "trace/trace_ring.h"

#define RING_MAGIC  UINT64_C(0x31434152544c4642) /* "BFLTRAC1" as a little-endian machine writes it */
#define BLOCK_MAGIC UINT64_C(0x4b434f4c42544642)
#define END_MARK    0 /* where the next record's check would be: the rest of the block is empty */

struct trace_ring_header {
  uint64_t magic;
  uint32_t block_bytes;
  uint32_t block_count;
  uint32_t worker;
  uint32_t reserved;
  _Alignas(64) uint64_t head; /* atomic */
  uint64_t settled;           /* atomic */
};
_Static_assert(sizeof(struct trace_ring_header) <= TRACE_HEADER_BYTES, "one page");

struct block_header {
  uint64_t magic;
  uint64_t block;
  struct wall_us started;
  uint64_t reserved;
};

/* --- the writer -------------------------------------------------------------------------------------------------- */

uint32_t trace_ring_block_count(uint64_t bytes) {
  uint64_t count = bytes / TRACE_BLOCK_BYTES;
  return count < TRACE_BLOCKS_MIN ? TRACE_BLOCKS_MIN : count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

size_t trace_ring_memory_bytes(uint32_t block_count) {
  return TRACE_HEADER_BYTES + (size_t)block_count * TRACE_BLOCK_BYTES;
}

static void attach(struct trace_ring *ring, void *memory, uint32_t block_count, uint8_t worker) {
  *ring = (struct trace_ring){
      .header = memory, .blocks = (char *)memory + TRACE_HEADER_BYTES, .block_count = block_count, .worker = worker};
}

static char *place_of(const struct trace_ring *ring, uint64_t position) {
  return ring->blocks + position / TRACE_BLOCK_BYTES % ring->block_count * TRACE_BLOCK_BYTES +
         position % TRACE_BLOCK_BYTES;
}

static void publish(struct trace_ring *ring) {
  __atomic_store_n(&ring->header->head, ring->head, __ATOMIC_RELEASE);
}

/* What is left of the block is empty. */
static void end_block(struct trace_ring *ring, uint64_t head) {
  if (TRACE_BLOCK_BYTES - head % TRACE_BLOCK_BYTES < sizeof(uint32_t)) return;
  memset(place_of(ring, head), END_MARK, sizeof(uint32_t));
}

/* The head is in the new block before anything of the old one in its place is written over. */
static void begin_block(struct trace_ring *ring, uint64_t block, struct wall_us now) {
  struct block_header header = {.magic = BLOCK_MAGIC, .block = block, .started = now};
  ring->head = block * TRACE_BLOCK_BYTES;
  publish(ring);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  memcpy(place_of(ring, ring->head), &header, sizeof header);
  ring->head += sizeof header;
  publish(ring);
}

void trace_ring_create(struct trace_ring *ring, void *memory, uint32_t block_count, uint8_t worker) {
  attach(ring, memory, block_count, worker);
  memset(memory, 0, TRACE_HEADER_BYTES);
  *ring->header = (struct trace_ring_header){
      .magic = RING_MAGIC, .block_bytes = TRACE_BLOCK_BYTES, .block_count = block_count, .worker = worker};
}

enum result trace_ring_resume(struct trace_ring *ring, void *memory, uint32_t block_count, uint8_t worker) {
  struct trace_ring_view view;
  *ring = (struct trace_ring){0};
  if (trace_ring_view_read(memory, &view) != RESULT_OK || view.block_count != block_count) return RESULT_MALFORMED;
  attach(ring, memory, block_count, worker);
  ring->header->worker = worker;
  /* At a border a new block is begun with the first record, which also brings the time. */
  ring->head = view.head;
  if (view.head % TRACE_BLOCK_BYTES != 0) {
    end_block(ring, view.head);
    ring->head = (view.head / TRACE_BLOCK_BYTES + 1) * TRACE_BLOCK_BYTES;
  }
  trace_ring_settle(ring);
  return RESULT_OK;
}

void trace_ring_settle(struct trace_ring *ring) {
  if (ring->header) __atomic_store_n(&ring->header->settled, ring->head, __ATOMIC_RELEASE);
}

void trace_ring_append(struct trace_ring *ring, struct trace_record *record) {
  if (!ring->header) return;
  record->payload = str_view_slice(record->payload, 0, TRACE_PAYLOAD_BYTES_MAX);
  record->worker = ring->worker;
  size_t bytes = trace_record_bytes(record->payload.length), offset = ring->head % TRACE_BLOCK_BYTES;
  if (offset == 0) {
    begin_block(ring, ring->head / TRACE_BLOCK_BYTES, record->wall);
  } else if (TRACE_BLOCK_BYTES - offset < bytes) {
    end_block(ring, ring->head);
    begin_block(ring, ring->head / TRACE_BLOCK_BYTES + 1, record->wall);
  }
  record->position = ring->head;
  trace_record_write(record, place_of(ring, ring->head));
  ring->head += bytes;
  publish(ring);
}

/* --- the reader -------------------------------------------------------------------------------------------------- */

enum result trace_ring_view_read(const void *header, struct trace_ring_view *view_out) {
  const struct trace_ring_header *read = header;
  if (read->magic != RING_MAGIC || read->block_bytes != TRACE_BLOCK_BYTES || read->block_count < TRACE_BLOCKS_MIN ||
      read->worker > UINT8_MAX)
    return RESULT_MALFORMED;
  *view_out = (struct trace_ring_view){.head = __atomic_load_n(&read->head, __ATOMIC_ACQUIRE),
                                       .settled = __atomic_load_n(&read->settled, __ATOMIC_ACQUIRE),
                                       .block_count = read->block_count,
                                       .worker = (uint8_t)read->worker};
  return RESULT_OK;
}

uint64_t trace_ring_last_block(const struct trace_ring_view *view) {
  return view->head / TRACE_BLOCK_BYTES;
}

uint64_t trace_ring_first_block(const struct trace_ring_view *view) {
  uint64_t last = trace_ring_last_block(view);
  return last < view->block_count ? 0 : last - view->block_count + 1;
}

uint64_t trace_ring_block_offset(const struct trace_ring_view *view, uint64_t block) {
  return TRACE_HEADER_BYTES + block % view->block_count * TRACE_BLOCK_BYTES;
}

enum result trace_block_open(struct trace_block_cursor *cursor, const void *bytes, uint64_t block, uint64_t head) {
  struct block_header header;
  memcpy(&header, bytes, sizeof header);
  if (header.magic != BLOCK_MAGIC || header.block != block) return RESULT_MALFORMED;
  *cursor = (struct trace_block_cursor){.bytes = bytes, .block = block, .head = head, .offset = sizeof header};
  return RESULT_OK;
}

struct wall_us trace_block_started(const void *bytes) {
  struct block_header header;
  memcpy(&header, bytes, sizeof header);
  return header.started;
}

bool trace_block_next(struct trace_block_cursor *cursor, struct trace_record *record_out) {
  uint64_t position = cursor->block * TRACE_BLOCK_BYTES + cursor->offset;
  size_t left = TRACE_BLOCK_BYTES - cursor->offset, bytes;
  uint32_t mark;
  if (position >= cursor->head || left < sizeof mark) return false;
  memcpy(&mark, cursor->bytes + cursor->offset, sizeof mark);
  if (mark == END_MARK) return false;
  if (trace_record_read(cursor->bytes + cursor->offset, left, position, record_out, &bytes) != RESULT_OK) {
    /* The last block of an earlier writer ends wherever that one ended. */
    cursor->is_torn = true;
    return false;
  }
  cursor->offset += bytes;
  return true;
}
