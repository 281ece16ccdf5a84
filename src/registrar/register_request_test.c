#include "registrar/registrar_rig.h"

static void test_a_phone_registers_and_is_found(void) {
  set_up();
  expect_status(REGISTER(0), 200);
  struct location_answer found = rig_locate("1001");
  expect(found.known);
  expect_int(found.contact_count, ==, 1);
  expect_view(found.contacts[0].uri, "sip:1001@10.0.0.5:5062");
  expect(flow_equal(&found.contacts[0].flow, &phone_flow));
  expect(found.contacts[0].behind_nat && found.contacts[0].reachable);
  expect(!rig_locate("1002").known);
  expect_int(registrar_count(registrar), ==, 1);
  expect_int(world->counters.registrations_added, ==, 1);
  tear_down();
}

static void test_the_answer_lists_contact_expires_and_date(void) {
  set_up();
  const char *answer = REGISTER(0);
  expect_contains(answer, "\r\nContact: <sip:1001@10.0.0.5:5062>;expires=600\r\n");
  expect_contains(answer, "\r\nDate: Sun, 22 Nov 2026 13:31:12 GMT\r\n");
  expect_contains(answer, "\r\nTo: <sip:1001@belfry.example>;tag=");
  expect_lacks(answer, "Service-Route");
  tear_down();
}

static void test_without_contact_the_bindings_are_told_and_stay(void) {
  set_up();
  expect_status(REGISTER(0), 200);
  run_s(100);
  const char *answer = REGISTER(.contact = "", .call_id = "asks");
  expect_status(answer, 200);
  expect_contains(answer, "Contact: <sip:1001@10.0.0.5:5062>;expires=500\r\n");
  answer = REGISTER(.number = "1002", .password = "two", .contact = "");
  expect_status(answer, 200);
  expect_lacks(answer, "Contact");
  tear_down();
}

/* --- expiry ------------------------------------------------------------------------------------------------------ */

static void expect_granted(const char *contact, const char *extra, const char *granted) {
  static unsigned cseq = 1;
  const char *answer = REGISTER(.contact = contact, .extra = extra, .cseq = ++cseq);
  expect_status(answer, 200);
  expect_contains(answer, granted);
}

static void test_the_contacts_expires_goes_before_the_header_and_the_default(void) {
  set_up();
  expect_granted("Contact: <sip:a@10.0.0.5>;expires=120\r\n", "Expires: 300\r\n", ";expires=120\r\n");
  expect_granted("Contact: <sip:a@10.0.0.5>\r\n", "Expires: 300\r\n", ";expires=300\r\n");
  expect_granted("Contact: <sip:a@10.0.0.5>\r\n", "", ";expires=3600\r\n");
  expect_granted("Contact: <sip:a@10.0.0.5>;expires=soon\r\n", "", ";expires=3600\r\n");
  tear_down();
}

static void test_more_than_the_longest_life_is_cut_to_it(void) {
  set_up();
  world->parameters.SS_ENDPOINT_EXPIRE = 900;
  expect_granted("Contact: <sip:a@10.0.0.5>;expires=86400\r\n", "", ";expires=900\r\n");
  expect_granted("Contact: <sip:a@10.0.0.5>;expires=99999999999\r\n", "", ";expires=900\r\n");
  expect_granted("Contact: <sip:a@10.0.0.5>\r\n", "", ";expires=900\r\n");
  tear_down();
}

static void test_too_brief_a_life_is_refused_with_the_least(void) {
  set_up();
  const char *answer = REGISTER(.contact = "Contact: <sip:a@10.0.0.5>;expires=59\r\n");
  expect_status(answer, 423);
  expect_contains(answer, "\r\nMin-Expires: 60\r\n");
  expect(!rig_locate("1001").known);
  expect_status(REGISTER(.contact = "Contact: <sip:a@10.0.0.5>;expires=60\r\n", .cseq = 2), 200);
  tear_down();
}

static void test_a_registration_that_is_not_refreshed_ends_when_it_expires(void) {
  set_up();
  expect_status(REGISTER(.contact = "Contact: <sip:a@10.0.0.5>;expires=60\r\n"), 200);
  run_s(59);
  expect(rig_locate("1001").known);
  run_s(2);
  expect(!rig_locate("1001").known);
  expect_int(registrar_count(registrar), ==, 0);
  expect_int(world->counters.registrations_expired, ==, 1);
  tear_down();
}

static void test_a_refresh_keeps_the_registration_and_its_id(void) {
  set_up();
  expect_status(REGISTER(.contact = "Contact: <sip:a@10.0.0.5>;expires=60\r\n"), 200);
  struct handle before = pool_handle_of(&registrar->locations.registrations,
                                        location_table_first(&registrar->locations, &world->context, STR_VIEW("1001")));
  run_s(50);
  expect_status(REGISTER(.contact = "Contact: <sip:a@10.0.0.5>;expires=60\r\n", .cseq = 2), 200);
  run_s(50);
  struct registration *registration = location_table_first(&registrar->locations, &world->context, STR_VIEW("1001"));
  expect(registration && handle_equal(pool_handle_of(&registrar->locations.registrations, registration), before));
  expect_int(world->counters.registrations_refreshed, ==, 1);
  run_s(11);
  expect(!rig_locate("1001").known);
  tear_down();
}

/* --- removal ----------------------------------------------------------------------------------------------------- */

static void test_expires_0_removes_just_that_contact(void) {
  set_up();
  world->parameters.SS_ENDPOINT_REGISTER_REPLACE = false;
  expect_status(REGISTER(.contact = "Contact: <sip:a@10.0.0.5>, <sip:b@10.0.0.6>\r\n"), 200);
  const char *answer = REGISTER(.contact = "Contact: <sip:a@10.0.0.5>;expires=0\r\n", .cseq = 2);
  expect_status(answer, 200);
  expect_contains(answer, "<sip:b@10.0.0.6>");
  expect_lacks(answer, "<sip:a@10.0.0.5>");
  expect_int(world->counters.registrations_removed, ==, 1);
  expect_status(REGISTER(.contact = "Contact: <sip:nobody@10.0.0.5>;expires=0\r\n", .cseq = 3), 200);
  tear_down();
}

static void test_a_star_removes_all_and_only_with_expires_0_and_alone(void) {
  set_up();
  world->parameters.SS_ENDPOINT_REGISTER_REPLACE = false;
  expect_status(REGISTER(.contact = "Contact: <sip:a@10.0.0.5>, <sip:b@10.0.0.6>\r\n"), 200);
  expect_status(REGISTER(.contact = "Contact: *\r\n", .cseq = 2), 400);
  expect_status(REGISTER(.contact = "Contact: *\r\n", .extra = "Expires: 60\r\n", .cseq = 3), 400);
  expect_status(
      REGISTER(.contact = "Contact: *\r\nContact: <sip:a@10.0.0.5>\r\n", .extra = "Expires: 0\r\n", .cseq = 4), 400);
  expect_int(registrar_count(registrar), ==, 2);
  const char *answer = REGISTER(.contact = "Contact: *\r\n", .extra = "Expires: 0\r\n", .cseq = 5, .call_id = "other");
  expect_status(answer, 200);
  expect_lacks(answer, "Contact");
  expect_int(registrar_count(registrar), ==, 0);
  tear_down();
}

/* --- order ------------------------------------------------------------------------------------------------------- */

static void test_of_one_call_id_only_a_higher_cseq_counts(void) {
  set_up();
  expect_status(REGISTER(.cseq = 7), 200);
  run_s(40); /* until the transaction layer has forgotten it and no longer says 482 itself */
  expect_status(REGISTER(.cseq = 7), 500);
  expect_status(REGISTER(.cseq = 6, .contact = "Contact: <sip:1001@10.0.0.5:5062>;expires=0\r\n"), 500);
  expect_status(REGISTER(.cseq = 6, .contact = "Contact: *\r\n", .extra = "Expires: 0\r\n"), 500);
  expect(rig_locate("1001").known);
  expect_status(REGISTER(.cseq = 8), 200);
  expect_status(REGISTER(.cseq = 1, .call_id = "after-a-restart"), 200);
  tear_down();
}

/* The device moved: what it said before it moved arrives late, and must not take its place back. */
static void test_an_overtaken_request_does_not_replace_a_later_contact(void) {
  set_up();
  expect_status(REGISTER(.cseq = 8, .contact = "Contact: <sip:new@10.0.0.8>\r\n"), 200);
  expect_status(REGISTER(.cseq = 7, .contact = "Contact: <sip:old@10.0.0.7>\r\n"), 500);
  expect_view(rig_locate("1001").contacts[0].uri, "sip:new@10.0.0.8");
  tear_down();
}

static void test_one_bad_contact_leaves_all_as_it_was(void) {
  set_up();
  expect_status(REGISTER(.contact = "Contact: <sip:a@10.0.0.5>\r\n"), 200);
  expect_status(REGISTER(.contact = "Contact: <sip:b@10.0.0.6>, <sip:a@10.0.0.5>;expires=5\r\n", .cseq = 2), 423);
  expect_status(REGISTER(.contact = "Contact: <sip:b@10.0.0.6>, <mailto:a@b>\r\n", .cseq = 3), 400);
  expect_status(REGISTER(.contact = "Contact: <sip:b@10.0.0.6>, <sip:\r\n", .cseq = 4), 400);
  struct location_answer found = rig_locate("1001");
  expect_int(found.contact_count, ==, 1);
  expect_view(found.contacts[0].uri, "sip:a@10.0.0.5");
  expect_int(registrar->locations.registrations.used, ==, 1);
  tear_down();
}

/* --- several devices --------------------------------------------------------------------------------------------- */

static void test_with_replacement_the_last_device_is_the_only_one(void) {
  set_up();
  expect_status(REGISTER(.contact = "Contact: <sip:a@10.0.0.5>\r\n"), 200);
  const char *answer = REGISTER(.contact = "Contact: <sip:b@10.0.0.6>\r\n", .call_id = "other", .flow = &other_flow);
  expect_contains(answer, "<sip:b@10.0.0.6>");
  expect_lacks(answer, "<sip:a@10.0.0.5>");
  expect_int(rig_locate("1001").contact_count, ==, 1);
  expect_int(rig_device_count(), ==, 1);
  /* Taking one's own contact away replaces nothing. */
  expect_status(REGISTER(.contact = "Contact: <sip:a@10.0.0.5>;expires=0\r\n", .cseq = 2), 200);
  expect(rig_locate("1001").known);
  tear_down();
}

static void test_without_replacement_devices_stand_side_by_side_by_q_and_age(void) {
  set_up();
  world->parameters.SS_ENDPOINT_REGISTER_REPLACE = false;
  expect_status(REGISTER(.contact = "Contact: <sip:a@10.0.0.5>;q=0.5\r\n", .call_id = "a"), 200);
  run_s(1);
  expect_status(REGISTER(.contact = "Contact: <sip:b@10.0.0.6>;q=0.25\r\n", .call_id = "b"), 200);
  run_s(1);
  expect_status(REGISTER(.contact = "Contact: <sip:c@10.0.0.7>;q=0.5\r\n", .call_id = "c"), 200);
  run_s(1);
  const char *answer = REGISTER(.contact = "Contact: <sip:d@10.0.0.8>\r\n", .call_id = "d");
  expect_contains(answer, "<sip:b@10.0.0.6>;expires=3598;q=0.250\r\n");
  struct location_answer found = rig_locate("1001");
  expect_int(found.contact_count, ==, 4);
  expect_view(found.contacts[0].uri, "sip:d@10.0.0.8");
  expect_view(found.contacts[1].uri, "sip:c@10.0.0.7");
  expect_view(found.contacts[2].uri, "sip:a@10.0.0.5");
  expect_view(found.contacts[3].uri, "sip:b@10.0.0.6");
  expect_int(found.contacts[3].q_thousandths, ==, 250);
  tear_down();
}

static void test_a_ninth_device_is_refused(void) {
  set_up();
  world->parameters.SS_ENDPOINT_REGISTER_REPLACE = false;
  char contact[64], call_id[16];
  for (unsigned i = 0; i < EVENT_LOCATION_CONTACTS_MAX; i++) {
    snprintf(contact, sizeof contact, "Contact: <sip:%u@10.0.0.5>\r\n", i);
    snprintf(call_id, sizeof call_id, "device-%u", i);
    run_s(1);
    expect_status(REGISTER(.contact = contact, .call_id = call_id), 200);
  }
  run_s(1);
  expect_status(REGISTER(.contact = "Contact: <sip:9@10.0.0.5>\r\n", .call_id = "ninth"), 403);
  run_s(1);
  expect_status(REGISTER(.contact = "Contact: <sip:3@10.0.0.5>;expires=0, <sip:9@10.0.0.5>\r\n", .call_id = "swap"),
                200);
  expect_int(rig_locate("1001").contact_count, ==, EVENT_LOCATION_CONTACTS_MAX);
  world->parameters.SS_ENDPOINT_REGISTER_REPLACE = true;
  expect_status(REGISTER(.contact = "Contact: <sip:9@10.0.0.5>\r\n", .call_id = "swap", .cseq = 2), 200);
  expect_int(registrar_count(registrar), ==, 1);
  tear_down();
}

static void test_contacts_are_compared_as_uris_not_as_texts(void) {
  set_up();
  world->parameters.SS_ENDPOINT_REGISTER_REPLACE = false;
  expect_status(REGISTER(.contact = "Contact: <sip:%61lice@Host.example;transport=udp>\r\n"), 200);
  const char *answer = REGISTER(.contact = "Contact: <sip:alice@host.EXAMPLE;transport=UDP>\r\n", .cseq = 2);
  expect_contains(answer, "<sip:alice@host.EXAMPLE;transport=UDP>");
  expect_int(registrar_count(registrar), ==, 1);
  expect_int(world->counters.registrations_refreshed, ==, 1);
  expect_status(REGISTER(.contact = "Contact: <sip:Alice@host.example>, <sip:Alice@host.example>\r\n", .cseq = 3), 200);
  expect_int(registrar_count(registrar), ==, 2);
  tear_down();
}

/* --- ways -------------------------------------------------------------------------------------------------------- */

static bool is_behind_nat(const char *contact, const struct flow *flow) {
  static unsigned cseq = 100;
  expect_status(REGISTER(.contact = contact, .flow = flow, .cseq = ++cseq), 200);
  return rig_locate("1001").contacts[0].behind_nat;
}

static void test_a_device_whose_source_is_not_its_contact_is_behind_nat(void) {
  set_up();
  struct flow stream = rig_flow(TRANSPORT_TCP, "198.51.100.7:41234", 5);
  struct flow default_port = rig_flow(TRANSPORT_UDP, "198.51.100.7:5060", 0);
  struct flow six = rig_flow(TRANSPORT_UDP, "[2001:db8::7]:5062", 0);
  expect(is_behind_nat("Contact: <sip:1001@10.0.0.5:5062>\r\n", NULL));
  expect(is_behind_nat("Contact: <sip:1001@198.51.100.7:5063>\r\n", NULL));
  expect(is_behind_nat("Contact: <sip:1001@phone.example:5062>\r\n", NULL));
  expect(!is_behind_nat("Contact: <sip:1001@198.51.100.7:5062>\r\n", NULL));
  expect(!is_behind_nat("Contact: <sip:1001@198.51.100.7>\r\n", &default_port));
  expect(!is_behind_nat("Contact: <sip:1001@[2001:db8::7]:5062>\r\n", &six));
  expect(!is_behind_nat("Contact: <sip:1001@198.51.100.7;transport=tcp>\r\n", &stream));
  expect(is_behind_nat("Contact: <sip:1001@10.0.0.5;transport=tcp>\r\n", &stream));
  tear_down();
}

static void test_a_refresh_from_a_new_address_moves_the_flow(void) {
  set_up();
  expect_status(REGISTER(0), 200);
  keepalive_find(keepalive, &world->context, &phone_flow)->has_climbed = true;
  expect_status(REGISTER(.cseq = 2, .flow = &other_flow), 200);
  expect(keepalive_find(keepalive, &world->context, &other_flow)->has_climbed); /* what it can do is known */
  expect(flow_equal(&rig_locate("1001").contacts[0].flow, &other_flow));
  expect_int(rig_device_count(), ==, 1);
  expect_int(world->counters.registrations_refreshed, ==, 1);
  expect_int(world->counters.registrations_moved, ==, 1);
  tear_down();
}

/* A thousand phones whose addresses change together are one line; a new connection is none. */
static void test_that_a_phone_has_moved_is_recorded_once_a_second(void) {
  struct flow stream = rig_flow(TRANSPORT_TCP, "203.0.113.9:40000", 7);
  set_up();
  expect_status(REGISTER(0), 200);
  expect_status(REGISTER(.cseq = 2), 200);
  expect_int(world->alarms, ==, 0);
  expect_status(REGISTER(.cseq = 3, .flow = &other_flow), 200);
  expect_int(world->alarms, ==, 1);
  expect_contains(world->alarm, "the device of 1001 at 198.51.100.7:5062 has registered from 203.0.113.9:40000, and is "
                                "reached there from now on");
  expect_status(REGISTER(.cseq = 4), 200);
  expect_status(REGISTER(.cseq = 5, .flow = &other_flow), 200);
  expect_int(world->alarms, ==, 1);
  run_s(1);
  expect_status(REGISTER(.cseq = 6), 200);
  expect_int(world->alarms, ==, 2);
  expect_contains(world->alarm, "so it is with 2 more since the last such line");
  run_s(1);
  expect_status(REGISTER(.cseq = 7, .flow = &stream), 200);
  expect_int(world->alarms, ==, 2);
  expect_int(world->counters.registrations_moved, ==, 5);
  tear_down();
}

static void test_a_path_is_kept_and_told_back(void) {
  set_up();
  const char *answer = REGISTER(.extra = "Path: <sip:edge1.example;lr>\r\nPath: <sip:edge2.example;lr>;x=1\r\n");
  expect_status(answer, 200);
  expect_contains(answer, "\r\nPath: <sip:edge1.example;lr>, <sip:edge2.example;lr>;x=1\r\n");
  struct location_answer found = rig_locate("1001");
  expect_view(found.contacts[0].path, "<sip:edge1.example;lr>, <sip:edge2.example;lr>;x=1");
  expect(!found.contacts[0].behind_nat);
  expect_status(REGISTER(.extra = "Path: <sip:edge1.example\r\n", .cseq = 2), 400);
  tear_down();
}

static bool gets_text(const char *user_agent) {
  static unsigned cseq;
  char line[128];
  snprintf(line, sizeof line, "User-Agent: %s\r\n", user_agent);
  expect_status(REGISTER(.extra = line, .cseq = ++cseq), 200);
  const struct keepalive_device *device = keepalive_find(keepalive, &world->context, &phone_flow);
  return device && !device->text_spoils;
}

/* keep_alive_quirks.def */
static void test_a_device_that_the_text_would_spoil_is_known_by_its_name(void) {
  set_up();
  expect(!gets_text("Linphonec/5.1.65 (phone) (belle-sip/5.2.0)"));
  expect(gets_text("baresip v1.0.0"));
  expect(!gets_text("LinphoneAndroid/5.2.5 LinphoneSDK/5.3"));
  expect(gets_text(""));
  tear_down();
}

static void test_an_unknown_extension_is_refused_by_name(void) {
  set_up();
  const char *answer = REGISTER(.extra = "Require: path, gruu, whatever\r\n");
  expect_status(answer, 420);
  expect_contains(answer, "\r\nUnsupported: gruu\r\nUnsupported: whatever\r\n");
  expect_status(REGISTER(.extra = "Require: path, outbound\r\n"), 200);
  tear_down();
}

static void test_a_life_sign_brings_back_a_device_whose_connection_was_lost(void) {
  set_up();
  struct flow stream = rig_flow(TRANSPORT_TCP, "198.51.100.7:41234", 5);
  expect_status(REGISTER(.flow = &stream), 200);
  keepalive_flow_failed(keepalive, &world->context, &stream);
  expect(rig_locate("1001").known && !rig_locate("1001").contacts[0].reachable);
  expect(!keepalive_heard(keepalive, &world->context, &other_flow, KEEPALIVE_SIGN_PING));
  expect(!rig_locate("1001").contacts[0].reachable);
  expect(keepalive_heard(keepalive, &world->context, &stream, KEEPALIVE_SIGN_PING));
  expect(rig_locate("1001").contacts[0].reachable);
  keepalive_flow_failed(keepalive, &world->context, &stream);
  expect_status(REGISTER(.flow = &stream, .cseq = 2), 200);
  expect(rig_locate("1001").contacts[0].reachable);
  tear_down();
}

/* --- limits ------------------------------------------------------------------------------------------------------ */

static void test_a_full_registrar_says_503_and_keeps_what_it_has(void) {
  set_up_with((struct registrar_limits){.registrations_max = 2, .suspensions_max = 4, .nonces_max = 8});
  world->parameters.SS_ENDPOINT_REGISTER_REPLACE = false;
  expect_status(REGISTER(.contact = "Contact: <sip:a@10.0.0.5>\r\n"), 200);
  const char *answer = REGISTER(.contact = "Contact: <sip:b@10.0.0.5>, <sip:c@10.0.0.5>\r\n", .cseq = 2);
  expect_status(answer, 503);
  expect_contains(answer, "\r\nRetry-After: 60\r\n");
  expect_int(registrar_count(registrar), ==, 1);
  expect_status(REGISTER(.contact = "Contact: <sip:b@10.0.0.5>\r\n", .cseq = 3), 200);
  expect_status(REGISTER(.contact = "Contact: <sip:b@10.0.0.5>\r\n", .cseq = 4, .flow = &other_flow), 200);
  tear_down();
}

static void test_long_texts_are_kept_whole_and_given_back(void) {
  set_up();
  char contact[700], extra[300];
  snprintf(contact, sizeof contact, "Contact: <sip:1001@10.0.0.5;x=%0500d>\r\n", 7);
  snprintf(extra, sizeof extra, "User-Agent: %0200d\r\n", 8);
  expect_status(REGISTER(.contact = contact, .extra = extra), 200);
  expect_int(rig_locate("1001").contacts[0].uri.length, ==, strlen(contact) - strlen("Contact: <>\r\n"));
  uint64_t bytes_used = world->blocks.bytes_used;
  expect_status(REGISTER(.contact = contact, .extra = extra, .cseq = 2), 200);
  expect_status(REGISTER(.contact = "Contact: *\r\n", .extra = "Expires: 0\r\n", .cseq = 3), 200);
  run_s(40);
  expect(bytes_used > 0);
  expect_int(world->blocks.bytes_used, ==, 0);
  tear_down();
}

/* With texts of 128 bytes, which is a long number, Contact and User-Agent. */
static void test_a_contact_costs_88_bytes_and_352_with_texts_device_and_all_tables(void) {
  struct registrar_limits limits = {.registrations_max = 1 << 20, .suspensions_max = 1, .nonces_max = 1};
  uint32_t one_block[BLOCK_STORE_CLASSES] = {[BLOCK_128] = 1 << 20};
  size_t bytes =
      registrar_memory_bytes(&limits) + keepalive_memory_bytes(1 << 20) + block_store_memory_bytes(one_block);
  expect_int(sizeof(struct registration), ==, 88);
  expect_int(bytes >> 20, <=, 352);
}

TAP_TESTS(TAP(test_a_phone_registers_and_is_found), TAP(test_the_answer_lists_contact_expires_and_date),
          TAP(test_without_contact_the_bindings_are_told_and_stay),
          TAP(test_the_contacts_expires_goes_before_the_header_and_the_default),
          TAP(test_more_than_the_longest_life_is_cut_to_it), TAP(test_too_brief_a_life_is_refused_with_the_least),
          TAP(test_a_registration_that_is_not_refreshed_ends_when_it_expires),
          TAP(test_a_refresh_keeps_the_registration_and_its_id), TAP(test_expires_0_removes_just_that_contact),
          TAP(test_a_star_removes_all_and_only_with_expires_0_and_alone),
          TAP(test_of_one_call_id_only_a_higher_cseq_counts),
          TAP(test_an_overtaken_request_does_not_replace_a_later_contact),
          TAP(test_one_bad_contact_leaves_all_as_it_was), TAP(test_with_replacement_the_last_device_is_the_only_one),
          TAP(test_without_replacement_devices_stand_side_by_side_by_q_and_age), TAP(test_a_ninth_device_is_refused),
          TAP(test_contacts_are_compared_as_uris_not_as_texts),
          TAP(test_a_device_whose_source_is_not_its_contact_is_behind_nat),
          TAP(test_a_refresh_from_a_new_address_moves_the_flow),
          TAP(test_that_a_phone_has_moved_is_recorded_once_a_second), TAP(test_a_path_is_kept_and_told_back),
          TAP(test_a_device_that_the_text_would_spoil_is_known_by_its_name),
          TAP(test_an_unknown_extension_is_refused_by_name),
          TAP(test_a_life_sign_brings_back_a_device_whose_connection_was_lost),
          TAP(test_a_full_registrar_says_503_and_keeps_what_it_has), TAP(test_long_texts_are_kept_whole_and_given_back),
          TAP(test_a_contact_costs_88_bytes_and_352_with_texts_device_and_all_tables))
