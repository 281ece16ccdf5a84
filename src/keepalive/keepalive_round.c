#include "keepalive/keepalive_round.h"

#define MICRO 1000000U

/* The limits of the ranges in parameters.def. */
#define BATCH_MOST        100000U
#define INTERVAL_LEAST_MS 10U
#define PERIOD_MOST_S     86400U

static uint64_t divided_up(uint64_t dividend, uint64_t divisor) {
  return (dividend + divisor - 1) / divisor;
}

void keepalive_demand_add(struct keepalive_demand *demand, uint32_t device_count, uint32_t period_ms) {
  demand->own_period_count += device_count;
  demand->own_period_micro_per_s += divided_up((uint64_t)device_count * 1000 * MICRO, period_ms);
}

/* The devices with periods of their own take their part of each second; the others have what is left of it. */
static uint32_t period_wanted_s(const struct keepalive_demand *demand, uint64_t batch, uint64_t interval_ms) {
  uint64_t can_micro_per_s = batch * 1000 * MICRO / interval_ms;
  if (demand->own_period_micro_per_s >= can_micro_per_s) return 0;
  uint64_t left_micro_per_s = can_micro_per_s - demand->own_period_micro_per_s;
  uint64_t period_s = divided_up((uint64_t)demand->device_count * MICRO, left_micro_per_s);
  return period_s <= PERIOD_MOST_S ? (uint32_t)period_s : 0;
}

struct keepalive_rate keepalive_rate_of(const struct parameters *parameters) {
  return (struct keepalive_rate){.period_s = parameters->SS_SIP_NAT_KEEP_ALIVE_PERIOD,
                                 .interval_ms = parameters->SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL,
                                 .batch = parameters->SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME};
}

struct keepalive_round keepalive_round_of(const struct keepalive_demand *demand, const struct keepalive_rate *rate) {
  uint64_t period_ms = (uint64_t)rate->period_s * 1000, interval_ms = rate->interval_ms, batch = rate->batch;
  struct keepalive_round round = {.is_kept = true};
  if (batch == 0) return round; /* nobody has said anything yet */
  round.keep_alives = demand->device_count + (demand->own_period_micro_per_s * (period_ms / 1000) + MICRO / 2) / MICRO;
  round.round_ms = divided_up(round.keep_alives * interval_ms, batch);
  round.is_kept = round.round_ms <= period_ms;
  if (round.keep_alives == 0) return round;
  uint64_t batch_wanted = divided_up(round.keep_alives * interval_ms, period_ms);
  uint64_t interval_wanted_ms = batch * period_ms / round.keep_alives;
  if (batch_wanted <= BATCH_MOST) round.batch_wanted = (uint32_t)batch_wanted;
  if (interval_wanted_ms >= INTERVAL_LEAST_MS)
    round.interval_wanted_ms = (uint32_t)(interval_wanted_ms < interval_ms ? interval_wanted_ms : interval_ms);
  round.period_wanted_s = period_wanted_s(demand, batch, interval_ms);
  return round;
}

/* --- words ------------------------------------------------------------------------------------------------------- */

static void add_number(struct text_builder *builder, uint64_t number) {
  if (number >= 1000) {
    add_number(builder, number / 1000);
    text_builder_add_char(builder, ',');
    if (number % 1000 < 100) text_builder_add_char(builder, '0');
    if (number % 1000 < 10) text_builder_add_char(builder, '0');
  }
  text_builder_add_u64(builder, number % 1000);
}

/* To a tenth of a second, rounded up: "15 s", "66.7 s". */
static void add_seconds(struct text_builder *builder, uint64_t milliseconds) {
  uint64_t tenths = divided_up(milliseconds, 100);
  add_number(builder, tenths / 10);
  if (tenths % 10) {
    text_builder_add_char(builder, '.');
    text_builder_add_u64(builder, tenths % 10);
  }
  text_builder_add_literal(builder, " s");
}

static void add_remedy(struct text_builder *builder, bool *is_first, struct str_view what, uint64_t value,
                       struct str_view unit) {
  if (value == 0) return;
  text_builder_add(builder, *is_first ? STR_VIEW("; would do: ") : STR_VIEW(", or "));
  *is_first = false;
  text_builder_add(builder, what);
  text_builder_add_u64(builder, value);
  text_builder_add(builder, unit);
}

void keepalive_round_to_text(const struct keepalive_demand *demand, const struct keepalive_rate *rate,
                             struct text_builder *builder) {
  struct keepalive_round round = keepalive_round_of(demand, rate);
  bool is_first = true;
  uint64_t devices = (uint64_t)demand->device_count + demand->own_period_count;
  add_number(builder, devices);
  text_builder_add(builder, devices == 1 ? STR_VIEW(" device needs ") : STR_VIEW(" devices need "));
  add_seconds(builder, round.round_ms);
  text_builder_add_literal(builder, " a round");
  if (round.is_kept) return;
  text_builder_add_literal(builder, ", longer than SS_SIP_NAT_KEEP_ALIVE_PERIOD (");
  text_builder_add_u64(builder, rate->period_s);
  text_builder_add_literal(builder, " s)");
  add_remedy(builder, &is_first, STR_VIEW("SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME at least "), round.batch_wanted,
             STR_VIEW(""));
  add_remedy(builder, &is_first, STR_VIEW("SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL at most "), round.interval_wanted_ms,
             STR_VIEW(" ms"));
  add_remedy(builder, &is_first, STR_VIEW("SS_SIP_NAT_KEEP_ALIVE_PERIOD at least "), round.period_wanted_s,
             STR_VIEW(" s"));
}
