/* A world for the room's tests: a clock that is turned by hand, an outbox whose messages are kept with the time of
 * their sending, and every step of every machine written down. After each event the layer's invariants are checked. */
#ifndef TRANSACTION_TRANSACTION_RIG_H
#define TRANSACTION_TRANSACTION_RIG_H

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <tap.h>

#include "base/check.h"
#include "parameters/parameters.h"
#include "transaction/transaction.h"
#include "transaction/transaction_private.h"

#define RIG_SENT_MAX 512
#define RIG_NEWS_MAX 128
#define RIG_TEXT_MAX 8192

struct rig_sent {
  bool waits;    /* for the journal */
  int64_t at_ms; /* since the rig's start */
  struct flow flow;
  char text[RIG_TEXT_MAX];
};

struct rig {
  struct context context;
  struct timer_wheel wheel;
  struct arena arena;
  struct outbox outbox;
  struct outbox_entry entries[256];
  struct counters counters;
  struct parameters parameters;
  struct local_identity local;
  struct random random;
  struct block_store blocks;
  struct transaction_layer *layer;
  void *layer_memory, *blocks_memory, *arena_memory, *outbox_memory;
  struct rig_sent sent[RIG_SENT_MAX];
  unsigned sent_count;
  struct transaction_news news[RIG_NEWS_MAX];
  unsigned news_count;
  int64_t started_ms;
  void (*carry)(void *argument, const struct outbox_entry *entry); /* takes what is sent, instead of `sent` */
  void *carry_argument;
  void (*keep)(const struct outbox_entry *entry); /* takes what the journal is told; may be NULL */
  unsigned alarms;
  char alarm[400]; /* the latest */
};

/* Which rows were ever taken, by all tests of a program. */
static bool rig_rows_taken[TRANSACTION_MACHINE_COUNT][TRANSACTION_STATE_COUNT][TRANSACTION_EVENT_COUNT];

static inline void rig_see(void *argument, const struct transaction *transaction, enum transaction_event event) {
  (void)argument;
  rig_rows_taken[transaction->machine][transaction->state][event] = true;
}

static inline void *rig_memory(size_t bytes) {
  void *memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
  require(memory);
  return memset(memory, 0, bytes);
}

static inline struct address rig_address(const char *text) {
  struct address address;
  require(address_parse(str_view_from_c(text), 5060, &address) == RESULT_OK);
  return address;
}

static inline struct flow rig_flow(enum transport transport, const char *remote, uint32_t connection) {
  return (struct flow){.remote = rig_address(remote),
                       .connection = connection,
                       .transport = (uint8_t)transport,
                       .socket_index = transport == TRANSPORT_TCP ? 1 : 0};
}

static inline void rig_add_socket(struct rig *rig, enum transport transport, const char *address) {
  struct local_socket *socket_out = &rig->local.sockets[rig->local.socket_count++];
  socket_out->bound = socket_out->advertised = rig_address(address);
  socket_out->transport = (uint8_t)transport;
}

/* `blocks_each`: slots of every block size. */
static inline struct rig *rig_create(uint32_t transactions_max, uint32_t blocks_each) {
  struct rig *rig = rig_memory(sizeof *rig);
  struct transaction_limits limits = {transactions_max};
  uint32_t capacity[BLOCK_STORE_CLASSES];
  for (unsigned i = 0; i < BLOCK_STORE_CLASSES; i++)
    capacity[i] = i < BLOCK_16384 || blocks_each < 16 ? blocks_each : 16; /* the two largest sizes are rarely wanted */
  rig->blocks_memory = rig_memory(block_store_memory_bytes(capacity));
  block_store_init(&rig->blocks, rig->blocks_memory, capacity);
  rig->layer_memory = rig_memory(transaction_layer_memory_bytes(&limits));
  rig->layer = transaction_layer_create(rig->layer_memory, &limits, &rig->blocks);
  rig->layer->watcher = (struct transaction_watcher){rig_see, NULL};
  rig->arena_memory = rig_memory(1 << 20);
  arena_init(&rig->arena, rig->arena_memory, 1 << 20);
  rig->outbox_memory = rig_memory(1 << 20);
  outbox_init(&rig->outbox, rig->entries, 256, rig->outbox_memory, 1 << 20);
  random_seed(&rig->random, (struct siphash_key){1, 2});
  parameters_set_defaults(&rig->parameters);
  rig->local.worker = 3;
  rig->local.worker_count = 4;
  rig_add_socket(rig, TRANSPORT_UDP, "192.0.2.1:5060");
  rig_add_socket(rig, TRANSPORT_TCP, "192.0.2.1:5060");
  rig->started_ms = 1000000;
  rig->context = (struct context){.now = {rig->started_ms},
                                  .random = &rig->random,
                                  .wheel = &rig->wheel,
                                  .arena = &rig->arena,
                                  .outbox = &rig->outbox,
                                  .counters = &rig->counters,
                                  .parameters = &rig->parameters,
                                  .local = &rig->local};
  timer_wheel_init(&rig->wheel, rig->context.now);
  return rig;
}

static inline void rig_destroy(struct rig *rig) {
  free(rig->blocks_memory);
  free(rig->layer_memory);
  free(rig->arena_memory);
  free(rig->outbox_memory);
  free(rig);
}

static inline int64_t rig_now_ms(const struct rig *rig) {
  return rig->context.now.value - rig->started_ms;
}

/* Ends one event: what was sent is written down, the arena is reset, the layer is checked. */
static inline void rig_end_event(struct rig *rig) {
  for (uint32_t i = 0; i < rig->outbox.entry_count; i++) {
    const struct outbox_entry *entry = &rig->outbox.entries[i];
    if (rig->keep && entry->kind == OUTBOX_JOURNAL) rig->keep(entry);
    if (entry->kind == OUTBOX_ALARM) {
      rig->alarms++;
      snprintf(rig->alarm, sizeof rig->alarm, "%.*s", (int)entry->bytes.length, entry->bytes.data);
    }
    if (rig->carry && entry->kind == OUTBOX_SEND) rig->carry(rig->carry_argument, entry);
    if (rig->carry || entry->kind != OUTBOX_SEND || rig->sent_count == RIG_SENT_MAX ||
        entry->bytes.length >= RIG_TEXT_MAX)
      continue;
    struct rig_sent *sent = &rig->sent[rig->sent_count++];
    sent->at_ms = rig_now_ms(rig);
    sent->flow = entry->flow;
    memcpy(sent->text, entry->bytes.data, entry->bytes.length);
    sent->text[entry->bytes.length] = '\0';
  }
  outbox_reset(&rig->outbox);
  arena_reset(&rig->arena);
  char memory[256];
  struct text_builder problem = text_builder_over(memory, sizeof memory);
  static unsigned long broken_before;
  unsigned long broken = check_broken_count() - broken_before;
  broken_before += broken;
  if (transaction_layer_check(rig->layer, &problem) && broken == 0) return;
  printf("# invariant: %.*s, %lu broken\n", (int)problem.length, memory, broken);
  tap_fail(__FILE__, __LINE__, "the layer's invariants hold");
}

static inline struct transaction_news rig_note_news(struct rig *rig, struct transaction_news news) {
  if (news.kind != TRANSACTION_NEWS_NONE && rig->news_count < RIG_NEWS_MAX) rig->news[rig->news_count++] = news;
  return news;
}

/* The kind of the latest news, forgetting it; NONE when there is none. */
static inline enum transaction_news_kind rig_last_news(struct rig *rig) {
  return rig->news_count ? rig->news[--rig->news_count].kind : TRANSACTION_NEWS_NONE;
}

/* Turns the clock to `until_ms` since the start, handing out each timer at its tick. */
static inline void rig_run_until(struct rig *rig, int64_t until_ms) {
  while (rig_now_ms(rig) < until_ms) {
    int64_t wake_ms = timer_wheel_next_wake(&rig->wheel).value - rig->started_ms;
    int64_t next_ms = wake_ms > rig_now_ms(rig) ? wake_ms : rig_now_ms(rig) + TIMER_WHEEL_TICK_MS;
    rig->context.now.value = rig->started_ms + (next_ms < until_ms ? next_ms : until_ms);
    timer_wheel_advance(&rig->wheel, rig->context.now);
    struct timer *timer;
    while ((timer = timer_wheel_next_due(&rig->wheel)) != NULL) {
      rig_note_news(rig, transaction_timer_due(rig->layer, &rig->context, timer));
      rig_end_event(rig);
    }
  }
}

/* Lets the clock stand still and jump, as when the loop was held up. */
static inline void rig_jump(struct rig *rig, int64_t ms) {
  rig->context.now.value += ms;
  timer_wheel_advance(&rig->wheel, rig->context.now);
  struct timer *timer;
  while ((timer = timer_wheel_next_due(&rig->wheel)) != NULL) {
    rig_note_news(rig, transaction_timer_due(rig->layer, &rig->context, timer));
    rig_end_event(rig);
  }
}

static inline void rig_run(struct rig *rig, int64_t ms) {
  rig_run_until(rig, rig_now_ms(rig) + ms);
}

/* Hands a message in. The text is read from a copy with the slack that a parser may read. */
static inline struct transaction_news rig_receive(struct rig *rig, const struct flow *flow, const char *text) {
  static char copy[RIG_TEXT_MAX + 64];
  size_t length = strlen(text);
  require(length < RIG_TEXT_MAX);
  memcpy(copy, text, length);
  memset(copy + length, 0, 64);
  struct sip_message message;
  struct sip_defect defect;
  if (sip_message_parse(str_view_of(copy, length), &message, &defect) != RESULT_OK) {
    printf("# %s\n%s\n", defect.rule, text);
    tap_fail(__FILE__, __LINE__, "the test's message is well-formed");
    return (struct transaction_news){0};
  }
  struct transaction_news news = rig_note_news(rig, transaction_receive(rig->layer, &rig->context, &message, flow));
  if (news.kind == TRANSACTION_NEWS_REQUEST && handle_is_none(news.transaction)) /* a REGISTER */
    (void)!transaction_accept(rig->layer, &rig->context, &message, flow, &news.transaction);
  rig_end_event(rig);
  return news;
}

static inline struct transaction *rig_get(const struct rig *rig, struct handle handle) {
  return transaction_table_get(rig->layer, handle);
}

static inline unsigned rig_state(const struct rig *rig, struct handle handle) {
  const struct transaction *transaction = rig_get(rig, handle);
  return transaction ? transaction->state : TRANSACTION_TERMINATED;
}

static inline const char *rig_last_sent(const struct rig *rig) {
  return rig->sent_count ? rig->sent[rig->sent_count - 1].text : "";
}

static inline bool rig_contains(const char *text, const char *part) {
  return strstr(text, part) != NULL;
}

/* True when the sending times of messages `first` and on are exactly these. */
static inline bool rig_sent_at(const struct rig *rig, unsigned first, const int64_t *times_ms, unsigned count) {
  bool same = rig->sent_count == first + count;
  for (unsigned i = 0; same && i < count; i++)
    same = rig->sent[first + i].at_ms == times_ms[i];
  if (same) return true;
  for (unsigned i = first; i < rig->sent_count; i++)
    printf("# sent at %lld ms: %.30s\n", (long long)rig->sent[i].at_ms, rig->sent[i].text);
  return false;
}

#define expect_sent_at(rig, first, ...)                                                                                \
  do {                                                                                                                 \
    static const int64_t rig_times[] = {__VA_ARGS__};                                                                  \
    expect(rig_sent_at((rig), (first), rig_times, sizeof rig_times / sizeof rig_times[0]));                            \
  } while (0)

/* --- as client --------------------------------------------------------------------------------------------------- */

struct rig_client {
  struct handle handle;
  char branch[64];
  const char *method;
};

static const struct transaction_owner rig_owner = {.kind = TRANSACTION_OWNER_CALL, .handle = {7, 9}, .detail = 42};

/* Takes a slot and a branch; rig_send_begun sends the request with `body_bytes` bytes of body. */
static inline struct rig_client rig_begin(struct rig *rig, const char *method, const struct flow *flow) {
  struct rig_client client = {.method = method};
  struct str_view branch;
  enum result result = transaction_begin(rig->layer, &rig->context, sip_method_from_text(str_view_from_c(method)), flow,
                                         rig_owner, &client.handle, &branch);
  if (result == RESULT_OK) snprintf(client.branch, sizeof client.branch, "%.*s", (int)branch.length, branch.data);
  return client;
}

static inline void rig_send_begun(struct rig *rig, const struct rig_client *begun, const struct flow *flow,
                                  unsigned body_bytes) {
  const char *method = begun->method;
  char text[RIG_TEXT_MAX];
  int length = snprintf(text, sizeof text,
                        "%s sip:bob@example.com SIP/2.0\r\n"
                        "Via: SIP/2.0/%s 192.0.2.1:5060;branch=%s;rport\r\n"
                        "Max-Forwards: 70\r\n"
                        "Route: <sip:p1.example.com;lr>\r\nRoute: <sip:p2.example.com;lr>\r\n"
                        "From: <sip:alice@example.com>;tag=ours\r\nTo: <sip:bob@example.com>\r\n"
                        "Call-ID: call-1\r\nCSeq: 17 %s\r\nRequire: 100rel\r\n"
                        "Proxy-Authorization: Digest username=\"a\"\r\n"
                        "Content-Length: %u\r\n\r\n%*s",
                        method, flow->transport == TRANSPORT_TCP ? "TCP" : "UDP", begun->branch, method, body_bytes,
                        (int)body_bytes, "");
  expect_int(transaction_send(rig->layer, &rig->context, begun->handle, str_view_of(text, (size_t)length)), ==,
             RESULT_OK);
  rig_end_event(rig);
}

static inline struct rig_client rig_send_sized(struct rig *rig, const char *method, const struct flow *flow,
                                               unsigned body_bytes) {
  struct rig_client client = rig_begin(rig, method, flow);
  if (*client.branch) rig_send_begun(rig, &client, flow, body_bytes);
  return client;
}

static inline struct rig_client rig_send(struct rig *rig, const char *method, const struct flow *flow) {
  return rig_send_sized(rig, method, flow, 0);
}

/* A response to the client's request, with CSeq method `method`. */
static inline struct transaction_news rig_response_to(struct rig *rig, const struct flow *flow, const char *branch,
                                                      const char *method, unsigned status, const char *to_tag) {
  char text[RIG_TEXT_MAX];
  snprintf(text, sizeof text,
           "SIP/2.0 %u Whatever\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=%s;rport=5060;received=192.0.2.1\r\n"
           "From: <sip:alice@example.com>;tag=ours\r\nTo: <sip:bob@example.com>;tag=%s\r\n"
           "Call-ID: call-1\r\nCSeq: 17 %s\r\nContent-Length: 0\r\n\r\n",
           status, branch, to_tag, method);
  return rig_receive(rig, flow, text);
}

static inline struct transaction_news rig_response(struct rig *rig, const struct flow *flow,
                                                   const struct rig_client *client, unsigned status) {
  return rig_response_to(rig, flow, client->branch, client->method, status, "theirs");
}

static inline void rig_cancel(struct rig *rig, const struct rig_client *client) {
  transaction_cancel(rig->layer, &rig->context, client->handle, STR_VIEW("Reason: SIP ;cause=487\r\n"));
  rig_end_event(rig);
}

/* --- as server --------------------------------------------------------------------------------------------------- */

/* What the tests vary in a request; empty or 0: as usual. */
struct rig_request {
  const char *method;
  const char *via; /* whole value */
  const char *uri;
  const char *from_tag;
  const char *to_tag; /* empty: none */
  const char *call_id;
  unsigned cseq;
};

static inline void rig_request_text(const struct rig_request *request, char *text, size_t size) {
  snprintf(text, size,
           "%s %s SIP/2.0\r\nVia: %s\r\nVia: SIP/2.0/UDP 198.51.100.9;branch=z9hG4bKbelow\r\nMax-Forwards: 70\r\n"
           "From: <sip:carol@example.com>;tag=%s\r\nTo: <sip:dave@example.com>%s%s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n"
           "Timestamp: 54\r\nContent-Length: 0\r\n\r\n",
           request->method, request->uri ? request->uri : "sip:dave@192.0.2.1",
           request->via ? request->via : "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKone",
           request->from_tag ? request->from_tag : "caller", request->to_tag ? ";tag=" : "",
           request->to_tag ? request->to_tag : "", request->call_id ? request->call_id : "call-2",
           request->cseq ? request->cseq : 5, request->method);
}

static inline struct transaction_news rig_request(struct rig *rig, const struct flow *flow,
                                                  const struct rig_request *request) {
  char text[RIG_TEXT_MAX];
  rig_request_text(request, text, sizeof text);
  return rig_receive(rig, flow, text);
}

static inline struct transaction_news rig_request_of(struct rig *rig, const struct flow *flow, const char *method) {
  const struct rig_request request = {.method = method};
  return rig_request(rig, flow, &request);
}

static inline enum result rig_respond(struct rig *rig, struct handle handle, unsigned status) {
  enum result result =
      transaction_respond_simple(rig->layer, &rig->context, handle, status, STR_VIEW("us"), (struct str_view){0});
  rig_end_event(rig);
  return result;
}

/* Fails the running test for each row of a machine's table that no test has taken. */
static inline void rig_expect_all_rows_taken(enum transaction_machine_kind kind,
                                             const struct transaction_machine *machine) {
  for (unsigned state = 0; state < TRANSACTION_STATE_COUNT; state++)
    for (unsigned event = 0; event < TRANSACTION_EVENT_COUNT; event++)
      if (machine->rows[state][event].act && !rig_rows_taken[kind][state][event]) {
        printf("# state %u, event %u\n", state, event);
        tap_fail(__FILE__, __LINE__, "every row has been taken");
      }
}

#endif
