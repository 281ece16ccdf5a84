/* The client's half of the Digest scheme (RFC 3261 §22.2, §22.3, RFC 7616 §3.4, RFC 8760 §2.4): which challenge of a
 * 401 or 407 is answered, and the answer as a header line. Nobody's password comes here, only H(A1). */
#ifndef SIP_SIP_CREDENTIALS_H
#define SIP_SIP_CREDENTIALS_H

#include "base/text_builder.h"
#include "sip/sip_header_values.h"
#include "sip/sip_message.h"

/* The topmost challenge that can be answered: MD5 or SHA-256, qop auth or none, and of `realm`, empty: of any. Those of
 * WWW-Authenticate in a 401, of Proxy-Authenticate in a 407. `*value_out` is the header field's value, from which
 * sip_digest_parse makes `*challenge_out` again. False: there is none. */
bool sip_credentials_choose(const struct sip_message *response, struct str_view realm, struct sip_digest *challenge_out,
                            struct str_view *value_out);

/* What an answer is made of, beside the challenge. */
struct sip_credentials {
  struct str_view user;
  struct str_view ha1_hex; /* of user, the challenge's realm and the password, by its algorithm */
  struct str_view method, request_uri;
  uint64_t cnonce;      /* random */
  uint32_t nonce_count; /* how often the nonce has been used, with this time */
};

/* Writes the line "Authorization: Digest …", or Proxy-Authorization as `header` says. The user must hold neither quotes
 * nor backslashes. */
void sip_credentials_write(const struct sip_digest *challenge, const struct sip_credentials *credentials,
                           enum sip_header header, struct text_builder *builder);

#endif
