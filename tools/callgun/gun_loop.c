/* Sockets, clock, pace and report. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "gun_loop.h"

#define BURST_MAX      64 /* starts between two looks at the sockets */
#define WAIT_MAX_MS    10
#define DRAIN_LIMIT_US 40000000ull /* after the last start, for calls that hang */

uint64_t gun_now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void gun_send(struct gun *gun, int fd, const struct address *to, struct str_view bytes) {
  gun->counts.sent++;
  udp_outbound_add(gun->outbound, fd, to, bytes);
  /* The batch borrows the bytes, and ours are on the stack. */
  udp_outbound_flush(gun->outbound);
}

static void *zeroed(size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory != MAP_FAILED) return memory;
  perror("callgun: no memory");
  exit(1);
}

static int open_socket(struct gun *gun, struct address *address) {
  int fd = udp_open(address, 0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (fd >= 0 && epoll_ctl(gun->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0) return fd;
  perror("callgun: a socket cannot be opened");
  exit(1);
}

void gun_open(struct gun *gun) {
  const struct gun_options *options = &gun->options;
  /* Both ends of each call, and callees that wait a moment after their BYE. */
  uint32_t slots = options->window * 4 + 1024;
  size_t slot_bytes = gun_call_bytes() > gun_probe_bytes() ? gun_call_bytes() : gun_probe_bytes();
  gun->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  gun->inbound = udp_inbound_create(zeroed(udp_inbound_memory_bytes()));
  gun->outbound = udp_outbound_create(zeroed(udp_outbound_memory_bytes()));
  pool_init(&gun->calls, zeroed(pool_memory_bytes((uint32_t)slot_bytes, slots)), (uint32_t)slot_bytes, slots);
  hash_table_init(&gun->callee_by_call_id, zeroed(hash_table_memory_bytes(slots)), slots);
  struct siphash_key seed;
  if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) exit(1);
  random_seed(&gun->random, seed);
  gun->caller_fd = open_socket(gun, &gun->options.local);
  gun->callee_fd = options->answer.family == ADDRESS_NONE ? -1 : open_socket(gun, &gun->options.answer);
  gun->now_us = gun_now_us();
  gun->start_us = gun->now_us;
  gun->now = (struct mono_ms){(int64_t)(gun->now_us / 1000)};
  timer_wheel_init(&gun->wheel, gun->now);
}

static void take_time(struct gun *gun) {
  gun->now_us = gun_now_us();
  gun->now = (struct mono_ms){(int64_t)(gun->now_us / 1000)};
}

static void handle(struct gun *gun, int fd, const struct udp_datagram *datagram) {
  struct sip_message message;
  struct sip_defect defect;
  gun->counts.received++;
  if (sip_message_parse(datagram->bytes, &message, &defect) != RESULT_OK)
    gun->counts.unexpected++;
  else if (gun->options.work != GUN_CALLS)
    probe_receive(gun, &message);
  else if (fd == gun->callee_fd)
    callee_receive(gun, &message, &datagram->source);
  else
    caller_receive(gun, &message, &datagram->source);
}

static void receive(struct gun *gun, int wait_ms) {
  struct epoll_event events[4];
  int count = epoll_wait(gun->epoll_fd, events, 4, wait_ms);
  take_time(gun);
  for (int i = 0; i < count; i++) {
    const struct udp_datagram *datagrams;
    unsigned received = udp_receive(gun->inbound, events[i].data.fd, &datagrams);
    for (unsigned d = 0; d < received; d++)
      handle(gun, events[i].data.fd, &datagrams[d]);
  }
}

static void run_timers(struct gun *gun) {
  struct timer *timer;
  timer_wheel_advance(&gun->wheel, gun->now);
  while ((timer = timer_wheel_next_due(&gun->wheel)) != NULL) {
    switch ((enum gun_timer)timer->kind) {
    case GUN_TIMER_CALLER: caller_timer_due(gun, timer); break;
    case GUN_TIMER_CALLEE: callee_timer_due(gun, timer); break;
    case GUN_TIMER_PROBE: probe_timer_due(gun, timer); break;
    }
  }
}

static uint32_t open_count(const struct gun *gun) {
  return (uint32_t)(gun->counts.started - gun->counts.completed - gun->counts.rejected - gun->counts.timed_out -
                    gun->counts.ended_by_far_side);
}

static uint64_t due_count(const struct gun *gun) {
  if (gun->options.rate <= 0) return UINT64_MAX;
  return (uint64_t)((double)(gun->now_us - gun->start_us) * gun->options.rate / 1e6) + 1;
}

static void start_due(struct gun *gun) {
  uint64_t due = due_count(gun);
  for (int burst = 0; burst < BURST_MAX; burst++) {
    uint64_t offered = gun->counts.started + gun->counts.skipped;
    if (offered >= gun->options.count || offered >= due) return;
    bool room = open_count(gun) < gun->options.window;
    if (!room && gun->options.rate <= 0) return;
    bool started = room && (gun->options.work == GUN_CALLS ? caller_start(gun) : probe_start(gun));
    if (!started) gun->counts.skipped++;
  }
}

static bool is_done(const struct gun *gun, uint64_t *last_start_us) {
  bool all_started = gun->counts.started + gun->counts.skipped >= gun->options.count;
  if (!all_started) *last_start_us = gun->now_us;
  bool late = gun->now_us - gun->start_us > gun->options.time_limit_s * 1000000ull;
  bool hanging = all_started && gun->now_us - *last_start_us > DRAIN_LIMIT_US + gun->options.talk_ms * 1000ull;
  return late || hanging || (all_started && gun_calls_open(gun) == 0);
}

void gun_run(struct gun *gun) {
  uint64_t last_start_us = gun->now_us;
  while (!is_done(gun, &last_start_us)) {
    start_due(gun);
    bool more_to_start = gun->options.rate > 0 ? gun->counts.started + gun->counts.skipped < gun->options.count : false;
    receive(gun, more_to_start ? 1 : WAIT_MAX_MS);
    run_timers(gun);
  }
}

static void print_latency(const char *name, const struct latency *latency, bool json) {
  if (latency->count == 0) return;
  uint64_t p50 = latency_percentile(latency, 500), p95 = latency_percentile(latency, 950),
           p99 = latency_percentile(latency, 990), p999 = latency_percentile(latency, 999);
  if (json)
    printf(",\"%s_us\":{\"p50\":%" PRIu64 ",\"p95\":%" PRIu64 ",\"p99\":%" PRIu64 ",\"p999\":%" PRIu64
           ",\"max\":%" PRIu64 "}",
           name, p50, p95, p99, p999, latency->max_us);
  else
    printf("%-34s p50 %" PRIu64 "  p95 %" PRIu64 "  p99 %" PRIu64 "  p99.9 %" PRIu64 "  max %" PRIu64 " µs\n", name,
           p50, p95, p99, p999, latency->max_us);
}

void gun_report(const struct gun *gun) {
  double seconds = (double)(gun->now_us - gun->start_us) / 1e6;
  bool json = gun->options.json;
  double rate = (double)gun->counts.started / seconds;
  if (json)
    printf("{\"seconds\":%.3f,\"rate\":%.1f", seconds, rate);
  else
    printf("%-34s %.3f\n%-34s %.1f\n", "seconds", seconds, "started per second", rate);
#define COUNT(name, text)                                                                                              \
  if (json)                                                                                                            \
    printf(",\"" #name "\":%" PRIu64, gun->counts.name);                                                               \
  else if (gun->counts.name)                                                                                           \
    printf("%-34s %" PRIu64 "\n", text, gun->counts.name);
  GUN_COUNTS
#undef COUNT
  print_latency("setup", &gun->setup, json);
  print_latency("bye", &gun->bye, json);
  print_latency("answer", &gun->work, json);
  if (json) printf("}\n");
}
