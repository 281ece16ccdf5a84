/* Where the middle stands in tests: a clock that is turned by hand, devices, and everything that the switch hands out.
 * What it sends is kept until a peer expects it (switch_bench.h). */
#ifndef SWITCH_SWITCH_WORLD_H
#define SWITCH_SWITCH_WORLD_H

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

#endif
