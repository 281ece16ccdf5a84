#include "registrar/registrar_rig.h"

static char memory[16384];

static struct str_view list(uint32_t *cursor, size_t capacity) {
  struct text_builder builder = text_builder_over(memory, capacity);
  registrar_list(registrar, &world->context, &builder, cursor);
  expect(!builder.overflowed);
  arena_reset(&world->arena);
  memory[builder.length] = '\0';
  return text_builder_view(&builder);
}

static void test_a_registration_is_listed_with_all_its_fields(void) {
  set_up();
  world->parameters.BF_NAT_KEEP_ALIVE_METHOD = KEEP_ALIVE_OFF;
  expect_status(REGISTER(.extra = "User-Agent: Old \"Phone\" 2\r\n"), 200);
  run_s(10);
  uint32_t cursor = 0;
  expect_view(
      list(&cursor, sizeof memory - 1),
      "{\"id\":\"3-0-1\",\"number\":\"1001\",\"contact\":\"sip:1001@10.0.0.5:5062\","
      "\"source\":\"198.51.100.7:5062\",\"transport\":\"UDP\",\"user_agent\":\"Old \\\"Phone\\\" 2\",\"path\":\"\","
      "\"behind_nat\":true,\"static\":false,\"registered_at\":\"2026-11-22T13:31:12.345Z\","
      "\"refreshed_at\":\"2026-11-22T13:31:12.345Z\",\"last_heard_at\":\"2026-11-22T13:31:12.345Z\","
      "\"expires_in_s\":590,\"keep_alive\":{\"method\":\"off\",\"sends\":\"nothing\",\"period_s\":null,"
      "\"due_in_s\":null,\"sent\":0,\"answered\":0,\"missed\":0,\"round_trip_ms\":null,\"reachable\":true,"
      "\"network\":\"198.51.100.0/24\",\"safe_period_s\":null}}");
  expect_int(cursor, ==, UINT32_MAX);
  tear_down();
}

static void test_an_empty_list_is_empty_and_at_its_end(void) {
  set_up();
  uint32_t cursor = 0;
  expect_view(list(&cursor, sizeof memory - 1), "");
  expect_int(cursor, ==, UINT32_MAX);
  tear_down();
}

static void test_a_list_goes_on_where_the_room_ended(void) {
  set_up();
  world->parameters.SS_ENDPOINT_REGISTER_REPLACE = false;
  expect_status(
      REGISTER(.contact = "Contact: <sip:a@10.0.0.1>, <sip:b@10.0.0.2>, <sip:c@10.0.0.3>, <sip:d@10.0.0.4>\r\n"), 200);
  uint32_t cursor = 0;
  unsigned found = 0, pages = 0;
  while (cursor != UINT32_MAX && ++pages < 10) {
    (void)list(&cursor, 2600);
    for (const char *at = memory; (at = strstr(at, "\"contact\"")) != NULL; at++)
      found++;
    expect(memory[0] != ',');
  }
  expect_int(found, ==, 4);
  expect_int(pages, >, 1);
  tear_down();
}

static void test_an_item_that_does_not_fit_comes_first_next_time(void) {
  char contact[2600];
  set_up();
  world->parameters.SS_ENDPOINT_REGISTER_REPLACE = false;
  for (unsigned i = 1; i <= 2; i++) {
    snprintf(contact, sizeof contact, "Contact: <sip:%u@10.0.0.1;x=%02300d>\r\n", i, 7);
    expect_status(REGISTER(.contact = contact, .cseq = i), 200);
  }
  uint32_t cursor = 0;
  expect_contains(list(&cursor, 5000).data, "sip:1@10.0.0.1");
  expect_lacks(memory, "sip:2@10.0.0.1");
  expect(cursor != UINT32_MAX);
  expect_contains(list(&cursor, 5000).data, "sip:2@10.0.0.1");
  expect_int(cursor, ==, UINT32_MAX);
  tear_down();
}

static void test_a_kicked_registration_is_gone(void) {
  set_up();
  expect_status(REGISTER(0), 200);
  static const char *const strangers[] = {"2-0-1", "3-1-1", "3-0-3", "3-0", "3-0-1-1", "", "x", "3-0-1x", "3-99999-1"};
  for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++)
    expect_int(registrar_kick(registrar, &world->context, str_view_from_c(strangers[i])), ==, RESULT_NOT_FOUND);
  expect_int(registrar_kick(registrar, &world->context, STR_VIEW("3-0-1")), ==, RESULT_OK);
  expect(!rig_locate("1001").known);
  expect_int(registrar_kick(registrar, &world->context, STR_VIEW("3-0-1")), ==, RESULT_NOT_FOUND);
  expect_int(world->counters.registrations_removed, ==, 1);
  rig_check_registrar();
  run_s(700);
  tear_down();
}

static void test_the_keep_alive_method_is_the_devices_own_or_the_parameters(void) {
  set_up();
  expect_status(REGISTER(.contact = "Contact: <sip:1001@198.51.100.7:5062>\r\n"), 200);
  world->parameters.BF_NAT_KEEP_ALIVE_METHOD = KEEP_ALIVE_AUTO;
  uint32_t cursor = 0;
  (void)list(&cursor, sizeof memory - 1);
  expect_contains(memory, "\"method\":\"auto\"");
  world->parameters.BF_NAT_KEEP_ALIVE_WHO = KEEP_ALIVE_WHO_NAT;
  cursor = 0;
  (void)list(&cursor, sizeof memory - 1);
  expect_contains(memory, "\"method\":\"off\"");
  tear_down();
}

TAP_TESTS(TAP(test_a_registration_is_listed_with_all_its_fields), TAP(test_an_empty_list_is_empty_and_at_its_end),
          TAP(test_an_item_that_does_not_fit_comes_first_next_time), TAP(test_a_list_goes_on_where_the_room_ended),
          TAP(test_a_kicked_registration_is_gone), TAP(test_the_keep_alive_method_is_the_devices_own_or_the_parameters))
