/* From messages to bytes: straight to the kernel while it takes them, else into a backlog of chunks. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socket_address.h"
#include "net/stream_private.h"

/* Sends as much as goes. */
static enum stream_outcome transmit(struct stream_connection *connection, struct str_view bytes, size_t *length_out) {
  *length_out = 0;
  if (connection->tls) {
    enum tls_outcome outcome = tls_stream_write(connection->tls, bytes.data, bytes.length, length_out);
    if (outcome == TLS_DONE) return STREAM_DONE;
    return outcome == TLS_WANTS_READ || outcome == TLS_WANTS_WRITE ? STREAM_WAIT : STREAM_FAILED;
  }
  ssize_t length = send(connection->fd, bytes.data, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (length >= 0) {
    *length_out = (size_t)length;
    return STREAM_DONE;
  }
  return errno == EAGAIN || errno == EINTR ? STREAM_WAIT : STREAM_FAILED;
}

/* --- backlog ----------------------------------------------------------------------------------------------------- */

static bool add_chunk(struct stream_table *table, struct stream_connection *connection) {
  struct handle handle;
  struct stream_chunk *chunk = pool_take_uncleared(&table->chunks, &handle);
  if (!chunk) return false;
  chunk->next = NULL;
  chunk->start = chunk->end = 0;
  if (connection->backlog)
    connection->backlog_last->next = chunk;
  else
    connection->backlog = chunk;
  connection->backlog_last = chunk;
  return true;
}

static bool keep(struct stream_table *table, struct stream_connection *connection, struct str_view bytes) {
  if (bytes.length > STREAM_BACKLOG_MAX - connection->backlog_bytes) return false;
  connection->backlog_bytes += (uint32_t)bytes.length;
  while (bytes.length > 0) {
    struct stream_chunk *last = connection->backlog_last;
    if ((!connection->backlog || last->end == sizeof last->bytes) && !add_chunk(table, connection)) return false;
    last = connection->backlog_last;
    size_t room = sizeof last->bytes - last->end, part = bytes.length < room ? bytes.length : room;
    memcpy(last->bytes + last->end, bytes.data, part);
    last->end += (uint32_t)part;
    bytes = str_view_from(bytes, part);
  }
  return true;
}

static void give_first_chunk(struct stream_table *table, struct stream_connection *connection) {
  struct stream_chunk *chunk = connection->backlog;
  connection->backlog = chunk->next;
  pool_give(&table->chunks, chunk);
}

void stream_forget_backlog(struct stream_table *table, struct stream_connection *connection) {
  while (connection->backlog)
    give_first_chunk(table, connection);
  connection->backlog_bytes = 0;
}

static bool fail(struct stream_table *table, struct stream_connection *connection) {
  counters_add(table->options.counters, connections_failed);
  stream_drop(table, connection);
  return false;
}

/* Why the peer takes nothing more may stand in what it has said last, a TLS alert. (The scratch buffer may be in use: a
 * message may be answered from there.) */
static bool break_off(struct stream_table *table, struct stream_connection *connection) {
  char rest[256];
  size_t length;
  if (connection->tls) (void)tls_stream_read(connection->tls, rest, sizeof rest, &length);
  stream_note_failure(table, connection);
  stream_drop(table, connection);
  return false;
}

bool stream_write(struct stream_table *table, struct stream_connection *connection, struct str_view bytes) {
  bool is_ready = connection->state == STREAM_OPEN || connection->state == STREAM_BROKEN;
  while (is_ready && !connection->backlog && bytes.length > 0) {
    size_t length;
    enum stream_outcome outcome = transmit(connection, bytes, &length);
    if (outcome == STREAM_FAILED) return break_off(table, connection);
    if (outcome == STREAM_WAIT) break;
    bytes = str_view_from(bytes, length);
  }
  if (bytes.length == 0) return true;
  if (!keep(table, connection, bytes)) return fail(table, connection);
  if (!connection->waits_for_room) stream_watch(table, connection, true);
  return true;
}

/* Our side is closed; the peer's is read to its end, lest the kernel answers it with a reset that overtakes our words.
 */
static void linger(struct stream_table *table, struct stream_connection *connection, struct mono_ms now) {
  connection->state = STREAM_LINGERING;
  tls_stream_close(&connection->tls);
  shutdown(connection->fd, SHUT_WR);
  stream_arm(table, connection, now);
}

bool stream_flush(struct stream_table *table, struct stream_connection *connection, struct mono_ms now) {
  while (connection->backlog) {
    struct stream_chunk *chunk = connection->backlog;
    size_t length;
    enum stream_outcome outcome =
        transmit(connection, str_view_of(chunk->bytes + chunk->start, chunk->end - chunk->start), &length);
    if (outcome == STREAM_FAILED) return break_off(table, connection);
    if (outcome == STREAM_WAIT) return true;
    chunk->start += (uint32_t)length;
    connection->backlog_bytes -= (uint32_t)length;
    if (chunk->start == chunk->end) give_first_chunk(table, connection);
  }
  if (connection->waits_for_room) stream_watch(table, connection, false);
  if (connection->state == STREAM_DRAINING) linger(table, connection, now);
  return true;
}

void stream_table_close(struct stream_table *table, const struct flow *flow, struct mono_ms now) {
  struct stream_connection *connection = stream_find(table, flow->connection);
  if (!connection || connection->state >= STREAM_DRAINING) return;
  if (connection->state < STREAM_OPEN) {
    stream_drop(table, connection);
    return;
  }
  connection->state = STREAM_DRAINING;
  stream_arm(table, connection, now);
  (void)stream_flush(table, connection, now);
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

/* RFC 5922 section 7.3: who is not whom we meant is not talked to. */
static bool is_right_peer(const struct stream_table *table, const struct stream_connection *connection) {
  const struct stream_hooks *hooks = &table->options.hooks;
  struct str_view domain = {0};
  if (!connection->is_outgoing) return true;
  if (hooks->domain) domain = hooks->domain(hooks->context, &connection->flow);
  return tls_stream_peer_is(connection->tls, domain, &connection->flow.remote);
}

static bool refuse(struct stream_table *table, struct stream_connection *connection, const char *why) {
  stream_tell_tls_failed(table, connection, why);
  return fail(table, connection);
}

static bool shake(struct stream_table *table, struct stream_connection *connection, struct mono_ms now) {
  switch (tls_stream_shake(connection->tls)) {
  case TLS_DONE:
    if (is_right_peer(table, connection)) break;
    return refuse(table, connection, "its certificate does not name it");
  case TLS_WANTS_READ: stream_watch(table, connection, false); return true;
  case TLS_WANTS_WRITE: stream_watch(table, connection, true); return true;
  case TLS_ENDED:
  case TLS_FAILED: return refuse(table, connection, tls_stream_problem(connection->tls));
  }
  connection->state = STREAM_OPEN;
  stream_arm(table, connection, now);
  stream_watch(table, connection, true);
  if (!stream_flush(table, connection, now)) return false;
  /* The first message may have come with the end of the handshake. */
  uint32_t number = connection->flow.connection;
  if (tls_stream_has_more(connection->tls)) stream_read(table, connection, now);
  return stream_find(table, number) != NULL;
}

bool stream_open_further(struct stream_table *table, struct stream_connection *connection, struct mono_ms now) {
  if (connection->state == STREAM_CONNECTING) {
    int problem = 0;
    socklen_t length = sizeof problem;
    union socket_address peer;
    socklen_t peer_length = sizeof peer;
    (void)getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &problem, &length);
    if (problem != 0) return fail(table, connection);
    if (getpeername(connection->fd, (struct sockaddr *)&peer, &peer_length) != 0) return true;
    counters_add(table->options.counters, connections_opened);
    connection->state = connection->tls ? STREAM_SHAKING : STREAM_OPEN;
    stream_arm(table, connection, now);
    if (!connection->tls) return stream_flush(table, connection, now);
  }
  return shake(table, connection, now);
}

/* Peers know us by the address that we advertise: connections come from it too, where a host has several. */
static bool bind_source(int fd, const struct address *from, uint8_t family) {
  if (from->family != family || address_is_any(from)) return true;
  struct address source = *from;
  source.port = 0;
  union socket_address raw = {0};
  socklen_t length = socket_address_from(&source, &raw);
  int on = 1;
  (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  return bind(fd, (const struct sockaddr *)&raw, length) == 0;
}

/* A descriptor on its way to the remote address, or -1. */
static int start_connecting(const struct flow *flow, const struct address *from) {
  union socket_address raw = {0};
  socklen_t length = socket_address_from(&flow->remote, &raw);
  if (length == 0) return -1;
  int fd = socket(raw.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (bind_source(fd, from, flow->remote.family) &&
      (connect(fd, (const struct sockaddr *)&raw, length) == 0 || errno == EINPROGRESS))
    return fd;
  close(fd);
  return -1;
}

static struct stream_connection *open_connection(struct stream_table *table, const struct flow *flow,
                                                 const struct address *from, struct mono_ms now) {
  bool is_tls = flow->transport == TRANSPORT_TLS;
  int fd = is_tls && !table->options.tls ? -1 : start_connecting(flow, from);
  if (fd < 0) {
    counters_add(table->options.counters, connections_failed);
    return NULL;
  }
  struct stream_connection *connection = stream_add(table, fd, flow, now);
  if (!connection) return NULL;
  connection->is_outgoing = true;
  connection->state = STREAM_CONNECTING;
  if (is_tls) connection->tls = tls_stream_open(table->options.tls, fd, true);
  if (is_tls && !connection->tls) {
    stream_drop(table, connection);
    return NULL;
  }
  stream_arm(table, connection, now);
  stream_watch(table, connection, true);
  return connection;
}

void stream_table_send(struct stream_table *table, const struct flow *flow, const struct address *from,
                       struct str_view bytes, struct mono_ms now) {
  struct stream_connection *connection;
  if (flow->connection != 0) {
    connection = stream_find(table, flow->connection);
    if (connection && (connection->state > STREAM_BROKEN || !address_equal(&connection->flow.remote, &flow->remote)))
      connection = NULL;
  } else {
    connection = stream_find_remote(table, flow);
    if (!connection) connection = open_connection(table, flow, from, now);
  }
  if (connection)
    (void)stream_write(table, connection, bytes);
  else
    table->options.hooks.closed(table->options.hooks.context, flow);
}
