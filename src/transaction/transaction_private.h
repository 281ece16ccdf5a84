/* What the files of this room share. The four machines are tables (invite_client.def and so on); transaction_machine.c
 * walks them and keeps each transaction's one timer; transaction_table.c finds transactions; the others are the door.
 */
#ifndef TRANSACTION_TRANSACTION_PRIVATE_H
#define TRANSACTION_TRANSACTION_PRIVATE_H

#include "base/block_store.h"
#include "base/hash_table.h"
#include "base/pool.h"
#include "sip/sip_build.h"
#include "sip/sip_header_values.h"
#include "transaction/transaction.h"

/* --- words of the tables ----------------------------------------------------------------------------------------- */

enum sip_timer {
  SIP_TIMER_NONE = 0,
#define SIP_TIMER(name, ...) SIP_TIMER_##name,
#include "transaction/sip_timers.def"
};

enum transaction_state {
  TRANSACTION_TERMINATED = 0, /* no transaction is ever in it: its slot is given back on the way */
  TRANSACTION_START,
  TRANSACTION_CALLING,
  TRANSACTION_CANCEL_WAITING,
  TRANSACTION_TRYING,
  TRANSACTION_PROCEEDING,
  TRANSACTION_CANCELLING,
  TRANSACTION_COMPLETED,
  TRANSACTION_CONFIRMED,
  TRANSACTION_ACCEPTED,
  TRANSACTION_STATE_COUNT
};

enum transaction_event {
#define EVENT(name, label) TRANSACTION_EVENT_##name,
#include "transaction/transaction_events.def"
  TRANSACTION_EVENT_COUNT
};

enum transaction_machine_kind {
  TRANSACTION_INVITE_CLIENT,
  TRANSACTION_NON_INVITE_CLIENT,
  TRANSACTION_INVITE_SERVER,
  TRANSACTION_NON_INVITE_SERVER,
  TRANSACTION_MACHINE_COUNT
};

/* --- one transaction --------------------------------------------------------------------------------------------- */

/* `kept` is what will be sent again: a client's request, later its ACK; a server's latest response. `head` is, at a
 * server, what each response repeats (Via … CSeq), until the final response is in `kept`; for requests of RFC 2543 it
 * stays, and the Request-URI follows it. At a client it is the CANCEL's extra header fields, until it is sent. */
struct transaction {
  struct timer timer; /* armed for the earlier of resend_at and give_up_at */
  struct mono_ms resend_at, give_up_at;
  struct handle self;
  uint64_t hash;       /* server: what it is indexed by; client: the random bits of its branch */
  uint64_t merge_hash; /* server: From tag, Call-ID, CSeq, while ongoing (RFC 3261 8.2.2.2); else 0 */
  struct handle peer;  /* an INVITE's CANCEL, a CANCEL's INVITE */
  struct block kept, head;
  struct transaction_owner owner;
  struct flow flow;
  uint32_t flow_next, flow_previous; /* the list of transactions towards one address: slot + 1, 0: none */
  uint32_t answerer;                 /* client: hash of the To tag of the first 2xx to INVITE; 0: none yet */
  uint16_t legacy_uri_length;        /* bytes of the Request-URI behind the head, when `legacy` */
  uint8_t machine;                   /* enum transaction_machine_kind */
  uint8_t state;                     /* enum transaction_state */
  uint8_t method;                    /* enum sip_method */
  uint8_t resends;
  bool answered : 1;   /* client: a provisional response has come */
  bool disowned : 1;   /* nothing is told any more */
  bool failed : 1;     /* the flow failed: the armed timer brings TRANSPORT_ERROR */
  bool listed : 1;     /* stands in its flow's list */
  bool stranded : 1;   /* client: its connection broke; it is told once only */
  bool keeps_flow : 1; /* client: the peer is reached over this flow only */
  bool try_udp : 1;    /* sent over TCP for its size: UDP when no connection can be had (RFC 3261 18.1.1) */
  bool indexed : 1;    /* server: stands in the index under `hash` */
  bool has_to_tag : 1; /* server: the request's To has a tag */
  bool legacy : 1;     /* server: its request came without the magic cookie (RFC 2543) */
};

/* --- the layer --------------------------------------------------------------------------------------------------- */

/* Sees every step before it is taken; for tests and the simulator. */
struct transaction_watcher {
  void (*see)(void *argument, const struct transaction *transaction, enum transaction_event event);
  void *argument;
};

#define TRANSACTION_NO_TCP_MAX 64

/* An address, as a hash, that takes no TCP connections, and until when that is believed. */
struct transaction_no_tcp {
  uint64_t who;
  struct mono_ms until;
};

/* A request refused for overload, remembered without a transaction. */
struct transaction_refusal {
  uint64_t hash;
  struct mono_ms until;
};

#define TRANSACTION_REFUSALS_MAX 16384

struct transaction_layer {
  struct pool pool;
  struct hash_table index; /* hash and merge_hash of server transactions → slot */
  struct block_store *blocks;
  uint32_t *flow_first; /* list heads by hash of transport and remote address */
  uint32_t flow_mask;
  struct transaction_no_tcp no_tcp[TRANSACTION_NO_TCP_MAX]; /* by hash: the later one is remembered */
  uint32_t reserve;                                         /* slots kept for requests inside dialogs and our own */
  struct siphash_key key;
  bool has_key;
  struct transaction_watcher watcher;
  struct transaction_refusal *refusals; /* the last of them, each at the place that its hash names */
};

/* --- the machines ------------------------------------------------------------------------------------------------ */

/* One event on its way through a machine. `transaction` is NULL afterwards when it has ended. */
struct transaction_step {
  struct transaction_layer *layer;
  struct context *context;
  struct transaction *transaction;
  const struct sip_message *message; /* received; NULL for timers and the user's orders */
  struct str_view text;              /* what the user wants sent */
  enum result result;                /* what the user is to be told at once */
  struct transaction_news news;
};

struct transaction_row {
  void (*act)(struct transaction_step *step); /* NULL: this cannot happen in this state */
  uint8_t next;
};

struct transaction_state_row {
  uint8_t give_up_unreliable, give_up_reliable, resend; /* enum sip_timer */
};

struct transaction_machine {
  bool is_client;
  struct transaction_state_row states[TRANSACTION_STATE_COUNT];
  struct transaction_row rows[TRANSACTION_STATE_COUNT][TRANSACTION_EVENT_COUNT];
};

extern const struct transaction_machine invite_client_machine;
extern const struct transaction_machine non_invite_client_machine;
extern const struct transaction_machine invite_server_machine;
extern const struct transaction_machine non_invite_server_machine;

/* How the .def files become the arrays above. */
#define TRANSACTION_STATE_ENTRY(name, unreliable, reliable, resend, meaning)                                           \
  [TRANSACTION_##name] = {SIP_TIMER_##unreliable, SIP_TIMER_##reliable, SIP_TIMER_##resend},
#define TRANSACTION_ROW_ENTRY(state, event, action, next, section, why)                                                \
  [TRANSACTION_##state][TRANSACTION_EVENT_##event] = {action, TRANSACTION_##next},

/* Milliseconds of a timer (of A, E and G: the first). */
uint32_t sip_timer_ms(enum sip_timer timer);

const struct transaction_machine *transaction_machine_of(const struct transaction *transaction);

/* Looks the row up, acts, enters the next state and sets the timer. */
void transaction_machine_step(struct transaction_step *step, enum transaction_event event);

/* Enters the first state. */
void transaction_machine_begin(struct context *context, struct transaction *transaction);

/* Starts the timers of the state anew, as for a request that is sent another way. */
void transaction_machine_restart(struct context *context, struct transaction *transaction);

/* Enters a state after a restart: nothing is sent again, and a client of which no response is known waits longer than
 * it would have. */
void transaction_machine_resume(struct context *context, struct transaction *transaction, enum transaction_state state);

/* Actions that several machines use. The `tell_` ones fill the step's news. */
void transaction_tell(struct transaction_step *step, enum transaction_news_kind kind);
void transaction_absorb(struct transaction_step *step);
void transaction_refuse(struct transaction_step *step);
void transaction_send_text(struct context *context, const struct transaction *transaction, struct str_view text);
void transaction_send_kept_again(struct transaction_step *step);

/* --- client side (transaction_client.c) -------------------------------------------------------------------------- */

/* Its branch; in the arena, empty when there is no room. */
struct str_view transaction_client_branch(struct context *context, const struct transaction *transaction);

void transaction_client_send(struct transaction_step *step);
void transaction_client_tell_provisional(struct transaction_step *step);
void transaction_client_tell_timed_out(struct transaction_step *step);

/* True when a client's connection broke before anything was heard, and its user has not been told yet. */
bool transaction_client_may_be_rerouted(const struct transaction *transaction);

/* True when a request went over TCP for its size only and no connection could be had: it goes over UDP now. */
bool transaction_client_fall_back(struct transaction_layer *layer, struct context *context,
                                  struct transaction *transaction);

/* The request that is kept, copied to the arena and ready to be parsed, when the step's response is one after which it
 * may be sent again; else empty. */
struct str_view transaction_client_refused_request(const struct transaction_step *step);

/* Reads the INVITE that is kept; in the arena. RESULT_FULL: no room there. */
enum result transaction_client_read_kept(const struct transaction_step *step, struct sip_message *message_out) MUST_USE;

/* The transaction that a response's branch names, or NULL. */
struct transaction *transaction_client_find(const struct transaction_layer *layer, struct str_view branch);

/* --- server side (transaction_server.c) -------------------------------------------------------------------------- */

/* Where responses to this request go (RFC 3261 18.2.2, RFC 3581 §4). */
struct flow transaction_server_flow(const struct sip_via *via, const struct flow *source);

/* How often its sender shall send the keep-alives that it offers in its Via; 0: nothing is said about that. */
uint32_t transaction_keep_s(const struct context *context, const struct sip_message *request);

/* Sends and keeps the step's text. A final response takes the head's place. */
void transaction_server_answer(struct transaction_step *step);
void transaction_server_answer_final(struct transaction_step *step);

/* Appends what each response repeats, with `to_tag` where the request's To had none. */
void transaction_server_add_head(const struct transaction_layer *layer, const struct transaction *transaction,
                                 struct str_view to_tag, struct text_builder *builder);

/* 100 from the head. */
void transaction_server_send_trying(struct transaction_step *step);

/* Builds a response without body in the arena; empty when there is no room. */
struct str_view transaction_server_build_simple(struct transaction_layer *layer, struct context *context,
                                                const struct transaction *transaction, unsigned status,
                                                struct str_view to_tag, struct str_view extra_headers);

/* Gives back the 2xx of an accepted INVITE that nobody will send again. */
void transaction_server_forget_answer(struct transaction_layer *layer, struct transaction *transaction);

/* Tells of a dead flow, and readies the transaction for the answer all the same: over a new connection to where the
 * topmost Via says (RFC 3261 18.2.2). */
void transaction_server_tell_unreachable(struct transaction_step *step);

/* --- finding (transaction_table.c) ------------------------------------------------------------------------------- */

/* What a received request is looked up by. */
struct transaction_key {
  const struct sip_message *message;
  struct sip_via via;
  bool legacy;
  uint64_t hash;
};

/* A zero-filled slot with `self` set. NULL: full, or, for `fresh` ones, the reserve is reached. */
struct transaction *transaction_table_take(struct transaction_layer *layer, bool fresh) MUST_USE;

/* Draws the layer's key at its first use. */
void transaction_table_ensure_key(struct transaction_layer *layer, struct context *context);

/* Ends a transaction: timer, blocks, index, lists, its CANCEL too. */
void transaction_table_give(struct transaction_layer *layer, struct context *context, struct transaction *transaction);

struct transaction *transaction_table_get(const struct transaction_layer *layer, struct handle handle);

/* Notes the transaction under its flow, so that a failure of the flow finds it; and takes it off. */
void transaction_table_list(struct transaction_layer *layer, struct transaction *transaction);
void transaction_table_unlist(struct transaction_layer *layer, struct transaction *transaction);

/* RESULT_MALFORMED: no usable topmost Via. The hash of a CANCEL is that of its own transaction; transaction_key_hash
 * with `of_cancel` false makes it that of the request to be cancelled. */
enum result transaction_key_of(struct transaction_layer *layer, struct context *context,
                               const struct sip_message *message, struct transaction_key *key_out) MUST_USE;
void transaction_key_hash(struct transaction_layer *layer, struct transaction_key *key, bool of_cancel);

/* The server transaction that the request belongs to (RFC 3261 17.2.3): its own; of an ACK, the INVITE's. With
 * `any_method` (9.2, for a CANCEL) the one to be cancelled. */
struct transaction *transaction_table_find(struct transaction_layer *layer, struct context *context,
                                           const struct transaction_key *key, bool any_method);

/* Puts a new server transaction into the index under its key. */
void transaction_table_index(struct transaction_layer *layer, struct transaction *transaction,
                             const struct transaction_key *key);

/* RFC 3261 8.2.2.2: true when an ongoing transaction has the same From tag, Call-ID and CSeq. Ongoing is what has no
 * final response of 300 or more: a proxy upstream may try us again with the same request once its first try has failed.
 */
uint64_t transaction_table_merge_hash(struct transaction_layer *layer, const struct sip_message *message);
bool transaction_table_is_merged(const struct transaction_layer *layer, uint64_t merge_hash);
void transaction_table_note_merge(struct transaction_layer *layer, struct transaction *transaction,
                                  uint64_t merge_hash);
void transaction_table_forget_merge(struct transaction_layer *layer, struct transaction *transaction);

/* The topmost Via value among a server transaction's kept bytes. */
struct str_view transaction_table_kept_via(const struct transaction_layer *layer,
                                           const struct transaction *transaction);

/* Reads the response that a server transaction keeps; in the arena. RESULT_NOT_FOUND: it keeps none. */
enum result transaction_table_read_response(const struct transaction_layer *layer, struct context *context,
                                            const struct transaction *transaction, struct sip_message *out) MUST_USE;

/* The port of a Via's sent-by, with the transport's default (RFC 3261 18.2.2). */
uint16_t transaction_via_port(const struct sip_via *via);

#endif
