#include "cdr/cdr_record.h"

#include "tap.h"

static void test_end_reasons_have_the_names_of_the_contract(void) {
  static const char *const names[] = {"normal",         "cancelled",
                                      "busy",           "no_answer",
                                      "rejected",       "session_timeout",
                                      "duration_limit", "media_timeout",
                                      "operator",       "route_not_found",
                                      "not_registered", "illegal_call",
                                      "forbidden",      "authentication_failed",
                                      "capacity",       "gateway_timeout",
                                      "protocol_error", "switch_restart",
                                      "trunk_test"};
  expect_int(END_REASON_COUNT, ==, sizeof names / sizeof names[0]);
  for (unsigned i = 0; i < END_REASON_COUNT; i++) {
    const struct end_reason_row *row = end_reason_row((enum end_reason)i);
    expect_bytes(row->name, strlen(row->name), names[i]);
    expect(row->sip_status >= 200 && row->sip_status < 700);
    expect(row->q850_cause >= 1 && row->q850_cause <= 127);
    expect(strlen(row->sentence) > 10);
  }
}

static void test_end_causes_have_names_and_none_is_empty(void) {
  expect_bytes(end_cause_name(END_CAUSE_none), strlen(end_cause_name(END_CAUSE_none)), "");
  expect_bytes(end_cause_name(END_CAUSE_refresh_unanswered), 18, "refresh_unanswered");
  expect_bytes(end_cause_name(END_CAUSE_no_ack), 6, "no_ack");
  expect(strlen(end_cause_sentence(END_CAUSE_session_expired)) > 10);
}

/* RFC 3398 §8.2.6.1. */
static void test_statuses_map_to_causes_as_rfc_3398_recommends(void) {
  static const unsigned rows[][2] = {{400, 41}, {403, 21}, {404, 1},   {408, 102}, {480, 18}, {484, 28}, {486, 17},
                                     {500, 41}, {503, 41}, {504, 102}, {505, 127}, {600, 17}, {603, 21}, {604, 1},
                                     {488, 31}, {494, 31}, {580, 31},  {302, 31},  {487, 16}, {200, 16}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    expect_int(q850_cause_of_status(rows[i][0]), ==, rows[i][1]);
}

static void test_each_final_status_is_an_end_reason(void) {
  static const struct {
    unsigned status;
    enum end_reason reason;
  } rows[] = {
      {200, END_REASON_normal},
      {302, END_REASON_rejected},
      {400, END_REASON_protocol_error},
      {401, END_REASON_authentication_failed},
      {403, END_REASON_forbidden},
      {404, END_REASON_rejected},
      {407, END_REASON_authentication_failed},
      {408, END_REASON_no_answer},
      {480, END_REASON_no_answer},
      {482, END_REASON_protocol_error},
      {486, END_REASON_busy},
      {487, END_REASON_cancelled},
      {488, END_REASON_rejected},
      {500, END_REASON_rejected},
      {501, END_REASON_protocol_error},
      {503, END_REASON_capacity},
      {504, END_REASON_rejected},
      {600, END_REASON_busy},
      {603, END_REASON_rejected},
      {699, END_REASON_rejected},
      {0, END_REASON_protocol_error},
      {100, END_REASON_protocol_error},
      {999, END_REASON_protocol_error},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    expect_int(end_reason_of_status(rows[i].status), ==, rows[i].reason);
}

TAP_TESTS(TAP(test_end_reasons_have_the_names_of_the_contract), TAP(test_end_causes_have_names_and_none_is_empty),
          TAP(test_statuses_map_to_causes_as_rfc_3398_recommends), TAP(test_each_final_status_is_an_end_reason))
