#include "worker/record_shelf.h"

/* A record of usual length, rounded up generously. */
#define RECORD_BYTES 2048

size_t record_shelf_memory_bytes(uint32_t calls_max) {
  size_t bytes = 1 << 20, wanted = (size_t)calls_max * RECORD_BYTES * 2;
  while (bytes < wanted)
    bytes *= 2;
  return bytes;
}

void record_shelf_init(struct record_shelf *shelf, void *memory, uint32_t calls_max,
                       enum result (*sink)(void *context, struct str_view record), void *sink_context) {
  *shelf = (struct record_shelf){.sink = sink, .sink_context = sink_context};
  ring_queue_init(&shelf->queue, memory, record_shelf_memory_bytes(calls_max));
}

static void count_waiting(struct record_shelf *shelf, uint64_t waiting) {
  __atomic_store_n(&shelf->waiting, waiting, __ATOMIC_RELAXED);
}

enum result record_shelf_put(struct record_shelf *shelf, struct str_view record) {
  if (!shelf->sink) return RESULT_OK;
  if (shelf->waiting == 0 && shelf->sink(shelf->sink_context, record) == RESULT_OK) return RESULT_OK;
  if (ring_queue_push(&shelf->queue, NULL, 0, record.data, record.length) != RESULT_OK) {
    shelf->lost++;
    return RESULT_FULL;
  }
  count_waiting(shelf, shelf->waiting + 1);
  return RESULT_OK;
}

void record_shelf_offer(struct record_shelf *shelf) {
  while (shelf->waiting > 0) {
    size_t length;
    const void *record = ring_queue_peek(&shelf->queue, &length);
    if (!record || shelf->sink(shelf->sink_context, str_view_of(record, length)) != RESULT_OK) return;
    ring_queue_pop(&shelf->queue);
    count_waiting(shelf, shelf->waiting - 1);
  }
}

bool record_shelf_is_crowded(const struct record_shelf *shelf) {
  return shelf->queue.reserved - shelf->queue.consumed > shelf->queue.capacity / 2;
}
