/* Gateways that never register. */
#include "keepalive/keepalive_gateways.h"

#include "directory/directory.h"
#include "keepalive/keepalive_rig.h"

#define PERIOD_MS 30000

static struct device devices[3];
static struct gateway gateways_of[3];
static struct keepalive_gateways gateways;
static void *gateways_memory, *directory_memory;
static uint32_t usage[16];

static void name_device(unsigned i, enum device_kind kind, const char *name, const char *address) {
  device_set_defaults(&devices[i], kind);
  gateway_set_defaults(&gateways_of[i]);
  devices[i].name = str_view_from_c(name);
  devices[i].gateway = &gateways_of[i];
  gateways_of[i].addresses[0] = rig_address(address);
  gateways_of[i].address_count = 1;
}

static void apply(void) {
  char memory[256];
  struct text_builder problem = text_builder_over(memory, sizeof memory);
  void *fresh = rig_memory(directory_memory_bytes(devices, 3));
  context.directory = directory_build(fresh, devices, 3, STR_VIEW("belfry"), context.directory, usage, 16, &problem);
  require(context.directory);
  free(directory_memory);
  directory_memory = fresh;
  keepalive_gateways_directory_changed(&gateways, &context);
  rig_end_event();
}

static void take_timer(struct timer *timer) {
  expect_int(timer->kind, ==, TIMER_GATEWAYS);
  keepalive_gateways_timer_due(&gateways, &context);
}

/* A customer behind one port, one behind any port, and a vendor; none has a keep-alive setting. */
static void set_up(void) {
  rig_set_up(64);
  rig_take_timer = take_timer;
  gateways_memory = rig_memory(keepalive_gateways_memory_bytes());
  keepalive_gateways_init(&gateways, gateways_memory, room);
  directory_memory = NULL;
  context.directory = NULL;
  name_device(0, DEVICE_MAPPING_GATEWAY, "fixed", "198.51.100.10:5070");
  name_device(1, DEVICE_MAPPING_GATEWAY, "roaming", "198.51.100.11:0");
  name_device(2, DEVICE_ROUTING_GATEWAY, "vendor", "203.0.113.20:5060");
  apply();
}

static void tear_down(void) {
  context.directory = NULL;
  keepalive_gateways_directory_changed(&gateways, &context);
  expect_int(gateways.way_count, ==, 0);
  expect_int(gateways.seen_count, ==, 0);
  expect(!timer_is_armed(&gateways.timer));
  free(gateways_memory);
  free(directory_memory);
  rig_tear_down();
}

static unsigned count_to(const char *address, int64_t milliseconds) {
  unsigned count = 0;
  struct flow flow = rig_udp(address);
  rig_forget_sent();
  rig_run_ms(milliseconds);
  for (unsigned i = 0; i < sent_count; i++)
    count += flow_equal(&sent[i].flow, &flow);
  return count;
}

static void test_a_gateway_without_a_setting_of_its_own_gets_none(void) {
  set_up();
  struct flow flow = rig_udp("198.51.100.11:6000");
  keepalive_gateways_note_request(&gateways, &context, &flow);
  rig_run_ms(10 * PERIOD_MS);
  expect_int(datagram_count, ==, 0);
  tear_down();
}

static void test_gateways_with_a_setting_get_theirs_at_their_address(void) {
  set_up();
  devices[0].overrides.keep_alive = KEEP_ALIVE_CRLF;
  devices[2].overrides.keep_alive = KEEP_ALIVE_OPTIONS;
  devices[2].overrides.keep_alive_period_s = 60;
  apply();
  expect_int(count_to("198.51.100.10:5070", 300000), >=, 10);
  expect_int(count_to("203.0.113.20:5060", 300000), >=, 5);
  devices[2].overrides.keep_alive = KEEP_ALIVE_OFF;
  apply();
  expect_int(count_to("203.0.113.20:5060", 300000), ==, 0);
  expect_int(count_to("198.51.100.10:5070", 300000), ==, 10);
  tear_down();
}

static void test_a_change_elsewhere_leaves_what_is_known_of_a_gateway(void) {
  set_up();
  devices[2].overrides.keep_alive = KEEP_ALIVE_OPTIONS;
  apply();
  rig_run_ms(10 * PERIOD_MS);
  struct flow flow = rig_udp("203.0.113.20:5060");
  struct keepalive_device *device = keepalive_find(room, &context, &flow);
  expect(device && device->is_unreachable && device->sent_count >= 10);
  apply();
  expect(keepalive_find(room, &context, &flow) == device && device->is_unreachable && device->sent_count >= 10);
  expect_int(device->holders, ==, 1);
  tear_down();
}

static void test_a_gateway_that_may_call_from_any_port_is_kept_where_it_was_seen(void) {
  set_up();
  devices[1].overrides.keep_alive = KEEP_ALIVE_MESSAGE;
  apply();
  rig_run_ms(2 * PERIOD_MS);
  expect_int(datagram_count, ==, 0);
  struct flow flow = rig_udp("198.51.100.11:6000"), stranger = rig_udp("198.51.100.12:6000");
  for (unsigned i = 0; i < 5; i++) {
    keepalive_gateways_note_request(&gateways, &context, &flow);
    keepalive_gateways_note_request(&gateways, &context, &stranger);
  }
  expect_int(gateways.seen_count, ==, 1);
  expect_int(count_to("198.51.100.11:6000", 4 * PERIOD_MS), >=, 4);
  expect_int(count_to("198.51.100.12:6000", 4 * PERIOD_MS), ==, 0);
  tear_down();
}

static void test_a_way_that_was_seen_is_forgotten_after_an_hour_of_silence(void) {
  set_up();
  devices[1].overrides.keep_alive = KEEP_ALIVE_MESSAGE;
  apply();
  struct flow flow = rig_udp("198.51.100.11:6000");
  keepalive_gateways_note_request(&gateways, &context, &flow);
  rig_run_ms(3000 * 1000);
  rig_heard(&flow, KEEPALIVE_SIGN_PING);
  rig_run_ms(3500 * 1000);
  expect_int(gateways.seen_count, ==, 1);
  rig_run_ms(200 * 1000);
  expect_int(gateways.seen_count, ==, 0);
  expect(!timer_is_armed(&gateways.timer) && !timer_is_armed(&room->timer));
  tear_down();
}

static void test_the_connection_of_a_gateway_is_kept_until_it_breaks(void) {
  set_up();
  devices[1].overrides.keep_alive = KEEP_ALIVE_MESSAGE;
  apply();
  struct flow flow = rig_flow(TRANSPORT_TCP, "198.51.100.11:45000", 9);
  keepalive_gateways_note_request(&gateways, &context, &flow);
  rig_run_ms(2 * PERIOD_MS);
  expect(sent_count > 0 && flow_equal(&sent[0].flow, &flow));
  keepalive_flow_failed(room, &context, &flow);
  rig_run_ms(2 * PERIOD_MS);
  expect_int(gateways.seen_count, ==, 0);
  tear_down();
}

static void test_a_way_that_was_seen_goes_with_its_gateways_setting(void) {
  set_up();
  devices[1].overrides.keep_alive = KEEP_ALIVE_MESSAGE;
  apply();
  struct flow flow = rig_udp("198.51.100.11:6000");
  keepalive_gateways_note_request(&gateways, &context, &flow);
  devices[1].overrides.keep_alive = KEEP_ALIVE_CRLF;
  apply();
  expect_int(gateways.seen_count, ==, 1);
  expect_int(keepalive_find(room, &context, &flow)->method, ==, KEEP_ALIVE_CRLF);
  devices[1].overrides.keep_alive = DEVICE_USE_PARAMETER;
  apply();
  expect_int(gateways.seen_count, ==, 0);
  expect(!keepalive_find(room, &context, &flow));
  tear_down();
}

static void test_each_gateway_is_kept_by_one_worker(void) {
  unsigned kept = 0;
  for (uint8_t worker = 0; worker < 4; worker++) {
    set_up();
    local.worker_count = 4;
    local.worker = worker;
    for (unsigned i = 0; i < 3; i++)
      devices[i].overrides.keep_alive = KEEP_ALIVE_MESSAGE;
    apply();
    struct flow flow = rig_udp("198.51.100.11:6000");
    keepalive_gateways_note_request(&gateways, &context, &flow);
    kept += gateways.way_count;
    tear_down();
  }
  expect_int(kept, ==, 3);
}

/* A configured address is meant. */
static void test_a_gateway_that_answers_from_elsewhere_is_not_followed(void) {
  set_up();
  devices[2].overrides.keep_alive = KEEP_ALIVE_OPTIONS;
  apply();
  struct flow elsewhere = rig_udp("203.0.113.21:5060");
  struct rig_sent one = *rig_next();
  rig_forget_sent();
  expect(rig_answer(&one, &elsewhere, 200));
  expect_int(sent_count, ==, 0);
  tear_down();
}

TAP_TESTS(TAP(test_a_gateway_without_a_setting_of_its_own_gets_none),
          TAP(test_gateways_with_a_setting_get_theirs_at_their_address),
          TAP(test_a_change_elsewhere_leaves_what_is_known_of_a_gateway),
          TAP(test_a_gateway_that_may_call_from_any_port_is_kept_where_it_was_seen),
          TAP(test_a_way_that_was_seen_is_forgotten_after_an_hour_of_silence),
          TAP(test_the_connection_of_a_gateway_is_kept_until_it_breaks),
          TAP(test_a_way_that_was_seen_goes_with_its_gateways_setting), TAP(test_each_gateway_is_kept_by_one_worker),
          TAP(test_a_gateway_that_answers_from_elsewhere_is_not_followed))
