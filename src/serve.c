#include "serve.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "boot/boot_options.h"
#include "boot/clock_anchor.h"
#include "boot/data_dir.h"
#include "directory/directory.h"
#include "store/store.h"
#include "worker/worker.h"

#define STOP_MS         3000
#define STOP_AT_LAST_S  5 /* what the contract allows */
#define LOOK_EVERY_MS   200
#define ANCHOR_EVERY_MS 1000
#define DEVICES_MAX     (1u << 20)
#define FILES_BESIDE_US 1024
#define PROBLEM_BYTES   512

struct serve {
  struct boot_options options;
  struct parameters parameters;
  struct siphash_key nonce_key;
  int lock_fd;
  struct store *store;
  uint32_t *usage_counts;
  void *directory_memory;
  struct directory *directory;
  struct worker_group *group;
  char problem[PROBLEM_BYTES];
};

/* --- the log
 * -------------------------------------------------------------------------------------------------------------- */

static void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void log_line(const char *format, ...) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  char stamp[32], text[1200];
  struct text_builder builder = text_builder_over(stamp, sizeof stamp);
  wall_us_to_text((struct wall_us){(int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000}, &builder);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fprintf(stderr, "%.*s %s\n", (int)builder.length, stamp, text);
}

static void log_failed_check(const char *file, int line, const char *expression) {
  log_line("%s:%d: this must never be: not %s", file, line, expression);
}

/* --- opening
 * -------------------------------------------------------------------------------------------------------------- */

static bool read_options(struct serve *serve, int argc, char **argv) {
  return boot_options_read(&serve->options, argc, (const char *const *)argv, serve->problem, PROBLEM_BYTES) ==
         RESULT_OK;
}

/* As many as the processor's cores that we may use: fewer than there are under taskset or in a container. */
static uint8_t worker_count(const struct boot_options *options) {
  cpu_set_t cores;
  int count = options->workers > 0                              ? (int)options->workers
              : sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores)
                                                                : 1;
  return (uint8_t)(count > 64 ? 64 : count);
}

/* Each connection is a descriptor. */
static void raise_file_limit(const struct boot_options *options) {
  struct rlimit limit;
  rlim_t wanted = (rlim_t)options->connections_max * worker_count(options) + FILES_BESIDE_US;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool build_directory(struct serve *serve) {
  struct text_builder problem = text_builder_over(serve->problem, PROBLEM_BYTES - 1);
  size_t bytes = (directory_memory_bytes(NULL, 0) + 63) & ~(size_t)63;
  serve->usage_counts = calloc(DEVICES_MAX, sizeof *serve->usage_counts);
  serve->directory_memory = aligned_alloc(64, bytes);
  if (!serve->usage_counts || !serve->directory_memory) return false;
  memset(serve->directory_memory, 0, bytes);
  serve->directory = directory_build(serve->directory_memory, NULL, 0, STR_VIEW("belfry"), NULL, serve->usage_counts,
                                     DEVICES_MAX, &problem);
  serve->problem[problem.length] = '\0';
  return serve->directory != NULL;
}

static bool open_workers(struct serve *serve) {
  const struct boot_options *options = &serve->options;
  struct worker_options worker_options = {
      .sockets = options->sip.items,
      .socket_count = options->sip.count,
      .worker_count = worker_count(options),
      .limits = {.calls_max = options->calls_max,
                 .registrations_max = options->registrations_max,
                 .transactions_max = options->transactions_max},
      .connections_max = options->connections_max,
      .tls_certificate = options->tls_certificate,
      .tls_key = options->tls_key,
      .tls_authorities = options->tls_authorities,
      .clock_rate = options->clock_rate,
      .wall_anchor = clock_anchor_read(options->data_dir),
      .nonce_key = serve->nonce_key,
      .record_sink = store_put_record,
      .record_sink_context = serve->store,
  };
  serve->group =
      worker_group_open(&worker_options, &serve->parameters, serve->directory, serve->problem, PROBLEM_BYTES);
  return serve->group != NULL;
}

static bool open_all(struct serve *serve) {
  raise_file_limit(&serve->options);
  serve->lock_fd = data_dir_open(serve->options.data_dir, serve->problem, PROBLEM_BYTES);
  if (serve->lock_fd < 0) return false;
  if (!data_dir_key(serve->options.data_dir, "nonce.key", &serve->nonce_key, serve->problem, PROBLEM_BYTES))
    return false;
  serve->store = store_open(serve->options.data_dir, serve->problem, PROBLEM_BYTES);
  if (!serve->store) return false;
  parameters_set_defaults(&serve->parameters);
  if (!build_directory(serve) || !open_workers(serve)) return false;
  if (worker_group_start(serve->group) == RESULT_OK) return true;
  snprintf(serve->problem, PROBLEM_BYTES, "cannot start the worker threads");
  return false;
}

static void say_ready(const struct serve *serve) {
  const struct local_identity *identity = worker_group_identity(serve->group);
  char text[1024];
  struct text_builder builder = text_builder_over(text, sizeof text);
  for (uint8_t i = 0; i < identity->socket_count; i++) {
    if (i > 0) text_builder_add_char(&builder, ',');
    boot_listen_to_text(&identity->sockets[i], &builder);
  }
  text_builder_add_literal(&builder, " admin=http://");
  address_to_text(&serve->options.admin, &builder);
  printf("ready sip=%.*s data=%s\n", (int)builder.length, text, serve->options.data_dir);
  fflush(stdout);
}

/* --- running
 * -------------------------------------------------------------------------------------------------------------- */

static void write_alarms(struct serve *serve) {
  char line[1100];
  while (worker_group_take_alarm(serve->group, line, sizeof line))
    log_line("%s", line);
}

/* The kept time is always ahead of what any record may say until it is renewed, also when we are killed. */
static void keep_clock(const struct serve *serve, int64_t ahead_real_ms) {
  if (serve->options.clock_rate == 1.0) return;
  int64_t ahead_us = (int64_t)((double)ahead_real_ms * 1000 * serve->options.clock_rate);
  if (!clock_anchor_keep(serve->options.data_dir, worker_group_wall_now(serve->group), ahead_us))
    log_line("cannot keep the clock: %s", strerror(errno));
}

/* Until a signal says that it is enough. */
static void wait_for_the_end(struct serve *serve, const sigset_t *signals) {
  int signal_number = 0, rounds = 0;
  while (signal_number != SIGTERM && signal_number != SIGINT) {
    if (rounds++ % (ANCHOR_EVERY_MS / LOOK_EVERY_MS) == 0) keep_clock(serve, ANCHOR_EVERY_MS * 3);
    struct timespec look = {.tv_nsec = LOOK_EVERY_MS * 1000000L};
    signal_number = sigtimedwait(signals, NULL, &look);
    write_alarms(serve);
    if (signal_number == SIGHUP) log_line("SIGHUP: nothing is kept in files that could be read again");
  }
}

static bool close_all(struct serve *serve) {
  bool is_clean = true;
  if (serve->group) {
    is_clean = worker_group_stop(serve->group, STOP_MS) == RESULT_OK;
    write_alarms(serve);
    keep_clock(serve, 0);
    worker_group_destroy(&serve->group);
  }
  if (!is_clean) return false;
  if (serve->store) store_close(&serve->store);
  free(serve->directory_memory);
  free(serve->usage_counts);
  if (serve->lock_fd >= 0) close(serve->lock_fd);
  return true;
}

int serve_run(int argc, char **argv) {
  static struct serve serve;
  serve.lock_fd = -1;
  if (!read_options(&serve, argc, argv)) {
    fprintf(stderr, "belfry serve: %s\n", serve.problem);
    return 2;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  signal(SIGPIPE, SIG_IGN);
  check_set_reporter(log_failed_check);
  if (serve.options.clock_rate != 1.0)
    log_line("TEST ONLY: time runs %g times faster than the world's (--clock-rate)", serve.options.clock_rate);

  bool is_open = open_all(&serve);
  if (is_open) {
    say_ready(&serve);
    wait_for_the_end(&serve, &signals);
    alarm(STOP_AT_LAST_S);
  } else {
    fprintf(stderr, "belfry serve: %s\n", serve.problem);
  }
  if (!close_all(&serve)) log_line("a worker did not end in time");
  return is_open ? 0 : 1;
}

int serve_check(int argc, char **argv) {
  static struct serve serve;
  if (!read_options(&serve, argc, argv)) {
    fprintf(stderr, "belfry check: %s\n", serve.problem);
    return 2;
  }
  puts("nothing is wrong");
  return 0;
}
