/* How long the parser and the builder take, in nanoseconds of one core: the best of many short batches, which other
 * work on the machine disturbs least, and the middle one. Build with -O2; `meson test -C build --benchmark -v` runs it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sip/sip_build.h"
#include "sip/sip_digest_compute.h"
#include "sip/sip_message.h"

#define BATCHES     4001
#define BATCH_TURNS 100

static const char invite[] =
    "INVITE sip:1002@198.51.100.7:5060;transport=udp SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-524287-1---3b2a9d1c7f6e5a48;rport\r\n"
    "Max-Forwards: 70\r\n"
    "Contact: <sip:1001@192.0.2.10:5062;ob>\r\n"
    "To: <sip:1002@198.51.100.7>\r\n"
    "From: \"Alice Example\" <sip:1001@198.51.100.7>;tag=8f3b2c1d\r\n"
    "Call-ID: 86312ZTk1ZmE4MzQ1NjM0ZDQ5YjM5ZGE2NTk\r\n"
    "CSeq: 1 INVITE\r\n"
    "Session-Expires: 600\r\n"
    "Min-SE: 90\r\n"
    "Allow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER, MESSAGE, OPTIONS\r\n"
    "Content-Type: application/sdp\r\n"
    "Supported: replaces, 100rel, timer, norefersub\r\n"
    "User-Agent: Example Phone 5.10.3 build 36\r\n"
    "Content-Length: 193\r\n\r\n"
    "v=0\r\no=- 3808741297 3808741297 IN IP4 192.0.2.10\r\ns=phone\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n";

static struct sip_message message;
static char memory[4096];

static void parse(void) {
  struct sip_defect defect;
  if (sip_message_parse(str_view_of(invite, sizeof invite - 1), &message, &defect) == RESULT_OK) return;
  fprintf(stderr, "the INVITE is refused: %s\n", defect.rule);
  exit(1);
}

static void build_response(void) {
  struct address source = {.ip = {192, 0, 2, 10}, .port = 5062, .family = ADDRESS_IPV4};
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  sip_build_status_line(&builder, 180, (struct str_view){0});
  sip_build_response_block(&builder, &message, &source, STR_VIEW("8f3b2c1d"));
  sip_build_end(&builder, (struct str_view){0}, (struct str_view){0});
}

static void check_digest(enum sip_digest_algorithm algorithm) {
  struct sip_digest digest = {.username = STR_VIEW("1001"),
                              .nonce = STR_VIEW("dcd98b7102dd2f0e8b11d0f600bfb0c093"),
                              .uri = STR_VIEW("sip:198.51.100.7"),
                              .response = STR_VIEW("00000000000000000000000000000000"),
                              .cnonce = STR_VIEW("0a4f113b"),
                              .qop = STR_VIEW("auth"),
                              .nonce_count_text = STR_VIEW("00000001"),
                              .has_nonce_count = true,
                              .algorithm = algorithm};
  if (sip_digest_matches(&digest, STR_VIEW("939e7578ed9e3c518a452acee763bce9"), STR_VIEW("REGISTER"))) exit(1);
}

static void check_md5(void) {
  check_digest(SIP_DIGEST_MD5);
}

static void check_sha256(void) {
  check_digest(SIP_DIGEST_SHA256);
}

static double now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int compare(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

static void measure(const char *name, void (*work)(void)) {
  static double batches[BATCHES];
  for (unsigned i = 0; i < BATCHES; i++) {
    double start = now_ns();
    for (unsigned turn = 0; turn < BATCH_TURNS; turn++)
      work();
    batches[i] = (now_ns() - start) / BATCH_TURNS;
  }
  qsort(batches, BATCHES, sizeof batches[0], compare);
  printf("%-28s best %7.1f ns   middle %7.1f ns\n", name, batches[0], batches[BATCHES / 2]);
}

int main(void) {
  printf("INVITE of %zu bytes\n", sizeof invite - 1);
  measure("parse INVITE", parse);
  measure("build 180 response", build_response);
  measure("check digest, MD5", check_md5);
  measure("check digest, SHA-256", check_sha256);
  return 0;
}
