#include "parameters/parameters.h"

#include "tap.h"

static struct parameters parameters;
static char problem_memory[1024];
static struct text_builder problem;

static enum result set(const char *name, const char *value) {
  problem = text_builder_over(problem_memory, sizeof problem_memory);
  const struct parameter_row *row = parameter_find(str_view_from_c(name));
  expect(row != NULL);
  return row ? parameter_set(&parameters, row, str_view_from_c(value), &problem) : RESULT_NOT_FOUND;
}

static void expect_value(const char *name, const char *want) {
  char memory[4096];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  const struct parameter_row *row = parameter_find(str_view_from_c(name));
  expect(row != NULL);
  if (row) parameter_to_text(&parameters, row, &builder);
  expect_view(text_builder_view(&builder), want);
}

static void expect_refused(const char *name, const char *value, enum result result, const char *sentence) {
  struct parameters before = parameters;
  expect_int(set(name, value), ==, result);
  expect_view(text_builder_view(&problem), sentence);
  expect(memcmp(&before, &parameters, sizeof before) == 0);
}

static void expect_taken(const char *name, const char *value, const char *want) {
  expect_int(set(name, value), ==, RESULT_OK);
  expect_int(problem.length, ==, 0);
  expect_value(name, want);
}

/* Names, defaults and ranges that operators know; not to be changed. */
static void test_names_defaults_and_ranges_are_the_known_ones(void) {
  static const char *const rows[][3] = {
      {"SS_SIP_SESSION_TTL", "600", "90 to 86400 s, or 0"},
      {"SS_SIP_SESSION_UPDATE_SEGMENT", "2", "2 to 10"},
      {"SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP", "0", "0 to 43200 s, or auto"},
      {"SS_SIP_NO_TIMER_REINVITE_INTERVAL", "7200", "0 to 86400 s"},
      {"SS_SIP_NAT_KEEP_ALIVE_MESSAGE", "HELLO", "at most 512 bytes of text with the escapes \\r \\n \\0 \\xHH \\\\"},
      {"SS_SIP_NAT_KEEP_ALIVE_PERIOD", "30", "10 to 86400 s"},
      {"SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL", "500", "10 to 10000 ms"},
      {"SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME", "3000", "1 to 100000"},
      {"SS_SIP_RESEND_INTERVAL", "rfc3261", "rfc3261, or 1 to 32 waits of 0.1 to 32 s, separated by commas"},
      {"SS_SIP_AUTHENTICATION_CODE", "401", "401 or 407"},
      {"SS_SIP_AUTHENTICATION_RETRY", "6", "0 to 999"},
      {"SS_SIP_AUTHENTICATION_TIMEOUT", "10", "1 to 300 s"},
      {"SS_AUTHENTICATION_FAILED_SUSPEND", "180", "60 to 3600 s"},
      {"SS_REPLY_UNAUTHORIZED", "On", "On or Off"},
      {"SS_SIP_TIMEOUT_INVITE", "10", "1 to 600 s"},
      {"SS_SIP_TIMEOUT_TRYING", "20", "1 to 600 s"},
      {"SS_SIP_TIMEOUT_SESSION_PROGRESS", "20", "1 to 600 s"},
      {"SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP", "120", "1 to 600 s"},
      {"SS_SIP_TIMEOUT_RINGING", "120", "1 to 600 s"},
      {"SS_ENDPOINT_EXPIRE", "3600", "60 to 86400 s"},
      {"SS_ENDPOINT_REGISTER_REPLACE", "On", "On or Off"},
      {"SS_GATEWAY_SWITCH_LIMIT", "none", "1 to 100, or none"},
      {"SS_GATEWAY_SWITCH_UNTIL_CONNECT", "Off", "On or Off"},
      {"SS_GATEWAY_SWITCH_STOP_AFTER_RTP_START", "On", "On or Off"},
      {"SS_SIP_STOP_SWITCH_AFTER_SDP", "On", "On or Off"},
      {"SS_CDR_RECORD_TO_FILE", "Off", "On or Off"},
      {"SS_CDR_RECORD_NONCONNECT", "On", "On or Off"},
      {"BF_CDR_FILE_COLUMNS", "", "at most 512 bytes of text with the escapes \\r \\n \\0 \\xHH \\\\"},
      {"BF_CDR_DAYS", "all", "1 to 36500 days, or all"},
      {"BF_BILLING_UNTIL", "end", "end or last_alive"},
      {"BF_JOURNAL_WAIT_MS", "100", "1 to 500 ms, or 0"},
      {"BF_JOURNAL_GATHER_MS", "20", "1 to 200 ms, or 0"},
      {"SS_QOS_SIGNAL", "0xa0", "0x00 to 0xff"},
      {"SS_QOS_RTP", "0xa0", "0x00 to 0xff"},
      {"BF_SESSION_MIN_SE", "90", "90 to 86400 s"},
      {"BF_SESSION_REFRESHER", "us", "us or them or peer"},
      {"BF_NO_TIMER_PROBE", "options", "options or reinvite or off"},
      {"BF_NAT_KEEP_ALIVE_METHOD", "message", "message or crlf or options or auto or off"},
      {"BF_NAT_KEEP_ALIVE_WHO", "all", "all or nat"},
      {"BF_NAT_KEEP_ALIVE_MISSES", "3", "1 to 100"},
      {"BF_NAT_KEEP_ALIVE_LEARN", "off", "off or suggest or set"},
      {"BF_HEP_ADDRESS", "", "at most 512 bytes of text with the escapes \\r \\n \\0 \\xHH \\\\"},
      {"BF_HEP_AGENT", "1", "1 to 4294967294"},
      {"BF_TRACE_SIZE", "64", "1 to 65536 MiB, or 0"},
      {"BF_DIGEST_ALGORITHMS", "MD5,SHA-256", "MD5,SHA-256 or SHA-256,MD5 or MD5 or SHA-256"},
  };
  size_t count = sizeof rows / sizeof rows[0];
  expect_int(parameter_row_count, ==, count);
  parameters_set_defaults(&parameters);
  for (size_t i = 0; i < count; i++) {
    char memory[256];
    struct text_builder builder = text_builder_over(memory, sizeof memory);
    expect_value(rows[i][0], rows[i][1]);
    const struct parameter_row *row = parameter_find(str_view_from_c(rows[i][0]));
    if (row) parameter_allowed_to_text(row, &builder);
    expect_view(text_builder_view(&builder), rows[i][2]);
  }
}

static void test_defaults_are_in_the_fields_and_agree_with_each_other(void) {
  parameters_set_defaults(&parameters);
  expect_int(parameters.SS_SIP_SESSION_TTL, ==, 600);
  expect(parameters.SS_REPLY_UNAUTHORIZED);
  expect(!parameters.SS_GATEWAY_SWITCH_UNTIL_CONNECT);
  expect(parameters.SS_GATEWAY_SWITCH_LIMIT == PARAMETER_NO_LIMIT);
  expect_int(parameters.SS_QOS_SIGNAL, ==, 0xa0);
  expect_int(parameters.SS_SIP_RESEND_INTERVAL.count, ==, 0);
  expect_int(parameters.SS_SIP_AUTHENTICATION_CODE, ==, AUTHENTICATION_CODE_401);
  expect_bytes(parameters.SS_SIP_NAT_KEEP_ALIVE_MESSAGE.bytes, parameters.SS_SIP_NAT_KEEP_ALIVE_MESSAGE.length,
               "HELLO");
  problem = text_builder_over(problem_memory, sizeof problem_memory);
  expect_int(parameters_check(&parameters, &problem), ==, RESULT_OK);
}

static void test_every_row_says_what_it_is(void) {
  for (size_t i = 0; i < parameter_row_count; i++) {
    const struct parameter_row *row = &parameter_rows[i];
    expect(parameter_find(str_view_from_c(row->name)) == row);
    expect(strlen(row->group) > 0 && strlen(row->summary) > 10 && strlen(row->description) > 40);
    expect(row->summary[strlen(row->summary) - 1] != '.');
    expect(row->description[strlen(row->description) - 1] == '.');
  }
  expect(parameter_find(STR_VIEW("ss_sip_session_ttl")) == NULL);
  expect(parameter_find(STR_VIEW("")) == NULL);
}

static void test_numbers_keep_their_range_and_the_sentence_names_it(void) {
  parameters_set_defaults(&parameters);
  expect_taken("SS_SIP_SESSION_TTL", " 900 ", "900");
  expect_taken("SS_SIP_SESSION_TTL", "90", "90");
  expect_taken("SS_SIP_SESSION_TTL", "86400", "86400");
  expect_taken("SS_SIP_SESSION_TTL", "0", "0");
  expect_refused("SS_SIP_SESSION_TTL", "45", RESULT_OUT_OF_RANGE,
                 "SS_SIP_SESSION_TTL is 45; allowed are 90 to 86400 s, or 0");
  expect_refused("SS_SIP_SESSION_TTL", "86401", RESULT_OUT_OF_RANGE,
                 "SS_SIP_SESSION_TTL is 86401; allowed are 90 to 86400 s, or 0");
  expect_refused("SS_SIP_SESSION_TTL", "4294967296", RESULT_OUT_OF_RANGE,
                 "SS_SIP_SESSION_TTL is 4294967296; allowed are 90 to 86400 s, or 0");
  expect_refused("SS_SIP_SESSION_TTL", "10 min", RESULT_MALFORMED,
                 "SS_SIP_SESSION_TTL is \"10 min\"; allowed are 90 to 86400 s, or 0");
  expect_refused("SS_SIP_SESSION_TTL", "", RESULT_MALFORMED,
                 "SS_SIP_SESSION_TTL is \"\"; allowed are 90 to 86400 s, or 0");
  expect_refused("SS_SIP_TIMEOUT_INVITE", "0", RESULT_OUT_OF_RANGE,
                 "SS_SIP_TIMEOUT_INVITE is 0; allowed are 1 to 600 s");
  expect_refused("SS_SIP_TIMEOUT_INVITE", "auto", RESULT_MALFORMED,
                 "SS_SIP_TIMEOUT_INVITE is \"auto\"; allowed are 1 to 600 s");
}

static void test_words_stand_for_values_and_are_no_numbers(void) {
  parameters_set_defaults(&parameters);
  const struct parameter_row *row = parameter_find(STR_VIEW("SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP"));
  expect(row && parameter_is_decimal(&parameters, row));
  expect_taken("SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP", "AUTO", "auto");
  expect(parameters.SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP == PARAMETER_AUTO);
  expect(row && !parameter_is_decimal(&parameters, row));
  expect_taken("SS_GATEWAY_SWITCH_LIMIT", "3", "3");
  expect_taken("SS_GATEWAY_SWITCH_LIMIT", "none", "none");
  expect_refused("SS_GATEWAY_SWITCH_LIMIT", "4294967295", RESULT_OUT_OF_RANGE,
                 "SS_GATEWAY_SWITCH_LIMIT is 4294967295; allowed are 1 to 100, or none");
}

static void test_bytes_are_typed_in_both_ways_and_written_in_hexadecimal(void) {
  parameters_set_defaults(&parameters);
  expect_taken("SS_QOS_SIGNAL", "184", "0xb8");
  expect_taken("SS_QOS_SIGNAL", "0XFf", "0xff");
  expect_taken("SS_QOS_SIGNAL", "0x0", "0x00");
  expect_taken("SS_QOS_SIGNAL", "0x000000000000a0", "0xa0");
  expect_refused("SS_QOS_SIGNAL", "256", RESULT_OUT_OF_RANGE, "SS_QOS_SIGNAL is 256; allowed are 0x00 to 0xff");
  expect_refused("SS_QOS_SIGNAL", "0x100", RESULT_OUT_OF_RANGE, "SS_QOS_SIGNAL is \"0x100\"; allowed are 0x00 to 0xff");
  expect_refused("SS_QOS_SIGNAL", "0x100000000a0", RESULT_OUT_OF_RANGE,
                 "SS_QOS_SIGNAL is \"0x100000000a0\"; allowed are 0x00 to 0xff");
  expect_refused("SS_QOS_SIGNAL", "0x", RESULT_MALFORMED, "SS_QOS_SIGNAL is \"0x\"; allowed are 0x00 to 0xff");
  expect_refused("SS_QOS_SIGNAL", "0xg0", RESULT_MALFORMED, "SS_QOS_SIGNAL is \"0xg0\"; allowed are 0x00 to 0xff");
}

static void test_switches_take_six_words_in_any_case(void) {
  parameters_set_defaults(&parameters);
  static const char *const words[][2] = {{"oFF", "Off"}, {"ON", "On"}, {"false", "Off"},
                                         {"True", "On"}, {"0", "Off"}, {"1", "On"}};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    expect_taken("SS_REPLY_UNAUTHORIZED", words[i][0], words[i][1]);
  expect_refused("SS_REPLY_UNAUTHORIZED", "maybe", RESULT_MALFORMED,
                 "SS_REPLY_UNAUTHORIZED is \"maybe\"; allowed are On or Off");
  expect_refused("SS_REPLY_UNAUTHORIZED", "2", RESULT_MALFORMED, "SS_REPLY_UNAUTHORIZED is 2; allowed are On or Off");
}

static void test_choices_are_the_indices_of_their_enums(void) {
  parameters_set_defaults(&parameters);
  static const struct {
    const char *name, *value;
    uint32_t index;
  } rows[] = {
      {"BF_SESSION_REFRESHER", "us", SESSION_REFRESHER_US},
      {"BF_SESSION_REFRESHER", "them", SESSION_REFRESHER_THEM},
      {"BF_SESSION_REFRESHER", "peer", SESSION_REFRESHER_PEER},
      {"BF_NO_TIMER_PROBE", "options", NO_TIMER_PROBE_OPTIONS},
      {"BF_NO_TIMER_PROBE", "reinvite", NO_TIMER_PROBE_REINVITE},
      {"BF_NO_TIMER_PROBE", "off", NO_TIMER_PROBE_OFF},
      {"BF_NAT_KEEP_ALIVE_METHOD", "message", KEEP_ALIVE_MESSAGE},
      {"BF_NAT_KEEP_ALIVE_METHOD", "crlf", KEEP_ALIVE_CRLF},
      {"BF_NAT_KEEP_ALIVE_METHOD", "options", KEEP_ALIVE_OPTIONS},
      {"BF_NAT_KEEP_ALIVE_METHOD", "auto", KEEP_ALIVE_AUTO},
      {"BF_NAT_KEEP_ALIVE_METHOD", "off", KEEP_ALIVE_OFF},
      {"BF_NAT_KEEP_ALIVE_WHO", "all", KEEP_ALIVE_WHO_ALL},
      {"BF_NAT_KEEP_ALIVE_WHO", "nat", KEEP_ALIVE_WHO_NAT},
      {"BF_NAT_KEEP_ALIVE_LEARN", "off", KEEP_ALIVE_LEARN_OFF},
      {"BF_NAT_KEEP_ALIVE_LEARN", "suggest", KEEP_ALIVE_LEARN_SUGGEST},
      {"BF_NAT_KEEP_ALIVE_LEARN", "set", KEEP_ALIVE_LEARN_SET},
      {"BF_DIGEST_ALGORITHMS", "MD5,SHA-256", DIGEST_MD5_SHA256},
      {"BF_DIGEST_ALGORITHMS", "SHA-256,MD5", DIGEST_SHA256_MD5},
      {"BF_DIGEST_ALGORITHMS", "MD5", DIGEST_MD5},
      {"BF_DIGEST_ALGORITHMS", "SHA-256", DIGEST_SHA256},
      {"SS_SIP_AUTHENTICATION_CODE", "401", AUTHENTICATION_CODE_401},
      {"SS_SIP_AUTHENTICATION_CODE", "407", AUTHENTICATION_CODE_407},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    expect_taken(rows[i].name, rows[i].value, rows[i].value);
    const struct parameter_row *row = parameter_find(str_view_from_c(rows[i].name));
    uint32_t index = UINT32_MAX;
    if (row) memcpy(&index, (const char *)&parameters + row->offset, sizeof index);
    expect_int(index, ==, rows[i].index);
  }
  expect_taken("BF_DIGEST_ALGORITHMS", "sha-256", "SHA-256");
  expect_refused("BF_DIGEST_ALGORITHMS", "MD5,", RESULT_MALFORMED,
                 "BF_DIGEST_ALGORITHMS is \"MD5,\"; allowed are MD5,SHA-256 or SHA-256,MD5 or MD5 or SHA-256");
  expect_refused("BF_SESSION_REFRESHER", "us them", RESULT_MALFORMED,
                 "BF_SESSION_REFRESHER is \"us them\"; allowed are us or them or peer");
  expect_refused("BF_SESSION_REFRESHER", "", RESULT_MALFORMED,
                 "BF_SESSION_REFRESHER is \"\"; allowed are us or them or peer");
}

#define TEXT_ALLOWED "; allowed are at most 512 bytes of text with the escapes \\r \\n \\0 \\xHH \\\\"

static void test_text_resolves_escapes_and_writes_them_again(void) {
  parameters_set_defaults(&parameters);
  const struct parameter_text *text = &parameters.SS_SIP_NAT_KEEP_ALIVE_MESSAGE;
  expect_taken("SS_SIP_NAT_KEEP_ALIVE_MESSAGE", "a\\r\\n\\0\\x7F\\\\\xc3\xa9", "a\\r\\n\\0\\x7f\\\\\\xc3\\xa9");
  expect_int(text->length, ==, 8);
  expect(memcmp(text->bytes, "a\r\n\0\x7f\\\xc3\xa9", 8) == 0);
  expect_taken("SS_SIP_NAT_KEEP_ALIVE_MESSAGE", "", "");
  expect_taken("SS_SIP_NAT_KEEP_ALIVE_MESSAGE", " HELLO ", " HELLO ");
  static const char *const broken[] = {"\\", "a\\q", "\\x", "\\x1", "\\xg0", "\\x0g"};
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
    expect_int(set("SS_SIP_NAT_KEEP_ALIVE_MESSAGE", broken[i]), ==, RESULT_MALFORMED);
  expect_refused("SS_SIP_NAT_KEEP_ALIVE_MESSAGE", "\\q", RESULT_MALFORMED,
                 "SS_SIP_NAT_KEEP_ALIVE_MESSAGE is \"\\\\q\"" TEXT_ALLOWED);
}

static void test_text_is_as_long_as_its_bytes_not_as_its_escapes(void) {
  parameters_set_defaults(&parameters);
  char value[514 * 4 + 1];
  for (size_t i = 0; i < 514; i++)
    memcpy(value + 4 * i, "\\x41", 4);
  value[512 * 4] = 0;
  expect_int(set("SS_SIP_NAT_KEEP_ALIVE_MESSAGE", value), ==, RESULT_OK);
  expect_int(parameters.SS_SIP_NAT_KEEP_ALIVE_MESSAGE.length, ==, 512);
  value[512 * 4] = '\\', value[513 * 4] = 0;
  expect_int(set("SS_SIP_NAT_KEEP_ALIVE_MESSAGE", value), ==, RESULT_OUT_OF_RANGE);
}

static void test_waits_are_seconds_with_decimals(void) {
  parameters_set_defaults(&parameters);
  const struct parameter_list *list = &parameters.SS_SIP_RESEND_INTERVAL;
  expect_taken("SS_SIP_RESEND_INTERVAL", "0.5,1, 2 ,4.000,32,0.1,1.25,0.125", "0.5,1,2,4,32,0.1,1.25,0.125");
  expect_int(list->count, ==, 8);
  expect_int(list->ms[0], ==, 500);
  expect_int(list->ms[6], ==, 1250);
  expect_taken("SS_SIP_RESEND_INTERVAL", "RFC3261", "rfc3261");
  expect_int(list->count, ==, 0);
  static const struct {
    const char *value;
    enum result result;
  } refused[] = {{"", RESULT_MALFORMED},           {"1,", RESULT_MALFORMED},   {",1", RESULT_MALFORMED},
                 {"1.", RESULT_MALFORMED},         {".5", RESULT_MALFORMED},   {"1.2.3", RESULT_MALFORMED},
                 {"0.1234", RESULT_MALFORMED},     {"-1", RESULT_MALFORMED},   {"1,rfc3261", RESULT_MALFORMED},
                 {"0.099", RESULT_OUT_OF_RANGE},   {"0", RESULT_OUT_OF_RANGE}, {"32.001", RESULT_OUT_OF_RANGE},
                 {"4294968", RESULT_OUT_OF_RANGE}, {"1;2", RESULT_MALFORMED}};
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    if (set("SS_SIP_RESEND_INTERVAL", refused[i].value) == refused[i].result) continue;
    expect_bytes("", 1, refused[i].value);
  }
  expect_int(list->count, ==, 0);
  expect_refused(
      "SS_SIP_RESEND_INTERVAL", "1,33", RESULT_OUT_OF_RANGE,
      "SS_SIP_RESEND_INTERVAL is \"1,33\"; allowed are rfc3261, or 1 to 32 waits of 0.1 to 32 s, separated by "
      "commas");
}

static void test_the_list_of_waits_ends_at_its_maximum(void) {
  parameters_set_defaults(&parameters);
  char value[2 * 33];
  for (size_t i = 0; i < 33; i++)
    memcpy(value + 2 * i, "4,", 2);
  value[2 * 32 - 1] = 0;
  expect_int(set("SS_SIP_RESEND_INTERVAL", value), ==, RESULT_OK);
  expect_int(parameters.SS_SIP_RESEND_INTERVAL.count, ==, 32);
  value[2 * 32 - 1] = ',', value[2 * 33 - 1] = 0;
  expect_int(set("SS_SIP_RESEND_INTERVAL", value), ==, RESULT_OUT_OF_RANGE);
}

static void test_a_long_or_unprintable_value_is_cut_and_escaped_in_the_sentence(void) {
  parameters_set_defaults(&parameters);
  expect_refused("SS_SIP_SESSION_TTL", "\x1b[31m", RESULT_MALFORMED,
                 "SS_SIP_SESSION_TTL is \"\\x1b[31m\"; allowed are 90 to 86400 s, or 0");
  expect_refused("SS_SIP_SESSION_TTL", "12345678901234567890123456789012345678901234567890", RESULT_OUT_OF_RANGE,
                 "SS_SIP_SESSION_TTL is 1234567890123456789012345678901234567890…; allowed are 90 to 86400 s, or 0");
}

static enum result check(void) {
  problem = text_builder_over(problem_memory, sizeof problem_memory);
  return parameters_check(&parameters, &problem);
}

static void test_an_early_hangup_beyond_a_third_of_the_ttl_is_refused_with_the_numbers(void) {
  parameters_set_defaults(&parameters);
  expect_taken("SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP", "200", "200");
  expect_int(check(), ==, RESULT_OK);
  expect_taken("SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP", "201", "201");
  expect_int(check(), ==, RESULT_OUT_OF_RANGE);
  expect_view(text_builder_view(&problem), "SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP is 201 s; at most a third of "
                                           "SS_SIP_SESSION_TTL (600 s) is allowed, which is 200 s, or auto");
  expect_taken("SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP", "auto", "auto");
  expect_int(check(), ==, RESULT_OK);
  expect_taken("SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP", "43200", "43200");
  expect_taken("SS_SIP_SESSION_TTL", "0", "0");
  expect_int(check(), ==, RESULT_OK);
}

static void test_a_min_se_above_the_ttl_is_refused_with_the_numbers(void) {
  parameters_set_defaults(&parameters);
  expect_taken("BF_SESSION_MIN_SE", "600", "600");
  expect_int(check(), ==, RESULT_OK);
  expect_taken("BF_SESSION_MIN_SE", "601", "601");
  expect_int(check(), ==, RESULT_OUT_OF_RANGE);
  expect_view(text_builder_view(&problem), "BF_SESSION_MIN_SE is 601 s; at most SS_SIP_SESSION_TTL (600 s) is allowed");
  expect_taken("SS_SIP_SESSION_TTL", "0", "0");
  expect_int(check(), ==, RESULT_OK);
}

static void test_presets_set_their_three_values_and_no_other(void) {
  static const struct {
    const char *name, *ttl, *cap, *period;
  } presets[] = {{"standard", "600", "7200", "30"},
                 {"call-center", "900", "14400", "20"},
                 {"wholesale", "600", "0", "30"},
                 {"mobile", "300", "3600", "15"}};
  expect_int(parameter_preset_count, ==, 4);
  for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
    parameters_set_defaults(&parameters);
    expect_taken("SS_SIP_TIMEOUT_INVITE", "5", "5");
    expect_int(parameters_apply_preset(&parameters, str_view_from_c(presets[i].name), &problem), ==, RESULT_OK);
    expect_value("SS_SIP_SESSION_TTL", presets[i].ttl);
    expect_value("SS_SIP_NO_TIMER_REINVITE_INTERVAL", presets[i].cap);
    expect_value("SS_SIP_NAT_KEEP_ALIVE_PERIOD", presets[i].period);
    expect_value("SS_SIP_TIMEOUT_INVITE", "5");
    expect_int(check(), ==, RESULT_OK);
  }
  problem = text_builder_over(problem_memory, sizeof problem_memory);
  expect_int(parameters_apply_preset(&parameters, STR_VIEW("Standard"), &problem), ==, RESULT_NOT_FOUND);
  expect_view(text_builder_view(&problem),
              "there is no preset of that name; there are standard, call-center, wholesale and mobile");
}

TAP_TESTS(TAP(test_names_defaults_and_ranges_are_the_known_ones),
          TAP(test_defaults_are_in_the_fields_and_agree_with_each_other), TAP(test_every_row_says_what_it_is),
          TAP(test_numbers_keep_their_range_and_the_sentence_names_it),
          TAP(test_words_stand_for_values_and_are_no_numbers),
          TAP(test_bytes_are_typed_in_both_ways_and_written_in_hexadecimal),
          TAP(test_switches_take_six_words_in_any_case), TAP(test_choices_are_the_indices_of_their_enums),
          TAP(test_text_resolves_escapes_and_writes_them_again),
          TAP(test_text_is_as_long_as_its_bytes_not_as_its_escapes), TAP(test_waits_are_seconds_with_decimals),
          TAP(test_the_list_of_waits_ends_at_its_maximum),
          TAP(test_a_long_or_unprintable_value_is_cut_and_escaped_in_the_sentence),
          TAP(test_an_early_hangup_beyond_a_third_of_the_ttl_is_refused_with_the_numbers),
          TAP(test_a_min_se_above_the_ttl_is_refused_with_the_numbers),
          TAP(test_presets_set_their_three_values_and_no_other))
