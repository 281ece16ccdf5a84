#include "registrar/registrar_rig.h"

static char found_memory[4096];

/* How many lines a question brings; they stay in found_memory. */
static unsigned found(const struct registration_query *query) {
  struct text_builder lines = text_builder_over(found_memory, sizeof found_memory - 1);
  uint32_t cursor = 0;
  unsigned count = 0;
  registrar_find(registrar, &world->context, query, &lines, &cursor);
  expect_int(cursor, ==, UINT32_MAX);
  for (size_t i = 0; i < lines.length; i++)
    count += lines.data[i] == '\n';
  found_memory[lines.length] = '\0';
  return count;
}

#define FOUND(...) found(&(struct registration_query){__VA_ARGS__})

static void register_two(void) {
  world->parameters.BF_NAT_KEEP_ALIVE_METHOD = KEEP_ALIVE_OFF;
  expect_status(REGISTER(.extra = "User-Agent: Yealink T46\r\n"), 200);
  expect_status(REGISTER(.number = "1002", .password = "two", .call_id = "reg-2", .flow = &other_flow,
                         .contact = "Contact: <sip:1002@10.9.9.9:5060>;expires=300\r\n"),
                200);
}

static void test_registrations_are_found_by_number_contact_source_device_and_state(void) {
  set_up();
  register_two();
  expect_int(FOUND(0), ==, 2);
  expect_int(FOUND(.words = STR_VIEW("1002")), ==, 1);
  expect_int(FOUND(.words = STR_VIEW("10.9.9")), ==, 1);
  expect_int(FOUND(.words = STR_VIEW("203.0.113.9:40000")), ==, 1);
  expect_int(FOUND(.words = STR_VIEW("yealink")), ==, 1);
  expect_int(FOUND(.words = STR_VIEW("100")), ==, 2);
  expect_int(FOUND(.words = STR_VIEW("nobody")), ==, 0);
  expect_int(FOUND(.state = STR_VIEW("reachable")), ==, 2);
  expect_int(FOUND(.state = STR_VIEW("unreachable")), ==, 0);
  tear_down();
}

/* The ids of the two, in the order of their lines. */
static void expect_order(enum registration_sort sort, const char *first, const char *second) {
  char one[128], two[128];
  expect_int(found(&(struct registration_query){.sort = sort}), ==, 2);
  expect(sscanf(found_memory, "%127[^\n]\n%127[^\n]", one, two) == 2);
  expect_int(strcspn(one, " "), ==, strcspn(two, " "));
  bool is_in_order = strcmp(one, two) < 0;
  expect_contains(is_in_order ? one : two, first);
  expect_contains(is_in_order ? two : one, second);
}

static void test_the_lines_sort_as_the_word_says(void) {
  set_up();
  register_two();
  expect_order(REGISTRATION_SORT_number, " 3-0-1", " 3-1-1");
  expect_order(REGISTRATION_SORT_source, " 3-0-1", " 3-1-1");
  expect_order(REGISTRATION_SORT_agent, " 3-1-1", " 3-0-1");
  expect_order(REGISTRATION_SORT_expires, " 3-1-1", " 3-0-1");
  tear_down();
}

static void test_one_is_shown_by_its_id(void) {
  set_up();
  register_two();
  struct text_builder text = text_builder_over(found_memory, sizeof found_memory - 1);
  expect_int(registrar_show(registrar, &world->context, STR_VIEW("3-1-1"), &text), ==, RESULT_OK);
  found_memory[text.length] = '\0';
  expect_contains(found_memory, "{\"id\":\"3-1-1\",\"number\":\"1002\"");
  expect_int(registrar_show(registrar, &world->context, STR_VIEW("3-1-3"), &text), ==, RESULT_NOT_FOUND);
  text = text_builder_over(found_memory, 40);
  expect_int(registrar_show(registrar, &world->context, STR_VIEW("3-1-1"), &text), ==, RESULT_FULL);
  tear_down();
}

static void test_a_search_goes_on_where_the_room_ended(void) {
  set_up();
  register_two();
  struct registration_query query = {0};
  struct text_builder lines = text_builder_over(found_memory, 100);
  uint32_t cursor = 0;
  registrar_find(registrar, &world->context, &query, &lines, &cursor);
  expect(cursor != UINT32_MAX && lines.length > 0 && !lines.overflowed);
  lines = text_builder_over(found_memory, sizeof found_memory);
  registrar_find(registrar, &world->context, &query, &lines, &cursor);
  expect(cursor == UINT32_MAX && lines.length > 0);
  tear_down();
}

TAP_TESTS(TAP(test_registrations_are_found_by_number_contact_source_device_and_state),
          TAP(test_the_lines_sort_as_the_word_says), TAP(test_one_is_shown_by_its_id),
          TAP(test_a_search_goes_on_where_the_room_ended))
