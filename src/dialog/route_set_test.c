#include "dialog/route_set.h"

#include "dialog/dialog_fixture.h"

static struct str_view read_set(struct world *world, bool reverse, const char *lines, enum result expected) {
  struct str_view route_set;
  const struct sip_message *message = invite_of_alice(world, lines);
  expect_int(route_set_from_message(message, reverse, &world->arena, &route_set), ==, expected);
  return route_set;
}

static void test_uas_keeps_the_order_of_record_route(void) {
  struct world *world = world_create(4);
  const char *lines = "Record-Route: <sip:p2.domain.com;lr>\nRecord-Route: <sip:p1.example.com;lr>\n";
  expect_view(read_set(world, false, lines, RESULT_OK), "<sip:p2.domain.com;lr>,<sip:p1.example.com;lr>");
  world_end(world);
}

static void test_uac_reverses_record_route_across_fields_and_commas(void) {
  struct world *world = world_create(4);
  const char *lines = "Record-Route: <sip:p3;lr>, <sip:p2;lr>\nrecord-route: <sip:p1;lr>\n";
  expect_view(read_set(world, true, lines, RESULT_OK), "<sip:p1;lr>,<sip:p2;lr>,<sip:p3;lr>");
  world_end(world);
}

static void test_parameters_of_record_route_are_kept_known_or_not(void) {
  struct world *world = world_create(4);
  const char *lines = "Record-Route: \"P, one\" <sip:u@p1.example.com:5070;lr=on;ftag=1>;unknown=1\n";
  expect_view(read_set(world, false, lines, RESULT_OK),
              "\"P, one\" <sip:u@p1.example.com:5070;lr=on;ftag=1>;unknown=1");
  world_end(world);
}

static void test_without_record_route_the_set_is_empty(void) {
  struct world *world = world_create(4);
  expect_int(read_set(world, false, "", RESULT_OK).length, ==, 0);
  world_end(world);
}

static void test_a_folded_record_route_is_unfolded(void) {
  struct world *world = world_create(4);
  struct str_view set = read_set(world, false, "Record-Route: <sip:p1;lr>\n ;x=1,\n <sip:p2;lr>\n", RESULT_OK);
  expect(memchr(set.data, '\n', set.length) == NULL);
  struct str_view rest;
  route_set_first(set, &rest);
  expect_view(rest, "<sip:p2;lr>");
  world_end(world);
}

static void test_unreadable_or_foreign_routes_are_malformed(void) {
  struct world *world = world_create(4);
  read_set(world, false, "Record-Route: <tel:+1234>\n", RESULT_MALFORMED);
  read_set(world, false, "Record-Route: <sip:>\n", RESULT_MALFORMED);
  world_end(world);
}

static void test_more_routes_than_the_limit_are_malformed(void) {
  struct world *world = world_create(4);
  char lines[4096] = "Record-Route: <sip:p;lr>";
  for (unsigned i = 1; i < ROUTE_SET_VALUES_MAX; i++)
    strcat(lines, ",<sip:p;lr>");
  size_t length = strlen(lines);
  strcat(lines, "\n");
  read_set(world, false, lines, RESULT_OK);
  strcpy(lines + length, ",<sip:p;lr>\n");
  read_set(world, false, lines, RESULT_MALFORMED);
  world_end(world);
}

static void test_first_route_ends_at_a_comma_outside_quotes_and_brackets(void) {
  struct str_view rest;
  expect_view(route_set_first(world_view("\"a,\\\"b\" <sip:a,b@p1;lr>;x , <sip:p2>"), &rest),
              "\"a,\\\"b\" <sip:a,b@p1;lr>;x");
  expect_view(rest, "<sip:p2>");
  expect_view(route_set_first(world_view("<sip:p1>"), &rest), "<sip:p1>");
  expect_int(rest.length, ==, 0);
  expect_view(route_set_first(world_view("\"open\\"), NULL), "\"open\\");
}

static struct route_plan plan(struct world *world, const char *route_set, const char *target, enum result expected) {
  struct route_plan plan;
  expect_int(route_set_plan(world_view(route_set), world_view(target), &world->arena, &plan), ==, expected);
  return plan;
}

static void test_without_routes_the_target_is_request_uri_and_next_hop(void) {
  struct world *world = world_create(4);
  struct route_plan way = plan(world, "", "sip:user@remoteua", RESULT_OK);
  expect_view(way.request_uri, "sip:user@remoteua");
  expect_view(way.next_hop, "sip:user@remoteua");
  expect_int(way.routes.length, ==, 0);
  world_end(world);
}

static void test_a_loose_router_leaves_the_target_in_the_request_uri(void) {
  struct world *world = world_create(4);
  struct route_plan way = plan(world, "<sip:p1;lr>,<sip:p2>", "sip:user@remoteua", RESULT_OK);
  expect_view(way.request_uri, "sip:user@remoteua");
  expect_view(way.routes, "<sip:p1;lr>,<sip:p2>");
  expect_view(way.next_hop, "sip:p1;lr");
  expect(!way.strict);
  world_end(world);
}

static void test_lr_with_a_value_is_loose_too(void) {
  struct world *world = world_create(4);
  expect(!plan(world, "<sip:p1;lr=on>", "sip:user@remoteua", RESULT_OK).strict);
  expect(!plan(world, "<sip:p1;LR>", "sip:user@remoteua", RESULT_OK).strict);
  expect(plan(world, "<sip:p1>;lr", "sip:user@remoteua", RESULT_OK).strict);
  world_end(world);
}

/* RFC 3261 §12.2.1.1, its example. */
static void test_a_strict_router_takes_the_request_uri_and_the_target_goes_last(void) {
  struct world *world = world_create(4);
  struct route_plan way =
      plan(world, "<sip:proxy1>,<sip:proxy2>,<sip:proxy3;lr>,<sip:proxy4>", "sip:user@remoteua", RESULT_OK);
  expect(way.strict);
  expect_view(way.request_uri, "sip:proxy1");
  expect_view(way.routes, "<sip:proxy2>,<sip:proxy3;lr>,<sip:proxy4>,<sip:user@remoteua>");
  expect_view(way.next_hop, "sip:proxy1");
  world_end(world);
}

static void test_a_lone_strict_router_leaves_only_the_target_as_route(void) {
  struct world *world = world_create(4);
  struct route_plan way = plan(world, "<sip:proxy1;maddr=192.0.2.3>", "sip:user@remoteua", RESULT_OK);
  expect_view(way.request_uri, "sip:proxy1;maddr=192.0.2.3");
  expect_view(way.routes, "<sip:user@remoteua>");
  world_end(world);
}

static void test_a_strict_router_loses_what_a_request_uri_may_not_have(void) {
  struct world *world = world_create(4);
  struct route_plan way = plan(world, "<sip:proxy1;method=INVITE;x=1?Route=%3Csip:evil%3E>", "sip:u@r", RESULT_OK);
  expect_view(way.request_uri, "sip:proxy1;x=1");
  world_end(world);
}

static void test_an_unreadable_first_route_is_malformed(void) {
  struct world *world = world_create(4);
  plan(world, "<nonsense", "sip:u@r", RESULT_MALFORMED);
  plan(world, "<tel:123>", "sip:u@r", RESULT_MALFORMED);
  world_end(world);
}

static struct str_view stripped(struct world *world, const char *text) {
  struct sip_uri uri;
  expect_int(sip_uri_parse(world_view(text), &uri), ==, RESULT_OK);
  return route_set_request_uri(&uri, &world->arena);
}

static void test_a_request_uri_is_stripped_of_headers_and_method_only(void) {
  struct world *world = world_create(4);
  const char *same = "sip:a:pw@[2001:db8::1]:5070;transport=tcp;user=phone;lr;x";
  expect_view(stripped(world, same), same);
  expect_view(stripped(world, "sip:a@b?Subject=x"), "sip:a@b");
  expect_view(stripped(world, "sip:a@b:1;method=BYE;lr?x=y"), "sip:a@b:1;lr");
  expect_view(stripped(world, "sip:a@[2001:db8::1]?x=y"), "sip:a@[2001:db8::1]");
  expect_view(stripped(world, "sip:a@[2001:db8::1]:5070;method=BYE"), "sip:a@[2001:db8::1]:5070");
  expect_int(stripped(world, "tel:+123").length, ==, 0);
  world_end(world);
}

TAP_TESTS(TAP(test_uas_keeps_the_order_of_record_route), TAP(test_uac_reverses_record_route_across_fields_and_commas),
          TAP(test_parameters_of_record_route_are_kept_known_or_not), TAP(test_without_record_route_the_set_is_empty),
          TAP(test_a_folded_record_route_is_unfolded), TAP(test_unreadable_or_foreign_routes_are_malformed),
          TAP(test_more_routes_than_the_limit_are_malformed),
          TAP(test_first_route_ends_at_a_comma_outside_quotes_and_brackets),
          TAP(test_without_routes_the_target_is_request_uri_and_next_hop),
          TAP(test_a_loose_router_leaves_the_target_in_the_request_uri), TAP(test_lr_with_a_value_is_loose_too),
          TAP(test_a_strict_router_takes_the_request_uri_and_the_target_goes_last),
          TAP(test_a_lone_strict_router_leaves_only_the_target_as_route),
          TAP(test_a_strict_router_loses_what_a_request_uri_may_not_have),
          TAP(test_an_unreadable_first_route_is_malformed),
          TAP(test_a_request_uri_is_stripped_of_headers_and_method_only))
