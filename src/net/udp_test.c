#include "net/udp.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tap.h"

static void *reserve(size_t bytes) {
  return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static struct udp_inbound *inbound;
static struct udp_outbound *outbound;

static void set_up(void) {
  if (inbound) return;
  inbound = udp_inbound_create(reserve(udp_inbound_memory_bytes()));
  outbound = udp_outbound_create(reserve(udp_outbound_memory_bytes()));
}

static struct address loopback(enum address_family family) {
  struct address address = {.family = (uint8_t)family};
  if (family == ADDRESS_IPV4) address.ip[0] = 127;
  address.ip[family == ADDRESS_IPV4 ? 3 : 15] = 1;
  return address;
}

static bool wait_for(int fd, short events) {
  struct pollfd poll_fd = {.fd = fd, .events = events};
  return poll(&poll_fd, 1, 2000) == 1;
}

static void exchange(enum address_family family) {
  set_up();
  struct address here = loopback(family), there = here;
  int a = udp_open(&here, 0xa0), b = udp_open(&there, 0xa0);
  if (a < 0 && errno == EAFNOSUPPORT) {
    tap_skip("no IPv6 on this host");
    return;
  }
  expect(a >= 0 && b >= 0 && here.port != 0 && there.port != here.port);
  for (unsigned i = 0; i < 100; i++)
    udp_outbound_add(outbound, a, &there, i % 2 ? STR_VIEW("odd one") : STR_VIEW("even"));
  udp_outbound_flush(outbound);
  struct udp_outbound_news news = udp_outbound_take_news(outbound);
  expect_int(news.sent, ==, 100);
  expect_int(news.dropped + news.unreachable_count, ==, 0);

  const struct udp_datagram *datagrams;
  expect_int(udp_receive(inbound, b, &datagrams), ==, UDP_BATCH_MAX);
  expect_view(datagrams[0].bytes, "even");
  expect_view(datagrams[63].bytes, "odd one");
  expect(address_equal(&datagrams[0].source, &here));
  expect_int(udp_receive(inbound, b, &datagrams), ==, 36);
  expect_int(udp_receive(inbound, b, &datagrams), ==, 0);
  close(a);
  close(b);
}

static void test_batches_go_over_ipv4(void) {
  exchange(ADDRESS_IPV4);
}

static void test_batches_go_over_ipv6(void) {
  exchange(ADDRESS_IPV6);
}

static void test_datagrams_of_any_length_arrive_whole(void) {
  set_up();
  static char large[65507];
  memset(large, 'x', sizeof large);
  struct address here = loopback(ADDRESS_IPV4), there = here;
  int a = udp_open(&here, 0), b = udp_open(&there, 0);
  udp_outbound_add(outbound, a, &there, str_view_of(large, sizeof large));
  udp_outbound_add(outbound, a, &there, STR_VIEW(""));
  udp_outbound_add(outbound, a, &there, str_view_of(large, 1));
  udp_outbound_flush(outbound);
  const struct udp_datagram *datagrams;
  expect_int(udp_receive(inbound, b, &datagrams), ==, 3);
  expect(str_view_equal(datagrams[0].bytes, str_view_of(large, sizeof large)));
  expect_int(datagrams[1].bytes.length, ==, 0);
  expect_int(datagrams[2].bytes.length, ==, 1);
  close(a);
  close(b);
}

static void test_a_closed_port_is_reported_once(void) {
  set_up();
  struct address here = loopback(ADDRESS_IPV4), there = here, remotes[8];
  int a = udp_open(&here, 0), b = udp_open(&there, 0);
  close(b);
  for (int i = 0; i < 3; i++) {
    udp_outbound_add(outbound, a, &there, STR_VIEW("anybody?"));
    udp_outbound_flush(outbound);
  }
  expect(wait_for(a, POLLERR));
  expect_int(udp_take_errors(a, remotes, 8), ==, 1);
  expect(address_equal(&remotes[0], &there));
  expect_int(udp_take_errors(a, remotes, 8), ==, 0);
  close(a);
}

static void test_an_error_does_not_hide_what_waits_behind_it(void) {
  set_up();
  struct address here = loopback(ADDRESS_IPV4), gone = here, living = here;
  int a = udp_open(&here, 0), b = udp_open(&gone, 0), c = udp_open(&living, 0);
  close(b);
  udp_outbound_add(outbound, a, &gone, STR_VIEW("anybody?"));
  udp_outbound_flush(outbound);
  udp_outbound_add(outbound, c, &here, STR_VIEW("I am"));
  udp_outbound_flush(outbound);
  expect(wait_for(a, POLLIN));
  const struct udp_datagram *datagrams;
  expect_int(udp_receive(inbound, a, &datagrams), ==, 1);
  expect_view(datagrams[0].bytes, "I am");
  udp_outbound_add(outbound, a, &gone, STR_VIEW("anybody?"));
  udp_outbound_flush(outbound);
  udp_outbound_take_news(outbound);
  udp_outbound_add(outbound, a, &living, STR_VIEW("good"));
  udp_outbound_flush(outbound);
  expect_int(udp_outbound_take_news(outbound).sent, ==, 1);
  expect_int(udp_receive(inbound, c, &datagrams), ==, 1);
  expect_view(datagrams[0].bytes, "good");
  close(a);
  close(c);
}

static void test_no_route_is_reported_when_sending(void) {
  set_up();
  struct address here = loopback(ADDRESS_IPV4),
                 nowhere = {.ip = {255, 255, 255, 255}, .family = ADDRESS_IPV4, .port = 9};
  int a = udp_open(&here, 0);
  udp_outbound_add(outbound, a, &nowhere, STR_VIEW("x"));
  udp_outbound_add(outbound, a, &nowhere, STR_VIEW("y"));
  udp_outbound_add(outbound, a, &here, STR_VIEW("z"));
  udp_outbound_flush(outbound);
  struct udp_outbound_news news = udp_outbound_take_news(outbound);
  expect_int(news.sent, ==, 1);
  expect_int(news.dropped, ==, 2);
  expect_int(news.unreachable_count, ==, 1);
  expect(address_equal(&news.unreachable[0], &nowhere));
  close(a);
}

static void test_workers_share_a_port(void) {
  struct address first = loopback(ADDRESS_IPV4);
  int a = udp_open(&first, 0);
  struct address second = first;
  int b = udp_open(&second, 0);
  expect(a >= 0 && b >= 0);
  expect(address_equal(&first, &second));
  close(a);
  close(b);
}

static void test_the_queue_says_how_full_it_is(void) {
  set_up();
  struct address here = loopback(ADDRESS_IPV4);
  int a = udp_open(&here, 0);
  uint32_t dropped = 0;
  expect_int(udp_queue_fill_permille(a, &dropped), ==, 0);
  static char large[60000];
  for (int i = 0; i < 1000; i++)
    udp_outbound_add(outbound, a, &here, str_view_of(large, sizeof large));
  udp_outbound_flush(outbound);
  expect_int(udp_queue_fill_permille(a, &dropped), >, 900);
  expect_int(dropped, >, 0);
  close(a);
}

static void test_the_host_has_an_address_of_each_family(void) {
  struct address address;
  host_address(ADDRESS_IPV4, &address);
  expect(address.family == ADDRESS_IPV4 && !address_is_any(&address) && address.port == 0);
  host_address(ADDRESS_IPV6, &address);
  expect(address.family == ADDRESS_IPV6 && !address_is_any(&address));
}

static uint32_t wait_of_one(int from, int to, const struct address *there, unsigned ms) {
  const struct udp_datagram *datagrams;
  udp_outbound_add(outbound, from, there, STR_VIEW("one"));
  udp_outbound_flush(outbound);
  expect(wait_for(to, POLLIN));
  usleep(ms * 1000);
  expect_int(udp_receive(inbound, to, &datagrams), ==, 1);
  return udp_waited_ms(to);
}

static void test_a_datagram_says_how_long_it_has_waited(void) {
  set_up();
  struct address here = loopback(ADDRESS_IPV4), there = here;
  int a = udp_open(&here, 0), b = udp_open(&there, 0);
  uint32_t first_ms = wait_of_one(a, b, &there, 0);
  if (first_ms == UDP_WAIT_UNKNOWN) {
    tap_skip("this kernel does not say when datagrams came");
  } else {
    expect_int(first_ms, ==, 0);
    uint32_t waited_ms = 0; /* the kernel takes a moment to begin */
    for (unsigned i = 0; i < 50 && waited_ms < 55; i++)
      waited_ms = wait_of_one(a, b, &there, 60);
    expect_int(waited_ms, >=, 55);
    expect_int(waited_ms, <, 30000);
  }
  (void)udp_outbound_take_news(outbound);
  close(a);
  close(b);
}

TAP_TESTS(TAP(test_a_datagram_says_how_long_it_has_waited), TAP(test_batches_go_over_ipv4),
          TAP(test_batches_go_over_ipv6), TAP(test_datagrams_of_any_length_arrive_whole),
          TAP(test_a_closed_port_is_reported_once), TAP(test_an_error_does_not_hide_what_waits_behind_it),
          TAP(test_no_route_is_reported_when_sending), TAP(test_workers_share_a_port),
          TAP(test_the_queue_says_how_full_it_is), TAP(test_the_host_has_an_address_of_each_family))
