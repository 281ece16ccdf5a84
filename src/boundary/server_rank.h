/* Of several addresses of one service, which is tried next (RFC 2782, RFC 3263 section 4.2). */
#ifndef BOUNDARY_SERVER_RANK_H
#define BOUNDARY_SERVER_RANK_H

#include <stdint.h>

#include "base/random.h"

#define SERVER_ADDRESSES_MAX 16

/* What DNS says of the server that an address belongs to. All 0: the addresses are one server's, tried as they stand.
 */
struct server_rank {
  uint16_t priority; /* lower is tried first */
  uint16_t weight;   /* among equals: the chance of being tried first */
  uint8_t server;    /* which of the servers; one has several addresses */
};

/* Draws which of the addresses that `ranks` are of is tried next, a bit of `tried` being set for each that was. Servers
 * come by priority, and at random by weight where it is equal; all addresses of a server come before another's. Returns
 * -1 when none is left. `count` is at most SERVER_ADDRESSES_MAX. */
int server_draw(const struct server_rank *ranks, uint8_t count, uint16_t tried, struct random *random);

#endif
