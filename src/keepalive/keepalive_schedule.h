/* Whose turn is it? A carousel for each period in use: every device has a fixed seat on it, it turns once a period, and
 * whoever passes the hand gets a keep-alive. So next = previous due + period without any arithmetic, a device costs
 * twelve bytes and no timer, and a new period is only another speed: nobody is moved, nothing comes in a burst, and
 * nobody waits longer than the longer of the two periods (docs/decisions/keep-alive.md).
 *
 *   slots:   0 ─ 1 ─ 2 ─ … ─ 4095 ─ back to 0            one turn = one period
 *                │   └ hand: everything due by now is handed out in order, as far as the batch allows
 *                └ ring of seats
 *
 * The seat comes from the caller's hash, and a carousel stands by the wall clock (turns begin at whole multiples of the
 * period since 1970): after a restart every device is due when it would have been due anyhow.
 *
 * The batch clock is one for all workers: at every multiple of the interval the whole switch may send so many, and each
 * worker takes its share of them, to the last one fairly (1 keep-alive a batch and 3 workers: each sends in every third
 * batch). What a batch does not take is late, and comes first in the next. */
#ifndef KEEPALIVE_KEEPALIVE_SCHEDULE_H
#define KEEPALIVE_KEEPALIVE_SCHEDULE_H

#include <stdbool.h>

#include "base/pool.h"
#include "boundary/context.h"

#define KEEPALIVE_SLOTS 4096
#define KEEPALIVE_PACES 31 /* carousels; number 0 turns once in SS_SIP_NAT_KEEP_ALIVE_PERIOD */
#define KEEPALIVE_NONE  UINT32_MAX

/* The first member of whatever is scheduled; zero-filled: not seated. */
struct keepalive_seat {
  uint32_t next, previous; /* around the slot: indices into the pool */
  uint16_t slot;
  uint8_t pace; /* 1 + number of the carousel; 0: not seated */
};

struct keepalive_pace {
  uint32_t *first; /* of each slot; KEEPALIVE_NONE: empty */
  uint32_t period_ms;
  uint32_t turn_ms; /* of the turn that runs: a little shorter while it draws near to the wall clock's grid */
  struct mono_ms turn_began;
  uint32_t entered;    /* slots that the hand has entered in this turn */
  uint32_t at_hand;    /* who is next in the slot entered last; KEEPALIVE_NONE: that slot is done */
  uint32_t seat_count; /* 0: the carousel stands still, and another period may have it (but number 0) */
};

struct keepalive_schedule {
  struct pool *pool; /* of structs that begin with a seat */
  struct keepalive_pace paces[KEEPALIVE_PACES];
  uint32_t seat_count;
  uint32_t batch_left;
  struct mono_ms batch_began; /* on the grid of the interval */
  uint64_t turns_skipped;     /* rounds that could not be kept, by whole periods */
};

size_t keepalive_schedule_memory_bytes(void);

/* `memory` (zero-filled) and `pool` are borrowed for the schedule's life. Nothing is seated yet. */
void keepalive_schedule_init(struct keepalive_schedule *schedule, void *memory, struct pool *pool);

/* Seats the object at `index`. `hash`: the same for the same device, also after a restart. `own_period_ms` 0: the
 * parameter's; else the carousel of that period, or, when there are too many different periods, of the next shorter
 * one. The first due time comes within one period. */
void keepalive_schedule_seat(struct keepalive_schedule *schedule, const struct context *context, uint32_t index,
                             uint64_t hash, uint32_t own_period_ms);

/* Off the carousel, at once. Nothing happens when it is not seated. */
void keepalive_schedule_leave(struct keepalive_schedule *schedule, uint32_t index);

/* Makes the parameter's carousel turn at its new period from now on, each device as far from its due time, in parts of
 * the period, as before. */
void keepalive_schedule_take_period(struct keepalive_schedule *schedule, const struct context *context);

/* Begins the batch of this point of the interval's grid with this worker's share of it; what was left of the one before
 * is forfeited. False when that batch has begun already. */
bool keepalive_schedule_begin_batch(struct keepalive_schedule *schedule, const struct context *context);

/* The next one that is due, the latest first, and off its carousel's hand until the next turn; KEEPALIVE_NONE when
 * nobody is due or the batch is used up. keepalive_schedule_spend takes one from the batch: those for whom there is
 * nothing to send cost none. */
uint32_t keepalive_schedule_next(struct keepalive_schedule *schedule, const struct context *context);
void keepalive_schedule_spend(struct keepalive_schedule *schedule);

/* When the next batch begins. */
struct mono_ms keepalive_schedule_next_batch(const struct keepalive_schedule *schedule, const struct context *context);

/* When the seat is due next, at the pace of now; in the past for one that is late. */
struct mono_ms keepalive_schedule_due(const struct keepalive_schedule *schedule, const struct keepalive_seat *seat);

/* The period of a seat, which is how its device is counted. */
uint32_t keepalive_schedule_period_ms(const struct keepalive_schedule *schedule, const struct keepalive_seat *seat);

/* How late the one is who is next; 0 when nobody waits. */
int64_t keepalive_schedule_lag_ms(const struct keepalive_schedule *schedule, const struct context *context);

/* Rings, counts and the hand agree; for tests and the simulator. False with a sentence in `*problem`. */
bool keepalive_schedule_check(const struct keepalive_schedule *schedule, struct text_builder *problem);

#endif
