/* What goes out in a dialog: RFC 3261 §12.2.1.1, §13.2.2.4, §16.12.1, RFC 5658. */
#include "dialog/dialog_fixture.h"

/* --- routes ------------------------------------------------------------------------------------------------------ */

/* RFC 3261 §16.12.1.1, the callee U2. */
static void test_trapezoid_callee_sends_through_p2_then_p1(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_talks(world, "Contact: sip:caller@u1.example.com\n"
                                            "Record-Route: <sip:p2.domain.com;lr>\n"
                                            "Record-Route: <sip:p1.example.com;lr>\n");
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_OK);
  const struct sip_message *bye = sent(world);
  expect_view(bye->request_uri, "sip:caller@u1.example.com");
  expect_header(bye, ROUTE, "<sip:p2.domain.com;lr>,<sip:p1.example.com;lr>");
  world_end(world);
}

/* RFC 3261 §16.12.1.1, the caller U1. */
static void test_trapezoid_caller_sends_through_p1_then_p2(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, "Contact: sip:callee@u2.domain.com\n"
                                            "Record-Route: <sip:p2.domain.com;lr>\n"
                                            "Record-Route: <sip:p1.example.com;lr>\n");
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_OK);
  const struct sip_message *bye = sent(world);
  expect_view(bye->request_uri, "sip:callee@u2.domain.com");
  expect_header(bye, ROUTE, "<sip:p1.example.com;lr>,<sip:p2.domain.com;lr>");
  world_end(world);
}

/* RFC 3261 §16.12.1.2: the strict router is third, the first is loose. */
static void test_a_strict_router_further_on_changes_nothing_for_us(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_talks(world, "Contact: <sip:caller@u1.example.com>\n"
                                            "Record-Route: <sip:p4.domain.com;lr>\n"
                                            "Record-Route: <sip:p3.middle.com>\n"
                                            "Record-Route: <sip:p2.example.com;lr>\n"
                                            "Record-Route: <sip:p1.example.com;lr>\n");
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_OK);
  const struct sip_message *bye = sent(world);
  expect_view(bye->request_uri, "sip:caller@u1.example.com");
  expect_header(bye, ROUTE,
                "<sip:p4.domain.com;lr>,<sip:p3.middle.com>,<sip:p2.example.com;lr>,<sip:p1.example.com;lr>");
  world_end(world);
}

/* RFC 3261 §12.2.1.1, its example. */
static const char strict_lines[] = "Contact: <sip:user@remoteua>\n"
                                   "Record-Route: <sip:proxy1>,<sip:proxy2>,<sip:proxy3;lr>,<sip:proxy4>\n";

static void test_a_strict_router_first_is_written_into_the_request_line(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_talks(world, strict_lines);
  expect_view(dialog_remote_target(world->table, dialog), "sip:user@remoteua");
  expect_int(send_request(world, dialog, SIP_METHOD_INFO), ==, RESULT_OK);
  const struct sip_message *info = sent(world);
  expect_view(info->request_uri, "sip:proxy1");
  expect_header(info, ROUTE, "<sip:proxy2>,<sip:proxy3;lr>,<sip:proxy4>,<sip:user@remoteua>");
  world_end(world);
}

static void test_behind_a_strict_router_a_new_target_is_the_last_route(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_talks(world, strict_lines);
  struct flow flow = udp_from("198.51.100.7:5060");
  const struct sip_message *update = alice_requests(world, dialog, "UPDATE", 101, "Contact: <sip:user@new.example>\n");
  expect_int(take_request(world, dialog, update, &flow, &transaction), ==, RESULT_OK);
  respond(world, dialog, transaction, SIP_METHOD_UPDATE, 200);
  next_event(world);
  expect_int(send_request(world, dialog, SIP_METHOD_INFO), ==, RESULT_OK);
  const struct sip_message *info = sent(world);
  expect_view(info->request_uri, "sip:proxy1");
  expect_header(info, ROUTE, "<sip:proxy2>,<sip:proxy3;lr>,<sip:proxy4>,<sip:user@new.example>");
  world_end(world);
}

static void test_behind_a_strict_router_the_response_still_copies_record_route(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_calls(world, strict_lines, &transaction);
  respond(world, dialog, transaction, SIP_METHOD_INVITE, 200);
  expect_header(sent(world), RECORD_ROUTE, "<sip:proxy1>,<sip:proxy2>,<sip:proxy3;lr>,<sip:proxy4>");
  world_end(world);
}

/* RFC 5658 §5: one proxy with two Record-Routes; UA2's and UA1's sides of it. */
static void test_double_record_routes_keep_their_order_at_the_callee(void) {
  struct world *world = world_create(4);
  struct handle dialog = alice_talks(world, "Contact: <sip:alice@192.0.2.1>\n"
                                            "Record-Route: <sip:[2001:db8::1];lr>\n"
                                            "Record-Route: <sip:192.0.2.254:5060;lr>\n");
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_OK);
  expect_header(sent(world), ROUTE, "<sip:[2001:db8::1];lr>,<sip:192.0.2.254:5060;lr>");
  expect_remote(&world->sent_flow, "[2001:db8::1]:5060");
  expect_int(world->sent_flow.socket_index, ==, SOCKET_UDP6);
  world_end(world);
}

static void test_double_record_routes_are_reversed_at_the_caller(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, "Contact: <sip:bob@[2001:db8::33]>\n"
                                            "Record-Route: <sip:[2001:db8::1];lr>\n"
                                            "Record-Route: <sip:192.0.2.254:5060;lr>\n");
  expect_int(dialog_send_ack(world->table, &world->context, dialog, &(struct dialog_ack){.cseq = 1}), ==, RESULT_OK);
  const struct sip_message *ack = sent(world);
  expect_view(ack->request_uri, "sip:bob@[2001:db8::33]");
  expect_header(ack, ROUTE, "<sip:192.0.2.254:5060;lr>,<sip:[2001:db8::1];lr>");
  expect_remote(&world->sent_flow, "192.0.2.254:5060");
  world_end(world);
}

static void test_the_answer_replaces_the_preloaded_route_even_by_none(void) {
  struct world *world = world_create(4);
  struct dialog_invitation invitation = invitation_to_carol();
  invitation.route = world_view("<sip:edge.example.com;lr>");
  struct handle dialog = carol_is_called_with(world, &invitation);
  carol_responds(world, dialog, "200 OK", "c1", "1 INVITE", carol_contact);
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_OK);
  expect(!sip_message_has(sent(world), SIP_HEADER_ROUTE));
  world_end(world);
}

/* §13.2.2.4: RFC 2543 did not mirror Record-Route in a 1xx. */
static void test_the_route_set_is_computed_anew_from_the_2xx(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  carol_responds(world, dialog, "180 Ringing", "c1", "1 INVITE", carol_contact);
  carol_responds(world, dialog, "200 OK", "c1", "1 INVITE",
                 "Contact: <sip:carol@203.0.113.10>\nRecord-Route: <sip:203.0.113.20;lr>\n");
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_OK);
  const struct sip_message *bye = sent(world);
  expect_header(bye, ROUTE, "<sip:203.0.113.20;lr>");
  expect_view(bye->request_uri, "sip:carol@203.0.113.10");
  expect_remote(&world->sent_flow, "203.0.113.20:5060");
  world_end(world);
}

static void test_requests_in_the_dialog_never_change_the_route_set(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_talks(world, alice_contact);
  struct flow flow = udp_from("198.51.100.7:5060");
  const struct sip_message *reinvite =
      alice_requests(world, dialog, "INVITE", 101, "Contact: <sip:alice@198.51.100.7>\nRecord-Route: <sip:evil;lr>\n");
  expect_int(take_request(world, dialog, reinvite, &flow, &transaction), ==, RESULT_OK);
  respond(world, dialog, transaction, SIP_METHOD_INVITE, 200);
  next_event(world);
  expect_int(send_request(world, dialog, SIP_METHOD_INVITE), ==, RESULT_OK);
  carol_responds(world, dialog, "200 OK", "a1", "1 INVITE", "Record-Route: <sip:evil;lr>\n");
  sent(world);
  expect_int(send_request(world, dialog, SIP_METHOD_BYE), ==, RESULT_OK);
  expect(!sip_message_has(sent(world), SIP_HEADER_ROUTE));
  world_end(world);
}

/* --- responses of ours ------------------------------------------------------------------------------------------- */

static void test_a_response_that_makes_a_dialog_has_tag_contact_and_record_route(void) {
  static const unsigned statuses[] = {180, 183, 200};
  for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
    struct world *world = world_create(4);
    struct handle transaction, dialog = alice_calls(world,
                                                    "Contact: <sip:alice@198.51.100.7>\n"
                                                    "Record-Route: \"P\" <sip:p2;lr>;x=1, <sip:p1;lr>\n",
                                                    &transaction);
    char contact[128];
    snprintf(contact, sizeof contact, "<sip:%s@192.0.2.1:5060>", local_tag(world, dialog));
    respond(world, dialog, transaction, SIP_METHOD_INVITE, statuses[i]);
    const struct sip_message *response = sent(world);
    expect_int(response->status, ==, statuses[i]);
    expect_view(response->to_tag, local_tag(world, dialog));
    expect_header(response, CONTACT, contact);
    expect_header(response, RECORD_ROUTE, "\"P\" <sip:p2;lr>;x=1,<sip:p1;lr>");
    expect_int(header_count(response, SIP_HEADER_CONTACT), ==, 1);
    world_end(world);
  }
}

static void test_a_hundred_and_a_refusal_have_no_contact(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_calls(world, alice_contact, &transaction);
  respond(world, dialog, transaction, SIP_METHOD_INVITE, 100);
  const struct sip_message *trying = sent(world);
  expect_int(trying->to_tag.length, ==, 0);
  expect(!sip_message_has(trying, SIP_HEADER_CONTACT));
  respond(world, dialog, transaction, SIP_METHOD_INVITE, 486);
  const struct sip_message *busy = sent(world);
  expect_view(busy->to_tag, local_tag(world, dialog));
  expect(!sip_message_has(busy, SIP_HEADER_CONTACT));
  world_end(world);
}

static void test_a_2xx_to_update_has_contact_one_to_info_has_not(void) {
  struct world *world = world_create(4);
  struct handle transaction, dialog = alice_talks(world, alice_contact);
  struct flow flow = udp_from("198.51.100.7:5060");
  expect_int(
      take_request(world, dialog, alice_requests(world, dialog, "UPDATE", 101, alice_contact), &flow, &transaction), ==,
      RESULT_OK);
  respond(world, dialog, transaction, SIP_METHOD_UPDATE, 200);
  expect(sip_message_has(sent(world), SIP_HEADER_CONTACT));
  expect_int(take_request(world, dialog, alice_requests(world, dialog, "INFO", 102, ""), &flow, &transaction), ==,
             RESULT_OK);
  respond(world, dialog, transaction, SIP_METHOD_INFO, 200);
  expect(!sip_message_has(sent(world), SIP_HEADER_CONTACT));
  world_end(world);
}

static void test_a_response_to_a_reinvite_copies_record_route_only_when_it_had_one(void) {
  struct world *world = world_create(4);
  const char *lines = "Contact: <sip:alice@198.51.100.7>\nRecord-Route: <sip:p1.example.com;lr>\n";
  struct handle transaction, dialog = alice_talks(world, lines);
  struct flow flow = udp_from("198.51.100.7:5060");
  expect_int(
      take_request(world, dialog, alice_requests(world, dialog, "INVITE", 101, alice_contact), &flow, &transaction), ==,
      RESULT_OK);
  respond(world, dialog, transaction, SIP_METHOD_INVITE, 200);
  expect(!sip_message_has(sent(world), SIP_HEADER_RECORD_ROUTE));
  expect_int(take_request(world, dialog, alice_requests(world, dialog, "UPDATE", 102, lines), &flow, &transaction), ==,
             RESULT_OK);
  respond(world, dialog, transaction, SIP_METHOD_UPDATE, 200);
  expect_header(sent(world), RECORD_ROUTE, "<sip:p1.example.com;lr>");
  world_end(world);
}

/* --- Contact and secure dialogs ---------------------------------------------------------------------------------- */

static void expect_contact_of_invite(struct world *world, struct flow flow, const char *request_uri,
                                     const char *format) {
  struct dialog_invitation invitation = invitation_to_carol();
  struct handle dialog;
  char contact[128];
  invitation.flow = flow;
  invitation.request_uri = world_view(request_uri);
  expect_int(dialog_create_uac(world->table, &world->context, &invitation, nobody, &dialog), ==, RESULT_OK);
  expect_int(send_request(world, dialog, SIP_METHOD_INVITE), ==, RESULT_OK);
  const char *at = strchr(format, '@');
  snprintf(contact, sizeof contact, "%.*s%s%s", (int)(at - format), format, local_tag(world, dialog), at);
  expect_header(sent(world), CONTACT, contact);
  next_event(world);
}

static void test_contact_names_the_socket_of_the_flow_and_its_transport(void) {
  struct world *world = world_create(8);
  struct flow tcp = world_flow(TRANSPORT_TCP, SOCKET_TCP, "203.0.113.9:5060", 5);
  struct flow tls = world_flow(TRANSPORT_TLS, SOCKET_TLS, "203.0.113.9:5061", 6);
  struct flow udp6 = world_flow(TRANSPORT_UDP, SOCKET_UDP6, "[2001:db8::7]:5060", 0);
  expect_contact_of_invite(world, udp_from("203.0.113.9:5060"), "sip:c@203.0.113.9", "<sip:@192.0.2.1:5060>");
  expect_contact_of_invite(world, tcp, "sip:c@203.0.113.9", "<sip:@192.0.2.1:5060;transport=tcp>");
  expect_contact_of_invite(world, tls, "sip:c@203.0.113.9", "<sip:@192.0.2.1:5061;transport=tls>");
  expect_contact_of_invite(world, tls, "sips:c@203.0.113.9", "<sips:@192.0.2.1:5061>");
  expect_contact_of_invite(world, udp6, "sip:c@[2001:db8::7]", "<sip:@[2001:db8::1]:5060>");
  world_end(world);
}

/* §12.1.1: sips: in Request-URI, or top Record-Route, or (without one) Contact. */
static void test_a_secure_invite_gets_a_secure_contact(void) {
  static const struct {
    const char *lines;
    bool secure;
  } cases[] = {
      {"Contact: <sips:alice@198.51.100.7>\n", true},
      {"Contact: <sips:alice@198.51.100.7>\nRecord-Route: <sip:p1;lr>\n", false},
      {"Contact: <sip:alice@198.51.100.7>\nRecord-Route: <sips:p1;lr>\n", true},
      {"Contact: <sip:alice@198.51.100.7>\n", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct world *world = world_create(4);
    struct handle transaction, dialog = alice_calls(world, cases[i].lines, &transaction);
    respond(world, dialog, transaction, SIP_METHOD_INVITE, 200);
    struct str_view contact = sip_message_header(sent(world), SIP_HEADER_CONTACT);
    expect_int(str_view_starts_with(contact, world_view("<sips:")), ==, cases[i].secure);
    world_end(world);
  }
}

static void test_target_refresh_requests_carry_contact_others_do_not(void) {
  static const struct {
    enum sip_method method;
    bool contact;
  } cases[] = {{SIP_METHOD_INVITE, true},   {SIP_METHOD_UPDATE, true},    {SIP_METHOD_NOTIFY, true},
               {SIP_METHOD_REFER, true},    {SIP_METHOD_SUBSCRIBE, true}, {SIP_METHOD_INFO, false},
               {SIP_METHOD_OPTIONS, false}, {SIP_METHOD_MESSAGE, false},  {SIP_METHOD_BYE, false}};
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, carol_contact);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    expect_int(send_request(world, dialog, cases[i].method), ==, RESULT_OK);
    expect_int(sip_message_has(sent(world), SIP_HEADER_CONTACT), ==, cases[i].contact);
  }
  world_end(world);
}

static void test_a_method_that_we_do_not_know_can_be_sent(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, carol_contact), transaction;
  struct dialog_request request = {.method_text = world_view("JUGGLE")};
  expect_int(dialog_send_request(world->table, &world->context, dialog, &request, &transaction), ==, RESULT_OK);
  const struct sip_message *message = sent(world);
  expect_view(message->method_text, "JUGGLE");
  expect_header(message, CSEQ, "2 JUGGLE");
  world_end(world);
}

/* --- the ACK of a 2xx -------------------------------------------------------------------------------------------- */

static void test_ack_has_the_number_of_its_invite_and_uses_up_none(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, carol_contact);
  expect_int(send_request(world, dialog, SIP_METHOD_INFO), ==, RESULT_OK);
  sent(world);
  expect_int(dialog_send_ack(world->table, &world->context, dialog, &(struct dialog_ack){.cseq = 1}), ==, RESULT_OK);
  const struct sip_message *ack = sent(world);
  expect_view(ack->method_text, "ACK");
  expect_header(ack, CSEQ, "1 ACK");
  expect_view(ack->to_tag, "c1");
  expect_view(ack->request_uri, "sip:carol@203.0.113.9:5080");
  expect_remote(&world->sent_flow, "203.0.113.9:5080");
  expect_int(send_request(world, dialog, SIP_METHOD_INFO), ==, RESULT_OK);
  expect_header(sent(world), CSEQ, "3 INFO");
  world_end(world);
}

/* RFC 3261 §13.2.2.4, §22.1 */
static void test_an_ack_says_the_credentials_that_it_is_given(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, carol_contact);
  struct str_view login = STR_VIEW("Authorization: Digest response=\"1\"\r\n");
  struct dialog_ack ack = {.cseq = 1, .credentials = login};
  expect_int(dialog_send_ack(world->table, &world->context, dialog, &ack), ==, RESULT_OK);
  dialog_resend_ack(world->table, &world->context, dialog);
  expect_int(world->outbox.entry_count, ==, 2);
  expect(str_view_equal(world->outbox.entries[0].bytes, world->outbox.entries[1].bytes));
  expect_header(sent(world), AUTHORIZATION, "Digest response=\"1\"");
  world_end(world);
}

static void expect_same_ack_again(struct world *world, struct handle dialog, const char *body) {
  struct dialog_ack ack = {1, {0}, world_view(body[0] ? "application/sdp" : ""), world_view(body)};
  expect_int(dialog_send_ack(world->table, &world->context, dialog, &ack), ==, RESULT_OK);
  dialog_resend_ack(world->table, &world->context, dialog);
  expect_int(world->outbox.entry_count, ==, 2);
  expect(str_view_equal(world->outbox.entries[0].bytes, world->outbox.entries[1].bytes));
  expect_view(sent(world)->body, body);
  next_event(world);
}

static void test_a_repeated_2xx_gets_the_same_ack_again(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, carol_contact);
  expect_same_ack_again(world, dialog, "");
  expect_same_ack_again(world, dialog, "v=0\r\n");
  world_end(world);
}

static void test_the_ack_of_the_last_2xx_is_still_known_while_a_reinvite_is_open(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, carol_contact);
  expect_int(dialog_send_ack(world->table, &world->context, dialog, &(struct dialog_ack){.cseq = 1}), ==, RESULT_OK);
  expect_int(send_request(world, dialog, SIP_METHOD_INVITE), ==, RESULT_OK);
  next_event(world);
  dialog_resend_ack(world->table, &world->context, dialog);
  expect_header(sent(world), CSEQ, "1 ACK");
  world_end(world);
}

static void test_an_ack_without_body_replaces_one_with(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, carol_contact);
  expect_int(dialog_send_ack(world->table, &world->context, dialog,
                             &(struct dialog_ack){.cseq = 1, .body = world_view("v=0\r\n")}),
             ==, RESULT_OK);
  expect_int(send_request(world, dialog, SIP_METHOD_INVITE), ==, RESULT_OK);
  expect_int(dialog_send_ack(world->table, &world->context, dialog, &(struct dialog_ack){.cseq = 2}), ==, RESULT_OK);
  next_event(world);
  dialog_resend_ack(world->table, &world->context, dialog);
  const struct sip_message *ack = sent(world);
  expect_header(ack, CSEQ, "2 ACK");
  expect_view(ack->body, "");
  world_end(world);
}

static void test_without_an_ack_nothing_is_resent(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  expect_int(dialog_send_ack(world->table, &world->context, dialog, &(struct dialog_ack){.cseq = 1}), ==,
             RESULT_WRONG_STATE);
  dialog_resend_ack(world->table, &world->context, dialog);
  expect(nothing_sent(world));
  world_end(world);
}

TAP_TESTS(TAP(test_trapezoid_callee_sends_through_p2_then_p1), TAP(test_trapezoid_caller_sends_through_p1_then_p2),
          TAP(test_a_strict_router_further_on_changes_nothing_for_us),
          TAP(test_a_strict_router_first_is_written_into_the_request_line),
          TAP(test_behind_a_strict_router_a_new_target_is_the_last_route),
          TAP(test_behind_a_strict_router_the_response_still_copies_record_route),
          TAP(test_double_record_routes_keep_their_order_at_the_callee),
          TAP(test_double_record_routes_are_reversed_at_the_caller),
          TAP(test_the_answer_replaces_the_preloaded_route_even_by_none),
          TAP(test_the_route_set_is_computed_anew_from_the_2xx),
          TAP(test_requests_in_the_dialog_never_change_the_route_set),
          TAP(test_a_response_that_makes_a_dialog_has_tag_contact_and_record_route),
          TAP(test_a_hundred_and_a_refusal_have_no_contact), TAP(test_a_2xx_to_update_has_contact_one_to_info_has_not),
          TAP(test_a_response_to_a_reinvite_copies_record_route_only_when_it_had_one),
          TAP(test_contact_names_the_socket_of_the_flow_and_its_transport),
          TAP(test_a_secure_invite_gets_a_secure_contact),
          TAP(test_target_refresh_requests_carry_contact_others_do_not),
          TAP(test_a_method_that_we_do_not_know_can_be_sent),
          TAP(test_ack_has_the_number_of_its_invite_and_uses_up_none), TAP(test_a_repeated_2xx_gets_the_same_ack_again),
          TAP(test_the_ack_of_the_last_2xx_is_still_known_while_a_reinvite_is_open),
          TAP(test_an_ack_without_body_replaces_one_with), TAP(test_an_ack_says_the_credentials_that_it_is_given),
          TAP(test_without_an_ack_nothing_is_resent))
