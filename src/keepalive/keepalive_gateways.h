/* Devices that never register: the gateways that have a keep-alive setting of their own, at their configured addresses
 * and at those they are seen at (a mapping gateway that may call from any port, or over a connection). Others get none:
 * a carrier has not asked for our texts. Phones that have an address by configuration get there what phones get that
 * register. Each is kept by the worker to which its name steers. */
#ifndef KEEPALIVE_KEEPALIVE_GATEWAYS_H
#define KEEPALIVE_KEEPALIVE_GATEWAYS_H

#include "keepalive/keepalive.h"

/* Ways to gateways that one worker keeps at most: so many configured, and so many seen. */
#define KEEPALIVE_GATEWAY_WAYS_MAX 4096

/* A seen way is forgotten when nothing has come over it for that long. */
#define KEEPALIVE_SEEN_FORGOTTEN_S 3600

struct keepalive_gateway_way {
  struct keepalive_device *device;
  bool is_seen; /* not configured */
};

struct keepalive_gateways {
  struct timer timer; /* armed while ways are held that were seen */
  struct keepalive *keepalive;
  struct keepalive_gateway_way *ways;
  uint32_t way_count, seen_count;
  bool learns; /* some gateway's ways are worth noting */
};

/* Devices that may be held at a time. */
#define KEEPALIVE_GATEWAY_DEVICES_MAX (3 * KEEPALIVE_GATEWAY_WAYS_MAX)

size_t keepalive_gateways_memory_bytes(void);
void keepalive_gateways_init(struct keepalive_gateways *gateways, void *memory, struct keepalive *keepalive);

/* context->directory is a new one, or the first. */
void keepalive_gateways_directory_changed(struct keepalive_gateways *gateways, struct context *context);

/* A request came from there. */
void keepalive_gateways_note_request(struct keepalive_gateways *gateways, struct context *context,
                                     const struct flow *flow);

/* Takes a due timer of kind TIMER_GATEWAYS. */
void keepalive_gateways_timer_due(struct keepalive_gateways *gateways, struct context *context);

#endif
