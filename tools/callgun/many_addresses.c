#include "many_addresses.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "gun_socket.h"

#define FIRST_ADDRESS 0x7F400000u /* 127.64.0.0 */
#define BUFFER_BYTES  4096
#define SLACK_BYTES   64
#define QUEUE_BYTES   (256 << 20)

union control {
  struct cmsghdr alignment;
  char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

/* A batch in one direction. */
struct batch {
  struct mmsghdr headers[MANY_ADDRESSES_BATCH];
  struct iovec parts[MANY_ADDRESSES_BATCH];
  struct sockaddr_in peers[MANY_ADDRESSES_BATCH];
  union control controls[MANY_ADDRESSES_BATCH];
};

struct many_addresses {
  int fd;
  uint16_t port;
  unsigned waiting;
  struct batch in, out;
  struct many_datagram datagrams[MANY_ADDRESSES_BATCH];
  char buffers[MANY_ADDRESSES_BATCH][BUFFER_BYTES + SLACK_BYTES];
};

static void init_batch(struct batch *batch) {
  for (unsigned i = 0; i < MANY_ADDRESSES_BATCH; i++)
    batch->headers[i].msg_hdr = (struct msghdr){.msg_name = &batch->peers[i],
                                                .msg_namelen = sizeof batch->peers[i],
                                                .msg_iov = &batch->parts[i],
                                                .msg_iovlen = 1,
                                                .msg_control = &batch->controls[i],
                                                .msg_controllen = sizeof batch->controls[i]};
}

static bool open_socket(struct many_addresses *many, uint16_t *port) {
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(*port)};
  socklen_t length = sizeof name;
  int on = 1, bytes = QUEUE_BYTES;
  many->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (many->fd < 0 || setsockopt(many->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) != 0) return false;
  if (setsockopt(many->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
    (void)setsockopt(many->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  if (bind(many->fd, (struct sockaddr *)&name, length) != 0) return false;
  if (getsockname(many->fd, (struct sockaddr *)&name, &length) != 0) return false;
  *port = many->port = ntohs(name.sin_port);
  return true;
}

struct many_addresses *many_addresses_open(uint16_t *port, int epoll_fd, void *tag) {
  struct many_addresses *many = gun_memory(sizeof *many);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};
  init_batch(&many->in);
  init_batch(&many->out);
  for (unsigned i = 0; i < MANY_ADDRESSES_BATCH; i++)
    many->in.parts[i] = (struct iovec){many->buffers[i], BUFFER_BYTES};
  bool is_open = open_socket(many, port);
  if (is_open && (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, many->fd, &event) == 0)) return many;
  perror("callgun: a socket cannot be opened");
  exit(1);
}

/* --- addresses --------------------------------------------------------------------------------------------------- */

static struct in_addr raw_of(const struct address *address) {
  struct in_addr raw;
  memcpy(&raw, address->ip, sizeof raw);
  return raw;
}

static struct address address_of(struct in_addr ip, uint16_t port) {
  struct address address = {.port = port, .family = ADDRESS_IPV4};
  memcpy(address.ip, &ip, sizeof ip);
  return address;
}

struct address many_address(const struct many_addresses *many, uint32_t n) {
  return address_of((struct in_addr){htonl(FIRST_ADDRESS + n)}, many->port);
}

uint32_t many_address_number(const struct address *address) {
  uint32_t n = ntohl(raw_of(address).s_addr) - FIRST_ADDRESS;
  return n < MANY_ADDRESSES_MAX ? n : MANY_ADDRESSES_MAX;
}

/* --- out --------------------------------------------------------------------------------------------------------- */

void many_addresses_add(struct many_addresses *many, const struct address *from, const struct address *to,
                        struct str_view bytes) {
  if (many->waiting == MANY_ADDRESSES_BATCH) many_addresses_flush(many);
  unsigned i = many->waiting++;
  struct batch *out = &many->out;
  out->peers[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(to->port), .sin_addr = raw_of(to)};
  out->parts[i] = (struct iovec){(void *)(uintptr_t)bytes.data, bytes.length};
  struct cmsghdr *control = &out->controls[i].alignment;
  *control = (struct cmsghdr){
      .cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
  struct in_pktinfo info = {.ipi_spec_dst = raw_of(from)};
  memcpy(CMSG_DATA(control), &info, sizeof info);
}

/* Waits for room: what a generator does not send is missing in its figures. */
void many_addresses_flush(struct many_addresses *many) {
  unsigned done = 0;
  while (done < many->waiting) {
    int sent = sendmmsg(many->fd, many->out.headers + done, many->waiting - done, MSG_NOSIGNAL);
    if (sent > 0)
      done += (unsigned)sent;
    else if (errno == EAGAIN)
      (void)poll(&(struct pollfd){.fd = many->fd, .events = POLLOUT}, 1, 10);
    else
      done++;
  }
  many->waiting = 0;
}

/* --- in ---------------------------------------------------------------------------------------------------------- */

static struct in_addr destination_of(struct msghdr *header) {
  struct in_pktinfo info = {0};
  for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control))
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO)
      memcpy(&info, CMSG_DATA(control), sizeof info);
  return info.ipi_addr;
}

unsigned many_addresses_receive(struct many_addresses *many, const struct many_datagram **datagrams_out) {
  struct batch *in = &many->in;
  int count = recvmmsg(many->fd, in->headers, MANY_ADDRESSES_BATCH, MSG_DONTWAIT, NULL);
  for (int i = 0; i < count; i++) {
    struct msghdr *header = &in->headers[i].msg_hdr;
    many->datagrams[i] =
        (struct many_datagram){.source = address_of(in->peers[i].sin_addr, ntohs(in->peers[i].sin_port)),
                               .destination = address_of(destination_of(header), many->port),
                               .bytes = str_view_of(many->buffers[i], in->headers[i].msg_len)};
    header->msg_namelen = sizeof in->peers[i];
    header->msg_controllen = sizeof in->controls[i];
  }
  *datagrams_out = many->datagrams;
  return count > 0 ? (unsigned)count : 0;
}
