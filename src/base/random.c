#include "base/random.h"

uint64_t random_u64(struct random *random) {
  uint64_t counter = random->counter++;
  return siphash(&random->key, &counter, sizeof counter);
}

uint32_t random_between(struct random *random, uint32_t low, uint32_t high) {
  uint32_t span = high - low + 1; /* 0: all of the type */
  if (span == 0) return (uint32_t)(random_u64(random) >> 32);
  /* Multiply and shift; the few products that would favour some values are thrown away (Lemire 2019). */
  uint32_t unfair_below = -span % span;
  uint64_t product;
  do
    product = (random_u64(random) >> 32) * span;
  while ((uint32_t)product < unfair_below);
  return low + (uint32_t)(product >> 32);
}

bool random_chance_ppm(struct random *random, uint32_t parts) {
  return random_between(random, 0, 999999) < parts;
}
