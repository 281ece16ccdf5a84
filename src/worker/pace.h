/* How often a worker wakes. To wake for each message alone costs about as much as to handle it, so a worker to which
 * messages come thick and fast, few at a time, rests between two rounds, as a network card holds its interrupts back,
 * and takes what has come meanwhile in one batch. One that has little to do answers at once, and one that has much to
 * do does not rest. */
#ifndef WORKER_PACE_H
#define WORKER_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_REST_US        2000 /* from the beginning of one round to that of the next */
#define PACE_WINDOW_MS      100
#define PACE_DENSE_MESSAGES 200 /* in a window: with more, a rest brings two or more together */
#define PACE_BATCH_GOOD     32  /* messages: a round that brings so many is worth its waking */

struct pace {
  int64_t round_ns;        /* when the last round in which something came began */
  uint32_t round_messages; /* that came in it */
  int64_t window;
  uint32_t messages, messages_before; /* of this window, of the one before */
};

/* A round in which something came begins. `now_ns` is the kernel's monotonic clock. */
void pace_note_round(struct pace *pace, int64_t now_ns);

/* So many messages more in this round. */
static inline void pace_note_messages(struct pace *pace, unsigned count) {
  pace->round_messages += count;
  pace->messages += count;
}

/* Until when the worker had better rest at `now_ns`; 0: not at all. */
int64_t pace_rest_until_ns(const struct pace *pace, int64_t now_ns);

#endif
