#include "trace/trace_pcap.h"

#define LINK_TYPE_RAW 101
#define IPV4_BYTES    20
#define IPV6_BYTES    40
#define UDP_BYTES     8
#define UDP_PROTOCOL  17
#define HOPS          64

static void add_u16(struct text_builder *file, uint32_t value) {
  text_builder_add_char(file, (char)(value >> 8 & 0xff));
  text_builder_add_char(file, (char)(value & 0xff));
}

/* As the machine has them: the reader sees from the first four bytes which way that is. */
static void add_native(struct text_builder *file, uint32_t value) {
  text_builder_add(file, str_view_of((const char *)&value, sizeof value));
}

void trace_pcap_write_head(struct text_builder *file) {
  const uint16_t version[2] = {2, 4};
  add_native(file, 0xa1b2c3d4);
  text_builder_add(file, str_view_of((const char *)version, sizeof version));
  add_native(file, 0);
  add_native(file, 0);
  add_native(file, 262144);
  add_native(file, LINK_TYPE_RAW);
}

/* RFC 1071, of bytes that begin at an even place. */
static uint32_t add_up(uint32_t sum, const void *bytes, size_t count) {
  const uint8_t *byte = bytes;
  for (size_t i = 0; i < count; i++)
    sum += i % 2 == 0 ? (uint32_t)byte[i] << 8 : byte[i];
  while (sum >> 16)
    sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

static void write_ipv4(struct text_builder *file, const struct address *from, const struct address *to, size_t bytes) {
  uint8_t head[IPV4_BYTES] = {
      0x45, 0, (uint8_t)((IPV4_BYTES + bytes) >> 8), (uint8_t)(IPV4_BYTES + bytes), 0, 0, 0x40, 0, HOPS, UDP_PROTOCOL};
  memcpy(head + 12, from->ip, 4);
  memcpy(head + 16, to->ip, 4);
  uint32_t sum = ~add_up(0, head, sizeof head);
  head[10] = (uint8_t)(sum >> 8);
  head[11] = (uint8_t)sum;
  text_builder_add(file, str_view_of((const char *)head, sizeof head));
}

static void write_ipv6(struct text_builder *file, const struct address *from, const struct address *to, size_t bytes) {
  uint8_t head[8] = {0x60, 0, 0, 0, (uint8_t)(bytes >> 8), (uint8_t)bytes, UDP_PROTOCOL, HOPS};
  text_builder_add(file, str_view_of((const char *)head, sizeof head));
  text_builder_add(file, str_view_of((const char *)from->ip, sizeof from->ip));
  text_builder_add(file, str_view_of((const char *)to->ip, sizeof to->ip));
}

/* Of the pseudo header too (RFC 768); mandatory in IPv6 (RFC 8200 §8.1). */
static uint32_t udp_checksum(const struct address *from, const struct address *to, struct str_view payload) {
  size_t length = from->family == ADDRESS_IPV6 ? 16 : 4, bytes = UDP_BYTES + payload.length;
  uint32_t sum = add_up(add_up(0, from->ip, length), to->ip, length);
  sum += UDP_PROTOCOL + (uint32_t)bytes + from->port + to->port + (uint32_t)bytes;
  sum = ~add_up(sum, payload.data, payload.length) & 0xffff;
  return sum ? sum : 0xffff;
}

void trace_pcap_write_record(const struct trace_record *record, struct text_builder *file) {
  bool is_sent = record->direction == TRACE_SENT, is_ipv6 = record->remote.family == ADDRESS_IPV6;
  const struct address *from = is_sent ? &record->local : &record->remote;
  const struct address *to = is_sent ? &record->remote : &record->local;
  if (record->kind == TRACE_NOTE || record->remote.family == ADDRESS_NONE) return;
  size_t head = is_ipv6 ? IPV6_BYTES : IPV4_BYTES;
  struct str_view payload = str_view_slice(record->payload, 0, 65535 - UDP_BYTES - IPV4_BYTES);
  size_t udp = UDP_BYTES + payload.length;
  add_native(file, (uint32_t)(record->wall.value / 1000000));
  add_native(file, (uint32_t)(record->wall.value % 1000000));
  add_native(file, (uint32_t)(head + udp));
  add_native(file, (uint32_t)(head + udp));
  if (is_ipv6)
    write_ipv6(file, from, to, udp);
  else
    write_ipv4(file, from, to, udp);
  add_u16(file, from->port);
  add_u16(file, to->port);
  add_u16(file, (uint32_t)udp);
  add_u16(file, udp_checksum(from, to, payload));
  text_builder_add(file, payload);
}
