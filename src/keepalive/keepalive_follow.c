/* A device that moves in mid-registration: its NAT has given it another address, or it has another network. Noticed
 * when an answer comes from elsewhere than the OPTIONS went to: only the device, or somebody on its way, knows that
 * branch. But an answer only shows where it sends from, so that place is sent an OPTIONS of its own, and followed when
 * it answers. Over UDP alone: a stream is its connection. */
#include "keepalive/keepalive_private.h"

static void record(const struct context *context, const struct flow *from, const struct flow *to) {
  char memory[256];
  struct text_builder line = text_builder_over(memory, sizeof memory);
  text_builder_add_literal(&line, "NAT keep-alive: the device at ");
  address_to_text(&from->remote, &line);
  text_builder_add_literal(&line, " answers from ");
  address_to_text(&to->remote, &line);
  text_builder_add_literal(&line, ", and is reached there from now on");
  outbox_alarm(context->outbox, text_builder_view(&line));
}

void keepalive_follow(struct keepalive *keepalive, struct context *context, struct keepalive_device *device,
                      const struct flow *flow, bool is_proven) {
  bool is_udp = flow->transport == TRANSPORT_UDP && device->flow.transport == TRANSPORT_UDP;
  if (!is_udp || device->is_configured) return;
  if (!is_proven) {
    if (device->was_seen_moving) return;
    device->was_seen_moving = true;
    counters_add(context->counters, device_moves_noticed);
    keepalive_send_options(keepalive, context, device, flow);
    return;
  }
  if (keepalive_find(keepalive, context, flow)) return; /* somebody is registered from there */
  record(context, &device->flow, flow);
  counters_add(context->counters, device_moves_followed);
  keepalive_trials_void(keepalive, context, device);
  binding_networks_leave(&keepalive->networks, context, device->network);
  keepalive_devices_move(&keepalive->devices, context, device, flow);
  device->network = binding_networks_enter(&keepalive->networks, context, &flow->remote);
  keepalive_heard(keepalive, context, flow, KEEPALIVE_SIGN_MESSAGE);
  keepalive_tell_changed(keepalive, context, device);
}
