#include "sim/event_queue.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_before(const struct sim_event *a, const struct sim_event *b) {
  return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void grow(struct event_queue *queue) {
  queue->capacity = queue->capacity ? 2 * queue->capacity : 256;
  queue->heap = realloc(queue->heap, queue->capacity * sizeof *queue->heap);
  if (!queue->heap) {
    fputs("the simulator is out of memory\n", stderr);
    exit(2);
  }
}

void event_queue_put(struct event_queue *queue, struct sim_event *event) {
  if (queue->count == queue->capacity) grow(queue);
  event->order = queue->next_order++;
  size_t at = queue->count++;
  while (at > 0 && is_before(event, queue->heap[(at - 1) / 2])) {
    queue->heap[at] = queue->heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  queue->heap[at] = event;
}

static struct sim_event *take_any(struct event_queue *queue) {
  struct sim_event *first = queue->heap[0], *last = queue->heap[--queue->count];
  size_t at = 0;
  while (2 * at + 1 < queue->count) {
    size_t child = 2 * at + 1;
    if (child + 1 < queue->count && is_before(queue->heap[child + 1], queue->heap[child])) child++;
    if (!is_before(queue->heap[child], last)) break;
    queue->heap[at] = queue->heap[child];
    at = child;
  }
  if (queue->count > 0) queue->heap[at] = last;
  return first;
}

struct sim_event *event_queue_first(struct event_queue *queue) {
  while (queue->count > 0 && !queue->heap[0]->happen)
    take_any(queue);
  return queue->count > 0 ? queue->heap[0] : NULL;
}

struct sim_event *event_queue_take(struct event_queue *queue) {
  return event_queue_first(queue) ? take_any(queue) : NULL;
}

void event_queue_reset(struct event_queue *queue) {
  free(queue->heap);
  *queue = (struct event_queue){0};
}
