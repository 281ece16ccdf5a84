/* Inside of the room. */
#ifndef KEEPALIVE_KEEPALIVE_PRIVATE_H
#define KEEPALIVE_KEEPALIVE_PRIVATE_H

#include "keepalive/keepalive.h"

/* Those whom one parameter change concerns alike: the method (own or the parameter's), with and without NAT. */
#define KEEPALIVE_CLASSES 16

struct keepalive {
  struct timer timer; /* the next batch; armed as long as somebody is seated */
  struct keepalive_devices devices;
  struct keepalive_schedule schedule;
  uint32_t class_counts[KEEPALIVE_PACES][KEEPALIVE_CLASSES];
  uint32_t unreachable_count;
  bool demand_has_changed;     /* since the round was last judged */
  uint64_t warned_keep_alives; /* a round of so many was called too long; 0: none was */
  keepalive_contact_of *contact_of;
  const void *contact_reader;
};

/* keepalive_follow.c: an answer to an OPTIONS came from `flow`, which is not the device's. */
void keepalive_follow(struct keepalive *keepalive, struct context *context, struct keepalive_device *device,
                      const struct flow *flow, bool is_proven);

/* Sends an OPTIONS of the device's series to `flow`. Returns its length. */
size_t keepalive_send_options(const struct keepalive *keepalive, struct context *context,
                              const struct keepalive_device *device, const struct flow *flow);

#endif
