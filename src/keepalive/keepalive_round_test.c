#include "keepalive/keepalive_round.h"

#include "tap.h"

static struct parameters parameters;

static struct keepalive_round round_for(const struct keepalive_demand *demand) {
  struct keepalive_rate rate = keepalive_rate_of(&parameters);
  return keepalive_round_of(demand, &rate);
}

static struct keepalive_round round_of(uint32_t devices) {
  struct keepalive_demand demand = {.device_count = devices};
  return round_for(&demand);
}

static void set_up(void) {
  parameters_set_defaults(&parameters);
}

static void test_a_round_takes_devices_times_interval_by_batch(void) {
  set_up();
  expect_int(round_of(90000).round_ms, ==, 15000);
  expect_int(round_of(1).round_ms, ==, 1); /* rounded up */
  expect_int(round_of(0).round_ms, ==, 0);
  expect_int(round_of(1000000).round_ms, ==, 166667);
}

static void test_180000_devices_are_just_kept_at_3000_in_500_ms(void) {
  set_up();
  expect(round_of(180000).is_kept);
  expect_int(round_of(180000).round_ms, ==, 30000);
  expect(!round_of(180001).is_kept);
}

static void test_each_value_that_would_do_does_and_the_next_does_not(void) {
  set_up();
  struct keepalive_round want = round_of(400000);
  expect(!want.is_kept);
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME = want.batch_wanted;
  expect(round_of(400000).is_kept);
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME--;
  expect(!round_of(400000).is_kept);
  set_up();
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL = want.interval_wanted_ms;
  expect(round_of(400000).is_kept);
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL++;
  expect(!round_of(400000).is_kept);
  set_up();
  parameters.SS_SIP_NAT_KEEP_ALIVE_PERIOD = want.period_wanted_s;
  expect(round_of(400000).is_kept);
  parameters.SS_SIP_NAT_KEEP_ALIVE_PERIOD--;
  expect(!round_of(400000).is_kept);
}

static void test_a_device_with_half_the_period_costs_two(void) {
  set_up();
  struct keepalive_demand demand = {.device_count = 1000};
  keepalive_demand_add(&demand, 500, 15000);
  expect_int(round_for(&demand).keep_alives, ==, 2000);
  struct keepalive_demand slow = {.device_count = 1000};
  keepalive_demand_add(&slow, 500, 300000);
  expect_int(round_for(&slow).keep_alives, ==, 1050);
}

static void test_a_period_that_would_do_leaves_room_for_devices_with_their_own(void) {
  set_up();
  struct keepalive_demand demand = {.device_count = 90000};
  keepalive_demand_add(&demand, 60000, 15000); /* 4000 of the 6000 a second */
  struct keepalive_round want = round_for(&demand);
  expect(!want.is_kept);
  expect_int(want.period_wanted_s, ==, 45);
  parameters.SS_SIP_NAT_KEEP_ALIVE_PERIOD = 45;
  expect(round_for(&demand).is_kept);
}

static void test_values_outside_their_ranges_are_not_proposed(void) {
  set_up();
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL = 10000;
  parameters.SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME = 1;
  struct keepalive_round want = round_of(1000000);
  expect_int(want.batch_wanted, ==, 0);
  expect_int(want.interval_wanted_ms, ==, 0);
  expect_int(want.period_wanted_s, ==, 0);
}

static void test_the_sentence_names_the_figures_and_the_remedies(void) {
  char memory[512];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  struct keepalive_demand demand = {.device_count = 400000};
  set_up();
  struct keepalive_rate rate = keepalive_rate_of(&parameters);
  keepalive_round_to_text(&demand, &rate, &builder);
  expect_view(text_builder_view(&builder),
              "400,000 devices need 66.7 s a round, longer than SS_SIP_NAT_KEEP_ALIVE_PERIOD (30 s); would do: "
              "SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME at least 6667, or SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL at most 225 "
              "ms, or SS_SIP_NAT_KEEP_ALIVE_PERIOD at least 67 s");
  builder.length = 0;
  demand.device_count = 90000;
  keepalive_round_to_text(&demand, &rate, &builder);
  expect_view(text_builder_view(&builder), "90,000 devices need 15 s a round");
  builder.length = 0;
  demand.device_count = 1;
  keepalive_round_to_text(&demand, &rate, &builder);
  expect_view(text_builder_view(&builder), "1 device needs 0.1 s a round");
}

TAP_TESTS(TAP(test_a_round_takes_devices_times_interval_by_batch),
          TAP(test_180000_devices_are_just_kept_at_3000_in_500_ms),
          TAP(test_each_value_that_would_do_does_and_the_next_does_not),
          TAP(test_a_device_with_half_the_period_costs_two),
          TAP(test_a_period_that_would_do_leaves_room_for_devices_with_their_own),
          TAP(test_values_outside_their_ranges_are_not_proposed),
          TAP(test_the_sentence_names_the_figures_and_the_remedies))
