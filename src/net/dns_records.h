/* Replies of name servers about where a SIP service is: SRV records (RFC 2782) and NAPTR records (RFC 3403), as
 * RFC 3263 section 4 uses them. Bytes of strangers: what cannot be read is passed over. */
#ifndef NET_DNS_RECORDS_H
#define NET_DNS_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "boundary/address.h"
#include "boundary/server_rank.h"

#define DNS_HOST_BYTES  254 /* RFC 1035 section 2.3.4, without the root's dot, with a NUL */
#define DNS_SERVERS_MAX 8

/* One SRV record. */
struct dns_server {
  char host[DNS_HOST_BYTES];
  uint16_t port;
  struct server_rank rank;
};

struct dns_servers {
  uint8_t count;
  struct dns_server items[DNS_SERVERS_MAX];
};

/* A NAPTR record that says over what a domain is reached, and under which name its SRV records stand. */
struct dns_service {
  uint16_t order, preference;
  enum transport transport;
  char servers_name[DNS_HOST_BYTES];
};

/* Reads the SRV records of a reply, the first DNS_SERVERS_MAX that name a host. True when there are any, also when all
 * say that the service is not available. `*ttl_s` is lowered to their least time to live. */
bool dns_read_servers(const unsigned char *reply, int length, struct dns_servers *servers_out, uint32_t *ttl_s);

/* Reads the NAPTR records of a reply, and picks the one to go by: of those about SIP over a transport that we speak
 * the first in their order. False: there is none. `*ttl_s` as above. */
bool dns_read_service(const unsigned char *reply, int length, struct dns_service *service_out, uint32_t *ttl_s);

#endif
