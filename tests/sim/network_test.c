/* The simulated network does what it says: faults come from the seed, NAT boxes forget, streams keep their order. */
#include "sim/network.h"

#include "sim/nat_box.h"
#include "sim/stream.h"
#include "sim/world.h"
#include "tap.h"

#define SENT 1000

static struct world world;
static struct endpoint *left, *right;
static char heard[SENT * 4];
static struct address heard_from; /* whom right (or the third) heard last */
static unsigned refusals;

static void receive(struct world *of, struct endpoint *endpoint, const struct arrival *arrival) {
  (void)of;
  if (endpoint != left) heard_from = arrival->source;
  strncat(heard, arrival->bytes.data, arrival->bytes.length);
}

static void refused(struct world *of, struct endpoint *endpoint, struct connection *connection,
                    const struct address *remote) {
  (void)of;
  (void)endpoint;
  (void)connection;
  (void)remote;
  refusals++;
}

static struct endpoint *add(const char *name, const char *where) {
  struct address address;
  expect(address_parse(str_view_from_c(where), 5060, &address) == RESULT_OK);
  struct endpoint *endpoint = network_add(&world, name, &address);
  endpoint->receive = receive;
  endpoint->refused = refused;
  endpoint->takes_streams = true;
  return endpoint;
}

static void begin(uint64_t seed) {
  world_init(&world, seed);
  heard[0] = '\0';
  refusals = 0;
  left = add("left", "10.0.0.1");
  right = add("right", "10.0.0.2");
}

static void run(void) {
  while (world_step(&world, INT64_MAX))
    ;
}

static void send_letters(unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    char letter = (char)('a' + i % 26);
    network_send(&world, left, &right->address, str_view_of(&letter, 1));
  }
  run();
}

static void test_a_network_without_faults_delivers_everything_in_order(void) {
  begin(1);
  send_letters(26);
  expect_bytes(heard, strlen(heard), "abcdefghijklmnopqrstuvwxyz");
  expect_int(world.now_us, ==, 2000);
  world_reset(&world);
}

static void test_loss_and_duplication_come_as_often_as_they_are_asked_for(void) {
  begin(1);
  world.network.faults.loss_ppm = 200000;
  send_letters(SENT);
  expect(strlen(heard) > SENT * 74 / 100 && strlen(heard) < SENT * 86 / 100);
  world_reset(&world);
  begin(2);
  right->to.duplicate_ppm = 100000;
  send_letters(SENT);
  expect(strlen(heard) > SENT * 106 / 100 && strlen(heard) < SENT * 114 / 100);
  world_reset(&world);
}

static void test_delays_put_datagrams_out_of_order_the_same_way_for_a_seed(void) {
  char first[64];
  for (int i = 0; i < 2; i++) {
    begin(7);
    world.network.faults.delay_max_us = 50000;
    send_letters(26);
    if (i == 0) memcpy(first, heard, 27);
    expect_bytes(heard, strlen(heard), first);
    expect(strcmp(heard, "abcdefghijklmnopqrstuvwxyz") != 0);
    world_reset(&world);
  }
}

static void test_a_dead_endpoint_hears_nothing_and_a_refusing_one_says_so(void) {
  begin(1);
  right->is_dead = true;
  send_letters(1);
  expect_int(strlen(heard), ==, 0);
  expect_int(refusals, ==, 0);
  right->is_dead = false;
  right->is_refusing = true;
  send_letters(1);
  expect_int(strlen(heard), ==, 0);
  expect_int(refusals, ==, 1);
  world_reset(&world);
}

static void test_a_packet_of_a_switch_to_nobody_is_a_fault(void) {
  struct address nobody;
  begin(1);
  expect(address_parse(STR_VIEW("10.9.9.9"), 5060, &nobody) == RESULT_OK);
  network_send(&world, left, &nobody, STR_VIEW("x"));
  expect(world.failure == NULL);
  left->is_switch = true;
  network_send(&world, left, &nobody, STR_VIEW("x"));
  expect(world.failure && strstr(world.failure, "nobody's address"));
  world_reset(&world);
}

/* --- NAT --------------------------------------------------------------------------------------------------------- */

static struct nat_box *box_before_left(void) {
  struct address outside;
  expect(address_parse(STR_VIEW("203.0.113.1"), 0, &outside) == RESULT_OK);
  struct nat_box *box = nat_add(&world, "box", &outside);
  left->nat = box;
  return box;
}

static void right_answers(void) {
  network_send(&world, right, &heard_from, STR_VIEW("!"));
  run();
}

static void test_a_binding_lasts_while_it_is_used_and_not_longer(void) {
  begin(1);
  box_before_left()->lifetime_us = 30 * SECOND_US;
  send_letters(1);
  expect_int(heard_from.ip[0], ==, 203);
  expect_int(heard_from.port, ==, 20000);
  for (int i = 0; i < 3; i++) {
    world.now_us += 20 * SECOND_US;
    right_answers();
  }
  expect_bytes(heard, strlen(heard), "a!!!");
  world.now_us += 31 * SECOND_US;
  right_answers();
  expect_bytes(heard, strlen(heard), "a!!!");
  send_letters(1);
  expect_int(heard_from.port, ==, 20001);
  world_reset(&world);
}

static void test_a_box_may_take_only_what_goes_out_as_a_sign_of_life(void) {
  begin(1);
  struct nat_box *box = box_before_left();
  box->lifetime_us = 30 * SECOND_US;
  box->refreshed_inbound = false;
  send_letters(1);
  world.now_us += 20 * SECOND_US;
  right_answers();
  world.now_us += 20 * SECOND_US;
  right_answers();
  expect_bytes(heard, strlen(heard), "a!");
  world_reset(&world);
}

static void test_a_symmetric_box_shows_another_port_to_another_peer_and_lets_no_stranger_in(void) {
  begin(1);
  struct endpoint *third = add("third", "10.0.0.3");
  box_before_left()->is_symmetric = true;
  send_letters(1);
  struct address to_right = heard_from;
  network_send(&world, left, &third->address, STR_VIEW("c"));
  run();
  expect(heard_from.port != to_right.port);
  network_send(&world, third, &to_right, STR_VIEW("?"));
  run();
  expect_bytes(heard, strlen(heard), "ac");
  world_reset(&world);
}

/* --- streams ----------------------------------------------------------------------------------------------------- */

static void test_a_stream_keeps_its_order_whatever_the_network_does(void) {
  begin(3);
  world.network.faults = (struct link_faults){.loss_ppm = 300000, .delay_max_us = 80000};
  struct connection *connection = stream_open(&world, left, &right->address);
  for (char letter = 'a'; letter <= 'z'; letter++)
    expect(stream_send(&world, connection, left, str_view_of(&letter, 1)));
  run();
  expect_bytes(heard, strlen(heard), "abcdefghijklmnopqrstuvwxyz");
  world_reset(&world);
}

static void test_both_sides_are_told_when_a_connection_breaks(void) {
  begin(1);
  struct connection *connection = stream_open(&world, left, &right->address);
  stream_break(&world, connection, NULL);
  run();
  expect_int(refusals, ==, 2);
  expect(!stream_send(&world, connection, left, STR_VIEW("x")));
  world_reset(&world);
}

static void test_a_connection_to_one_who_does_not_listen_is_refused(void) {
  begin(1);
  right->takes_streams = false;
  stream_open(&world, left, &right->address);
  run();
  expect_int(refusals, ==, 1);
  world_reset(&world);
}

TAP_TESTS(TAP(test_a_network_without_faults_delivers_everything_in_order),
          TAP(test_loss_and_duplication_come_as_often_as_they_are_asked_for),
          TAP(test_delays_put_datagrams_out_of_order_the_same_way_for_a_seed),
          TAP(test_a_dead_endpoint_hears_nothing_and_a_refusing_one_says_so),
          TAP(test_a_packet_of_a_switch_to_nobody_is_a_fault),
          TAP(test_a_binding_lasts_while_it_is_used_and_not_longer),
          TAP(test_a_box_may_take_only_what_goes_out_as_a_sign_of_life),
          TAP(test_a_symmetric_box_shows_another_port_to_another_peer_and_lets_no_stranger_in),
          TAP(test_a_stream_keeps_its_order_whatever_the_network_does),
          TAP(test_both_sides_are_told_when_a_connection_breaks),
          TAP(test_a_connection_to_one_who_does_not_listen_is_refused))
