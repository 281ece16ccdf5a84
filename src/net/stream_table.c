#include "net/stream_table.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "net/poll_tag.h"
#include "net/socket_address.h"
#include "net/stream_private.h"

#define ACCEPTS_A_ROUND   32
#define CONNECTING_MS     2500 /* one lost SYN is sent again after 1 s; what swallows them all is a firewall or NAT */
#define SHAKING_MS        5000
#define PROVING_MS        30000 /* an accepted connection must say something whole */
#define FINISHING_MS      30000 /* a message must be whole */
#define LINGERING_MS      2000
#define SILENCE_MS        (2 * 3600 * 1000)
#define LISTEN_BACKLOG    4096
#define KEEP_ALIVE_IDLE_S 120
#define KEEP_ALIVE_STEP_S 30
#define KEEP_ALIVE_COUNT  4
#define UNACKNOWLEDGED_MS 30000

/* --- memory ------------------------------------------------------------------------------------------------------ */

/* Most connections are idle; few have the beginning of a long message. */
static void unfinished_capacity(uint32_t connections_max, uint32_t capacity[BLOCK_STORE_CLASSES]) {
  static const uint32_t divisors[BLOCK_STORE_CLASSES] = {
      [BLOCK_256] = 1,  [BLOCK_512] = 1,    [BLOCK_1024] = 1,   [BLOCK_2048] = 2,
      [BLOCK_4096] = 8, [BLOCK_16384] = 32, [BLOCK_65536] = 64,
  };
  for (unsigned i = 0; i < BLOCK_STORE_CLASSES; i++)
    capacity[i] = divisors[i] ? connections_max / divisors[i] + 16 : 0;
}

static uint32_t chunk_capacity(uint32_t connections_max) {
  return connections_max + 2 * STREAM_BACKLOG_MAX / STREAM_CHUNK_BYTES;
}

static size_t round_up(size_t bytes) {
  return (bytes + 63) & ~(size_t)63;
}

struct stream_sizes {
  size_t connections, chunks, unfinished, by_remote;
};

static struct stream_sizes sizes_for(uint32_t connections_max) {
  uint32_t capacity[BLOCK_STORE_CLASSES];
  unfinished_capacity(connections_max, capacity);
  return (struct stream_sizes){
      .connections = round_up(pool_memory_bytes(sizeof(struct stream_connection), connections_max)),
      .chunks = round_up(pool_memory_bytes(sizeof(struct stream_chunk), chunk_capacity(connections_max))),
      .unfinished = round_up(block_store_memory_bytes(capacity)),
      .by_remote = round_up(hash_table_memory_bytes(connections_max)),
  };
}

size_t stream_table_memory_bytes(uint32_t connections_max) {
  struct stream_sizes sizes = sizes_for(connections_max);
  return round_up(sizeof(struct stream_table)) + sizes.connections + sizes.chunks + sizes.unfinished + sizes.by_remote +
         STREAM_SCRATCH_BYTES + STREAM_SLACK_BYTES;
}

struct stream_table *stream_table_create(void *memory, const struct stream_options *options, struct mono_ms now) {
  require(options->connections_max > 0 && options->connections_max <= STREAM_CONNECTIONS_MAX);
  struct stream_table *table = memory;
  struct stream_sizes sizes = sizes_for(options->connections_max);
  char *at = (char *)memory + round_up(sizeof *table);
  table->options = *options;
  pool_init(&table->connections, at, sizeof(struct stream_connection), options->connections_max);
  at += sizes.connections;
  pool_init(&table->chunks, at, sizeof(struct stream_chunk), chunk_capacity(options->connections_max));
  at += sizes.chunks;
  uint32_t capacity[BLOCK_STORE_CLASSES];
  unfinished_capacity(options->connections_max, capacity);
  block_store_init(&table->unfinished, at, capacity);
  at += sizes.unfinished;
  hash_table_init(&table->by_remote, at, options->connections_max);
  at += sizes.by_remote;
  table->scratch = at;
  timer_wheel_init(&table->wheel, now);
  table->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return table;
}

void stream_table_destroy(struct stream_table *table) {
  table->options.hooks.closed = NULL;
  uint32_t index = 0;
  struct stream_connection *connection;
  while ((connection = pool_next(&table->connections, &index)) != NULL)
    stream_drop(table, connection);
  if (table->spare_fd >= 0) close(table->spare_fd);
}

uint32_t stream_table_count(const struct stream_table *table) {
  return table->connections.used;
}

/* --- names ------------------------------------------------------------------------------------------------------- */

static uint32_t number_of(struct handle handle) {
  return ((handle.generation >> 1) % STREAM_GENERATIONS + 1) << STREAM_INDEX_BITS | handle.index;
}

struct stream_connection *stream_find(const struct stream_table *table, uint32_t number) {
  uint32_t index = number & ((1u << STREAM_INDEX_BITS) - 1);
  if (index >= table->connections.high_water) return NULL;
  struct handle handle = {index, table->connections.generations[index]};
  struct stream_connection *connection = pool_get(&table->connections, handle);
  return connection && connection->flow.connection == number ? connection : NULL;
}

static uint64_t remote_hash(const struct stream_table *table, const struct flow *flow) {
  uint8_t bytes[20];
  memcpy(bytes, flow->remote.ip, 16);
  bytes[16] = (uint8_t)(flow->remote.port >> 8);
  bytes[17] = (uint8_t)flow->remote.port;
  bytes[18] = flow->remote.family;
  bytes[19] = flow->transport;
  return siphash(&table->options.key, bytes, sizeof bytes);
}

static struct stream_connection *connection_at(const struct stream_table *table, uint32_t index) {
  return pool_get(&table->connections, (struct handle){index, table->connections.generations[index]});
}

struct stream_connection *stream_find_remote(const struct stream_table *table, const struct flow *flow) {
  uint64_t hash = remote_hash(table, flow);
  uint32_t value;
  for (uint32_t at = hash_table_first(&table->by_remote, hash, &value); at != HASH_TABLE_END;
       at = hash_table_next(&table->by_remote, hash, at, &value)) {
    struct stream_connection *connection = connection_at(table, value);
    if (connection && connection->flow.transport == flow->transport && connection->state <= STREAM_OPEN &&
        address_equal(&connection->flow.remote, &flow->remote))
      return connection;
  }
  return NULL;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

void stream_watch(struct stream_table *table, struct stream_connection *connection, bool waits_for_room) {
  connection->waits_for_room = waits_for_room;
  struct epoll_event event = {.events = EPOLLIN | (waits_for_room ? EPOLLOUT : 0),
                              .data.u64 = poll_tag(POLL_SOURCE_CONNECTION, connection->flow.connection)};
  (void)epoll_ctl(table->options.epoll_fd, EPOLL_CTL_MOD, connection->fd, &event);
}

static int64_t patience_ms(const struct stream_connection *connection) {
  switch ((enum stream_state)connection->state) {
  case STREAM_CONNECTING: return CONNECTING_MS;
  case STREAM_SHAKING: return SHAKING_MS;
  case STREAM_OPEN:
    if (connection->unfinished.length > 0) return FINISHING_MS;
    return connection->is_proven || connection->is_outgoing ? SILENCE_MS : PROVING_MS;
  case STREAM_BROKEN:
  case STREAM_DRAINING:
  case STREAM_LINGERING: return LINGERING_MS;
  }
  return 0;
}

void stream_arm(struct stream_table *table, struct stream_connection *connection, struct mono_ms now) {
  connection->heard = now;
  struct mono_ms due = mono_ms_add(now, patience_ms(connection));
  /* A timer that is due later than need be is moved; one that is due too early is moved when it is due. */
  if (timer_is_armed(&connection->timer) && !mono_ms_before(due, timer_due(&connection->timer))) return;
  timer_wheel_arm(&table->wheel, &connection->timer, 0, due);
}

static void set_socket_options(const struct stream_table *table, int fd, enum address_family family) {
  static const struct {
    int level, option, value;
  } options[] = {
      {SOL_SOCKET, SO_KEEPALIVE, 1},
      {IPPROTO_TCP, TCP_NODELAY, 1},
      {IPPROTO_TCP, TCP_KEEPIDLE, KEEP_ALIVE_IDLE_S},
      {IPPROTO_TCP, TCP_KEEPINTVL, KEEP_ALIVE_STEP_S},
      {IPPROTO_TCP, TCP_KEEPCNT, KEEP_ALIVE_COUNT},
      {IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS},
  };
  for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
    (void)setsockopt(fd, options[i].level, options[i].option, &options[i].value, sizeof options[i].value);
  int tos = table->options.tos;
  if (family == ADDRESS_IPV4)
    (void)setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
  else
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof tos);
}

void stream_table_set_tos(struct stream_table *table, uint8_t tos) {
  table->options.tos = tos;
  uint32_t index = 0;
  struct stream_connection *connection;
  while ((connection = pool_next(&table->connections, &index)) != NULL)
    set_socket_options(table, connection->fd, (enum address_family)connection->flow.remote.family);
}

struct stream_connection *stream_add(struct stream_table *table, int fd, const struct flow *flow, struct mono_ms now) {
  struct handle handle;
  struct stream_connection *connection = pool_take(&table->connections, &handle);
  uint32_t number = connection ? number_of(handle) : 0;
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = poll_tag(POLL_SOURCE_CONNECTION, number)};
  if (!connection || hash_table_insert(&table->by_remote, remote_hash(table, flow), handle.index) != RESULT_OK ||
      epoll_ctl(table->options.epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
    if (connection) {
      (void)hash_table_remove(&table->by_remote, remote_hash(table, flow), handle.index);
      pool_give(&table->connections, connection);
    }
    close(fd);
    counters_add(table->options.counters, connections_refused);
    return NULL;
  }
  connection->flow = *flow;
  connection->flow.connection = number;
  connection->flow.worker = table->options.worker;
  connection->fd = fd;
  connection->heard = now;
  set_socket_options(table, fd, (enum address_family)flow->remote.family);
  return connection;
}

void stream_drop(struct stream_table *table, struct stream_connection *connection) {
  struct flow flow = connection->flow;
  timer_wheel_cancel(&table->wheel, &connection->timer);
  block_store_clear(&table->unfinished, &connection->unfinished);
  stream_forget_backlog(table, connection);
  tls_stream_close(&connection->tls);
  close(connection->fd);
  uint32_t index = flow.connection & ((1u << STREAM_INDEX_BITS) - 1);
  (void)hash_table_remove(&table->by_remote, remote_hash(table, &flow), index);
  pool_give(&table->connections, connection);
  if (table->options.hooks.closed) table->options.hooks.closed(table->options.hooks.context, &flow);
}

void stream_tell_tls_failed(const struct stream_table *table, const struct stream_connection *connection,
                            const char *why) {
  const struct stream_hooks *hooks = &table->options.hooks;
  counters_add(table->options.counters, tls_failed);
  if (hooks->tls_failed) hooks->tls_failed(hooks->context, &connection->flow, connection->is_outgoing, why);
}

void stream_note_failure(const struct stream_table *table, const struct stream_connection *connection) {
  counters_add(table->options.counters, connections_failed);
  if (connection->tls && !connection->is_proven)
    stream_tell_tls_failed(table, connection, tls_stream_problem(connection->tls));
}

/* --- listening --------------------------------------------------------------------------------------------------- */

int stream_listen(struct address *address) {
  union socket_address raw = {0};
  socklen_t length = socket_address_from(address, &raw);
  int on = 1, fd = socket(raw.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (address->family == ADDRESS_IPV6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
      bind(fd, (const struct sockaddr *)&raw, length) == 0 && listen(fd, LISTEN_BACKLOG) == 0 &&
      getsockname(fd, (struct sockaddr *)&raw, &length) == 0) {
    socket_address_to(&raw, address);
    return fd;
  }
  int problem = errno;
  close(fd);
  errno = problem;
  return -1;
}

/* Without a descriptor to accept it, a waiting connection would wake us again and again. */
static void turn_one_away(struct stream_table *table, int listener_fd) {
  close(table->spare_fd);
  int fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd >= 0) close(fd);
  table->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  counters_add(table->options.counters, connections_refused);
}

/* An accepted connection begins with TLS where the listener says so. */
static void begin_accepted(struct stream_table *table, struct stream_connection *connection, struct mono_ms now) {
  counters_add(table->options.counters, connections_accepted);
  connection->state = STREAM_OPEN;
  if (connection->flow.transport == TRANSPORT_TLS) {
    connection->state = STREAM_SHAKING;
    connection->tls = table->options.tls ? tls_stream_open(table->options.tls, connection->fd, false) : NULL;
    if (!connection->tls) {
      stream_drop(table, connection);
      return;
    }
  }
  stream_arm(table, connection, now);
}

void stream_table_accept(struct stream_table *table, int listener_fd, const struct flow *flow, struct mono_ms now) {
  for (unsigned i = 0; i < ACCEPTS_A_ROUND; i++) {
    union socket_address raw = {0};
    socklen_t length = sizeof raw;
    int fd = accept4(listener_fd, (struct sockaddr *)&raw, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE)) turn_one_away(table, listener_fd);
    if (fd < 0) return;
    struct flow accepted = *flow;
    struct stream_connection *connection = NULL;
    if (socket_address_to(&raw, &accepted.remote))
      connection = stream_add(table, fd, &accepted, now);
    else
      close(fd);
    if (connection) begin_accepted(table, connection, now);
  }
}

/* --- events ------------------------------------------------------------------------------------------------------ */

void stream_table_ready(struct stream_table *table, uint32_t number, uint32_t events, struct mono_ms now) {
  struct stream_connection *connection = stream_find(table, number);
  if (!connection) return;
  if (connection->state <= STREAM_SHAKING) {
    (void)stream_open_further(table, connection, now);
    return;
  }
  /* What ended it may stand in what is still to be read. */
  bool is_gone = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if (!is_gone && (events & EPOLLOUT) && !stream_flush(table, connection, now)) return;
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) stream_read(table, connection, now);
}

void stream_table_advance(struct stream_table *table, struct mono_ms now) {
  timer_wheel_advance(&table->wheel, now);
  struct timer *timer;
  while ((timer = timer_wheel_next_due(&table->wheel)) != NULL) {
    struct stream_connection *connection = (void *)((char *)timer - offsetof(struct stream_connection, timer));
    struct mono_ms due = mono_ms_add(connection->heard, patience_ms(connection));
    if (mono_ms_before(now, due)) {
      timer_wheel_arm(&table->wheel, &connection->timer, 0, due);
      continue;
    }
    if (connection->state == STREAM_SHAKING) stream_tell_tls_failed(table, connection, "no handshake within 5 s");
    if (connection->state <= STREAM_SHAKING)
      counters_add(table->options.counters, connections_failed);
    else
      counters_add(table->options.counters, connections_timed_out);
    stream_drop(table, connection);
  }
}

struct mono_ms stream_table_next_wake(const struct stream_table *table) {
  return timer_wheel_next_wake(&table->wheel);
}
