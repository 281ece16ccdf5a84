#include "admin/traffic_summary.h"

#include "tap.h"

static struct cdr_record call(const char *from, const char *to, const char *reason, uint64_t talk_ms) {
  struct cdr_record record;
  cdr_record_init(&record);
  record.caller_device = str_view_from_c(from);
  record.callee_device = str_view_from_c(to);
  record.end_reason = str_view_from_c(reason);
  record.ended_at.value = 2;
  record.pdd_ms = 500;
  if (talk_ms > 0) {
    record.answered_at.value = 1;
    record.hold_time_ms = talk_ms;
  }
  return record;
}

static double figure(json_t *object, const char *side, const char *device, const char *name) {
  json_t *figures = side ? json_object_get(json_object_get(object, side), device) : object;
  return json_number_value(json_object_get(figures, name));
}

static void test_asr_and_acd_are_those_of_the_calls_counted(void) {
  static struct traffic_summary summary;
  struct cdr_record calls[] = {call("a", "v", "normal", 60000), call("a", "w", "normal", 30000),
                               call("b", "w", "busy", 0), call("b", "", "route_not_found", 0)};
  calls[3].pdd_ms = CDR_NUMBER_NONE;
  for (size_t i = 0; i < 4; i++)
    traffic_summary_add(&summary, &calls[i]);
  json_t *all = traffic_summary_to_json(&summary), *devices = traffic_devices_to_json(&summary);
  expect(figure(all, NULL, NULL, "asr_percent") == 50.0);
  expect(figure(all, NULL, NULL, "acd_s") == 45.0);
  expect(figure(all, NULL, NULL, "pdd_ms") == 500.0);
  expect_int(json_integer_value(json_object_get(json_object_get(all, "reasons"), "busy")), ==, 1);
  expect_int(json_object_size(json_object_get(all, "reasons")), ==, 3);
  expect(figure(devices, "callers", "a", "asr_percent") == 100.0);
  expect(figure(devices, "callees", "w", "asr_percent") == 50.0);
  expect(figure(devices, "callees", "w", "acd_s") == 30.0);
  expect_int(json_object_size(json_object_get(devices, "callees")), ==, 2);
  json_decref(all);
  json_decref(devices);
}

static void test_ser_seer_and_isa_are_those_of_rfc_6076(void) {
  static struct traffic_summary summary;
  static const uint16_t statuses[] = {302, 480, 486, 603, 404, 408, 503, 487};
  struct cdr_record answered = call("a", "v", "normal", 1000);
  answered.sip_status = 200;
  traffic_summary_add(&summary, &answered);
  traffic_summary_add(&summary, &answered);
  for (size_t i = 0; i < 8; i++) {
    struct cdr_record refused = call("a", "v", "rejected", 0);
    refused.sip_status = statuses[i];
    traffic_summary_add(&summary, &refused);
  }
  json_t *all = traffic_summary_to_json(&summary);
  expect(figure(all, NULL, NULL, "asr_percent") == 20.0);
  expect(figure(all, NULL, NULL, "ser_percent") == 22.2);
  expect(figure(all, NULL, NULL, "seer_percent") == 55.6);
  expect(figure(all, NULL, NULL, "isa_percent") == 20.0);
  json_decref(all);
}

static void test_tests_of_gateways_are_no_traffic(void) {
  static struct traffic_summary summary;
  struct cdr_record test = call("", "w", "trunk_test", 1000);
  traffic_summary_add(&summary, &test);
  expect_int(summary.all.calls, ==, 0);
  expect_int(summary.callee_count, ==, 0);
  expect_int(summary.reasons[END_REASON_trunk_test], ==, 1);
}

static void test_without_calls_nothing_is_known(void) {
  static struct traffic_summary summary;
  struct cdr_record open = call("a", "v", "", 0);
  open.ended_at.value = 0;
  traffic_summary_add(&summary, &open);
  json_t *all = traffic_summary_to_json(&summary);
  expect(json_is_null(json_object_get(all, "asr_percent")) && json_is_null(json_object_get(all, "acd_s")));
  expect_int(json_integer_value(json_object_get(all, "calls")), ==, 0);
  json_decref(all);
}

static void test_more_devices_than_there_is_room_for_still_count_as_a_whole(void) {
  static struct traffic_summary summary;
  char name[16];
  for (int i = 0; i < TRAFFIC_DEVICES_MAX + 10; i++) {
    snprintf(name, sizeof name, "device-%d", i);
    struct cdr_record record = call(name, name, "normal", 1000);
    traffic_summary_add(&summary, &record);
  }
  expect_int(summary.caller_count, ==, TRAFFIC_DEVICES_MAX);
  expect_int(summary.all.calls, ==, TRAFFIC_DEVICES_MAX + 10);
}

TAP_TESTS(TAP(test_asr_and_acd_are_those_of_the_calls_counted), TAP(test_ser_seer_and_isa_are_those_of_rfc_6076),
          TAP(test_tests_of_gateways_are_no_traffic), TAP(test_without_calls_nothing_is_known),
          TAP(test_more_devices_than_there_is_room_for_still_count_as_a_whole))
