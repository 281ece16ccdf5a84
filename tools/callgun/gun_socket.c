#include "gun_socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>

void *gun_memory(size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory != MAP_FAILED) return memory;
  perror("callgun: no memory");
  exit(1);
}

/* One audio stream at the socket's address. */
static void build_body(struct gun_socket *socket) {
  struct text_builder body = text_builder_over(socket->body, sizeof socket->body);
  text_builder_add_literal(&body, "v=0\r\no=callgun 2890844526 2890844526 IN IP4 ");
  address_ip_to_text(&socket->local, &body);
  text_builder_add_literal(&body, "\r\ns=-\r\nc=IN IP4 ");
  address_ip_to_text(&socket->local, &body);
  text_builder_add_literal(&body, "\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\n"
                                  "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
                                  "a=ptime:20\r\na=sendrecv\r\n");
  socket->body_length = body.length;
}

static void build_contact(struct gun_socket *socket, const char *user) {
  struct text_builder contact = text_builder_over(socket->contact, sizeof socket->contact);
  text_builder_add_literal(&contact, "<sip:");
  text_builder_add(&contact, str_view_from_c(user));
  text_builder_add_char(&contact, '@');
  address_to_text(&socket->local, &contact);
  text_builder_add_char(&contact, '>');
  socket->contact_length = contact.length;
}

void gun_socket_open(struct gun_socket *socket, const struct address *local, const char *user, int epoll_fd) {
  socket->local = *local;
  socket->fd = udp_open(&socket->local, 0);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = socket};
  bool is_watched = epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, socket->fd, &event) == 0;
  if (socket->fd < 0 || !is_watched) {
    perror("callgun: a socket cannot be opened");
    exit(1);
  }
  socket->outbound = udp_outbound_create(gun_memory(udp_outbound_memory_bytes()));
  socket->messages = gun_memory((size_t)UDP_BATCH_MAX * GUN_MESSAGE_BYTES);
  build_body(socket);
  build_contact(socket, user);
}

void gun_socket_open_many(struct gun_socket *socket, uint16_t port, int epoll_fd) {
  socket->fd = -1;
  socket->many = many_addresses_open(&port, epoll_fd, socket);
  socket->local = socket->from = many_address(socket->many, 0);
  socket->messages = gun_memory((size_t)UDP_BATCH_MAX * GUN_MESSAGE_BYTES);
}

void gun_socket_send(struct gun_socket *socket, const struct address *to, size_t length) {
  struct str_view bytes = str_view_of(socket->messages[socket->waiting], length);
  if (socket->many)
    many_addresses_add(socket->many, &socket->from, to, bytes);
  else
    udp_outbound_add(socket->outbound, socket->fd, to, bytes);
  if (++socket->waiting == UDP_BATCH_MAX) gun_socket_flush(socket);
}

void gun_socket_flush(struct gun_socket *socket) {
  if (socket->waiting == 0) return;
  if (socket->many)
    many_addresses_flush(socket->many);
  else
    udp_outbound_flush(socket->outbound);
  socket->waiting = 0;
}
