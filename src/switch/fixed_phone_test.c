/* Phones that have an address by configuration and never register: called there, known by it, kept alive at it. */
#include "switch/switch_bench.h"

static struct bench *bench;
static struct peer *customer, *phone;
static struct address phone_address;

static void set_up(void) {
  bench = bench_create();
  customer = peer_at(bench, CUSTOMER);
  phone = peer_at(bench, PHONE_A);
  phone_address = bench_address(PHONE_A);
  struct device *device = bench_add_phone(bench, "1003");
  memset(device->ha1_md5, 0, sizeof device->ha1_md5);
  memset(device->ha1_sha256, 0, sizeof device->ha1_sha256);
  device->address = &phone_address;
  device->overrides.keep_alive = KEEP_ALIVE_OPTIONS;
  bench_apply(bench);
  bench_order(bench, ORDER_DIRECTORY_CHANGED, "");
}

static void take_addresses_away(void) {
  for (size_t i = 0; i < bench->device_count; i++)
    bench->devices[i].address = NULL;
  bench_apply(bench);
  bench_order(bench, ORDER_DIRECTORY_CHANGED, "");
}

/* Kept alive it is as long as it is configured. */
static void tear_down(void) {
  take_addresses_away();
  bench_end(bench);
}

static void test_it_is_called_at_its_address(void) {
  set_up();
  peer_invite(customer, "1003", OFFER);
  const char *invite = peer_expect(phone, "INVITE");
  expect(strncmp(invite, "INVITE sip:1003@" PHONE_A " ", strlen("INVITE sip:1003@" PHONE_A " ")) == 0);
  peer_respond(phone, 200, ANSWER);
  peer_expect(customer, "200");
  peer_ack(customer, NULL);
  peer_expect(phone, "ACK");
  bench_hang_up(phone, customer);
  expect_record(bench, "normal");
  expect_view(bench->records[0].callee_device, "1003");
  tear_down();
}

static void test_it_calls_from_there_without_a_password(void) {
  set_up();
  peer_invite(phone, "4420", OFFER);
  struct peer *vendor = peer_at(bench, VENDOR_A);
  const char *invite = peer_expect(vendor, "INVITE");
  expect(strstr(header_of(invite, "From"), "<sip:1003@192.0.2.1>") != NULL);
  peer_respond(vendor, 486, NULL);
  peer_expect(phone, "486");
  tear_down();
}

static void test_from_elsewhere_it_is_a_stranger_with_a_known_name(void) {
  set_up();
  struct peer *elsewhere = peer_at(bench, PHONE_B);
  peer_be_phone(elsewhere, "1003");
  peer_invite(elsewhere, "4420", OFFER);
  peer_expect(elsewhere, "401");
  tear_down();
}

static unsigned count_options(int64_t milliseconds) {
  unsigned count = 0;
  bench->sent_count = 0;
  bench_advance(bench, milliseconds);
  for (unsigned i = 0; i < bench->sent_count; i++)
    count +=
        address_equal(&bench->sent[i].flow.remote, &phone_address) && strncmp(bench->sent[i].text, "OPTIONS", 7) == 0;
  return count;
}

static void test_it_is_kept_alive_and_not_called_when_it_does_not_answer(void) {
  set_up();
  expect_int(count_options(150000), >=, 4);
  bench->sent_count = 0;
  peer_invite(customer, "1003", OFFER);
  peer_expect(customer, "480");
  expect_record(bench, "not_registered");
  expect_view(bench->records[0].end_cause, "unreachable");
  tear_down();
}

static void test_without_its_address_it_is_an_unregistered_phone(void) {
  set_up();
  take_addresses_away();
  expect_int(count_options(150000), ==, 0);
  bench->sent_count = 0;
  peer_invite(customer, "1003", OFFER);
  peer_expect(customer, "480");
  tear_down();
}

static void test_where_it_has_registered_goes_before_its_address(void) {
  set_up();
  struct device *device = bench_device(bench, "1002");
  device->address = &phone_address;
  bench_device(bench, "1003")->address = NULL;
  bench_apply(bench);
  struct peer *elsewhere = peer_at(bench, PHONE_B);
  peer_register(elsewhere, "1002");
  peer_invite(customer, "1002", OFFER);
  peer_expect(elsewhere, "INVITE");
  peer_expect_nothing(phone);
  tear_down();
}

/* --- what operators see ------------------------------------------------------------------------------------------ */

static const char *ask(enum order_kind order, const char *target) {
  bench_order(bench, order, target);
  expect_int(bench->order_result, ==, RESULT_OK);
  return bench->order_answer;
}

/* Its id, as it is listed. */
static const char *listed_id(void) {
  static char id[64];
  const char *list = ask(ORDER_LIST_REGISTRATIONS, "");
  expect(sscanf(list, "end\n{\"id\":\"%63[^\"]\"", id) == 1);
  return id;
}

static void test_it_is_listed_among_the_phones_that_are_there_as_static(void) {
  set_up();
  const char *list = ask(ORDER_LIST_REGISTRATIONS, "");
  expect(strncmp(list, "end\n{\"id\":\"", 11) == 0);
  expect(strstr(list, "\"number\":\"1003\",\"contact\":\"sip:1003@" PHONE_A) != NULL);
  expect(strstr(list, "\"source\":\"" PHONE_A) != NULL);
  expect(strstr(list, "\"static\":true,\"registered_at\":null,\"refreshed_at\":null,\"last_heard_at\":null,"
                      "\"expires_in_s\":null,\"keep_alive\":{\"method\":\"options\"") != NULL);
  expect(strstr(list, "\"reachable\":true") != NULL);
  count_options(150000);
  list = ask(ORDER_LIST_REGISTRATIONS, "");
  expect(strstr(list, "\"reachable\":false") != NULL && strstr(list, "\"last_heard_at\":null") != NULL);
  peer_invite(phone, "4420", OFFER);
  list = ask(ORDER_LIST_REGISTRATIONS, "");
  expect(strstr(list, "\"reachable\":true") != NULL && strstr(list, "\"last_heard_at\":\"20") != NULL);
  struct peer *vendor = peer_at(bench, VENDOR_A);
  peer_expect(vendor, "INVITE");
  peer_skip(phone);
  peer_respond(vendor, 486, NULL);
  peer_expect(phone, "486");
  tear_down();
}

static void test_it_is_found_sorted_and_shown_by_its_id(void) {
  char line[80];
  set_up();
  snprintf(line, sizeof line, " %s\n", listed_id());
  static const char *const fitting[] = {"0\nnumber\nstatic\n", "0\nexpires\nreachable\n", "0\nsource\n\n100",
                                        "0\nagent\n\n", "0\nrtt\n\nsip:1003"};
  static const char *const others[] = {"0\nnumber\nunreachable\n", "0\nnumber\nstatic\nnobody"};
  for (size_t i = 0; i < sizeof fitting / sizeof fitting[0]; i++)
    expect(strstr(ask(ORDER_FIND_REGISTRATIONS, fitting[i]), line) != NULL);
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    expect(strcmp(ask(ORDER_FIND_REGISTRATIONS, others[i]), "end\n") == 0);
  expect(strstr(ask(ORDER_SHOW_REGISTRATIONS, listed_id()), "\"number\":\"1003\"") != NULL);
  expect(strcmp(ask(ORDER_SHOW_REGISTRATIONS, "0-s0-1"), "") == 0);
  expect(strcmp(ask(ORDER_SHOW_REGISTRATIONS, "0-s7-1,0-s-1,0-s0"), "") == 0);
  tear_down();
}

static void test_what_has_not_registered_cannot_be_removed(void) {
  set_up();
  bench_order(bench, ORDER_KICK_REGISTRATION, listed_id());
  expect_int(bench->order_result, ==, RESULT_WRONG_STATE);
  expect(strstr(bench->order_answer, "has not registered") != NULL);
  tear_down();
}

static void test_once_registered_it_is_listed_as_that_alone(void) {
  set_up();
  bench_device(bench, "1002")->address = &phone_address;
  bench_device(bench, "1003")->address = NULL;
  bench_apply(bench);
  peer_register(peer_at(bench, PHONE_B), "1002");
  const char *list = ask(ORDER_LIST_REGISTRATIONS, "");
  expect(strstr(list, "\"static\":false") != NULL && !strstr(list, "\"static\":true"));
  tear_down();
}

TAP_TESTS(TAP(test_it_is_listed_among_the_phones_that_are_there_as_static),
          TAP(test_it_is_found_sorted_and_shown_by_its_id), TAP(test_what_has_not_registered_cannot_be_removed),
          TAP(test_once_registered_it_is_listed_as_that_alone), TAP(test_it_is_called_at_its_address),
          TAP(test_it_calls_from_there_without_a_password), TAP(test_from_elsewhere_it_is_a_stranger_with_a_known_name),
          TAP(test_it_is_kept_alive_and_not_called_when_it_does_not_answer),
          TAP(test_without_its_address_it_is_an_unregistered_phone),
          TAP(test_where_it_has_registered_goes_before_its_address))
