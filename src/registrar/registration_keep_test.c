/* What the journal is told of registrations, and what comes back of it when the switch was killed. */
#include "registrar/registrar_rig.h"

/* --- killed, and started again ----------------------------------------------------------------------------------- */

static enum result restore_one(const struct rig_kept *kept) {
  struct str_view state = str_view_of(kept->state, kept->state_length);
  return registrar_restore(registrar, &world->context, kept->key, state, str_view_of(kept->note, kept->note_length));
}

/* Returns how many registrations go on; the others are dropped. */
static unsigned restart(unsigned away_s) {
  struct registrar_limits limits = {.registrations_max = 16, .suspensions_max = 4, .nonces_max = 8};
  unsigned count = 0;
  free(registrar_memory);
  free(keepalive_memory);
  rig_build_registrar(&limits);
  world->context.now.value += (int64_t)away_s * 1000;
  world->context.wall_now.value += (int64_t)away_s * 1000000;
  timer_wheel_init(&world->wheel, world->context.now);
  for (unsigned i = 0; i < RIG_KEPT_MAX; i++) {
    struct rig_kept kept = rig_kept[i];
    if (journal_key_is_none(kept.key) || journal_key_thing(kept.key) != JOURNAL_REGISTRATION) continue;
    bool is_well = restore_one(&kept) == RESULT_OK;
    count += is_well;
    rig_end_event(world);
    if (!is_well) rig_drop(kept.key);
  }
  rig_check_registrar();
  return count;
}

static void begin(void) {
  set_up();
  rig_start_journal();
}

static struct keepalive_device *device_of(const char *number) {
  return location_table_first(&registrar->locations, &world->context, str_view_from_c(number))->device;
}

/* --- what is told ------------------------------------------------------------------------------------------------ */

static void test_a_new_binding_is_kept_and_a_refresh_only_noted(void) {
  begin();
  expect_status(REGISTER(.cseq = 1), 200);
  expect_int(rig_puts, ==, 1);
  expect_int(rig_notes + rig_drops, ==, 0);
  expect_status(REGISTER(.cseq = 3), 200);
  expect_int(rig_puts, ==, 1);
  expect_int(rig_notes, ==, 1);
  expect_int(rig_kept_count(JOURNAL_REGISTRATION), ==, 1);
  const struct rig_kept *kept = NULL;
  for (unsigned i = 0; i < RIG_KEPT_MAX; i++)
    if (rig_kept[i].note_length > 0) kept = &rig_kept[i];
  expect(kept && kept->note_length < 80);
  tear_down();
}

static void test_a_binding_that_goes_is_dropped_whyever_it_goes(void) {
  begin();
  expect_status(REGISTER(.cseq = 1), 200);
  expect_status(REGISTER(.cseq = 3, .contact = "Contact: <sip:1001@10.0.0.5:5062>;expires=0\r\n"), 200);
  expect_int(rig_kept_count(JOURNAL_REGISTRATION), ==, 0);
  expect_status(REGISTER(.cseq = 5, .contact = "Contact: <sip:1001@10.0.0.5:5062>;expires=60\r\n"), 200);
  run_s(61);
  expect_int(rig_kept_count(JOURNAL_REGISTRATION), ==, 0);
  expect_status(REGISTER(.cseq = 7), 200);
  expect_int(registrar_kick(registrar, &world->context, STR_VIEW("3-0-5")), ==, RESULT_OK);
  rig_end_event(world);
  expect_int(rig_kept_count(JOURNAL_REGISTRATION), ==, 0);
  /* Replaced by another one of the same phone (SS_ENDPOINT_REGISTER_REPLACE). */
  expect_status(REGISTER(.cseq = 9), 200);
  expect_status(REGISTER(.cseq = 11, .contact = "Contact: <sip:1001@10.0.0.6>\r\n"), 200);
  expect_int(rig_kept_count(JOURNAL_REGISTRATION), ==, 1);
  tear_down();
}

static void test_one_that_is_written_otherwise_stays_one(void) {
  begin();
  expect_status(REGISTER(.cseq = 1), 200);
  expect_status(REGISTER(.cseq = 3, .extra = "User-Agent: Newer/2\r\n"), 200);
  expect_int(rig_kept_count(JOURNAL_REGISTRATION), ==, 1);
  expect_int(restart(5), ==, 1);
  tear_down();
}

static void test_two_flows_of_one_contact_are_two(void) {
  begin();
  const char *first = "Contact: <sip:1001@10.0.0.5:5062>;+sip.instance=\"<urn:uuid:1>\";reg-id=1;expires=600\r\n";
  const char *second = "Contact: <sip:1001@10.0.0.5:5062>;+sip.instance=\"<urn:uuid:1>\";reg-id=2;expires=600\r\n";
  expect_status(REGISTER(.cseq = 1, .contact = first, .extra = "Supported: path, outbound\r\n"), 200);
  expect_status(REGISTER(.cseq = 3, .contact = second, .extra = "Supported: path, outbound\r\n", .flow = &other_flow),
                200);
  expect_int(rig_kept_count(JOURNAL_REGISTRATION), ==, 2);
  expect_int(restart(5), ==, 2);
  expect_int(rig_locate("1001").contact_count, ==, 2);
  tear_down();
}

/* --- what comes back --------------------------------------------------------------------------------------------- */

static void test_a_phone_is_where_it_was(void) {
  begin();
  struct flow flow = rig_flow(TRANSPORT_UDP, "[2001:db8::7]:40000", 0);
  flow.socket_index = world->local.socket_count;
  rig_add_socket(world, TRANSPORT_UDP, "[2001:db8::1]:5060");
  expect_status(REGISTER(.cseq = 1, .flow = &flow,
                         .extra = "Path: <sip:edge.example;lr>\r\nSupported: path\r\n"
                                  "User-Agent: Old Phone\r\n",
                         .contact = "Contact: <sip:1001@10.0.0.5:5062>;q=0.7;expires=600\r\n"),
                200);
  expect_int(restart(10), ==, 1);
  struct location_answer answer = rig_locate("1001");
  expect_int(answer.contact_count, ==, 1);
  expect_view(answer.contacts[0].uri, "sip:1001@10.0.0.5:5062");
  expect_view(answer.contacts[0].path, "<sip:edge.example;lr>");
  expect_int(answer.contacts[0].q_thousandths, ==, 700);
  expect(flow_equal(&answer.contacts[0].flow, &flow));
  expect(answer.contacts[0].reachable);
  const struct registration *registration =
      location_table_first(&registrar->locations, &world->context, STR_VIEW("1001"));
  expect_int(registration_expires_in_s(registration, world->context.now), ==, 590);
  expect_int(mono_ms_since(world->context.now, registration->registered_at), ==, 10000);
  expect_view(registration_texts(&registrar->locations, registration).user_agent, "Old Phone");
  tear_down();
}

static void test_the_latest_refresh_counts(void) {
  begin();
  expect_status(REGISTER(.cseq = 1), 200);
  run_s(500);
  expect_status(REGISTER(.cseq = 3, .flow = &other_flow), 200);
  run_s(50);
  expect_int(restart(100), ==, 1);
  const struct registration *registration =
      location_table_first(&registrar->locations, &world->context, STR_VIEW("1001"));
  expect_int(registration_expires_in_s(registration, world->context.now), ==, 450);
  expect(flow_equal(&registration->device->flow, &other_flow));
  /* A request that was overtaken changes nothing, still. */
  expect_status(REGISTER(.cseq = 2), 500);
  expect_status(REGISTER(.cseq = 4), 200);
  tear_down();
}

static void test_what_has_run_out_meanwhile_is_gone(void) {
  begin();
  expect_status(REGISTER(.cseq = 1), 200);
  expect_status(REGISTER(.number = "1002", .password = "two", .call_id = "reg-2",
                         .contact = "Contact: <sip:1002@10.0.0.5:5062>;expires=3600\r\n"),
                200);
  expect_int(restart(600), ==, 1);
  expect_int(rig_locate("1001").contact_count, ==, 0);
  expect_int(rig_locate("1002").contact_count, ==, 1);
  tear_down();
}

static void test_a_clock_that_was_set_back_gives_no_more_time_than_was_given(void) {
  begin();
  expect_status(REGISTER(.cseq = 1), 200);
  world->context.wall_now.value -= INT64_C(7200000000);
  expect_int(restart(1), ==, 1);
  const struct registration *registration =
      location_table_first(&registrar->locations, &world->context, STR_VIEW("1001"));
  expect_int(registration_expires_in_s(registration, world->context.now), ==, 600);
  run_s(601);
  expect_int(registrar_count(registrar), ==, 0);
  tear_down();
}

static void test_a_phone_that_is_no_more_configured_is_gone(void) {
  begin();
  expect_status(REGISTER(.cseq = 1), 200);
  const struct directory *directory = world->context.directory;
  char problem_memory[256];
  struct text_builder problem = text_builder_over(problem_memory, sizeof problem_memory);
  void *memory = rig_memory(directory_memory_bytes(NULL, 0));
  world->context.directory = directory_build(memory, NULL, 0, STR_VIEW(RIG_REALM), NULL, NULL, 0, &problem);
  expect_int(restart(1), ==, 0);
  world->context.directory = directory;
  free(memory);
  tear_down();
}

static void test_a_connection_that_went_with_the_switch_is_known_to_be_gone(void) {
  begin();
  struct flow flow = rig_flow(TRANSPORT_TCP, "198.51.100.7:40000", 7), later = flow;
  later.connection = 8;
  expect_status(REGISTER(.cseq = 1, .flow = &flow), 200);
  expect(rig_locate("1001").contacts[0].reachable);
  expect_int(restart(1), ==, 1);
  expect(!rig_locate("1001").contacts[0].reachable);
  world->sent_count = 0;
  run_s(120);
  expect_int(world->sent_count, ==, 0);
  expect_status(REGISTER(.cseq = 3, .flow = &later), 200);
  expect(rig_locate("1001").contacts[0].reachable);
  tear_down();
}

static void test_a_transport_that_is_no_more_listened_on_loses_its_phones(void) {
  begin();
  struct flow flow = rig_flow(TRANSPORT_TCP, "198.51.100.7:40000", 7);
  expect_status(REGISTER(.cseq = 1, .flow = &flow), 200);
  world->local.socket_count = 1;
  expect_int(restart(1), ==, 0);
  tear_down();
}

/* --- keep-alives ------------------------------------------------------------------------------------------------- */

static void test_keep_alives_go_on_within_a_period_and_a_fifth(void) {
  begin();
  expect_status(REGISTER(.cseq = 1), 200);
  uint32_t period_s = world->parameters.SS_SIP_NAT_KEEP_ALIVE_PERIOD;
  for (unsigned away_s = 1; away_s < 20; away_s += 3) {
    rig_kept[0].note_length = 0;
    expect_int(restart(away_s), ==, 1);
    world->sent_count = 0;
    run_s(period_s + period_s / 5);
    expect_int(world->sent_count, >=, 1);
    expect_int(world->sent_count, <=, 2);
  }
  tear_down();
}

static void test_what_was_found_out_of_a_phone_is_not_forgotten(void) {
  begin();
  world->parameters.BF_NAT_KEEP_ALIVE_METHOD = KEEP_ALIVE_OPTIONS;
  expect_status(REGISTER(.cseq = 1, .contact = "Contact: <sip:1001@10.0.0.5:5062>;expires=3600\r\n"), 200);
  run_s(world->parameters.SS_SIP_NAT_KEEP_ALIVE_PERIOD * (world->parameters.BF_NAT_KEEP_ALIVE_MISSES + 2));
  expect(!rig_locate("1001").contacts[0].reachable);
  uint32_t silent_ms =
      (uint32_t)mono_ms_since(world->context.now, keepalive_device_heard_at(device_of("1001"), world->context.now));
  expect_int(restart(30), ==, 1);
  expect(!rig_locate("1001").contacts[0].reachable);
  int64_t now_silent_ms =
      mono_ms_since(world->context.now, keepalive_device_heard_at(device_of("1001"), world->context.now));
  expect_int(now_silent_ms, ==, silent_ms + 30000);
  /* It says something: it is reachable, and that is kept as well. */
  (void)keepalive_heard(keepalive, &world->context, &phone_flow, KEEPALIVE_SIGN_PING);
  rig_end_event(world);
  expect_int(restart(1), ==, 1);
  expect(rig_locate("1001").contacts[0].reachable);
  tear_down();
}

static void test_the_method_that_works_stays(void) {
  begin();
  world->parameters.BF_NAT_KEEP_ALIVE_METHOD = KEEP_ALIVE_AUTO;
  expect_status(REGISTER(.cseq = 1, .contact = "Contact: <sip:1001@10.0.0.5:5062>;expires=3600\r\n"), 200);
  run_s(world->parameters.SS_SIP_NAT_KEEP_ALIVE_PERIOD * 5);
  expect(device_of("1001")->has_climbed);
  expect_int(restart(1), ==, 1);
  expect(device_of("1001")->has_climbed);
  tear_down();
}

static void test_a_refresh_from_where_it_was_is_kept_when_it_suits_and_any_other_soon(void) {
  begin();
  expect_status(REGISTER(.cseq = 1), 200);
  expect_int(rig_haste, ==, JOURNAL_SOON);
  expect_status(REGISTER(.cseq = 2), 200);
  expect_int(rig_haste, ==, JOURNAL_LAZY);
  expect_status(REGISTER(.cseq = 3, .flow = &other_flow), 200);
  expect_int(rig_haste, ==, JOURNAL_SOON);
  tear_down();
}

static void test_who_has_moved_is_kept_where_it_is(void) {
  begin();
  expect_status(REGISTER(.cseq = 1), 200);
  struct registration *registration = location_table_first(&registrar->locations, &world->context, STR_VIEW("1001"));
  expect(location_table_move(&registrar->locations, &world->context, registration, &other_flow));
  registration_keep_changes(&registrar->locations, &world->context, registration, JOURNAL_SOON);
  rig_end_event(world);
  expect_int(restart(1), ==, 1);
  expect(flow_equal(&device_of("1001")->flow, &other_flow));
  tear_down();
}

/* --- suspensions ------------------------------------------------------------------------------------------------- */

static enum result restore_suspensions(void) {
  enum result result = RESULT_OK;
  for (unsigned i = 0; i < RIG_KEPT_MAX; i++) {
    struct rig_kept kept = rig_kept[i];
    if (journal_key_is_none(kept.key) || journal_key_thing(kept.key) != JOURNAL_SUSPENSION) continue;
    result =
        registrar_restore_suspension(registrar, &world->context, kept.key, str_view_of(kept.state, kept.state_length));
    if (result != RESULT_OK) rig_drop(kept.key);
  }
  return result;
}

static void test_a_suspension_lasts_as_long_as_it_would_have(void) {
  begin();
  world->parameters.SS_SIP_AUTHENTICATION_RETRY = 0;
  expect_status(REGISTER(.password = "wrong"), 403);
  expect_int(rig_kept_count(JOURNAL_SUSPENSION), ==, 1);
  restart(100);
  expect_int(restore_suspensions(), ==, RESULT_OK);
  expect_status(REGISTER(.cseq = 3), 403);
  expect_status(REGISTER(.number = "1002", .password = "two", .call_id = "reg-2"), 200);
  run_s(79);
  expect_status(REGISTER(.cseq = 5), 403);
  run_s(2);
  expect_int(rig_kept_count(JOURNAL_SUSPENSION), ==, 0);
  expect_status(REGISTER(.cseq = 7), 200);
  tear_down();
}

static void test_a_suspension_that_would_have_ended_is_none(void) {
  begin();
  world->parameters.SS_SIP_AUTHENTICATION_RETRY = 0;
  expect_status(REGISTER(.password = "wrong"), 403);
  restart(181);
  expect_int(restore_suspensions(), ==, RESULT_NOT_FOUND);
  expect_status(REGISTER(.cseq = 3), 200);
  tear_down();
}

static void test_wrong_answers_that_were_too_few_are_nobodys_business(void) {
  begin();
  world->parameters.SS_SIP_AUTHENTICATION_RETRY = 3;
  for (unsigned i = 0; i < 3; i++)
    expect_status(REGISTER(.password = "wrong", .cseq = 1 + i), 401);
  expect_int(rig_puts, ==, 0);
  tear_down();
}

/* --- what is no state -------------------------------------------------------------------------------------------- */

static void test_a_state_with_any_byte_missing_is_refused(void) {
  begin();
  expect_status(REGISTER(.cseq = 1, .extra = "User-Agent: x\r\n"), 200);
  struct rig_kept whole = rig_kept[0];
  restart(1);
  for (size_t length = 0; length < whole.state_length; length++) {
    struct rig_kept cut = whole;
    cut.state_length = length;
    expect_int(restore_one(&cut), ==, RESULT_MALFORMED);
  }
  whole.state[0] = 9; /* of a later version */
  expect_int(restore_one(&whole), ==, RESULT_MALFORMED);
  expect_view(registrar_kept_number(str_view_of(whole.state, whole.state_length)), "");
  rig_check_registrar();
  tear_down();
}

static void test_another_key_of_the_hashes_gives_it_another_name(void) {
  begin();
  expect_status(REGISTER(.cseq = 1), 200);
  struct journal_key before = rig_kept[0].key;
  world->local.nonce_key.k0++;
  expect_int(restart(1), ==, 1);
  expect_int(rig_kept_count(JOURNAL_REGISTRATION), ==, 1);
  expect(rig_kept_at(before) == NULL);
  expect_status(REGISTER(.cseq = 3, .contact = "Contact: <sip:1001@10.0.0.5:5062>;expires=0\r\n"), 200);
  expect_int(rig_kept_count(JOURNAL_REGISTRATION), ==, 0);
  tear_down();
}

/* --- a journal that has lost what it was told --------------------------------------------------------------------- */

static void test_a_journal_that_has_lost_what_it_was_told_hears_of_all_that_lives(void) {
  begin();
  world->parameters.SS_SIP_AUTHENTICATION_RETRY = 0;
  expect_status(REGISTER(.cseq = 1), 200);
  expect_status(REGISTER(.number = "1002", .password = "two", .call_id = "reg-2"), 200);
  expect_status(REGISTER(.number = "1002", .password = "wrong", .call_id = "reg-3"), 403);
  expect_status(REGISTER(.cseq = 3), 200);
  memset(rig_kept, 0, sizeof rig_kept);
  uint32_t index = 0;
  unsigned rounds = 1;
  while (registrar_tell_journal(registrar, &world->context, &index))
    rounds++;
  rig_end_event(world);
  expect_int(rounds, <, 4);
  expect_int(rig_kept_count(JOURNAL_REGISTRATION), ==, 2);
  expect_int(rig_kept_count(JOURNAL_SUSPENSION), ==, 1);
  int64_t left_s = registration_expires_in_s(
      location_table_first(&registrar->locations, &world->context, STR_VIEW("1001")), world->context.now);
  expect_int(restart(10), ==, 2);
  expect_int(restore_suspensions(), ==, RESULT_OK);
  expect_int(registration_expires_in_s(location_table_first(&registrar->locations, &world->context, STR_VIEW("1001")),
                                       world->context.now),
             ==, left_s - 10);
  tear_down();
}

TAP_TESTS(TAP(test_a_new_binding_is_kept_and_a_refresh_only_noted),
          TAP(test_a_binding_that_goes_is_dropped_whyever_it_goes), TAP(test_one_that_is_written_otherwise_stays_one),
          TAP(test_two_flows_of_one_contact_are_two), TAP(test_a_phone_is_where_it_was),
          TAP(test_the_latest_refresh_counts), TAP(test_what_has_run_out_meanwhile_is_gone),
          TAP(test_a_clock_that_was_set_back_gives_no_more_time_than_was_given),
          TAP(test_a_phone_that_is_no_more_configured_is_gone),
          TAP(test_a_connection_that_went_with_the_switch_is_known_to_be_gone),
          TAP(test_a_transport_that_is_no_more_listened_on_loses_its_phones),
          TAP(test_keep_alives_go_on_within_a_period_and_a_fifth),
          TAP(test_what_was_found_out_of_a_phone_is_not_forgotten), TAP(test_the_method_that_works_stays),
          TAP(test_a_refresh_from_where_it_was_is_kept_when_it_suits_and_any_other_soon),
          TAP(test_who_has_moved_is_kept_where_it_is), TAP(test_a_suspension_lasts_as_long_as_it_would_have),
          TAP(test_a_suspension_that_would_have_ended_is_none),
          TAP(test_wrong_answers_that_were_too_few_are_nobodys_business),
          TAP(test_a_state_with_any_byte_missing_is_refused), TAP(test_another_key_of_the_hashes_gives_it_another_name),
          TAP(test_a_journal_that_has_lost_what_it_was_told_hears_of_all_that_lives))
