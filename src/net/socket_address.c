#include "net/socket_address.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

socklen_t socket_address_from(const struct address *address, union socket_address *out) {
  if (address->family == ADDRESS_IPV4) {
    out->ipv4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(address->port)};
    memcpy(&out->ipv4.sin_addr, address->ip, 4);
    return sizeof out->ipv4;
  }
  if (address->family == ADDRESS_IPV6) {
    out->ipv6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
    memcpy(&out->ipv6.sin6_addr, address->ip, 16);
    return sizeof out->ipv6;
  }
  return 0;
}

bool socket_address_to(const union socket_address *from, struct address *out) {
  *out = (struct address){0};
  if (from->family == AF_INET) {
    memcpy(out->ip, &from->ipv4.sin_addr, 4);
    out->port = ntohs(from->ipv4.sin_port);
    out->family = ADDRESS_IPV4;
  } else if (from->family == AF_INET6) {
    memcpy(out->ip, &from->ipv6.sin6_addr, 16);
    out->port = ntohs(from->ipv6.sin6_port);
    out->family = ADDRESS_IPV6;
  }
  return out->family != ADDRESS_NONE;
}

bool address_is_any(const struct address *address) {
  static const uint8_t zero[16];
  return memcmp(address->ip, zero, sizeof zero) == 0;
}

static bool is_link_local(const struct address *address) {
  if (address->family == ADDRESS_IPV4) return address->ip[0] == 169 && address->ip[1] == 254;
  return address->ip[0] == 0xfe && (address->ip[1] & 0xc0) == 0x80;
}

static void loopback_address(enum address_family family, struct address *out) {
  *out = (struct address){.family = (uint8_t)family};
  if (family == ADDRESS_IPV4) {
    out->ip[0] = 127;
    out->ip[3] = 1;
  } else {
    out->ip[15] = 1;
  }
}

void host_address(enum address_family family, struct address *out) {
  struct ifaddrs *interfaces = NULL;
  bool is_found = false;
  if (getifaddrs(&interfaces) == 0) {
    for (struct ifaddrs *at = interfaces; at && !is_found; at = at->ifa_next) {
      if (!at->ifa_addr || (at->ifa_flags & IFF_LOOPBACK) || !(at->ifa_flags & IFF_UP)) continue;
      union socket_address raw = {0};
      size_t length = at->ifa_addr->sa_family == AF_INET    ? sizeof raw.ipv4
                      : at->ifa_addr->sa_family == AF_INET6 ? sizeof raw.ipv6
                                                            : 0;
      memcpy(&raw, at->ifa_addr, length);
      is_found = socket_address_to(&raw, out) && out->family == family && !is_link_local(out);
    }
    freeifaddrs(interfaces);
  }
  if (!is_found) loopback_address(family, out);
  out->port = 0;
}

bool socket_is_free(const struct address *address, enum transport transport) {
  union socket_address raw = {0};
  socklen_t length = socket_address_from(address, &raw);
  bool is_stream = transport_is_stream(transport);
  int on = 1, fd = socket(raw.family, (is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  /* For streams this means: connections that are dying do not count, a listener does. */
  if (is_stream) (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address->family == ADDRESS_IPV6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  bool is_free = bind(fd, (const struct sockaddr *)&raw, length) == 0 && (!is_stream || listen(fd, 1) == 0);
  int problem = errno;
  close(fd);
  errno = problem;
  return is_free;
}
