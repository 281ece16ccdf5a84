/* The one part of STUN that devices use towards a SIP server: a Binding request asks "from where do you see me?" and
 * keeps a NAT binding open on the way (RFC 8489, RFC 5626 §4.4.2). Stateless, unauthenticated (RFC 8489 §12). */
#ifndef KEEPALIVE_STUN_BINDING_H
#define KEEPALIVE_STUN_BINDING_H

#include <stdbool.h>

#include "base/str_view.h"
#include "base/text_builder.h"
#include "boundary/address.h"

/* True when the datagram is a whole STUN message of the Binding method, in any class. A request is answered in
 * `*reply`: success with XOR-MAPPED-ADDRESS (MAPPED-ADDRESS to a client of RFC 3489, which sends no magic cookie), or
 * 420 with the attributes that we do not understand; with FINGERPRINT when the request had one. A wrong FINGERPRINT is
 * silently dropped. At most 96 bytes. */
bool stun_binding_read(struct str_view datagram, const struct address *source, struct text_builder *reply);

#endif
