#include "dialog/next_hop.h"

#include "sip/sip_header_values.h"
#include "sip/sip_uri.h"

#define SIP_PORT  5060
#define SIPS_PORT 5061

/* How far an address reaches. A peer that names one of narrower reach than the one it is met at is behind NAT. */
enum reach { REACH_NOWHERE, REACH_LOOPBACK, REACH_LINK, REACH_PRIVATE, REACH_PUBLIC };

static enum reach ipv4_reach(const uint8_t ip[4]) {
  if (ip[0] == 0) return REACH_NOWHERE;
  if (ip[0] == 127) return REACH_LOOPBACK;
  if (ip[0] == 169 && ip[1] == 254) return REACH_LINK;
  if (ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) || (ip[0] == 192 && ip[1] == 168)) return REACH_PRIVATE;
  if (ip[0] == 100 && (ip[1] & 0xc0) == 64) return REACH_PRIVATE; /* a carrier's own NAT */
  return REACH_PUBLIC;
}

static enum reach address_reach(const struct address *address) {
  static const uint8_t zeros[15];
  if (address->family == ADDRESS_IPV4) return ipv4_reach(address->ip);
  if (memcmp(address->ip, zeros, 15) == 0) return address->ip[15] == 1 ? REACH_LOOPBACK : REACH_NOWHERE;
  if (address->ip[0] == 0xfe && (address->ip[1] & 0xc0) == 0x80) return REACH_LINK;
  if ((address->ip[0] & 0xfe) == 0xfc) return REACH_PRIVATE;
  return REACH_PUBLIC;
}

/* maddr before host (RFC 3263 §4). */
static struct str_view uri_host(const struct sip_uri *uri) {
  struct str_view maddr = {0};
  bool has_maddr = sip_parameter_find(uri->parameters, STR_VIEW("maddr"), &maddr) && maddr.length > 0;
  return has_maddr ? maddr : uri->host;
}

/* The address a URI names, with the default port of the transport when it gives none. */
static bool uri_address(const struct sip_uri *uri, enum transport transport, struct address *address_out) {
  if (address_parse_ip(uri_host(uri), address_out) != RESULT_OK) return false;
  uint16_t default_port = transport == TRANSPORT_TLS ? SIPS_PORT : SIP_PORT;
  address_out->port = uri->port != 0 ? uri->port : default_port;
  return true;
}

static enum transport wanted_transport(const struct sip_uri *uri, bool secure, const struct flow *known) {
  if (secure || uri->scheme == SIP_URI_SIPS) return TRANSPORT_TLS;
  enum transport transport = sip_uri_transport(uri);
  struct address address;
  if (transport != TRANSPORT_NONE) return transport;
  if (!transport_is_stream(known->transport)) return TRANSPORT_UDP;
  bool same_peer = address_parse_ip(uri->host, &address) == RESULT_OK && address_equal_ip(&address, &known->remote);
  return same_peer ? (enum transport)known->transport : TRANSPORT_UDP;
}

/* The way to an address, unless the known one is better. */
static struct flow flow_to(const struct local_identity *local, const struct address *remote, enum transport transport,
                           const struct flow *known) {
  struct flow flow = *known;
  if (address_reach(remote) < address_reach(&known->remote)) return *known;
  bool same_transport = transport == known->transport;
  if (same_transport && transport_is_stream(transport) && address_equal_ip(remote, &known->remote)) return *known;
  if (same_transport && address_equal(remote, &known->remote)) return *known;
  if (!local_identity_find_socket(local, transport, remote->family, &flow.socket_index)) return *known;
  flow.remote = *remote;
  flow.transport = (uint8_t)transport;
  flow.connection = 0;
  return flow;
}

bool next_hop_aim(const struct local_identity *local, struct str_view uri_text, bool secure, struct flow *flow) {
  struct sip_uri uri;
  struct address remote;
  if (sip_uri_parse(uri_text, &uri) != RESULT_OK) return false;
  enum transport transport = wanted_transport(&uri, secure, flow);
  if (!uri_address(&uri, transport, &remote)) return false;
  *flow = flow_to(local, &remote, transport, flow);
  return true;
}

struct flow next_hop_flow(const struct local_identity *local, struct str_view uri_text, bool secure,
                          const struct flow *known) {
  struct flow flow = *known;
  (void)next_hop_aim(local, uri_text, secure, &flow);
  return flow;
}

/* --- host names -------------------------------------------------------------------------------------------------- */

bool next_hop_name_of(struct str_view uri_text, bool secure, const struct flow *known, struct next_hop_name *name_out) {
  struct sip_uri uri;
  struct address address;
  if (sip_uri_parse(uri_text, &uri) != RESULT_OK || address_parse_ip(uri_host(&uri), &address) == RESULT_OK)
    return false;
  *name_out = (struct next_hop_name){uri_host(&uri), wanted_transport(&uri, secure, known), uri.port};
  /* RFC 3263 §4.1: only where neither transport nor port is given DNS says over what. */
  if (sip_uri_transport(&uri) == TRANSPORT_NONE && uri.port == 0 && name_out->transport == TRANSPORT_UDP)
    name_out->transport = TRANSPORT_NONE;
  return true;
}

struct flow next_hop_flow_among(const struct local_identity *local, const struct address *addresses, unsigned count,
                                enum transport transport, const struct flow *known) {
  uint16_t socket_index = known->socket_index;
  for (unsigned i = 0; i < count; i++)
    if (transport == known->transport && address_equal_ip(&addresses[i], &known->remote) &&
        (transport_is_stream(transport) || addresses[i].port == known->remote.port))
      return *known;
  for (unsigned i = 0; i < count; i++)
    if (local_identity_find_socket(local, transport, addresses[i].family, &socket_index))
      return flow_to(local, &addresses[i], transport, known);
  return *known;
}

bool next_hop_sender_is_translated(const struct sip_message *request, const struct flow *source) {
  struct sip_via via;
  struct address sent_by;
  if (sip_message_top_via(request, &via) != RESULT_OK) return false;
  if (address_parse_ip(via.host, &sent_by) != RESULT_OK) return false;
  if (!address_equal_ip(&sent_by, &source->remote)) return true;
  if (transport_is_stream(source->transport) || !via.has_rport) return false;
  return (via.port != 0 ? via.port : SIP_PORT) != source->remote.port;
}
