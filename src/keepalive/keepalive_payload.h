/* What a keep-alive says. */
#ifndef KEEPALIVE_KEEPALIVE_PAYLOAD_H
#define KEEPALIVE_KEEPALIVE_PAYLOAD_H

#include "keepalive/keepalive_device.h"
#include "sip/sip_message.h"

/* What the device gets, by its own method or the parameter's, and by BF_NAT_KEEP_ALIVE_WHO where the method is not its
 * own. NONE also over a stream without connection of its own: none is ever opened for a keep-alive.
 *
 * Over TCP and TLS a text would stand in front of the next SIP message and spoil it, so CRLFCRLF goes instead, which
 * every device must skip (RFC 3261 §7.5); so for devices that read datagrams like a stream. `auto` with an empty text
 * begins with OPTIONS. */
enum keepalive_kind keepalive_payload_kind(const struct keepalive_device *device, const struct parameters *parameters);

/* The same of a device about which only these two are known: for counting who gets one. */
bool keepalive_method_is_off(const struct parameters *parameters, unsigned method, bool is_behind_nat);

/* Longer than any OPTIONS but one to a monstrous Contact. */
#define KEEPALIVE_PAYLOAD_MAX 1280

/* An OPTIONS to the device (RFC 3261 §11.1), outside of any dialog and of any transaction: nothing is kept for it and
 * it is not sent again, for the next one does both. `flow` is where it goes, mostly device->flow; `contact` the
 * Request-URI, or empty: its address. Whatever comes back to this branch from there was sent by who got it. */
void keepalive_options_build(const struct context *context, const struct keepalive_device *device, struct handle handle,
                             const struct flow *flow, struct str_view contact, struct text_builder *builder);

/* --- our branches ------------------------------------------------------------------------------------------------ */

/*
 *   z9hG4bKka  01      0000002a  00000007    5f0c6a1e9d3b8e42
 *              worker  index     generation  signature over these, the CSeq and the address it went to */

struct keepalive_branch {
  uint8_t worker;
  struct handle device;
  uint64_t signature;
};

/* RESULT_MALFORMED when it is not one of a keep-alive of ours. */
enum result keepalive_branch_read(struct str_view branch, struct keepalive_branch *branch_out) MUST_USE;

/* True when a request with this CSeq went to `flow` with that branch. */
bool keepalive_branch_is_of(const struct context *context, const struct keepalive_branch *branch, uint32_t cseq,
                            const struct flow *flow);

#endif
