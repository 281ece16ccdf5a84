#include "boundary/address.h"

#include <arpa/inet.h>

#include "base/random.h"
#include "tap.h"

static struct address parsed(const char *text) {
  struct address address = {0};
  expect_int(address_parse_ip(str_view_from_c(text), &address), ==, RESULT_OK);
  return address;
}

static void expect_ip_text(const char *text, const char *want) {
  char memory[64];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  struct address address = parsed(text);
  address_ip_to_text(&address, &builder);
  expect_view(text_builder_view(&builder), want);
}

static void test_ipv4_is_four_decimal_numbers(void) {
  struct address address = parsed("192.0.2.255");
  expect_int(address.family, ==, ADDRESS_IPV4);
  expect(memcmp(address.ip, "\xc0\x00\x02\xff\0\0\0\0\0\0\0\0\0\0\0", 16) == 0);
  expect_ip_text("0.0.0.0", "0.0.0.0");
  expect_ip_text("255.255.255.255", "255.255.255.255");
}

static void test_what_is_no_literal_is_refused(void) {
  static const char *const refused[] = {"",
                                        ".",
                                        "...",
                                        "1.2.3",
                                        "1.2.3.4.5",
                                        "1.2.3.",
                                        ".1.2.3",
                                        "256.1.1.1",
                                        "1.2.3.04",
                                        "010.0.0.1",
                                        "1.2.3.4 ",
                                        " 1.2.3.4",
                                        "1.2.3.0x4",
                                        "1.2.3.-4",
                                        "0000.1.1.1",
                                        "4294967297.1.1.1",
                                        "[1.2.3.4]",
                                        "example.org",
                                        "1",
                                        "[",
                                        "]",
                                        "[]",
                                        "[::1",
                                        "::1]",
                                        ":",
                                        ":::",
                                        "1:2:3:4:5:6:7",
                                        "1:2:3:4:5:6:7:8:9",
                                        "1:2:3:4:5:6:7:8:",
                                        ":1:2:3:4:5:6:7:8",
                                        "1:2:3:4::5:6:7:8",
                                        "1::2::3",
                                        "12345::",
                                        "g::",
                                        "::1%eth0",
                                        "::1.2.3",
                                        "::1.2.3.04",
                                        "1.2.3.4::",
                                        "::1.2.3.4:5",
                                        "1:2:3:4:5:6:7:1.2.3.4",
                                        "[[::1]]",
                                        "::-1",
                                        "::0x1"};
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    struct address address = {.port = 77};
    if (address_parse_ip(str_view_from_c(refused[i]), &address) != RESULT_MALFORMED) expect_bytes("", 1, refused[i]);
    expect_int(address.port, ==, 77);
  }
}

/* The rules of RFC 5952 section 4, with its examples. */
static void test_ipv6_is_written_as_rfc_5952_recommends(void) {
  expect_ip_text("2001:0db8::0001", "[2001:db8::1]");              /* 4.1 leading zeros */
  expect_ip_text("2001:db8:0:0:0:0:2:1", "[2001:db8::2:1]");       /* 4.2.1 as short as possible */
  expect_ip_text("2001:db8::1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]"); /* 4.2.2 not for one group */
  expect_ip_text("2001:0:0:1:0:0:0:1", "[2001:0:0:1::1]");         /* 4.2.3 the longest run */
  expect_ip_text("2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]");   /* 4.2.3 the first of equals */
  expect_ip_text("2001:DB8::AAAA", "[2001:db8::aaaa]");            /* 4.3 lower case */
  expect_ip_text("::ffff:192.0.2.1", "[::ffff:192.0.2.1]");        /* 5 */
  expect_ip_text("::", "[::]");
  expect_ip_text("[::1]", "[::1]");
  expect_ip_text("1::", "[1::]");
  expect_ip_text("1:2:3:4:5:6:7::", "[1:2:3:4:5:6:7:0]");
  expect_ip_text("::2:3:4:5:6:7:8", "[0:2:3:4:5:6:7:8]");
  expect_ip_text("64:ff9b::192.0.2.33", "[64:ff9b::c000:221]");
}

static void test_the_port_is_read_or_given(void) {
  struct address address;
  expect_int(address_parse(STR_VIEW("192.0.2.1:5070"), 5060, &address), ==, RESULT_OK);
  expect_int(address.port, ==, 5070);
  expect_int(address_parse(STR_VIEW("192.0.2.1"), 5060, &address), ==, RESULT_OK);
  expect_int(address.port, ==, 5060);
  expect_int(address_parse(STR_VIEW("[2001:db8::1]:65535"), 5060, &address), ==, RESULT_OK);
  expect_int(address.port, ==, 65535);
  expect_int(address_parse(STR_VIEW("[2001:db8::1]"), 5060, &address), ==, RESULT_OK);
  expect_int(address.port, ==, 5060);
  expect_int(address_parse(STR_VIEW("2001:db8::5061"), 5060, &address), ==, RESULT_OK);
  expect_int(address.port, ==, 5060);
  expect_int(address.ip[15], ==, 0x61);
  static const char *const refused[] = {"192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1:000080",
                                        "::1:",       "[::1]:",          "[::1]5060",    "[::1]:5x",
                                        ":5060",      "host:5060"};
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
    if (address_parse(str_view_from_c(refused[i]), 5060, &address) == RESULT_OK) expect_bytes("", 1, refused[i]);
}

static void test_address_and_port_are_written_together(void) {
  char memory[64];
  struct text_builder builder = text_builder_over(memory, sizeof memory);
  struct address address = parsed("::1");
  address.port = 5060;
  address_to_text(&address, &builder);
  address_to_text(&(struct address){0}, &builder);
  expect_view(text_builder_view(&builder), "[::1]:5060");
}

/* Random addresses with many zero groups, against the C library's writer and reader. */
static void test_random_ipv6_agrees_with_the_c_library(void) {
  struct random random;
  random_seed(&random, (struct siphash_key){11, 12});
  for (int i = 0; i < 20000; i++) {
    struct address address = {.family = ADDRESS_IPV6}, again;
    for (int byte = 0; byte < 16; byte++)
      address.ip[byte] = random_between(&random, 0, 3) ? 0 : (uint8_t)random_between(&random, 0, 255);
    char memory[64] = {0};
    struct text_builder builder = text_builder_over(memory, sizeof memory - 1);
    address_ip_to_text(&address, &builder);
    expect_int(address_parse_ip(text_builder_view(&builder), &again), ==, RESULT_OK);
    expect(address_equal(&address, &again));
    memory[builder.length - 1] = 0; /* the bracket */
    uint8_t theirs[16];
    expect_int(inet_pton(AF_INET6, memory + 1, theirs), ==, 1);
    expect(memcmp(theirs, address.ip, 16) == 0);
    if (tap_current_failed) return;
  }
}

static void test_addresses_are_equal_by_family_ip_and_port(void) {
  struct address a = parsed("0.0.0.0"), b = parsed("::");
  expect(!address_equal_ip(&a, &b));
  b = a;
  b.port = 1;
  expect(address_equal_ip(&a, &b));
  expect(!address_equal(&a, &b));
  expect(address_hash(&a) != address_hash(&b));
  b = a;
  expect(address_equal(&a, &b));
  expect(address_hash(&a) == address_hash(&b));
}

static void test_hashes_of_neighbours_differ_in_their_low_bits(void) {
  enum { SLOTS = 4096 };
  static uint8_t used[SLOTS];
  int collisions = 0;
  struct address address = parsed("10.0.0.0");
  for (unsigned i = 0; i < SLOTS / 4; i++) {
    address.ip[2] = (uint8_t)(i >> 8), address.ip[3] = (uint8_t)i;
    collisions += used[address_hash(&address) % SLOTS]++ > 0;
  }
  expect_int(collisions, <, 200); /* 1,024 random marks in 4,096 slots meet some 118 times */
}

static void test_transports_have_the_names_of_a_via(void) {
  expect_view(transport_name(TRANSPORT_UDP), "UDP");
  expect_view(transport_name(TRANSPORT_TLS), "TLS");
  expect_view(transport_name(TRANSPORT_NONE), "");
  expect_int(transport_from_name(STR_VIEW("tcp")), ==, TRANSPORT_TCP);
  expect_int(transport_from_name(STR_VIEW("Udp")), ==, TRANSPORT_UDP);
  expect_int(transport_from_name(STR_VIEW("SCTP")), ==, TRANSPORT_NONE);
  expect_int(transport_from_name(STR_VIEW("")), ==, TRANSPORT_NONE);
}

static void test_the_worker_of_a_flow_counts_only_for_its_connection(void) {
  struct flow a = {.remote = parsed("192.0.2.1"), .transport = TRANSPORT_UDP}, b = a;
  b.worker = 3;
  expect(flow_equal(&a, &b));
  a.connection = b.connection = 9;
  expect(!flow_equal(&a, &b));
  b = a;
  expect(flow_equal(&a, &b));
  b.remote.port = 1;
  expect(!flow_equal(&a, &b));
  b = a;
  b.socket_index = 1;
  expect(!flow_equal(&a, &b));
}

TAP_TESTS(TAP(test_ipv4_is_four_decimal_numbers), TAP(test_what_is_no_literal_is_refused),
          TAP(test_ipv6_is_written_as_rfc_5952_recommends), TAP(test_the_port_is_read_or_given),
          TAP(test_address_and_port_are_written_together), TAP(test_random_ipv6_agrees_with_the_c_library),
          TAP(test_addresses_are_equal_by_family_ip_and_port), TAP(test_hashes_of_neighbours_differ_in_their_low_bits),
          TAP(test_transports_have_the_names_of_a_via), TAP(test_the_worker_of_a_flow_counts_only_for_its_connection))
