/* What is known of a device, so that it survives the switch: which method works, whether it can be reached, when it was
 * last heard. Its holders keep it with what they keep themselves. */
#include "base/packed.h"
#include "keepalive/keepalive_private.h"

enum {
  FLAG_CLIMBED = 1,
  FLAG_ANSWERS_OPTIONS = 2,
  FLAG_UNREACHABLE = 4,
  FLAG_DISTRUSTED = 8,
  FLAG_MUTE = 16,
  FLAG_ROUND_TRIP = 32
};

static unsigned flags_of(const struct keepalive_device *device) {
  return (device->has_climbed ? FLAG_CLIMBED : 0u) | (device->answers_options ? FLAG_ANSWERS_OPTIONS : 0u) |
         (device->is_unreachable ? FLAG_UNREACHABLE : 0u) | (device->is_distrusted ? FLAG_DISTRUSTED : 0u) |
         (device->is_mute ? FLAG_MUTE : 0u) | (device->has_round_trip ? FLAG_ROUND_TRIP : 0u);
}

void keepalive_device_save(const struct keepalive_device *device, const struct context *context,
                           struct text_builder *builder) {
  int64_t ago_ms = mono_ms_since(context->now, keepalive_device_heard_at(device, context->now));
  packed_add(builder, flags_of(device), 1);
  packed_add(builder, device->miss_count, 1);
  packed_add(builder, device->silent_rounds, 1);
  packed_add(builder, device->round_trip_ms, 2);
  packed_add(builder, (uint64_t)(context->wall_now.value / 1000 - ago_ms), 6);
}

void keepalive_device_skip(struct packed_reader *reader) {
  (void)packed_take(reader, 5);
  (void)packed_take(reader, 6);
}

static void set_unreachable(struct keepalive *keepalive, struct keepalive_device *device, bool is_unreachable) {
  if (is_unreachable && !device->is_unreachable) keepalive->unreachable_count++;
  if (!is_unreachable && device->is_unreachable) keepalive->unreachable_count--;
  device->is_unreachable = is_unreachable;
}

/* A stream's connection went with the switch; the device comes back over another one. */
static void close_stream(struct keepalive *keepalive, struct keepalive_device *device) {
  if (!transport_is_stream((enum transport)device->flow.transport)) return;
  device->is_closed = true;
  set_unreachable(keepalive, device, true);
}

void keepalive_device_restore(struct keepalive *keepalive, const struct context *context,
                              struct keepalive_device *device, struct packed_reader *reader) {
  unsigned flags = (unsigned)packed_take(reader, 1);
  uint8_t miss_count = (uint8_t)packed_take(reader, 1);
  uint8_t silent_rounds = (uint8_t)packed_take(reader, 1);
  uint16_t round_trip_ms = (uint16_t)packed_take(reader, 2);
  int64_t ago_ms = context->wall_now.value / 1000 - (int64_t)packed_take(reader, 6);
  if (ago_ms < 0) ago_ms = 0;
  if (ago_ms > KEEPALIVE_HEARD_AGO_MOST_MS) ago_ms = KEEPALIVE_HEARD_AGO_MOST_MS;
  int64_t known_ago_ms = mono_ms_since(context->now, keepalive_device_heard_at(device, context->now));
  if (reader->broken) return;
  device->has_climbed = device->has_climbed || (flags & FLAG_CLIMBED) != 0;
  device->answers_options = device->answers_options || (flags & FLAG_ANSWERS_OPTIONS) != 0;
  bool is_latest = device->holders == 1 || ago_ms <= known_ago_ms;
  if (is_latest) {
    device->heard_at_ms = (uint32_t)(context->now.value - ago_ms);
    device->was_heard = false;
    device->miss_count = miss_count;
    device->silent_rounds = silent_rounds & 3U;
    device->is_distrusted = (flags & FLAG_DISTRUSTED) != 0;
    device->is_mute = (flags & FLAG_MUTE) != 0;
    device->round_trip_ms = round_trip_ms;
    device->has_round_trip = (flags & FLAG_ROUND_TRIP) != 0;
    set_unreachable(keepalive, device, (flags & FLAG_UNREACHABLE) != 0);
  }
  close_stream(keepalive, device);
}

void keepalive_set_changed(struct keepalive *keepalive, keepalive_has_changed *has_changed) {
  keepalive->has_changed = has_changed;
}

void keepalive_tell_changed(const struct keepalive *keepalive, struct context *context,
                            const struct keepalive_device *device) {
  if (keepalive->has_changed && device->owner != KEEPALIVE_NOBODY)
    keepalive->has_changed(keepalive->contact_reader, context, device->owner);
}

enum result keepalive_restore_network(struct keepalive *keepalive, const struct context *context,
                                      struct journal_key key, struct str_view state) {
  return binding_networks_restore(&keepalive->networks, context, key, state);
}
