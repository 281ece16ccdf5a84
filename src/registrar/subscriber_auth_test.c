#include "registrar/registrar_rig.h"

static char nonce[128], authorization[1024];

/* Gets a challenge for these words, and writes the answer to it into `authorization`. */
static void prepare_answer(const struct register_words *words) {
  rig_nonce_of(rig_register_once(words, ""), nonce, sizeof nonce);
  rig_authorize(words, nonce, 1, authorization, sizeof authorization);
}

#define WORDS(...) (&(struct register_words){__VA_ARGS__})

/* --- the challenge ----------------------------------------------------------------------------------------------- */

static void test_a_challenge_offers_each_algorithm_in_the_order_of_the_parameter(void) {
  set_up();
  const char *answer = rig_register_once(WORDS(0), "");
  expect_status(answer, 401);
  const char *md5 = strstr(answer, "algorithm=MD5"), *sha256 = strstr(answer, "algorithm=SHA-256");
  expect(md5 && sha256 && md5 < sha256);
  expect_contains(answer, "\r\nWWW-Authenticate: Digest realm=\"belfry.example\", nonce=\"");
  expect_contains(answer, ", qop=\"auth\"\r\n");
  expect_lacks(answer, "stale");
  world->parameters.BF_DIGEST_ALGORITHMS = DIGEST_SHA256_MD5;
  answer = rig_register_once(WORDS(.cseq = 2), "");
  md5 = strstr(answer, "algorithm=MD5"), sha256 = strstr(answer, "algorithm=SHA-256");
  expect(md5 && sha256 && sha256 < md5);
  world->parameters.BF_DIGEST_ALGORITHMS = DIGEST_SHA256;
  expect_lacks(rig_register_once(WORDS(.cseq = 3), ""), "MD5");
  world->parameters.BF_DIGEST_ALGORITHMS = DIGEST_MD5;
  expect_lacks(rig_register_once(WORDS(.cseq = 4), ""), "SHA-256");
  tear_down();
}

static void test_a_device_that_breaks_off_at_sha_256_is_offered_md5_alone(void) {
  set_up();
  const char *answer = rig_register_once(WORDS(0), "User-Agent: baresip v1.0.0 (x86_64/linux)\r\n");
  expect_status(answer, 401);
  expect_contains(answer, "algorithm=MD5");
  expect_lacks(answer, "SHA-256");
  world->parameters.BF_DIGEST_ALGORITHMS = DIGEST_SHA256;
  answer = rig_register_once(WORDS(.cseq = 2), "User-Agent: baresip v1.0.0 (x86_64/linux)\r\n");
  expect_contains(answer, "SHA-256");
  tear_down();
}

/* Both texts with what is random in them blotted out. */
static bool same_but_for_chance(const char *a, const char *b) {
  static char copies[2][RIG_TEXT_MAX];
  const char *texts[2] = {a, b};
  for (unsigned i = 0; i < 2; i++) {
    snprintf(copies[i], sizeof copies[i], "%s", texts[i]);
    static const struct {
      const char *before;
      size_t length;
    } chance[] = {{"nonce=\"", DIGEST_NONCE_LENGTH}, {";tag=", 16}, {"branch=z9hG4bKr", 3}, {"<sip:", 4}};
    for (unsigned c = 0; c < 4; c++)
      for (char *at = copies[i]; (at = strstr(at, chance[c].before)) != NULL;) {
        at += strlen(chance[c].before);
        memset(at, '#', chance[c].length);
      }
  }
  return strcmp(copies[0], copies[1]) == 0;
}

static void test_an_unknown_number_is_answered_like_a_known_one(void) {
  static char known[RIG_TEXT_MAX];
  set_up();
  rig_branch_count = 100;
  snprintf(known, sizeof known, "%s", rig_register_once(WORDS(.number = "1001", .call_id = "a"), ""));
  expect(same_but_for_chance(known, rig_register_once(WORDS(.number = "9999", .call_id = "a"), "")));
  snprintf(known, sizeof known, "%s", REGISTER(.number = "1001", .password = "wrong", .call_id = "a"));
  expect_status(known, 401);
  expect(same_but_for_chance(known, REGISTER(.number = "9999", .password = "wrong", .call_id = "a")));
  expect_int(world->counters.authentications_failed, ==, 2);
  tear_down();
}

/* --- right answers ----------------------------------------------------------------------------------------------- */

static void test_both_algorithms_and_answers_without_qop_are_accepted(void) {
  set_up();
  expect_status(REGISTER(.algorithm = "MD5"), 200);
  expect_status(REGISTER(.algorithm = "SHA-256", .cseq = 2), 200);
  expect_status(REGISTER(.without_qop = true, .cseq = 3), 200);
  tear_down();
}

/* What is kept of one phone's URI is not taken for another's. */
static void test_each_answer_is_held_against_its_own_uri(void) {
  static char long_uri[200];
  set_up();
  snprintf(long_uri, sizeof long_uri, "sip:belfry.example;x=%0100d", 7);
  const char *const uris[] = {"sip:belfry.example", "sip:belfry.example:5060", "sip:", long_uri, "sip:belfry.example"};
  unsigned cseq = 0;
  for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
    run_s(1); /* nonces made at the same time as a forgotten one are refused */
    expect_status(REGISTER(.uri = uris[i], .cseq = ++cseq), 200);
    expect_status(REGISTER(.uri = uris[i], .cseq = ++cseq, .algorithm = "SHA-256"), 200);
    expect_status(REGISTER(.uri = uris[i], .cseq = ++cseq), 200);
  }
  expect_int(world->counters.authentications_failed, ==, 0);
  /* Right for one URI, and another is written: wrong, whichever came before. */
  prepare_answer(WORDS(.uri = "sip:belfry.example", .cseq = ++cseq));
  char *written = strstr(authorization, "sip:belfry");
  expect(written != NULL);
  written[4] = 'B';
  expect_status(rig_register_once(WORDS(.cseq = cseq), authorization), 401);
  expect_int(world->counters.authentications_failed, ==, 1);
  tear_down();
}

static void test_an_algorithm_that_is_not_offered_is_challenged(void) {
  set_up();
  world->parameters.BF_DIGEST_ALGORITHMS = DIGEST_SHA256;
  expect_status(REGISTER(.algorithm = "MD5"), 401);
  expect_status(REGISTER(.algorithm = "SHA-256", .cseq = 2), 200);
  expect_int(world->counters.authentications_failed, ==, 0);
  tear_down();
}

static void test_credentials_for_other_realms_are_passed_over(void) {
  char both[2048];
  set_up();
  prepare_answer(WORDS(0));
  snprintf(
      both, sizeof both,
      "Authorization: Digest username=\"x\", realm=\"elsewhere\", nonce=\"n\", uri=\"sip:a\", response=\"r\"\r\n%s",
      authorization);
  expect_status(rig_register_once(WORDS(0), both), 200);
  *strstr(both, authorization) = '\0';
  expect_status(rig_register_once(WORDS(.cseq = 2), both), 401);
  expect_int(world->counters.authentications_failed, ==, 0);
  tear_down();
}

static void test_a_phone_registers_itself_only(void) {
  set_up();
  expect_status(REGISTER(.number = "1002", .user = "1001", .password = "one"), 403);
  expect(!rig_locate("1002").known);
  tear_down();
}

/* Its H(A1) is zero bytes, which everybody knows. */
static void test_a_phone_without_password_cannot_register(void) {
  char known[32] = {0};
  set_up();
  struct register_words words = {.number = "1003"};
  rig_nonce_of(rig_register_once(&words, ""), nonce, sizeof nonce);
  struct sip_digest digest = {.nonce = str_view_from_c(nonce), .uri = STR_VIEW("sip:a"), .algorithm = SIP_DIGEST_MD5};
  struct sip_digest_hex right = sip_digest_response(&digest, str_view_of(known, 32), STR_VIEW("REGISTER"));
  snprintf(authorization, sizeof authorization,
           "Authorization: Digest username=\"1003\", realm=\"" RIG_REALM
           "\", nonce=\"%s\", uri=\"sip:a\", response=\"%.*s\"\r\n",
           nonce, right.length, right.text);
  expect_status(rig_register_once(&words, authorization), 401);
  tear_down();
}

/* --- nonces ------------------------------------------------------------------------------------------------------ */

static void test_a_right_answer_that_comes_too_late_is_told_stale(void) {
  set_up();
  prepare_answer(WORDS(0));
  run_s(9);
  expect_status(rig_register_once(WORDS(0), authorization), 200);
  prepare_answer(WORDS(.cseq = 2));
  run_s(11);
  const char *answer = rig_register_once(WORDS(.cseq = 2), authorization);
  expect_status(answer, 401);
  expect_contains(answer, ", stale=true\r\n");
  expect_int(world->counters.authentications_failed, ==, 0);
  tear_down();
}

static void test_a_wrong_answer_that_comes_too_late_is_just_wrong(void) {
  set_up();
  prepare_answer(WORDS(.password = "wrong"));
  run_s(11);
  const char *answer = rig_register_once(WORDS(0), authorization);
  expect_status(answer, 401);
  expect_lacks(answer, "stale");
  expect_int(world->counters.authentications_failed, ==, 1);
  tear_down();
}

static void test_a_replay_is_refused_and_a_higher_count_accepted(void) {
  set_up();
  prepare_answer(WORDS(0));
  expect_status(rig_register_once(WORDS(.cseq = 1), authorization), 200);
  const char *answer = rig_register_once(WORDS(.cseq = 2), authorization);
  expect_status(answer, 401);
  expect_contains(answer, ", stale=true\r\n");
  rig_authorize(WORDS(0), nonce, 2, authorization, sizeof authorization);
  expect_status(rig_register_once(WORDS(.cseq = 3), authorization), 200);
  rig_authorize(WORDS(0), nonce, 2, authorization, sizeof authorization);
  expect_status(rig_register_once(WORDS(.cseq = 4), authorization), 401);
  tear_down();
}

static void test_a_nonce_is_good_only_at_the_address_it_was_given_to(void) {
  set_up();
  prepare_answer(WORDS(0));
  const char *answer = rig_register_once(WORDS(.flow = &other_flow), authorization);
  expect_status(answer, 401);
  expect_lacks(answer, "stale");
  /* Another port of the same address is the same device behind a NAT that moved. */
  struct flow other_port = rig_flow(TRANSPORT_UDP, "198.51.100.7:5999", 0);
  expect_status(rig_register_once(WORDS(.flow = &other_port), authorization), 200);
  tear_down();
}

static void test_a_forged_nonce_is_not_even_tried(void) {
  set_up();
  prepare_answer(WORDS(0));
  for (size_t i = 0; i < DIGEST_NONCE_LENGTH; i += 9) {
    char forged[sizeof nonce];
    memcpy(forged, nonce, sizeof forged);
    forged[i] = forged[i] == '0' ? '1' : '0';
    rig_authorize(WORDS(0), forged, 1, authorization, sizeof authorization);
    expect_status(rig_register_once(WORDS(.cseq = (unsigned)i + 2), authorization), 401);
  }
  rig_authorize(WORDS(0), "deadbeef", 1, authorization, sizeof authorization);
  expect_status(rig_register_once(WORDS(.cseq = 100), authorization), 401);
  expect_int(world->counters.authentications_failed, ==, 0);
  expect(!rig_locate("1001").known);
  tear_down();
}

static void test_a_nonce_of_another_worker_is_stale_here(void) {
  set_up();
  prepare_answer(WORDS(0));
  world->local.worker = 1;
  const char *answer = rig_register_once(WORDS(0), authorization);
  expect_status(answer, 401);
  expect_contains(answer, "stale=true");
  tear_down();
}

/* Eight nonces are followed. What is pushed out may have been used: it is refused, not accepted again. */
static void test_forgetting_a_nonce_never_accepts_a_replay(void) {
  char first[1024];
  set_up();
  prepare_answer(WORDS(0));
  memcpy(first, authorization, sizeof first);
  expect_status(rig_register_once(WORDS(0), first), 200);
  for (unsigned i = 0; i < 9; i++) {
    world->context.wall_now.value += 1000;
    expect_status(REGISTER(.cseq = 2 + i), 200);
  }
  const char *answer = rig_register_once(WORDS(.cseq = 50), first);
  expect_status(answer, 401);
  expect_contains(answer, "stale=true");
  tear_down();
}

static void test_what_was_challenged_before_a_restart_is_stale_after_it(void) {
  set_up();
  prepare_answer(WORDS(0));
  run_s(1);
  struct registrar_limits limits = {.registrations_max = 16, .suspensions_max = 4, .nonces_max = 8};
  free(registrar_memory);
  free(keepalive_memory);
  rig_build_registrar(&limits);
  const char *answer = rig_register_once(WORDS(0), authorization);
  expect_status(answer, 401);
  expect_contains(answer, "stale=true");
  expect_status(REGISTER(.cseq = 2), 200);
  tear_down();
}

/* --- suspension -------------------------------------------------------------------------------------------------- */

static unsigned next_cseq = 1;

static const char *guess(const char *number, const char *password, const struct flow *flow) {
  return REGISTER(.number = number, .password = password, .flow = flow, .cseq = ++next_cseq);
}

static void test_one_wrong_answer_too_many_suspends_source_and_user(void) {
  set_up();
  world->parameters.SS_SIP_AUTHENTICATION_RETRY = 3;
  for (unsigned i = 0; i < 3; i++)
    expect_status(guess("1001", "wrong", NULL), 401);
  expect_status(guess("1001", "wrong", NULL), 403);
  expect_status(guess("1001", "one", NULL), 403);
  expect_int(world->counters.authentications_suspended, ==, 1);
  expect_status(guess("1002", "two", NULL), 200);
  expect_status(guess("1001", "one", &other_flow), 200);
  tear_down();
}

static void test_a_suspension_ends_in_time_whatever_comes_meanwhile(void) {
  set_up();
  world->parameters.SS_SIP_AUTHENTICATION_RETRY = 0;
  expect_status(guess("1001", "wrong", NULL), 403);
  run_s(170);
  expect_status(guess("1001", "wrong", NULL), 403);
  run_s(11);
  expect_status(guess("1001", "one", NULL), 200);
  tear_down();
}

static void test_a_right_answer_forgets_the_wrong_ones(void) {
  set_up();
  world->parameters.SS_SIP_AUTHENTICATION_RETRY = 2;
  for (unsigned i = 0; i < 3; i++) {
    expect_status(guess("1001", "wrong", NULL), 401);
    expect_status(guess("1001", "wrong", NULL), 401);
    expect_status(guess("1001", "one", NULL), 200);
    run_s(1);
  }
  tear_down();
}

static void test_wrong_answers_are_forgotten_after_a_while(void) {
  set_up();
  world->parameters.SS_SIP_AUTHENTICATION_RETRY = 1;
  expect_status(guess("1001", "wrong", NULL), 401);
  run_s(181);
  expect_int(registrar->suspensions.pool.used, ==, 0);
  expect_status(guess("1001", "wrong", NULL), 401);
  tear_down();
}

static void test_without_reply_to_strangers_the_suspended_get_silence(void) {
  set_up();
  world->parameters.SS_SIP_AUTHENTICATION_RETRY = 0;
  world->parameters.SS_REPLY_UNAUTHORIZED = false;
  expect_bytes(guess("1001", "wrong", NULL), strlen(rig_last_sent(world)), "");
  unsigned sent_before = world->sent_count;
  run_s(40); /* no 100 either, and the transaction ends */
  expect_int(world->sent_count, ==, sent_before);
  expect_int(transaction_count(world->layer), ==, 0);
  tear_down();
}

/* Four pairs are watched. */
static void test_a_full_table_forgets_the_quietest_and_never_first_a_suspended_one(void) {
  char number[8];
  set_up();
  world->parameters.SS_SIP_AUTHENTICATION_RETRY = 1;
  expect_status(guess("1001", "wrong", NULL), 401);
  expect_status(guess("1001", "wrong", NULL), 403);
  for (unsigned i = 0; i < 10; i++) {
    snprintf(number, sizeof number, "90%u", i);
    expect_status(guess(number, "wrong", NULL), 401);
  }
  expect_int(registrar->suspensions.pool.used, ==, 4);
  expect_status(guess("1001", "one", NULL), 403);
  expect_status(guess("909", "wrong", NULL), 403); /* still counted */
  expect_status(guess("900", "wrong", NULL), 401); /* forgotten */
  tear_down();
}

TAP_TESTS(TAP(test_a_challenge_offers_each_algorithm_in_the_order_of_the_parameter),
          TAP(test_a_device_that_breaks_off_at_sha_256_is_offered_md5_alone),
          TAP(test_an_unknown_number_is_answered_like_a_known_one),
          TAP(test_both_algorithms_and_answers_without_qop_are_accepted),
          TAP(test_each_answer_is_held_against_its_own_uri), TAP(test_an_algorithm_that_is_not_offered_is_challenged),
          TAP(test_credentials_for_other_realms_are_passed_over), TAP(test_a_phone_registers_itself_only),
          TAP(test_a_phone_without_password_cannot_register),
          TAP(test_a_right_answer_that_comes_too_late_is_told_stale),
          TAP(test_a_wrong_answer_that_comes_too_late_is_just_wrong),
          TAP(test_a_replay_is_refused_and_a_higher_count_accepted),
          TAP(test_a_nonce_is_good_only_at_the_address_it_was_given_to), TAP(test_a_forged_nonce_is_not_even_tried),
          TAP(test_a_nonce_of_another_worker_is_stale_here), TAP(test_forgetting_a_nonce_never_accepts_a_replay),
          TAP(test_what_was_challenged_before_a_restart_is_stale_after_it),
          TAP(test_one_wrong_answer_too_many_suspends_source_and_user),
          TAP(test_a_suspension_ends_in_time_whatever_comes_meanwhile), TAP(test_a_right_answer_forgets_the_wrong_ones),
          TAP(test_wrong_answers_are_forgotten_after_a_while),
          TAP(test_without_reply_to_strangers_the_suspended_get_silence),
          TAP(test_a_full_table_forgets_the_quietest_and_never_first_a_suspended_one))
