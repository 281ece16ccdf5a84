/* A switch core for the tests of this room: it knows no SIP and does what messages tell it.
 *
 *   "1 anything"      belongs to worker 1; sent back as "1: 1 anything" by worker 1
 *   "0 timer 50"      sent back 50 ms later
 *   "0 ask 1"         asks worker 1 where a phone is, and sends back what it hears
 *   "0 resolve HOST"  asks for the host's addresses, and sends back how many there are
 *   "0 record TEXT"   leaves a record
 *   "0 keep TEXT"     tells the journal, and sends back what must wait for that
 *   "0 flood 9"       sent back nine times in one go
 *   "0 closed"        from then on, failed flows are reported to this sender */
#ifndef WORKER_ECHO_SWITCH_H
#define WORKER_ECHO_SWITCH_H

#include <stdio.h>

#include "switch/switch_core.h"

struct switch_core {
  char device[64];     /* the line remembered last */
  struct flow last;    /* whoever asked for an answer that comes later */
  struct flow watcher; /* whoever wants to know of failed flows */
  struct timer timer;
  uint32_t handled;
};

size_t switch_core_memory_bytes(const struct switch_limits *limits) {
  return sizeof(struct switch_core) + limits->calls_max;
}

struct switch_core *switch_core_create(void *memory, const struct switch_limits *limits) {
  (void)limits;
  return memory;
}

void switch_core_remember_device(struct switch_core *core, struct str_view line) {
  snprintf(core->device, sizeof core->device, "%.*s", (int)line.length, line.data);
}

uint8_t switch_core_steer(const struct local_identity *local, struct str_view bytes) {
  if (bytes.length == 0 || bytes.data[0] < '0' || bytes.data[0] > '9') return local->worker;
  return (uint8_t)((bytes.data[0] - '0') % local->worker_count);
}

bool switch_core_takes_up(const struct local_identity *local, struct journal_key key, struct str_view state) {
  (void)state;
  return (key.high & 0xff) == local->worker;
}

enum result switch_core_restore(struct switch_core *core, struct context *context, const struct journal_kept *kept) {
  (void)core, (void)context, (void)kept;
  return RESULT_MALFORMED;
}

void switch_core_restored(struct switch_core *core) {
  (void)core;
}

static void echo_send(struct context *context, const struct flow *flow, const char *text) {
  outbox_send(context->outbox, flow, str_view_from_c(text));
}

static void echo_message(struct switch_core *core, struct context *context, const struct event *event) {
  char text[256], copy[256];
  unsigned number;
  snprintf(copy, sizeof copy, "%.*s", (int)event->bytes.length, event->bytes.length ? event->bytes.data : "");
  const char *word = strchr(copy, ' ') ? strchr(copy, ' ') + 1 : "";
  core->last = event->flow;
  if (sscanf(word, "timer %u", &number) == 1) {
    timer_wheel_arm(context->wheel, &core->timer, TIMER_CALL, mono_ms_add(context->now, number));
  } else if (sscanf(word, "ask %u", &number) == 1) {
    outbox_ask_location(context->outbox, (uint8_t)number, STR_VIEW("1001"), (struct handle){5, 1});
  } else if (strncmp(word, "resolve ", 8) == 0) {
    outbox_resolve(context->outbox, str_view_from_c(word + 8), TRANSPORT_UDP, 0, (struct handle){5, 1});
  } else if (strncmp(word, "record ", 7) == 0) {
    (void)!outbox_record(context->outbox, str_view_from_c(word + 7), 0);
  } else if (sscanf(word, "records %u", &number) == 1) {
    static const char record[4000];
    for (; number > 0; number--)
      (void)!outbox_record(context->outbox, str_view_of(record, sizeof record), 0);
  } else if (strcmp(word, "crowded?") == 0) {
    echo_send(context, &event->flow, context->records_crowded ? "crowded" : "not crowded");
  } else if (strncmp(word, "keep ", 5) == 0) {
    bool is_patient = strncmp(word, "keep patiently", 14) == 0;
    context->outbox->sends_wait = is_patient ? OUTBOX_WAITS_PATIENTLY : OUTBOX_WAITS;
    echo_send(context, &event->flow, word);
    context->outbox->sends_wait = OUTBOX_WAITS_NOT;
    (void)!outbox_journal(context->outbox, JOURNAL_URGENT, JOURNAL_PUT, (struct journal_key){1, 1},
                          str_view_from_c(word));
  } else if (sscanf(word, "flood %u", &number) == 1) {
    for (; number > 0; number--)
      echo_send(context, &event->flow, word);
  } else if (strcmp(word, "alarm") == 0) {
    outbox_alarm(context->outbox, STR_VIEW("something is wrong"));
  } else if (strcmp(word, "learn") == 0) {
    outbox_keep_device(context->outbox, STR_VIEW("00c0ffee INVITE UPDATE"));
  } else if (strcmp(word, "remember") == 0) {
    echo_send(context, &event->flow, core->device);
  } else if (strcmp(word, "closed") == 0) {
    core->watcher = event->flow;
  } else {
    snprintf(text, sizeof text, "%u: %.200s", context->local->worker, copy);
    echo_send(context, &event->flow, text);
  }
}

/* Whoever said something last hears of it. */
static void echo_tell_journal(struct switch_core *core, struct context *context) {
  char text[64];
  snprintf(text, sizeof text, "%u is to tell anew", context->local->worker);
  if (core->last.transport) echo_send(context, &core->last, text);
}

static void echo_order(struct context *context, const struct event *event) {
  char text[256];
  int length = snprintf(text, sizeof text, "%u %.*s by %.*s", context->local->worker, (int)event->order_target.length,
                        event->order_target.data ? event->order_target.data : "", (int)event->order_by.length,
                        event->order_by.data ? event->order_by.data : "");
  if (event->order_id)
    outbox_answer_order(context->outbox, event->order_id, RESULT_OK, str_view_of(text, (size_t)length));
}

static void echo_location_asked(struct context *context, const struct event *event) {
  struct location_answer answer = {.asker = event->asker, .known = true, .contact_count = 1};
  answer.contacts[0].uri = STR_VIEW("sip:1001@192.0.2.1");
  outbox_tell_location(context->outbox, event->asker_worker, &answer);
}

void switch_core_refuse(struct switch_core *core, struct context *context, const struct flow *flow,
                        struct str_view bytes) {
  (void)core, (void)bytes;
  echo_send(context, flow, "SIP/2.0 400 refused");
}

void switch_core_handle(struct switch_core *core, struct context *context, const struct event *event) {
  char text[256];
  if (event->kind == EVENT_MESSAGE) core->handled++;
  if (event->kind == EVENT_ORDER && event->order == ORDER_TELL_JOURNAL) echo_tell_journal(core, context);
  switch (event->kind) {
  case EVENT_MESSAGE: echo_message(core, context, event); break;
  case EVENT_CONNECTION_CLOSED:
    snprintf(text, sizeof text, "closed %u", event->flow.remote.port);
    if (core->watcher.transport) echo_send(context, &core->watcher, text);
    break;
  case EVENT_LOCATION_ASKED: echo_location_asked(context, event); break;
  case EVENT_LOCATION_ANSWER:
    snprintf(text, sizeof text, "phone at %.*s", (int)event->location->contacts[0].uri.length,
             event->location->contacts[0].uri.data);
    echo_send(context, &core->last, text);
    break;
  case EVENT_DEVICE_HEARD: echo_send(context, &core->last, "a device was heard"); break;
  case EVENT_RESOLVED:
    snprintf(text, sizeof text, "%u addresses", event->address_count);
    echo_send(context, &core->last, text);
    break;
  case EVENT_ORDER: echo_order(context, event); break;
  case EVENT_NONE: break;
  }
}

bool switch_core_advance(struct switch_core *core, struct context *context) {
  timer_wheel_advance(context->wheel, context->now);
  while (timer_wheel_next_due(context->wheel))
    echo_send(context, &core->last, "time is up");
  return false;
}

bool switch_core_fresh_memory(const struct switch_core *core, unsigned number, struct str_view *fresh_out) {
  (void)core, (void)number, (void)fresh_out;
  return false;
}

void switch_core_count(const struct switch_core *core, const struct context *context,
                       struct switch_core_counts *counts) {
  *counts = (struct switch_core_counts){.calls = core->handled, .timers = context->wheel->armed_count};
}

bool switch_core_check(const struct switch_core *core, const struct context *context, struct text_builder *problem) {
  (void)core, (void)context, (void)problem;
  return true;
}

#endif
