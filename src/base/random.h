/* A seeded generator whose output strangers cannot predict: SipHash of a counter under a secret key. The worker seeds
 * it from the kernel, the simulator from a number. Not for keys that protect data for years. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/siphash.h"

struct random {
  struct siphash_key key;
  uint64_t counter;
};

static inline void random_seed(struct random *random, struct siphash_key key) {
  random->key = key;
  random->counter = 0;
}

uint64_t random_u64(struct random *random);

/* Evenly from `low` to `high`, both included; `low` ≤ `high`. */
uint32_t random_between(struct random *random, uint32_t low, uint32_t high);

/* True with a probability of `parts` in a million. */
bool random_chance_ppm(struct random *random, uint32_t parts);

#endif
