/* The network between switches and actors: datagrams that get lost, doubled, late and out of order, NAT boxes, and
 * streams. An endpoint is a place with one address, from which and to which bytes go. */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str_view.h"
#include "boundary/address.h"
#include "sip/sip_message.h"

struct world;
struct nat_box;
struct connection;

/* What a way does to datagrams. Those of the network as a whole, of the sender and of the receiver add up. */
struct link_faults {
  uint32_t loss_ppm, duplicate_ppm, reorder_ppm;
  int64_t delay_min_us, delay_max_us;
};

/* Bytes at their destination. */
struct arrival {
  struct address source; /* as seen from there */
  enum transport transport;
  struct connection *connection; /* streams */
  struct str_view bytes;         /* 64 readable bytes of slack behind them */
};

struct endpoint {
  const char *name;
  struct address address;
  bool is_watched;       /* the watcher looks at what it says and hears */
  bool is_switch;        /* must not say anything to the unknown */
  bool takes_streams;    /* listens for connections */
  bool swallows_streams; /* a firewall before it answers no attempt at one */
  bool is_dead;          /* hears and says nothing, and nobody is told */
  int64_t busy_until_us; /* it is kept from working: what arrives waits */
  uint32_t deaths;       /* of its process: what waited for that goes with it */
  bool is_refusing;      /* nobody listens: ICMP for datagrams, a reset for connections */
  struct nat_box *nat;   /* it stands behind that box */
  struct link_faults to, from;
  void *owner;
  void (*receive)(struct world *world, struct endpoint *endpoint, const struct arrival *arrival);
  /* A connection is gone (`connection`), or a datagram to `remote` was refused (`connection` NULL). */
  void (*refused)(struct world *world, struct endpoint *endpoint, struct connection *connection,
                  const struct address *remote);
  struct endpoint *next;
};

/* A message to be recognised: a request of a method, or a response with a status to a request of a method. */
struct message_pattern {
  bool is_request;
  enum sip_method method; /* SIP_METHOD_UNKNOWN: any */
  unsigned status;        /* responses; below 7: any status of that class */
};
bool message_matches(struct str_view bytes, const struct message_pattern *pattern);

/* The next `count` messages of that kind to (or from) an endpoint are lost. */
struct loss_rule {
  struct endpoint *endpoint;
  bool is_to;
  struct message_pattern pattern;
  uint32_t count; /* UINT32_MAX: all */
  struct loss_rule *next;
};

struct network {
  struct endpoint *first;
  struct nat_box *first_nat;
  struct connection *first_connection;
  struct loss_rule *first_rule;
  struct link_faults faults;
  uint32_t next_connection;
  uint64_t datagrams, lost;
  /* Told of each SIP message that leaves or arrives, after the watcher; may be NULL. */
  void (*onlooker)(struct world *world, struct endpoint *endpoint, bool arrives, struct str_view bytes);
};

/* `address` must be nobody's yet. */
struct endpoint *network_add(struct world *world, const char *name, const struct address *address);

/* The endpoint with exactly this address, not behind a NAT box; NULL: none. */
struct endpoint *network_find(const struct network *network, const struct address *address);

/* Sends a datagram. */
void network_send(struct world *world, struct endpoint *from, const struct address *to, struct str_view bytes);

/* Draws how long a message takes from one to the other. */
int64_t network_draw_delay(struct world *world, const struct endpoint *from, const struct endpoint *to);

/* Delivers: used by this file and streams. */
void network_deliver(struct world *world, struct endpoint *to, const struct arrival *arrival, const char *from_name);

/* True when a rule of loss says that this message does not arrive. */
bool network_rule_loses(struct world *world, const struct endpoint *from, const struct endpoint *to,
                        struct str_view bytes);

#endif
