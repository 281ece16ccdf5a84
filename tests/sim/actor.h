/* Phones and gateways: small SIP user agents of their own, made to be right where the switch is to be tested, and wrong
 * where a scenario says so. They know the switch only by what it sends.
 *
 *   actor.c           who they are; what arrives, and who of them gets it
 *   ua_transaction.c  sending again, and answering again (RFC 3261 §17)
 *   ua_message.c      requests and responses as text
 *   ua_session.c      session descriptions: offers, answers, and what is wrong with those of the other side
 *   ua_call.c         calls they make and take
 *   ua_requests.c     what comes inside of a call
 *   ua_renegotiate.c  hold and so on
 *   ua_timer.c        session timers
 *   ua_register.c     registrations, and the answer to a challenge
 *   actor_verbs.c     what a scenario may tell them to do (actor_verbs.def), and when; call_verbs.c, trait_verbs.c */
#ifndef SIM_ACTOR_H
#define SIM_ACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/network.h"
#include "sim/stream.h"
#include "sim/world.h"
#include "sip/sip_message.h"

struct ua_call;
struct ua_transaction;

enum actor_kind { ACTOR_PHONE, ACTOR_CUSTOMER, ACTOR_VENDOR, ACTOR_STRANGER };

/* How it does session timers (RFC 4028), as far as it supports them. Seconds; 0: as is usual. */
struct actor_session_traits {
  uint32_t asks_s;      /* Session-Expires of its requests; 0: none */
  uint32_t asks_min_s;  /* Min-SE of its requests; 0: none */
  uint32_t agrees_s;    /* Session-Expires of its 2xx, asked for or not; 0: what was asked */
  uint32_t smallest_s;  /* what is shorter is refused with 422 */
  uint8_t asks_role;    /* enum sip_refresher: who refreshes, stated in its requests */
  uint8_t agrees_role;  /* and in its 2xx, where the request left it open */
  bool agrees_to_none;  /* its 2xx say nothing about timers */
  bool hides_min_se;    /* its 422 do not say what would do */
  bool never_refreshes; /* even where it is the one who should */
  bool never_raises;    /* a refresh that got 422 is not tried again */
  bool never_gives_up;  /* no BYE when nobody refreshes */
  bool by_invite;       /* refreshes with re-INVITE instead of UPDATE */
};

/* What it does with requests of one method instead of what is right. */
struct actor_manners {
  uint16_t status;      /* answered with this; 0: ignored */
  bool is_set, inside;  /* inside: only within a call */
  uint32_t count;       /* so many times */
  struct str_view line; /* a header line of the answer; empty: none */
};

/* That it demands credentials. */
#define ACTOR_NONCES 16
struct actor_demand {
  uint16_t status; /* 401 or 407; 0: it does not */
  uint8_t method;  /* enum sip_method: of these requests only; UNKNOWN: of all */
  bool is_sha256;
  uint32_t uses_max;           /* a nonce is good for so many requests */
  uint32_t nonces;             /* given out */
  uint32_t used[ACTOR_NONCES]; /* the highest count of the last ones */
};

/* How this one differs from the model. */
struct actor_traits {
  struct actor_session_traits session;
  struct actor_manners manners[SIP_METHOD_COUNT];
  struct actor_demand demand;
  struct str_view said[SIP_METHOD_COUNT];     /* header lines that its requests carry besides */
  struct str_view accepted[SIP_METHOD_COUNT]; /* and its 2xx */
  uint32_t hidden_methods;                    /* not in its Allow; bit: 1 << enum sip_method */
  bool writes_compactly;                      /* x: and k: */
  bool breaks_grammar;                        /* by what it says, on purpose */
  bool hides_contact;                         /* in what it says within a call */
  uint32_t leap;                              /* so many numbers are left out between two of its requests */
  bool supports_100rel, supports_timer;
  bool never_acknowledges; /* no ACK to a 2xx */
  bool writes_at_length;   /* its INVITEs do not fit into 1300 bytes */
  bool keeps_silent;       /* no 100 to an INVITE */
};

/* The way to a peer: where datagrams go, or the connection. */
struct ua_way {
  struct address address;
  struct connection *connection;
};

struct ua_registration {
  bool is_wanted, is_registered;
  uint32_t expires_s, cseq;
  struct str_view call_id, tag;
  unsigned challenges; /* in a row */
  unsigned final_status;
  struct sim_event *refresh;
};

/* What is to be done with a call without being told again; in the order of the scenario. */
struct plan_step {
  const struct actor_verb *verb;
  const struct verb_argument *argument;
  int64_t after_us;
  struct str_view number; /* only calls to this number; empty: all that have no step of their own */
  struct str_view text;   /* as it stands in the scenario */
  struct plan_step *next;
};

struct actor {
  struct world *world;
  enum actor_kind kind;
  const char *name;
  struct str_view number, password; /* phones */
  struct endpoint *endpoint;
  enum transport transport;
  struct address server; /* the switch; or the only peer, in a world without one */
  struct actor_traits traits;
  struct plan_step *plan;
  struct ua_call *calls; /* newest first */
  struct ua_transaction *transactions;
  struct ua_registration registration;
  uint32_t next_id; /* for branches, tags and Call-IDs */
  uint16_t next_media_port;
  uint32_t pings_received;
  bool is_hanging;        /* for a while it does nothing */
  int64_t died_us;        /* since when it hears and says nothing; 0: it lives */
  unsigned switch_number; /* which of the world's switches is its server */
  struct actor *next;
};

/* Places an actor on the network. */
struct actor *actor_add(struct world *world, enum actor_kind kind, const char *name, const struct address *address);
struct actor *actor_find(const struct world *world, struct str_view name);

/* Sends on a way; over streams a new connection to the address is opened where none is left. */
void actor_send(struct actor *actor, struct ua_way *way, struct str_view bytes);

/* The way to its server. */
struct ua_way actor_way_to_server(struct actor *actor);

/* A text that no other actor and no other call of this one has: "alice-7". */
struct str_view actor_new_id(struct actor *actor, const char *prefix);

/* sip:1001@192.0.2.7:5060, where this actor is reached. */
struct str_view actor_contact_uri(struct actor *actor);

/* sip:number@server, or sip:server when `number` is empty. */
struct str_view actor_server_uri(struct actor *actor, struct str_view number);

/* It does not hear or say anything from now on, or hears again. A process that dies forgets its calls and transactions.
 */
void actor_set_dead(struct actor *actor, bool is_dead);
void actor_forget_calls(struct actor *actor);

/* Puts a step at the end of its plan. */
void actor_add_step(struct actor *actor, const struct plan_step *step);

#endif
