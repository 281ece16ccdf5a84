/* How long bindings live is learnt from devices behind boxes that forget. */
#include "keepalive/keepalive_rig.h"

#define DEVICES_MAX 400
#define STEP_MS     500
#define MINUTE_MS   60000
#define HOUR_MS     (60 * MINUTE_MS)

/* One phone and its box. Packets of both directions keep the binding. */
struct phone {
  struct flow flow;
  struct keepalive_device *device;
  int64_t used_ms; /* rig_now_ms of the last packet that passed */
  uint64_t heard_count;
  bool is_dead, is_mute;
};

static struct phone phones[DEVICES_MAX];
static unsigned phone_count, most_trials, texts, options;
static int64_t lifetime_ms;
static uint32_t busy_owner;

static bool is_busy(const void *reader, const struct context *at, uint32_t owner) {
  (void)reader;
  (void)at;
  return owner == busy_owner;
}

static void set_up(enum keep_alive_learn_choice learn, int64_t lifetime_s) {
  rig_set_up(DEVICES_MAX);
  parameters.BF_NAT_KEEP_ALIVE_LEARN = (uint32_t)learn;
  rig_parameters_changed();
  keepalive_set_busy(room, is_busy);
  phone_count = most_trials = texts = options = 0;
  busy_owner = UINT32_MAX;
  lifetime_ms = lifetime_s * 1000;
}

/* In network number `network`, 256 of them at most. */
static struct phone *add_phone(unsigned network) {
  char text[64];
  struct phone *phone = &phones[phone_count];
  snprintf(text, sizeof text, "100.64.%u.%u:%u", network, 1 + phone_count % 250, 40000 + phone_count);
  *phone = (struct phone){.flow = rig_udp(text), .used_ms = rig_now_ms()};
  struct keepalive_facts facts = rig_facts(&phone->flow);
  facts.owner = phone_count++;
  facts.is_behind_nat = true;
  phone->device = keepalive_hold(room, &context, &facts);
  rig_end_event();
  return phone;
}

static void add_phones(unsigned count, unsigned network) {
  for (unsigned i = 0; i < count; i++)
    add_phone(network);
}

static struct phone *phone_at(const struct flow *flow) {
  for (unsigned i = 0; i < phone_count; i++)
    if (flow_equal(&phones[i].flow, flow)) return &phones[i];
  return NULL;
}

static void deliver(const struct rig_sent *one) {
  struct phone *phone = phone_at(&one->flow);
  bool is_options = strncmp(one->text, "OPTIONS", 7) == 0;
  texts += !is_options;
  options += is_options;
  if (!phone || phone->is_dead || one->at_ms - phone->used_ms > lifetime_ms) return;
  phone->used_ms = one->at_ms;
  phone->heard_count++;
  if (!is_options || phone->is_mute) return;
  rig_heard(&phone->flow, KEEPALIVE_SIGN_MESSAGE); /* as for any message */
  rig_answer(one, &phone->flow, 200);
}

static void run_ms(int64_t milliseconds) {
  for (int64_t until_ms = rig_now_ms() + milliseconds; rig_now_ms() < until_ms;) {
    rig_run_ms(STEP_MS);
    unsigned count = sent_count;
    static struct rig_sent one;
    for (unsigned i = 0; i < count; i++) {
      one = sent[i];
      deliver(&one);
    }
    rig_forget_sent();
    if (room->trial_count > most_trials) most_trials = room->trial_count;
  }
}

static struct binding_network *network_of(const struct phone *phone) {
  return binding_networks_at(&room->networks, phone->device->network);
}

static unsigned count_unreachable(void) {
  unsigned count = 0;
  for (unsigned i = 0; i < phone_count; i++)
    count += phones[i].device->is_unreachable;
  return count;
}

/* --- what is learnt ---------------------------------------------------------------------------------------------- */

#define expect_alarm(part) expect(strstr(latest_alarm, part) != NULL)

static void test_where_it_is_off_nothing_is_tried(void) {
  set_up(KEEP_ALIVE_LEARN_OFF, 120);
  add_phones(200, 1);
  run_ms(HOUR_MS);
  expect_int(counters.binding_trials_begun, ==, 0);
  expect_int(options, ==, 0);
  rig_tear_down();
}

static void test_the_longest_safe_period_is_found_for_two_lost_bindings(void) {
  set_up(KEEP_ALIVE_LEARN_SUGGEST, 120);
  add_phones(200, 1);
  run_ms(2 * HOUR_MS);
  expect_int(binding_network_safe_s(network_of(&phones[0])), ==, 100);
  expect_int(binding_network_too_long_s(network_of(&phones[0])), ==, 125);
  expect_int(counters.binding_trials_lost, ==, 2);
  expect_int(count_unreachable(), ==, 2);
  expect_int(alarm_count, ==, 1);
  expect_alarm("NAT keep-alive: bindings in 100.64.1.0/24 do not outlive a keep-alive every 125 s; its "
               "200 devices would do with a keep-alive every 100 s, which would save 4.6 a second");
  rig_tear_down();
}

static void test_a_suggestion_changes_nothing(void) {
  set_up(KEEP_ALIVE_LEARN_SUGGEST, 120);
  add_phones(200, 1);
  run_ms(2 * HOUR_MS);
  texts = options = 0;
  run_ms(10 * MINUTE_MS);
  expect_int(texts, >=, 200 * 20 - 10);
  expect_int(options, ==, 0);
  struct keepalive_counts counts;
  keepalive_count(room, &context, &counts);
  expect_int(counts.networks_learned, ==, 1);
  expect_int(counts.saves_micro_per_s / 10000, ==, 466); /* 200 devices: 1/30 − 1/100 each */
  rig_tear_down();
}

static void test_networks_are_listed_with_what_is_known_of_them_and_what_it_saves(void) {
  set_up(KEEP_ALIVE_LEARN_SUGGEST, 120);
  add_phones(200, 1);
  run_ms(2 * HOUR_MS);
  add_phone(2);
  char memory[2048];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  uint32_t cursor = 0;
  keepalive_list_networks(room, &context, &builder, &cursor);
  text_builder_add_char(&builder, '\0');
  expect_int(cursor, ==, UINT32_MAX);
  /* 200 devices each 30 s instead of each 100 s. */
  const char *learnt = strstr(memory, "\"network\":\"100.64.1.0/24\",\"worker\":0,\"devices\":200,"
                                      "\"safe_period_s\":100,\"too_long_s\":125,\"on_trial\":");
  expect(learnt && strstr(learnt, "\"saves_per_hour\":16799,\"saves_bytes_per_hour\":"));
  expect(strstr(memory, "\"network\":\"100.64.2.0/24\",\"worker\":0,\"devices\":1,"
                        "\"safe_period_s\":null,\"too_long_s\":null,\"on_trial\":false,\"saves_per_hour\":0,"
                        "\"saves_bytes_per_hour\":0}"));
  /* A page without room for one more goes on where it stopped. */
  builder = text_builder_over(memory, 400);
  cursor = 0;
  keepalive_list_networks(room, &context, &builder, &cursor);
  expect_int(cursor, ==, 1);
  rig_tear_down();
}

static void test_where_allowed_the_safe_period_is_set_and_kept(void) {
  set_up(KEEP_ALIVE_LEARN_SET, 120);
  add_phones(200, 1);
  run_ms(2 * HOUR_MS);
  texts = options = 0;
  run_ms(10 * MINUTE_MS);
  expect_int(options, <=, 200 * 6 + 200);
  expect_int(texts, <=, 2 * 20); /* to those two that were lost and have not come back */
  expect_int(count_unreachable(), ==, 2);
  expect_alarm("; from now on its 200 devices get a keep-alive every 100 s, which saves 4.6 a second");
  rig_tear_down();
}

static void test_what_was_learnt_of_a_network_survives_a_restart(void) {
  set_up(KEEP_ALIVE_LEARN_SET, 120);
  add_phones(200, 1);
  run_ms(2 * HOUR_MS);
  struct journal_key key = kept_key;
  expect_int(journal_key_thing(key), ==, JOURNAL_NETWORK);
  rig_tear_down();
  set_up(KEEP_ALIVE_LEARN_SET, 120);
  context.wall_now.value += 3 * HOUR_MS * INT64_C(1000);
  expect_int(keepalive_restore_network(room, &context, key, str_view_of(kept_state, kept_length)), ==, RESULT_OK);
  rig_check();
  add_phones(200, 1);
  expect_int(binding_network_safe_s(network_of(&phones[0])), ==, 100);
  expect_int(binding_network_too_long_s(network_of(&phones[0])), ==, 125);
  run_ms(HOUR_MS);
  expect_int(counters.binding_trials_begun, ==, 0); /* not before a day is over */
  expect_int(texts, ==, 0);
  for (size_t length = 0; length < kept_length; length++)
    expect_int(keepalive_restore_network(room, &context, key, str_view_of(kept_state, length)), ==, RESULT_MALFORMED);
  rig_tear_down();
}

/* A new box: at the first miss a device has the parameter's period again, and the network is not trusted any longer. */
static void test_a_period_that_is_safe_no_more_is_left(void) {
  set_up(KEEP_ALIVE_LEARN_SET, 120);
  add_phones(200, 1);
  run_ms(2 * HOUR_MS);
  lifetime_ms = 45000;
  run_ms(10 * MINUTE_MS);
  expect_int(binding_network_safe_s(network_of(&phones[0])), <, 100);
  for (unsigned i = 0; i < phone_count; i++) /* they register again */
    phones[i].used_ms = rig_now_ms();
  for (unsigned i = 0; i < phone_count; i++) {
    struct keepalive_facts facts = rig_facts(&phones[i].flow);
    facts.owner = i;
    facts.is_behind_nat = true;
    keepalive_change(room, &context, phones[i].device, &facts);
    rig_heard(&phones[i].flow, KEEPALIVE_SIGN_MESSAGE);
  }
  run_ms(30 * MINUTE_MS);
  for (unsigned i = 0; i < phone_count; i++) {
    phones[i].used_ms = rig_now_ms();
    rig_heard(&phones[i].flow, KEEPALIVE_SIGN_MESSAGE);
  }
  run_ms(HOUR_MS);
  expect_int(binding_network_safe_s(network_of(&phones[0])), <=, 40);
  rig_tear_down();
}

static void test_what_was_too_long_is_tried_again_after_a_day(void) {
  set_up(KEEP_ALIVE_LEARN_SUGGEST, 120);
  add_phones(200, 1);
  run_ms(2 * HOUR_MS);
  uint64_t begun = counters.binding_trials_begun;
  lifetime_ms = 200000;
  run_ms(20 * HOUR_MS);
  expect_int(counters.binding_trials_begun, ==, begun);
  run_ms(6 * HOUR_MS);
  expect_int(binding_network_safe_s(network_of(&phones[0])), ==, 150);
  rig_tear_down();
}

static void test_each_network_is_learnt_by_itself(void) {
  set_up(KEEP_ALIVE_LEARN_SUGGEST, 3600);
  add_phones(150, 1);
  add_phones(150, 2);
  phones[0].used_ms = 0;
  run_ms(HOUR_MS);
  expect(network_of(&phones[0]) != network_of(&phones[150]));
  expect_int(network_of(&phones[0])->device_count, ==, 150);
  expect_int(binding_network_safe_s(network_of(&phones[0])), >=, 50);
  expect_int(binding_network_safe_s(network_of(&phones[150])), >=, 50);
  rig_tear_down();
}

/* --- whom it is tried on ----------------------------------------------------------------------------------------- */

static void test_never_more_than_one_device_in_a_hundred_is_on_trial(void) {
  set_up(KEEP_ALIVE_LEARN_SUGGEST, 120);
  for (unsigned i = 0; i < 250; i++)
    add_phone(i);
  run_ms(HOUR_MS);
  expect_int(most_trials, ==, 2);
  rig_tear_down();
  set_up(KEEP_ALIVE_LEARN_SUGGEST, 120);
  add_phones(99, 1);
  run_ms(HOUR_MS);
  expect_int(most_trials, ==, 0);
  rig_tear_down();
}

static void test_never_during_a_call(void) {
  set_up(KEEP_ALIVE_LEARN_SUGGEST, 120);
  add_phones(100, 1);
  for (unsigned i = 1; i < 100; i++) /* whom nothing can be learnt from */
    phones[i].device->is_mute = true;
  busy_owner = 0;
  run_ms(HOUR_MS);
  expect_int(counters.binding_trials_begun, ==, 0);
  busy_owner = UINT32_MAX;
  while (room->trial_count == 0)
    run_ms(STEP_MS);
  run_ms(10000);
  expect_int(room->trial_count, ==, 1);
  busy_owner = 0; /* a call begins: it gets its keep-alives again */
  run_ms(1000);
  expect_int(room->trial_count, ==, 0);
  expect_int(counters.binding_trials_void, ==, 1);
  uint64_t heard_before = phones[0].heard_count;
  run_ms(61000);
  expect_int(phones[0].heard_count, >=, heard_before + 2);
  rig_tear_down();
}

static void test_a_device_that_speaks_by_itself_proves_nothing(void) {
  set_up(KEEP_ALIVE_LEARN_SUGGEST, 120);
  add_phones(100, 1);
  for (unsigned i = 0; i < 240; i++) {
    run_ms(15000);
    for (unsigned k = 0; k < phone_count; k++)
      rig_heard(&phones[k].flow, KEEPALIVE_SIGN_PING);
  }
  expect_int(counters.binding_trials_survived + counters.binding_trials_lost, ==, 0);
  expect_int(counters.binding_trials_begun, >, 0);
  expect_int(counters.binding_trials_void, >=, counters.binding_trials_begun - 1);
  rig_tear_down();
}

/* It registers just when it is asked, so that its answer says nothing of the binding. */
static void test_a_device_that_speaks_just_before_its_answer_proves_nothing(void) {
  set_up(KEEP_ALIVE_LEARN_SUGGEST, 30);
  add_phones(100, 1);
  lifetime_ms = 45000;
  while (room->trial_count == 0 || room->trials[0].state != BINDING_TRIAL_ASKED_AGAIN)
    run_ms(STEP_MS);
  struct keepalive_device *device = pool_get(&room->devices.pool, room->trials[0].device);
  struct phone *phone = device ? phone_at(&device->flow) : NULL;
  require(phone);
  rig_heard(&phone->flow, KEEPALIVE_SIGN_MESSAGE);
  phone->used_ms = rig_now_ms();
  run_ms(10000);
  expect_int(counters.binding_trials_survived + counters.binding_trials_lost, ==, 0);
  expect_int(counters.binding_trials_void, ==, 1);
  rig_tear_down();
}

static void test_devices_that_do_not_answer_options_are_left_alone(void) {
  set_up(KEEP_ALIVE_LEARN_SUGGEST, 120);
  parameters.BF_NAT_KEEP_ALIVE_MISSES = 1;
  add_phones(200, 1);
  for (unsigned i = 0; i < phone_count; i++)
    phones[i].is_mute = true;
  run_ms(HOUR_MS);
  expect_int(counters.binding_trials_begun, ==, 200);
  expect_int(counters.keepalives_missed, ==, 0);
  expect_int(count_unreachable(), ==, 0);
  rig_tear_down();
}

static void test_shared_ways_gateways_and_own_periods_are_not_risked(void) {
  set_up(KEEP_ALIVE_LEARN_SUGGEST, 120);
  add_phones(300, 1);
  for (unsigned i = 0; i < 100; i++) {
    struct keepalive_facts facts = rig_facts(&phones[i].flow);
    facts.owner = 1000 + i;
    facts.is_behind_nat = true;
    keepalive_hold(room, &context, &facts); /* a PBX with a second number */
    facts.flow = &phones[100 + i].flow;
    facts.is_configured = true;
    keepalive_change(room, &context, phones[100 + i].device, &facts);
    facts.flow = &phones[200 + i].flow;
    facts.is_configured = false;
    facts.own_period_s = 60;
    keepalive_change(room, &context, phones[200 + i].device, &facts);
    rig_end_event();
  }
  run_ms(HOUR_MS);
  expect_int(counters.binding_trials_begun, ==, 0);
  rig_tear_down();
}

static void test_a_device_that_goes_leaves_its_trial(void) {
  set_up(KEEP_ALIVE_LEARN_SUGGEST, 120);
  add_phones(100, 1);
  while (room->trial_count == 0)
    run_ms(STEP_MS);
  for (unsigned i = 0; i < phone_count; i++)
    keepalive_release(room, &context, phones[i].device, i);
  rig_end_event();
  expect_int(room->trial_count, ==, 0);
  expect_int(room->networks.pool.used, ==, 0);
  rig_tear_down();
}

/* A network that was learnt is remembered while it has no device, and makes room when others need it. */
static void test_a_full_list_of_networks_forgets_one_without_devices(void) {
  rig_set_up(8);
  for (unsigned i = 0; i < BINDING_NETWORKS_MAX; i++) {
    struct address address = {.ip = {10, (uint8_t)(i >> 8), (uint8_t)i, 1}, .family = ADDRESS_IPV4};
    expect_int(binding_networks_enter(&room->networks, &context, &address), !=, 0);
  }
  struct address one_more = rig_address("192.0.2.9:1");
  expect_int(binding_networks_enter(&room->networks, &context, &one_more), ==, 0);
  struct binding_network *seventh = binding_networks_at(&room->networks, 7);
  seventh->too_long = 5;
  binding_networks_leave(&room->networks, &context, 7);
  expect_int(room->networks.pool.used, ==, BINDING_NETWORKS_MAX);
  expect_int(binding_networks_enter(&room->networks, &context, &one_more), ==, 7);
  expect_int(binding_network_too_long_s(binding_networks_at(&room->networks, 7)), ==, 0);
  for (uint16_t i = 1; i <= BINDING_NETWORKS_MAX; i++)
    binding_networks_leave(&room->networks, &context, i);
  rig_tear_down();
}

TAP_TESTS(TAP(test_where_it_is_off_nothing_is_tried), TAP(test_the_longest_safe_period_is_found_for_two_lost_bindings),
          TAP(test_a_suggestion_changes_nothing), TAP(test_where_allowed_the_safe_period_is_set_and_kept),
          TAP(test_networks_are_listed_with_what_is_known_of_them_and_what_it_saves),
          TAP(test_what_was_learnt_of_a_network_survives_a_restart), TAP(test_a_period_that_is_safe_no_more_is_left),
          TAP(test_what_was_too_long_is_tried_again_after_a_day), TAP(test_each_network_is_learnt_by_itself),
          TAP(test_never_more_than_one_device_in_a_hundred_is_on_trial), TAP(test_never_during_a_call),
          TAP(test_a_device_that_speaks_by_itself_proves_nothing),
          TAP(test_a_device_that_speaks_just_before_its_answer_proves_nothing),
          TAP(test_devices_that_do_not_answer_options_are_left_alone),
          TAP(test_shared_ways_gateways_and_own_periods_are_not_risked), TAP(test_a_device_that_goes_leaves_its_trial),
          TAP(test_a_full_list_of_networks_forgets_one_without_devices))
