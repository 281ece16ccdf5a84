/* A call as one actor sees it. */
#ifndef SIM_UA_CALL_H
#define SIM_UA_CALL_H

#include "sim/actor.h"
#include "sim/ua_session.h"
#include "sim/ua_transaction.h"

#define UA_ROUTES_MAX 8

enum ua_call_state {
  UA_CALLING,  /* caller: INVITE sent */
  UA_INVITED,  /* callee: INVITE received, no final response yet */
  UA_ANSWERED, /* callee: 2xx sent, no ACK yet */
  UA_UP,
  UA_LEAVING, /* BYE sent */
  UA_OVER,
};

struct ua_call {
  struct actor *actor;
  bool is_caller;
  bool is_forked; /* there is another one with the same INVITE */
  enum ua_call_state state;
  struct str_view number; /* dialled */
  struct str_view label;  /* the same at both ends: X-Sim-Call */
  struct ua_call *other;  /* the other end, where it is known */

  struct str_view call_id, local_tag, remote_tag, local_uri, remote_uri, remote_target;
  struct str_view routes[UA_ROUTES_MAX];
  unsigned route_count;
  uint32_t local_cseq, remote_cseq;
  struct ua_way way;

  struct ua_session session;
  struct ua_transaction *invite; /* the first INVITE, or our last */
  unsigned challenges;
  bool offers_late;
  bool cancel_wanted, bye_wanted, said_bye;
  bool is_unacknowledged; /* its first 2xx never was */

  struct ua_transaction *accepted; /* their INVITE, answered 2xx: sent again until the ACK comes */
  bool owes_answer;                /* that 2xx carried an offer */
  struct sim_event *resend, *give_up;
  int64_t interval_us;

  struct ua_transaction *renegotiation; /* our re-INVITE or UPDATE in flight */
  unsigned retries;

  uint32_t rseq, rseq_acked; /* reliable provisional responses, sent or taken */
  struct str_view reliable;  /* the unacknowledged one */

  uint32_t session_s, session_min_s; /* 0: no timer; the largest Min-SE heard */
  uint32_t session_raises;
  bool we_refresh;
  bool is_forgotten;                      /* its process was started again */
  struct ua_transaction *session_refresh; /* our UPDATE without a description */
  struct sim_event *refresh, *expiry;

  int64_t started_us, answered_us, ended_us;
  int64_t heard_us;      /* callee: when its first response to the INVITE reached the switch */
  unsigned final_status; /* of the first INVITE */
  bool is_planned_from_answer;
  struct ua_call *next;
};

/* --- making and taking calls (ua_call.c) ------------------------------------------------------------------------- */

struct ua_call *ua_call_start(struct actor *actor, struct str_view number, bool offers_late);
void ua_call_receive_invite(struct actor *actor, struct ua_transaction *transaction, const struct sip_message *invite);
void ua_call_receive_ack(struct ua_call *call, const struct sip_message *ack);

/* A response to a request of a call. */
void ua_call_receive_response(struct ua_transaction *transaction, const struct sip_message *response);

/* A request never got its (final) response. */
void ua_call_timed_out(struct ua_transaction *transaction);

/* The call that an in-dialog message belongs to; NULL: none that lives. */
struct ua_call *ua_call_find(struct actor *actor, const struct sip_message *message);

/* The newest call that is not over; of those to `number` when it is not empty. */
struct ua_call *ua_call_newest(struct actor *actor, struct str_view number);

struct ua_way ua_call_way(struct ua_call *call);
void ua_call_end(struct ua_call *call);

/* True where every description reaches the other side, so that versions must follow one another without a gap. */
bool ua_call_misses_nothing(const struct world *world);

/* Something the other side did is wrong. */
void ua_call_complain(const struct ua_call *call, const char *what);

/* Their description in `message`, if there is one. */
void ua_call_take_session(struct ua_call *call, const struct sip_message *message);

/* Answers their INVITE with 2xx until it is acknowledged; `offer`: the body is ours to offer. */
void ua_call_accept(struct ua_call *call, struct ua_transaction *transaction, bool offer);

/* A request inside the call, as its next. */
struct ua_transaction *ua_call_request(struct ua_call *call, enum sip_method method, struct str_view method_text,
                                       struct str_view lines, struct str_view body);

/* ACK to the 2xx for an INVITE of ours; kept there for a repeated one. */
void ua_call_acknowledge(struct ua_transaction *invite, struct str_view body);

/* --- what one may do with a call; false: not now ----------------------------------------------------------------- */

bool ua_call_ring(struct ua_call *call, unsigned status, bool with_session);
bool ua_call_answer(struct ua_call *call);

/* A further phone behind a forking proxy answers the same INVITE: a second 2xx, from another dialog. */
bool ua_call_fork(struct ua_call *call);
bool ua_call_reject(struct ua_call *call, unsigned status);
bool ua_call_cancel(struct ua_call *call);
bool ua_call_hang_up(struct ua_call *call);

/* --- inside of a call (ua_requests.c) ---------------------------------------------------------------------------- */

void ua_call_receive_request(struct actor *actor, struct ua_transaction *transaction,
                             const struct sip_message *request);
void ua_call_receive_cancel(struct actor *actor, struct ua_transaction *transaction, const struct sip_message *cancel);

/* True when the actor does as if the request had not come. */
bool ua_call_ignores(struct actor *actor, const struct sip_message *request);

/* What it answers a request with that lacks the credentials that it demands (ua_credentials.c); false: it has them. */
bool ua_credentials_refuse(struct actor *actor, const struct ua_call *call, const struct sip_message *request,
                           struct actor_manners *manners_out);

/* Responds without body; the To tag is the call's, or a new one. */
void ua_call_respond(struct ua_transaction *transaction, struct ua_call *call, unsigned status, struct str_view lines);

/* --- re-INVITE and UPDATE of ours (ua_renegotiate.c) ------------------------------------------------------------- */

/* A re-INVITE (or UPDATE) with this direction and payload; UA_SAME: as it is. False: not now. */
#define UA_SAME 1000
bool ua_call_renegotiate(struct ua_call *call, enum sip_method method, unsigned direction, unsigned payload);
bool ua_call_ask_for_offer(struct ua_call *call);
void ua_call_renegotiation_answered(struct ua_transaction *transaction, const struct sip_message *response);

/* --- RFC 3262 (ua_reliable.c) ------------------------------------------------------------------------------------ */

/* Sends a provisional response reliably, and again until PRACK. False: one is still unacknowledged. */
bool ua_reliable_send(struct ua_call *call, unsigned status, struct str_view body);
void ua_reliable_receive_prack(struct ua_call *call, struct ua_transaction *transaction,
                               const struct sip_message *prack);

/* Caller: acknowledges a reliable provisional response. False: seen before, to be ignored. */
bool ua_reliable_take(struct ua_call *call, const struct sip_message *response);

/* --- RFC 4028 (ua_timer.c) --------------------------------------------------------------------------------------- */

/* Header lines of an INVITE or UPDATE, and of our 2xx to theirs; the latter starts the clock. */
struct str_view ua_timer_request_lines(struct ua_call *call);
struct str_view ua_timer_answer_lines(struct ua_call *call, const struct sip_message *request);

/* Their INVITE or UPDATE asks for too short a session: it is answered 422, and true. */
bool ua_timer_refuse(struct ua_call *call, struct ua_transaction *transaction, const struct sip_message *request);

/* What their 2xx to ours says. */
void ua_timer_take_response(struct ua_call *call, const struct sip_message *response);

/* 422 to an INVITE or UPDATE of ours: true when it is worth trying again with a longer interval. */
bool ua_timer_raise(struct ua_call *call, const struct sip_message *response);

/* Our UPDATE without a description got its final response. */
void ua_timer_refresh_answered(struct ua_call *call, const struct sip_message *response);

/* Refreshes now. False: not possible. */
bool ua_timer_refresh(struct ua_call *call);
void ua_timer_stop(struct ua_call *call);

#endif
