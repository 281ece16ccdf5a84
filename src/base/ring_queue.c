#include "base/ring_queue.h"

#include <string.h>

#include "base/check.h"

/* A header is the payload's length shifted by two, and one of these. 0: not written yet. */
#define HEADER_RECORD  1
#define HEADER_PADDING 2
#define HEADER_BYTES   sizeof(uint64_t)

void ring_queue_init(struct ring_queue *queue, void *memory, size_t capacity) {
  require(capacity >= 4096 && (capacity & (capacity - 1)) == 0 && (uintptr_t)memory % 8 == 0);
  *queue = (struct ring_queue){.memory = memory, .capacity = capacity};
}

static uint64_t *header_at(const struct ring_queue *queue, uint64_t position) {
  return (void *)(queue->memory + (position & (queue->capacity - 1)));
}

static size_t record_bytes(size_t payload_length) {
  return HEADER_BYTES + ((payload_length + 7) & ~(size_t)7);
}

/* Takes `bytes` in one piece and stores its position; what is left before the end of memory becomes padding when the
 * piece does not fit there. */
static bool reserve(struct ring_queue *queue, size_t bytes, uint64_t *position_out) {
  for (;;) {
    /* `consumed` before `reserved`: the other way round it could have overtaken the older `reserved`. */
    uint64_t consumed = __atomic_load_n(&queue->consumed, __ATOMIC_ACQUIRE);
    uint64_t reserved = __atomic_load_n(&queue->reserved, __ATOMIC_RELAXED);
    size_t to_end = queue->capacity - (size_t)(reserved & (queue->capacity - 1));
    size_t padding = bytes > to_end ? to_end : 0;
    if (reserved + padding + bytes - consumed > queue->capacity) return false;
    if (!__atomic_compare_exchange_n(&queue->reserved, &reserved, reserved + padding + bytes, true, __ATOMIC_RELAXED,
                                     __ATOMIC_RELAXED))
      continue;
    if (padding)
      __atomic_store_n(header_at(queue, reserved), (padding - HEADER_BYTES) << 2 | HEADER_PADDING, __ATOMIC_RELEASE);
    *position_out = reserved + padding;
    return true;
  }
}

enum result ring_queue_push(struct ring_queue *queue, const void *first, size_t first_length, const void *second,
                            size_t second_length) {
  size_t most = queue->capacity / 4;
  if (first_length > most || second_length > most - first_length) return RESULT_OUT_OF_RANGE;
  size_t length = first_length + second_length;
  uint64_t position;
  if (!reserve(queue, record_bytes(length), &position)) return RESULT_FULL;
  uint64_t *header = header_at(queue, position);
  char *payload = (char *)(header + 1);
  if (first_length) memcpy(payload, first, first_length);
  if (second_length) memcpy(payload + first_length, second, second_length);
  __atomic_store_n(header, (uint64_t)length << 2 | HEADER_RECORD, __ATOMIC_RELEASE);
  return RESULT_OK;
}

/* Gives the room of the piece at the consumer's position back to the producers, cleared. */
static void release(struct ring_queue *queue, uint64_t header) {
  size_t bytes = record_bytes((size_t)(header >> 2));
  /* Nobody writes into padding but its header. */
  memset(header_at(queue, queue->consumed), 0, header & HEADER_PADDING ? HEADER_BYTES : bytes);
  __atomic_store_n(&queue->consumed, queue->consumed + bytes, __ATOMIC_RELEASE);
}

const void *ring_queue_peek(struct ring_queue *queue, size_t *length_out) {
  for (;;) {
    uint64_t *place = header_at(queue, queue->consumed);
    uint64_t header = __atomic_load_n(place, __ATOMIC_ACQUIRE);
    if (header == 0) return NULL;
    if (header & HEADER_RECORD) {
      *length_out = (size_t)(header >> 2);
      return place + 1;
    }
    release(queue, header);
  }
}

void ring_queue_pop(struct ring_queue *queue) {
  uint64_t header = __atomic_load_n(header_at(queue, queue->consumed), __ATOMIC_ACQUIRE);
  require(header & HEADER_RECORD);
  release(queue, header);
}
