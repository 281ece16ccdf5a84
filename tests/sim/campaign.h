/* Scenarios made up from a seed: worlds with customers, vendors and phones, and faults. What is made is the text of a
 * scenario, so that a seed that fails can be kept, cut down by hand, and named. */
#ifndef SIM_CAMPAIGN_H
#define SIM_CAMPAIGN_H

#include <stdint.h>

#include "base/str_view.h"

#define CAMPAIGN_BYTES         65536
#define CAMPAIGN_CALLS_OF_SEED 24

/* Writes the scenario of `seed` into `memory` of CAMPAIGN_BYTES: two dozen calls that overlap, through one switch. */
struct str_view campaign_write_calls(uint64_t seed, char *memory);

/* The same: long calls through two switches in a row, between ends that time their sessions in all ways, and die. */
struct str_view campaign_write_supervision(uint64_t seed, char *memory);

#endif
