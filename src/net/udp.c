#include "net/udp.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* A second of signalling of a busy worker; more would only be answered too late. */
#define SOCKET_BUFFER_BYTES (8 << 20)

/* Not a multiple of 4096, so that the beginnings of a batch's datagrams do not compete for the same cache lines. */
#define BUFFER_BYTES  65536
#define BUFFER_STRIDE (BUFFER_BYTES + UDP_SLACK_BYTES)

struct udp_inbound {
  struct mmsghdr headers[UDP_BATCH_MAX];
  struct iovec parts[UDP_BATCH_MAX];
  union socket_address sources[UDP_BATCH_MAX];
  struct udp_datagram datagrams[UDP_BATCH_MAX];
  _Alignas(64) char buffers[UDP_BATCH_MAX * BUFFER_STRIDE];
};

void udp_set_tos(int fd, enum address_family family, uint8_t tos) {
  int value = tos;
  if (family == ADDRESS_IPV4)
    (void)setsockopt(fd, IPPROTO_IP, IP_TOS, &value, sizeof value);
  else
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &value, sizeof value);
}

static void set_buffer(int fd, int force_option, int option) {
  int bytes = SOCKET_BUFFER_BYTES;
  /* The first needs a privilege and ignores the host's limit; the second takes what the limit allows. */
  if (setsockopt(fd, SOL_SOCKET, force_option, &bytes, sizeof bytes) != 0)
    (void)setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof bytes);
}

static int set_options(int fd, enum address_family family) {
  int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) return -1;
  set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
  set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
  /* Large messages are fragmented by us or on the way; a "fragmentation needed" must not lose them. */
  if (family == ADDRESS_IPV4) {
    int dont = IP_PMTUDISC_DONT;
    (void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont, sizeof dont);
    return setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
  }
  int dont = IPV6_PMTUDISC_DONT;
  (void)setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &dont, sizeof dont);
  if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) return -1;
  return setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
}

static int bind_to(int fd, struct address *address) {
  union socket_address raw;
  socklen_t length = socket_address_from(address, &raw);
  if (bind(fd, (const struct sockaddr *)&raw, length) != 0) return -1;
  if (getsockname(fd, (struct sockaddr *)&raw, &length) != 0) return -1;
  socket_address_to(&raw, address);
  return 0;
}

int udp_open(struct address *address, uint8_t tos) {
  int family = address->family == ADDRESS_IPV6 ? AF_INET6 : AF_INET;
  int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (set_options(fd, (enum address_family)address->family) == 0 && bind_to(fd, address) == 0) {
    udp_set_tos(fd, (enum address_family)address->family, tos);
    return fd;
  }
  int problem = errno;
  close(fd);
  errno = problem;
  return -1;
}

uint32_t udp_queue_fill_permille(int fd, uint32_t *dropped_out) {
  uint32_t memory[SK_MEMINFO_VARS] = {0};
  socklen_t length = sizeof memory;
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &length) != 0 || memory[SK_MEMINFO_RCVBUF] == 0) return 0;
  *dropped_out = memory[SK_MEMINFO_DROPS];
  return (uint32_t)((uint64_t)memory[SK_MEMINFO_RMEM_ALLOC] * 1000 / memory[SK_MEMINFO_RCVBUF]);
}

/* By the wall clock, which may be set meanwhile: then one answer is wrong. */
uint32_t udp_waited_ms(int fd) {
  struct timespec came, now;
  if (ioctl(fd, SIOCGSTAMPNS, &came) != 0 || clock_gettime(CLOCK_REALTIME, &now) != 0) return UDP_WAIT_UNKNOWN;
  int64_t waited_ms = (int64_t)(now.tv_sec - came.tv_sec) * 1000 + (now.tv_nsec - came.tv_nsec) / 1000000;
  return waited_ms > 0 ? (uint32_t)waited_ms : 0;
}

size_t udp_inbound_memory_bytes(void) {
  return sizeof(struct udp_inbound);
}

struct udp_inbound *udp_inbound_create(void *memory) {
  struct udp_inbound *inbound = memory;
  for (unsigned i = 0; i < UDP_BATCH_MAX; i++) {
    inbound->parts[i] = (struct iovec){inbound->buffers + (size_t)i * BUFFER_STRIDE, BUFFER_BYTES};
    inbound->headers[i].msg_hdr = (struct msghdr){
        .msg_name = &inbound->sources[i],
        .msg_namelen = sizeof inbound->sources[i],
        .msg_iov = &inbound->parts[i],
        .msg_iovlen = 1,
    };
  }
  return inbound;
}

unsigned udp_receive(struct udp_inbound *inbound, int fd, const struct udp_datagram **datagrams_out) {
  /* An ICMP error is also reported here, once, in place of datagrams that wait behind it; the error queue keeps it. */
  int count = -1;
  for (unsigned attempt = 0; count < 0 && attempt < UDP_BATCH_MAX; attempt++) {
    count = recvmmsg(fd, inbound->headers, UDP_BATCH_MAX, MSG_DONTWAIT, NULL);
    if (count < 0 && errno == EAGAIN) break;
  }

  *datagrams_out = inbound->datagrams;
  unsigned kept = 0;
  for (int i = 0; i < count; i++) {
    struct msghdr *header = &inbound->headers[i].msg_hdr;
    struct udp_datagram *datagram = &inbound->datagrams[kept];
    /* No datagram is longer than its buffer, so one that is cut is none that we could have meant to read. */
    if (socket_address_to(header->msg_name, &datagram->source) && !(header->msg_flags & MSG_TRUNC)) {
      datagram->bytes = str_view_of(header->msg_iov->iov_base, inbound->headers[i].msg_len);
      kept++;
    }
    header->msg_namelen = sizeof(union socket_address);
  }
  return kept;
}

struct udp_outbound {
  struct mmsghdr headers[UDP_BATCH_MAX];
  struct iovec parts[UDP_BATCH_MAX];
  union socket_address remotes[UDP_BATCH_MAX];
  struct address unreachable[UDP_BATCH_MAX];
  unsigned count, unreachable_count;
  int fd;
  uint64_t sent, dropped;
};

size_t udp_outbound_memory_bytes(void) {
  return sizeof(struct udp_outbound);
}

struct udp_outbound *udp_outbound_create(void *memory) {
  struct udp_outbound *outbound = memory;
  for (unsigned i = 0; i < UDP_BATCH_MAX; i++)
    outbound->headers[i].msg_hdr =
        (struct msghdr){.msg_name = &outbound->remotes[i], .msg_iov = &outbound->parts[i], .msg_iovlen = 1};
  return outbound;
}

void udp_outbound_add(struct udp_outbound *outbound, int fd, const struct address *remote, struct str_view bytes) {
  if (outbound->count == UDP_BATCH_MAX || (outbound->count > 0 && outbound->fd != fd)) udp_outbound_flush(outbound);
  unsigned i = outbound->count;
  socklen_t length = socket_address_from(remote, &outbound->remotes[i]);
  if (length == 0) {
    outbound->dropped++;
    return;
  }
  outbound->fd = fd;
  outbound->headers[i].msg_hdr.msg_namelen = length;
  outbound->parts[i] = (struct iovec){(void *)(uintptr_t)bytes.data, bytes.length};
  outbound->count = i + 1;
}

static void note_unreachable(struct udp_outbound *outbound, unsigned index) {
  struct address remote;
  if (!socket_address_to(&outbound->remotes[index], &remote)) return;
  for (unsigned i = 0; i < outbound->unreachable_count; i++)
    if (address_equal(&outbound->unreachable[i], &remote)) return;
  if (outbound->unreachable_count < UDP_BATCH_MAX) outbound->unreachable[outbound->unreachable_count++] = remote;
}

/* What sendmmsg's errno means for the first datagram that it did not send. */
enum send_fate { SEND_AGAIN, SEND_DROP, SEND_UNREACHABLE };

static enum send_fate fate_of(int problem, bool is_first_try) {
  switch (problem) {
  case EINTR: return SEND_AGAIN;
  /* The socket reports, once, an ICMP error of some earlier datagram: this one has not been tried. */
  case ECONNREFUSED:
  case EHOSTUNREACH:
  case ENETUNREACH:
  case EPROTO:
  case ENOPROTOOPT:
  case EHOSTDOWN: return is_first_try ? SEND_AGAIN : SEND_UNREACHABLE;
  case EACCES:
  case EPERM:
  case EINVAL:
  case EADDRNOTAVAIL:
  case EAFNOSUPPORT:
  case ENETDOWN: return SEND_UNREACHABLE;
  default: return SEND_DROP;
  }
}

void udp_outbound_flush(struct udp_outbound *outbound) {
  unsigned done = 0;
  bool is_first_try = true;
  while (done < outbound->count) {
    int sent = sendmmsg(outbound->fd, outbound->headers + done, outbound->count - done, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      done += (unsigned)sent;
      outbound->sent += (unsigned)sent;
      is_first_try = true;
      continue;
    }
    enum send_fate fate = fate_of(sent < 0 ? errno : EAGAIN, is_first_try);
    is_first_try = false;
    if (fate == SEND_AGAIN) continue;
    if (fate == SEND_UNREACHABLE) note_unreachable(outbound, done);
    outbound->dropped++;
    done++;
    is_first_try = true;
  }
  outbound->count = 0;
}

struct udp_outbound_news udp_outbound_take_news(struct udp_outbound *outbound) {
  struct udp_outbound_news news = {outbound->sent, outbound->dropped, outbound->unreachable,
                                   outbound->unreachable_count};
  outbound->sent = outbound->dropped = 0;
  outbound->unreachable_count = 0;
  return news;
}
