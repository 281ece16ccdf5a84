#include "serve.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/check.h"
#include "boot/boot_options.h"
#include "boot/clock_anchor.h"
#include "boot/data_dir.h"
#include "boot/log_line.h"
#include "boot/text_file.h"
#include "configuration/configuration.h"
#include "store/call_journal.h"
#include "store/record_keeper.h"
#include "store/store.h"
#include "worker/worker.h"

#define STOP_MS         3000
#define STOP_AT_LAST_S  5 /* what the contract allows */
#define LOOK_EVERY_MS   200
#define ANCHOR_EVERY_MS 1000
#define FILES_BESIDE_US 1024
#define OBJECTS_BESIDE  16384 /* of a worker, in the journal: suspensions, networks */
#define PROBLEM_BYTES   1024

struct serve {
  struct boot_options options;
  struct siphash_key nonce_key;
  int lock_fd;
  struct store *store;
  struct call_journal *journal;
  bool store_was_well, keeper_was_well;
  struct configuration *configuration;
  struct worker_group *group;
  struct record_keeper *keeper;
  struct admin *admin;
  char trace_dir[1100];
  char problem[PROBLEM_BYTES];
};

/* --- the log ----------------------------------------------------------------------------------------------------- */

static void log_failed_check(const char *file, int line, const char *expression) {
  log_line("%s:%d: this must never be: not %s", file, line, expression);
}

/* --- what has been learnt of devices ----------------------------------------------------------------------------- */

#define DEVICE_KIND       "device_memory"
#define DEVICE_LINE_BYTES 128
#define DEVICE_KEY_DIGITS 16

static void remember_device(void *group, const char *name, const char *document, const char *changed_by,
                            int64_t changed_at_us) {
  (void)name;
  (void)changed_by;
  (void)changed_at_us;
  worker_group_remember_device(group, str_view_from_c(document));
}

/* What cannot be written is learnt again after a restart. */
static void keep_devices(struct serve *serve) {
  char line[DEVICE_LINE_BYTES], problem[PROBLEM_BYTES];
  if (!worker_group_take_device(serve->group, line, sizeof line)) return;
  if (store_begin(serve->store, problem, sizeof problem) != RESULT_OK) return;
  int64_t now_us = worker_group_wall_now(serve->group).value;
  do {
    char key[DEVICE_KEY_DIGITS + 1];
    snprintf(key, sizeof key, "%.*s", DEVICE_KEY_DIGITS, line);
    (void)!store_put_object(serve->store, DEVICE_KIND, key, line, "switch", now_us);
  } while (worker_group_take_device(serve->group, line, sizeof line));
  if (store_commit(serve->store, problem, sizeof problem) != RESULT_OK) log_line("%s", problem);
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

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

/* "FILE:LINE: POINTER: sentence", as far as they are known. */
static void describe(struct serve *serve, const char *where, const struct configuration_problem *problem) {
  char line[16] = "";
  if (problem->line > 0) snprintf(line, sizeof line, ":%d", problem->line);
  snprintf(serve->problem, PROBLEM_BYTES, "%s%s: %s%s%s", where, line, problem->pointer,
           problem->pointer[0] ? ": " : "", problem->text);
}

/* Applies the documents of --apply in their order: at the start, and again on SIGHUP. */
static bool apply_files(struct serve *serve) {
  for (uint8_t i = 0; i < serve->options.apply.count; i++) {
    const char *name = serve->options.apply.items[i];
    struct configuration_problem problem;
    size_t length;
    char *document = text_file_read(name, TEXT_FILE_DOCUMENT_MAX, &length, serve->problem, PROBLEM_BYTES);
    if (!document) return false;
    enum result result = configuration_apply(serve->configuration, document, length, "file", &problem);
    if (result == RESULT_OK && serve->admin) admin_note_file(serve->admin, name, "on SIGHUP", document, length);
    free(document);
    if (result == RESULT_OK) continue;
    describe(serve, name, &problem);
    return false;
  }
  return true;
}

static bool open_configuration(struct serve *serve) {
  struct configuration_problem problem;
  serve->configuration = configuration_open(serve->store, &problem);
  if (!serve->configuration) describe(serve, serve->options.data_dir, &problem);
  return serve->configuration != NULL && apply_files(serve);
}

static void log_report(void *context, const char *line) {
  (void)context;
  log_line("%s", line);
}

static bool open_journal(struct serve *serve) {
  const struct boot_options *options = &serve->options;
  struct call_journal_options journal_options = {
      .dir = options->data_dir,
      .objects_max = (options->calls_max + options->registrations_max + OBJECTS_BESIDE) * worker_count(options),
      .sink = {store_put_record, store_position, store_stored, serve->store},
      .report = log_report,
  };
  serve->journal = call_journal_open(&journal_options, serve->problem, PROBLEM_BYTES);
  return serve->journal != NULL;
}

/* Those that were open when we stopped, or were stopped. */
static void take_up_calls(struct serve *serve) {
  struct taken_up taken;
  if (worker_group_take_up(serve->group, &taken) != RESULT_OK)
    log_line("not all of the journal could be read; what could not stays there");
  if (taken.calls > 0) log_line("%u calls go on that were open when the switch stopped", taken.calls);
  if (taken.ended > 0)
    log_line("%u calls that were open when the switch stopped cannot go on; each has its record", taken.ended);
  if (taken.farewells > 0)
    log_line("%u calls had ended when the switch stopped, and not every end may have heard it: it is said again",
             taken.farewells);
  if (taken.registrations > 0) log_line("%u registrations are taken up again", taken.registrations);
}

static bool open_workers(struct serve *serve) {
  const struct boot_options *options = &serve->options;
  snprintf(serve->trace_dir, sizeof serve->trace_dir, "%s/trace", options->data_dir);
  struct worker_options worker_options = {
      .sockets = options->sip.items,
      .socket_count = options->sip.count,
      .worker_count = worker_count(options),
      .limits = {.calls_max = options->calls_max,
                 .registrations_max = options->registrations_max,
                 .transactions_max = options->transactions_max},
      .connections_max = options->connections_max,
      .name_servers = options->name_servers,
      .tls_certificate = options->tls_certificate,
      .tls_key = options->tls_key,
      .tls_authorities = options->tls_authorities,
      .tls_clients = options->tls_clients,
      .clock_rate = options->clock_rate,
      .wall_anchor = clock_anchor_read(options->data_dir),
      .nonce_key = serve->nonce_key,
      .trace_dir = serve->trace_dir,
      .journal = serve->journal,
  };
  serve->group = worker_group_open(&worker_options, configuration_parameters(serve->configuration),
                                   configuration_directory(serve->configuration), serve->problem, PROBLEM_BYTES);
  if (!serve->group) return false;
  (void)!store_each_object(serve->store, DEVICE_KIND, remember_device, serve->group);
  take_up_calls(serve);
  if (call_journal_start(serve->journal) != RESULT_OK || worker_group_start(serve->group) != RESULT_OK) {
    snprintf(serve->problem, PROBLEM_BYTES, "cannot start the worker threads");
    return false;
  }
  /* Its own thread hands over what it finds in DNS: not before there is somebody to take it. */
  configuration_attach(serve->configuration, serve->group, options->name_servers);
  return true;
}

static struct wall_us wall_now(void *context) {
  struct serve *serve = context;
  return worker_group_wall_now(serve->group);
}

static void record_keeping(void *context, struct record_keeping *keeping_out) {
  struct serve *serve = context;
  struct parameters parameters;
  configuration_copy_parameters(serve->configuration, &parameters);
  *keeping_out = (struct record_keeping){.to_files = parameters.SS_CDR_RECORD_TO_FILE,
                                         .with_unanswered = parameters.SS_CDR_RECORD_NONCONNECT,
                                         .days = parameters.BF_CDR_DAYS};
  const struct parameter_text *columns = &parameters.BF_CDR_FILE_COLUMNS;
  memcpy(keeping_out->columns, columns->bytes, columns->length);
}

static bool start_keeper(struct serve *serve) {
  struct record_keeper_options keeper_options = {.data_dir = serve->options.data_dir,
                                                 .file_dir = serve->options.cdr_dir,
                                                 .now = wall_now,
                                                 .keeping = record_keeping,
                                                 .context = serve};
  serve->keeper = record_keeper_start(&keeper_options, serve->problem, PROBLEM_BYTES);
  return serve->keeper != NULL;
}

/* It was applied before there was anybody to note it. */
static void note_file(struct serve *serve, const char *name) {
  size_t length;
  char problem[PROBLEM_BYTES];
  char *document = text_file_read(name, TEXT_FILE_DOCUMENT_MAX, &length, problem, sizeof problem);
  if (document) admin_note_file(serve->admin, name, "at the start", document, length);
  free(document);
}

static bool open_admin(struct serve *serve) {
  struct admin_options admin_options = {.data_dir = serve->options.data_dir,
                                        .listen = &serve->options.admin,
                                        .store = serve->store,
                                        .journal = serve->journal,
                                        .keeper = serve->keeper,
                                        .configuration = serve->configuration,
                                        .group = serve->group,
                                        .has_external_api = serve->options.vos3000_api == 1};
  serve->admin = admin_open(&admin_options, serve->problem, PROBLEM_BYTES);
  for (uint8_t i = 0; i < serve->options.apply.count && serve->admin; i++)
    note_file(serve, serve->options.apply.items[i]);
  return serve->admin != NULL;
}

static bool open_all(struct serve *serve) {
  raise_file_limit(&serve->options);
  serve->lock_fd = data_dir_open(serve->options.data_dir, serve->problem, PROBLEM_BYTES);
  if (serve->lock_fd < 0) return false;
  if (!data_dir_key(serve->options.data_dir, "nonce.key", &serve->nonce_key, serve->problem, PROBLEM_BYTES))
    return false;
  serve->store = store_open(serve->options.data_dir, serve->problem, PROBLEM_BYTES);
  if (!serve->store || !open_journal(serve)) return false;
  return open_configuration(serve) && open_workers(serve) && start_keeper(serve) && open_admin(serve);
}

static void say_ready(const struct serve *serve) {
  const struct local_identity *identity = worker_group_identity(serve->group);
  char text[1024];
  struct text_builder builder = text_builder_over(text, sizeof text);
  for (uint8_t i = 0; i < identity->socket_count; i++) {
    if (i > 0) text_builder_add_char(&builder, ',');
    boot_listen_to_text(&identity->sockets[i], &builder);
  }
  struct address admin = admin_address(serve->admin);
  text_builder_add_literal(&builder, " admin=http://");
  address_to_text(&admin, &builder);
  printf("ready sip=%.*s data=%s\n", (int)builder.length, text, serve->options.data_dir);
  fflush(stdout);
}

/* --- running ----------------------------------------------------------------------------------------------------- */

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

/* The journal says by itself when it cannot be written. */
static void watch_store(struct serve *serve) {
  struct store_health health;
  store_read_health(serve->store, &health);
  if (health.ok == serve->store_was_well) return;
  serve->store_was_well = health.ok;
  if (health.ok)
    log_line("records are written again");
  else
    log_line("%s; calls go on, records wait in the journal, and it is tried again", health.problem);
}

static void watch_keeper(struct serve *serve) {
  struct record_keeper_health health;
  record_keeper_read_health(serve->keeper, &health);
  bool is_well = health.files_ok && health.days_ok;
  if (is_well == serve->keeper_was_well) return;
  serve->keeper_was_well = is_well;
  log_line("%s", is_well ? "records are kept in order again" : health.problem);
}

static void reload(struct serve *serve) {
  if (apply_files(serve))
    log_line("SIGHUP: the documents of --apply are applied again");
  else
    log_line("SIGHUP: nothing is changed: %s", serve->problem);
  if (!worker_group_reload_tls(serve->group, serve->problem, PROBLEM_BYTES))
    log_line("SIGHUP: the certificates in use stay: %s", serve->problem);
}

/* Until a signal says that it is enough. */
static void wait_for_the_end(struct serve *serve, const sigset_t *signals) {
  int signal_number = 0, rounds = 0;
  while (signal_number != SIGTERM && signal_number != SIGINT) {
    if (rounds++ % (ANCHOR_EVERY_MS / LOOK_EVERY_MS) == 0) keep_clock(serve, ANCHOR_EVERY_MS * 3);
    struct timespec look = {.tv_nsec = LOOK_EVERY_MS * 1000000L};
    signal_number = sigtimedwait(signals, NULL, &look);
    write_alarms(serve);
    keep_devices(serve);
    watch_store(serve);
    watch_keeper(serve);
    if (signal_number == SIGHUP) reload(serve);
  }
}

static bool close_all(struct serve *serve) {
  bool is_clean = true;
  admin_close(&serve->admin);
  record_keeper_stop(&serve->keeper);
  if (serve->configuration) configuration_attach(serve->configuration, NULL, NULL);
  if (serve->group) {
    is_clean = worker_group_stop(serve->group, STOP_MS) == RESULT_OK;
    write_alarms(serve);
    keep_devices(serve);
    keep_clock(serve, 0);
    if (is_clean) call_journal_stop(serve->journal);
    worker_group_destroy(&serve->group);
  }
  if (!is_clean) return false;
  configuration_close(&serve->configuration);
  store_close(&serve->store);
  call_journal_close(&serve->journal);
  if (serve->lock_fd >= 0) close(serve->lock_fd);
  return true;
}

int serve_run(int argc, char **argv) {
  static struct serve serve;
  serve.lock_fd = -1;
  serve.store_was_well = serve.keeper_was_well = true;
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
