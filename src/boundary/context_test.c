#include "boundary/context.h"

#include "tap.h"

#define NO_SOCKET 99

static const struct local_identity local = {
    .sockets =
        {
            {.bound = {.family = ADDRESS_IPV4}, .transport = TRANSPORT_UDP},
            {.bound = {.family = ADDRESS_IPV6}, .transport = TRANSPORT_UDP},
            {.bound = {.family = ADDRESS_IPV4}, .transport = TRANSPORT_TCP},
            {.bound = {.family = ADDRESS_IPV4}, .transport = TRANSPORT_UDP},
            {.bound = {.family = ADDRESS_IPV4}, .transport = TRANSPORT_TLS}, /* behind what is counted */
        },
    .socket_count = 4,
};

/* Which one is found where `known` was named before; NO_SOCKET: none, and `known` is as it was. */
static unsigned found(enum transport transport, uint8_t family, uint16_t known) {
  uint16_t index = known;
  if (local_identity_find_socket(&local, transport, family, &index)) return index;
  expect_int(index, ==, known);
  return NO_SOCKET;
}

static void test_a_known_socket_that_will_do_is_kept(void) {
  expect_int(found(TRANSPORT_UDP, ADDRESS_IPV4, 0), ==, 0);
  expect_int(found(TRANSPORT_UDP, ADDRESS_IPV4, 3), ==, 3);
  expect_int(found(TRANSPORT_UDP, ADDRESS_NONE, 3), ==, 3);
  expect_int(found(TRANSPORT_UDP, ADDRESS_NONE, 1), ==, 1);
}

static void test_else_it_is_the_first_of_transport_and_family(void) {
  expect_int(found(TRANSPORT_UDP, ADDRESS_IPV4, 1), ==, 0);
  expect_int(found(TRANSPORT_UDP, ADDRESS_IPV4, 2), ==, 0);
  expect_int(found(TRANSPORT_UDP, ADDRESS_IPV6, 3), ==, 1);
  expect_int(found(TRANSPORT_TCP, ADDRESS_IPV4, 0), ==, 2);
  expect_int(found(TRANSPORT_TCP, ADDRESS_NONE, 0), ==, 2);
  expect_int(found(TRANSPORT_UDP, ADDRESS_IPV4, UINT16_MAX), ==, 0);
}

static void test_where_there_is_none_the_index_stays(void) {
  expect_int(found(TRANSPORT_TCP, ADDRESS_IPV6, 1), ==, NO_SOCKET);
  expect_int(found(TRANSPORT_TLS, ADDRESS_IPV4, 4), ==, NO_SOCKET);
  expect_int(found(TRANSPORT_TLS, ADDRESS_NONE, UINT16_MAX), ==, NO_SOCKET);
}

TAP_TESTS(TAP(test_a_known_socket_that_will_do_is_kept), TAP(test_else_it_is_the_first_of_transport_and_family),
          TAP(test_where_there_is_none_the_index_stays))
