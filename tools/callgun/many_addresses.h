/* One UDP socket with as many addresses as 127.0.0.0/8 has: each datagram leaves from the address it is told, and comes
 * with the address it was sent to. So one process is a million devices, each of which has a way of its own. */
#ifndef CALLGUN_MANY_ADDRESSES_H
#define CALLGUN_MANY_ADDRESSES_H

#include "base/str_view.h"
#include "boundary/address.h"

#define MANY_ADDRESSES_BATCH 64
#define MANY_ADDRESSES_MAX   (1u << 22) /* 127.64.0.0 to 127.127.255.255 */

struct many_addresses;

struct many_datagram {
  struct address source, destination;
  struct str_view bytes; /* 64 readable bytes of no meaning follow */
};

/* Opens it on `*port` of all addresses (0: any, and which one); watched by `epoll_fd` with `tag` unless that is -1.
 * Ends the process with a message when that fails. */
struct many_addresses *many_addresses_open(uint16_t *port, int epoll_fd, void *tag);

/* Address number `n` of them, and back; MANY_ADDRESSES_MAX when it is none. */
struct address many_address(const struct many_addresses *many, uint32_t n);
uint32_t many_address_number(const struct address *address);

/* Adds a datagram to the batch; the bytes are borrowed until the flush. */
void many_addresses_add(struct many_addresses *many, const struct address *from, const struct address *to,
                        struct str_view bytes);
void many_addresses_flush(struct many_addresses *many);

/* Takes what waits, at most MANY_ADDRESSES_BATCH; valid until the next call. */
unsigned many_addresses_receive(struct many_addresses *many, const struct many_datagram **datagrams_out);

#endif
