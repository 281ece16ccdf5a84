/* One end's view of a session: what it has described, what the other side has described, and what is wrong with that
 * (RFC 3264, RFC 8866). */
#ifndef SIM_UA_SESSION_H
#define SIM_UA_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str_view.h"

struct world;

#define UA_FAX 256 /* a payload that stands for m=image udptl t38 */

enum ua_direction { UA_SENDRECV, UA_SENDONLY, UA_RECVONLY, UA_INACTIVE };

/* What a description says. */
struct ua_description {
  uint16_t port;
  unsigned payload; /* the first in the list */
  enum ua_direction direction;
};

struct ua_session {
  bool may_be_renewed; /* the other side may have been started again, and number anew what it said before */
  uint64_t id, version;
  struct str_view ip;
  struct ua_description ours, before; /* `before`: what was in force until the open offer */
  struct ua_description theirs;
  bool has_theirs;
  bool is_offer_open;    /* ours waits for its answer */
  struct str_view sent;  /* our last description */
  struct str_view heard; /* their last description that was taken */
  uint64_t highest;      /* version of theirs, refused offers among them */
  int64_t changed_us;    /* when either side last spoke */
};

void ua_session_init(struct ua_session *session, uint64_t id, struct str_view ip, uint16_t port);

/* Our description as text: the version rises by one when it differs from the one before. */
struct str_view ua_session_write(struct world *world, struct ua_session *session);

/* An offer of ours with another direction or payload. ua_session_refused brings back what was in force. */
struct str_view ua_session_offer(struct world *world, struct ua_session *session, enum ua_direction direction,
                                 unsigned payload);
void ua_session_refused(struct ua_session *session);

/* Takes a description of the other side; NULL when it is right, else what is wrong. `is_strict`: nothing has been lost,
 * so that a version must be exactly the next. */
const char *ua_session_take(struct world *world, struct ua_session *session, struct str_view text, bool is_strict);

/* Takes note of an offer that is refused: nothing changes, but the next description follows this one. */
const char *ua_session_pass_over(struct ua_session *session, struct str_view text, bool is_strict);

/* Our answer to what they offered last. */
struct str_view ua_session_answer(struct world *world, struct ua_session *session);

/* What is wrong between two ends that should agree; NULL: nothing. */
const char *ua_session_disagreement(const struct ua_session *a, const struct ua_session *b);

#endif
