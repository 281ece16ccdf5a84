/* TCP as the middle sees it: whole messages, reliable and in order, over connections that may be refused or break. */
#ifndef SIM_STREAM_H
#define SIM_STREAM_H

#include "sim/network.h"

struct connection {
  uint32_t id;               /* not 0 */
  struct endpoint *sides[2]; /* who opened it, who took it */
  struct address seen[2];    /* each side's address as the other sees it */
  bool is_broken;
  int64_t last_arrival_us[2];
  struct connection *next;
};

/* Opens a connection to `to`. What is sent over it before it is refused is lost; the opener is told. */
struct connection *stream_open(struct world *world, struct endpoint *from, const struct address *to);

/* The living connection between `endpoint` and `remote`, as `endpoint` sees its address; NULL: none. */
struct connection *stream_find(const struct world *world, const struct endpoint *endpoint,
                               const struct address *remote);
struct connection *stream_by_id(const struct world *world, uint32_t id);

/* Sends one message from one of its two sides. False when the connection is broken. */
bool stream_send(struct world *world, struct connection *connection, struct endpoint *from, struct str_view bytes);

/* Both sides are told, `closer` (may be NULL) not. */
void stream_break(struct world *world, struct connection *connection, const struct endpoint *closer);

/* The address of the other side as `endpoint` sees it. */
const struct address *stream_remote(const struct connection *connection, const struct endpoint *endpoint);

#endif
