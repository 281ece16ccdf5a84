/* Two bytes an act: what a caller, two vendors and a forked device do and say next, in any order, sense or not. However
 * it goes, the rooms' invariants hold after every event, each attempt leaves one record, and in the end time empties
 * the switch. */
#include "switch/switch_bench.h"

#define ACTS_MAX     40
#define ATTEMPTS_MAX 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char broken[] = "v=0\r\nno session\r\n";
static const char *const bodies[] = {NULL, OFFER, HOLD, ANSWER, HELD, broken, NULL, OFFER};
static const char *const methods[] = {"BYE",   "INVITE", "UPDATE",  "INFO",      "PRACK",    "OPTIONS",
                                      "REFER", "NOTIFY", "MESSAGE", "SUBSCRIBE", "NONSENSE", "INVITE"};
static const unsigned statuses[] = {100, 180, 183, 183, 200, 200, 486, 503, 302, 481, 491, 600, 199, 200, 408, 500};
static const int64_t waits_ms[] = {10, 500, 4000, 33000, 130000, 600, 10000, 20000};

struct play {
  struct bench *bench;
  struct peer *caller, *a, *b, *fork;
  unsigned attempts, rseq;
};

static struct bench *the_bench(void) {
  static struct bench *bench;
  if (!bench) bench = bench_create();
  bench->sent_count = bench->record_count = bench->peer_count = 0;
  memset(bench->peers, 0, sizeof bench->peers);
  random_seed(&bench->random, (struct siphash_key){7, 11});
  return bench;
}

static struct peer *one_of(struct play *play, unsigned number) {
  struct peer *peers[] = {play->caller, play->a, play->b, play->fork};
  return peers[number % 4];
}

/* Everybody reads what came, and the fork hears what the first vendor hears. */
static void read_all(struct play *play) {
  (void)peer_skip(play->caller);
  (void)peer_skip(play->a);
  (void)peer_skip(play->b);
  memcpy(play->fork->invite, play->a->invite, sizeof play->fork->invite);
  memcpy(play->fork->call_id, play->a->call_id, sizeof play->fork->call_id);
  memcpy(play->fork->target, play->a->target, sizeof play->fork->target);
  memcpy(play->fork->remote_tag, play->a->remote_tag, sizeof play->fork->remote_tag);
  play->bench->sent_count = 0;
}

static void add_lines(struct play *play, struct peer *peer, unsigned bits) {
  char line[64];
  if (bits & 16) peer_add(peer, "Supported: 100rel\r\nAllow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE\r\n");
  if (!(bits & 32)) return;
  snprintf(line, sizeof line, "Require: 100rel\r\nRSeq: %u\r\n", ++play->rseq);
  peer_add(peer, line);
}

static void new_attempt(struct play *play, unsigned bits) {
  struct peer *caller = play->caller;
  if (play->attempts == ATTEMPTS_MAX) return;
  snprintf(caller->call_id, sizeof caller->call_id, "attempt-%u-%lld", ++play->attempts,
           (long long)play->bench->context.now.value);
  caller->remote_tag[0] = '\0';
  if (bits & 64)
    peer_add(caller, "Require: 100rel\r\n");
  else
    add_lines(play, caller, bits & 16);
  peer_invite(caller, "4420", bodies[bits % 5]); /* a broken description is refused, with a record as well */
}

static void request(struct play *play, struct peer *peer, unsigned bits) {
  const char *method = methods[bits % 12];
  char line[64];
  /* Without a dialog of ours an INVITE would be a further attempt, or a stranger's. */
  if (!peer->remote_tag[0]) return;
  snprintf(line, sizeof line, "RAck: %u %u INVITE\r\n", play->rseq, peer->invite_cseq);
  if (strcmp(method, "PRACK") == 0) peer_add(peer, line);
  if (strcmp(method, "REFER") == 0) peer_add(peer, "Refer-To: <sip:1@192.0.2.1>\r\n");
  peer_request(peer, method, bodies[bits / 16 % 8]);
}

/* PRACK for what the caller really got. */
static void prack(struct play *play, unsigned bits) {
  struct peer *caller = play->caller;
  char line[128];
  for (unsigned i = 0; i < play->bench->sent_count; i++) {
    const char *text = play->bench->sent[i].text;
    if (!*header_of(text, "RSeq")) continue;
    snprintf(line, sizeof line, "RAck: %.20s %u INVITE\r\n", header_of(text, "RSeq"), caller->invite_cseq);
    (void)peer_skip(caller);
    peer_add(caller, line);
    peer_request(caller, "PRACK", bodies[bits % 8]);
    return;
  }
}

static void act(struct play *play, unsigned what, unsigned bits) {
  struct peer *peer = one_of(play, what / 16);
  char id[64];
  switch (what % 16) {
  case 0: new_attempt(play, bits); return;
  case 1:
  case 2:
  case 3:
    if (!peer->invite[0]) return;
    add_lines(play, peer, bits);
    peer_respond(peer, statuses[bits % 16], bodies[bits / 32]);
    prack(play, bits);
    return;
  case 4:
  case 5:
    if (peer->request[0]) peer_reply(peer, statuses[bits % 16], bodies[bits / 32]);
    return;
  case 6:
  case 7: peer_ack(peer, bodies[bits % 8]); return;
  case 8:
    if (play->caller->invite_branch[0]) peer_cancel(play->caller);
    return;
  case 9:
  case 10:
  case 11: request(play, peer, bits); return;
  case 12: bench_advance(play->bench, waits_ms[bits % 8]); return;
  case 13: bench_handle(play->bench, &(struct event){.kind = EVENT_CONNECTION_CLOSED, .flow = peer->flow}); return;
  case 14:
    bench_order(play->bench, ORDER_LIST_CALLS, "");
    cut(id, sizeof id, play->bench->order_answer, "\"id\":\"", "\"");
    bench_order(play->bench, ORDER_HANGUP_CALL, id);
    return;
  default: play->bench->context.overloaded = false; return;
  }
}

static void expect_empty(struct play *play) {
  struct bench *bench = play->bench;
  struct switch_core_counts counts;
  for (unsigned i = 0; i < 60 && (i < 1 || bench->wheel.armed_count > 0); i++) {
    bench_advance(bench, 130000);
    read_all(play);
    /* A call that stands for ever is hung up by its operator, who gets no answers any more. */
    if (i == 3) act(play, 14, 0);
    if (i > 3 && i < 10) act(play, 14, 0);
  }
  switch_core_count(bench->core, &bench->context, &counts);
  require(counts.calls == 0 && counts.dialogs == 0 && counts.transactions == 0 && counts.timers == 0);
  require(call_leg_count(bench->core->calls) == 0 && bench->core->blocks.bytes_used == 0);
  for (unsigned i = 0; i < BENCH_USAGE_MAX; i++)
    require(bench->usage[i] == 0);
  require(bench->record_count == play->attempts);
  require(check_broken_count() == 0 && !tap_current_failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bench *bench = the_bench();
  struct play play = {.bench = bench};
  play.caller = peer_at(bench, CUSTOMER);
  play.a = peer_at(bench, VENDOR_A);
  play.b = peer_at(bench, VENDOR_B);
  play.fork = peer_at(bench, VENDOR_A);
  new_attempt(&play, size > 0 ? data[0] : 1);
  read_all(&play);
  for (size_t at = 1; at + 1 < size && at < 2 * ACTS_MAX; at += 2) {
    act(&play, data[at], data[at + 1]);
    read_all(&play);
  }
  expect_empty(&play);
  return 0;
}
