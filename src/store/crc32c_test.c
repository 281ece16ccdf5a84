#include "store/crc32c.h"

#include "tap.h"

static void test_the_sum_of_the_nine_digits_is_the_known_one(void) {
  expect_int(crc32c(0, "123456789", 9), ==, 0xE3069283);
  expect_int(crc32c_portable(0, "123456789", 9), ==, 0xE3069283);
  expect_int(crc32c(0, "", 0), ==, 0);
}

static void test_both_ways_agree_at_every_length_and_place(void) {
  uint8_t bytes[80];
  for (unsigned i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t)(i * 37 + 11);
  for (unsigned from = 0; from < 8; from++)
    for (unsigned length = 0; from + length <= sizeof bytes; length++)
      expect_int(crc32c(7, bytes + from, length), ==, crc32c_portable(7, bytes + from, length));
}

static void test_a_sum_can_be_taken_in_pieces(void) {
  expect_int(crc32c(crc32c(0, "1234", 4), "56789", 5), ==, crc32c(0, "123456789", 9));
}

static void test_every_flipped_bit_is_noticed(void) {
  char text[] = "a record of a call";
  uint32_t sum = crc32c(0, text, sizeof text);
  for (unsigned bit = 0; bit < sizeof text * 8; bit++) {
    text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
    expect(crc32c(0, text, sizeof text) != sum);
    text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
  }
}

TAP_TESTS(TAP(test_the_sum_of_the_nine_digits_is_the_known_one), TAP(test_both_ways_agree_at_every_length_and_place),
          TAP(test_a_sum_can_be_taken_in_pieces), TAP(test_every_flipped_bit_is_noticed))
