/* Scenarios: plays in lines that a telephone engineer can read, which claim something about the switch.
 *
 *   # The vendor hangs up first.
 *   customer pbx at 10.0.1.5:5060
 *   gateway vendor at 10.0.2.5:5060 serves 44
 *   vendor rings after 200ms
 *   vendor answers after 3s
 *   at 1s pbx calls 4420123
 *   vendor hangs up after 17s
 *   expect cdr reason=normal end_direction=callee hold_time_ms=17000±100
 *
 * Lines: scenario_statements.def; what actors can do: actor_verbs.def; both in docs/scenarios.md. A line may be put off
 * with `at TIME` or `when ACTOR sends|receives MESSAGE`.
 *
 *   scenario_match.c     patterns and values
 *   scenario_lines.c     lines into what they mean
 *   scenario_setup.c     who and what there is
 *   scenario_expect.c    what must have come of it
 *   scenario_run.c       from the first event to the last check */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/actor.h"
#include "sim/ledger.h"
#include "sim/scenario_match.h"
#include "sim/switch_node.h"
#include "sim/world.h"

/* A line as it stands, to be done once or to be claimed. */
struct scenario_line {
  struct scenario *scenario;
  unsigned number;
  struct str_view text; /* for messages */
  struct str_view words[SCENARIO_WORDS_MAX];
  unsigned word_count;
  struct scenario_line *next;
};

/* A line that waits for a message. */
struct scenario_trigger {
  struct endpoint *endpoint;
  bool arrives;
  struct message_pattern pattern;
  struct scenario_line *line;
  bool has_fired;
  struct scenario_trigger *next;
};

/* A message that arrived somewhere, once however often it was repeated. */
struct scenario_arrival {
  struct endpoint *endpoint;
  int64_t at_us;
  struct str_view bytes;
  uint64_t hash;
  struct message_pattern what;
  struct scenario_arrival *next;
};

struct scenario {
  const char *name; /* of the file */
  struct world *world;
  struct node_setup setups[WORLD_NODES_MAX];
  unsigned setup_count;
  bool without_switch;
  bool is_running;    /* the switch exists, time passes */
  int64_t run_for_us; /* 0: until everybody is done */
  int64_t looked_us;  /* when it was last looked whether only the dead are left */
  struct scenario_trigger *triggers;
  struct scenario_line *claims, *last_claim;
  struct scenario_arrival *arrivals;
  bool counts_arrivals;
  struct switch_core_counts size_noted; /* of the first switch */
  struct str_view expected_failure;
  const char *problem; /* what is wrong with the text; NULL: nothing */
};

/* What came of it. */
struct scenario_outcome {
  const char *failure; /* NULL: all is well; valid until world_reset */
  unsigned calls;      /* begun by actors */
  unsigned records;
  uint64_t events, handled;         /* in the world; by the first switch */
  uint64_t margins[LEDGER_MARGINS]; /* of calls that were ended because an end was gone (ledger.h) */
};

/* Plays `text` in a fresh world (world_init, log wanted or not). Where the world's crash plan says that crashes are
 * tried, all switches have a journal; where the switch is killed, what is promised of crashes is checked
 * (ledger_crash.c) and not what the scenario claims. */
void scenario_play(struct world *world, const char *name, struct str_view text, struct scenario_outcome *outcome);

/* --- between the files of a scenario ----------------------------------------------------------------------------- */

/* Does what a line says; problems of the text go to scenario->problem, of the play to world_fail. */
void scenario_do(struct scenario_line *line);

/* Reads all lines: sets up, schedules. */
void scenario_read(struct scenario *scenario, struct str_view text);

/* Notes what is wrong with a line, as file:line: … */
void scenario_complain(struct scenario_line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* True when a statement of scenario_statements.def matched (and was done, or complained about). `*closest_out`: the
 * pattern that came nearest. */
bool scenario_statement(struct scenario_line *line, const char **closest_out, unsigned *closest_words);

/* `expect …`: states a claim now. `is_at_end`: the world has run out. */
void scenario_check_claim(struct scenario_line *line, bool is_at_end);

/* The endpoint of an actor, or of a switch once it stands; NULL: nobody has that name. */
struct endpoint *scenario_endpoint(const struct scenario *scenario, struct str_view name);

/* All claims that belong to this moment. */
void scenario_check_claims(struct scenario *scenario, bool is_at_end);

/* Notes an arrival, for claims about what somebody receives. */
void scenario_note_arrival(struct scenario *scenario, struct endpoint *endpoint, struct str_view bytes);

#endif
