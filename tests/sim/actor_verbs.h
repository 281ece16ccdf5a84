/* What a scenario may tell actors to do, and when they do it of themselves (actor_verbs.def). */
#ifndef SIM_ACTOR_VERBS_H
#define SIM_ACTOR_VERBS_H

#include "sim/actor.h"
#include "sim/ua_call.h"
#include "sip/sip_header_values.h"

enum verb_target { VERB_TO_ACTOR, VERB_TO_CALLER, VERB_TO_CALLEE, VERB_TO_ANY };
enum verb_start { VERB_FROM_INVITE, VERB_FROM_ANSWER };

/* What stands behind a verb; only what its pattern names is set. */
struct verb_argument {
  unsigned status;
  enum sip_method method;
  struct str_view method_text, number, text;
  bool without_offer;
  int64_t time_us;    /* TIME; of verbs with a call it is in the plan's step */
  int64_t minimum_us; /* MINIMUM */
  enum sip_refresher role;
  uint32_t count; /* COUNT; UINT32_MAX when none is given */
  bool inside, without_min_se;
};

struct actor_verb {
  const char *name; /* of its row */
  const char *pattern;
  enum verb_target target;
  enum verb_start start;
  /* `call` is NULL where the target is the actor. False: not possible now. */
  bool (*act)(struct actor *actor, struct ua_call *call, const struct verb_argument *argument);
};

/* One function for each row: those with a call in call_verbs.c, those that change what an actor is like in
 * trait_verbs.c. */
#define ACTOR_ACTION(name)                                                                                             \
  bool verb_##name(struct actor *actor, struct ua_call *call, const struct verb_argument *argument)
#define ACTOR_VERB(name, ...) ACTOR_ACTION(name);
#include "sim/actor_verbs.def"
#undef ACTOR_VERB

extern const struct actor_verb actor_verbs[];
extern const unsigned actor_verb_count;

/* Does it now, with the newest call (to `number`, when it is not empty). False: not possible now. */
bool actor_do(struct actor *actor, const struct actor_verb *verb, const struct verb_argument *argument,
              struct str_view number);

/* Schedules what the actor's plan says for this call: from its INVITE, or from its answer on. A callee without a plan
 * rings after 100 ms and answers after 1 s. */
void actor_plan(struct ua_call *call, bool from_answer);

/* --- ua_register.c ----------------------------------------------------------------------------------------------- */

/* Registers, or takes the registration back. */
void actor_register(struct actor *actor, bool is_wanted);
void actor_register_answered(struct ua_transaction *transaction, const struct sip_message *response);
void actor_register_timed_out(struct ua_transaction *transaction);

#endif
