/* A bounded queue of records of varying length between threads: many producers, one consumer, no locks. Memory is
 * handed in once. Full is an answer, never a wait.
 *
 *   memory:  … [u64 header][payload, rounded up to 8] [u64 header][payload] … [u64 header of padding] to the end of
 * memory
 *
 * A producer takes room by moving `reserved`, copies, and then writes the header, which makes the record visible. The
 * consumer clears what it has read before it moves `consumed`, so that a header not yet written always reads as 0. A
 * producer that is interrupted between the two holds back what was pushed after it, not the pushing itself. */
#ifndef BASE_RING_QUEUE_H
#define BASE_RING_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

struct ring_queue {
  char *memory;
  size_t capacity;                /* bytes, a power of two */
  _Alignas(64) uint64_t reserved; /* producers take room here (atomic) */
  _Alignas(64) uint64_t consumed; /* the consumer has read up to here (atomic) */
};

/* `memory` is zero-filled and aligned to 8, `capacity` a power of two of at least 4096; borrowed for the queue's life.
 */
void ring_queue_init(struct ring_queue *queue, void *memory, size_t capacity);

/* Appends the `first_length` bytes at `first` and then the `second_length` bytes at `second` as one record (a header
 * and a payload, either may be empty). Any thread. RESULT_FULL when there is no room, RESULT_OUT_OF_RANGE when the
 * record is larger than a quarter of the capacity. */
enum result ring_queue_push(struct ring_queue *queue, const void *first, size_t first_length, const void *second,
                            size_t second_length) MUST_USE;

/* The oldest record, contiguous and aligned to 8, valid until ring_queue_pop; NULL when there is none. Consumer only.
 */
const void *ring_queue_peek(struct ring_queue *queue, size_t *length_out);

/* Forgets the record that ring_queue_peek returned. Consumer only. */
void ring_queue_pop(struct ring_queue *queue);

#endif
