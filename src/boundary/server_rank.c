#include "boundary/server_rank.h"

#include "base/check.h"

static bool is_tried(uint16_t tried, uint8_t index) {
  return tried >> index & 1;
}

/* The next address of a server of which one has been tried; -1: there is none. */
static int next_of_begun(const struct server_rank *ranks, uint8_t count, uint16_t tried) {
  for (uint8_t i = 0; i < count; i++)
    for (uint8_t j = 0; j < count && !is_tried(tried, i); j++)
      if (is_tried(tried, j) && ranks[j].server == ranks[i].server) return i;
  return -1;
}

static bool is_first_of_its_server(const struct server_rank *ranks, uint8_t index) {
  for (uint8_t i = 0; i < index; i++)
    if (ranks[i].server == ranks[index].server) return false;
  return true;
}

/* Those between which is drawn: of each untried server of the lowest priority the first address. RFC 2782: weights of 0
 * stand at the beginning, so that the random number 0 chooses one of them. */
static uint8_t list_candidates(const struct server_rank *ranks, uint8_t count, uint16_t tried, uint8_t *list) {
  uint32_t lowest = UINT32_MAX;
  uint8_t length = 0;
  for (uint8_t i = 0; i < count; i++)
    if (!is_tried(tried, i) && ranks[i].priority < lowest) lowest = ranks[i].priority;
  for (int with_weight = 0; with_weight < 2; with_weight++)
    for (uint8_t i = 0; i < count; i++)
      if (!is_tried(tried, i) && ranks[i].priority == lowest && (ranks[i].weight > 0) == with_weight &&
          is_first_of_its_server(ranks, i))
        list[length++] = i;
  return length;
}

/* The one whose running sum of weights first reaches a random number between 0 and the sum, both included. */
static uint8_t draw(const struct server_rank *ranks, const uint8_t *list, uint8_t length, struct random *random) {
  uint32_t sum = 0, running = 0;
  for (uint8_t i = 0; i < length; i++)
    sum += ranks[list[i]].weight;
  if (sum == 0 || length == 1) return list[0];
  uint32_t number = random_between(random, 0, sum);
  for (uint8_t i = 0; i < length; i++) {
    running += ranks[list[i]].weight;
    if (running >= number) return list[i];
  }
  return list[0];
}

int server_draw(const struct server_rank *ranks, uint8_t count, uint16_t tried, struct random *random) {
  uint8_t list[SERVER_ADDRESSES_MAX];
  require(count <= SERVER_ADDRESSES_MAX);
  int begun = next_of_begun(ranks, count, tried);
  if (begun >= 0) return begun;
  uint8_t length = list_candidates(ranks, count, tried, list);
  return length > 0 ? draw(ranks, list, length, random) : -1;
}
