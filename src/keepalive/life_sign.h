/* What devices send merely to keep a NAT binding open or to show that they live (RFC 5626 §3.5, RFC 8489, and
 * folklore). */
#ifndef KEEPALIVE_LIFE_SIGN_H
#define KEEPALIVE_LIFE_SIGN_H

#include "base/str_view.h"
#include "base/text_builder.h"
#include "boundary/address.h"

enum life_sign {
  LIFE_SIGN_NONE = 0, /* it is SIP, or nothing we know */
  LIFE_SIGN_PING,
  LIFE_SIGN_PONG, /* a single CRLF, which answers CRLFCRLF */
};

/* Tells a life sign from SIP: empty, CRLFs, zero bytes, a single byte, a STUN binding request or
 * response, or a short text without SIP in it such as HELLO. `*reply` gets what is to be sent back: CRLF for CRLFCRLF,
 * a binding success response with XOR-MAPPED-ADDRESS for STUN, mostly nothing. */
enum life_sign life_sign_read(struct str_view datagram, const struct address *source, struct text_builder *reply);

#endif
