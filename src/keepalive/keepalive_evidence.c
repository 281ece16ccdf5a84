#include "keepalive/keepalive_evidence.h"

#include "parameters/parameters.h"

/* Longer than that a pong does not take (RFC 5626 §4.4.1): what comes later is a ping of the device's own. */
#define PONG_MOST_MS 10000

static bool answers(enum keepalive_kind kind, enum keepalive_sign sign) {
  switch (sign) {
  case KEEPALIVE_SIGN_MESSAGE: return false;
  case KEEPALIVE_SIGN_PING:
  case KEEPALIVE_SIGN_PONG: return kind == KEEPALIVE_KIND_TEXT || kind == KEEPALIVE_KIND_CRLF;
  case KEEPALIVE_SIGN_ANSWER: return kind == KEEPALIVE_KIND_OPTIONS;
  }
  return false;
}

/* A text is answered by a text of the device's own making and time, if at all: that measures nothing. */
static bool measures(enum keepalive_kind kind, enum keepalive_sign sign, uint32_t took_ms) {
  if (kind == KEEPALIVE_KIND_CRLF) return sign == KEEPALIVE_SIGN_PONG && took_ms <= PONG_MOST_MS;
  return kind == KEEPALIVE_KIND_OPTIONS && sign == KEEPALIVE_SIGN_ANSWER;
}

static void note_answer(struct keepalive_device *device, struct context *context, enum keepalive_sign sign) {
  enum keepalive_kind kind = (enum keepalive_kind)device->latest_kind;
  if (device->was_answered || !answers(kind, sign)) return;
  device->was_answered = true;
  device->answered_count++;
  counters_add(context->counters, keepalives_answered);
  if (kind == KEEPALIVE_KIND_OPTIONS) device->answers_options = true;
  uint32_t took_ms = (uint32_t)context->now.value - device->sent_at_ms;
  if (!measures(kind, sign, took_ms)) return;
  device->round_trip_ms = (uint16_t)(took_ms < UINT16_MAX ? took_ms : UINT16_MAX);
  device->has_round_trip = true;
}

bool keepalive_evidence_heard(struct keepalive_device *device, struct context *context, enum keepalive_sign sign) {
  bool was_unreachable = device->is_unreachable;
  keepalive_device_note_heard(device, context->now);
  note_answer(device, context, sign);
  device->miss_count = 0;
  device->silent_rounds = 0;
  device->is_unreachable = false;
  if (was_unreachable) counters_add(context->counters, devices_regained);
  return was_unreachable;
}

static bool note_miss(struct keepalive_device *device, struct context *context) {
  counters_add(context->counters, keepalives_missed);
  if (device->miss_count < UINT8_MAX) device->miss_count++;
  if (device->is_unreachable || device->miss_count < context->parameters->BF_NAT_KEEP_ALIVE_MISSES) return false;
  device->is_unreachable = true;
  counters_add(context->counters, devices_lost);
  return true;
}

static void note_silence(struct keepalive_device *device) {
  if (device->silent_rounds < KEEPALIVE_SILENT_ROUNDS) device->silent_rounds++;
  if (device->silent_rounds == KEEPALIVE_SILENT_ROUNDS) device->has_climbed = true;
}

bool keepalive_evidence_judge(struct keepalive_device *device, struct context *context) {
  if (device->was_heard) return false;
  switch ((enum keepalive_kind)device->latest_kind) {
  case KEEPALIVE_KIND_NONE: break;
  case KEEPALIVE_KIND_TEXT:
  case KEEPALIVE_KIND_CRLF: note_silence(device); break;
  case KEEPALIVE_KIND_OPTIONS: return note_miss(device, context);
  }
  return false;
}

void keepalive_evidence_sent(struct keepalive_device *device, const struct context *context, enum keepalive_kind kind) {
  device->latest_kind = (unsigned)kind & 3U;
  device->was_heard = false;
  device->was_answered = false;
  device->was_seen_moving = false;
  if (kind == KEEPALIVE_KIND_NONE) return;
  device->sent_count++;
  device->sent_at_ms = (uint32_t)context->now.value;
}
