/* A timer stands on the level of the highest digit in which its due tick differs from the wheel's tick, in the slot of
 * that digit:
 *
 *   tick bits   55 … 32 | 31 … 26 | 25 … 20 | 19 … 14 | 13 … 8 | 7 … 0
 *   level          –         4         3         2         1       0
 *
 * So on every level only slots after the wheel's own digit are occupied, the lowest occupied level holds the next thing
 * to do, and its first occupied slot is found in a word of bits. When the wheel's tick enters a slot of an upper level,
 * the slot's timers are placed anew and land further down. Only the top level turns round: its slots stand for the next
 * 64 values of bits 26 and up, and what is due later still waits in the last of them and is placed anew there. */
#include "base/timer_wheel.h"

#define FIRST_BITS 8
#define UPPER_BITS 6
#define TICK_MAX   ((UINT64_C(1) << 56) - 1)
#define NO_TICK    UINT64_MAX

_Static_assert(TIMER_WHEEL_FIRST_SLOTS == 1 << FIRST_BITS && TIMER_WHEEL_SLOTS == 1 << UPPER_BITS, "digits fit slots");

static unsigned upper_shift(unsigned level) {
  return FIRST_BITS + level * UPPER_BITS;
}

static uint64_t tick_at_or_before(struct mono_ms time) {
  if (time.value <= 0) return 0;
  uint64_t tick = (uint64_t)time.value / TIMER_WHEEL_TICK_MS;
  return tick < TICK_MAX ? tick : TICK_MAX;
}

static uint64_t tick_at_or_after(struct mono_ms time) {
  if (time.value <= 0) return 0;
  uint64_t tick = ((uint64_t)time.value + TIMER_WHEEL_TICK_MS - 1) / TIMER_WHEEL_TICK_MS;
  return tick < TICK_MAX ? tick : TICK_MAX;
}

void timer_wheel_init(struct timer_wheel *wheel, struct mono_ms now) {
  *wheel = (struct timer_wheel){.tick = tick_at_or_before(now)};
  wheel->due_tail = &wheel->due;
  wheel->late_tail = &wheel->late;
}

static void insert_at(struct timer **link, struct timer *timer) {
  timer->next = *link;
  timer->link = link;
  if (timer->next) timer->next->link = &timer->next;
  *link = timer;
}

static void append_to(struct timer ***tail, struct timer *timer) {
  insert_at(*tail, timer);
  *tail = &timer->next;
}

/* Slots are filled at their head: the newest timer is the first. `timer->due_tick` is after the wheel's. */
static void place_in_slot(struct timer_wheel *wheel, struct timer *timer) {
  uint64_t due = timer->due_tick, differs = due ^ wheel->tick;
  if (differs < TIMER_WHEEL_FIRST_SLOTS) {
    unsigned slot = (unsigned)(due % TIMER_WHEEL_FIRST_SLOTS);
    wheel->first_occupied[slot / 64] |= UINT64_C(1) << (slot % 64);
    insert_at(&wheel->first[slot], timer);
    return;
  }
  unsigned level = 0;
  while (level < TIMER_WHEEL_UPPER_LEVELS - 1 && differs >> upper_shift(level + 1))
    level++;
  unsigned slot = (unsigned)((due >> upper_shift(level)) % TIMER_WHEEL_SLOTS);
  wheel->upper_occupied[level] |= UINT64_C(1) << slot;
  insert_at(&wheel->upper[level][slot], timer);
}

void timer_wheel_arm(struct timer_wheel *wheel, struct timer *timer, uint8_t kind, struct mono_ms due) {
  timer_wheel_cancel(wheel, timer);
  uint64_t due_tick = tick_at_or_after(due);
  timer->kind = kind;
  wheel->armed_count++;
  if (due_tick > wheel->tick) {
    timer->due_tick = due_tick & TICK_MAX;
    place_in_slot(wheel, timer);
  } else {
    timer->due_tick = wheel->tick & TICK_MAX;
    append_to(&wheel->late_tail, timer);
  }
}

/* Clears the slot's bit when `link` is the head of a slot, and empty. */
static void note_if_slot_is_empty(struct timer_wheel *wheel, struct timer *const *link) {
  if (*link) return;
  size_t first = ((uintptr_t)link - (uintptr_t)wheel->first) / sizeof *link;
  size_t upper = ((uintptr_t)link - (uintptr_t)wheel->upper) / sizeof *link;
  if (first < TIMER_WHEEL_FIRST_SLOTS)
    wheel->first_occupied[first / 64] &= ~(UINT64_C(1) << (first % 64));
  else if (upper < TIMER_WHEEL_UPPER_LEVELS * TIMER_WHEEL_SLOTS)
    wheel->upper_occupied[upper / TIMER_WHEEL_SLOTS] &= ~(UINT64_C(1) << (upper % TIMER_WHEEL_SLOTS));
}

void timer_wheel_cancel(struct timer_wheel *wheel, struct timer *timer) {
  struct timer **link = timer->link;
  if (!link) return;
  *link = timer->next;
  if (timer->next) timer->next->link = link;
  if (wheel->due_tail == &timer->next) wheel->due_tail = link;
  if (wheel->late_tail == &timer->next) wheel->late_tail = link;
  note_if_slot_is_empty(wheel, link);
  timer->next = NULL;
  timer->link = NULL;
  wheel->armed_count--;
}

/* What the wheel comes to next: the tick of a slot of level 0, or the tick at which a slot of an upper level begins. */
struct stop {
  uint64_t tick; /* NO_TICK: all slots are empty */
  bool is_upper;
  unsigned level, slot; /* indices of `upper`, or `slot` alone that of `first` */
};

static bool first_level_stop(const struct timer_wheel *wheel, struct stop *stop) {
  unsigned digit = (unsigned)(wheel->tick % TIMER_WHEEL_FIRST_SLOTS), after = digit + 1;
  for (unsigned word = after / 64; word < TIMER_WHEEL_FIRST_SLOTS / 64; word++, after = word * 64) {
    uint64_t bits = wheel->first_occupied[word] & UINT64_MAX << (after % 64);
    if (!bits) continue;
    stop->slot = word * 64 + (unsigned)__builtin_ctzll(bits);
    stop->tick = wheel->tick - digit + stop->slot;
    return true;
  }
  return false;
}

static struct stop next_stop(const struct timer_wheel *wheel) {
  struct stop stop = {.tick = NO_TICK};
  if (first_level_stop(wheel, &stop)) return stop;
  for (unsigned level = 0; level < TIMER_WHEEL_UPPER_LEVELS; level++) {
    uint64_t occupied = wheel->upper_occupied[level];
    if (!occupied) continue;
    /* Turned so that bit 0 stands for the slot after the wheel's own; only the top level has slots beyond the turn. */
    uint64_t digits = (wheel->tick >> upper_shift(level)) + 1;
    unsigned turn = (unsigned)(digits % TIMER_WHEEL_SLOTS);
    if (turn) occupied = occupied >> turn | occupied << (64 - turn);
    digits += (unsigned)__builtin_ctzll(occupied);
    return (struct stop){digits << upper_shift(level), true, level, (unsigned)(digits % TIMER_WHEEL_SLOTS)};
  }
  return stop;
}

/* Moves a whole slot to the end of `due`, oldest timer first. */
static void expire_slot(struct timer_wheel *wheel, struct timer **slot) {
  struct timer **place = wheel->due_tail;
  struct timer *newest = *slot;
  for (struct timer *timer = newest, *next; timer; timer = next) {
    next = timer->next;
    insert_at(place, timer);
  }
  if (newest) wheel->due_tail = &newest->next;
  *slot = NULL;
  note_if_slot_is_empty(wheel, slot);
}

/* Places the timers of an upper slot anew, the oldest first, so that the order of arming is kept further down. */
static void cascade_slot(struct timer_wheel *wheel, struct timer **slot) {
  struct timer *oldest_first = NULL;
  for (struct timer *timer = *slot, *next; timer; timer = next) {
    next = timer->next;
    timer->next = oldest_first;
    oldest_first = timer;
  }
  *slot = NULL;
  note_if_slot_is_empty(wheel, slot);
  for (struct timer *timer = oldest_first, *next; timer; timer = next) {
    next = timer->next;
    if (timer->due_tick <= wheel->tick)
      append_to(&wheel->due_tail, timer);
    else
      place_in_slot(wheel, timer);
  }
}

static void expire_late(struct timer_wheel *wheel) {
  if (!wheel->late) return;
  *wheel->due_tail = wheel->late;
  wheel->late->link = wheel->due_tail;
  wheel->due_tail = wheel->late_tail;
  wheel->late = NULL;
  wheel->late_tail = &wheel->late;
}

void timer_wheel_advance(struct timer_wheel *wheel, struct mono_ms now) {
  uint64_t target = tick_at_or_before(now);
  expire_late(wheel);
  while (wheel->tick < target) {
    struct stop stop = next_stop(wheel);
    if (stop.tick > target) {
      wheel->tick = target;
      return;
    }
    wheel->tick = stop.tick;
    if (stop.is_upper)
      cascade_slot(wheel, &wheel->upper[stop.level][stop.slot]);
    else
      expire_slot(wheel, &wheel->first[stop.slot]);
  }
}

struct timer *timer_wheel_next_due(struct timer_wheel *wheel) {
  struct timer *timer = wheel->due;
  if (timer) timer_wheel_cancel(wheel, timer);
  return timer;
}

struct mono_ms timer_wheel_next_wake(const struct timer_wheel *wheel) {
  if (wheel->armed_count == 0) return (struct mono_ms){INT64_MAX};
  if (wheel->due || wheel->late) return (struct mono_ms){(int64_t)(wheel->tick * TIMER_WHEEL_TICK_MS)};
  return (struct mono_ms){(int64_t)(next_stop(wheel).tick * TIMER_WHEEL_TICK_MS)};
}
