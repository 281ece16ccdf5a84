#include "net/resolver.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/hash_table.h"
#include "base/pool.h"
#include "net/dns_records.h"
#include "net/poll_tag.h"
#include "net/socket_address.h"

#define NAMES_MAX            2048
#define WAITERS_MAX          16384
#define TARGET_ADDRESSES_MAX 4
#define TRY_MS               1500
#define TRIES                2
#define TTL_MIN_S            1
#define TTL_MAX_S            86400
#define TTL_UNKNOWN_S        30
#define TTL_FAILED_S         2 /* silent or broken servers: they may be back soon */

struct waiter {
  struct waiter *next;
  struct handle asker;
};

/* One host of an SRV record, or the host itself. */
struct target {
  struct dns_server server;
  struct address addresses[TARGET_ADDRESSES_MAX];
  uint8_t address_count;
};

/* A name with what is known of it, or what has been asked. */
struct name {
  struct resolver *resolver;
  char host[DNS_HOST_BYTES];
  uint16_t port;
  uint8_t transport; /* asked for; NONE: as DNS says */
  uint8_t chosen;    /* what it came to */
  bool is_chosen;    /* by who asks, or by NAPTR */
  uint8_t target_count;
  uint16_t questions; /* on their way */
  uint64_t hash;
  uint32_t ttl_s; /* the smallest so far */
  struct mono_ms known_until;
  struct waiter *first_waiter, **last_link;
  struct target targets[DNS_SERVERS_MAX];
};

struct resolver {
  struct resolver_options options;
  ares_channel channel;
  struct siphash_key key;
  struct mono_ms now;
  uint32_t hand; /* where to look for the next name to be forgotten */
  struct pool names, waiters;
  struct hash_table by_host;
};

static size_t round_up(size_t bytes) {
  return (bytes + 63) & ~(size_t)63;
}

size_t resolver_memory_bytes(void) {
  return round_up(sizeof(struct resolver)) + round_up(pool_memory_bytes(sizeof(struct name), NAMES_MAX)) +
         round_up(pool_memory_bytes(sizeof(struct waiter), WAITERS_MAX)) + hash_table_memory_bytes(NAMES_MAX);
}

/* --- sockets ----------------------------------------------------------------------------------------------------- */

/* c-ares says what it waits for; it closes a socket only after having said that it waits for nothing. */
static void watch(void *context, ares_socket_t fd, int readable, int writable) {
  struct resolver *resolver = context;
  struct epoll_event event = {.events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0),
                              .data.u64 = poll_tag(POLL_SOURCE_RESOLVER, (uint32_t)fd)};
  if (!readable && !writable)
    (void)epoll_ctl(resolver->options.epoll_fd, EPOLL_CTL_DEL, fd, &event);
  else if (epoll_ctl(resolver->options.epoll_fd, EPOLL_CTL_MOD, fd, &event) != 0)
    (void)epoll_ctl(resolver->options.epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void start_library(void) {
  (void)ares_library_init(ARES_LIB_INIT_ALL);
}

struct resolver *resolver_create(void *memory, const struct resolver_options *options) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, start_library);
  struct resolver *resolver = memory;
  resolver->options = *options;
  resolver->key = (struct siphash_key){random_u64(options->random), random_u64(options->random)};
  struct ares_options ares = {.flags = ARES_FLAG_NOSEARCH,
                              .timeout = TRY_MS,
                              .tries = TRIES,
                              .sock_state_cb = watch,
                              .sock_state_cb_data = resolver};
  int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
  if (ares_init_options(&resolver->channel, &ares, given) != ARES_SUCCESS) return NULL;
  if (options->servers && ares_set_servers_ports_csv(resolver->channel, options->servers) != ARES_SUCCESS) {
    ares_destroy(resolver->channel);
    return NULL;
  }
  char *at = (char *)memory + round_up(sizeof *resolver);
  pool_init(&resolver->names, at, sizeof(struct name), NAMES_MAX);
  at += round_up(pool_memory_bytes(sizeof(struct name), NAMES_MAX));
  pool_init(&resolver->waiters, at, sizeof(struct waiter), WAITERS_MAX);
  at += round_up(pool_memory_bytes(sizeof(struct waiter), WAITERS_MAX));
  hash_table_init(&resolver->by_host, at, NAMES_MAX);
  return resolver;
}

static void ignore(void *context, struct handle asker, const struct resolver_addresses *found) {
  (void)context, (void)asker, (void)found;
}

void resolver_destroy(struct resolver *resolver) {
  resolver->options.answered = ignore;
  ares_destroy(resolver->channel);
}

/* --- answering --------------------------------------------------------------------------------------------------- */

static void add_target(const struct name *name, uint8_t index, struct resolver_addresses *found) {
  const struct target *target = &name->targets[index];
  for (uint8_t i = 0; i < target->address_count && found->count < RESOLVER_ADDRESSES_MAX; i++) {
    found->items[found->count] = target->addresses[i];
    found->items[found->count].port = target->server.port;
    found->ranks[found->count++] = target->server.rank;
  }
}

static void answer(struct resolver *resolver, const struct name *name, struct handle asker) {
  struct resolver_addresses found = {.transport = (enum transport)name->chosen};
  struct server_rank ranks[DNS_SERVERS_MAX];
  uint16_t told = 0;
  int next;
  for (uint8_t i = 0; i < name->target_count; i++)
    ranks[i] = name->targets[i].server.rank;
  while ((next = server_draw(ranks, name->target_count, told, resolver->options.random)) >= 0) {
    told |= (uint16_t)(1u << next);
    add_target(name, (uint8_t)next, &found);
  }
  resolver->options.answered(resolver->options.context, asker, &found);
}

static void answer_nothing(struct resolver *resolver, struct handle asker) {
  resolver->options.answered(resolver->options.context, asker,
                             &(struct resolver_addresses){.transport = TRANSPORT_NONE});
}

static bool is_known(const struct name *name) {
  return name->questions == 0;
}

/* One question less; with the last one all who wait are told. A hook may ask anew meanwhile. */
static void finish_question(struct name *name) {
  struct resolver *resolver = name->resolver;
  if (--name->questions > 0) return;
  uint32_t ttl_s = name->ttl_s == UINT32_MAX ? TTL_UNKNOWN_S : name->ttl_s;
  ttl_s = ttl_s < TTL_MIN_S ? TTL_MIN_S : ttl_s > TTL_MAX_S ? TTL_MAX_S : ttl_s;
  name->known_until = mono_ms_add(resolver->now, (int64_t)ttl_s * 1000);
  while (name->first_waiter) {
    struct waiter *waiter = name->first_waiter;
    struct handle asker = waiter->asker;
    name->first_waiter = waiter->next;
    pool_give(&resolver->waiters, waiter);
    answer(resolver, name, asker);
  }
  name->last_link = &name->first_waiter;
}

static void note_ttl(struct name *name, uint32_t ttl_s) {
  if (ttl_s < name->ttl_s) name->ttl_s = ttl_s;
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

/* The argument of a question about a target: freed by its answer, which always comes. */
struct target_question {
  struct name *name;
  struct target *target;
};

static void take_addresses(void *context, int status, int timeouts, struct ares_addrinfo *info) {
  struct target_question *question = context;
  struct name *name = question->name;
  struct target *target = question->target;
  (void)timeouts;
  free(question);
  if (status == ARES_SUCCESS && info) {
    for (struct ares_addrinfo_node *node = info->nodes; node; node = node->ai_next) {
      union socket_address raw = {0};
      if (target->address_count == TARGET_ADDRESSES_MAX || node->ai_addrlen > sizeof raw) continue;
      memcpy(&raw, node->ai_addr, node->ai_addrlen);
      if (!socket_address_to(&raw, &target->addresses[target->address_count])) continue;
      target->address_count++;
      /* Those of the hosts file have none. */
      if (node->ai_ttl > 0) note_ttl(name, (uint32_t)node->ai_ttl);
    }
  }
  if (info) ares_freeaddrinfo(info);
  if (status != ARES_SUCCESS && status != ARES_ENOTFOUND && status != ARES_ENODATA) note_ttl(name, TTL_FAILED_S);
  finish_question(name);
}

static void ask_addresses(struct name *name, struct target *target) {
  static const struct ares_addrinfo_hints hints = {.ai_flags = ARES_AI_NOSORT, .ai_socktype = SOCK_DGRAM};
  struct target_question *question = malloc(sizeof *question);
  if (!question) return;
  *question = (struct target_question){name, target};
  name->questions++;
  ares_getaddrinfo(name->resolver->channel, target->server.host, NULL, &hints, take_addresses, question);
}

static uint16_t default_port(const struct name *name) {
  return name->chosen == TRANSPORT_TLS ? 5061 : 5060;
}

static void ask_host_itself(struct name *name) {
  name->target_count = 1;
  name->targets[0] = (struct target){.server.port = name->port ? name->port : default_port(name)};
  memcpy(name->targets[0].server.host, name->host, sizeof name->host);
  ask_addresses(name, &name->targets[0]);
}

/* Returns whether there were SRV records at all. */
static bool take_targets(struct name *name, const unsigned char *reply, int length) {
  struct dns_servers servers;
  bool has_records = dns_read_servers(reply, length, &servers, &name->ttl_s);
  name->target_count = servers.count;
  for (uint8_t i = 0; i < servers.count; i++)
    name->targets[i] = (struct target){.server = servers.items[i]};
  return has_records;
}

static void ask_srv(struct name *name, const char *query);
static void ask_service(struct name *name, enum transport transport);

/* Without a transport given or chosen by NAPTR the first one counts that has SRV records (RFC 3263 section 4.1). */
static bool ask_next_service(struct name *name) {
  if (name->transport != TRANSPORT_NONE || name->is_chosen || name->chosen == TRANSPORT_TLS) return false;
  ask_service(name, (enum transport)(name->chosen + 1));
  return true;
}

static void take_srv(void *context, int status, int timeouts, unsigned char *reply, int length) {
  struct name *name = context;
  (void)timeouts;
  bool is_over = status == ARES_EDESTRUCTION || status == ARES_ECANCELLED;
  if (status == ARES_SUCCESS && take_targets(name, reply, length)) {
    for (uint8_t i = 0; i < name->target_count; i++)
      ask_addresses(name, &name->targets[i]);
  } else if (!is_over && !ask_next_service(name)) {
    if (name->transport == TRANSPORT_NONE && !name->is_chosen) name->chosen = TRANSPORT_UDP;
    ask_host_itself(name);
  }
  finish_question(name);
}

static void ask_srv(struct name *name, const char *query) {
  name->target_count = 0;
  name->questions++;
  ares_query(name->resolver->channel, query, ns_c_in, ns_t_srv, take_srv, name);
}

static void ask_service(struct name *name, enum transport transport) {
  static const char *const services[] = {
      [TRANSPORT_UDP] = "_sip._udp", [TRANSPORT_TCP] = "_sip._tcp", [TRANSPORT_TLS] = "_sips._tcp"};
  char query[DNS_HOST_BYTES + 16];
  name->chosen = (uint8_t)transport;
  snprintf(query, sizeof query, "%s.%s", services[transport], name->host);
  ask_srv(name, query);
}

static void take_naptr(void *context, int status, int timeouts, unsigned char *reply, int length) {
  struct name *name = context;
  struct dns_service service;
  (void)timeouts;
  name->is_chosen = false;
  if (status == ARES_SUCCESS && dns_read_service(reply, length, &service, &name->ttl_s)) {
    name->is_chosen = true;
    name->chosen = (uint8_t)service.transport;
    ask_srv(name, service.servers_name);
  } else if (status != ARES_EDESTRUCTION && status != ARES_ECANCELLED) {
    ask_service(name, TRANSPORT_UDP);
  }
  finish_question(name);
}

static void ask_naptr(struct name *name) {
  name->questions++;
  ares_query(name->resolver->channel, name->host, ns_c_in, ns_t_naptr, take_naptr, name);
}

static void ask_servers(struct name *name) {
  name->ttl_s = UINT32_MAX;
  name->questions = 1; /* holds the answer back until all questions are asked: c-ares may answer at once */
  name->chosen = name->transport == TRANSPORT_NONE ? TRANSPORT_UDP : name->transport;
  name->is_chosen = name->transport != TRANSPORT_NONE;
  if (name->port != 0)
    ask_host_itself(name);
  else if (name->transport == TRANSPORT_NONE)
    ask_naptr(name);
  else
    ask_service(name, (enum transport)name->transport);
  finish_question(name);
}

/* --- names ------------------------------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct resolver *resolver, const struct name *key) {
  uint8_t bytes[DNS_HOST_BYTES + 3];
  size_t length = strlen(key->host);
  memcpy(bytes, key->host, length);
  bytes[length] = (uint8_t)(key->port >> 8);
  bytes[length + 1] = (uint8_t)key->port;
  bytes[length + 2] = key->transport;
  return siphash(&resolver->key, bytes, length + 3);
}

static struct name *name_at(const struct resolver *resolver, uint32_t index) {
  return pool_get(&resolver->names, (struct handle){index, resolver->names.generations[index]});
}

static struct name *find(const struct resolver *resolver, const struct name *key) {
  uint32_t value;
  for (uint32_t at = hash_table_first(&resolver->by_host, key->hash, &value); at != HASH_TABLE_END;
       at = hash_table_next(&resolver->by_host, key->hash, at, &value)) {
    struct name *name = name_at(resolver, value);
    if (name && name->port == key->port && name->transport == key->transport && strcmp(name->host, key->host) == 0)
      return name;
  }
  return NULL;
}

/* Makes room by forgetting an answer, none that is waited for. */
static void forget_one(struct resolver *resolver) {
  for (uint32_t i = 0; i < resolver->names.high_water; i++) {
    uint32_t index = resolver->hand++ % resolver->names.high_water;
    struct name *name = name_at(resolver, index);
    if (!name || !is_known(name)) continue;
    (void)hash_table_remove(&resolver->by_host, name->hash, index);
    pool_give(&resolver->names, name);
    return;
  }
}

static struct name *add(struct resolver *resolver, const struct name *key) {
  struct handle handle;
  if (resolver->names.used == resolver->names.capacity) forget_one(resolver);
  struct name *name = pool_take(&resolver->names, &handle);
  if (!name) return NULL;
  name->resolver = resolver;
  memcpy(name->host, key->host, sizeof name->host);
  name->port = key->port;
  name->transport = key->transport;
  name->hash = key->hash;
  name->last_link = &name->first_waiter;
  if (hash_table_insert(&resolver->by_host, key->hash, handle.index) == RESULT_OK) return name;
  pool_give(&resolver->names, name);
  return NULL;
}

/* Host names compare without case (RFC 4343); what cannot be one is not asked for. */
static bool read_host(struct str_view host, char text[DNS_HOST_BYTES]) {
  if (host.length > 0 && host.data[host.length - 1] == '.') host.length--;
  if (host.length == 0 || host.length >= DNS_HOST_BYTES) return false;
  for (size_t i = 0; i < host.length; i++) {
    char c = host.data[i];
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_') return false;
    text[i] = is_letter ? (char)(c | 0x20) : c;
  }
  text[host.length] = '\0';
  return true;
}

static bool wait_for(struct resolver *resolver, struct name *name, struct handle asker) {
  struct handle handle;
  struct waiter *waiter = pool_take(&resolver->waiters, &handle);
  if (!waiter) return false;
  waiter->asker = asker;
  *name->last_link = waiter;
  name->last_link = &waiter->next;
  return true;
}

/* An address needs nobody to be asked. */
static bool answer_literal(struct resolver *resolver, const struct resolver_question *question, struct handle asker) {
  struct address address;
  if (address_parse_ip(question->host, &address) != RESULT_OK) return false;
  enum transport transport = question->transport == TRANSPORT_NONE ? TRANSPORT_UDP : question->transport;
  address.port = question->port ? question->port : transport == TRANSPORT_TLS ? 5061 : 5060;
  struct resolver_addresses found = {.transport = transport, .count = 1, .items = {address}};
  resolver->options.answered(resolver->options.context, asker, &found);
  return true;
}

void resolver_ask(struct resolver *resolver, const struct resolver_question *question, struct handle asker,
                  struct mono_ms now) {
  resolver->now = now;
  if (answer_literal(resolver, question, asker)) return;
  struct name key = {.port = question->port, .transport = (uint8_t)question->transport};
  if (!read_host(question->host, key.host)) {
    answer_nothing(resolver, asker);
    return;
  }
  key.hash = hash_of(resolver, &key);
  struct name *name = find(resolver, &key);
  if (name && is_known(name) && mono_ms_before(now, name->known_until)) {
    answer(resolver, name, asker);
    return;
  }
  bool is_asked = name && !is_known(name);
  if (!name) name = add(resolver, &key);
  if (!name || !wait_for(resolver, name, asker)) {
    answer_nothing(resolver, asker);
    return;
  }
  if (!is_asked) ask_servers(name);
}

/* --- time and sockets -------------------------------------------------------------------------------------------- */

void resolver_ready(struct resolver *resolver, int fd, uint32_t events, struct mono_ms now) {
  resolver->now = now;
  bool can_read = events & (EPOLLIN | EPOLLERR | EPOLLHUP), can_write = events & (EPOLLOUT | EPOLLERR | EPOLLHUP);
  ares_process_fd(resolver->channel, can_read ? fd : ARES_SOCKET_BAD, can_write ? fd : ARES_SOCKET_BAD);
}

void resolver_advance(struct resolver *resolver, struct mono_ms now) {
  resolver->now = now;
  ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

struct mono_ms resolver_next_wake(const struct resolver *resolver, struct mono_ms now) {
  struct timeval left;
  if (!ares_timeout(resolver->channel, NULL, &left)) return (struct mono_ms){INT64_MAX};
  /* Rounded up: woken too early, c-ares would find nothing to do. */
  return mono_ms_add(now, (int64_t)left.tv_sec * 1000 + (left.tv_usec + 999) / 1000);
}
