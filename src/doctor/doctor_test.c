#include "doctor/doctor.h"

#include <stdarg.h>
#include <stdlib.h>

#include "tap.h"

#define SECOND INT64_C(1000000)
#define OUTSIDE                                                                                                        \
  { .ip = {198, 51, 100, 7}, .port = 5070, .family = ADDRESS_IPV4 }

static struct doctor *doctor;
static int64_t now_us;
static struct address device = OUTSIDE;

static void start(void) {
  void *memory = doctor ? (void *)doctor : malloc(doctor_memory_bytes());
  memset(memory, 0, doctor_memory_bytes());
  doctor = doctor_create(memory);
  now_us = 1700000000 * SECOND;
  device = (struct address)OUTSIDE;
}

/* What a message says beside its first line. */
struct said {
  const char *call_id, *method; /* of CSeq */
  unsigned cseq;
  const char *to_tag;  /* NULL: none */
  const char *via;     /* NULL: "198.51.100.7:5070" */
  const char *contact; /* NULL: none */
  const char *lines;   /* whole further lines, NULL: none */
  const char *body;    /* NULL: none */
};

static void message(enum trace_direction direction, const char *first_line, struct said said) {
  char text[2048 + 64] = "";
  int length =
      snprintf(text, 2048,
               "%s\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK1\r\nFrom: <sip:1001@a>;tag=f\r\nTo: <sip:1001@b>%s%s\r\n"
               "Call-ID: %s\r\nCSeq: %u %s\r\n%s%s%s%sContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
               first_line, said.via ? said.via : "198.51.100.7:5070", said.to_tag ? ";tag=" : "",
               said.to_tag ? said.to_tag : "", said.call_id, said.cseq, said.method, said.contact ? "Contact: " : "",
               said.contact ? said.contact : "", said.contact ? "\r\n" : "", said.lines ? said.lines : "",
               said.body ? strlen(said.body) : 0, said.body ? said.body : "");
  struct trace_record record = {.wall = {now_us},
                                .remote = device,
                                .kind = TRACE_SIP,
                                .direction = (uint8_t)direction,
                                .transport = TRANSPORT_UDP,
                                .payload = str_view_of(text, (size_t)length)};
  doctor_take_record(doctor, &record);
  now_us += SECOND / 100;
}

#define received(line, ...) message(TRACE_RECEIVED, line, (struct said){__VA_ARGS__})
#define sent(line, ...)     message(TRACE_SENT, line, (struct said){__VA_ARGS__})

static void leg(const char *call, const char *call_id) {
  char memory[TRACE_NOTE_BYTES_MAX];
  struct note note = {.kind = NOTE_LEG, .call = str_view_from_c(call), .text = str_view_from_c(call_id)};
  struct trace_record record = {.wall = {now_us}, .kind = TRACE_NOTE, .payload = trace_note_encode(&note, memory)};
  doctor_take_record(doctor, &record);
}

/* The only finding there is, or NULL after a complaint. */
static const struct finding *only(enum diagnosis diagnosis) {
  doctor_conclude(doctor);
  expect_int(doctor_finding_count(doctor), ==, 1);
  for (size_t i = 0; i < doctor_finding_count(doctor); i++)
    if (doctor_finding(doctor, i)->diagnosis == diagnosis) return doctor_finding(doctor, i);
  printf("# %s is not found\n", diagnosis_row(diagnosis)->name);
  expect(false);
  return NULL;
}

static void nothing(void) {
  doctor_conclude(doctor);
  for (size_t i = 0; i < doctor_finding_count(doctor); i++)
    printf("# found: %s\n", diagnosis_row((enum diagnosis)doctor_finding(doctor, i)->diagnosis)->name);
  expect_int(doctor_finding_count(doctor), ==, 0);
}

static struct cdr_record cdr_of(const char *id) {
  struct cdr_record cdr;
  cdr_record_init(&cdr);
  cdr.id = str_view_from_c(id);
  cdr.caller_device = STR_VIEW("customer-a");
  cdr.callee_device = STR_VIEW("vendor-a");
  cdr.callee_address = STR_VIEW("198.51.100.7:5070");
  cdr.end_reason = STR_VIEW("normal");
  cdr.end_direction = STR_VIEW("caller");
  cdr.sip_status = 200;
  cdr.ended_at.value = now_us;
  return cdr;
}

/* --- what is nothing --------------------------------------------------------------------------------------------- */

/* A call with two refreshes by us, one by UPDATE, one by re-INVITE with the session in force, and a hold by the device.
 */
static void healthy_call(const char *call_id) {
  static const char ours[] = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n";
  static const char theirs[] = "v=0\r\no=- 7 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n";
  static const char held[] =
      "v=0\r\no=- 7 2 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\na=sendonly\r\n";
  sent("INVITE sip:1001@h SIP/2.0", call_id, "INVITE", 1, .body = ours);
  received("SIP/2.0 200 OK", call_id, "INVITE", 1, "t", .contact = "<sip:1001@198.51.100.7:5070>", .body = theirs);
  sent("ACK sip:1001@h SIP/2.0", call_id, "ACK", 1, "t");
  for (unsigned i = 0; i < 3; i++) {
    now_us += 300 * SECOND;
    sent("UPDATE sip:1001@h SIP/2.0", call_id, "UPDATE", 2 + 3 * i, "t", .lines = "Session-Expires: 600\r\n");
    received("SIP/2.0 200 OK", call_id, "UPDATE", 2 + 3 * i, "t");
    now_us += 10 * SECOND;
    received("INVITE sip:us@h SIP/2.0", call_id, "INVITE", 10 + 2 * i, "t", .lines = "Session-Expires: 600\r\n",
             .body = i % 2 ? theirs : held);
    sent("SIP/2.0 200 OK", call_id, "INVITE", 10 + 2 * i, "t", .body = ours);
  }
  received("BYE sip:us@h SIP/2.0", call_id, "BYE", 20, "t");
  sent("SIP/2.0 200 OK", call_id, "BYE", 20, "t");
}

static void test_a_thousand_healthy_calls_give_no_finding(void) {
  start();
  for (int i = 0; i < 1000; i++) {
    char id[32];
    snprintf(id, sizeof id, "healthy-%d", i);
    struct cdr_record cdr = cdr_of(id);
    cdr.hold_time_ms = (uint64_t)i * 2654435761U % 700000U;
    doctor_take_cdr(doctor, &cdr);
  }
  for (int i = 0; i < 1000; i++) {
    char id[32];
    snprintf(id, sizeof id, "healthy-%d", i);
    healthy_call(id);
  }
  nothing();
}

static void test_registrations_in_time_from_one_port_are_healthy(void) {
  start();
  for (unsigned i = 0; i < 20; i++) {
    received("REGISTER sip:h SIP/2.0", "reg", "REGISTER", i + 1, .contact = "<sip:1001@198.51.100.7:5070>");
    sent("SIP/2.0 200 OK", "reg", "REGISTER", i + 1, .contact = "<sip:1001@198.51.100.7:5070>;expires=60");
    now_us += 30 * SECOND;
  }
  nothing();
}

static void test_a_phone_behind_a_plain_nat_is_no_alg(void) {
  start();
  received("REGISTER sip:h SIP/2.0", "reg", "REGISTER", 1, .via = "192.168.1.5:5060;rport",
           .contact = "<sip:1001@192.168.1.5:5060>");
  received("INVITE sip:2@h SIP/2.0", "a", "INVITE", 1, .via = "192.168.1.5:5060;rport",
           .contact = "<sip:1001@198.51.100.7:5070>", .body = "v=0\r\nc=IN IP4 192.168.1.5\r\n");
  received("INVITE sip:2@h SIP/2.0", "b", "INVITE", 1, .contact = "<sip:1001@198.51.100.7:5070>",
           .body = "v=0\r\nc=IN IP4 198.51.100.7\r\n");
  /* Behind a proxy whose Via is another's, a private Contact is nobody's rewriting. */
  received("INVITE sip:2@h SIP/2.0", "c", "INVITE", 1, .via = "203.0.113.9:5060",
           .contact = "<sip:1001@192.168.1.5:5060>");
  nothing();
}

static void test_a_device_that_fell_silent_swallows_nothing(void) {
  start();
  received("BYE sip:us@h SIP/2.0", "a", "INFO", 1, "t");
  for (int i = 0; i < 11; i++) {
    sent("UPDATE sip:1001@h SIP/2.0", "a", "UPDATE", 2, "t");
    now_us += 4 * SECOND;
  }
  nothing();
}

/* --- what is something ------------------------------------------------------------------------------------------- */

static void test_a_missing_ack_is_named_with_device_calls_and_remedy(void) {
  start();
  for (int i = 0; i < 3; i++) {
    char id[32];
    snprintf(id, sizeof id, "call-%d", i);
    struct cdr_record cdr = cdr_of(id);
    cdr.end_cause = STR_VIEW("no_ack");
    cdr.end_direction = STR_VIEW("switch");
    doctor_take_cdr(doctor, &cdr);
    now_us += SECOND;
  }
  const struct finding *finding = only(DIAGNOSIS_missing_ack);
  if (!finding) return;
  expect_bytes(finding->subject, strlen(finding->subject), "customer-a");
  expect_int(finding->count, ==, 3);
  expect_int(finding->call_count, ==, 3);
  expect_bytes(finding->calls[1], strlen(finding->calls[1]), "call-1");
  expect_int(finding->latest.value - finding->since.value, ==, 2 * SECOND);
  char memory[FINDING_JSON_BYTES_MAX];
  struct text_builder json = text_builder_over(memory, sizeof memory);
  finding_to_json(finding, &json);
  expect(!json.overflowed && memmem(memory, json.length, "--sip udp:", 10));
}

static void test_answers_without_ack_are_seen_in_the_messages_too(void) {
  start();
  leg("call-id", "a");
  received("INVITE sip:2@h SIP/2.0", "a", "INVITE", 1);
  for (int i = 0; i < 8; i++)
    sent("SIP/2.0 200 OK", "a", "INVITE", 1, "t", .contact = "<sip:tag@10.0.0.9:5060>");
  const struct finding *finding = only(DIAGNOSIS_missing_ack);
  if (!finding) return;
  expect_int(finding->confidence_percent, >, 95);
  expect(strstr(finding->detail, "private address") != NULL);
  expect_bytes(finding->calls[0], strlen(finding->calls[0]), "call-id");
}

static void test_an_alg_is_seen_by_what_it_forgets(void) {
  start();
  received("REGISTER sip:h SIP/2.0", "reg", "REGISTER", 1, .contact = "<sip:1001@192.168.1.5:5060>");
  const struct finding *finding = only(DIAGNOSIS_sip_alg);
  if (finding) expect_bytes(finding->subject, strlen(finding->subject), "198.51.100.7:5070");
  start();
  received("INVITE sip:2@h SIP/2.0", "b", "INVITE", 1, .contact = "<sip:1001@198.51.100.7:5070>",
           .body = "v=0\r\nc=IN IP4 192.168.1.5\r\n");
  (void)only(DIAGNOSIS_sip_alg);
}

static void test_a_binding_shorter_than_the_keep_alive_period_is_seen_by_its_ports(void) {
  start();
  for (unsigned i = 0; i < 4; i++) {
    device.port = (uint16_t)(5070 + i);
    received("REGISTER sip:h SIP/2.0", "reg", "REGISTER", i + 1);
    sent("SIP/2.0 200 OK", "reg", "REGISTER", i + 1, .contact = "<sip:1001@198.51.100.7:5070>;expires=3600");
    now_us += 600 * SECOND;
  }
  const struct finding *finding = only(DIAGNOSIS_nat_binding_short);
  if (!finding) return;
  expect_bytes(finding->subject, strlen(finding->subject), "1001");
  expect_int(finding->count, ==, 3);
}

static void test_a_phone_that_moves_more_often_than_can_be_counted_is_seen_all_the_same(void) {
  start();
  sent("SIP/2.0 200 OK", "reg", "REGISTER", 1, .contact = "<sip:1001@198.51.100.7:5070>;expires=3600");
  for (unsigned i = 0; i < 65538; i++) {
    device.port = (uint16_t)(5070 + i % 2);
    received("REGISTER sip:h SIP/2.0", "reg", "REGISTER", i + 1);
    now_us += 1000;
  }
  const struct finding *finding = only(DIAGNOSIS_nat_binding_short);
  if (finding) expect_int(finding->count, ==, 65535);
}

static void test_a_late_registration_is_seen_after_its_end(void) {
  start();
  for (unsigned i = 0; i < 4; i++) {
    received("REGISTER sip:h SIP/2.0", "reg", "REGISTER", 2 * i + 1);
    sent("SIP/2.0 401 Unauthorized", "reg", "REGISTER", 2 * i + 1);
    received("REGISTER sip:h SIP/2.0", "reg", "REGISTER", 2 * i + 2);
    sent("SIP/2.0 200 OK", "reg", "REGISTER", 2 * i + 2, .contact = "<sip:1001@198.51.100.7:5070>;expires=60");
    now_us += 90 * SECOND;
  }
  const struct finding *finding = only(DIAGNOSIS_registration_late);
  if (finding) expect_int(finding->count, ==, 3);
}

static void test_a_refused_update_and_a_refused_reinvite_are_told_apart(void) {
  start();
  struct cdr_record cdr = cdr_of("x");
  doctor_take_cdr(doctor, &cdr);
  leg("call-id", "a");
  sent("UPDATE sip:1001@h SIP/2.0", "a", "UPDATE", 2, "t");
  received("SIP/2.0 405 Method Not Allowed", "a", "UPDATE", 2, "t");
  const struct finding *finding = only(DIAGNOSIS_update_rejected);
  if (finding) expect_bytes(finding->subject, strlen(finding->subject), "vendor-a");
  start();
  sent("INVITE sip:1001@h SIP/2.0", "a", "INVITE", 3, "t");
  received("SIP/2.0 488 Not Acceptable Here", "a", "INVITE", 3, "t");
  finding = only(DIAGNOSIS_reinvite_refused);
  if (!finding) return;
  expect(strstr(finding->detail, "488 Not Acceptable Here") != NULL);
  char memory[FINDING_JSON_BYTES_MAX];
  struct text_builder json = text_builder_over(memory, sizeof memory - 1);
  finding_to_json(finding, &json);
  memory[json.length] = '\0';
  expect(strstr(memory, "\"seen\":\"reinvite_answered\",\"words\":\"Not Acceptable Here\",\"numbers\":[488],") != NULL);
}

static void test_a_swallowed_update_is_told_from_a_dead_device(void) {
  start();
  for (int i = 0; i < 6; i++) {
    sent("UPDATE sip:1001@h SIP/2.0", "a", "UPDATE", 2, "t");
    now_us += SECOND;
  }
  sent("INVITE sip:1001@h SIP/2.0", "a", "INVITE", 3, "t");
  received("SIP/2.0 200 OK", "a", "INVITE", 3, "t");
  (void)only(DIAGNOSIS_update_swallowed);
}

static void test_both_refreshing_is_seen(void) {
  start();
  for (unsigned i = 0; i < 3; i++) {
    sent("UPDATE sip:1001@h SIP/2.0", "a", "UPDATE", 2 + i, "t", .lines = "Session-Expires: 600;refresher=uac\r\n");
    received("SIP/2.0 200 OK", "a", "UPDATE", 2 + i, "t");
    now_us += 100 * SECOND;
    received("UPDATE sip:us@h SIP/2.0", "a", "UPDATE", 5 + i, "t", .lines = "x: 600;refresher=uac\r\n");
    sent("SIP/2.0 200 OK", "a", "UPDATE", 5 + i, "t");
    now_us += 100 * SECOND;
  }
  const struct finding *finding = only(DIAGNOSIS_both_refresh);
  if (finding) expect(strstr(finding->detail, "switch refreshed 3 times and the device 3 times") != NULL);
}

static void test_nobody_refreshing_is_the_device_that_promised(void) {
  start();
  struct cdr_record cdr = cdr_of("x");
  cdr.end_cause = STR_VIEW("session_expired");
  cdr.explanation = STR_VIEW("The callee's device was to refresh its session within 600 s and did not.");
  doctor_take_cdr(doctor, &cdr);
  const struct finding *finding = only(DIAGNOSIS_nobody_refreshes);
  if (!finding) return;
  expect_bytes(finding->subject, strlen(finding->subject), "vendor-a");
  expect_bytes(finding->detail, strlen(finding->detail), cdr.explanation.data);
  expect_bytes(finding->words, strlen(finding->words), "");
}

static void test_intervals_that_suit_nobody_are_told_from_those_that_were_raised(void) {
  for (int is_raised = 0; is_raised < 2; is_raised++) {
    start();
    for (unsigned i = 0; i < 3; i++) {
      sent("INVITE sip:1001@h SIP/2.0", "a", "INVITE", i + 1);
      received(is_raised && i == 2 ? "SIP/2.0 200 OK" : "SIP/2.0 422 Session Interval Too Small", "a", "INVITE", i + 1);
    }
    now_us += 60 * SECOND;
    received("OPTIONS sip:us@h SIP/2.0", "b", "OPTIONS", 1);
    if (is_raised)
      nothing();
    else
      (void)only(DIAGNOSIS_interval_refused);
  }
}

static void test_calls_that_pile_up_at_one_length_are_seen_and_longer_ones_speak_against_it(void) {
  for (int with_longer = 0; with_longer < 2; with_longer++) {
    start();
    for (int i = 0; i < 20; i++) {
      struct cdr_record cdr = cdr_of("x");
      cdr.end_direction = STR_VIEW("callee");
      cdr.hold_time_ms = (uint64_t)(31500 + 50 * i);
      doctor_take_cdr(doctor, &cdr);
      cdr.end_direction = STR_VIEW("caller");
      cdr.hold_time_ms = with_longer ? 200000 : 1000 * (uint64_t)i;
      doctor_take_cdr(doctor, &cdr);
    }
    if (with_longer) {
      nothing();
      continue;
    }
    const struct finding *finding = only(DIAGNOSIS_pile_at_length);
    if (!finding) return;
    expect_bytes(finding->subject, strlen(finding->subject), "vendor-a");
    expect_bytes(finding->detail, strlen(finding->detail),
                 "20 of the 20 calls that lasted so long were hung up by the device 32 s after the answer.");
    expect_int(finding->count, ==, 20);
  }
}

static void test_a_keep_alive_round_that_is_late_is_certain(void) {
  start();
  doctor_take_late_round(doctor, (struct wall_us){now_us}, STR_VIEW("90,000 devices need 45 s a round."));
  const struct finding *finding = only(DIAGNOSIS_keep_alive_round);
  if (finding) expect_int(finding->confidence_percent, ==, 100);
}

static void test_more_devices_than_there_is_room_for_are_left_out(void) {
  start();
  for (unsigned i = 0; i < 60000; i++) {
    char id[32];
    snprintf(id, sizeof id, "call-%u", i);
    device.ip[3] = (uint8_t)i;
    device.port = (uint16_t)i;
    sent("UPDATE sip:1001@h SIP/2.0", id, "UPDATE", 2, "t");
    received("SIP/2.0 405 Method Not Allowed", id, "UPDATE", 2, "t");
    received("REGISTER sip:h SIP/2.0", id, "REGISTER", 1);
  }
  doctor_conclude(doctor);
  expect_int(doctor_finding_count(doctor), <=, 256);
}

TAP_TESTS(TAP(test_a_thousand_healthy_calls_give_no_finding), TAP(test_registrations_in_time_from_one_port_are_healthy),
          TAP(test_a_phone_behind_a_plain_nat_is_no_alg), TAP(test_a_device_that_fell_silent_swallows_nothing),
          TAP(test_a_missing_ack_is_named_with_device_calls_and_remedy),
          TAP(test_answers_without_ack_are_seen_in_the_messages_too), TAP(test_an_alg_is_seen_by_what_it_forgets),
          TAP(test_a_binding_shorter_than_the_keep_alive_period_is_seen_by_its_ports),
          TAP(test_a_phone_that_moves_more_often_than_can_be_counted_is_seen_all_the_same),
          TAP(test_a_late_registration_is_seen_after_its_end),
          TAP(test_a_refused_update_and_a_refused_reinvite_are_told_apart),
          TAP(test_a_swallowed_update_is_told_from_a_dead_device), TAP(test_both_refreshing_is_seen),
          TAP(test_nobody_refreshing_is_the_device_that_promised),
          TAP(test_intervals_that_suit_nobody_are_told_from_those_that_were_raised),
          TAP(test_calls_that_pile_up_at_one_length_are_seen_and_longer_ones_speak_against_it),
          TAP(test_a_keep_alive_round_that_is_late_is_certain),
          TAP(test_more_devices_than_there_is_room_for_are_left_out))
