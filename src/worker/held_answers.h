/* Datagrams and messages that wait until the journal has what they tell: in order, for a bounded time. */
#ifndef WORKER_HELD_ANSWERS_H
#define WORKER_HELD_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/ring_queue.h"
#include "base/str_view.h"
#include "base/time.h"
#include "boundary/address.h"

#define HELD_ANSWERS_BYTES ((size_t)4 << 20)

struct held_answer {
  uint64_t ticket;           /* of the journal */
  struct mono_ms held_until; /* then it goes in any case, or waits on; the kernel's own time */
  struct mono_ms waits_on_until;
  int64_t held_at_ns; /* the same clock */
  struct flow flow;
  uint32_t length;
};

struct held_answers {
  struct ring_queue queue;
  uint32_t waiting; /* atomic: the journal's thread looks whether anybody waits */
};

/* `memory` of HELD_ANSWERS_BYTES, zero-filled. */
void held_answers_init(struct held_answers *held, void *memory);

/* Copies the bytes. RESULT_FULL: there is no room, it goes at once. */
enum result held_answers_put(struct held_answers *held, const struct held_answer *answer,
                             struct str_view bytes) MUST_USE;

/* The one that has waited longest, and its bytes; NULL: there is none. */
const struct held_answer *held_answers_first(struct held_answers *held, struct str_view *bytes_out);
void held_answers_drop(struct held_answers *held);

static inline bool held_answers_wait(const struct held_answers *held) {
  return __atomic_load_n(&held->waiting, __ATOMIC_RELAXED) > 0;
}

#endif
