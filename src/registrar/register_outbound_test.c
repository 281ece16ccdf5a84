/* Devices that name their flows (RFC 5626), and those that offer to send keep-alives (RFC 6223). */
#include "registrar/registrar_rig.h"

#define SUPPORTED "Supported: path, outbound\r\n"
#define DEVICE    ";+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>\""
#define OTHER     ";+sip.instance=\"<urn:uuid:11111111-0000-1000-8000-AABBCCDDEEFF>\""

static const char *register_flow(const char *contact, unsigned cseq, const struct flow *flow) {
  static char line[512];
  snprintf(line, sizeof line, "Contact: %s;expires=600\r\n", contact);
  return REGISTER(.contact = line, .extra = SUPPORTED, .cseq = cseq, .flow = flow);
}

static void test_a_device_that_will_send_keep_alives_is_told_how_often(void) {
  set_up();
  expect_contains(REGISTER(.via = ";keep"), ";keep=30");
  expect_lacks(REGISTER(.cseq = 2), "keep");
  world->parameters.SS_SIP_NAT_KEEP_ALIVE_PERIOD = 45;
  expect_contains(REGISTER(.via = ";keep", .cseq = 3), ";keep=45");
  tear_down();
}

static void test_a_named_flow_is_answered_with_flow_timer(void) {
  set_up();
  const char *answer = register_flow("<sip:1001@10.0.0.5:5062;ob>;reg-id=1" DEVICE, 1, NULL);
  expect_status(answer, 200);
  expect_contains(answer, "\r\nRequire: outbound\r\nFlow-Timer: 30\r\n");
  tear_down();
}

static void test_without_flow_or_support_there_is_no_flow_timer(void) {
  set_up();
  expect_lacks(register_flow("<sip:1001@10.0.0.5:5062>", 1, NULL), "Flow-Timer");
  expect_lacks(register_flow("<sip:1001@10.0.0.5:5062>;reg-id=1", 2, NULL), "Flow-Timer"); /* no instance */
  expect_lacks(register_flow("<sip:1001@10.0.0.5:5062>;reg-id=0" DEVICE, 3, NULL), "Flow-Timer");
  expect_lacks(REGISTER(.contact = "Contact: <sip:1001@10.0.0.5:5062>;reg-id=1" DEVICE "\r\n", .cseq = 4), "outbound");
  tear_down();
}

static void test_a_flow_is_known_by_its_number_whatever_its_contact_says(void) {
  set_up();
  world->parameters.SS_ENDPOINT_REGISTER_REPLACE = false;
  register_flow("<sip:1001@10.0.0.5:5062>;reg-id=1" DEVICE, 1, NULL);
  register_flow("<sip:1001@10.9.9.9:1024>;reg-id=1" DEVICE, 2, &other_flow);
  struct location_answer found = rig_locate("1001");
  expect_int(found.contact_count, ==, 1);
  expect_view(found.contacts[0].uri, "sip:1001@10.9.9.9:1024");
  expect(flow_equal(&found.contacts[0].flow, &other_flow));
  expect_int(rig_device_count(), ==, 1);
  tear_down();
}

static void test_two_flows_of_a_device_stand_side_by_side(void) {
  set_up();
  register_flow("<sip:1001@10.0.0.5:5062>;reg-id=1" DEVICE, 1, NULL);
  register_flow("<sip:1001@10.0.0.5:5062>;reg-id=2" DEVICE, 2, &other_flow);
  expect_int(rig_locate("1001").contact_count, ==, 2);
  expect_int(rig_device_count(), ==, 2);
  register_flow("<sip:1001@10.0.0.9:5062>;reg-id=1" OTHER, 3, NULL); /* another device replaces both */
  expect_int(rig_locate("1001").contact_count, ==, 1);
  tear_down();
}

static void test_a_device_takes_back_one_of_its_flows(void) {
  set_up();
  register_flow("<sip:1001@10.0.0.5:5062>;reg-id=1" DEVICE, 1, NULL);
  register_flow("<sip:1001@10.0.0.5:5062>;reg-id=2" DEVICE, 2, &other_flow);
  const char *gone = "Contact: <sip:1001@10.0.0.5:5062>;reg-id=1" DEVICE ";expires=0\r\n";
  expect_status(REGISTER(.contact = gone, .extra = SUPPORTED, .cseq = 3), 200);
  struct location_answer found = rig_locate("1001");
  expect(found.contact_count == 1 && flow_equal(&found.contacts[0].flow, &other_flow));
  expect_status(REGISTER(.contact = "Contact: *\r\n", .extra = "Expires: 0\r\n", .cseq = 4), 200);
  expect_int(rig_locate("1001").contact_count, ==, 0);
  tear_down();
}

static void test_a_flow_is_registered_by_itself(void) {
  set_up();
  const char *two = "<sip:1001@10.0.0.5:5062>;reg-id=1" DEVICE ", <sip:1001@10.0.0.6:5062>";
  expect_status(register_flow(two, 1, NULL), 400);
  expect_int(rig_locate("1001").contact_count, ==, 0);
  tear_down();
}

/* RFC 5626 §6: whoever stands between must keep the flow, and says so in its Path. */
static void test_behind_a_proxy_that_keeps_no_flow_it_is_refused(void) {
  set_up();
  const char *flow = "Contact: <sip:1001@10.0.0.5:5062>;reg-id=1" DEVICE "\r\n",
             *behind = "\r\nVia: SIP/2.0/UDP 10.0.0.5";
  expect_status(REGISTER(.contact = flow, .extra = SUPPORTED, .via = behind), 439);
  expect_status(REGISTER(.contact = flow, .extra = SUPPORTED "Path: <sip:proxy;lr>\r\n", .via = behind, .cseq = 2),
                439);
  const char *answer =
      REGISTER(.contact = flow, .extra = SUPPORTED "Path: <sip:proxy;lr;ob>\r\n", .via = behind, .cseq = 3);
  expect_status(answer, 200);
  expect_contains(answer, "\r\nRequire: outbound\r\n");
  expect_lacks(answer, "Flow-Timer");
  expect_status(REGISTER(.contact = flow, .via = behind, .cseq = 4), 200); /* it does not ask for it */
  tear_down();
}

TAP_TESTS(TAP(test_a_device_that_will_send_keep_alives_is_told_how_often),
          TAP(test_a_named_flow_is_answered_with_flow_timer), TAP(test_without_flow_or_support_there_is_no_flow_timer),
          TAP(test_a_flow_is_known_by_its_number_whatever_its_contact_says),
          TAP(test_two_flows_of_a_device_stand_side_by_side), TAP(test_a_device_takes_back_one_of_its_flows),
          TAP(test_a_flow_is_registered_by_itself), TAP(test_behind_a_proxy_that_keeps_no_flow_it_is_refused))
