/* Opening, starting, stopping: what happens once. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "boot/boot_options.h"
#include "cdr/cdr_record.h"
#include "net/poll_tag.h"
#include "worker/worker_state.h"

#define CONNECTIONS_MAX_DEFAULT 1024
#define HOMES_MOST              (UINT32_C(1) << 26)

static bool fill_random(void *bytes, size_t count) {
  return getrandom(bytes, count, 0) == (ssize_t)count;
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

/* What a worker is made of, in the order of its region. With a region that only counts, the pieces are NULL. */
struct worker_pieces {
  struct worker *worker;
  void *core, *arena, *outbox_entries, *outbox_bytes, *udp_inbound, *udp_outbound, *streams, *resolver, *letter, *inbox,
      *shelf, *held;
};

static struct worker_pieces take_pieces(struct memory_region *region, const struct worker_group *group) {
  const struct switch_limits *limits = &group->limits;
  return (struct worker_pieces){
      .worker = memory_region_take(region, sizeof(struct worker)),
      .core = memory_region_take(region, switch_core_memory_bytes(limits)),
      .arena = memory_region_take(region, ARENA_BYTES),
      .outbox_entries = memory_region_take(region, OUTBOX_ENTRIES * sizeof(struct outbox_entry)),
      .outbox_bytes = memory_region_take(region, OUTBOX_BYTES),
      .udp_inbound = memory_region_take(region, udp_inbound_memory_bytes()),
      .udp_outbound = memory_region_take(region, udp_outbound_memory_bytes()),
      .streams = memory_region_take(region, stream_table_memory_bytes(group->connections_max)),
      .resolver = memory_region_take(region, resolver_memory_bytes()),
      .letter = memory_region_take(region, LETTER_BYTES),
      .inbox = memory_region_take(region, INBOX_BYTES),
      .shelf = memory_region_take(region, record_shelf_memory_bytes(limits->calls_max)),
      .held = memory_region_take(region, HELD_ANSWERS_BYTES),
  };
}

static void set_context(struct worker *worker) {
  const struct worker_group *group = worker->group;
  struct worker_times now = worker_clock_read(&group->clock);
  timer_wheel_init(&worker->wheel, now.mono);
  worker->context = (struct context){
      .now = now.mono,
      .wall_now = now.wall,
      .random = &worker->random,
      .wheel = &worker->wheel,
      .arena = &worker->arena,
      .outbox = &worker->outbox,
      .counters = &worker->counters,
      .parameters = group->parameters,
      .directory = group->directory,
      .local = &worker->local,
      .homes = group->worker_count > 1 ? &worker->group->homes : NULL,
  };
  worker->message = (struct event){.kind = EVENT_MESSAGE};
}

static bool open_streams(struct worker *worker, void *memory) {
  struct worker_group *group = worker->group;
  struct stream_options options = {
      .epoll_fd = worker->epoll_fd,
      .worker = worker->index,
      .tos = (uint8_t)group->parameters->SS_QOS_SIGNAL,
      .connections_max = group->connections_max,
      .counters = &worker->counters,
      .tls = group->tls,
      .hooks = ingress_stream_hooks(worker),
  };
  if (!fill_random(&options.key, sizeof options.key)) return false;
  worker->streams = stream_table_create(memory, &options, worker_clock_real_now());
  return true;
}

static bool open_resolver(struct worker *worker, void *memory) {
  struct resolver_options options = {.epoll_fd = worker->epoll_fd,
                                     .servers = worker->group->name_servers,
                                     .random = &worker->random,
                                     .answered = egress_resolved,
                                     .context = worker};
  worker->resolver = resolver_create(memory, &options);
  return worker->resolver != NULL;
}

static bool build_worker(struct worker_group *group, uint8_t index) {
  struct memory_region *region = &group->memory[index];
  take_pieces(region, group);
  if (!memory_region_reserve(region)) return false;
  struct worker_pieces pieces = take_pieces(region, group);
  struct worker *worker = pieces.worker;
  group->workers[index] = worker;
  worker->group = group;
  worker->index = index;
  worker->is_alone = group->worker_count == 1;
  memset(worker->udp_fds, -1, sizeof worker->udp_fds);
  memset(worker->listener_fds, -1, sizeof worker->listener_fds);
  pthread_mutex_init(&worker->counts_lock, NULL);
  worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  worker->core = switch_core_create(pieces.core, &group->limits);
  arena_init(&worker->arena, pieces.arena, ARENA_BYTES);
  outbox_init(&worker->outbox, pieces.outbox_entries, OUTBOX_ENTRIES, pieces.outbox_bytes, OUTBOX_BYTES);
  worker->udp_inbound = udp_inbound_create(pieces.udp_inbound);
  worker->udp_outbound = udp_outbound_create(pieces.udp_outbound);
  worker->letter = pieces.letter;
  record_shelf_init(&worker->shelf, pieces.shelf, group->limits.calls_max, group->record_sink,
                    group->record_sink_context);
  held_answers_init(&worker->held, pieces.held);
  struct siphash_key seed;
  if (worker->epoll_fd < 0 || !inbox_open(&worker->inbox, pieces.inbox) || !fill_random(&seed, sizeof seed))
    return false;
  random_seed(&worker->random, seed);
  set_context(worker);
  return open_streams(worker, pieces.streams) && open_resolver(worker, pieces.resolver);
}

/* --- sockets ----------------------------------------------------------------------------------------------------- */

static bool watch(const struct worker *worker, int fd, enum poll_source source, uint32_t number) {
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = poll_tag(source, number)};
  return epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool open_sockets(struct worker_group *group, struct worker *worker) {
  if (!watch(worker, worker->inbox.bell_fd, POLL_SOURCE_BELL, 0)) return false;
  for (uint8_t i = 0; i < group->identity.socket_count; i++) {
    struct local_socket *socket = &group->identity.sockets[i];
    bool is_udp = socket->transport == TRANSPORT_UDP;
    int fd =
        is_udp ? udp_open(&socket->bound, (uint8_t)group->parameters->SS_QOS_SIGNAL) : stream_listen(&socket->bound);
    *(is_udp ? &worker->udp_fds[i] : &worker->listener_fds[i]) = fd;
    if (fd < 0 || !watch(worker, fd, is_udp ? POLL_SOURCE_UDP : POLL_SOURCE_LISTENER, i)) return false;
  }
  return true;
}

static void advertise(struct local_socket *socket) {
  if (socket->advertised.family == ADDRESS_NONE) {
    socket->advertised = socket->bound;
    if (address_is_any(&socket->bound)) host_address((enum address_family)socket->bound.family, &socket->advertised);
    socket->advertised.port = 0;
  }
  if (socket->advertised.port == 0) socket->advertised.port = socket->bound.port;
}

static void say_problem(const struct local_socket *socket, char *problem, size_t problem_bytes) {
  int error = errno;
  char text[96];
  struct text_builder builder = text_builder_over(text, sizeof text);
  boot_listen_to_text(socket, &builder);
  snprintf(problem, problem_bytes, "%.*s: %s", (int)builder.length, text, strerror(error));
}

static bool open_all_sockets(struct worker_group *group, char *problem, size_t problem_bytes) {
  for (uint8_t i = 0; i < group->identity.socket_count; i++) {
    if (socket_is_free(&group->identity.sockets[i].bound, (enum transport)group->identity.sockets[i].transport))
      continue;
    say_problem(&group->identity.sockets[i], problem, problem_bytes);
    return false;
  }
  for (uint8_t i = 0; i < group->worker_count; i++) {
    if (open_sockets(group, group->workers[i])) continue;
    snprintf(problem, problem_bytes, "cannot open the sockets of worker %u: %s", i, strerror(errno));
    return false;
  }
  for (uint8_t i = 0; i < group->identity.socket_count; i++)
    advertise(&group->identity.sockets[i]);
  for (uint8_t i = 0; i < group->worker_count; i++) {
    group->workers[i]->local = group->identity;
    group->workers[i]->local.worker = i;
  }
  return true;
}

/* A switch without a flight recorder still carries calls. */
static void open_recordings(struct worker_group *group) {
  for (uint8_t i = 0; i < group->worker_count; i++) {
    char problem[ALARM_LINE_MAX];
    struct worker *worker = group->workers[i];
    (void)recording_open(&worker->recording, group->trace_dir, &worker->local, group->trace_size_mib, problem,
                         sizeof problem);
    worker->outbox.takes_notes = recording_is_on(&worker->recording);
    if (problem[0]) worker_alarm(worker, str_view_from_c(problem));
  }
  if (group->trace_dir) group->hep = hep_export_open(group->trace_dir);
  worker_group_aim_export(group);
}

/* --- the group --------------------------------------------------------------------------------------------------- */

static void init_locks(struct worker_group *group) {
  order_desk_open(&group->desk);
  pthread_mutex_init(&group->lock, NULL);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&group->ended, &attributes);
  pthread_condattr_destroy(&attributes);
}

/* Records of ended calls go the way of everything that must not be forgotten; the journal hands them on to the store.
 */
static enum result put_into_journal(void *journal, struct str_view record) {
  return call_journal_put(journal, JOURNAL_END, cdr_record_key(record), record, JOURNAL_SOON, NULL);
}

static bool take_options(struct worker_group *group, const struct worker_options *options) {
  group->worker_count = options->worker_count;
  group->limits = options->limits;
  group->connections_max = options->connections_max ? options->connections_max : CONNECTIONS_MAX_DEFAULT;
  group->name_servers = options->name_servers;
  group->trace_dir = options->trace_dir;
  group->trace_size_mib = group->parameters->BF_TRACE_SIZE;
  group->record_sink = options->record_sink;
  group->record_sink_context = options->record_sink_context;
  group->journal = options->journal;
  if (options->journal) {
    group->record_sink = put_into_journal;
    group->record_sink_context = options->journal;
    call_journal_on_flush(options->journal, egress_journal_flushed, group);
    worker_group_pace_journal(group);
  }
  worker_clock_start(&group->clock, options->clock_rate, options->wall_anchor);
  group->identity.socket_count = options->socket_count;
  group->identity.worker_count = options->worker_count;
  group->identity.nonce_key = options->nonce_key;
  group->identity.boot_id = worker_clock_boot_id(&group->clock);
  memcpy(group->identity.sockets, options->sockets, options->socket_count * sizeof *options->sockets);
  group->alarm_memory = calloc(1, ALARM_BYTES);
  group->device_memory = calloc(1, DEVICES_BYTES);
  uint64_t devices = (uint64_t)options->limits.registrations_max * options->worker_count;
  uint32_t devices_max = devices < HOMES_MOST ? (uint32_t)devices : HOMES_MOST;
  group->homes_memory = calloc(1, device_homes_memory_bytes(devices_max));
  if (!group->alarm_memory || !group->device_memory || !group->homes_memory) return false;
  group->homes = device_homes_over(group->homes_memory, devices_max);
  ring_queue_init(&group->alarms, group->alarm_memory, ALARM_BYTES);
  ring_queue_init(&group->devices, group->device_memory, DEVICES_BYTES);
  return fill_random(&group->identity.steering_key, sizeof group->identity.steering_key);
}

static bool open_tls(struct worker_group *group, const struct worker_options *options, char *problem,
                     size_t problem_bytes) {
  bool has_tls = false;
  for (uint8_t i = 0; i < options->socket_count; i++)
    has_tls |= options->sockets[i].transport == TRANSPORT_TLS;
  if (!options->tls_certificate || !options->tls_key) {
    if (has_tls) snprintf(problem, problem_bytes, "a TLS socket needs a certificate and its key");
    return !has_tls;
  }
  group->tls_files =
      (struct tls_files){options->tls_certificate, options->tls_key, options->tls_authorities, options->tls_clients};
  group->tls = tls_identity_open(&group->tls_files, problem, problem_bytes);
  return group->tls != NULL;
}

bool worker_group_reload_tls(struct worker_group *group, char *problem, size_t problem_bytes) {
  return !group->tls || tls_identity_reload(group->tls, &group->tls_files, problem, problem_bytes);
}

struct worker_group *worker_group_open(const struct worker_options *options, const struct parameters *parameters,
                                       const struct directory *directory, char *problem, size_t problem_bytes) {
  if (options->socket_count == 0 || options->socket_count > LOCAL_SOCKETS_MAX || options->worker_count == 0 ||
      options->worker_count > WORKERS_MAX) {
    snprintf(problem, problem_bytes, "1 to %d sockets and 1 to %d workers are possible", LOCAL_SOCKETS_MAX,
             WORKERS_MAX);
    return NULL;
  }
  struct worker_group *group = aligned_alloc(64, (sizeof *group + 63) & ~(size_t)63);
  if (!group) return NULL;
  memset(group, 0, sizeof *group);
  init_locks(group);
  group->parameters = parameters;
  group->directory = directory;
  if (!open_tls(group, options, problem, problem_bytes)) {
    worker_group_destroy(&group);
    return NULL;
  }
  bool is_built = take_options(group, options);
  for (uint8_t i = 0; is_built && i < group->worker_count; i++)
    is_built = build_worker(group, i);
  if (!is_built)
    snprintf(problem, problem_bytes, "cannot reserve memory for %u workers of %u calls: %s", options->worker_count,
             options->limits.calls_max, strerror(errno));
  if (!is_built || !open_all_sockets(group, problem, problem_bytes))
    worker_group_destroy(&group);
  else
    open_recordings(group);
  return group;
}

const struct local_identity *worker_group_identity(const struct worker_group *group) {
  return &group->identity;
}

/* Signals are for the main thread. */
static int start_thread(struct worker *worker) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int problem = pthread_create(&worker->thread, NULL, worker_run, worker);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return problem;
}

enum result worker_group_start(struct worker_group *group) {
  if (group->started_count > 0) return RESULT_WRONG_STATE;
  for (; group->started_count < group->worker_count; group->started_count++) {
    if (start_thread(group->workers[group->started_count]) == 0) continue;
    (void)worker_group_stop(group, 1000);
    return RESULT_FAILED;
  }
  return RESULT_OK;
}

/* Waits for the thread's word that it is at its end, so that joining it cannot take long. */
static bool wait_for_end(struct worker_group *group, const struct worker *worker) {
  int64_t ms = group->stop_deadline.value + 200; /* what a worker may be late itself */
  struct timespec deadline = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  int problem = 0;
  pthread_mutex_lock(&group->lock);
  while (!worker->has_ended && problem == 0)
    problem = pthread_cond_timedwait(&group->ended, &group->lock, &deadline);
  bool has_ended = worker->has_ended;
  pthread_mutex_unlock(&group->lock);
  return has_ended;
}

enum result worker_group_stop(struct worker_group *group, int deadline_ms) {
  group->stop_deadline = mono_ms_add(worker_clock_real_now(), deadline_ms);
  __atomic_store_n(&group->is_stopping, true, __ATOMIC_RELEASE);
  for (uint8_t i = 0; i < group->started_count; i++)
    inbox_ring(&group->workers[i]->inbox);
  while (group->started_count > 0) {
    struct worker *worker = group->workers[group->started_count - 1];
    if (!wait_for_end(group, worker)) return RESULT_TIMED_OUT;
    pthread_join(worker->thread, NULL);
    group->started_count--;
  }
  return RESULT_OK;
}

static void close_worker(struct worker *worker) {
  for (uint8_t i = 0; i < LOCAL_SOCKETS_MAX; i++)
    if (worker->udp_fds[i] >= 0) close(worker->udp_fds[i]);
  for (uint8_t i = 0; i < LOCAL_SOCKETS_MAX; i++)
    if (worker->listener_fds[i] >= 0) close(worker->listener_fds[i]);
  if (worker->streams) stream_table_destroy(worker->streams);
  if (worker->resolver) resolver_destroy(worker->resolver);
  if (worker->epoll_fd >= 0) close(worker->epoll_fd);
  recording_close(&worker->recording);
  inbox_close(&worker->inbox);
  pthread_mutex_destroy(&worker->counts_lock);
}

void worker_group_destroy(struct worker_group **group_in) {
  struct worker_group *group = *group_in;
  *group_in = NULL;
  if (!group || group->started_count > 0) return;
  hep_export_close(&group->hep);
  for (uint8_t i = 0; i < group->worker_count; i++) {
    if (group->workers[i]) close_worker(group->workers[i]);
    memory_region_release(&group->memory[i]);
  }
  tls_identity_close(&group->tls);
  order_desk_close(&group->desk);
  pthread_cond_destroy(&group->ended);
  pthread_mutex_destroy(&group->lock);
  free(group->alarm_memory);
  free(group->device_memory);
  free(group->homes_memory);
  free(group);
}
