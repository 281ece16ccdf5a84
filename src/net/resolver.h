/* Host names to addresses by RFC 3263 sections 4.1 and 4.2, with c-ares: NAPTR where neither transport nor port is
 * given, SRV where no port is, else (or when there are no such records) A and AAAA.
 *
 * Answers are kept as long as the records say (names that do not exist for half a minute), questions for the same name
 * wait for one answer, and every question is answered, with no address when there is none or when the servers are
 * silent. */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/handle.h"
#include "base/random.h"
#include "base/result.h"
#include "base/str_view.h"
#include "base/time.h"
#include "boundary/address.h"
#include "boundary/server_rank.h"

#define RESOLVER_ADDRESSES_MAX SERVER_ADDRESSES_MAX

struct resolver_question {
  struct str_view host;
  enum transport transport; /* NONE: as NAPTR or SRV records say; UDP with a port, or when they say nothing */
  uint16_t port;            /* 0: from SRV, or the transport's own */
};

/* Addresses in an order in which they may be tried, drawn for this answer, and the transport that they are for. Whoever
 * keeps them for longer than one try draws anew by their ranks. */
struct resolver_addresses {
  enum transport transport;
  uint8_t count;
  struct address items[RESOLVER_ADDRESSES_MAX];
  struct server_rank ranks[RESOLVER_ADDRESSES_MAX];
};

/* `found` is borrowed. */
typedef void resolver_answered(void *context, struct handle asker, const struct resolver_addresses *found);

struct resolver_options {
  int epoll_fd;        /* sockets are added as POLL_SOURCE_RESOLVER */
  const char *servers; /* "127.0.0.1:5353": tests; NULL: those of the host */
  struct random *random;
  resolver_answered *answered; /* called from within resolver_ask, _ready and _advance */
  void *context;
};

struct resolver;

size_t resolver_memory_bytes(void);

/* `memory`: zero-filled, aligned to 64, borrowed. NULL when c-ares cannot start. */
struct resolver *resolver_create(void *memory, const struct resolver_options *options);
void resolver_destroy(struct resolver *resolver);

/* Times are the kernel's monotonic clock. */
void resolver_ask(struct resolver *resolver, const struct resolver_question *question, struct handle asker,
                  struct mono_ms now);

/* A socket (POLL_SOURCE_RESOLVER) is ready: epoll's events. */
void resolver_ready(struct resolver *resolver, int fd, uint32_t events, struct mono_ms now);

/* Servers that do not answer are asked again, and given up. To be called at resolver_next_wake or before; INT64_MAX:
 * nothing is waited for. */
void resolver_advance(struct resolver *resolver, struct mono_ms now);
struct mono_ms resolver_next_wake(const struct resolver *resolver, struct mono_ms now);

/* For threads that may wait: asks, and waits for the answer at most `deadline_ms`. RESULT_NOT_FOUND: no such name, or
 * no answer; there is at least one address on RESULT_OK. `servers` as above. */
enum result resolver_look_up(const struct resolver_question *question, const char *servers, int deadline_ms,
                             struct resolver_addresses *found_out);

#endif
