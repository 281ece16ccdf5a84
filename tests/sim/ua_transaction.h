/* An actor's transactions, both sides: minimal, but by the letter (RFC 3261 §17, RFC 6026). */
#ifndef SIM_UA_TRANSACTION_H
#define SIM_UA_TRANSACTION_H

#include "sim/actor.h"

enum ua_transaction_state {
  UA_TRYING, /* no response (received or sent) yet */
  UA_PROCEEDING,
  UA_COMPLETED, /* a final response */
  UA_DEAD,
};

struct ua_transaction {
  struct actor *actor;
  struct ua_call *call; /* NULL: none */
  bool is_client;
  enum sip_method method;
  uint32_t cseq;
  struct str_view branch;
  enum ua_transaction_state state;
  unsigned status;          /* the last one received or sent; 0: none */
  struct str_view request;  /* sent or received */
  struct str_view response; /* server: the last one sent */
  struct str_view ack;      /* client INVITE: what acknowledges its final response */
  struct ua_way way;        /* where our messages go */
  int64_t interval_us;
  struct sim_event *resend, *end;
  bool is_session_offer; /* its request carries a session description */
  bool cancel_wanted, cancel_sent;
  bool is_acknowledged; /* server INVITE, refused: the ACK came */
  struct ua_transaction *next;
};

/* --- client ------------------------------------------------------------------------------------------------------ */

/* Sends a request, made with this branch, and repeats it as it must be. */
struct ua_transaction *ua_transaction_start(struct actor *actor, struct ua_call *call, enum sip_method method,
                                            struct str_view branch, struct str_view request);

/* The CANCEL goes out now, or when a provisional response has come; not at all after a final one. */
void ua_transaction_cancel(struct ua_transaction *transaction);

/* --- server ------------------------------------------------------------------------------------------------------ */

/* Sends a response and repeats it as it must be (2xx to INVITE: by ua_call.c). A second final one is not sent. */
void ua_transaction_respond(struct ua_transaction *transaction, unsigned status, struct str_view response);

/* --- what arrives ------------------------------------------------------------------------------------------------ */

/* The client transaction that a response belongs to; NULL: none. Retransmissions are dealt with here; `*is_news_out`:
 * its user is to be told. */
struct ua_transaction *ua_transaction_take_response(struct actor *actor, const struct sip_message *response,
                                                    bool *is_news_out);

/* True when the request was a repeated one, or an ACK of a refusal: dealt with. Else `*transaction_out` is its new
 * server transaction; NULL for ACK. */
bool ua_transaction_take_request(struct actor *actor, const struct sip_message *request, const struct arrival *arrival,
                                 struct ua_transaction **transaction_out);

/* The pending INVITE that a CANCEL is about; NULL: none. */
struct ua_transaction *ua_transaction_cancelled(struct actor *actor, const struct sip_message *cancel);

/* Ends it without a word. */
void ua_transaction_drop(struct ua_transaction *transaction);

#endif
