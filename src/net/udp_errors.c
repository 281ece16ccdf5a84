/* ICMP errors, from the sockets' error queues. Anyone who knows our port can forge one, so they say no more than that
 * datagrams to this peer seem to be in vain; what follows is decided by the transactions with it. */
#include <time.h>

#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <string.h>

#include "net/udp.h"

/* RFC 3261 section 18.4: host, network, port or protocol unreachable, or parameter problem; source quench and time
 * exceeded are ignored. "Fragmentation needed" is no failure: the next attempt is fragmented. */
static bool says_unreachable(const struct sock_extended_err *error) {
  if (error->ee_origin == SO_EE_ORIGIN_ICMP)
    return (error->ee_type == ICMP_DEST_UNREACH && error->ee_code != ICMP_FRAG_NEEDED) ||
           error->ee_type == ICMP_PARAMETERPROB;
  if (error->ee_origin == SO_EE_ORIGIN_ICMP6)
    return error->ee_type == ICMPV6_DEST_UNREACH || error->ee_type == ICMPV6_PARAMPROB;
  return false;
}

static bool is_about_a_peer(struct msghdr *header) {
  for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
    bool is_error = (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVERR) ||
                    (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_RECVERR);
    struct sock_extended_err error;
    if (!is_error || part->cmsg_len < CMSG_LEN(sizeof error)) continue;
    memcpy(&error, CMSG_DATA(part), sizeof error);
    return says_unreachable(&error);
  }
  return false;
}

static unsigned add_once(struct address *remotes, unsigned count, const struct address *remote) {
  for (unsigned i = 0; i < count; i++)
    if (address_equal(&remotes[i], remote)) return count;
  remotes[count] = *remote;
  return count + 1;
}

unsigned udp_take_errors(int fd, struct address *remotes_out, unsigned remotes_max) {
  unsigned count = 0;
  while (count < remotes_max) {
    union socket_address peer;
    char payload[8];
    _Alignas(8) char control[256];
    struct iovec part = {payload, sizeof payload};
    struct msghdr header = {.msg_name = &peer,
                            .msg_namelen = sizeof peer,
                            .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof control};
    if (recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
    struct address remote;
    if (is_about_a_peer(&header) && socket_address_to(&peer, &remote)) count = add_once(remotes_out, count, &remote);
  }
  return count;
}
