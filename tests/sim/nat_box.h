/* A NAT box: the devices behind it are seen from outside at ports of its own address, each port for as long as traffic
 * keeps the binding alive. */
#ifndef SIM_NAT_BOX_H
#define SIM_NAT_BOX_H

#include <stdbool.h>
#include <stdint.h>

#include "boundary/address.h"

struct world;
struct endpoint;

/* From whom a binding takes packets (RFC 4787 §5). */
enum nat_filter { NAT_FROM_ANYONE, NAT_FROM_SAME_ADDRESS, NAT_FROM_SAME_PORT };

struct nat_binding {
  struct endpoint *inside;
  struct address remote; /* whom the last packet outwards went to; symmetric: whom all go to */
  uint16_t port;
  int64_t used_us;
  struct nat_binding *next;
};

struct nat_box {
  const char *name;
  struct address outside; /* port 0 */
  bool is_symmetric;      /* a binding of its own for each remote address */
  bool refreshed_inbound; /* packets from outside keep a binding alive, too (RFC 4787 §6) */
  enum nat_filter filter;
  int64_t lifetime_us;
  uint16_t next_port;
  struct nat_binding *first;
  struct nat_box *next;
};

struct nat_box *nat_add(struct world *world, const char *name, const struct address *outside);

/* The box with this address, whatever the port; NULL: none. */
struct nat_box *nat_find(const struct world *world, const struct address *address);

/* The address under which a packet of `inside` to `remote` is seen: a live binding, refreshed, or a new one. */
struct address nat_outward(struct world *world, struct nat_box *box, struct endpoint *inside,
                           const struct address *remote);

/* Who gets a packet that came to `port` from `source`; NULL: no live binding, or the filter says no. */
struct endpoint *nat_inward(struct world *world, struct nat_box *box, const struct address *source, uint16_t port);

/* The box restarts: all bindings are forgotten, and new ones get other ports. */
void nat_restart(struct nat_box *box);

#endif
