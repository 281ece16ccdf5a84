#include "routing/route_select.h"

#include <stdlib.h>

#include "parameters/parameters.h"
#include "tap.h"

static struct parameters parameters;
static uint32_t usage_counts[64];
static struct context context;
static struct route_search search;

/* One gateway's row: name, up to two prefixes, priority, capacity. */
struct row {
  const char *name, *prefix, *second_prefix;
  uint16_t priority;
  uint32_t capacity;
  bool locked;
};

static void set_up(const struct row *rows, size_t row_count) {
  static struct device devices[32];
  static struct gateway gateways[32];
  static struct str_view prefixes[32][2];
  char problem_memory[256];
  struct text_builder problem = text_builder_over(problem_memory, sizeof problem_memory);
  for (size_t i = 0; i < row_count; i++) {
    gateway_set_defaults(&gateways[i]);
    device_set_defaults(&devices[i], DEVICE_ROUTING_GATEWAY);
    prefixes[i][0] = str_view_from_c(rows[i].prefix);
    prefixes[i][1] = str_view_from_c(rows[i].second_prefix);
    gateways[i].prefixes = prefixes[i];
    gateways[i].prefix_count = rows[i].second_prefix ? 2 : 1;
    gateways[i].priority = rows[i].priority;
    gateways[i].addresses[0] = (struct address){{192, 0, 2, (uint8_t)i}, 5060, ADDRESS_IPV4};
    gateways[i].address_count = 1;
    devices[i].name = str_view_from_c(rows[i].name);
    devices[i].capacity = rows[i].capacity;
    devices[i].locked = rows[i].locked;
    devices[i].gateway = &gateways[i];
  }
  memset(usage_counts, 0, sizeof usage_counts);
  free((void *)(uintptr_t)context.directory);
  void *memory = aligned_alloc(64, (directory_memory_bytes(devices, row_count) + 63) / 64 * 64);
  memset(memory, 0, directory_memory_bytes(devices, row_count));
  context.directory = directory_build(memory, devices, row_count, STR_VIEW("belfry"), NULL, usage_counts, 64, &problem);
  expect(context.directory);
  parameters_set_defaults(&parameters);
  context.parameters = &parameters;
  search = (struct route_search){0};
}

#define SET_UP(...)                                                                                                    \
  do {                                                                                                                 \
    static const struct row rows[] = {__VA_ARGS__};                                                                    \
    set_up(rows, sizeof rows / sizeof rows[0]);                                                                        \
  } while (0)

static void expect_next(const char *number, const char *name) {
  const struct device *device = NULL;
  enum result result = route_select(&context, str_view_from_c(number), &search, &device);
  expect_int(result, ==, RESULT_OK);
  if (result == RESULT_OK) expect_view(device->name, name);
}

static void expect_none(const char *number, enum result why) {
  const struct device *device;
  expect_int(route_select(&context, str_view_from_c(number), &search, &device), ==, why);
}

static void test_gateways_are_tried_by_prefix_then_priority_then_name(void) {
  SET_UP({"c", "44", NULL, 1, 9, false}, {"b", "4420", NULL, 5, 9, false}, {"a", "*", NULL, 0, 9, false},
         {"d", "44", NULL, 1, 9, false}, {"e", "44", NULL, 0, 9, false});
  expect_next("442012", "b");
  expect_next("442012", "e");
  expect_next("442012", "c");
  expect_next("442012", "d");
  expect_next("442012", "a");
  expect_none("442012", RESULT_REFUSED);
}

static void test_a_gateway_with_two_fitting_prefixes_is_tried_once(void) {
  SET_UP({"a", "44", "4420", 1, 9, false}, {"b", "442", NULL, 1, 9, false});
  expect_next("442012", "a");
  expect_next("442012", "b");
  expect_none("442012", RESULT_REFUSED);
}

static void test_no_prefix_is_no_route(void) {
  SET_UP({"a", "44", NULL, 1, 9, false});
  expect_none("33", RESULT_NOT_FOUND);
  expect_none("4", RESULT_NOT_FOUND);
}

static void test_a_locked_gateway_is_as_if_it_were_not_there(void) {
  SET_UP({"a", "44", NULL, 1, 9, true});
  expect_none("44", RESULT_NOT_FOUND);
  SET_UP({"a", "44", NULL, 1, 9, true}, {"b", "4", NULL, 1, 9, false});
  expect_next("44", "b");
}

static void test_a_full_gateway_is_passed_over_and_taken_again_when_it_has_room(void) {
  SET_UP({"a", "44", NULL, 1, 1, false}, {"b", "4", NULL, 1, 1, false});
  expect_next("44", "a");
  uint32_t usage_of_a = search.tried[0];
  search = (struct route_search){0};
  expect_next("44", "b");
  search = (struct route_search){0};
  expect_none("44", RESULT_FULL);
  directory_release(context.directory, usage_of_a);
  expect_next("44", "a");
}

static void test_a_refused_search_takes_no_capacity(void) {
  SET_UP({"a", "44", NULL, 1, 5, false});
  expect_next("44", "a");
  expect_none("44", RESULT_REFUSED);
  expect_int(directory_usage(context.directory, search.tried[0]), ==, 1);
}

static void test_the_switch_limit_counts_gateways(void) {
  SET_UP({"a", "1", NULL, 1, 9, false}, {"b", "1", NULL, 2, 9, false}, {"c", "1", NULL, 3, 9, false});
  parameters.SS_GATEWAY_SWITCH_LIMIT = 2;
  expect_next("1", "a");
  expect_next("1", "b");
  expect_none("1", RESULT_REFUSED);
}

static bool allowed(unsigned status, bool ringing, bool sdp, bool timed_out) {
  struct route_failure failure = {status, ringing, sdp, timed_out};
  return failover_allowed(&parameters, &failure);
}

static void test_a_gateways_own_trouble_lets_the_next_be_tried(void) {
  static const unsigned statuses[] = {302, 401, 403, 407, 408, 420, 482, 488, 500, 502, 503, 504, 580};
  parameters_set_defaults(&parameters);
  for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
    expect(allowed(statuses[i], false, false, false));
}

static void test_busy_and_refusals_end_the_search(void) {
  static const unsigned statuses[] = {200, 404, 410, 480, 484, 486, 487, 600, 603, 604, 606, 0};
  parameters_set_defaults(&parameters);
  for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
    expect(!allowed(statuses[i], false, false, false));
}

static void test_until_connect_goes_on_after_ringing_and_refusals_of_the_number(void) {
  parameters_set_defaults(&parameters);
  expect(!allowed(503, true, false, false));
  expect(!allowed(408, true, false, true));
  parameters.SS_GATEWAY_SWITCH_UNTIL_CONNECT = true;
  expect(allowed(503, true, false, false));
  expect(allowed(408, true, false, true));
  expect(allowed(404, false, false, false));
  expect(!allowed(486, true, false, false));
  expect(!allowed(603, false, false, false));
}

static void test_a_session_description_ends_the_search_unless_switched_off(void) {
  parameters_set_defaults(&parameters);
  expect(!allowed(503, false, true, false));
  expect(!allowed(408, false, true, true));
  parameters.SS_SIP_STOP_SWITCH_AFTER_SDP = false;
  expect(allowed(503, false, true, false));
}

TAP_TESTS(TAP(test_gateways_are_tried_by_prefix_then_priority_then_name),
          TAP(test_a_gateway_with_two_fitting_prefixes_is_tried_once), TAP(test_no_prefix_is_no_route),
          TAP(test_a_locked_gateway_is_as_if_it_were_not_there),
          TAP(test_a_full_gateway_is_passed_over_and_taken_again_when_it_has_room),
          TAP(test_a_refused_search_takes_no_capacity), TAP(test_the_switch_limit_counts_gateways),
          TAP(test_a_gateways_own_trouble_lets_the_next_be_tried), TAP(test_busy_and_refusals_end_the_search),
          TAP(test_until_connect_goes_on_after_ringing_and_refusals_of_the_number),
          TAP(test_a_session_description_ends_the_search_unless_switched_off))
