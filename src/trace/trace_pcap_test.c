#include "trace/trace_pcap.h"

#include "tap.h"
#include "trace/trace_example.h"

static char memory[8192];

static void test_a_packet_holds_both_addresses_and_the_payload(void) {
  static struct example example;
  example_add(&example, TRACE_KEEPALIVE, TRACE_SENT, 5070, STR_VIEW("HELLO"));
  struct text_builder file = text_builder_over(memory, sizeof memory);
  trace_pcap_write_head(&file);
  expect_int(file.length, ==, 24);
  trace_pcap_write_record(&example.records[0], &file);
  expect_int(file.length, ==, 24 + 16 + 20 + 8 + 5);
  const uint8_t *packet = (const uint8_t *)memory + 40;
  const uint8_t from[4] = {192, 0, 2, 9}, to[4] = {192, 0, 2, 1};
  expect(packet[0] == 0x45 && packet[9] == 17);
  expect(memcmp(packet + 12, from, 4) == 0 && memcmp(packet + 16, to, 4) == 0);
  expect_int(packet[20] << 8 | packet[21], ==, 5060);
  expect_int(packet[22] << 8 | packet[23], ==, 5070);
  expect(memcmp(packet + 28, "HELLO", 5) == 0);
  /* RFC 1071: with its checksum a header adds up to all ones. */
  uint32_t sum = 0;
  for (int i = 0; i < 20; i += 2)
    sum += (uint32_t)(packet[i] << 8 | packet[i + 1]);
  expect_int((sum & 0xffff) + (sum >> 16), ==, 0xffff);
}

static void test_notes_are_no_packets_and_ipv6_is_one(void) {
  static struct example example;
  struct note note = {.kind = NOTE_LEG};
  example_note(&example, &note);
  struct trace_record *record = example_add(&example, TRACE_SIP, TRACE_RECEIVED, 5070, STR_VIEW("x"));
  record->remote.family = record->local.family = ADDRESS_IPV6;
  struct text_builder file = text_builder_over(memory, sizeof memory);
  trace_pcap_write_record(&example.records[0], &file);
  expect_int(file.length, ==, 0);
  trace_pcap_write_record(record, &file);
  expect_int(file.length, ==, 16 + 40 + 8 + 1);
  expect_int(memory[16], ==, 0x60);
}

TAP_TESTS(TAP(test_a_packet_holds_both_addresses_and_the_payload), TAP(test_notes_are_no_packets_and_ipv6_is_one))
