#include "keepalive/keepalive_schedule.h"

#include "base/check.h"
#include "parameters/parameters.h"

/* A carousel is brought to the wall clock's grid by turns that are shorter by at most this part of the period, once it
 * is off by more than the other part. Never by longer ones: bindings of NATs are waiting. */
#define TURN_CUT_PART     6
#define GRID_IS_NEAR_PART 50

/* It starts that part of a period behind the grid, at most: whoever was due while the switch was down, or would have
 * been in the next batch when it stopped, is not passed over for a whole turn, and nobody comes in a burst. */
#define START_BEHIND_PART 6
#define DOWN_PART         20 /* of a period: so long a stop is reckoned with, whatever else */

/* With what a batch and the grid's width may add, nobody waits for longer than a period and that part of it. */
#define LONGER_BY_PART 5

size_t keepalive_schedule_memory_bytes(void) {
  return sizeof(uint32_t) * KEEPALIVE_SLOTS * KEEPALIVE_PACES;
}

void keepalive_schedule_init(struct keepalive_schedule *schedule, void *memory, struct pool *pool) {
  uint32_t *first = memory;
  *schedule = (struct keepalive_schedule){.pool = pool, .batch_began = {-1}};
  for (unsigned i = 0; i < KEEPALIVE_PACES; i++)
    schedule->paces[i].first = first + (size_t)i * KEEPALIVE_SLOTS;
}

static struct keepalive_seat *seat_at(const struct keepalive_schedule *schedule, uint32_t index) {
  return pool_at(schedule->pool, index);
}

/* --- one carousel ------------------------------------------------------------------------------------------------ */

static uint32_t least(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

/* When the slot of this number is due in the turn that runs. */
static struct mono_ms slot_due(const struct keepalive_pace *pace, uint32_t slot) {
  return mono_ms_add(pace->turn_began, (int64_t)slot * pace->turn_ms / KEEPALIVE_SLOTS);
}

/* How far the wall clock is past a multiple of the period at `then`. */
static uint32_t past_grid_ms(const struct keepalive_pace *pace, const struct context *context, struct mono_ms then) {
  int64_t wall_ms = context->wall_now.value / 1000 - mono_ms_since(context->now, then);
  int64_t past_ms = wall_ms % pace->period_ms;
  return (uint32_t)(past_ms < 0 ? past_ms + pace->period_ms : past_ms);
}

/* Slots whose due time is not after now. */
static uint32_t slots_due(const struct keepalive_pace *pace, struct mono_ms now) {
  int64_t since_ms = mono_ms_since(now, pace->turn_began);
  if (since_ms < 0) return 0;
  if (since_ms >= pace->turn_ms) return KEEPALIVE_SLOTS;
  return (uint32_t)(((since_ms + 1) * KEEPALIVE_SLOTS - 1) / pace->turn_ms) + 1;
}

static uint32_t start_behind_ms(const struct context *context, uint32_t period_ms) {
  uint32_t interval_ms = context->parameters->SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL;
  uint32_t added_ms = interval_ms + period_ms / GRID_IS_NEAR_PART, most_ms = period_ms / LONGER_BY_PART;
  uint32_t behind_ms = most_ms > added_ms ? most_ms - added_ms : 0, least_ms = interval_ms + period_ms / DOWN_PART;
  return least(behind_ms > least_ms ? behind_ms : least_ms, period_ms / START_BEHIND_PART);
}

static void pace_start(struct keepalive_pace *pace, const struct context *context, uint32_t period_ms) {
  for (uint32_t i = 0; i < KEEPALIVE_SLOTS; i++)
    pace->first[i] = KEEPALIVE_NONE;
  pace->period_ms = pace->turn_ms = period_ms;
  uint32_t past_ms = past_grid_ms(pace, context, context->now);
  past_ms = (past_ms + period_ms - start_behind_ms(context, period_ms)) % period_ms;
  pace->turn_began = mono_ms_add(context->now, -(int64_t)past_ms);
  pace->entered = slots_due(pace, context->now);
  pace->at_hand = KEEPALIVE_NONE;
}

/* What a turn has left when everybody has got one at the full rate: shorter than that it cannot become. */
static uint32_t spare_ms(const struct keepalive_schedule *schedule, const struct context *context, uint32_t period_ms) {
  const struct parameters *parameters = context->parameters;
  uint64_t needed_ms = (uint64_t)schedule->seat_count * context->local->worker_count *
                       parameters->SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL /
                       parameters->SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME;
  return needed_ms < period_ms ? period_ms - (uint32_t)needed_ms : 0;
}

static void begin_turn(const struct keepalive_schedule *schedule, struct keepalive_pace *pace,
                       const struct context *context) {
  uint32_t period_ms = pace->period_ms;
  pace->turn_began = mono_ms_add(pace->turn_began, pace->turn_ms);
  pace->turn_ms = period_ms;
  pace->entered = 0;
  uint32_t past_ms = past_grid_ms(pace, context, pace->turn_began), near_ms = period_ms / GRID_IS_NEAR_PART;
  if (past_ms <= near_ms || past_ms >= period_ms - near_ms) return;
  uint32_t cut_ms = least(period_ms / TURN_CUT_PART, spare_ms(schedule, context, period_ms));
  pace->turn_ms -= least(past_ms, cut_ms);
}

/* Moves the hand on until it is at somebody who is due; false when there is nobody. */
static bool bring_to_hand(const struct keepalive_schedule *schedule, struct keepalive_pace *pace,
                          const struct context *context) {
  while (pace->at_hand == KEEPALIVE_NONE) {
    bool turn_is_over = pace->entered == KEEPALIVE_SLOTS;
    if (mono_ms_before(context->now, slot_due(pace, pace->entered))) return false;
    if (turn_is_over) {
      begin_turn(schedule, pace, context);
      continue;
    }
    pace->at_hand = pace->first[pace->entered++];
  }
  return true;
}

/* Of the one at hand. */
static int64_t lag_of_hand_ms(const struct keepalive_pace *pace, struct mono_ms now) {
  return mono_ms_since(now, slot_due(pace, pace->entered - 1));
}

/* Who would be due a second time before his first is not sent twice: the round is lost, the order stays. */
static void skip_lost_turns(struct keepalive_schedule *schedule, struct keepalive_pace *pace, struct mono_ms now) {
  int64_t turns = lag_of_hand_ms(pace, now) / pace->turn_ms;
  if (turns <= 0) return;
  pace->turn_began = mono_ms_add(pace->turn_began, turns * pace->turn_ms);
  schedule->turns_skipped += (uint64_t)turns;
}

static void step_over(const struct keepalive_schedule *schedule, struct keepalive_pace *pace, uint32_t index) {
  const struct keepalive_seat *seat = seat_at(schedule, index);
  uint32_t first = pace->first[seat->slot];
  pace->at_hand = seat->next == first ? KEEPALIVE_NONE : seat->next;
  /* Nobody has looked at the next one for a period: it is fetched while this one gets its keep-alive. */
  uint32_t next = pace->at_hand;
  if (next == KEEPALIVE_NONE && pace->entered < KEEPALIVE_SLOTS) next = pace->first[pace->entered];
  if (next != KEEPALIVE_NONE) pool_fetch(schedule->pool, next);
}

/* --- seats ------------------------------------------------------------------------------------------------------- */

static uint32_t parameter_period_ms(const struct context *context) {
  return context->parameters->SS_SIP_NAT_KEEP_ALIVE_PERIOD * 1000;
}

/* That of the period itself, then one that stands still, then the slowest of the faster ones, then the fastest. */
static struct keepalive_pace *pace_for(struct keepalive_schedule *schedule, const struct context *context,
                                       uint32_t period_ms) {
  struct keepalive_pace *still = NULL, *best = NULL;
  for (unsigned i = 0; i < KEEPALIVE_PACES; i++) {
    struct keepalive_pace *pace = &schedule->paces[i];
    if (pace->seat_count == 0) {
      if (i > 0 && !still) still = pace;
      continue;
    }
    if (i > 0 && pace->period_ms == period_ms) return pace;
    bool is_faster = pace->period_ms <= period_ms, best_is_faster = best && best->period_ms <= period_ms;
    bool is_better = is_faster ? !best_is_faster || pace->period_ms > best->period_ms
                               : !best_is_faster && best && pace->period_ms < best->period_ms;
    if (!best || is_better) best = pace;
  }
  if (!still) return best;
  pace_start(still, context, period_ms);
  return still;
}

static struct keepalive_pace *parameter_pace(struct keepalive_schedule *schedule, const struct context *context) {
  struct keepalive_pace *pace = &schedule->paces[0];
  if (pace->seat_count == 0) pace_start(pace, context, parameter_period_ms(context));
  return pace;
}

void keepalive_schedule_seat(struct keepalive_schedule *schedule, const struct context *context, uint32_t index,
                             uint64_t hash, uint32_t own_period_ms) {
  struct keepalive_seat *seat = seat_at(schedule, index);
  keepalive_schedule_leave(schedule, index);
  struct keepalive_pace *pace =
      own_period_ms ? pace_for(schedule, context, own_period_ms) : parameter_pace(schedule, context);
  seat->pace = (uint8_t)(1 + (pace - schedule->paces));
  seat->slot = (uint16_t)((hash >> 32) % KEEPALIVE_SLOTS);
  pace->seat_count++;
  schedule->seat_count++;
  uint32_t *first = &pace->first[seat->slot];
  if (*first == KEEPALIVE_NONE) {
    *first = seat->next = seat->previous = index;
    return;
  }
  struct keepalive_seat *first_seat = seat_at(schedule, *first);
  seat->next = *first;
  seat->previous = first_seat->previous;
  seat_at(schedule, seat->previous)->next = index;
  first_seat->previous = index;
}

void keepalive_schedule_leave(struct keepalive_schedule *schedule, uint32_t index) {
  struct keepalive_seat *seat = seat_at(schedule, index);
  if (seat->pace == 0) return;
  struct keepalive_pace *pace = &schedule->paces[seat->pace - 1];
  if (pace->at_hand == index) step_over(schedule, pace, index);
  uint32_t *first = &pace->first[seat->slot];
  if (*first == index) *first = seat->next == index ? KEEPALIVE_NONE : seat->next;
  seat_at(schedule, seat->previous)->next = seat->next;
  seat_at(schedule, seat->next)->previous = seat->previous;
  pace->seat_count--;
  schedule->seat_count--;
  *seat = (struct keepalive_seat){0};
}

void keepalive_schedule_take_period(struct keepalive_schedule *schedule, const struct context *context) {
  struct keepalive_pace *pace = &schedule->paces[0];
  uint32_t period_ms = parameter_period_ms(context);
  if (pace->seat_count == 0 || pace->period_ms == period_ms) return;
  int64_t since_ms = mono_ms_since(context->now, pace->turn_began);
  pace->turn_began = mono_ms_add(context->now, -(since_ms * period_ms / pace->turn_ms));
  pace->period_ms = pace->turn_ms = period_ms;
}

/* --- batches ----------------------------------------------------------------------------------------------------- */

/* How many of the first `count` keep-alives of the whole switch, dealt out like cards, are this worker's. */
static uint64_t share_of(const struct local_identity *local, uint64_t count) {
  return (count + local->worker_count - 1U - local->worker) / local->worker_count;
}

bool keepalive_schedule_begin_batch(struct keepalive_schedule *schedule, const struct context *context) {
  const struct parameters *parameters = context->parameters;
  int64_t interval_ms = parameters->SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL, number = context->now.value / interval_ms;
  struct mono_ms began = {number * interval_ms};
  if (schedule->batch_began.value < 0 && began.value < context->now.value) schedule->batch_began = began;
  if (schedule->batch_began.value >= 0 && mono_ms_since(began, schedule->batch_began) < interval_ms) return false;
  uint64_t first = (uint64_t)number * parameters->SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME;
  uint64_t last = first + parameters->SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME;
  schedule->batch_left = (uint32_t)(share_of(context->local, last) - share_of(context->local, first));
  schedule->batch_began = began;
  return true;
}

uint32_t keepalive_schedule_next(struct keepalive_schedule *schedule, const struct context *context) {
  struct keepalive_pace *latest = NULL;
  int64_t most_ms = 0;
  for (unsigned i = 0; i < KEEPALIVE_PACES; i++) {
    struct keepalive_pace *pace = &schedule->paces[i];
    if (pace->seat_count == 0 || !bring_to_hand(schedule, pace, context)) continue;
    skip_lost_turns(schedule, pace, context->now);
    int64_t lag_ms = lag_of_hand_ms(pace, context->now);
    if (latest && lag_ms <= most_ms) continue;
    latest = pace;
    most_ms = lag_ms;
  }
  if (!latest || schedule->batch_left == 0) return KEEPALIVE_NONE;
  uint32_t index = latest->at_hand;
  step_over(schedule, latest, index);
  return index;
}

void keepalive_schedule_spend(struct keepalive_schedule *schedule) {
  if (schedule->batch_left > 0) schedule->batch_left--;
}

struct mono_ms keepalive_schedule_next_batch(const struct keepalive_schedule *schedule, const struct context *context) {
  int64_t interval_ms = context->parameters->SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL;
  int64_t next_ms = (context->now.value / interval_ms + 1) * interval_ms;
  if (schedule->batch_began.value >= 0 && next_ms - schedule->batch_began.value < interval_ms) next_ms += interval_ms;
  return (struct mono_ms){next_ms};
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

struct mono_ms keepalive_schedule_due(const struct keepalive_schedule *schedule, const struct keepalive_seat *seat) {
  require(seat->pace > 0);
  const struct keepalive_pace *pace = &schedule->paces[seat->pace - 1];
  struct mono_ms due = slot_due(pace, seat->slot);
  bool is_before_hand = seat->slot < pace->entered;
  bool waits_in_slot = is_before_hand && seat->slot + 1U == pace->entered && pace->at_hand != KEEPALIVE_NONE;
  return is_before_hand && !waits_in_slot ? mono_ms_add(due, pace->turn_ms) : due;
}

uint32_t keepalive_schedule_period_ms(const struct keepalive_schedule *schedule, const struct keepalive_seat *seat) {
  return seat->pace ? schedule->paces[seat->pace - 1].period_ms : 0;
}

int64_t keepalive_schedule_lag_ms(const struct keepalive_schedule *schedule, const struct context *context) {
  int64_t most_ms = 0;
  for (unsigned i = 0; i < KEEPALIVE_PACES; i++) {
    const struct keepalive_pace *pace = &schedule->paces[i];
    if (pace->seat_count == 0 || pace->at_hand == KEEPALIVE_NONE) continue;
    int64_t lag_ms = lag_of_hand_ms(pace, context->now);
    if (lag_ms > most_ms) most_ms = lag_ms;
  }
  return most_ms;
}

/* --- checking ---------------------------------------------------------------------------------------------------- */

static const char *problem_of_seat(const struct keepalive_schedule *schedule, const struct keepalive_seat *seat) {
  const struct keepalive_pace *pace = &schedule->paces[seat->pace - 1];
  uint32_t index = pool_handle_of(schedule->pool, seat).index;
  const struct keepalive_seat *next = seat_at(schedule, seat->next);
  if (pace->first[seat->slot] == KEEPALIVE_NONE) return "a seat is in a slot that is empty";
  if (next->previous != index || seat_at(schedule, seat->previous)->next != index) return "a ring of seats is broken";
  if (next->pace != seat->pace || next->slot != seat->slot) return "a seat is in another slot's ring";
  return NULL;
}

static const char *problem_of_pace(const struct keepalive_schedule *schedule, const struct keepalive_pace *pace) {
  if (pace->seat_count == 0 || pace->at_hand == KEEPALIVE_NONE) return NULL;
  const struct keepalive_seat *seat = seat_at(schedule, pace->at_hand);
  bool is_right = seat->pace == 1 + (pace - schedule->paces) && seat->slot + 1U == pace->entered;
  return is_right ? NULL : "the hand is at somebody of another slot";
}

bool keepalive_schedule_check(const struct keepalive_schedule *schedule, struct text_builder *problem) {
  const struct keepalive_seat *seat;
  const char *found = NULL;
  uint32_t at = 0, counts[KEEPALIVE_PACES] = {0}, total = 0;
  while (!found && (seat = pool_next(schedule->pool, &at)) != NULL) {
    if (seat->pace == 0) continue;
    found = problem_of_seat(schedule, seat);
    counts[seat->pace - 1]++;
    total++;
  }
  for (unsigned i = 0; i < KEEPALIVE_PACES && !found; i++) {
    found = problem_of_pace(schedule, &schedule->paces[i]);
    if (counts[i] != schedule->paces[i].seat_count) found = "a carousel has more or fewer seats than it counts";
  }
  if (!found && total != schedule->seat_count) found = "the carousels do not add up";
  if (!found) return true;
  text_builder_add(problem, str_view_from_c(found));
  return false;
}
