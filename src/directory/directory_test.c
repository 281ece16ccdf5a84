#include "directory/directory.h"

#include <stdlib.h>

#include "tap.h"

#define DEVICES_MAX 16
#define USAGE_MAX   64

static struct device devices[DEVICES_MAX];
static struct gateway gateways[DEVICES_MAX];
static size_t device_count;
static uint32_t usage_counts[USAGE_MAX];
static char problem_memory[512];
static struct text_builder problem;

static void forget_devices(void) {
  device_count = 0;
  memset(usage_counts, 0, sizeof usage_counts);
}

static struct device *add(enum device_kind kind, const char *name) {
  struct device *device = &devices[device_count];
  device_set_defaults(device, kind);
  gateway_set_defaults(&gateways[device_count]);
  if (kind != DEVICE_PHONE) device->gateway = &gateways[device_count];
  device->name = str_view_from_c(name);
  device_count++;
  return device;
}

static struct address address_of(const char *text) {
  struct address address = {0};
  expect_int(address_parse(str_view_from_c(text), 0, &address), ==, RESULT_OK);
  return address;
}

static void give_address(struct device *device, const char *text) {
  struct gateway *gateway = &gateways[device - devices];
  gateway->addresses[gateway->address_count++] = address_of(text);
}

static struct directory *build_after(const struct directory *previous, uint32_t usage_max) {
  size_t bytes = (directory_memory_bytes(devices, device_count) + 63) / 64 * 64;
  void *memory = aligned_alloc(64, bytes);
  memset(memory, 0, bytes);
  problem = text_builder_over(problem_memory, sizeof problem_memory);
  struct directory *directory = directory_build(memory, devices, device_count, STR_VIEW("belfry.example"), previous,
                                                usage_counts, usage_max, &problem);
  if (!directory) free(memory);
  return directory;
}

static struct directory *build(void) {
  struct directory *directory = build_after(NULL, USAGE_MAX);
  expect(directory);
  return directory;
}

static void test_devices_are_found_by_kind_and_name(void) {
  forget_devices();
  add(DEVICE_PHONE, "1001")->display = STR_VIEW("Ada");
  add(DEVICE_PHONE, "1002");
  add(DEVICE_MAPPING_GATEWAY, "acme");
  add(DEVICE_ROUTING_GATEWAY, "acme");
  struct directory *directory = build();
  expect_view(directory_find_phone(directory, STR_VIEW("1001"))->display, "Ada");
  expect_view(directory_find_phone(directory, STR_VIEW("1002"))->name, "1002");
  expect(!directory_find_phone(directory, STR_VIEW("1003")));
  expect(!directory_find_phone(directory, STR_VIEW("acme")));
  expect_int(directory_find_gateway(directory, DEVICE_MAPPING_GATEWAY, STR_VIEW("acme"))->kind, ==,
             DEVICE_MAPPING_GATEWAY);
  expect_int(directory_find_gateway(directory, DEVICE_ROUTING_GATEWAY, STR_VIEW("acme"))->kind, ==,
             DEVICE_ROUTING_GATEWAY);
  expect_int(directory_count(directory, DEVICE_PHONE), ==, 2);
  expect(!directory_at(directory, DEVICE_PHONE, 2));
  expect_view(directory_realm(directory), "belfry.example");
  free(directory);
}

static void test_the_picture_owns_copies_of_everything(void) {
  char name[] = "vendor", prefix[] = "44", original[] = "0*", target[] = "44*", host[] = "sip.example.org";
  struct str_view prefixes[1] = {{prefix, 2}};
  struct number_rule rules[1] = {{{original, 2}, {target, 3}}};
  forget_devices();
  struct device *device = add(DEVICE_ROUTING_GATEWAY, name);
  gateways[0].prefixes = prefixes;
  gateways[0].prefix_count = 1;
  gateways[0].host = str_view_from_c(host);
  gateways[0].user = gateways[0].password = gateways[0].realm = str_view_from_c(host);
  device->callee_rules = rules;
  device->callee_rule_count = 1;
  struct directory *directory = build();
  memset(name, 'x', sizeof name - 1), memset(prefix, 'x', 2), memset(original, 'x', 2), memset(target, 'x', 3);
  memset(host, 'x', sizeof host - 1), memset(devices, 0, sizeof devices), memset(gateways, 0, sizeof gateways);
  const struct device *found = directory_find_gateway(directory, DEVICE_ROUTING_GATEWAY, STR_VIEW("vendor"));
  expect(found);
  if (found) {
    expect_view(found->gateway->prefixes[0], "44");
    expect_view(found->gateway->host, "sip.example.org");
    expect_view(found->gateway->password, "sip.example.org");
    expect_view(found->callee_rules[0].original, "0*");
    expect_view(found->callee_rules[0].target, "44*");
  }
  free(directory);
}

static void test_a_customer_is_known_by_address_and_port_before_address_alone(void) {
  forget_devices();
  give_address(add(DEVICE_MAPPING_GATEWAY, "any"), "192.0.2.1");
  give_address(add(DEVICE_MAPPING_GATEWAY, "exact"), "192.0.2.1:5070");
  give_address(&devices[1], "[2001:db8::1]:5060");
  struct directory *directory = build();
  struct address exact = address_of("192.0.2.1:5070"), other_port = address_of("192.0.2.1:1024"),
                 six = address_of("[2001:db8::1]:5060"), stranger = address_of("192.0.2.2:5070"),
                 six_other_port = address_of("[2001:db8::1]:5061");
  expect_view(directory_find_mapping_gateway(directory, &exact)->name, "exact");
  expect_view(directory_find_mapping_gateway(directory, &other_port)->name, "any");
  expect_view(directory_find_mapping_gateway(directory, &six)->name, "exact");
  expect(!directory_find_mapping_gateway(directory, &stranger));
  expect(!directory_find_mapping_gateway(directory, &six_other_port));
  free(directory);
}

static void test_a_phone_with_an_address_is_known_by_it_before_a_customer_with_any_port(void) {
  struct address there = address_of("192.0.2.1:5062"), other_port = address_of("192.0.2.1:5063");
  forget_devices();
  give_address(add(DEVICE_MAPPING_GATEWAY, "any"), "192.0.2.1");
  add(DEVICE_PHONE, "1001");
  add(DEVICE_PHONE, "1002")->address = &there;
  struct directory *directory = build();
  expect_view(directory_find_phone_at(directory, &there)->name, "1002");
  expect(directory_find_phone_at(directory, &there)->address != &there);
  expect_view(directory_find_caller(directory, &there)->name, "1002");
  expect(!directory_find_phone_at(directory, &other_port));
  expect_view(directory_find_caller(directory, &other_port)->name, "any");
  expect_int(directory_fixed_phone_count(directory), ==, 1);
  expect_view(directory_fixed_phone_at(directory, 0)->name, "1002");
  expect(!directory_fixed_phone_at(directory, 1));
  free(directory);
}

static void test_two_vendors_may_share_an_address_and_the_first_is_found(void) {
  forget_devices();
  give_address(add(DEVICE_ROUTING_GATEWAY, "gold"), "192.0.2.9:5060");
  give_address(add(DEVICE_ROUTING_GATEWAY, "silver"), "192.0.2.9:5060");
  struct directory *directory = build();
  struct address source = address_of("192.0.2.9:5060"), other = address_of("192.0.2.9:5061");
  expect_view(directory_find_routing_gateway(directory, &source)->name, "gold");
  expect(!directory_find_routing_gateway(directory, &other));
  expect(!directory_find_mapping_gateway(directory, &source));
  free(directory);
}

static void give_prefixes(struct device *device, const struct str_view *prefixes, uint16_t count, uint16_t priority) {
  struct gateway *gateway = &gateways[device - devices];
  gateway->prefixes = prefixes;
  gateway->prefix_count = count;
  gateway->priority = priority;
}

static void expect_routes(const struct directory *directory, const char *number, const char *want) {
  const struct device *found[8];
  char text[128] = "";
  unsigned count = directory_find_routes(directory, str_view_from_c(number), found, 8);
  for (unsigned i = 0; i < count; i++)
    strncat(text, found[i]->name.data, found[i]->name.length);
  expect_bytes(text, strlen(text), want);
}

static void test_routes_come_longest_prefix_first_then_priority_then_name(void) {
  static const struct str_view any[] = {STR_VIEW_LITERAL("*")}, uk[] = {STR_VIEW_LITERAL("44")},
                               london[] = {STR_VIEW_LITERAL("4420"), STR_VIEW_LITERAL("44"), STR_VIEW_LITERAL("*")};
  forget_devices();
  give_prefixes(add(DEVICE_ROUTING_GATEWAY, "d"), any, 1, 0);
  give_prefixes(add(DEVICE_ROUTING_GATEWAY, "c"), uk, 1, 7);
  give_prefixes(add(DEVICE_ROUTING_GATEWAY, "b"), uk, 1, 3);
  give_prefixes(add(DEVICE_ROUTING_GATEWAY, "a"), uk, 1, 7);
  give_prefixes(add(DEVICE_ROUTING_GATEWAY, "l"), london, 3, 9);
  struct directory *directory = build();
  expect_routes(directory, "442079", "lbacd");
  expect_routes(directory, "4420", "lbacd");
  expect_routes(directory, "441", "bacld");
  expect_routes(directory, "4", "dl");
  expect_routes(directory, "", "dl");
  const struct device *found[2];
  expect_int(directory_find_routes(directory, STR_VIEW("442079"), found, 2), ==, 2);
  free(directory);
}

static void test_without_routing_gateways_there_is_no_route(void) {
  forget_devices();
  struct directory *directory = build();
  expect_routes(directory, "442079", "");
  free(directory);
}

static void expect_refused(const char *sentence) {
  struct directory *directory = build_after(NULL, USAGE_MAX);
  expect(!directory);
  expect_view(text_builder_view(&problem), sentence);
  free(directory);
}

static void test_a_broken_set_of_devices_is_refused_with_a_sentence(void) {
  static const struct str_view empty[] = {STR_VIEW_LITERAL("")};
  forget_devices();
  add(DEVICE_PHONE, "1001");
  add(DEVICE_PHONE, "1001");
  expect_refused("phone 1001 is there twice");
  forget_devices();
  give_address(add(DEVICE_MAPPING_GATEWAY, "acme"), "192.0.2.1:5060");
  give_address(add(DEVICE_MAPPING_GATEWAY, "bcme"), "192.0.2.1:5060");
  expect_refused("mapping gateway bcme claims 192.0.2.1:5060, which belongs to acme");
  struct address there = address_of("192.0.2.1:5060");
  forget_devices();
  add(DEVICE_PHONE, "1001")->address = &there;
  add(DEVICE_PHONE, "1002")->address = &there;
  expect_refused("phone 1002 claims 192.0.2.1:5060, which belongs to 1001");
  forget_devices();
  give_address(add(DEVICE_MAPPING_GATEWAY, "acme"), "192.0.2.1:5060");
  add(DEVICE_PHONE, "1002")->address = &there;
  expect_refused("phone 1002 claims 192.0.2.1:5060, which belongs to acme");
  forget_devices();
  add(DEVICE_PHONE, "1002")->address = &there;
  give_address(add(DEVICE_MAPPING_GATEWAY, "acme"), "192.0.2.1:5060");
  expect_refused("mapping gateway acme claims 192.0.2.1:5060, which belongs to 1002");
  forget_devices();
  give_prefixes(add(DEVICE_ROUTING_GATEWAY, "v"), empty, 1, 0);
  expect_refused("routing gateway v has a prefix that is not 1 to 63 characters long");
  forget_devices();
  add(DEVICE_ROUTING_GATEWAY, "v")->gateway = NULL;
  expect_refused("routing gateway v has no gateway settings");
  forget_devices();
  add(DEVICE_PHONE, "");
  expect_refused("a phone has no number");
  forget_devices();
  add(DEVICE_MAPPING_GATEWAY, "");
  expect_refused("a mapping gateway has no name");
}

static void test_one_customer_may_name_an_address_twice(void) {
  forget_devices();
  give_address(add(DEVICE_MAPPING_GATEWAY, "acme"), "192.0.2.1:5060");
  give_address(&devices[0], "192.0.2.1:5060");
  free(build());
}

static void test_capacity_is_taken_and_given_back(void) {
  forget_devices();
  add(DEVICE_PHONE, "1001")->capacity = 2;
  struct directory *directory = build();
  const struct device *phone = directory_find_phone(directory, STR_VIEW("1001"));
  expect_int(directory_acquire(directory, phone), ==, RESULT_OK);
  expect_int(directory_acquire(directory, phone), ==, RESULT_OK);
  expect_int(directory_acquire(directory, phone), ==, RESULT_FULL);
  expect_int(directory_usage(directory, phone->usage), ==, 2);
  directory_release(directory, phone->usage);
  expect_int(directory_acquire(directory, phone), ==, RESULT_OK);
  free(directory);
}

static uint32_t usage_of(const struct directory *directory, const char *number) {
  return directory_find_phone(directory, str_view_from_c(number))->usage;
}

static void test_usage_numbers_stay_with_a_name_over_changes(void) {
  forget_devices();
  add(DEVICE_PHONE, "1001");
  add(DEVICE_PHONE, "1002");
  struct directory *first = build();
  uint32_t of_1001 = usage_of(first, "1001"), of_1002 = usage_of(first, "1002");
  expect(of_1001 != of_1002);
  device_count = 0;
  add(DEVICE_PHONE, "1000");
  add(DEVICE_PHONE, "1002");
  struct directory *second = build_after(first, USAGE_MAX);
  expect_int(usage_of(second, "1002"), ==, of_1002);
  /* 1001 is gone, but a worker may still take a call by the first picture: its number rests for one change. */
  expect(usage_of(second, "1000") != of_1001 && usage_of(second, "1000") != of_1002);
  free(first);
  free(second);
}

static void test_a_number_with_calls_in_use_is_not_given_to_another_device(void) {
  forget_devices();
  add(DEVICE_PHONE, "1001");
  struct directory *first = build();
  uint32_t of_1001 = usage_of(first, "1001");
  expect_int(directory_acquire(first, directory_find_phone(first, STR_VIEW("1001"))), ==, RESULT_OK);
  device_count = 0;
  add(DEVICE_PHONE, "2001");
  struct directory *second = build_after(first, USAGE_MAX);
  device_count = 0;
  add(DEVICE_PHONE, "2001");
  add(DEVICE_PHONE, "3001");
  struct directory *third = build_after(second, USAGE_MAX);
  expect(usage_of(third, "3001") != of_1001);
  directory_release(third, of_1001);
  add(DEVICE_PHONE, "3002");
  struct directory *fourth = build_after(third, USAGE_MAX);
  expect_int(usage_of(fourth, "3002"), ==, of_1001);
  free(first), free(second), free(third), free(fourth);
}

static void test_used_up_numbers_are_an_answer(void) {
  forget_devices();
  add(DEVICE_PHONE, "1001");
  add(DEVICE_PHONE, "1002");
  expect(!build_after(NULL, 1));
  expect_view(text_builder_view(&problem), "there are more devices than fit");
  struct directory *first = build_after(NULL, 2);
  device_count = 0;
  add(DEVICE_PHONE, "2001");
  expect(!build_after(first, 2)); /* both numbers may still be in use by the first picture */
  free(first);
}

#define MANY 100000

/* As many as show a chain that grows with the number of phones; a million take a second or so. */
static void test_a_hundred_thousand_phones_are_built_and_found(void) {
  struct device *many = calloc(MANY, sizeof *many);
  char(*numbers)[12] = calloc(MANY, sizeof *numbers);
  uint32_t *counts = calloc(MANY * 2, sizeof *counts);
  for (unsigned i = 0; i < MANY; i++) {
    snprintf(numbers[i], sizeof numbers[i], "%u", 10000000 + i);
    device_set_defaults(&many[i], DEVICE_PHONE);
    many[i].name = str_view_from_c(numbers[i]);
  }
  size_t bytes = (directory_memory_bytes(many, MANY) + 63) / 64 * 64;
  void *memory = aligned_alloc(64, bytes);
  memset(memory, 0, bytes);
  problem = text_builder_over(problem_memory, sizeof problem_memory);
  struct directory *directory =
      directory_build(memory, many, MANY, STR_VIEW("belfry"), NULL, counts, MANY * 2, &problem);
  expect(directory);
  unsigned wrong = 0;
  for (unsigned i = 0; directory && i < MANY; i++) {
    const struct device *phone = directory_find_phone(directory, many[i].name);
    if (!phone || !str_view_equal(phone->name, many[i].name)) wrong++;
  }
  expect_int(wrong, ==, 0);
  expect_int(bytes / MANY, <, 300);
  free(memory), free(many), free(numbers), free(counts);
}

TAP_TESTS(TAP(test_devices_are_found_by_kind_and_name), TAP(test_the_picture_owns_copies_of_everything),
          TAP(test_a_customer_is_known_by_address_and_port_before_address_alone),
          TAP(test_a_phone_with_an_address_is_known_by_it_before_a_customer_with_any_port),
          TAP(test_two_vendors_may_share_an_address_and_the_first_is_found),
          TAP(test_routes_come_longest_prefix_first_then_priority_then_name),
          TAP(test_without_routing_gateways_there_is_no_route),
          TAP(test_a_broken_set_of_devices_is_refused_with_a_sentence),
          TAP(test_one_customer_may_name_an_address_twice), TAP(test_capacity_is_taken_and_given_back),
          TAP(test_usage_numbers_stay_with_a_name_over_changes),
          TAP(test_a_number_with_calls_in_use_is_not_given_to_another_device), TAP(test_used_up_numbers_are_an_answer),
          TAP(test_a_hundred_thousand_phones_are_built_and_found))
