/* The loop: wait for sockets, bell or timers; take what has come in batches; hand out due timers; send. */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <time.h>

#include "net/poll_tag.h"
#include "worker/worker_state.h"

#define PUBLISH_EVERY_MS 100
#define OFFER_EVERY_MS   20
#define TOUCH_EVERY_MS   20
#define TELL_EVERY_MS    1000 /* a journal that goes on forgetting is not told anew more often */

static void read_clocks(struct worker *worker) {
  struct worker_times times = worker_clock_read(&worker->group->clock);
  worker->context.now = times.mono;
  worker->context.wall_now = times.wall;
  worker->real_ns = worker_clock_real_ns();
  worker->real_now = (struct mono_ms){worker->real_ns / 1000000};
}

static double thread_processor_s(void) {
  struct timespec used;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void publish(struct worker *worker) {
  struct switch_core_counts counts = {0};
  switch_core_count(worker->core, &worker->context, &counts);
  pthread_mutex_lock(&worker->counts_lock);
  worker->counts = counts;
  worker->processor_s = thread_processor_s();
  pthread_mutex_unlock(&worker->counts_lock);
  worker->published_at = worker->real_now;
  worker->has_news = false;
}

static void touch_pools(struct worker *worker) {
  struct str_view fresh;
  for (unsigned number = 0; switch_core_fresh_memory(worker->core, number, &fresh); number++)
    touch_ahead(&worker->touch, number, fresh);
  worker->touched_at = worker->real_now;
}

static int sooner(int a, int64_t b) {
  return b < a ? (b < 0 ? 0 : (int)b) : a;
}

/* How long there is nothing to do but wait for the kernel. */
static int wait_ms(struct worker *worker) {
  if (worker->outbox.entry_count > 0) return 0;
  struct mono_ms next = timer_wheel_next_wake(&worker->wheel);
  int64_t switch_ms = next.value == INT64_MAX ? INT64_MAX : mono_ms_since(next, worker->context.now);
  int wait = worker_clock_wait_ms(&worker->group->clock, switch_ms);
  struct mono_ms streams_next = stream_table_next_wake(worker->streams);
  if (streams_next.value != INT64_MAX) wait = sooner(wait, mono_ms_since(streams_next, worker->real_now));
  struct mono_ms resolver_next = resolver_next_wake(worker->resolver, worker->real_now);
  if (resolver_next.value != INT64_MAX) wait = sooner(wait, mono_ms_since(resolver_next, worker->real_now));
  if (worker->shelf.waiting > 0) wait = sooner(wait, OFFER_EVERY_MS);
  struct str_view bytes;
  const struct held_answer *held = held_answers_first(&worker->held, &bytes);
  if (held && call_journal_is_durable(worker->group->journal, held->ticket)) return 0;
  if (held) wait = sooner(wait, mono_ms_since(held->held_until, worker->real_now));
  if (worker_owes_journal(worker))
    wait = sooner(wait, TELL_EVERY_MS - mono_ms_since(worker->real_now, worker->told_anew_at));
  if (worker->has_news) wait = sooner(wait, PUBLISH_EVERY_MS - mono_ms_since(worker->real_now, worker->published_at));
  return wait;
}

static void handle_ready(struct worker *worker, const struct epoll_event *ready, bool *has_rung) {
  uint32_t number = poll_tag_number(ready->data.u64);
  switch (poll_tag_source(ready->data.u64)) {
  case POLL_SOURCE_BELL: *has_rung = true; break;
  case POLL_SOURCE_UDP:
    if (ready->events & EPOLLERR) ingress_udp_errors(worker, (uint16_t)number);
    if (ready->events & EPOLLIN) ingress_udp(worker, (uint16_t)number);
    break;
  case POLL_SOURCE_LISTENER: ingress_accept(worker, (uint16_t)number); break;
  case POLL_SOURCE_CONNECTION: stream_table_ready(worker->streams, number, ready->events, worker->real_now); break;
  case POLL_SOURCE_RESOLVER: resolver_ready(worker->resolver, (int)number, ready->events, worker->real_now); break;
  }
}

static void advance_timers(struct worker *worker) {
  struct mono_ms due = timer_wheel_next_wake(&worker->wheel);
  int64_t late_ms = due.value == INT64_MAX ? 0 : mono_ms_since(worker->context.now, due);
  if (late_ms < 0) return;
  load_note_lag(&worker->load, worker->real_now, worker_clock_real_ms(&worker->group->clock, late_ms));
  bool has_more;
  do {
    has_more = switch_core_advance(worker->core, &worker->context);
    egress(worker);
  } while (has_more);
  worker->has_news = true;
}

static void rest(const struct worker *worker) {
  int64_t until_ns = pace_rest_until_ns(&worker->pace, worker_clock_real_ns());
  if (until_ns == 0) return;
  struct timespec until = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* Else a call of which nothing is heard would leave no record if the switch were killed. */
static void tell_journal_anew(struct worker *worker) {
  if (!worker_owes_journal(worker) || mono_ms_since(worker->real_now, worker->told_anew_at) < TELL_EVERY_MS) return;
  __atomic_store_n(&worker->journal_forgotten, call_journal_forgotten(worker->group->journal), __ATOMIC_RELAXED);
  worker->told_anew_at = worker->real_now;
  switch_core_handle(worker->core, &worker->context, &(struct event){.kind = EVENT_ORDER, .order = ORDER_TELL_JOURNAL});
  egress(worker);
}

static void go_round(struct worker *worker) {
  struct epoll_event ready[EPOLL_EVENTS_MAX];
  rest(worker);
  int wait = wait_ms(worker);
  if (wait > 0 && !inbox_may_sleep(&worker->inbox)) wait = 0;
  int count = epoll_wait(worker->epoll_fd, ready, EPOLL_EVENTS_MAX, wait);
  read_clocks(worker);
  if (count > 0) pace_note_round(&worker->pace, worker->real_ns);
  bool has_rung = false;
  worker->queue_stands = false;
  for (int i = 0; i < count; i++)
    handle_ready(worker, &ready[i], &has_rung);
  load_note_queue(&worker->load, worker->real_now, worker->queue_stands);
  inbox_wake(&worker->inbox, has_rung);
  stream_table_advance(worker->streams, worker->real_now);
  if (resolver_next_wake(worker->resolver, worker->real_now).value != INT64_MAX)
    resolver_advance(worker->resolver, worker->real_now);
  ingress_inbox(worker);
  egress(worker);
  if (held_answers_wait(&worker->held)) egress_release(worker);
  tell_journal_anew(worker);
  advance_timers(worker);
  recording_settle(&worker->recording);
  if (worker->shelf.waiting > 0) record_shelf_offer(&worker->shelf);
  if (mono_ms_since(worker->real_now, worker->touched_at) >= TOUCH_EVERY_MS) touch_pools(worker);
  if (worker->has_news && mono_ms_since(worker->real_now, worker->published_at) >= PUBLISH_EVERY_MS) publish(worker);
}

/* What others have left is handled, and every record handed over, before the thread ends. */
static void finish(struct worker *worker) {
  struct str_view payload;
  bool has_more = true;
  while (has_more && mono_ms_before(worker->real_now, worker->group->stop_deadline)) {
    read_clocks(worker);
    ingress_inbox(worker);
    egress(worker);
    record_shelf_offer(&worker->shelf);
    egress_release(worker);
    recording_settle(&worker->recording);
    has_more = inbox_next(&worker->inbox, &payload) || worker->shelf.waiting > 0 || held_answers_wait(&worker->held);
    if (worker->shelf.waiting > 0) nanosleep(&(struct timespec){.tv_nsec = OFFER_EVERY_MS * 1000000L}, NULL);
  }
  publish(worker);
}

/* The first directory is in the context already. What the journal had no room for so far is as it has it. */
static void begin(struct worker *worker) {
  read_clocks(worker);
  if (worker->group->journal)
    __atomic_store_n(&worker->journal_forgotten, call_journal_forgotten(worker->group->journal), __ATOMIC_RELAXED);
  switch_core_handle(worker->core, &worker->context,
                     &(struct event){.kind = EVENT_ORDER, .order = ORDER_DIRECTORY_CHANGED});
  egress(worker);
}

void *worker_run(void *context) {
  struct worker *worker = context;
  char name[16];
  snprintf(name, sizeof name, "belfry-w%u", worker->index);
  pthread_setname_np(pthread_self(), name);
  begin(worker);
  while (!worker_group_is_stopping(worker->group))
    go_round(worker);
  finish(worker);
  pthread_mutex_lock(&worker->group->lock);
  worker->has_ended = true;
  pthread_cond_broadcast(&worker->group->ended);
  pthread_mutex_unlock(&worker->group->lock);
  return NULL;
}
