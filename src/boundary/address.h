/* Where bytes come from and go to: an IP address with port, and a flow (the way to one peer: local socket, transport,
 * connection, remote address). Numbers, no text, no look-ups; comparable with address_equal. */
#ifndef BOUNDARY_ADDRESS_H
#define BOUNDARY_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/str_view.h"
#include "base/text_builder.h"

enum address_family { ADDRESS_NONE = 0, ADDRESS_IPV4 = 4, ADDRESS_IPV6 = 6 };

/* IPv4 stands in the first four bytes of `ip`, the rest are zero. Network byte order in `ip`, host order in `port`. */
struct address {
  uint8_t ip[16];
  uint16_t port;
  uint8_t family; /* enum address_family */
};

enum transport { TRANSPORT_NONE = 0, TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_TLS };

static inline bool transport_is_stream(enum transport transport) {
  return transport == TRANSPORT_TCP || transport == TRANSPORT_TLS;
}

/* "UDP", "TCP", "TLS" as in a Via. Static storage. */
struct str_view transport_name(enum transport transport);

/* Reads "UDP", "tcp" … in any case; TRANSPORT_NONE for anything else. */
enum transport transport_from_name(struct str_view name);

bool address_equal(const struct address *a, const struct address *b);
bool address_equal_ip(const struct address *a, const struct address *b);

/* Reads an IPv4 or IPv6 literal (RFC 4291 section 2.2), the latter with or without brackets, no port and no zone.
 * RESULT_MALFORMED for anything else, names and IPv4 numbers with leading zeros among it. `port` is set to 0. */
enum result address_parse_ip(struct str_view text, struct address *address_out) MUST_USE;

/* Reads "192.0.2.1:5060", "[2001:db8::1]:5060"; without a port (an IPv6 literal may then go without brackets)
 * `default_port` is used. Port 0 is read as such. RESULT_MALFORMED as above, or for a port that is none. */
enum result address_parse(struct str_view text, uint16_t default_port, struct address *address_out) MUST_USE;

/* Appends the literal without port, IPv6 in brackets as a URI or Via wants it (RFC 5952 form inside). */
void address_ip_to_text(const struct address *address, struct text_builder *builder);

/* Appends "192.0.2.1:5060" or "[2001:db8::1]:5060". */
void address_to_text(const struct address *address, struct text_builder *builder);
#define ADDRESS_TEXT_BYTES 48 /* never longer */

/* A hash under no key, for tables that only operators fill. Strangers' addresses: use siphash over ip, port, family. */
uint64_t address_hash(const struct address *address);

/* The way to a peer. `socket_index` is the index of a listening socket in struct local_identity (the same on every
 * worker); `connection` names a TCP or TLS connection on worker `worker` and is 0 for UDP or for "open one". */
struct flow {
  struct address remote;
  uint32_t connection;
  uint8_t transport; /* enum transport */
  uint8_t worker;
  uint16_t socket_index;
};

/* True when both lead to the same peer by the same way. The worker counts only where it owns the connection. */
bool flow_equal(const struct flow *a, const struct flow *b);

#endif
