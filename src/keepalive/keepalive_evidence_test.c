/* OPTIONS, their answers, silence, and devices that move. */
#include "keepalive/keepalive_phones.h"

/* --- OPTIONS ----------------------------------------------------------------------------------------------------- */

static struct str_view contact_text;

static struct str_view contact_of(const void *reader, uint32_t owner) {
  (void)reader;
  return owner == 5 ? contact_text : (struct str_view){0};
}

static void test_options_are_whole_and_addressed_to_the_contact(void) {
  set_up();
  contact_text = STR_VIEW("sip:1001@10.0.0.5:5062;ob");
  keepalive_set_contacts(room, contact_of, NULL);
  struct keepalive_facts facts = rig_facts(&phone);
  facts.method = KEEP_ALIVE_OPTIONS;
  facts.owner = 5;
  keepalive_hold(room, &context, &facts);
  const struct rig_sent *one = rig_next();
  struct sip_message message;
  struct sip_defect defect;
  expect_int(sip_message_parse(str_view_of(one->text, one->length), &message, &defect), ==, RESULT_OK);
  expect_int(message.method, ==, SIP_METHOD_OPTIONS);
  expect_view(message.request_uri, "sip:1001@10.0.0.5:5062;ob");
  expect_view(sip_message_header(&message, SIP_HEADER_ACCEPT), "application/sdp");
  expect_view(sip_message_header(&message, SIP_HEADER_MAX_FORWARDS), "70");
  expect_int(message.cseq, ==, 1);
  expect(message.to_tag.length == 0 && message.from_tag.length > 0);
  struct keepalive_device *device = keepalive_find(room, &context, &phone);
  keepalive_release(room, &context, device, 5);
  rig_tear_down();
}

static void test_when_the_contacts_owner_is_gone_the_address_will_do(void) {
  set_up();
  contact_text = STR_VIEW("sip:1001@10.0.0.5:5062");
  keepalive_set_contacts(room, contact_of, NULL);
  struct keepalive_facts facts = rig_facts(&phone);
  facts.method = KEEP_ALIVE_OPTIONS;
  keepalive_hold(room, &context, &facts);
  facts.owner = 5;
  struct keepalive_device *device = keepalive_hold(room, &context, &facts);
  keepalive_release(room, &context, device, 5);
  rig_next();
  expect(begins("OPTIONS sip:198.51.100.7:40001 SIP/2.0\r\n"));
  rig_tear_down();
}

static void test_a_monstrous_contact_is_left_out(void) {
  static char monster[1300];
  set_up();
  memset(monster, 'a', sizeof monster);
  memcpy(monster, "sip:", 4);
  contact_text = str_view_of(monster, sizeof monster);
  keepalive_set_contacts(room, contact_of, NULL);
  struct keepalive_facts facts = rig_facts(&phone);
  facts.method = KEEP_ALIVE_OPTIONS;
  facts.owner = 5;
  keepalive_hold(room, &context, &facts);
  rig_next();
  expect(begins("OPTIONS sip:198.51.100.7:40001 SIP/2.0\r\n"));
  rig_tear_down();
}

static void test_an_options_is_answered_by_any_code_and_its_way_is_timed(void) {
  static const unsigned statuses[] = {200, 404, 405, 486, 501, 603};
  set_up();
  struct keepalive_device *device = rig_hold_with(&phone, KEEP_ALIVE_OPTIONS);
  for (unsigned i = 0; i < 6; i++) {
    const struct rig_sent *one = rig_next();
    rig_run_ms(123);
    expect(rig_answer(one, &phone, statuses[i]));
    expect_int(device->answered_count, ==, i + 1);
    expect(device->has_round_trip && device->round_trip_ms >= 123 && device->round_trip_ms <= 140);
  }
  expect_int(device->sent_count, ==, 6);
  expect_int(counters.keepalives_answered, ==, 6);
  expect_int(counters.keepalives_missed, ==, 0);
  rig_tear_down();
}

static void test_an_answer_counts_once_and_a_late_one_is_a_life_sign_only(void) {
  set_up();
  struct keepalive_device *device = rig_hold_with(&phone, KEEP_ALIVE_OPTIONS);
  struct rig_sent first = *rig_next();
  struct rig_sent second = *rig_next();
  expect_int(counters.keepalives_missed, ==, 1);
  expect(rig_answer(&first, &phone, 200));
  expect_int(device->answered_count, ==, 0);
  expect(!device->has_round_trip && device->miss_count == 0 && device->was_heard);
  expect(rig_answer(&second, &phone, 200));
  expect(rig_answer(&second, &phone, 200));
  expect_int(device->answered_count, ==, 1);
  rig_tear_down();
}

static void test_an_answer_that_we_did_not_ask_for_is_none(void) {
  set_up();
  struct keepalive_device *device = rig_hold_with(&phone, KEEP_ALIVE_OPTIONS);
  struct rig_sent forged = *rig_next();
  char *signature = strstr(forged.text, "z9hG4bKka") + 9 + 18;
  *signature = *signature == '0' ? '1' : '0';
  expect(!rig_answer(&forged, &phone, 200));
  expect(!rig_answer(&forged, &other, 200));
  expect_int(device->answered_count, ==, 0);
  expect(!device->was_heard);
  rig_tear_down();
}

/* --- alive, unreachable, alive again ----------------------------------------------------------------------------- */

static void test_after_three_unanswered_options_a_device_is_unreachable(void) {
  set_up();
  struct keepalive_device *device = rig_hold_with(&phone, KEEP_ALIVE_OPTIONS);
  for (unsigned i = 0; i < 3; i++) {
    rig_next();
    expect(!device->is_unreachable);
  }
  rig_next();
  expect(device->is_unreachable);
  expect_int(counters.devices_lost, ==, 1);
  struct keepalive_counts counts;
  keepalive_count(room, &context, &counts);
  expect_int(counts.unreachable, ==, 1);
  rig_next();
  expect_int(counters.devices_lost, ==, 1);
  rig_tear_down();
}

static void test_any_packet_makes_it_reachable_again(void) {
  static const enum keepalive_sign signs[] = {KEEPALIVE_SIGN_MESSAGE, KEEPALIVE_SIGN_PING, KEEPALIVE_SIGN_PONG};
  set_up();
  parameters.BF_NAT_KEEP_ALIVE_MISSES = 1;
  struct keepalive_device *device = rig_hold_with(&phone, KEEP_ALIVE_OPTIONS);
  for (unsigned i = 0; i < 3; i++) {
    rig_next();
    rig_next();
    expect(device->is_unreachable);
    rig_heard(&phone, signs[i]);
    expect(!device->is_unreachable && device->miss_count == 0);
    rig_check();
  }
  expect_int(counters.devices_regained, ==, 3);
  rig_tear_down();
}

static void test_a_registration_from_there_makes_it_reachable_again(void) {
  set_up();
  parameters.BF_NAT_KEEP_ALIVE_MISSES = 1;
  struct keepalive_device *device = rig_hold_with(&phone, KEEP_ALIVE_OPTIONS);
  rig_next();
  rig_next();
  expect(device->is_unreachable);
  rig_hold_with(&phone, KEEP_ALIVE_OPTIONS);
  expect(!device->is_unreachable);
  rig_tear_down();
}

static void test_whoever_sends_anything_between_two_options_misses_none(void) {
  set_up();
  struct keepalive_device *device = rig_hold_with(&phone, KEEP_ALIVE_OPTIONS);
  for (unsigned i = 0; i < 10; i++) {
    rig_next();
    rig_heard(&phone, KEEPALIVE_SIGN_PING);
  }
  expect_int(counters.keepalives_missed, ==, 0);
  expect_int(device->answered_count, ==, 0);
  expect(!device->is_unreachable);
  rig_tear_down();
}

static void test_silence_after_texts_makes_nobody_unreachable(void) {
  set_up();
  struct keepalive_device *device = rig_hold(&phone);
  rig_run_ms(100 * PERIOD_MS);
  expect(!device->is_unreachable);
  expect_int(counters.keepalives_missed, ==, 0);
  rig_tear_down();
}

static void test_the_number_of_misses_may_change_meanwhile(void) {
  set_up();
  parameters.BF_NAT_KEEP_ALIVE_MISSES = 100;
  struct keepalive_device *device = rig_hold_with(&phone, KEEP_ALIVE_OPTIONS);
  rig_run_ms(10 * PERIOD_MS);
  expect(!device->is_unreachable);
  parameters.BF_NAT_KEEP_ALIVE_MISSES = 2;
  rig_parameters_changed();
  rig_run_ms(PERIOD_MS + 500);
  expect(device->is_unreachable);
  rig_tear_down();
}

static void test_a_refused_datagram_or_lost_connection_makes_it_unreachable_at_once(void) {
  set_up();
  struct keepalive_device *by_udp = rig_hold(&phone), *by_tcp = rig_hold(&tcp_phone);
  keepalive_flow_failed(room, &context, &phone);
  keepalive_flow_failed(room, &context, &tcp_phone);
  keepalive_flow_failed(room, &context, &other);
  expect(by_udp->is_unreachable && by_tcp->is_unreachable);
  rig_check();
  rig_forget_sent();
  rig_run_ms(PERIOD_MS + 500);
  expect(sent_count > 0 && flow_equal(&sent[0].flow, &phone)); /* it may come back */
  rig_tear_down();
}

/* --- heard by another worker ------------------------------------------------------------------------------------- */

/* Told to the worker that a shared hint names; the other one does not know the device. */
static void test_what_another_worker_hears_is_told_to_the_one_whose_device_it_is(void) {
  static uint8_t bytes[4096];
  set_up();
  struct device_homes homes = device_homes_over(bytes, 64);
  memset(bytes, 0, sizeof bytes);
  context.homes = &homes;
  local.worker_count = 2;
  struct keepalive_device *device = rig_hold(&phone);
  local.worker = 1;
  void *memory = rig_memory(keepalive_memory_bytes(8));
  struct keepalive *second = keepalive_create(memory, 8);
  expect(!keepalive_heard(second, &context, &other, KEEPALIVE_SIGN_PING));
  expect_int(outbox.entry_count, ==, 0);
  expect(keepalive_heard(second, &context, &phone, KEEPALIVE_SIGN_PONG));
  expect_int(outbox.entry_count, ==, 1);
  expect_int(entries[0].kind, ==, OUTBOX_TELL_HEARD);
  expect_int(entries[0].worker, ==, 0);
  expect_int(entries[0].sign, ==, KEEPALIVE_SIGN_PONG);
  expect(flow_equal(&entries[0].flow, &phone));
  rig_end_event();
  local.worker = 0;
  keepalive_release(room, &context, device, KEEPALIVE_NOBODY);
  local.worker = 1;
  expect(!keepalive_heard(second, &context, &phone, KEEPALIVE_SIGN_PING));
  local.worker = 0;
  context.homes = NULL;
  free(memory);
  rig_tear_down();
}

/* --- what comes back for text and CRLF --------------------------------------------------------------------------- */

static void test_a_pong_is_an_answer_and_its_way_is_timed(void) {
  set_up();
  struct keepalive_device *device = rig_hold_with(&tcp_phone, KEEP_ALIVE_CRLF);
  rig_next();
  rig_run_ms(70);
  rig_heard(&tcp_phone, KEEPALIVE_SIGN_PONG);
  expect_int(device->answered_count, ==, 1);
  expect(device->round_trip_ms >= 70 && device->round_trip_ms < 90);
  rig_next();
  rig_run_ms(12000); /* a ping of its own, as its connection hands it on */
  rig_heard(&tcp_phone, KEEPALIVE_SIGN_PONG);
  expect(device->round_trip_ms < 90);
  rig_tear_down();
}

static void test_a_request_is_a_life_sign_and_no_answer(void) {
  set_up();
  struct keepalive_device *device = rig_hold(&phone);
  rig_next();
  rig_heard(&phone, KEEPALIVE_SIGN_MESSAGE);
  expect_int(device->answered_count, ==, 0);
  rig_heard(&phone, KEEPALIVE_SIGN_PING);
  expect_int(device->answered_count, ==, 1);
  expect(!device->has_round_trip);
  rig_tear_down();
}

static void test_strangers_are_not_noted(void) {
  set_up();
  rig_hold(&phone);
  expect(!keepalive_heard(room, &context, &other, KEEPALIVE_SIGN_PING));
  expect(keepalive_heard(room, &context, &phone, KEEPALIVE_SIGN_PING));
  rig_tear_down();
}

/* --- auto -------------------------------------------------------------------------------------------------------- */

static void test_auto_climbs_to_options_after_three_silent_periods(void) {
  set_up();
  set_method(KEEP_ALIVE_AUTO);
  struct keepalive_device *device = rig_hold(&phone);
  for (unsigned i = 0; i < 3; i++) {
    rig_next();
    expect_sent("HELLO");
  }
  rig_next();
  expect(begins("OPTIONS ") && device->has_climbed);
  rig_heard(&phone, KEEPALIVE_SIGN_PING);
  rig_next();
  expect(begins("OPTIONS ")); /* it is remembered */
  rig_tear_down();
}

static void test_auto_stays_with_the_text_while_anything_comes_back(void) {
  set_up();
  set_method(KEEP_ALIVE_AUTO);
  rig_hold(&phone);
  for (unsigned i = 0; i < 20; i++) {
    rig_next();
    expect_sent("HELLO");
    if (i % 3 == 2) rig_heard(&phone, i % 2 ? KEEPALIVE_SIGN_PING : KEEPALIVE_SIGN_MESSAGE);
  }
  rig_tear_down();
}

static void test_auto_begins_with_options_when_there_is_no_text(void) {
  set_up();
  rig_set_message("");
  set_method(KEEP_ALIVE_AUTO);
  rig_hold(&phone);
  rig_next();
  expect(begins("OPTIONS "));
  rig_tear_down();
}

static void test_what_a_device_can_do_goes_with_it_to_its_new_flow(void) {
  set_up();
  set_method(KEEP_ALIVE_AUTO);
  struct keepalive_device *before = rig_hold(&phone);
  rig_run_ms(4 * PERIOD_MS);
  expect(before->has_climbed);
  struct keepalive_device *after = rig_hold(&other);
  keepalive_inherit(after, before);
  keepalive_release(room, &context, before, KEEPALIVE_NOBODY);
  rig_next();
  expect(begins("OPTIONS sip:203.0.113.9:40002"));
  rig_tear_down();
}

/* --- a device that moves ----------------------------------------------------------------------------------------- */

static void test_a_device_that_answers_from_elsewhere_is_followed_once_it_answers_there(void) {
  set_up();
  struct keepalive_device *device = rig_hold_with(&phone, KEEP_ALIVE_OPTIONS);
  struct rig_sent asked = *rig_next();
  rig_forget_sent();
  expect(rig_answer(&asked, &other, 200));
  expect(flow_equal(&device->flow, &phone)); /* noticed, not yet followed */
  expect_int(counters.device_moves_noticed, ==, 1);
  expect_int(sent_count, ==, 1);
  expect(flow_equal(&sent[0].flow, &other));
  struct rig_sent proof = sent[0];
  expect(rig_answer(&proof, &other, 200));
  expect(flow_equal(&device->flow, &other));
  expect_int(counters.device_moves_followed, ==, 1);
  expect(strstr(latest_alarm, "198.51.100.7:40001 answers from 203.0.113.9:40002") != NULL);
  rig_check();
  expect(keepalive_find(room, &context, &other) == device && !keepalive_find(room, &context, &phone));
  const struct rig_sent *next = rig_next();
  expect(flow_equal(&next->flow, &other));
  rig_tear_down();
}

/* It sends from another port than it listens on. */
static void test_a_device_that_does_not_answer_there_is_not_followed(void) {
  set_up();
  struct keepalive_device *device = rig_hold_with(&phone, KEEP_ALIVE_OPTIONS);
  for (unsigned i = 0; i < 5; i++) {
    struct rig_sent asked = *rig_next();
    expect(rig_answer(&asked, &other, 200));
    expect(rig_answer(&asked, &other, 200));
  }
  expect_int(counters.device_moves_noticed, ==, 5); /* once a round */
  expect(flow_equal(&device->flow, &phone) && !device->is_unreachable);
  expect_int(device->answered_count, ==, 5);
  rig_tear_down();
}

/* Who has the address that a device had before may have kept what was sent there. */
static void test_an_old_proof_moves_nobody(void) {
  set_up();
  struct keepalive_device *device = rig_hold_with(&phone, KEEP_ALIVE_OPTIONS);
  struct rig_sent old = *rig_next();
  struct rig_sent asked = *rig_next();
  rig_forget_sent();
  rig_answer(&asked, &other, 200);
  struct rig_sent proof = sent[0];
  rig_answer(&proof, &other, 200);
  expect(flow_equal(&device->flow, &other));
  rig_next();
  expect(!rig_answer(&old, &phone, 200) || flow_equal(&device->flow, &other));
  expect(!rig_answer(&asked, &phone, 200) || flow_equal(&device->flow, &other));
  expect(flow_equal(&device->flow, &other));
  rig_tear_down();
}

static void test_nobody_is_followed_to_where_somebody_else_is(void) {
  set_up();
  struct keepalive_device *device = rig_hold_with(&phone, KEEP_ALIVE_OPTIONS);
  struct rig_sent asked = *rig_next();
  rig_forget_sent();
  rig_answer(&asked, &other, 200);
  struct rig_sent proof = sent[0];
  rig_hold(&other);
  rig_answer(&proof, &other, 200);
  expect(flow_equal(&device->flow, &phone));
  expect_int(counters.device_moves_followed, ==, 0);
  rig_tear_down();
}

TAP_TESTS(TAP(test_options_are_whole_and_addressed_to_the_contact),
          TAP(test_when_the_contacts_owner_is_gone_the_address_will_do), TAP(test_a_monstrous_contact_is_left_out),
          TAP(test_an_options_is_answered_by_any_code_and_its_way_is_timed),
          TAP(test_an_answer_counts_once_and_a_late_one_is_a_life_sign_only),
          TAP(test_an_answer_that_we_did_not_ask_for_is_none),
          TAP(test_after_three_unanswered_options_a_device_is_unreachable),
          TAP(test_any_packet_makes_it_reachable_again), TAP(test_a_registration_from_there_makes_it_reachable_again),
          TAP(test_whoever_sends_anything_between_two_options_misses_none),
          TAP(test_silence_after_texts_makes_nobody_unreachable), TAP(test_the_number_of_misses_may_change_meanwhile),
          TAP(test_a_refused_datagram_or_lost_connection_makes_it_unreachable_at_once),
          TAP(test_what_another_worker_hears_is_told_to_the_one_whose_device_it_is),
          TAP(test_a_pong_is_an_answer_and_its_way_is_timed), TAP(test_a_request_is_a_life_sign_and_no_answer),
          TAP(test_strangers_are_not_noted), TAP(test_auto_climbs_to_options_after_three_silent_periods),
          TAP(test_auto_stays_with_the_text_while_anything_comes_back),
          TAP(test_auto_begins_with_options_when_there_is_no_text),
          TAP(test_what_a_device_can_do_goes_with_it_to_its_new_flow),
          TAP(test_a_device_that_answers_from_elsewhere_is_followed_once_it_answers_there),
          TAP(test_a_device_that_does_not_answer_there_is_not_followed), TAP(test_an_old_proof_moves_nobody),
          TAP(test_nobody_is_followed_to_where_somebody_else_is))
