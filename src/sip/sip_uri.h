/* sip:, sips: and tel: URIs (RFC 3261 §19.1, RFC 3966). */
#ifndef SIP_SIP_URI_H
#define SIP_SIP_URI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/str_view.h"
#include "boundary/address.h"

enum sip_uri_scheme { SIP_URI_SIP, SIP_URI_SIPS, SIP_URI_TEL, SIP_URI_OTHER };

struct sip_uri {
  struct str_view text; /* all of it */
  enum sip_uri_scheme scheme;
  struct str_view scheme_text;
  struct str_view user; /* still escaped; tel: the number */
  struct str_view password;
  struct str_view host; /* IPv6 without brackets */
  bool host_is_ipv6;
  uint16_t port;              /* 0: none */
  struct str_view parameters; /* "transport=udp;lr", without the leading ';' */
  struct str_view headers;    /* behind '?' */
};

/* RESULT_MALFORMED with nothing in `*uri_out` to rely on. Unknown schemes are RESULT_OK with SIP_URI_OTHER. */
enum result sip_uri_parse(struct str_view text, struct sip_uri *uri_out) MUST_USE;

/* The value of a URI or header parameter in "a=1;b;c=\"x\"" (names without case, blanks around '=' and ';' allowed).
 * False when it is not there; a parameter without value gives an empty view. Quotes are kept in the value. */
bool sip_parameter_find(struct str_view parameters, struct str_view name, struct str_view *value_out);

/* Walks over parameters: false at the end. `*rest` starts as the whole text. */
bool sip_parameter_next(struct str_view *rest, struct str_view *name_out, struct str_view *value_out);

/* Equality by RFC 3261 §19.1.4 (tel: RFC 3966 §4): escapes, case, which parameters matter. A URI with more than 32
 * parameters and headers is equal only to the same bytes. */
bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b);

/* The user part with %HH resolved (in the arena only when there is one), user parameters (";phone-context=…") cut off.
 */
struct str_view sip_uri_user_plain(const struct sip_uri *uri, struct arena *arena);

/* Writes sip:user@address, the user escaped (RFC 3261 §25.1), the port only when it is not the default, and a transport
 * parameter for TCP and TLS. No user, no '@'. */
void sip_uri_write(struct text_builder *builder, struct str_view user, const struct address *address,
                   enum transport transport);

/* The transport a URI asks for: its transport parameter, TLS for sips, else TRANSPORT_NONE. */
enum transport sip_uri_transport(const struct sip_uri *uri);

/* A From, To, Contact, Route, Refer-To … value: [display] <uri>;params or uri;params (RFC 3261 §20.10). */
struct sip_name_addr {
  struct str_view display; /* quotes and escapes still there */
  struct str_view uri_text;
  struct sip_uri uri;
  struct str_view parameters; /* header parameters, without the leading ';' */
  bool is_star;               /* Contact: * */
};
enum result sip_name_addr_parse(struct str_view text, struct sip_name_addr *name_addr_out) MUST_USE;

#endif
