/* UDP sockets: batches of datagrams in and out, and what ICMP says about them. One socket per listening address and
 * worker; the kernel spreads the peers over them (SO_REUSEPORT). */
#ifndef NET_UDP_H
#define NET_UDP_H

#include <stdint.h>

#include "base/str_view.h"
#include "boundary/address.h"
#include "net/socket_address.h"

#define UDP_BATCH_MAX   64
#define UDP_SLACK_BYTES 64

/* Opens a non-blocking socket bound to `address`; port 0 is replaced by the one the kernel chose. `tos` is the TOS byte
 * (traffic class) of what it sends. Returns the descriptor, or -1 with errno. */
int udp_open(struct address *address, uint8_t tos);

/* Changes the TOS byte of a running socket. */
void udp_set_tos(int fd, enum address_family family, uint8_t tos);

/* How full the kernel's queue of received datagrams is, in per mille of its limit, and how many it has dropped since
 * the socket was opened. */
uint32_t udp_queue_fill_permille(int fd, uint32_t *dropped_out);

#define UDP_WAIT_UNKNOWN UINT32_MAX

/* How long the datagram taken last has waited in the kernel's queue, in milliseconds; UDP_WAIT_UNKNOWN where the kernel
 * does not say. It begins to note when each comes with the first question, so what has come before counts as 0. */
uint32_t udp_waited_ms(int fd);

/* --- in ---------------------------------------------------------------------------------------------------------- */

struct udp_datagram {
  struct address source;
  struct str_view bytes; /* UDP_SLACK_BYTES readable bytes of no meaning follow */
};

/* Room for one batch, shared by all sockets of a worker. */
struct udp_inbound;

size_t udp_inbound_memory_bytes(void);

/* `memory` is zero-filled, aligned to 64, borrowed. Address space suffices: a buffer is 64 KiB long and touched as far
 * as its datagrams reach. */
struct udp_inbound *udp_inbound_create(void *memory);

/* Takes up to UDP_BATCH_MAX waiting datagrams off the socket; `*datagrams_out` is valid until the next call. Returns
 * how many, 0 when none waits. Empty datagrams are among them. */
unsigned udp_receive(struct udp_inbound *inbound, int fd, const struct udp_datagram **datagrams_out);

/* Takes ICMP errors off the socket's error queue: the peers that RFC 3261 section 18.4 calls unreachable, each once. At
 * most `remotes_max`; call again when it returns that many. */
unsigned udp_take_errors(int fd, struct address *remotes_out, unsigned remotes_max);

/* --- out --------------------------------------------------------------------------------------------------------- */

/* A batch of datagrams for one socket at a time. The bytes are borrowed until the flush. */
struct udp_outbound;

size_t udp_outbound_memory_bytes(void);
struct udp_outbound *udp_outbound_create(void *memory);

/* Adds a datagram; flushes before when the batch is full or was for another socket. */
void udp_outbound_add(struct udp_outbound *outbound, int fd, const struct address *remote, struct str_view bytes);

/* Sends what has been added. What the kernel has no room for is dropped, as a network may. */
void udp_outbound_flush(struct udp_outbound *outbound);

/* What has become of the datagrams since the last call. `unreachable` are peers to which there is no way (each once, at
 * most UDP_BATCH_MAX), until the next add. */
struct udp_outbound_news {
  uint64_t sent;
  uint64_t dropped;
  const struct address *unreachable;
  unsigned unreachable_count;
};
struct udp_outbound_news udp_outbound_take_news(struct udp_outbound *outbound);

#endif
