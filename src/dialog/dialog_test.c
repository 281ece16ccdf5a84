/* Birth, finding, states, numbers and sizes of dialogs: RFC 3261 §12, sentence by sentence. Alice calls us (we are
 * UAS), we call Carol (we are UAC). */
#include "dialog/dialog_fixture.h"

static void expect_state(struct world *world, struct handle dialog, enum dialog_state state) {
  expect_int(dialog_state(world->table, dialog), ==, state);
}

/* --- birth ------------------------------------------------------------------------------------------------------- */

static void test_an_invite_received_makes_the_uas_side(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_calls(world, alice_contact, NULL);
  expect_state(world, dialog, DIALOG_TRYING);
  expect_view(dialog_call_id(world->table, dialog), "alice-1@198.51.100.7");
  expect_view(dialog_remote_tag(world->table, dialog), "a1");
  expect_view(dialog_remote_target(world->table, dialog), "sip:alice@198.51.100.7:5060");
  expect_int(dialog_count(world->table), ==, 1);
  world_end(world);
}

static void test_our_request_as_uas_mirrors_the_invite(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_talks(world, alice_contact);
  expect_int(send_request(world, dialog, SIP_METHOD_INFO), ==, RESULT_OK);
  const struct sip_message *message = sent(world);
  expect_view(message->request_uri, "sip:alice@198.51.100.7:5060");
  expect_header(message, TO, "\"Alice\" <sip:alice@example.org>;tag=a1");
  expect_view(message->from_tag, local_tag(world, dialog));
  expect(
      str_view_starts_with(sip_message_header(message, SIP_HEADER_FROM), world_view("Bob <sip:bob@example.org>;tag=")));
  expect_view(message->call_id, "alice-1@198.51.100.7");
  expect_header(message, CSEQ, "1 INFO");
  expect_header(message, MAX_FORWARDS, "70");
  expect(!sip_message_has(message, SIP_HEADER_ROUTE));
  expect(!sip_message_has(message, SIP_HEADER_CONTACT));
  expect_remote(&world->sent_flow, "198.51.100.7:5060");
  world_end(world);
}

static void expect_no_dialog(struct world *world, const char *lines) {
  struct flow flow = udp_from("198.51.100.7:5060");
  struct handle dialog;
  const struct sip_message *invite = invite_of_alice(world, lines);
  expect_int(dialog_create_uas(world->table, &world->context, invite, &flow, nobody, &dialog), ==, RESULT_MALFORMED);
  expect(handle_is_none(dialog));
  expect_int(dialog_count(world->table), ==, 0);
  expect_int(world->blocks.bytes_used, ==, 0);
}

static void test_an_invite_without_a_usable_contact_makes_none(void) {
  struct world *world = world_create(4);
  expect_no_dialog(world, "");
  expect_no_dialog(world, "Contact: *\n");
  expect_no_dialog(world, "Contact: <tel:+123>\n");
  expect_no_dialog(world, "Contact: <mailto:a@b.example>\n");
  expect_no_dialog(world, "Contact: <sip:a@b.example>\nRecord-Route: <tel:+1>\n");
  world_end(world);
}

static void test_a_full_table_is_told(void) {
  struct world *world = world_create(1);
  struct dialog_invitation invitation = invitation_to_carol();
  struct flow flow = udp_from("198.51.100.7:5060");
  struct handle dialog;
  expect_int(dialog_create_uac(world->table, &world->context, &invitation, nobody, &dialog), ==, RESULT_OK);
  expect_int(dialog_create_uac(world->table, &world->context, &invitation, nobody, &dialog), ==, RESULT_FULL);
  const struct sip_message *invite = invite_of_alice(world, alice_contact);
  expect_int(dialog_create_uas(world->table, &world->context, invite, &flow, nobody, &dialog), ==, RESULT_FULL);
  world_end(world);
}

static void test_a_from_without_tag_is_a_null_tag(void) {
  struct world *world = world_create(4);
  struct flow flow = udp_from("198.51.100.7:5060");
  struct handle dialog, found;
  const struct sip_message *invite = received(world, "INVITE sip:bob@192.0.2.1 SIP/2.0\n"
                                                     "Via: SIP/2.0/UDP 198.51.100.7\n"
                                                     "From: sip:old@example.org\n"
                                                     "To: sip:bob@example.org\n"
                                                     "Call-ID: old\n"
                                                     "CSeq: 1 INVITE\n"
                                                     "Contact: sip:old@198.51.100.7\n");
  expect_int(dialog_create_uas(world->table, &world->context, invite, &flow, nobody, &dialog), ==, RESULT_OK);
  dialog_note_response_sent(world->table, dialog, 200);
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_OK);
  const struct sip_message *bye = sent(world);
  expect_header(bye, TO, "sip:old@example.org");
  const struct sip_message *info = received(world,
                                            "INFO sip:x@192.0.2.1 SIP/2.0\n"
                                            "Via: SIP/2.0/UDP 198.51.100.7\n"
                                            "From: sip:old@example.org\n"
                                            "To: sip:bob@example.org;tag=%s\n"
                                            "Call-ID: old\n"
                                            "CSeq: 2 INFO\n",
                                            local_tag(world, dialog));
  expect_int(dialog_find(world->table, info, &found), ==, RESULT_OK);
  world_end(world);
}

static void test_the_first_invite_says_what_the_invitation_says(void) {
  struct world *world = world_create(4);
  struct dialog_invitation invitation = invitation_to_carol();
  struct handle dialog;
  expect_int(dialog_create_uac(world->table, &world->context, &invitation, nobody, &dialog), ==, RESULT_OK);
  expect_state(world, dialog, DIALOG_TRYING);
  struct dialog_request request = {.method = SIP_METHOD_INVITE,
                                   .max_forwards = 69,
                                   .extra_headers = world_view("Supported: timer\r\n"),
                                   .content_type = world_view("application/sdp"),
                                   .body = world_view("v=0\r\n")};
  struct handle transaction;
  expect_int(dialog_send_request(world->table, &world->context, dialog, &request, &transaction), ==, RESULT_OK);
  const struct sip_message *invite = sent(world);
  expect_view(invite->request_uri, "sip:carol@203.0.113.9:5080");
  expect(str_view_starts_with(sip_message_header(invite, SIP_HEADER_FROM),
                              world_view("\"Bell, Alice\" <sip:1001@192.0.2.1>;tag=")));
  expect_view(invite->from_tag, local_tag(world, dialog));
  expect_header(invite, TO, "<sip:carol@203.0.113.9>");
  expect_header(invite, CSEQ, "1 INVITE");
  expect_header(invite, MAX_FORWARDS, "69");
  expect_header(invite, SUPPORTED, "timer");
  expect_header(invite, CONTENT_TYPE, "application/sdp");
  expect_view(invite->body, "v=0\r\n");
  expect(!sip_message_has(invite, SIP_HEADER_ROUTE));
  expect_remote(&world->sent_flow, "203.0.113.9:5080");
  world_end(world);
}

static void test_a_preloaded_route_goes_along(void) {
  struct world *world = world_create(4);
  struct dialog_invitation invitation = invitation_to_carol();
  invitation.route = world_view("<sip:edge.example.com;lr>");
  struct handle dialog;
  expect_int(dialog_create_uac(world->table, &world->context, &invitation, nobody, &dialog), ==, RESULT_OK);
  expect_int(send_request(world, dialog, SIP_METHOD_INVITE), ==, RESULT_OK);
  const struct sip_message *invite = sent(world);
  expect_header(invite, ROUTE, "<sip:edge.example.com;lr>");
  expect_view(invite->request_uri, "sip:carol@203.0.113.9:5080");
  world_end(world);
}

static void test_an_invitation_to_no_sip_uri_is_malformed(void) {
  struct world *world = world_create(4);
  struct dialog_invitation invitation = invitation_to_carol();
  struct handle dialog;
  invitation.request_uri = world_view("tel:+123");
  expect_int(dialog_create_uac(world->table, &world->context, &invitation, nobody, &dialog), ==, RESULT_MALFORMED);
  invitation = invitation_to_carol();
  invitation.route = world_view("<sip:edge;lr>\r\nX-Evil: 1");
  expect_int(dialog_create_uac(world->table, &world->context, &invitation, nobody, &dialog), ==, RESULT_MALFORMED);
  invitation.route = world_view("<nonsense");
  expect_int(dialog_create_uac(world->table, &world->context, &invitation, nobody, &dialog), ==, RESULT_MALFORMED);
  expect_int(dialog_count(world->table), ==, 0);
  expect_int(world->blocks.bytes_used, ==, 0);
  world_end(world);
}

static void test_call_ids_hash_home_and_name_no_address(void) {
  struct world *world = world_create(64);
  struct dialog_invitation invitation = invitation_to_carol();
  for (unsigned i = 0; i < 64; i++) {
    struct handle dialog;
    world->local.worker_count = (uint8_t)(1 + i * 3);
    world->local.worker = (uint8_t)(i % world->local.worker_count);
    expect_int(dialog_create_uac(world->table, &world->context, &invitation, nobody, &dialog), ==, RESULT_OK);
    struct str_view id = dialog_call_id(world->table, dialog);
    expect_int(local_identity_steer(&world->local, id), ==, world->local.worker);
    expect_int(id.length, ==, 32);
    expect(memchr(id.data, '@', id.length) == NULL && memchr(id.data, '.', id.length) == NULL);
  }
  world_end(world);
}

static void test_tags_differ_and_name_their_worker(void) {
  struct world *world = world_create(4);
  uint8_t worker = 0;
  struct handle first = carol_is_called(world), second = carol_is_called(world);
  struct str_view tag = dialog_local_tag(world->table, &world->context, first);
  expect_int(dialog_tag_worker(tag, &worker), ==, RESULT_OK);
  expect_int(worker, ==, 1);
  expect(!str_view_equal(tag, dialog_local_tag(world->table, &world->context, second)));
  expect_int(dialog_tag_worker(world_view("a1"), &worker), ==, RESULT_MALFORMED);
  expect_int(dialog_tag_worker((struct str_view){0}, &worker), ==, RESULT_MALFORMED);
  expect_int(dialog_tag_worker(world_view("zz00000000000000010123456789abcdef"), &worker), ==, RESULT_MALFORMED);
  world_end(world);
}

/* --- finding ----------------------------------------------------------------------------------------------------- */

static enum result find_with(struct world *world, const char *uri, const char *to, const char *from, const char *id) {
  struct handle found;
  const struct sip_message *request = received(world,
                                               "INFO %s SIP/2.0\n"
                                               "Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKx\n"
                                               "From: <sip:alice@example.org>%s\n"
                                               "To: <sip:bob@example.org>%s\n"
                                               "Call-ID: %s\n"
                                               "CSeq: 200 INFO\n",
                                               uri, from, to, id);
  return dialog_find(world->table, request, &found);
}

static void test_a_request_is_found_by_all_three_parts_of_the_dialog_id(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_talks(world, alice_contact);
  char tag[64];
  snprintf(tag, sizeof tag, ";tag=%s", local_tag(world, dialog));
  const char *id = "alice-1@198.51.100.7", *uri = "sip:x@192.0.2.1";
  expect_int(find_with(world, uri, tag, ";tag=a1", id), ==, RESULT_OK);
  expect_int(find_with(world, uri, tag, ";tag=a2", id), ==, RESULT_NOT_FOUND);
  expect_int(find_with(world, uri, tag, "", id), ==, RESULT_NOT_FOUND);
  expect_int(find_with(world, uri, tag, ";tag=a1", "alice-2@198.51.100.7"), ==, RESULT_NOT_FOUND);
  expect_int(find_with(world, uri, tag, ";tag=a1", "ALICE-1@198.51.100.7"), ==, RESULT_NOT_FOUND);
  expect_int(find_with(world, uri, ";tag=a1", ";tag=a1", id), ==, RESULT_NOT_FOUND);
  world_end(world);
}

static void test_forging_any_digit_of_our_tag_finds_nothing(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_talks(world, alice_contact);
  char tag[64];
  snprintf(tag, sizeof tag, ";tag=%s", local_tag(world, dialog));
  for (size_t i = 5; i < strlen(tag); i++) {
    char right = tag[i];
    tag[i] = right == '0' ? '1' : '0';
    expect_int(find_with(world, "sip:x@192.0.2.1", tag, ";tag=a1", "alice-1@198.51.100.7"), ==, RESULT_NOT_FOUND);
    tag[i] = right;
  }
  world_end(world);
}

static void test_tags_compare_without_case(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_talks(world, alice_contact);
  char tag[64];
  snprintf(tag, sizeof tag, ";tag=%s", local_tag(world, dialog));
  for (size_t i = 5; i < strlen(tag); i++)
    if (tag[i] >= 'a' && tag[i] <= 'f') tag[i] = (char)(tag[i] - 'a' + 'A');
  expect_int(find_with(world, "sip:x@192.0.2.1", tag, ";tag=a1", "alice-1@198.51.100.7"), ==, RESULT_OK);
  world_end(world);
}

static void test_a_device_that_loses_the_to_tag_is_found_by_our_contact(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_talks(world, alice_contact);
  char uri[96], other[96];
  snprintf(uri, sizeof uri, "sip:%s@192.0.2.1:5060", local_tag(world, dialog));
  const char *id = "alice-1@198.51.100.7";
  expect_int(find_with(world, uri, "", ";tag=a1", id), ==, RESULT_OK);
  expect_int(find_with(world, uri, "", ";tag=a2", id), ==, RESULT_NOT_FOUND);
  expect_int(find_with(world, uri, "", ";tag=a1", "other"), ==, RESULT_NOT_FOUND);
  expect_int(find_with(world, uri, ";tag=wrong", ";tag=a1", id), ==, RESULT_NOT_FOUND);
  snprintf(other, sizeof other, "sip:%s@192.0.2.1", "01000000000000000100000000000000ff");
  expect_int(find_with(world, other, "", ";tag=a1", id), ==, RESULT_NOT_FOUND);
  world_end(world);
}

static void test_a_dead_dialog_is_not_found_even_when_its_slot_lives_again(void) {
  struct world *world = world_create(1);
  struct handle dialog = alice_talks(world, alice_contact);
  char tag[64];
  snprintf(tag, sizeof tag, ";tag=%s", local_tag(world, dialog));
  dialog_destroy(world->table, &world->context, dialog);
  expect_int(find_with(world, "sip:x@192.0.2.1", tag, ";tag=a1", "alice-1@198.51.100.7"), ==, RESULT_NOT_FOUND);
  end_all_transactions(world); /* or the next INVITE would be a merged request */
  alice_talks(world, alice_contact);
  expect_int(find_with(world, "sip:x@192.0.2.1", tag, ";tag=a1", "alice-1@198.51.100.7"), ==, RESULT_NOT_FOUND);
  world_end(world);
}

static void test_stale_handles_do_no_harm(void) {
  struct world *world = world_create(1);
  struct handle dialog = alice_talks(world, alice_contact), transaction;
  struct flow flow = udp_from("198.51.100.7:5060");
  struct mono_ms again;
  unsigned branch;
  const struct sip_message *info = alice_requests(world, dialog, "INFO", 101, "");
  dialog_destroy(world->table, &world->context, dialog);
  dialog_destroy(world->table, &world->context, dialog);
  struct text_builder builder = arena_builder(&world->arena, 100);
  struct dialog_request request = {.method = SIP_METHOD_BYE};
  struct context *context = &world->context;
  struct str_view none = {0};
  expect_state(world, dialog, DIALOG_NONE);
  expect_int(dialog_receive_request(world->table, context, dialog, info, &flow), ==, RESULT_NOT_FOUND);
  expect_int(dialog_receive_response(world->table, context, dialog, info, &branch), ==, RESULT_NOT_FOUND);
  expect_int(dialog_send_request(world->table, context, dialog, &request, &transaction), ==, RESULT_NOT_FOUND);
  expect_int(dialog_send_ack(world->table, context, dialog, &(struct dialog_ack){.cseq = 1}), ==, RESULT_NOT_FOUND);
  expect_int(dialog_build_response(world->table, context, dialog, HANDLE_NONE, SIP_METHOD_INVITE, 200, none, &builder),
             ==, RESULT_NOT_FOUND);
  expect_int(dialog_send_reliable(world->table, context, dialog, HANDLE_NONE, 180, none), ==, RESULT_NOT_FOUND);
  expect_int(dialog_provisional_due(world->table, context, dialog, &again), ==, RESULT_NOT_FOUND);
  expect_int(dialog_receive_prack(world->table, dialog, info), ==, RESULT_NOT_FOUND);
  dialog_resend_ack(world->table, context, dialog);
  dialog_dismiss_branch(world->table, context, dialog, &(struct dialog_dismissal){0});
  dialog_note_response_sent(world->table, dialog, 200);
  expect_int(dialog_call_id(world->table, dialog).length, ==, 0);
  expect_int(dialog_owner(world->table, dialog).kind, ==, TRANSACTION_OWNER_NONE);
  expect(!dialog_peer_allows(world->table, dialog, SIP_METHOD_UPDATE));
  expect(nothing_sent(world));
  world_end(world);
}

static void test_the_owner_is_handed_back(void) {
  struct world *world = world_create(4);
  struct transaction_owner owner = {.kind = TRANSACTION_OWNER_CALL, .handle = {7, 9}, .detail = 3};
  struct dialog_invitation invitation = invitation_to_carol();
  struct handle dialog;
  expect_int(dialog_create_uac(world->table, &world->context, &invitation, owner, &dialog), ==, RESULT_OK);
  struct transaction_owner back = dialog_owner(world->table, dialog);
  expect_int(back.kind, ==, TRANSACTION_OWNER_CALL);
  expect(handle_equal(back.handle, owner.handle));
  expect_int(back.detail, ==, 3);
  world_end(world);
}

/* --- states ------------------------------------------------------------------------------------------------------ */

static void test_uas_becomes_early_with_a_provisional_and_confirmed_with_a_2xx(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_calls(world, alice_contact, &transaction);
  dialog_note_response_sent(world->table, dialog, 100);
  expect_state(world, dialog, DIALOG_TRYING);
  respond(world, dialog, transaction, SIP_METHOD_INVITE, 180);
  expect_state(world, dialog, DIALOG_EARLY);
  respond(world, dialog, transaction, SIP_METHOD_INVITE, 200);
  expect_state(world, dialog, DIALOG_CONFIRMED);
  world_end(world);
}

static void test_uas_ends_with_its_refusal(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_calls(world, alice_contact, &transaction);
  respond(world, dialog, transaction, SIP_METHOD_INVITE, 486);
  expect_state(world, dialog, DIALOG_ENDED);
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_WRONG_STATE);
  world_end(world);
}

static void test_uac_becomes_early_with_a_tag_only(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  carol_responds(world, dialog, "100 Trying", "", "1 INVITE", "");
  carol_responds(world, dialog, "100 Trying", "c1", "1 INVITE", "");
  carol_responds(world, dialog, "183 Session Progress", "", "1 INVITE", "");
  expect_state(world, dialog, DIALOG_TRYING);
  carol_responds(world, dialog, "180 Ringing", "c1", "1 INVITE", carol_contact);
  expect_state(world, dialog, DIALOG_EARLY);
  expect_view(dialog_remote_tag(world->table, dialog), "c1");
  carol_responds(world, dialog, "200 OK", "c1", "1 INVITE", carol_contact);
  expect_state(world, dialog, DIALOG_CONFIRMED);
  world_end(world);
}

static void test_a_refusal_ends_every_early_dialog(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world), found;
  carol_responds(world, dialog, "180 Ringing", "c1", "1 INVITE", carol_contact);
  carol_responds(world, dialog, "180 Ringing", "c2", "1 INVITE", carol_contact);
  carol_responds(world, dialog, "486 Busy Here", "c1", "1 INVITE", "");
  expect_state(world, dialog, DIALOG_ENDED);
  const struct sip_message *update = carol_requests(world, dialog, "UPDATE", "c1", 1, "");
  expect_int(dialog_find(world->table, update, &found), ==, RESULT_NOT_FOUND);
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_WRONG_STATE);
  expect_int(send_request(world, dialog, SIP_METHOD_INFO), ==, RESULT_WRONG_STATE);
  world_end(world);
}

static void test_a_refused_invite_may_be_sent_again_anew(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  char tag[64], id[64];
  snprintf(tag, sizeof tag, "%s", local_tag(world, dialog));
  snprintf(id, sizeof id, "%s", call_id(world, dialog));
  carol_responds(world, dialog, "180 Ringing", "c1", "1 INVITE", "Contact: <sip:other@203.0.113.10>\n");
  carol_responds(world, dialog, "407 Proxy Authentication Required", "c1", "1 INVITE", "");
  expect_state(world, dialog, DIALOG_ENDED);
  next_event(world);
  expect_int(send_request(world, dialog, SIP_METHOD_INVITE), ==, RESULT_OK);
  expect_state(world, dialog, DIALOG_TRYING);
  const struct sip_message *invite = sent(world);
  expect_view(invite->request_uri, "sip:carol@203.0.113.9:5080");
  expect_header(invite, CSEQ, "2 INVITE");
  expect_header(invite, TO, "<sip:carol@203.0.113.9>");
  expect_view(invite->from_tag, tag);
  expect_view(invite->call_id, id);
  expect_remote(&world->sent_flow, "203.0.113.9:5080");
  expect_int(carol_responds(world, dialog, "200 OK", "c2", "2 INVITE", carol_contact), ==, 0);
  expect_state(world, dialog, DIALOG_CONFIRMED);
  world_end(world);
}

static void test_a_bye_received_ends_the_dialog(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_talks(world, alice_contact);
  struct flow flow = udp_from("198.51.100.7:5060");
  const struct sip_message *bye = alice_requests(world, dialog, "BYE", 101, "");
  expect_int(take_request(world, dialog, bye, &flow, NULL), ==, RESULT_OK);
  expect_state(world, dialog, DIALOG_ENDED);
  expect_int(send_request(world, dialog, SIP_METHOD_INFO), ==, RESULT_WRONG_STATE);
  world_end(world);
}

static void test_a_bye_sent_ends_the_dialog_and_only_bye_may_follow(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, carol_contact);
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_OK);
  expect_state(world, dialog, DIALOG_ENDED);
  expect_int(send_request(world, dialog, SIP_METHOD_INVITE), ==, RESULT_WRONG_STATE);
  expect_int(send_request(world, dialog, SIP_METHOD_UPDATE), ==, RESULT_WRONG_STATE);
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_OK);
  world_end(world);
}

static void test_nothing_but_invite_goes_out_before_anybody_answered(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_WRONG_STATE);
  expect_int(send_request(world, dialog, SIP_METHOD_UPDATE), ==, RESULT_WRONG_STATE);
  expect_int(send_request(world, dialog, SIP_METHOD_ACK), ==, RESULT_UNSUPPORTED);
  expect_int(send_request(world, dialog, SIP_METHOD_CANCEL), ==, RESULT_UNSUPPORTED);
  world_end(world);
}

/* §15: the caller may send BYE in an early dialog, the callee must not. §14.1: no second INVITE while one is open. */
static void test_early_dialogs_allow_update_and_the_callers_bye(void) {
  struct world *world = world_create(4);
  struct handle transaction, incoming = alice_calls(world, alice_contact, &transaction);
  expect_int(send_request(world, incoming, SIP_METHOD_UPDATE), ==, RESULT_WRONG_STATE);
  respond(world, incoming, transaction, SIP_METHOD_INVITE, 180);
  expect_int(send_request(world, incoming, SIP_METHOD_UPDATE), ==, RESULT_OK);
  expect_int(send_request(world, incoming, SIP_METHOD_BYE), ==, RESULT_WRONG_STATE);
  expect_int(send_request(world, incoming, SIP_METHOD_INVITE), ==, RESULT_WRONG_STATE);
  struct handle outgoing = carol_is_called(world);
  carol_responds(world, outgoing, "180 Ringing", "c1", "1 INVITE", carol_contact);
  expect_int(send_request(world, outgoing, SIP_METHOD_INVITE), ==, RESULT_WRONG_STATE);
  expect_int(send_request(world, outgoing, SIP_METHOD_UPDATE), ==, RESULT_OK);
  expect_int(send_request(world, outgoing, SIP_METHOD_BYE), ==, RESULT_OK);
  expect_state(world, outgoing, DIALOG_ENDED);
  world_end(world);
}

static void test_a_2xx_that_crossed_an_early_bye_can_be_acknowledged(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  carol_responds(world, dialog, "180 Ringing", "c1", "1 INVITE", carol_contact);
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_OK);
  carol_responds(world, dialog, "200 OK", "c1", "1 INVITE", carol_contact);
  expect_state(world, dialog, DIALOG_ENDED);
  expect_int(dialog_send_ack(world->table, &world->context, dialog, &(struct dialog_ack){.cseq = 1}), ==, RESULT_OK);
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_OK);
  world_end(world);
}

static void test_answers_to_a_reinvite_do_not_change_the_state(void) {
  struct world *world = world_create(4);
  struct handle outgoing = carol_talks(world, carol_contact);
  expect_int(send_request(world, outgoing, SIP_METHOD_INVITE), ==, RESULT_OK);
  carol_responds(world, outgoing, "491 Request Pending", "c1", "2 INVITE", "");
  expect_state(world, outgoing, DIALOG_CONFIRMED);
  carol_responds(world, outgoing, "180 Ringing", "c1", "2 INVITE", "");
  expect_state(world, outgoing, DIALOG_CONFIRMED);
  struct handle transaction, incoming = alice_talks(world, alice_contact);
  struct flow flow = udp_from("198.51.100.7:5060");
  const struct sip_message *reinvite = alice_requests(world, incoming, "INVITE", 101, alice_contact);
  expect_int(take_request(world, incoming, reinvite, &flow, &transaction), ==, RESULT_OK);
  respond(world, incoming, transaction, SIP_METHOD_INVITE, 488);
  expect_state(world, incoming, DIALOG_CONFIRMED);
  expect_int(send_request(world, incoming, SIP_METHOD_BYE), ==, RESULT_OK);
  world_end(world);
}

/* --- numbers ----------------------------------------------------------------------------------------------------- */

static void test_our_cseq_rises_by_one_with_each_request(void) {
  struct world *world = world_create(4);
  static const char *const expected[] = {"2 INFO", "3 INVITE", "4 UPDATE", "5 OPTIONS", "6 BYE"};
  static const enum sip_method methods[] = {SIP_METHOD_INFO, SIP_METHOD_INVITE, SIP_METHOD_UPDATE, SIP_METHOD_OPTIONS,
                                            SIP_METHOD_BYE};
  struct handle dialog = carol_talks(world, carol_contact);
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    expect_int(send_request(world, dialog, methods[i]), ==, RESULT_OK);
    expect_header(sent(world), CSEQ, expected[i]);
  }
  world_end(world);
}

static void test_each_request_has_its_own_branch(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, carol_contact);
  char first[256];
  expect_int(send_request(world, dialog, SIP_METHOD_INFO), ==, RESULT_OK);
  snprintf(first, sizeof first, "%s", c_text(world, sip_message_header(sent(world), SIP_HEADER_VIA)));
  expect_int(send_request(world, dialog, SIP_METHOD_INFO), ==, RESULT_OK);
  expect(!str_view_equal(world_view(first), sip_message_header(sent(world), SIP_HEADER_VIA)));
  world_end(world);
}

static void test_a_lower_cseq_is_out_of_order_a_gap_is_not(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_talks(world, alice_contact);
  struct flow flow = udp_from("198.51.100.7:5060");
  expect_int(take_request(world, dialog, alice_requests(world, dialog, "INFO", 99, ""), &flow, NULL), ==,
             RESULT_OUT_OF_RANGE);
  expect_int(take_request(world, dialog, alice_requests(world, dialog, "INFO", 105, ""), &flow, NULL), ==, RESULT_OK);
  expect_int(take_request(world, dialog, alice_requests(world, dialog, "INFO", 104, ""), &flow, NULL), ==,
             RESULT_OUT_OF_RANGE);
  expect_int(take_request(world, dialog, alice_requests(world, dialog, "INFO", 106, ""), &flow, NULL), ==, RESULT_OK);
  world_end(world);
}

static void test_ack_and_cancel_are_not_numbered(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_talks(world, alice_contact);
  struct flow flow = udp_from("198.51.100.7:5060");
  const struct sip_message *ack = alice_requests(world, dialog, "ACK", 1, "");
  expect_int(dialog_receive_request(world->table, &world->context, dialog, ack, &flow), ==, RESULT_OK);
  const struct sip_message *cancel = alice_requests(world, dialog, "CANCEL", 900, "");
  expect_int(dialog_receive_request(world->table, &world->context, dialog, cancel, &flow), ==, RESULT_OK);
  expect_int(take_request(world, dialog, alice_requests(world, dialog, "INFO", 101, ""), &flow, NULL), ==, RESULT_OK);
  world_end(world);
}

/* §12.1.2: as UAC the remote number is empty until the peer's first request sets it. */
static void test_the_first_request_of_the_callee_sets_its_number(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, carol_contact);
  struct flow flow = udp_from("203.0.113.9:5080");
  expect_int(take_request(world, dialog, carol_requests(world, dialog, "INFO", "c1", 0, ""), &flow, NULL), ==,
             RESULT_OK);
  expect_int(take_request(world, dialog, carol_requests(world, dialog, "INFO", "c1", 7, ""), &flow, NULL), ==,
             RESULT_OK);
  expect_int(take_request(world, dialog, carol_requests(world, dialog, "INFO", "c1", 6, ""), &flow, NULL), ==,
             RESULT_OUT_OF_RANGE);
  world_end(world);
}

/* --- leaks and sizes --------------------------------------------------------------------------------------------- */

static void live_a_forked_life(struct world *world) {
  struct handle dialog = carol_is_called(world);
  carol_responds(world, dialog, "180 R", "c1", "1 INVITE", carol_contact);
  carol_responds(world, dialog, "180 R", "c2", "1 INVITE", carol_contact);
  carol_responds(world, dialog, "200 OK", "c2", "1 INVITE", carol_contact);
  expect_int(dialog_send_ack(world->table, &world->context, dialog,
                             &(struct dialog_ack){.cseq = 1, .body = world_view("v=0\r\n")}),
             ==, RESULT_OK);
  unsigned branch = carol_responds(world, dialog, "200 OK", "c3", "1 INVITE", carol_contact);
  dismiss_branch(world, dialog, branch);
  struct flow flow = udp_from("203.0.113.9:5080");
  const struct sip_message *update = carol_requests(world, dialog, "UPDATE", "c2", 1, "Contact: <sip:new@example>\n");
  expect_int(dialog_receive_request(world->table, &world->context, dialog, update, &flow), ==, RESULT_OK);
  dialog_destroy(world->table, &world->context, dialog);
  next_event(world);
}

static void test_counts_and_bytes_return_to_zero(void) {
  struct world *world = world_create(4);
  for (unsigned i = 0; i < 20; i++) {
    live_a_forked_life(world);
    struct handle dialog = alice_talks(world, "Contact: <sip:u@h>\nRecord-Route: <sip:p1>,<sip:p2>\n");
    dialog_destroy(world->table, &world->context, dialog);
    end_all_transactions(world);
  }
  expect_int(dialog_count(world->table), ==, 0);
  expect_int(transaction_count(world->layer), ==, 0);
  expect_int(world->blocks.bytes_used, ==, 0);
  world_end(world);
}

static void test_a_thousand_refreshes_leave_memory_as_it_was(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_talks(world, alice_contact);
  struct flow flow = udp_from("198.51.100.7:5060");
  end_all_transactions(world);
  uint64_t before = world->blocks.bytes_used;
  for (unsigned i = 0; i < 1000; i++) {
    char lines[64];
    snprintf(lines, sizeof lines, "Contact: <sip:alice@198.51.100.7:%u>\n", 5060 + i % 2);
    const struct sip_message *update = alice_requests(world, dialog, "UPDATE", 101 + i, lines);
    expect_int(take_request(world, dialog, update, &flow, &transaction), ==, RESULT_OK);
    respond(world, dialog, transaction, SIP_METHOD_UPDATE, 200);
    expect_int(send_request(world, dialog, SIP_METHOD_INVITE), ==, RESULT_OK);
    end_all_transactions(world);
  }
  expect_int(world->blocks.bytes_used, ==, before);
  world_end(world);
}

static void test_a_usual_dialog_keeps_one_block_of_256_bytes(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_talks(world, alice_contact);
  end_all_transactions(world);
  expect_int(world->blocks.bytes_used, ==, 256);
  dialog_destroy(world->table, &world->context, dialog);
  carol_talks(world, carol_contact);
  end_all_transactions(world);
  expect_int(world->blocks.bytes_used, ==, 256);
  world_end(world);
}

static void test_a_full_block_store_refuses_and_leaks_nothing(void) {
  struct world *world = world_create(4);
  struct flow flow = udp_from("198.51.100.7:5060");
  struct handle dialog;
  struct block_store empty;
  static const uint32_t none[BLOCK_STORE_CLASSES] = {0};
  block_store_init(&empty, world_memory(block_store_memory_bytes(none) + 64), none);
  world->table = dialog_table_create(world_memory(dialog_table_memory_bytes(4)), 4, &empty, world->layer);
  const struct sip_message *invite = invite_of_alice(world, alice_contact);
  expect_int(dialog_create_uas(world->table, &world->context, invite, &flow, nobody, &dialog), ==, RESULT_FULL);
  struct dialog_invitation invitation = invitation_to_carol();
  expect_int(dialog_create_uac(world->table, &world->context, &invitation, nobody, &dialog), ==, RESULT_FULL);
  expect_int(dialog_count(world->table), ==, 0);
  world_end(world);
}

static void test_a_full_arena_refuses_and_leaks_nothing(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, carol_contact);
  struct dialog_invitation invitation = invitation_to_carol();
  struct flow flow = udp_from("198.51.100.7:5060");
  const struct sip_message *invite = invite_of_alice(world, alice_contact);
  end_all_transactions(world);
  world->arena.capacity = 16;
  expect_int(send_request(world, dialog, SIP_METHOD_INFO), ==, RESULT_FULL);
  expect_int(transaction_count(world->layer), ==, 0);
  expect_int(dialog_create_uac(world->table, &world->context, &invitation, nobody, &dialog), ==, RESULT_FULL);
  expect_int(dialog_create_uas(world->table, &world->context, invite, &flow, nobody, &dialog), ==, RESULT_FULL);
  expect_int(dialog_count(world->table), ==, 1);
  world_end(world);
}

static void test_an_endless_from_is_refused(void) {
  struct world *world = world_create(4);
  static char long_contact[9000];
  memset(long_contact, 'a', sizeof long_contact);
  memcpy(long_contact, "Contact: <sip:", 14);
  memcpy(long_contact + sizeof long_contact - 13, "@b.example>\n", 13);
  expect_no_dialog(world, long_contact);
  world_end(world);
}

TAP_TESTS(TAP(test_an_invite_received_makes_the_uas_side), TAP(test_our_request_as_uas_mirrors_the_invite),
          TAP(test_an_invite_without_a_usable_contact_makes_none), TAP(test_a_full_table_is_told),
          TAP(test_a_from_without_tag_is_a_null_tag), TAP(test_the_first_invite_says_what_the_invitation_says),
          TAP(test_a_preloaded_route_goes_along), TAP(test_an_invitation_to_no_sip_uri_is_malformed),
          TAP(test_call_ids_hash_home_and_name_no_address), TAP(test_tags_differ_and_name_their_worker),
          TAP(test_a_request_is_found_by_all_three_parts_of_the_dialog_id),
          TAP(test_forging_any_digit_of_our_tag_finds_nothing), TAP(test_tags_compare_without_case),
          TAP(test_a_device_that_loses_the_to_tag_is_found_by_our_contact),
          TAP(test_a_dead_dialog_is_not_found_even_when_its_slot_lives_again), TAP(test_stale_handles_do_no_harm),
          TAP(test_the_owner_is_handed_back), TAP(test_uas_becomes_early_with_a_provisional_and_confirmed_with_a_2xx),
          TAP(test_uas_ends_with_its_refusal), TAP(test_uac_becomes_early_with_a_tag_only),
          TAP(test_a_refusal_ends_every_early_dialog), TAP(test_a_refused_invite_may_be_sent_again_anew),
          TAP(test_a_bye_received_ends_the_dialog), TAP(test_a_bye_sent_ends_the_dialog_and_only_bye_may_follow),
          TAP(test_nothing_but_invite_goes_out_before_anybody_answered),
          TAP(test_early_dialogs_allow_update_and_the_callers_bye),
          TAP(test_a_2xx_that_crossed_an_early_bye_can_be_acknowledged),
          TAP(test_answers_to_a_reinvite_do_not_change_the_state), TAP(test_our_cseq_rises_by_one_with_each_request),
          TAP(test_each_request_has_its_own_branch), TAP(test_a_lower_cseq_is_out_of_order_a_gap_is_not),
          TAP(test_ack_and_cancel_are_not_numbered), TAP(test_the_first_request_of_the_callee_sets_its_number),
          TAP(test_counts_and_bytes_return_to_zero), TAP(test_a_thousand_refreshes_leave_memory_as_it_was),
          TAP(test_a_usual_dialog_keeps_one_block_of_256_bytes), TAP(test_a_full_block_store_refuses_and_leaks_nothing),
          TAP(test_a_full_arena_refuses_and_leaks_nothing), TAP(test_an_endless_from_is_refused))
