/* The torture messages of RFC 4475 and RFC 5118, each with its verdict (verdicts.def), between two unreadable pages: a
 * byte read before or behind a message ends the test. Runs in this folder. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sdp/sdp.h"
#include "sip/sip_header_values.h"
#include "sip/sip_roundtrip.h"
#include "sip/sip_stream.h"
#include "tap.h"

enum verdict { ACCEPTED, REFUSED, DROPPED, VALUE };

struct torture {
  const char *folder, *name, *section;
  enum verdict verdict;
  unsigned status;
};

static const struct torture messages[] = {
#define TORTURE(folder, name, section, verdict, status, why) {folder, name, section, verdict, status},
#include "verdicts.def"
#undef TORTURE
};

#define MESSAGE_COUNT (sizeof messages / sizeof messages[0])
#define FENCED_BYTES  65536 /* a multiple of the page */

static char *fenced; /* FENCED_BYTES between two unreadable pages */
static char file_bytes[FENCED_BYTES];
static struct sip_message message;
static struct sip_defect defect;

static void raise_fence(void) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char *all = mmap(NULL, FENCED_BYTES + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED || mprotect(all, page, PROT_NONE) || mprotect(all + page + FENCED_BYTES, page, PROT_NONE))
    abort();
  fenced = all + page;
}

static struct str_view at_the_end(struct str_view bytes) {
  char *place = fenced + FENCED_BYTES - bytes.length;
  memcpy(place, bytes.data, bytes.length);
  return str_view_of(place, bytes.length);
}

static struct str_view at_the_start(struct str_view bytes) {
  memcpy(fenced, bytes.data, bytes.length);
  return str_view_of(fenced, bytes.length);
}

static struct str_view load(const char *folder, const char *name) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s.dat", folder, name);
  FILE *file = fopen(path, "rb");
  if (!file) {
    tap_fail(__FILE__, __LINE__, path);
    return STR_VIEW("");
  }
  size_t length = fread(file_bytes, 1, sizeof file_bytes, file);
  fclose(file);
  return str_view_of(file_bytes, length);
}

static enum result parse(struct str_view bytes) {
  defect = (struct sip_defect){0};
  return sip_message_parse(bytes, &message, &defect);
}

static enum result parse_file(const char *name) {
  return parse(at_the_end(load("rfc4475", name)));
}

static bool name_addrs_are_good(enum sip_header header) {
  struct sip_value_cursor cursor = {0};
  struct sip_name_addr name_addr;
  struct str_view value;
  while (sip_message_next_value(&message, header, &cursor, &value))
    if (sip_name_addr_parse(value, &name_addr) != RESULT_OK) return false;
  return true;
}

static bool vias_are_good(void) {
  struct sip_value_cursor cursor = {0};
  struct str_view value;
  struct sip_via via;
  while (sip_message_next_value(&message, SIP_HEADER_VIA, &cursor, &value))
    if (sip_via_parse(value, &via) != RESULT_OK) return false;
  return true;
}

static bool seconds_are_good(enum sip_header header) {
  uint32_t seconds;
  return !sip_message_has(&message, header) ||
         sip_delta_seconds_parse(sip_message_header(&message, header), &seconds) == RESULT_OK;
}

static bool body_is_good(void) {
  struct sdp sdp;
  bool is_sdp =
      str_view_equal_nocase(sip_message_header(&message, SIP_HEADER_CONTENT_TYPE), STR_VIEW("application/sdp"));
  return !is_sdp || sdp_parse(message.body, &sdp) == RESULT_OK;
}

static bool values_are_good(void) {
  return vias_are_good() && name_addrs_are_good(SIP_HEADER_CONTACT) && name_addrs_are_good(SIP_HEADER_ROUTE) &&
         name_addrs_are_good(SIP_HEADER_RECORD_ROUTE) && seconds_are_good(SIP_HEADER_MAX_FORWARDS) &&
         seconds_are_good(SIP_HEADER_EXPIRES) && body_is_good();
}

/* What becomes of the message at `bytes`, as a row of verdicts.def would say it. */
static enum verdict judge(struct str_view bytes, unsigned *status_out) {
  *status_out = 0;
  if (parse(bytes) == RESULT_OK) return values_are_good() ? ACCEPTED : VALUE;
  *status_out = defect.status;
  return defect.status ? REFUSED : DROPPED;
}

static void expect_verdict(const struct torture *row, struct str_view bytes) {
  unsigned status;
  char text[512];
  enum verdict verdict = judge(bytes, &status);
  bool is_ours = row->verdict == REFUSED || row->verdict == DROPPED;
  if (verdict == row->verdict && (!is_ours || status == row->status)) return;
  snprintf(text, sizeof text, "%s (%s %s): verdict %u %u instead of %u %u, %s", row->name, row->folder, row->section,
           (unsigned)verdict, status, (unsigned)row->verdict, row->status, defect.rule ? defect.rule : "no defect");
  tap_fail(__FILE__, __LINE__, text);
}

static void test_every_message_gets_its_verdict(void) {
  for (size_t i = 0; i < MESSAGE_COUNT; i++) {
    struct str_view bytes = load(messages[i].folder, messages[i].name);
    expect_verdict(&messages[i], at_the_end(bytes));
    expect_verdict(&messages[i], at_the_start(bytes));
  }
}

static void test_all_49_messages_of_rfc_4475_are_there(void) {
  unsigned count = 0;
  for (size_t i = 0; i < MESSAGE_COUNT; i++)
    count += strcmp(messages[i].folder, "rfc4475") == 0 && strcmp(messages[i].name, "test") != 0;
  expect_int(count, ==, 49);
}

static void test_no_part_of_a_message_is_read_beyond_its_end(void) {
  for (size_t i = 0; i < MESSAGE_COUNT; i++) {
    struct str_view bytes = load(messages[i].folder, messages[i].name);
    for (size_t length = 0; length < bytes.length; length++) {
      unsigned status;
      (void)judge(at_the_end(str_view_slice(bytes, 0, length)), &status);
    }
  }
}

static void test_what_is_accepted_is_the_same_when_built_and_read_again(void) {
  static char memory[SIP_MESSAGE_BYTES_MAX + 1];
  for (size_t i = 0; i < MESSAGE_COUNT; i++) {
    if (parse(at_the_end(load(messages[i].folder, messages[i].name))) != RESULT_OK) continue;
    if (!sip_roundtrip_holds(&message, memory, sizeof memory)) tap_fail(__FILE__, __LINE__, messages[i].name);
  }
}

static void test_streams_end_where_they_can_no_longer_be_framed(void) {
  static const struct {
    const char *name;
    enum sip_frame frame;
  } others[] = {
      {"clerr", SIP_FRAME_INCOMPLETE}, {"ncl", SIP_FRAME_BROKEN},       {"mcl01", SIP_FRAME_BROKEN},
      {"inv2543", SIP_FRAME_BROKEN},   {"baddn", SIP_FRAME_INCOMPLETE},
  };
  for (size_t i = 0; i < MESSAGE_COUNT; i++) {
    struct str_view bytes = at_the_end(load(messages[i].folder, messages[i].name));
    uint32_t searched = 0, length;
    enum sip_frame want = SIP_FRAME_MESSAGE, frame = sip_stream_frame(bytes, &searched, &length);
    for (size_t j = 0; j < sizeof others / sizeof others[0]; j++)
      if (strcmp(others[j].name, messages[i].name) == 0) want = others[j].frame;
    if (frame != want) tap_fail(__FILE__, __LINE__, messages[i].name);
    if (frame == SIP_FRAME_MESSAGE && strcmp(messages[i].name, "dblreq") != 0) expect_int(length, ==, bytes.length);
  }
}

static void test_the_short_tortuous_invite_is_understood(void) {
  struct sip_via via;
  struct sip_name_addr contact;
  struct sip_value_cursor cursor = {0};
  struct str_view value;
  expect_int(parse_file("wsinv"), ==, RESULT_OK);
  expect_view(message.from_tag, "98asjd8");
  expect_view(message.to_tag, "1918181833n");
  expect_int(message.cseq, ==, 9);
  expect_view(sip_message_header(&message, SIP_HEADER_MAX_FORWARDS), "0068");
  expect_view(sip_message_header(&message, SIP_HEADER_SUBJECT), "");
  expect_view(sip_message_other_header(&message, STR_VIEW("unknownheaderwithunusualvalue")), ";;,,;;,;");
  for (unsigned i = 0; i < 3; i++)
    expect(sip_message_next_value(&message, SIP_HEADER_VIA, &cursor, &value));
  expect_int(sip_via_parse(value, &via), ==, RESULT_OK);
  expect_view(via.host, "192.168.255.111");
  expect_view(via.branch, "z9hG4bK30239");
  expect_int(sip_name_addr_parse(sip_message_header(&message, SIP_HEADER_CONTACT), &contact), ==, RESULT_OK);
  expect_view(contact.display, "\"Quoted string \\\"\\\"\"");
}

static void test_unusual_users_are_found_whole(void) {
  struct sip_uri uri;
  expect_int(parse_file("semiuri"), ==, RESULT_OK);
  expect_int(sip_uri_parse(message.request_uri, &uri), ==, RESULT_OK);
  expect_view(uri.user, "user;par=u%40example.net");
  expect_int(parse_file("intmeth"), ==, RESULT_OK);
  expect_view(message.method_text, "!interesting-Method0123456789_*+`.%indeed'~");
  expect_int(sip_uri_parse(message.request_uri, &uri), ==, RESULT_OK);
  expect_view(uri.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
  expect_view(uri.password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
}

static void test_two_contacts_with_nulls_stay_two(void) {
  struct sip_value_cursor cursor = {0};
  struct sip_name_addr first, second;
  struct str_view value;
  expect_int(parse_file("escnull"), ==, RESULT_OK);
  expect(sip_message_next_value(&message, SIP_HEADER_CONTACT, &cursor, &value));
  expect_int(sip_name_addr_parse(value, &first), ==, RESULT_OK);
  expect(sip_message_next_value(&message, SIP_HEADER_CONTACT, &cursor, &value));
  expect_int(sip_name_addr_parse(value, &second), ==, RESULT_OK);
  expect(!sip_message_next_value(&message, SIP_HEADER_CONTACT, &cursor, &value));
  expect(!sip_uri_equal(&first.uri, &second.uri));
}

static void test_a_parameter_belongs_to_contact_or_to_its_uri(void) {
  struct sip_name_addr contact;
  expect_int(parse_file("cparam01"), ==, RESULT_OK);
  expect_int(sip_name_addr_parse(sip_message_header(&message, SIP_HEADER_CONTACT), &contact), ==, RESULT_OK);
  expect_view(contact.parameters, "unknownparam");
  expect_int(contact.uri.parameters.length, ==, 0);
  expect_int(parse_file("cparam02"), ==, RESULT_OK);
  expect_int(sip_name_addr_parse(sip_message_header(&message, SIP_HEADER_CONTACT), &contact), ==, RESULT_OK);
  expect_int(contact.parameters.length, ==, 0);
  expect_view(contact.uri.parameters, "unknownparam");
}

static void test_octets_behind_the_body_are_no_part_of_it(void) {
  expect_int(parse_file("dblreq"), ==, RESULT_OK);
  expect_int(message.body.length, ==, 0);
  expect_int(parse_file("mpart01"), ==, RESULT_OK);
  expect_int(message.body.length, ==, 553);
  expect(memchr(message.body.data, '\0', message.body.length) != NULL);
}

static void run_behind_the_fence(void) {
  raise_fence();
  test_every_message_gets_its_verdict();
}

TAP_TESTS({"test_every_message_gets_its_verdict", run_behind_the_fence},
          TAP(test_all_49_messages_of_rfc_4475_are_there), TAP(test_no_part_of_a_message_is_read_beyond_its_end),
          TAP(test_what_is_accepted_is_the_same_when_built_and_read_again),
          TAP(test_streams_end_where_they_can_no_longer_be_framed), TAP(test_the_short_tortuous_invite_is_understood),
          TAP(test_unusual_users_are_found_whole), TAP(test_two_contacts_with_nulls_stay_two),
          TAP(test_a_parameter_belongs_to_contact_or_to_its_uri), TAP(test_octets_behind_the_body_are_no_part_of_it))
