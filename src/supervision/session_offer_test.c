#include "supervision/session_offer.h"

#include <tap.h>

#define INVITE_START                                                                                                   \
  "INVITE sip:1@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\nFrom: <sip:2@192.0.2.2>;tag=a\r\n"  \
  "To: <sip:1@192.0.2.1>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"
#define ANSWER_START                                                                                                   \
  "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\nFrom: <sip:2@192.0.2.2>;tag=a\r\n"                  \
  "To: <sip:1@192.0.2.1>;tag=b\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"

static const struct session_wishes standard = {600, 90, SESSION_REFRESHER_US};

static struct session_words words_in(const char *start, const char *lines) {
  static char text[2048];
  struct sip_message message;
  struct sip_defect defect;
  memset(text, 0, sizeof text);
  int length = snprintf(text, sizeof text - 64, "%s%sContent-Length: 0\r\n\r\n", start, lines);
  expect_int(sip_message_parse(str_view_of(text, (size_t)length), &message, &defect), ==, RESULT_OK);
  return session_words_read(&message);
}

static struct session_verdict judge(const char *lines, struct session_wishes wishes) {
  struct session_words words = words_in(INVITE_START, lines);
  return session_offer_judge(&words, &wishes, NULL);
}

static void expect_timed(struct session_verdict verdict, uint32_t interval_s, enum session_role role) {
  expect_int(verdict.judgement, ==, SESSION_TIMED);
  expect_int(verdict.terms.interval_s, ==, interval_s);
  expect_int(verdict.terms.role, ==, role);
}

static void expect_lines(struct session_verdict verdict, const char *want) {
  char memory[256];
  struct text_builder lines = text_builder_over(memory, sizeof memory);
  session_offer_write_answer(&verdict, &lines);
  expect_view(text_builder_view(&lines), want);
}

static struct session_asked ask(struct session_wishes wishes) {
  struct session_asked asked = {0};
  session_offer_ask(&asked, &wishes, NULL, false);
  return asked;
}

static void expect_terms(struct session_terms terms, uint32_t interval_s, enum session_role role) {
  expect_int(terms.interval_s, ==, interval_s);
  expect_int(terms.role, ==, role);
}

static struct session_terms conclude(struct session_wishes wishes, const char *lines) {
  struct session_words words = words_in(ANSWER_START, lines);
  struct session_asked asked = ask(wishes);
  return session_offer_conclude(&asked, &words, &wishes);
}

/* --- words ------------------------------------------------------------------------------------------------------- */

static void test_compact_form_odd_case_and_spacing_are_read(void) {
  struct session_words words = words_in(INVITE_START, "sUPPORTED : replaces ,  TIMER\r\nX :  1800 ; Refresher = UAC\r\n"
                                                      "min-se:120\r\n");
  expect(words.supports && words.has_interval);
  expect_int(words.interval_s, ==, 1800);
  expect_int(words.refresher, ==, SIP_REFRESHER_UAC);
  expect_int(words.min_se_s, ==, 120);
  words = words_in(INVITE_START, "k: timer\r\nx: 90;refresher=uas\r\n");
  expect(words.supports);
  expect_int(words.refresher, ==, SIP_REFRESHER_UAS);
}

static void test_timer_is_found_in_a_repeated_supported_and_in_require(void) {
  expect(words_in(INVITE_START, "Supported: 100rel\r\nSupported: timer\r\n").supports);
  expect(words_in(INVITE_START, "Require: timer\r\n").supports);
  expect(!words_in(INVITE_START, "Supported: timers\r\n").supports);
}

static void test_a_value_that_cannot_be_read_counts_as_not_there(void) {
  static const char *const values[] = {"", "-1", "ten", "1.5", "0x60", "+90", "90 90", "90,1800", ";refresher=uac"};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    char line[128];
    snprintf(line, sizeof line, "Supported: timer\r\nSession-Expires: %s\r\nMin-SE: %s\r\n", values[i], values[i]);
    struct session_words words = words_in(INVITE_START, line);
    expect(!words.has_interval);
    expect_int(words.min_se_s, ==, 0);
  }
}

static void test_of_header_fields_repeated_in_a_2xx_the_first_counts(void) {
  struct session_words words = words_in(ANSWER_START, "Session-Expires: 300;refresher=uas\r\nx: 1800\r\n");
  expect_int(words.interval_s, ==, 300);
  expect_int(words.refresher, ==, SIP_REFRESHER_UAS);
}

static void test_zero_is_read_as_zero_and_a_huge_number_is_cut(void) {
  struct session_words words = words_in(INVITE_START, "Session-Expires: 0\r\n");
  expect(words.has_interval);
  expect_int(words.interval_s, ==, 0);
  words = words_in(INVITE_START, "Session-Expires: 99999999999999999999999\r\n");
  expect(words.has_interval);
  expect_int(words.interval_s, ==, UINT32_MAX);
}

static void test_min_se_below_90_is_90(void) {
  expect_int(words_in(INVITE_START, "Min-SE: 10\r\n").min_se_s, ==, 90);
}

/* --- as UAS ------------------------------------------------------------------------------------------------------ */

static void test_an_offer_at_or_above_our_minimum_is_accepted(void) {
  expect_timed(judge("Supported: timer\r\nSession-Expires: 90\r\n", standard), 90, SESSION_ROLE_OURS);
  expect_timed(judge("Supported: timer\r\nSession-Expires: 600\r\n", standard), 600, SESSION_ROLE_OURS);
}

static void test_a_longer_offer_is_lowered_to_our_ttl(void) {
  expect_timed(judge("Supported: timer\r\nSession-Expires: 1800\r\n", standard), 600, SESSION_ROLE_OURS);
  expect_timed(judge("Supported: timer\r\nSession-Expires: 4294967295\r\n", standard), 600, SESSION_ROLE_OURS);
}

static void test_it_is_never_lowered_below_their_min_se(void) {
  expect_timed(judge("Supported: timer\r\nSession-Expires: 1800\r\nMin-SE: 900\r\n", standard), 900, SESSION_ROLE_OURS);
}

static void test_it_is_never_increased(void) {
  expect_timed(judge("Supported: timer\r\nSession-Expires: 300\r\nMin-SE: 900\r\n", standard), 300, SESSION_ROLE_OURS);
}

static void test_a_too_short_offer_of_a_peer_with_timers_is_refused_with_our_min_se(void) {
  struct session_wishes wishes = {1800, 300, SESSION_REFRESHER_US};
  struct session_verdict verdict = judge("Supported: timer\r\nSession-Expires: 299\r\n", wishes);
  expect_int(verdict.judgement, ==, SESSION_TOO_SMALL);
  expect_int(verdict.min_se_s, ==, 300);
  verdict = judge("Supported: timer\r\nSession-Expires: 0\r\n", standard);
  expect_int(verdict.judgement, ==, SESSION_TOO_SMALL);
  expect_int(verdict.min_se_s, ==, 90);
}

static void test_a_small_min_se_alone_refuses_nothing(void) {
  struct session_wishes wishes = {1800, 1800, SESSION_REFRESHER_US};
  expect_timed(judge("Supported: timer\r\nSession-Expires: 1800\r\nMin-SE: 90\r\n", wishes), 1800, SESSION_ROLE_OURS);
  expect_timed(judge("Supported: timer\r\nSession-Expires: 1800\r\n", wishes), 1800, SESSION_ROLE_OURS);
}

static void test_a_too_short_offer_of_a_peer_without_timers_is_not_refused(void) {
  struct session_wishes wishes = {1800, 300, SESSION_REFRESHER_US};
  expect_int(judge("Session-Expires: 120\r\n", wishes).judgement, ==, SESSION_UNTIMED);
}

static void test_table_2_of_the_rfc_is_kept(void) {
  static const struct {
    const char *lines;
    enum session_refresher_choice wish;
    enum session_role role;
    const char *answer;
  } rows[] = {
      {"x: 600\r\n", SESSION_REFRESHER_THEM, SESSION_ROLE_OURS, "Session-Expires: 600;refresher=uas\r\n"},
      {"x: 600;refresher=uac\r\n", SESSION_REFRESHER_THEM, SESSION_ROLE_OURS, "Session-Expires: 600;refresher=uas\r\n"},
      {"k: timer\r\nx: 600\r\n", SESSION_REFRESHER_US, SESSION_ROLE_OURS,
       "Session-Expires: 600;refresher=uas\r\nRequire: timer\r\n"},
      {"k: timer\r\nx: 600\r\n", SESSION_REFRESHER_THEM, SESSION_ROLE_THEIRS,
       "Session-Expires: 600;refresher=uac\r\nRequire: timer\r\n"},
      {"k: timer\r\nx: 600\r\n", SESSION_REFRESHER_PEER, SESSION_ROLE_OURS,
       "Session-Expires: 600;refresher=uas\r\nRequire: timer\r\n"},
      {"k: timer\r\nx: 600;refresher=uac\r\n", SESSION_REFRESHER_US, SESSION_ROLE_THEIRS,
       "Session-Expires: 600;refresher=uac\r\nRequire: timer\r\n"},
      {"k: timer\r\nx: 600;refresher=uas\r\n", SESSION_REFRESHER_THEM, SESSION_ROLE_OURS,
       "Session-Expires: 600;refresher=uas\r\nRequire: timer\r\n"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct session_verdict verdict = judge(rows[i].lines, (struct session_wishes){600, 90, (uint8_t)rows[i].wish});
    expect_timed(verdict, 600, rows[i].role);
    expect_lines(verdict, rows[i].answer);
  }
}

static void test_a_peer_that_only_supports_timers_gets_one_from_us(void) {
  struct session_verdict verdict = judge("Supported: timer\r\n", standard);
  expect_timed(verdict, 600, SESSION_ROLE_OURS);
  expect_lines(verdict, "Session-Expires: 600;refresher=uas\r\nRequire: timer\r\n");
  expect_timed(judge("Supported: timer\r\nMin-SE: 900\r\n", standard), 900, SESSION_ROLE_OURS);
  struct session_wishes them = {600, 90, SESSION_REFRESHER_THEM};
  expect_timed(judge("Supported: timer\r\n", them), 600, SESSION_ROLE_THEIRS);
}

static void test_a_peer_without_timers_gets_none(void) {
  struct session_verdict verdict = judge("", standard);
  expect_int(verdict.judgement, ==, SESSION_UNTIMED);
  expect_lines(verdict, "");
}

static void test_with_timers_off_none_is_agreed_on_and_nothing_refused(void) {
  struct session_wishes off = {0, 90, SESSION_REFRESHER_US};
  expect_int(judge("Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n", off).judgement, ==, SESSION_UNTIMED);
  expect_int(judge("Supported: timer\r\nSession-Expires: 30\r\n", off).judgement, ==, SESSION_UNTIMED);
}

static void test_more_than_a_day_is_no_supervision(void) {
  struct session_verdict verdict =
      judge("Supported: timer\r\nSession-Expires: 4000000\r\nMin-SE: 4000000\r\n", standard);
  expect_int(verdict.judgement, ==, SESSION_UNTIMED);
}

static struct session_verdict judge_later(const char *lines, struct session_terms in_force) {
  struct session_words words = words_in(INVITE_START, lines);
  struct session_wishes them = {600, 90, SESSION_REFRESHER_THEM};
  return session_offer_judge(&words, &them, &in_force);
}

static void test_a_later_request_without_interval_but_with_timer_makes_us_the_refresher(void) {
  struct session_terms theirs = {300, SESSION_ROLE_THEIRS}, ours = {300, SESSION_ROLE_OURS}, none = {0};
  expect_timed(judge_later("Supported: timer\r\n", theirs), 300, SESSION_ROLE_OURS);
  expect_timed(judge_later("Supported: timer\r\n", ours), 300, SESSION_ROLE_OURS);
  expect_timed(judge_later("Supported: timer\r\n", none), 600, SESSION_ROLE_OURS);
}

static void test_a_later_request_with_neither_switches_the_timer_off(void) {
  struct session_terms theirs = {300, SESSION_ROLE_THEIRS};
  expect_int(judge_later("", theirs).judgement, ==, SESSION_UNTIMED);
}

static void test_a_peer_may_switch_its_timer_on_later(void) {
  struct session_terms none = {0};
  expect_timed(judge_later("Supported: timer\r\nSession-Expires: 120;refresher=uac\r\n", none), 120,
               SESSION_ROLE_THEIRS);
}

static void test_roles_are_relative_to_the_transaction(void) {
  struct session_terms ours = {300, SESSION_ROLE_OURS};
  expect_timed(judge_later("Supported: timer\r\nSession-Expires: 300;refresher=uas\r\n", ours), 300, SESSION_ROLE_OURS);
  struct session_asked asked = {0};
  session_offer_ask(&asked, &standard, &ours, false);
  expect_int(asked.refresher, ==, SIP_REFRESHER_UAC);
}

/* --- as UAC ------------------------------------------------------------------------------------------------------ */

static void expect_request_lines(const struct session_asked *asked, struct session_wishes wishes, const char *want) {
  char memory[256];
  struct text_builder lines = text_builder_over(memory, sizeof memory);
  session_offer_write_request(asked, &wishes, &lines);
  expect_view(text_builder_view(&lines), want);
}

static void test_our_invite_offers_ttl_and_min_se(void) {
  struct session_asked asked = ask(standard);
  expect_request_lines(&asked, standard, "Session-Expires: 600;refresher=uac\r\nMin-SE: 90\r\n");
}

static void test_the_refresher_is_stated_by_wish(void) {
  struct session_wishes them = {600, 90, SESSION_REFRESHER_THEM}, peer = {600, 90, SESSION_REFRESHER_PEER};
  struct session_asked asked = ask(them);
  expect_request_lines(&asked, them, "Session-Expires: 600;refresher=uas\r\nMin-SE: 90\r\n");
  asked = ask(peer);
  expect_request_lines(&asked, peer, "Session-Expires: 600\r\nMin-SE: 90\r\n");
}

static void test_with_timers_off_nothing_is_offered(void) {
  struct session_wishes off = {0, 90, SESSION_REFRESHER_US};
  struct session_asked asked = ask(off);
  expect_request_lines(&asked, off, "");
  session_offer_ask(&asked, &off, &(struct session_terms){600, SESSION_ROLE_OURS}, false);
  expect_request_lines(&asked, off, "");
}

static void test_our_session_expires_is_never_below_our_min_se(void) {
  struct session_wishes wishes = {600, 90, SESSION_REFRESHER_US};
  struct session_asked asked = {.min_se_s = 900};
  session_offer_ask(&asked, &wishes, NULL, false);
  expect_request_lines(&asked, wishes, "Session-Expires: 900;refresher=uac\r\nMin-SE: 900\r\n");
}

static void test_a_422_raises_to_the_larger_minimum_at_most_twice(void) {
  struct session_asked asked = ask(standard);
  expect(session_offer_raise(&asked, 1800));
  expect_request_lines(&asked, standard, "Session-Expires: 1800;refresher=uac\r\nMin-SE: 1800\r\n");
  expect(session_offer_raise(&asked, 4000));
  expect_request_lines(&asked, standard, "Session-Expires: 4000;refresher=uac\r\nMin-SE: 4000\r\n");
  expect(!session_offer_raise(&asked, 5000));
  expect_request_lines(&asked, standard, "Session-Expires: 4000;refresher=uac\r\nMin-SE: 4000\r\n");
}

static void test_a_422_without_min_se_raises_to_1800_s_and_then_doubles(void) {
  struct session_asked asked = ask(standard);
  expect(session_offer_raise(&asked, 0));
  expect_int(asked.interval_s, ==, 1800);
  expect(session_offer_raise(&asked, 90));
  expect_int(asked.interval_s, ==, 3600);
}

static void test_a_422_that_wants_more_than_a_day_gets_no_timer(void) {
  struct session_asked asked = ask(standard);
  expect(session_offer_raise(&asked, 4000000000u));
  expect_request_lines(&asked, standard, "");
  session_offer_ask(&asked, &standard, NULL, false);
  expect_request_lines(&asked, standard, "");
  expect(!session_offer_raise(&asked, 4000000000u));
}

static void test_what_422s_said_is_forgotten_when_the_dialog_is_established(void) {
  struct session_asked asked = ask(standard);
  expect(session_offer_raise(&asked, 1800));
  session_offer_establish(&asked);
  session_offer_ask(&asked, &standard, &(struct session_terms){600, SESSION_ROLE_OURS}, false);
  expect_request_lines(&asked, standard, "Session-Expires: 600;refresher=uac\r\nMin-SE: 90\r\n");
}

static void test_the_largest_min_se_of_the_dialog_is_repeated(void) {
  struct session_asked asked = {0};
  session_offer_note_min_se(&asked, 500);
  session_offer_note_min_se(&asked, 300);
  session_offer_ask(&asked, &standard, &(struct session_terms){400, SESSION_ROLE_THEIRS}, false);
  expect_request_lines(&asked, standard, "Session-Expires: 500;refresher=uas\r\nMin-SE: 500\r\n");
}

static void test_later_requests_repeat_the_interval_in_force(void) {
  struct session_asked asked = {0};
  struct session_wishes wishes = {1800, 90, SESSION_REFRESHER_US};
  session_offer_ask(&asked, &wishes, &(struct session_terms){300, SESSION_ROLE_OURS}, false);
  expect_int(asked.interval_s, ==, 300);
  session_offer_ask(&asked, &wishes, &(struct session_terms){300, SESSION_ROLE_OURS}, true);
  expect_int(asked.interval_s, ==, 1800);
}

static void test_the_role_does_not_change_with_our_requests(void) {
  struct session_asked asked = {0};
  struct session_wishes them = {600, 90, SESSION_REFRESHER_THEM};
  session_offer_ask(&asked, &them, &(struct session_terms){600, SESSION_ROLE_OURS}, false);
  expect_int(asked.refresher, ==, SIP_REFRESHER_UAC);
  session_offer_ask(&asked, &standard, &(struct session_terms){600, SESSION_ROLE_THEIRS}, false);
  expect_int(asked.refresher, ==, SIP_REFRESHER_UAS);
}

static void test_a_leg_without_timer_is_not_offered_one_with_each_request(void) {
  struct session_asked asked = {0};
  session_offer_ask(&asked, &standard, &(struct session_terms){0}, false);
  expect_request_lines(&asked, standard, "");
  session_offer_ask(&asked, &standard, &(struct session_terms){0}, true);
  expect_request_lines(&asked, standard, "Session-Expires: 600;refresher=uac\r\nMin-SE: 90\r\n");
}

static void test_the_2xx_says_who_refreshes_and_how_often(void) {
  expect_terms(conclude(standard, "Require: timer\r\nSession-Expires: 300;refresher=uac\r\n"), 300, SESSION_ROLE_OURS);
  expect_terms(conclude(standard, "Require: timer\r\nSession-Expires: 300;refresher=uas\r\n"), 300,
               SESSION_ROLE_THEIRS);
  expect_terms(conclude(standard, "Session-Expires: 600;refresher=uas\r\n"), 600, SESSION_ROLE_THEIRS);
}

static void test_a_2xx_with_another_require_is_read_all_the_same(void) {
  expect_terms(conclude(standard, "Require: 100rel\r\nRequire: timer\r\nx: 300;refresher=uas\r\n"), 300,
               SESSION_ROLE_THEIRS);
}

static void test_a_2xx_larger_than_asked_is_ours(void) {
  expect_terms(conclude(standard, "Session-Expires: 1800;refresher=uac\r\n"), 600, SESSION_ROLE_OURS);
  /* The peer would refresh too late for our interval: we do it ourselves. */
  expect_terms(conclude(standard, "Session-Expires: 1800;refresher=uas\r\n"), 600, SESSION_ROLE_OURS);
}

static void test_a_2xx_without_refresher_makes_it_us(void) {
  struct session_wishes them = {600, 90, SESSION_REFRESHER_THEM};
  expect_terms(conclude(them, "Session-Expires: 600\r\n"), 600, SESSION_ROLE_OURS);
}

static void test_a_2xx_without_interval_leaves_us_to_refresh_alone(void) {
  expect_terms(conclude(standard, ""), 600, SESSION_ROLE_OURS);
  expect_terms(conclude(standard, "Session-Expires: soon\r\n"), 600, SESSION_ROLE_OURS);
}

static void test_a_2xx_without_interval_is_left_to_the_probe_where_we_are_not_to_refresh(void) {
  struct session_wishes them = {600, 90, SESSION_REFRESHER_THEM}, peer = {600, 90, SESSION_REFRESHER_PEER};
  expect_terms(conclude(them, ""), 0, SESSION_ROLE_NONE);
  expect_terms(conclude(peer, ""), 0, SESSION_ROLE_NONE);
}

static void test_an_interval_below_90_in_a_2xx_is_90(void) {
  expect_terms(conclude(standard, "Session-Expires: 10;refresher=uac\r\n"), 90, SESSION_ROLE_OURS);
  expect_terms(conclude(standard, "Session-Expires: 10;refresher=uas\r\n"), 90, SESSION_ROLE_THEIRS);
}

static void test_an_interval_of_0_in_a_2xx_is_none(void) {
  expect_terms(conclude(standard, "Session-Expires: 0;refresher=uas\r\n"), 600, SESSION_ROLE_OURS);
}

static void test_an_unasked_interval_in_a_2xx_is_honoured(void) {
  struct session_asked asked = {0};
  struct session_words words = words_in(ANSWER_START, "Session-Expires: 1800;refresher=uas\r\n");
  expect_terms(session_offer_conclude(&asked, &words, &standard), 1800, SESSION_ROLE_THEIRS);
}

static void test_towards_a_device_without_timers_uac_is_honoured_and_uas_never_guarded(void) {
  struct session_wishes off = {0, 90, SESSION_REFRESHER_US};
  expect_terms(conclude(off, "Session-Expires: 300;refresher=uac\r\n"), 300, SESSION_ROLE_OURS);
  expect_terms(conclude(off, "Session-Expires: 300;refresher=uas\r\n"), 0, SESSION_ROLE_NONE);
  expect_terms(conclude(off, "Session-Expires: 300\r\n"), 0, SESSION_ROLE_NONE);
  expect_terms(conclude(off, ""), 0, SESSION_ROLE_NONE);
}

/* --- wishes ------------------------------------------------------------------------------------------------------ */

static void test_a_device_overrides_timer_switch_and_refresher(void) {
  struct parameters parameters;
  struct device device;
  parameters_set_defaults(&parameters);
  device_set_defaults(&device, DEVICE_PHONE);
  struct session_wishes wishes = session_wishes_of(&parameters, &device.overrides);
  expect_int(wishes.ttl_s, ==, 600);
  expect_int(wishes.min_se_s, ==, 90);
  expect_int(wishes.refresher, ==, SESSION_REFRESHER_US);
  device.overrides.refresher = SESSION_REFRESHER_THEM;
  expect_int(session_wishes_of(&parameters, &device.overrides).refresher, ==, SESSION_REFRESHER_THEM);
  device.overrides.sip_timer = false;
  expect_int(session_wishes_of(&parameters, &device.overrides).ttl_s, ==, 0);
  expect_int(session_wishes_of(&parameters, NULL).ttl_s, ==, 600);
}

TAP_TESTS(TAP(test_compact_form_odd_case_and_spacing_are_read),
          TAP(test_timer_is_found_in_a_repeated_supported_and_in_require),
          TAP(test_a_value_that_cannot_be_read_counts_as_not_there),
          TAP(test_of_header_fields_repeated_in_a_2xx_the_first_counts),
          TAP(test_zero_is_read_as_zero_and_a_huge_number_is_cut), TAP(test_min_se_below_90_is_90),
          TAP(test_an_offer_at_or_above_our_minimum_is_accepted), TAP(test_a_longer_offer_is_lowered_to_our_ttl),
          TAP(test_it_is_never_lowered_below_their_min_se), TAP(test_it_is_never_increased),
          TAP(test_a_too_short_offer_of_a_peer_with_timers_is_refused_with_our_min_se),
          TAP(test_a_small_min_se_alone_refuses_nothing),
          TAP(test_a_too_short_offer_of_a_peer_without_timers_is_not_refused), TAP(test_table_2_of_the_rfc_is_kept),
          TAP(test_a_peer_that_only_supports_timers_gets_one_from_us), TAP(test_a_peer_without_timers_gets_none),
          TAP(test_with_timers_off_none_is_agreed_on_and_nothing_refused), TAP(test_more_than_a_day_is_no_supervision),
          TAP(test_a_later_request_without_interval_but_with_timer_makes_us_the_refresher),
          TAP(test_a_later_request_with_neither_switches_the_timer_off), TAP(test_a_peer_may_switch_its_timer_on_later),
          TAP(test_roles_are_relative_to_the_transaction), TAP(test_our_invite_offers_ttl_and_min_se),
          TAP(test_the_refresher_is_stated_by_wish), TAP(test_with_timers_off_nothing_is_offered),
          TAP(test_our_session_expires_is_never_below_our_min_se),
          TAP(test_a_422_raises_to_the_larger_minimum_at_most_twice),
          TAP(test_a_422_without_min_se_raises_to_1800_s_and_then_doubles),
          TAP(test_a_422_that_wants_more_than_a_day_gets_no_timer),
          TAP(test_what_422s_said_is_forgotten_when_the_dialog_is_established),
          TAP(test_the_largest_min_se_of_the_dialog_is_repeated), TAP(test_later_requests_repeat_the_interval_in_force),
          TAP(test_the_role_does_not_change_with_our_requests),
          TAP(test_a_leg_without_timer_is_not_offered_one_with_each_request),
          TAP(test_the_2xx_says_who_refreshes_and_how_often), TAP(test_a_2xx_with_another_require_is_read_all_the_same),
          TAP(test_a_2xx_larger_than_asked_is_ours), TAP(test_a_2xx_without_refresher_makes_it_us),
          TAP(test_a_2xx_without_interval_leaves_us_to_refresh_alone),
          TAP(test_a_2xx_without_interval_is_left_to_the_probe_where_we_are_not_to_refresh),
          TAP(test_an_interval_below_90_in_a_2xx_is_90), TAP(test_an_interval_of_0_in_a_2xx_is_none),
          TAP(test_an_unasked_interval_in_a_2xx_is_honoured),
          TAP(test_towards_a_device_without_timers_uac_is_honoured_and_uas_never_guarded),
          TAP(test_a_device_overrides_timer_switch_and_refresher))
