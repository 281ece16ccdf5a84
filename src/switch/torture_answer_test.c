/* What a customer hears from the whole middle for each message of RFC 4475 and RFC 5118, and whether it becomes a call.
 * The parser's verdicts are proved in tests/torture. */
#include "switch/switch_bench.h"

#define PATH_BYTES 600

#define TORTURE_ANSWER(name, heard, why) {name, heard},
static const struct {
  const char *name, *heard;
} answers[] = {
#include "../../tests/torture/answers.def"
};
#undef TORTURE_ANSWER

#define TORTURE(folder, name, ...) {folder, name},
static const struct {
  const char *folder, *name;
} messages[] = {
#include "../../tests/torture/verdicts.def"
};
#undef TORTURE

#define MESSAGE_COUNT (sizeof messages / sizeof messages[0])
_Static_assert(sizeof answers / sizeof answers[0] == MESSAGE_COUNT, "each message has its answer");

static struct str_view load(size_t number) {
  static char bytes[SIP_MESSAGE_BYTES_MAX + 64];
  char path[PATH_BYTES];
  const char *root = getenv("BELFRY_SOURCE_ROOT");
  snprintf(path, sizeof path, "%s/tests/torture/%s/%s.dat", root ? root : ".", messages[number].folder,
           messages[number].name);
  FILE *file = fopen(path, "rb");
  size_t length = file ? fread(bytes, 1, SIP_MESSAGE_BYTES_MAX, file) : 0;
  if (file) fclose(file);
  expect_int(length, >, 0);
  memset(bytes + length, 0, 64);
  return str_view_of(bytes, length);
}

/* What answers.def calls the first thing that is sent. */
static void describe(const struct bench *bench, char heard[8]) {
  const char *first = "";
  for (unsigned i = 0; i < bench->sent_count && !*first; i++)
    if (strncmp(bench->sent[i].text, "SIP/2.0 100 ", 12) != 0) first = bench->sent[i].text;
  snprintf(heard, 8, "%.4s", strncmp(first, "INVITE ", 7) == 0 ? "call" : "");
  if (strncmp(first, "SIP/2.0 ", 8) == 0) snprintf(heard, 8, "%.3s", first + 8);
}

static void test_every_message_gets_its_answer(void) {
  for (size_t i = 0; i < MESSAGE_COUNT; i++) {
    struct bench *bench = bench_create();
    struct peer *customer = peer_at(bench, CUSTOMER);
    char heard[8], text[128];
    bench_handle(bench, &(struct event){.kind = EVENT_MESSAGE, .flow = customer->flow, .bytes = load(i)});
    describe(bench, heard);
    snprintf(text, sizeof text, "%s: \"%s\" instead of \"%s\"", messages[i].name, heard, answers[i].heard);
    if (strcmp(messages[i].name, answers[i].name) != 0 || strcmp(heard, answers[i].heard) != 0)
      tap_fail(__FILE__, __LINE__, text);
    bench_end(bench);
  }
}

/* Who brings credentials, or registers, is challenged. */
static bool may_be_answered(struct str_view bytes) {
  static const char *const words[] = {"REGISTER ", "\r\nAuthorization", "\r\nProxy-Authorization"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (memmem(bytes.data, bytes.length, words[i], strlen(words[i]))) return true;
  return false;
}

static void test_a_stranger_hears_nothing_where_silence_is_wanted(void) {
  for (size_t i = 0; i < MESSAGE_COUNT; i++) {
    struct bench *bench = bench_create();
    bench->parameters.SS_REPLY_UNAUTHORIZED = false;
    struct str_view bytes = load(i);
    bench_handle(bench, &(struct event){.kind = EVENT_MESSAGE, .flow = peer_at(bench, STRANGER)->flow, .bytes = bytes});
    if (bench->sent_count > 0 && !may_be_answered(bytes)) tap_fail(__FILE__, __LINE__, messages[i].name);
    bench_end(bench);
  }
}

/* The first thing that is sent for this message. */
static const struct bench_message *answer_to(struct bench *bench, const char *name) {
  struct peer *customer = peer_at(bench, CUSTOMER);
  size_t number = 0;
  while (number + 1 < MESSAGE_COUNT && strcmp(messages[number].name, name) != 0)
    number++;
  bench_handle(bench, &(struct event){.kind = EVENT_MESSAGE, .flow = customer->flow, .bytes = load(number)});
  expect_int(bench->sent_count, >, 0);
  return &bench->sent[bench->sent_count - 1];
}

static void expect_in_answer(const char *name, const char *line) {
  struct bench *bench = bench_create();
  const struct bench_message *answer = answer_to(bench, name); /* there may be a NUL in it */
  if (!memmem(answer->text, answer->length, line, strlen(line))) tap_fail(__FILE__, __LINE__, name);
  bench_end(bench);
}

static void test_an_answer_says_what_its_status_asks_for(void) {
  expect_in_answer("intmeth", "\r\nAllow: INVITE");                               /* RFC 3261 §8.2.1 */
  expect_in_answer("mpart01", "\r\nAllow: INVITE");                               /* §21.4.6 */
  expect_in_answer("bext01", "\r\nUnsupported: nothingSupportsThis\r\n");         /* §8.2.2.3 */
  expect_in_answer("bext01", "\r\nUnsupported: noProxiesSupportThis\r\n");        /* §20.40 */
  expect_in_answer("regaut01", "\r\nWWW-Authenticate: Digest ");                  /* §22.1 */
  expect_in_answer("lwsdisp", "\r\nAllow: INVITE");                               /* §11.2 */
  expect_in_answer("badbranch", "\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"); /* §8.2.6.2 */
}

static void test_an_attempt_that_is_refused_for_what_it_is_leaves_its_record(void) {
  static const struct {
    const char *name;
    unsigned status;
  } attempts[] = {{"sdp01", 406}, {"inv2543", 400}};
  for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
    struct bench *bench = bench_create();
    (void)answer_to(bench, attempts[i].name);
    expect_record(bench, "protocol_error");
    expect_int(bench->records[0].sip_status, ==, attempts[i].status);
    expect_view(bench->records[0].caller_device, "customer");
    bench_end(bench);
  }
}

TAP_TESTS(TAP(test_every_message_gets_its_answer), TAP(test_a_stranger_hears_nothing_where_silence_is_wanted),
          TAP(test_an_answer_says_what_its_status_asks_for),
          TAP(test_an_attempt_that_is_refused_for_what_it_is_leaves_its_record))
