/* The transaction layer of one worker: RFC 3261 §17 with RFC 6026 (Accepted state), RFC 4320 (non-INVITE answers), RFC
 * 3581 (rport), §8.2.2.2 (merged requests), §18 (reliable transports, the 1300-byte rule).
 *
 * Four machines in four files, each a table event × state → action, next state. The layer sends and resends by itself;
 * what its user must know comes back as *news*, at most one item per message or timer. The user is named by an owner,
 * which is handed back with each item; a stale owner is the user's business (handles).
 *
 * A client transaction's Via branch is the transaction: z9hG4bK + worker, slot, generation and 64 random bits, so a
 * response costs one array access and one compare. Server transactions are found by a keyed hash of branch, sent-by and
 * method with a full compare (§17.2.3), requests without the magic cookie by the rules of RFC 2543 in the same place.
 */
#ifndef TRANSACTION_TRANSACTION_H
#define TRANSACTION_TRANSACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/block_store.h"
#include "base/handle.h"
#include "base/packed.h"
#include "base/result.h"
#include "boundary/context.h"
#include "boundary/event.h"
#include "sip/sip_message.h"

struct transaction_layer;

/* To whom a client transaction's answers, or a server transaction's CANCEL and missing ACK, are told. */
enum transaction_owner_kind {
  TRANSACTION_OWNER_NONE = 0,
  TRANSACTION_OWNER_CALL,  /* handle: the call; detail: leg and purpose, as call/ likes */
  TRANSACTION_OWNER_TRUNK, /* handle: the trial of a gateway */
};
struct transaction_owner {
  uint8_t kind; /* enum transaction_owner_kind */
  struct handle handle;
  uint32_t detail;
};

/* Each client transaction brings exactly one ending: FINAL, TIMED_OUT or UNREACHABLE (but further 2xx to INVITE). */
enum transaction_news_kind {
  TRANSACTION_NEWS_NONE = 0,    /* nothing to be told: a retransmission, a stray, a state change of no interest */
  TRANSACTION_NEWS_REQUEST,     /* a new request; `transaction` is its server transaction and must get a final response.
                                 * A REGISTER outside of a dialog has none yet: transaction_accept */
  TRANSACTION_NEWS_REFUSED,     /* a new INVITE for which there is no room: it is answered 503 without state already */
  TRANSACTION_NEWS_CANCEL,      /* the INVITE `transaction` is cancelled; the CANCEL itself is already answered 200 */
  TRANSACTION_NEWS_ACK,         /* an ACK for a 2xx: `transaction` is none, the dialog is found by its To tag */
  TRANSACTION_NEWS_PROVISIONAL, /* a 1xx for the client transaction `transaction` */
  TRANSACTION_NEWS_FINAL,     /* a final response; for INVITE also each further 2xx (forks, and retransmissions of 2xx,
                               * which the user answers by sending its ACK again) */
  TRANSACTION_NEWS_TIMED_OUT, /* no (final) answer: Timer B or F, or the resend list used up, or 64*T1 after a CANCEL;
                               * of a server: the user left an INVITE undecided for hours, 500 is sent */
  TRANSACTION_NEWS_STRANDED, /* a client's connection broke before anything was heard, which is no ending yet: who knows
                              * another way says it at once with transaction_reroute, else UNREACHABLE follows */
  TRANSACTION_NEWS_UNREACHABLE, /* the transport failed; a server transaction stays and may still be answered: over TCP
                                 * a new connection is opened for that */
  TRANSACTION_NEWS_ACK_MISSING, /* Timer H: our non-2xx final response to an INVITE was never acknowledged */
};
struct transaction_news {
  enum transaction_news_kind kind;
  struct handle transaction;
  struct transaction_owner owner;
  enum sip_method method;  /* of the transaction */
  bool is_fork;            /* FINAL, a 2xx to INVITE: of another remote end than the first one */
  struct str_view request; /* FINAL, a 401, 407 or 422: the request as it was sent, in the arena and ready to be parsed,
                            * for who can send it again with what is missing; empty: there was no room */
};

/* `transactions_max`: client and server transactions together. The layer refuses new requests with 503 and Retry-After
 * before it is full; in-dialog requests and our own requests have the last eighth to themselves. */
struct transaction_limits {
  uint32_t transactions_max;
};

size_t transaction_layer_memory_bytes(const struct transaction_limits *limits);

/* Lays the layer out in `memory` (zero-filled, aligned to 64, borrowed for its life). Stored messages go to `blocks`,
 * which is shared with other rooms. Never fails. */
struct transaction_layer *transaction_layer_create(void *memory, const struct transaction_limits *limits,
                                                   struct block_store *blocks);

/* --- what comes in ----------------------------------------------------------------------------------------------- */

/* Takes one parsed message that arrived on `flow`. Retransmissions are answered here from the stored response, ACKs of
 * non-2xx end their transaction here, merged requests get 482 here, overload gets 503 here. A response whose branch is
 * not ours, or whose CSeq method differs, is a stray: counted, no news. */
struct transaction_news transaction_receive(struct transaction_layer *layer, struct context *context,
                                            const struct sip_message *message, const struct flow *flow);

/* Takes a due timer of kind TIMER_TRANSACTION. */
struct transaction_news transaction_timer_due(struct transaction_layer *layer, struct context *context,
                                              struct timer *timer);

/* The connection of `flow` is gone, or a datagram to flow->remote was refused: every transaction on it fails at once
 * (its timer is due at the next advance and brings TRANSACTION_NEWS_UNREACHABLE). */
void transaction_flow_failed(struct transaction_layer *layer, struct context *context, const struct flow *flow);

/* --- as client --------------------------------------------------------------------------------------------------- */

/* Starts a client transaction: takes a slot and makes the branch, which is written to `branch_out` (a view into the
 * arena). The caller then builds the request with that branch in its topmost Via (sip_build_via) and hands it to
 * transaction_send, within the same event. RESULT_FULL when there is no slot; RESULT_UNSUPPORTED for ACK and CANCEL. */
enum result transaction_begin(struct transaction_layer *layer, struct context *context, enum sip_method method,
                              const struct flow *flow, struct transaction_owner owner, struct handle *transaction_out,
                              struct str_view *branch_out) MUST_USE;

/* Sends `request` (copied) and arms the timers. A request beyond 1300 bytes goes over TCP instead of UDP when we listen
 * on TCP (its Via is changed in place: "UDP" and "TCP" are equally long), and falls back to UDP when no connection can
 * be had (§18.1.1); to an address where none could be had it stays on UDP for some minutes. RESULT_FULL: no room for
 * the copy; the transaction is gone. */
enum result transaction_send(struct transaction_layer *layer, struct context *context, struct handle transaction,
                             struct str_view request) MUST_USE;

/* The peer is reached over this flow and no other (it is behind NAT): the request stays on it, however long it is
 * (docs/decisions/calls.md). To be said before transaction_send. */
void transaction_keep_flow(struct transaction_layer *layer, struct handle transaction);

/* Sends the same request, branch and all, another way: the answer to TRANSACTION_NEWS_STRANDED. Should the peer have
 * seen it, it is a retransmission there. RESULT_REFUSED: `flow` is the way that broke; RESULT_UNSUPPORTED: its
 * transport is another, and the Via cannot say so; RESULT_NOT_FOUND: the transaction is not stranded. */
enum result transaction_reroute(struct transaction_layer *layer, struct context *context, struct handle transaction,
                                const struct flow *flow) MUST_USE;

/* Cancels a pending INVITE (§9.1): the CANCEL is sent now if a provisional response has come, else when one comes.
 * `extra_headers` are whole lines with CRLF (a Reason, say), may be empty. Nothing happens when the transaction is
 * over. If no final response follows within 64*T1, TRANSACTION_NEWS_TIMED_OUT. */
void transaction_cancel(struct transaction_layer *layer, struct context *context, struct handle transaction,
                        struct str_view extra_headers);

/* The user loses interest: no more news (the machine runs to its end so that late answers are still absorbed and
 * acknowledged). A server transaction that is disowned before its answer stays silent: retransmissions are absorbed and
 * no 100 is sent (for strangers, with SS_REPLY_UNAUTHORIZED off). Of an accepted INVITE server transaction this says
 * that the ACK has come: the stored 2xx is given back. */
void transaction_disown(struct transaction_layer *layer, struct handle transaction);

/* A branch for a request without transaction (the ACK of a 2xx), the same for the same bits; responses to it are
 * strays. View into the arena. */
struct str_view transaction_stateless_branch(struct context *context, uint64_t random_bits);

/* --- as server --------------------------------------------------------------------------------------------------- */

/* Makes a server transaction for the REGISTER that TRANSACTION_NEWS_REQUEST has just brought without one. Its user does
 * without where the answer need not be kept (RFC 3261 §8.2.7): a challenge, or what is written down elsewhere.
 * RESULT_REFUSED: there is no room, or the request is a merged one; it is answered already. RESULT_MALFORMED: it has no
 * usable Via. */
enum result transaction_accept(struct transaction_layer *layer, struct context *context,
                               const struct sip_message *request, const struct flow *flow,
                               struct handle *transaction_out) MUST_USE;

/* Names the owner of a server transaction, to be told of CANCEL and of a missing ACK. */
void transaction_set_owner(struct transaction_layer *layer, struct handle transaction, struct transaction_owner owner);

/* Begins a response: status line and the block kept from the request (Via … CSeq; To gets `to_tag` when the request's
 * had none). The caller adds header fields, ends with sip_build_end and hands the whole to transaction_respond.
 * RESULT_NOT_FOUND for a stale handle, RESULT_WRONG_STATE after a final response. */
enum result transaction_build_response(struct transaction_layer *layer, struct handle transaction, unsigned status,
                                       struct str_view reason, struct str_view to_tag,
                                       struct text_builder *builder) MUST_USE;

/* Sends `response` (copied, resent whenever the request is) and moves the machine. A second final response is
 * RESULT_WRONG_STATE. A 2xx to an INVITE puts it into Accepted: its retransmission until the ACK is the user's
 * (transaction_resend_final). RESULT_FULL: sent, but not stored. RESULT_REFUSED, and not sent: a 1xx or 408 to another
 * request than INVITE (RFC 4320; the layer sends 100 by itself when it is time, and an unanswered request just ends).
 */
enum result transaction_respond(struct transaction_layer *layer, struct context *context, struct handle transaction,
                                unsigned status, struct str_view response) MUST_USE;

/* Builds and sends a response without body: `extra_headers` are whole lines with CRLF, may be empty. */
enum result transaction_respond_simple(struct transaction_layer *layer, struct context *context,
                                       struct handle transaction, unsigned status, struct str_view to_tag,
                                       struct str_view extra_headers);

/* Sends the stored final response (a 2xx to an INVITE) once more; RESULT_NOT_FOUND when the transaction is over,
 * RESULT_WRONG_STATE when there is no 2xx to resend. */
enum result transaction_resend_final(struct transaction_layer *layer, struct context *context,
                                     struct handle transaction);

/* A response without any state in two steps, for who adds more than a few lines: status line and what is repeated from
 * the request (Via … CSeq; To gets `to_tag` when it has none, the same one for the same request, RFC 3261 §8.2.7);
 * then, ended with sip_build_end, to where the request came from. Not for ACK. */
void transaction_build_stateless(const struct context *context, const struct sip_message *request,
                                 const struct flow *flow, unsigned status, struct str_view to_tag,
                                 struct text_builder *builder);
void transaction_send_stateless(struct context *context, const struct sip_message *request, const struct flow *flow,
                                struct str_view response);

/* Answers a request without any state (a malformed one, a stranger, overload): not stored, never retransmitted. Not for
 * ACK. */
void transaction_respond_stateless(struct context *context, const struct sip_message *request, const struct flow *flow,
                                   unsigned status, struct str_view extra_headers);

/* --- over a restart, transaction_keep.c -------------------------------------------------------------------------- */

/* Appends what it takes to cancel a pending INVITE of ours, or to answer one of a peer's, whose response gets `to_tag`
 * (as the last thing of its text). Nothing, where that cannot be. */
void transaction_save_client(const struct transaction_layer *layer, struct handle transaction,
                             struct text_builder *builder);
void transaction_save_server(const struct transaction_layer *layer, struct handle transaction, struct str_view to_tag,
                             struct text_builder *builder);

/* Takes up again an INVITE of ours that was pending, under the same branch, in a layer that has not been used otherwise
 * yet: transaction_layer_restored ends that. The caller builds it once more as far as CANCEL and ACK repeat it (without
 * a body, that is), and hands it to transaction_restore_request within the same event; it is not sent again.
 * `is_answered`: a provisional response is known to have come, so that it may be cancelled at once; else it waits for
 * one, or for its end, some minutes (who rings says so every minute, RFC 3261 §13.3.1.1). A connection is gone; the
 * next message opens one. RESULT_MALFORMED: no such bytes, or no socket of that transport any more; RESULT_FULL: the
 * slot is taken or beyond the layer. */
struct transaction_restored {
  struct handle transaction;
  struct str_view branch; /* in the arena */
  struct flow flow;
};
enum result transaction_restore_client(struct transaction_layer *layer, struct context *context,
                                       struct packed_reader *reader, struct transaction_owner owner,
                                       struct transaction_restored *restored_out) MUST_USE;
void transaction_restore_request(struct transaction_layer *layer, struct context *context, struct handle transaction,
                                 struct str_view request, bool is_answered);

/* The same for an INVITE of a peer's, which waits for its final response: nothing has been forgotten of what that
 * repeats. Reads to the end. */
enum result transaction_restore_server(struct transaction_layer *layer, struct context *context,
                                       struct packed_reader *reader, struct transaction_owner owner,
                                       struct handle *transaction_out) MUST_USE;
void transaction_layer_restored(struct transaction_layer *layer);

/* --- for steering, counting and checking ------------------------------------------------------------------------- */

/* The worker whose client transaction this branch names. RESULT_MALFORMED when it is not a branch of ours. */
enum result transaction_branch_worker(struct str_view branch, uint8_t *worker_out) MUST_USE;

uint32_t transaction_count(const struct transaction_layer *layer);

/* Where they live, for whoever makes memory resident ahead of need. */
const struct pool *transaction_pool(const struct transaction_layer *layer);

/* Every live transaction has an armed timer, indices agree; the simulator calls it after each event. False with a
 * sentence in `*problem`. */
bool transaction_layer_check(const struct transaction_layer *layer, struct text_builder *problem);

#endif
