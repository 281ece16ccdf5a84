/* What devices send merely to keep a NAT binding open or to show that they live (RFC 5626 §3.5, RFC 8489, and
 * folklore). */
#ifndef KEEPALIVE_LIFE_SIGN_H
#define KEEPALIVE_LIFE_SIGN_H

#include <stdbool.h>

#include "base/str_view.h"
#include "base/text_builder.h"
#include "boundary/address.h"

/* True when the datagram is a life sign and not SIP: empty, CRLFs, zero bytes, a single byte, a STUN binding request or
 * response, or a short text without SIP in it such as HELLO. `*reply` gets what is to be sent back: CRLF for CRLFCRLF,
 * a binding success response with XOR-MAPPED-ADDRESS for STUN, mostly nothing. */
bool life_sign_read(struct str_view datagram, const struct address *source, struct text_builder *reply);

#endif
