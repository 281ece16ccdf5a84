/* Sockets, clock and pace. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "gun.h"

#define LAST_BATCHES_MAX 100000
#define BURST_MAX        64 /* starts between two looks at the sockets */
#define WAIT_MAX_US      10000
#define SIGNAL_ROUNDS    256  /* of spinning between two looks for signals */
#define TIMER_SLACK_NS   1000 /* how late the kernel may wake us */

static const struct gun_player *const players[] = {
    [GUN_CALLS] = &gun_caller, [GUN_OPTIONS] = &gun_prober, [GUN_REGISTER] = &gun_phones, [GUN_ANSWER] = &gun_answerer};

static const struct gun_player *player_of(const struct gun *gun) {
  return players[gun->options.work];
}

static void take_time(struct gun *gun) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  gun->now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
  gun->now = (struct mono_ms){(int64_t)(gun->now_us / 1000)};
}

static void name_run(struct gun *gun) {
  uint64_t random;
  if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) exit(1);
  struct text_builder text = text_builder_over(gun->run, sizeof gun->run);
  text_builder_add_hex(&text, random, GUN_RUN_BYTES);
}

/* The first signal ends the run in order, the second at once. */
static void open_signals(struct gun *gun) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  gun->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  if (gun->signal_fd >= 0 && epoll_ctl(gun->epoll_fd, EPOLL_CTL_ADD, gun->signal_fd, &event) == 0) return;
  perror("callgun: signals cannot be watched");
  exit(1);
}

static void open_memory(struct gun *gun) {
  const struct gun_options *options = &gun->options;
  /* Both ends of each call, and callees whose caller has given up. */
  uint32_t slots = options->work == GUN_REGISTER ? options->users : options->window * 4 + 1024;
  uint32_t slot_bytes = player_of(gun)->slot_bytes;
  gun->inbound = udp_inbound_create(gun_memory(udp_inbound_memory_bytes()));
  gun->ended_calls = gun_memory(GUN_ENDED_CALLS * sizeof gun->ended_calls[0]);
  pool_init(&gun->slots, gun_memory(pool_memory_bytes(slot_bytes, slots)), slot_bytes, slots);
  gun->ringing = gun_memory(slots * sizeof gun->ringing[0]);
  hash_table_init(&gun->callee_by_call_id, gun_memory(hash_table_memory_bytes(slots)), slots);
}

void gun_open(struct gun *gun) {
  const struct gun_options *options = &gun->options;
  struct text_builder target = text_builder_over(gun->target_text, sizeof gun->target_text - 1);
  address_to_text(&options->target, &target);
  gun->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  open_signals(gun);
  open_memory(gun);
  name_run(gun);
  gun->caller.fd = gun->callee.fd = -1;
  int watcher = options->spin ? -1 : gun->epoll_fd;
  if (options->apart)
    gun_socket_open_many(&gun->caller, options->local.port, watcher);
  else if (options->work != GUN_ANSWER)
    gun_socket_open(&gun->caller, &options->local, "caller", watcher);
  if (options->answer.family != ADDRESS_NONE) gun_socket_open(&gun->callee, &options->answer, "callee", watcher);
  prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
  take_time(gun);
  gun->start_us = gun->paced_from_us = gun->drain_from_us = gun->now_us;
  timer_wheel_init(&gun->wheel, gun->now);
}

/* --- pace -------------------------------------------------------------------------------------------------------- */

static bool has_more_to_start(const struct gun *gun) {
  return gun->offered < gun->options.count && !gun->is_stopping;
}

static uint64_t next_due_us(const struct gun *gun) {
  if (gun->options.rate <= 0) return gun->now_us;
  return gun->paced_from_us + (uint64_t)((double)(gun->offered - gun->paced_from) * 1e6 / gun->options.rate);
}

static void start_one(struct gun *gun, uint64_t due_us) {
  if (gun->open < gun->options.window && player_of(gun)->start(gun, due_us)) {
    latency_add(&gun->lag, gun->now_us - due_us);
    gun->counts.started++;
    gun->open++;
    gun->drain_from_us = gun->now_us;
  } else {
    gun->counts.skipped++;
  }
  gun->offered++;
}

static void start_due(struct gun *gun) {
  for (int burst = 0; burst < BURST_MAX && has_more_to_start(gun); burst++) {
    uint64_t due_us = next_due_us(gun);
    bool is_closed_loop = gun->options.rate <= 0;
    if (due_us > gun->now_us || (is_closed_loop && gun->open >= gun->options.window)) return;
    start_one(gun, due_us);
  }
}

static uint64_t wait_us(const struct gun *gun) {
  uint64_t until_us = gun->now_us + WAIT_MAX_US;
  bool may_start = has_more_to_start(gun) && (gun->options.rate > 0 || gun->open < gun->options.window);
  if (may_start && next_due_us(gun) < until_us) until_us = next_due_us(gun);
  if (gun->ringing_first < gun->ringing_end) {
    uint64_t answer_us = gun->ringing[gun->ringing_first % gun->slots.capacity].answer_us;
    if (answer_us < until_us) until_us = answer_us;
  }
  int64_t wake_ms = timer_wheel_next_wake(&gun->wheel).value;
  if (wake_ms < (int64_t)(until_us / 1000)) until_us = wake_ms <= 0 ? 0 : (uint64_t)wake_ms * 1000;
  return until_us > gun->now_us ? until_us - gun->now_us : 0;
}

/* --- what comes in ----------------------------------------------------------------------------------------------- */

static void handle(struct gun *gun, const struct gun_socket *socket, struct str_view bytes,
                   const struct address *source) {
  struct sip_message message;
  struct sip_defect defect;
  gun->counts.received++;
  if (sip_message_parse(bytes, &message, &defect) != RESULT_OK)
    gun->counts.unexpected++;
  else if (socket == &gun->callee)
    callee_receive(gun, &message, source);
  else
    player_of(gun)->receive(gun, &message, source);
}

static void take_signal(struct gun *gun) {
  struct signalfd_siginfo info;
  if (read(gun->signal_fd, &info, sizeof info) != (ssize_t)sizeof info) return;
  if (gun->is_stopping) gun->is_over = true;
  gun->is_stopping = true;
  gun->drain_from_us = gun->now_us;
  player_of(gun)->release(gun);
}

static unsigned receive_of_many(struct gun *gun, const struct gun_socket *socket) {
  const struct many_datagram *datagrams;
  unsigned received = many_addresses_receive(socket->many, &datagrams);
  if (received) take_time(gun);
  for (unsigned d = 0; d < received; d++)
    if (!phone_take_ping(gun, &datagrams[d])) handle(gun, socket, datagrams[d].bytes, &datagrams[d].source);
  return received;
}

static void receive_batch(struct gun *gun, const struct gun_socket *socket) {
  if (socket->many) {
    (void)receive_of_many(gun, socket);
    return;
  }
  const struct udp_datagram *datagrams;
  unsigned received = socket->fd < 0 ? 0 : udp_receive(gun->inbound, socket->fd, &datagrams);
  if (received) take_time(gun);
  for (unsigned d = 0; d < received; d++)
    handle(gun, socket, datagrams[d].bytes, &datagrams[d].source);
}

static void wait_and_receive(struct gun *gun, uint64_t limit_us) {
  struct epoll_event events[4];
  struct timespec limit = {(time_t)(limit_us / 1000000), (long)(limit_us % 1000000 * 1000)};
  int count = epoll_pwait2(gun->epoll_fd, events, 4, &limit, NULL);
  take_time(gun);
  for (int i = 0; i < count; i++) {
    if (events[i].data.ptr)
      receive_batch(gun, events[i].data.ptr);
    else
      take_signal(gun);
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
    case GUN_TIMER_PHONE: phone_timer_due(gun, timer); break;
    }
  }
}

/* --- the loop ---------------------------------------------------------------------------------------------------- */

/* All that is to be held has been answered, or has failed. */
static bool is_settled(const struct gun *gun) {
  if (gun->options.work != GUN_CALLS) return gun->open == 0;
  return gun->counts.started == gun->counts.answered + gun->counts.rejected + gun->counts.timed_out;
}

/* Registrations that are held are refreshed at half of their life, each in its turn. */
static void start_holding(struct gun *gun) {
  gun->is_holding = true;
  gun_report_holding(gun);
  gun->pings.from_us = gun->refreshes.from_us = gun->now_us;
  if (gun->options.work != GUN_REGISTER) return;
  gun->options.rate = gun->options.users * 2.0 / gun->options.expires_s;
  gun->options.count = UINT64_MAX;
  gun->paced_from = gun->offered;
  gun->paced_from_us = gun->now_us;
}

static bool is_done(const struct gun *gun) {
  if (gun->is_over || gun->now_us - gun->start_us > gun->options.time_limit_s * 1000000ull) return true;
  if (has_more_to_start(gun) || (gun->options.hold && !gun->is_stopping)) return false;
  bool has_callees = gun->options.work != GUN_REGISTER && gun->slots.used > 0;
  uint64_t limit_us = gun->drain_from_us + gun->options.drain_s * 1000000ull + gun->options.talk_ms * 1000ull;
  return (gun->open == 0 && !has_callees) || gun->now_us > limit_us;
}

void gun_run(struct gun *gun) {
  uint64_t rounds = 0;
  while (!is_done(gun)) {
    take_time(gun);
    start_due(gun);
    if (gun->options.hold && !gun->is_holding && !has_more_to_start(gun) && is_settled(gun)) start_holding(gun);
    gun_socket_flush(&gun->caller);
    gun_socket_flush(&gun->callee);
    if (gun->options.spin) {
      receive_batch(gun, &gun->caller);
      receive_batch(gun, &gun->callee);
      if (rounds++ % SIGNAL_ROUNDS == 0) wait_and_receive(gun, 0);
    } else {
      wait_and_receive(gun, wait_us(gun));
    }
    run_timers(gun);
    callee_answer_due(gun);
  }
  gun_socket_flush(&gun->caller);
  gun_socket_flush(&gun->callee);
  for (unsigned batch = 0; gun->caller.many && batch < LAST_BATCHES_MAX && receive_of_many(gun, &gun->caller) > 0;)
    batch++; /* what had come before the end */
  gun->counts.unfinished = gun->open;
}
