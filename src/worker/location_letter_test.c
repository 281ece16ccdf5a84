#include "worker/location_letter.h"

#include "tap.h"
#include "worker/echo_switch.h"

static void test_a_letter_says_what_was_written(void) {
  struct location_answer answer = {.asker = {7, 3}, .known = true, .contact_count = 2};
  answer.contacts[0] = (struct location_contact){.uri = STR_VIEW("sip:1001@10.0.0.1"),
                                                 .path = STR_VIEW("<sip:edge.example;lr>"),
                                                 .flow = {.transport = TRANSPORT_TCP, .connection = 9, .worker = 1},
                                                 .behind_nat = true};
  answer.contacts[1] = (struct location_contact){.uri = STR_VIEW("sip:1001@10.0.0.2"), .q_thousandths = 500};
  char memory[2048];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  location_letter_write(&answer, &builder);
  expect(!builder.overflowed);

  struct location_answer read;
  expect_int(location_letter_read(text_builder_view(&builder), &read), ==, RESULT_OK);
  expect(read.known && handle_equal(read.asker, answer.asker) && read.contact_count == 2);
  expect_view(read.contacts[0].uri, "sip:1001@10.0.0.1");
  expect_view(read.contacts[0].path, "<sip:edge.example;lr>");
  expect(flow_equal(&read.contacts[0].flow, &answer.contacts[0].flow));
  expect(read.contacts[0].behind_nat);
  expect_view(read.contacts[1].uri, "sip:1001@10.0.0.2");
  expect_int(read.contacts[1].path.length, ==, 0);
  expect(read.contacts[0].uri.data >= memory && read.contacts[0].uri.data < memory + sizeof memory);
}

static void test_a_torn_letter_is_refused(void) {
  struct location_answer answer = {.contact_count = 1}, read;
  answer.contacts[0].uri = STR_VIEW("sip:1001@10.0.0.1");
  char memory[2048];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  location_letter_write(&answer, &builder);
  struct str_view letter = text_builder_view(&builder);
  for (size_t length = 0; length < letter.length; length++)
    expect_int(location_letter_read(str_view_slice(letter, 0, length), &read), ==, RESULT_MALFORMED);
  memory[letter.length] = 'x';
  expect_int(location_letter_read(str_view_of(memory, letter.length + 1), &read), ==, RESULT_MALFORMED);
}

TAP_TESTS(TAP(test_a_letter_says_what_was_written), TAP(test_a_torn_letter_is_refused))
