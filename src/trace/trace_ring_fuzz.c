/* Any bytes as a ring file's header and block: the walk ends, and every record lies within the block. What is masked is
 * as long as it was and differs in nothing but the mask. */
#include "base/check.h"
#include "trace/trace_mask.h"
#include "trace/trace_ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Alignas(64) char block[TRACE_BLOCK_BYTES + 64];
static char once[TRACE_BLOCK_BYTES];

static void walk(uint64_t number, uint64_t head) {
  struct trace_block_cursor cursor;
  struct trace_record record;
  struct note note;
  size_t total = 0;
  if (trace_block_open(&cursor, block, number, head) != RESULT_OK) return;
  while (trace_block_next(&cursor, &record)) {
    require(record.payload.data >= block && record.payload.data + record.payload.length <= block + TRACE_BLOCK_BYTES);
    require(total < TRACE_BLOCK_BYTES);
    total += trace_record_bytes(record.payload.length);
    (void)!trace_note_decode(record.payload, &note);
  }
}

/* A ring with a record in it, so that the fuzzer need not guess checks. */
static uint64_t write_block(struct str_view payload) {
  static _Alignas(4096) char memory[TRACE_HEADER_BYTES + TRACE_BLOCKS_MIN * TRACE_BLOCK_BYTES];
  struct trace_ring ring;
  trace_ring_create(&ring, memory, TRACE_BLOCKS_MIN, 0);
  struct trace_record record = {.kind = TRACE_SIP, .direction = TRACE_SENT, .payload = payload};
  trace_ring_append(&ring, &record);
  trace_ring_append(&ring, &record);
  memcpy(block, memory + TRACE_HEADER_BYTES, TRACE_BLOCK_BYTES);
  return ring.head;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str_view bytes = str_view_of((const char *)data, size < TRACE_PAYLOAD_BYTES_MAX ? size : 0);
  struct trace_ring_view view;
  static _Alignas(64) char header[TRACE_HEADER_BYTES];
  memcpy(header, bytes.data, bytes.length < sizeof header ? bytes.length : sizeof header);
  (void)!trace_ring_view_read(header, &view);
  uint64_t head = write_block(bytes);
  walk(0, head);
  /* The same with the input over its first records. */
  size_t kept = bytes.length < 2048 ? bytes.length : 2048;
  memcpy(block + 32, bytes.data, kept);
  walk(0, head);
  trace_mask_copy(bytes, once);
  for (size_t i = 0; i < bytes.length; i++)
    require(once[i] == bytes.data[i] || once[i] == '*');
  return 0;
}
