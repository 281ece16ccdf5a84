/* Forks: several remote ends answer one INVITE, and the first 2xx makes its sender the dialog (RFC 3261 §13.2.2.4). */
#include "dialog/dialog_fixture.h"

static void expect_state(struct world *world, struct handle dialog, enum dialog_state state) {
  expect_int(dialog_state(world->table, dialog), ==, state);
}

static void test_each_remote_end_of_a_fork_is_a_branch(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  expect_int(carol_responds(world, dialog, "180 R", "c1", "1 INVITE", "Contact: <sip:c@203.0.113.11>\n"), ==, 0);
  expect_int(carol_responds(world, dialog, "180 R", "c2", "1 INVITE", "Contact: <sip:c@203.0.113.12>\n"), ==, 1);
  expect_int(carol_responds(world, dialog, "183 P", "c1", "1 INVITE", "Contact: <sip:c@203.0.113.11>\n"), ==, 0);
  expect_int(carol_responds(world, dialog, "183 P", "c3", "1 INVITE", "Contact: <sip:c@203.0.113.13>\n"), ==, 2);
  expect_view(dialog_remote_tag(world->table, dialog), "c1");
  expect_int(dialog_count(world->table), ==, 1);
  world_end(world);
}

static void test_the_first_2xx_makes_its_sender_the_dialog(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world), found;
  carol_responds(world, dialog, "180 R", "c1", "1 INVITE", "Contact: <sip:c@203.0.113.11>\n");
  carol_responds(world, dialog, "180 R", "c2", "1 INVITE", "Contact: <sip:c@203.0.113.12>\n");
  expect_int(carol_responds(world, dialog, "200 OK", "c2", "1 INVITE", "Contact: <sip:c@203.0.113.12>\n"), ==, 1);
  expect_view(dialog_remote_tag(world->table, dialog), "c2");
  expect_view(dialog_remote_target(world->table, dialog), "sip:c@203.0.113.12");
  expect_int(dialog_find(world->table, carol_requests(world, dialog, "INFO", "c2", 1, ""), &found), ==, RESULT_OK);
  expect_int(dialog_find(world->table, carol_requests(world, dialog, "INFO", "c1", 1, ""), &found), ==,
             RESULT_NOT_FOUND);
  expect_int(send_request(world, dialog, SIP_METHOD_INFO), ==, RESULT_OK);
  expect_view(sent(world)->to_tag, "c2");
  expect_remote(&world->sent_flow, "203.0.113.12:5060");
  world_end(world);
}

static void test_while_early_requests_go_to_the_branch_that_answered_first(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world), found;
  carol_responds(world, dialog, "180 R", "c1", "1 INVITE", "Contact: <sip:c@203.0.113.11>\n");
  carol_responds(world, dialog, "180 R", "c2", "1 INVITE", "Contact: <sip:c@203.0.113.12>\n");
  expect_int(send_request(world, dialog, SIP_METHOD_UPDATE), ==, RESULT_OK);
  expect_view(sent(world)->to_tag, "c1");
  expect_int(carol_responds(world, dialog, "183 P", "c2", "1 INVITE", "Contact: <sip:c@203.0.113.12>\n"), ==, 1);
  expect_int(send_request(world, dialog, SIP_METHOD_UPDATE), ==, RESULT_OK);
  expect_view(sent(world)->to_tag, "c1");
  expect_int(dialog_find(world->table, carol_requests(world, dialog, "UPDATE", "c2", 1, ""), &found), ==, RESULT_OK);
  expect_int(carol_responds(world, dialog, "200 OK", "c1", "1 INVITE", ""), ==, 0);
  expect_view(dialog_remote_tag(world->table, dialog), "c1");
  world_end(world);
}

static void test_numbers_rise_across_branches(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  carol_responds(world, dialog, "180 R", "c1", "1 INVITE", carol_contact);
  carol_responds(world, dialog, "180 R", "c2", "1 INVITE", carol_contact);
  expect_int(send_request(world, dialog, SIP_METHOD_UPDATE), ==, RESULT_OK);
  expect_header(sent(world), CSEQ, "2 UPDATE");
  expect_int(carol_responds(world, dialog, "200 OK", "c2", "1 INVITE", carol_contact), ==, 1);
  expect_int(send_request(world, dialog, SIP_METHOD_UPDATE), ==, RESULT_OK);
  const struct sip_message *update = sent(world);
  expect_view(update->to_tag, "c2");
  expect_header(update, CSEQ, "3 UPDATE");
  world_end(world);
}

static void test_each_branch_has_its_own_order_of_requests(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  struct flow flow = udp_from("203.0.113.9:5080");
  carol_responds(world, dialog, "180 R", "c1", "1 INVITE", carol_contact);
  carol_responds(world, dialog, "180 R", "c2", "1 INVITE", carol_contact);
  expect_int(take_request(world, dialog, carol_requests(world, dialog, "UPDATE", "c1", 900, ""), &flow, NULL), ==,
             RESULT_OK);
  expect_int(take_request(world, dialog, carol_requests(world, dialog, "UPDATE", "c2", 5, ""), &flow, NULL), ==,
             RESULT_OK);
  expect_int(take_request(world, dialog, carol_requests(world, dialog, "UPDATE", "c1", 899, ""), &flow, NULL), ==,
             RESULT_OUT_OF_RANGE);
  world_end(world);
}

static void test_a_late_2xx_of_another_branch_is_acknowledged_and_ended(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  carol_responds(world, dialog, "200 OK", "c1", "1 INVITE", "Contact: <sip:c@203.0.113.11>\n");
  unsigned branch = carol_responds(world, dialog, "200 OK", "c2", "1 INVITE",
                                   "Contact: <sip:c@203.0.113.12>\nRecord-Route: <sip:203.0.113.30;lr>\n");
  expect_int(branch, ==, 1);
  expect_view(dialog_remote_tag(world->table, dialog), "c1");
  dismiss_branch(world, dialog, branch);
  const struct sip_message *ack = sent(world);
  expect_view(ack->method_text, "ACK");
  expect_header(ack, CSEQ, "1 ACK");
  expect_view(ack->to_tag, "c2");
  expect_header(ack, TO, "<sip:carol@203.0.113.9>;tag=c2");
  expect_view(ack->request_uri, "sip:c@203.0.113.12");
  expect_header(ack, ROUTE, "<sip:203.0.113.30;lr>");
  expect_remote(&world->sent_flow, "203.0.113.30:5060");
  const struct sip_message *bye = sent(world);
  expect_view(bye->method_text, "BYE");
  expect_header(bye, CSEQ, "2 BYE");
  expect_view(bye->to_tag, "c2");
  expect_state(world, dialog, DIALOG_CONFIRMED);
  world_end(world);
}

static void test_a_repeated_2xx_of_a_dismissed_branch_is_only_acknowledged(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world), found;
  carol_responds(world, dialog, "200 OK", "c1", "1 INVITE", carol_contact);
  for (unsigned i = 0; i < 3; i++) {
    unsigned branch = carol_responds(world, dialog, "200 OK", "c2", "1 INVITE", carol_contact);
    expect_int(branch, ==, 1);
    dismiss_branch(world, dialog, branch);
  }
  unsigned acks = 0, byes = 0;
  for (const struct sip_message *message = sent(world); message->bytes.length > 0; message = sent(world)) {
    acks += message->method == SIP_METHOD_ACK;
    byes += message->method == SIP_METHOD_BYE;
  }
  expect_int(acks, ==, 3);
  expect_int(byes, ==, 1);
  expect_int(dialog_find(world->table, carol_requests(world, dialog, "BYE", "c2", 1, ""), &found), ==,
             RESULT_NOT_FOUND);
  world_end(world);
}

static void test_a_repeated_2xx_of_the_chosen_branch_keeps_its_number(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  carol_responds(world, dialog, "180 R", "c1", "1 INVITE", carol_contact);
  expect_int(carol_responds(world, dialog, "200 OK", "c2", "1 INVITE", carol_contact), ==, 1);
  expect_int(carol_responds(world, dialog, "200 OK", "c2", "1 INVITE", carol_contact), ==, 1);
  dismiss_branch(world, dialog, 1);
  expect(nothing_sent(world));
  world_end(world);
}

static void test_a_provisional_of_a_loser_is_nobodys_news(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, carol_contact);
  unsigned branch;
  const struct sip_message *late = response_of_carol(world, dialog, "180 R", "c2", "1 INVITE", carol_contact);
  expect_int(dialog_receive_response(world->table, &world->context, dialog, late, &branch), ==, RESULT_NOT_FOUND);
  world_end(world);
}

static void test_a_refusal_after_the_answer_changes_nothing(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_talks(world, carol_contact);
  carol_responds(world, dialog, "486 Busy Here", "c2", "1 INVITE", "");
  expect_state(world, dialog, DIALOG_CONFIRMED);
  expect_int(carol_responds(world, dialog, "200 OK", "c2", "1 INVITE", carol_contact), ==, 1);
  carol_responds(world, dialog, "486 Busy Here", "c2", "1 INVITE", "");
  expect_int(carol_responds(world, dialog, "200 OK", "c2", "1 INVITE", carol_contact), ==, 1);
  expect_view(dialog_remote_tag(world->table, dialog), "c1");
  world_end(world);
}

static void test_the_number_of_branches_is_bounded(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world);
  enum result result = RESULT_OK;
  unsigned branches = 0, branch;
  for (; result == RESULT_OK && branches < 100; branches++) {
    char tag[16];
    snprintf(tag, sizeof tag, "c%u", branches);
    const struct sip_message *response =
        response_of_carol(world, dialog, "180 R", tag, "1 INVITE", "Contact: <sip:carol@203.0.113.9>\n");
    result = dialog_receive_response(world->table, &world->context, dialog, response, &branch);
    next_event(world);
  }
  expect_int(result, ==, RESULT_FULL);
  expect_int(branches, ==, 33);
  dialog_destroy(world->table, &world->context, dialog);
  world_end(world);
}

static void test_a_2xx_without_a_to_tag_is_a_null_tag(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world), found;
  expect_int(carol_responds(world, dialog, "200 OK", "", "1 INVITE", carol_contact), ==, 0);
  expect_state(world, dialog, DIALOG_CONFIRMED);
  expect_int(send_request(world, dialog, SIP_METHOD_INFO), ==, RESULT_OK);
  expect_header(sent(world), TO, "<sip:carol@203.0.113.9>");
  const struct sip_message *info = received(world,
                                            "INFO sip:x@192.0.2.1 SIP/2.0\n"
                                            "Via: SIP/2.0/UDP 203.0.113.9:5080;branch=z9hG4bKx\n"
                                            "From: <sip:carol@203.0.113.9>\n"
                                            "To: <sip:1001@192.0.2.1>;tag=%s\n"
                                            "Call-ID: %s\n"
                                            "CSeq: 1 INFO\n",
                                            local_tag(world, dialog), call_id(world, dialog));
  expect_int(dialog_find(world->table, info, &found), ==, RESULT_OK);
  world_end(world);
}

static void test_nobody_can_answer_for_an_end_that_has_not(void) {
  struct world *world = world_create(4);
  struct handle dialog = carol_is_called(world), found;
  const struct sip_message *info = received(world,
                                            "INFO sip:x@192.0.2.1 SIP/2.0\n"
                                            "Via: SIP/2.0/UDP 203.0.113.9:5080;branch=z9hG4bKx\n"
                                            "From: <sip:carol@203.0.113.9>\n"
                                            "To: <sip:1001@192.0.2.1>;tag=%s\n"
                                            "Call-ID: %s\n"
                                            "CSeq: 1 INFO\n",
                                            local_tag(world, dialog), call_id(world, dialog));
  expect_int(dialog_find(world->table, info, &found), ==, RESULT_NOT_FOUND);
  world_end(world);
}

TAP_TESTS(TAP(test_each_remote_end_of_a_fork_is_a_branch), TAP(test_the_first_2xx_makes_its_sender_the_dialog),
          TAP(test_while_early_requests_go_to_the_branch_that_answered_first), TAP(test_numbers_rise_across_branches),
          TAP(test_each_branch_has_its_own_order_of_requests),
          TAP(test_a_late_2xx_of_another_branch_is_acknowledged_and_ended),
          TAP(test_a_repeated_2xx_of_a_dismissed_branch_is_only_acknowledged),
          TAP(test_a_repeated_2xx_of_the_chosen_branch_keeps_its_number),
          TAP(test_a_provisional_of_a_loser_is_nobodys_news), TAP(test_a_refusal_after_the_answer_changes_nothing),
          TAP(test_the_number_of_branches_is_bounded), TAP(test_a_2xx_without_a_to_tag_is_a_null_tag),
          TAP(test_nobody_can_answer_for_an_end_that_has_not))
