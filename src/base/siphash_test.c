#include "base/siphash.h"

#include "tap.h"

/* The first and some later rows of vectors_sip64 in the authors' reference implementation: key 00 01 … 0f, the message
 * 00 01 … of the row's length. The row of 15 bytes is also appendix A of their paper. */
static const struct {
  size_t length;
  uint64_t hash;
} vectors[] = {
    {0, UINT64_C(0x726fdb47dd0e0e31)},  {1, UINT64_C(0x74f839c593dc67fd)},  {2, UINT64_C(0x0d6c8009d9a94f5a)},
    {3, UINT64_C(0x85676696d7fb7e2d)},  {4, UINT64_C(0xcf2794e0277187b7)},  {5, UINT64_C(0x18765564cd99a68d)},
    {6, UINT64_C(0xcbc9466e58fee3ce)},  {7, UINT64_C(0xab0200f58b01d137)},  {8, UINT64_C(0x93f5f5799a932462)},
    {9, UINT64_C(0x9e0082df0ba9e4b0)},  {10, UINT64_C(0x7a5dbbc594ddb9f3)}, {11, UINT64_C(0xf4b32f46226bada7)},
    {12, UINT64_C(0x751e8fbc860ee5fb)}, {13, UINT64_C(0x14ea5627c0843d90)}, {14, UINT64_C(0xf723ca908e7af2ee)},
    {15, UINT64_C(0xa129ca6149be45e5)}, {63, UINT64_C(0x958a324ceb064572)},
};

static void test_the_authors_vectors_are_met(void) {
  static const struct siphash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
  unsigned char message[64];
  for (size_t i = 0; i < sizeof message; i++)
    message[i] = (unsigned char)i;
  for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
    expect_int(siphash(&key, message, vectors[i].length), ==, vectors[i].hash);
}

static void test_an_empty_view_may_have_no_memory(void) {
  static const struct siphash_key key = {1, 2};
  expect(siphash(&key, NULL, 0) == siphash(&key, "", 0));
}

static void test_another_key_gives_another_hash(void) {
  expect(siphash(&(struct siphash_key){1, 2}, "a", 1) != siphash(&(struct siphash_key){1, 3}, "a", 1));
  expect(siphash(&(struct siphash_key){1, 2}, "a", 1) != siphash(&(struct siphash_key){2, 2}, "a", 1));
}

TAP_TESTS(TAP(test_the_authors_vectors_are_met), TAP(test_an_empty_view_may_have_no_memory),
          TAP(test_another_key_gives_another_hash))
