/* Can every device get its keep-alive in time? Pure arithmetic, for the warning, for operators' previews and for the
 * status: nothing here knows a device. */
#ifndef KEEPALIVE_KEEPALIVE_ROUND_H
#define KEEPALIVE_KEEPALIVE_ROUND_H

#include <stdbool.h>

#include "base/text_builder.h"
#include "parameters/parameters.h"

/* How many devices get keep-alives: those at the parameter's period, and the others by what they cost. */
struct keepalive_demand {
  uint32_t device_count;           /* at SS_SIP_NAT_KEEP_ALIVE_PERIOD */
  uint32_t own_period_count;       /* with a period of their own */
  uint64_t own_period_micro_per_s; /* their keep-alives in a second, times a million */
};

/* Adds devices whose period is `period_ms` to those with a period of their own. */
void keepalive_demand_add(struct keepalive_demand *demand, uint32_t device_count, uint32_t period_ms);

/* The parameters that say how fast keep-alives may be sent. */
struct keepalive_rate {
  uint32_t period_s;    /* SS_SIP_NAT_KEEP_ALIVE_PERIOD */
  uint32_t interval_ms; /* SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL */
  uint32_t batch;       /* SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME */
};
struct keepalive_rate keepalive_rate_of(const struct parameters *parameters);

/* What it takes; nothing at a rate of zeros. A round is one keep-alive for each device; those with a period of their
 * own count for as many as they get in one period of the parameter. */
struct keepalive_round {
  uint64_t keep_alives; /* in one period of the parameter */
  uint64_t round_ms;    /* keep_alives × interval ÷ batch, rounded up */
  bool is_kept;         /* round_ms is not longer than the period */
  /* What would do, changed alone; 0: no value of that parameter would. */
  uint32_t batch_wanted;       /* SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME, at least */
  uint32_t interval_wanted_ms; /* SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL, at most */
  uint32_t period_wanted_s;    /* SS_SIP_NAT_KEEP_ALIVE_PERIOD, at least */
};
struct keepalive_round keepalive_round_of(const struct keepalive_demand *demand, const struct keepalive_rate *rate);

/* Appends "90,000 devices need 15 s a round", and where it is not kept what would do. */
void keepalive_round_to_text(const struct keepalive_demand *demand, const struct keepalive_rate *rate,
                             struct text_builder *builder);

#endif
