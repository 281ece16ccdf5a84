/* What operators see of keep-alives, and the room's invariants. */
#include "base/json_text.h"
#include "keepalive/keepalive_private.h"
#include "parameters/parameters.h"

static struct str_view method_name(uint32_t method) {
  static const char *const names[] = {"message", "crlf", "options", "auto", "off"};
  return str_view_from_c(names[method <= KEEP_ALIVE_OFF ? method : KEEP_ALIVE_OFF]);
}

static struct str_view kind_name(enum keepalive_kind kind) {
  switch (kind) {
  case KEEPALIVE_KIND_NONE: return STR_VIEW("nothing");
  case KEEPALIVE_KIND_TEXT: return STR_VIEW("message");
  case KEEPALIVE_KIND_CRLF: return STR_VIEW("crlf");
  case KEEPALIVE_KIND_OPTIONS: return STR_VIEW("options");
  }
  return STR_VIEW("nothing");
}

static uint32_t method_of(const struct context *context, const struct keepalive_device *device) {
  if (device->method != KEEPALIVE_USE_PARAMETER) return device->method;
  bool only_nat = context->parameters->BF_NAT_KEEP_ALIVE_WHO == KEEP_ALIVE_WHO_NAT;
  return only_nat && !device->is_behind_nat ? (uint32_t)KEEP_ALIVE_OFF : context->parameters->BF_NAT_KEEP_ALIVE_METHOD;
}

/* Whole seconds, rounded up; 0 for one that is late. */
static uint64_t due_in_s(const struct keepalive *keepalive, const struct context *context,
                         const struct keepalive_device *device) {
  struct mono_ms due = keepalive_schedule_due(&keepalive->schedule, &device->seat);
  int64_t left_ms = mono_ms_since(due, context->now);
  return left_ms > 0 ? (uint64_t)(left_ms + 999) / 1000 : 0;
}

static void add_network(const struct keepalive *keepalive, const struct keepalive_device *device,
                        struct text_builder *builder) {
  const struct binding_network *network = binding_networks_at(&keepalive->networks, device->network);
  char memory[64];
  struct text_builder text = text_builder_over(memory, sizeof memory);
  if (network) binding_network_to_text(network, &text);
  json_text_field_string(builder, "network", text_builder_view(&text));
  json_text_key(builder, "safe_period_s");
  if (network && network->safe_rung > 0)
    json_text_u64(builder, binding_network_safe_s(network));
  else
    json_text_null(builder);
}

void keepalive_write_json(const struct keepalive *keepalive, const struct context *context,
                          const struct keepalive_device *device, struct text_builder *builder) {
  enum keepalive_kind kind = keepalive_kind_of(context, device);
  bool is_sent = device->seat.pace > 0 && kind != KEEPALIVE_KIND_NONE;
  json_text_open_object(builder);
  json_text_field_string(builder, "method", method_name(method_of(context, device)));
  json_text_field_string(builder, "sends", kind_name(is_sent ? kind : KEEPALIVE_KIND_NONE));
  json_text_key(builder, "period_s");
  if (is_sent)
    json_text_u64(builder, keepalive_schedule_period_ms(&keepalive->schedule, &device->seat) / 1000);
  else
    json_text_null(builder);
  json_text_key(builder, "due_in_s");
  if (is_sent)
    json_text_u64(builder, due_in_s(keepalive, context, device));
  else
    json_text_null(builder);
  json_text_field_u64(builder, "sent", device->sent_count);
  json_text_field_u64(builder, "answered", device->answered_count);
  json_text_field_u64(builder, "missed", device->miss_count);
  json_text_key(builder, "round_trip_ms");
  if (device->has_round_trip)
    json_text_u64(builder, device->round_trip_ms);
  else
    json_text_null(builder);
  json_text_field_bool(builder, "reachable", !device->is_unreachable);
  add_network(keepalive, device, builder);
  json_text_close_object(builder);
}

/* --- networks ---------------------------------------------------------------------------------------------------- */

#define NETWORK_BYTES_MAX 320

static void add_seconds_or_null(struct text_builder *builder, const char *name, uint32_t seconds) {
  if (seconds > 0)
    json_text_field_u64(builder, name, seconds);
  else
    json_text_field_null(builder, name);
}

/* At the size that this worker's keep-alives have in the mean. */
static uint64_t bytes_of(const struct counters *counters, uint64_t keep_alives) {
  return counters->keepalives_sent > 0 ? keep_alives * counters->keepalive_bytes_sent / counters->keepalives_sent : 0;
}

static void add_network_item(const struct context *context, const struct binding_network *network,
                             struct text_builder *builder) {
  char memory[64];
  struct text_builder name = text_builder_over(memory, sizeof memory);
  uint64_t saves_micro_per_s =
      binding_network_saves_micro_per_s(network, context->parameters->SS_SIP_NAT_KEEP_ALIVE_PERIOD);
  uint64_t saves_per_hour = saves_micro_per_s * 3600 / 1000000;
  binding_network_to_text(network, &name);
  json_text_open_object(builder);
  json_text_field_string(builder, "network", text_builder_view(&name));
  json_text_field_u64(builder, "worker", context->local->worker);
  json_text_field_u64(builder, "devices", network->device_count);
  add_seconds_or_null(builder, "safe_period_s", network->safe_rung > 0 ? binding_network_safe_s(network) : 0);
  add_seconds_or_null(builder, "too_long_s", binding_network_too_long_s(network));
  json_text_field_bool(builder, "on_trial", network->is_on_trial);
  json_text_field_u64(builder, "saves_per_hour", saves_per_hour);
  json_text_field_u64(builder, "saves_bytes_per_hour", bytes_of(context->counters, saves_per_hour));
  json_text_close_object(builder);
}

void keepalive_list_networks(const struct keepalive *keepalive, const struct context *context,
                             struct text_builder *builder, uint32_t *cursor) {
  while (builder->capacity - builder->length > NETWORK_BYTES_MAX) {
    const struct binding_network *network = pool_next(&keepalive->networks.pool, cursor);
    if (!network) {
      *cursor = UINT32_MAX;
      return;
    }
    if (builder->length > 0) text_builder_add_char(builder, ',');
    add_network_item(context, network, builder);
  }
}

/* --- checking ---------------------------------------------------------------------------------------------------- */

struct sums {
  uint32_t class_counts[KEEPALIVE_PACES][KEEPALIVE_CLASSES];
  uint32_t unreachable, seated, on_trial, in_networks;
};

static const char *add_up(const struct keepalive *keepalive, struct sums *sums) {
  const struct keepalive_device *device;
  uint32_t at = 0;
  while ((device = pool_next(&keepalive->devices.pool, &at)) != NULL) {
    if (device->holders == 0) return "a device is held by nobody";
    sums->unreachable += device->is_unreachable;
    sums->on_trial += device->is_on_trial;
    sums->in_networks += device->network != 0;
    if (device->seat.pace == 0) continue;
    sums->seated++;
    sums->class_counts[device->seat.pace - 1][device->method * 2 + device->is_behind_nat]++;
  }
  return NULL;
}

bool keepalive_check(const struct keepalive *keepalive, struct text_builder *problem) {
  struct sums sums = {0};
  const char *found = add_up(keepalive, &sums);
  if (!keepalive_schedule_check(&keepalive->schedule, problem)) return false;
  if (!found && sums.seated != keepalive->schedule.seat_count) found = "seats and devices do not agree";
  if (!found && memcmp(sums.class_counts, keepalive->class_counts, sizeof sums.class_counts) != 0)
    found = "devices are counted wrongly by their methods";
  if (!found && sums.unreachable != keepalive->unreachable_count) found = "unreachable devices are counted wrongly";
  if (!found && sums.on_trial != keepalive->trial_count) found = "trials and devices on trial do not agree";
  if (!found && !binding_networks_check(&keepalive->networks, sums.in_networks, problem)) return false;
  if (!found && keepalive->devices.by_flow.used != keepalive->devices.pool.used) found = "a device cannot be found";
  if (!found && timer_is_armed(&keepalive->timer) != (sums.seated > 0))
    found = "the batch clock does not run as it should";
  if (!found) return true;
  text_builder_add(problem, str_view_from_c(found));
  return false;
}
