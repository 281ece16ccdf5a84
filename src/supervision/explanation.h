/* Why supervision ended a call, in one or two plain sentences for its record. */
#ifndef SUPERVISION_EXPLANATION_H
#define SUPERVISION_EXPLANATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text_builder.h"
#include "base/time.h"
#include "cdr/cdr_record.h"
#include "parameters/parameters.h"
#include "sip/sip_message.h"
#include "supervision/liveness.h"

/* What decided. Fields that a cause does not need may be zero. Times of day are told in UTC. */
struct explanation_facts {
  enum end_cause cause;
  bool of_caller;         /* whose leg decided */
  uint32_t seconds;       /* the session interval, or the cap */
  enum sip_method method; /* of the request that decided */
  uint16_t status;        /* what it was refused with; 0: no answer */
  struct wall_us sent_at; /* when it was sent first */
  struct wall_us ended_at;
  unsigned resends;                 /* how often it was sent again */
  const struct liveness *alive;     /* last proof of life of that leg */
  struct wall_us unreachable_since; /* keep-alives to it are unanswered since then; 0: they are not */
  bool is_behind_nat;
};

/* Appends the sentences; nothing for a cause that is not one of session_timeout. */
void explanation_write(const struct explanation_facts *facts, struct text_builder *text);

/* How often a request over UDP was sent again within `elapsed_ms`, by SS_SIP_RESEND_INTERVAL (RFC 3261 Timers A and E).
 */
unsigned explanation_resends(const struct parameters *parameters, enum sip_method method, int64_t elapsed_ms);

#endif
