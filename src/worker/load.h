/* Is the worker keeping up? It is not when timers are handled late for a while, when its queues fill, or when a queue
 * stands: for a while all that comes has had to wait. (How long it is says less: a long
 * one that is worked off is the machine's stumble, as one late round is, and over before a refusal would help. One that
 * stands for as long as T1 has everybody send everything twice. And one that is never empty but short is a busy worker
 * whose peers send the next as soon as they have their answer: nobody waits, and nobody is helped by a refusal.) When
 * it does not keep up, new calls and registrations are refused before anything is spent on them, so that what has begun
 * can be finished. */
#ifndef WORKER_LOAD_H
#define WORKER_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

#define LOAD_LAG_MARK_MS        250
#define LOAD_LAG_FOR_MS         200 /* so long the lag must have been past its mark, seen at least twice */
#define LOAD_WAIT_MARK_MS       10  /* a datagram that has waited for less has not waited; a busy worker rests for 2 */
#define LOAD_STANDING_FOR_MS    100
#define LOAD_STANDING_CALM_MS   20
#define LOAD_FILL_MARK_PERMILLE 600
#define LOAD_FILL_CALM_MS       100 /* a queue that is as full again is seen sooner; a full one is worked off in less */
#define LOAD_CALM_MS            500 /* so long no mark may have been passed before the worker counts as calm again */

struct load {
  struct mono_ms over_until;
  struct mono_ms late_since, late_last; /* first and last time of the present lateness */
  struct mono_ms standing_since;        /* 0: nothing had to wait in the latest round */
  struct mono_ms window_end;
  uint32_t lag_ms_max;      /* of this second (atomic) */
  uint32_t lag_ms_max_last; /* of the second before (atomic) */
};

/* Times are the kernel's (worker_clock_real_now), not the switch's. */
void load_note_lag(struct load *load, struct mono_ms now, int64_t lag_ms);
void load_note_fill(struct load *load, struct mono_ms now, uint32_t fill_permille);

/* After each round: whether what it has taken had waited, and more may wait. */
void load_note_queue(struct load *load, struct mono_ms now, bool stands);

static inline bool load_is_over(const struct load *load, struct mono_ms now) {
  return mono_ms_before(now, load->over_until);
}

/* The worst lag of the last one to two seconds. Any thread. */
uint32_t load_lag_ms_max(const struct load *load);

#endif
