/* Who gave wrong credentials lately, and who is refused for a while because of it: a pair of source address (without
 * port, which a guesser changes at will) and user name. A pair is forgotten SS_AUTHENTICATION_FAILED_SUSPEND after its
 * last wrong answer, or at its first right one; a suspension ends that long after it began, whatever comes meanwhile,
 * and also when the switch is started again meanwhile.
 *
 * Bounded: when it is full, the pair goes that has been quiet for longest and is not suspended; a suspended one only
 * when all are. To push his own pair out, a guesser needs as many requests as there are places, for every few guesses.
 */
#ifndef REGISTRAR_SUSPENSIONS_H
#define REGISTRAR_SUSPENSIONS_H

#include <stdbool.h>

#include "base/hash_table.h"
#include "base/pool.h"
#include "boundary/context.h"
#include "boundary/journal_key.h"

struct suspect {
  struct timer timer; /* armed as long as it is here */
  uint64_t id;        /* keyed hash of source and user: the pair itself is not kept */
  struct suspect *older, *newer;
  uint32_t wrong_count;
  bool suspended;
};

struct suspect_list {
  struct suspect *oldest, *newest;
};

struct suspensions {
  struct pool pool;
  struct hash_table by_id;
  struct suspect_list watched, suspended;
};

size_t suspensions_memory_bytes(uint32_t suspensions_max);
void suspensions_init(struct suspensions *suspensions, void *memory, uint32_t suspensions_max);

bool suspensions_is_suspended(const struct suspensions *suspensions, const struct context *context,
                              const struct address *source, struct str_view user);

/* Counts one wrong answer. True when it was one too many: the pair is suspended from now on. */
bool suspensions_count_wrong(struct suspensions *suspensions, struct context *context, const struct address *source,
                             struct str_view user);

/* A right answer: what was counted so far is forgotten. */
void suspensions_clear(struct suspensions *suspensions, struct context *context, const struct address *source,
                       struct str_view user);

/* Takes a due timer of kind TIMER_SUSPENSION. */
void suspensions_timer_due(struct suspensions *suspensions, struct context *context, struct timer *timer);

/* Takes up a suspension that the journal has kept under this key: one is told when it begins and when it ends, for a
 * guesser shall not gain by a restart. Wrong answers that were too few are forgotten. RESULT_NOT_FOUND: it would have
 * ended meanwhile; RESULT_MALFORMED. */
enum result suspensions_restore(struct suspensions *suspensions, struct context *context, struct journal_key key,
                                struct str_view state) MUST_USE;

/* Tells the journal anew of those among the `count` pairs from `*index` on that are suspended. False: there are no
 * more. */
bool suspensions_tell_journal(const struct suspensions *suspensions, struct context *context, uint32_t *index,
                              unsigned count);

/* Every pair has a deadline. */
bool suspensions_check(const struct suspensions *suspensions, struct text_builder *problem);

#endif
