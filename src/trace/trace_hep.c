#include "trace/trace_hep.h"

/* Chunk types of vendor 0 (the generic ones of the HEP 3 specification). */
enum hep_chunk {
  HEP_FAMILY = 1,
  HEP_PROTOCOL = 2,
  HEP_IPV4_SOURCE = 3,
  HEP_IPV4_DESTINATION = 4,
  HEP_IPV6_SOURCE = 5,
  HEP_IPV6_DESTINATION = 6,
  HEP_SOURCE_PORT = 7,
  HEP_DESTINATION_PORT = 8,
  HEP_SECONDS = 9,
  HEP_MICROSECONDS = 10,
  HEP_KIND = 11,
  HEP_AGENT = 12,
  HEP_PAYLOAD = 15,
  HEP_CORRELATION = 17,
};

#define HEP_FAMILY_IPV4  2
#define HEP_FAMILY_IPV6  10
#define HEP_PROTOCOL_TCP 6
#define HEP_PROTOCOL_UDP 17
#define HEP_KIND_SIP     1
#define CHUNK_HEAD       6

static void add_number(struct text_builder *datagram, uint64_t value, unsigned bytes) {
  while (bytes-- > 0)
    text_builder_add_char(datagram, (char)(value >> (8 * bytes) & 0xff));
}

static void add_chunk(struct text_builder *datagram, enum hep_chunk type, struct str_view value) {
  add_number(datagram, 0, 2);
  add_number(datagram, type, 2);
  add_number(datagram, CHUNK_HEAD + value.length, 2);
  text_builder_add(datagram, value);
}

static void add_number_chunk(struct text_builder *datagram, enum hep_chunk type, uint64_t value, unsigned bytes) {
  add_number(datagram, 0, 2);
  add_number(datagram, type, 2);
  add_number(datagram, CHUNK_HEAD + bytes, 2);
  add_number(datagram, value, bytes);
}

static void add_ways(struct text_builder *datagram, const struct trace_record *record) {
  bool is_sent = record->direction == TRACE_SENT, is_ipv6 = record->remote.family == ADDRESS_IPV6;
  const struct address *from = is_sent ? &record->local : &record->remote;
  const struct address *to = is_sent ? &record->remote : &record->local;
  size_t length = is_ipv6 ? 16 : 4;
  bool is_udp = record->transport == TRANSPORT_UDP;
  add_number_chunk(datagram, HEP_FAMILY, is_ipv6 ? HEP_FAMILY_IPV6 : HEP_FAMILY_IPV4, 1);
  add_number_chunk(datagram, HEP_PROTOCOL, is_udp ? HEP_PROTOCOL_UDP : HEP_PROTOCOL_TCP, 1);
  add_chunk(datagram, is_ipv6 ? HEP_IPV6_SOURCE : HEP_IPV4_SOURCE, str_view_of((const char *)from->ip, length));
  add_chunk(datagram, is_ipv6 ? HEP_IPV6_DESTINATION : HEP_IPV4_DESTINATION, str_view_of((const char *)to->ip, length));
  add_number_chunk(datagram, HEP_SOURCE_PORT, from->port, 2);
  add_number_chunk(datagram, HEP_DESTINATION_PORT, to->port, 2);
}

void trace_hep_write(const struct trace_record *record, struct str_view correlation, uint32_t agent,
                     struct text_builder *datagram) {
  if (record->kind == TRACE_NOTE || record->payload.length > TRACE_HEP_PAYLOAD_MAX) return;
  size_t start = datagram->length;
  text_builder_add_literal(datagram, "HEP3");
  add_number(datagram, 0, 2);
  add_ways(datagram, record);
  add_number_chunk(datagram, HEP_SECONDS, (uint64_t)record->wall.value / 1000000, 4);
  add_number_chunk(datagram, HEP_MICROSECONDS, (uint64_t)record->wall.value % 1000000, 4);
  add_number_chunk(datagram, HEP_KIND, HEP_KIND_SIP, 1);
  add_number_chunk(datagram, HEP_AGENT, agent, 4);
  if (correlation.length > 0) add_chunk(datagram, HEP_CORRELATION, correlation);
  add_chunk(datagram, HEP_PAYLOAD, record->payload);
  if (datagram->overflowed) return;
  size_t length = datagram->length - start;
  datagram->data[start + 4] = (char)(length >> 8 & 0xff);
  datagram->data[start + 5] = (char)(length & 0xff);
}
