/* Whatever a name server sends: the reader ends, host names are ended with a NUL, and times to live only fall. */
#include "net/dns_records.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct dns_servers servers;
  struct dns_service service;
  uint32_t ttl_s = 60;
  if (size > UINT16_MAX) return 0;
  bool has_servers = dns_read_servers(data, (int)size, &servers, &ttl_s);
  if (servers.count > DNS_SERVERS_MAX || (servers.count > 0 && !has_servers) || ttl_s > 60) __builtin_trap();
  for (uint8_t i = 0; i < servers.count; i++)
    if (strnlen(servers.items[i].host, DNS_HOST_BYTES) == DNS_HOST_BYTES) __builtin_trap();
  if (dns_read_service(data, (int)size, &service, &ttl_s) &&
      (strnlen(service.servers_name, DNS_HOST_BYTES) == DNS_HOST_BYTES || service.transport == TRANSPORT_NONE))
    __builtin_trap();
  return 0;
}
