/* A small test bench around the whole middle: a clock that is turned by hand, and peers that speak SIP text. What the
 * switch sends is kept until a peer expects it. Readable scenarios of a few calls; the simulator (tests/sim) does the
 * rest.
 *
 *   struct bench *bench = bench_create();
 *   struct peer *caller = peer_at(bench, CUSTOMER), *callee = peer_at(bench, VENDOR_A);
 *   peer_invite(caller, "4420", OFFER);
 *   peer_expect(callee, "INVITE");
 *   peer_respond(callee, 200, ANSWER);
 *   …
 *   bench_end(bench);      nothing may be left: calls, legs, dialogs, transactions, timers, blocks, capacity */
#ifndef SWITCH_SWITCH_BENCH_H
#define SWITCH_SWITCH_BENCH_H

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <tap.h>

#include "base/check.h"
#include "cdr/cdr_record.h"
#include "directory/directory.h"
#include "parameters/parameters.h"
#include "sip/sip_digest_compute.h"
#include "sip/sip_header_values.h"
#include "switch/switch_private.h"

#define SWITCH_ADDRESS "192.0.2.1:5060"
#define CUSTOMER       "198.51.100.10:5060"
#define CUSTOMER_B     "198.51.100.11:5060"
#define VENDOR_A       "203.0.113.20:5060"
#define VENDOR_B       "203.0.113.21:5060"
#define PHONE_A        "198.51.100.101:5061"
#define PHONE_B        "198.51.100.102:5062"
#define STRANGER       "198.51.100.66:5060"

#define BENCH_SENT_MAX    800
#define BENCH_RECORDS_MAX 32
#define BENCH_TEXT_MAX    8192
#define BENCH_TEXT_BYTES  (BENCH_TEXT_MAX + 64) /* with what the parser wants to be readable behind it */
#define BENCH_PEERS_MAX   8
#define BENCH_DEVICES_MAX 16
#define BENCH_USAGE_MAX   64

struct bench_message {
  struct flow flow;
  int64_t at_ms;
  bool taken, waits;
  size_t length;
  char text[BENCH_TEXT_BYTES];
};

struct bench;

/* One end of one dialog with the switch. */
struct peer {
  struct bench *bench;
  struct flow flow; /* where messages of this peer come from */
  char local_uri[128], remote_uri[128];
  char host[64]; /* what it takes for its own address; empty: what it really is */
  char local_tag[64], remote_tag[64], call_id[128];
  char target[256]; /* Request-URI of its requests: the switch's Contact */
  char route_lines[512];
  uint32_t cseq, invite_cseq;
  unsigned branch_count;
  char last_branch[64], invite_branch[64];
  char extra[1024];               /* header lines for the next message only */
  char *got;                      /* the message last expected; NULL: none came */
  char request[BENCH_TEXT_BYTES]; /* the last request that waits for an answer of this peer */
  char invite[BENCH_TEXT_BYTES];  /* the INVITE that does */
};

struct bench {
  struct context context;
  struct timer_wheel wheel;
  struct arena arena;
  struct outbox outbox;
  struct outbox_entry entries[512];
  struct counters counters;
  struct parameters parameters;
  struct local_identity local;
  struct random random;
  struct switch_core *core;
  void *core_memory, *arena_memory, *outbox_memory, *directory_memory;
  struct device devices[BENCH_DEVICES_MAX];
  struct gateway gateways[BENCH_DEVICES_MAX];
  size_t device_count;
  uint32_t usage[BENCH_USAGE_MAX];
  struct bench_message sent[BENCH_SENT_MAX];
  unsigned sent_count;
  char record_bytes[BENCH_RECORDS_MAX][4096];
  struct cdr_record records[BENCH_RECORDS_MAX];
  unsigned record_count;
  struct journal_key journal_key; /* what the journal was told last of a call */
  uint8_t journal_owed;           /* by a call whose record was handed on */
  unsigned journal_puts, journal_notes, journal_drops;
  enum journal_haste journal_haste;
  size_t state_length, note_length;
  char state[16384], note[512];
  unsigned kept_devices; /* lines of OUTBOX_KEEP_DEVICE */
  unsigned leg_notes;    /* how often the recorder was told whose a Call-ID is */
  unsigned alarms;       /* lines of OUTBOX_ALARM */
  char alarm[512];       /* the last of them */
  char order_answer[BENCH_TEXT_MAX];
  enum result order_result;
  struct handle asker; /* of OUTBOX_ASK_LOCATION */
  uint8_t asked_worker;
  bool asked;
  struct peer peers[BENCH_PEERS_MAX];
  unsigned peer_count;
  unsigned long broken_before;
  int64_t started_ms;
};

/* --- making ------------------------------------------------------------------------------------------------------ */

static inline void *bench_memory(size_t bytes) {
  void *memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
  require(memory);
  return memset(memory, 0, bytes);
}

static inline struct address bench_address(const char *text) {
  struct address address;
  require(address_parse(str_view_from_c(text), 5060, &address) == RESULT_OK);
  return address;
}

static inline struct device *bench_add_gateway(struct bench *bench, enum device_kind kind, const char *name,
                                               const char *address) {
  struct gateway *gateway = &bench->gateways[bench->device_count];
  struct device *device = &bench->devices[bench->device_count++];
  device_set_defaults(device, kind);
  gateway_set_defaults(gateway);
  device->name = str_view_from_c(name);
  device->gateway = gateway;
  gateway->addresses[0] = bench_address(address);
  gateway->address_count = 1;
  return device;
}

static inline struct gateway *bench_gateway(struct bench *bench, const struct device *device) {
  return &bench->gateways[device - bench->devices];
}

static inline struct device *bench_add_vendor(struct bench *bench, const char *name, const char *address,
                                              uint16_t priority) {
  static const struct str_view any[] = {STR_VIEW_LITERAL("*")};
  struct device *device = bench_add_gateway(bench, DEVICE_ROUTING_GATEWAY, name, address);
  struct gateway *gateway = bench_gateway(bench, device);
  gateway->prefixes = any;
  gateway->prefix_count = 1;
  gateway->priority = priority;
  return device;
}

/* The password of every phone is "secret". */
static inline struct device *bench_add_phone(struct bench *bench, const char *number) {
  struct device *device = &bench->devices[bench->device_count++];
  struct str_view name = str_view_from_c(number), realm = STR_VIEW("belfry"), password = STR_VIEW("secret");
  device_set_defaults(device, DEVICE_PHONE);
  device->name = name;
  memcpy(device->ha1_md5, sip_digest_ha1(SIP_DIGEST_MD5, name, realm, password).text, 32);
  memcpy(device->ha1_sha256, sip_digest_ha1(SIP_DIGEST_SHA256, name, realm, password).text, 64);
  return device;
}

/* Makes the directory from the devices as they stand; may be called again after changing them. */
static inline void bench_apply(struct bench *bench) {
  char memory[256];
  struct text_builder problem = text_builder_over(memory, sizeof memory);
  void *fresh = bench_memory(directory_memory_bytes(bench->devices, bench->device_count));
  bench->context.directory = directory_build(fresh, bench->devices, bench->device_count, STR_VIEW("belfry"),
                                             bench->context.directory, bench->usage, BENCH_USAGE_MAX, &problem);
  require(bench->context.directory);
  free(bench->directory_memory);
  bench->directory_memory = fresh;
}

static inline void bench_add_socket(struct bench *bench, enum transport transport) {
  struct local_socket *local_socket = &bench->local.sockets[bench->local.socket_count++];
  local_socket->bound = local_socket->advertised = bench_address(SWITCH_ADDRESS);
  local_socket->transport = (uint8_t)transport;
}

/* A bare switch with room for `calls_max` calls; devices are added and applied by the test. */
static inline struct bench *bench_create_bare(uint32_t calls_max) {
  struct bench *bench = bench_memory(sizeof *bench);
  struct switch_limits limits = {.calls_max = calls_max, .registrations_max = 64, .transactions_max = 512};
  bench->core_memory = bench_memory(switch_core_memory_bytes(&limits));
  bench->core = switch_core_create(bench->core_memory, &limits);
  bench->arena_memory = bench_memory(4 << 20);
  arena_init(&bench->arena, bench->arena_memory, 4 << 20);
  bench->outbox_memory = bench_memory(2 << 20);
  outbox_init(&bench->outbox, bench->entries, 512, bench->outbox_memory, 2 << 20);
  random_seed(&bench->random, (struct siphash_key){7, 11});
  parameters_set_defaults(&bench->parameters);
  bench->local.worker_count = 1;
  bench->local.steering_key = (struct siphash_key){3, 5};
  bench->local.nonce_key = (struct siphash_key){13, 17};
  bench_add_socket(bench, TRANSPORT_UDP);
  bench->started_ms = 5000000;
  bench->broken_before = check_broken_count();
  bench->context = (struct context){.now = {bench->started_ms},
                                    .wall_now = {1795351872000000},
                                    .random = &bench->random,
                                    .wheel = &bench->wheel,
                                    .arena = &bench->arena,
                                    .outbox = &bench->outbox,
                                    .counters = &bench->counters,
                                    .parameters = &bench->parameters,
                                    .local = &bench->local};
  timer_wheel_init(&bench->wheel, bench->context.now);
  return bench;
}

/* One customer, two vendors for any number (a before b), phones 1001 and 1002. */
static inline struct bench *bench_create(void) {
  struct bench *bench = bench_create_bare(16);
  bench_add_gateway(bench, DEVICE_MAPPING_GATEWAY, "customer", CUSTOMER);
  bench_add_vendor(bench, "vendor-a", VENDOR_A, 1);
  bench_add_vendor(bench, "vendor-b", VENDOR_B, 2);
  bench_add_phone(bench, "1001");
  bench_add_phone(bench, "1002");
  bench_apply(bench);
  return bench;
}

static inline struct device *bench_device(struct bench *bench, const char *name) {
  for (size_t i = 0; i < bench->device_count; i++)
    if (str_view_equal(bench->devices[i].name, str_view_from_c(name))) return &bench->devices[i];
  check_failed(__FILE__, __LINE__, name);
}

/* Makes it a switch of two workers, of which this is the first and `number` is at home on the second. */
static inline void bench_move_phone(struct bench *bench, const char *number) {
  bench->local.worker_count = 2;
  while (local_identity_steer(&bench->local, str_view_from_c(number)) != 1)
    bench->local.steering_key.k0++;
}

/* The switch is killed and started again `ms` later, and knows nothing. */
static inline void bench_forget(struct bench *bench, int64_t ms) {
  struct switch_limits limits = {.calls_max = 16, .registrations_max = 64, .transactions_max = 512};
  memset(bench->core_memory, 0, switch_core_memory_bytes(&limits));
  memset(bench->usage, 0, sizeof bench->usage);
  bench->core = switch_core_create(bench->core_memory, &limits);
  bench->context.now.value += ms;
  bench->context.wall_now.value += ms * 1000;
  timer_wheel_init(&bench->wheel, bench->context.now);
}

/* All it knows then is what the journal has. */
static inline enum result bench_restart(struct bench *bench, int64_t ms) {
  bench_forget(bench, ms);
  struct journal_kept kept = {bench->journal_key, str_view_of(bench->state, bench->state_length),
                              str_view_of(bench->note, bench->note_length), bench->journal_owed};
  enum result result = switch_core_restore(bench->core, &bench->context, &kept);
  switch_core_restored(bench->core);
  return result;
}

/* --- time and events --------------------------------------------------------------------------------------------- */

static inline int64_t bench_now_ms(const struct bench *bench) {
  return bench->context.now.value - bench->started_ms;
}

static inline void bench_keep_sent(struct bench *bench, const struct outbox_entry *entry) {
  require(bench->sent_count < BENCH_SENT_MAX && entry->bytes.length < BENCH_TEXT_MAX);
  struct bench_message *message = &bench->sent[bench->sent_count++];
  *message = (struct bench_message){.flow = entry->flow, .at_ms = bench_now_ms(bench), .length = entry->bytes.length};
  message->waits = entry->waits;
  memcpy(message->text, entry->bytes.data, entry->bytes.length);
}

static inline void bench_keep_record(struct bench *bench, const struct outbox_entry *entry) {
  require(bench->record_count < BENCH_RECORDS_MAX && entry->bytes.length < 4096);
  bench->journal_owed = entry->owed;
  unsigned at = bench->record_count++;
  memcpy(bench->record_bytes[at], entry->bytes.data, entry->bytes.length);
  require(cdr_record_decode(str_view_of(bench->record_bytes[at], entry->bytes.length), &bench->records[at]) ==
          RESULT_OK);
}

static inline void bench_keep_journal(struct bench *bench, const struct outbox_entry *entry) {
  if (journal_key_thing(entry->key) != JOURNAL_CALL) return;
  bool is_put = entry->journal_kind == JOURNAL_PUT;
  bench->journal_key = entry->key;
  bench->journal_haste = (enum journal_haste)entry->journal_haste;
  bench->journal_puts += is_put;
  bench->journal_notes += entry->journal_kind == JOURNAL_NOTE;
  bench->journal_drops += entry->journal_kind == JOURNAL_DROP;
  require(entry->bytes.length <= (is_put ? sizeof bench->state : sizeof bench->note));
  if (entry->bytes.length > 0) memcpy(is_put ? bench->state : bench->note, entry->bytes.data, entry->bytes.length);
  *(is_put ? &bench->state_length : &bench->note_length) = entry->bytes.length;
  if (is_put) bench->note_length = 0;
}

static inline void bench_end_event(struct bench *bench) {
  for (uint32_t i = 0; i < bench->outbox.entry_count; i++) {
    const struct outbox_entry *entry = &bench->outbox.entries[i];
    if (entry->kind == OUTBOX_SEND) bench_keep_sent(bench, entry);
    if (entry->kind == OUTBOX_RECORD) bench_keep_record(bench, entry);
    if (entry->kind == OUTBOX_KEEP_DEVICE) bench->kept_devices++;
    if (entry->kind == OUTBOX_NOTE) bench->leg_notes += entry->note->kind == NOTE_LEG;
    if (entry->kind == OUTBOX_JOURNAL) bench_keep_journal(bench, entry);
    if (entry->kind == OUTBOX_ALARM) {
      bench->alarms++;
      snprintf(bench->alarm, sizeof bench->alarm, "%.*s", (int)entry->bytes.length, entry->bytes.data);
    }
    if (entry->kind == OUTBOX_ASK_LOCATION) {
      bench->asked = true;
      bench->asker = entry->asker;
      bench->asked_worker = entry->worker;
    }
    if (entry->kind != OUTBOX_ORDER_ANSWER) continue;
    bench->order_result = entry->result;
    if (entry->bytes.length > 0) memcpy(bench->order_answer, entry->bytes.data, entry->bytes.length);
    bench->order_answer[entry->bytes.length] = '\0';
  }
  outbox_reset(&bench->outbox);
  char memory[256];
  struct text_builder problem = text_builder_over(memory, sizeof memory);
  if (!switch_core_check(bench->core, &bench->context, &problem)) {
    printf("# %.*s\n", (int)problem.length, memory);
    tap_fail(__FILE__, __LINE__, "an invariant does not hold");
  }
}

static inline void bench_handle(struct bench *bench, const struct event *event) {
  switch_core_handle(bench->core, &bench->context, event);
  bench_end_event(bench);
}

static inline void bench_advance(struct bench *bench, int64_t milliseconds) {
  int64_t until = bench->context.now.value + milliseconds;
  while (bench->context.now.value < until) {
    int64_t next = timer_wheel_next_wake(&bench->wheel).value;
    if (next > until) next = until;
    if (next <= bench->context.now.value) next = bench->context.now.value + 1;
    bench->context.wall_now.value += (next - bench->context.now.value) * 1000;
    bench->context.now.value = next;
    switch_core_advance(bench->core, &bench->context);
    bench_end_event(bench);
  }
}

static inline void bench_order(struct bench *bench, enum order_kind order, const char *target) {
  bench_handle(bench, &(struct event){.kind = EVENT_ORDER,
                                      .order = order,
                                      .order_id = 1,
                                      .order_target = str_view_from_c(target),
                                      .order_by = STR_VIEW("test")});
}

/* --- the end ----------------------------------------------------------------------------------------------------- */

/* Nothing may be left once every timer of the protocol has run out (registrations among them). */
static inline void bench_end(struct bench *bench) {
  struct switch_core_counts counts;
  bench->sent_count = 0;
  bench_advance(bench, 2 * 3600 * 1000);
  switch_core_count(bench->core, &bench->context, &counts);
  expect_int(counts.calls, ==, 0);
  expect_int(counts.calls_answered, ==, 0);
  expect_int(call_leg_count(bench->core->calls), ==, 0);
  expect_int(counts.dialogs, ==, 0);
  expect_int(counts.transactions, ==, 0);
  expect_int(counts.registrations, ==, 0);
  expect_int(counts.timers, ==, 0);
  expect_int(bench->core->blocks.bytes_used, ==, 0);
  for (unsigned i = 0; i < BENCH_USAGE_MAX; i++)
    expect_int(bench->usage[i], ==, 0);
  expect_int(check_broken_count(), ==, bench->broken_before);
  free(bench->core_memory);
  free(bench->arena_memory);
  free(bench->outbox_memory);
  free(bench->directory_memory);
  free(bench);
}

/* --- reading messages -------------------------------------------------------------------------------------------- */

/* The value of the first header field of that name, "" when there is none. Valid until the next call but fourteen. */
static inline const char *header_of(const char *message, const char *name) {
  static char values[16][2048];
  static unsigned turn;
  char *value = values[turn++ % 16];
  size_t length = strlen(name);
  *value = '\0';
  for (const char *line = message ? strstr(message, "\r\n") : NULL; line; line = strstr(line, "\r\n")) {
    line += 2;
    if (*line == '\r') break;
    if (strncasecmp(line, name, length) != 0 || line[length] != ':') continue;
    const char *start = line + length + 1;
    while (*start == ' ')
      start++;
    size_t count = strcspn(start, "\r\n");
    if (count > 2047) count = 2047;
    memcpy(value, start, count);
    value[count] = '\0';
    break;
  }
  return value;
}

static inline const char *body_of(const char *message) {
  const char *blank = message ? strstr(message, "\r\n\r\n") : NULL;
  return blank ? blank + 4 : "";
}

/* What stands between `from` and the next of `ends` in a text. */
static inline void cut(char *out, size_t size, const char *text, const char *from, const char *ends) {
  const char *start = strstr(text, from);
  *out = '\0';
  if (!start) return;
  start += strlen(from);
  size_t count = strcspn(start, ends);
  if (count >= size) count = size - 1;
  memcpy(out, start, count);
  out[count] = '\0';
}

static inline bool is_response(const char *message) {
  return strncmp(message, "SIP/2.0 ", 8) == 0;
}

/* --- peers ------------------------------------------------------------------------------------------------------- */

static inline struct peer *peer_at(struct bench *bench, const char *address) {
  require(bench->peer_count < BENCH_PEERS_MAX);
  unsigned number = bench->peer_count++;
  struct peer *peer = &bench->peers[number];
  peer->bench = bench;
  peer->flow = (struct flow){.remote = bench_address(address), .transport = TRANSPORT_UDP};
  snprintf(peer->local_tag, sizeof peer->local_tag, "peer-%u", number);
  snprintf(peer->call_id, sizeof peer->call_id, "call-%u@peer", number);
  snprintf(peer->local_uri, sizeof peer->local_uri, "sip:90%u@peer.example", number);
  return peer;
}

static inline void peer_address(const struct peer *peer, char out[64]) {
  struct text_builder text = text_builder_over(out, 63);
  address_to_text(&peer->flow.remote, &text);
  out[text.length] = '\0';
}

static inline void bench_receive(struct bench *bench, const struct flow *flow, const char *text) {
  static char bytes[BENCH_TEXT_MAX * 8 + 64];
  size_t length = strlen(text);
  require(length < sizeof bytes - 64);
  memcpy(bytes, text, length);
  memset(bytes + length, 0, 64);
  bench_handle(bench, &(struct event){.kind = EVENT_MESSAGE, .flow = *flow, .bytes = str_view_of(bytes, length)});
}

static inline void peer_send_text(struct peer *peer, const char *text) {
  bench_receive(peer->bench, &peer->flow, text);
}

static inline void add_body(char *message, size_t size, const char *type, const char *body) {
  size_t length = strlen(message);
  if (body && *body) length += (size_t)snprintf(message + length, size - length, "Content-Type: %s\r\n", type);
  snprintf(message + length, size - length, "Content-Length: %zu\r\n\r\n%s", body ? strlen(body) : 0, body ? body : "");
}

/* A request in this peer's dialog (or a first one). `branch` NULL: a new one. */
static inline void peer_send_request(struct peer *peer, const char *method, uint32_t cseq, const char *branch,
                                     const char *body) {
  char message[BENCH_TEXT_MAX], address[64];
  const char *type = body && *body != 'v' && *body ? "text/plain" : "application/sdp";
  peer_address(peer, address);
  if (peer->host[0]) memcpy(address, peer->host, sizeof address);
  if (!branch) {
    snprintf(peer->last_branch, sizeof peer->last_branch, "z9hG4bKpeer%ld-%u", (long)(peer - peer->bench->peers),
             ++peer->branch_count);
    branch = peer->last_branch;
  }
  snprintf(message, sizeof message,
           "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=%s;rport\r\nMax-Forwards: 70\r\nFrom: <%s>;tag=%s\r\nTo: "
           "<%s>%s%s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContact: <sip:peer@%s>\r\n%s%s",
           method, peer->target, address, branch, peer->local_uri, peer->local_tag, peer->remote_uri,
           peer->remote_tag[0] ? ";tag=" : "", peer->remote_tag, peer->call_id, cseq, method, address,
           peer->route_lines, peer->extra);
  peer->extra[0] = '\0';
  add_body(message, sizeof message, type, body);
  peer_send_text(peer, message);
}

/* Header lines for the next message of this peer. */
static inline void peer_add(struct peer *peer, const char *lines) {
  size_t length = strlen(peer->extra);
  snprintf(peer->extra + length, sizeof peer->extra - length, "%s", lines);
}

static inline void peer_request(struct peer *peer, const char *method, const char *body) {
  peer_send_request(peer, method, ++peer->cseq, NULL, body);
  if (strcmp(method, "INVITE") != 0) return;
  peer->invite_cseq = peer->cseq;
  memcpy(peer->invite_branch, peer->last_branch, sizeof peer->invite_branch);
}

/* A first INVITE to `number`. */
static inline void peer_invite(struct peer *peer, const char *number, const char *body) {
  snprintf(peer->remote_uri, sizeof peer->remote_uri, "sip:%s@192.0.2.1", number);
  snprintf(peer->target, sizeof peer->target, "sip:%s@192.0.2.1", number);
  peer_request(peer, "INVITE", body);
}

static inline void peer_ack(struct peer *peer, const char *body) {
  peer_send_request(peer, "ACK", peer->invite_cseq, NULL, body);
}

static inline void peer_cancel(struct peer *peer) {
  char tag[64];
  snprintf(tag, sizeof tag, "%s", peer->remote_tag);
  peer->remote_tag[0] = '\0'; /* RFC 3261 §9.1: To as in the INVITE */
  peer_send_request(peer, "CANCEL", peer->invite_cseq, peer->invite_branch, NULL);
  snprintf(peer->remote_tag, sizeof peer->remote_tag, "%s", tag);
}

/* Learns tags and target from what the switch sent. */
static inline void peer_learn(struct peer *peer, const char *message) {
  bool response = is_response(message);
  const char *status = response ? message + 8 : "";
  cut(peer->call_id, sizeof peer->call_id, message, "\r\nCall-ID: ", "\r\n");
  if (!response && strncmp(message, "CANCEL ", 7) != 0) {
    cut(peer->remote_uri, sizeof peer->remote_uri, header_of(message, "From"), "<", ">");
    cut(peer->local_uri, sizeof peer->local_uri, header_of(message, "To"), "<", ">");
    cut(peer->remote_tag, sizeof peer->remote_tag, header_of(message, "From"), ";tag=", ";");
    snprintf(peer->request, sizeof peer->request, "%s", message);
    if (strncmp(message, "INVITE ", 7) == 0) snprintf(peer->invite, sizeof peer->invite, "%s", message);
  } else if (response && *status != '1' && strstr(header_of(message, "To"), ";tag=")) {
    cut(peer->remote_tag, sizeof peer->remote_tag, header_of(message, "To"), ";tag=", ";");
  } else if (response && strstr(header_of(message, "To"), ";tag=")) {
    cut(peer->remote_tag, sizeof peer->remote_tag, header_of(message, "To"), ";tag=", ";");
  }
  if (*header_of(message, "Contact")) cut(peer->target, sizeof peer->target, header_of(message, "Contact"), "<", ">");
}

static inline bool begins_as(const char *message, const char *what) {
  if (what[0] >= '1' && what[0] <= '6') return is_response(message) && strncmp(message + 8, what, strlen(what)) == 0;
  return strncmp(message, what, strlen(what)) == 0 && message[strlen(what)] == ' ';
}

/* The next message to this peer's address that is not 100 and not taken yet; NULL: none. */
static inline struct bench_message *peer_next(struct peer *peer) {
  for (unsigned i = 0; i < peer->bench->sent_count; i++) {
    struct bench_message *message = &peer->bench->sent[i];
    if (message->taken || !address_equal(&message->flow.remote, &peer->flow.remote)) continue;
    if (strncmp(message->text, "SIP/2.0 100 ", 12) == 0) continue;
    return message;
  }
  return NULL;
}

/* Takes the next message to this peer, which must be a request of method `what`, or a response with status `what`. */
static inline const char *peer_expect_at(struct peer *peer, const char *what, const char *file, int line) {
  struct bench_message *message = peer_next(peer);
  char text[256];
  peer->got = NULL;
  if (!message || !begins_as(message->text, what)) {
    snprintf(text, sizeof text, "expected %s, got %.100s", what, message ? message->text : "nothing");
    text[strcspn(text, "\r\n")] = '\0';
    tap_fail(file, line, text);
    if (!message) return "";
  }
  message->taken = true;
  peer_learn(peer, message->text);
  peer->got = message->text;
  return message->text;
}
#define peer_expect(peer, what) peer_expect_at((peer), (what), __FILE__, __LINE__)

static inline void peer_expect_nothing_at(struct peer *peer, const char *file, int line) {
  struct bench_message *message = peer_next(peer);
  char text[256];
  if (!message) return;
  snprintf(text, sizeof text, "expected nothing, got %.100s", message->text);
  text[strcspn(text, "\r\n")] = '\0';
  tap_fail(file, line, text);
}
#define peer_expect_nothing(peer) peer_expect_nothing_at((peer), __FILE__, __LINE__)

/* Takes all that was sent to this peer so far, whatever it is; how many it was. */
static inline unsigned peer_skip(struct peer *peer) {
  unsigned count = 0;
  for (struct bench_message *message; (message = peer_next(peer)) != NULL; count++) {
    message->taken = true;
    peer_learn(peer, message->text);
  }
  return count;
}

/* Answers `request` (any text that the switch sent). */
static inline void peer_answer(struct peer *peer, const char *request, unsigned status, const char *body) {
  char message[BENCH_TEXT_MAX], address[64];
  const char *to = header_of(request, "To");
  peer_address(peer, address);
  snprintf(
      message, sizeof message,
      "SIP/2.0 %u Whatever\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: "
      "<sip:peer@%s>\r\n%s",
      status, header_of(request, "Via"), header_of(request, "From"), to,
      strstr(to, ";tag=") || status == 100 ? "" : ";tag=", strstr(to, ";tag=") || status == 100 ? "" : peer->local_tag,
      header_of(request, "Call-ID"), header_of(request, "CSeq"), address, peer->extra);
  peer->extra[0] = '\0';
  add_body(message, sizeof message, "application/sdp", body);
  peer_send_text(peer, message);
}

/* Answers the INVITE that this peer got last; peer_reply: the request of any method that it got last. */
static inline void peer_respond(struct peer *peer, unsigned status, const char *body) {
  peer_answer(peer, peer->invite, status, body);
}
static inline void peer_reply(struct peer *peer, unsigned status, const char *body) {
  char request[BENCH_TEXT_BYTES];
  snprintf(request, sizeof request, "%s", peer->request);
  peer_answer(peer, request, status, body);
}

/* --- digest ------------------------------------------------------------------------------------------------------ */

static inline struct str_view hex_view(const struct sip_digest_hex *hex) {
  return str_view_of(hex->text, hex->length);
}

/* Adds credentials for `number`, whose password is `password`, as an answer to the challenge in `message`. */
static inline void peer_authorize(struct peer *peer, const char *message, const char *method, const char *number,
                                  const char *password) {
  bool proxy = *header_of(message, "Proxy-Authenticate") != '\0';
  const char *challenge = header_of(message, proxy ? "Proxy-Authenticate" : "WWW-Authenticate");
  char nonce[256], line[1024];
  cut(nonce, sizeof nonce, challenge, "nonce=\"", "\"");
  struct sip_digest_hex ha1 =
      sip_digest_ha1(SIP_DIGEST_MD5, str_view_from_c(number), STR_VIEW("belfry"), str_view_from_c(password));
  struct str_view request[] = {str_view_from_c(method), str_view_from_c(peer->target)};
  struct sip_digest_hex ha2 = sip_digest_hash(SIP_DIGEST_MD5, request, 2);
  struct str_view parts[] = {hex_view(&ha1),   str_view_from_c(nonce), STR_VIEW("00000001"),
                             STR_VIEW("abcd"), STR_VIEW("auth"),       hex_view(&ha2)};
  struct sip_digest_hex response = sip_digest_hash(SIP_DIGEST_MD5, parts, 6);
  snprintf(line, sizeof line,
           "%s: Digest username=\"%s\", realm=\"belfry\", nonce=\"%s\", uri=\"%s\", algorithm=MD5, qop=auth, "
           "nc=00000001, cnonce=\"abcd\", response=\"%.32s\"\r\n",
           proxy ? "Proxy-Authorization" : "Authorization", number, nonce, peer->target, response.text);
  peer_add(peer, line);
}

static inline void peer_be_phone(struct peer *peer, const char *number) {
  snprintf(peer->local_uri, sizeof peer->local_uri, "sip:%s@192.0.2.1", number);
}

/* Registers as `number`, with further header lines; the registration lasts 600 s. */
static inline void peer_register_with(struct peer *peer, const char *number, const char *lines) {
  char call_id[128];
  memcpy(call_id, peer->call_id, sizeof call_id);
  peer_be_phone(peer, number);
  snprintf(peer->remote_uri, sizeof peer->remote_uri, "sip:%s@192.0.2.1", number);
  snprintf(peer->target, sizeof peer->target, "sip:192.0.2.1");
  peer_add(peer, "Expires: 600\r\n");
  peer_request(peer, "REGISTER", NULL);
  const char *challenge = peer_expect(peer, "401");
  peer->remote_tag[0] = '\0';
  snprintf(peer->target, sizeof peer->target, "sip:192.0.2.1");
  peer_authorize(peer, challenge, "REGISTER", number, "secret");
  peer_add(peer, "Expires: 600\r\n");
  peer_add(peer, lines);
  peer_request(peer, "REGISTER", NULL);
  peer_expect(peer, "200");
  peer->remote_tag[0] = '\0';
  snprintf(peer->call_id, sizeof peer->call_id, "%.120s-2", call_id);
}

static inline void peer_register(struct peer *peer, const char *number) {
  peer_register_with(peer, number, "");
}

/* A phone's INVITE, which is challenged, and then with credentials. */
static inline void peer_invite_as_phone(struct peer *peer, const char *phone, const char *number, const char *body) {
  peer_be_phone(peer, phone);
  peer_invite(peer, number, body);
  const char *challenge = peer_expect(peer, "401");
  peer_send_request(peer, "ACK", peer->invite_cseq, peer->invite_branch, NULL);
  peer->remote_tag[0] = '\0';
  peer_authorize(peer, challenge, "INVITE", phone, "secret");
  peer_invite(peer, number, body);
}

/* --- session descriptions ---------------------------------------------------------------------------------------- */

#define SDP_TEXT(user, version, port, direction)                                                                       \
  "v=0\r\no=" user " 77 " version " IN IP4 10.9.8.7\r\ns=-\r\nc=IN IP4 10.9.8.7\r\nt=0 0\r\nm=audio " port             \
  " RTP/AVP 0 8\r\na=" direction "\r\n"
#define OFFER  SDP_TEXT("alice", "1", "4000", "sendrecv")
#define ANSWER SDP_TEXT("bob", "1", "5000", "sendrecv")
#define HOLD   SDP_TEXT("alice", "2", "4000", "sendonly")
#define HELD   SDP_TEXT("bob", "2", "5000", "recvonly")

/* --- whole passages ---------------------------------------------------------------------------------------------- */

/* Caller and callee talk: INVITE, 180, 200, ACK on both legs. */
static inline void bench_connect(struct peer *caller, struct peer *callee, const char *number) {
  peer_invite(caller, number, OFFER);
  peer_expect(callee, "INVITE");
  peer_respond(callee, 180, NULL);
  peer_expect(caller, "180");
  peer_respond(callee, 200, ANSWER);
  peer_expect(callee, "ACK");
  peer_expect(caller, "200");
  peer_ack(caller, NULL);
}

/* `first` hangs up, the other answers. */
static inline void bench_hang_up(struct peer *first, struct peer *second) {
  peer_request(first, "BYE", NULL);
  peer_expect(first, "200");
  peer_expect(second, "BYE");
  peer_reply(second, 200, NULL);
}

static inline void expect_record_at(const struct bench *bench, const char *reason, const char *file, int line) {
  char text[256];
  if (bench->record_count == 1 && str_view_equal(bench->records[0].end_reason, str_view_from_c(reason))) return;
  struct str_view got = bench->record_count > 0 ? bench->records[0].end_reason : STR_VIEW("none");
  snprintf(text, sizeof text, "expected one record %s, got %u, the first %.*s", reason, bench->record_count,
           (int)got.length, got.data);
  tap_fail(file, line, text);
}
#define expect_record(bench, reason) expect_record_at((bench), (reason), __FILE__, __LINE__)

#endif
