/* What is to happen, in the order of virtual time; of two events at one time the one scheduled first comes first. */
#ifndef SIM_EVENT_QUEUE_H
#define SIM_EVENT_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct world;

struct sim_event {
  int64_t at_us;
  uint64_t order;
  void (*happen)(struct world *world, void *subject, void *detail); /* NULL: cancelled */
  void *subject, *detail;
};

struct event_queue {
  struct sim_event **heap;
  size_t count, capacity;
  uint64_t next_order;
};

/* `event` stays the caller's and must live until it is taken. */
void event_queue_put(struct event_queue *queue, struct sim_event *event);

/* The earliest event, cancelled ones skipped; NULL when there is none. */
struct sim_event *event_queue_first(struct event_queue *queue);
struct sim_event *event_queue_take(struct event_queue *queue);

void event_queue_reset(struct event_queue *queue);

#endif
