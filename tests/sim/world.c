#include "sim/world.h"

#include <stdarg.h>

#include "sim/switch_node.h"
#include "sim/watcher.h"

/* Virtual time begins at 0; the switch's clocks stand elsewhere, as they do in life. */
#define MONO_START_MS 1000000
#define WALL_START_US 1767225600000000LL /* 2026-01-01T00:00:00Z */

#define DEFAULT_DELAY_US (2 * MS_US)

void world_init(struct world *world, uint64_t seed) {
  *world = (struct world){.seed = seed};
  for (unsigned i = 0; i < CHANCE_COUNT; i++)
    random_seed(&world->chance[i], (struct siphash_key){seed, i});
  world->network.faults = (struct link_faults){.delay_min_us = DEFAULT_DELAY_US, .delay_max_us = DEFAULT_DELAY_US};
}

void world_reset(struct world *world) {
  for (unsigned i = 0; i < world->node_count; i++)
    switch_node_destroy(world->nodes[i]);
  world->node_count = 0;
  event_queue_reset(&world->queue);
  event_log_reset(&world->log);
  sim_memory_reset(&world->memory);
}

struct sim_event *world_at(struct world *world, int64_t at_us,
                           void (*happen)(struct world *world, void *subject, void *detail), void *subject,
                           void *detail) {
  struct sim_event *event = sim_take(&world->memory, sizeof *event);
  *event = (struct sim_event){
      .at_us = at_us < world->now_us ? world->now_us : at_us, .happen = happen, .subject = subject, .detail = detail};
  event_queue_put(&world->queue, event);
  return event;
}

void world_cancel(struct sim_event **event) {
  if (*event) (*event)->happen = NULL;
  *event = NULL;
}

/* The switch that wants to be woken first; NULL: none does. */
static struct switch_node *next_to_wake(const struct world *world, int64_t *wake_us_out) {
  struct switch_node *first = NULL;
  *wake_us_out = INT64_MAX;
  for (unsigned i = 0; i < world->node_count; i++) {
    int64_t wake_us = switch_node_wake_us(world->nodes[i]);
    if (wake_us >= *wake_us_out) continue;
    *wake_us_out = wake_us;
    first = world->nodes[i];
  }
  return first;
}

bool world_step(struct world *world, int64_t until_us) {
  if (world->failure) return false;
  const struct sim_event *first = event_queue_first(&world->queue);
  int64_t event_us = first ? first->at_us : INT64_MAX;
  int64_t wake_us;
  struct switch_node *node = next_to_wake(world, &wake_us);
  int64_t next_us = event_us < wake_us ? event_us : wake_us;
  if (next_us == INT64_MAX || next_us > until_us) {
    if (until_us != INT64_MAX && until_us > world->now_us) world->now_us = until_us;
    return false;
  }
  if (next_us > world->now_us) world->now_us = next_us;
  world->events++;
  if (event_us <= wake_us) {
    struct sim_event *event = event_queue_take(&world->queue);
    event->happen(world, event->subject, event->detail);
  } else {
    switch_node_advance(node);
  }
  return !world->failure;
}

void world_fail(struct world *world, const char *format, ...) {
  if (world->failure) return;
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  world->failure = sim_format(&world->memory, "at %lld.%06lld: %s", (long long)(world->now_us / SECOND_US),
                              (long long)(world->now_us % SECOND_US), text);
  log_line(world, "WRONG: %s", text);
}

int64_t world_draw(struct world *world, enum chance chance, int64_t low, int64_t high) {
  if (high <= low) return low;
  uint64_t span = (uint64_t)(high - low) + 1;
  return low + (int64_t)(random_u64(&world->chance[chance]) % span);
}

bool world_chance_ppm(struct world *world, enum chance chance, uint32_t parts) {
  return parts > 0 && random_chance_ppm(&world->chance[chance], parts);
}

struct mono_ms world_mono(const struct world *world) {
  return (struct mono_ms){MONO_START_MS + world->now_us / MS_US};
}

struct wall_us world_wall(const struct world *world) {
  return (struct wall_us){WALL_START_US + world->now_us + world->wall_set_us};
}

void world_set_wall(struct world *world, int64_t by_us) {
  if (world_wall(world).value > world->wall_most_us) world->wall_most_us = world_wall(world).value;
  world->wall_set_us += by_us;
  log_line(world, "the wall clock is set by %lld s", (long long)(by_us / SECOND_US));
}

/* A call counts on with the clock that it began with. */
struct wall_us world_wall_latest(const struct world *world) {
  int64_t now = world_wall(world).value, most = world->wall_most_us > 0 ? world->wall_most_us + world->now_us : 0;
  return (struct wall_us){now > most ? now : most};
}
