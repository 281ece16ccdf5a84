/* A socket with a batch of messages waiting to be sent together. A message is written straight into the batch's own
 * memory: compose, write, send; a second compose before the send starts over. */
#ifndef CALLGUN_GUN_SOCKET_H
#define CALLGUN_GUN_SOCKET_H

#include "base/text_builder.h"
#include "boundary/address.h"
#include "many_addresses.h"
#include "net/udp.h"

#define GUN_MESSAGE_BYTES 4096
#define GUN_BODY_BYTES    512

struct gun_socket {
  struct address local;
  int fd;                      /* -1: not open */
  struct many_addresses *many; /* instead: each message leaves from `from`; NULL: all from `local` */
  struct address from;
  struct udp_outbound *outbound;
  char (*messages)[GUN_MESSAGE_BYTES]; /* UDP_BATCH_MAX of them */
  unsigned waiting;
  char body[GUN_BODY_BYTES]; /* the session description that this end sends */
  size_t body_length;
  char contact[GUN_BODY_BYTES]; /* "<sip:user@address>" */
  size_t contact_length;
};

/* Binds to `local` (port 0: any) as `user`, watched by `epoll_fd` unless that is -1; ends the process with a message
 * when that fails. */
void gun_socket_open(struct gun_socket *socket, const struct address *local, const char *user, int epoll_fd);

/* The same on `port` of many addresses; `socket->local` is the first of them. */
void gun_socket_open_many(struct gun_socket *socket, uint16_t port, int epoll_fd);

/* A builder over the next message of the batch. */
static inline struct text_builder gun_socket_compose(struct gun_socket *socket) {
  return text_builder_over(socket->messages[socket->waiting], GUN_MESSAGE_BYTES);
}

/* Adds what was composed, `length` bytes of it, to the batch; sends the batch when it is full. */
void gun_socket_send(struct gun_socket *socket, const struct address *to, size_t length);

void gun_socket_flush(struct gun_socket *socket);

static inline struct str_view gun_socket_body(const struct gun_socket *socket) {
  return str_view_of(socket->body, socket->body_length);
}

static inline struct str_view gun_socket_contact(const struct gun_socket *socket) {
  return str_view_of(socket->contact, socket->contact_length);
}

/* Zero-filled memory, as much of it used as is touched; ends the process when there is none. */
void *gun_memory(size_t bytes);

#endif
