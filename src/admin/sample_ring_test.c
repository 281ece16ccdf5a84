#include "admin/sample_ring.h"

#include <math.h>

#include "tap.h"

static void add(struct sample_ring *ring, float calls, float acd_s) {
  struct sample sample = {.calls = calls, .acd_s = acd_s};
  sample_ring_add(ring, &sample);
}

static void test_a_full_ring_forgets_its_oldest_sample(void) {
  struct sample_ring ring;
  expect(sample_ring_open(&ring, 3));
  expect(sample_ring_back(&ring, 0) == NULL);
  for (int i = 1; i <= 4; i++)
    add(&ring, (float)i, 0);
  expect_int(sample_ring_back(&ring, 0)->calls, ==, 4);
  expect_int(sample_ring_back(&ring, 2)->calls, ==, 2);
  expect(sample_ring_back(&ring, 3) == NULL);
  sample_ring_close(&ring);
}

static void test_means_leave_out_what_is_not_known(void) {
  struct sample_ring ring;
  expect(sample_ring_open(&ring, 8));
  add(&ring, 100, 1);
  add(&ring, 2, NAN);
  add(&ring, 4, 30);
  struct sample mean = sample_ring_mean(&ring, 2);
  expect_int(mean.calls, ==, 3);
  expect_int(mean.acd_s, ==, 30);
  expect(isnan(sample_ring_mean(&ring, 0).calls));
  sample_ring_close(&ring);
}

TAP_TESTS(TAP(test_a_full_ring_forgets_its_oldest_sample), TAP(test_means_leave_out_what_is_not_known))
