/* Session descriptions as far as a switch needs them (RFC 8866): who wrote it (o=), in which version, which way media flow,
 * where to, and whether two are the same but for the version. Read in place, nothing copied. */
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
  struct str_view kind;      /* "audio", "image" … */
  struct str_view protocol;  /* "RTP/AVP", "udptl" … */
  uint16_t port;             /* 0: refused */
  struct address connection; /* c= of the media or the session; ADDRESS_NONE for a host name */
  enum sdp_direction direction; /* a= of the media or the session; 0.0.0.0 counts as SDP_SENDONLY (RFC 3264 §8.4) */
};

struct sdp {
  struct str_view text;
  struct str_view origin;    /* the o= line's value */
  struct str_view origin_id; /* user, session id, network and address: all of o= but the version */
  struct str_view version;   /* sess-version: digits */
  uint8_t media_count;
  struct sdp_media media[SDP_MEDIA_MAX];
};

/* RESULT_MALFORMED: not an SDP this switch can carry (no v=0, o=, s= or too many media). Line ends CRLF or LF. */
enum result sdp_parse(struct str_view text, struct sdp *sdp_out) MUST_USE;

/* True when both describe the same session: same text but for the o= line's version. */
bool sdp_equal_but_version(const struct sdp *a, const struct sdp *b);

/* Appends `sdp` with its o= line replaced by `origin_user_and_id version` as given: the switch is its own user agent on each leg, so
 * the o= line a leg sees keeps one origin over the whole call and a version that rises by one whenever the rest changed
 * (RFC 3264 §8), whoever wrote the description on the other side. `origin` is "user sess-id" and `address` the
 * unicast-address we stand for. */
void sdp_write_with_origin(const struct sdp *sdp, struct str_view origin, uint64_t version,
                           const struct address *address, struct text_builder *builder);

#endif
