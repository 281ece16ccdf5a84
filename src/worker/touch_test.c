#include "worker/touch.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "tap.h"

#define PAGE  4096
#define PAGES 64

static char *memory;
static struct touch touch;

static void start(void) {
  if (memory) munmap(memory, PAGES * PAGE);
  memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) abort();
  touch = (struct touch){0};
}

/* The pool's memory is used up to there. */
static void use(size_t bytes) {
  touch_ahead(&touch, 3, str_view_of(memory + bytes, PAGES * PAGE - bytes));
}

static int resident_pages(void) {
  unsigned char is_resident[PAGES];
  int count = 0;
  if (mincore(memory, PAGES * PAGE, is_resident) != 0) abort();
  for (int i = 0; i < PAGES; i++)
    count += is_resident[i] & 1;
  return count;
}

static void test_a_pool_that_does_not_grow_gets_nothing(void) {
  start();
  use(PAGE);
  use(PAGE);
  use(PAGE);
  expect_int(resident_pages(), ==, 0);
}

static void test_a_pool_that_grows_finds_twice_as_much_there(void) {
  start();
  use(0);
  use(4 * PAGE);
  expect_int(resident_pages(), ==, 8);
  use(6 * PAGE);
  expect_int(resident_pages(), ==, 8);
  use(11 * PAGE);
  expect_int(resident_pages(), ==, 17);
}

static void test_nothing_is_touched_behind_the_end(void) {
  start();
  use(0);
  use(60 * PAGE);
  expect_int(resident_pages(), ==, 4);
  use(64 * PAGE);
  expect_int(resident_pages(), ==, 4);
}

TAP_TESTS(TAP(test_a_pool_that_does_not_grow_gets_nothing), TAP(test_a_pool_that_grows_finds_twice_as_much_there),
          TAP(test_nothing_is_touched_behind_the_end))
