/* Is a peer whom its certificate says it is (RFC 5922)? Its chain has been checked before. */
#ifndef NET_TLS_PEER_H
#define NET_TLS_PEER_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "base/str_view.h"
#include "boundary/address.h"

/* True when one of the certificate's SIP domain identities is `domain` (section 7.1: URIs of the form sip:DOMAIN, else
 * DNS names, else, without any subjectAltName, the common name; section 7.2: in their entirety, no wildcards). */
bool tls_peer_has_domain(X509 *certificate, struct str_view domain);

/* True when the certificate names this address (RFC 5280 section 4.2.1.6, iPAddress), for a peer that has no name. */
bool tls_peer_has_address(X509 *certificate, const struct address *address);

#endif
