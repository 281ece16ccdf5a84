/* What the kernel alone takes for datagrams on the loopback, as the switch sends and receives them:
 *
 *   bench_udp_floor answers CORE OTHER COUNT REQUEST_BYTES ANSWER_BYTES
 *   bench_udp_floor pings   CORE OTHER COUNT ADDRESSES
 *
 * answers   a loop on CORE takes datagrams by recvmmsg and answers each by sendmmsg, for who sends from OTHER and has
 *           WINDOW of them under way
 * pings     a loop on CORE sends five bytes to one address after the other (127.64.0.0 and up) by sendmmsg, and OTHER
 *           takes them: what is sent over the loopback is received within the sender's own system call, too
 *
 * Prints the loop's processor time for each as JSON: {"us": 3.9}. */
#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH         64
#define WINDOW        200
#define BYTES_MAX     2048
#define QUEUE_BYTES   (64 << 20)
#define FIRST_ADDRESS 0x7F400000u /* 127.64.0.0 */

struct batch {
  struct mmsghdr headers[BATCH];
  struct iovec parts[BATCH];
  struct sockaddr_in peers[BATCH];
  char bytes[BATCH][BYTES_MAX];
};

static struct {
  int core, other, near_fd, far_fd;
  unsigned long count;
  unsigned request_bytes, answer_bytes, addresses;
  struct sockaddr_in near_name, far_name;
  bool is_over;
} floor_run;

static _Noreturn void give_up(const char *what) {
  perror(what);
  exit(1);
}

static void pin(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET((size_t)core, &cores);
  if (pthread_setaffinity_np(pthread_self(), sizeof cores, &cores) != 0) give_up("bench_udp_floor: core");
}

static double processor_us(void) {
  struct timespec used;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
}

static int open_socket(uint32_t address, struct sockaddr_in *name) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), bytes = QUEUE_BYTES;
  socklen_t length = sizeof *name;
  *name = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
  if (fd < 0 || bind(fd, (struct sockaddr *)name, length) != 0 ||
      getsockname(fd, (struct sockaddr *)name, &length) != 0)
    give_up("bench_udp_floor: socket");
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  return fd;
}

static struct batch *batch_create(size_t bytes) {
  struct batch *batch = calloc(1, sizeof *batch);
  if (!batch) give_up("bench_udp_floor: memory");
  for (unsigned i = 0; i < BATCH; i++) {
    batch->parts[i] = (struct iovec){batch->bytes[i], bytes};
    batch->headers[i].msg_hdr = (struct msghdr){.msg_name = &batch->peers[i],
                                                .msg_namelen = sizeof batch->peers[i],
                                                .msg_iov = &batch->parts[i],
                                                .msg_iovlen = 1};
  }
  return batch;
}

static unsigned receive(int fd, struct batch *batch) {
  for (unsigned i = 0; i < BATCH; i++) {
    batch->parts[i].iov_len = BYTES_MAX;
    batch->headers[i].msg_hdr.msg_namelen = sizeof batch->peers[i];
  }
  int count = recvmmsg(fd, batch->headers, BATCH, MSG_DONTWAIT, NULL);
  return count > 0 ? (unsigned)count : 0;
}

static void send_all(int fd, struct batch *batch, unsigned count, size_t bytes) {
  unsigned done = 0;
  for (unsigned i = 0; i < count; i++)
    batch->parts[i].iov_len = bytes;
  while (done < count) {
    int sent = sendmmsg(fd, batch->headers + done, count - done, MSG_NOSIGNAL);
    done += sent > 0 ? (unsigned)sent : 0;
  }
}

/* --- the other side, which never sleeps -------------------------------------------------------------------------- */

static void *ask(void *nothing) {
  struct batch *batch = batch_create(BYTES_MAX);
  pin(floor_run.other);
  for (unsigned left = WINDOW; left > 0;) {
    unsigned count = left < BATCH ? left : BATCH;
    for (unsigned i = 0; i < count; i++)
      batch->peers[i] = floor_run.near_name;
    send_all(floor_run.far_fd, batch, count, floor_run.request_bytes);
    left -= count;
  }
  while (!__atomic_load_n(&floor_run.is_over, __ATOMIC_RELAXED))
    send_all(floor_run.far_fd, batch, receive(floor_run.far_fd, batch), floor_run.request_bytes);
  free(batch);
  return nothing;
}

static void *swallow(void *nothing) {
  struct batch *batch = batch_create(BYTES_MAX);
  pin(floor_run.other);
  while (!__atomic_load_n(&floor_run.is_over, __ATOMIC_RELAXED))
    (void)receive(floor_run.far_fd, batch);
  free(batch);
  return nothing;
}

/* --- the loops that are measured --------------------------------------------------------------------------------- */

static void answer_all(void) {
  struct batch *batch = batch_create(BYTES_MAX);
  struct epoll_event event = {.events = EPOLLIN};
  int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, floor_run.near_fd, &event) != 0) give_up("epoll");
  for (unsigned long done = 0; done < floor_run.count;) {
    if (epoll_wait(epoll_fd, &event, 1, 1000) == 0) give_up("bench_udp_floor: nothing comes any more");
    unsigned count = receive(floor_run.near_fd, batch);
    send_all(floor_run.near_fd, batch, count, floor_run.answer_bytes);
    done += count;
  }
  free(batch);
}

static void ping_all(void) {
  struct batch *batch = batch_create(BYTES_MAX);
  for (unsigned long done = 0; done < floor_run.count; done += BATCH) {
    for (unsigned i = 0; i < BATCH; i++) {
      batch->peers[i] = floor_run.far_name;
      batch->peers[i].sin_addr.s_addr = htonl(FIRST_ADDRESS + (uint32_t)((done + i) % floor_run.addresses));
    }
    send_all(floor_run.near_fd, batch, BATCH, 5);
  }
  free(batch);
}

int main(int argc, char **argv) {
  bool answers = argc == 7 && strcmp(argv[1], "answers") == 0, pings = argc == 6 && strcmp(argv[1], "pings") == 0;
  pthread_t other;
  if (!answers && !pings) {
    fprintf(stderr, "usage: bench_udp_floor answers CORE OTHER COUNT REQUEST_BYTES ANSWER_BYTES | pings CORE OTHER "
                    "COUNT ADDRESSES\n");
    return 2;
  }
  floor_run.core = atoi(argv[2]);
  floor_run.other = atoi(argv[3]);
  floor_run.count = strtoul(argv[4], NULL, 10);
  unsigned long size = strtoul(argv[5], NULL, 10), answer_size = answers ? strtoul(argv[6], NULL, 10) : 0;
  if (floor_run.count == 0 || size == 0 || (answers && (size > BYTES_MAX || answer_size > BYTES_MAX))) return 2;
  floor_run.request_bytes = (unsigned)size;
  floor_run.answer_bytes = (unsigned)answer_size;
  floor_run.addresses = (unsigned)size;
  floor_run.near_fd = open_socket(INADDR_LOOPBACK, &floor_run.near_name);
  floor_run.far_fd = open_socket(answers ? INADDR_LOOPBACK : INADDR_ANY, &floor_run.far_name);
  pin(floor_run.core);
  if (pthread_create(&other, NULL, answers ? ask : swallow, NULL) != 0) give_up("bench_udp_floor: thread");
  double before = processor_us();
  if (answers)
    answer_all();
  else
    ping_all();
  double used = processor_us() - before;
  __atomic_store_n(&floor_run.is_over, true, __ATOMIC_RELAXED);
  pthread_join(other, NULL);
  printf("{\"us\": %.3f}\n", used / (double)floor_run.count);
  return 0;
}
