/* Which worker a message belongs to. */
#include "switch/switch_bench.h"

static uint8_t steer(const struct local_identity *local, const char *text) {
  static char bytes[BENCH_TEXT_MAX + 64];
  size_t length = strlen(text);
  memcpy(bytes, text, length);
  memset(bytes + length, 0, 64);
  return switch_core_steer(local, str_view_of(bytes, length));
}

/* Four workers; we ask as the second. */
static struct local_identity four_workers(void) {
  return (struct local_identity){.worker = 1, .worker_count = 4, .steering_key = {3, 5}};
}

static const char *request(const char *method, const char *uri, const char *to, const char *call_id) {
  static char text[2048];
  snprintf(text, sizeof text,
           "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.10;branch=z9hG4bKx\r\nFrom: <sip:1@x>;tag=f\r\nTo: %s\r\n"
           "Call-ID: %s\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
           method, uri, to, call_id, method);
  return text;
}

static void test_new_requests_go_where_their_call_id_hashes(void) {
  struct local_identity local = four_workers();
  bool seen[4] = {false};
  for (unsigned i = 0; i < 64; i++) {
    char call_id[32];
    snprintf(call_id, sizeof call_id, "call-%u", i);
    uint8_t invite = steer(&local, request("INVITE", "sip:2@192.0.2.1", "<sip:2@192.0.2.1>", call_id));
    expect_int(invite, ==, local_identity_steer(&local, str_view_from_c(call_id)));
    expect_int(invite, ==, steer(&local, request("CANCEL", "sip:2@192.0.2.1", "<sip:2@192.0.2.1>", call_id)));
    seen[invite] = true;
  }
  expect(seen[0] && seen[1] && seen[2] && seen[3]);
}

static void test_register_goes_where_its_number_lives(void) {
  struct local_identity local = four_workers();
  for (unsigned number = 1000; number < 1020; number++) {
    char to[64], digits[16];
    snprintf(digits, sizeof digits, "%u", number);
    snprintf(to, sizeof to, "\"Somebody\" <sip:%s@192.0.2.1>", digits);
    expect_int(steer(&local, request("REGISTER", "sip:192.0.2.1", to, "any")), ==,
               local_identity_steer(&local, str_view_from_c(digits)));
  }
}

/* What the switch itself has sent on worker 3 leads back to worker 3. */
static void test_tags_contacts_and_branches_of_ours_lead_home(void) {
  struct bench *bench = bench_create();
  struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
  bench->local.worker = 3;
  bench->local.worker_count = 4;
  bench_connect(caller, callee, "4420");
  struct local_identity local = bench->local;
  char to[256], text[2048];
  local.worker = 0;
  snprintf(to, sizeof to, "<sip:4420@192.0.2.1>;tag=%s", caller->remote_tag);
  expect_int(steer(&local, request("BYE", "sip:x@192.0.2.1", to, caller->call_id)), ==, 3);
  snprintf(to, sizeof to, "<sip:900@192.0.2.1>;tag=%s", callee->remote_tag);
  expect_int(steer(&local, request("BYE", "sip:x@192.0.2.1", to, callee->call_id)), ==, 3);
  /* A device that has lost the To tag still sends to our Contact. */
  expect_int(steer(&local, request("BYE", caller->target, "<sip:4420@192.0.2.1>", "odd")), ==, 3);
  snprintf(text, sizeof text,
           "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: <sip:1@x>;tag=f\r\nTo: <sip:2@x>;tag=t\r\nCall-ID: any\r\n"
           "CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
           header_of(callee->invite, "Via"));
  expect_int(steer(&local, text), ==, 3);
  /* The callee leg's Call-ID hashes home too: requests that lost everything else find their worker. */
  expect_int(local_identity_steer(&local, str_view_from_c(callee->call_id)), ==, 3);
  bench_hang_up(caller, callee);
  bench_end(bench);
}

static void test_what_cannot_be_read_stays_with_the_asking_worker(void) {
  struct local_identity local = four_workers();
  expect_int(steer(&local, "nonsense"), ==, 1);
  expect_int(steer(&local, "\r\n\r\n"), ==, 1);
  expect_int(steer(&local, ""), ==, 1);
  expect_int(steer(&local,
                   "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKforeign\r\nFrom: <sip:1@x>;tag=f\r\n"
                   "To: <sip:2@x>;tag=t\r\nCall-ID: any\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"),
             ==, 1);
}

static void test_tag_of_a_worker_that_does_not_exist_is_no_tag_of_ours(void) {
  struct local_identity local = four_workers();
  expect_int(steer(&local,
                   "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKff00000001000000010000000000000000\r\n"
                   "From: <sip:1@x>;tag=f\r\nTo: <sip:2@x>;tag=t\r\nCall-ID: any\r\nCSeq: 1 INVITE\r\n"
                   "Content-Length: 0\r\n\r\n"),
             ==, 1);
  const char *text = request("BYE", "sip:x@192.0.2.1", "<sip:2@x>;tag=ff00000000000000010000000000000000", "some-call");
  expect_int(steer(&local, text), ==, local_identity_steer(&local, STR_VIEW("some-call")));
}

static unsigned takers_of(struct journal_key key) {
  struct local_identity local = four_workers();
  unsigned takers = 0;
  for (local.worker = 0; local.worker < local.worker_count; local.worker++)
    takers += switch_core_takes_up(&local, key, STR_VIEW(""));
  return takers;
}

static void test_what_is_taken_up_goes_to_one_worker_and_who_is_suspended_to_all(void) {
  expect_int(takers_of(journal_key_of(JOURNAL_CALL, 2, 7)), ==, 1);
  expect_int(takers_of(journal_key_of(JOURNAL_CALL, 4, 7)), ==, 0); /* there were more workers then */
  expect_int(takers_of(journal_key_of(JOURNAL_REGISTRATION, 99, 7)), ==, 1);
  expect_int(takers_of(journal_key_of(JOURNAL_NETWORK, 6, 7)), ==, 1);
  expect_int(takers_of(journal_key_of(JOURNAL_SUSPENSION, 6, 7)), ==, 4);
}

TAP_TESTS(TAP(test_new_requests_go_where_their_call_id_hashes), TAP(test_register_goes_where_its_number_lives),
          TAP(test_tags_contacts_and_branches_of_ours_lead_home),
          TAP(test_what_cannot_be_read_stays_with_the_asking_worker),
          TAP(test_tag_of_a_worker_that_does_not_exist_is_no_tag_of_ours),
          TAP(test_what_is_taken_up_goes_to_one_worker_and_who_is_suspended_to_all))
