#include "net/resolver.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/poll_tag.h"
#include "net/udp.h"
#include "tap.h"

/* --- a name server that knows a few names ------------------------------------------------------------------------ */

#define TYPE_A     1
#define TYPE_SRV   33
#define TYPE_NAPTR 35
#define NXDOMAIN   3
#define QUERY_MAX  512

struct record {
  const char *name;
  uint16_t type;
  uint32_t ttl_s;
  struct srv_record {
    uint16_t priority, weight, port;
    const char *host;
  } srv;
  uint8_t ip[4];
  const char *flags, *service; /* NAPTR: order, preference and replacement are srv's priority, weight and host */
};

static const struct record records[] = {
    {"plain.example", TYPE_A, 300, {0}, {192, 0, 2, 1}},
    {"plain.example", TYPE_A, 60, {0}, {192, 0, 2, 2}},
    {"short.example", TYPE_A, 1, {0}, {192, 0, 2, 3}},
    {"_sip._udp.srv.example", TYPE_SRV, 300, {20, 0, 5080, "b.example"}, {0}},
    {"_sip._udp.srv.example", TYPE_SRV, 300, {10, 0, 5070, "a.example"}, {0}},
    {"_sips._tcp.srv.example", TYPE_SRV, 300, {10, 0, 5071, "a.example"}, {0}},
    {"_sip._udp.closed.example", TYPE_SRV, 300, {0, 0, 0, ""}, {0}},
    {"closed.example", TYPE_A, 300, {0}, {192, 0, 2, 9}},
    {"srv.example", TYPE_A, 300, {0}, {192, 0, 2, 8}},
    {"a.example", TYPE_A, 300, {0}, {192, 0, 2, 10}},
    {"naptr.example", TYPE_NAPTR, 300, {20, 10, 0, "_sip._udp.srv.example"}, {0}, "s", "SIP+D2U"},
    {"naptr.example", TYPE_NAPTR, 300, {10, 20, 0, "_sip._udp.srv.example"}, {0}, "S", "sip+d2u"},
    {"naptr.example", TYPE_NAPTR, 300, {10, 10, 0, "tcp.srv.example"}, {0}, "s", "SIP+D2T"},
    {"naptr.example", TYPE_NAPTR, 300, {1, 1, 0, "ws.example"}, {0}, "s", "SIP+D2W"},
    {"naptr.example", TYPE_NAPTR, 300, {1, 2, 0, "uri.example"}, {0}, "u", "SIP+D2U"},
    {"tcp.srv.example", TYPE_SRV, 300, {10, 0, 5090, "b.example"}, {0}},
    {"_sip._tcp.onlytcp.example", TYPE_SRV, 300, {10, 0, 5091, "b.example"}, {0}},
    {"b.example", TYPE_A, 300, {0}, {192, 0, 2, 11}},
};

static int server_fd;
static char servers[32];
static unsigned queries; /* atomic */
static pthread_t server_thread;

static uint8_t *put_name(uint8_t *at, const char *name) {
  while (*name) {
    size_t length = strcspn(name, ".");
    *at++ = (uint8_t)length;
    memcpy(at, name, length);
    at += length;
    name += length + (name[length] == '.');
  }
  *at++ = 0;
  return at;
}

static uint8_t *put_u16(uint8_t *at, unsigned value) {
  *at++ = (uint8_t)(value >> 8);
  *at++ = (uint8_t)value;
  return at;
}

static uint8_t *put_string(uint8_t *at, const char *text) {
  *at = (uint8_t)strlen(text);
  memcpy(at + 1, text, *at);
  return at + 1 + *at;
}

static uint8_t *put_record(uint8_t *at, const struct record *record) {
  at = put_u16(put_u16(put_u16(at, 0xc00c), record->type), 1);
  at = put_u16(put_u16(at, record->ttl_s >> 16), record->ttl_s & 0xffff);
  uint8_t *length = at;
  at += 2;
  if (record->type == TYPE_A) {
    memcpy(at, record->ip, 4);
    at += 4;
  } else if (record->type == TYPE_NAPTR) {
    at = put_u16(put_u16(at, record->srv.priority), record->srv.weight);
    at = put_string(put_string(put_string(at, record->flags), record->service), "");
    at = put_name(at, record->srv.host);
  } else {
    at = put_u16(put_u16(put_u16(at, record->srv.priority), record->srv.weight), record->srv.port);
    at = put_name(at, record->srv.host);
  }
  put_u16(length, (unsigned)(at - length - 2));
  return at;
}

/* The name of the question in dotted form; returns what follows it. */
static const uint8_t *read_question(const uint8_t *at, char *name) {
  while (*at) {
    memcpy(name, at + 1, *at);
    name += *at;
    at += *at + 1;
    *name++ = *at ? '.' : '\0';
  }
  return at + 1;
}

static size_t make_reply(uint8_t *message) {
  char name[256];
  const uint8_t *type_at = read_question(message + 12, name);
  unsigned type = (unsigned)(type_at[0] << 8 | type_at[1]), count = 0;
  bool is_there = false;
  uint8_t *end = message + (type_at - message) + 4;
  for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
    if (strcasecmp(records[i].name, name) != 0) continue;
    is_there = true;
    if (records[i].type != type) continue;
    end = put_record(end, &records[i]);
    count++;
  }
  message[2] = 0x81;
  message[3] = (uint8_t)(0x80 | (is_there ? 0 : NXDOMAIN));
  put_u16(message + 6, count);
  put_u16(message + 8, 0);
  put_u16(message + 10, 0);
  return (size_t)(end - message);
}

static void *serve(void *context) {
  uint8_t message[QUERY_MAX * 4];
  (void)context;
  for (;;) {
    union socket_address peer;
    socklen_t length = sizeof peer;
    ssize_t got = recvfrom(server_fd, message, QUERY_MAX, 0, (struct sockaddr *)&peer, &length);
    if (got < 12) return NULL;
    __atomic_add_fetch(&queries, 1, __ATOMIC_SEQ_CST);
    if (memcmp(message + 12, "\6silent", 7) == 0) continue;
    sendto(server_fd, message, make_reply(message), 0, (struct sockaddr *)&peer, length);
  }
}

static struct address server_address;

static void start_server(void) {
  server_address = (struct address){.ip = {127, 0, 0, 1}, .family = ADDRESS_IPV4};
  union socket_address raw;
  socklen_t length = socket_address_from(&server_address, &raw);
  server_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  expect(bind(server_fd, (struct sockaddr *)&raw, length) == 0);
  getsockname(server_fd, (struct sockaddr *)&raw, &length);
  socket_address_to(&raw, &server_address);
  snprintf(servers, sizeof servers, "127.0.0.1:%u", server_address.port);
  expect(pthread_create(&server_thread, NULL, serve, NULL) == 0);
}

static void stop_server(void) {
  union socket_address raw;
  socklen_t length = socket_address_from(&server_address, &raw);
  sendto(server_fd, "x", 1, 0, (struct sockaddr *)&raw, length);
  pthread_join(server_thread, NULL);
  close(server_fd);
}

/* --- one resolver, and what it answered -------------------------------------------------------------------------- */

struct rig {
  struct resolver *resolver;
  void *memory;
  int epoll_fd;
  struct random random;
  struct mono_ms now;
  unsigned answers;
  struct handle asker;
  enum transport transport;
  uint8_t count;
  struct address addresses[RESOLVER_ADDRESSES_MAX];
  struct server_rank ranks[RESOLVER_ADDRESSES_MAX];
};

static void on_answered(void *context, struct handle asker, const struct resolver_addresses *found) {
  struct rig *rig = context;
  rig->transport = found->transport;
  rig->answers++;
  rig->asker = asker;
  rig->count = found->count;
  memcpy(rig->addresses, found->items, sizeof found->items);
  memcpy(rig->ranks, found->ranks, sizeof found->ranks);
}

static struct rig *rig_open(void) {
  struct rig *rig = calloc(1, sizeof *rig);
  start_server();
  rig->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  random_seed(&rig->random, (struct siphash_key){3, 4});
  rig->now.value = 1000000;
  rig->memory =
      mmap(NULL, resolver_memory_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  struct resolver_options options = {
      .epoll_fd = rig->epoll_fd, .servers = servers, .random = &rig->random, .answered = on_answered, .context = rig};
  rig->resolver = resolver_create(rig->memory, &options);
  expect(rig->resolver != NULL);
  __atomic_store_n(&queries, 0, __ATOMIC_SEQ_CST);
  return rig;
}

static void rig_close(struct rig *rig) {
  resolver_destroy(rig->resolver);
  munmap(rig->memory, resolver_memory_bytes());
  close(rig->epoll_fd);
  stop_server();
  free(rig);
}

static void ask(struct rig *rig, const char *host, enum transport transport, uint16_t port) {
  static uint32_t number;
  struct resolver_question question = {str_view_from_c(host), transport, port};
  resolver_ask(rig->resolver, &question, (struct handle){++number, 1}, rig->now);
}

/* Runs until there are so many answers. */
static void run(struct rig *rig, unsigned answers) {
  for (int rounds = 0; rig->answers < answers && rounds < 500; rounds++) {
    struct epoll_event events[8];
    int count = epoll_wait(rig->epoll_fd, events, 8, 20);
    for (int i = 0; i < count; i++)
      resolver_ready(rig->resolver, (int)poll_tag_number(events[i].data.u64), events[i].events, rig->now);
    resolver_advance(rig->resolver, rig->now);
  }
  expect_int(rig->answers, ==, answers);
}

static void expect_address(const struct rig *rig, uint8_t index, uint8_t last, uint16_t port) {
  expect_int(rig->addresses[index].family, ==, ADDRESS_IPV4);
  expect_int(rig->addresses[index].ip[0], ==, 192);
  expect_int(rig->addresses[index].ip[3], ==, last);
  expect_int(rig->addresses[index].port, ==, port);
}

static void test_with_a_port_only_addresses_are_asked_for(void) {
  struct rig *rig = rig_open();
  ask(rig, "plain.example", TRANSPORT_UDP, 5099);
  run(rig, 1);
  expect_int(rig->count, ==, 2);
  expect_address(rig, 0, rig->addresses[0].ip[3], 5099);
  expect_int(rig->addresses[0].ip[3] + rig->addresses[1].ip[3], ==, 3);
  rig_close(rig);
}

static void test_without_a_port_srv_gives_hosts_and_ports_by_priority(void) {
  struct rig *rig = rig_open();
  ask(rig, "SRV.example.", TRANSPORT_UDP, 0);
  run(rig, 1);
  expect_int(rig->count, ==, 2);
  expect_address(rig, 0, 10, 5070);
  expect_address(rig, 1, 11, 5080);
  expect(rig->ranks[0].priority < rig->ranks[1].priority && rig->ranks[0].server != rig->ranks[1].server);
  ask(rig, "srv.example", TRANSPORT_TLS, 0);
  run(rig, 2);
  expect_int(rig->count, ==, 1);
  expect_address(rig, 0, 10, 5071);
  ask(rig, "srv.example", TRANSPORT_TCP, 0);
  run(rig, 3);
  expect_int(rig->count, ==, 1);
  expect_address(rig, 0, 8, 5060);
  rig_close(rig);
}

static void test_without_srv_the_host_itself_has_the_transports_port(void) {
  struct rig *rig = rig_open();
  ask(rig, "short.example", TRANSPORT_UDP, 0);
  run(rig, 1);
  expect_int(rig->count, ==, 1);
  expect_address(rig, 0, 3, 5060);
  ask(rig, "short.example", TRANSPORT_TLS, 0);
  run(rig, 2);
  expect_address(rig, 0, 3, 5061);
  rig_close(rig);
}

/* RFC 3263 section 4.1: the lowest order, then the lowest preference, of what leads to SIP over a transport of ours. */
static void test_without_a_transport_naptr_chooses_it(void) {
  struct rig *rig = rig_open();
  ask(rig, "naptr.example", TRANSPORT_NONE, 0);
  run(rig, 1);
  expect_int(rig->transport, ==, TRANSPORT_TCP);
  expect_int(rig->count, ==, 1);
  expect_address(rig, 0, 11, 5090);
  ask(rig, "naptr.example", TRANSPORT_NONE, 0); /* from memory */
  expect_int(rig->answers, ==, 2);
  expect_int(rig->transport, ==, TRANSPORT_TCP);
  rig_close(rig);
}

static void test_without_naptr_the_first_transport_with_srv_counts(void) {
  struct rig *rig = rig_open();
  ask(rig, "srv.example", TRANSPORT_NONE, 0);
  run(rig, 1);
  expect_int(rig->transport, ==, TRANSPORT_UDP);
  expect_address(rig, 0, 10, 5070);
  ask(rig, "onlytcp.example", TRANSPORT_NONE, 0);
  run(rig, 2);
  expect_int(rig->transport, ==, TRANSPORT_TCP);
  expect_address(rig, 0, 11, 5091);
  ask(rig, "short.example", TRANSPORT_NONE, 0);
  run(rig, 3);
  expect_int(rig->transport, ==, TRANSPORT_UDP);
  expect_address(rig, 0, 3, 5060);
  ask(rig, "short.example", TRANSPORT_NONE, 5066);
  run(rig, 4);
  expect_int(rig->transport, ==, TRANSPORT_UDP);
  expect_address(rig, 0, 3, 5066);
  rig_close(rig);
}

static void test_a_service_that_is_decidedly_not_there_has_no_address(void) {
  struct rig *rig = rig_open();
  ask(rig, "closed.example", TRANSPORT_UDP, 0);
  run(rig, 1);
  expect_int(rig->count, ==, 0);
  rig_close(rig);
}

static void test_answers_are_kept_for_their_shortest_ttl(void) {
  struct rig *rig = rig_open();
  ask(rig, "plain.example", TRANSPORT_UDP, 5060);
  run(rig, 1);
  unsigned asked = __atomic_load_n(&queries, __ATOMIC_SEQ_CST);
  rig->now.value += 59000;
  ask(rig, "Plain.Example", TRANSPORT_UDP, 5060);
  expect_int(rig->answers, ==, 2);
  expect_int(rig->count, ==, 2);
  expect_int(__atomic_load_n(&queries, __ATOMIC_SEQ_CST), ==, asked);
  rig->now.value += 1001;
  ask(rig, "plain.example", TRANSPORT_UDP, 5060);
  expect_int(rig->answers, ==, 2);
  run(rig, 3);
  expect_int(rig->count, ==, 2);
  expect_int(__atomic_load_n(&queries, __ATOMIC_SEQ_CST), >, asked);
  rig_close(rig);
}

static void test_a_name_that_is_not_there_is_remembered_for_a_while(void) {
  struct rig *rig = rig_open();
  ask(rig, "nowhere.example", TRANSPORT_UDP, 5060);
  run(rig, 1);
  expect_int(rig->count, ==, 0);
  unsigned asked = __atomic_load_n(&queries, __ATOMIC_SEQ_CST);
  rig->now.value += 29000;
  ask(rig, "nowhere.example", TRANSPORT_UDP, 5060);
  expect_int(rig->answers, ==, 2);
  expect_int(__atomic_load_n(&queries, __ATOMIC_SEQ_CST), ==, asked);
  rig_close(rig);
}

static void test_many_who_ask_the_same_wait_for_one_answer(void) {
  struct rig *rig = rig_open();
  for (int i = 0; i < 100; i++)
    ask(rig, "plain.example", TRANSPORT_UDP, 5060);
  run(rig, 100);
  expect_int(rig->count, ==, 2);
  expect_int(__atomic_load_n(&queries, __ATOMIC_SEQ_CST), <=, 2);
  rig_close(rig);
}

static void test_literals_and_nonsense_are_answered_at_once(void) {
  struct rig *rig = rig_open();
  ask(rig, "192.0.2.77", TRANSPORT_TLS, 0);
  expect_int(rig->answers, ==, 1);
  expect_address(rig, 0, 77, 5061);
  ask(rig, "[2001:db8::1]", TRANSPORT_UDP, 5070);
  expect_int(rig->answers, ==, 2);
  expect_int(rig->addresses[0].family, ==, ADDRESS_IPV6);
  static const char *const nonsense[] = {"", ".", "a b", "x\nz", "a/b", "%"};
  for (unsigned i = 0; i < 6; i++) {
    ask(rig, nonsense[i], TRANSPORT_UDP, 5060);
    expect_int(rig->answers, ==, 3 + i);
    expect_int(rig->count, ==, 0);
  }
  char long_name[300];
  memset(long_name, 'a', sizeof long_name);
  long_name[299] = '\0';
  ask(rig, long_name, TRANSPORT_UDP, 5060);
  expect_int(rig->answers, ==, 9);
  expect_int(__atomic_load_n(&queries, __ATOMIC_SEQ_CST), ==, 0);
  rig_close(rig);
}

static void test_a_silent_server_is_given_up(void) {
  struct rig *rig = rig_open();
  ask(rig, "silent.example", TRANSPORT_UDP, 5060);
  struct mono_ms wake = resolver_next_wake(rig->resolver, rig->now);
  expect_int(mono_ms_since(wake, rig->now), >, 0);
  expect_int(mono_ms_since(wake, rig->now), <=, 1500);
  run(rig, 1);
  expect_int(rig->count, ==, 0);
  rig->now.value += 2001;
  ask(rig, "silent.example", TRANSPORT_UDP, 5060);
  expect_int(rig->answers, ==, 1);
  rig_close(rig);
}

static void test_more_names_than_there_is_room_for_push_out_old_ones(void) {
  struct rig *rig = rig_open();
  char host[32];
  for (unsigned i = 0; i < 2100; i++) {
    snprintf(host, sizeof host, "n%u.example", i);
    ask(rig, host, TRANSPORT_UDP, 5060);
    run(rig, i + 1);
  }
  ask(rig, "plain.example", TRANSPORT_UDP, 5060);
  run(rig, 2101);
  expect_int(rig->count, ==, 2);
  rig_close(rig);
}

static void test_a_thread_may_wait_for_an_answer(void) {
  start_server();
  struct resolver_addresses found;
  struct resolver_question question = {STR_VIEW("srv.example"), TRANSPORT_UDP, 0};
  expect_int(resolver_look_up(&question, servers, 3000, &found), ==, RESULT_OK);
  expect_int(found.count, ==, 2);
  expect_int(found.transport, ==, TRANSPORT_UDP);
  expect_int(found.items[0].port, ==, 5070);
  question.host = STR_VIEW("silent.example");
  expect_int(resolver_look_up(&question, servers, 100, &found), ==, RESULT_NOT_FOUND);
  stop_server();
}

TAP_TESTS(TAP(test_with_a_port_only_addresses_are_asked_for),
          TAP(test_without_a_port_srv_gives_hosts_and_ports_by_priority),
          TAP(test_without_srv_the_host_itself_has_the_transports_port), TAP(test_without_a_transport_naptr_chooses_it),
          TAP(test_without_naptr_the_first_transport_with_srv_counts),
          TAP(test_a_service_that_is_decidedly_not_there_has_no_address),
          TAP(test_answers_are_kept_for_their_shortest_ttl),
          TAP(test_a_name_that_is_not_there_is_remembered_for_a_while),
          TAP(test_many_who_ask_the_same_wait_for_one_answer), TAP(test_literals_and_nonsense_are_answered_at_once),
          TAP(test_a_silent_server_is_given_up), TAP(test_more_names_than_there_is_room_for_push_out_old_ones),
          TAP(test_a_thread_may_wait_for_an_answer))
