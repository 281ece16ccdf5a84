/* One simulated world: a virtual clock, a network, switches, actors, and those who watch that all is right. Everything
 * random in it comes from its seed; there are no globals, so that worlds do not know one another. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "base/time.h"
#include "sim/event_log.h"
#include "sim/event_queue.h"
#include "sim/network.h"
#include "sim/sim_memory.h"

struct actor;
struct flight_record;
struct ledger;
struct switch_node;
struct watcher;

#define WORLD_NODES_MAX 2

#define SECOND_US 1000000LL
#define MS_US     1000LL

/* Sources of chance, apart from one another, so that a further draw of one does not change what the others bring. */
enum chance { CHANCE_NETWORK, CHANCE_ACTORS, CHANCE_SWITCH, CHANCE_CAMPAIGN, CHANCE_COUNT };

/* What a killed switch had done with what it handled last; worker/egress.c says in which order it does things. */
enum crash_way {
  CRASH_BEFORE_WRITING, /* nothing: no peer and no disk has heard of it */
  CRASH_AFTER_WRITING,  /* what calls say to the journal is on the disk, nothing has been sent */
  CRASH_AFTER_SENDING,  /* what does not wait has been sent, and nothing is on the disk that was not flushed before */
  CRASH_AFTER_RECORDS,  /* what does not wait has been sent, and all is on the disk, also records */
  CRASH_WAYS
};

/* The first switch is killed while it handles its event number `at` (0: never), and started again `down_us` later. */
struct world_crash {
  bool is_tried; /* the world is one of a series that is about crashes */
  uint64_t at;
  enum crash_way way;
  int64_t down_us;
};

struct world {
  uint64_t seed;
  int64_t now_us;
  int64_t wall_set_us;  /* by how much the wall clock has been set forward in all */
  int64_t wall_most_us; /* the latest that it ever said */
  struct random chance[CHANCE_COUNT];
  struct sim_memory memory;
  struct event_queue queue;
  struct event_log log;
  struct network network;
  struct watcher *watcher;
  struct ledger *ledger;
  struct switch_node *nodes[WORLD_NODES_MAX];
  unsigned node_count; /* 0: the actors talk to one another */
  struct actor *first_actor, *last_actor;
  const char *failure; /* the first thing that was wrong, with its time; NULL: none yet */
  uint64_t events;
  unsigned actions_pending; /* of a scenario, not yet done */
  unsigned calls_live;      /* as the actors see them */
  bool is_closing;          /* nobody starts anything any more; the world runs out */
  bool is_troubled;         /* the scenario has made somebody misbehave */
  bool asks_doctor;         /* the scenario wants to know what the doctor thinks (flight_log.h) */
  struct flight_record *first_flight, *last_flight;
  struct world_crash crash;
  bool misses_something;  /* somebody ignores messages that change sessions */
  void *onlooker_context; /* for network.onlooker */
};

void world_init(struct world *world, uint64_t seed);
void world_reset(struct world *world);

/* Schedules; the event may be cancelled until it has happened (world_cancel). */
struct sim_event *world_at(struct world *world, int64_t at_us,
                           void (*happen)(struct world *world, void *subject, void *detail), void *subject,
                           void *detail);

/* Cancels what is scheduled and forgets it; nothing happens when it is NULL. */
void world_cancel(struct sim_event **event);

/* Lets the next thing happen; false when nothing is left, or nothing before `until_us` (the clock then stands there),
 * or something was found to be wrong. */
bool world_step(struct world *world, int64_t until_us);

/* Notes the first thing that is wrong; the world stands still from then on. */
void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* From `low` to `high`, both included. */
int64_t world_draw(struct world *world, enum chance chance, int64_t low, int64_t high);
bool world_chance_ppm(struct world *world, enum chance chance, uint32_t parts);

struct mono_ms world_mono(const struct world *world);
struct wall_us world_wall(const struct world *world);

/* Somebody sets the wall clock forward, or back. */
void world_set_wall(struct world *world, int64_t by_us);

/* The latest that the wall clock has ever said: no stamp is later. */
struct wall_us world_wall_latest(const struct world *world);

#endif
