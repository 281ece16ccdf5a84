/* Between struct address and what the kernel calls an address. */
#ifndef NET_SOCKET_ADDRESS_H
#define NET_SOCKET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "boundary/address.h"

/* Exactly what we use; a third of a struct sockaddr_storage. */
union socket_address {
  sa_family_t family;
  struct sockaddr_in ipv4;
  struct sockaddr_in6 ipv6;
};

/* Fills in `*out` and returns its length; 0 for an address of family ADDRESS_NONE. */
socklen_t socket_address_from(const struct address *address, union socket_address *out);

/* False, and `*out` of family ADDRESS_NONE, for a family other than IPv4 and IPv6. */
bool socket_address_to(const union socket_address *from, struct address *out);

/* True for 0.0.0.0 and ::. */
bool address_is_any(const struct address *address);

/* The address at which others reach this host when a socket is bound to 0.0.0.0 or ::, of the same family, without
 * port: the first of an interface that is up and neither loopback nor link-local; loopback when there is none. */
void host_address(enum address_family family, struct address *out);

/* Finds out whether `address` may be bound, without sharing it (SO_REUSEPORT would silently share it with another
 * process of the same user). Nothing stays open. False with errno. */
bool socket_is_free(const struct address *address, enum transport transport);

#endif
