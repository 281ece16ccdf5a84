#include "boundary/kept_flow.h"

static unsigned ip_bytes(uint8_t family) {
  return family == ADDRESS_IPV4 ? 4 : 16;
}

void kept_flow_save(const struct flow *flow, struct text_builder *builder) {
  packed_add(builder, flow->transport, 1);
  packed_add(builder, flow->socket_index, 2);
  packed_add(builder, flow->remote.port, 2);
  packed_add(builder, flow->remote.family, 1);
  text_builder_add(builder, str_view_of((const char *)flow->remote.ip, ip_bytes(flow->remote.family)));
}

bool kept_flow_find_socket(const struct local_identity *local, struct flow *flow) {
  return local_identity_find_socket(local, (enum transport)flow->transport, flow->remote.family, &flow->socket_index);
}

bool kept_flow_read(struct packed_reader *reader, const struct local_identity *local, struct flow *flow_out) {
  *flow_out = (struct flow){.worker = local->worker};
  flow_out->transport = (uint8_t)packed_take(reader, 1);
  flow_out->socket_index = (uint16_t)packed_take(reader, 2);
  flow_out->remote.port = (uint16_t)packed_take(reader, 2);
  flow_out->remote.family = (uint8_t)packed_take(reader, 1);
  for (unsigned i = 0; i < ip_bytes(flow_out->remote.family); i++)
    flow_out->remote.ip[i] = (uint8_t)packed_take(reader, 1);
  bool is_ip = flow_out->remote.family == ADDRESS_IPV4 || flow_out->remote.family == ADDRESS_IPV6;
  return !reader->broken && is_ip && kept_flow_find_socket(local, flow_out);
}
