/* What an epoll event is about: the 64 bits that the kernel keeps for us. */
#ifndef NET_POLL_TAG_H
#define NET_POLL_TAG_H

#include <stdint.h>

enum poll_source {
  POLL_SOURCE_BELL,       /* of the worker's inbox */
  POLL_SOURCE_UDP,        /* number: index of the listening socket */
  POLL_SOURCE_LISTENER,   /* number: index of the listening socket */
  POLL_SOURCE_CONNECTION, /* number: as in struct flow */
  POLL_SOURCE_RESOLVER,   /* number: descriptor */
};

static inline uint64_t poll_tag(enum poll_source source, uint32_t number) {
  return (uint64_t)source << 32 | number;
}

static inline enum poll_source poll_tag_source(uint64_t tag) {
  return (enum poll_source)(tag >> 32);
}

static inline uint32_t poll_tag_number(uint64_t tag) {
  return (uint32_t)tag;
}

#endif
