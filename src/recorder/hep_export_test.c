#include "recorder/hep_export.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/udp.h"
#include "recorder/ring_file.h"
#include "test_dir.h"

static char dir[TEST_DIR_BYTES], problem[512];
static struct ring_file file;
static struct trace_ring ring;

static void record(void) {
  struct trace_record made = {
      .wall = {1000000},
      .remote = {.family = ADDRESS_IPV4, .ip = {192, 0, 2, 1}, .port = 5060},
      .local = {.family = ADDRESS_IPV4, .ip = {192, 0, 2, 2}, .port = 5060},
      .kind = TRACE_SIP,
      .direction = TRACE_RECEIVED,
      .transport = TRANSPORT_UDP,
      .payload = STR_VIEW("OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:1@a>;tag=1\r\n"
                          "To: <sip:2@b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n")};
  trace_ring_append(&ring, &made);
}

/* True when something comes within five seconds; what was recorded before the export looked does not. */
static bool comes(int fd) {
  char datagram[4096];
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  for (int i = 0; i < 100; i++) {
    record();
    if (poll(&ready, 1, 50) > 0) return recv(fd, datagram, sizeof datagram, 0) > 4 && memcmp(datagram, "HEP3", 4) == 0;
  }
  return false;
}

static struct address target;

/* The socket that listens. */
static int begin(void) {
  test_dir_make("hep", dir);
  expect(ring_file_open(&file, &ring, dir, "0-calls", 4, problem, sizeof problem));
  target = (struct address){.family = ADDRESS_IPV4, .ip = {127, 0, 0, 1}};
  int fd = udp_open(&target, 0);
  expect(fd >= 0 && target.port != 0);
  return fd;
}

static void end(int fd, struct hep_export *export) {
  hep_export_close(&export);
  close(fd);
  ring_file_close(&file);
  test_dir_remove(dir);
}

/* Parameters may change twice before the thread has looked. */
static void test_a_target_that_is_told_twice_is_not_forgotten(void) {
  int fd = begin();
  struct hep_export *export = hep_export_open(dir);
  for (unsigned agent = 1; agent <= 3; agent++)
    hep_export_set_target(export, &target, agent);
  expect(comes(fd));
  for (int i = 0; i < 1000 && hep_export_count(export).sent == 0; i++) /* it is counted when it has gone */
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  expect(hep_export_count(export).sent > 0);
  end(fd, export);
}

static void test_without_a_socket_it_is_tried_again(void) {
  struct rlimit limit, none;
  int fd = begin();
  struct hep_export *export = hep_export_open(dir);
  expect(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  none = (struct rlimit){.rlim_max = limit.rlim_max};
  expect(setrlimit(RLIMIT_NOFILE, &none) == 0);
  hep_export_set_target(export, &target, 1);
  nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
  expect(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  expect(comes(fd));
  end(fd, export);
}

TAP_TESTS(TAP(test_a_target_that_is_told_twice_is_not_forgotten), TAP(test_without_a_socket_it_is_tried_again))
