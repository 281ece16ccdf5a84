/* Session descriptions as far as a switch needs them (RFC 8866): who wrote it (o=), in which version, which way media
 * flow, where to, and whether two are the same but for the version. Read in place, nothing copied. */
#ifndef SDP_SDP_H
#define SDP_SDP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/str_view.h"
#include "base/text_builder.h"
#include "boundary/address.h"

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };

#define SDP_MEDIA_MAX 16

struct sdp_media {
  struct str_view kind;         /* "audio", "image" … */
  struct str_view protocol;     /* "RTP/AVP", "udptl" … */
  uint16_t port;                /* 0: refused */
  struct address connection;    /* c= of the media or the session; ADDRESS_NONE for a host name */
  enum sdp_direction direction; /* a= of the media or the session; 0.0.0.0 counts as SDP_SENDONLY (RFC 3264 §8.4) */
};

struct sdp {
  struct str_view text;
  struct str_view origin;    /* the o= line's value: "user sess-id sess-version IN IP4 address" */
  struct str_view origin_id; /* its "user sess-id" */
  struct str_view version;   /* its sess-version: digits */
  uint8_t media_count;
  struct sdp_media media[SDP_MEDIA_MAX];
};

/* RESULT_MALFORMED: not an SDP this switch can carry: it does not begin with v=0, o= and s=, has too many media, or a
 * line that is none (RFC 8866 §9). Lines may end with CRLF or LF. What else the lines say is looked at only as far as
 * struct sdp goes. */
enum result sdp_parse(struct str_view text, struct sdp *sdp_out) MUST_USE;

/* What follows the o= line of a description that sdp_parse has taken, the end of that line first: "\r\ns=…". All that a
 * switch need keep of one, since v= and o= it writes itself. */
struct str_view sdp_behind_origin(struct str_view text);

/* Appends the description `behind_origin` with "o=`origin` `version` IN IP4|IP6 `address`": the switch is its own user
 * agent on each leg, so the o= line a leg sees keeps one origin over the whole call and a version that rises by one
 * whenever the rest changed (RFC 3264 §8), whoever wrote the description on the other side. `origin` is "user sess-id"
 * and `address` the unicast-address we stand for. All other bytes stay as they are; the line before ends as o= does. */
void sdp_write_with_origin(struct str_view behind_origin, struct str_view origin, uint64_t version,
                           const struct address *address, struct text_builder *builder);

/* Appends an answer to `offer` that takes none of its media (RFC 3264 §6: one m= line for each, with port 0, and the
 * offer's t= lines), for a call that ends before there is a better one. `origin`, `version` and `address` as above. */
void sdp_write_declined(const struct sdp *offer, struct str_view origin, uint64_t version,
                        const struct address *address, struct text_builder *builder);

/* Appends an offer of one audio stream on which nothing is to be sent in either direction (a=inactive, RFC 8866
 * §6.7.4), in the codecs that any carrier has. Its port is 9, the one that discards (RFC 863). `origin`, `version` and
 * `address` as above. */
void sdp_write_inactive(struct str_view origin, uint64_t version, const struct address *address,
                        struct text_builder *builder);

#endif
