/* What shows that a device lives, and what that it does not: one device's bookkeeping, nothing sent from here.
 *
 * Alive is whoever sends anything. A keep-alive counts as answered by what answers its kind: an OPTIONS by a response
 * to it of any code, CRLFCRLF and the text by whatever comes that is no SIP. An OPTIONS is missed when nothing at all
 * came until the next keep-alive is due; after BF_NAT_KEEP_ALIVE_MISSES in a row the device is unreachable, until
 * anything comes. Text and CRLF that stay unanswered say nothing about a device: most just drop them. */
#ifndef KEEPALIVE_KEEPALIVE_EVIDENCE_H
#define KEEPALIVE_KEEPALIVE_EVIDENCE_H

#include "keepalive/keepalive_device.h"

enum keepalive_sign {
  KEEPALIVE_SIGN_MESSAGE, /* any SIP message */
  KEEPALIVE_SIGN_PING,    /* what is no SIP: a text, zeros, STUN, CRLFCRLF */
  KEEPALIVE_SIGN_PONG,    /* a single CRLF (RFC 5626 §3.5.1) */
  KEEPALIVE_SIGN_ANSWER,  /* a response to the latest OPTIONS */
};

/* Something came from the device. True when it was unreachable until now. */
bool keepalive_evidence_heard(struct keepalive_device *device, struct context *context, enum keepalive_sign sign);

/* Draws the sum of the round that ends now, before the next keep-alive. True when the device has just become
 * unreachable. */
bool keepalive_evidence_judge(struct keepalive_device *device, struct context *context);

/* A keep-alive of that kind goes out now. */
void keepalive_evidence_sent(struct keepalive_device *device, const struct context *context, enum keepalive_kind kind);

#endif
