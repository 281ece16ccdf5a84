/* Call detail records on their way to the sink. While the sink cannot take them they wait here, in order; nothing is
 * lost while there is room, and there is room for a record of every call that may be open. */
#ifndef WORKER_RECORD_SHELF_H
#define WORKER_RECORD_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/ring_queue.h"
#include "base/str_view.h"

struct record_shelf {
  enum result (*sink)(void *context, struct str_view record);
  void *sink_context;
  struct ring_queue queue;
  uint64_t waiting; /* read by other threads (atomic) */
  uint64_t lost;
};

/* Bytes of address space for `calls_max` calls: twice what their records need. */
size_t record_shelf_memory_bytes(uint32_t calls_max);

/* `memory` is zero-filled; NULL as `sink`: records are thrown away. */
void record_shelf_init(struct record_shelf *shelf, void *memory, uint32_t calls_max,
                       enum result (*sink)(void *context, struct str_view record), void *sink_context);

/* Hands `record` to the sink, or keeps it. RESULT_FULL: neither was possible, it is lost and counted. */
enum result record_shelf_put(struct record_shelf *shelf, struct str_view record);

/* Offers what waits again, oldest first, until the sink refuses. */
void record_shelf_offer(struct record_shelf *shelf);

/* True when half of the room is used: no new call may begin (context.records_crowded), so that those open keep room for
 * their records. */
bool record_shelf_is_crowded(const struct record_shelf *shelf);

#endif
