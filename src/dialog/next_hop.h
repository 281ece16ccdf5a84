/* Where the next request of a dialog goes: the address of its first route or remote target when that is an IP literal
 * (RFC 3261 §8.1.2, RFC 3263 §4), or the way the peer was last met. Host names are looked up elsewhere: the known way
 * is kept until their addresses are there. */
#ifndef DIALOG_NEXT_HOP_H
#define DIALOG_NEXT_HOP_H

#include <stdbool.h>

#include "boundary/context.h"
#include "sip/sip_message.h"

/* The way to `uri`. `known` is the way the peer was last met; it is kept when
 *   - the URI's host is a name, or none of our sockets can reach it,
 *   - it is the same peer over a stream: the connection is used again, whatever port the URI says (the peer's own port
 * is an ephemeral one), also when the URI forgets its transport parameter, as many phones' do,
 *   - the URI's address is of narrower reach than the known one's (loopback < link-local < private < public): the peer
 * is behind NAT and wrote what it believes. `secure`: the request's target is a sips: URI, so any hop is reached over
 * TLS (§8.1.2, §26.2.2). */
struct flow next_hop_flow(const struct local_identity *local, struct str_view uri, bool secure,
                          const struct flow *known);

/* The same for `flow`, the way the peer was last met; false, and nothing is changed, when the URI's host (or maddr) is
 * a name or the URI cannot be read. */
bool next_hop_aim(const struct local_identity *local, struct str_view uri, bool secure, struct flow *flow);

/* What has to be looked up for a URI whose host (or maddr) is a name (RFC 3263 §4). Views into the URI. */
struct next_hop_name {
  struct str_view host;
  enum transport transport; /* TRANSPORT_NONE: as DNS says */
  uint16_t port;            /* 0: as DNS says */
};

/* False: the host is an address, or the URI cannot be read. `secure` and `known` as above. */
bool next_hop_name_of(struct str_view uri, bool secure, const struct flow *known, struct next_hop_name *name_out);

/* The way to the first of `addresses`, which a name has over `transport`, that one of our sockets can reach. `known` is
 * kept by the rules of next_hop_flow, also when the peer was met at any of the addresses. */
struct flow next_hop_flow_among(const struct local_identity *local, const struct address *addresses, unsigned count,
                                enum transport transport, const struct flow *known);

/* True when the sender of `request` does not know the address from which it reaches us, by its topmost Via: another IP
 * address than `source`, or over UDP another port although it asks for answers to the port it sends from (RFC 3581 §4).
 * A peer whose Via is right and whose Contact names another address means it. */
bool next_hop_sender_is_translated(const struct sip_message *request, const struct flow *source);

#endif
