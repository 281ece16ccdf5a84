/* What the files of stream_table know of one another. */
#ifndef NET_STREAM_PRIVATE_H
#define NET_STREAM_PRIVATE_H

#include "base/block_store.h"
#include "base/hash_table.h"
#include "base/pool.h"
#include "base/timer_wheel.h"
#include "net/stream_table.h"

#define STREAM_INDEX_BITS    20
#define STREAM_GENERATIONS   4095
#define STREAM_SCRATCH_BYTES (256 << 10)
#define STREAM_SLACK_BYTES   64
#define STREAM_BACKLOG_MAX   (1 << 20)
#define STREAM_CHUNK_BYTES   4096

enum stream_state {
  STREAM_CONNECTING, /* TCP is not yet there */
  STREAM_SHAKING,    /* TLS is not yet there */
  STREAM_OPEN,
  STREAM_BROKEN,    /* has lost its frame: nothing is read any more, something may still be sent */
  STREAM_DRAINING,  /* to be closed when the backlog is sent */
  STREAM_LINGERING, /* our side is closed; what still comes is thrown away, so that the peer reads our last words */
};

/* A piece of what the kernel would not take yet. */
struct stream_chunk {
  struct stream_chunk *next;
  uint32_t start, end;
  char bytes[STREAM_CHUNK_BYTES - 16];
};

struct stream_connection {
  struct timer timer;
  struct flow flow; /* its number in flow.connection */
  int fd;
  uint8_t state; /* enum stream_state */
  bool is_outgoing;
  bool is_proven;       /* a whole message or life sign has come */
  bool waits_for_room;  /* EPOLLOUT is asked for */
  struct mono_ms heard; /* or, while something is unfinished, since when it has been */
  struct tls_stream *tls;

  struct block unfinished; /* the beginning of a message */
  uint32_t searched;       /* sip_stream_frame's */
  uint32_t half_ping_ms;   /* low bits of when a lone CRLF came last, at the end of what came; 0: something followed */

  struct stream_chunk *backlog, *backlog_last;
  uint32_t backlog_bytes;
};

struct stream_table {
  struct stream_options options;
  struct pool connections;
  struct pool chunks;
  struct block_store unfinished;
  struct hash_table by_remote; /* open and opening ones; key: transport and remote address */
  struct timer_wheel wheel;
  int spare_fd; /* given up to accept and close a connection when there are no descriptors left */
  char *scratch;
};

/* What the kernel (or TLS) says to reading and writing. */
enum stream_outcome { STREAM_DONE, STREAM_WAIT, STREAM_END, STREAM_FAILED };

/* --- stream_table.c ---------------------------------------------------------------------------------------------- */

struct stream_connection *stream_find(const struct stream_table *table, uint32_t number);
struct stream_connection *stream_find_remote(const struct stream_table *table, const struct flow *flow);

/* Takes a place for an open descriptor; closes it and returns NULL when there is none. */
struct stream_connection *stream_add(struct stream_table *table, int fd, const struct flow *flow, struct mono_ms now);

/* Ends it now and tells `closed`. The connection is gone. */
void stream_drop(struct stream_table *table, struct stream_connection *connection);

/* Tells why TLS came to nothing. The connection is still there. */
void stream_tell_tls_failed(const struct stream_table *table, const struct stream_connection *connection,
                            const char *why);

/* Counts that the kernel or TLS would not read or write. Who refuses our certificate may say so only when the handshake
 * is over for us (TLS 1.3): until a peer has said something, that is told as a failure of TLS. */
void stream_note_failure(const struct stream_table *table, const struct stream_connection *connection);

/* Arms its timer for what it is waiting for. */
void stream_arm(struct stream_table *table, struct stream_connection *connection, struct mono_ms now);

/* Asks epoll for what it waits for. */
void stream_watch(struct stream_table *table, struct stream_connection *connection, bool waits_for_room);

/* --- stream_read.c ----------------------------------------------------------------------------------------------- */

/* Reads once and hands out what is whole. The connection may be gone afterwards. */
void stream_read(struct stream_table *table, struct stream_connection *connection, struct mono_ms now);

/* --- stream_write.c ---------------------------------------------------------------------------------------------- */

/* Sends or keeps. False: no room, or broken; the connection is gone. */
bool stream_write(struct stream_table *table, struct stream_connection *connection, struct str_view bytes);

/* Sends from the backlog. False: broken; the connection is gone. */
bool stream_flush(struct stream_table *table, struct stream_connection *connection, struct mono_ms now);

/* Goes on with opening: connecting, then TLS. False: failed; the connection is gone. */
bool stream_open_further(struct stream_table *table, struct stream_connection *connection, struct mono_ms now);

void stream_forget_backlog(struct stream_table *table, struct stream_connection *connection);

#endif
