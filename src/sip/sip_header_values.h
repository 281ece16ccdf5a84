/* Header values that are more than text, each read on demand. All RESULT_MALFORMED when the grammar is broken. */
#ifndef SIP_SIP_HEADER_VALUES_H
#define SIP_SIP_HEADER_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/str_view.h"
#include "boundary/address.h"
#include "sip/sip_message.h"
#include "sip/sip_uri.h"

/* One Via value (struct sip_via stands in sip/sip_message.h). */
enum result sip_via_parse(struct str_view value, struct sip_via *via_out) MUST_USE;

/* The topmost Via value, as it was read with the message. */
enum result sip_message_top_via(const struct sip_message *message, struct sip_via *via_out) MUST_USE;

/* True when the message has exactly one Via value. */
bool sip_message_has_one_via(const struct sip_message *message);

/* Session-Expires: delta-seconds;refresher= (RFC 4028 §4). Numbers beyond 32 bits are cut to UINT32_MAX. */
enum sip_refresher { SIP_REFRESHER_NONE, SIP_REFRESHER_UAC, SIP_REFRESHER_UAS };
struct sip_session_expires {
  uint32_t interval_s;
  enum sip_refresher refresher;
};
enum result sip_session_expires_parse(struct str_view value, struct sip_session_expires *out) MUST_USE;

/* A number of seconds with optional parameters or comment: Expires, Min-SE, Min-Expires, Retry-After. */
enum result sip_delta_seconds_parse(struct str_view value, uint32_t *seconds_out) MUST_USE;

/* RAck: rseq cseq method (RFC 3262 §7.2). */
struct sip_rack {
  uint32_t rseq;
  uint32_t cseq;
  struct str_view method_text;
};
enum result sip_rack_parse(struct str_view value, struct sip_rack *out) MUST_USE;

/* Reason: protocol;cause=;text= (RFC 3326). */
struct sip_reason {
  struct str_view protocol; /* "SIP", "Q.850" … */
  uint32_t cause;           /* 0: none given */
  struct str_view text;     /* without quotes */
};
enum result sip_reason_parse(struct str_view value, struct sip_reason *out) MUST_USE;

/* Digest credentials and challenges (RFC 3261 §22, RFC 7616, RFC 8760). Values without quotes; empty: not there. */
enum sip_digest_algorithm { SIP_DIGEST_MD5, SIP_DIGEST_SHA256, SIP_DIGEST_UNKNOWN };
struct sip_digest {
  struct str_view username, realm, nonce, uri, response, cnonce, opaque, qop, domain;
  enum sip_digest_algorithm algorithm; /* MD5 when not given */
  uint32_t nonce_count;
  struct str_view nonce_count_text; /* "00000001", as it goes into the hash */
  bool has_nonce_count;
  bool stale;
};
/* RESULT_UNSUPPORTED: another scheme than Digest. */
enum result sip_digest_parse(struct str_view value, struct sip_digest *out) MUST_USE;

#endif
