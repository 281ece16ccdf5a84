/* What comes in: target refreshes (RFC 3261 §12.2, RFC 6141 §4), the way to the peer, abilities. */
#include "dialog/dialog_fixture.h"

/* --- target refresh ---------------------------------------------------------------------------------------------- */

static void test_an_accepted_target_refresh_moves_the_target(void) {
  static const struct {
    const char *name;
    enum sip_method method;
  } cases[] = {{"INVITE", SIP_METHOD_INVITE},
               {"UPDATE", SIP_METHOD_UPDATE},
               {"SUBSCRIBE", SIP_METHOD_SUBSCRIBE},
               {"NOTIFY", SIP_METHOD_NOTIFY},
               {"REFER", SIP_METHOD_REFER}};
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_talks(world, alice_contact);
  struct flow flow = udp_from("198.51.100.7:5060");
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char lines[96], target[64];
    snprintf(target, sizeof target, "sip:alice@198.51.100.%u", 50 + i);
    snprintf(lines, sizeof lines, "Contact: <%s>\n", target);
    const struct sip_message *request = alice_requests(world, dialog, cases[i].name, 101 + i, lines);
    expect_int(take_request(world, dialog, request, &flow, &transaction), ==, RESULT_OK);
    expect(!str_view_equal(dialog_remote_target(world->table, dialog), world_view(target)));
    respond(world, dialog, transaction, cases[i].method, 200);
    expect_view(dialog_remote_target(world->table, dialog), target);
    next_event(world);
  }
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_OK);
  expect_view(sent(world)->request_uri, "sip:alice@198.51.100.54");
  expect_remote(&world->sent_flow, "198.51.100.54:5060");
  world_end(world);
}

/* RFC 6141 §4.6. */
static void test_a_refused_target_refresh_moves_nothing(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_talks(world, alice_contact);
  struct flow flow = udp_from("198.51.100.7:5060");
  const struct sip_message *reinvite =
      alice_requests(world, dialog, "INVITE", 101, "Contact: <sip:alice@198.51.100.50>\n");
  expect_int(take_request(world, dialog, reinvite, &flow, &transaction), ==, RESULT_OK);
  respond(world, dialog, transaction, SIP_METHOD_INVITE, 488);
  expect_view(dialog_remote_target(world->table, dialog), "sip:alice@198.51.100.7:5060");
  expect_int(take_request(world, dialog, alice_requests(world, dialog, "INVITE", 102, ""), &flow, &transaction), ==,
             RESULT_OK);
  respond(world, dialog, transaction, SIP_METHOD_INVITE, 200);
  expect_view(dialog_remote_target(world->table, dialog), "sip:alice@198.51.100.7:5060");
  world_end(world);
}

static void test_a_refusal_behind_the_dialogs_back_moves_nothing_later(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_talks(world, alice_contact);
  struct flow flow = udp_from("198.51.100.7:5060");
  struct str_view none = {0};
  const struct sip_message *request =
      alice_requests(world, dialog, "INVITE", 101, "Contact: <sip:alice@new.example>\n");
  expect_int(take_request(world, dialog, request, &flow, &transaction), ==, RESULT_OK);
  expect_int(transaction_respond_simple(world->layer, &world->context, transaction, 491, none, none), ==, RESULT_OK);
  request = alice_requests(world, dialog, "INVITE", 102, "");
  expect_int(take_request(world, dialog, request, &flow, &transaction), ==, RESULT_OK);
  respond(world, dialog, transaction, SIP_METHOD_INVITE, 200);
  expect_view(dialog_remote_target(world->table, dialog), "sip:alice@198.51.100.7:5060");
  world_end(world);
}

static void test_a_target_waits_for_the_answer_to_its_own_request(void) {
  struct world *world = world_create(4);
  struct handle reinvite, info, dialog = alice_talks(world, alice_contact);
  struct flow flow = udp_from("198.51.100.7:5060");
  const struct sip_message *request =
      alice_requests(world, dialog, "INVITE", 101, "Contact: <sip:alice@new.example>\n");
  expect_int(take_request(world, dialog, request, &flow, &reinvite), ==, RESULT_OK);
  expect_int(take_request(world, dialog, alice_requests(world, dialog, "INFO", 102, ""), &flow, &info), ==, RESULT_OK);
  respond(world, dialog, info, SIP_METHOD_INFO, 200);
  expect_view(dialog_remote_target(world->table, dialog), "sip:alice@198.51.100.7:5060");
  respond(world, dialog, reinvite, SIP_METHOD_INVITE, 200);
  expect_view(dialog_remote_target(world->table, dialog), "sip:alice@new.example");
  world_end(world);
}

static void test_other_requests_and_unusable_contacts_move_nothing(void) {
  static const char *const lines[] = {"Contact: <tel:+1>\n", "Contact: *\n", "Contact: <sip:\n", ""};
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_talks(world, alice_contact);
  struct flow flow = udp_from("198.51.100.7:5060");
  const struct sip_message *info =
      alice_requests(world, dialog, "OPTIONS", 101, "Contact: <sip:alice@198.51.100.50>\n");
  expect_int(take_request(world, dialog, info, &flow, &transaction), ==, RESULT_OK);
  respond(world, dialog, transaction, SIP_METHOD_OPTIONS, 200);
  for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    const struct sip_message *update = alice_requests(world, dialog, "UPDATE", 102 + i, lines[i]);
    expect_int(take_request(world, dialog, update, &flow, &transaction), ==, RESULT_OK);
    respond(world, dialog, transaction, SIP_METHOD_UPDATE, 200);
    next_event(world);
  }
  expect_view(dialog_remote_target(world->table, dialog), "sip:alice@198.51.100.7:5060");
  world_end(world);
}

static void test_a_2xx_to_our_target_refresh_moves_the_target_a_refusal_does_not(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, carol_contact);
  expect_int(send_request(world, dialog, SIP_METHOD_UPDATE), ==, RESULT_OK);
  carol_responds(world, dialog, "488 Not Here", "c1", "2 UPDATE", "Contact: <sip:carol@203.0.113.50>\n");
  expect_view(dialog_remote_target(world->table, dialog), "sip:carol@203.0.113.9:5080");
  carol_responds(world, dialog, "200 OK", "c1", "2 UPDATE", "Contact: <sip:carol@203.0.113.51>\n");
  expect_view(dialog_remote_target(world->table, dialog), "sip:carol@203.0.113.51");
  carol_responds(world, dialog, "200 OK", "c1", "3 INFO", "Contact: <sip:carol@203.0.113.52>\n");
  expect_view(dialog_remote_target(world->table, dialog), "sip:carol@203.0.113.51");
  world_end(world);
}

/* RFC 6141 §4.7. */
static void test_a_reliable_1xx_moves_the_target_an_unreliable_one_does_not(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  carol_responds(world, dialog, "180 Ringing", "c1", "1 INVITE", carol_contact);
  carol_responds(world, dialog, "183 Progress", "c1", "1 INVITE", "Contact: <sip:carol@203.0.113.50>\n");
  expect_view(dialog_remote_target(world->table, dialog), "sip:carol@203.0.113.9:5080");
  carol_responds(world, dialog, "183 Progress", "c1", "1 INVITE",
                 "Contact: <sip:carol@203.0.113.51>\nRequire: 100rel\nRSeq: 1\n");
  expect_view(dialog_remote_target(world->table, dialog), "sip:carol@203.0.113.51");
  world_end(world);
}

static void test_a_response_without_contact_leaves_the_invited_target(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  carol_responds(world, dialog, "180 Ringing", "c1", "1 INVITE", "");
  expect_view(dialog_remote_target(world->table, dialog), "sip:carol@203.0.113.9:5080");
  carol_responds(world, dialog, "200 OK", "c1", "1 INVITE", "Contact: <sip:carol@203.0.113.50>\n");
  expect_view(dialog_remote_target(world->table, dialog), "sip:carol@203.0.113.50");
  world_end(world);
}

/* --- the way ----------------------------------------------------------------------------------------------------- */

static void test_behind_nat_the_received_address_wins(void) {
  struct world *world = world_create(4);
  struct flow flow = udp_from("198.51.100.200:40000");
  struct handle dialog;
  const struct sip_message *invite = invite_of_alice(world, "Contact: <sip:alice@10.0.0.5:5060>\n");
  expect_int(dialog_create_uas(world->table, &world->context, invite, &flow, nobody, &dialog), ==, RESULT_OK);
  dialog_note_response_sent(world->table, dialog, 200);
  expect_int(send_request(world, dialog, SIP_METHOD_INFO), ==, RESULT_OK);
  expect_view(sent(world)->request_uri, "sip:alice@10.0.0.5:5060");
  expect_remote(&world->sent_flow, "198.51.100.200:40000");
  world_end(world);
}

static void test_a_sender_whose_via_is_wrong_is_followed_whatever_its_contact(void) {
  struct world *world = world_create(4);
  struct flow flow = udp_from("198.51.100.200:40000");
  struct handle dialog;
  const struct sip_message *invite = invite_of_alice(world, alice_contact);
  expect_int(dialog_create_uas(world->table, &world->context, invite, &flow, nobody, &dialog), ==, RESULT_OK);
  struct flow now = dialog_flow(world->table, dialog);
  expect_remote(&now, "198.51.100.200:40000");
  world_end(world);
}

static void test_a_secure_target_is_reached_over_tls_through_any_route(void) {
  struct world *world = world_create(4);
  struct handle dialog =
      alice_talks(world, "Contact: <sips:alice@198.51.100.7>\nRecord-Route: <sip:198.51.100.8;lr>\n");
  struct flow now = dialog_flow(world->table, dialog);
  expect_int(now.transport, ==, TRANSPORT_TLS);
  expect_remote(&now, "198.51.100.8:5061");
  world_end(world);
}

static void test_a_device_that_moves_behind_nat_and_back_is_followed(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_talks(world, alice_contact);
  struct flow nat = udp_from("198.51.100.200:40000"), home = udp_from("198.51.100.7:5060");
  expect_int(take_request(world, dialog, alice_requests(world, dialog, "INFO", 101, ""), &nat, NULL), ==, RESULT_OK);
  struct flow now = dialog_flow(world->table, dialog);
  expect_remote(&now, "198.51.100.200:40000");
  expect_int(take_request(world, dialog, alice_requests(world, dialog, "INFO", 102, ""), &home, NULL), ==, RESULT_OK);
  now = dialog_flow(world->table, dialog);
  expect_remote(&now, "198.51.100.7:5060");
  world_end(world);
}

static void test_a_rebound_nat_is_followed(void) {
  struct world *world = world_create(4);
  struct flow flow = udp_from("198.51.100.200:40000"), rebound = udp_from("198.51.100.200:40001");
  struct handle dialog;
  const struct sip_message *invite = invite_of_alice(world, "Contact: <sip:alice@10.0.0.5:5060>\n");
  expect_int(dialog_create_uas(world->table, &world->context, invite, &flow, nobody, &dialog), ==, RESULT_OK);
  dialog_note_response_sent(world->table, dialog, 200);
  expect_int(take_request(world, dialog, alice_requests(world, dialog, "INFO", 101, ""), &rebound, NULL), ==,
             RESULT_OK);
  struct flow now = dialog_flow(world->table, dialog);
  expect_remote(&now, "198.51.100.200:40001");
  world_end(world);
}

static void test_an_out_of_order_request_does_not_move_the_way(void) {
  struct world *world = world_create(4);
  struct flow flow = udp_from("198.51.100.200:40000"), stale = udp_from("198.51.100.200:39999");
  struct handle dialog;
  const struct sip_message *invite = invite_of_alice(world, "Contact: <sip:alice@10.0.0.5:5060>\n");
  expect_int(dialog_create_uas(world->table, &world->context, invite, &flow, nobody, &dialog), ==, RESULT_OK);
  expect_int(take_request(world, dialog, alice_requests(world, dialog, "INFO", 99, ""), &stale, NULL), ==,
             RESULT_OUT_OF_RANGE);
  struct flow now = dialog_flow(world->table, dialog);
  expect_remote(&now, "198.51.100.200:40000");
  world_end(world);
}

/* --- host names (RFC 3263) --------------------------------------------------------------------------------------- */

/* How many names were asked for since the last event; the last one's host. */
static unsigned names_asked(struct world *world, struct str_view *host_out) {
  unsigned count = 0;
  for (uint32_t i = 0; i < world->outbox.entry_count; i++) {
    if (world->outbox.entries[i].kind != OUTBOX_RESOLVE) continue;
    *host_out = world->outbox.entries[i].bytes;
    count++;
  }
  return count;
}

static void answer_name(struct world *world, struct handle dialog, const char *text) {
  struct address address = text ? world_address(text) : (struct address){0};
  next_event(world);
  dialog_resolved(world->table, &world->context, dialog, TRANSPORT_UDP, (struct address_list){&address, text != NULL});
}

/* Alice's INVITE with a Contact that names a host, which has been asked for. */
static struct handle alice_calls_from(struct world *world, const char *contact, const char *host) {
  struct flow flow = udp_from("198.51.100.7:5060");
  struct str_view asked = {0};
  struct handle dialog;
  const struct sip_message *invite = invite_of_alice(world, contact);
  expect_int(dialog_create_uas(world->table, &world->context, invite, &flow, nobody, &dialog), ==, RESULT_OK);
  expect_int(names_asked(world, &asked), ==, 1);
  expect_view(asked, host);
  return dialog;
}

static void test_a_host_name_in_contact_or_route_is_looked_up_and_followed(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_calls_from(world, "Contact: <sip:alice@pbx.example.org>\n", "pbx.example.org");
  struct flow now = dialog_flow(world->table, dialog);
  expect_remote(&now, "198.51.100.7:5060"); /* until the answer is there */
  answer_name(world, dialog, "198.51.100.70:5062");
  now = dialog_flow(world->table, dialog);
  expect_remote(&now, "198.51.100.70:5062");
  dialog_destroy(world->table, &world->context, dialog);
  answer_name(world, dialog, "198.51.100.71:5062"); /* too late for anybody */
  dialog = alice_calls_from(world, "Contact: <sip:alice@198.51.100.7>\nRecord-Route: <sip:p1.example.org;lr>\n",
                            "p1.example.org");
  answer_name(world, dialog, "198.51.100.80:5060");
  now = dialog_flow(world->table, dialog);
  expect_remote(&now, "198.51.100.80:5060");
  world_end(world);
}

static void test_a_name_without_address_leaves_the_known_way(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_calls_from(world, "Contact: <sip:alice@pbx.example.org>\n", "pbx.example.org");
  answer_name(world, dialog, NULL);
  struct flow now = dialog_flow(world->table, dialog);
  expect_remote(&now, "198.51.100.7:5060");
  world_end(world);
}

static void test_names_that_cross_are_asked_for_once_more(void) {
  struct world *world = world_create(4);
  struct flow flow = udp_from("198.51.100.7:5060");
  struct str_view asked = {0};
  struct handle invite, update, dialog = alice_calls(world, "Contact: <sip:alice@old.example.org>\n", &invite);
  respond(world, dialog, invite, SIP_METHOD_INVITE, 200);
  const struct sip_message *request =
      alice_requests(world, dialog, "UPDATE", 101, "Contact: <sip:alice@new.example.org>\n");
  expect_int(take_request(world, dialog, request, &flow, &update), ==, RESULT_OK);
  respond(world, dialog, update, SIP_METHOD_UPDATE, 200);
  answer_name(world, dialog, "198.51.100.90:5060");
  expect_int(names_asked(world, &asked), ==, 0);
  answer_name(world, dialog, "198.51.100.91:5060");
  struct flow now = dialog_flow(world->table, dialog);
  expect_remote(&now, "198.51.100.7:5060");
  expect_int(names_asked(world, &asked), ==, 1);
  expect_view(asked, "new.example.org");
  answer_name(world, dialog, "198.51.100.91:5060");
  now = dialog_flow(world->table, dialog);
  expect_remote(&now, "198.51.100.91:5060");
  world_end(world);
}

static void test_follow_flow_ignores_what_contact_says(void) {
  struct world *world = world_create(4);
  struct dialog_invitation invitation = invitation_to_carol();
  invitation.follow_flow = true;
  struct handle dialog = carol_is_called_with(world, &invitation);
  carol_responds(world, dialog, "200 OK", "c1", "1 INVITE", "Contact: <sip:carol@203.0.113.77>\n");
  expect_int(send_request(world, dialog, SIP_METHOD_INFO), ==, RESULT_OK);
  sent(world);
  expect_remote(&world->sent_flow, "203.0.113.9:5080");
  struct flow moved = udp_from("203.0.113.9:6000");
  expect_int(take_request(world, dialog, carol_requests(world, dialog, "INFO", "c1", 1, ""), &moved, NULL), ==,
             RESULT_OK);
  struct flow now = dialog_flow(world->table, dialog);
  expect_remote(&now, "203.0.113.9:6000");
  world_end(world);
}

/* A carrier that signals from one address and wants to be called at another says so in Via and Contact. */
static void test_a_peer_whose_via_is_right_is_believed_about_its_contact(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_talks(world, "Contact: <sip:alice@198.51.100.99:5070>\n");
  expect_int(send_request(world, dialog, SIP_METHOD_INFO), ==, RESULT_OK);
  sent(world);
  expect_remote(&world->sent_flow, "198.51.100.99:5070");
  world_end(world);
}

static void test_a_connection_is_kept_for_the_dialog_and_a_newer_one_taken(void) {
  struct world *world = world_create(4);
  struct flow flow = world_flow(TRANSPORT_TCP, SOCKET_TCP, "198.51.100.7:40123", 77);
  struct handle dialog;
  const struct sip_message *invite = invite_of_alice(world, "Contact: <sip:alice@198.51.100.7;transport=tcp>\n");
  expect_int(dialog_create_uas(world->table, &world->context, invite, &flow, nobody, &dialog), ==, RESULT_OK);
  expect_int(dialog_flow(world->table, dialog).connection, ==, 77);
  struct flow newer = world_flow(TRANSPORT_TCP, SOCKET_TCP, "198.51.100.7:40124", 78);
  expect_int(take_request(world, dialog, alice_requests(world, dialog, "INFO", 101, ""), &newer, NULL), ==, RESULT_OK);
  expect_int(dialog_flow(world->table, dialog).connection, ==, 78);
  world_end(world);
}

/* --- what the peer can do ---------------------------------------------------------------------------------------- */

static void test_allow_and_supported_are_noted_from_each_message_that_has_them(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_talks(world, "Contact: <sip:alice@198.51.100.7>\n"
                                            "Allow: INVITE, update\nAllow: JUGGLE\nk: TIMER, 100rel\n");
  struct flow flow = udp_from("198.51.100.7:5060");
  expect(dialog_peer_allows(world->table, dialog, SIP_METHOD_INVITE));
  expect(dialog_peer_allows(world->table, dialog, SIP_METHOD_UPDATE) ==
         (sip_method_from_text(world_view("update")) == SIP_METHOD_UPDATE));
  expect(!dialog_peer_allows(world->table, dialog, SIP_METHOD_REFER));
  expect(!dialog_peer_allows(world->table, dialog, SIP_METHOD_UNKNOWN));
  expect(dialog_peer_supports(world->table, dialog, DIALOG_PEER_TIMER));
  expect(dialog_peer_supports(world->table, dialog, DIALOG_PEER_100REL));
  expect(!dialog_peer_supports(world->table, dialog, DIALOG_PEER_REPLACES));
  const struct sip_message *info = alice_requests(world, dialog, "INFO", 101, "Supported: replaces\n");
  expect_int(take_request(world, dialog, info, &flow, NULL), ==, RESULT_OK);
  expect(dialog_peer_supports(world->table, dialog, DIALOG_PEER_REPLACES));
  expect(!dialog_peer_supports(world->table, dialog, DIALOG_PEER_TIMER));
  expect(dialog_peer_allows(world->table, dialog, SIP_METHOD_INVITE));
  world_end(world);
}

static void test_answers_tell_what_the_peer_can_do_too(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  expect(!dialog_peer_allows(world->table, dialog, SIP_METHOD_UPDATE));
  carol_responds(world, dialog, "200 OK", "c1", "1 INVITE", "Contact: <sip:carol@203.0.113.9>\nAllow: UPDATE\n");
  expect(dialog_peer_allows(world->table, dialog, SIP_METHOD_UPDATE));
  carol_responds(world, dialog, "405 Not Allowed", "c1", "2 UPDATE", "Allow: INVITE\n");
  expect(!dialog_peer_allows(world->table, dialog, SIP_METHOD_UPDATE));
  world_end(world);
}

static void test_a_proxys_answer_with_its_own_tag_changes_nothing(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, carol_contact);
  carol_responds(world, dialog, "408 Request Timeout", "p1", "2 UPDATE", "Allow: OPTIONS\n");
  expect(!dialog_peer_allows(world->table, dialog, SIP_METHOD_OPTIONS));
  expect_view(dialog_remote_tag(world->table, dialog), "c1");
  world_end(world);
}

static struct handle alice_talks_from(struct world *world, const struct flow *flow, const char *contact) {
  struct handle dialog;
  const struct sip_message *invite = invite_of_alice(world, contact);
  expect_int(dialog_create_uas(world->table, &world->context, invite, flow, nobody, &dialog), ==, RESULT_OK);
  return dialog;
}

static void test_a_broken_connection_is_left_for_the_address_in_contact(void) {
  struct world *world = world_create(4);
  struct flow met = world_flow(TRANSPORT_TCP, SOCKET_TCP, "198.51.100.7:40123", 77);
  struct handle dialog = alice_talks_from(world, &met, "Contact: <sip:alice@198.51.100.7:5062;transport=tcp>\n");
  expect(dialog_find_another_way(world->table, &world->context, dialog));
  struct flow flow = dialog_flow(world->table, dialog);
  expect_remote(&flow, "198.51.100.7:5062");
  expect_int(flow.transport, ==, TRANSPORT_TCP);
  expect_int(flow.connection, ==, 0);
  expect(!dialog_find_another_way(world->table, &world->context, dialog));
  dialog_destroy(world->table, &world->context, dialog);
  world_end(world);
}

static void test_behind_nat_or_a_host_name_a_broken_connection_is_the_only_way(void) {
  static const char *const contacts[] = {"Contact: <sip:alice@10.1.2.3:5062;transport=tcp>\n",
                                         "Contact: <sip:alice@phone.example.org;transport=tcp>\n"};
  struct world *world = world_create(4);
  struct flow met = world_flow(TRANSPORT_TCP, SOCKET_TCP, "203.0.113.77:40123", 77);
  struct handle translated = alice_talks_from(world, &met, contacts[0]); /* her Via names another address */
  expect(!dialog_find_another_way(world->table, &world->context, translated));
  met = world_flow(TRANSPORT_TCP, SOCKET_TCP, "198.51.100.7:40123", 77);
  struct handle named = alice_talks_from(world, &met, contacts[1]);
  expect(!dialog_find_another_way(world->table, &world->context, named));
  struct flow flow = dialog_flow(world->table, named);
  expect(flow_equal(&flow, &met));
  dialog_destroy(world->table, &world->context, translated);
  dialog_destroy(world->table, &world->context, named);
  world_end(world);
}

TAP_TESTS(TAP(test_an_accepted_target_refresh_moves_the_target), TAP(test_a_refused_target_refresh_moves_nothing),
          TAP(test_a_refusal_behind_the_dialogs_back_moves_nothing_later),
          TAP(test_a_target_waits_for_the_answer_to_its_own_request),
          TAP(test_other_requests_and_unusable_contacts_move_nothing),
          TAP(test_a_2xx_to_our_target_refresh_moves_the_target_a_refusal_does_not),
          TAP(test_a_reliable_1xx_moves_the_target_an_unreliable_one_does_not),
          TAP(test_a_response_without_contact_leaves_the_invited_target),
          TAP(test_behind_nat_the_received_address_wins),
          TAP(test_a_sender_whose_via_is_wrong_is_followed_whatever_its_contact),
          TAP(test_a_secure_target_is_reached_over_tls_through_any_route),
          TAP(test_a_device_that_moves_behind_nat_and_back_is_followed), TAP(test_a_rebound_nat_is_followed),
          TAP(test_an_out_of_order_request_does_not_move_the_way),
          TAP(test_a_host_name_in_contact_or_route_is_looked_up_and_followed),
          TAP(test_a_name_without_address_leaves_the_known_way), TAP(test_names_that_cross_are_asked_for_once_more),
          TAP(test_follow_flow_ignores_what_contact_says),
          TAP(test_a_peer_whose_via_is_right_is_believed_about_its_contact),
          TAP(test_a_connection_is_kept_for_the_dialog_and_a_newer_one_taken),
          TAP(test_allow_and_supported_are_noted_from_each_message_that_has_them),
          TAP(test_answers_tell_what_the_peer_can_do_too), TAP(test_a_proxys_answer_with_its_own_tag_changes_nothing),
          TAP(test_a_broken_connection_is_left_for_the_address_in_contact),
          TAP(test_behind_nat_or_a_host_name_a_broken_connection_is_the_only_way))
