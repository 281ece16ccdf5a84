#include "dialog/next_hop.h"

#include "dialog/dialog_fixture.h"

static struct flow hop(struct world *world, const char *uri, bool secure, struct flow known) {
  return next_hop_flow(&world->local, world_view(uri), secure, &known);
}

static void expect_hop(const struct flow *flow, enum transport transport, unsigned socket_index, const char *remote) {
  expect_int(flow->transport, ==, transport);
  expect_int(flow->socket_index, ==, socket_index);
  expect_remote(flow, remote);
}

static void test_an_address_in_the_uri_is_where_requests_go(void) {
  struct world *world = world_create(4);
  struct flow flow = hop(world, "sip:a@203.0.113.9:5080", false, udp_from("198.51.100.7:5060"));
  expect_hop(&flow, TRANSPORT_UDP, SOCKET_UDP, "203.0.113.9:5080");
  world_end(world);
}

static void test_ports_default_by_transport(void) {
  struct world *world = world_create(4);
  struct flow known = udp_from("198.51.100.7:5070");
  struct flow udp = hop(world, "sip:203.0.113.9", false, known);
  struct flow tcp = hop(world, "sip:203.0.113.9;transport=tcp", false, known);
  struct flow tls = hop(world, "sips:a@203.0.113.9", false, known);
  expect_hop(&udp, TRANSPORT_UDP, SOCKET_UDP, "203.0.113.9:5060");
  expect_hop(&tcp, TRANSPORT_TCP, SOCKET_TCP, "203.0.113.9:5060");
  expect_hop(&tls, TRANSPORT_TLS, SOCKET_TLS, "203.0.113.9:5061");
  world_end(world);
}

static void test_a_secure_target_goes_over_tls_to_any_hop(void) {
  struct world *world = world_create(4);
  struct flow flow = hop(world, "sip:203.0.113.9;lr", true, udp_from("198.51.100.7:5060"));
  expect_hop(&flow, TRANSPORT_TLS, SOCKET_TLS, "203.0.113.9:5061");
  world_end(world);
}

static void test_maddr_wins_over_the_host(void) {
  struct world *world = world_create(4);
  struct flow flow = hop(world, "sip:gw.example.com:5090;maddr=203.0.113.4", false, udp_from("198.51.100.7:5060"));
  expect_hop(&flow, TRANSPORT_UDP, SOCKET_UDP, "203.0.113.4:5090");
  world_end(world);
}

static void test_a_host_name_keeps_the_known_way(void) {
  struct world *world = world_create(4);
  struct flow known = udp_from("198.51.100.7:5062");
  struct flow flow = hop(world, "sip:a@gw.example.com", false, known);
  expect(flow_equal(&flow, &known));
  flow = hop(world, "nonsense", false, known);
  expect(flow_equal(&flow, &known));
  world_end(world);
}

static bool names(const char *uri, const char *host, enum transport transport, uint16_t port) {
  struct flow known = udp_from("198.51.100.7:5062");
  struct next_hop_name name;
  return next_hop_name_of(world_view(uri), false, &known, &name) && str_view_equal(name.host, world_view(host)) &&
         name.transport == transport && name.port == port;
}

/* RFC 3263 §4.1, §4.2 */
static void test_what_is_looked_up_is_what_the_uri_leaves_open(void) {
  expect(names("sip:a@gw.example.com", "gw.example.com", TRANSPORT_NONE, 0));
  expect(names("sip:gw.example.com:5070", "gw.example.com", TRANSPORT_UDP, 5070));
  expect(names("sip:gw.example.com;transport=tcp", "gw.example.com", TRANSPORT_TCP, 0));
  expect(names("sips:gw.example.com", "gw.example.com", TRANSPORT_TLS, 0));
  expect(names("sip:192.0.2.7;maddr=gw.example.com", "gw.example.com", TRANSPORT_NONE, 0));
  expect(!names("sip:gw.example.com;maddr=192.0.2.7", "192.0.2.7", TRANSPORT_NONE, 0));
  expect(!names("nonsense", "", TRANSPORT_NONE, 0));
}

static void test_of_a_names_addresses_the_first_one_in_reach_is_taken(void) {
  struct world *world = world_create(4);
  struct flow known = udp_from("198.51.100.7:5060");
  struct address addresses[] = {world_address("203.0.113.5:5070"), world_address("198.51.100.7:5060")};
  struct flow flow = next_hop_flow_among(&world->local, addresses, 1, TRANSPORT_UDP, &known);
  expect_hop(&flow, TRANSPORT_UDP, SOCKET_UDP, "203.0.113.5:5070");
  flow = next_hop_flow_among(&world->local, addresses, 1, TRANSPORT_TCP, &known);
  expect_hop(&flow, TRANSPORT_TCP, SOCKET_TCP, "203.0.113.5:5070");
  flow = next_hop_flow_among(&world->local, addresses, 2, TRANSPORT_UDP, &known); /* the peer is one of them */
  expect(flow_equal(&flow, &known));
  flow = next_hop_flow_among(&world->local, addresses, 0, TRANSPORT_UDP, &known);
  expect(flow_equal(&flow, &known));
  addresses[0] = world_address("10.0.0.5:5060"); /* what it is called inside */
  flow = next_hop_flow_among(&world->local, addresses, 1, TRANSPORT_UDP, &known);
  expect(flow_equal(&flow, &known));
  world_end(world);
}

static void test_ipv6_goes_out_of_the_ipv6_socket(void) {
  struct world *world = world_create(4);
  struct flow flow = hop(world, "sip:a@[2001:db8::7]:5062", false, udp_from("198.51.100.7:5060"));
  expect_hop(&flow, TRANSPORT_UDP, SOCKET_UDP6, "[2001:db8::7]:5062");
  world_end(world);
}

static void test_without_a_fitting_socket_the_known_way_is_kept(void) {
  struct world *world = world_create(4);
  struct flow known = udp_from("198.51.100.7:5060");
  struct flow flow = hop(world, "sip:a@[2001:db8::7];transport=tcp", false, known);
  expect(flow_equal(&flow, &known));
  world_end(world);
}

static void test_a_connection_is_used_again_for_the_same_peer(void) {
  struct world *world = world_create(4);
  struct flow known = world_flow(TRANSPORT_TCP, SOCKET_TCP, "198.51.100.7:40123", 77);
  struct flow same = hop(world, "sip:a@198.51.100.7:5060;transport=tcp", false, known);
  expect(flow_equal(&same, &known));
  struct flow forgetful = hop(world, "sip:a@198.51.100.7:5060", false, known);
  expect(flow_equal(&forgetful, &known));
  struct flow other = hop(world, "sip:a@198.51.100.8:5060;transport=tcp", false, known);
  expect_hop(&other, TRANSPORT_TCP, SOCKET_TCP, "198.51.100.8:5060");
  expect_int(other.connection, ==, 0);
  world_end(world);
}

static void test_a_peer_on_tcp_may_ask_for_udp(void) {
  struct world *world = world_create(4);
  struct flow known = world_flow(TRANSPORT_TCP, SOCKET_TCP, "198.51.100.7:40123", 77);
  struct flow flow = hop(world, "sip:a@198.51.100.7:5060;transport=udp", false, known);
  expect_hop(&flow, TRANSPORT_UDP, SOCKET_UDP, "198.51.100.7:5060");
  expect_int(flow.connection, ==, 0);
  world_end(world);
}

static void test_an_address_of_narrower_reach_is_behind_nat(void) {
  static const char *const pairs[][2] = {
      {"sip:a@10.0.0.5", "198.51.100.7:5060"},
      {"sip:a@172.31.0.5", "198.51.100.7:5060"},
      {"sip:a@192.168.1.5", "198.51.100.7:5060"},
      {"sip:a@100.64.3.3", "198.51.100.7:5060"},
      {"sip:a@169.254.3.3", "10.0.0.7:5060"},
      {"sip:a@127.0.0.1", "10.0.0.7:5060"},
      {"sip:a@0.0.0.0", "127.0.0.1:5060"},
      {"sip:a@[fd00::5]", "[2001:db8::7]:5060"},
      {"sip:a@[fe80::5]", "[fd00::7]:5060"},
      {"sip:a@[::1]", "[fd00::7]:5060"},
      {"sip:a@[::]", "[::1]:5060"},
  };
  struct world *world = world_create(4);
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    struct flow known = udp_from(pairs[i][1]);
    struct flow flow = hop(world, pairs[i][0], false, known);
    expect(flow_equal(&flow, &known));
  }
  world_end(world);
}

static void test_an_address_of_the_same_or_wider_reach_is_believed(void) {
  static const char *const pairs[][3] = {
      {"sip:a@172.32.0.5", "198.51.100.7:5060", "172.32.0.5:5060"},
      {"sip:a@10.0.0.5", "10.9.9.9:5060", "10.0.0.5:5060"},
      {"sip:a@10.0.0.5", "127.0.0.1:5060", "10.0.0.5:5060"},
      {"sip:a@198.51.100.9", "10.0.0.7:5060", "198.51.100.9:5060"},
      {"sip:a@100.128.0.1", "198.51.100.7:5060", "100.128.0.1:5060"},
  };
  struct world *world = world_create(4);
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    struct flow flow = hop(world, pairs[i][0], false, udp_from(pairs[i][1]));
    expect_remote(&flow, pairs[i][2]);
  }
  world_end(world);
}

static bool translated(struct world *world, const char *via, struct flow source) {
  const struct sip_message *request = received(world,
                                               "OPTIONS sip:b@192.0.2.1 SIP/2.0\n"
                                               "Via: SIP/2.0/%s;branch=z9hG4bKx\n"
                                               "From: <sip:a@example.org>;tag=1\n"
                                               "To: <sip:b@example.org>\n"
                                               "Call-ID: x\n"
                                               "CSeq: 1 OPTIONS\n",
                                               via);
  return next_hop_sender_is_translated(request, &source);
}

static void test_a_sender_that_writes_another_address_than_its_own_is_translated(void) {
  struct world *world = world_create(4);
  expect(translated(world, "UDP 10.0.0.5:5060", udp_from("198.51.100.7:5060")));
  expect(translated(world, "UDP 10.0.0.5:5060;rport", udp_from("10.0.0.7:5060")));
  expect(!translated(world, "UDP 198.51.100.7:5060;rport", udp_from("198.51.100.7:5060")));
  expect(!translated(world, "UDP 198.51.100.7", udp_from("198.51.100.7:5060")));
  world_end(world);
}

static void test_a_name_in_via_tells_nothing_of_translation(void) {
  struct world *world = world_create(4);
  expect(!translated(world, "UDP gw.example.com:5060;rport", udp_from("198.51.100.7:5062")));
  world_end(world);
}

/* Some gateways send from an ephemeral port and hear on 5060: they do not ask for answers to the port they send from.
 */
static void test_another_port_is_translation_only_with_rport(void) {
  struct world *world = world_create(4);
  expect(translated(world, "UDP 198.51.100.7:5060;rport", udp_from("198.51.100.7:40123")));
  expect(!translated(world, "UDP 198.51.100.7:5060", udp_from("198.51.100.7:40123")));
  world_end(world);
}

static void test_ports_of_connections_say_nothing(void) {
  struct world *world = world_create(4);
  struct flow flow = world_flow(TRANSPORT_TCP, SOCKET_TCP, "198.51.100.7:40123", 77);
  expect(!translated(world, "TCP 198.51.100.7:5060;rport", flow));
  expect(translated(world, "TCP 10.0.0.5:5060", flow));
  world_end(world);
}

TAP_TESTS(TAP(test_an_address_in_the_uri_is_where_requests_go), TAP(test_ports_default_by_transport),
          TAP(test_a_secure_target_goes_over_tls_to_any_hop), TAP(test_maddr_wins_over_the_host),
          TAP(test_a_host_name_keeps_the_known_way), TAP(test_what_is_looked_up_is_what_the_uri_leaves_open),
          TAP(test_of_a_names_addresses_the_first_one_in_reach_is_taken), TAP(test_ipv6_goes_out_of_the_ipv6_socket),
          TAP(test_without_a_fitting_socket_the_known_way_is_kept),
          TAP(test_a_connection_is_used_again_for_the_same_peer), TAP(test_a_peer_on_tcp_may_ask_for_udp),
          TAP(test_an_address_of_narrower_reach_is_behind_nat),
          TAP(test_an_address_of_the_same_or_wider_reach_is_believed),
          TAP(test_a_sender_that_writes_another_address_than_its_own_is_translated),
          TAP(test_a_name_in_via_tells_nothing_of_translation), TAP(test_another_port_is_translation_only_with_rport),
          TAP(test_ports_of_connections_say_nothing))
