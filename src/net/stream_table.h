/* The TCP and TLS connections of one worker: accepted, opened when something is to be sent, reused, framed by
 * Content-Length (RFC 3261 section 18.3), bounded in number, in what a slow sender may leave unfinished and in what a
 * slow receiver may leave unread.
 *
 * A connection is named by a number: 20 bits of place, 12 of generation, never 0. A number from outside that names
 * nothing any more, or a connection with another peer, is answered with `closed`. */
#ifndef NET_STREAM_TABLE_H
#define NET_STREAM_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/counters.h"
#include "base/siphash.h"
#include "base/str_view.h"
#include "base/time.h"
#include "boundary/address.h"
#include "net/tls.h"

#define STREAM_CONNECTIONS_MAX (1u << 20)

/* What comes of it. Called from within stream_table_ready, _send, _close and _advance; a hook may call
 * stream_table_send and stream_table_close. */
struct stream_hooks {
  void *context;

  /* One framed message or life sign; 64 readable bytes follow it. */
  void (*message)(void *context, const struct flow *flow, struct str_view bytes);

  /* The stream has lost its frame: these bytes are no message. Nothing more is read; answer if you can, then close. */
  void (*broken)(void *context, const struct flow *flow, struct str_view bytes);

  /* The connection is gone, or could not be opened, or never was. */
  void (*closed)(void *context, const struct flow *flow);

  /* The domain that whoever is reached over this flow must prove to be by its certificate; empty: it is known by its
   * address only. NULL: so is everybody. */
  struct str_view (*domain)(void *context, const struct flow *flow);

  /* TLS with this peer came to nothing, and `why`; `is_outgoing`: it was begun by us. `closed` follows. May be NULL. */
  void (*tls_failed)(void *context, const struct flow *flow, bool is_outgoing, const char *why);
};

struct stream_options {
  int epoll_fd;
  uint8_t worker; /* goes into flows */
  uint8_t tos;
  uint32_t connections_max;
  struct siphash_key key;
  struct counters *counters;
  struct tls_identity *tls; /* NULL: no TLS */
  struct stream_hooks hooks;
};

struct stream_table;

size_t stream_table_memory_bytes(uint32_t connections_max);

/* `memory`: zero-filled, aligned to 64, borrowed; address space suffices. */
struct stream_table *stream_table_create(void *memory, const struct stream_options *options, struct mono_ms now);

/* Closes every connection, telling nobody. */
void stream_table_destroy(struct stream_table *table);

void stream_table_set_tos(struct stream_table *table, uint8_t tos);

/* Opens a listening socket bound to `address` (port 0 is replaced). Returns the descriptor, or -1 with errno. */
int stream_listen(struct address *address);

/* Times are the kernel's monotonic clock. */

/* Accepts what waits at listener `listener_fd`; `flow` says transport and socket index. */
void stream_table_accept(struct stream_table *table, int listener_fd, const struct flow *flow, struct mono_ms now);

/* A connection (POLL_SOURCE_CONNECTION) has something to say: epoll's events. */
void stream_table_ready(struct stream_table *table, uint32_t number, uint32_t events, struct mono_ms now);

/* Sends one message, copying what the kernel does not take. flow->connection 0: over an open connection to
 * flow->remote, or over one that is opened now from the address `from`. */
void stream_table_send(struct stream_table *table, const struct flow *flow, const struct address *from,
                       struct str_view bytes, struct mono_ms now);

/* Closes, when what is to be sent has been sent. Nothing happens for a connection that is gone. */
void stream_table_close(struct stream_table *table, const struct flow *flow, struct mono_ms now);

/* Connections that took too long to open, to finish a message, or were silent for too long. */
void stream_table_advance(struct stream_table *table, struct mono_ms now);
struct mono_ms stream_table_next_wake(const struct stream_table *table);

uint32_t stream_table_count(const struct stream_table *table);

#endif
