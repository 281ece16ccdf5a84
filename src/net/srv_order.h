/* The order in which the targets of SRV records are tried (RFC 2782, "Weight"). */
#ifndef NET_SRV_ORDER_H
#define NET_SRV_ORDER_H

#include <stdint.h>

#include "base/random.h"

struct srv_target {
  uint16_t priority; /* lower is tried first */
  uint16_t weight;   /* among equals: the chance of being tried first */
  uint16_t port;
};

/* Writes the indices of the targets in the order of trying: by priority, and at random by weight where it is equal. */
void srv_order(const struct srv_target *targets, uint8_t count, struct random *random, uint8_t *order_out);

#endif
