/* Digest arithmetic (RFC 7616 §3.4, RFC 8760) is in the middle, so MD5 and SHA-256 are here too, without heap or
 * contexts of a library. */
#ifndef SIP_SIP_DIGEST_COMPUTE_H
#define SIP_SIP_DIGEST_COMPUTE_H

#include "base/str_view.h"
#include "sip/sip_header_values.h"

/* Lower-case hexadecimal; 32 digits of MD5, 64 of SHA-256. */
struct sip_digest_hex {
  char text[64];
  uint8_t length;
};

/* Hashes the concatenation of `parts` with a ':' between each two. */
struct sip_digest_hex sip_digest_hash(enum sip_digest_algorithm algorithm, const struct str_view *parts,
                                      unsigned part_count);

/* H(A1) of user, realm and password. */
struct sip_digest_hex sip_digest_ha1(enum sip_digest_algorithm algorithm, struct str_view user, struct str_view realm,
                                     struct str_view password);

/* H(A2) of method and URI, for qop auth or none. */
struct sip_digest_hex sip_digest_ha2(enum sip_digest_algorithm algorithm, struct str_view method, struct str_view uri);

/* The response that the values in `digest` call for: H(H(A1) nonce nc cnonce qop H(A2)), or without qop H(H(A1) nonce
 * H(A2)), with ':' between (RFC 7616 §3.4.1, RFC 2069). digest->response is not looked at. For credentials of our own
 * too. */
struct sip_digest_hex sip_digest_response(const struct sip_digest *digest, struct str_view ha1_hex,
                                          struct str_view method);

/* True when digest->response is right for H(A1), method and the values in `digest` (qop auth, or none: RFC 2069).
 * Compared in constant time. */
bool sip_digest_matches(const struct sip_digest *digest, struct str_view ha1_hex, struct str_view method);

/* The same for whoever has H(A2) of digest->algorithm, the method and digest->uri already. */
bool sip_digest_matches_ha2(const struct sip_digest *digest, struct str_view ha1_hex, struct str_view ha2_hex);

#endif
