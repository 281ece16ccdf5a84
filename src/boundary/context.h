/* Everything that a function of the middle may know beside its arguments. Handed down, never stored; no globals. */
#ifndef BOUNDARY_CONTEXT_H
#define BOUNDARY_CONTEXT_H

#include "base/arena.h"
#include "base/counters.h"
#include "base/random.h"
#include "base/time.h"
#include "base/timer_wheel.h"
#include "boundary/address.h"
#include "boundary/outbox.h"

struct device_homes; /* boundary/device_homes.h */
struct parameters;   /* parameters/parameters.h */
struct directory;    /* directory/directory.h */

#define LOCAL_SOCKETS_MAX 16

/* One address on which the switch listens. `advertised` is what Via and Contact say (the bound address unless
 * configured otherwise; never 0.0.0.0: the worker fills in the host's own). */
struct local_socket {
  struct address bound;
  struct address advertised;
  uint8_t transport; /* enum transport */
};

/* Who we are: the same on every worker but for `worker`. */
struct local_identity {
  struct local_socket sockets[LOCAL_SOCKETS_MAX];
  uint8_t socket_count;
  uint8_t worker;
  uint8_t worker_count;
  struct siphash_key steering_key; /* the same on every worker: Call-ID or number → worker */
  uint64_t boot_id;                /* the same as long as context->now counts on over a restart; 0: unknown */
  struct siphash_key nonce_key;    /* signs digest nonces; the same on every worker, kept over a restart */
};

struct context {
  struct mono_ms now;
  struct wall_us wall_now;
  struct random *random;
  struct timer_wheel *wheel;
  struct arena *arena; /* reset after each event */
  struct outbox *outbox;
  struct counters *counters;
  const struct parameters *parameters;
  const struct directory *directory;
  const struct local_identity *local;
  struct device_homes *homes; /* NULL where there is only one worker */
  bool records_crowded; /* so many records wait for the store: new INVITE requests get 503, so that the calls there are
                         * have room for theirs */
  bool overloaded; /* new INVITE and REGISTER requests get 503 with Retry-After; responses and what is in a dialog pass
                    */
};

/* Moves `*index` to a socket of ours over that transport from which addresses of that family are reached: the one it
 * names already, if that will do, else the first. ADDRESS_NONE: any family. False: there is none; `*index` stays. */
static inline bool local_identity_find_socket(const struct local_identity *local, enum transport transport,
                                              uint8_t family, uint16_t *index) {
  for (unsigned i = 0; i <= local->socket_count; i++) {
    unsigned at = i == 0 ? *index : i - 1; /* the known one first */
    if (at >= local->socket_count || local->sockets[at].transport != (uint8_t)transport) continue;
    if (family != ADDRESS_NONE && local->sockets[at].bound.family != family) continue;
    *index = (uint16_t)at;
    return true;
  }
  return false;
}

/* The worker on which the call with this Call-ID, or the registrations of this number, live. */
static inline uint8_t local_identity_steer(const struct local_identity *local, struct str_view key) {
  if (local->worker_count == 1) return 0;
  return (uint8_t)(siphash(&local->steering_key, key.data, key.length) % local->worker_count);
}

#endif
