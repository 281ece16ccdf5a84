#include "configuration/configuration.h"

#include <stdlib.h>
#include <unistd.h>

#include "tap.h"

static char test_dir[256];
static struct store *store;
static struct configuration *configuration;
static struct configuration_problem problem;

static void open_again(void) {
  char why[512];
  store = store_open(test_dir, why, sizeof why);
  expect(store != NULL);
  configuration = configuration_open(store, &problem);
  if (!configuration) printf("# %s\n", problem.text);
  expect(configuration != NULL);
}

static void close_all(void) {
  configuration_close(&configuration);
  store_close(&store);
}

static void start(void) {
  snprintf(test_dir, sizeof test_dir, "/tmp/belfry-configuration-XXXXXX");
  expect(mkdtemp(test_dir) != NULL);
  open_again();
}

static void finish(void) {
  close_all();
  static const char *const names[] = {"belfry.db", "belfry.db-wal", "belfry.db-shm"};
  char path[512];
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    snprintf(path, sizeof path, "%s/%s", test_dir, names[i]);
    unlink(path);
  }
  rmdir(test_dir);
}

static enum result apply(const char *document) {
  return configuration_apply(configuration, document, strlen(document), "anna", &problem);
}

static const struct device *phone(const char *number) {
  return directory_find_phone(configuration_directory(configuration), str_view_from_c(number));
}

static const struct device *gateway(enum device_kind kind, const char *name) {
  return directory_find_gateway(configuration_directory(configuration), kind, str_view_from_c(name));
}

static const char contract_example[] =
    "{ \"parameters\": { \"SS_SIP_SESSION_TTL\": 900 },\n"
    "  \"phones\": [ { \"number\": \"1001\", \"password\": \"secret-1001\", \"sip_timer\": true, \"keep_alive\": "
    "\"auto\" } ],\n"
    "  \"mapping_gateways\": [ { \"name\": \"customer-a\", \"addresses\": [\"127.0.0.1:5070\"], \"capacity\": 1000, "
    "\"number_rules\": [] } ],\n"
    "  \"routing_gateways\": [ { \"name\": \"vendor-a\", \"address\": \"127.0.0.1:5080\", \"prefixes\": [\"44\", "
    "\"*\"], "
    "\"priority\": 1, \"capacity\": 1000, \"number_rules\": [\"0049*:49*\"] } ] }";

static void expect_contract_example(void) {
  expect_int(configuration_parameters(configuration)->SS_SIP_SESSION_TTL, ==, 900);
  expect(phone("1001") != NULL);
  expect_int(phone("1001")->overrides.keep_alive, ==, KEEP_ALIVE_AUTO);
  const struct device *customer = gateway(DEVICE_MAPPING_GATEWAY, "customer-a");
  expect(customer && customer->capacity == 1000);
  const struct device *vendor = gateway(DEVICE_ROUTING_GATEWAY, "vendor-a");
  expect(vendor && vendor->gateway->prefix_count == 2);
  expect(vendor && vendor->callee_rule_count == 1);
}

static void test_the_contracts_example_is_applied_and_kept_over_a_restart(void) {
  start();
  expect(apply(contract_example) == RESULT_OK);
  expect_contract_example();
  close_all();
  open_again();
  expect_contract_example();
  int64_t at_us = 0;
  char by[64];
  expect(configuration_parameter_changed(configuration, "SS_SIP_SESSION_TTL", &at_us, by, sizeof by));
  expect(strcmp(by, "anna") == 0 && at_us > 0);
  expect(!configuration_parameter_changed(configuration, "SS_ENDPOINT_EXPIRE", &at_us, by, sizeof by));
  finish();
}

static void test_applying_twice_changes_nothing(void) {
  start();
  expect(apply(contract_example) == RESULT_OK);
  expect(apply(contract_example) == RESULT_OK);
  expect_int(directory_count(configuration_directory(configuration), DEVICE_PHONE), ==, 1);
  expect_contract_example();
  finish();
}

static void note_document(void *context, const char *name, const char *document, const char *changed_by,
                          int64_t changed_at_us) {
  (void)name, (void)changed_by, (void)changed_at_us;
  snprintf(context, 1024, "%s", document);
}

static void test_a_password_is_neither_stored_nor_shown(void) {
  start();
  expect(apply(contract_example) == RESULT_OK);
  char stored[1024] = "";
  expect(store_find_object(store, "phone", "1001", note_document, stored) == RESULT_OK);
  expect(strstr(stored, "secret-1001") == NULL && strstr(stored, "\"password\"") == NULL);
  expect(strstr(stored, "ha1_sha256") != NULL);
  json_t *shown = configuration_public_document(stored);
  expect(json_object_get(shown, "ha1_md5") == NULL && json_object_get(shown, "ha1_sha256") == NULL);
  expect(json_object_get(shown, "number") != NULL);
  json_decref(shown);
  finish();
}

static void test_the_digest_secret_is_that_of_number_realm_and_password(void) {
  start();
  expect(apply("{\"phones\":[{\"number\":\"1001\",\"password\":\"secret\"}]}") == RESULT_OK);
  /* md5("1001:belfry:secret") */
  expect_bytes(phone("1001")->ha1_md5, 32, "80e7c844ce1a04a146072544bbefd87d");
  finish();
}

static void test_an_unknown_key_is_named_with_its_line_and_nothing_changes(void) {
  start();
  expect(
      apply(
          "{\"phones\":[{\"number\":\"1001\",\"password\":\"secret\"},\n{\"number\":\"1002\",\n\"pasword\":\"x\"}]}") ==
      RESULT_MALFORMED);
  expect(strcmp(problem.pointer, "/phones/1/pasword") == 0);
  expect_int(problem.line, ==, 3);
  expect(strstr(problem.text, "pasword") != NULL);
  expect(phone("1001") == NULL);
  expect(apply("{\"telephones\":[]}") == RESULT_MALFORMED);
  expect(strcmp(problem.pointer, "/telephones") == 0);
  expect(apply("{\"parameters\":{\"SS_SIP_SESSION_TTTL\":600}}") == RESULT_MALFORMED);
  expect(strcmp(problem.pointer, "/parameters/SS_SIP_SESSION_TTTL") == 0);
  finish();
}

static void test_a_value_out_of_range_is_refused_with_the_range(void) {
  start();
  expect(apply("{\"parameters\":{\"SS_SIP_SESSION_TTL\":45}}") == RESULT_OUT_OF_RANGE);
  expect(strstr(problem.text, "90") != NULL && strstr(problem.text, "86400") != NULL);
  expect(strcmp(problem.pointer, "/parameters/SS_SIP_SESSION_TTL") == 0);
  expect(apply("{\"routing_gateways\":[{\"name\":\"v\",\"address\":\"127.0.0.1\",\"prefixes\":[\"44\"],\"priority\":-1}"
               "]}") == RESULT_OUT_OF_RANGE);
  expect(strstr(problem.text, "0 to 65535") != NULL);
  expect_int(configuration_parameters(configuration)->SS_SIP_SESSION_TTL, ==, 600);
  finish();
}

static void test_bad_json_is_refused_with_its_line(void) {
  start();
  expect(apply("{\n\"phones\": [,]\n}") == RESULT_MALFORMED);
  expect_int(problem.line, ==, 2);
  expect(apply("{\"phones\":[],\"phones\":[]}") == RESULT_MALFORMED);
  expect(apply("[]") == RESULT_MALFORMED);
  expect(apply("") == RESULT_MALFORMED);
  finish();
}

static void test_two_customers_cannot_claim_one_address(void) {
  start();
  expect(apply("{\"mapping_gateways\":[{\"name\":\"a\",\"addresses\":[\"127.0.0.1:5070\"]},"
               "{\"name\":\"b\",\"addresses\":[\"127.0.0.1:5070\"]}]}") == RESULT_EXISTS);
  expect(gateway(DEVICE_MAPPING_GATEWAY, "a") == NULL);
  finish();
}

static void test_replace_makes_a_section_exactly_what_is_given(void) {
  start();
  expect(apply("{\"phones\":[{\"number\":\"1001\",\"password\":\"secret\"},{\"number\":\"1002\",\"password\":"
               "\"secret\"}]}") == RESULT_OK);
  expect(
      apply("{\"replace\":[\"phones\"],\"phones\":[{\"number\":\"1002\"},{\"number\":\"1003\",\"password\":\"s\"}]}") ==
      RESULT_OK);
  expect(phone("1001") == NULL && phone("1002") != NULL && phone("1003") != NULL);
  close_all();
  open_again();
  expect(phone("1001") == NULL && phone("1002") != NULL && phone("1003") != NULL);
  expect(apply("{\"replace\":[\"phones\"]}") == RESULT_MALFORMED);
  finish();
}

static void test_a_known_phone_keeps_its_password_when_none_is_given(void) {
  start();
  expect(apply("{\"phones\":[{\"number\":\"1001\",\"password\":\"secret\"}]}") == RESULT_OK);
  char before[32];
  memcpy(before, phone("1001")->ha1_md5, sizeof before);
  expect(apply("{\"phones\":[{\"number\":\"1001\",\"display\":\"Anna\"}]}") == RESULT_OK);
  expect(memcmp(before, phone("1001")->ha1_md5, sizeof before) == 0);
  expect_view(phone("1001")->display, "Anna");
  expect(apply("{\"phones\":[{\"number\":\"1002\"}]}") == RESULT_MALFORMED);
  expect(strstr(problem.text, "password is missing") != NULL);
  finish();
}

static const char vendor_document[] =
    "{\"name\":\"vendor\",\"address\":\"127.0.0.1:5080\",\"prefixes\":[\"44\"],\"user\":\"trunk-7\",\"password\":"
    "\"s3cret\",\"realm\":\"carrier\"}";

static enum result apply_vendor(const char *fields) {
  char document[512];
  snprintf(document, sizeof document,
           "{\"routing_gateways\":[{\"name\":\"vendor\",\"address\":\"127.0.0.1:5080\",\"prefixes\":[\"44\"]%s}]}",
           fields);
  return apply(document);
}

static void test_a_phone_with_an_address_needs_no_password_and_is_kept_over_a_restart(void) {
  start();
  expect_int(apply("{\"phones\":[{\"number\":\"1003\",\"address\":\"192.0.2.9\"}]}"), ==, RESULT_OK);
  close_all();
  open_again();
  expect(phone("1003") && phone("1003")->address);
  if (phone("1003") && phone("1003")->address) expect_int(phone("1003")->address->port, ==, 5060);
  expect_int(apply("{\"phones\":[{\"number\":\"1003\"}]}"), ==, RESULT_MALFORMED);
  expect(strstr(problem.text, "password is missing") != NULL);
  expect_int(apply("{\"phones\":[{\"number\":\"1004\",\"address\":\"pbx.example.org\"}]}"), ==, RESULT_MALFORMED);
  expect(strstr(problem.text, "an address such as") != NULL);
  expect_int(apply("{\"phones\":[{\"number\":\"1003\",\"password\":\"x\"}]}"), ==, RESULT_OK);
  expect(!phone("1003")->address);
  finish();
}

static void test_a_gateways_password_is_kept_over_a_restart_and_never_shown(void) {
  start();
  char document[512], stored[1024] = "";
  snprintf(document, sizeof document, "{\"routing_gateways\":[%s]}", vendor_document);
  expect(apply(document) == RESULT_OK);
  close_all();
  open_again();
  const struct gateway *vendor = gateway(DEVICE_ROUTING_GATEWAY, "vendor")->gateway;
  expect_view(vendor->user, "trunk-7");
  expect_view(vendor->password, "s3cret");
  expect_view(vendor->realm, "carrier");
  expect(store_find_object(store, "routing_gateway", "vendor", note_document, stored) == RESULT_OK);
  json_t *shown = configuration_public_document(stored);
  expect(json_object_get(shown, "password") == NULL && json_object_get(shown, "user") != NULL);
  json_decref(shown);
  finish();
}

static void test_a_gateway_keeps_its_password_while_its_user_stays(void) {
  start();
  expect(apply_vendor(",\"user\":\"trunk-7\",\"password\":\"s3cret\"") == RESULT_OK);
  expect(apply_vendor(",\"user\":\"trunk-7\",\"priority\":2") == RESULT_OK);
  close_all();
  open_again();
  expect_view(gateway(DEVICE_ROUTING_GATEWAY, "vendor")->gateway->password, "s3cret");
  expect(apply_vendor(",\"user\":\"trunk-8\"") == RESULT_MALFORMED);
  expect(strstr(problem.text, "password is missing") != NULL);
  expect(apply_vendor(",\"password\":\"s3cret\"") == RESULT_MALFORMED);
  expect(strstr(problem.text, "user is missing") != NULL);
  expect(apply_vendor(",\"user\":\"a\\\"b\",\"password\":\"s3cret\"") == RESULT_MALFORMED);
  expect(apply_vendor("") == RESULT_OK);
  expect_int(gateway(DEVICE_ROUTING_GATEWAY, "vendor")->gateway->user.length, ==, 0);
  finish();
}

static void test_one_object_is_put_and_deleted(void) {
  start();
  const struct object_kind *kind = &object_kinds[0];
  static const char document[] = "{\"password\":\"secret\"}", other[] = "{\"number\":\"1002\",\"password\":\"secret\"}";
  expect(configuration_put_object(configuration, kind, "1001", document, sizeof document - 1, "anna", &problem) ==
         RESULT_OK);
  expect(phone("1001") != NULL);
  expect(configuration_put_object(configuration, kind, "1001", other, sizeof other - 1, "anna", &problem) ==
         RESULT_MALFORMED);
  expect(configuration_delete_object(configuration, kind, "1001", "anna", &problem) == RESULT_OK);
  expect(phone("1001") == NULL);
  expect(configuration_delete_object(configuration, kind, "1001", "anna", &problem) == RESULT_NOT_FOUND);
  finish();
}

static void test_a_preset_is_kept_over_a_restart(void) {
  start();
  expect(configuration_apply_preset(configuration, "wholesale", "anna", &problem) == RESULT_OK);
  expect_int(configuration_parameters(configuration)->SS_SIP_NO_TIMER_REINVITE_INTERVAL, ==, 0);
  expect(configuration_apply_preset(configuration, "retail", "anna", &problem) == RESULT_NOT_FOUND);
  expect(strstr(problem.text, "wholesale") != NULL);
  close_all();
  open_again();
  expect_int(configuration_parameters(configuration)->SS_SIP_NO_TIMER_REINVITE_INTERVAL, ==, 0);
  finish();
}

static void test_a_document_is_checked_without_store_and_switch(void) {
  expect(configuration_check(contract_example, sizeof contract_example - 1, &problem) == RESULT_OK);
  static const char bad[] = "{\"phones\":[\n{\"number\":1001}]}";
  expect(configuration_check(bad, sizeof bad - 1, &problem) == RESULT_MALFORMED);
  expect_int(problem.line, ==, 2);
}

static void test_every_kind_of_device_has_the_overrides_of_devices(void) {
  start();
  static const char overrides[] =
      "\"sip_timer\":false,\"refresher\":\"them\",\"keep_alive\":\"options\",\"keep_alive_period_s\":15,"
      "\"max_duration_s\":60,\"timeouts\":{\"invite\":3,\"ringing\":40}";
  char document[2048];
  snprintf(document, sizeof document,
           "{\"phones\":[{\"number\":\"1001\",\"password\":\"secret\",%s}],"
           "\"mapping_gateways\":[{\"name\":\"m\",\"addresses\":[\"192.0.2.1\"],%s}],"
           "\"routing_gateways\":[{\"name\":\"r\",\"address\":\"192.0.2.2:5060\",\"prefixes\":[\"44\"],%s}]}",
           overrides, overrides, overrides);
  expect_int(apply(document), ==, RESULT_OK);
  const struct device *devices[] = {phone("1001"), gateway(DEVICE_MAPPING_GATEWAY, "m"),
                                    gateway(DEVICE_ROUTING_GATEWAY, "r")};
  for (unsigned i = 0; i < 3; i++) {
    expect(!devices[i]->overrides.sip_timer);
    expect_int(devices[i]->overrides.timeout_invite_s, ==, 3);
    expect_int(devices[i]->overrides.timeout_ringing_s, ==, 40);
    expect_int(devices[i]->overrides.max_duration_s, ==, 60);
  }
  finish();
}

TAP_TESTS(TAP(test_every_kind_of_device_has_the_overrides_of_devices),
          TAP(test_the_contracts_example_is_applied_and_kept_over_a_restart), TAP(test_applying_twice_changes_nothing),
          TAP(test_a_password_is_neither_stored_nor_shown),
          TAP(test_the_digest_secret_is_that_of_number_realm_and_password),
          TAP(test_an_unknown_key_is_named_with_its_line_and_nothing_changes),
          TAP(test_a_value_out_of_range_is_refused_with_the_range), TAP(test_bad_json_is_refused_with_its_line),
          TAP(test_two_customers_cannot_claim_one_address), TAP(test_replace_makes_a_section_exactly_what_is_given),
          TAP(test_a_known_phone_keeps_its_password_when_none_is_given),
          TAP(test_a_phone_with_an_address_needs_no_password_and_is_kept_over_a_restart),
          TAP(test_a_gateways_password_is_kept_over_a_restart_and_never_shown),
          TAP(test_a_gateway_keeps_its_password_while_its_user_stays), TAP(test_one_object_is_put_and_deleted),
          TAP(test_a_preset_is_kept_over_a_restart), TAP(test_a_document_is_checked_without_store_and_switch))
