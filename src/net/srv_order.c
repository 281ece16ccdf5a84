#include "net/srv_order.h"

#include <stdbool.h>

static void swap(uint8_t *a, uint8_t *b) {
  uint8_t kept = *a;
  *a = *b;
  *b = kept;
}

/* RFC 2782: those with weight 0 stand at the beginning of the list, so that the random number 0 chooses one of them. */
static bool stands_before(const struct srv_target *a, const struct srv_target *b) {
  if (a->priority != b->priority) return a->priority < b->priority;
  return a->weight == 0 && b->weight != 0;
}

static void sort(const struct srv_target *targets, uint8_t count, uint8_t *order) {
  for (uint8_t i = 1; i < count; i++)
    for (uint8_t j = i; j > 0 && stands_before(&targets[order[j]], &targets[order[j - 1]]); j--)
      swap(&order[j], &order[j - 1]);
}

/* Of the not yet ordered targets of one priority, the place of the one whose running sum of weights first reaches a
 * random number between 0 and the sum, both included. */
static uint8_t choose(const struct srv_target *targets, const uint8_t *order, uint8_t count, struct random *random) {
  uint32_t sum = 0, running = 0;
  for (uint8_t i = 0; i < count; i++)
    sum += targets[order[i]].weight;
  uint32_t number = random_between(random, 0, sum);
  for (uint8_t i = 0; i < count; i++) {
    running += targets[order[i]].weight;
    if (running >= number) return i;
  }
  return 0;
}

void srv_order(const struct srv_target *targets, uint8_t count, struct random *random, uint8_t *order_out) {
  for (uint8_t i = 0; i < count; i++)
    order_out[i] = i;
  sort(targets, count, order_out);
  for (uint8_t first = 0; first < count; first++) {
    uint8_t equal = 0;
    while (first + equal < count && targets[order_out[first + equal]].priority == targets[order_out[first]].priority)
      equal++;
    uint8_t chosen = (uint8_t)(first + choose(targets, order_out + first, equal, random));
    /* Moved to the front without disturbing the rest, so that weights of 0 stay at its beginning. */
    for (; chosen > first; chosen--)
      swap(&order_out[chosen], &order_out[chosen - 1]);
  }
}
