/* floor: what the kernel alone asks for a call. Sends every datagram of the caller to the callee and every one of the
 * callee to the caller, as it is, and answers an INVITE with 100: the same datagrams in and out as a switch has, in
 * batches as large and with as few wakings as Belfry's (worker/pace.h), and nothing in between.
 *
 *   floor PORT CALLER-PORT CALLEE-PORT      on 127.0.0.1, until a signal ends it */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/text_builder.h"
#include "net/udp.h"
#include "worker/pace.h"

#define REST_NS      (PACE_REST_US * INT64_C(1000))
#define TRYING_BYTES 4096

struct floor {
  int fd;
  struct address caller, callee;
  struct udp_inbound *inbound;
  struct udp_outbound *outbound;
  char (*tryings)[TRYING_BYTES];
};

static void *memory(size_t bytes) {
  void *found = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (found == MAP_FAILED) exit(1);
  return found;
}

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void rest_until(int64_t until_ns) {
  struct timespec until = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
  if (now_ns() < until_ns) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* The INVITE's own lines under another first one are answer enough for callgun. */
static void send_trying(struct floor *floor, unsigned index, struct str_view invite) {
  struct text_builder trying = text_builder_over(floor->tryings[index], TRYING_BYTES);
  text_builder_add_literal(&trying, "SIP/2.0 100 Trying\r\n");
  text_builder_add(&trying, str_view_from(invite, str_view_find(invite, '\n') + 1));
  if (!trying.overflowed) udp_outbound_add(floor->outbound, floor->fd, &floor->caller, text_builder_view(&trying));
}

static void pass_on(struct floor *floor, unsigned index, const struct udp_datagram *datagram) {
  bool is_callers = address_equal(&datagram->source, &floor->caller);
  udp_outbound_add(floor->outbound, floor->fd, is_callers ? &floor->callee : &floor->caller, datagram->bytes);
  if (is_callers && str_view_starts_with(datagram->bytes, STR_VIEW("INVITE ")))
    send_trying(floor, index, datagram->bytes);
}

static void go_round(struct floor *floor) {
  const struct udp_datagram *datagrams;
  int64_t began_ns = now_ns();
  unsigned count = udp_receive(floor->inbound, floor->fd, &datagrams);
  for (unsigned i = 0; i < count; i++)
    pass_on(floor, i, &datagrams[i]);
  udp_outbound_flush(floor->outbound);
  struct pollfd wake = {.fd = floor->fd, .events = POLLIN};
  if (count == 0)
    (void)poll(&wake, 1, -1);
  else if (count < PACE_BATCH_GOOD)
    rest_until(began_ns + REST_NS);
}

static bool read_port(const char *text, struct address *address_out) {
  uint32_t port;
  if (!str_view_to_u32(str_view_from_c(text), &port) || port == 0 || port > UINT16_MAX) return false;
  return address_parse(STR_VIEW("127.0.0.1"), (uint16_t)port, address_out) == RESULT_OK;
}

int main(int argc, char **argv) {
  struct floor floor = {0};
  struct address own;
  if (argc != 4 || !read_port(argv[1], &own) || !read_port(argv[2], &floor.caller) ||
      !read_port(argv[3], &floor.callee)) {
    fprintf(stderr, "usage: floor PORT CALLER-PORT CALLEE-PORT\n");
    return 2;
  }
  floor.fd = udp_open(&own, 0);
  if (floor.fd < 0) {
    perror("floor");
    return 1;
  }
  floor.inbound = udp_inbound_create(memory(udp_inbound_memory_bytes()));
  floor.outbound = udp_outbound_create(memory(udp_outbound_memory_bytes()));
  floor.tryings = memory((size_t)UDP_BATCH_MAX * TRYING_BYTES);
  for (;;)
    go_round(&floor);
}
