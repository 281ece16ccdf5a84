#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "net/udp.h"
#include "store/call_journal.h"
#include "tap.h"
#include "worker/echo_switch.h"
#include "worker/worker.h"

static struct parameters parameters, other_parameters;
static struct worker_group *group;
static struct address switch_address;
static int phone = -1;
static struct address phone_address;

static struct address loopback(void) {
  return (struct address){.ip = {127, 0, 0, 1}, .family = ADDRESS_IPV4};
}

static struct worker_options options_for(uint8_t workers, const struct local_socket *sockets, uint8_t socket_count) {
  return (struct worker_options){.sockets = sockets,
                                 .socket_count = socket_count,
                                 .worker_count = workers,
                                 .limits = {.calls_max = 1000, .registrations_max = 1000, .transactions_max = 1000},
                                 .clock_rate = 1.0};
}

static struct worker_options one_socket(uint8_t workers) {
  static struct local_socket socket;
  socket = (struct local_socket){.bound = loopback(), .transport = TRANSPORT_UDP};
  return options_for(workers, &socket, 1);
}

static bool open_group(const struct worker_options *options) {
  char problem[256] = "";
  parameters_set_defaults(&parameters);
  group = worker_group_open(options, &parameters, NULL, problem, sizeof problem);
  if (!group) printf("# %s\n", problem);
  expect(group != NULL);
  if (!group) return false;
  expect_int(worker_group_start(group), ==, RESULT_OK);
  switch_address = worker_group_identity(group)->sockets[0].bound;
  phone_address = loopback();
  phone = udp_open(&phone_address, 0);
  return phone >= 0;
}

static void close_group(void) {
  expect_int(worker_group_stop(group, 2000), ==, RESULT_OK);
  worker_group_destroy(&group);
  expect(group == NULL);
  close(phone);
}

static void say(const char *text) {
  union socket_address raw;
  socklen_t length = socket_address_from(&switch_address, &raw);
  expect(sendto(phone, text, strlen(text), 0, (const struct sockaddr *)&raw, length) == (ssize_t)strlen(text));
}

/* What the phone hears within two seconds, "" for nothing. */
static const char *hear(void) {
  static char text[512];
  struct pollfd ready = {.fd = phone, .events = POLLIN};
  ssize_t length = poll(&ready, 1, 2000) == 1 ? recv(phone, text, sizeof text - 1, 0) : 0;
  text[length > 0 ? length : 0] = '\0';
  return text;
}

static void expect_heard(const char *wanted) {
  const char *text = hear();
  expect_bytes(text, strlen(text), wanted);
}

static struct counters counters_now(void) {
  struct worker_group_status status;
  worker_group_read_status(group, &status);
  return status.counters;
}

/* Within two seconds so much has been sent and dropped. */
static bool wait_until_counted(const struct counters *wanted) {
  struct counters now = counters_now();
  for (int i = 0; i < 2000; i++, now = counters_now()) {
    if (now.datagrams_sent + now.datagrams_dropped_sending == wanted->datagrams_sent &&
        now.datagrams_dropped_outbox_full == wanted->datagrams_dropped_outbox_full)
      return true;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  printf("# %llu sent, %llu dropped\n", (unsigned long long)now.datagrams_sent,
         (unsigned long long)now.datagrams_dropped_outbox_full);
  return false;
}

/* How many threads of this process the kernel calls so. */
static unsigned threads_named(const char *wanted) {
  unsigned found = 0;
  DIR *tasks = opendir("/proc/self/task");
  for (struct dirent *task; tasks && (task = readdir(tasks)) != NULL;) {
    char path[320], name[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
    FILE *file = fopen(path, "r");
    if (!file) continue;
    found += fgets(name, sizeof name, file) && strcmp(name, wanted) == 0;
    fclose(file);
  }
  if (tasks) closedir(tasks);
  return found;
}

static void test_a_message_is_handled_on_the_worker_it_belongs_to(void) {
  struct worker_options options = one_socket(3);
  if (!open_group(&options)) return;
  say("0 hello");
  expect_heard("0: 0 hello");
  say("1 hello");
  expect_heard("1: 1 hello");
  say("2 hello");
  expect_heard("2: 2 hello");
  close_group();
}

static void test_timers_are_handed_out_when_due(void) {
  struct worker_options options = one_socket(1);
  if (!open_group(&options)) return;
  int64_t start = worker_group_mono_now(group).value;
  say("0 timer 150");
  expect_heard("time is up");
  int64_t took = worker_group_mono_now(group).value - start;
  expect_int(took, >=, 150);
  expect_int(took, <, 1000);
  close_group();
}

static void test_time_runs_faster_at_a_clock_rate(void) {
  struct worker_options options = one_socket(1);
  options.clock_rate = 100;
  options.wall_anchor = (struct wall_us){5000000};
  if (!open_group(&options)) return;
  struct timespec before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  say("0 timer 20000");
  expect_heard("time is up");
  clock_gettime(CLOCK_MONOTONIC, &after);
  int64_t took_ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
  expect_int(took_ms, >=, 199);
  expect_int(took_ms, <, 1000);
  expect_int(worker_group_wall_now(group).value, >=, 5000000 + 20000000);
  close_group();
}

static void test_a_phone_is_looked_up_on_another_worker_and_on_ones_own(void) {
  struct worker_options options = one_socket(2);
  if (!open_group(&options)) return;
  say("0 ask 1");
  expect_heard("phone at sip:1001@192.0.2.1");
  say("1 ask 1");
  expect_heard("phone at sip:1001@192.0.2.1");
  close_group();
}

static void test_a_literal_address_is_resolved_without_asking(void) {
  struct worker_options options = one_socket(1);
  if (!open_group(&options)) return;
  say("0 resolve 192.0.2.7");
  expect_heard("1 addresses");
  close_group();
}

static void test_a_name_is_resolved_and_one_that_cannot_be_is_answered_too(void) {
  struct worker_options options = one_socket(1);
  options.name_servers = "127.0.0.1:9"; /* nobody is there; the host's own name stands in a file */
  if (!open_group(&options)) return;
  say("0 resolve localhost");
  expect(atoi(hear()) >= 1);
  say("0 resolve nowhere.invalid");
  expect_heard("0 addresses");
  close_group();
}

static void test_orders_are_answered_by_all_workers_or_one(void) {
  struct worker_options options = one_socket(2);
  if (!open_group(&options)) return;
  char *answer;
  expect_int(worker_group_order(
                 group, &(struct worker_order){WORKER_EVERY, ORDER_LIST_CALLS, "all", "admin", ", ", 2000}, &answer),
             ==, RESULT_OK);
  expect_bytes(answer, strlen(answer), "0 all by admin, 1 all by admin");
  free(answer);
  expect_int(worker_group_order(group, &(struct worker_order){1, ORDER_SHOW_CALL, "x", "y", ", ", 2000}, &answer), ==,
             RESULT_OK);
  expect_bytes(answer, strlen(answer), "1 x by y");
  free(answer);
  expect_int(worker_group_order(group, &(struct worker_order){2, ORDER_SHOW_CALL, "x", "y", ", ", 2000}, &answer), ==,
             RESULT_OUT_OF_RANGE);
  close_group();
}

static void test_new_parameters_are_in_use_when_the_call_returns(void) {
  struct worker_options options = one_socket(2);
  if (!open_group(&options)) return;
  other_parameters = parameters;
  expect_int(worker_group_set_parameters(group, &other_parameters, 2000), ==, RESULT_OK);
  memset(&parameters, 0xff, sizeof parameters);
  expect_int(worker_group_set_directory(group, NULL, 2000), ==, RESULT_OK);
  say("1 hello");
  expect_heard("1: 1 hello");
  close_group();
}

static void test_a_refused_datagram_is_told_to_all_workers(void) {
  struct worker_options options = one_socket(2);
  if (!open_group(&options)) return;
  struct address gone_address = loopback();
  int gone = udp_open(&gone_address, 0);
  union socket_address raw;
  socklen_t length = socket_address_from(&switch_address, &raw);
  say("0 closed");
  say("1 closed");
  say("0 ready");
  expect_heard("0: 0 ready");
  say("1 ready");
  expect_heard("1: 1 ready");
  expect(sendto(gone, "0 timer 50", 10, 0, (const struct sockaddr *)&raw, length) == 10);
  close(gone);
  char wanted[32];
  snprintf(wanted, sizeof wanted, "closed %u", gone_address.port);
  expect_heard(wanted);
  expect_heard(wanted);
  close_group();
}

/* --- streams ----------------------------------------------------------------------------------------------------- */

static int dial(const struct address *address) {
  union socket_address raw;
  socklen_t length = socket_address_from(address, &raw);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  expect(connect(fd, (const struct sockaddr *)&raw, length) == 0);
  return fd;
}

static void expect_heard_on(int fd, const char *wanted) {
  char text[512];
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  ssize_t length = poll(&ready, 1, 2000) == 1 ? recv(fd, text, sizeof text, MSG_DONTWAIT) : -1;
  expect_bytes(text, length > 0 ? length : 0, wanted);
}

#define STREAM_MESSAGE(start) start "\r\nContent-Length: 0\r\n\r\n"

static void test_a_stream_reaches_every_worker_and_each_answers_on_it(void) {
  struct local_socket sockets[2] = {{.bound = loopback(), .transport = TRANSPORT_UDP},
                                    {.bound = loopback(), .transport = TRANSPORT_TCP}};
  struct worker_options options = options_for(3, sockets, 2);
  if (!open_group(&options)) return;
  int fd = dial(&worker_group_identity(group)->sockets[1].bound);
  static const char *const words[] = {STREAM_MESSAGE("0 x"), STREAM_MESSAGE("1 x"), STREAM_MESSAGE("2 x")};
  for (size_t i = 0; i < 3; i++) {
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%zu: %s", i, words[i]);
    expect(send(fd, words[i], strlen(words[i]), 0) > 0);
    expect_heard_on(fd, wanted);
  }
  say("0 closed");
  say("1 closed");
  say("2 closed");
  for (int i = 0; i < 3; i++) {
    say(i == 0 ? "0 x" : i == 1 ? "1 x" : "2 x");
    hear();
  }
  close(fd);
  for (int i = 0; i < 3; i++)
    expect(strncmp(hear(), "closed ", 7) == 0);
  close_group();
}

static void test_a_request_without_content_length_gets_400_and_the_connection_ends(void) {
  struct local_socket listener = {.bound = loopback(), .transport = TRANSPORT_TCP};
  struct worker_options options = options_for(1, &listener, 1);
  if (!open_group(&options)) return;
  int fd = dial(&worker_group_identity(group)->sockets[0].bound);
  const char *request =
      "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
      "To: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n";
  expect(send(fd, request, strlen(request), 0) > 0);
  char text[512] = "";
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  expect(poll(&ready, 1, 2000) == 1 && recv(fd, text, sizeof text - 1, 0) > 0);
  expect(strncmp(text, "SIP/2.0 400 ", 12) == 0);
  expect(poll(&ready, 1, 2000) == 1 && recv(fd, text, sizeof text - 1, 0) == 0);
  close(fd);
  close_group();
}

static void test_tls_without_a_certificate_is_refused_at_the_start(void) {
  struct local_socket listener = {.bound = loopback(), .transport = TRANSPORT_TLS};
  struct worker_options options = options_for(1, &listener, 1);
  char problem[256] = "";
  expect(worker_group_open(&options, &parameters, NULL, problem, sizeof problem) == NULL);
  expect(strstr(problem, "certificate") != NULL);
}

static enum result refuse_at_first(void *context, struct str_view record) {
  unsigned *calls = context;
  if (__atomic_add_fetch(calls, 1, __ATOMIC_SEQ_CST) < 4) return RESULT_FULL;
  return str_view_equal(record, STR_VIEW("of a call")) ? RESULT_OK : RESULT_FULL;
}

static void test_records_are_offered_again_until_they_are_taken(void) {
  unsigned calls = 0;
  struct worker_options options = one_socket(1);
  options.record_sink = refuse_at_first;
  options.record_sink_context = &calls;
  if (!open_group(&options)) return;
  say("0 record of a call");
  say("0 done");
  expect_heard("0: 0 done");
  struct worker_group_status status;
  int rounds = 0;
  do {
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    worker_group_read_status(group, &status);
  } while ((__atomic_load_n(&calls, __ATOMIC_SEQ_CST) < 4 || status.records_waiting > 0) && rounds++ < 200);
  expect_int(calls, ==, 4);
  expect_int(status.records_waiting, ==, 0);
  expect_int(status.counters.records_postponed, ==, 1);
  close_group();
}

static enum result refuse_until_told(void *context, struct str_view record) {
  (void)record;
  return __atomic_load_n((bool *)context, __ATOMIC_SEQ_CST) ? RESULT_OK : RESULT_FULL;
}

/* It is looked at when a batch begins: what was said before has been done by then. */
static bool is_crowded(void) {
  say("0 done");
  expect_heard("0: 0 done");
  say("0 crowded?");
  return strcmp(hear(), "crowded") == 0;
}

static void test_the_switch_is_told_while_half_of_the_room_for_records_is_used(void) {
  bool is_taken = false;
  struct worker_options options = one_socket(1);
  options.record_sink = refuse_until_told;
  options.record_sink_context = &is_taken;
  if (!open_group(&options)) return;
  say("0 records 20");
  expect(!is_crowded());
  for (unsigned i = 0; i < 8; i++)
    say("0 records 80"); /* 2.6 of 4 MiB in all */
  expect(is_crowded());
  __atomic_store_n(&is_taken, true, __ATOMIC_SEQ_CST);
  unsigned tries = 0;
  while (is_crowded() && ++tries < 200)
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  expect_int(tries, <, 200);
  close_group();
}

static void test_what_a_full_outbox_drops_is_counted(void) {
  enum { ENTRIES = 8192, MORE = 800 };
  struct worker_options options = one_socket(1);
  char text[32];
  if (!open_group(&options)) return;
  snprintf(text, sizeof text, "0 flood %d", ENTRIES);
  say(text);
  expect(wait_until_counted(&(struct counters){.datagrams_sent = ENTRIES}));
  expect_int(counters_now().datagrams_dropped_outbox_full, ==, 0);
  snprintf(text, sizeof text, "0 flood %d", ENTRIES + MORE);
  say(text);
  expect(wait_until_counted(&(struct counters){.datagrams_sent = 2 * ENTRIES, .datagrams_dropped_outbox_full = MORE}));
  close_group();
}

static void test_threads_say_in_their_names_which_worker_they_are(void) {
  struct worker_options options = one_socket(2);
  if (!open_group(&options)) return;
  say("0 hello");
  expect_heard("0: 0 hello");
  say("1 hello");
  expect_heard("1: 1 hello");
  expect_int(threads_named("belfry-w0\n"), ==, 1);
  expect_int(threads_named("belfry-w1\n"), ==, 1);
  close_group();
}

/* --- the journal ------------------------------------------------------------------------------------------------- */

static char journal_parent[64];
static bool disk_is_slow, disk_is_full; /* atomic */

static int slow_flush(void *context, int fd) {
  (void)context;
  while (__atomic_load_n(&disk_is_slow, __ATOMIC_ACQUIRE))
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  if (!__atomic_load_n(&disk_is_full, __ATOMIC_ACQUIRE)) return journal_files_real()->flush(NULL, fd);
  errno = ENOSPC;
  return -1;
}

static struct call_journal *start_journal(void) {
  static struct journal_files files;
  char problem[256] = "";
  files = *journal_files_real();
  files.flush = slow_flush;
  snprintf(journal_parent, sizeof journal_parent, "%s/belfry-worker-XXXXXX",
           access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  expect(mkdtemp(journal_parent) != NULL);
  struct call_journal_options options = {
      .dir = journal_parent, .objects_max = 100, .segment_bytes = 64 << 10, .files = &files};
  struct call_journal *journal = call_journal_open(&options, problem, sizeof problem);
  expect(journal != NULL);
  return journal;
}

static void remove_file(void *subject, const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", (const char *)subject, name);
  if (name[0] != '.') unlink(path);
}

/* The journal ends first: it tells the group what it has written. */
static void close_group_with(struct call_journal *journal) {
  expect_int(worker_group_stop(group, 2000), ==, RESULT_OK);
  call_journal_stop(journal);
  worker_group_destroy(&group);
  close(phone);
}

static void end_journal(struct call_journal *journal) {
  char path[128];
  call_journal_close(&journal);
  snprintf(path, sizeof path, "%s/journal", journal_parent);
  journal_files_real()->list(NULL, path, remove_file, path);
  rmdir(path);
  expect(rmdir(journal_parent) == 0);
}

static bool open_group_with(struct call_journal *journal) {
  struct worker_options options = one_socket(1);
  options.journal = journal;
  if (!open_group(&options)) return false;
  expect_int(call_journal_start(journal), ==, RESULT_OK);
  return true;
}

static void test_what_must_wait_goes_when_the_journal_has_it(void) {
  struct call_journal *journal = start_journal();
  if (!open_group_with(journal)) return;
  parameters.BF_JOURNAL_WAIT_MS = 10000;
  __atomic_store_n(&disk_is_slow, true, __ATOMIC_RELEASE);
  say("0 keep first");
  say("0 other");
  expect_heard("0: 0 other"); /* what need not wait goes past it */
  for (int i = 0; i < 2000 && counters_now().answers_held == 0; i++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  expect_int(counters_now().answers_held, ==, 1);
  __atomic_store_n(&disk_is_slow, false, __ATOMIC_RELEASE);
  expect_heard("keep first");
  expect_int(counters_now().answers_not_awaited, ==, 0);
  expect(counters_now().answer_waits_sum_us > 0);
  close_group_with(journal);
  end_journal(journal);
}

static void test_what_must_wait_waits_no_longer_than_the_parameter_says(void) {
  struct call_journal *journal = start_journal();
  if (!open_group_with(journal)) return;
  parameters.BF_JOURNAL_WAIT_MS = 60;
  __atomic_store_n(&disk_is_slow, true, __ATOMIC_RELEASE);
  int64_t start = worker_group_mono_now(group).value;
  say("0 keep this");
  expect_heard("keep this");
  int64_t took = worker_group_mono_now(group).value - start;
  expect_int(took, >=, 60);
  expect_int(took, <, 1000);
  struct counters counters = counters_now();
  expect_int(counters.answers_not_awaited, ==, 1);
  expect(counters.answer_waits_sum_us >= 59000 && counters.answer_waits_sum_us < 1000000);
  expect_int(counters.answer_waits_below_100_ms + counters.answer_waits_above, ==, 1);
  __atomic_store_n(&disk_is_slow, false, __ATOMIC_RELEASE);
  close_group_with(journal);
  end_journal(journal);
}

static uint32_t gather_ms_for(struct call_journal *journal, uint32_t gather_ms, uint32_t wait_ms) {
  static struct parameters changed[2];
  static unsigned turn;
  struct call_journal_health health;
  struct parameters *next = &changed[turn++ % 2];
  *next = parameters;
  next->BF_JOURNAL_GATHER_MS = gather_ms;
  next->BF_JOURNAL_WAIT_MS = wait_ms;
  expect_int(worker_group_set_parameters(group, next, 2000), ==, RESULT_OK);
  call_journal_read_health(journal, &health);
  return health.gather_ms_max;
}

static void test_the_journal_gathers_for_at_most_half_of_what_an_answer_waits(void) {
  struct call_journal *journal = start_journal();
  if (!open_group_with(journal)) return;
  struct call_journal_health health;
  call_journal_read_health(journal, &health);
  expect_int(health.gather_ms_max, ==, 20);
  expect_int(gather_ms_for(journal, 30, 100), ==, 30);
  expect_int(gather_ms_for(journal, 30, 40), ==, 20);
  expect_int(gather_ms_for(journal, 30, 1), ==, 0);
  expect_int(gather_ms_for(journal, 30, 0), ==, 30); /* nobody waits */
  expect_int(gather_ms_for(journal, 0, 100), ==, 0);
  close_group_with(journal);
  end_journal(journal);
}

/* A BYE is said again until it is answered: its 200 need not go before its record is safe. */
static void test_what_waits_patiently_waits_on_and_nobody_behind_it_does(void) {
  struct call_journal *journal = start_journal();
  if (!open_group_with(journal)) return;
  parameters.BF_JOURNAL_WAIT_MS = 60;
  __atomic_store_n(&disk_is_slow, true, __ATOMIC_RELEASE);
  say("0 keep patiently");
  say("0 keep this");
  expect_heard("keep this");
  nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
  expect_int(counters_now().answers_not_awaited, ==, 1);
  __atomic_store_n(&disk_is_slow, false, __ATOMIC_RELEASE);
  expect_heard("keep patiently");
  expect_int(counters_now().answers_not_awaited, ==, 1);
  close_group_with(journal);
  end_journal(journal);
}

static bool keep_state(void *context, const struct journal_kept *kept) {
  snprintf(context, 64, "%.*s", (int)kept->state.length, kept->state.data);
  return true;
}

static void test_what_was_told_is_in_the_journal_when_the_group_has_stopped(void) {
  struct call_journal *journal = start_journal();
  if (!open_group_with(journal)) return;
  say("0 keep all of it");
  expect_heard("keep all of it");
  close_group_with(journal);
  char text[64] = "";
  expect_int(call_journal_each(journal, &(struct journal_visit){.each = keep_state, .context = text}), ==, RESULT_OK);
  expect(strcmp(text, "keep all of it") == 0);
  end_journal(journal);
}

static void test_status_sums_the_workers(void) {
  struct worker_options options = one_socket(2);
  if (!open_group(&options)) return;
  for (int i = 0; i < 10; i++) {
    say(i % 2 ? "1 x" : "0 x");
    hear();
  }
  nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
  struct worker_group_status status;
  worker_group_read_status(group, &status);
  expect_int(status.counters.datagrams_received, ==, 10);
  expect_int(status.counters.datagrams_sent, ==, 10);
  expect_int(status.counts.calls, ==, 10);
  expect_int(status.counters.messages_handed_over, ==, 5);
  expect(status.processor_s > 0);
  close_group();
}

static void test_alarms_reach_whoever_writes_the_log(void) {
  struct worker_options options = one_socket(1);
  if (!open_group(&options)) return;
  char line[64];
  expect(!worker_group_take_alarm(group, line, sizeof line));
  say("0 alarm");
  say("0 done");
  expect_heard("0: 0 done");
  expect(worker_group_take_alarm(group, line, sizeof line));
  expect(strcmp(line, "something is wrong") == 0);
  expect(!worker_group_take_alarm(group, line, sizeof line));
  close_group();
}

static void test_what_one_worker_learns_of_a_device_all_know_and_it_is_kept(void) {
  struct worker_options options = one_socket(2);
  if (!open_group(&options)) return;
  char line[64];
  worker_group_remember_device(group, STR_VIEW("from before"));
  say("1 remember");
  expect_heard("from before");
  say("0 learn");
  say("0 done");
  expect_heard("0: 0 done");
  const char *remembered = "";
  for (int i = 0; i < 200 && strcmp(remembered, "00c0ffee INVITE UPDATE") != 0; i++) {
    say("1 remember"); /* the other worker's word may still be in the inbox */
    remembered = hear();
  }
  expect_bytes(remembered, strlen(remembered), "00c0ffee INVITE UPDATE");
  expect(worker_group_take_device(group, line, sizeof line));
  expect(strcmp(line, "00c0ffee INVITE UPDATE") == 0);
  expect(!worker_group_take_device(group, line, sizeof line));
  close_group();
}

static void test_a_port_in_use_is_named(void) {
  struct worker_options options = one_socket(1);
  if (!open_group(&options)) return;
  struct local_socket taken = {.bound = switch_address, .transport = TRANSPORT_UDP};
  options = options_for(1, &taken, 1);
  char problem[256] = "", wanted[64];
  expect(worker_group_open(&options, &parameters, NULL, problem, sizeof problem) == NULL);
  snprintf(wanted, sizeof wanted, "udp:127.0.0.1:%u: Address already in use", switch_address.port);
  expect_bytes(problem, strlen(problem), wanted);
  close_group();
}

static void test_what_is_advertised_can_be_reached(void) {
  struct local_socket sockets[2] = {
      {.bound = {.family = ADDRESS_IPV4}, .transport = TRANSPORT_UDP},
      {.bound = loopback(), .advertised = {.ip = {192, 0, 2, 1}, .family = ADDRESS_IPV4}, .transport = TRANSPORT_UDP}};
  struct worker_options options = options_for(1, sockets, 2);
  if (!open_group(&options)) return;
  const struct local_identity *identity = worker_group_identity(group);
  expect(!address_is_any(&identity->sockets[0].advertised));
  expect_int(identity->sockets[0].advertised.port, ==, identity->sockets[0].bound.port);
  expect_int(identity->sockets[1].advertised.ip[0], ==, 192);
  expect_int(identity->sockets[1].advertised.port, ==, identity->sockets[1].bound.port);
  switch_address = identity->sockets[1].bound;
  say("0 second");
  expect_heard("0: 0 second");
  close_group();
}

static void test_a_group_starts_and_stops_a_hundred_times(void) {
  for (int i = 0; i < 100; i++) {
    struct worker_options options = one_socket(2);
    if (!open_group(&options)) return;
    say("1 once");
    char *answer = NULL;
    expect_int(
        worker_group_order(group, &(struct worker_order){WORKER_EVERY, ORDER_LIST_CALLS, "", "", ",", 2000}, &answer),
        ==, RESULT_OK);
    free(answer);
    close_group();
  }
}

static bool wait_for_journal(const struct call_journal *journal, bool is_well, uint64_t forgotten) {
  for (int i = 0; i < 10000; i++) {
    if (call_journal_is_well(journal) == is_well && call_journal_forgotten(journal) >= forgotten) return true;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  return false;
}

/* Nothing else happens that would wake the workers. */
static void test_a_journal_that_is_well_again_is_told_anew_by_each_worker(void) {
  struct call_journal *journal = start_journal();
  struct worker_options options = one_socket(2);
  options.journal = journal;
  if (!open_group(&options)) return;
  expect_int(call_journal_start(journal), ==, RESULT_OK);
  say("0 tell me");
  expect_heard("0: 0 tell me");
  say("1 tell me");
  expect_heard("1: 1 tell me");
  __atomic_store_n(&disk_is_full, true, __ATOMIC_RELEASE);
  say("0 keep first");
  expect_heard("keep first"); /* when it has waited */
  expect(wait_for_journal(journal, false, 0));
  say("0 keep second");
  expect_heard("keep second"); /* at once */
  expect(wait_for_journal(journal, false, 1));
  __atomic_store_n(&disk_is_full, false, __ATOMIC_RELEASE);
  const char *first = hear();
  bool is_zero = strcmp(first, "0 is to tell anew") == 0;
  expect(is_zero || strcmp(first, "1 is to tell anew") == 0);
  expect_heard(is_zero ? "1 is to tell anew" : "0 is to tell anew");
  expect(call_journal_is_well(journal));
  close_group_with(journal);
  end_journal(journal);
}

TAP_TESTS(TAP(test_a_message_is_handled_on_the_worker_it_belongs_to), TAP(test_timers_are_handed_out_when_due),
          TAP(test_time_runs_faster_at_a_clock_rate), TAP(test_a_phone_is_looked_up_on_another_worker_and_on_ones_own),
          TAP(test_a_literal_address_is_resolved_without_asking),
          TAP(test_a_name_is_resolved_and_one_that_cannot_be_is_answered_too),
          TAP(test_orders_are_answered_by_all_workers_or_one),
          TAP(test_new_parameters_are_in_use_when_the_call_returns),
          TAP(test_a_refused_datagram_is_told_to_all_workers),
          TAP(test_a_stream_reaches_every_worker_and_each_answers_on_it),
          TAP(test_a_request_without_content_length_gets_400_and_the_connection_ends),
          TAP(test_tls_without_a_certificate_is_refused_at_the_start),
          TAP(test_records_are_offered_again_until_they_are_taken),
          TAP(test_the_switch_is_told_while_half_of_the_room_for_records_is_used), TAP(test_status_sums_the_workers),
          TAP(test_what_a_full_outbox_drops_is_counted), TAP(test_threads_say_in_their_names_which_worker_they_are),
          TAP(test_alarms_reach_whoever_writes_the_log),
          TAP(test_what_one_worker_learns_of_a_device_all_know_and_it_is_kept), TAP(test_a_port_in_use_is_named),
          TAP(test_what_must_wait_goes_when_the_journal_has_it),
          TAP(test_what_must_wait_waits_no_longer_than_the_parameter_says),
          TAP(test_the_journal_gathers_for_at_most_half_of_what_an_answer_waits),
          TAP(test_what_waits_patiently_waits_on_and_nobody_behind_it_does),
          TAP(test_what_was_told_is_in_the_journal_when_the_group_has_stopped),
          TAP(test_what_is_advertised_can_be_reached), TAP(test_a_group_starts_and_stops_a_hundred_times),
          TAP(test_a_journal_that_is_well_again_is_told_anew_by_each_worker))
