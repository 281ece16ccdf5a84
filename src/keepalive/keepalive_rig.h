/* The room in a world of its own: a clock that is turned by hand, and every keep-alive kept with time and flow. */
#ifndef KEEPALIVE_KEEPALIVE_RIG_H
#define KEEPALIVE_KEEPALIVE_RIG_H

#include <stdlib.h>
#include <tap.h>

#include "base/check.h"
#include "keepalive/keepalive_private.h"
#include "parameters/parameters.h"

#define RIG_SENT_MAX 4096
#define RIG_TEXT_MAX 1400

struct rig_sent {
  int64_t at_ms;
  struct flow flow;
  size_t length;
  char text[RIG_TEXT_MAX + 64];
};

static struct context context;
static struct timer_wheel wheel;
static struct arena arena;
static struct outbox outbox;
static struct outbox_entry entries[512];
static struct counters counters;
static struct parameters parameters;
static struct local_identity local;
static struct keepalive *room;
static void *room_memory, *outbox_memory, *arena_memory;
static struct rig_sent *sent;
static unsigned sent_count, alarm_count;
static uint64_t datagram_count; /* also those beyond RIG_SENT_MAX */
static char latest_alarm[600];
static int64_t started_ms;
static void (*rig_take_timer)(struct timer *timer); /* those that are not the room's */

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
                       .socket_index = (uint16_t)(transport - TRANSPORT_UDP)};
}

static inline struct flow rig_udp(const char *remote) {
  return rig_flow(TRANSPORT_UDP, remote, 0);
}

static inline void rig_set_up(uint32_t devices_max) {
  parameters_set_defaults(&parameters);
  local = (struct local_identity){.worker_count = 1, .socket_count = 3, .nonce_key = {13, 17}};
  for (unsigned i = 0; i < 3; i++) {
    local.sockets[i].bound = local.sockets[i].advertised = rig_address(i == 2 ? "192.0.2.1:5061" : "192.0.2.1:5060");
    local.sockets[i].transport = (uint8_t)(TRANSPORT_UDP + i);
  }
  memset(&counters, 0, sizeof counters);
  started_ms = 7654321;
  arena_memory = rig_memory(1 << 20);
  arena_init(&arena, arena_memory, 1 << 20);
  outbox_memory = rig_memory(1 << 20);
  outbox_init(&outbox, entries, 512, outbox_memory, 1 << 20);
  context = (struct context){.now = {started_ms},
                             .wall_now = {1795351872123456},
                             .wheel = &wheel,
                             .arena = &arena,
                             .outbox = &outbox,
                             .counters = &counters,
                             .parameters = &parameters,
                             .local = &local};
  timer_wheel_init(&wheel, context.now);
  room_memory = rig_memory(keepalive_memory_bytes(devices_max));
  room = keepalive_create(room_memory, devices_max);
  sent = rig_memory(RIG_SENT_MAX * sizeof *sent);
  sent_count = alarm_count = 0;
  datagram_count = 0;
  *latest_alarm = '\0';
}

static inline void rig_check(void) {
  char memory[128];
  struct text_builder problem = text_builder_over(memory, sizeof memory);
  if (keepalive_check(room, &problem)) return;
  printf("# %.*s\n", (int)problem.length, memory);
  tap_fail(__FILE__, __LINE__, "the room's invariants hold");
}

static inline void rig_tear_down(void) {
  rig_check();
  free(room_memory);
  free(outbox_memory);
  free(arena_memory);
  free(sent);
}

static inline int64_t rig_now_ms(void) {
  return context.now.value - started_ms;
}

/* What the journal was told last: of a network, for nothing else is told from here. */
static struct journal_key kept_key;
static char kept_state[64];
static size_t kept_length;

static inline void rig_keep(const struct outbox_entry *entry) {
  kept_key = entry->journal_kind == JOURNAL_DROP ? JOURNAL_KEY_NONE : entry->key;
  kept_length = entry->bytes.length;
  if (kept_length > 0) memcpy(kept_state, entry->bytes.data, kept_length);
}

/* Ends an event: what was to be done is written down. */
static inline void rig_end_event(void) {
  for (uint32_t i = 0; i < outbox.entry_count; i++) {
    const struct outbox_entry *entry = &outbox.entries[i];
    if (entry->kind == OUTBOX_JOURNAL) rig_keep(entry);
    if (entry->kind == OUTBOX_ALARM) {
      alarm_count++;
      snprintf(latest_alarm, sizeof latest_alarm, "%.*s", (int)entry->bytes.length, entry->bytes.data);
    }
    if (entry->kind != OUTBOX_SEND) continue;
    datagram_count++;
    if (sent_count == RIG_SENT_MAX || entry->bytes.length > RIG_TEXT_MAX) continue;
    struct rig_sent *one = &sent[sent_count++];
    *one = (struct rig_sent){.at_ms = rig_now_ms(), .flow = entry->flow, .length = entry->bytes.length};
    memcpy(one->text, entry->bytes.data, entry->bytes.length);
  }
  expect_int(outbox.dropped, ==, 0);
  outbox_reset(&outbox);
  arena_reset(&arena);
}

static inline void rig_run_due(void) {
  struct timer *timer;
  do {
    timer_wheel_advance(&wheel, context.now);
    while ((timer = timer_wheel_next_due(&wheel)) != NULL) {
      if (rig_take_timer && timer->kind != TIMER_KEEPALIVE)
        rig_take_timer(timer);
      else
        keepalive_timer_due(room, &context);
      rig_end_event();
    }
  } while (timer_wheel_next_wake(&wheel).value <= context.now.value);
}

/* Turns both clocks on, from one due timer to the next. */
static inline void rig_run_ms(int64_t milliseconds) {
  int64_t until_ms = context.now.value + milliseconds;
  while (context.now.value < until_ms) {
    int64_t next_ms = timer_wheel_next_wake(&wheel).value;
    if (next_ms > until_ms) next_ms = until_ms;
    if (next_ms <= context.now.value) next_ms = context.now.value + 1;
    context.wall_now.value += (next_ms - context.now.value) * 1000;
    context.now.value = next_ms;
    rig_run_due();
  }
}

static inline void rig_forget_sent(void) {
  sent_count = 0;
  datagram_count = 0;
}

/* Runs until the next keep-alive; an empty one when a day brings none. */
static inline const struct rig_sent *rig_next(void) {
  rig_forget_sent();
  for (unsigned i = 0; i < 2 * 86400 && sent_count == 0; i++) {
    int64_t wait_ms = timer_wheel_next_wake(&wheel).value - context.now.value;
    rig_run_ms(wait_ms > 0 && wait_ms < 500 ? wait_ms : 1);
  }
  expect(sent_count > 0);
  if (sent_count == 0) sent[0] = (struct rig_sent){0};
  return &sent[0];
}

static inline struct keepalive_facts rig_facts(const struct flow *flow) {
  return (struct keepalive_facts){
      .flow = flow, .owner = KEEPALIVE_NOBODY, .method = KEEPALIVE_USE_PARAMETER, .is_here = true};
}

static inline struct keepalive_device *rig_hold(const struct flow *flow) {
  struct keepalive_facts facts = rig_facts(flow);
  struct keepalive_device *device = keepalive_hold(room, &context, &facts);
  rig_end_event();
  return device;
}

static inline struct keepalive_device *rig_hold_with(const struct flow *flow, enum keep_alive_method_choice method) {
  struct keepalive_facts facts = rig_facts(flow);
  facts.method = (uint8_t)method;
  return keepalive_hold(room, &context, &facts);
}

static inline void rig_heard(const struct flow *flow, enum keepalive_sign sign) {
  keepalive_heard(room, &context, flow, sign);
  rig_end_event();
}

/* Answers the request as a device does, from `flow`. True when it was taken for an answer. */
static inline bool rig_answer(const struct rig_sent *request, const struct flow *flow, unsigned status) {
  static char text[2 * RIG_TEXT_MAX];
  struct sip_message message;
  struct sip_defect defect;
  const char *headers = strstr(request->text, "\r\n");
  if (!headers) return false;
  int length = snprintf(text, sizeof text - 64, "SIP/2.0 %u Whatever%s", status, headers);
  memset(text + length, 0, 64);
  if (sip_message_parse(str_view_of(text, (size_t)length), &message, &defect) != RESULT_OK) {
    tap_fail(__FILE__, __LINE__, defect.rule);
    return false;
  }
  bool was_taken = keepalive_receive_response(room, &context, &message, flow);
  rig_end_event();
  return was_taken;
}

static inline void rig_set_message(const char *text) {
  parameters.SS_SIP_NAT_KEEP_ALIVE_MESSAGE.length = (uint16_t)strlen(text);
  memcpy(parameters.SS_SIP_NAT_KEEP_ALIVE_MESSAGE.bytes, text, strlen(text));
}

static inline void rig_parameters_changed(void) {
  keepalive_parameters_changed(room, &context);
  rig_end_event();
}

#endif
