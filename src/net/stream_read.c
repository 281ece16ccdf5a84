/* From bytes to messages. What is left of a read, the beginning of a message, waits in a block; the next read puts its
 * bytes behind it in the worker's one scratch buffer, where all framing is done. */
#include <errno.h>
#include <sys/socket.h>

#include "net/stream_private.h"
#include "sip/sip_stream.h"

#define HALF_PING_MS 5000 /* longer than TCP takes to send again what was lost once or twice */

static enum stream_outcome outcome_of(enum tls_outcome outcome) {
  switch (outcome) {
  case TLS_DONE: return STREAM_DONE;
  case TLS_WANTS_READ:
  case TLS_WANTS_WRITE: return STREAM_WAIT;
  case TLS_ENDED: return STREAM_END;
  case TLS_FAILED: return STREAM_FAILED;
  }
  return STREAM_FAILED;
}

static enum stream_outcome receive(struct stream_connection *connection, char *bytes, size_t room, size_t *length_out) {
  if (connection->tls) return outcome_of(tls_stream_read(connection->tls, bytes, room, length_out));
  ssize_t length = recv(connection->fd, bytes, room, MSG_DONTWAIT);
  if (length > 0) {
    *length_out = (size_t)length;
    return STREAM_DONE;
  }
  if (length == 0) return STREAM_END;
  return errno == EAGAIN || errno == EINTR ? STREAM_WAIT : STREAM_FAILED;
}

static void tell_message(struct stream_table *table, const struct stream_connection *connection,
                         struct str_view bytes) {
  struct flow flow = connection->flow;
  counters_add(table->options.counters, stream_messages_received);
  table->options.hooks.message(table->options.hooks.context, &flow, bytes);
}

static void tell_broken(struct stream_table *table, struct stream_connection *connection, struct str_view bytes,
                        struct mono_ms now) {
  struct flow flow = connection->flow;
  connection->state = STREAM_BROKEN;
  stream_arm(table, connection, now);
  table->options.hooks.broken(table->options.hooks.context, &flow, bytes);
}

static void answer_ping(struct stream_table *table, struct stream_connection *connection, struct str_view bytes) {
  /* One byte of it: the whole would be answered again, and a single CRLF would pass for a pong. */
  if (stream_write(table, connection, STR_VIEW("\r\n"))) tell_message(table, connection, str_view_slice(bytes, 0, 1));
}

/* A stream may be cut anywhere, also in the middle of a ping: the first CRLF has passed for a pong then. Pongs of a
 * device come as far apart as our pings do, which is ten seconds at least. */
static bool is_second_half(struct stream_connection *connection, struct str_view bytes, uint32_t length,
                           struct mono_ms now) {
  uint32_t first_ms = connection->half_ping_ms, now_ms = (uint32_t)now.value | 1;
  bool is_lone = length == 2 && bytes.length == 2 && bytes.data[0] == '\r';
  bool is_second = is_lone && first_ms != 0 && now_ms - first_ms <= HALF_PING_MS;
  connection->half_ping_ms = is_lone && !is_second ? now_ms : 0;
  return is_second;
}

/* Hands out one frame. Returns its length; 0: there is no whole one. A ping is answered here (RFC 5626 section 4.4.1)
 * and told as the life sign that it is. */
static uint32_t take_frame(struct stream_table *table, struct stream_connection *connection, struct str_view bytes,
                           struct mono_ms now) {
  uint32_t length = 0;
  switch (sip_stream_frame(bytes, &connection->searched, &length)) {
  case SIP_FRAME_INCOMPLETE: return 0;
  case SIP_FRAME_BROKEN: tell_broken(table, connection, bytes, now); return 0;
  case SIP_FRAME_PING:
    connection->is_proven = true;
    connection->half_ping_ms = 0;
    answer_ping(table, connection, bytes);
    return length;
  case SIP_FRAME_PONG:
    if (is_second_half(connection, bytes, length, now)) {
      answer_ping(table, connection, bytes);
      return length;
    }
    connection->is_proven = true;
    tell_message(table, connection, str_view_slice(bytes, 0, length));
    return length;
  case SIP_FRAME_MESSAGE:
    connection->is_proven = true;
    connection->half_ping_ms = 0;
    tell_message(table, connection, str_view_slice(bytes, 0, length));
    return length;
  }
  return 0;
}

/* Hands out every whole frame of `bytes`. Returns the connection, or NULL when a hook has ended it. */
static struct stream_connection *take_frames(struct stream_table *table, struct stream_connection *connection,
                                             struct str_view *bytes, struct mono_ms now) {
  uint32_t number = connection->flow.connection, length;
  do {
    length = take_frame(table, connection, *bytes, now);
    *bytes = str_view_from(*bytes, length);
    connection = stream_find(table, number);
  } while (length > 0 && connection && connection->state == STREAM_OPEN && bytes->length > 0);
  return connection;
}

/* Keeps the beginning of a message until more of it comes. */
static bool keep_rest(struct stream_table *table, struct stream_connection *connection, struct str_view rest,
                      struct mono_ms now) {
  bool was_unfinished = connection->unfinished.length > 0;
  if (rest.length == 0)
    block_store_clear(&table->unfinished, &connection->unfinished);
  else if (block_store_set(&table->unfinished, &connection->unfinished, rest) != RESULT_OK)
    return false;
  /* The patience with an unfinished message counts from its beginning, not from its latest byte. */
  if (rest.length == 0 || !was_unfinished) stream_arm(table, connection, now);
  return true;
}

static void throw_away(struct stream_table *table, struct stream_connection *connection) {
  size_t length;
  enum stream_outcome outcome = receive(connection, table->scratch, STREAM_SCRATCH_BYTES, &length);
  if (outcome == STREAM_END || outcome == STREAM_FAILED) stream_drop(table, connection);
}

/* True when there is more to be read at once. */
static bool read_once(struct stream_table *table, struct stream_connection *connection, struct mono_ms now) {
  struct str_view before = block_store_view(&table->unfinished, &connection->unfinished);
  if (before.length) memcpy(table->scratch, before.data, before.length);
  size_t length = 0;
  enum stream_outcome outcome =
      receive(connection, table->scratch + before.length, STREAM_SCRATCH_BYTES - before.length, &length);
  if (outcome == STREAM_WAIT) return false;
  if (outcome != STREAM_DONE) {
    if (outcome == STREAM_FAILED) stream_note_failure(table, connection);
    stream_drop(table, connection);
    return false;
  }
  struct str_view bytes = str_view_of(table->scratch, before.length + length);
  connection = take_frames(table, connection, &bytes, now);
  if (!connection || connection->state != STREAM_OPEN) return false;
  if (!keep_rest(table, connection, bytes, now)) {
    counters_add(table->options.counters, connections_refused);
    stream_drop(table, connection);
    return false;
  }
  return connection->tls && tls_stream_has_more(connection->tls);
}

void stream_read(struct stream_table *table, struct stream_connection *connection, struct mono_ms now) {
  if (connection->state != STREAM_OPEN) {
    throw_away(table, connection);
    return;
  }
  uint32_t number = connection->flow.connection;
  while (read_once(table, connection, now)) {
    connection = stream_find(table, number);
    if (!connection || connection->state != STREAM_OPEN) return;
  }
}
