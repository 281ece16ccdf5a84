#include "base/block_store.h"

#include <stdlib.h>

#include "tap.h"

static struct block_store store;
static void *memory;
static char text[70000];

static void start(const uint32_t capacity[BLOCK_STORE_CLASSES]) {
  free(memory);
  size_t bytes = block_store_memory_bytes(capacity);
  memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (!memory) abort();
  memset(memory, 0, bytes);
  block_store_init(&store, memory, capacity);
  for (size_t i = 0; i < sizeof text; i++)
    text[i] = (char)('a' + i % 26);
}

static bool holds(const struct block *block, size_t length) {
  return str_view_equal(block_store_view(&store, block), str_view_of(text, length));
}

static void test_every_size_up_to_the_largest_comes_back_as_it_was(void) {
  uint32_t one_each[BLOCK_STORE_CLASSES];
  for (unsigned i = 0; i < BLOCK_STORE_CLASSES; i++)
    one_each[i] = 1;
  start(one_each);
  static const size_t lengths[] = {1,   63,  64,  65,  95,  96,  97,  127,  128,  129,  192,  193,   256,   257,  320,
                                   321, 384, 448, 449, 512, 513, 640, 1024, 2048, 4096, 4097, 16384, 65535, 65536};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    struct block block = {0};
    expect_int(block_store_set(&store, &block, str_view_of(text, lengths[i])), ==, RESULT_OK);
    expect(holds(&block, lengths[i]));
    /* The smallest that holds it. */
    expect(store.bytes_used >= lengths[i]);
    expect(block.size_class == 1 || store.pools[block.size_class - 2].slot_bytes < lengths[i]);
    block_store_clear(&store, &block);
    expect_int(block.size_class, ==, 0);
  }
  struct block block = {0};
  expect_int(block_store_set(&store, &block, str_view_of(text, 65537)), ==, RESULT_FULL);
  expect(store.bytes_used == 0);
}

static void test_a_larger_class_helps_out_until_all_are_full(void) {
  start((const uint32_t[BLOCK_STORE_CLASSES]){[BLOCK_256] = 1, [BLOCK_1024] = 1});
  struct block a = {0}, b = {0}, c = {0};
  expect_int(block_store_set(&store, &a, str_view_of(text, 10)), ==, RESULT_OK);
  expect_int(block_store_set(&store, &b, str_view_of(text, 20)), ==, RESULT_OK);
  expect_int(b.size_class, ==, 1 + BLOCK_1024);
  expect_int(block_store_set(&store, &c, str_view_of(text, 30)), ==, RESULT_FULL);
  expect_int(c.size_class, ==, 0);
  /* A block may be overwritten in its own room even when there is no other. */
  expect_int(block_store_set(&store, &b, str_view_of(text, 1000)), ==, RESULT_OK);
  expect(holds(&b, 1000));
  expect_int(block_store_set(&store, &a, str_view_of(text, 257)), ==, RESULT_FULL);
  expect(holds(&a, 10));
  expect(store.bytes_used == 256 + 1024);
}

static void test_a_text_inside_the_block_itself_may_replace_it(void) {
  start((const uint32_t[BLOCK_STORE_CLASSES]){[BLOCK_128] = 1, [BLOCK_512] = 1});
  struct block block = {0};
  expect_int(block_store_set(&store, &block, str_view_of(text, 500)), ==, RESULT_OK);
  struct str_view tail = str_view_from(block_store_view(&store, &block), 26);
  expect_int(block_store_set(&store, &block, tail), ==, RESULT_OK);
  expect(holds(&block, 474));
  tail = str_view_slice(block_store_view(&store, &block), 26, 100);
  expect_int(block_store_set(&store, &block, tail), ==, RESULT_OK);
  expect_int(block.size_class, ==, 1 + BLOCK_128);
  expect(holds(&block, 100));
  expect_int(store.pools[BLOCK_512].used, ==, 0);
}

static void test_empty_text_is_no_block(void) {
  start((const uint32_t[BLOCK_STORE_CLASSES]){[BLOCK_128] = 1});
  struct block block = {0};
  expect_view(block_store_view(&store, &block), "");
  block_store_clear(&store, &block);
  expect_int(block_store_set(&store, &block, STR_VIEW("a")), ==, RESULT_OK);
  expect_int(block_store_set(&store, &block, STR_VIEW("")), ==, RESULT_OK);
  expect_int(block.size_class, ==, 0);
  expect_int(store.pools[0].used, ==, 0);
  expect(store.bytes_used == 0);
}

TAP_TESTS(TAP(test_every_size_up_to_the_largest_comes_back_as_it_was),
          TAP(test_a_larger_class_helps_out_until_all_are_full),
          TAP(test_a_text_inside_the_block_itself_may_replace_it), TAP(test_empty_text_is_no_block))
