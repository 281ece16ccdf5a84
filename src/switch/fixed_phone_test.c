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

TAP_TESTS(TAP(test_it_is_called_at_its_address), TAP(test_it_calls_from_there_without_a_password),
          TAP(test_from_elsewhere_it_is_a_stranger_with_a_known_name),
          TAP(test_it_is_kept_alive_and_not_called_when_it_does_not_answer),
          TAP(test_without_its_address_it_is_an_unregistered_phone),
          TAP(test_where_it_has_registered_goes_before_its_address))
